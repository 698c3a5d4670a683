"""Freshness: the message was issued before now, has not expired, and was not made to live long.

1. ``iat <= now + skew``. The receiver's skew is 0 where sealer and receiver share a clock.
2. ``now <= exp``. No skew here: the end is what the issuer signed.
3. ``exp - iat`` is at most the maximum of the message's stream.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Final

from sealwire.algebra import Guarantee
from sealwire.durations import in_words
from sealwire.errors import ConfigurationError, Reason, Stage, VerificationError
from sealwire.stages import Context, Message, Stream

if TYPE_CHECKING:
    from collections.abc import Mapping

_HOUR_S: Final = 3600
STANDING_S: Final = 7 * 24 * _HOUR_S
"""How long a configuration may stand between sealing and delivery where nothing else is said."""

MAX_LIFETIME_S: Final[Mapping[Stream, int]] = MappingProxyType(
    {
        Stream.READ: 300,
        Stream.LEASE: _HOUR_S,
        Stream.BASE: STANDING_S,
    }
)
"""How long a message of each stream may live, seconds."""


MAX_STANDING_S: Final = 366 * 24 * _HOUR_S
"""The longest time that a host may let a configuration stand between sealing and delivery."""


def lifetimes(standing_s: int) -> Mapping[Stream, int]:
    """Give `MAX_LIFETIME_S`, but for configurations that may stand longer.

    Args:
        standing_s: how long a message of stream ``base`` may live, seconds.

    Raises:
        ConfigurationError: it is shorter than without it, or over `MAX_STANDING_S`.
    """
    if not STANDING_S <= standing_s <= MAX_STANDING_S:
        raise ConfigurationError(
            f"standing is {standing_s} s; {STANDING_S} s (7 days) to {MAX_STANDING_S} s (366 days) "
            "can be allowed"
        )
    return MappingProxyType({**MAX_LIFETIME_S, Stream.BASE: standing_s})


class Freshness:
    """Refuses messages from the future, from the past, and those made to live too long."""

    requires: ClassVar[frozenset[Guarantee]] = frozenset({Guarantee.AUTHENTIC})
    provides: ClassVar[frozenset[Guarantee]] = frozenset({Guarantee.FRESH})

    def __init__(self, max_lifetime_s: Mapping[Stream, int] = MAX_LIFETIME_S) -> None:
        """Allow lifetimes up to ``max_lifetime_s``, a stream each; a missing stream has none.

        Raises:
            ConfigurationError: a lifetime is not at least one second.
        """
        for stream, lifetime_s in max_lifetime_s.items():
            if lifetime_s < 1:
                raise ConfigurationError(f"max_lifetime_s of {stream.value} is under one second")
        self._max_lifetime_s = dict(max_lifetime_s)

    def verify(self, message: Message, context: Context) -> Message:
        """Give the message unchanged.

        Raises:
            VerificationError: not yet valid, expired, or its lifetime is too long.
        """
        claims = message.claims
        if claims is None:
            raise VerificationError(
                Reason.INTERNAL, Stage.CHECK, "Freshness ran before the claims were read"
            )
        # 1.
        ahead_ms = claims.iat * 1000 - context.now_ms
        if ahead_ms > context.skew_ms:
            raise _refusal(
                Reason.NOT_YET_VALID,
                f"issued {in_words(ahead_ms)} ahead of this clock; {in_words(context.skew_ms)} are "
                "allowed",
            )
        # 2.
        late_ms = context.now_ms - claims.exp * 1000
        if late_ms > 0:
            raise _refusal(Reason.EXPIRED, f"expired {in_words(late_ms)} ago by this clock")
        # 3.
        lifetime_s = claims.exp - claims.iat
        if lifetime_s > (limit_s := self._max_lifetime_s.get(claims.stream, 0)):
            raise _refusal(
                Reason.LIFETIME_TOO_LONG,
                f"lives {lifetime_s} s; {limit_s} s are allowed in stream {claims.stream.value}",
            )
        return message


def _refusal(reason: Reason, detail: str) -> VerificationError:
    return VerificationError(reason, Stage.CHECK, detail)
