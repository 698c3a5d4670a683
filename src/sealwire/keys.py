"""Keys: one class a capability, and the algorithm belongs to the key.

Rules this module keeps:

1. A key that verifies cannot sign; a service that holds only `VerifyKey` has nothing worth
   stealing. Secret keys (`MacKey`, `AeadKey`) belong to one owner and one audience.
2. ``repr`` and ``str`` give type, owner and fingerprint. Secrets do not pickle, are compared in
   constant time, and their bytes are reached through `reveal_secret` alone.
3. A public key is checked once, when it is loaded: canonical, on the curve, in the prime-order
   group. One small-order key lets one fixed signature verify every message.
4. A key id is the beginning of a thumbprint. It is a hint that says which key to try. A hit proves
   nothing and a collision is refused when keys are loaded.

Not guaranteed: that key bytes leave the memory of the process when an object is deleted.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Any, Final, Protocol

import nacl.bindings
import nacl.exceptions
import nacl.signing
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sealwire import cbor, cose
from sealwire.errors import ConfigurationError, shorten
from sealwire.stages import DOMAIN, KeyId

SECRET_BYTES: Final = 32
PUBLIC_BYTES: Final = 32

NAME_PATTERN: Final = re.compile(r"[a-z0-9][a-z0-9._@/-]{0,127}")
"""What an owner (issuer) and an audience look like, such as ``alice`` or ``payments@prod``."""


def check_name(name: str, what: str) -> str:
    """Give ``name`` back if it can be an owner or an audience.

    Raises:
        ConfigurationError: it cannot; the text says what may stand in it.
    """
    if not NAME_PATTERN.fullmatch(name):
        raise ConfigurationError(
            f"{what} {shorten(name)} is not a name; a name is 1 to 128 of a-z 0-9 . _ @ / - and "
            "begins with a letter or a digit"
        )
    return name


class Key:
    """What every key has: an owner, a thumbprint, the key id, and no way to print a secret."""

    __slots__ = ("id", "owner", "thumbprint")

    algorithm: int
    owner: str
    thumbprint: bytes
    id: KeyId

    def __init__(self, owner: str, thumbprint: bytes) -> None:
        """Name the key; the classes below do the rest."""
        self.owner = check_name(owner, "the key's owner")
        self.thumbprint = thumbprint
        self.id = KeyId(thumbprint[: cose.KEY_ID_BYTES])

    @property
    def fingerprint(self) -> str:
        """The key id in hex, for people."""
        return self.id.hex()

    def __repr__(self) -> str:
        """Say type, id and owner, and no key bytes."""
        return f"<{type(self).__name__} {self.fingerprint} of {self.owner}>"

    def __eq__(self, other: object) -> bool:
        """Compare class, key, owner and audience."""
        if not isinstance(other, type(self)):
            return NotImplemented
        return hmac.compare_digest(self._identity(), other._identity())

    def _identity(self) -> bytes:
        # A thumbprint is public and names the key in full, so no secret is compared here.
        names = (self.owner, getattr(self, "audience", ""))
        return self.thumbprint + "\0".join(names).encode()

    def __hash__(self) -> int:
        """Hash what is public."""
        return hash((type(self), self.thumbprint))


class _SecretKey(Key):
    """A key that must not leave the process by accident."""

    __slots__ = ()

    def __reduce__(self) -> tuple[Any, ...]:
        """Refuse to be pickled or copied."""
        raise TypeError(f"{type(self).__name__} does not pickle; load it from its key file instead")


class VerifyKey(Key):
    """An Ed25519 public key (RFC 8032): it verifies what its owner signed."""

    __slots__ = ("_verify_key",)

    algorithm = cose.ED25519

    def __init__(self, public_bytes: bytes, *, owner: str) -> None:
        """Load 32 public bytes.

        Args:
            public_bytes: the public key as RFC 8032 writes it.
            owner: who signs with it; the claim ``iss`` of every message must say the same.

        Raises:
            ConfigurationError: wrong length, not canonical, not on the curve, or of small order.
        """
        if len(public_bytes) != PUBLIC_BYTES:
            raise ConfigurationError(f"an Ed25519 public key has {PUBLIC_BYTES} bytes")
        if not nacl.bindings.crypto_core_ed25519_is_valid_point(public_bytes):
            raise ConfigurationError("the Ed25519 public key is not canonical or has a small order")
        super().__init__(owner, okp_thumbprint(public_bytes))
        self._verify_key = nacl.signing.VerifyKey(public_bytes)

    @property
    def public_bytes(self) -> bytes:
        """The 32 public bytes."""
        return bytes(self._verify_key)

    def verifies(self, signed: bytes, signature: bytes) -> bool:
        """Whether ``signature`` is this key's over ``signed``. For layers; others use a `Chain`."""
        try:
            self._verify_key.verify(signed, signature)
        except (nacl.exceptions.BadSignatureError, ValueError):
            return False
        return True


class SigningKey(_SecretKey):
    """An Ed25519 private key: it seals. A service has no use for one."""

    __slots__ = ("_signing_key", "verify_key")

    algorithm = cose.ED25519

    def __init__(self, seed: bytes, *, owner: str) -> None:
        """Load the 32-byte seed of RFC 8032, section 5.1.5.

        Raises:
            ConfigurationError: wrong length, or ``owner`` is not a name.
        """
        if len(seed) != SECRET_BYTES:
            raise ConfigurationError(f"an Ed25519 seed has {SECRET_BYTES} bytes")
        self._signing_key = nacl.signing.SigningKey(seed)
        self.verify_key = VerifyKey(bytes(self._signing_key.verify_key), owner=owner)
        super().__init__(owner, self.verify_key.thumbprint)

    def sign(self, signed: bytes) -> bytes:
        """Give the 64-byte signature over ``signed``."""
        return self._signing_key.sign(signed).signature


class Signer(Protocol):
    """What signs in the name of one owner: a `SigningKey`, or whatever reaches one elsewhere."""

    @property
    def algorithm(self) -> int:
        """The COSE algorithm of what `sign` gives."""
        ...

    @property
    def owner(self) -> str:
        """Who signs."""
        ...

    @property
    def thumbprint(self) -> bytes:
        """The 32 bytes that name the key in full."""
        ...

    @property
    def id(self) -> KeyId:
        """The key id."""
        ...

    @property
    def fingerprint(self) -> str:
        """The key id in hex."""
        ...

    def sign(self, signed: bytes) -> bytes:
        """Give the signature over ``signed``.

        Raises:
            SealError: it cannot be made: nobody agreed, or the key is not to be had.
        """
        ...


class MacKey(_SecretKey):
    """A key for HMAC-SHA-256: every holder can write what every holder can check."""

    __slots__ = ("_secret", "audience")

    algorithm = cose.HMAC_256

    def __init__(self, secret: bytes, *, owner: str, audience: str) -> None:
        """Load 32 random bytes that ``owner`` shares with the services of ``audience``.

        Raises:
            ConfigurationError: wrong length, or a name is none.
        """
        super().__init__(owner, _secret_thumbprint(secret))
        self.audience = check_name(audience, "the key's audience")
        self._secret = secret

    def tag(self, authenticated: bytes) -> bytes:
        """Give the 32-byte MAC of ``authenticated``."""
        return hmac.digest(self._secret, authenticated, "sha256")


class AeadKey(_SecretKey):
    """A key for AES-256-GCM: it hides; who wrote a message is for another layer to show."""

    __slots__ = ("_cipher", "_secret", "audience", "check_value")

    algorithm = cose.A256GCM

    def __init__(self, secret: bytes, *, owner: str, audience: str) -> None:
        """Load 32 random bytes that ``owner`` shares with the services of ``audience``.

        Raises:
            ConfigurationError: wrong length, or a name is none.
        """
        super().__init__(owner, _secret_thumbprint(secret))
        self.audience = check_name(audience, "the key's audience")
        self.check_value = _derive(secret, "key check", cose.KEY_CHECK_BYTES)
        self._secret = secret
        self._cipher = AESGCM(secret)

    def for_receipt(self, request_digest: bytes) -> AeadKey:
        """Give the key for the receipt of one request that this key encrypted.

        A request and its receipt never share a key; whoever holds this one can derive that one
        (HKDF-SHA-256, the salt is the request's digest).
        """
        secret = _derive(self._secret, "receipt", SECRET_BYTES, salt=request_digest)
        return AeadKey(secret, owner=self.owner, audience=self.audience)

    def encrypt(self, iv: bytes, plaintext: bytes, aad: bytes) -> bytes:
        """Encrypt under a 96-bit ``iv`` that must never repeat; the 16-byte tag is appended."""
        return self._cipher.encrypt(iv, plaintext, aad)

    def decrypt(self, iv: bytes, ciphertext: bytes, aad: bytes) -> bytes:
        """Decrypt, or raise ``cryptography.exceptions.InvalidTag``."""
        return self._cipher.decrypt(iv, ciphertext, aad)


def reveal_secret(key: SigningKey | MacKey | AeadKey) -> bytes:
    """Give the 32 secret bytes of ``key``; the one place where secrets leave their object."""
    if isinstance(key, SigningKey):
        return bytes(key._signing_key)  # noqa: SLF001 - this function is the door
    return key._secret  # noqa: SLF001 - this function is the door


def okp_thumbprint(public_bytes: bytes) -> bytes:
    """Give the RFC 9679 SHA-256 thumbprint of an Ed25519 public key (kty OKP, crv Ed25519, x)."""
    return hashlib.sha256(cbor.encode({1: 1, -1: 6, -2: public_bytes})).digest()


def _secret_thumbprint(secret: bytes) -> bytes:
    if len(secret) != SECRET_BYTES:
        raise ConfigurationError(f"a secret key has {SECRET_BYTES} bytes")
    return _derive(secret, "kid", 32)


def _derive(secret: bytes, purpose: str, length: int, *, salt: bytes | None = None) -> bytes:
    """Derive bytes for one purpose from a secret (HKDF-SHA-256, RFC 5869)."""
    # Late, because a service that trusts signatures alone has no secret to derive from.
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    info = f"{DOMAIN} {purpose}".encode()
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(secret)
