"""Receipts: what a host says about one request, signed, so that a squatter cannot say it.

Rules this module keeps:

1. A receipt is a sealed object like a request, of use ``receipt``: nothing sealed as a request
   opens as a receipt, nor the other way round.
2. It answers one request: it repeats its id, and names it by the digest of its body. A receipt of
   another request is refused, however well it is signed.
3. Where the request was encrypted the receipt is, under a key derived from the request's and its
   digest, so that no key ever encrypts in both directions.
4. It proves what was the case at its time. For how long it may be taken for an answer is in its
   claims; what is the case now is for a new request to ask.
5. What a reader does not know in the document it passes over: a receipt tells, and asks nothing.

The signature is the host's. That a line about another process of the service is true is the word of
the process that wrote the receipt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealwire import cose
from sealwire.body import decode_body, encode_body
from sealwire.cose import external_aad
from sealwire.durations import in_words
from sealwire.errors import MalformedError, Reason, Stage, VerificationError, shorten
from sealwire.layers import AesGcmOpener, AesGcmSealer, Ed25519Signer, Ed25519Verifier
from sealwire.receipts.document import read_document, write_document
from sealwire.receipts.types import (
    ANSWER_LIFETIME_S,
    CONTENT_TYPE_RECEIPT,
    Asked,
    Peeked,
    Receipt,
)
from sealwire.stages import Claims, Context, Message, Sealed, Use

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealwire.algebra import Layer
    from sealwire.keys import AeadKey, SigningKey, VerifyKey
    from sealwire.sealer import SealingLayer


def seal_receipt(
    receipt: Receipt, asked: Asked, key: SigningKey, request_key: AeadKey | None = None
) -> Sealed:
    """Seal a receipt.

    Args:
        receipt: what to say.
        asked: the request.
        key: the host's receipt key; its owner is the host's name.
        request_key: the key under which the request was encrypted, if it was.

    Raises:
        SealError: a value cannot be written.
        MalformedError: the report is no JSON object.
        ValueError: a text is no Unicode that can be written.
    """
    at_s = receipt.at_ms // 1000
    claims = Claims(
        iss=key.owner,
        aud=asked.audience,
        exp=at_s + ANSWER_LIFETIME_S,
        iat=at_s,
        cti=asked.id,
        version=receipt.at_ms,
        stream=asked.stream,
    )
    layers: list[SealingLayer] = [Ed25519Signer(key)]
    if request_key is not None:
        layers.insert(0, AesGcmSealer(request_key.for_receipt(asked.digest)))
    wrapped = encode_body(claims, CONTENT_TYPE_RECEIPT, write_document(receipt, asked))
    for layer, aad in reversed(list(zip(layers, _bound(asked.audience, layers), strict=True))):
        wrapped = layer.seal(wrapped, aad)
    return Sealed(wrapped)


def open_receipt(
    sealed: bytes,
    asked: Asked,
    key: VerifyKey,
    request_key: AeadKey | None = None,
    *,
    now_ms: int | None,
) -> Receipt:
    """Verify a receipt; give what it says.

    Args:
        sealed: the bytes as they came.
        asked: the request it has to answer.
        key: the host's receipt key, known beforehand.
        request_key: the key under which the request was encrypted, if it was.
        now_ms: the time; ``None`` reads it at the time it had: a receipt that was kept, or one for
            a request that was sent for the first time, which no earlier receipt can be about.

    Raises:
        RefusedError: it is not the host's answer to this request; `MalformedError` where it is no
            receipt at all.
    """
    # 1. Layers, as they have to be for this request.
    layers: list[Layer] = [Ed25519Verifier([key])]
    if request_key is not None:
        layers.insert(0, AesGcmOpener([request_key.for_receipt(asked.digest)]))
    algorithms = tuple(layer.shape.algorithm for layer in layers)
    message = Message(sealed)
    for position, (layer, aad) in enumerate(
        zip(layers, _bound(asked.audience, layers), strict=True)
    ):
        context = Context(asked.audience, 0, 0, position, algorithms, aad)
        message = layer.verify(message, context)
    # 2. Claims: the host's, for the same service, about the same request, recent.
    claims, content_type, document = decode_body(message.data)
    _check_claims(claims, asked, now_ms)
    if claims.iss != key.owner:
        raise _refusal(Reason.ISSUER_MISMATCH, f"the receipt says issuer {shorten(claims.iss)}")
    _check_type(content_type)
    # 3. The document, which names the request once more, by its digest.
    return read_document(document, asked, claims.version)


def peek_receipt(sealed: bytes, asked: Asked, request_key: AeadKey | None = None) -> Peeked:
    """Read a receipt whose signature cannot be verified, because the host's key is not known.

    Args:
        sealed: the bytes as they came.
        asked: the request it has to answer.
        request_key: the key under which the request was encrypted, if it was.

    Raises:
        RefusedError: it is no answer to this request, or no receipt at all.
    """
    if request_key is not None:
        opener = AesGcmOpener([request_key.for_receipt(asked.digest)])
        algorithms = (opener.shape.algorithm, cose.SIGN1.algorithm)
        aad = external_aad(Use.RECEIPT, asked.audience, 0, algorithms)
        context = Context(asked.audience, 0, 0, 0, algorithms, aad)
        sealed = opener.verify(Message(sealed), context).data
    framed = cose.split(cose.SIGN1, sealed)[1]
    claims, content_type, document = decode_body(cose.payload_of(cose.SIGN1, framed))
    _check_claims(claims, asked, None)
    _check_type(content_type)
    receipt = read_document(document, asked, claims.version)
    return Peeked(receipt, claims.iss, sealed[cose.SIGN1.key_id].hex())


def _bound(audience: str, layers: Sequence[SealingLayer | Layer]) -> list[bytes]:
    algorithms = tuple(layer.shape.algorithm for layer in layers)
    return [external_aad(Use.RECEIPT, audience, index, algorithms) for index in range(len(layers))]


def _check_claims(claims: Claims, asked: Asked, now_ms: int | None) -> None:
    if claims.aud != asked.audience:
        raise _refusal(Reason.AUDIENCE_MISMATCH, f"the receipt is of {shorten(claims.aud)}")
    if claims.cti != asked.id or claims.stream is not asked.stream:
        raise _refusal(Reason.RECEIPT_MISMATCH, "the receipt is of another request")
    if claims.nonce is not None:
        raise _refusal(Reason.RECEIPT_MISMATCH, "a receipt answers no challenge")
    at_s = claims.version // 1000
    if (claims.iat, claims.exp) != (at_s, at_s + ANSWER_LIFETIME_S):
        raise _refusal(Reason.RECEIPT_MISMATCH, "its times are not those of a receipt")
    if now_ms is not None and now_ms > claims.exp * 1000:
        raise _refusal(Reason.EXPIRED, f"an answer of {in_words(now_ms - claims.exp * 1000)} ago")


def _refusal(reason: Reason, detail: str) -> VerificationError:
    return VerificationError(reason, Stage.CHECK, detail)


def _check_type(content_type: str) -> None:
    if content_type != CONTENT_TYPE_RECEIPT:
        raise MalformedError(Reason.CONTENT_TYPE_UNKNOWN, Stage.DOCUMENT, shorten(content_type))
