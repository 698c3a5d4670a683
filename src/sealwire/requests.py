"""From an authenticated message to what it asks for.

Rules this module keeps (the sealed message, "Content types"):

1. Only an `Opened` is read, so nothing unauthenticated is ever parsed as a document.
2. The content type says how to read; an unknown one is refused, never guessed.
3. What is asked for has to belong to the stream the message was ordered in: a configuration sent
   as a read would slip past the version floor of configurations.
4. Whether the sender may ask for it is policy's question, not asked here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from sealwire.documents import LoggingPlan, read_ini_plan, read_plan
from sealwire.errors import MalformedError, Reason, Stage, shorten
from sealwire.stages import Opened, Stream

CONTENT_TYPE_JSON = "application/json"
"""A ``dictConfig`` document that becomes the base."""

CONTENT_TYPE_INI = "application/vnd.sealwire.ini"
"""A ``fileConfig`` document that becomes the base."""

_READERS: Mapping[str, Callable[[bytes], LoggingPlan]] = MappingProxyType(
    {CONTENT_TYPE_JSON: read_plan, CONTENT_TYPE_INI: read_ini_plan}
)


class Apply(NamedTuple):
    """The request to make ``plan`` the configuration that stays.

    Attributes:
        opened: the message: who asks, and with what evidence.
        plan: what is to be applied; nothing else of the document is.
    """

    opened: Opened
    plan: LoggingPlan


def read_request(opened: Opened) -> Apply:
    """Read what a message asks for.

    Raises:
        MalformedError: with ``CONTENT_TYPE_UNKNOWN``; with ``STREAM_MISMATCH`` where the content
            does not belong to the message's stream; with ``DOCUMENT_MALFORMED`` or
            ``DOCUMENT_INVALID`` as `sealwire.documents.read_plan` and
            `sealwire.documents.read_ini_plan` say.
    """
    read = _READERS.get(opened.content_type)
    if read is None:
        raise MalformedError(
            Reason.CONTENT_TYPE_UNKNOWN, Stage.DOCUMENT, shorten(opened.content_type)
        )
    if opened.claims.stream is not Stream.BASE:
        raise MalformedError(
            Reason.STREAM_MISMATCH,
            Stage.DOCUMENT,
            f"{opened.content_type} belongs to the stream {Stream.BASE.value},"
            f" and the message to {opened.claims.stream.value}",
        )
    return Apply(opened, read(opened.document))
