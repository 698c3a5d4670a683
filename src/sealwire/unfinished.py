"""An unfinished message: what is asked for and who has signed so far, on its way to the next one.

It is a file of its own, which no service takes: without the layers around it, so whoever signs
needs no gate and no encryption key, and can read what they sign.

Rules this module keeps:

1. It is ``["sealwire/1 unfinished", algorithms, object]`` in deterministic CBOR: the algorithms of
   all layers of the message to be, outermost first, and its innermost one, a COSE_Sign object. The
   algorithms are here because every signature binds them. It does not begin with a tag, as a sealed
   message does, so neither can be taken for the other.
2. It is read strictly: the body inside is one, and the first signature is the issuer's. Whose the
   others are is not known here, for want of keys; the service judges that.
3. A signature is added to what stands there, byte for byte; nothing but signatures is ever added,
   and no key signs twice. In which order they are collected does not matter: there is one spelling.
4. It is finished by the issuer, whose gate and encryption keys the layers around it need.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sealwire import cbor, cose, cosesign
from sealwire.body import decode_body
from sealwire.errors import MalformedError, Reason, SealError, Stage
from sealwire.framing import MAX_FRAME_BYTES
from sealwire.layers.threshold import signature_of
from sealwire.stages import DOMAIN, Digest, Use, digest_of

if TYPE_CHECKING:
    from sealwire.cosesign import Signature, Signed
    from sealwire.keys import Signer, VerifyKey
    from sealwire.sealer import Sealer
    from sealwire.stages import Claims, Sealed, Stream

NAME: Final = f"{DOMAIN} unfinished"
MAX_LAYERS: Final = 8

_LEAD: Final = cbor.head(cbor.ARRAY, 3) + cbor.encode(NAME)
_ALGORITHMS: Final = frozenset({cose.HMAC_256, cose.A256GCM, cose.ED25519})


class Unfinished(NamedTuple):
    """An unfinished message as it was read; no signature is verified.

    Attributes:
        algorithms: of all layers of the message to be, outermost first.
        signed: what was asked for, framed, and the signatures, the issuer's first.
        claims: what the message says about itself.
        content_type: how to read the document.
        document: the document's bytes, unread.
    """

    algorithms: tuple[int, ...]
    signed: Signed
    claims: Claims
    content_type: str
    document: bytes

    @property
    def digest(self) -> Digest:
        """The request's digest, which no signature changes."""
        return digest_of(self.signed.payload)

    @property
    def signatures(self) -> tuple[Signature, ...]:
        """The signatures so far, the issuer's first."""
        return self.signed.signatures

    @property
    def _aad(self) -> bytes:
        index = len(self.algorithms) - 1
        return cose.external_aad(Use.REQUEST, self.claims.aud, index, self.algorithms)

    def is_signed_by(self, key: VerifyKey) -> bool | None:
        """Whether ``key`` has signed this; ``None`` where no signature names it.

        ``False`` is a signature that names the key and is not of it.
        """
        for each in self.signatures:
            if each.key_id == key.id:
                structure = cosesign.to_be_signed(key.id, self._aad, self.signed.framed)
                return key.verifies(structure, each.value)
        return None

    def cosign(self, key: Signer) -> Unfinished:
        """Give this with the signature of ``key`` as well.

        Raises:
            SealError: the key has signed it, there are 8 signatures, or it cannot sign.
        """
        return self._with(signature_of(key, self._aad, self.signed.framed))

    def merge(self, other: Unfinished) -> Unfinished:
        """Give this with the signatures that ``other`` has and this has not.

        Raises:
            SealError: it is another message, the two have different signatures of one key, or all
                of them are too many.
        """
        if (other.algorithms, other.signed.framed) != (self.algorithms, self.signed.framed):
            raise SealError("this is another message, and its signatures are for that one")
        merged = self
        for each in other.signatures:
            if each not in merged.signatures:
                merged = merged._with(each)
        return merged

    def _with(self, signature: Signature) -> Unfinished:
        known = self.signatures
        if any(each.key_id == signature.key_id for each in known):
            raise SealError(f"the key {signature.key_id.hex()} has signed this message already")
        if len(known) >= cosesign.MAX_SIGNATURES:
            raise SealError(f"it has {len(known)} signatures, and no more are taken")
        first, *others = known
        signatures = (first, *sorted([*others, signature]))
        return self._replace(signed=self.signed._replace(signatures=signatures))


def looks_unfinished(data: bytes) -> bool:
    """Whether ``data`` begins as an unfinished message does."""
    return data.startswith(_LEAD)


def seal_unfinished(
    sealer: Sealer, document: bytes, *, content_type: str, stream: Stream, lifetime_s: int
) -> Unfinished:
    """Seal a document as far as it goes with the issuer's signature.

    Args:
        sealer: the issuer's, for the service that is meant.
        document: the document's bytes.
        content_type: how the service is to read it.
        stream: the order class of what it asks.
        lifetime_s: how long there is to collect signatures and deliver it, seconds.

    Raises:
        SealError: the service takes one signature, or as `Sealer.seal`.
    """
    if not sealer.signs_with_others:
        raise SealError(
            f"{sealer.audience} takes the signature of one, and nobody else can sign with them; if "
            'that has changed, write into its target: signatures = "several"'
        )
    data, _ = sealer.sign(document, content_type=content_type, stream=stream, lifetime_s=lifetime_s)
    unfinished = _made(sealer.algorithms, data)
    # Whether it can be sent is known now, and not when others have signed.
    sealer.wrap(data, signed=True)
    return unfinished


def check_whose(unfinished: Unfinished, issuer: str) -> None:
    """Check that it is for this issuer to finish (rule 4).

    Raises:
        SealError: it is somebody else's.
    """
    theirs = unfinished.claims.iss
    if theirs != issuer:
        raise SealError(
            f"this message is {theirs}'s, whose gate and encryption keys it needs, and not "
            f"{issuer}'s; give it back to {theirs}, to be sent"
        )


def finish(unfinished: Unfinished, sealer: Sealer) -> Sealed:
    """Give the message that a service takes, with the layers that the sealer knows around it.

    Raises:
        SealError: the sealer is not the issuer's, is for another service or seals otherwise, or
            the message is longer than can be sent.
    """
    claims = unfinished.claims
    check_whose(unfinished, sealer.issuer)
    if claims.aud != sealer.audience:
        raise SealError(
            f"this message is for {claims.aud}, and not for {sealer.audience}; send it there: "
            f"sealwire send FILE --to {claims.aud}"
        )
    if unfinished.algorithms != sealer.algorithms or not sealer.signs_with_others:
        raise SealError(
            f"this message was sealed for another chain than {sealer.audience} has in the settings "
            "now, and its signatures bind that; seal it anew"
        )
    if sealer.signing_id != unfinished.signatures[0].key_id:
        raise SealError(
            f"the first signature is of the key {unfinished.signatures[0].key_id.hex()}, and "
            f"{sealer.issuer} signs with {sealer.signing_id.hex()}; seal it anew"
        )
    return sealer.wrap(_object_of(unfinished), signed=True)


def write_unfinished(unfinished: Unfinished) -> bytes:
    """Write an unfinished message; the mirror of `read_unfinished`."""
    return cbor.encode([NAME, list(unfinished.algorithms), _object_of(unfinished)])


def read_unfinished(data: bytes) -> Unfinished:
    """Read an unfinished message; verify nothing.

    Raises:
        MalformedError: it is none.
    """
    if not looks_unfinished(data):
        raise _malformed("this is no unfinished message")
    if len(data) > MAX_FRAME_BYTES:
        raise _malformed(f"it has {len(data)} bytes; {MAX_FRAME_BYTES} are the most")
    match cbor.decode(data):
        case [_, list(algorithms), bytes(signed)]:
            pass
        case _:
            raise _malformed("it does not hold algorithms and a COSE_Sign object")
    known = tuple(each for each in algorithms if type(each) is int and each in _ALGORITHMS)
    if (
        not 1 <= len(algorithms) <= MAX_LAYERS
        or len(known) != len(algorithms)
        or known[-1] != cose.ED25519
    ):
        raise _malformed("its layers have no algorithms that end with a signature's")
    return _made(known, signed)


def _made(algorithms: tuple[int, ...], data: bytes) -> Unfinished:
    signed = cosesign.split(data)
    return Unfinished(algorithms, signed, *decode_body(signed.payload))


def _object_of(unfinished: Unfinished) -> bytes:
    return cosesign.join(unfinished.signed.framed, unfinished.signatures)


def _malformed(what: str) -> MalformedError:
    return MalformedError(Reason.ENVELOPE_MALFORMED, Stage.LAYER, f"unfinished message: {what}")
