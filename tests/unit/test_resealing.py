"""When a request is sealed again by itself, and when never."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sealwire.receipts import Mode, Outcome, Receipt
from sealwire.resealing import Lacks, lacks
from sealwire.results import Result
from sealwire.stages import Answer, Stream
from sealwire.stages import Outcome as Decided
from sealwire.told import Trust

if TYPE_CHECKING:
    from tests.conftest import Operator

NOW_MS = 1_800_000_000_000
HOUR_MS = 3_600_000
CHALLENGE = bytes(range(16))
REFUSED = Receipt(Outcome.REFUSED, Mode.CHALLENGE, NOW_MS + 7)


def found(
    alice: Operator,
    receipt: Receipt | None,
    trust: Trust = Trust.VERIFIED,
    *,
    stream: Stream = Stream.BASE,
    nonce: bytes | None = None,
) -> Lacks | None:
    """Say what a request of `NOW_MS` lacks after this answer."""
    claims = alice.claims(stream=stream, nonce=nonce)
    return lacks(Result(Answer(Decided.REFUSED), "", trust, receipt), claims, NOW_MS)


CHALLENGED = replace(REFUSED, reason="challenge-required", challenge=CHALLENGE)
SUPERSEDED = replace(REFUSED, reason="version-superseded", floor_ms=NOW_MS + 5)


@pytest.mark.parametrize("receipt", [CHALLENGED, SUPERSEDED, replace(REFUSED, reason="expired")])
@pytest.mark.parametrize("trust", [Trust.UNVERIFIED, Trust.UNSIGNED])
def test_only_a_verified_receipt_leads_to_anything(
    alice: Operator, receipt: Receipt, trust: Trust
) -> None:
    """A squatter could make others seal, and at whatever time it likes."""
    assert found(alice, receipt) is not None
    assert found(alice, receipt, trust) is None
    assert found(alice, None) is None


def test_a_challenge_is_carried_once(alice: Operator) -> None:
    """Whoever carried it already is refused for something else."""
    assert Lacks(CHALLENGE) == found(alice, CHALLENGED)
    assert Lacks(CHALLENGE) == found(alice, CHALLENGED, nonce=bytes(16))
    assert found(alice, CHALLENGED, nonce=CHALLENGE) is None


def test_what_else_it_lacks_comes_with_the_challenge(alice: Operator) -> None:
    """So that once is enough; and what is not sealed again is not for a challenge either."""
    expired = replace(REFUSED, reason="expired", challenge=CHALLENGE)
    assert Lacks(CHALLENGE, NOW_MS + 7) == found(alice, expired)
    assert Lacks(CHALLENGE) == found(alice, replace(SUPERSEDED, challenge=CHALLENGE))
    ahead = replace(REFUSED, reason="not-yet-valid", at_ms=NOW_MS - 9, challenge=CHALLENGE)
    assert found(alice, ahead) is None


@pytest.mark.parametrize(
    ("floor_ms", "again"),
    [
        (0, False),
        (NOW_MS - 1, False),
        (NOW_MS, True),
        (NOW_MS + HOUR_MS, True),
        (NOW_MS + HOUR_MS + 1, False),
    ],
)
def test_a_floor_is_passed(alice: Operator, floor_ms: int, *, again: bool) -> None:
    """Unless it is far in the future, where no honest clock put it."""
    receipt = replace(SUPERSEDED, floor_ms=floor_ms)
    assert (Lacks() if again else None) == found(alice, receipt)


@pytest.mark.parametrize("reason", ["expired", "version-before-start"])
@pytest.mark.parametrize(
    ("lead_ms", "again"),
    [(-1, False), (0, False), (1, True), (HOUR_MS, True), (HOUR_MS + 1, False)],
)
def test_a_service_that_is_ahead_gives_the_time(
    alice: Operator, reason: str, lead_ms: int, *, again: bool
) -> None:
    """Our message was too old for it, so it will not be taken later."""
    receipt = replace(REFUSED, reason=reason, at_ms=NOW_MS + lead_ms)
    expected = Lacks(service_ms=NOW_MS + lead_ms) if again else None
    assert expected == found(alice, receipt)


@pytest.mark.parametrize("reason", ["not-yet-valid", "version-ahead"])
def test_a_change_that_was_sealed_ahead_is_not_sealed_again(alice: Operator, reason: str) -> None:
    """Whoever has a copy could deliver it over the second one; a read has no order."""
    receipt = replace(REFUSED, reason=reason, at_ms=NOW_MS - 5_000)
    assert found(alice, receipt) is None
    assert found(alice, receipt, stream=Stream.LEASE) is None
    assert Lacks(service_ms=NOW_MS - 5_000) == found(alice, receipt, stream=Stream.READ)


@pytest.mark.parametrize(
    "receipt",
    [
        replace(REFUSED, reason="policy"),
        replace(REFUSED, reason="replayed"),
        replace(REFUSED, outcome=Outcome.FAILED, reason="expired"),
        replace(REFUSED, outcome=Outcome.APPLIED, challenge=CHALLENGE),
    ],
)
def test_nothing_else_is_sealed_again(alice: Operator, receipt: Receipt) -> None:
    """What policy refuses is refused the second time as well."""
    assert found(alice, receipt) is None


@pytest.mark.parametrize(
    "receipt",
    [
        replace(REFUSED, reason="expired", at_ms=NOW_MS + 2_000),
        replace(SUPERSEDED, floor_ms=NOW_MS + 2_000),
    ],
)
def test_a_service_is_followed_as_far_as_was_said(alice: Operator, receipt: Receipt) -> None:
    """Of several hosts one could otherwise have all others come too late."""
    result = Result(Answer(Decided.REFUSED), "", Trust.VERIFIED, receipt)
    claims = alice.claims(stream=Stream.BASE)
    assert lacks(result, claims, NOW_MS, 2_000) is not None
    assert lacks(result, claims, NOW_MS, 1_999) is None
