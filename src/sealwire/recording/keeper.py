"""The keeper of one trail: its writer, the requests as they came, and the space kept in reserve.

    sealed.jsonl    every accepted request as it came, by its digest; one line of JSON each
    reserve         space that nothing else on the disk can take

Rules this module keeps:

1. Whatever fails, the writer is given up, and the next use opens the trail anew and reads what is
   really there. Records that did not get there are written again, in their order.
2. When the disk is full the reserve is given back to it, so that "the disk is full" and what is
   taken back can still be written. Until there is a reserve again, the keeper is `low`.
3. What was accepted is found by its digest, which stands in the record; a line whose content has
   another digest is none.

Not guaranteed: that a request kept here can be read by everybody. Where the chain encrypts, that
needs the key as it did on the way.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sealwire.descriptors import Descriptor, check, let_go
from sealwire.errors import StateError
from sealwire.trail.events import TrailRecovered
from sealwire.trail.folders import APPENDING, bring_to_disk
from sealwire.trail.layout import SALT_NAME, Segment
from sealwire.trail.records import RecordError
from sealwire.trail.segments import TrailWriter

if TYPE_CHECKING:
    from sealwire.keys import SigningKey
    from sealwire.trail.checkpoint import Checkpoint, Note
    from sealwire.trail.events import Event
    from sealwire.trail.records import Record

SEALED_NAME: Final = "sealed.jsonl"
RESERVE_NAME: Final = "reserve"
RESERVE_BYTES: Final = 256 * 1024
"""Some four hundred records: far more than can be taken back."""

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


class Keeper:
    """Writes one trail, and opens it again after a failure.

    Attributes:
        low: whether the space in reserve is used up, and not there again.
    """

    def __init__(
        self, folder: Path, audience: str, boot: str, key: SigningKey, segment_bytes: int
    ) -> None:
        """Know the trail; `open` opens it.

        Args:
            folder: where it lies, or is to be made.
            audience: the service.
            boot: the boot of the machine.
            key: signs checkpoints.
            segment_bytes: when a new segment is begun.
        """
        # The application may go to another directory, and this is opened again.
        self.folder, self.low = folder.absolute(), False
        self._audience, self._boot, self._key = audience, boot, key
        self._segment_bytes = segment_bytes
        self._writer: TrailWriter | None = None
        self._sealed: int = -1
        self._sealed_unsynced = False
        self._unsynced: list[Record] = []
        self._signed_size = 0
        self._was_there = False

    @property
    def is_open(self) -> bool:
        """Whether it can be written, as far as is known."""
        return self._writer is not None

    @property
    def writer(self) -> TrailWriter:
        """The writer.

        Raises:
            StateError: it is not open.
        """
        if self._writer is None:
            raise StateError(f"the trail {self.folder} is not open")
        return self._writer

    @property
    def unsynced(self) -> tuple[Record, ...]:
        """The records that are not known to be on the disk."""
        return tuple(self._unsynced)

    @property
    def head(self) -> Checkpoint:
        """Size and root, unsigned."""
        return self.writer.head

    def prove(self, first: int, size: int) -> tuple[bytes, ...]:
        """Prove that the trail of ``first`` records is the beginning of the one of ``size``.

        Raises:
            StateError: it is not open, or that cannot be read; `ProofError` where it is none.
        """
        return self.writer.prove(first, size)

    def open(self, at: int) -> bool:
        """Open the trail, or begin one if nothing is there; do nothing if it is open.

        Args:
            at: the time, milliseconds since the epoch.

        Returns:
            Whether a new trail was begun.

        Raises:
            StateError: it cannot be read or written, or another process writes it.
        """
        if self._writer is not None:
            return False
        new = False
        try:
            new = TrailWriter.is_due(self.folder)
            if new and self._was_there:
                # Whoever has taken it away is not helped by another one that begins well.
                raise StateError(f"the trail {self.folder} is gone; put it back, or start again")
            if new:
                more = {"max_segment_bytes": self._segment_bytes}
                self._writer = TrailWriter.create(
                    self.folder, self._audience, at, self._boot, **more
                )
            else:
                self._writer = TrailWriter(
                    self.folder, self._boot, max_segment_bytes=self._segment_bytes
                )
            if not self._writer.origin.startswith(f"sealwire/{self._audience}/"):
                raise StateError(
                    f"the trail {self.folder} is of another service; name a folder of its own"
                )
            self._open_sealed()
            if not self.low:
                # What was given back to a full disk is for records now; `refill` takes it again.
                self._take_reserve()
            if self._writer.torn_bytes:
                self.append(TrailRecovered(self._writer.torn_bytes), at)
            self._write_again()
        except (OSError, StateError) as failure:
            if new and self._writer is not None:
                # Its lock is held, so it is not what somebody else has begun meanwhile.
                self._unmake()
            self._give_up()
            if isinstance(failure, StateError):
                raise
            raise StateError(f"the trail {self.folder} cannot be opened: {failure}") from None
        self._was_there = True
        return new

    def append(self, event: Event, at: int) -> Record:
        """Write a record; it is not on the disk before `sync`.

        Raises:
            RecordError: the event is beyond the limits of a record; the trail goes on.
            StateError: it cannot be written; the keeper is closed.
        """
        try:
            record = self.writer.append(event, at)
        except RecordError:
            raise
        except StateError:
            self._give_up()
            raise
        self._unsynced.append(record)
        return record

    def keep_sealed(self, digest: str, sealed: bytes) -> None:
        """Keep a request as it came.

        Raises:
            StateError: it cannot be written; the keeper is closed.
        """
        line = {"digest": digest, "sealed": base64.b64encode(sealed).decode()}
        data = json.dumps(line, separators=(",", ":")).encode() + b"\n"
        self._sealed_unsynced = True
        try:
            check(self._sealed)
            if os.write(self._sealed, data) != len(data):
                raise OSError(errno.ENOSPC, "only a part was written")
        except OSError as failure:
            self._fail(failure)

    def sync(self) -> None:
        """Bring everything to the disk.

        Raises:
            StateError: that is not certain; the keeper is closed.
        """
        if self._sealed_unsynced:
            try:
                bring_to_disk(self._sealed)
            except OSError as failure:
                self._fail(failure)
            self._sealed_unsynced = False
        try:
            self.writer.sync()
        except StateError:
            self._give_up()
            raise
        self._unsynced.clear()

    def checkpoint(self) -> Note:
        """Sign size and root, and keep that beside the records, unless it is there already.

        Raises:
            StateError: it cannot be written; the keeper is closed.
        """
        writer = self.writer
        if writer.size == self._signed_size:
            return writer.head.sign(self._key)
        try:
            note = writer.checkpoint(self._key)
        except StateError:
            self._give_up()
            raise
        self._unsynced.clear()
        self._signed_size = note.checkpoint.size
        return note

    def close(self) -> None:
        """Let the trail go."""
        if self._writer is not None:
            self._writer.close()
        self._close_sealed()
        self._writer = None
        self._unsynced.clear()

    def abandon(self) -> None:
        """Let go of what a forked child inherited."""
        if self._writer is not None:
            self._writer.abandon()
        self._close_sealed()
        self._writer = None
        self._unsynced.clear()

    def _unmake(self) -> None:
        """Empty the folder in which no trail could be begun: nothing of it was acknowledged."""
        first = Segment(self.folder, 0)
        names = (SALT_NAME, SEALED_NAME, RESERVE_NAME)
        files = (first.records, first.hashes, first.checkpoints)
        for path in (*files, *(self.folder / name for name in names)):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    # ---- what is beside the records ------------------------------------------------------------

    def _open_sealed(self) -> None:
        self._sealed = Descriptor.of(os.open(self.folder / SEALED_NAME, APPENDING, 0o600))
        size = os.lseek(self._sealed, 0, os.SEEK_END)
        os.lseek(self._sealed, max(0, size - 1), os.SEEK_SET)
        if size and os.read(self._sealed, 1) != b"\n":
            # Half a line that a crash has left; it is none, and the next one stands by itself.
            os.write(self._sealed, b"\n")

    def _close_sealed(self) -> None:
        if self._sealed >= 0:
            let_go(self._sealed)
        self._sealed = -1

    def _take_reserve(self) -> None:
        """Take the reserve if it is not there; where the disk has not so much, be low."""
        path = self.folder / RESERVE_NAME
        try:
            descriptor = os.open(path, APPENDING & ~os.O_APPEND, 0o600)
            try:
                if os.fstat(descriptor).st_size < RESERVE_BYTES:
                    _allocate(descriptor, RESERVE_BYTES)
                    os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as failure:
            if failure.errno not in _FULL:
                raise
            self._release_reserve()
        else:
            self.low = False

    def _release_reserve(self) -> None:
        with contextlib.suppress(OSError):
            (self.folder / RESERVE_NAME).unlink(missing_ok=True)
        self.low = True

    def refill(self) -> None:
        """Take the space in reserve again, if it was given away and there is some.

        Raises:
            StateError: it cannot be, for another reason than a full disk.
        """
        if self.low and self._writer is not None:
            try:
                self._take_reserve()
            except OSError as failure:
                self._fail(failure)

    def _write_again(self) -> None:
        """Write what did not get there before the writer was given up (rule 1)."""
        lost = [each for each in self._unsynced if each.seq >= self.writer.size]
        self._unsynced = [each for each in self._unsynced if each.seq < self.writer.size]
        for each in lost:
            self._unsynced.append(self.writer.append(each.event, each.at))

    def _fail(self, failure: OSError) -> None:
        if failure.errno in _FULL:
            self._release_reserve()
        self._give_up()
        raise StateError(f"the trail {self.folder} cannot be written: {failure.strerror}") from None

    def _give_up(self) -> None:
        writer, self._writer = self._writer, None
        self._close_sealed()
        if writer is not None:
            if writer.failed_with in _FULL:
                self._release_reserve()
            writer.close()


def _allocate(descriptor: int, size: int) -> None:
    """Take space on the disk, and not only its promise."""
    if sys.platform == "linux":
        try:
            os.posix_fallocate(descriptor, 0, size)
        except OSError as failure:
            # Not every file system knows of that, and writing does the same.
            if failure.errno not in {errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP}:
                raise
        else:
            return
    os.lseek(descriptor, 0, os.SEEK_SET)
    if os.write(descriptor, bytes(size)) != size:
        raise OSError(errno.ENOSPC, "only a part was written")
