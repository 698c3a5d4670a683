"""Deterministic CBOR: each accepted value has one encoding, and everything else is refused."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from sealwire import cbor
from sealwire.errors import MalformedError, Reason, SealError, Stage

# From RFC 8949, appendix A, as far as the values are in the subset; then the protocol's own.
EXAMPLES: list[tuple[str, cbor.CborValue]] = [
    ("00", 0),
    ("01", 1),
    ("0a", 10),
    ("17", 23),
    ("1818", 24),
    ("1819", 25),
    ("1864", 100),
    ("18ff", 255),
    ("190100", 256),
    ("1903e8", 1000),
    ("19ffff", 65535),
    ("1a00010000", 65536),
    ("1a000f4240", 1000000),
    ("1affffffff", 2**32 - 1),
    ("1b0000000100000000", 2**32),
    ("1b000000e8d4a51000", 1000000000000),
    ("1bffffffffffffffff", 18446744073709551615),
    ("20", -1),
    ("29", -10),
    ("37", -24),
    ("3818", -25),
    ("3863", -100),
    ("38ff", -256),
    ("390100", -257),
    ("3903e7", -1000),
    ("3a00011170", -70001),
    ("3bffffffffffffffff", -18446744073709551616),
    ("f4", False),
    ("f5", True),
    ("f6", None),
    ("40", b""),
    ("4401020304", b"\x01\x02\x03\x04"),
    ("5818" + "ab" * 24, b"\xab" * 24),
    ("590100" + "cd" * 256, b"\xcd" * 256),
    ("60", ""),
    ("6161", "a"),
    ("6449455446", "IETF"),
    ("62225c", '"\\'),
    ("62c3bc", "ü"),
    ("63e6b0b4", "水"),
    ("64f0908591", "\U00010151"),
    ("6100", "\x00"),
    ("80", []),
    ("83010203", [1, 2, 3]),
    ("8301820203820405", [1, [2, 3], [4, 5]]),
    ("81818180", [[[[]]]]),
    ("9818" + "".join(f"{i:02x}" for i in range(24)), list(range(24))),
    ("9840" + "f6" * 64, [None] * 64),
    ("a0", {}),
    ("a201020304", {1: 2, 3: 4}),
    ("a26161016162820203", {"a": 1, "b": [2, 3]}),
    ("826161a161626163", ["a", {"b": "c"}]),
    ("a4010018180120026160f4", {1: 0, 24: 1, -1: 2, "`": False}),
    ("a2613102623131f5", {"1": 2, "11": True}),
]


@pytest.mark.parametrize(("text", "value"), EXAMPLES, ids=[text[:20] for text, _ in EXAMPLES])
def test_examples_both_ways(text: str, value: cbor.CborValue) -> None:
    """The encoding is this one, and it reads back as this value, of this type."""
    assert text == cbor.encode(value).hex()
    back = cbor.decode(bytes.fromhex(text))
    assert value == back
    assert type(value) is type(back)


def test_keys_are_written_in_bytewise_order() -> None:
    """The order of insertion does not show; the order is that of RFC 8949, section 4.2.1."""
    keys: list[int | str] = [-70002, "aa", 100, "z", -1, 24, 10, -70001]
    table: dict[int | str, cbor.CborValue] = dict.fromkeys(keys, 0)
    expected: list[int | str] = [10, 24, 100, -1, -70001, -70002, "z", "aa"]
    encoded = cbor.encode(table)
    assert "a8" + "".join(cbor.encode(key).hex() + "00" for key in expected) == encoded.hex()
    decoded = cbor.decode(encoded)
    assert isinstance(decoded, dict)
    assert expected == list(decoded)


REFUSED = [
    ("nothing", "", "truncated"),
    ("head without its argument, 1 byte", "18", "truncated"),
    ("head without its argument, 8 bytes", "1b00000001000000", "truncated"),
    ("byte string cut", "4401", "truncated"),
    ("text cut", "6461", "truncated"),
    ("array cut", "8201", "truncated"),
    ("map without its last value", "a101", "truncated"),
    ("map without its last entry", "a20102", "truncated"),
    ("byte string longer than anything", "5bffffffffffffffff00", "truncated"),
    ("23 in two bytes", "1817", "not the shortest head"),
    ("255 in three bytes", "1900ff", "not the shortest head"),
    ("65535 in five bytes", "1a0000ffff", "not the shortest head"),
    ("2^32-1 in nine bytes", "1b00000000ffffffff", "not the shortest head"),
    ("-24 in two bytes", "3817", "not the shortest head"),
    ("length of bytes in two bytes", "580100", "not the shortest head"),
    ("length of text in two bytes", "780161", "not the shortest head"),
    ("length of array in two bytes", "980100", "not the shortest head"),
    ("length of map in two bytes", "b8010000", "not the shortest head"),
    ("map key in two bytes", "a1180100", "not the shortest head"),
    ("false in two bytes", "f814", "not the shortest head"),
    ("indefinite byte string", "5f4100ff", "indefinite length"),
    ("indefinite text", "7f6161ff", "indefinite length"),
    ("indefinite array", "9f00ff", "indefinite length"),
    ("indefinite map", "bf0000ff", "indefinite length"),
    ("break alone", "ff", "indefinite length"),
    ("reserved head 28", "1c", "reserved head"),
    ("reserved head 30", "1e", "reserved head"),
    ("tag: date", "c000", "a tag"),
    ("tag: big integer", "c24101", "a tag"),
    ("tag: regular expression", "d82361b2", "a tag"),
    ("tag: self-described", "d9d9f700", "a tag"),
    ("tag inside", "81c000", "a tag"),
    ("half float", "f93c00", "a float"),
    ("single float", "fa47c35000", "a float"),
    ("double float", "fb3ff199999999999a", "a float"),
    ("undefined", "f7", "unassigned simple value"),
    ("simple 0", "e0", "unassigned simple value"),
    ("simple 255", "f8ff", "unassigned simple value"),
    ("something trails", "0000", "trail"),
    ("something trails a map", "a000", "trail"),
    ("duplicate key", "a200000001", "bytewise order"),
    ("keys in another order", "a202000100", "bytewise order"),
    ("longer key first", "a2626161006162 00", "bytewise order"),
    ("text key in front of integer", "a26161000100", "bytewise order"),
    ("key is true", "a1f500", "map keys"),
    ("key is null", "a1f600", "map keys"),
    ("key is a byte string", "a1414100", "map keys"),
    ("key is an array", "a18000", "deeper"),
    ("key is a map", "a1a000", "deeper"),
    ("array of 65", "9841" + "f6" * 65, "more than 64 entries"),
    ("map of 65", "b841", "more than 64 entries"),
    ("array of 2^64-1", "9bffffffffffffffff", "more than 64 entries"),
    ("array five deep", "8181818180", "deeper than 4"),
    ("map five deep", "a100a100a100a100a0", "deeper than 4"),
    ("maps and arrays five deep", "81a10081a10080", "deeper than 4"),
    ("text is Latin-1", "61fc", "UTF-8"),
    ("text is an overlong form", "62c080", "UTF-8"),
    ("text is a surrogate", "63eda080", "UTF-8"),
    ("text ends inside a character", "61c3", "UTF-8"),
    ("key is not UTF-8", "a161ff00", "UTF-8"),
]


@pytest.mark.parametrize(("text", "why"), [row[1:] for row in REFUSED], ids=[r[0] for r in REFUSED])
def test_everything_else_is_refused(text: str, why: str) -> None:
    """The detail says which rule was broken; the refusal is of an authentic, malformed body."""
    with pytest.raises(MalformedError) as caught:
        cbor.decode(bytes.fromhex(text))
    assert (Reason.BODY_MALFORMED, Stage.BODY) == (caught.value.reason, caught.value.stage)
    assert why in caught.value.detail


@pytest.mark.parametrize("text", [text for text, _ in EXAMPLES], ids=lambda text: str(text[:20]))
def test_every_truncation_is_refused(text: str) -> None:
    """No prefix of an accepted encoding is accepted."""
    whole = bytes.fromhex(text)
    for end in range(len(whole)):
        with pytest.raises(MalformedError):
            cbor.decode(whole[:end])


@pytest.mark.parametrize(
    ("text", "nested"),
    [
        ("9b7fffffffffffffff", 1),
        ("5b7fffffffffffffff", 1),
        ("9a00ffffff", 1),
        ("81" * 4, 1_000_000),
    ],
)
def test_junk_costs_no_memory(text: str, nested: int) -> None:
    """Lengths and depth are judged before anything is built for them."""
    junk = bytes.fromhex(text) * nested
    tracemalloc.start()
    try:
        with pytest.raises(MalformedError):
            cbor.decode(junk)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 64 * 1024


UNWRITABLE: list[tuple[str, Any, str]] = [
    ("float", 1.0, "float is outside the subset"),
    ("tuple", (1,), "tuple is outside the subset"),
    ("set", {1}, "set is outside the subset"),
    ("bytearray", bytearray(b"x"), "bytearray is outside the subset"),
    ("float inside", [[1.5]], "float is outside the subset"),
    ("2^64", 2**64, "over 64 bit"),
    ("-2^64-1", -(2**64) - 1, "over 64 bit"),
    ("2^64 as a key", {2**64: 0}, "over 64 bit"),
    ("a key that is true", {True: 0}, "map keys are integers or text"),
    ("a key that is bytes", {b"x": 0}, "map keys are integers or text"),
    ("a key that is none", {None: 0}, "map keys are integers or text"),
    ("a lone surrogate", "\ud800", "lone surrogate"),
    ("a lone surrogate as a key", {"\udfff": 0}, "lone surrogate"),
    ("65 items", [0] * 65, "more than 64 entries"),
    ("65 entries", dict.fromkeys(range(65), 0), "more than 64 entries"),
    ("five deep", [[[[[]]]]], "deeper than 4"),
    ("five deep in maps", {0: {0: {0: {0: {}}}}}, "deeper than 4"),
]


@pytest.mark.parametrize(
    ("value", "why"), [r[1:] for r in UNWRITABLE], ids=[r[0] for r in UNWRITABLE]
)
def test_what_a_reader_would_refuse_is_not_written(value: Any, why: str) -> None:  # noqa: ANN401 - wrong types are the matter here
    """Our own mistake is a `SealError`, and nothing is half written."""
    with pytest.raises(SealError, match=why):
        cbor.encode(value)


@pytest.mark.parametrize(
    ("number", "tail"),
    [
        (0, "00"),
        (23, "17"),
        (24, "1818"),
        (255, "18ff"),
        (256, "190100"),
        (65_535, "19ffff"),
        (65_536, "1a00010000"),
        (2**32 - 1, "1affffffff"),
        (2**32, "1b0000000100000000"),
        (2**64 - 1, "1bffffffffffffffff"),
    ],
)
@pytest.mark.parametrize("major", range(8))
def test_heads_at_their_boundaries(major: int, number: int, tail: str) -> None:
    """A head is the major type in three bits, and the shortest argument."""
    expected = bytearray.fromhex(tail)
    expected[0] |= major << 5
    assert expected == cbor.head(major, number)


def test_encode_bytes_is_encode_of_bytes() -> None:
    """The short way gives what the long way gives."""
    for length in (0, 23, 24, 255, 256):
        assert cbor.encode(b"x" * length) == cbor.encode_bytes(b"x" * length)
