"""SSHSIG as COSE_Sign1 (RFC 9052, section 4.2; OpenSSH, ``PROTOCOL.sshsig``).

It shows whose key made the message, where that key signs nothing but what OpenSSH hands to it: the
keys of FIDO authenticators. The signature field holds a binary SSHSIG blob over Sig_structure, and
the algorithm is one of private use, because COSE has none for that.

Verification, numbered as in the code:

1. What stands at the key id's place names a key of ours, which is taken at this time.
2. The object is Sign1 with the private algorithm; headers stand where they must, payload and
   signature fill it to the last byte.
3. The signature is one SSHSIG blob, in one form.
4. Its key and namespace are ours, somebody touched the authenticator, and the signature over
   Sig_structure, built from our own values, is right; then the payload is taken out.

Here alone something inside a layer is parsed before it is authenticated: SSHSIG has a length that
goes with the key. It has at most 1,024 bytes, and the reader allocates nothing by what it says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sealwire import cbor, cose
from sealwire.algebra import Guarantee
from sealwire.errors import ConfigurationError, Reason, Stage, VerificationError
from sealwire.keys import Signer
from sealwire.keysource import as_source
from sealwire.sshkeys import SshVerifyKey
from sealwire.sshwire import Sshsig
from sealwire.stages import Context, Evidence, Message

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sealwire.keysource import KeySource


class SshsigVerifier:
    """Verifies an SSHSIG and gives what is inside."""

    requires: ClassVar[frozenset[Guarantee]] = frozenset()
    provides: ClassVar[frozenset[Guarantee]] = frozenset(
        {Guarantee.AUTHENTIC, Guarantee.ATTRIBUTABLE}
    )
    shape: ClassVar[cose.Shape] = cose.SIGN1_SSHSIG

    def __init__(self, keys: KeySource[SshVerifyKey] | Iterable[SshVerifyKey]) -> None:
        """Verify with ``keys``: a tuple of keys, or a source that may change while we run.

        Raises:
            ConfigurationError: no key at all, or two of one id.
        """
        self.keys = as_source(keys)

    def verify(self, message: Message, context: Context) -> Message:
        """Give the message inside.

        Raises:
            MalformedError: not the expected object.
            VerificationError: unknown key, one that is not taken at this time, or the signature is
                not what it has to be.
        """
        data = message.data
        # 1.
        key = self.keys.find(data[cose.SIGN1_SSHSIG.key_id])
        if key is None:
            raise cose.no_key(cose.SIGN1_SSHSIG, data)
        if not key.validity.holds_at(context.now_ms):
            raise VerificationError(
                Reason.KEY_UNKNOWN,
                Stage.LAYER,
                f"key {key.fingerprint} of {key.owner} is not taken at this time (valid-after, "
                "valid-before)",
            )
        # 2.
        protected, framed, blob = cose.split_sshsig(data)
        # 3.
        sshsig = Sshsig.parse(blob)
        # 4.
        signed = (
            cose.to_be_authenticated(cose.SIGN1_SSHSIG, protected, context.external_aad) + framed
        )
        if problem := key.why_not(signed, sshsig):
            raise VerificationError(Reason.SIGNATURE_INVALID, Stage.LAYER, problem)
        shown = Evidence(type(self).__name__, key.algorithm, key.thumbprint, key.owner)
        payload = cose.payload_of(cose.SIGN1_SSHSIG, framed)
        return Message(payload, None, (*message.evidence, shown))


class SshsigSigner:
    """Wraps a payload in an SSHSIG."""

    shape: ClassVar[cose.Shape] = cose.SIGN1_SSHSIG

    def __init__(self, key: Signer) -> None:
        """Sign with ``key``, which gives SSHSIG blobs.

        Raises:
            ConfigurationError: the key gives signatures of another kind.
        """
        if key.algorithm != cose.SSHSIG:
            raise ConfigurationError(
                f"{key!r} gives plain signatures, and no SSHSIG; take an Ed25519Signer for it, or "
                "SshSigner.of(key)"
            )
        self.key = key

    def seal(self, payload: bytes, external_aad: bytes) -> bytes:
        """Give ``payload`` as Sign1; ``external_aad`` binds it to its place."""
        protected = cose.protected_header(self.key.algorithm, self.key.id)
        framed = cbor.encode_bytes(payload)
        signed = cose.to_be_authenticated(cose.SIGN1_SSHSIG, protected, external_aad) + framed
        return cose.join_sshsig(protected, framed, self.key.sign(signed))
