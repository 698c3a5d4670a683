"""The bytes of a document as text.

Rules this module keeps:

1. Size is looked at before anything else, and the text is UTF-8 without a byte order mark.
2. What is wrong with the form of a document, in whichever language, is ``DOCUMENT_MALFORMED``.
"""

from __future__ import annotations

from typing import NoReturn

from sealwire.errors import MalformedError, Reason, Stage

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def decode(document: bytes, max_bytes: int) -> str:
    """Give the text of a document.

    Args:
        document: UTF-8 without a byte order mark.
        max_bytes: the most bytes it may have.

    Raises:
        MalformedError: with ``DOCUMENT_MALFORMED``, for anything else.
    """
    if len(document) > max_bytes:
        refuse_form(f"{len(document)} bytes, over the limit of {max_bytes}")
    if document.startswith(_BYTE_ORDER_MARK):
        refuse_form("starts with a byte order mark; send UTF-8 without one")
    try:
        return document.decode("utf-8")
    except UnicodeDecodeError as error:
        refuse_form(f"not UTF-8 at byte {error.start}")


def refuse_form(detail: str) -> NoReturn:
    """Refuse a document that cannot be read at all.

    Raises:
        MalformedError: always, with ``DOCUMENT_MALFORMED``.
    """
    raise MalformedError(Reason.DOCUMENT_MALFORMED, Stage.DOCUMENT, detail) from None
