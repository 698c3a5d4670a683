"""A service of several processes that are started, stopped and killed one by one.

The program of each is ``workers_program.py``, which says what a file in the folder has it do.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sealwire import (
    MemorySealerState,
    NoAnswerError,
    Sealer,
    SealwireError,
    TransportError,
    wall_clock_ms,
)
from sealwire.client import Client
from sealwire.journal import Journal, StateDirectory
from sealwire.journal import init as init_state
from sealwire.keyfiles import write_key_file
from sealwire.keys import SigningKey
from sealwire.recommended import local_layers

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealwire.journal import Remembered
    from sealwire.results import Result

PROGRAM = Path(__file__).with_name("workers_program.py")
AUDIENCE = "payments@prod"
LOGGER = "sealwire-workers.db"
ALICE = SigningKey(bytes(range(32)), owner="alice")
HOST = SigningKey(bytes(range(32, 64)), owner="host-1")
TRAIL = SigningKey(bytes(range(64, 96)), owner="trail")
PATIENCE_S = 20.0
"""Far longer than anything takes on a busy machine; what has not come by then will not."""

TICKS = 5
"""Of so many in a row each has its DEBUG record before it, where that level is on."""

T = TypeVar("T")


class Fleet:
    """Processes of one service, started and ended one by one."""

    def __init__(self, folder: Path, *, quorum: str = "all") -> None:
        """Lay out what they share."""
        self.folder = folder
        (folder / "quorum").write_text(quorum, encoding="utf-8")
        write_key_file(folder / "alice.pub", ALICE.verify_key)
        write_key_file(folder / "receipt.key", HOST)
        write_key_file(folder / "trail.key", TRAIL)
        init_state(folder / "state", AUDIENCE, min_version=0, now_ms=wall_clock_ms())
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        sealer = Sealer(
            AUDIENCE,
            local_layers(ALICE),
            issuer="alice",
            state=MemorySealerState(),
            clock=wall_clock_ms,
        )
        self.client = Client(f"unix:{folder}/sock", sealer, receipt_key=HOST.verify_key)

    def start(self, *names: str) -> None:
        """Start processes, and wait until they are ready."""
        for name in names:
            self.running[name] = subprocess.Popen(
                [sys.executable, str(PROGRAM), str(self.folder), name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        for name in names:
            out = self.running[name].stdout
            assert out is not None
            assert out.readline() == b"ready\n"

    def kill(self, name: str) -> None:
        """End a process at once."""
        process = self.running.pop(name)
        with process:
            # A child of its own may hold its output, which is not read to the end.
            process.kill()

    def end(self) -> None:
        """End all at once."""
        for name in list(self.running):
            self.kill(name)

    def open_files(self, name: str) -> set[str]:
        """Give the paths of what a process has open of the service's, from the folder on."""
        found = set()
        for link in Path(f"/proc/{self.running[name].pid}/fd").iterdir():
            with contextlib.suppress(OSError, ValueError):
                found.add(str(link.readlink().relative_to(self.folder)))
        return found

    def leader(self) -> str:
        """Give the name of the process that serves the address, by who holds its lock."""
        for name in self.running:
            if "sock.lock" in self.open_files(name):
                return name
        raise AssertionError("nobody serves the address")

    def only(self, name: str) -> str:
        """Give a pattern that fits one process, by the place that it has."""
        held = (re.fullmatch(r"state/workers/(\d+)\.lock", each) for each in self.open_files(name))
        (place,) = (each[1] for each in held if each)
        return f"*/worker-{place}"

    def writes(self, name: str, *, debug: bool = True) -> None:
        """Wait until a process writes, or does not write, what is logged at DEBUG.

        That it does not is seen by what it writes at WARNING meanwhile, at each tick.
        """
        log = self.log(name)
        at, ends_s = log.stat().st_size, time.monotonic() + PATIENCE_S
        while time.monotonic() < ends_s:
            with log.open(encoding="utf-8") as file:
                file.seek(at)
                _, found, quiet = file.read().rpartition("DEBUG a record")
            if found if debug else quiet.count("WARNING a tick") > TICKS:
                return
            time.sleep(0.02)
        raise AssertionError(f"{name}: DEBUG is {'not ' if debug else ''}written")

    def log(self, name: str) -> Path:
        """Give the path of what a process has logged."""
        return self.folder / f"{name}.log"

    def ask(self, *, for_s: int = 60) -> Result:
        """Lease DEBUG; try again while nobody serves the address."""
        return self.served(lambda: self.client.lease({LOGGER: "DEBUG"}, for_s=for_s))

    def served(self, ask: Callable[[], T]) -> T:
        """Ask for something, again and again while nobody serves the address."""
        for _ in range(100):
            try:
                return ask()
            except NoAnswerError:
                raise
            except TransportError:
                time.sleep(0.05)
        raise AssertionError("nobody serves the address")

    def rows(self) -> list[dict[str, Any]]:
        """Give what each process says of itself."""
        rows: list[dict[str, Any]] = self.served(self.client.status).report["workers"]
        return rows

    def hanging(self, name: str, place: str, ask: Callable[[], Result] | None = None) -> Asking:
        """Ask for something in which a process hangs; give who asks, once it does.

        Args:
            name: the process.
            place: where it hangs; see ``workers_program.py``.
            ask: asks; by default for a lease of DEBUG.
        """
        (self.folder / f"{name}.hangs").write_text(place, encoding="utf-8")
        asking = Asking(ask or (lambda: self.client.lease({LOGGER: "DEBUG"}, for_s=60)))
        self.wait_for(f"{name}.hung")
        return asking

    def wait_for(self, name: str) -> Path:
        """Wait until a process has made a file; give its path."""
        ends_s = time.monotonic() + PATIENCE_S
        while not (self.folder / name).exists():
            assert time.monotonic() < ends_s, f"there is no {name}"
            time.sleep(0.02)
        return self.folder / name

    def journal(self) -> Remembered:
        """Give what the journal comes to."""
        directory = StateDirectory.open(self.folder / "state", AUDIENCE)
        journal = Journal.open(directory)
        try:
            return journal.peek()
        finally:
            journal.close()
            directory.close()


class Asking:
    """Somebody who asks in a thread, and what becomes of that."""

    def __init__(self, ask: Callable[[], Result]) -> None:
        """Begin to ask."""
        self.result: Result | None = None
        self.error: SealwireError | None = None
        self._ask = ask
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.result = self._ask()
        except SealwireError as error:
            self.error = error

    def answered(self) -> Result:
        """Wait for the answer; give it."""
        self._end()
        assert self.result is not None, self.error
        return self.result

    def unanswered(self) -> NoAnswerError:
        """Wait until the answer is lost; give what says so, with the message."""
        self._end()
        assert isinstance(self.error, NoAnswerError), self.error
        return self.error

    def _end(self) -> None:
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive(), "there is no answer, and no end"


def outcomes(result: Result) -> list[str]:
    """Give what has become of a request in each process, sorted."""
    assert result.receipt is not None
    return sorted(each.outcome.value for each in result.receipt.instances)
