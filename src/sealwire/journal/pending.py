"""What could not be written yet, kept in memory until it can. Pure data.

Rules this module keeps:

1. What ended has ended, whether it could be written or not; so a note waits, and is never refused.
2. Of several notes only the last is of use: what is in force is said as a whole.
3. Where others have changed things meanwhile, a note takes away what had ended, and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

from sealwire.journal.records import Clock, Now, Settled, Stored
from sealwire.journal.remembered import Remembered, taken_away


@dataclass(slots=True)
class Pending:
    """What waits: what became of the open intent, what is in force, and the time.

    Attributes:
        settled: what became of an intent.
        found: what was in force when the first of the notes came.
        now: what is in force since the last of them.
        clock_ms: the greatest time noted; 0 where none is.
    """

    settled: Settled | None = None
    found: Stored | None = None
    now: Stored | None = None
    clock_ms: int = 0

    def __bool__(self) -> bool:
        """Whether anything waits."""
        return self.settled is not None or self.now is not None or self.clock_ms > 0

    def in_force(self, remembered: Remembered) -> Stored:
        """Give what is in force when everything is written."""
        if self.now is not None:
            return self.now
        if self.settled is not None and self.settled.in_force is not None:
            return self.settled.in_force
        return remembered.in_force

    def add(self, record: Settled | Now | Clock, remembered: Remembered) -> None:
        """Let a record wait.

        Args:
            record: the record.
            remembered: what the journal comes to without it, and without all that waits.
        """
        if isinstance(record, Settled):
            self.settled = record
        elif isinstance(record, Now):
            if self.found is None:
                self.found = self.in_force(remembered)
            self.now = record.in_force
        else:
            self.clock_ms = max(self.clock_ms, record.wall_ms)

    def next(self, remembered: Remembered) -> Settled | Now | Clock | None:
        """Give what is to be written next, ``None`` where nothing is; forget what is of no use now.

        Args:
            remembered: what the journal comes to.
        """
        if self.settled is not None:
            intent = remembered.open_intent
            if intent is not None and intent.digest == self.settled.digest:
                return self.settled
            # Somebody else has found it open, and has settled it.
            self.settled = None
        if self.now is not None and self.found is not None:
            left = taken_away(self.found, self.now, remembered.in_force)
            if left != remembered.in_force:
                return Now(left)
            self.found = self.now = None
        if self.clock_ms > remembered.clock_ms:
            return Clock(self.clock_ms)
        self.clock_ms = 0
        return None

    def forget(self, record: Settled | Now | Clock) -> None:
        """Forget what has been written, or can never be."""
        if isinstance(record, Settled):
            self.settled = None
        elif isinstance(record, Now):
            self.found = self.now = None
        else:
            self.clock_ms = 0
