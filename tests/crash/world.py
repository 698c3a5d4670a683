"""What may be in force in a service, as the pages say it: a model to hold the real one to. Pure.

Rules this module keeps:

1. A change that was answered has been made, or not, as the answer says.
2. A start keeps what stood, but for a configuration that nobody has confirmed.
3. There is a way back from a configuration to the one before it, and from that to the
   application's.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

INFO: Final = 20
_MOST: Final = 2


class Kind(enum.Enum):
    """What is asked for."""

    APPLY = "apply"
    TRIAL = "trial"
    CONFIRM = "confirm"
    REVERT = "revert"
    LEASE = "lease"
    UNLEASE = "unlease"


class Ask(NamedTuple):
    """One request.

    Attributes:
        kind: what is asked for.
        level: the level that it sets, which no other request does.
        for_s: how long a lease lasts.
        of: the request that is confirmed, or the lease that is ended; ``""`` is every lease.
    """

    kind: Kind
    level: int = 0
    for_s: int = 0
    of: str = ""


class Standing(NamedTuple):
    """A configuration or a lease: who brought it, its level, and when a lease ends."""

    id: str
    level: int
    ends_s: float = 0.0


@dataclass(frozen=True, slots=True)
class World:
    """What is in force.

    Attributes:
        bases: the configurations over the application's own, oldest first.
        trial: whether the last of them still has to be confirmed.
        leases: the leases that run, oldest first.
    """

    bases: tuple[Standing, ...] = ()
    trial: bool = False
    leases: tuple[Standing, ...] = field(default=())

    def after(self, ask: Ask, id: str, now_s: float) -> World | None:  # noqa: A002 - as it is called
        """Give what is in force after a request; ``None`` where that is not done."""
        if ask.kind in {Kind.APPLY, Kind.TRIAL}:
            if self.trial:
                return None
            bases = (*self.bases, Standing(id, ask.level))[-_MOST:]
            return replace(self, bases=bases, trial=ask.kind is Kind.TRIAL)
        if ask.kind is Kind.CONFIRM:
            fits = self.trial and self.bases[-1].id == ask.of
            return replace(self, trial=False) if fits else None
        if ask.kind is Kind.REVERT:
            return replace(self, bases=self.bases[:-1], trial=False)
        if ask.kind is Kind.LEASE:
            lease = Standing(id, ask.level, now_s + ask.for_s)
            return replace(self, leases=(*self.leases, lease))
        left = tuple(each for each in self.leases if ask.of not in {"", each.id})
        return replace(self, leases=left)

    def after_start(self) -> World:
        """Give what is in force after a start."""
        return replace(self, bases=self.bases[:-1], trial=False) if self.trial else self

    def without_leases(self) -> World:
        """Give the same when all leases are over."""
        return replace(self, leases=())

    def surely(self, now_s: float, margin_s: float) -> tuple[Standing, ...]:
        """Give the leases that run, whatever the clocks differ by."""
        return tuple(each for each in self.leases if each.ends_s > now_s + margin_s)

    def perhaps(self, now_s: float, margin_s: float) -> tuple[Standing, ...]:
        """Give the leases that may run still."""
        return tuple(each for each in self.leases if each.ends_s > now_s - margin_s)
