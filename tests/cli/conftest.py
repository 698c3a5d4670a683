"""The command as people run it, and services as they start them: processes of their own.

Everything lies in a folder with a short name, because the path of a socket is bounded, and nothing
outside of it is looked at: home and settings of whoever runs the tests are out of reach.
"""

from __future__ import annotations

import atexit
import functools
import os
import queue
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sealwire.cli.service_part import host_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE_S = 30
"""How long anything may take here before the test has failed; a second or less is usual."""

AUDIENCE = "payments@test"

DEBUG = b'{"version": 1, "incremental": true, "root": {"level": "DEBUG"}}'

_PROGRAM = """
import logging, sys
logging.basicConfig(
    level=logging.INFO, stream=sys.stdout, format="%(levelname)s %(name)s %(message)s"
)
{lines}
print("listening", flush=True)
for line in sys.stdin:
    logging.getLogger("payments.db").debug("at debug: %s", line.strip())
    logging.getLogger("payments.db").info("at info: %s", line.strip())
    sys.stdout.flush()
"""


@dataclass(frozen=True, slots=True)
class Ended:
    """What a command left behind."""

    status: int
    stdout: str
    stderr: str

    @property
    def error(self) -> str:
        """The text behind ``error:``, which stands once and has a hint behind it."""
        error, hint = self.stderr.splitlines()
        assert error.startswith("sealwire: error: ")
        assert hint.startswith("sealwire: hint: ")
        return error.removeprefix("sealwire: error: ")

    @property
    def hint(self) -> str:
        """The text behind ``hint:``."""
        return self.stderr.splitlines()[-1].removeprefix("sealwire: hint: ")


@dataclass(slots=True)
class Shell:
    """Somebody at a terminal, in a folder of their own."""

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)

    def start(
        self,
        *arguments: object,
        stdin: int = subprocess.DEVNULL,
        stdout: int = subprocess.PIPE,
        stderr: int = subprocess.PIPE,
    ) -> subprocess.Popen[bytes]:
        """Start ``sealwire`` with these arguments and give its process."""
        return subprocess.Popen(
            [sys.executable, "-m", "sealwire", *map(str, arguments)],
            cwd=self.folder,
            env=self.environ,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
        )

    def run(self, *arguments: object, given: bytes = b"") -> Ended:
        """Run ``sealwire`` with these arguments to its end."""
        with self.start(*arguments, stdin=subprocess.PIPE) as process:
            try:
                stdout, stderr = process.communicate(given, PATIENCE_S)
            except BaseException:
                process.kill()
                raise
        return Ended(process.returncode, stdout.decode(), stderr.decode())

    def done(self, *arguments: object, given: bytes = b"") -> str:
        """Run a command that has to end well, and give what it printed."""
        ended = self.run(*arguments, given=given)
        assert ended.status == 0, ended.stderr
        return ended.stdout

    def says(self, done: str, signed: str = f"receipt verified ({host_name()})") -> str:
        """Give the first line of a command that asked the service which `both_parts` makes."""
        return f"{done}, as {self._service} says; {signed}"

    def trust_nobody(self) -> None:
        """Forget the service's receipt key, as where it never had one."""
        _without(Path(self.environ["SEALWIRE_CONFIG"]), "receipt_key")

    def sign_nothing(self) -> None:
        """Let the service have no receipt key, and forget it."""
        _without(self.folder / "made" / "service.toml", "receipt_key")
        self.trust_nobody()

    def refused(self, rest: str) -> str:
        """Give how the same service's refusal begins, or all of it: ``policy: lease-length``."""
        return f"refused by {self._service}: {rest}"

    @property
    def _service(self) -> str:
        return f"{AUDIENCE} at unix:{self.folder}/made/run/log.sock"

    def python(self, program: str, *arguments: str) -> Ended:
        """Run a Python program in the same place."""
        ended = subprocess.run(
            [sys.executable, "-c", program, *arguments],
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            timeout=PATIENCE_S,
            check=False,
        )
        return Ended(ended.returncode, ended.stdout.decode(), ended.stderr.decode())


def _without(settings: Path, *keys: str) -> None:
    lines = settings.read_text().splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith(keys)]
    assert len(kept) == len(lines) - len(keys)
    settings.write_text("".join(kept))


class Service:
    """A program that logs, and into which the lines that ``init`` printed were pasted."""

    def __init__(self, shell: Shell, lines: str) -> None:
        """Start it, and wait until it listens."""
        self.process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM.format(lines=lines)],
            cwd=shell.folder,
            env=shell.environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.until("listening")

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.decode().rstrip("\n"))

    def until(self, wanted: str) -> list[str]:
        """Give the lines it writes, up to the one that contains ``wanted``."""
        lines: list[str] = []
        while not lines or wanted not in lines[-1]:
            try:
                lines.append(self._lines.get(timeout=PATIENCE_S))
            except queue.Empty:
                raise AssertionError(f"the service never said {wanted!r}, but {lines}") from None
        return lines

    def logs(self, word: str) -> list[str]:
        """Let it log ``word`` at two levels, and give the lines up to the second."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n".encode())
        self.process.stdin.flush()
        return self.until(f"at info: {word}")

    def end(self) -> None:
        """End it, whatever it is doing."""
        self.process.kill()
        self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()


def pasted(printed: str) -> str:
    """Give the lines to paste from what ``init`` printed."""
    indented = [line[4:] for line in printed.splitlines() if line.startswith("    ")]
    return "\n".join(indented[:3])


@pytest.fixture
def shell() -> Iterator[Shell]:
    """Give somebody with an empty home."""
    folder = Path(tempfile.mkdtemp(prefix="sw-")).resolve()
    try:
        yield Shell(folder, _environ_of(folder))
    finally:
        shutil.rmtree(folder)


def _environ_of(home: Path) -> dict[str, str]:
    """Give the environment of somebody whose home this is, and who has set nothing up."""
    environ = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SEALWIRE_", "XDG_")) and name not in {"NO_COLOR", "FORCE_COLOR"}
    }
    return environ | {"HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.fixture(params=["local", "network"])
def made(request: pytest.FixtureRequest, shell: Shell) -> str:
    """Let ``init`` make both parts, of each chain in turn; give what it printed."""
    return both_parts(shell, request.param)


def both_parts(shell: Shell, chain: str = "local") -> str:
    """Put both parts into the folder ``made``, as ``init`` makes them; let the shell know them.

    ``init`` runs once for each chain. What it made is copied for each test, with the path in it
    changed, so that hundreds of tests do not start one more process each.
    """
    model, printed = _what_init_makes(chain)
    # With modes, which are looked at when keys are loaded.
    shutil.copytree(Path(model) / "made", shell.folder / "made")
    for settings in (shell.folder / "made").rglob("*.toml"):
        settings.write_text(settings.read_text().replace(model, str(shell.folder)))
    printed = printed.replace(model, str(shell.folder))
    shell.environ["SEALWIRE_CONFIG"] = str(shell.folder / "made" / "operator" / "operator.toml")
    (shell.folder / "debug.json").write_bytes(DEBUG)
    return printed


@functools.cache
def _what_init_makes(chain: str) -> tuple[str, str]:
    """Let ``init`` make both parts in a folder kept until the end; give it and its words."""
    folder = Path(tempfile.mkdtemp(prefix="sw-")).resolve()
    atexit.register(shutil.rmtree, folder)
    shell = Shell(folder, _environ_of(folder))
    printed = shell.done(
        "init", AUDIENCE, "--both", "--owner", "alice", "--dir", "made", "--chain", chain
    )
    return str(folder), printed


@pytest.fixture
def local_parts(shell: Shell) -> str:
    """Let ``init`` make both parts of the chain ``local``; give what it printed."""
    return both_parts(shell)


@pytest.fixture
def service(shell: Shell, made: str) -> Iterator[Service]:
    """Give a running service, of each chain in turn."""
    running = Service(shell, pasted(made))
    yield running
    running.end()


@pytest.fixture
def local_service(shell: Shell, local_parts: str) -> Iterator[Service]:
    """Give a running service with the chain ``local``, whose answers say why."""
    running = Service(shell, pasted(local_parts))
    yield running
    running.end()


@pytest.fixture
def started(shell: Shell) -> Iterator[Callable[[str], Service]]:
    """Give what starts a service with what ``init`` printed, once its settings are as they are."""
    running: list[Service] = []

    def start(printed: str) -> Service:
        running.append(Service(shell, pasted(printed)))
        return running[-1]

    yield start
    for each in running:
        each.end()


@pytest.fixture
def bare_service(shell: Shell, local_parts: str) -> Iterator[socket.socket]:
    """Give both parts, and in the service's place a bare socket that does what the test does.

    The operator knows no receipt key, so that what it answers counts.
    """
    shell.trust_nobody()
    path = shell.folder / "made" / "run" / "log.sock"
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as bare:
        bare.bind(str(path))
        bare.listen()
        bare.settimeout(PATIENCE_S)
        yield bare
