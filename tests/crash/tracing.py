"""strace beside a running service: it lists its system calls, kills it at one, or spoils one.

Rules this module keeps:

1. It watches one thread, and what that starts, from a moment on when the service waits; so numbers
   of calls count from there.
2. A call at which the service is killed is not made: the kernel looks for the signal before it.
3. It lets go before the test goes on, so that nothing of it is seen afterwards.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

_PATIENCE_S: Final = 30.0
_CALL: Final = re.compile(r"(?P<thread>\d+) (?P<name>\w+)\((?P<rest>.*)")


class Call(NamedTuple):
    """A system call: the how manyth of this name in its thread, and what strace says of it."""

    name: str
    number: int
    said: str


class Tracer:
    """strace on one thread, while this is entered."""

    def __init__(self, thread: int, output: Path, *options: str, follow: bool = False) -> None:
        """Begin.

        Args:
            thread: whose calls.
            output: where it writes them.
            options: what else strace is told.
            follow: watch threads that this one starts as well.
        """
        program = shutil.which("strace")
        assert program is not None, "these tests need strace"
        self.output, self._thread = output, thread
        command = [program, "-q", "-p", str(thread), "-o", str(output), "-s", "64", *options]
        self._command = [*command, "-f"] if follow else command

    def __enter__(self) -> Self:
        """Attach."""
        # Without -q it says when it is there, which is what is waited for.
        command = [each for each in self._command if each != "-q"]
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert self._process.stderr is not None
        said = self._process.stderr.readline()
        assert "attached" in said, said
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let go; it has ended already where the process has."""
        self._process.send_signal(signal.SIGINT)
        self._process.communicate(timeout=_PATIENCE_S)

    def calls(self) -> Iterator[Call]:
        """Give the calls of the thread, in their order."""
        count: Counter[str] = Counter()
        for line in self.output.read_text(errors="replace").splitlines():
            found = _CALL.match(line) or _CALL.match(f"{self._thread} {line}")
            if found is not None and int(found["thread"]) == self._thread:
                count[found["name"]] += 1
                yield Call(found["name"], count[found["name"]], found["rest"])


def killing(call: Call) -> tuple[str, ...]:
    """Give the options that kill at a call."""
    return "-e", f"inject={call.name}:signal=KILL:when={call.number}"


def failing(names: str, error: str, when: str) -> tuple[str, ...]:
    """Give the options that let calls fail.

    Args:
        names: the calls, with commas between.
        error: the name of the error.
        when: which of them, as strace counts.
    """
    return "-e", f"inject={names}:error={error}:when={when}"
