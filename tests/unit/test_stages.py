"""The values of the way: what of them is written on the wire, and that none of them changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sealwire.stages import (
    DOMAIN,
    Answer,
    Applied,
    Claims,
    Context,
    Digest,
    Evidence,
    Frame,
    Message,
    Opened,
    Outcome,
    Stream,
    Use,
)

if TYPE_CHECKING:
    from tests.conftest import Way


NOW_MS = 1_800_000_000_000


def test_what_is_on_the_wire() -> None:
    """These values are part of the format: another value is another protocol."""
    assert DOMAIN == "sealwire/1"
    assert {use.name: use.value for use in Use} == {
        "REQUEST": "request",
        "RECEIPT": "receipt",
        "KEYRING": "keyring",
        "START": "start",
    }
    assert {stream.name: stream.value for stream in Stream} == {
        "BASE": "base",
        "LEASE": "lease",
        "READ": "read",
        "KEYRING": "keyring",
    }
    assert {outcome.name: outcome.value for outcome in Outcome} == {
        "APPLIED": 1,
        "REFUSED": 2,
        "FAILED": 3,
    }


def test_no_value_can_be_changed(local: Way) -> None:
    """What a step was given is what the next step gets; "change" makes a new value."""
    opened = local.chain.open(local.seal(), now_ms=NOW_MS)
    values: list[Claims | Evidence | Message | Context | Opened | Frame | Applied | Answer] = [
        opened,
        opened.claims,
        opened.evidence[0],
        Message(b"", None, opened.evidence),
        Context("payments@prod", 0, 0, 0, (5,), b""),
        Frame(b"x"),
        Applied(Digest(bytes(32)), 1, 0),
        Answer(Outcome.APPLIED),
    ]
    for value in values:
        for name in value._fields:
            with pytest.raises(AttributeError):
                setattr(value, name, None)
