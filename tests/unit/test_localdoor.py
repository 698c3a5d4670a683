"""What whoever owns a process may ask without a key, and nobody else may ask at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sealwire.answers import decode_answer
from sealwire.errors import MalformedError, Reason, RefusedError
from sealwire.events import (
    AppliedHere,
    Apply,
    ApplyFailed,
    Bytes,
    Close,
    Record,
    Reply,
    Reported,
    Tick,
)
from sealwire.framing import encode_frame
from sealwire.inforce import InForce
from sealwire.localdoor import LEAD, read_local, write_local
from sealwire.policy import Policy, default_rules
from sealwire.receiver import Door, Receiver
from sealwire.requests import Revert, Status, Verb
from sealwire.stages import Outcome, Stream
from sealwire.state import AdmissionState

if TYPE_CHECKING:
    from tests.conftest import Way

    from sealwire.events import Effect

NOW_MS = 1_800_000_000_000
ROOT = "local/uid-0"
ID = "0123456789abcdef" * 2


def received(
    way: Way, payload: bytes, owner: str, *, in_force: InForce | None = None
) -> tuple[Receiver, tuple[Effect, ...]]:
    """Give a receiver that has read ``payload``, and what it wants."""
    door = Door(way.chain, Policy(default_rules()), verbs=frozenset(Verb))
    state = AdmissionState(NOW_MS - 1)
    receiver = Receiver(door, state, Tick(NOW_MS, 0), in_force, owner)
    return receiver, receiver.handle(Bytes(encode_frame(payload)))


def test_status_and_revert_are_read() -> None:
    """In the name of the user, each in its stream."""
    status = read_local(write_local(b'{"verb": "status"}'), ROOT, NOW_MS)
    assert isinstance(status, Status)
    assert (ROOT, Stream.READ) == (status.opened.claims.iss, status.opened.claims.stream)
    asked = b'{"verb": "revert", "id": "%s", "why": "INC-1"}' % ID.encode()
    revert = read_local(write_local(asked), ROOT, NOW_MS)
    assert isinstance(revert, Revert)
    assert (ID, "INC-1") == (revert.what, revert.why)
    assert Stream.LEASE is revert.opened.claims.stream
    assert revert.id != status.id


@pytest.mark.parametrize("verb", ["apply", "lease", "plan", "confirm", "", "keyring", 1, None])
def test_nothing_else_is_served_without_a_key(verb: object) -> None:
    """Whatever would change logging takes one."""
    import json

    with pytest.raises(MalformedError) as caught:
        read_local(LEAD + json.dumps({"verb": verb}).encode(), ROOT, NOW_MS)
    assert Reason.VERB_NOT_SERVED is caught.value.reason


@pytest.mark.parametrize("document", [b"", b"{", b"[]", b'{"verb": "status", "more": 1}', b"\xff"])
def test_what_is_no_request_is_refused(document: bytes) -> None:
    """As any document."""
    with pytest.raises(RefusedError):
        read_local(LEAD + document, ROOT, NOW_MS)


def test_an_owner_is_answered_in_full(way: Way) -> None:
    """Nothing is taken and no policy is asked; the report is told, as it goes no further."""
    status = write_local(b'{"verb": "status"}')
    receiver, effects = received(way, status, ROOT, in_force=InForce())
    assert [Apply] == [type(each) for each in effects]
    (record,) = receiver.handle(AppliedHere(report=b'{"a":1}'))
    assert isinstance(record, Record)
    assert record.decision.claims is not None
    assert ROOT == record.decision.claims.iss
    reply, close = receiver.handle(Reported())
    assert isinstance(reply, Reply)
    assert isinstance(close, Close)
    answer = decode_answer(reply.data[4:])
    assert (Outcome.APPLIED, b'{"a":1}') == (answer.outcome, answer.report)


def test_an_owner_is_told_why(way: Way) -> None:
    """Whether it is not in force, or could not be done."""
    asked = write_local(b'{"verb": "revert", "id": "%s"}' % ID.encode())
    receiver, _ = received(way, asked, ROOT, in_force=InForce())
    reply, _ = receiver.handle(Reported())
    assert isinstance(reply, Reply)
    answer = decode_answer(reply.data[4:])
    assert (Outcome.REFUSED, "not-in-force") == (answer.outcome, answer.reason)
    receiver, _ = received(way, write_local(b'{"verb": "status"}'), ROOT)
    receiver.handle(ApplyFailed("it burns"))
    reply, _ = receiver.handle(Reported())
    assert isinstance(reply, Reply)
    assert "it burns" == decode_answer(reply.data[4:]).detail


def test_where_nothing_is_known_of_what_runs_the_engine_is_asked(way: Way) -> None:
    """It says then that there is no such lease."""
    asked = write_local(b'{"verb": "revert", "id": "%s"}' % ID.encode())
    _, effects = received(way, asked, ROOT)
    assert [Apply] == [type(each) for each in effects]


def test_a_stranger_gets_the_same_bytes_as_ever(way: Way) -> None:
    """For whom the system does not call the owner it is a message without a seal."""
    receiver, effects = received(way, write_local(b'{"verb": "status"}'), "", in_force=InForce())
    assert [Record] == [type(each) for each in effects]
    reply, _ = receiver.handle(Reported())
    assert isinstance(reply, Reply)
    assert b"\xa1\x01\x02" == reply.data[4:]


def test_an_owner_with_a_key_is_heard_as_anybody(way: Way) -> None:
    """A sealed message does not begin as theirs does."""
    sealed = way.seal()
    assert not sealed.startswith(LEAD)
    _, effects = received(way, sealed, ROOT, in_force=InForce())
    assert Apply not in {type(each) for each in effects}


def test_an_owner_is_heard_where_nothing_can_be_in_force(way: Way) -> None:
    """A service that only takes configurations keeps nothing that a request could contradict."""
    door = Door(way.chain, Policy(default_rules()), verbs=frozenset(Verb))
    receiver = Receiver(door, AdmissionState(NOW_MS - 1), Tick(NOW_MS, 0), None, ROOT)
    asked = write_local(b'{"verb": "revert", "id": "%s"}' % ID.encode())
    (effect,) = receiver.handle(Bytes(encode_frame(asked)))
    assert isinstance(effect, Apply)
    assert isinstance(effect.request, Revert)
