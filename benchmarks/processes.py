"""A service in a process of its own, started and ended here, and what the kernel says about it.

Rules this module keeps:

1. Whatever is started is ended by whoever started it, through its own handle, and ends by itself
   when the program that started it dies.
2. Where there are two CPUs or more the service gets one of its own, and everything else stays on
   the others, so that "on one core" means what it says.
3. What a process uses is read from ``/proc``, so this needs Linux.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType

SERVICE = Path(__file__).parent.parent / "tests" / "load" / "service.py"
END_S = 5.0


def own_cpu() -> int | None:
    """Give the CPU that a service may have for itself, or ``None`` if there is one only."""
    cpus = sorted(os.sched_getaffinity(0))
    return cpus[-1] if len(cpus) > 1 else None


@contextmanager
def beside(cpu: int | None) -> Iterator[None]:
    """Keep this process off ``cpu`` meanwhile, and what it starts as well."""
    before = os.sched_getaffinity(0)
    if cpu is not None:
        os.sched_setaffinity(0, before - {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def endpoint(address: str) -> tuple[socket.AddressFamily, str | tuple[str, int]]:
    """Give family and address of ``unix:/path`` or ``tcp:host:port`` for a socket."""
    scheme, _, rest = address.partition(":")
    if scheme == "unix":
        return socket.AF_UNIX, rest
    host, _, port = rest.rpartition(":")
    return socket.AF_INET, (host, int(port))


class Running:
    """One running service."""

    def __init__(
        self, wanted: Mapping[str, Any], *, cpu: int | None = None, program: Path = SERVICE
    ) -> None:
        """Start a program with what is ``wanted``, and wait until it serves."""
        # The standard library's listener prints a traceback for much of what it refuses.
        quiet = subprocess.DEVNULL if wanted["kind"] == "standard" else None
        self._process = subprocess.Popen(
            [sys.executable, str(program)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=quiet,
            text=True,
        )
        self.pid = self._process.pid
        self.address = self._ask(json.dumps({**wanted, "cpu": cpu}))

    def __enter__(self) -> Self:
        """Use it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End it."""
        self.end()

    def end(self) -> None:
        """End the process: by the end of its input, or else by its id."""
        process = self._process
        if process.stdin is not None and not process.stdin.closed:
            process.stdin.close()
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()

    def figures(self) -> dict[str, Any]:
        """Ask the service for its own figures."""
        return self.ask("figures")

    def ask(self, line: str) -> dict[str, Any]:
        """Ask the service for what it answers to this line."""
        told: dict[str, Any] = json.loads(self._ask(line))
        return told

    def cpu_s(self) -> float:
        """Give the CPU time used so far, seconds: ``utime`` and ``stime`` of proc(5)."""
        after_name = self._read("stat").rpartition(")")[2].split()
        return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")

    def waited_s(self) -> float:
        """Give the time for which threads could have run and other programs had the CPU."""
        tasks = Path(f"/proc/{self.pid}/task").iterdir()
        stats = [(task / "schedstat").read_text(encoding="ascii") for task in tasks]
        return sum(int(stat.split()[1]) for stat in stats) / 1e9

    def rss_bytes(self) -> int:
        """Give the memory that is resident now."""
        return self._status("VmRSS") * 1024

    def peak_virtual_bytes(self) -> int:
        """Give the most address space that was reserved at any time."""
        return self._status("VmPeak") * 1024

    def threads(self) -> int:
        """Give the number of threads."""
        return self._status("Threads")

    def descriptors(self) -> int:
        """Give the number of open descriptors."""
        return sum(1 for _ in Path(f"/proc/{self.pid}/fd").iterdir())

    def _status(self, field: str) -> int:
        for line in self._read("status").splitlines():
            name, _, value = line.partition(":")
            if name == field:
                return int(value.split()[0])
        raise LookupError(f"/proc/{self.pid}/status has no {field}")

    def _read(self, name: str) -> str:
        return Path(f"/proc/{self.pid}/{name}").read_text(encoding="ascii", errors="replace")

    def _ask(self, line: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the service (pid {self.pid}) has ended")
        return answer.rstrip("\n")
