r"""A journal as bytes: a head, then records in a chain; telling a torn end from a damaged middle.

    head      "sealwire-journal-1\n" · marker, 16 bytes · length of the beginning, 8 bytes
              · SHA-256 of these
    record    marker · length of the payload, 4 bytes · payload
              · SHA-256 of the digest before, then marker, length and payload

The marker is random, and another one in each file. The *beginning* is what was written and brought
to the disk before the file had its name: the head and the first records.

Rules this module keeps:

1. Whoever appends a record brings it to the disk before the next one is begun. So a crash can
   spoil the last record alone, by cutting it short or by losing any part of it.
2. A record that is not as its digest says is therefore the torn end of a crash only if no marker
   stands behind its first byte, it stands behind the beginning, and what is left is no longer than
   one record. The torn end was never acknowledged, and may be cut off.
3. Everything else is damage, and nothing of such a file may be gone on with: what was acknowledged
   is missing in it.
4. Whoever sends a message does not know the marker, so no content of a record can look like another
   record's first byte.

Not guaranteed: that nobody has put an older copy of the file in its place, or has cut it between
two records behind its beginning; and damage of the very last record looks like a torn end.
"""

from __future__ import annotations

import enum
import hashlib
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

MAGIC: Final = b"sealwire-journal-1\n"
MARKER_BYTES: Final = 16
MAX_PAYLOAD_BYTES: Final = 300 * 1024
"""A message of 260 KiB and what is said about it; or 64 leases, which are far less."""

MAX_FILE_BYTES: Final = 128 * 1024 * 1024
"""Seven times the largest state: 67 messages of a frame's full length."""

_DIGEST_BYTES: Final = 32
_LENGTH_BYTES: Final = 4
_BEGINNING_BYTES: Final = 8
HEAD_BYTES: Final = len(MAGIC) + MARKER_BYTES + _BEGINNING_BYTES + _DIGEST_BYTES
RECORD_EXTRA_BYTES: Final = MARKER_BYTES + _LENGTH_BYTES + _DIGEST_BYTES
"""What a record has besides its payload."""


class End(NamedTuple):
    """Where the next record goes.

    Attributes:
        offset: how many bytes stand in front of it.
        digest: the digest in front of it.
        marker: the file's marker.
        beginning: the length of the file's beginning.
    """

    offset: int
    digest: bytes
    marker: bytes
    beginning: int


class Verdict(enum.Enum):
    """What a file was found to be."""

    CLEAN = "clean"
    TORN = "torn"
    CORRUPT = "corrupt"


class Reading(NamedTuple):
    """What stands in a file, or in the rest of one.

    Attributes:
        payloads: the records that are in order.
        ends: where each of them ends, as many as there are payloads.
        end: the end of the last one of them.
        verdict: what stands behind them.
        problem: that in words; ``""`` where nothing does.
    """

    payloads: tuple[bytes, ...]
    ends: tuple[End, ...]
    end: End
    verdict: Verdict
    problem: str = ""


def begin(marker: bytes, payloads: Sequence[bytes]) -> tuple[bytes, End]:
    """Give the beginning of a new file, and its end.

    Args:
        marker: 16 random bytes.
        payloads: its first records.

    Raises:
        ValueError: a payload is too long, or all of them are.
    """
    length = length_of(payloads)
    head = MAGIC + marker + length.to_bytes(_BEGINNING_BYTES, "big")
    digest = hashlib.sha256(head).digest()
    parts = [head + digest]
    end = End(HEAD_BYTES, digest, marker, length)
    for payload in payloads:
        part, end = append(end, payload)
        parts.append(part)
    return b"".join(parts), end


def length_of(payloads: Sequence[bytes]) -> int:
    """Give how long a file with these records is."""
    return HEAD_BYTES + sum(RECORD_EXTRA_BYTES + len(payload) for payload in payloads)


def append(end: End, payload: bytes) -> tuple[bytes, End]:
    """Give the bytes of one more record, and the end behind it.

    Raises:
        ValueError: the payload is too long, or the file would be.
    """
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise ValueError(f"a record has {len(payload)} bytes; {MAX_PAYLOAD_BYTES} are allowed")
    offset = end.offset + RECORD_EXTRA_BYTES + len(payload)
    if offset > MAX_FILE_BYTES:
        raise ValueError(f"the journal would have more than {MAX_FILE_BYTES} bytes")
    content = end.marker + len(payload).to_bytes(_LENGTH_BYTES, "big") + payload
    digest = _digest(end, content)
    return content + digest, end._replace(offset=offset, digest=digest)


def read(data: bytes) -> Reading:
    """Read a whole file."""
    *named, digest = _split_head(data)
    if hashlib.sha256(b"".join(named)).digest() != digest or named[0] != MAGIC:
        nowhere = End(0, b"", b"", 0)
        return Reading((), (), nowhere, Verdict.CORRUPT, "it does not begin as a journal does")
    _, marker, length = named
    return read_on(data[HEAD_BYTES:], End(HEAD_BYTES, digest, marker, int.from_bytes(length)))


def _split_head(data: bytes) -> list[bytes]:
    parts: list[bytes] = []
    at = 0
    for length in (len(MAGIC), MARKER_BYTES, _BEGINNING_BYTES, _DIGEST_BYTES):
        parts.append(data[at : at + length])
        at += length
    return parts


def read_on(data: bytes, end: End) -> Reading:
    """Read what stands behind ``end``.

    Args:
        data: the rest of the file.
        end: where it begins.
    """
    start = end.offset
    payloads: list[bytes] = []
    ends: list[End] = []
    while (at := end.offset - start) < len(data):
        found = _record_at(data, at, end)
        if found is None:
            return Reading(tuple(payloads), tuple(ends), end, *_judge(data, at, end))
        payload, end = found
        payloads.append(payload)
        ends.append(end)
    if end.offset < end.beginning:
        problem = "it ends within its beginning"
        return Reading(tuple(payloads), tuple(ends), end, Verdict.CORRUPT, problem)
    return Reading(tuple(payloads), tuple(ends), end, Verdict.CLEAN)


def _record_at(data: bytes, at: int, end: End) -> tuple[bytes, End] | None:
    """Give the payload of the record that begins there and its end, if it is in order."""
    start = at + MARKER_BYTES + _LENGTH_BYTES
    length = int.from_bytes(data[at + MARKER_BYTES : start])
    if length > MAX_PAYLOAD_BYTES or data[at : at + MARKER_BYTES] != end.marker:
        return None
    content, digest = (
        data[at : start + length],
        data[start + length : start + length + _DIGEST_BYTES],
    )
    if digest != _digest(end, content):
        return None
    offset = end.offset + RECORD_EXTRA_BYTES + length
    return content[start - at :], end._replace(offset=offset, digest=digest)


def _judge(data: bytes, at: int, end: End) -> tuple[Verdict, str]:
    """Say what a bad record is (rule 2)."""
    if data.find(end.marker, at + 1) != -1:
        return Verdict.CORRUPT, "a record is damaged, and others stand behind it"
    if end.offset < end.beginning:
        return Verdict.CORRUPT, "its beginning is damaged"
    if len(data) - at > MAX_PAYLOAD_BYTES + RECORD_EXTRA_BYTES:
        return Verdict.CORRUPT, "more stands behind its last record than a crash leaves"
    return Verdict.TORN, "its last record was not written to its end"


def _digest(end: End, content: bytes) -> bytes:
    return hashlib.sha256(end.digest + content).digest()
