"""One journal file that is open: reading on, appending, and writing one anew.

Rules this module keeps:

1. The holder of the lock calls; whoever writes holds it alone.
2. A record is on the disk when `JournalFile.append` returns. When it raises, the file has been cut
   back, so that nobody else takes for durable what may not be; and it is said whether that is
   certain. Where not even that worked, it is cut back the next time, unless somebody else has gone
   on from it. An intent is not, because others may have seen its floor: it is to be settled.
3. A sync that failed is never tried again on the same file: the system may have given up what it
   could not write, and would say that all is well.
4. A new file has its name when all of it is on the disk.
"""

from __future__ import annotations

import contextlib
import secrets
from typing import TYPE_CHECKING, Final

from sealwire.descriptors import identity_of
from sealwire.errors import StateError
from sealwire.journal.directory import JOURNAL, StateDirectory
from sealwire.journal.disk import APPENDING, CREATING, FULL, let_go
from sealwire.journal.encoding import decode, encode
from sealwire.journal.layout import (
    MARKER_BYTES,
    MAX_FILE_BYTES,
    Reading,
    Verdict,
    append,
    begin,
    length_of,
    read,
    read_on,
)
from sealwire.journal.records import Intent
from sealwire.journal.remembered import Remembered, fold, snapshot

if TYPE_CHECKING:
    from typing import Self

    from sealwire.journal.records import Record

NEW: Final = JOURNAL + ".new"


class WriteError(Exception):
    """A record was not written.

    Attributes:
        failure: why.
        full: there was no room.
        unsure: it is not certain what the disk holds.
    """

    def __init__(self, failure: OSError, *, unsure: bool) -> None:
        """Make one."""
        self.failure, self.unsure = failure, unsure
        self.full = failure.errno in FULL


class JournalFile:
    """An open journal, and what it comes to.

    Attributes:
        remembered: what its records come to, as far as they have been read.
        end: where the next record goes.
        torn_bytes: how much a crash has left behind the last record.
    """

    def __init__(self, directory: StateDirectory, descriptor: int) -> None:
        """Take over an open file and read it; it is closed if that fails.

        Raises:
            StateError: it cannot be trusted.
            OSError: it cannot be read.
        """
        self._directory, self._disk, self._descriptor = directory, directory.disk, descriptor
        self.torn_bytes = 0
        self._doubtful = b""
        try:
            status = self._disk.status(descriptor)
            self.identity = identity_of(status)
            self._check_size(status.st_size)
            found = read(self._disk.read(descriptor, 0, status.st_size))
            self.end = found.end
            remembered = self._fold(None, found)
            if remembered is None:
                raise self._damaged(found.end.offset, "it has no record")
            self.remembered = remembered
            self._check_whose(remembered)
        except BaseException:
            self.close()
            raise

    @classmethod
    def open(cls, directory: StateDirectory) -> Self:
        """Open the journal of a directory.

        Raises:
            StateError: it is not there, or cannot be trusted.
            OSError: it cannot be opened or read.
        """
        try:
            return cls(directory, directory.open_file(JOURNAL, APPENDING))
        except FileNotFoundError:
            raise StateError(
                f"{directory.where(JOURNAL)} is not there: the state is lost; put its copy back, "
                f"or see: {directory.check_command}"
            ) from None

    @classmethod
    def create(cls, directory: StateDirectory, remembered: Remembered) -> Self:
        """Write a journal anew that comes to ``remembered``, in place of the one that is there.

        Raises:
            WriteError: it cannot be written. What is there then is the old one or, where that is
                unsure, perhaps the new one; both come to the same.
        """
        disk, payloads = directory.disk, [encode(record) for record in snapshot(remembered)]
        content, _ = begin(secrets.token_bytes(MARKER_BYTES), payloads)
        created: Self | None = None
        named = False
        try:
            with contextlib.suppress(FileNotFoundError):
                disk.remove(NEW, directory.descriptor)
            # It is read again before it gets its name, and closed by that if it is not right.
            created = cls(directory, _written(directory, content))
            named = True
            disk.rename(NEW, JOURNAL, directory.descriptor)
            disk.sync(directory.descriptor)
        except OSError as failure:
            if created is not None:
                created.close()
            with contextlib.suppress(OSError):
                disk.remove(NEW, directory.descriptor)
            raise WriteError(failure, unsure=named) from None
        return created

    def close(self) -> None:
        """Close it; twice does nothing."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor != -1:
            let_go(self._disk, descriptor)

    @property
    def is_ours(self) -> bool:
        """Whether it is still open, as far as this process's own doing goes."""
        return self._disk.is_ours(self._descriptor)

    def catch_up(self, *, alone: bool) -> None:
        """Read what others have appended.

        Args:
            alone: the lock is held alone.

        Raises:
            StateError: it cannot be trusted any more.
            OSError: it cannot be read.
        """
        size = self._disk.status(self._descriptor).st_size
        self.torn_bytes = 0
        if size == self.end.offset:
            return
        self._check_size(size)
        if size < self.end.offset:
            raise self._damaged(size, f"it was {self.end.offset} bytes long, and records are gone")
        rest = self._disk.read(self._descriptor, self.end.offset, size - self.end.offset)
        if self._doubtful.startswith(rest):
            # It is ours, and was said not to have been written.
            if alone:
                self._disk.cut(self._descriptor, self.end.offset)
            return
        self._doubtful = b""
        found = read_on(rest, self.end)
        remembered = self._fold(self.remembered, found)
        if remembered is not None:
            self.remembered = remembered
        self.end = found.end

    def append(self, record: Record) -> None:
        """Write one more record, to the disk.

        Raises:
            ValueError: it cannot stand here; nothing was written.
            StateError: the file would be too long; nothing was written.
            WriteError: see rule 2.
        """
        remembered = fold(self.remembered, record)
        payload = encode(record)
        try:
            content, end = append(self.end, payload)
        except ValueError as error:
            raise StateError(f"{self._directory.where(JOURNAL)}: {error}") from None
        written = False
        try:
            _write_all(self._directory, self._descriptor, content)
            written = True
            self._disk.sync_data(self._descriptor)
        except OSError as failure:
            # Of a write that found no room it is known what the disk holds; of all else it is not.
            unsure = written or failure.errno not in FULL
            try:
                self._disk.cut(self._descriptor, self.end.offset)
            except OSError:
                unsure = True
                self._doubtful = b"" if isinstance(record, Intent) else content
            raise WriteError(failure, unsure=unsure) from None
        self.end, self.remembered = end, remembered

    # ---- reading ----------------------------------------------------------------------------

    def _fold(self, remembered: Remembered | None, found: Reading) -> Remembered | None:
        for payload, end in zip(found.payloads, found.ends, strict=True):
            try:
                remembered = fold(remembered, decode(payload))
            except ValueError as error:
                raise self._damaged(end.offset, f"a record that ends there says: {error}") from None
        if found.verdict is Verdict.CORRUPT:
            raise self._damaged(found.end.offset, found.problem)
        if found.verdict is Verdict.TORN:
            size = self._disk.status(self._descriptor).st_size
            self.torn_bytes = size - found.end.offset
        return remembered

    def _check_size(self, size: int) -> None:
        if size > MAX_FILE_BYTES:
            raise self._damaged(size, f"it has more than {MAX_FILE_BYTES} bytes")

    def _check_whose(self, remembered: Remembered) -> None:
        if (remembered.audience, remembered.state_id) != (
            self._directory.audience,
            self._directory.state_id,
        ):
            raise self._damaged(0, "it is another state's, and not the marker's")

    def _damaged(self, offset: int, problem: str) -> StateError:
        return StateError(
            f"{self._directory.where(JOURNAL)} is damaged at byte {offset}: {problem}; see: "
            f"{self._directory.check_command}"
        )


def _written(directory: StateDirectory, content: bytes) -> int:
    """Write the new file, to the disk; give it, open."""
    descriptor = directory.disk.open(NEW, CREATING, directory.descriptor)
    try:
        _write_all(directory, descriptor, content)
        directory.disk.sync(descriptor)
    except BaseException:
        let_go(directory.disk, descriptor)
        raise
    return descriptor


def _write_all(directory: StateDirectory, descriptor: int, content: bytes) -> None:
    while content:
        written = directory.disk.write(descriptor, content)
        if written == 0:
            raise OSError(0, "nothing was written")
        content = content[written:]


def length_anew(remembered: Remembered) -> int:
    """Give how long a journal would be that is written anew, in bytes."""
    return length_of([encode(record) for record in snapshot(remembered)])
