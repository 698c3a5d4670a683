"""What could not be written yet, kept in memory until it can. Pure data.

Rules this module keeps:

1. What ended has ended, whether it could be written or not; so a note waits, and is never refused.
2. Of several notes in a row only the last is of use: what is in force is said as a whole.
3. Where others have changed things meanwhile, a note takes away what had ended, and nothing else.
4. A message that was done before it could be written is written as any other, intent and outcome,
   so that a copy of it is none. Where a floor has passed it by, nothing of it is left to say but
   what it ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from sealwire.journal.records import Clock, Intent, Kept, Now, Settled, Stored
from sealwire.journal.remembered import Remembered, taken_away
from sealwire.stages import Outcome


class Unwritten(NamedTuple):
    """A message that took something back, and could not be written before that.

    Attributes:
        kept: the message.
        outcome: what became of it.
        in_force: what is in force since.
    """

    kept: Kept
    outcome: Outcome
    in_force: Stored


class Step(NamedTuple):
    """One thing after the other: from what was in force to what is, and by which message, if any.

    Attributes:
        found: what was in force before.
        left: what is in force after it.
        by: the message, which is to be written as well; ``None`` for what ended by itself.
    """

    found: Stored
    left: Stored
    by: Unwritten | None = None


@dataclass(slots=True)
class Pending:
    """What waits: what became of the open intent, what ended since, and the time.

    Attributes:
        settled: what became of an intent.
        steps: what ended, and how, the first one first.
        clock_ms: the greatest time noted; 0 where none is.
    """

    settled: Settled | None = None
    steps: tuple[Step, ...] = ()
    clock_ms: int = 0

    def __bool__(self) -> bool:
        """Whether anything waits."""
        return self.settled is not None or bool(self.steps) or self.clock_ms > 0

    def in_force(self, remembered: Remembered) -> Stored:
        """Give what is in force when everything is written, if nobody else writes before."""
        if self.steps:
            return self.steps[-1].left
        if self.settled is not None and self.settled.in_force is not None:
            return self.settled.in_force
        return remembered.in_force

    def left_of(self, remembered: Remembered) -> Stored:
        """Give what is in force when everything is written, whatever others have written."""
        left = remembered.in_force
        for step in self.steps:
            left = taken_away(step.found, step.left, left)
        return left

    def add(self, record: Settled | Now | Clock | Unwritten, remembered: Remembered) -> None:
        """Let a record wait.

        Args:
            record: the record.
            remembered: what the journal comes to without it, and without all that waits.
        """
        if isinstance(record, Settled):
            self.settled = record
        elif isinstance(record, Clock):
            self.clock_ms = max(self.clock_ms, record.wall_ms)
        elif isinstance(record, Now):
            last = self.steps[-1] if self.steps else None
            if last is not None and last.by is None:
                self.steps = (*self.steps[:-1], last._replace(left=record.in_force))
            else:
                self.steps += (Step(self.in_force(remembered), record.in_force),)
        else:
            if self.settled is not None and self.settled.digest == record.kept.digest:
                # Its intent may have got to the disk, and it was done all the same.
                self.settled = None
            self.steps += (Step(self.in_force(remembered), record.in_force, record),)

    def next(self, remembered: Remembered) -> Settled | Now | Clock | Intent | None:
        """Give what is to be written next, ``None`` where nothing can be; forget what is void now.

        Args:
            remembered: what the journal comes to.
        """
        intent = remembered.open_intent
        if self.settled is not None:
            if intent is not None and intent.digest == self.settled.digest:
                return self.settled
            # Somebody else has found it open, and has settled it.
            self.settled = None
        while self.steps:
            step = self.steps[0]
            left = taken_away(step.found, step.left, remembered.in_force)
            if step.by is not None:
                kept, outcome, _ = step.by
                if intent is None and _can_begin(kept, remembered):
                    return Intent(kept)
                if intent is not None and intent.digest == kept.digest:
                    return Settled(kept.digest, kept.stream, outcome, left)
                if intent is not None:
                    # Somebody ended in the middle of another one, which is to be settled first.
                    return None
            if left != remembered.in_force:
                return Now(left)
            self.steps = self.steps[1:]
        if self.clock_ms > remembered.clock_ms:
            return Clock(self.clock_ms)
        self.clock_ms = 0
        return None

    def forget(self, record: Settled | Now | Clock | Intent) -> None:
        """Forget what has been written; of a message whose intent has, the outcome is next."""
        if isinstance(record, Settled):
            if self.settled is not None:
                self.settled = None
            else:
                self.steps = self.steps[1:]
        elif isinstance(record, Now):
            self.steps = self.steps[1:]
        elif isinstance(record, Clock):
            self.clock_ms = 0

    def give_up(self, record: Settled | Now | Clock | Intent) -> None:
        """Forget what can never be written; of a message what it ended is still to be said."""
        if isinstance(record, Intent):
            self.steps = (self.steps[0]._replace(by=None), *self.steps[1:])
        else:
            self.forget(record)


def _can_begin(kept: Kept, remembered: Remembered) -> bool:
    """Whether a message is still to be taken, by the floor of its stream."""
    floor = remembered.floors.get(kept.stream)
    return floor is None or kept.version > floor.floor_of(kept.issuer)
