"""What a chain binds, each by its name: moved, stripped or reflected, a message does not open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sealwire import cose
from sealwire.chain import Chain
from sealwire.errors import (
    Reason,
    RefusedError,
    Stage,
)
from sealwire.keys import MacKey, reveal_secret
from sealwire.layers import AesGcmOpener, Ed25519Verifier, HmacTagger, HmacVerifier
from sealwire.stages import Message, Use

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.conftest import Operator, Way

    from sealwire.algebra import Layer
    from sealwire.sealer import SealingLayer
    from sealwire.stages import Context

    Step = Callable[[Message, Context], Any]

NOW_S = 1_800_000_000
NOW_MS = NOW_S * 1000


def refusal(chain: Chain, sealed: bytes, *, now_ms: int = NOW_MS) -> RefusedError:
    """Give the refusal of ``sealed``."""
    with pytest.raises(RefusedError) as caught:
        chain.open(sealed, now_ms=now_ms)
    return caught.value


def reason(chain: Chain, sealed: bytes) -> tuple[Reason, Stage]:
    """Give why and where ``sealed`` is refused."""
    refused = refusal(chain, sealed)
    return refused.reason, refused.stage


WRONG = {
    "HmacVerifier": Reason.MAC_INVALID,
    "AesGcmOpener": Reason.DECRYPTION_FAILED,
    "Ed25519Verifier": Reason.SIGNATURE_INVALID,
}


def outer_reason(way: Way) -> tuple[Reason, Stage]:
    """Give how the outermost layer refuses what is bound to something else."""
    return WRONG[type(way.opening[0]).__name__], Stage.LAYER


def test_another_audience_is_refused(way: Way) -> None:
    """Sealed with the same keys for another audience, the outermost layer does not authenticate."""
    sealed = way.operator.wrap(way.operator.body(), way.layers, audience="payments@test")
    assert outer_reason(way) == reason(way.chain, sealed)


@pytest.mark.parametrize("inner", [0, 1, 2])
def test_another_audience_is_refused_in_every_layer(network: Way, inner: int) -> None:
    """One layer taken from a message for another audience is enough."""
    operator = network.operator
    taken = operator.wrap(
        operator.body(), network.layers, only=slice(inner, None), audience="payments@test"
    )
    sealed = operator.wrap(taken, network.layers, only=slice(inner))
    name = type(network.opening[inner]).__name__
    assert (WRONG[name], Stage.LAYER) == reason(network.chain, sealed)


@pytest.mark.parametrize("use", [use for use in Use if use is not Use.REQUEST])
def test_another_use_is_refused(way: Way, use: Use) -> None:
    """A receipt, a keyring or a start statement is no request, even under the same keys."""
    sealed = way.operator.wrap(way.operator.body(), way.layers, use=use)
    assert outer_reason(way) == reason(way.chain, sealed)


@pytest.mark.parametrize("use", [use for use in Use if use is not Use.REQUEST])
def test_another_use_is_refused_inside(network: Way, use: Use) -> None:
    """What was signed as a receipt is not a request when it is put into a request's envelope."""
    operator = network.operator
    signed = operator.wrap(operator.body(), network.layers, only=slice(2, 3), use=use)
    sealed = operator.wrap(signed, network.layers, only=slice(2))
    assert (Reason.SIGNATURE_INVALID, Stage.LAYER) == reason(network.chain, sealed)


def with_bindings(
    body: bytes, layers: Sequence[SealingLayer], bindings: Sequence[tuple[int, tuple[int, ...]]]
) -> bytes:
    """Wrap ``body``, each layer bound to the index and the algorithms given for it."""
    for layer, (index, listed) in zip(reversed(layers), reversed(bindings), strict=True):
        body = layer.seal(body, cose.external_aad(Use.REQUEST, "payments@prod", index, listed))
    return body


def test_the_right_bindings_open(network: Way) -> None:
    """The tests that follow change one value of these."""
    bindings = [(index, (5, 3, -19)) for index in range(3)]
    sealed = with_bindings(network.operator.body(), network.layers, bindings)
    assert network.operator.body() == network.chain.open(sealed, now_ms=NOW_MS).body


@pytest.mark.parametrize("layer", [0, 1, 2])
@pytest.mark.parametrize("index", [0, 1, 2, 3])
def test_another_index_is_refused(network: Way, layer: int, index: int) -> None:
    """A layer opens at its own place alone."""
    if index == layer:
        return
    bindings: list[tuple[int, tuple[int, ...]]] = [(place, (5, 3, -19)) for place in range(3)]
    bindings[layer] = (index, (5, 3, -19))
    sealed = with_bindings(network.operator.body(), network.layers, bindings)
    name = type(network.opening[layer]).__name__
    assert (WRONG[name], Stage.LAYER) == reason(network.chain, sealed)


@pytest.mark.parametrize("layer", [0, 1, 2])
@pytest.mark.parametrize(
    "listed", [(), (5,), (5, 3), (3, -19), (-19, 3, 5), (5, 3, -8), (5, 3, -19, 5), (4, 3, -19)]
)
def test_other_algorithms_are_refused(network: Way, layer: int, listed: tuple[int, ...]) -> None:
    """Each layer says which ones stand around it; a chain with others does not open it."""
    bindings: list[tuple[int, tuple[int, ...]]] = [(place, (5, 3, -19)) for place in range(3)]
    bindings[layer] = (layer, listed)
    sealed = with_bindings(network.operator.body(), network.layers, bindings)
    name = type(network.opening[layer]).__name__
    assert (WRONG[name], Stage.LAYER) == reason(network.chain, sealed)


def inside(network: Way, depth: int) -> bytes:
    """Give a sealed message of the network way without its outermost layers."""
    operator = network.operator
    return operator.wrap(operator.body(), network.layers, only=slice(depth, None))


def test_stripped_layers_are_refused(network: Way, local: Way, alice: Operator) -> None:
    """Who takes the gate or the encryption off cannot deliver the rest to a chain without them."""
    verifier = Ed25519Verifier([alice.signing.verify_key])
    without_gate = Chain(alice.audience, [AesGcmOpener([alice.aead]), verifier])
    assert (Reason.DECRYPTION_FAILED, Stage.LAYER) == reason(without_gate, inside(network, 1))
    assert (Reason.SIGNATURE_INVALID, Stage.LAYER) == reason(local.chain, inside(network, 2))


def test_stripped_layers_are_refused_by_the_same_chain(network: Way) -> None:
    """A chain never skips a layer, whatever it is given."""
    for depth in (1, 2, 3):
        expected = (Reason.ENVELOPE_MALFORMED, Stage.LAYER)
        assert expected == reason(network.chain, inside(network, depth))


def test_added_layers_are_refused(local: Way, alice: Operator) -> None:
    """A signature made for a chain alone does not count behind a gate."""
    gated: list[SealingLayer] = [alice.gate(), alice.signer()]
    verifier = Ed25519Verifier([alice.signing.verify_key])
    chain = Chain(alice.audience, [HmacVerifier([alice.mac]), verifier])
    sealed = alice.wrap(local.seal(), gated, only=slice(1))
    assert (Reason.SIGNATURE_INVALID, Stage.LAYER) == reason(chain, sealed)
    expected = (Reason.ENVELOPE_MALFORMED, Stage.LAYER)
    assert expected == reason(local.chain, alice.wrap(alice.body(), gated))


def test_reordered_layers_are_refused(alice: Operator) -> None:
    """The same layers in another order are another chain."""
    opening: list[Layer] = [HmacVerifier([alice.mac]), AesGcmOpener([alice.aead])]
    layers: list[SealingLayer] = [alice.gate(), alice.hider()]
    one, other = Chain(alice.audience, opening), Chain(alice.audience, opening[::-1])
    for chain, right, wrong in ((one, layers, layers[::-1]), (other, layers[::-1], layers)):
        assert alice.body() == chain.open(alice.wrap(alice.body(), right), now_ms=NOW_MS).body
        expected = (Reason.ENVELOPE_MALFORMED, Stage.LAYER)
        assert expected == reason(chain, alice.wrap(alice.body(), wrong))


def test_layers_of_one_kind_are_not_exchanged(alice: Operator, mallory: Operator) -> None:
    """Two signatures in the wrong order are refused, although each is right and both are there."""
    keys = (alice.signing.verify_key, mallory.signing.verify_key)
    # Each key in one layer, but both layers of one kind: their objects look alike.
    chain = Chain(alice.audience, [Ed25519Verifier([key]) for key in keys])
    sealed = alice.wrap(alice.body(), [mallory.signer(), alice.signer()])
    assert (Reason.KEY_UNKNOWN, Stage.LAYER) == reason(chain, sealed)


def test_a_key_of_another_audience_is_refused(alice: Operator) -> None:
    """A service of one audience that shares its keys with another gains nothing by it."""
    elsewhere = MacKey(reveal_secret(alice.mac), owner="alice", audience="payments@test")
    chain = Chain(alice.audience, [HmacVerifier([elsewhere])])
    sealed = alice.wrap(alice.body(), [HmacTagger(elsewhere)])
    assert (Reason.KEY_UNKNOWN, Stage.LAYER) == reason(chain, sealed)


def test_a_claimed_audience_that_is_not_ours_is_refused(way: Way) -> None:
    """The audience stands inside the signature too, and is compared."""
    sealed = way.seal(way.operator.body(aud="payments@test"))
    assert (Reason.AUDIENCE_MISMATCH, Stage.BODY) == reason(way.chain, sealed)
    detail = refusal(way.chain, sealed).detail
    assert "'payments@test'" in detail
    assert "this is payments@prod" in detail


def test_a_claimed_issuer_who_did_not_sign_is_refused(way: Way) -> None:
    """Nobody speaks in another's name."""
    sealed = way.seal(way.operator.body(iss="mallory"))
    assert (Reason.ISSUER_MISMATCH, Stage.BODY) == reason(way.chain, sealed)
    detail = refusal(way.chain, sealed).detail
    assert "issuer 'mallory'" in detail
    assert "the key is alice's" in detail


def test_the_gates_owner_is_not_the_issuer(alice: Operator, mallory: Operator) -> None:
    """In front of a signature a MAC is a filter: who tagged does not matter, who signed does."""
    gate = HmacVerifier([alice.mac, mallory.mac])
    chain = Chain(alice.audience, [gate, Ed25519Verifier([alice.signing.verify_key])])
    layers: list[SealingLayer] = [mallory.gate(), alice.signer()]
    opened = chain.open(alice.wrap(alice.body(), layers), now_ms=NOW_MS)
    assert ["mallory", "alice"] == [shown.owner for shown in opened.evidence]
    sealed = alice.wrap(mallory.body(), layers)
    assert (Reason.ISSUER_MISMATCH, Stage.BODY) == reason(chain, sealed)


def test_without_a_signature_the_innermost_mac_is_the_issuers(
    alice: Operator, mallory: Operator
) -> None:
    """Of two MACs the one nearest to the body counts."""
    chain = Chain(alice.audience, [HmacVerifier([mallory.mac]), HmacVerifier([alice.mac])])
    layers: list[SealingLayer] = [mallory.gate(), alice.gate()]
    assert "alice" == chain.open(alice.wrap(alice.body(), layers), now_ms=NOW_MS).claims.iss
    sealed = alice.wrap(mallory.body(), layers)
    assert (Reason.ISSUER_MISMATCH, Stage.BODY) == reason(chain, sealed)


def test_the_issuers_mac_may_stand_in_front_of_the_encryption(alice: Operator) -> None:
    """Which layer counts follows from what it gives, not from where it stands."""
    chain = Chain(alice.audience, [HmacVerifier([alice.mac]), AesGcmOpener([alice.aead])])
    layers: list[SealingLayer] = [alice.gate(), alice.hider()]
    assert "alice" == chain.open(alice.wrap(alice.body(), layers), now_ms=NOW_MS).claims.iss
    sealed = alice.wrap(alice.body(iss="mallory"), layers)
    assert (Reason.ISSUER_MISMATCH, Stage.BODY) == reason(chain, sealed)


def test_every_signature_is_the_issuers(alice: Operator, mallory: Operator) -> None:
    """Two signature layers of two owners can agree on no issuer."""
    keys = (alice.signing.verify_key, mallory.signing.verify_key)
    chain = Chain(alice.audience, [Ed25519Verifier([key]) for key in keys])
    for operator in (alice, mallory):
        sealed = operator.wrap(operator.body(), [alice.signer(), mallory.signer()])
        assert (Reason.ISSUER_MISMATCH, Stage.BODY) == reason(chain, sealed)
