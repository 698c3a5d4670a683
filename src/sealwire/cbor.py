"""Deterministic CBOR, the subset a sealed message needs (RFC 8949, sections 3 and 4.2.1).

Rules this module keeps:

1. Integers of 64 bit, byte strings, text, arrays, maps, ``true``, ``false`` and ``null``; map keys
   are integers or text. No tags, no floats, no indefinite lengths, no other simple values.
2. Every head is the shortest, map keys are unique and in bytewise order, nothing trails.
   ``encode(decode(data)) == data`` for everything that is accepted.
3. Depth and entries are bounded before anything is built, so junk costs no memory.

A general decoder is not used here on purpose: those read tags, and a tag is code to run
(``cbor2`` compiles a regular expression that the peer chose, tag 35).
"""

from __future__ import annotations

from typing import TypeAlias

from sealwire.errors import MalformedError, Reason, SealError, Stage

CborValue: TypeAlias = (
    "int | bytes | str | bool | list[CborValue] | dict[int | str, CborValue] | None"
)

MAX_DEPTH = 4
"""A body is an array with a map inside; two levels are left for what later documents need."""

MAX_ENTRIES = 64
"""Entries of one array or map. The largest map of the protocol has eight."""

UINT, NINT, BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE = range(8)
_INLINE = 24
_SIMPLE_VALUES: dict[int, bool | None] = {20: False, 21: True, 22: None}
_WIDTH_AND_LEAST = {24: (1, 24), 25: (2, 1 << 8), 26: (4, 1 << 16), 27: (8, 1 << 32)}


def head(major: int, number: int) -> bytes:
    """Give the shortest head of major type ``major`` with argument ``number`` (section 3)."""
    if number < _INLINE:
        return bytes((major << 5 | number,))
    for low, (width, _) in _WIDTH_AND_LEAST.items():
        if number < 1 << (8 * width):
            return bytes((major << 5 | low,)) + number.to_bytes(width, "big")
    raise SealError("cbor: an integer or a length over 64 bit cannot be written")


def encode_bytes(value: bytes) -> bytes:
    """Give ``value`` as a CBOR byte string."""
    return head(BYTES, len(value)) + value


def encode(value: CborValue) -> bytes:
    """Give the one deterministic encoding of ``value``.

    Raises:
        SealError: a type outside the subset, or more depth or entries than a reader accepts.
    """
    return _encode(value, MAX_DEPTH)


def _encode(value: CborValue, depth: int) -> bytes:
    if value is None or isinstance(value, bool):
        return b"\xf6" if value is None else (b"\xf5" if value else b"\xf4")
    if isinstance(value, int):
        return head(UINT, value) if value >= 0 else head(NINT, -1 - value)
    if isinstance(value, bytes):
        return encode_bytes(value)
    if isinstance(value, str):
        return _encode_text(value)
    if not isinstance(value, (list, dict)):
        raise SealError(f"cbor: {type(value).__name__} is outside the subset")
    if depth == 0 or len(value) > MAX_ENTRIES:
        raise SealError(f"cbor: deeper than {MAX_DEPTH} or more than {MAX_ENTRIES} entries")
    if isinstance(value, list):
        return head(ARRAY, len(value)) + b"".join(_encode(item, depth - 1) for item in value)
    pairs = sorted((_encode_key(key), _encode(item, depth - 1)) for key, item in value.items())
    return head(MAP, len(pairs)) + b"".join(key + item for key, item in pairs)


def _encode_key(key: int | str) -> bytes:
    if isinstance(key, bool) or not isinstance(key, (int, str)):
        raise SealError("cbor: map keys are integers or text")
    return _encode(key, 0)


def _encode_text(value: str) -> bytes:
    try:
        raw = value.encode()
    except UnicodeEncodeError:
        raise SealError("cbor: text with a lone surrogate cannot be written") from None
    return head(TEXT, len(raw)) + raw


def decode(data: bytes) -> CborValue:
    """Read exactly one item of the subset.

    Raises:
        MalformedError: for every other input; any other exception is a bug of ours.
    """
    value, end = _decode(data, 0, MAX_DEPTH)
    check_end(data, end)
    return value


def read_head(data: bytes, at: int) -> tuple[int, int, int]:
    """Read one head at offset ``at``; give major type, argument, and the offset after it.

    Raises:
        MalformedError: truncated, not the shortest form, or of indefinite length.
    """
    try:
        first = data[at]
    except IndexError:
        raise _malformed("truncated") from None
    low = first & 31
    if low < _INLINE:
        return first >> 5, low, at + 1
    found = _WIDTH_AND_LEAST.get(low)
    if found is None:
        raise _malformed("indefinite length or reserved head")
    width, least = found
    end = at + 1 + width
    raw = data[at + 1 : end]
    if len(raw) != width:
        raise _malformed("truncated")
    number = int.from_bytes(raw)
    if number < least:
        raise _malformed("not the shortest head")
    return first >> 5, number, end


def _decode(data: bytes, at: int, depth: int) -> tuple[CborValue, int]:
    start = at
    major, number, at = read_head(data, at)
    if major in {BYTES, TEXT}:
        raw, end = read_string(data, start, major)
        return (raw, end) if major == BYTES else (text_of(raw), end)
    if major == UINT:
        return number, at
    if major == NINT:
        return -1 - number, at
    if major in {ARRAY, MAP}:
        if depth == 0 or number > MAX_ENTRIES:
            raise _malformed(f"deeper than {MAX_DEPTH} or more than {MAX_ENTRIES} entries")
        reader = _decode_array if major == ARRAY else _decode_map
        return reader(data, at, number, depth - 1)
    if major == SIMPLE and number in _SIMPLE_VALUES:
        return _SIMPLE_VALUES[number], at
    raise _malformed("a tag, a float or an unassigned simple value")


def _decode_array(data: bytes, at: int, count: int, depth: int) -> tuple[CborValue, int]:
    items: list[CborValue] = []
    for _ in range(count):
        item, at = _decode(data, at, depth)
        items.append(item)
    return items, at


def _decode_map(data: bytes, at: int, count: int, depth: int) -> tuple[CborValue, int]:
    entries: dict[int | str, CborValue] = {}
    last = b""
    for _ in range(count):
        start = at
        key, at = _decode(data, at, 0)
        if isinstance(key, bool) or not isinstance(key, (int, str)):
            raise _malformed("map keys are integers or text")
        if (raw := data[start:at]) <= last:
            raise _malformed("map keys are not unique and in bytewise order")
        last = raw
        entries[key], at = _decode(data, at, depth)
    return entries, at


def read_string(data: bytes, at: int, major: int) -> tuple[bytes, int]:
    """Read the byte string or text at offset ``at``; give its raw bytes and the offset after it.

    Raises:
        MalformedError: another type, or truncated.
    """
    found, length, at = read_head(data, at)
    raw = data[at : at + length]
    if found != major or len(raw) != length:
        raise _malformed("a string of another type, or truncated")
    return raw, at + length


def text_of(raw: bytes) -> str:
    """Decode the content of a text.

    Raises:
        MalformedError: it is not UTF-8.
    """
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise _malformed("text is not UTF-8") from None


def check_end(data: bytes, at: int) -> None:
    """Check that nothing trails.

    Raises:
        MalformedError: something does.
    """
    if at != len(data):
        raise _malformed("bytes trail the item")


def _malformed(what: str) -> MalformedError:
    return MalformedError(Reason.BODY_MALFORMED, Stage.BODY, f"cbor: {what}")
