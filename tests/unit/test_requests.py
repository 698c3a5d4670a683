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

DOCUMENT = b'{"version": 1, "root": {"level": "DEBUG"}}'


def opened(
    operator: Operator,
    document: bytes = DOCUMENT,
    content_type: str = "application/json",
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


def test_a_configuration_is_a_request_to_apply(alice: Operator) -> None:
    """The request holds the message it came in, and the plan."""
    message = opened(alice)
    expected = Apply(message, LoggingPlan(root=LoggerPlan("", 10)))
    assert expected == read_request(message)


@pytest.mark.parametrize(
    "content_type",
    ["", "application/JSON", "application/json; charset=utf-8", "application/vnd.sealwire.ini"],
)
def test_an_unknown_content_type_is_refused(alice: Operator, content_type: str) -> None:
    """The content type is compared as it is, and a document is never guessed at."""
    with pytest.raises(MalformedError) as caught:
        read_request(opened(alice, content_type=content_type))
    assert Reason.CONTENT_TYPE_UNKNOWN is caught.value.reason
    assert Stage.DOCUMENT is caught.value.stage
    assert repr(content_type) == caught.value.detail


@pytest.mark.parametrize("stream", [stream for stream in Stream if stream is not Stream.BASE])
def test_another_stream_is_refused(alice: Operator, stream: Stream) -> None:
    """A configuration belongs to the base, whose versions only grow; not even read otherwise."""
    with pytest.raises(MalformedError) as caught:
        read_request(opened(alice, document=b"not JSON", stream=stream))
    assert Reason.STREAM_MISMATCH is caught.value.reason
    assert Stage.DOCUMENT is caught.value.stage
    expected = f"application/json belongs to the stream base, and the message to {stream.value}"
    assert expected == caught.value.detail


@pytest.mark.parametrize(
    ("document", "expected"),
    [(b"{", Reason.DOCUMENT_MALFORMED), (b"{}", Reason.DOCUMENT_INVALID)],
)
def test_a_bad_document_is_refused(alice: Operator, document: bytes, expected: Reason) -> None:
    """What is no JSON and what is no configuration have different reasons."""
    with pytest.raises(MalformedError) as caught:
        read_request(opened(alice, document=document))
    assert expected is caught.value.reason
