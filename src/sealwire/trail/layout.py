"""How a trail lies in its folder, and how it is read; nothing here writes.

    00000000000000000000.jsonl         records, one a line: the trail
    00000000000000000000.hashes        the hash of each record, 32 bytes each, and no more
    00000000000000000000.checkpoints   signed checkpoints, an empty line behind each
    00000000000000004711.jsonl         the next segment, named by the number of its first record
    salt                               32 bytes; not needed to verify

Rules this module keeps:

1. The ``.jsonl`` files are the whole record. The hashes can be made again from them; they are there
   to say which record was changed, and to open a long trail quickly.
2. A record ends with its newline. What stands behind the last one is no record: it was never
   acknowledged, and it is cut off when the trail is opened to be written.
3. Nothing is read that is longer than its limit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from sealwire.errors import StateError
from sealwire.trail.checkpoint import MAX_NOTE_BYTES, CheckpointError, Note, parse_note
from sealwire.trail.merkle import HASH_BYTES
from sealwire.trail.records import MAX_RECORD_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

SALT_NAME: Final = "salt"

MAX_CHECKPOINTS_BYTES: Final = 64 * 1024 * 1024
"""One for each change of two hundred thousand; a segment ends before."""

_NAME: Final = re.compile(r"([0-9]{20})\.jsonl", re.ASCII)


@dataclass(frozen=True, slots=True)
class Segment:
    """One stretch of a trail.

    Attributes:
        folder: where the trail lies.
        first: the number of its first record.
    """

    folder: Path
    first: int

    @property
    def records(self) -> Path:
        """The file with the records."""
        return self.folder / f"{self.first:020}.jsonl"

    @property
    def hashes(self) -> Path:
        """The file with the hash of each record."""
        return self.folder / f"{self.first:020}.hashes"

    @property
    def checkpoints(self) -> Path:
        """The file with the checkpoints that were signed while this segment was the last."""
        return self.folder / f"{self.first:020}.checkpoints"


def segments_of(folder: Path) -> tuple[Segment, ...]:
    """Give the segments of a trail in their order.

    Raises:
        StateError: the folder cannot be read.
    """
    try:
        found = [_NAME.fullmatch(each.name) for each in folder.iterdir()]
    except OSError as failure:
        raise StateError(
            f"the trail {folder} cannot be read: {failure.strerror}; name the folder of a trail"
        ) from None
    return tuple(Segment(folder, first) for first in sorted(int(each[1]) for each in found if each))


def lines_of(segment: Segment) -> Iterator[bytes]:
    """Give the lines of a segment, each with its newline; a last one without it was cut short.

    Raises:
        StateError: the file cannot be read.
    """
    try:
        with _opened(segment.records) as file:
            # One byte more than the longest line: what is longer ends without a newline, and is no
            # record whatever stands behind it.
            while line := file.readline(MAX_RECORD_BYTES + 1):
                yield line
                if line[-1] != _NEWLINE:
                    return
    except OSError as failure:
        raise _unreadable(segment.records, failure) from None


_NEWLINE: Final = ord("\n")


def leaves_of(folder: Path) -> Iterator[bytes]:
    """Give the records of a whole trail as they stand there, unverified and without newlines.

    Raises:
        StateError: a file cannot be read, or a segment is missing.
    """
    index = 0
    for segment in segments_of(folder):
        if segment.first != index:
            raise StateError(
                f"the records from {index} on are not in {folder}; see what is wrong with: "
                "sealwire trail verify"
            )
        for line in lines_of(segment):
            if line[-1] == _NEWLINE:
                yield line[:-1]
                index += 1


def hashes_of(segment: Segment, most: int) -> bytes:
    """Give the kept hashes of a segment, ``most`` of them at most; none where there is no file.

    Raises:
        StateError: the file is there and cannot be read.
    """
    content = _beginning(segment.hashes, most * HASH_BYTES)
    return content[: len(content) - len(content) % HASH_BYTES]


def leaf_hashes(folder: Path, begin: int, end: int) -> list[bytes]:
    """Give the kept hashes of the records from ``begin`` to before ``end``.

    Raises:
        StateError: they cannot be read, or are not all there.
    """
    hashes: list[bytes] = []
    for segment in reversed(segments_of(folder)):
        if segment.first < end and begin < end:
            first = max(begin, segment.first)
            hashes[:0] = _some_hashes(segment, first, end)
            end = first
    if begin < end:
        raise StateError(f"the hashes of the records from {begin} on are not in {folder}")
    return hashes


def _some_hashes(segment: Segment, begin: int, end: int) -> list[bytes]:
    try:
        with _opened(segment.hashes) as file:
            file.seek((begin - segment.first) * HASH_BYTES)
            content = file.read((end - begin) * HASH_BYTES)
    except OSError as failure:
        raise _unreadable(segment.hashes, failure) from None
    if len(content) != (end - begin) * HASH_BYTES:
        raise StateError(f"{segment.hashes} has not the hash of each record")
    return [content[at : at + HASH_BYTES] for at in range(0, len(content), HASH_BYTES)]


def notes_of(segment: Segment) -> bytes:
    """Give the checkpoints of a segment as they stand there; see `split_notes`.

    Raises:
        StateError: the file is there and cannot be read.
    """
    return _beginning(segment.checkpoints, MAX_CHECKPOINTS_BYTES)


def split_notes(content: bytes) -> tuple[tuple[Note | CheckpointError, ...], bytes]:
    """Take checkpoints apart that stand one behind the other, an empty line behind each.

    Args:
        content: a file of checkpoints. The empty line behind the last one may be missing, so that
            a single checkpoint is such a file too.

    Returns:
        Each checkpoint, or why it is none; and what is left of one that was not written to its end.
    """
    *parts, rest = content.split(b"\n\n")
    if len(parts) % 2:
        if rest.endswith(b"\n"):
            parts, rest = [*parts, rest[:-1]], b""
        else:
            rest = parts.pop() + b"\n\n" + rest
    return tuple(map(_note, parts[::2], parts[1::2])), rest


def last_note(folder: Path, size: int) -> Note | None:
    """Give the last checkpoint of no more than ``size`` records; it is not verified.

    Raises:
        StateError: a file cannot be read.
    """
    for segment in reversed(segments_of(folder)):
        for note in reversed(split_notes(notes_of(segment))[0]):
            if isinstance(note, Note) and note.checkpoint.size <= size:
                return note
    return None


def _note(text: bytes, signatures: bytes) -> Note | CheckpointError:
    try:
        return parse_note((text + b"\n\n" + signatures + b"\n")[: MAX_NOTE_BYTES + 1])
    except CheckpointError as error:
        return error


def _beginning(path: Path, most_bytes: int) -> bytes:
    try:
        with _opened(path) as file:
            return file.read(most_bytes)
    except FileNotFoundError:
        return b""
    except OSError as failure:
        raise _unreadable(path, failure) from None


def _opened(path: Path) -> BinaryIO:
    """Open a file; anything else in its place, such as a pipe, could keep a reader waiting."""
    if path.exists() and not path.is_file():
        raise StateError(f"{path} is no regular file; name the folder of a trail")
    return path.open("rb")


def _unreadable(path: Path, failure: OSError) -> StateError:
    return StateError(
        f"{path} cannot be read: {failure.strerror}; read it as the user the service runs as"
    )
