"""The workers of a server that the demo starts: who they are, what they write, and orders for them.

The server is gunicorn, where it is installed, and otherwise a small one of the demo's own; both run
the same application, in a folder with the settings of a service.

Rules this module keeps:

1. Workers are known by what they write themselves: each says its number and its place when it
   listens, and its number in every line.
2. One is killed by that number, which is its own until the server has seen it end.
"""

from __future__ import annotations

import contextlib
import http.client
import importlib.metadata
import os
import re
import shutil
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from sealwire.cli.demo import processes
from sealwire.cli.demo.processes import Running
from sealwire.cli.demo.scene import NotAsExpectedError

COUNT: Final = 4
APPLICATION: Final = Path(__file__).with_name("orders.py")
NO_GUNICORN: Final = 'gunicorn is not installed (pip install "sealwire[demo]")'

_CONFIGURATION: Final = Path(__file__).with_name("gunicorn_conf.py")
_GUNICORN: Final = Path(__file__).with_name("gunicorn_server.py")
_OWN: Final = Path(__file__).with_name("own_server.py")
_LISTENS: Final = re.compile(r" worker (\d+): sealwire: this process listens, as (\S+)$")
_ASKS_S: Final = 5.0


def gunicorn_version() -> str:
    """Give the version of gunicorn, or nothing where it is not installed."""
    try:
        return importlib.metadata.version("gunicorn")
    except importlib.metadata.PackageNotFoundError:
        return ""


class Workers:
    """A server with four workers, in a folder with a service's settings."""

    def __init__(self, folder: Path) -> None:
        """Lay the application into ``folder``, start the server, and wait until all listen.

        Raises:
            NotAsExpectedError: they do not.
        """
        self._folder = folder
        self._places: dict[int, str] = {}
        self._seen = 0
        shutil.copyfile(APPLICATION, folder / "orders.py")
        shutil.copyfile(_CONFIGURATION, folder / "gunicorn.conf.py")
        self._server = (
            Running(_GUNICORN, str(folder), str(COUNT))
            if gunicorn_version()
            else Running(_OWN, "keep", str(folder), str(COUNT))
        )
        try:
            for _ in range(COUNT):
                self.await_another()
        except BaseException:
            self._server.end()
            raise

    def end(self) -> None:
        """End them."""
        self._server.end()

    # ---- who they are --------------------------------------------------------------------------

    def at(self, instance: str) -> int:
        """Give the number of the worker that has a place, by the name that receipts give it.

        Raises:
            NotAsExpectedError: no worker has said so.
        """
        for pid, place in self._places.items():
            if place == instance:
                return pid
        raise NotAsExpectedError(f"no worker has said that it is {instance}")

    def await_another(self) -> int:
        """Wait until one more worker listens; give its number.

        Raises:
            NotAsExpectedError: none does.
        """
        line = self._server.wait_for(lambda line: bool(_LISTENS.search(line)), self._seen)
        if line is None:
            last = self._server.lines[-1] if self._server.lines else "nothing at all"
            raise NotAsExpectedError(
                f"there was never another worker that listens; the last line: {last}"
            )
        self._seen = self._server.lines.index(line, self._seen) + 1
        found = _LISTENS.search(line)
        if found is None:
            raise AssertionError("demo.workers: what was waited for is not in the line that came")
        pid = int(found[1])
        self._places[pid] = found[2]
        return pid

    def kill(self, pid: int) -> None:
        """Kill a worker, as ``kill -9`` does; the server is not told."""
        os.kill(pid, signal.Signals["SIGKILL"])
        del self._places[pid]

    # ---- what they write -----------------------------------------------------------------------

    @property
    def so_far(self) -> int:
        """How many lines they have written."""
        return len(self._server.lines)

    def ordered(self, level: str, logger: str, since: int) -> list[str]:
        """Send orders until every worker that runs has written such a line; give one of each.

        Args:
            level: of the record.
            logger: its name.
            since: the number of the line to begin at.

        Raises:
            NotAsExpectedError: a worker never does.
        """
        ends_s = time.monotonic() + processes.PATIENCE_S
        with ThreadPoolExecutor(COUNT) as customers:
            while True:
                list(customers.map(self._order, range(COUNT)))
                wanted = {pid: f"{level} worker {pid}: {logger}: " for pid in sorted(self._places)}
                lines = self._server.lines[since:]
                found = {
                    pid: next((line for line in lines if line.startswith(start)), None)
                    for pid, start in wanted.items()
                }
                shown = [line for line in found.values() if line is not None]
                if len(shown) == len(wanted):
                    return shown
                if time.monotonic() > ends_s or not self._server.is_alive():
                    missing = next(wanted[pid] for pid, line in found.items() if line is None)
                    raise NotAsExpectedError(f"a worker never wrote {missing.strip()!r}")

    def any_wrote(self, level: str) -> bool:
        """Whether a worker has written a line at a level."""
        return any(line.startswith(f"{level} worker ") for line in self._server.lines)

    def lines_of(self, pid: int) -> list[str]:
        """Give what a worker has written about its orders."""
        return [line for line in self._server.lines if f" worker {pid}: orders" in line]

    def _order(self, _number: int) -> None:
        """Send one order, whoever takes it; one that a killed worker had taken is lost."""
        if not hasattr(socket, "AF_UNIX"):
            return
        connection = http.client.HTTPConnection("localhost", timeout=_ASKS_S)
        connection.sock = socket.socket(socket.AF_UNIX)
        with (
            contextlib.closing(connection),
            contextlib.suppress(OSError, http.client.HTTPException),
        ):
            connection.sock.settimeout(_ASKS_S)
            connection.sock.connect(f"{self._folder}/http.sock")
            connection.request("POST", "/orders")
            connection.getresponse().read()
