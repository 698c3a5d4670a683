"""Events and effects are values: compared by content, and nothing changes them on the way."""

from __future__ import annotations

import copy
import dataclasses

import pytest

from sealwire import events
from sealwire.documents import LoggingPlan
from sealwire.errors import Reason, Stage, VerificationError
from sealwire.requests import Apply as ApplyRequest
from sealwire.stages import Answer, Applied, Claims, Digest, Opened, Outcome, Stream
from sealwire.versions import Standing

CLAIMS = Claims("alice", "payments@prod", 2, 1, bytes(16), 1000, Stream.BASE)
OPENED = Opened(b"", CLAIMS, "application/json", b"", ())
DECISION = events.Decision(Answer(Outcome.REFUSED), Reason.EXPIRED, Stage.CHECK)

VALUES = [
    events.Tick(1, 2),
    events.Bytes(b"x"),
    events.Eof(),
    events.Persisted(Standing.NEW, None),
    events.PersistFailed(VerificationError(Reason.REPLAYED, Stage.ADMISSION)),
    events.AppliedHere(Applied(Digest(bytes(32)), 1, 2)),
    events.ApplyFailed("no such file"),
    events.Reported(),
    events.Crowded("256 connections are open"),
    events.Persist(ApplyRequest(OPENED, LoggingPlan())),
    events.Apply(ApplyRequest(OPENED, LoggingPlan())),
    events.Record(DECISION),
    events.Reply(b"x"),
    events.Close(),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_is_frozen_and_small(value: events.Event | events.Effect) -> None:
    """It equals its copy, takes no new attribute, and has no dictionary to put one in."""
    assert value == copy.copy(value)
    assert not hasattr(value, "__dict__")
    for field in dataclasses.fields(value):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, field.name, None)


def test_a_decision_is_frozen() -> None:
    """What log, statistics and answer are made of is the same for all three."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        DECISION.reason = Reason.POLICY  # type: ignore[misc] # that it is refused is the test


def test_a_decision_says_nothing_that_it_was_not_told() -> None:
    """What a decision has no word on is empty, and never a leftover."""
    decision = events.Decision(Answer(Outcome.APPLIED))
    assert (None, None, "", None, None, None) == (
        decision.reason,
        decision.stage,
        decision.detail,
        decision.claims,
        decision.applied,
        decision.cause,
    )
