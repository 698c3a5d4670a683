"""The journal under its lock: catching up with others, appending, and beginning again.

Rules this module keeps:

1. Whoever writes holds the lock alone, and knows by then what all others have written.
2. What was written is on the disk when `Writer.write` returns.
3. After a failed write or sync nothing more is appended to that file. Whoever holds the lock next
   writes a new one of everything that can be read, and goes on when that has worked. So does who
   finds that another one has ended in the middle.
4. A journal that has grown to a few times of what it comes to is written anew. Where that fails the
   old one is as good.
"""

from __future__ import annotations

import contextlib
import errno
from typing import TYPE_CHECKING, Final

from sealwire.descriptors import identity_of
from sealwire.errors import StateError
from sealwire.journal.directory import JOURNAL, StateDirectory, in_short
from sealwire.journal.file import JournalFile, WriteError, length_anew
from sealwire.journal.lock import Lock
from sealwire.journal.remembered import Remembered, check_not_older
from sealwire.journal.reserve import Reserve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealwire.journal.records import Record

_IN_THE_MIDDLE: Final = "a process ended while it was writing the journal"

_LONGER: Final = 4
"""How many times as long as what it comes to a journal becomes."""


class Writer:
    """The journal file of a state directory, as one process has it open.

    Attributes:
        broken: why nothing can be appended, in words; ``""`` where it can.
        reserve: room for what has to be written when the disk is full.
        cut_bytes: how much of torn ends was cut off.
    """

    def __init__(self, directory: StateDirectory, compact_bytes: int, wait_s: float) -> None:
        """Open it.

        Args:
            directory: the state directory.
            compact_bytes: up to which length it is never written anew for its length.
            wait_s: how long somebody who is writing is waited for, seconds.

        Raises:
            StateError: it cannot be trusted, read, or had in time.
        """
        self._directory, self._disk = directory, directory.disk
        self._compact_bytes = self._look_at_bytes = compact_bytes
        self.reserve = Reserve(directory)
        self.broken = ""
        self.cut_bytes = 0
        self._lock = Lock(directory)
        try:
            with self._lock.held(alone=False, wait_s=wait_s), self._told():
                self._file = JournalFile.open(directory)
        except BaseException:
            self._lock.close()
            raise

    @property
    def remembered(self) -> Remembered:
        """What the journal came to when this process looked last."""
        return self._file.remembered

    @property
    def is_ours(self) -> bool:
        """Whether nobody else in this process has closed what is open here."""
        return self._file.is_ours and self._lock.is_ours

    def close(self) -> None:
        """Close file and lock; twice does nothing."""
        self._file.close()
        self._lock.close()

    @contextlib.contextmanager
    def alone(self, wait_s: float) -> Iterator[None]:
        """Hold the lock alone, with a file that is up to date and can be appended to.

        Raises:
            StateError: it cannot be had in time, trusted or written.
        """
        with self._lock.held(alone=True, wait_s=wait_s):
            try:
                with self._told():
                    if self._lock.left_in_the_middle:
                        self.broken = self.broken or _IN_THE_MIDDLE
                    self._catch_up(alone=True)
                    if self.broken or self._file.torn_bytes:
                        self._begin_again()
                yield
            finally:
                self._lock.unmark(finished=not self.broken)

    def look(self, wait_s: float) -> None:
        """Read what others have written.

        Raises:
            StateError: it cannot be had in time, trusted or read.
        """
        with self._lock.held(alone=False, wait_s=wait_s), self._told():
            self._catch_up(alone=False)

    def write(self, record: Record, *, with_reserve: bool) -> None:
        """Write a record, to the disk; the lock is held alone.

        Args:
            record: the record.
            with_reserve: give the reserve's room back, if there is no other.

        Raises:
            StateError: it is not certain to be on the disk.
            ValueError: it cannot stand here; nothing was written.
        """
        if self.broken:
            raise StateError(self.broken)
        try:
            self._mark()
            # Whatever ends this in between, nobody takes for durable what may not be.
            self.broken = _IN_THE_MIDDLE
            self._file.append(record)
        except WriteError as error:
            said = self._cannot(error.failure)
            self.broken = said if error.unsure else ""
            if error.full and not error.unsure and with_reserve and self.reserve.release():
                self.write(record, with_reserve=False)
                return
            raise StateError(said) from None
        except (ValueError, StateError):
            self.broken = ""
            raise
        self.broken = ""

    def compact_if_due(self) -> None:
        """Write the journal anew, if it has grown long; the lock is held alone."""
        length = self._file.end.offset
        if length <= self._look_at_bytes or self.broken:
            return
        self._look_at_bytes = max(_LONGER * length_anew(self.remembered), self._compact_bytes)
        if length <= self._look_at_bytes:
            return
        try:
            self._write_anew()
        except (WriteError, StateError):
            # Where the old one may not be what its name leads to, the next holder begins again.
            self._look_at_bytes = length + self._compact_bytes

    # ---- knowing what is there --------------------------------------------------------------

    def _catch_up(self, *, alone: bool) -> None:
        try:
            status = self._disk.status_of(JOURNAL, self._directory.descriptor)
        except FileNotFoundError:
            status = None
        if status is not None and identity_of(status) == self._file.identity:
            self._file.catch_up(alone=alone)
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
        self._look_at_bytes = self._compact_bytes

    def _begin_again(self) -> None:
        """Write a new journal, because the one that is there is not certain to be on the disk."""
        torn = self._file.torn_bytes
        try:
            self._write_anew(with_reserve=True)
        except WriteError as error:
            self.broken = self._cannot(error.failure)
            raise error.failure from None
        self.cut_bytes += torn

    # ---- writing ----------------------------------------------------------------------------

    def _write_anew(self, *, with_reserve: bool = False) -> None:
        """Write a new journal of what can be read.

        Raises:
            WriteError: it cannot be written.
            StateError: it is not read as it was written.
        """
        before = self.broken
        try:
            self._mark()
            self.broken = _IN_THE_MIDDLE
            new = JournalFile.create(self._directory, self.remembered)
        except WriteError as error:
            self.broken = self._cannot(error.failure) if error.unsure else before
            if with_reserve and error.full and self.reserve.release():
                self._write_anew()
                return
            raise
        self._file.close()
        self._file = new
        self.broken = ""
        self._look_at_bytes = self._compact_bytes

    def _mark(self) -> None:
        """Say that we are writing; a lock that cannot be written is as bad as a file."""
        if self._lock.inherited:
            raise WriteError(OSError(errno.EPERM, "a child of a fork inherited it"), unsure=False)
        try:
            self._lock.mark()
        except OSError as failure:
            raise WriteError(failure, unsure=False) from None

    def _cannot(self, failure: OSError) -> str:
        return (
            f"{self._directory.where(JOURNAL)} cannot be written: {in_short(failure)}; mend that, "
            "and the next change tries again"
        )

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
