"""Writing a trail: append, bring to the disk, sign; nothing here takes anything away.

Rules this module keeps:

1. One process writes a trail: it holds the lock. The folder is ours and closed to others (0700),
   and so are its files (0600).
2. `TrailWriter.append` hands a record to the system; it is safe from the end of this process.
   `TrailWriter.sync` brings everything to the disk; it is safe from the end of the machine.
3. After a write or a sync that failed, nothing more is written through this object: what the disk
   holds is not known. A new one reads what is there.
4. Half a record at the end is what a crash leaves. It was never acknowledged, so it is cut off when
   the trail is opened, and `TrailWriter.torn_bytes` tells.
5. A trail that is not as its last checkpoint says is not gone on with, and neither is a file that
   somebody else has cut, or has put in another place: what is written there nobody finds.
6. Nothing is written by a number that is another file's by now, or without the lock; see
   `descriptors`.

Not guaranteed: that a disk has what it says it has.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from sealwire.descriptors import Descriptor, check, let_go
from sealwire.errors import StateError
from sealwire.trail.checkpoint import Checkpoint, Note
from sealwire.trail.events import FORMAT, Begun, Event
from sealwire.trail.folders import (
    APPENDING,
    bring_to_disk,
    check_folder,
    locked,
    sync_folder,
    write_new,
)
from sealwire.trail.layout import (
    SALT_NAME,
    Segment,
    hashes_of,
    leaf_hashes,
    notes_of,
    split_notes,
)
from sealwire.trail.merkle import (
    HASH_BYTES,
    CompactRange,
    consistency_subtrees,
    leaf_hash,
    subtree_root,
)
from sealwire.trail.opening import read_existing
from sealwire.trail.records import SALT_BYTES, Record, salt_check

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from sealwire.keys import SigningKey

MAX_SEGMENT_BYTES: Final = 16 * 1024 * 1024
"""When a new segment is begun: some 30,000 records, which are read in half a second."""

LOCK_NAME: Final = "lock"

_NEWLINE: Final = ord("\n")


class TrailWriter:
    """The one who writes a trail. Not for several threads at a time.

    Attributes:
        torn_bytes: what a crash had left behind the last record, and opening has cut off.
        failed_with: the system's number for what went wrong with a write; 0 where nothing did.
    """

    def __init__(
        self, folder: Path, boot: str = "", *, max_segment_bytes: int = MAX_SEGMENT_BYTES
    ) -> None:
        """Open the trail in ``folder`` to go on with it; `create` makes one.

        Args:
            folder: where it lies.
            boot: the boot of the machine, for the records; see `Record`.
            max_segment_bytes: when a new segment is begun.

        Raises:
            StateError: there is no trail, another process writes it, it is open to others, it
                cannot be read or written, or it is not as its last checkpoint says.
        """
        self.folder, self.boot, self._max_segment_bytes = folder, boot, max_segment_bytes
        self._tree = CompactRange()
        self._unwritten_hashes = bytearray()
        self._broken = ""
        self.failed_with = 0
        self._descriptors = contextlib.ExitStack()
        self.torn_bytes = 0
        check_folder(folder)
        try:
            self._lock = locked(folder / LOCK_NAME)
            self._descriptors.callback(let_go, self._lock)
            self._open()
        except BaseException as error:
            self._descriptors.close()
            if isinstance(error, OSError):
                raise StateError(f"the trail {folder} cannot be opened: {error}") from None
            raise

    @classmethod
    def create(
        cls,
        folder: Path,
        audience: str,
        at: int,
        boot: str = "",
        *,
        max_segment_bytes: int = MAX_SEGMENT_BYTES,
    ) -> Self:
        """Make a new trail, whose first record says whose it is, and open it.

        Sign a `checkpoint` right away: a trail without one is not taken for good where a key is
        asked for.

        Args:
            folder: where; made if it is not there, else empty.
            audience: the service.
            at: the time, milliseconds since the epoch.
            boot: as in the constructor.
            max_segment_bytes: as in the constructor.

        Raises:
            StateError: there is something in the folder, or it cannot be written.
        """
        try:
            folder.mkdir(0o700, parents=True, exist_ok=True)
            check_folder(folder)
            # From looking to having made it: of two that begin at once one finds the other's.
            lock = locked(folder / LOCK_NAME)
            try:
                if not cls.is_due(folder):
                    raise StateError(f"{folder} is not empty; name a new folder for the trail")
                salt = secrets.token_bytes(SALT_BYTES)
                begun = Begun(FORMAT, audience, secrets.token_hex(8), salt_check(salt))
                first = Record(0, at, boot, begun).encode() + b"\n"
                _make({folder / SALT_NAME: salt, Segment(folder, 0).records: first})
                sync_folder(folder)
            finally:
                os.close(lock)
        except OSError as failure:
            raise StateError(f"no trail can be made in {folder}: {failure}") from None
        return cls(folder, boot, max_segment_bytes=max_segment_bytes)

    @staticmethod
    def is_due(folder: Path) -> bool:
        """Whether there is nothing in a folder, so that a trail can be begun there.

        Raises:
            OSError: it cannot be read.
        """
        return not folder.exists() or all(each.name == LOCK_NAME for each in folder.iterdir())

    @property
    def size(self) -> int:
        """How many records there are."""
        return self._tree.size

    @property
    def head(self) -> Checkpoint:
        """Size and root as they are now, unsigned."""
        return Checkpoint(self.origin, self.size, self._tree.root())

    def prove(self, first: int, size: int) -> tuple[bytes, ...]:
        """Prove that the trail of ``first`` records is the beginning of the one of ``size``.

        It costs the hashing of two blocks, and of one hash for each block of the trail.

        Args:
            first: an earlier size.
            size: a later one that was brought to the disk.

        Raises:
            StateError: the hashes cannot be read; `ProofError` where the one is no beginning.
        """
        leaves = partial(leaf_hashes, self.folder)
        return tuple(
            subtree_root(begin, end, self._tree.blocks, leaves)
            for begin, end in consistency_subtrees(first, size)
        )

    def append(self, event: Event, at: int) -> Record:
        """Write one more record; it is not on the disk before `sync`.

        Args:
            event: what happened.
            at: when, milliseconds since the epoch.

        Raises:
            RecordError: the event is beyond the limits of a record; nothing was written.
            StateError: it cannot be written (rule 3).
        """
        record = Record(self._tree.size, at, self.boot, event)
        leaf = record.encode()
        if self._segment_bytes and self._segment_bytes + len(leaf) >= self._max_segment_bytes:
            self._begin_segment()
        self._write(self._records, leaf + b"\n")
        self._segment_bytes += len(leaf) + 1
        digest = leaf_hash(leaf)
        self._tree.append(digest)
        self._unwritten_hashes += digest
        return record

    def sync(self) -> None:
        """Bring every record to the disk.

        Raises:
            StateError: that is not certain (rule 3).
        """
        self._write_hashes()
        self._check_place()
        self._sync(self._records)

    def checkpoint(self, key: SigningKey) -> Note:
        """Bring every record to the disk, sign size and root, and keep that beside them.

        Raises:
            StateError: it cannot be written (rule 3).
        """
        self.sync()
        note = self.head.sign(key)
        self._write(self._checkpoints, note.encode() + b"\n")
        self._sync(self._checkpoints)
        return note

    def close(self) -> None:
        """Let the trail go. What was appended and not synced is in the system's hands."""
        if not self._broken:
            with contextlib.suppress(StateError):
                self._write_hashes()
        self._broken = "it is closed"
        self._descriptors.close()

    def abandon(self) -> None:
        """Let go of what a forked child inherited: nothing is written, and the lock stays held."""
        self._broken = "it is another process's"
        self._descriptors.close()

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    # ---- opening ----------------------------------------------------------------------------

    def _open(self) -> None:
        """Take over what is there; only when all of it is in order is anything cut off."""
        there = read_existing(self.folder)
        self._tree, self.origin, self.salt = there.tree, there.origin, there.salt
        self._begin_writing(there.last)
        self._segment_bytes = there.whole_bytes
        self.torn_bytes = os.fstat(self._records).st_size - there.whole_bytes
        if self.torn_bytes:
            os.ftruncate(self._records, there.whole_bytes)
            os.fsync(self._records)
        if there.hashes != hashes_of(there.last, len(there.hashes) // HASH_BYTES + 1):
            os.ftruncate(self._hashes, 0)
            self._unwritten_hashes += there.hashes
            self._write_hashes()
        content = notes_of(there.last)
        _, half = split_notes(content)
        if half:
            os.ftruncate(self._checkpoints, len(content) - len(half))
        elif content and not content.endswith(b"\n\n"):
            self._write(self._checkpoints, b"\n")

    # ---- writing ----------------------------------------------------------------------------

    def _begin_segment(self) -> None:
        """Close the segment for ever, and begin the next."""
        self.sync()
        self._sync(self._hashes)
        self._segments.close()
        try:
            self._begin_writing(Segment(self.folder, self._tree.size))
            sync_folder(self.folder)
        except OSError as failure:
            self._break(failure)
        self._segment_bytes = 0

    def _begin_writing(self, segment: Segment) -> None:
        self._segments = self._descriptors.enter_context(contextlib.ExitStack())
        opened = []
        for path in (segment.records, segment.hashes, segment.checkpoints):
            opened.append(Descriptor.of(os.open(path, APPENDING, 0o600)))
            self._segments.callback(let_go, opened[-1])
        self._records, self._hashes, self._checkpoints = opened
        self._path = segment.records

    def _write_hashes(self) -> None:
        if self._unwritten_hashes:
            self._write(self._hashes, bytes(self._unwritten_hashes))
            self._unwritten_hashes.clear()

    def _write(self, descriptor: int, data: bytes) -> None:
        self._check()
        try:
            check(self._lock)
            check(descriptor)
            if os.write(descriptor, data) != len(data):
                # The system says why at the next try alone; a full disk is what does this.
                self._break(OSError(errno.ENOSPC, "only a part was written"))
        except OSError as failure:
            self._break(failure)

    def _sync(self, descriptor: int) -> None:
        self._check()
        try:
            bring_to_disk(descriptor)
        except OSError as failure:
            self._break(failure)

    def _check_place(self) -> None:
        """Notice what somebody else has done to the file that is written (rule 5)."""
        self._check()
        try:
            here, there = os.fstat(self._records), self._path.lstat()
        except PermissionError:
            # Who has given up rights since may not look, and goes on.
            return
        except OSError as failure:
            self._break(failure)
        if (here.st_dev, here.st_ino) != (there.st_dev, there.st_ino):
            self._break(OSError(errno.ESTALE, f"another file is in the place of {self._path.name}"))
        if here.st_size != self._segment_bytes:
            self._break(OSError(errno.ESTALE, f"somebody else has changed {self._path.name}"))

    def _check(self) -> None:
        if self._broken:
            raise StateError(f"the trail {self.folder} is not written: {self._broken}")

    def _break(self, failure: OSError) -> NoReturn:
        self.failed_with = failure.errno or 0
        self._broken = failure.strerror or str(failure)
        raise StateError(f"the trail {self.folder} cannot be written: {self._broken}") from None


def _make(files: Mapping[Path, bytes]) -> None:
    """Write files that are not there; where one of them cannot be written none stays."""
    try:
        for path, content in files.items():
            write_new(path, content)
    except OSError:
        for path in files:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        raise
