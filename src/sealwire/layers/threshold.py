"""Ed25519 signatures of several as COSE_Sign (RFC 9052, section 4.1): one payload, 1 to 8 keys.

It shows whose keys made the message: the issuer's, and those of everybody who signed with them. How
many have to, and who counts, is the policy's: this layer lets one signature pass as it lets eight.

Verification, numbered as in the code:

1. The object is Sign; headers and signatures stand where they must, no key stands twice, the first
   signature is the issuer's and the others are in their one order, nothing trails.
2. Every key id names a key of ours, before any signature is verified. One that does not refuses the
   whole: what nobody can judge is no ornament.
3. Every signature over Sig_structure, built from our own values, is right; then the payload is
   taken out.

A signature here does not say who else signs: whoever agrees, agrees to the payload. So signatures
can be collected in any order, and whoever carries the message can take one away. What is left is
judged as what it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from sealwire import cbor, cose, cosesign
from sealwire.algebra import Guarantee
from sealwire.cosesign import Signature
from sealwire.errors import ConfigurationError, Reason, Stage, VerificationError
from sealwire.keys import Signer, VerifyKey
from sealwire.keysource import as_source
from sealwire.stages import Context, Evidence, Message

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sealwire.keysource import KeySource


class ThresholdVerifier:
    """Verifies the signatures of several and gives what is inside."""

    requires: ClassVar[frozenset[Guarantee]] = frozenset()
    provides: ClassVar[frozenset[Guarantee]] = frozenset(
        {Guarantee.AUTHENTIC, Guarantee.ATTRIBUTABLE}
    )
    shape: ClassVar[cose.Shape] = cosesign.SIGN

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
            VerificationError: unknown key or wrong signature, be it one of many.
        """
        # 1.
        signed = cosesign.split(message.data)
        # 2.
        found = [(each, self._key_of(each)) for each in signed.signatures]
        # 3.
        for place, (signature, key) in enumerate(found, start=1):
            structure = cosesign.to_be_signed(key.id, context.external_aad, signed.framed)
            if not key.verifies(structure, signature.value):
                raise VerificationError(
                    Reason.SIGNATURE_INVALID,
                    Stage.LAYER,
                    f"the Ed25519 signature {place} of {len(found)} is wrong",
                )
        issuer, *others = (
            Evidence(type(self).__name__, key.algorithm, key.thumbprint, key.owner)
            for _, key in found
        )
        shown = issuer._replace(cosigners=tuple(others))
        return Message(signed.payload, None, (*message.evidence, shown))

    def _key_of(self, signature: Signature) -> VerifyKey:
        key = self.keys.find(signature.key_id)
        if key is None:
            raise VerificationError(
                Reason.KEY_UNKNOWN,
                Stage.LAYER,
                f"no key has the id {signature.key_id.hex()}, which one of the signatures names",
            )
        return key


class MultiSigner:
    """Wraps a payload in the signatures of several, whose keys are all at hand.

    Where they are not, which is usual, one of them seals alone and the others sign what they were
    given; see `sealwire.unfinished`.
    """

    shape: ClassVar[cose.Shape] = cosesign.SIGN

    def __init__(self, key: Signer, *cosigners: Signer) -> None:
        """Sign with ``key``, which is the issuer's, and with those of ``cosigners``.

        Raises:
            ConfigurationError: one key is given twice, or there are more than 8.
        """
        self.key = key
        self.cosigners = cosigners
        keys = (key, *cosigners)
        if len({each.id for each in keys}) != len(keys):
            raise ConfigurationError("one key is to sign twice; name each key once")
        if len(keys) > cosesign.MAX_SIGNATURES:
            raise ConfigurationError(
                f"{len(keys)} keys are to sign; {cosesign.MAX_SIGNATURES} are the most"
            )

    def seal(self, payload: bytes, external_aad: bytes) -> bytes:
        """Give ``payload`` as Sign; ``external_aad`` binds it to its place."""
        framed = cbor.encode_bytes(payload)
        keys = (self.key, *self.cosigners)
        return cosesign.join(framed, [signature_of(key, external_aad, framed) for key in keys])


def signature_of(key: Signer, external_aad: bytes, framed: bytes) -> Signature:
    """Give the signature of one key.

    Args:
        key: whose.
        external_aad: what binds the object to its place.
        framed: the payload as a byte string with its head.

    Raises:
        SealError: it cannot be made.
    """
    return Signature(key.id, key.sign(cosesign.to_be_signed(key.id, external_aad, framed)))
