"""A client and a service that signs, end to end: what is sealed again by itself, and how often."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sealwire import MemorySealerState, RequestRefusedError, Sealer, UntrustedAnswerError
from sealwire.answers import encode_answer
from sealwire.client import Client
from sealwire.recommended import Recommended
from sealwire.stages import Answer, Outcome
from sealwire.testing import pair

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealwire.testing.pair import Pair

NAME = "sealwire-tests.receipts"


@pytest.fixture(params=list(Recommended))
def signing(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """Give a service that signs and its client, of each chain in turn."""
    with pair(chain=request.param, signed=True) as made:
        made.advance(600)
        yield made


def reasons(made: Pair) -> list[str | None]:
    """Give why each message was refused, or that it was not."""
    return [each.reason.value if each.reason else None for each in made.decisions]


def of_another_clock(made: Pair, lead_ms: int) -> Client:
    """Give a second client of the same operator, whose clock is ahead by so much, or behind."""
    first = made.client.sealer
    sealer = Sealer(
        first.audience,
        first._layers,
        issuer=first.issuer,
        state=MemorySealerState(),
        clock=lambda: made.clock.wall_clock_ms() + lead_ms,
    )
    return Client(
        made.client.address,
        sealer,
        deliver=made.client._deliver,
        receipt_key=made.client.receipt_key,
    )


def test_the_challenge_is_carried_unasked(signing: Pair) -> None:
    """One refusal, once for each client; then every request carries it."""
    result = signing.client.lease({NAME: "DEBUG"}, for_s=60)
    assert result.verified
    assert result.receipt is not None
    assert result.report["until_ms"] == result.receipt.lease_end_ms
    status = signing.client.status()
    assert (True, "challenge") == (status.verified, status.report["mode"])
    signing.client.revert(result.request_id)
    assert ["challenge-required", None, None, None] == reasons(signing)


@pytest.mark.parametrize("behind_ms", [1_500, 200_000])
def test_a_client_whose_clock_is_behind_goes_above_the_floor(signing: Pair, behind_ms: int) -> None:
    """And goes on doing so, without being refused each time."""
    late = of_another_clock(signing, -behind_ms)
    signing.client.lease({NAME: "INFO"}, for_s=600)
    late.status()
    signing.decisions.clear()
    assert late.lease({NAME: "DEBUG"}, for_s=600).verified
    signing.advance(0.1)
    assert late.lease({NAME: "DEBUG"}, for_s=500).verified
    assert ["version-superseded", None, None] == reasons(signing)


def test_a_client_whose_clock_is_far_behind_takes_the_services(signing: Pair) -> None:
    """Its message had expired before it was sealed."""
    late = of_another_clock(signing, -1_800_000)
    assert late.lease({NAME: "DEBUG"}, for_s=60).verified
    assert ["expired", None] == reasons(signing)
    with pytest.raises(RequestRefusedError, match="expired"):
        of_another_clock(signing, -7_200_000).lease({NAME: "DEBUG"}, for_s=60)


def test_a_change_of_a_clock_that_is_ahead_is_not_sealed_again(signing: Pair) -> None:
    """But a read is."""
    ahead = of_another_clock(signing, 120_000)
    with pytest.raises(RequestRefusedError) as caught:
        ahead.lease({NAME: "DEBUG"}, for_s=60)
    assert "not-yet-valid" == caught.value.reason
    assert caught.value.result.verified
    assert ["not-yet-valid"] == reasons(signing)


def test_what_is_refused_twice_is_refused(signing: Pair) -> None:
    """It is sealed again once, and never because policy says no."""
    signing.client.status()
    signing.decisions.clear()
    with pytest.raises(RequestRefusedError) as caught:
        signing.client.lease({NAME: "DEBUG"}, for_s=30 * 24 * 3600)
    assert caught.value.result.verified
    assert "lease-length" in caught.value.detail
    assert ["policy"] == reasons(signing)


def test_who_does_not_know_the_key_follows_nothing(signing: Pair) -> None:
    """The challenge of somebody's receipt is not carried anywhere."""
    signing.client.receipt_key = None
    with pytest.raises(RequestRefusedError) as caught:
        signing.client.status()
    assert "challenge-required" == caught.value.reason
    assert not caught.value.result.verified
    assert 1 == len(signing.decisions)


def test_a_squatter_is_no_answer(signing: Pair) -> None:
    """The message is on the error, to be sent again; and then the service tells."""
    real = signing.client._deliver
    signing.client.status()

    def squat(address: str, sealed: bytes, /, *, timeout_s: float) -> bytes:
        return encode_answer(Answer(Outcome.APPLIED))

    signing.client._deliver = squat
    with pytest.raises(UntrustedAnswerError) as caught:
        signing.client.lease({NAME: "DEBUG"}, for_s=60)
    assert "applied" == caught.value.claimed
    signing.client._deliver = real
    result = signing.client.send(caught.value.sealed, request_id=caught.value.request_id)
    assert (True, False) == (result.verified, result.repeated)
    again = signing.client.send(caught.value.sealed)
    assert (True, True) == (again.verified, again.repeated)
    assert result.request_id == again.request_id
