"""The document of a receipt: written in one way, read strictly but for what nobody knows yet."""

from __future__ import annotations

from typing import Final

from sealwire.body import NONCE_BYTES
from sealwire.documents.strict_json import JsonValue, canonical_json, read_json
from sealwire.errors import MalformedError, Reason, Stage, VerificationError
from sealwire.receipts.types import Asked, Instance, Mode, Outcome, Receipt, SignedBy, TrailPoint

_DIGEST_CHARS: Final = 64
_HEX: Final = frozenset("0123456789abcdef")


def write_document(receipt: Receipt, asked: Asked) -> bytes:
    """Write what a receipt says about the request that it answers."""
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
        "signers": [each._asdict() for each in receipt.signers],
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


def read_document(document: bytes, asked: Asked, at_ms: int) -> Receipt:
    """Read what a receipt says.

    Args:
        document: as it was signed.
        asked: the request that it has to be about.
        at_ms: the receipt's time.

    Raises:
        RefusedError: it is about another request, or no such document.
    """
    members = read_json(document)
    if _text(members, "request") != asked.digest.hex():
        raise VerificationError(
            Reason.RECEIPT_MISMATCH, Stage.CHECK, "the receipt is of another request"
        )
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
        signers=tuple(_read_signer(each) for each in _list(members, "signers", default=[])),
    )


def _read_instance(value: JsonValue) -> Instance:
    if not isinstance(value, dict) or value.get("outcome") not in {each.value for each in Outcome}:
        raise _malformed("instances")
    detail = _text(value, "detail", default="")
    return Instance(_text(value, "name"), Outcome(value["outcome"]), detail)


def _read_signer(value: JsonValue) -> SignedBy:
    if not isinstance(value, dict):
        raise _malformed("signers")
    return SignedBy(_text(value, "owner"), _digest(value, "key"))


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
