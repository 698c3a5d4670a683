"""The clocks of this machine, in whole milliseconds."""

from __future__ import annotations

import time


def wall_clock_ms() -> int:
    """Give wall-clock time, milliseconds since the epoch; it may jump."""
    return time.time_ns() // 1_000_000


def monotonic_ms() -> int:
    """Give monotonic time, milliseconds from an arbitrary start; it never jumps."""
    return time.monotonic_ns() // 1_000_000
