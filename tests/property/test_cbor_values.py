"""Any value of the subset is written and read back, and any bytes are refused or reproduced."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from sealwire import cbor
from sealwire.errors import MalformedError

INTEGERS = st.integers(-(2**64), 2**64 - 1)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
LEAVES = st.one_of(st.none(), st.booleans(), INTEGERS, st.binary(max_size=300), TEXTS)
KEYS = st.one_of(INTEGERS, TEXTS)


def values(depth: int) -> st.SearchStrategy[cbor.CborValue]:
    """Give values that nest at most ``depth`` deep."""
    if depth == 0:
        return LEAVES
    inner = values(depth - 1)
    return st.one_of(LEAVES, st.lists(inner, max_size=6), st.dictionaries(KEYS, inner, max_size=6))


def same(one: cbor.CborValue, other: cbor.CborValue) -> bool:
    """Whether two values are equal and of equal types: 1 is not true, and 0 is not false."""
    if type(one) is not type(other):
        return False
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return one == other


@given(values(cbor.MAX_DEPTH))
@example([1, True, 0, False, None])
@example({24: 0, 23: 1, -1: 2, "": 3, "a": 4, -25: 5, 256: 6})
def test_a_value_is_read_as_it_was_written(value: cbor.CborValue) -> None:
    """Equal in value and in type, with map keys in bytewise order."""
    encoded = cbor.encode(value)
    decoded = cbor.decode(encoded)
    assert same(value, decoded)
    assert encoded == cbor.encode(decoded)


@given(st.dictionaries(KEYS, st.none(), max_size=64))
def test_keys_are_in_bytewise_order(table: dict[int | str, None]) -> None:
    """The order of RFC 8949, section 4.2.1, for any set of keys."""
    decoded = cbor.decode(cbor.encode(dict(table)))
    assert isinstance(decoded, dict)
    assert sorted(decoded, key=cbor.encode) == list(decoded)
    assert table == decoded


@given(st.binary(max_size=64))
@example(b"\xa2\x61\x61\x00\x61\x61\x00")
@example(b"\x1b" + bytes(8))
def test_any_bytes_are_refused_or_reproduced(data: bytes) -> None:
    """There is no second encoding of anything."""
    try:
        value = cbor.decode(data)
    except MalformedError:
        return
    assert data == cbor.encode(value)
