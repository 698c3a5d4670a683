"""A service whose processes a real server starts, and who leases something from it and looks.

Rules these tests keep:

1. What is asserted is what processes write: a file that all of them append to, read from where it
   ended when something was asked for.
2. Every wait has an end, and no test asks how long something took.
3. Servers are on Unix sockets, and are ended by their numbers: the one that was started, and its
   children.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

from sealwire import MemorySealerState, Sealer, TransportError, wall_clock_ms
from sealwire.client import Client
from sealwire.journal import init as init_state
from sealwire.keyfiles import write_key_file
from sealwire.keys import SigningKey
from sealwire.recommended import local_layers
from sealwire.trail.findings import Outcome as Finding
from sealwire.trail.verify import verify_trail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType

    from sealwire.results import Result

T = TypeVar("T")

HERE = Path(__file__).parent
AUDIENCE = "shop@prod"
LOGGER = "shop.db"
ALICE = SigningKey(bytes(range(32)), owner="alice")
HOST = SigningKey(bytes(range(32, 64)), owner="host-1")
TRAIL = SigningKey(bytes(range(64, 96)), owner="trail")
PATIENCE_S = 60.0
"""Far longer than anything takes on a busy machine; what has not come by then will not."""

_RECORD = re.compile(rb"^(\d+) ([A-Z]+) shop\.db: ", re.MULTILINE)

_SETTINGS = f"""\
audience = "{AUDIENCE}"
address = "unix:{{folder}}/sock"
chain = "local"
receipt_key = "receipt.key"
state = "state"
workers = true

[keys]
trusted = ["alice.pub"]

[trail]
folder = "trail"
key = "trail.key"
"""


class Fleet:
    """The settings of a service, the server that runs it, and an operator."""

    def __init__(self, folder: Path) -> None:
        """Lay out keys, settings and state."""
        self.folder, self.log = folder, folder / "log"
        self.log.touch()
        write_key_file(folder / "alice.pub", ALICE.verify_key)
        write_key_file(folder / "receipt.key", HOST)
        write_key_file(folder / "trail.key", TRAIL)
        init_state(folder / "state", AUDIENCE, min_version=0, now_ms=wall_clock_ms())
        self.settings = folder / "service.toml"
        self.settings.write_text(_SETTINGS.format(folder=folder), encoding="utf-8")
        sealer = Sealer(
            AUDIENCE,
            local_layers(ALICE),
            issuer="alice",
            state=MemorySealerState(),
            clock=wall_clock_ms,
        )
        self.client = Client(f"unix:{folder}/sock", sealer, receipt_key=HOST.verify_key)
        self.before: tuple[str, ...] = ()
        """A command that turns into the server."""
        self.server: subprocess.Popen[bytes] | None = None
        self._pid = 0

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End what runs, and show what the server said if the test failed."""
        if self.server is not None:
            ended = {self.server.pid, self._pid}
            ended |= {child for each in tuple(ended) for child in _descendants(each)}
            for each in ended:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(each, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.server.wait(10)
            for each in ended:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(each, signal.SIGKILL)
            self.server.wait(PATIENCE_S)
        if error is None and (self.folder / "trail").exists():
            # Whoever has led, and however it ended: all of them have written one trail.
            found = verify_trail(self.folder / "trail", [TRAIL.verify_key])
            assert found.outcome is Finding.GOOD, found
        if error is not None:
            sys.stderr.write((self.folder / "output").read_text(encoding="utf-8", errors="replace"))

    def ask(self) -> None:
        """Send one HTTP request to the socket ``http``, whoever answers."""
        connection = http.client.HTTPConnection("localhost", timeout=5)
        connection.sock = socket.socket(socket.AF_UNIX)
        unheard = OSError, http.client.HTTPException
        with contextlib.closing(connection), contextlib.suppress(*unheard):
            connection.sock.settimeout(5)
            connection.sock.connect(f"{self.folder}/http")
            connection.request("GET", "/")
            connection.getresponse().read()

    @contextlib.contextmanager
    def asked(self, at_once: int) -> Iterator[None]:
        """Send requests, one behind another in as many threads, while the block runs."""
        done = threading.Event()

        def ask() -> None:
            while not done.is_set():
                self.ask()
                time.sleep(0.01)

        threads = [threading.Thread(target=ask) for _ in range(at_once)]
        for each in threads:
            each.start()
        try:
            yield
        finally:
            done.set()
            for each in threads:
                each.join(PATIENCE_S)

    # ---- processes -----------------------------------------------------------------------------

    def start(self, *command: str, **environment: str) -> None:
        """Start a server, whose programs are beside this file."""
        with (self.folder / "output").open("wb") as output:
            self.server = subprocess.Popen(
                [*self.before, sys.executable, *command],
                cwd=self.folder,
                env={
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join(
                        filter(None, [str(HERE), os.environ.get("PYTHONPATH", "")])
                    ),
                    "SEALWIRE_SETTINGS": str(self.settings),
                    "TICKING_LOG": str(self.log),
                    **environment,
                },
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self._pid = self.server.pid

    @property
    def pid(self) -> int:
        """The number of the server."""
        return self._pid

    def follow(self, pid: int) -> int:
        """Take another process for the server from now on; give the one that was."""
        was, self._pid = self._pid, pid
        return was

    def workers(self, count: int, *, but: Iterable[int] = (), beside: int = 0) -> set[int]:
        """Wait until as many processes log, and listen; give their numbers.

        Args:
            count: how many.
            but: what is to be gone.
            beside: how many processes listen that do not log.
        """
        gone = set(but)

        def found() -> set[int] | None:
            writing = self.writing()
            if len(writing) != count or writing & gone:
                return None
            try:
                rows = self.client.status().report["workers"]
            except TransportError:
                return None
            there = [row for row in rows if not row["stale"]]
            return writing if len(there) == count + beside else None

        return self._wait(found, f"{count} workers that log and listen")

    def writing(self) -> set[int]:
        """Give the numbers of the processes that log now."""
        at = self.log.stat().st_size
        time.sleep(0.3)
        return set(self._seen_since(at))

    # ---- what they write -----------------------------------------------------------------------

    def lease(self, *, for_s: int = 120) -> tuple[Result, int]:
        """Lease DEBUG; give the result, and where the log ended before."""
        at = self.log.stat().st_size

        def asked() -> Result | None:
            with contextlib.suppress(TransportError):
                return self.client.lease({LOGGER: "DEBUG"}, for_s=for_s)
            return None

        return self._wait(asked, "somebody who serves the address"), at

    def await_debug(self, pids: set[int], at: int) -> None:
        """Wait until each of these has written a DEBUG record since the log ended at ``at``."""

        def all_have() -> bool | None:
            seen = self._seen_since(at)
            return all("DEBUG" in seen.get(each, ()) for each in pids)

        self._wait(all_have, f"a DEBUG record of each of {sorted(pids)}")

    def await_records(self, text: bytes, count: int, at: int) -> None:
        """Wait until a text has been written as often since the log ended at ``at``."""

        def have() -> bool | None:
            with self.log.open("rb") as file:
                file.seek(at)
                return file.read().count(text) >= count

        self._wait(have, f"{count} records that say {text!r}")

    def await_quiet(self, pids: set[int]) -> None:
        """Wait until each of these writes, and none of them at DEBUG."""

        def none_does() -> bool:
            at = self.log.stat().st_size
            time.sleep(0.5)
            seen = self._seen_since(at)
            return all("DEBUG" not in seen.get(each, {"DEBUG"}) for each in pids)

        self._wait(none_does, f"{sorted(pids)} that write no DEBUG records")

    def _seen_since(self, at: int) -> dict[int, set[str]]:
        with self.log.open("rb") as file:
            file.seek(at)
            data = file.read()
        seen: dict[int, set[str]] = {}
        for pid, level in _RECORD.findall(data):
            seen.setdefault(int(pid), set()).add(level.decode())
        return seen

    def _wait(self, look: Callable[[], T | None], what: str) -> T:
        ends_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < ends_s:
            if self.server is not None and self.server.poll() is not None:
                assert self._pid != self.server.pid, "the server has ended"
            if found := look():
                return found
            time.sleep(0.05)
        raise AssertionError(f"there is not: {what}")


def _descendants(pid: int) -> set[int]:
    found: set[int] = set()
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                found |= {child, *_descendants(child)}
    return found
