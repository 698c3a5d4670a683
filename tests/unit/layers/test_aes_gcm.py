"""AES-256-GCM: it hides, and one object opens under one key alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sealwire.algebra import Guarantee
from sealwire.chain import Chain
from sealwire.cose import external_aad, protected_header
from sealwire.errors import ConfigurationError, Reason, RefusedError, Stage, VerificationError
from sealwire.keys import AeadKey, reveal_secret
from sealwire.layers import AesGcmOpener, AesGcmSealer, Ed25519Verifier, HmacVerifier
from sealwire.stages import Evidence, Use

if TYPE_CHECKING:
    from tests.conftest import Operator

    from sealwire.sealer import SealingLayer
    from sealwire.stages import KeyId

NOW_MS = 1_800_000_000_000


def refusal(chain: Chain, sealed: bytes) -> RefusedError:
    """Give the refusal of ``sealed``."""
    with pytest.raises(RefusedError) as caught:
        chain.open(sealed, now_ms=NOW_MS)
    return caught.value


@pytest.fixture
def chain(alice: Operator) -> Chain:
    """Give a chain with this layer outermost."""
    verifier = Ed25519Verifier([alice.signing.verify_key])
    return Chain(alice.audience, [AesGcmOpener([alice.aead]), verifier])


@pytest.fixture
def layers(alice: Operator) -> list[SealingLayer]:
    """Give the halves that seal for `chain`."""
    return [alice.hider(), alice.signer()]


def test_it_opens_what_its_other_half_made(
    alice: Operator, chain: Chain, layers: list[SealingLayer]
) -> None:
    """The payload comes out as it went in, with evidence of the key."""
    opened = chain.open(alice.wrap(alice.body(), layers), now_ms=NOW_MS)
    assert alice.body() == opened.body
    assert Evidence("AesGcmOpener", 3, alice.aead.thumbprint, "alice") == opened.evidence[0]


def test_what_it_promises() -> None:
    """It hides, and never shows who wrote a message."""
    assert frozenset({Guarantee.CONFIDENTIAL}) == AesGcmOpener.provides
    assert frozenset() == AesGcmOpener.requires


def test_it_hides_claims_and_document(alice: Operator, layers: list[SealingLayer]) -> None:
    """Nothing of the body is readable on the way."""
    sealed = alice.wrap(alice.body(b"the secret plan"), layers)
    for told in (b"alice", b"payments", b"base", b"application", b"the secret plan"):
        assert told not in sealed


def test_no_iv_is_used_twice(alice: Operator) -> None:
    """96 bits are drawn for each message; there is no way to give them."""
    sealer, bound = alice.hider(), external_aad(Use.REQUEST, alice.audience, 0, (3, -19))
    ivs = {sealer.seal(b"the same", bound)[59:71] for _ in range(1000)}
    assert 1000 == len(ivs)


def test_a_wrong_tag_or_ciphertext_is_refused(
    alice: Operator, chain: Chain, layers: list[SealingLayer]
) -> None:
    """In any byte of IV, ciphertext and tag; the ciphertext's own head is malformed instead."""
    sealed = alice.wrap(alice.body(), layers)
    for at in (*range(59, 71), *range(74, len(sealed))):
        changed = sealed[:at] + bytes((sealed[at] ^ 1,)) + sealed[at + 1 :]
        refused = refusal(chain, changed)
        assert isinstance(refused, VerificationError)
        assert (Reason.DECRYPTION_FAILED, Stage.LAYER) == (refused.reason, refused.stage)
        assert refused.__cause__ is None


@pytest.mark.parametrize("length", [1, 15])
def test_a_ciphertext_shorter_than_its_tag_is_refused(
    alice: Operator, chain: Chain, layers: list[SealingLayer], length: int
) -> None:
    """A refusal like any other, whatever the backend thinks of it."""
    sealed = alice.wrap(alice.body(), layers)
    refused = refusal(chain, sealed[:71] + bytes((0x40 | length,)) + bytes(length))
    assert (Reason.DECRYPTION_FAILED, Stage.LAYER) == (refused.reason, refused.stage)


def test_an_unknown_key_is_refused(mallory: Operator, chain: Chain) -> None:
    """A key id that names none of our keys is refused before any cryptography."""
    refused = refusal(chain, mallory.wrap(mallory.body(), [mallory.hider(), mallory.signer()]))
    assert isinstance(refused, VerificationError)
    assert (Reason.KEY_UNKNOWN, Stage.LAYER) == (refused.reason, refused.stage)


def test_a_key_of_another_audience_is_refused(alice: Operator) -> None:
    """A shared key opens for its own audience alone, even where somebody configured it."""
    elsewhere = AeadKey(reveal_secret(alice.aead), owner="alice", audience="payments@test")
    verifier = Ed25519Verifier([alice.signing.verify_key])
    chain = Chain(alice.audience, [AesGcmOpener([elsewhere]), verifier])
    sealed = alice.wrap(alice.body(), [AesGcmSealer(elsewhere), alice.signer()])
    assert Reason.KEY_UNKNOWN is refusal(chain, sealed).reason


def test_it_needs_a_key() -> None:
    """An opener without a key is refused when it is made."""
    with pytest.raises(ConfigurationError, match="at least one key"):
        AesGcmOpener([])


def test_it_shows_no_secret(alice: Operator) -> None:
    """Neither half prints what it holds."""
    shown = f"{alice.hider()!r} {AesGcmOpener([alice.aead])!r} {vars(alice.hider())}"
    assert reveal_secret(alice.aead).hex() not in shown
    assert repr(reveal_secret(alice.aead))[2:-1] not in shown


# ---- one object, two keys -------------------------------------------------------------------


def test_the_key_check_value_is_compared_before_decryption(
    alice: Operator, mallory: Operator, chain: Chain, layers: list[SealingLayer]
) -> None:
    """A header with our key id and another key's check value is refused for that."""
    sealed = alice.wrap(alice.body(), layers)
    for check in (mallory.aead.check_value, bytes(32)):
        changed = sealed.replace(alice.aead.check_value, check)
        assert changed != sealed
        refused = refusal(chain, changed)
        assert isinstance(refused, VerificationError)
        assert (Reason.KEY_CHECK_FAILED, Stage.LAYER) == (refused.reason, refused.stage)
        assert alice.aead.fingerprint in refused.detail


def test_a_key_check_value_proves_nothing(alice: Operator, mallory: Operator, chain: Chain) -> None:
    """Id and check value are public: what was encrypted under another key does not open."""
    sealed = mallory.wrap(mallory.body(), [mallory.hider(), mallory.signer()])
    claimed = sealed.replace(mallory.aead.id, alice.aead.id)
    claimed = claimed.replace(mallory.aead.check_value, alice.aead.check_value)
    assert Reason.DECRYPTION_FAILED is refusal(chain, claimed).reason


class SameId:
    """A source that gives one key for every id: as if two keys had met in their 64 bits."""

    def __init__(self, key: AeadKey) -> None:
        self._key = key

    def find(self, key_id: bytes) -> AeadKey | None:
        """Give the key."""
        return self._key

    def ids(self) -> frozenset[KeyId]:
        """Give its id."""
        return frozenset({self._key.id})


def multiply(one: int, other: int) -> int:
    """Multiply in the field of GHASH (SP 800-38D, section 6.3)."""
    product = 0
    for bit in range(127, -1, -1):
        if other >> bit & 1:
            product ^= one
        one = one >> 1 ^ (0xE1 << 120 if one & 1 else 0)
    return product


def inverse(value: int) -> int:
    """Invert in the field of GHASH: every element but 0 to the power 2^128 - 2."""
    result, factor = 1 << 127, value
    for _ in range(127):
        factor = multiply(factor, factor)
        result = multiply(result, factor)
    return result


def tag_of(secret: bytes, iv: bytes, aad: bytes, block: int) -> tuple[int, int]:
    """Give hash key and tag of one ciphertext block (SP 800-38D, section 7.1)."""
    mode = modes.ECB()  # noqa: S305 - single blocks, as GCM itself uses them
    encryptor = Cipher(algorithms.AES(secret), mode).encryptor()
    blocks = encryptor.update(bytes(16) + iv + b"\x00\x00\x00\x01")
    hash_key, mask = int.from_bytes(blocks[:16], "big"), int.from_bytes(blocks[16:], "big")
    padded = aad + bytes(-len(aad) % 16)
    numbers = [int.from_bytes(padded[at : at + 16], "big") for at in range(0, len(padded), 16)]
    total = 0
    for number in (*numbers, block, len(aad) * 8 << 64 | 128):
        total = multiply(total ^ number, hash_key)
    return hash_key, total ^ mask


def open_under_both(one: bytes, other: bytes, iv: bytes, aad: bytes) -> bytes:
    """Give a ciphertext of one block with a tag that is right under both keys."""
    key_a, tag_a = tag_of(one, iv, aad, 0)
    key_b, tag_b = tag_of(other, iv, aad, 0)
    squares = multiply(key_a, key_a) ^ multiply(key_b, key_b)
    block = multiply(tag_a ^ tag_b, inverse(squares))
    _, tag = tag_of(one, iv, aad, block)
    return block.to_bytes(16, "big") + tag.to_bytes(16, "big")


def test_an_object_that_opens_under_two_keys_is_refused_by_one_of_them(
    alice: Operator, mallory: Operator
) -> None:
    """AES-GCM takes it under both keys; the key check value says which of them was meant."""
    iv = bytes(range(12))
    header = protected_header(3, alice.aead.id, alice.aead.check_value)
    bound = external_aad(Use.REQUEST, alice.audience, 0, (3, -19))
    aad = b"\x83\x68Encrypt0" + header + bound
    secrets = reveal_secret(alice.aead), reveal_secret(mallory.aead)
    ciphertext = open_under_both(*secrets, iv, aad)
    texts = [AESGCM(secret).decrypt(iv, ciphertext, aad) for secret in secrets]
    assert texts[0] != texts[1]

    forged = b"\xd0\x83" + header + b"\xa1\x05\x4c" + iv + b"\x58\x20" + ciphertext
    verifier = Ed25519Verifier([alice.signing.verify_key])
    meant = Chain(alice.audience, [AesGcmOpener(SameId(alice.aead)), verifier])
    assert "expected Sign1" in refusal(meant, forged).detail  # it opened, and holds no signature
    other = Chain(alice.audience, [AesGcmOpener(SameId(mallory.aead)), verifier])
    assert Reason.KEY_CHECK_FAILED is refusal(other, forged).reason


def test_encryption_inside_a_mac(alice: Operator) -> None:
    """Without a signature the MAC in front shows who wrote; the payload comes out all the same."""
    chain = Chain(alice.audience, [HmacVerifier([alice.mac]), AesGcmOpener([alice.aead])])
    sealed = alice.wrap(alice.body(), [alice.gate(), alice.hider()])
    assert alice.body() == chain.open(sealed, now_ms=NOW_MS).body
