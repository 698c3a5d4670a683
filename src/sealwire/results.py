"""What came of a request, on the side of whoever asked.

Rules this module keeps:

1. Whatever stands in an answer is text to be shown: nothing here obeys it, and what cannot be read
   counts as not there. Whether it is the service's word says `Result.verified`.
2. A request that was not done is an exception, so that it cannot be overlooked.
3. Reading a report gives an object of its own each time, so no reader changes what another reads.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Self

from sealwire.documents.strict_json import JsonValue, read_json
from sealwire.errors import MalformedError, SealwireError
from sealwire.receipts import Receipt
from sealwire.stages import Answer, Outcome
from sealwire.told import Told, Trust


class TrailCheck(enum.Enum):
    """What an answer shows of the host's trail, against what its receipts have shown before."""

    NONE = "none"
    """Nothing: it says nothing of a trail, or is not verified."""

    FIRST = "first"
    """Where it stands; nothing was known before."""

    PROVED = "proved"
    """It goes on from every point that was known."""

    LATER = "later"
    """Where it stands; whether it goes on from what was known the next request asks."""

    UNPROVED = "unproved"
    """The host was asked, and does not show that it goes on from what was known."""

    TAMPERED = "tampered"
    """It does not go on from what was known: records were changed, or it is another trail."""

    TRUNCATED = "truncated"
    """It has fewer records than were known."""

    @property
    def is_alarm(self) -> bool:
        """Whether it is evidence that somebody has meddled with the record."""
        return self in {TrailCheck.TAMPERED, TrailCheck.TRUNCATED}


@dataclass(frozen=True, slots=True)
class Result:
    """What the service says became of one request.

    Attributes:
        answer: what it says; of a receipt the same as of an unsigned answer.
        request_id: the request's id in hex, by which it is reverted or confirmed: the claim ``cti``
            of the message that was sent; ``""`` where it is not known.
        trust: what speaks for it.
        receipt: the receipt; ``None`` where the answer is unsigned.
        host: who has signed the receipt, or says so; ``""`` where nobody did.
        key_id: the id of the key that signed it, in hex; likewise.
        trail: what the receipt shows of the host's trail, where receipts are kept.
        alarms: what is wrong with that, in words, and with keeping the receipt.
    """

    answer: Answer
    request_id: str = ""
    trust: Trust = Trust.UNSIGNED
    receipt: Receipt | None = None
    host: str = ""
    key_id: str = ""
    trail: TrailCheck = TrailCheck.NONE
    alarms: tuple[str, ...] = ()

    @classmethod
    def of(cls, told: Told, request_id: str) -> Self:
        """Give what was told of a request as its result."""
        return cls(told.answer, request_id, told.trust, told.receipt, told.host, told.key_id)

    @property
    def verified(self) -> bool:
        """Whether the host has signed this, with the receipt key that is known to be its own."""
        return self.trust is Trust.VERIFIED

    @property
    def answered_by(self) -> tuple[str, str] | None:
        """Which process has answered, as its receipt says: its host's key and its own name.

        Two hosts that share a key have to have names of their own; by default a name begins with
        the machine's. Unless it is verified, it may be anybody's word.
        """
        receipt = self.receipt
        if receipt is None or not receipt.instances:
            return None
        return self.key_id, receipt.instances[0].name

    @property
    def outcome(self) -> Outcome:
        """Applied, refused or failed."""
        return self.answer.outcome

    @property
    def repeated(self) -> bool:
        """Whether the same message had been decided before, and nothing was done now."""
        return self.answer.repeated

    @property
    def reason(self) -> str:
        """The value of a `Reason` for a refusal; ``""`` where the service gives none."""
        return self.answer.reason

    @property
    def detail(self) -> str:
        """Rule, place and value in words; ``""`` where the service says no more."""
        return self.answer.detail

    @property
    def report(self) -> Mapping[str, Any]:
        """What was asked for, as each method of `Client` says; for reading alone.

        Empty in an unsigned answer where the chain encrypts, which such an answer does not. Unless
        it is verified, whoever sits on the address may have written it.
        """
        return MappingProxyType(read_report(self.answer.report))

    def check(self) -> Self:
        """Give this result if the request was done.

        Raises:
            RequestRefusedError: it was refused.
            RequestFailedError: it was accepted, and could not be done.
        """
        if self.outcome is Outcome.REFUSED:
            raise RequestRefusedError(self)
        if self.outcome is Outcome.FAILED:
            raise RequestFailedError(self)
        return self


class RequestError(SealwireError):
    """A service answered that it did not do what it was asked for; logging there is as before.

    Not a `RefusedError`, which is what a service's own side raises about somebody's message and
    whose text never says why: here it is one's own request, and the text says what was told.

    Attributes:
        result: all that was told.
    """

    _what = "the service did not do it"

    def __init__(self, result: Result) -> None:
        """Say what ``result`` says."""
        parts = (self._what, result.reason, result.detail)
        super().__init__(_printable(": ".join(part for part in parts if part)))
        self.result = result

    @property
    def reason(self) -> str:
        """The value of a `Reason`; ``""`` where the service gives none."""
        return self.result.reason

    @property
    def detail(self) -> str:
        """Rule, place and value in words; ``""`` where the service says no more."""
        return self.result.detail

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by the argument."""
        return type(self), (self.result,)


class RequestRefusedError(RequestError):
    """The service refused: `reason` says why once it knows who asks."""

    _what = "the service refused"


class RequestFailedError(RequestError):
    """The service accepted the request, and could not change its logging as asked."""

    _what = "the service could not do it"


def read_report(report: bytes) -> dict[str, JsonValue]:
    """Read what an answer reports; what is no report is an empty one (rule 1)."""
    if not report:
        return {}
    try:
        return read_json(report)
    except MalformedError:
        return {}


def _printable(text: str) -> str:
    """Give text of a peer without what could drive a terminal."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )
