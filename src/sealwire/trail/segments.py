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
5. A trail that is not as its last checkpoint says is not gone on with.

Not guaranteed: that a disk has what it says it has.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from sealwire.errors import StateError
from sealwire.trail.checkpoint import Checkpoint, Note, origin_of
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
    lines_of,
    notes_of,
    segments_of,
    split_notes,
)
from sealwire.trail.merkle import HASH_BYTES, CompactRange, leaf_hash
from sealwire.trail.records import (
    SALT_BYTES,
    Record,
    RecordError,
    numbered,
    parse_record,
    salt_check,
)

if TYPE_CHECKING:
    from typing import Self

    from sealwire.keys import SigningKey

MAX_SEGMENT_BYTES: Final = 16 * 1024 * 1024
"""When a new segment is begun: some 30,000 records, which are read in half a second."""

_NEWLINE: Final = ord("\n")


class TrailWriter:
    """The one who writes a trail. Not for several threads at a time."""

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
        self._descriptors = contextlib.ExitStack()
        self.torn_bytes = 0
        check_folder(folder)
        try:
            self._lock = locked(folder / "lock")
            self._descriptors.callback(os.close, self._lock)
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
            if any(folder.iterdir()):
                raise StateError(f"{folder} is not empty; name a new folder for the trail")
            salt = secrets.token_bytes(SALT_BYTES)
            begun = Begun(FORMAT, audience, secrets.token_hex(8), salt_check(salt))
            first = Record(0, at, boot, begun).encode() + b"\n"
            write_new(folder / SALT_NAME, salt)
            write_new(Segment(folder, 0).records, first)
            sync_folder(folder)
        except OSError as failure:
            raise StateError(f"no trail can be made in {folder}: {failure}") from None
        return cls(folder, boot, max_segment_bytes=max_segment_bytes)

    @property
    def size(self) -> int:
        """How many records there are."""
        return self._tree.size

    @property
    def head(self) -> Checkpoint:
        """Size and root as they are now, unsigned."""
        return Checkpoint(self.origin, self.size, self._tree.root())

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

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    # ---- opening ----------------------------------------------------------------------------

    def _open(self) -> None:
        segments = segments_of(self.folder)
        if not segments:
            raise StateError(f"there is no trail in {self.folder}; make one first")
        roots: dict[int, bytes] = {}
        for segment in segments:
            notes, _ = split_notes(notes_of(segment))
            for note in notes:
                if not isinstance(note, Note):
                    self._refuse(f"has a checkpoint that is none: {note}")
                roots[note.checkpoint.size] = note.checkpoint.root
        size = max(roots, default=0)
        for segment in segments:
            if segment.first != self._tree.size:
                self._refuse(f"has no record {self._tree.size}")
            last = segment is segments[-1]
            hashes = self._read_last(segment) if last else _all_hashes(segment)
            for at in range(0, len(hashes), HASH_BYTES):
                self._tree.append(hashes[at : at + HASH_BYTES])
                if self._tree.size == size and self._tree.root() != roots[size]:
                    self._refuse(f"is not as its checkpoint of {size} records says")
        if self._tree.size < size:
            self._refuse(f"has {self._tree.size} records, and its checkpoint counts {size}")
        begun = _first_event(segments[0])
        if not isinstance(begun, Begun):
            self._refuse("does not begin as a trail does")
        self.origin = origin_of(begun.audience, begun.trail)
        self.salt = (self.folder / SALT_NAME).read_bytes()
        if salt_check(self.salt) != begun.salt_check:
            self._refuse("has a salt that is not its own")

    def _read_last(self, segment: Segment) -> bytes:
        """Read the last segment, cut off half a record behind it, and open it to be written."""
        hashes, good_bytes = bytearray(), 0
        for line in lines_of(segment):
            if line[-1] != _NEWLINE:
                break
            if not numbered(line, segment.first + len(hashes) // HASH_BYTES):
                self._refuse(f"has something else as record {segment.first + len(hashes) // 32}")
            hashes += leaf_hash(line[:-1])
            good_bytes += len(line)
        self._begin_writing(segment)
        self.torn_bytes = os.fstat(self._records).st_size - good_bytes
        if self.torn_bytes:
            os.ftruncate(self._records, good_bytes)
            os.fsync(self._records)
        self._segment_bytes = good_bytes
        if hashes_of(segment, len(hashes) // HASH_BYTES + 1) != hashes:
            os.ftruncate(self._hashes, 0)
            self._unwritten_hashes += hashes
            self._write_hashes()
        _, rest = split_notes(notes_of(segment))
        if rest:
            os.ftruncate(self._checkpoints, os.fstat(self._checkpoints).st_size - len(rest))
        return bytes(hashes)

    def _refuse(self, what: str) -> NoReturn:
        name = shlex.quote(str(self.folder))
        raise StateError(
            f"the trail {self.folder} {what}; see what is wrong with: sealwire trail verify {name}"
        )

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
            opened.append(os.open(path, APPENDING, 0o600))
            self._segments.callback(os.close, opened[-1])
        self._records, self._hashes, self._checkpoints = opened

    def _write_hashes(self) -> None:
        if self._unwritten_hashes:
            self._write(self._hashes, bytes(self._unwritten_hashes))
            self._unwritten_hashes.clear()

    def _write(self, descriptor: int, data: bytes) -> None:
        self._check()
        try:
            if os.write(descriptor, data) != len(data):
                self._break(OSError(0, "only a part was written"))
        except OSError as failure:
            self._break(failure)

    def _sync(self, descriptor: int) -> None:
        self._check()
        try:
            bring_to_disk(descriptor)
        except OSError as failure:
            self._break(failure)

    def _check(self) -> None:
        if self._broken:
            raise StateError(f"the trail {self.folder} is not written: {self._broken}")

    def _break(self, failure: OSError) -> NoReturn:
        self._broken = failure.strerror or str(failure)
        raise StateError(f"the trail {self.folder} cannot be written: {self._broken}") from None


def _first_event(segment: Segment) -> Event | None:
    """Give the event of a segment's first record, if it has one."""
    for line in lines_of(segment):
        with contextlib.suppress(RecordError):
            return parse_record(line[:-1]).event
        break
    return None


def _all_hashes(segment: Segment) -> bytes:
    """Give the hashes of a segment that is closed: the kept ones, or they are made again."""
    rest = [each for each in segments_of(segment.folder) if each.first > segment.first]
    count = rest[0].first - segment.first
    kept = hashes_of(segment, count + 1)
    if len(kept) == count * HASH_BYTES:
        return kept
    return b"".join(leaf_hash(line[:-1]) for line in lines_of(segment))
