"""The signatures of several: all of them have to be right, whoever comes first is the issuer."""

from __future__ import annotations

import pytest
from tests.conftest import AUDIENCE, NOW_MS, Operator

from sealwire import cbor, cose, cosesign
from sealwire.algebra import Guarantee
from sealwire.alternatives import AnyOf
from sealwire.chain import Chain
from sealwire.cosesign import Signature
from sealwire.errors import ConfigurationError, MalformedError, Reason, RefusedError, Stage
from sealwire.keys import SigningKey
from sealwire.layers import Ed25519Signer, Ed25519Verifier, MultiSigner, ThresholdVerifier
from sealwire.recommended import local, local_layers, network, network_layers
from sealwire.sealer import MemorySealerState, Sealer
from sealwire.stages import Evidence, Use

PEOPLE = [Operator.called(name) for name in ("alice", "bob", "carol", "dave", "erin")]
ALICE, BOB, CAROL, DAVE, ERIN = PEOPLE
TRUSTED = [each.signing.verify_key for each in PEOPLE[:4]]
CHAIN = Chain(AUDIENCE, [ThresholdVerifier(TRUSTED)])
AAD = cose.external_aad(Use.REQUEST, AUDIENCE, 0, (cose.ED25519,))


def sealed_by(*people: Operator, body: bytes = b"") -> bytes:
    """Give a message of Alice's with the signatures of ``people``, in their order."""
    first, *others = (each.signing for each in people)
    return ALICE.wrap(body or ALICE.body(), [MultiSigner(first, *others)])


def refusal(sealed: bytes, chain: Chain = CHAIN) -> RefusedError:
    """Give the refusal of ``sealed``."""
    with pytest.raises(RefusedError) as caught:
        chain.open(sealed, now_ms=NOW_MS)
    return caught.value


def evidence(person: Operator, *others: Operator) -> Evidence:
    """Give what the layer shows."""
    key = person.signing
    return Evidence(
        "ThresholdVerifier",
        -19,
        key.thumbprint,
        key.owner,
        tuple(evidence(each) for each in others),
    )


def spelt(*people: Operator, body: bytes) -> bytes:
    """Write an object with the signatures of ``people`` in just this order, whatever is right."""
    framed = cbor.encode_bytes(body)
    lead = bytes.fromhex("d8628440a0") + framed + cbor.head(cbor.ARRAY, len(people))
    entries = b""
    for each in people:
        key = each.signing
        signature = key.sign(cosesign.to_be_signed(key.id, AAD, framed))
        protected = cose.protected_header(cose.ED25519, key.id)
        entries += b"\x83" + protected + b"\xa0" + cbor.encode_bytes(signature)
    return lead + entries


def in_order(*people: Operator) -> list[Operator]:
    """Give people in the order of their key ids."""
    return sorted(people, key=lambda each: each.signing.id)


def test_it_opens_what_its_other_half_made() -> None:
    """One evidence for the layer: the issuer's, and in it those of the others."""
    assert (evidence(ALICE),) == CHAIN.open(sealed_by(ALICE), now_ms=NOW_MS).evidence
    opened = CHAIN.open(sealed_by(ALICE, DAVE, BOB, CAROL), now_ms=NOW_MS)
    assert ALICE.body() == opened.body
    assert (evidence(ALICE, *in_order(BOB, CAROL, DAVE)),) == opened.evidence
    assert CHAIN.takes_several
    assert not Chain(AUDIENCE, [Ed25519Verifier(TRUSTED)]).takes_several


def test_what_it_promises() -> None:
    """As the signature of one."""
    assert Ed25519Verifier.provides == ThresholdVerifier.provides
    assert frozenset() == ThresholdVerifier.requires
    assert {Guarantee.AUTHENTIC, Guarantee.ATTRIBUTABLE} == CHAIN.guarantees


@pytest.mark.parametrize("place", range(3))
def test_one_that_is_unknown_or_wrong_refuses_the_whole(place: int) -> None:
    """Whichever it is, and however many are right besides."""
    people = [ALICE, *in_order(BOB, CAROL)]
    stranger = [*people]
    stranger[place] = ERIN
    refused = refusal(sealed_by(*stranger))
    assert (Reason.KEY_UNKNOWN, Stage.LAYER) == (refused.reason, refused.stage)
    assert ERIN.signing.fingerprint in refused.detail
    sealed = sealed_by(*people)
    for at in range(64):
        # The signatures stand at the end, each with 82 bytes.
        end = len(sealed) - 82 * (2 - place) - 64 + at
        changed = sealed[:end] + bytes((sealed[end] ^ 1,)) + sealed[end + 1 :]
        refused = refusal(changed)
        assert (Reason.SIGNATURE_INVALID, Stage.LAYER) == (refused.reason, refused.stage)
        assert f"signature {place + 1} of 3" in refused.detail


def test_a_key_that_was_taken_away_refuses_what_it_signed_with_others() -> None:
    """An expired or revoked extra signature is no ornament."""
    sealed = sealed_by(ALICE, BOB, CAROL)
    CHAIN.open(sealed, now_ms=NOW_MS)
    later = Chain(AUDIENCE, [ThresholdVerifier([TRUSTED[0], TRUSTED[1], TRUSTED[3]])])
    assert Reason.KEY_UNKNOWN is refusal(sealed, later).reason


def test_one_kind_of_signature_and_not_the_other() -> None:
    """Tag 18 where 98 is due, and 98 where 18 is: refused, with what was expected and found."""
    one = ALICE.wrap(ALICE.body(), [ALICE.signer()])
    refused = refusal(one)
    assert isinstance(refused, MalformedError)
    assert Reason.ENVELOPE_MALFORMED is refused.reason
    assert "expected Sign (tag 98), found Sign1 (tag 18)" == refused.detail
    refused = refusal(sealed_by(ALICE), Chain(AUDIENCE, [Ed25519Verifier(TRUSTED)]))
    assert Reason.ENVELOPE_MALFORMED is refused.reason
    assert "expected Sign1 (tag 18), found Sign (tag 98)" == refused.detail


def test_the_signature_of_one_is_none_of_several() -> None:
    """The same bytes signed for the other kind are wrong: the context says which it is."""
    key, framed = ALICE.signing, cbor.encode_bytes(ALICE.body())
    protected = cose.protected_header(cose.ED25519, key.id)
    raw = key.sign(cose.to_be_authenticated(cose.SIGN1, protected, AAD) + framed)
    sealed = cosesign.join(framed, [Signature(key.id, raw)])
    assert Reason.SIGNATURE_INVALID is refusal(sealed).reason


def test_the_first_is_the_issuer() -> None:
    """Who swaps the first with another changes who asks, and the body says somebody else."""
    swapped = sealed_by(BOB, ALICE)
    assert Reason.ISSUER_MISMATCH is refusal(swapped).reason
    assert Reason.ISSUER_MISMATCH is refusal(sealed_by(BOB)).reason


def test_a_set_of_signatures_has_one_spelling() -> None:
    """Another order of the others, or one twice, is refused before anything is verified."""
    low, middle, high = in_order(BOB, CAROL, DAVE)
    right = spelt(ALICE, low, middle, high, body=ALICE.body())
    assert sealed_by(ALICE, high, low, middle) == right
    for people in ((ALICE, middle, low, high), (ALICE, high, middle, low), (ALICE, low, low)):
        refused = refusal(spelt(*people, body=ALICE.body()))
        assert Reason.ENVELOPE_MALFORMED is refused.reason
    twice = refusal(spelt(ALICE, ALICE, body=ALICE.body()))
    assert Reason.ENVELOPE_MALFORMED is twice.reason


def test_it_is_bound_to_place_and_audience() -> None:
    """What was signed for one place opens nowhere else."""
    chain = network(
        AUDIENCE, gate=[ALICE.mac], encryption=[ALICE.aead], trusted=TRUSTED, several=True
    )
    layers = network_layers(ALICE.mac, ALICE.aead, ALICE.signing, several=True)
    inner = sealed_by(ALICE, BOB)
    moved = ALICE.wrap(inner, layers, only=slice(2))
    assert Reason.SIGNATURE_INVALID is refusal(moved, chain).reason
    other = ALICE.wrap(ALICE.body(), [MultiSigner(ALICE.signing)], audience="orders@prod")
    assert Reason.SIGNATURE_INVALID is refusal(other).reason


def test_the_recommended_chains_take_several() -> None:
    """Both kinds, and what seals for them; a chain for one is not opened by what seals several."""
    for chain, layers in (
        (local(AUDIENCE, TRUSTED, several=True), local_layers(ALICE.signing, several=True)),
        (
            network(
                AUDIENCE, gate=[ALICE.mac], encryption=[ALICE.aead], trusted=TRUSTED, several=True
            ),
            network_layers(ALICE.mac, ALICE.aead, ALICE.signing, several=True),
        ),
    ):
        sealer = Sealer(
            AUDIENCE, layers, issuer="alice", state=MemorySealerState(), clock=lambda: NOW_MS
        )
        sealer.check_matches(chain)
        opened = chain.open(sealer.seal(b"{}"), now_ms=NOW_MS)
        assert evidence(ALICE) == opened.evidence[-1]
        assert sealer.signs_with_others
        assert ALICE.signing.id == sealer.signing_id
        with pytest.raises(ConfigurationError, match="the chain expects"):
            sealer.check_matches(local(AUDIENCE, TRUSTED))


def test_what_was_kept_opens_again() -> None:
    """Without the layers around it, with all its signatures."""
    chain = network(
        AUDIENCE, gate=[ALICE.mac], encryption=[ALICE.aead], trusted=TRUSTED, several=True
    )
    _, hider, _ = network_layers(ALICE.mac, ALICE.aead, ALICE.signing)
    layers = (ALICE.gate(), hider, MultiSigner(ALICE.signing, BOB.signing))
    opened = chain.open(ALICE.wrap(ALICE.body(), layers), now_ms=NOW_MS)
    again = chain.open(opened.signed, now_ms=NOW_MS, from_layer=opened.from_layer)
    assert (evidence(ALICE, BOB),) == again.evidence
    assert "alice with bob" == again.signed_by
    assert [ALICE.name, BOB.name] == [each.owner for each in again.known.signers]


def test_a_sealer_with_cosigners_is_compared_with_the_chain() -> None:
    """A cosigner whose key the receiver has not would have the whole refused."""
    for other, said in ((BOB, ""), (ERIN, "does not hold the cosigner's")):
        sealer = Sealer(
            AUDIENCE,
            [MultiSigner(ALICE.signing, other.signing)],
            issuer="alice",
            state=MemorySealerState(),
            clock=lambda: NOW_MS,
        )
        if not said:
            sealer.check_matches(CHAIN)
            continue
        with pytest.raises(ConfigurationError, match=said):
            sealer.check_matches(CHAIN)


def test_keys_that_cannot_sign_together() -> None:
    """One twice, and a ninth."""
    with pytest.raises(ConfigurationError, match="one key is to sign twice"):
        MultiSigner(ALICE.signing, ALICE.signing)
    nine = [SigningKey(bytes([n]) * 32, owner="a") for n in range(9)]
    with pytest.raises(ConfigurationError, match="9 keys are to sign; 8 are the most"):
        MultiSigner(*nine)
    MultiSigner(*nine[:8])


def test_it_stands_in_no_any_of() -> None:
    """There is no one key id to pick it by."""
    for layers in (
        (ThresholdVerifier(TRUSTED[:1]), Ed25519Verifier(TRUSTED[1:])),
        (Ed25519Verifier(TRUSTED[1:]), ThresholdVerifier(TRUSTED[:1])),
        (ThresholdVerifier(TRUSTED),),
    ):
        with pytest.raises(ConfigurationError, match="ThresholdVerifier takes several key ids"):
            AnyOf(*layers)


def test_one_key_stands_in_one_layer() -> None:
    """Its keys are compared with those of the other layers as well."""
    with pytest.raises(ConfigurationError, match="stands in ThresholdVerifier and in"):
        Chain(AUDIENCE, [ThresholdVerifier(TRUSTED), Ed25519Verifier(TRUSTED[:1])])
    assert Ed25519Signer.shape != MultiSigner.shape
