"""The marker of a state directory: one spelling."""

from __future__ import annotations

import pytest

from sealwire.journal.marker import MAX_MARKER_BYTES, Marker, parse_marker

MARKER = Marker("payments@prod", b"i" * 16, 1_800_000_000_000)
TEXT = (
    b'{"audience":"payments@prod","created":1800000000000,"format":"sealwire-state-1",'
    b'"id":"69696969696969696969696969696969"}\n'
)


def test_a_marker_as_it_is_written_and_read() -> None:
    """One line of canonical JSON."""
    assert TEXT == MARKER.encode()
    assert MARKER == parse_marker(TEXT)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[]\n",
        b"7",
        b"null",
        b"{}\n",
        b"[" * 4000,
        TEXT[:-1],
        TEXT + b"\n",
        TEXT.replace(b":", b": ", 1),
        TEXT.replace(b"sealwire-state-1", b"sealwire-state-2"),
        TEXT.replace(b'"payments@prod"', b"7"),
        TEXT.replace(b"1800000000000", b"true"),
        TEXT.replace(b"1800000000000", b'"x"'),
        TEXT.replace(b'"id":"6969', b'"id":"'),
        TEXT.replace(b'"id":"69', b'"id":"zz'),
        TEXT.replace(b'"id":"69', b'"id":7,"x":"69'),
        TEXT.replace(b'"format"', b'"extra":1,"format"'),
        TEXT + b" " * MAX_MARKER_BYTES,
    ],
)
def test_what_is_no_marker(content: bytes) -> None:
    """Whatever else it is."""
    assert parse_marker(content) is None
