"""How many of a service's processes have to make a change for it to stay."""

from __future__ import annotations

import enum


class Quorum(enum.Enum):
    """How many processes have to have made a change for it to stay."""

    ALL = "all"
    MAJORITY = "majority"
    ANY = "any"

    def is_met(self, done: int, failed: int) -> bool:
        """Whether enough have done it; one that does not answer counts neither way."""
        if self is Quorum.ALL:
            return failed == 0
        if self is Quorum.MAJORITY:
            return done > failed
        return done > 0
