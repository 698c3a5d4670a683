"""README: every command and every program in it runs here, and its figures are those of the code.

A command that is added to README has to be added to a test as well: `test_every_command_is_run`
compares them. Tests add options to a command where it would otherwise leave their folder or need a
network; what README says stands in front of them unchanged.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

import sealwire
from sealwire.answers import CONSTANT_REFUSAL
from sealwire.framing import MAX_FRAME_BYTES, encode_frame
from sealwire.keyfiles import load_signing_key
from sealwire.receiver import Deadlines
from sealwire.transports.server import Caps

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[2]
TEXT: Final = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES: Final = [
    *(ROOT / name for name in ("README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "examples").rglob("*.md")),
]
MOST_LINES: Final = 200
DEADLINE_S: Final = 60

MAKE: Final = ["make demo", "make test"]
INSTALL: Final = 'pip install ".[cli]"'
BOTH: Final = "sealwire init payments@test --both --dir try"
SEND_TO_BOTH: Final = "sealwire send examples/debug.json --config try/operator/operator.toml"
NEW_KEY: Final = "sealwire keys new --owner alice"
TRUST: Final = "sealwire init payments@prod --trust alice.pub"
WHERE: Final = "sealwire config where"
SEND: Final = "sealwire send examples/debug.json --to payments@prod"
LEASE: Final = "sealwire lease payments.db=DEBUG --for 15m --why INC-4711 --to payments@prod"
STATUS: Final = "sealwire status --to payments@prod"
TRY: Final = "sealwire apply examples/debug.json --dry-run --to payments@prod"
TRIAL: Final = "sealwire apply examples/debug.json --confirm-within 10m --to payments@prod"
BACK: Final = "sealwire revert --base --to payments@prod"
WHY: Final = "sealwire why"
DOCTOR: Final = "sealwire doctor --to payments@prod"


def blocks(kind: str) -> list[str]:
    """Give the code blocks of one kind."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)
    return [block for name, block in found if name == kind]


def commands() -> list[str]:
    """Give every command in README, in its order."""
    return [line for block in blocks("sh") for line in block.splitlines()]


class Terminal:
    """A folder with a home of its own, where commands and programs run."""

    def __init__(self, folder: Path) -> None:
        """Copy what README takes from the repository."""
        self.folder = folder
        self.running: list[subprocess.Popen[str]] = []
        shutil.copytree(ROOT / "examples", folder / "examples")
        (folder / "home").mkdir()
        hidden = {"SEALWIRE_CONFIG", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME"}
        self.environment = {
            **{name: value for name, value in os.environ.items() if name not in hidden},
            "HOME": str(folder / "home"),
        }

    def type(self, command: str, *more: str) -> str:
        """Run a command of README with further arguments; give what it prints."""
        assert command in commands()
        words = shlex.split(command)
        assert "sealwire" == words[0]
        done = subprocess.run(
            [sys.executable, "-m", *words, *more],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=DEADLINE_S,
            check=False,
        )
        assert 0 == done.returncode, done.stderr
        return done.stdout

    def serve(self, lines: str) -> subprocess.Popen[str]:
        """Run a service with ``lines`` pasted into it, until its standard input ends."""
        program = (
            "import logging, select, sys\n"
            "logging.basicConfig(level=logging.INFO, stream=sys.stdout)\n"
            f"{lines}\n"
            "while not select.select([sys.stdin], [], [], 0.05)[0]:\n"
            "    logging.debug('a detail'); logging.info('an order')\n"
            "import os; sys.stdout.flush(); os._exit(0)\n"
        )
        running = subprocess.Popen(
            [sys.executable, "-c", program],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        )
        self.running.append(running)
        assert [] == [
            line for line in lines_until(running, "INFO:root:an order") if "DEBUG" in line
        ]
        return running

    def close(self) -> None:
        """End what runs."""
        for running in self.running:
            running.kill()
            running.communicate()


def lines_until(running: subprocess.Popen[str], text: str) -> list[str]:
    """Read lines until one holds ``text``; fail if the process ends before."""
    assert running.stdout is not None
    lines = []
    for line in running.stdout:
        lines.append(line)
        if text in line:
            return lines
    pytest.fail(f"{text!r} was never written: {lines}")


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    """Give a terminal whose folder's path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="sw-") as folder:
        made = Terminal(Path(folder).resolve())
        try:
            yield made
        finally:
            made.close()


def test_every_command_is_run() -> None:
    """The tests below run these, and README has no others."""
    assert [
        *MAKE,
        INSTALL,
        BOTH,
        SEND_TO_BOTH,
        NEW_KEY,
        TRUST,
        WHERE,
        SEND,
        LEASE,
        STATUS,
        TRY,
        TRIAL,
        BACK,
        WHY,
        DOCTOR,
    ] == commands()
    assert ["text"] == re.findall(r"^```(?!sh$|python$)(\w+)$", TEXT, flags=re.MULTILINE)
    assert 2 == len(blocks("python"))


def test_commands_in_the_text_are_those_of_the_blocks() -> None:
    """What is quoted in a sentence was run as well."""
    quoted = re.findall(r"`((?:sealwire|make) [^`]+)`", TEXT)
    assert quoted
    for command in quoted:
        assert any(known.startswith(command) for known in commands()), command


@pytest.mark.parametrize(("command", "last"), [("make demo", "-m sealwire demo"),
                                               ("make test", "-m pytest")])  # fmt: skip
def test_the_make_targets_run_what_they_say(command: str, last: str) -> None:
    """Make itself would test within a test; what it would run at last is looked at instead."""
    assert command in commands()
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    printed = subprocess.check_output(
        [*shlex.split(command), "--dry-run"], cwd=ROOT, env=clean, text=True
    )
    assert last in printed.splitlines()[-1]


def test_it_installs_from_a_copy_of_the_repository() -> None:
    """Pip takes the requirement as it is written, with the extra; nothing is fetched here."""
    assert INSTALL in commands()
    pip, *rest = shlex.split(INSTALL)
    offline = ["--dry-run", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
    done = subprocess.run(
        [sys.executable, "-m", pip, *rest, *offline, "--ignore-installed"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    assert f"Would install sealwire-{sealwire.__version__}" in done.stdout
    assert "does not provide the extra" not in done.stderr + done.stdout


def test_both_sides_on_one_machine(terminal: Terminal) -> None:
    """Init makes both, prints the lines that README shows, and send changes the service."""
    lines = blocks("python")[0]
    printed = terminal.type(BOTH)
    shown = lines.replace('"try/', f'"{terminal.folder}/try/')
    assert shown == "".join(
        line.removeprefix("    ") + "\n" for line in printed.splitlines() if line in
        {f"    {each}" for each in shown.splitlines()}
    )  # fmt: skip
    service = terminal.serve(lines)
    assert "applied" in terminal.type(SEND_TO_BOTH)
    lines_until(service, "DEBUG root: a detail")


def test_operator_and_host_apart(terminal: Terminal) -> None:
    """The key is made by the operator; the host prints what the operator needs; send works."""
    terminal.type(NEW_KEY)
    printed = terminal.type(TRUST, "--dir", "host")
    settings = re.search(r"^    issuer = .*?(?=^\S|\Z)", printed, flags=re.MULTILINE | re.DOTALL)
    assert settings is not None
    where = terminal.type(WHERE)
    named = re.search(r"^settings +(/.*operator\.toml)", where, flags=re.MULTILINE)
    assert named is not None
    path = Path(named[1])
    assert path.is_relative_to(terminal.folder)
    path.parent.mkdir(parents=True)
    path.write_text(
        "".join(f"{line.strip()}\n" for line in settings[0].splitlines()), encoding="utf-8"
    )
    shutil.copy(terminal.folder / "alice.signing", path.parent)
    receipt_key = "payments@prod-host.pub"
    assert f"`{receipt_key}`" in TEXT
    assert f"receipt.key.pub  as  {receipt_key}" in printed
    shutil.copy(terminal.folder / "host" / "receipt.key.pub", path.parent / receipt_key)
    service = terminal.serve(blocks("python")[0].replace("try/", "host/"))
    assert re.match(r"applied, as payments@prod at .*; receipt verified \(", terminal.type(SEND))
    lines_until(service, "DEBUG root: a detail")
    assert "payments.db is DEBUG" in terminal.type(LEASE)
    assert "payments.db=DEBUG until" in terminal.type(STATUS)
    assert "nothing would change" in terminal.type(TRY)
    assert "on trial: it goes by itself at" in terminal.type(TRIAL)
    assert "reverted, as payments@prod at " in terminal.type(BACK)
    assert "revert" in terminal.type(WHY)
    assert "1 running: payments.db=DEBUG" in terminal.type(DOCTOR)


def test_the_verify_of_the_standard_library(terminal: Terminal) -> None:
    """The second program: an unsigned message is refused, and one of alice changes the logging."""
    terminal.type(NEW_KEY)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    program = blocks("python")[1]
    assert 1 == program.count("9030")
    service = terminal.serve(program.replace("9030", str(port)))
    alice = load_signing_key(terminal.folder / "alice.signing")
    sealer = sealwire.Sealer(
        "payments@prod",
        [sealwire.Ed25519Signer(alice)],
        issuer="alice",
        state=sealwire.MemorySealerState(),
        clock=sealwire.wall_clock_ms,
    )
    document = (ROOT / "examples" / "debug.json").read_bytes()
    send_by_tcp(port, document)
    assert [] == [line for line in lines_until(service, "refused a message") if "DEBUG" in line]
    send_by_tcp(port, sealer.seal(document))
    lines_until(service, "DEBUG root: a detail")


def send_by_tcp(port: int, message: bytes) -> None:
    """Send one frame to the standard library's listener, once it is up."""
    ends_s = time.monotonic() + DEADLINE_S
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(encode_frame(message))
                connection.shutdown(socket.SHUT_WR)
                assert b"" == connection.recv(1)
                return
        except ConnectionRefusedError:
            assert time.monotonic() < ends_s
            time.sleep(0.05)


# ---- what README says of the code ----------------------------------------------------------------


def test_the_figures_are_those_of_the_code() -> None:
    """Each cap that README names, from where it is kept."""
    words = " ".join(re.sub(r"[|]|\bv\b", " ", blocks("text")[0]).split())
    for figure in (
        f"{MAX_FRAME_BYTES // 1024} KiB a message",
        f"{Deadlines().length_ms // 1000} s for its length",
        f"{Caps().connections} connections",
        f"{Caps().buffered_bytes // 2**20} MiB in all",
    ):
        assert figure in words
    assert f"{Deadlines().frame_ms // 1000} s" in words
    assert MAX_FRAME_BYTES % 1024 == Caps().buffered_bytes % 2**20 == 0
    assert "the same three bytes" in TEXT
    assert 3 == len(CONSTANT_REFUSAL)


def test_the_parts_exist() -> None:
    """Every name in the table of parts is there to be imported; the commands are all there are."""
    rows = re.findall(r"^\| (`.*?) \| (.*) \|$", TEXT, flags=re.MULTILINE)
    (command, subcommands), *parts = rows
    assert "`sealwire`" == command
    listed = subprocess.check_output([sys.executable, "-m", "sealwire", "--help"], text=True)
    sections = listed.partition("--help")[2].partition("\n  Examples")[0].partition("\n")[2]
    typed = re.findall(r"^  (\w+) ", sections, flags=re.MULTILINE)
    assert len(typed) > 1
    assert sorted(typed) == sorted(re.findall(r"`(\w+)`", subcommands))
    names = [name for part, what in parts for name in re.findall(r"`([A-Za-z_]+)`", part + what)]
    assert len(names) > 1
    assert [] == [name for name in names if name not in sealwire.__all__]


def test_it_is_short() -> None:
    """A page that nobody reads to its end tells nobody the limits."""
    assert len(TEXT.splitlines()) <= MOST_LINES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link names a file of the repository, and a heading that is there."""
    text = page.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in link:
            continue
        path, _, heading = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if heading:
            titles = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = {
                re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in titles
            }
            assert heading in slugs, link
