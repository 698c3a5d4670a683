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

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from sealwire.body import NONCE_BYTES, decode_body, encode_body
from sealwire.cose import external_aad
from sealwire.documents.strict_json import JsonValue, canonical_json, read_json
from sealwire.durations import in_words
from sealwire.errors import MalformedError, Reason, Stage, VerificationError, shorten
from sealwire.layers import AesGcmOpener, AesGcmSealer, Ed25519Signer, Ed25519Verifier
from sealwire.stages import Claims, Context, Digest, Message, Mode, Sealed, Stream, Use

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealwire.algebra import Layer
    from sealwire.keys import AeadKey, SigningKey, VerifyKey
    from sealwire.sealer import SealingLayer

__all__ = [
    "ANSWER_LIFETIME_S",
    "CONTENT_TYPE_RECEIPT",
    "Asked",
    "Instance",
    "Mode",
    "Outcome",
    "Receipt",
    "TrailPoint",
    "open_receipt",
    "seal_receipt",
]

CONTENT_TYPE_RECEIPT: Final = "application/vnd.sealwire.receipt+json"

ANSWER_LIFETIME_S: Final = 300
"""How long a receipt may be taken for an answer; a client waits for seconds."""

_DIGEST_CHARS: Final = 64
_HEX: Final = frozenset("0123456789abcdef")


class Outcome(enum.Enum):
    """What became of a request."""

    APPLIED = "applied"
    REFUSED = "refused"
    FAILED = "failed"
    REVERTED = "reverted"
    PENDING_CONFIRM = "pending-confirm"
    NOT_ADDRESSED = "not-addressed"


class Instance(NamedTuple):
    """What became of the request in one process: its name, the outcome, and why."""

    name: str
    outcome: Outcome
    detail: str = ""


class TrailPoint(NamedTuple):
    """Where the host's record stands: how many entries, and the root over them in hex."""

    size: int
    root: str


class Asked(NamedTuple):
    """What a receipt has to answer: the request as its sender knows it."""

    audience: str
    stream: Stream
    id: bytes
    digest: Digest


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a host says.

    Attributes:
        outcome: what became of the request as a whole.
        mode: how the receiver remembers.
        at_ms: the receipt's own time, milliseconds since the epoch.
        reason: the `Reason`'s value of a refusal, or ``""``.
        detail: value against limit, in words, or ``""``.
        repeated: the request had been decided before, and nothing was done now.
        instances: a line for each process.
        effective: digest of the configuration in force, in hex, or ``""``.
        floor_ms: the version that the request's stream has reached.
        lease_end_ms: when the lease ends, or 0.
        trail: where the host's record stands, or ``None`` where it keeps none.
        reduced: in which ways less is recorded than before.
        report: what was asked for, as canonical JSON; ``b""`` where nothing was.
        challenge: what the next request has to carry as its nonce, where a service that keeps no
            memory wants that; ``b""`` where it does not.
    """

    outcome: Outcome
    mode: Mode
    at_ms: int
    reason: str = ""
    detail: str = ""
    repeated: bool = False
    instances: tuple[Instance, ...] = ()
    effective: str = ""
    floor_ms: int = 0
    lease_end_ms: int = 0
    trail: TrailPoint | None = None
    reduced: tuple[str, ...] = ()
    report: bytes = b""
    challenge: bytes = b""


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
    wrapped = encode_body(claims, CONTENT_TYPE_RECEIPT, _write(receipt, asked))
    for layer, aad in reversed(list(zip(layers, _bound(asked.audience, layers), strict=True))):
        wrapped = layer.seal(wrapped, aad)
    return Sealed(wrapped)


def open_receipt(
    sealed: bytes,
    asked: Asked,
    key: VerifyKey,
    request_key: AeadKey | None = None,
    *,
    now_ms: int,
) -> Receipt:
    """Verify a receipt; give what it says.

    Args:
        sealed: the bytes as they came.
        asked: the request it has to answer.
        key: the host's receipt key, known beforehand.
        request_key: the key under which the request was encrypted, if it was.
        now_ms: the time; a receipt that is kept is read at the time it had.

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
        context = Context(asked.audience, now_ms, 0, position, algorithms, aad)
        message = layer.verify(message, context)
    # 2. Claims: the host's, for the same service, about the same request, recent.
    claims, content_type, document = decode_body(message.data)
    _check_claims(claims, asked, key, now_ms)
    if content_type != CONTENT_TYPE_RECEIPT:
        raise MalformedError(Reason.CONTENT_TYPE_UNKNOWN, Stage.DOCUMENT, shorten(content_type))
    # 3. The document, which names the request once more, by its digest.
    return _read(document, asked, claims.version)


def _bound(audience: str, layers: Sequence[SealingLayer | Layer]) -> list[bytes]:
    algorithms = tuple(layer.shape.algorithm for layer in layers)
    return [external_aad(Use.RECEIPT, audience, index, algorithms) for index in range(len(layers))]


def _check_claims(claims: Claims, asked: Asked, key: VerifyKey, now_ms: int) -> None:
    if claims.aud != asked.audience:
        raise _refusal(Reason.AUDIENCE_MISMATCH, f"the receipt is of {shorten(claims.aud)}")
    if claims.iss != key.owner:
        raise _refusal(Reason.ISSUER_MISMATCH, f"the receipt says issuer {shorten(claims.iss)}")
    if claims.cti != asked.id or claims.stream is not asked.stream:
        raise _refusal(Reason.RECEIPT_MISMATCH, "the receipt is of another request")
    if claims.nonce is not None:
        raise _refusal(Reason.RECEIPT_MISMATCH, "a receipt answers no challenge")
    at_s = claims.version // 1000
    if (claims.iat, claims.exp) != (at_s, at_s + ANSWER_LIFETIME_S):
        raise _refusal(Reason.RECEIPT_MISMATCH, "its times are not those of a receipt")
    if now_ms > claims.exp * 1000:
        raise _refusal(Reason.EXPIRED, f"an answer of {in_words(now_ms - claims.exp * 1000)} ago")


def _refusal(reason: Reason, detail: str) -> VerificationError:
    return VerificationError(reason, Stage.CHECK, detail)


def _write(receipt: Receipt, asked: Asked) -> bytes:
    document: dict[str, JsonValue] = {
        "request": asked.digest.hex(),
        "outcome": receipt.outcome.value,
        "mode": receipt.mode.value,
        "instances": [_instance(each) for each in receipt.instances],
    }
    optional: dict[str, JsonValue] = {
        "reason": receipt.reason,
        "detail": receipt.detail,
        "repeated": receipt.repeated,
        "effective": receipt.effective,
        "floor_ms": receipt.floor_ms,
        "lease_end_ms": receipt.lease_end_ms,
        "reduced": list(receipt.reduced),
        "report": read_json(receipt.report) if receipt.report else None,
        "challenge": receipt.challenge.hex(),
    }
    # What says nothing is left out, so that one receipt has one text.
    document.update({name: value for name, value in optional.items() if value})
    if receipt.trail is not None:
        document["trail"] = {"size": receipt.trail.size, "root": receipt.trail.root}
    return canonical_json(document)


def _instance(instance: Instance) -> JsonValue:
    line: dict[str, JsonValue] = {"name": instance.name, "outcome": instance.outcome.value}
    if instance.detail:
        line["detail"] = instance.detail
    return line


def _read(document: bytes, asked: Asked, at_ms: int) -> Receipt:
    members = read_json(document)
    if _text(members, "request") != asked.digest.hex():
        raise _refusal(Reason.RECEIPT_MISMATCH, "the receipt is of another request")
    if _text(members, "outcome") not in {each.value for each in Outcome}:
        raise _malformed("outcome")
    if _text(members, "mode") not in {each.value for each in Mode}:
        raise _malformed("mode")
    repeated = members.get("repeated", False)
    if not isinstance(repeated, bool):
        raise _malformed("repeated")
    return Receipt(
        outcome=Outcome(_text(members, "outcome")),
        mode=Mode(_text(members, "mode")),
        at_ms=at_ms,
        reason=_text(members, "reason", default=""),
        detail=_text(members, "detail", default=""),
        repeated=repeated,
        instances=tuple(_read_instance(each) for each in _list(members, "instances")),
        effective=_digest(members, "effective") if "effective" in members else "",
        floor_ms=_number(members, "floor_ms", default=0),
        lease_end_ms=_number(members, "lease_end_ms", default=0),
        trail=_read_trail(members["trail"]) if "trail" in members else None,
        reduced=tuple(_string(each, "reduced") for each in _list(members, "reduced", default=[])),
        report=_report(members["report"]) if "report" in members else b"",
        challenge=_challenge(members["challenge"]) if "challenge" in members else b"",
    )


def _read_instance(value: JsonValue) -> Instance:
    if not isinstance(value, dict) or value.get("outcome") not in {each.value for each in Outcome}:
        raise _malformed("instances")
    detail = _text(value, "detail", default="")
    return Instance(_text(value, "name"), Outcome(value["outcome"]), detail)


def _read_trail(value: JsonValue) -> TrailPoint:
    if not isinstance(value, dict):
        raise _malformed("trail")
    return TrailPoint(_number(value, "size"), _digest(value, "root"))


def _report(value: JsonValue) -> bytes:
    if not isinstance(value, dict):
        raise _malformed("report")
    return canonical_json(value)


def _challenge(value: JsonValue) -> bytes:
    text = _string(value, "challenge")
    if len(text) != 2 * NONCE_BYTES or not set(text) <= _HEX:
        raise _malformed("challenge")
    return bytes.fromhex(text)


def _text(members: dict[str, JsonValue], name: str, *, default: str | None = None) -> str:
    return _string(members.get(name, default), name)


def _string(value: JsonValue, name: str) -> str:
    if not isinstance(value, str):
        raise _malformed(name)
    return value


def _number(members: dict[str, JsonValue], name: str, *, default: int | None = None) -> int:
    value = members.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise _malformed(name)
    return value


def _digest(members: dict[str, JsonValue], name: str) -> str:
    text = _text(members, name)
    if len(text) != _DIGEST_CHARS or not set(text) <= _HEX:
        raise _malformed(name)
    return text


def _list(
    members: dict[str, JsonValue], name: str, *, default: list[JsonValue] | None = None
) -> list[JsonValue]:
    value = members.get(name, default)
    if not isinstance(value, list):
        raise _malformed(name)
    return value


def _malformed(name: str) -> MalformedError:
    return MalformedError(
        Reason.DOCUMENT_INVALID, Stage.DOCUMENT, f"{name}: is missing, or not what it must be"
    )
