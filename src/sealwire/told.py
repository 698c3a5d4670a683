"""What a service told, on the side of whoever asked: read, and judged by who has signed it.

Rules this module keeps:

1. Where the host's receipt key is known, a receipt counts if it verifies: it is signed with that
   key and answers this very request. Anything else that says that something was done, or failed,
   is told as what it is: not the service's word.
2. That holds for a refusal as well, which is what a service says, unsigned, before it knows who
   asks: somebody else may say so too, so nobody knows who did, nor what became of the message.
3. Where the key is not known, what comes is read and shown as unverified. Nothing obeys it.
4. While a host's key is rotated two keys are known, and of a service on several hosts there are
   more. Which one a receipt is verified with, its key id says; a hint, since whichever it is has to
   verify.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final, NamedTuple

from sealwire import cbor
from sealwire.answers import decode_answer
from sealwire.errors import MalformedError, Reason, RefusedError, UntrustedAnswerError, shorten
from sealwire.receipts import Outcome, Receipt, open_receipt, peek_receipt
from sealwire.stages import Answer
from sealwire.stages import Outcome as Decided

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealwire.keys import VerifyKey
    from sealwire.sent import Sent

REFUSED: Final = "refused"
"""What an unsigned answer claims that may be the service's own all the same."""

_DECIDED: Final = {
    Outcome.APPLIED: Decided.APPLIED,
    Outcome.REVERTED: Decided.APPLIED,
    Outcome.PENDING_CONFIRM: Decided.APPLIED,
    Outcome.REFUSED: Decided.REFUSED,
    Outcome.NOT_ADDRESSED: Decided.REFUSED,
    Outcome.FAILED: Decided.FAILED,
}


class Trust(enum.Enum):
    """What speaks for an answer."""

    VERIFIED = "verified"
    """A receipt, signed with the key that is known to be the host's."""

    UNVERIFIED = "unverified"
    """A receipt, of a host whose key is not known here."""

    UNSIGNED = "unsigned"
    """Nobody has signed it."""


class Told(NamedTuple):
    """What came back.

    Attributes:
        answer: what it says became of the request.
        trust: what speaks for it.
        receipt: the receipt, where it is one.
        host: who has signed it, or says so; ``""`` where nobody did.
        key_id: the id of the key that has signed it, in hex; likewise.
        key: the key with which it was verified; ``None`` where it was not.
    """

    answer: Answer
    trust: Trust = Trust.UNSIGNED
    receipt: Receipt | None = None
    host: str = ""
    key_id: str = ""
    key: VerifyKey | None = None


def looks_signed(data: bytes) -> bool:
    """Whether an answer is a receipt: it begins with a CBOR tag, as no bare map does."""
    return bool(data) and data[0] >> 5 == cbor.TAG


def read_told(
    data: bytes,
    sent: Sent | None,
    receipt_key: VerifyKey | None,
    *,
    now_ms: int | None,
    more_keys: Sequence[VerifyKey] = (),
) -> Told:
    """Read what came back for a request.

    Args:
        data: the answer as it came.
        sent: the request; ``None`` where it cannot be read, as one of somebody else's.
        receipt_key: the host's key, if it is known.
        now_ms: the time; ``None`` where the request was sent for the first time.
        more_keys: those that count as well: of the service's other hosts, and those that its hosts
            go over to. They are looked at where ``receipt_key`` is known.

    Raises:
        MalformedError: it is neither an answer nor a receipt.
        UntrustedAnswerError: the host's key is known, and this is not the host's word; or it cannot
            be read here.
    """
    if not looks_signed(data):
        return _unsigned(decode_answer(data), receipt_key)
    if sent is None:
        raise UntrustedAnswerError(
            "it was answered with a receipt that only the sender of the request can read"
        )
    if receipt_key is None:
        try:
            peeked = peek_receipt(data, sent.asked, sent.request_key)
        except RefusedError as error:
            raise UntrustedAnswerError(
                f"the answer is no receipt for this request: {error.detail}"
            ) from None
        answer = _answer(peeked.receipt)
        return Told(answer, Trust.UNVERIFIED, peeked.receipt, peeked.host, peeked.key_id)
    named = _named(more_keys, data, sent) if more_keys else None
    receipt_key = named or receipt_key
    try:
        receipt = open_receipt(data, sent.asked, receipt_key, sent.request_key, now_ms=now_ms)
    except RefusedError as error:
        raise _not_the_hosts(error, receipt_key) from None
    answer = _answer(receipt)
    key = receipt_key
    return Told(answer, Trust.VERIFIED, receipt, key.owner, key.fingerprint, key)


def _named(keys: Sequence[VerifyKey], data: bytes, sent: Sent) -> VerifyKey | None:
    """Give the one of ``keys`` that a receipt says it is signed with (rule 4), if there is one."""
    try:
        named = peek_receipt(data, sent.asked, sent.request_key).key_id
    except RefusedError:
        # Whatever it is, it is judged by the key that is known.
        return None
    return next((key for key in keys if key.fingerprint == named), None)


def _unsigned(answer: Answer, receipt_key: VerifyKey | None) -> Told:
    if receipt_key is None:
        return Told(answer)
    said = answer.outcome.name.lower()
    if answer.outcome is Decided.REFUSED:
        why = f" ({shorten(answer.reason)})" if answer.reason else ""
        raise UntrustedAnswerError(
            f"it was answered with {said!r}{why} that nobody has signed, so nobody knows who "
            f"answered: {receipt_key.owner}, as to whoever it does not know, or a squatter",
            claimed=said,
        )
    raise UntrustedAnswerError(
        f"it was answered with {said!r} that nobody has signed, and {receipt_key.owner} signs with "
        f"key {receipt_key.fingerprint}: a squatter may sit on the address",
        claimed=said,
    )


def _not_the_hosts(error: RefusedError, key: VerifyKey) -> UntrustedAnswerError:
    if error.reason is Reason.EXPIRED:
        what = f"it was answered with an old receipt ({error.detail}), or the clocks differ"
    elif error.reason is Reason.KEY_UNKNOWN:
        what = (
            f"it was answered with a receipt that is not signed with key {key.fingerprint} of "
            f"{key.owner}, or encrypted for another request: a squatter may sit on the address"
        )
    elif isinstance(error, MalformedError):
        what = f"it was answered with what is no receipt for it: {error.detail}"
    else:
        what = (
            f"it was answered with a receipt that is not {key.owner}'s for this request "
            f"({error.reason.value}: {error.detail}): a squatter may sit on the address"
        )
    return UntrustedAnswerError(what)


def _answer(receipt: Receipt) -> Answer:
    """Give a receipt as an answer says it, for whoever reads both alike."""
    return Answer(
        _DECIDED[receipt.outcome],
        receipt.reason,
        receipt.detail,
        repeated=receipt.repeated,
        report=receipt.report,
    )
