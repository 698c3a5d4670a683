"""Ed25519 signatures: whose key made the message, and nothing else."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import nacl.bindings as sodium
import pytest

from sealwire.algebra import Guarantee
from sealwire.chain import Chain
from sealwire.errors import ConfigurationError, Reason, RefusedError, Stage, VerificationError
from sealwire.keys import reveal_secret
from sealwire.layers import Ed25519Verifier
from sealwire.stages import Evidence

if TYPE_CHECKING:
    from tests.conftest import Operator

NOW_MS = 1_800_000_000_000
ORDER = 2**252 + 27742317777372353535851937790883648493


def refusal(chain: Chain, sealed: bytes) -> RefusedError:
    """Give the refusal of ``sealed``."""
    with pytest.raises(RefusedError) as caught:
        chain.open(sealed, now_ms=NOW_MS)
    return caught.value


@pytest.fixture
def chain(alice: Operator) -> Chain:
    """Give a chain of this layer alone."""
    return Chain(alice.audience, [Ed25519Verifier([alice.signing.verify_key])])


def test_it_opens_what_its_other_half_made(alice: Operator, chain: Chain) -> None:
    """The payload comes out as it went in, with evidence of the key."""
    opened = chain.open(alice.wrap(alice.body(), [alice.signer()]), now_ms=NOW_MS)
    assert alice.body() == opened.body
    shown = Evidence("Ed25519Verifier", -19, alice.signing.thumbprint, "alice")
    assert (shown,) == opened.evidence


def test_what_it_promises() -> None:
    """It shows that a message is authentic, and whose it is."""
    assert frozenset({Guarantee.AUTHENTIC, Guarantee.ATTRIBUTABLE}) == Ed25519Verifier.provides
    assert frozenset() == Ed25519Verifier.requires


def test_a_wrong_signature_is_refused(alice: Operator, chain: Chain) -> None:
    """In any of its 64 bytes."""
    sealed = alice.wrap(alice.body(), [alice.signer()])
    for at in range(len(sealed) - 64, len(sealed)):
        changed = sealed[:at] + bytes((sealed[at] ^ 1,)) + sealed[at + 1 :]
        refused = refusal(chain, changed)
        assert isinstance(refused, VerificationError)
        assert (Reason.SIGNATURE_INVALID, Stage.LAYER) == (refused.reason, refused.stage)


def test_a_signature_has_one_form(alice: Operator, chain: Chain) -> None:
    """S and S + L are the same number modulo L; the second is refused (RFC 8032, 5.1.7)."""
    sealed = alice.wrap(alice.body(), [alice.signer()])
    larger = int.from_bytes(sealed[-32:], "little") + ORDER
    assert (
        Reason.SIGNATURE_INVALID
        is refusal(chain, sealed[:-32] + larger.to_bytes(32, "little")).reason
    )


def twice_twice_twice(point: bytes) -> bytes:
    """Multiply by the cofactor, which takes away what a point has of small order."""
    for _ in range(3):
        point = sodium.crypto_core_ed25519_add(point, point)
    return point


def test_the_equation_holds_without_the_cofactor(alice: Operator) -> None:
    """RFC 8032 allows two equations; a signature that only one of them accepts is refused."""
    key, signed = alice.signing.verify_key, b"signed"
    hashed = hashlib.sha512(reveal_secret(alice.signing)).digest()
    scalar = int.from_bytes(hashed[:32], "little") & 2**254 - 8 | 2**254
    nonce = int.from_bytes(hashlib.sha512(hashed[32:] + signed).digest(), "little")
    # The point of order 2, (0, -1), added to the R of the right signature.
    order_2 = (2**255 - 20).to_bytes(32, "little")
    point = sodium.crypto_core_ed25519_add(alice.signing.sign(signed)[:32], order_2)
    digest = hashlib.sha512(point + key.public_bytes + signed).digest()
    challenge = int.from_bytes(digest, "little") % ORDER
    s = ((nonce + challenge * scalar) % ORDER).to_bytes(32, "little")
    left = sodium.crypto_scalarmult_ed25519_base_noclamp(s)
    product = sodium.crypto_scalarmult_ed25519_noclamp(
        challenge.to_bytes(32, "little"), key.public_bytes
    )
    right = sodium.crypto_core_ed25519_add(point, product)
    assert left != right
    assert twice_twice_twice(left) == twice_twice_twice(right)
    assert not key.verifies(signed, point + s)
    assert key.verifies(signed, alice.signing.sign(signed))


@pytest.mark.parametrize("fixed", [bytes(64), b"\x01" + bytes(63), b"\xff" * 64], ids=bytes.hex)
def test_fixed_signatures_are_refused(alice: Operator, chain: Chain, fixed: bytes) -> None:
    """The ones that verify under points of small order verify nothing here."""
    sealed = alice.wrap(alice.body(), [alice.signer()])
    assert Reason.SIGNATURE_INVALID is refusal(chain, sealed[:-64] + fixed).reason


def test_an_unknown_key_is_refused(mallory: Operator, chain: Chain) -> None:
    """A key id that names none of our keys is refused before any cryptography."""
    refused = refusal(chain, mallory.wrap(mallory.body(), [mallory.signer()]))
    assert isinstance(refused, VerificationError)
    assert (Reason.KEY_UNKNOWN, Stage.LAYER) == (refused.reason, refused.stage)


def test_a_key_id_proves_nothing(alice: Operator, mallory: Operator, chain: Chain) -> None:
    """Who writes our key id in front of another key's signature is refused for the signature."""
    sealed = mallory.wrap(mallory.body(), [mallory.signer()])
    claimed = sealed.replace(mallory.signing.id, alice.signing.id)
    assert claimed != sealed
    assert Reason.SIGNATURE_INVALID is refusal(chain, claimed).reason


def test_the_right_one_of_several_keys_is_used(alice: Operator, mallory: Operator) -> None:
    """The key id says which key to try, and evidence says which it was."""
    keys = (mallory.signing.verify_key, alice.signing.verify_key)
    chain = Chain(alice.audience, [Ed25519Verifier(keys)])
    for operator in (alice, mallory):
        opened = chain.open(operator.wrap(operator.body(), [operator.signer()]), now_ms=NOW_MS)
        assert operator.signing.thumbprint == opened.evidence[0].thumbprint


def test_it_needs_a_key() -> None:
    """A verifier without a key is refused when it is made."""
    with pytest.raises(ConfigurationError, match="at least one key"):
        Ed25519Verifier([])


def test_it_shows_no_secret(alice: Operator) -> None:
    """The signing half does not print the seed."""
    shown = f"{alice.signer()!r} {vars(alice.signer())}"
    assert reveal_secret(alice.signing).hex() not in shown
    assert repr(reveal_secret(alice.signing))[2:-1] not in shown
