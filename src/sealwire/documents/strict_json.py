"""JSON read so strictly that one text has one meaning, and written in one canonical way.

Rules this module keeps (RFC 8259 with the restrictions of RFC 7493, "I-JSON"; RFC 8785):

1. Whatever the bytes are, the result is a dictionary or `MalformedError`; nothing else is raised.
2. Size is checked before decoding, and depth before parsing: no text can exhaust the stack.
3. No number is converted before its length has been checked, and none is a float. Two readers can
   disagree about a float, and nothing in a logging configuration needs one.
4. A key stands once in its object; a string is Unicode that UTF-8 can write; NaN and Infinity are
   not JSON.
5. What was read is written by `canonical_json` as one line, the same for every equal value.
"""

from __future__ import annotations

import itertools
import json
import re
from typing import NoReturn, TypeAlias

from sealwire.documents.utf8 import decode, refuse_form
from sealwire.errors import shorten

JsonValue: TypeAlias = "str | int | bool | list[JsonValue] | dict[str, JsonValue] | None"
"""What strict JSON can hold: no floats."""

# A whole message is at most 260 KiB; the rest is for the layers around the document.
MAX_DOCUMENT_BYTES = 256 * 1024

# dictConfig needs 5 levels. 100,000 nested lists exhaust the stack of the standard parser.
MAX_DEPTH = 32

# Signed 64 bit: what every reader in every language keeps exactly, JSON's usual doubles excepted.
MIN_INTEGER = -(2**63)
MAX_INTEGER = 2**63 - 1

# "-9223372036854775808". JSON forbids leading zeros, so a longer integer is out of range, and
# int() never sees one: the conversion is quadratic in the number of digits.
_MAX_INTEGER_CHARS = 20

# A string is taken whole, terminated or not: each byte is looked at once, whatever the text.
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_ALL_BUT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_SCALARS = frozenset({str, int, bool, type(None)})


def read_json(document: bytes) -> dict[str, JsonValue]:
    """Read one JSON object.

    Args:
        document: UTF-8 without a byte order mark, at most `MAX_DOCUMENT_BYTES`.

    Returns:
        The object. Every key is unique, every integer fits 64 bits, no string holds a lone
        surrogate, and nothing is nested deeper than `MAX_DEPTH`.

    Raises:
        MalformedError: with ``DOCUMENT_MALFORMED``, for anything else. The detail gives the place
            as line and column where it is known, and never quotes a value.
    """
    text = decode(document, MAX_DOCUMENT_BYTES)
    _check_depth(document)
    try:
        value: JsonValue = json.loads(
            text,
            object_pairs_hook=_read_object,
            parse_int=_read_integer,
            parse_float=_refuse_float,
            parse_constant=_refuse_constant,
        )
    except json.JSONDecodeError as error:
        refuse_form(f"not JSON: {error.msg.lower()}, line {error.lineno} column {error.colno}")
    # Only an escape can bring a surrogate into decoded UTF-8, and few documents hold an escape.
    if b"\\u" in document:
        _check_surrogates(value)
    if not isinstance(value, dict):
        refuse_form("not an object at the top")
    return value


def canonical_json(value: JsonValue) -> bytes:
    r"""Write ``value`` as RFC 8785 says: one line, keys sorted by UTF-16 code units.

    An integer is written with all its digits. RFC 8785 would round those beyond 2\ :sup:`53` as
    a JavaScript number is rounded, and two different values would then have one digest.

    Args:
        value: as `read_json` gives it.

    Raises:
        ValueError: ``value`` holds something that strict JSON does not: a float, an object of
            another type, a lone surrogate.
    """
    text = json.dumps(_in_order(value), ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8")


def _check_depth(document: bytes) -> None:
    """Refuse what is nested too deep, by counting brackets outside strings.

    Up to the first error in the text, this sees the same strings as the parser does; behind it,
    the parser does not go.
    """
    brackets = _STRINGS.sub(b"", document).translate(None, _ALL_BUT_BRACKETS)
    steps = (1 if bracket in b"[{" else -1 for bracket in brackets)
    if max(itertools.accumulate(steps), default=0) > MAX_DEPTH:
        refuse_form(f"nested deeper than {MAX_DEPTH}")


def _read_object(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    entries: dict[str, JsonValue] = {}
    for key, value in pairs:
        if key in entries:
            refuse_form(f"the key {shorten(key)} stands twice in one object")
        entries[key] = value
    return entries


def _read_integer(digits: str) -> int:
    number = int(digits) if len(digits) <= _MAX_INTEGER_CHARS else MAX_INTEGER + 1
    if not MIN_INTEGER <= number <= MAX_INTEGER:
        refuse_form(f"an integer outside 64 bits: {shorten(digits, 30)}")
    return number


def _refuse_float(digits: str) -> NoReturn:
    refuse_form(
        f"{shorten(digits, 30)} is not an integer; no number here has a fraction or exponent"
    )


def _refuse_constant(name: str) -> NoReturn:
    refuse_form(f"{name} is not JSON")


def _check_surrogates(value: JsonValue) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        refuse_form("a string holds half of a surrogate pair")


def _in_order(value: JsonValue) -> JsonValue:
    """Copy ``value`` with sorted keys, refusing what JSON would write in more than one way."""
    if isinstance(value, dict):
        # Big-endian UTF-16 sorts as its code units do; Python's own order is by code point, which
        # is the same among ASCII.
        plain = all(map(str.isascii, value))
        ordered = sorted(value, key=None if plain else lambda key: key.encode("utf-16-be"))
        return {
            key: item if type(item := value[key]) in _SCALARS else _in_order(item)
            for key in ordered
        }
    if isinstance(value, list):
        return [item if type(item) in _SCALARS else _in_order(item) for item in value]
    if value is None or isinstance(value, (str, int)):
        return value
    raise ValueError(f"not a value of strict JSON: {type(value).__name__}")
