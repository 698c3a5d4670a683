"""The format has room for a signature of another size; ADR 0018 says how ML-DSA-44 would fit.

What signs here is a stand-in of the same size and number; what is shown is the place, not the
algorithm.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, ClassVar

import pytest

from sealwire import cbor, cose
from sealwire.algebra import Guarantee
from sealwire.alternatives import AnyOf
from sealwire.chain import Chain
from sealwire.checks import Freshness, Once
from sealwire.errors import ConfigurationError, Reason, RefusedError, Stage, VerificationError
from sealwire.keys import Key
from sealwire.keysource import as_source
from sealwire.layers import Ed25519Verifier, HmacVerifier
from sealwire.stages import Context, Evidence, Message

if TYPE_CHECKING:
    from tests.conftest import Operator

    from sealwire.sealer import SealingLayer

NOW_MS = 1_800_000_000_000
ML_DSA_44 = -48
SIGNATURE_BYTES = 2420

SHAPE = cose.SIGN1._replace(
    algorithm=ML_DSA_44,
    lead=bytes.fromhex("d284 4e a2 01382f 0448"),
    key_id=slice(9, 17),
    protected=slice(2, 17),
    unprotected=slice(17, 18),
    framed=slice(18, -SIGNATURE_BYTES - 3),
    ending=slice(-SIGNATURE_BYTES - 3, -SIGNATURE_BYTES),
    ended=bytes.fromhex("590974"),
    authenticator=slice(-SIGNATURE_BYTES, None),
)


class StandIn(Key):
    """A key whose signatures have the size of ML-DSA-44's; everybody can make them."""

    algorithm = ML_DSA_44

    def __init__(self, public: bytes, owner: str) -> None:
        """Load 1,312 bytes; the thumbprint is RFC 9679's, for the type AKP of RFC 9964."""
        super().__init__(owner, hashlib.sha256(cbor.encode({1: 7, 3: -48, -1: public})).digest())

    def sign(self, signed: bytes) -> bytes:
        """Give 2,420 bytes over ``signed``."""
        return hashlib.shake_128(self.thumbprint + signed).digest(SIGNATURE_BYTES)


class StandInSigner:
    """The half that seals."""

    shape: ClassVar[cose.Shape] = SHAPE

    def __init__(self, key: StandIn) -> None:
        """Sign with ``key``."""
        self.key = key

    def seal(self, payload: bytes, external_aad: bytes) -> bytes:
        """Give ``payload`` as Sign1, with what the reader has for every layer."""
        protected = cose.protected_header(self.key.algorithm, self.key.id)
        framed = cbor.encode_bytes(payload)
        signed = cose.to_be_authenticated(SHAPE, protected, external_aad) + framed
        return cose.join(SHAPE, protected, framed, self.key.sign(signed))


class StandInVerifier:
    """The half that verifies."""

    requires: ClassVar[frozenset[Guarantee]] = frozenset()
    provides: ClassVar[frozenset[Guarantee]] = frozenset(
        {Guarantee.AUTHENTIC, Guarantee.ATTRIBUTABLE}
    )
    shape: ClassVar[cose.Shape] = SHAPE

    def __init__(self, *keys: StandIn) -> None:
        """Verify with ``keys``."""
        self.keys = as_source(keys)

    def verify(self, message: Message, context: Context) -> Message:
        """Give what is inside, by the steps of every layer."""
        key = self.keys.find(message.data[SHAPE.key_id])
        if key is None:
            raise cose.no_key(SHAPE, message.data)
        protected, framed, signature = cose.split(SHAPE, message.data)
        signed = cose.to_be_authenticated(SHAPE, protected, context.external_aad) + framed
        if key.sign(signed) != signature:
            raise VerificationError(Reason.SIGNATURE_INVALID, Stage.LAYER, "wrong")
        shown = Evidence("StandInVerifier", key.algorithm, key.thumbprint, key.owner)
        return Message(cose.payload_of(SHAPE, framed), None, (*message.evidence, shown))


KEY = StandIn(bytes(1312), "alice")


def refusal(chain: Chain, sealed: bytes) -> Reason:
    """Give the reason why ``sealed`` is refused."""
    with pytest.raises(RefusedError) as caught:
        chain.open(sealed, now_ms=NOW_MS)
    return caught.value.reason


def test_it_stands_where_another_signature_does(alice: Operator) -> None:
    """One more shape: the signature is longer, and so are two heads, by a byte each."""
    chain = Chain(alice.audience, [StandInVerifier(KEY), Freshness(), Once()])
    chain.check_serves()
    sealed = alice.wrap(alice.body(), [StandInSigner(KEY)])
    opened = chain.open(sealed, now_ms=NOW_MS)
    assert alice.body() == opened.body
    assert [-48] == [shown.algorithm for shown in opened.evidence]
    plain = alice.wrap(alice.body(), [alice.signer()])
    assert SIGNATURE_BYTES - 64 + 2 == len(sealed) - len(plain)
    for length in range(len(sealed)):
        refusal(chain, sealed[:length])
    assert Reason.SIGNATURE_INVALID is refusal(chain, sealed[:-1] + b"\0")


def test_who_does_not_know_it_refuses_it(alice: Operator) -> None:
    """Before any cryptography, as an object of another kind; and so the other way round."""
    old = Chain(alice.audience, [Ed25519Verifier([alice.signing.verify_key])])
    assert Reason.ENVELOPE_MALFORMED is refusal(old, alice.wrap(alice.body(), [StandInSigner(KEY)]))
    new = Chain(alice.audience, [StandInVerifier(KEY)])
    assert Reason.ENVELOPE_MALFORMED is refusal(new, alice.wrap(alice.body(), [alice.signer()]))


def test_both_kinds_are_taken_while_it_is_introduced(alice: Operator) -> None:
    """By algorithm and key id, as any two ways in."""
    either = AnyOf(Ed25519Verifier([alice.signing.verify_key]), StandInVerifier(KEY))
    chain = Chain(alice.audience, [either, Freshness(), Once()])
    ways: tuple[SealingLayer, ...] = (alice.signer(), StandInSigner(KEY))
    for layer in ways:
        assert alice.body() == chain.open(alice.wrap(alice.body(), [layer]), now_ms=NOW_MS).body


def test_both_at_once_need_both(alice: Operator) -> None:
    """Two signature layers of one owner, and neither alone is enough."""
    plain = Ed25519Verifier([alice.signing.verify_key])
    chain = Chain(alice.audience, [HmacVerifier([alice.mac]), StandInVerifier(KEY), plain])
    layers: list[SealingLayer] = [alice.gate(), StandInSigner(KEY), alice.signer()]
    opened = chain.open(alice.wrap(alice.body(), layers), now_ms=NOW_MS)
    assert [5, -48, -19] == [shown.algorithm for shown in opened.evidence]
    foreign = StandIn(bytes(1312), "mallory")
    others = Chain(alice.audience, [HmacVerifier([alice.mac]), StandInVerifier(foreign), plain])
    sealed = alice.wrap(alice.body(), [alice.gate(), StandInSigner(foreign), alice.signer()])
    assert Reason.ISSUER_MISMATCH is refusal(others, sealed)


def test_two_of_one_kind_and_key_are_no_alternatives() -> None:
    """What holds for every layer holds for this one."""
    with pytest.raises(ConfigurationError, match=KEY.fingerprint):
        AnyOf(StandInVerifier(KEY), StandInVerifier(KEY))
