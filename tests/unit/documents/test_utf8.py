"""The bytes of a document as text."""

from __future__ import annotations

import pytest

from sealwire.documents.utf8 import decode
from sealwire.errors import MalformedError, Reason, Stage


def test_utf8_is_decoded() -> None:
    """A document may be as long as the limit says, and hold any character."""
    text = "a\u00e4\u20ac\U0001f600\n\0"
    raw = text.encode()
    assert text == decode(raw, len(raw))
    assert "" == decode(b"", 0)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (b"1234567890", "10 bytes, over the limit of 9"),
        (b"\xef\xbb\xbfa", "starts with a byte order mark; send UTF-8 without one"),
        (b"ab\xff", "not UTF-8 at byte 2"),
        (b"\xc0\xaf", "not UTF-8 at byte 0"),
        (b"a\xed\xa0\x80", "not UTF-8 at byte 1"),
        ("a".encode("utf-16"), "not UTF-8 at byte 0"),
        # The size comes first: what is too large is not looked at.
        (b"\xff" * 10, "10 bytes, over the limit of 9"),
    ],
)
def test_anything_else_is_refused(document: bytes, expected: str) -> None:
    """Too long, with a byte order mark, or not UTF-8."""
    with pytest.raises(MalformedError) as caught:
        decode(document, 9)
    assert Reason.DOCUMENT_MALFORMED is caught.value.reason
    assert Stage.DOCUMENT is caught.value.stage
    assert expected == caught.value.detail
