"""SSHSIG as a layer: whose authenticator made the message, and nothing else."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.sshdoubles import FIDO, PLAIN, SoftKey, covered, sshsig

from sealwire import cbor, cose
from sealwire.algebra import Guarantee
from sealwire.alternatives import AnyOf
from sealwire.chain import Chain
from sealwire.checks import Freshness, Once
from sealwire.cose import external_aad
from sealwire.errors import (
    ConfigurationError,
    MalformedError,
    Reason,
    RefusedError,
    Stage,
    VerificationError,
)
from sealwire.layers import Ed25519Signer, Ed25519Verifier
from sealwire.layers.sshsig import SshsigSigner, SshsigVerifier
from sealwire.policy.thresholds import signers
from sealwire.sshkeys import NAMESPACE, SshSigner, SshVerifyKey, Validity
from sealwire.sshwire import PublicKey
from sealwire.stages import Evidence, Use

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Operator

NOW_MS = 1_800_000_000_000
KEYS = [pytest.param(PLAIN, id="plain"), pytest.param(FIDO, id="fido")]


def public_of(key: SoftKey, owner: str = "alice", **more: Validity) -> SshVerifyKey:
    """Give the public half as a service holds it."""
    return SshVerifyKey(PublicKey.parse(key.blob), owner=owner, **more)


def signer_of(key: SoftKey, owner: str = "alice") -> SshsigSigner:
    """Give the half that seals."""
    return SshsigSigner(SshSigner(public_of(key, owner), key.sign))


def refusal(chain: Chain, sealed: bytes, now_ms: int = NOW_MS) -> RefusedError:
    """Give the refusal of ``sealed``."""
    with pytest.raises(RefusedError) as caught:
        chain.open(sealed, now_ms=now_ms)
    return caught.value


@pytest.fixture
def chain(alice: Operator) -> Chain:
    """Give a chain of this layer alone, which trusts both keys."""
    return Chain(alice.audience, [SshsigVerifier([public_of(PLAIN), public_of(FIDO)])])


def sealed_around(alice: Operator, key: SoftKey, blob: bytes) -> bytes:
    """Seal a body with whatever stands for the signature."""
    header = cose.protected_header(cose.SSHSIG, public_of(key).id)
    return cose.join_sshsig(header, cbor.encode_bytes(alice.body()), blob)


def signed_by(alice: Operator, key: SoftKey) -> bytes:
    """Give Sig_structure (RFC 9052, section 4.4) of `sealed_around`, written by hand."""
    protected = b"\x51\xa2\x01\x3a\x00\x01\x11\x79\x04\x48" + public_of(key).id
    bound = external_aad(Use.REQUEST, alice.audience, 0, (-70010,))
    body = alice.body()
    framed = b"\x58" + bytes((len(body),)) + body
    return b"\x84\x6aSignature1" + protected + bound + framed


@pytest.mark.parametrize("key", KEYS)
def test_it_opens_what_its_other_half_made(alice: Operator, chain: Chain, key: SoftKey) -> None:
    """The payload comes out as it went in, with evidence of the key."""
    opened = chain.open(alice.wrap(alice.body(), [signer_of(key)]), now_ms=NOW_MS)
    assert alice.body() == opened.body
    shown = Evidence("SshsigVerifier", -70010, public_of(key).thumbprint, "alice")
    assert (shown,) == opened.evidence


@pytest.mark.parametrize("key", KEYS)
def test_a_message_is_these_bytes(alice: Operator, chain: Chain, key: SoftKey) -> None:
    """Tag, protected header, nothing, payload, and the SSHSIG over Sig_structure."""
    blob = key.sshsig(signed_by(alice, key))
    front = bytes.fromhex("d28451a2013a0001117904 48") + public_of(key).id + b"\xa0"
    body = alice.body()
    assert 0x100 > len(body)
    framed = b"\x58" + bytes((len(body),)) + body
    head = b"\x58" + bytes((len(blob),)) if len(blob) < 0x100 else b"\x59" + len(blob).to_bytes(2)
    sealed = front + framed + head + blob
    assert sealed == alice.wrap(alice.body(), [signer_of(key)])
    assert alice.body() == chain.open(sealed, now_ms=NOW_MS).body


def test_what_it_promises() -> None:
    """It shows that a message is authentic, and whose it is."""
    assert frozenset({Guarantee.AUTHENTIC, Guarantee.ATTRIBUTABLE}) == SshsigVerifier.provides
    assert frozenset() == SshsigVerifier.requires


@pytest.mark.parametrize("key", KEYS)
def test_no_bit_may_be_flipped(alice: Operator, chain: Chain, key: SoftKey) -> None:
    """Of the whole message."""
    sealed = alice.wrap(alice.body(), [signer_of(key)])
    for at in range(8 * len(sealed)):
        flipped = bytearray(sealed)
        flipped[at // 8] ^= 1 << at % 8
        refused = refusal(chain, bytes(flipped))
        assert isinstance(refused, (MalformedError, VerificationError))
        assert Stage.LAYER is refused.stage


@pytest.mark.parametrize("key", KEYS)
def test_it_ends_where_it_ends(alice: Operator, chain: Chain, key: SoftKey) -> None:
    """Nothing may be missing, nothing may trail, inside the blob or behind it."""
    sealed = alice.wrap(alice.body(), [signer_of(key)])
    for length in range(len(sealed)):
        assert refusal(chain, sealed[:length]).reason in {
            Reason.ENVELOPE_MALFORMED,
            Reason.KEY_UNKNOWN,
        }
    assert Reason.ENVELOPE_MALFORMED is refusal(chain, sealed + b"\0").reason
    blob = key.sshsig(signed_by(alice, key)) + b"\0"
    assert Reason.ENVELOPE_MALFORMED is refusal(chain, sealed_around(alice, key, blob)).reason


def test_a_blob_that_is_too_long_is_not_read(alice: Operator, chain: Chain) -> None:
    """An SSHSIG has some 230 bytes, and more than 1024 are not read."""
    refused = refusal(chain, sealed_around(alice, FIDO, bytes(cose.MAX_SSHSIG_BYTES + 1)))
    assert Reason.ENVELOPE_MALFORMED is refused.reason
    assert "1024 bytes at the most" in refused.detail
    assert "no SSHSIG" in refusal(chain, sealed_around(alice, FIDO, bytes(1024))).detail


WRONG: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "not touched": (lambda signed: replace(FIDO, flags=0).sshsig(signed), "somebody touched it"),
    "another namespace": (lambda signed: FIDO.sshsig(signed, b"git"), NAMESPACE),
    "another hash": (
        lambda signed: sshsig(
            FIDO.blob, FIDO.sign(covered(signed, hashed=b"sha256")), hashed=b"sha256"
        ),
        "sha512",
    ),
    "another key": (PLAIN.sshsig, "another key"),
    "another application": (
        lambda signed: replace(FIDO, application=b"ssh:x").sshsig(signed),
        "another key",
    ),
    "another message": (lambda signed: FIDO.sshsig(signed[:-1]), "wrong"),
    "a namespace put in its place": (
        lambda signed: sshsig(FIDO.blob, FIDO.sign(covered(signed, b"git"))),
        "wrong",
    ),
    "the hash alone": (
        lambda signed: sshsig(FIDO.blob, FIDO.sign(hashlib.sha512(signed).digest())),
        "wrong",
    ),
    "the message itself": (lambda signed: sshsig(FIDO.blob, FIDO.sign(signed)), "wrong"),
    "a plain signature": (lambda signed: PLAIN.sign(signed)[-64:], "no SSHSIG"),
    "nothing": (lambda _signed: b"", "truncated"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_signature_that_is_not_what_it_has_to_be(
    alice: Operator, chain: Chain, wrong: str
) -> None:
    """Each is refused for its own reason, which the sender is not told."""
    make, said = WRONG[wrong]
    signed = signed_by(alice, FIDO)
    right = sealed_around(alice, FIDO, FIDO.sshsig(signed))
    assert alice.body() == chain.open(right, now_ms=NOW_MS).body
    refused = refusal(chain, sealed_around(alice, FIDO, make(signed)))
    assert said in refused.detail
    assert "the message was refused" == str(refused)


def test_an_unknown_key_is_refused(alice: Operator) -> None:
    """Before any cryptography; and a key of another algorithm is not this one."""
    chain = Chain(alice.audience, [SshsigVerifier([public_of(FIDO)])])
    refused = refusal(chain, alice.wrap(alice.body(), [signer_of(PLAIN)]))
    assert (Reason.KEY_UNKNOWN, Stage.LAYER) == (refused.reason, refused.stage)
    plain = refusal(chain, alice.wrap(alice.body(), [alice.signer()]))
    assert Reason.ENVELOPE_MALFORMED is plain.reason


def test_a_key_is_taken_while_it_is_valid(alice: Operator) -> None:
    """Judged at the time at which the message is opened: one that was taken then opens again."""
    validity = Validity(NOW_MS // 1000, NOW_MS // 1000 + 60)
    chain = Chain(alice.audience, [SshsigVerifier([public_of(FIDO, validity=validity)])])
    sealed = alice.wrap(alice.body(), [signer_of(FIDO)])
    for now_ms in (NOW_MS - 1, NOW_MS + 61_000):
        refused = refusal(chain, sealed, now_ms)
        assert isinstance(refused, VerificationError)
        assert Reason.KEY_UNKNOWN is refused.reason
        assert "valid-before" in refused.detail
    for now_ms in (NOW_MS, NOW_MS + 60_999):
        assert alice.body() == chain.open(sealed, now_ms=now_ms).body


def test_the_issuer_is_the_owner_of_the_key(alice: Operator, mallory: Operator) -> None:
    """Who is trusted under one name cannot speak under another."""
    chain = Chain(alice.audience, [SshsigVerifier([public_of(FIDO, "mallory")])])
    sealed = alice.wrap(alice.body(), [signer_of(FIDO)])
    assert Reason.ISSUER_MISMATCH is refusal(chain, sealed).reason
    theirs = mallory.wrap(mallory.body(), [signer_of(FIDO)])
    assert mallory.body() == chain.open(theirs, now_ms=NOW_MS).body


def test_both_kinds_of_signature_can_be_ways_in(alice: Operator) -> None:
    """The key id and the algorithm say which one it is, and neither opens for the other."""
    either = AnyOf(Ed25519Verifier([alice.signing.verify_key]), SshsigVerifier([public_of(FIDO)]))
    chain = Chain(alice.audience, [either, Freshness(), Once()])
    chain.check_serves()
    assert "Ed25519Verifier or SshsigVerifier → Freshness → Once" == chain.describe()
    for layer, algorithm in ((alice.signer(), -19), (signer_of(FIDO), -70010)):
        opened = chain.open(alice.wrap(alice.body(), [layer]), now_ms=NOW_MS)
        assert [algorithm] == [shown.algorithm for shown in opened.evidence]
    unknown = refusal(chain, alice.wrap(alice.body(), [signer_of(PLAIN)]))
    assert Reason.KEY_UNKNOWN is unknown.reason


def test_one_key_is_not_in_both_kinds(alice: Operator) -> None:
    """An ordinary key has the same id in both, and is trusted in one of them."""
    key = alice.signing.verify_key
    with pytest.raises(ConfigurationError, match=key.fingerprint):
        AnyOf(Ed25519Verifier([key]), SshsigVerifier([SshVerifyKey.of(key)]))


def test_the_plain_half_does_not_sign_as_ssh(alice: Operator) -> None:
    """A key says how it signs, and the layer that fits is named."""
    with pytest.raises(ConfigurationError, match="Ed25519Signer"):
        SshsigSigner(alice.signing)
    assert cose.SSHSIG == SshsigSigner(SshSigner.of(alice.signing)).key.algorithm
    assert cose.ED25519 == Ed25519Signer(alice.signing).key.algorithm


def test_it_is_a_signature_to_policies(alice: Operator, chain: Chain) -> None:
    """Who signed with an authenticator has signed."""
    opened = chain.open(alice.wrap(alice.body(), [signer_of(FIDO)]), now_ms=NOW_MS)
    assert ["alice"] == signers(opened.evidence)


def test_it_needs_a_key() -> None:
    """A verifier without a key is refused when it is made."""
    with pytest.raises(ConfigurationError, match="at least one key"):
        SshsigVerifier([])
