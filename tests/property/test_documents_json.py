"""Strict JSON against the standard parser, and canonical JSON against a naive oracle."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from sealwire.documents import canonical_json, read_json
from sealwire.documents.strict_json import MAX_INTEGER, MIN_INTEGER
from sealwire.errors import MalformedError

if TYPE_CHECKING:
    from sealwire.documents import JsonValue

TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
SCALARS = st.none() | st.booleans() | st.integers(MIN_INTEGER, MAX_INTEGER) | TEXTS
VALUES: st.SearchStrategy[JsonValue] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4)
)
OBJECTS = st.dictionaries(TEXTS, VALUES, max_size=6)
PIECES = st.sampled_from(
    ["{", "}", "[", "]", '"', "\\", ":", ",", "0", "-", ".5", "e1", "true", "NaN", '"a"', "\\ud800"]
)


def utf16_units(text: str) -> list[int]:
    """Give the UTF-16 code units of ``text``, worked out by hand."""
    units = []
    for character in text:
        point = ord(character)
        if point < 0x10000:
            units.append(point)
        else:
            point -= 0x10000
            units += [0xD800 + (point >> 10), 0xDC00 + (point & 0x3FF)]
    return units


def sorted_by_units(value: JsonValue) -> JsonValue:
    """Copy ``value`` with keys in the order of RFC 8785, section 3.2.3."""
    if isinstance(value, dict):
        keys = sorted(value, key=utf16_units)
        return {key: sorted_by_units(value[key]) for key in keys}
    return [sorted_by_units(item) for item in value] if isinstance(value, list) else value


@given(OBJECTS, st.booleans(), st.sampled_from([None, 0, 2]))
def test_what_json_writes_is_read(value: dict[str, JsonValue], escaped: bool, indent: int) -> None:
    """Escaped or not, indented or not: the same value comes back."""
    text = json.dumps(value, ensure_ascii=escaped, indent=indent)
    assert value == read_json(text.encode())


JUNK = st.lists(PIECES, max_size=40).map("".join)


@given(
    JUNK.map(str.encode)
    | JUNK.map(lambda text: f'{{"a":{text}}}'.encode())
    | st.binary(max_size=60)
)
def test_what_is_read_is_what_json_reads(document: bytes) -> None:
    """Any bytes are refused in our words, or mean what the standard parser takes them for."""
    try:
        value = read_json(document)
    except MalformedError:
        return
    assert json.loads(document) == value


@given(OBJECTS)
def test_canonical_json_is_in_order_and_comes_back(value: dict[str, JsonValue]) -> None:
    """Keys are in the order of UTF-16 code units at every level, and nothing is lost."""
    written = canonical_json(value)
    assert b"\n" not in written
    expected = json.dumps(sorted_by_units(value), ensure_ascii=False, separators=(",", ":"))
    assert expected.encode() == written
    assert value == read_json(written)
    assert written == canonical_json(read_json(written))


@given(OBJECTS.flatmap(lambda value: st.permutations(list(value.items())).map(dict)))
def test_canonical_json_does_not_depend_on_the_order(value: dict[str, JsonValue]) -> None:
    """Equal objects are written alike."""
    assert canonical_json(dict(sorted(value.items()))) == canonical_json(value)
