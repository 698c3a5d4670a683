"""What is there of a trail that is to be gone on with; nothing here writes.

A trail that is not as its last checkpoint says is not gone on with: whoever did, would sign what
somebody else has made of it.
"""

from __future__ import annotations

import contextlib
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn

from sealwire.errors import StateError
from sealwire.trail.checkpoint import Note, origin_of
from sealwire.trail.events import Begun, Event
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
from sealwire.trail.records import RecordError, numbered, parse_record, salt_check

if TYPE_CHECKING:
    from pathlib import Path

_NEWLINE: Final = ord("\n")


@dataclass(frozen=True, slots=True)
class Existing:
    """A trail as it was found.

    Attributes:
        tree: the tree over its records.
        origin: the origin of its checkpoints.
        salt: its salt.
        last: its last segment.
        hashes: the hashes of the records of the last segment.
        whole_bytes: how many bytes of the last segment are whole records.
    """

    tree: CompactRange
    origin: str
    salt: bytes
    last: Segment
    hashes: bytes
    whole_bytes: int


def read_existing(folder: Path) -> Existing:
    """Read what there is.

    Raises:
        StateError: there is no trail, or it is not as its last checkpoint says.
        OSError: its salt cannot be read.
    """
    segments = segments_of(folder)
    if not segments:
        raise StateError(f"there is no trail in {folder}; make one first")
    roots = _signed_roots(folder, segments)
    signed = max(roots, default=0)
    tree, hashes, whole_bytes = CompactRange(), b"", 0
    for segment, following in zip(segments, [*segments[1:], None], strict=True):
        if segment.first != tree.size:
            _refuse(folder, f"has no record {tree.size}")
        if following is None:
            hashes, whole_bytes = _read_last(segment)
        else:
            hashes = _hashes_of_closed(segment, following.first - segment.first)
        for at in range(0, len(hashes), HASH_BYTES):
            tree.append(hashes[at : at + HASH_BYTES])
            if tree.size == signed and tree.root() != roots[signed]:
                _refuse(folder, f"is not as its checkpoint of {signed} records says")
    if tree.size < signed:
        _refuse(folder, f"has {tree.size} records, and its checkpoint counts {signed}")
    begun = _first_event(segments[0])
    if not isinstance(begun, Begun):
        _refuse(folder, "does not begin as a trail does")
    salt = (folder / SALT_NAME).read_bytes()
    if salt_check(salt) != begun.salt_check:
        _refuse(folder, "has a salt that is not its own")
    origin = origin_of(begun.audience, begun.trail)
    return Existing(tree, origin, salt, segments[-1], hashes, whole_bytes)


def _signed_roots(folder: Path, segments: tuple[Segment, ...]) -> dict[int, bytes]:
    """Give the root that each checkpoint names, by its size."""
    roots: dict[int, bytes] = {}
    for segment in segments:
        for note in split_notes(notes_of(segment))[0]:
            if not isinstance(note, Note):
                _refuse(folder, f"has a checkpoint that is none: {note}")
            roots[note.checkpoint.size] = note.checkpoint.root
    return roots


def _read_last(segment: Segment) -> tuple[bytes, int]:
    """Give the hashes of the last segment's whole records, and their bytes."""
    hashes, whole_bytes, index = bytearray(), 0, segment.first
    for line in lines_of(segment):
        if line[-1] != _NEWLINE:
            break
        if not numbered(line, index):
            _refuse(segment.folder, f"has something else as record {index}")
        hashes += leaf_hash(line[:-1])
        whole_bytes += len(line)
        index += 1
    return bytes(hashes), whole_bytes


def _hashes_of_closed(segment: Segment, count: int) -> bytes:
    """Give the hashes of a segment that others follow: the kept ones, or they are made again."""
    kept = hashes_of(segment, count + 1)
    if len(kept) == count * HASH_BYTES:
        return kept
    return b"".join(leaf_hash(line[:-1]) for line in lines_of(segment))


def _first_event(segment: Segment) -> Event | None:
    """Give the event of a segment's first record, if it has one."""
    for line in lines_of(segment):
        with contextlib.suppress(RecordError):
            return parse_record(line[:-1]).event
        break
    return None


def _refuse(folder: Path, what: str) -> NoReturn:
    name = shlex.quote(str(folder))
    raise StateError(
        f"the trail {folder} {what}; see what is wrong with: sealwire trail verify {name}"
    )
