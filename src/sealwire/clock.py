"""The clocks of this machine, in whole milliseconds."""

from __future__ import annotations

import sys
import time


def wall_clock_ms() -> int:
    """Give wall-clock time, milliseconds since the epoch; it may jump."""
    return time.time_ns() // 1_000_000


def boot_ms() -> int:
    """Give time since an arbitrary start that also passes while the machine sleeps; never jumps.

    Where a system has no such clock it is `monotonic_ms`, which may stand still meanwhile.
    """
    if sys.platform == "linux":
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000
    else:  # noqa: RET505 - the type checker looks at one branch on each system
        return monotonic_ms()


def monotonic_ms() -> int:
    """Give monotonic time, milliseconds from an arbitrary start; it never jumps."""
    return time.monotonic_ns() // 1_000_000
