"""Processes that the demo starts, what they write, the time they use, and their end.

Rules this module keeps:

1. A process is ended by whoever started it, through its own handle and never by name.
2. Its standard input is a pipe of ours. It ends when that does, so that nothing stays behind even
   if the demo itself is killed.
3. Every wait has an end.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE_S: Final = 20.0
"""Far longer than anything takes on a busy machine; what has not come by then will not."""

_END_S: Final = 5.0
_LOOK_S: Final = 0.05


class Running:
    """A Python program in a process of its own, and every line it has written."""

    def __init__(self, program: Path, *arguments: str) -> None:
        """Start ``program`` with this Python."""
        # -P: a program's own folder is no place to import from.
        command = [sys.executable, "-P", str(program), *arguments]
        self._process = subprocess.Popen(  # noqa: S603 - our own programs and arguments
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="backslashreplace",
        )
        self.lines: list[str] = []
        self._news = threading.Condition()
        self._over = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def is_alive(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def wait_for(self, wanted: Callable[[str], bool], since: int = 0) -> str | None:
        """Give the first line that is wanted, counted from line number ``since``.

        Returns:
            The line, or ``None`` if the process ended without it, or time ran out.
        """
        ends_s = time.monotonic() + PATIENCE_S
        with self._news:
            while True:
                found = next((line for line in self.lines[since:] if wanted(line)), None)
                left_s = ends_s - time.monotonic()
                if found is not None or self._over or left_s <= 0:
                    return found
                self._news.wait(left_s)

    def end(self) -> int:
        """End it, and give its exit code: by its standard input, or by force if that fails."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(_END_S)
        if self._process.stdout is not None and not self._reader.is_alive():
            self._process.stdout.close()
        return self._process.returncode

    def kill(self) -> int:
        """Kill it, as ``kill -9`` does, and give its exit code."""
        self._process.kill()
        return self.end()

    def __enter__(self) -> Self:
        """Let it run while the block does."""
        return self

    def __exit__(self, *_exception: object) -> None:
        """End it."""
        self.end()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            with self._news:
                self.lines.append(line.rstrip("\n"))
                self._news.notify_all()
        with self._news:
            self._over = True
            self._news.notify_all()


def run_with_input(program: str, given: bytes) -> None:
    """Run Python source to its end with ``given`` as its input; how it ends does not matter."""
    subprocess.run(  # noqa: S603 - our own source
        [sys.executable, "-P", "-c", program],
        input=given,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=PATIENCE_S,
        check=False,
    )


def appears(path: Path) -> bool:
    """Whether ``path`` is there, or comes while we wait."""
    ends_s = time.monotonic() + PATIENCE_S
    while not path.exists():
        if time.monotonic() > ends_s:
            return False
        time.sleep(_LOOK_S)
    return True


def cpu_time_s(pid: int) -> float:
    """Give the processor time that a process has used so far, seconds.

    Raises:
        OSError: there is no such process, or the system does not say.
    """
    if sys.platform == "linux":
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        # proc(5): fields 14 and 15; the second field is a name that may hold anything, even ")".
        fields = status.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    else:  # noqa: RET505 - without it, a type checker calls one of the two unreachable
        shown = subprocess.run(  # noqa: S603 - our own arguments
            ["/bin/ps", "-o", "time=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
        if not shown.stdout.strip():
            raise OSError(f"ps says nothing about process {pid}")
        return parse_ps_time(shown.stdout.strip())


def parse_ps_time(text: str) -> float:
    """Read a time as ``ps`` writes it, ``[days-][hours:]minutes:seconds``; give seconds."""
    days, _, clock = text.rpartition("-")
    seconds = 0.0
    for part in clock.split(":"):
        seconds = seconds * 60 + float(part)
    return int(days or 0) * 86_400 + seconds
