"""Clocks that a test sets.

Rules this module keeps:

1. All three clocks move together, and only forwards, except for the wall clock when it is set.
2. Whoever reads the wall clock lets a millisecond pass. A sealer waits for a millisecond that it
   has not used yet, and with a clock that stands still it would wait for ever.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Self

from sealwire import clock

if TYPE_CHECKING:
    from collections.abc import Iterator

START_MS: Final = 1_800_000_000_000
"""The morning of 2027-01-15 in UTC, a whole second."""

_UPTIME_MS: Final = 3_600_000


class FakeClock:
    """The wall clock, the clock since boot and the monotonic one, set by hand.

    Its methods are what ``sealwire.clock`` has as functions, so ``clock.wall_clock_ms`` is a clock
    for a `Sealer`.
    """

    def __init__(self, now_ms: int = START_MS) -> None:
        """Begin at ``now_ms``, milliseconds since the epoch."""
        self._now_ms = now_ms
        self._up_ms = _UPTIME_MS
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        """Say the time."""
        return f"<FakeClock {self._now_ms}>"

    @property
    def now_ms(self) -> int:
        """The wall clock; looking at it here lets no time pass."""
        return self._now_ms

    def advance(self, seconds: float) -> None:
        """Let time pass.

        Raises:
            ValueError: ``seconds`` is negative; a wall clock is set back with `set_wall_clock`.
        """
        if seconds < 0:
            raise ValueError("time does not go back; set the wall clock with set_wall_clock()")
        self._pass(round(seconds * 1000))

    def set_wall_clock(self, now_ms: int) -> None:
        """Set the wall clock alone, as somebody sets the clock of a machine."""
        with self._lock:
            self._now_ms = now_ms

    def wall_clock_ms(self) -> int:
        """Give wall-clock time, milliseconds since the epoch, one later than the time before."""
        return self._pass(1)

    def boot_ms(self) -> int:
        """Give time since a start, milliseconds."""
        return self._up_ms

    def monotonic_ms(self) -> int:
        """Give time since a start, milliseconds."""
        return self._up_ms

    @contextmanager
    def in_place(self) -> Iterator[Self]:
        """Put these clocks in the place of the machine's while the block runs.

        For everything of sealwire in this process, whatever its thread; for nothing else, so
        ``time.time()`` and the timestamps of log records stay as they are. What listens has to be
        started inside of the block. A running listener looks at its leases once a second of the
        machine's own time, however far these clocks go meanwhile.
        """
        with clock.replaced(self):
            yield self

    def _pass(self, milliseconds: int) -> int:
        with self._lock:
            self._now_ms += milliseconds
            self._up_ms += milliseconds
            return self._now_ms
