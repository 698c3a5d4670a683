"""What a lease may do, whoever asks: how long, how quiet, and not to what writes secrets.

Rules this module keeps:

1. A lease is over at last when the host's longest time is; no request and no role can lift that.
2. A lease makes loggers louder than the base, unless the issuer's role says both ways.
3. Loggers that write secrets are not leased to a level at which they do, unless the issuer's role
   names them; no wildcard does. Nor are they taken there by a lease of a logger above them: the
   same lease can hold them back by naming a harmless level for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sealwire.documents.reading import place
from sealwire.documents.tree import NOTSET, ROOT
from sealwire.errors import shorten
from sealwire.policy.loggers import is_beneath, written
from sealwire.policy.objection import Objection, Sources, source_of
from sealwire.policy.roles import Direction, Role
from sealwire.policy.secretive import SECRETIVE
from sealwire.policy.seen import Seen
from sealwire.requests import Lease

MAX_LEASE_S = 4 * 3600
"""The longest lease where nothing else is said: half a working day, so none outlives a shift."""

MIN_FREE_PERCENT = 5
"""So much of a disk is usually kept for those who mend it."""

# As many as a person can read and type; the first ones name what to do about the others.
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class LeaseLimits:
    """What every lease has to keep to.

    Attributes:
        max_s: the longest lease, seconds.
        secretive: by logger, the lowest level at which it writes no secrets.
        min_free_percent: how much of a file system under a file handler has to be free; leases end
            where there is less, and none begins.
        sources: where each of these is written.
    """

    max_s: int = MAX_LEASE_S
    secretive: Mapping[str, int] = field(default_factory=lambda: SECRETIVE)
    min_free_percent: int = MIN_FREE_PERCENT
    sources: Sources = field(default_factory=dict)

    def limit_s(self, role: Role | None) -> int:
        """Give the longest lease of ``role``, seconds; 0 where there is no role."""
        if role is None:
            return 0
        return self.max_s if role.max_lease_s is None else min(self.max_s, role.max_lease_s)

    def request(self, lease: Lease, role: Role) -> Iterator[Objection]:
        """Object to what can be seen without a tree."""
        limit_s = self.limit_s(role)
        if lease.for_s > limit_s:
            source = source_of(self.sources, "longest")
            if limit_s < self.max_s:
                source = source_of(role.sources, "max_lease")
            detail = f"{lease.for_s} s, and {limit_s} s is the longest"
            yield Objection("lease-length", "for_s", detail, source)
        for name, level in lease.levels:
            least = self._least(name)
            if level < least and not self._named(name, role):
                detail = (
                    f"{shorten(name)} writes secrets below level {least}, and the role {role.name} "
                    "does not name it"
                )
                yield self._secrets(place("levels", name), detail)

    def tree(self, lease: Lease, role: Role, was: Seen, now: Seen) -> Iterator[Objection]:
        """Object to what the lease would do to the tree ``was``, which is the base."""
        if role.direction is Direction.LOUDER:
            yield from self._quieter(lease, role, was)
        for key in lease.through:
            before, after = was.handlers.get(key), now.handlers.get(key)
            if before is not None and after is not None and after.level > before.level:
                detail = "a lease lowers the level of a handler and never raises it"
                where = place("handlers", key, "level")
                yield Objection("lease-direction", where, detail, source_of(role.sources, ""))
        leased = dict(lease.levels)
        carried = [
            name
            for name in sorted(now.loggers)
            if name not in leased
            and now.governor(name) in leased
            and now.level(name) < min(self._least(name, now.governor(name)), was.level(name))
            and not self._named(name, role)
        ]
        if carried:
            shown = ", ".join(map(shorten, carried[:_MOST_NAMED]))
            more = f" and {len(carried) - _MOST_NAMED} more" if len(carried) > _MOST_NAMED else ""
            first = f"{carried[0]}={self._least(carried[0])}"
            detail = (
                f"{shown}{more} would inherit a level at which secrets are written; hold them back "
                f"in the same lease, such as {first}"
            )
            yield self._secrets("levels", detail)

    def _quieter(self, lease: Lease, role: Role, was: Seen) -> Iterator[Objection]:
        for name, level in lease.levels:
            base = was.level(name)
            if level > base:
                detail = (
                    f"{level} is quieter than the base's {base}, and the role {role.name} may only "
                    "make loggers louder"
                )
                where = place("levels", written(name))
                yield Objection(
                    "lease-direction", where, detail, source_of(role.sources, "direction")
                )

    def _least(self, name: str, leased: str = ROOT) -> int:
        """Give the lowest level at which ``name`` writes no secrets.

        What is secretive for the reason that ``leased`` is, was judged when ``leased`` was.
        """
        return max(
            (
                level
                for top, level in self.secretive.items()
                if is_beneath(name, top) and (leased == ROOT or not is_beneath(leased, top))
            ),
            default=NOTSET,
        )

    def _named(self, name: str, role: Role) -> bool:
        return any(role.loggers.names(name, top) for top in self.secretive if is_beneath(name, top))

    def _secrets(self, where: str, detail: str) -> Objection:
        return Objection("lease-secrets", where, detail, source_of(self.sources, "secretive"))
