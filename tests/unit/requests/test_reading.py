"""From an authenticated message to a typed request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sealwire.documents import LoggerPlan, LoggingPlan
from sealwire.errors import MalformedError, Reason, Stage
from sealwire.requests import Apply, read_request
from sealwire.stages import Opened, Stream

if TYPE_CHECKING:
    from tests.conftest import Operator

JSON = "application/json"
INI = "application/vnd.sealwire.ini"
DOCUMENT = b'{"version": 1, "root": {"level": "DEBUG"}}'
INI_DOCUMENT = (
    b"[loggers]\nkeys=root\n[handlers]\nkeys=\n[formatters]\nkeys=\n"
    b"[logger_root]\nlevel=DEBUG\nhandlers=\n"
)


def opened(
    operator: Operator,
    document: bytes = DOCUMENT,
    content_type: str = JSON,
    stream: Stream = Stream.BASE,
) -> Opened:
    """Give a message as a chain would, with this document in it."""
    return Opened(
        body=document,
        claims=operator.claims(stream=stream),
        content_type=content_type,
        document=document,
        evidence=(),
    )


@pytest.mark.parametrize(("content_type", "document"), [(JSON, DOCUMENT), (INI, INI_DOCUMENT)])
def test_a_configuration_is_a_request_to_apply(
    alice: Operator, content_type: str, document: bytes
) -> None:
    """The request holds the message it came in, and the plan, whatever the language."""
    message = opened(alice, document, content_type)
    expected = Apply(message, LoggingPlan(root=LoggerPlan("", 10)))
    assert expected == read_request(message)


@pytest.mark.parametrize(
    "content_type",
    ["", "application/JSON", "application/json; charset=utf-8", "application/vnd.sealwire.INI"],
)
def test_an_unknown_content_type_is_refused(alice: Operator, content_type: str) -> None:
    """The content type is compared as it is, and a document is never guessed at."""
    with pytest.raises(MalformedError) as caught:
        read_request(opened(alice, content_type=content_type))
    assert Reason.CONTENT_TYPE_UNKNOWN is caught.value.reason
    assert Stage.DOCUMENT is caught.value.stage
    assert repr(content_type) == caught.value.detail


@pytest.mark.parametrize("content_type", [JSON, INI])
@pytest.mark.parametrize("stream", [stream for stream in Stream if stream is not Stream.BASE])
def test_another_stream_is_refused(alice: Operator, stream: Stream, content_type: str) -> None:
    """A configuration belongs to the base, whose versions only grow; not even read otherwise."""
    with pytest.raises(MalformedError) as caught:
        read_request(opened(alice, b"neither language", content_type, stream))
    assert Reason.STREAM_MISMATCH is caught.value.reason
    assert Stage.DOCUMENT is caught.value.stage
    expected = f"{content_type} belongs to the stream base, and the message to {stream.value}"
    assert expected == caught.value.detail


@pytest.mark.parametrize(
    ("content_type", "document", "expected"),
    [
        (JSON, b"{", Reason.DOCUMENT_MALFORMED),
        (JSON, b"{}", Reason.DOCUMENT_INVALID),
        (JSON, INI_DOCUMENT, Reason.DOCUMENT_MALFORMED),
        (INI, b"[", Reason.DOCUMENT_MALFORMED),
        (INI, b"", Reason.DOCUMENT_MALFORMED),
        (INI, b"[loggers]", Reason.DOCUMENT_INVALID),
        (INI, DOCUMENT, Reason.DOCUMENT_MALFORMED),
    ],
)
def test_a_bad_document_is_refused(
    alice: Operator, content_type: str, document: bytes, expected: Reason
) -> None:
    """What is not of the language, and what is no configuration, have different reasons."""
    with pytest.raises(MalformedError) as caught:
        read_request(opened(alice, document, content_type))
    assert expected is caught.value.reason
