"""ReplayWindow, alone in a chain: every message once, for at most 300 s, in any order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

import pytest

from sealwire.algebra import Guarantee
from sealwire.chain import Chain
from sealwire.checks import Freshness, ReplayWindow
from sealwire.errors import Reason, RefusedError, Stage
from sealwire.layers import Ed25519Verifier, HmacVerifier
from sealwire.stages import Evidence, Message, Stream
from sealwire.state import AdmissionState
from sealwire.versions import Standing

if TYPE_CHECKING:
    from tests.conftest import ClaimChanges, Operator

    from sealwire.sealer import SealingLayer
    from sealwire.stages import Context, Opened

NOW_S = 1_800_000_000
NOW_MS = NOW_S * 1000


@pytest.fixture
def chain(alice: Operator, mallory: Operator) -> Chain:
    """Give a chain that trusts two people and admits by nonces."""
    keys = (alice.signing.verify_key, mallory.signing.verify_key)
    return Chain(alice.audience, [Ed25519Verifier(keys), Freshness(), ReplayWindow()])


@pytest.fixture
def state() -> AdmissionState:
    """Give a memory that began a minute ago."""
    return AdmissionState(NOW_MS - 60_000)


def opened(chain: Chain, operator: Operator, **changes: Unpack[ClaimChanges]) -> Opened:
    """Give an opened message."""
    sealed = operator.wrap(operator.body(**changes), [operator.signer()])
    return chain.open(sealed, now_ms=NOW_MS)


def take(chain: Chain, message: Opened, state: AdmissionState) -> Standing:
    """Take a message now."""
    return chain.take(message, now_ms=NOW_MS, skew_ms=0, state=state)


def refusal(chain: Chain, message: Opened, state: AdmissionState) -> RefusedError:
    """Give the refusal, which look and take have in common."""
    with pytest.raises(RefusedError) as looked:
        chain.look(message, now_ms=NOW_MS, skew_ms=0, state=state)
    with pytest.raises(RefusedError) as caught:
        take(chain, message, state)
    assert looked.value.reason is caught.value.reason
    assert Stage.ADMISSION is caught.value.stage
    return caught.value


def test_what_it_promises() -> None:
    """Once, and no order; it speaks about authentic and fresh messages."""
    assert frozenset({Guarantee.ONCE}) == ReplayWindow.provides
    assert frozenset({Guarantee.AUTHENTIC, Guarantee.FRESH}) == ReplayWindow.requires


def test_a_message_is_taken_once(chain: Chain, alice: Operator, state: AdmissionState) -> None:
    """There is no outcome to repeat: a copy is refused."""
    message = opened(chain, alice)
    assert Standing.NEW is chain.look(message, now_ms=NOW_MS, skew_ms=0, state=state)
    assert Standing.NEW is take(chain, message, state)
    assert Reason.REPLAYED is refusal(chain, message, state).reason


def test_order_does_not_matter(chain: Chain, alice: Operator, state: AdmissionState) -> None:
    """An older message may follow a newer one, and each is taken."""
    for age_ms in (0, 5000, 1, 4000):
        message = opened(chain, alice, version=NOW_MS - age_ms, cti=age_ms.to_bytes(16, "big"))
        assert Standing.NEW is take(chain, message, state)
    assert {} == state.floors


def test_streams_do_not_matter(chain: Chain, alice: Operator, state: AdmissionState) -> None:
    """One nonce is one message, whatever it asks."""
    take(chain, opened(chain, alice, stream=Stream.READ), state)
    message = opened(chain, alice, stream=Stream.BASE)
    assert Reason.REPLAYED is refusal(chain, message, state).reason


def test_people_do_not_take_each_others_nonces(
    chain: Chain, alice: Operator, mallory: Operator, state: AdmissionState
) -> None:
    """Two keys may happen on the same nonce."""
    assert Standing.NEW is take(chain, opened(chain, alice), state)
    assert Standing.NEW is take(chain, opened(chain, mallory), state)


def test_a_message_that_lives_long_is_refused(
    chain: Chain, alice: Operator, state: AdmissionState
) -> None:
    """A window remembers for 300 s, so it takes nothing that has to be remembered longer."""
    assert Standing.NEW is take(chain, opened(chain, alice, exp=NOW_S + 300), state)
    message = opened(chain, alice, exp=NOW_S + 301)
    assert Reason.LIFETIME_TOO_LONG is refusal(chain, message, state).reason


def test_what_was_sealed_before_the_start_is_refused(chain: Chain, alice: Operator) -> None:
    """The nonces of a former life are forgotten, so its messages are refused."""
    message = opened(chain, alice)
    assert Reason.VERSION_BEFORE_START is refusal(chain, message, AdmissionState(NOW_MS)).reason


def test_a_message_in_another_wrapping_is_the_same(
    alice: Operator, mallory: Operator, state: AdmissionState
) -> None:
    """Who takes the outer layers off and puts on others has not made another message."""
    gate = HmacVerifier([alice.mac, mallory.mac])
    verifier = Ed25519Verifier([alice.signing.verify_key])
    chain = Chain(alice.audience, [gate, verifier, Freshness(), ReplayWindow()])
    layers: list[SealingLayer] = [alice.gate(), alice.signer()]
    signed = alice.wrap(alice.body(), layers, only=slice(1, 2))
    again: list[SealingLayer] = [mallory.gate(), alice.signer()]
    wrapped = [alice.wrap(signed, outer, only=slice(1)) for outer in (layers, again)]
    first, second = (chain.open(sealed, now_ms=NOW_MS) for sealed in wrapped)
    assert first.evidence[0] != second.evidence[0]
    take(chain, first, state)
    assert Reason.REPLAYED is refusal(chain, second, state).reason


def test_what_a_check_adds_does_not_make_another_message(
    alice: Operator, state: AdmissionState
) -> None:
    """The key is the innermost layer's, also where a check leaves evidence that changes."""
    stamps = iter(range(9))

    class Stamping:
        """A check that says something new each time."""

        requires: frozenset[Guarantee] = frozenset()
        provides: frozenset[Guarantee] = frozenset()

        def verify(self, message: Message, context: Context) -> Message:
            """Add a stamp."""
            stamp = Evidence("Stamping", 0, bytes((next(stamps),)) * 32, "somebody")
            return message._replace(evidence=(*message.evidence, stamp))

    verifier = Ed25519Verifier([alice.signing.verify_key])
    chain = Chain(alice.audience, [verifier, Freshness(), Stamping(), ReplayWindow()])
    take(chain, opened(chain, alice), state)
    assert Reason.REPLAYED is refusal(chain, opened(chain, alice), state).reason
