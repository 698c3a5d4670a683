"""Ed25519 as COSE_Sign1 (RFC 9052, section 4.2; RFC 8032; algorithm number from RFC 9864).

It shows whose key made the message. PyNaCl verifies: it is the faster of the two backends for
messages of our size, and it refuses small-order points; keys were checked when they were loaded.

Verification, numbered as in the code:

1. What stands at the key id's place names a key of ours.
2. The object is Sign1 with Ed25519; headers and signature stand where they must, nothing trails.
3. The signature over Sig_structure, built from our own values, is right; then the payload is taken
   out.

A public key belongs to an owner, not to an audience: the audience is bound by ``external_aad`` and
stands in the claims.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sealwire import cbor, cose
from sealwire.algebra import Guarantee
from sealwire.errors import Reason, Stage, VerificationError
from sealwire.keys import Signer, VerifyKey
from sealwire.keysource import as_source
from sealwire.stages import Context, Evidence, Message

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sealwire.keysource import KeySource


class Ed25519Verifier:
    """Verifies a signature and gives what is inside."""

    requires: ClassVar[frozenset[Guarantee]] = frozenset()
    provides: ClassVar[frozenset[Guarantee]] = frozenset(
        {Guarantee.AUTHENTIC, Guarantee.ATTRIBUTABLE}
    )
    shape: ClassVar[cose.Shape] = cose.SIGN1

    def __init__(self, keys: KeySource[VerifyKey] | Iterable[VerifyKey]) -> None:
        """Verify with ``keys``: a tuple of keys, or a source that may change while we run.

        Raises:
            ConfigurationError: no key at all, or two of one id.
        """
        self.keys = as_source(keys)

    def verify(self, message: Message, context: Context) -> Message:
        """Give the message inside.

        Raises:
            MalformedError: not the expected object.
            VerificationError: unknown key or wrong signature.
        """
        data = message.data
        # 1.
        key = self.keys.find(data[cose.SIGN1.key_id])
        if key is None:
            raise cose.no_key(cose.SIGN1, data)
        # 2.
        protected, framed, signature = cose.split(cose.SIGN1, data)
        # 3.
        signed = cose.to_be_authenticated(cose.SIGN1, protected, context.external_aad) + framed
        if not key.verifies(signed, signature):
            raise VerificationError(
                Reason.SIGNATURE_INVALID, Stage.LAYER, "the Ed25519 signature is wrong"
            )
        shown = Evidence(type(self).__name__, key.algorithm, key.thumbprint, key.owner)
        payload = cose.payload_of(cose.SIGN1, framed)
        return Message(payload, None, (*message.evidence, shown))


class Ed25519Signer:
    """Wraps a payload in a signature."""

    shape: ClassVar[cose.Shape] = cose.SIGN1

    def __init__(self, key: Signer) -> None:
        """Sign with ``key``: a `SigningKey`, or what reaches one elsewhere."""
        self.key = key

    def seal(self, payload: bytes, external_aad: bytes) -> bytes:
        """Give ``payload`` as Sign1; ``external_aad`` binds it to its place."""
        protected = cose.protected_header(self.key.algorithm, self.key.id)
        framed = cbor.encode_bytes(payload)
        signed = cose.to_be_authenticated(cose.SIGN1, protected, external_aad) + framed
        return cose.join(cose.SIGN1, protected, framed, self.key.sign(signed))
