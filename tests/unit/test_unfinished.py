"""Unfinished messages: read strictly, signed by one after another, finished by the issuer."""

from __future__ import annotations

from itertools import permutations

import pytest
from tests.conftest import AUDIENCE, NOW_MS, Operator

from sealwire import cbor, cose
from sealwire.chain import Chain
from sealwire.cosesign import Signature
from sealwire.errors import MalformedError, Reason, RefusedError, SealError
from sealwire.framing import MAX_FRAME_BYTES
from sealwire.keys import SigningKey
from sealwire.layers import ThresholdVerifier
from sealwire.recommended import local, local_layers, network, network_layers
from sealwire.sealer import MemorySealerState, Sealer
from sealwire.stages import Stream, digest_of
from sealwire.unfinished import (
    NAME,
    Unfinished,
    finish,
    looks_unfinished,
    read_unfinished,
    seal_unfinished,
    write_unfinished,
)

ALICE, BOB, CAROL, DAVE = map(Operator.called, ("alice", "bob", "carol", "dave"))
TRUSTED = [each.signing.verify_key for each in (ALICE, BOB, CAROL, DAVE)]
JSON = "application/json"


def sealer_of(
    person: Operator, *, several: bool = True, way: str = "network", audience: str = AUDIENCE
) -> Sealer:
    """Give the sealer of one person for a chain."""
    layers = local_layers(person.signing, several=several)
    if way == "network":
        other = Operator.called(person.name, audience)
        layers = network_layers(other.mac, other.aead, person.signing, several=several)
    return Sealer(
        audience, layers, issuer=person.name, state=MemorySealerState(), clock=lambda: NOW_MS
    )


def chain_of(way: str = "network") -> Chain:
    """Give the chain that opens what these people make."""
    if way == "local":
        return local(AUDIENCE, TRUSTED, several=True)
    return network(
        AUDIENCE, gate=[ALICE.mac], encryption=[ALICE.aead], trusted=TRUSTED, several=True
    )


def begun(way: str = "network", document: bytes = b"{}") -> Unfinished:
    """Give what Alice has sealed as far as it goes."""
    return seal_unfinished(
        sealer_of(ALICE, way=way),
        document,
        content_type=JSON,
        stream=Stream.BASE,
        lifetime_s=300,
    )


@pytest.mark.parametrize("way", ["local", "network"])
def test_from_one_to_the_next_and_to_the_service(way: str) -> None:
    """Written, read, signed, written, read, finished, opened: with everybody's evidence."""
    file = write_unfinished(begun(way))
    for person in (BOB, CAROL):
        assert looks_unfinished(file)
        file = write_unfinished(read_unfinished(file).cosign(person.signing))
    read = read_unfinished(file)
    opened = chain_of(way).open(finish(read, sealer_of(ALICE, way=way)), now_ms=NOW_MS)
    assert ["alice", "bob", "carol"] == sorted(each.owner for each in opened.signers)
    assert read.digest == opened.digest == digest_of(read.signed.payload)
    assert (read.claims, read.content_type, read.document) == (
        opened.claims,
        opened.content_type,
        opened.document,
    )


def test_in_whatever_order_they_sign() -> None:
    """The file is the same, one after another or put together from copies."""
    keys = [each.signing for each in (BOB, CAROL, DAVE)]
    first = begun()
    files = set()
    for order in permutations(keys):
        one = first
        merged = first
        for key in order:
            one = one.cosign(key)
            merged = merged.merge(first.cosign(key))
        files |= {write_unfinished(one), write_unfinished(merged), write_unfinished(one.merge(one))}
    assert 1 == len(files)


def test_nobody_signs_twice_and_no_ninth() -> None:
    """Told before anything is written."""
    signed = begun().cosign(BOB.signing)
    for key in (ALICE.signing, BOB.signing):
        with pytest.raises(SealError, match=f"{key.fingerprint} has signed this message already"):
            signed.cosign(key)
    for number in range(6):
        signed = signed.cosign(SigningKey(bytes([number]) * 32, owner="a"))
    with pytest.raises(SealError, match="it has 8 signatures, and no more are taken"):
        signed.cosign(CAROL.signing)


def test_what_does_not_go_together() -> None:
    """Another message, and another signature of one key."""
    one, other = begun(), begun(document=b"[]")
    with pytest.raises(SealError, match="this is another message"):
        one.merge(other)
    with pytest.raises(SealError, match="this is another message"):
        one.merge(one._replace(algorithms=(cose.ED25519,)))
    signed = one.cosign(BOB.signing)
    wrong = signed.signatures[1]._replace(value=bytes(64))
    forged = signed._replace(
        signed=signed.signed._replace(signatures=(signed.signatures[0], wrong))
    )
    with pytest.raises(SealError, match="has signed this message already"):
        signed.merge(forged)


def test_who_has_signed() -> None:
    """With their keys: yes, no, or nothing that names it."""
    signed = begun().cosign(BOB.signing)
    assert signed.is_signed_by(ALICE.signing.verify_key) is True
    assert signed.is_signed_by(BOB.signing.verify_key) is True
    assert signed.is_signed_by(CAROL.signing.verify_key) is None
    first, _ = signed.signatures
    forged = Signature(BOB.signing.id, first.value)
    signed = signed._replace(signed=signed.signed._replace(signatures=(first, forged)))
    assert signed.is_signed_by(BOB.signing.verify_key) is False


def test_it_is_finished_by_its_issuer_for_its_service() -> None:
    """Whoever else tries is told whose it is, and for whom."""
    signed = begun().cosign(BOB.signing)
    for sealer, said in (
        (sealer_of(BOB), "is alice's, whose gate and encryption keys it needs, and not bob's"),
        (sealer_of(ALICE, audience="orders@prod"), "is for payments@prod, and not for orders@prod"),
        (sealer_of(ALICE, way="local"), "another chain"),
        (sealer_of(ALICE, several=False), "another chain"),
    ):
        with pytest.raises(SealError, match=said):
            finish(signed, sealer)
    another = SigningKey(b"\7" * 32, owner="alice")
    later = Sealer(
        AUDIENCE,
        network_layers(ALICE.mac, ALICE.aead, another, several=True),
        issuer="alice",
        state=MemorySealerState(),
        clock=lambda: NOW_MS,
    )
    with pytest.raises(SealError, match=f"alice signs with {another.fingerprint}; seal it anew"):
        finish(signed, later)


def test_where_one_signature_is_due_nobody_waits_for_others() -> None:
    """Told when it is sealed, with the setting that is missing."""
    with pytest.raises(SealError, match=r'signatures = "several"'):
        seal_unfinished(
            sealer_of(ALICE, several=False),
            b"{}",
            content_type=JSON,
            stream=Stream.BASE,
            lifetime_s=300,
        )


def test_what_could_not_be_sent_is_told_before_others_sign() -> None:
    """It is as long then as it will be, but for the signatures."""
    with pytest.raises(SealError, match="bytes; 266240 can be sent"):
        begun(document=bytes(MAX_FRAME_BYTES - 100))


def test_no_service_takes_it_as_it_is() -> None:
    """It begins with no tag, so every chain refuses it at its first byte."""
    file = write_unfinished(begun("local"))
    for chain in (chain_of("local"), chain_of(), Chain(AUDIENCE, [ThresholdVerifier(TRUSTED)])):
        with pytest.raises(RefusedError) as caught:
            chain.open(file, now_ms=NOW_MS)
        assert Reason.ENVELOPE_MALFORMED is caught.value.reason


def of(algorithms: object, signed: object) -> bytes:
    """Write what begins as an unfinished message does."""
    return cbor.encode([NAME, algorithms, signed])  # type: ignore[list-item]


OBJECT = cbor.decode(write_unfinished(begun("local")))[2]  # type: ignore[index]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no unfinished message"),
        (b"\xd8\x62\x84\x40\xa0", "no unfinished message"),
        (cbor.encode(["sealwire/2 unfinished", [-19], OBJECT]), "no unfinished message"),
        (cbor.encode([NAME, [-19]]), "no unfinished message"),
        (of([-19], OBJECT) + b"\0", "trail"),
        (of([-19], OBJECT)[:-1], "truncated"),
        (of({}, OBJECT), "does not hold algorithms and a COSE_Sign object"),
        (of([-19], "text"), "does not hold algorithms and a COSE_Sign object"),
        (of([], OBJECT), "no algorithms that end with a signature's"),
        (of([-19] * 9, OBJECT), "no algorithms that end with a signature's"),
        (of([5, 3], OBJECT), "no algorithms that end with a signature's"),
        (of([-8], OBJECT), "no algorithms that end with a signature's"),
        (of([True, -19], OBJECT), "no algorithms that end with a signature's"),
        (of([-19], b""), "expected Sign"),
        (of([-19], b"\xd2\x84"), "found Sign1"),
        (of([-19], bytes(MAX_FRAME_BYTES)), "are the most"),
    ],
)
def test_what_is_no_unfinished_message(data: bytes, said: str) -> None:
    """Each is refused, and nothing of it is shown as what it is not."""
    with pytest.raises(MalformedError) as caught:
        read_unfinished(data)
    assert said in caught.value.detail
