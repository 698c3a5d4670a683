"""The clocks of this machine, in whole milliseconds.

Everything that needs the time and is not handed a clock asks here, so that a test can put clocks of
its own in their place (`replaced`). Nothing but code of this very process can.
"""

from __future__ import annotations

import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator


_BOOT_ID: Final = "/proc/sys/kernel/random/boot_id"
_BOOT_ID_CHARS: Final = 36


class Clocks(Protocol):
    """Three clocks, in milliseconds."""

    def wall_clock_ms(self) -> int:
        """Give wall-clock time, since the epoch; it may jump."""
        ...

    def boot_ms(self) -> int:
        """Give time since an arbitrary start that also passes in sleep; it never jumps."""
        ...

    def monotonic_ms(self) -> int:
        """Give monotonic time, from an arbitrary start; it never jumps."""
        ...


class _InPlace:
    """What stands in for the machine's clocks, if anything does: the last one counts."""

    def __init__(self) -> None:
        self.clocks: Clocks | None = None
        self._all: list[Clocks] = []
        self._lock = threading.Lock()

    def put(self, clocks: Clocks) -> None:
        with self._lock:
            self._all.append(clocks)
            self.clocks = clocks

    def take_away(self, clocks: Clocks) -> None:
        with self._lock:
            self._all.remove(clocks)
            self.clocks = self._all[-1] if self._all else None


_in_place: Final = _InPlace()


def in_place() -> Clocks | None:
    """Give what is asked instead of the machine, ``None`` if nothing is."""
    return _in_place.clocks


@contextmanager
def replaced(clocks: Clocks) -> Iterator[None]:
    """Ask ``clocks`` instead of the machine, in every thread, while the block runs; for tests."""
    _in_place.put(clocks)
    try:
        yield
    finally:
        _in_place.take_away(clocks)


def wall_clock_ms() -> int:
    """Give wall-clock time, milliseconds since the epoch; it may jump.

    A clock that was never set, and shows a time before 1970, shows 1970: what is written and
    compared has no times before that.
    """
    if (clocks := _in_place.clocks) is not None:
        return clocks.wall_clock_ms()
    return max(0, time.time_ns() // 1_000_000)


def boot_ms() -> int:
    """Give time since an arbitrary start that also passes while the machine sleeps; never jumps.

    Where a system has no such clock it is `monotonic_ms`, which may stand still meanwhile.
    """
    if (clocks := _in_place.clocks) is not None:
        return clocks.boot_ms()
    if sys.platform == "linux":
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000
    else:  # noqa: RET505 - the type checker looks at one branch on each system
        return monotonic_ms()


def boot_id() -> str:
    """Name the time since this machine was started, within which `boot_ms` can be compared.

    ``""`` where the system has no name for it: then nothing can be said of another process's.
    """
    if _in_place.clocks is not None:
        return "0"  # no boot of a machine: those are UUIDs
    try:
        with open(_BOOT_ID, encoding="ascii") as file:  # noqa: PTH123 - no pathlib to load
            return file.read().strip()[:_BOOT_ID_CHARS]
    except (OSError, ValueError):
        return ""


def monotonic_ms() -> int:
    """Give monotonic time, milliseconds from an arbitrary start; it never jumps."""
    if (clocks := _in_place.clocks) is not None:
        return clocks.monotonic_ms()
    return time.monotonic_ns() // 1_000_000
