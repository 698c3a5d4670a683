"""Keys of SSH that sign requests as SSHSIG, those of FIDO authenticators included.

Rules this module keeps, besides those of `keys`:

1. A key in an authenticator is public key *and* application, which begins with ``ssh:``: what the
   same authenticator signs for a web site is under another application, and no signature here.
2. Such a signature counts if the authenticator says that somebody was there (user presence). What
   it says of a PIN is not asked for, because OpenSSH keys are made without one as a rule.
3. Its counter is not looked at: a copy of an authenticator's key is what it would show, and a
   receiver would have to remember it for each key, on every host. What is sent twice is refused by
   version and id, as everything is.
4. The namespace is fixed: what was signed for ``git`` or ``file`` is no request.
5. A key may have times between which it is taken. They are judged at the time that the receiver
   opens the message at, never by a clock of the key's.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, NamedTuple

import nacl.exceptions
import nacl.signing

from sealwire import cose
from sealwire.errors import ConfigurationError, MalformedError, SealError, shorten
from sealwire.keys import Key, SigningKey, VerifyKey, okp_thumbprint
from sealwire.sshwire import (
    ED25519,
    PublicKey,
    Signature,
    Sshsig,
    authenticator_data,
    signed_data,
)

if TYPE_CHECKING:
    from collections.abc import Callable

NAMESPACE: Final = "request@sealwire/1"
"""For what every SSHSIG of ours is made."""

APPLICATION_PREFIX: Final = "ssh:"

_LOOK: Final = "look at what holds the key: ssh-add -l"
_TOUCH: Final = "touch it when it blinks; a key that was made with no-touch-required signs nothing"

_USER_PRESENT: Final = 0x01  # WebAuthn, section 6.1: bit 0 of the flags


class Validity(NamedTuple):
    """Between which times a key is taken, both ends included; seconds since the epoch."""

    after_s: int | None = None
    before_s: int | None = None

    def holds_at(self, now_ms: int) -> bool:
        """Whether it is neither too early nor too late."""
        now_s = now_ms // 1000
        return (self.after_s is None or now_s >= self.after_s) and (
            self.before_s is None or now_s <= self.before_s
        )


ALWAYS: Final = Validity()


class SshVerifyKey(Key):
    """A public key of SSH: it verifies what its owner signed as SSHSIG.

    Attributes:
        public_key: the key as SSH writes it.
        validity: between which times it is taken.
    """

    __slots__ = ("_verify_key", "public_key", "validity")

    algorithm = cose.SSHSIG

    def __init__(self, public_key: PublicKey, *, owner: str, validity: Validity = ALWAYS) -> None:
        """Load a public key.

        Args:
            public_key: the key as SSH writes it.
            owner: who signs with it; the claim ``iss`` of every message must say the same.
            validity: between which times it is taken; without end as a rule.

        Raises:
            ConfigurationError: not canonical, not on the curve, of small order, or made for an
                application other than SSH.
        """
        if public_key.in_authenticator and not public_key.application.startswith(
            APPLICATION_PREFIX
        ):
            raise ConfigurationError(
                f"the key is for the application {shorten(public_key.application)}, and one of SSH "
                f"begins with {APPLICATION_PREFIX}; make one with: ssh-keygen -t ed25519-sk"
            )
        checked = VerifyKey(public_key.public, owner=owner)
        super().__init__(owner, thumbprint_of(public_key))
        self.public_key = public_key
        self.validity = validity
        self._verify_key = nacl.signing.VerifyKey(checked.public_bytes)

    @classmethod
    def of(cls, key: VerifyKey) -> SshVerifyKey:
        """Give an ordinary public key as one that signs SSHSIG; it keeps owner and id."""
        return cls(PublicKey(ED25519, key.public_bytes), owner=key.owner)

    @property
    def public_bytes(self) -> bytes:
        """The 32 public bytes."""
        return self.public_key.public

    def why_not(self, signed: bytes, sshsig: Sshsig) -> str:
        """Say why ``sshsig`` is not this key's over ``signed``; ``""`` if it is.

        For layers; others use a `Chain`.
        """
        if sshsig.public_key != self.public_key:
            return "the SSHSIG is of another key than the message names"
        if sshsig.namespace != NAMESPACE:
            return f"the SSHSIG is for {shorten(sshsig.namespace)}, and not for {NAMESPACE}"
        signature = sshsig.signature
        covered = signed_data(NAMESPACE, signed)
        if self.public_key.in_authenticator:
            if not signature.flags & _USER_PRESENT:
                return "the authenticator does not say that somebody touched it"
            application = self.public_key.application
            covered = authenticator_data(application, signature.flags, signature.counter, covered)
        try:
            self._verify_key.verify(covered, signature.value)
        except (nacl.exceptions.BadSignatureError, ValueError):
            return "the signature in the SSHSIG is wrong"
        return ""


class SshSigner:
    """Signs as SSHSIG with a key that is elsewhere, or in a `SigningKey`: a `keys.Signer`."""

    algorithm: Final = cose.SSHSIG

    def __init__(self, verify_key: SshVerifyKey, sign: Callable[[bytes], bytes]) -> None:
        """Sign with ``sign``, which gives SSH's signature blob over the bytes it is given."""
        self.verify_key = verify_key
        self.owner = verify_key.owner
        self.thumbprint = verify_key.thumbprint
        self.id = verify_key.id
        self._sign = sign

    @classmethod
    def of(cls, key: SigningKey) -> SshSigner:
        """Sign with a key in this process."""
        return cls(
            SshVerifyKey.of(key.verify_key),
            lambda covered: Signature(ED25519, key.sign(covered)).encode(),
        )

    @property
    def fingerprint(self) -> str:
        """The key id in hex, for people."""
        return self.id.hex()

    def __repr__(self) -> str:
        """Say type, id and owner, and no key bytes."""
        return f"<SshSigner {self.fingerprint} of {self.owner}>"

    def sign(self, signed: bytes) -> bytes:
        """Give the SSHSIG blob over ``signed``.

        Raises:
            SealError: it cannot be made, or what came back is not this key's signature.
        """
        blob = self._sign(signed_data(NAMESPACE, signed))
        try:
            sshsig = Sshsig(self.verify_key.public_key, NAMESPACE, Signature.parse(blob))
        except MalformedError as error:
            raise SealError(f"what came for a signature is none: {error.detail}; {_LOOK}") from None
        if problem := self.verify_key.why_not(signed, sshsig):
            mend = _TOUCH if self.verify_key.public_key.in_authenticator else _LOOK
            raise SealError(f"no service would take what was signed, as {problem}; {mend}")
        return sshsig.encode()


def thumbprint_of(public_key: PublicKey) -> bytes:
    """Give the 32 bytes that name a key in full.

    An ordinary key has the one of RFC 9679, as a `VerifyKey` of it has. That RFC knows no
    application, so a key in an authenticator has SHA-256 of its blob, which SSH's fingerprint is
    as well.
    """
    if public_key.in_authenticator:
        return hashlib.sha256(public_key.encode()).digest()
    return okp_thumbprint(public_key.public)
