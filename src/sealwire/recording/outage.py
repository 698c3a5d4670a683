"""That a trail cannot be written: since when and why, and when that is tried again. Pure data.

At first it is tried again soon, and then at longer and longer intervals: each try opens files.
"""

from __future__ import annotations

from typing import Final

FIRST_RETRY_S: Final = 1.0
LAST_RETRY_S: Final = 15.0


class Outage:
    """The state of a trail that may not be written.

    Attributes:
        why: why it cannot be; ``""`` while it can.
        since_ms: since when, milliseconds since the epoch.
        next_try_s: when anything is to be tried again, on the monotonic clock.
    """

    def __init__(self) -> None:
        """Begin well."""
        self.why, self.since_ms, self.next_try_s = "", 0, 0.0
        self._retry_s = FIRST_RETRY_S

    def __bool__(self) -> bool:
        """Whether it cannot be written."""
        return bool(self.why)

    def begin(self, why: str, at: int) -> bool:
        """Know that it cannot be written; give whether that is news."""
        if self.why:
            return False
        self.why, self.since_ms, self._retry_s = why, at, FIRST_RETRY_S
        return True

    def end(self) -> None:
        """Know that it is written again."""
        self.why = ""

    def put_off(self, now_s: float) -> None:
        """Try again later, and the next time later than that."""
        if now_s >= self.next_try_s:
            self.next_try_s = now_s + self._retry_s
            self._retry_s = min(self._retry_s * 2, LAST_RETRY_S)

    def look_soon(self, now_s: float) -> None:
        """Try again soon, as for a sink that takes nothing."""
        self.next_try_s = min(self.next_try_s, now_s + FIRST_RETRY_S)
        if self.next_try_s < now_s:
            self.next_try_s = now_s + FIRST_RETRY_S

    def look_rarely(self, now_s: float) -> None:
        """Try again some time, as for room on a disk."""
        self.next_try_s = now_s + LAST_RETRY_S / 3
