"""Sealing a request again by itself, where a verified receipt says what it lacked.

Rules this module keeps:

1. The receipt has to be verified. What nobody has signed, or somebody whose key is not known, leads
   to nothing: it could make an operator seal as often, and with whatever time, as a squatter likes.
2. What was refused stays refused, or it is not sealed again: a challenge that it does not carry and
   a version that is not above the floor will not come to be right later. A change that was sealed
   ahead of the service's clock will, so whoever has a copy could deliver it over what is sealed
   now. Reads have no order.
3. A service's clock is followed for an hour and no further: who has its receipt key could make
   others seal what holds far in the future.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sealwire.errors import Reason
from sealwire.receipts import Outcome
from sealwire.sealer import MAX_LEAD_MS
from sealwire.stages import Stream

if TYPE_CHECKING:
    from sealwire.results import Result
    from sealwire.stages import Claims

_BEHIND: Final = {Reason.EXPIRED.value, Reason.VERSION_BEFORE_START.value}
_AHEAD: Final = {Reason.NOT_YET_VALID.value, Reason.VERSION_AHEAD.value}
"""Why a message is refused whose sealer's clock is behind the service's, or ahead of it."""


class Lacks(NamedTuple):
    """What a request lacked.

    Attributes:
        challenge: what it has to carry; ``b""`` where nothing else than before.
        service_ms: the service's time, where that has to count; ``None`` where our clock does.
    """

    challenge: bytes = b""
    service_ms: int | None = None


def lacks(
    result: Result, claims: Claims, now_ms: int, max_lead_ms: int = MAX_LEAD_MS
) -> Lacks | None:
    """Say what to seal otherwise; ``None`` where sealing again would not help, or may not be.

    Args:
        result: what came of the request.
        claims: what the message says about itself.
        now_ms: the time, by our own clock.
        max_lead_ms: how far ahead of it the service is followed.
    """
    receipt = result.receipt
    if not result.verified or receipt is None or receipt.outcome is not Outcome.REFUSED:
        return None
    challenge = b"" if receipt.challenge == claims.nonce else receipt.challenge
    reason, lead_ms = receipt.reason, receipt.at_ms - now_ms
    if reason == Reason.CHALLENGE_REQUIRED.value:
        return Lacks(challenge) if challenge else None
    if reason == Reason.VERSION_SUPERSEDED.value:
        # The sealer has learned the floor, and seals above it.
        above = claims.version <= receipt.floor_ms <= now_ms + max_lead_ms
        return Lacks(challenge) if above else None
    behind = reason in _BEHIND and 0 < lead_ms <= max_lead_ms
    ahead = reason in _AHEAD and claims.stream is Stream.READ and lead_ms < 0
    return Lacks(challenge, receipt.at_ms) if behind or ahead else None
