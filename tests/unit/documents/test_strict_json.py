"""Strict JSON: what is read, what is refused, and the one way to write it."""

from __future__ import annotations

import json
from typing import cast

import pytest

from sealwire.documents import JsonValue, canonical_json, read_json
from sealwire.documents.strict_json import (
    MAX_DEPTH,
    MAX_DOCUMENT_BYTES,
    MAX_INTEGER,
    MIN_INTEGER,
)
from sealwire.errors import MalformedError, Reason, Stage


def refusal(document: bytes) -> str:
    """Give the detail with which ``document`` is refused."""
    with pytest.raises(MalformedError) as caught:
        read_json(document)
    assert Reason.DOCUMENT_MALFORMED is caught.value.reason
    assert Stage.DOCUMENT is caught.value.stage
    return caught.value.detail


def nested(depth: int) -> bytes:
    """Give an object that is ``depth`` levels deep, itself included."""
    return b'{"a":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


def test_an_object_is_read() -> None:
    """Strings, integers, flags, null, lists and objects come out as Python has them."""
    document = '{"a": [1, -2, true, false, null, "ä\\n😀\\ud83d\\ude00"], "": {}}'.encode()
    assert {"a": [1, -2, True, False, None, "ä\n😀😀"], "": {}} == read_json(document)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (b"", "not JSON: expecting value, line 1 column 1"),
        (b"{", "not JSON: expecting property name"),
        (b'{"a": 1} {}', "not JSON: extra data, line 1 column 10"),
        (b'{"a": "\n"}', "not JSON: invalid control character"),
        (b'{"a": "\\x"}', "not JSON: invalid \\escape"),
        (b'{"a": "', "not JSON: unterminated string"),
        (b"{'a': 1}", "not JSON: expecting property name"),
        (b'{"a": 01}', "not JSON: expecting ',' delimiter"),
        (b'{"a": 1,}', "not JSON: "),
        (b"\xff", "not UTF-8 at byte 0"),
        (b'{"a": "\xed\xa0\x80"}', "not UTF-8 at byte 7"),
        (b'{"a": "\xc0\xaf"}', "not UTF-8 at byte 7"),
        ('{"a": 1}'.encode("utf-16"), "not UTF-8 at byte 0"),
        ('{"a": 1}'.encode("utf-16-le"), "not JSON: expecting property name"),
        (b'\xef\xbb\xbf{"a": 1}', "starts with a byte order mark"),
        (b"[]", "not an object at the top"),
        (b'"a"', "not an object at the top"),
        (b"null", "not an object at the top"),
        (b'{"a": NaN}', "NaN is not JSON"),
        (b'{"a": -Infinity}', "-Infinity is not JSON"),
        (b'{"a": Infinity}', "Infinity is not JSON"),
        (b'{"a": 1.0}', "'1.0' is not an integer; no number here has a fraction or exponent"),
        (b'{"a": 1e2}', "'1e2' is not an integer"),
        (b'{"a": 1e999999}', "'1e999999' is not an integer"),
        (b'{"a": 9223372036854775808}', "an integer outside 64 bits: '9223372036854775808'"),
        (b'{"a": -9223372036854775809}', "an integer outside 64 bits"),
        (b'{"a": 1, "b": 2, "a": 1}', "the key 'a' stands twice in one object"),
        (b'{"a": 1, "\\u0061": 1}', "the key 'a' stands twice in one object"),
        (b'{"x": [{"a": {}, "a": {}}]}', "the key 'a' stands twice in one object"),
        (b'{"a": "\\ud800"}', "a string holds half of a surrogate pair"),
        (b'{"a": ["\\udc00\\ud800"]}', "a string holds half of a surrogate pair"),
        (b'{"\\udfff": 1}', "a string holds half of a surrogate pair"),
        (b'["\\udfff"]', "a string holds half of a surrogate pair"),
    ],
)
def test_everything_else_is_refused(document: bytes, expected: str) -> None:
    """Every departure from strict JSON has a refusal that says what it is."""
    assert expected in refusal(document)


def test_integers_reach_to_64_bits() -> None:
    """Both ends of the range are read exactly."""
    document = f'{{"a": [{MIN_INTEGER}, {MAX_INTEGER}]}}'.encode()
    assert {"a": [MIN_INTEGER, MAX_INTEGER]} == read_json(document)


def test_a_long_integer_is_not_converted() -> None:
    """200,000 digits are refused for their number, without int(), and quoted shortened."""
    detail = refusal(b'{"a": ' + b"9" * 200_000 + b"}")
    assert "an integer outside 64 bits: '9999" in detail
    assert len(detail) < 80


@pytest.mark.parametrize(("extra", "fits"), [(0, True), (1, False)])
def test_the_size_is_bounded(extra: int, fits: bool) -> None:
    """A document of exactly the limit is read, one byte more is not."""
    frame = b'{"a": ""}'
    document = frame[:-2] + b"x" * (MAX_DOCUMENT_BYTES - len(frame) + extra) + frame[-2:]
    if fits:
        assert ["a"] == list(read_json(document))
    else:
        assert f"{MAX_DOCUMENT_BYTES + 1} bytes, over the limit of" in refusal(document)


def test_the_depth_is_bounded() -> None:
    """The limit is read, one level more is not, and neither is what would exhaust the stack."""
    assert ["a"] == list(read_json(nested(MAX_DEPTH)))
    assert f"nested deeper than {MAX_DEPTH}" == refusal(nested(MAX_DEPTH + 1))
    assert f"nested deeper than {MAX_DEPTH}" == refusal(nested(100_000))
    assert f"nested deeper than {MAX_DEPTH}" == refusal(b"[" * 100_000)
    assert f"nested deeper than {MAX_DEPTH}" == refusal(b'{"a":' * 40_000)


def test_brackets_in_strings_are_no_depth() -> None:
    """Brackets count outside strings alone, whatever escapes stand in the strings."""
    text = "[" * 100 + '"\\' + "{" * 100
    assert {text: [text, text]} == read_json(json.dumps({text: [text, text]}).encode())


@pytest.mark.parametrize("piece", [b'\\"', b'"\\', b'"', b"\\"])
def test_unfinished_strings_take_linear_time(piece: bytes) -> None:
    """A quarter of a megabyte of quotes and backslashes is refused, not searched again and again.

    With time quadratic in the length, this test would run into the suite's limit.
    """
    assert refusal(b'{"' + piece * (200_000 // len(piece)))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"b": 1, "a": [True, None, False]}, b'{"a":[true,null,false],"b":1}'),
        ({"a": {"d": "", "c": {}}}, b'{"a":{"c":{},"d":""}}'),
        (2**63 - 1, b"9223372036854775807"),
        ('\x00\x08\t\n\x0c\r\x1f"\\/', b'"\\u0000\\b\\t\\n\\f\\r\\u001f\\"\\\\/"'),
        ("\x7f\x80ä€\u2028😀", '"\x7f\x80ä€\u2028😀"'.encode()),
        # By code point, U+FB33 stands before U+1F600; by UTF-16 code units, behind it.
        ({"\ufb33": 2, "😀": 1}, '{"😀":1,"\ufb33":2}'.encode()),
    ],
)
def test_canonical_json_is_rfc_8785(value: JsonValue, expected: bytes) -> None:
    """One line, sorted by UTF-16 code units, escapes as ECMAScript writes them."""
    assert expected == canonical_json(value)


def test_the_sorting_example_of_rfc_8785() -> None:
    """The keys of section 3.2.3 come in the order that the RFC gives."""
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\x80", "\u00f6"]
    written = canonical_json(dict.fromkeys(keys))
    expected = ["\r", "1", "\x80", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    assert expected == list(json.loads(written))


@pytest.mark.parametrize("value", [1.0, {"a": float("nan")}, [(1,)], {"a": b""}, "\ud800"])
def test_canonical_json_takes_strict_json_alone(value: object) -> None:
    """What strict JSON cannot hold is our caller's mistake, and a ValueError."""
    with pytest.raises(ValueError, match=r"strict JSON|surrogates"):
        canonical_json(cast("JsonValue", value))
