"""What is kept of a message opens again by itself, and nothing else does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sealwire import algebra
from sealwire.alternatives import AnyOf
from sealwire.chain import Chain
from sealwire.checks import Freshness, Once
from sealwire.errors import Reason, RefusedError, Stage
from sealwire.layers import Ed25519Verifier, HmacVerifier

if TYPE_CHECKING:
    from tests.conftest import Operator, Way

NOW_MS = 1_800_000_000_000
YEAR_MS = 365 * 86_400_000


def test_what_is_kept_opens_again(way: Way) -> None:
    """It gives the same claims, document and body, at the time at which it was taken."""
    opened = way.chain.open(way.seal(), now_ms=NOW_MS)
    again = way.chain.open(opened.signed, now_ms=NOW_MS, from_layer=opened.from_layer)
    assert opened[:4] == again[:4]
    assert (opened.signed, opened.from_layer) == (again.signed, again.from_layer)
    assert opened.evidence[opened.from_layer :] == again.evidence


def test_only_the_innermost_layer_that_shows_the_issuer_is_kept(way: Way) -> None:
    """What hides a message, or keeps strangers away, is left out where a signature is inside."""
    opened = way.chain.open(way.seal(), now_ms=NOW_MS)
    assert algebra.issuer_layers(way.chain.routes[0])[-1] == opened.from_layer


def test_what_is_kept_ages_as_well(way: Way) -> None:
    """At another time it is expired: whoever opens it again says when it was taken."""
    opened = way.chain.open(way.seal(), now_ms=NOW_MS)
    with pytest.raises(RefusedError) as caught:
        way.chain.open(opened.signed, now_ms=NOW_MS + YEAR_MS, from_layer=opened.from_layer)
    assert Reason.EXPIRED is caught.value.reason


def test_every_bit_of_what_is_kept_counts(way: Way) -> None:
    """One that is flipped is refused."""
    opened = way.chain.open(way.seal(), now_ms=NOW_MS)
    for position in range(len(opened.signed)):
        changed = bytearray(opened.signed)
        changed[position] ^= 1 << position % 8
        with pytest.raises(RefusedError):
            way.chain.open(bytes(changed), now_ms=NOW_MS, from_layer=opened.from_layer)


def test_another_chain_refuses_what_is_kept(network: Way, local: Way) -> None:
    """The layers around are bound into the signature, also when they are not there any more."""
    opened = network.chain.open(network.seal(), now_ms=NOW_MS)
    assert 2 == opened.from_layer
    with pytest.raises(RefusedError) as caught:
        local.chain.open(opened.signed, now_ms=NOW_MS)
    assert Reason.SIGNATURE_INVALID is caught.value.reason
    with pytest.raises(RefusedError) as caught:
        local.chain.open(opened.signed, now_ms=NOW_MS, from_layer=opened.from_layer)
    assert (Reason.ENVELOPE_MALFORMED, Stage.LAYER) == (caught.value.reason, caught.value.stage)


def test_with_several_ways_in_everything_is_kept(alice: Operator) -> None:
    """Which way a message took stands in its outermost layer."""
    chain = Chain(
        alice.audience,
        [
            AnyOf(HmacVerifier([alice.mac]), Ed25519Verifier([alice.signing.verify_key])),
            Freshness(),
            Once(),
        ],
    )
    for layer in (alice.gate(), alice.signer()):
        sealed = alice.wrap(alice.body(), [layer])
        opened = chain.open(sealed, now_ms=NOW_MS)
        assert (sealed, 0) == (opened.signed, opened.from_layer)
        assert opened == chain.open(opened.signed, now_ms=NOW_MS)
