"""The journal: the durable state of one service, which several processes of one host share.

Rules this module keeps:

1. The journal is held alone from a message's intent until it is settled. An intent that somebody
   finds open is therefore that of a process that ended in the middle, or could not write its end.
2. Nothing begins while anything waits to be written, or while there is no room to write its end:
   that is what the reserve is for.
3. What ended, by itself or because somebody took it back, is never refused. It waits in memory
   until it can be written, and is written before anything else.
4. A child of a fork closes what it inherited, and writes nothing.

Not for several threads at a time. Not guaranteed: that a disk has what it says it has.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from sealwire.errors import StateError
from sealwire.journal.pending import Pending, Unwritten
from sealwire.journal.records import Clock, Intent, Kept, Now, Settled, Stored
from sealwire.journal.writing import Writer
from sealwire.stages import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

    from sealwire.journal.directory import StateDirectory
    from sealwire.journal.remembered import Remembered

WAIT_S: Final = 5.0
"""How long a lock is waited for. It is held while a change is applied, which has 5 s for what may
wait; usually a few milliseconds."""

COMPACT_BYTES: Final = 1024 * 1024
"""Up to here a journal is never written anew for its length."""


class Journal:
    """The journal of a state directory; see `open`."""

    def __init__(self, directory: StateDirectory, writer: Writer, pending: Pending) -> None:
        """Make one; `open` is what others call."""
        self._directory, self._writer = directory, writer
        self._waiting = _Waiting(writer, pending)
        self._held: Held | None = None

    @classmethod
    def open(
        cls,
        directory: StateDirectory,
        *,
        compact_bytes: int = COMPACT_BYTES,
        wait_s: float = WAIT_S,
        pending: Pending | None = None,
    ) -> Self:
        """Open the journal of a state directory, which stays open as long as this is used.

        Args:
            directory: the directory.
            compact_bytes: up to which length the journal is never written anew for its length.
            wait_s: how long somebody who is writing is waited for, seconds.
            pending: what waits to be written; it is kept up to date, and may outlive this.

        Raises:
            StateError: it cannot be trusted, read, or had in time.
        """
        pending = Pending() if pending is None else pending
        return cls(directory, Writer(directory, compact_bytes, wait_s), pending)

    def __repr__(self) -> str:
        """Say where it is."""
        return f"<Journal of {self._directory.path}>"

    @property
    def remembered(self) -> Remembered:
        """What the journal came to when this process looked last; see `peek`."""
        return self._writer.remembered

    @property
    def cut_bytes(self) -> int:
        """How much of the torn ends that crashes leave this object has cut off."""
        return self._writer.cut_bytes

    @property
    def is_ours(self) -> bool:
        """Whether nobody else in this process has closed what is open here."""
        return self._writer.is_ours

    @property
    def healthy(self) -> bool:
        """Whether something new can begin, as far as is known."""
        return not self.trouble

    @property
    def trouble(self) -> str:
        """What is wrong, in words; ``""`` where nothing is."""
        parts = (self._writer.broken, self._waiting.trouble, self._writer.reserve.trouble)
        return "; ".join(part for part in parts if part)

    @contextlib.contextmanager
    def exclusive(self, wait_s: float = WAIT_S) -> Iterator[Held]:
        """Hold the journal alone, knowing what all others have written.

        Args:
            wait_s: how long others are waited for, seconds.

        Raises:
            StateError: it cannot be had in time, trusted or written. The next call tries again.
        """
        with self._writer.alone(wait_s):
            self._waiting.write()
            self._writer.reserve.look()
            held = self._held = Held(self, self._writer, self._waiting)
            try:
                yield held
            finally:
                self._held = None
            self._writer.compact_if_due()

    def peek(self, wait_s: float = WAIT_S) -> Remembered:
        """Look at what others have written, without keeping anybody else from looking.

        Raises:
            StateError: it cannot be had in time, trusted or read.
        """
        self._writer.look(wait_s)
        return self.remembered

    def note(self, record: Now | Clock | Settled | Unwritten) -> bool:
        """Write that something ended, if that can be done at once; else it waits for the next time.

        This never raises and never waits for anybody, and gives whether the record is on the disk.
        """
        if self._held is not None:
            return self._held.note(record)
        self._waiting.add(record)
        return self.flush()

    def flush(self) -> bool:
        """Write what waits, if that can be done at once; give whether nothing waits now.

        This never raises and never waits for anybody.
        """
        if not self._waiting.records:
            return True
        try:
            with self._writer.alone(wait_s=0.0):
                return self._waiting.write()
        except StateError as error:
            self._waiting.why = f"a note waits to be written: {error}"
            return False

    def close(self) -> None:
        """Close it; twice does nothing."""
        self._writer.close()

    def abandon(self) -> None:
        """Close what a child of a fork inherited; the lock stays with its parent."""
        self.close()

    def is_held_by(self, held: Held) -> bool:
        """Say whether this is who holds it alone now."""
        return self._held is held


class Held:
    """The journal in the hands of who holds it alone, as long as that lasts."""

    def __init__(self, journal: Journal, writer: Writer, waiting: _Waiting) -> None:
        """Make one; `Journal.exclusive` is what others call."""
        self._journal, self._writer, self._waiting = journal, writer, waiting

    @property
    def remembered(self) -> Remembered:
        """What the journal comes to, with everything that anybody has written."""
        return self._journal.remembered

    @property
    def in_force(self) -> Stored:
        """What is in force by it, without what has ended and could not be written yet."""
        return self._waiting.records.left_of(self.remembered)

    def intend(self, kept: Kept, *, going_back: bool = False) -> None:
        """Write that a message is accepted, and move its floor.

        Args:
            kept: the message.
            going_back: it takes something back, for which room is kept.

        Raises:
            StateError: it is not certain to be on the disk, and so it is not accepted.
            ValueError: it cannot be accepted now: another one is open, or its version is taken.
        """
        self._check()
        if self._journal.trouble and not going_back:
            raise StateError(self._journal.trouble)
        try:
            self._writer.write(Intent(kept), with_reserve=going_back)
        except StateError:
            # Where it could not be cut off again it may be found open, by us or by another; we have
            # not accepted it, and say so as soon as that can be written.
            if self._writer.broken:
                self._waiting.add(Settled(kept.digest, kept.stream, Outcome.FAILED))
            raise

    def settle(self, outcome: Outcome, in_force: Stored | None = None) -> None:
        """Write what became of the open intent.

        Args:
            outcome: what became of it.
            in_force: what is in force now; ``None`` where that did not change.

        Raises:
            StateError: it is not certain to be on the disk. The intent stays open: undo it, and say
                so with `note`.
            ValueError: there is no open intent, or this cannot be in force.
        """
        self._check()
        intent = self.remembered.open_intent
        if intent is None:
            raise ValueError("no intent is open")
        record = Settled(intent.digest, intent.stream, outcome, in_force)
        self._writer.write(record, with_reserve=True)

    def note(self, record: Now | Clock | Settled | Unwritten) -> bool:
        """Write that something ended, or let it wait; this never raises.

        Args:
            record: what is in force now, the time, what became of the open intent where `settle`
                has failed, or a message that took something back where `intend` has.

        Returns:
            Whether it is on the disk.
        """
        if not self._journal.is_held_by(self):
            return self._journal.note(record)
        self._waiting.add(record)
        return self._waiting.write()

    def flush(self) -> None:
        """Write what waits, if that can be done; this never raises."""
        self._waiting.write()

    def _check(self) -> None:
        if not self._journal.is_held_by(self):
            raise StateError("the journal is not held any more")


class _Waiting:
    """What waits to be written, and why.

    Attributes:
        records: what waits.
        why: why it does, in words.
    """

    def __init__(self, writer: Writer, records: Pending) -> None:
        self._writer, self.records = writer, records
        self.why = ""

    @property
    def trouble(self) -> str:
        """Why something waits; ``""`` where nothing does."""
        return (self.why or "a note waits to be written") if self.records else ""

    def add(self, record: Settled | Now | Clock | Unwritten) -> None:
        """Let a record wait."""
        self.records.add(record, self._writer.remembered)

    def write(self) -> bool:
        """Write what waits; give whether all of it is on the disk now. The lock is held alone."""
        written = True
        while (record := self.records.next(self._writer.remembered)) is not None:
            try:
                self._writer.write(record, with_reserve=True)
            except StateError as error:
                self.why = f"a note waits to be written: {error}"
                return False
            except ValueError:
                # A bug of who made it. What can never be written must not hold up all else.
                written = False
                self.records.give_up(record)
            else:
                self.records.forget(record)
        self.why = ""
        return written and not self.records
