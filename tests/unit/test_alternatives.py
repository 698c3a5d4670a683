"""AnyOf: several ways in, of which the message's own bytes mean exactly one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sealwire.algebra import Guarantee
from sealwire.alternatives import AnyOf
from sealwire.chain import Chain
from sealwire.checks import Freshness, Once
from sealwire.errors import ConfigurationError, Reason, RefusedError
from sealwire.layers import (
    AesGcmOpener,
    Ed25519Signer,
    Ed25519Verifier,
    HmacTagger,
    HmacVerifier,
)
from sealwire.sealer import MemorySealerState, Sealer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Operator

    from sealwire.sealer import SealingLayer

NOW_MS = 1_800_000_000_000
AUDIENCE = "payments@prod"


def sealer(operator: Operator, *layers: SealingLayer) -> Sealer:
    """Give a sealer of ``operator`` with these layers."""
    return Sealer(
        AUDIENCE, layers, issuer=operator.name, state=MemorySealerState(), clock=lambda: NOW_MS
    )


@pytest.fixture
def bob(alice: Operator) -> Operator:
    """Give a second operator who is trusted."""
    return type(alice).called("bob")


@pytest.fixture
def chain(alice: Operator, bob: Operator) -> Chain:
    """Give a chain that takes alice's signature, or bob's MAC."""
    way_in = AnyOf(Ed25519Verifier([alice.signing.verify_key]), HmacVerifier([bob.mac]))
    return Chain(AUDIENCE, [way_in, Freshness(), Once()])


def test_each_alternative_is_picked_by_its_own_bytes(
    chain: Chain, alice: Operator, bob: Operator
) -> None:
    """A signature and a MAC both open, each through its own layer."""
    signed = sealer(alice, Ed25519Signer(alice.signing)).seal_at(b"{}", now_ms=NOW_MS)
    tagged = sealer(bob, HmacTagger(bob.mac)).seal_at(b"{}", now_ms=NOW_MS)
    shown = [chain.open(sealed, now_ms=NOW_MS).evidence[0] for sealed in (signed, tagged)]
    assert [("Ed25519Verifier", "alice"), ("HmacVerifier", "bob")] == [
        (evidence.verifier, evidence.owner) for evidence in shown
    ]


def test_the_picked_ones_failure_is_final(chain: Chain, alice: Operator) -> None:
    """A wrong signature is a wrong signature, and no other alternative is asked."""
    sealed = sealer(alice, Ed25519Signer(alice.signing)).seal_at(b"{}", now_ms=NOW_MS)
    with pytest.raises(RefusedError) as caught:
        chain.open(sealed[:-1] + bytes([sealed[-1] ^ 1]), now_ms=NOW_MS)
    assert Reason.SIGNATURE_INVALID is caught.value.reason


@pytest.mark.parametrize(
    ("sealed", "reason"),
    [
        (lambda alice, _: sealer(alice, HmacTagger(alice.mac)), Reason.ENVELOPE_MALFORMED),
        (lambda _, bob: sealer(bob, Ed25519Signer(bob.signing)), Reason.KEY_UNKNOWN),
    ],
    ids=["a key of neither, in the kind of the second", "a key of neither, in that of the first"],
)
def test_what_no_alternative_knows_is_refused(
    chain: Chain,
    alice: Operator,
    bob: Operator,
    sealed: Callable[[Operator, Operator], Sealer],
    reason: Reason,
) -> None:
    """A key id that no alternative has is refused before any cryptography."""
    with pytest.raises(RefusedError) as caught:
        chain.open(sealed(alice, bob).seal_at(b"{}", now_ms=NOW_MS), now_ms=NOW_MS)
    assert reason is caught.value.reason


def test_junk_is_refused(chain: Chain) -> None:
    """Bytes that are no object of any alternative are refused."""
    with pytest.raises(RefusedError) as caught:
        chain.open(b"GET / HTTP/1.1\r\n\r\n", now_ms=NOW_MS)
    assert Reason.ENVELOPE_MALFORMED is caught.value.reason


def test_a_chain_guarantees_what_every_alternative_would(chain: Chain) -> None:
    """A MAC is not attributable, so a chain that also takes one is not."""
    assert {
        Guarantee.AUTHENTIC,
        Guarantee.FRESH,
        Guarantee.ONCE,
        Guarantee.ORDERED,
    } == chain.guarantees


def test_a_chain_with_alternatives_names_them(chain: Chain) -> None:
    """The description tells the alternatives apart from the order."""
    assert "Ed25519Verifier or HmacVerifier → Freshness → Once" == chain.describe()


def test_a_sealer_matches_one_alternative(chain: Chain, alice: Operator, bob: Operator) -> None:
    """Whoever seals for one alternative matches; a key of neither is told."""
    sealer(alice, Ed25519Signer(alice.signing)).check_matches(chain)
    sealer(bob, HmacTagger(bob.mac)).check_matches(chain)
    with pytest.raises(ConfigurationError, match="does not hold"):
        sealer(bob, Ed25519Signer(bob.signing)).check_matches(chain)
    both = sealer(alice, HmacTagger(alice.mac), Ed25519Signer(alice.signing))
    with pytest.raises(ConfigurationError, match="the chain expects Sign1 or Mac0"):
        both.check_matches(chain)


def test_illegal_alternatives_are_not_constructed(alice: Operator, bob: Operator) -> None:
    """Every way to be ambiguous or empty is told, with what to do."""
    signature = Ed25519Verifier([alice.signing.verify_key])
    gate = HmacVerifier([bob.mac])
    overlapping = Ed25519Verifier([alice.signing.verify_key, bob.signing.verify_key])
    for wrong, words in (
        (AnyOf, "passes nothing"),
        (lambda: AnyOf(signature, Freshness()), "Freshness takes no layer off"),
        (lambda: AnyOf(signature, Once()), "Once takes no layer off"),
        (lambda: AnyOf(signature, AnyOf(gate)), "AnyOf takes no layer off"),
        (lambda: AnyOf(signature, overlapping), "both hold key"),
        (lambda: Chain(AUDIENCE, [gate, AnyOf(signature)]), "AnyOf stands outermost"),
        (lambda: Chain(AUDIENCE, [AnyOf(gate), AnyOf(signature)]), "AnyOf stands outermost"),
        (lambda: Chain(AUDIENCE, [AnyOf(signature, AesGcmOpener([bob.aead]))]), "alone hides"),
    ):
        with pytest.raises(ConfigurationError, match=words):
            wrong()


def test_alternatives_are_named_in_repr(alice: Operator, bob: Operator) -> None:
    """``repr`` names classes and no keys."""
    either = AnyOf(Ed25519Verifier([alice.signing.verify_key]), HmacVerifier([bob.mac]))
    assert "AnyOf(Ed25519Verifier, HmacVerifier)" == repr(either)
