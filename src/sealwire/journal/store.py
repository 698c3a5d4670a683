"""The journal: the durable state of one service, which several processes of one host share.

Rules this module keeps:

1. Whoever writes holds the lock alone, and knows by then what all others have written. It is held
   from a message's intent until it is settled; an intent that somebody finds open is therefore that
   of a process that ended in the middle.
2. What was written is on the disk when the call returns, or the call raises.
3. After a failed write or sync nothing more is appended to that file. Whoever holds the lock next
   writes a new one of everything that can be read, and goes on when that has worked.
4. Nothing begins while there is no room to write its end: that is what the reserve is for. It is
   given back to write what ended, and taken again later.
5. What ended by itself is never refused. It waits in memory until it can be written, and is written
   before anything else.
6. A child of a fork closes what it inherited, and never unlocks it: the lock is its parent's.

Not for several threads at a time; not guaranteed: that a disk has what it says it has.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from sealwire.errors import StateError
from sealwire.journal.directory import JOURNAL, LOCK, StateDirectory, in_short
from sealwire.journal.disk import APPENDING
from sealwire.journal.file import JournalFile, WriteError, identity_of, length_anew
from sealwire.journal.pending import Pending
from sealwire.journal.records import Clock, Intent, Kept, Now, Record, Settled, Stored
from sealwire.journal.remembered import Remembered, check_not_older
from sealwire.journal.reserve import Reserve
from sealwire.journal.waiting import wait_for_lock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

    from sealwire.stages import Outcome

WAIT_S: Final = 5.0
"""How long a lock is waited for. It is held while a change is applied, which has 5 s for what may
wait; usually a few milliseconds."""

COMPACT_BYTES: Final = 1024 * 1024
"""Up to here a journal is never written anew for its length."""

_LONGER: Final = 4
"""How many times as long as what it comes to a journal becomes."""


class Journal:
    """The journal of a state directory; see `open`.

    Attributes:
        cut_bytes: how much of torn ends this object has cut off.
    """

    def __init__(self, directory: StateDirectory, compact_bytes: int, wait_s: float) -> None:
        """Open it; `open` is what others call."""
        self._directory, self._disk = directory, directory.disk
        self._compact_bytes = self._look_at_bytes = compact_bytes
        self._process = self._disk.process()
        self._reserve = Reserve(directory)
        self._pending = Pending()
        self._held: Held | None = None
        self._broken = ""
        self._note_trouble = ""
        self._name_unsure = True
        self.cut_bytes = 0
        self._lock = self._open_lock()
        try:
            with self._locked(alone=False, wait_s=wait_s), self._told():
                self._file = JournalFile.open(directory)
        except BaseException:
            self._disk.close(self._lock)
            raise

    @classmethod
    def open(
        cls,
        directory: StateDirectory,
        *,
        compact_bytes: int = COMPACT_BYTES,
        wait_s: float = WAIT_S,
    ) -> Self:
        """Open the journal of a state directory, which stays open as long as this is used.

        Args:
            directory: the directory.
            compact_bytes: up to which length the journal is never written anew for its length.
            wait_s: how long somebody who is writing is waited for, seconds.

        Raises:
            StateError: it cannot be trusted, read, or had.
        """
        return cls(directory, compact_bytes, wait_s)

    @property
    def remembered(self) -> Remembered:
        """What the journal came to when this process looked last; see `peek`."""
        return self._file.remembered

    @property
    def healthy(self) -> bool:
        """Whether something new can begin, as far as is known."""
        return not self.trouble

    @property
    def trouble(self) -> str:
        """What is wrong, in words; ``""`` where nothing is."""
        parts = [self._broken, self._note_trouble if self._pending else "", self._reserve.trouble]
        return "; ".join(part for part in parts if part)

    @contextlib.contextmanager
    def exclusive(self, wait_s: float = WAIT_S) -> Iterator[Held]:
        """Hold the journal alone, knowing what all others have written.

        Args:
            wait_s: how long others are waited for, seconds.

        Raises:
            StateError: it cannot be had in time, trusted or written. The next call tries again.
        """
        with self._locked(alone=True, wait_s=wait_s):
            with self._told():
                self._catch_up()
                self._make_sure()
            held = self._held = Held(self)
            self._write_pending()
            self._reserve.look()
            try:
                yield held
            finally:
                self._held = None
            self._compact_if_due()

    def peek(self, wait_s: float = WAIT_S) -> Remembered:
        """Look at what others have written, without keeping anybody else from looking.

        Raises:
            StateError: it cannot be had in time, trusted or read.
        """
        with self._locked(alone=False, wait_s=wait_s), self._told():
            self._catch_up()
        return self.remembered

    def note(self, record: Now | Clock | Settled) -> bool:
        """Write that something ended, if that can be done at once; else it waits for the next time.

        This never raises and never waits for anybody, and gives whether the record is on the disk.
        """
        if self._held is not None:
            return self._held.note(record)
        self._pending.add(record, self.remembered)
        return self.flush()

    def flush(self) -> bool:
        """Write what waits, if that can be done at once; give whether nothing waits now.

        This never raises and never waits for anybody.
        """
        if self._pending:
            try:
                with self.exclusive(wait_s=0.0):
                    pass
            except StateError as error:
                self._note_trouble = f"a note waits to be written: {error}"
        return not self._pending

    def close(self) -> None:
        """Close it; twice does nothing."""
        self._file.close()
        lock, self._lock = self._lock, -1
        if lock != -1:
            self._disk.close(lock)

    def abandon(self) -> None:
        """Close what a child of a fork inherited; the lock stays with its parent."""
        self.close()

    # ---- the lock ---------------------------------------------------------------------------

    def _open_lock(self) -> int:
        try:
            return self._directory.open_file(LOCK, APPENDING)
        except OSError as failure:
            raise StateError(
                f"{self._directory.where(LOCK)} cannot be opened: {in_short(failure)}; others may "
                f"hold one that was removed, so stop them, and see: {self._directory.check_command}"
            ) from None

    @contextlib.contextmanager
    def _locked(self, *, alone: bool, wait_s: float) -> Iterator[None]:
        where = self._directory.where(LOCK)
        if self._lock == -1 or self._disk.process() != self._process:
            raise StateError(f"the journal {self._directory.path} is closed here; open it anew")
        if self._held is not None:
            raise StateError(f"the journal {self._directory.path} is held here already")
        with self._told():
            if self._disk.status(self._lock).st_nlink == 0:
                raise StateError(
                    f"{where} was removed, so that others could hold another one; stop all of "
                    f"them, and see: {self._directory.check_command}"
                )
            got = wait_for_lock(self._disk, self._lock, alone=alone, wait_s=wait_s)
        if not got:
            raise StateError(
                f"{where} has been held by another process for {wait_s:g} s; find it with: "
                f"fuser {where}"
            )
        try:
            yield
        finally:
            # Closing would not free it: a child that was forked meanwhile has it open too.
            if self._disk.process() == self._process:
                self._disk.unlock(self._lock)

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Say where a system call failed."""
        try:
            yield
        except OSError as failure:
            raise StateError(
                f"the state {self._directory.path} cannot be read or written: {in_short(failure)}; "
                f"see: {self._directory.check_command}"
            ) from None

    # ---- knowing what is there --------------------------------------------------------------

    def _catch_up(self) -> None:
        try:
            status = self._disk.status_of(JOURNAL, self._directory.descriptor)
        except FileNotFoundError:
            status = None
        if status is not None and identity_of(status) == self._file.identity:
            self._file.catch_up()
            return
        found = JournalFile.open(self._directory)
        try:
            check_not_older(self.remembered, found.remembered)
        except ValueError as error:
            found.close()
            raise StateError(
                f"{self._directory.where(JOURNAL)} was exchanged: {error}; put the right one back, "
                f"or see: {self._directory.check_command}"
            ) from None
        self._file.close()
        self._file = found
        self._name_unsure = True
        self._look_at_bytes = self._compact_bytes

    def _make_sure(self) -> None:
        """See to it that what was read is on the disk, and that more can be appended."""
        if not self._broken:
            try:
                self.cut_bytes += self._file.make_sure()
                if self._name_unsure:
                    self._disk.sync(self._directory.descriptor)
                    self._name_unsure = False
            except OSError as failure:
                self._broken = self._cannot(failure)
                raise
            return
        try:
            self._write_anew(with_reserve=True)
        except WriteError as error:
            raise error.failure from None

    def _write_anew(self, *, with_reserve: bool = False) -> None:
        """Write a new journal of what can be read (rule 3).

        Raises:
            WriteError: it cannot be written.
        """
        try:
            new = JournalFile.create(self._directory, self.remembered)
        except WriteError as error:
            if error.unsure:
                self._broken = self._cannot(error.failure)
            if with_reserve and error.full and self._reserve.release():
                self._write_anew()
                return
            raise
        self._file.close()
        self._file = new
        self._broken, self._name_unsure = "", False
        self._look_at_bytes = self._compact_bytes

    def _compact_if_due(self) -> None:
        length = self._file.end.offset
        if length <= self._look_at_bytes or self._broken:
            return
        self._look_at_bytes = max(_LONGER * length_anew(self.remembered), self._compact_bytes)
        if length <= self._look_at_bytes:
            return
        try:
            self._write_anew()
        except WriteError:
            # The old one is as good; where that is not certain, the next holder writes another.
            self._look_at_bytes = length + self._compact_bytes

    # ---- writing ----------------------------------------------------------------------------

    def _write(self, record: Record, *, with_reserve: bool) -> None:
        """Write a record, to the disk.

        Raises:
            StateError: that is not certain.
        """
        if self._broken:
            raise StateError(self._broken)
        try:
            self._file.append(record)
        except WriteError as error:
            if error.full and not error.unsure and with_reserve and self._reserve.release():
                self._write(record, with_reserve=False)
                return
            said = self._cannot(error.failure)
            if error.unsure:
                self._broken = said
            raise StateError(said) from None

    def _write_pending(self) -> bool:
        """Write what waits; give whether all of it is on the disk now."""
        written = True
        while (record := self._pending.next(self.remembered)) is not None:
            try:
                self._write(record, with_reserve=True)
            except StateError as error:
                self._note_trouble = f"a note waits to be written: {error}"
                return False
            except ValueError as error:
                # What can never be written must not keep everything else from being written.
                self._note_trouble, written = f"a note cannot be written: {error}", False
            self._pending.forget(record)
        return written

    def _cannot(self, failure: OSError) -> str:
        return (
            f"{self._directory.where(JOURNAL)} cannot be written: {in_short(failure)}; mend that, "
            "and the next change tries again"
        )


class Held:
    """The journal in the hands of who holds it alone, as long as that lasts."""

    def __init__(self, journal: Journal) -> None:
        """Make one; `Journal.exclusive` is what others call."""
        self._journal = journal

    @property
    def remembered(self) -> Remembered:
        """What the journal comes to, with everything that anybody has written."""
        return self._journal.remembered

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
        self._journal._write(Intent(kept), with_reserve=going_back)  # noqa: SLF001 - two halves of one

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
        self._journal._write(record, with_reserve=True)  # noqa: SLF001 - two halves of one

    def note(self, record: Now | Clock | Settled) -> bool:
        """Write that something ended, or let it wait; this never raises.

        Args:
            record: what is in force now, the time, or what became of the open intent where `settle`
                has failed.

        Returns:
            Whether it is on the disk.
        """
        journal = self._journal
        if journal._held is not self:  # noqa: SLF001 - two halves of one
            return journal.note(record)
        journal._pending.add(record, self.remembered)  # noqa: SLF001 - the same
        return journal._write_pending()  # noqa: SLF001 - the same

    def _check(self) -> None:
        if self._journal._held is not self:  # noqa: SLF001 - two halves of one
            raise StateError("the journal is not held any more")
