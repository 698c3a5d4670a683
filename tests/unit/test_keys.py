"""Keys: what is loaded and what is refused, what a key shows, and published vectors through it."""

from __future__ import annotations

import base64
import copy
import hashlib
import hmac
import pickle
from typing import TYPE_CHECKING, Any

import nacl.bindings
import pytest
from cryptography.exceptions import InvalidTag
from cryptography_vectors import open_vector_file

from sealwire.errors import ConfigurationError
from sealwire.keys import (
    AeadKey,
    MacKey,
    SigningKey,
    VerifyKey,
    check_name,
    okp_thumbprint,
    reveal_secret,
)
from sealwire.keysource import FixedKeys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    SecretKey = SigningKey | MacKey | AeadKey

SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
PUBLIC = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
SECRET = bytes(range(100, 132))
AUDIENCE = "payments@prod"

PRIME = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
CURVE_D = -121665 * pow(121666, -1, PRIME) % PRIME


def mac_key(secret: bytes = SECRET, *, owner: str = "alice", audience: str = AUDIENCE) -> MacKey:
    """Make a MAC key."""
    return MacKey(secret, owner=owner, audience=audience)


def aead_key(secret: bytes = SECRET, *, owner: str = "alice", audience: str = AUDIENCE) -> AeadKey:
    """Make an encryption key."""
    return AeadKey(secret, owner=owner, audience=audience)


def signing_key(secret: bytes = SECRET, *, owner: str = "alice") -> SigningKey:
    """Make a signing key."""
    return SigningKey(secret, owner=owner)


SECRET_KINDS: list[Callable[..., SecretKey]] = [signing_key, mac_key, aead_key]


# ---- names ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["a", "0", "alice", "payments@prod", "team/alice", "a.b_c-d@e/f", "9lives", "x" * 128],
)
def test_names(name: str) -> None:
    """A name is given back as it is."""
    assert name == check_name(name, "audience")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "A",
        "Alice",
        "-a",
        "_a",
        ".a",
        "@a",
        "/a",
        "a b",
        " a",
        "a ",
        "a\n",
        "a\x00",
        "a:b",
        "a*",
        "ä",
        "аlice",  # noqa: RUF001 - the first letter is Cyrillic
        "a\u0661",
        "x" * 129,
    ],
)
def test_what_is_no_name(name: str) -> None:
    """Anything that could be mistaken for another name is none; the text quotes it and says why."""
    with pytest.raises(ConfigurationError, match=r"audience .* is not a name; a name is 1 to 128"):
        check_name(name, "audience")


@pytest.mark.parametrize("make", SECRET_KINDS)
def test_a_keys_owner_has_a_name(make: Callable[..., SecretKey]) -> None:
    """What is no name owns no key."""
    with pytest.raises(ConfigurationError, match="the key's owner 'Alice'"):
        make(owner="Alice")
    with pytest.raises(ConfigurationError, match="the key's owner 'Alice'"):
        VerifyKey(PUBLIC, owner="Alice")


@pytest.mark.parametrize("make", [mac_key, aead_key])
def test_a_shared_keys_audience_has_a_name(make: Callable[..., SecretKey]) -> None:
    """Nor is it an audience."""
    with pytest.raises(ConfigurationError, match="the key's audience 'two words'"):
        make(audience="two words")


# ---- public keys ----------------------------------------------------------------------------


def on_curve(y: int) -> bool:
    """Whether a point with this y exists: x^2 = (y^2 - 1) / (d y^2 + 1), RFC 8032, 5.1.3."""
    square = (y * y - 1) * pow(CURVE_D * y * y + 1, -1, PRIME) % PRIME
    return square == 0 or pow(square, (PRIME - 1) // 2, PRIME) == 1


def encoded(y: int, sign: int = 0) -> bytes:
    """Write a point as RFC 8032 does, without reducing y."""
    return (y | sign << 255).to_bytes(32, "little")


# The y of the eight points whose order divides eight; those of order eight have two y.
ORDER_EIGHT = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
SMALL_ORDER = [
    encoded(y, sign) for y in (0, 1, PRIME - 1, ORDER_EIGHT, PRIME - ORDER_EIGHT) for sign in (0, 1)
]
NOT_REDUCED = [encoded(y, sign) for y in range(PRIME, 2**255) for sign in (0, 1)]


@pytest.mark.parametrize("point", SMALL_ORDER, ids=bytes.hex)
def test_the_points_of_small_order_are_what_they_are_called(point: bytes) -> None:
    """Each exists, and eight times each is the neutral element."""
    assert on_curve(int.from_bytes(point, "little") & (2**255 - 1))
    for _ in range(3):
        point = nacl.bindings.crypto_core_ed25519_add(point, point)
    assert encoded(1) == point


@pytest.mark.parametrize("public", SMALL_ORDER, ids=bytes.hex)
def test_small_order_keys_are_refused(public: bytes) -> None:
    """Under such a key one fixed signature would verify any message."""
    with pytest.raises(ConfigurationError, match="small order"):
        VerifyKey(public, owner="alice")


@pytest.mark.parametrize("public", NOT_REDUCED, ids=bytes.hex)
def test_non_canonical_keys_are_refused(public: bytes) -> None:
    """A y of p or more has a second encoding, and with it a second thumbprint."""
    with pytest.raises(ConfigurationError, match="not canonical"):
        VerifyKey(public, owner="alice")


@pytest.mark.parametrize("y", [y for y in range(2, 60) if not on_curve(y)])
def test_keys_off_the_curve_are_refused(y: int) -> None:
    """Half of all byte strings are no point at all."""
    for sign in (0, 1):
        with pytest.raises(ConfigurationError):
            VerifyKey(encoded(y, sign), owner="alice")


@pytest.mark.parametrize("small", SMALL_ORDER, ids=bytes.hex)
def test_keys_with_a_small_component_are_refused(small: bytes) -> None:
    """A good key plus a point of small order is on the curve and outside the prime-order group."""
    neutral = encoded(1)
    if encoded(int.from_bytes(small, "little") & (2**255 - 1)) == neutral:
        assert PUBLIC == nacl.bindings.crypto_core_ed25519_add(PUBLIC, neutral)
        return
    mixed = nacl.bindings.crypto_core_ed25519_add(PUBLIC, small)
    assert mixed != PUBLIC
    with pytest.raises(ConfigurationError):
        VerifyKey(mixed, owner="alice")


@pytest.mark.parametrize("length", [0, 1, 31, 33, 64])
def test_public_keys_of_another_length_are_refused(length: int) -> None:
    """An Ed25519 public key has 32 bytes."""
    with pytest.raises(ConfigurationError, match="32 bytes"):
        VerifyKey(bytes(length), owner="alice")


def test_a_verify_key_only_verifies() -> None:
    """A service holds nothing that could seal."""
    key = VerifyKey(PUBLIC, owner="alice")
    assert not hasattr(key, "sign")
    assert PUBLIC == key.public_bytes
    assert "alice" == key.owner


def test_a_signing_key_has_its_public_half() -> None:
    """RFC 8032, section 7.1, test 1: this seed has this public key."""
    key = SigningKey(SEED, owner="alice")
    assert PUBLIC == key.verify_key.public_bytes
    assert key.thumbprint == key.verify_key.thumbprint
    assert key.id == key.verify_key.id
    assert "alice" == key.verify_key.owner


def test_a_signature_of_another_form_is_not_taken() -> None:
    """Wrong lengths, every flipped bit, and S + L (RFC 8032, section 8.4) are all false."""
    key = SigningKey(SEED, owner="alice")
    signature = key.sign(b"message")
    assert 64 == len(signature)
    assert key.verify_key.verifies(b"message", signature)
    assert not key.verify_key.verifies(b"massage", signature)
    for length in (0, 1, 32, 63):
        assert not key.verify_key.verifies(b"message", signature[:length])
    assert not key.verify_key.verifies(b"message", signature + b"\x00")
    for bit in range(512):
        flipped = int.from_bytes(signature, "big") ^ 1 << bit
        assert not key.verify_key.verifies(b"message", flipped.to_bytes(64, "big"))
    larger = int.from_bytes(signature[32:], "little") + ORDER
    assert not key.verify_key.verifies(b"message", signature[:32] + larger.to_bytes(32, "little"))


# ---- ids ------------------------------------------------------------------------------------


def hkdf_sha256(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    """Derive a key as RFC 5869, section 2, says, with `hmac` alone."""
    extracted = hmac.digest(salt or bytes(32), secret, "sha256")
    derived = block = b""
    for counter in range(1, -(-length // 32) + 1):
        block = hmac.digest(extracted, block + info + bytes((counter,)), "sha256")
        derived += block
    return derived[:length]


def test_the_oracle_is_right() -> None:
    """The derivation above gives the published results of RFC 5869, appendix A."""
    cases = list(records("KDF/rfc-5869-HKDF-SHA256.txt", "OKM"))
    assert 3 == len(cases)
    for case in cases:
        salt, info = bytes.fromhex(case["salt"]), bytes.fromhex(case["info"])
        ikm = bytes.fromhex(case["IKM"])
        assert case["OKM"] == hkdf_sha256(ikm, salt, info, int(case["L"])).hex()


@pytest.mark.parametrize("make", [mac_key, aead_key])
def test_a_secret_keys_id_is_derived(make: Callable[..., SecretKey]) -> None:
    """HKDF-SHA-256 without salt, labelled; the id is eight bytes of it."""
    for secret in (SECRET, bytes(32), b"\xff" * 32):
        key = make(secret)
        assert hkdf_sha256(secret, b"", b"sealwire/1 kid", 8) == key.id
        assert hkdf_sha256(secret, b"", b"sealwire/1 kid", 32) == key.thumbprint
        assert key.id.hex() == key.fingerprint


def test_an_aead_keys_check_value_is_derived() -> None:
    """HKDF-SHA-256 without salt, under a label of its own."""
    for secret in (SECRET, bytes(32), b"\xff" * 32):
        expected = hkdf_sha256(secret, b"", b"sealwire/1 key check", 32)
        assert expected == aead_key(secret).check_value


def test_ids_and_check_value_are_these_bytes() -> None:
    """The same in bytes, so that another implementation has something to compare with."""
    key = aead_key()
    assert "89c30b1e548a09da" == key.id.hex()
    assert (
        "3080d09becbe4cfca8e6fc89ac8c981b4689efa12f5419672fc8e02aadd57da4" == key.check_value.hex()
    )


def test_a_public_keys_thumbprint_is_that_of_rfc_9679() -> None:
    """SHA-256 over {1: 1 (OKP), -1: 6 (Ed25519), -2: x} in deterministic CBOR."""
    cose_key = bytes.fromhex("a3 01 01 20 06 21 58 20") + PUBLIC
    expected = hashlib.sha256(cose_key).digest()
    assert expected == okp_thumbprint(PUBLIC)
    key = VerifyKey(PUBLIC, owner="alice")
    assert expected == key.thumbprint
    assert expected[:8] == key.id
    assert expected[:8].hex() == key.fingerprint
    assert "866eefbd6718c8846cd7ddfe43fc74ab1daac4538ff8514ea2ec2d410a415743" == expected.hex()


# ---- secrets stay inside --------------------------------------------------------------------


def forms(secret: bytes) -> list[str]:
    """Give the forms in which a secret could be printed, whole or in part."""
    half = secret[:16]
    return [
        half.hex(),
        half.hex().upper(),
        half.hex(" "),
        base64.b64encode(secret).decode()[:20],
        base64.urlsafe_b64encode(secret).decode()[:20],
        repr(half)[2:-1],
        str(list(half))[1:-1],
    ]


@pytest.mark.parametrize("make", SECRET_KINDS)
def test_secret_keys_do_not_print(make: Callable[..., SecretKey]) -> None:
    """Type, fingerprint and owner are shown; no form of the secret is, nested or not."""
    key = make()
    expected = f"<{type(key).__name__} {key.fingerprint} of alice>"
    assert [expected] * 3 == [repr(key), str(key), f"{key}"]
    shown = f"{key!r} {key} {[key]} { {'key': key} } {FixedKeys([key])}"
    assert not [form for form in forms(SECRET) if form in shown]


@pytest.mark.parametrize("make", SECRET_KINDS)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_secret_keys_do_not_pickle(make: Callable[..., SecretKey], protocol: int) -> None:
    """Neither alone nor inside something else."""
    for value in (make(), [make()], {"key": make()}):
        with pytest.raises(TypeError, match="does not pickle; load it from its key file"):
            pickle.dumps(value, protocol)
    with pytest.raises(TypeError):
        pickle.dumps(FixedKeys([make()]), protocol)


@pytest.mark.parametrize("make", SECRET_KINDS)
def test_secret_keys_do_not_copy(make: Callable[..., SecretKey]) -> None:
    """One object holds the secret; a second would be forgotten somewhere."""
    for copied in (copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="does not pickle"):
            copied(make())


@pytest.mark.parametrize("make", SECRET_KINDS)
def test_secret_keys_are_not_turned_into_bytes(make: Callable[..., SecretKey]) -> None:
    """`bytes`, `vars` and iteration give nothing."""
    key: Any = make()
    with pytest.raises(TypeError):
        bytes(key)
    with pytest.raises(TypeError):
        vars(key)
    with pytest.raises(TypeError):
        iter(key)


@pytest.mark.parametrize("make", SECRET_KINDS)
def test_reveal_secret_is_the_one_door(make: Callable[..., SecretKey]) -> None:
    """Who wants the bytes has to say so."""
    assert SECRET == reveal_secret(make())


@pytest.mark.parametrize("make", SECRET_KINDS)
@pytest.mark.parametrize("length", [0, 16, 31, 33, 64])
def test_secrets_of_another_length_are_refused(make: Callable[..., SecretKey], length: int) -> None:
    """Exactly 32 bytes; the text does not quote them."""
    secret = (SECRET * 2)[:length]
    with pytest.raises(ConfigurationError, match="32 bytes") as caught:
        make(secret)
    assert secret.hex() not in str(caught.value) or not secret
    assert caught.value.__cause__ is None


# ---- comparing ------------------------------------------------------------------------------


@pytest.mark.parametrize("make", SECRET_KINDS)
def test_equal_keys(make: Callable[..., SecretKey]) -> None:
    """The same bytes of the same owner are the same key, and have the same hash."""
    assert make() == make()
    assert hash(make()) == hash(make())
    assert VerifyKey(PUBLIC, owner="alice") == VerifyKey(PUBLIC, owner="alice")


@pytest.mark.parametrize("make", SECRET_KINDS)
def test_unequal_keys(make: Callable[..., SecretKey]) -> None:
    """Another secret or another owner is another key; no key is equal to its bytes."""
    assert make() != make(bytes(32))
    assert make() != make(owner="bob")
    assert make() != SECRET
    assert SECRET != make()
    assert make() != SECRET.hex()
    assert make() is not None
    assert len({make(), make(), make(bytes(32))}) == 2


@pytest.mark.parametrize("make", [mac_key, aead_key])
def test_keys_of_two_audiences_are_not_equal(make: Callable[..., SecretKey]) -> None:
    """A shared key belongs to one audience: with another it opens other messages."""
    assert make() != make(audience="payments@test")


def test_keys_of_two_kinds_are_never_equal() -> None:
    """One secret in two kinds makes two keys; so do the two halves of a signing key."""
    one: list[object] = [signing_key(), signing_key().verify_key, mac_key(), aead_key()]
    for index, key in enumerate(one):
        for other in one[index + 1 :]:
            assert key != other
            assert other != key


# ---- published vectors ----------------------------------------------------------------------


def records(name: str, last: str) -> Iterator[dict[str, str]]:
    """Read ``key = value`` records that end with the key ``last`` or with FAIL, where allowed."""
    record: dict[str, str] = {}
    with open_vector_file(name, "r") as lines:
        for raw in lines:
            line = raw.strip().strip("[]")
            if "=" not in line and line != "FAIL":
                continue
            key, _, value = (part.strip() for part in line.partition("="))
            record[key] = value
            if key in {last, "FAIL"}:
                yield dict(record)
                record.pop("FAIL", None)
                record.pop(last, None)


def test_rfc_8032_vectors() -> None:
    """The published Ed25519 keys, messages and signatures, signing and verifying."""
    count = 0
    with open_vector_file("asymmetric/Ed25519/sign.input", "r") as lines:
        for line in lines:
            seed_and_public, public, message, signed, _ = line.split(":")
            key = SigningKey(bytes.fromhex(seed_and_public)[:32], owner="alice")
            signature = bytes.fromhex(signed)[:64]
            assert public == key.verify_key.public_bytes.hex()
            assert signature == key.sign(bytes.fromhex(message))
            held = VerifyKey(bytes.fromhex(public), owner="alice")
            assert held.verifies(bytes.fromhex(message), signature)
            assert not held.verifies(bytes.fromhex(message) + b"\x00", signature)
            count += 1
    assert 1024 == count


def test_rfc_4231_vectors() -> None:
    """The published HMAC-SHA-256 results.

    Our keys have 32 bytes. RFC 2104, section 2, fills a shorter key with zeros and hashes one that
    is longer than a block, so each of these keys has an equal one of 32 bytes.
    """
    cases = list(records("HMAC/rfc-4231-sha256.txt", "MD"))
    assert 6 == len(cases)
    for case in cases:
        key = bytes.fromhex(case["Key"])
        same = hashlib.sha256(key).digest() if len(key) > 64 else key.ljust(32, b"\x00")
        assert case["MD"] == mac_key(same).tag(bytes.fromhex(case["Msg"])).hex()


def of_our_sizes(case: dict[str, str]) -> bool:
    """Whether an AES-GCM vector has a 96-bit IV and a whole tag."""
    return (case["IVlen"], case["Taglen"]) == ("96", "128")


def test_nist_aes_gcm_decryption_vectors() -> None:
    """The published AES-256-GCM texts with 96-bit IV and 128-bit tag, those that fail included."""
    opened = failed = 0
    for case in filter(of_our_sizes, records("ciphers/AES/GCM/gcmDecrypt256.rsp", "PT")):
        key = aead_key(bytes.fromhex(case["Key"]))
        iv, aad = bytes.fromhex(case["IV"]), bytes.fromhex(case["AAD"])
        ciphertext = bytes.fromhex(case["CT"] + case["Tag"])
        if "FAIL" in case:
            with pytest.raises(InvalidTag):
                key.decrypt(iv, ciphertext, aad)
            failed += 1
        else:
            assert case["PT"] == key.decrypt(iv, ciphertext, aad).hex()
            opened += 1
    assert opened > 100
    assert failed > 100


def test_nist_aes_gcm_encryption_vectors() -> None:
    """The published AES-256-GCM texts with 96-bit IV and 128-bit tag, written by us."""
    count = 0
    for case in filter(of_our_sizes, records("ciphers/AES/GCM/gcmEncryptExtIV256.rsp", "Tag")):
        key = aead_key(bytes.fromhex(case["Key"]))
        written = key.encrypt(
            bytes.fromhex(case["IV"]), bytes.fromhex(case["PT"]), bytes.fromhex(case["AAD"])
        )
        assert case["CT"] + case["Tag"] == written.hex()
        count += 1
    assert count > 300
