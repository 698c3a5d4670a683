"""The bases of this process, one on the other, and the way back from each.

Rules this module keeps:

1. What a base has taken out of use rests as long as somebody may go back to it, so that going back
   gives the same handlers and needs nothing that could be missing by then.
2. There is a way back from the last base to the one before, and from there to what the application
   has set up. A base between these is forgotten, and its handlers are closed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sealwire.documents import LoggingPlan, Tree
    from sealwire.inforce import Base
    from sealwire.laying import Laying
    from sealwire.logtree.swapping import Change
    from sealwire.stages import Applied


class Way(NamedTuple):
    """The way back from a base: the one before it, and the change that has to be undone."""

    to: Base
    change: Change


class Bases:
    """Applies configurations, and goes back."""

    def __init__(self) -> None:
        """Begin with what the application has set up."""
        self._ways: list[Way] = []

    @property
    def is_applications(self) -> bool:
        """Whether no configuration has been applied, or none is any more."""
        return not self._ways

    @property
    def ids(self) -> tuple[str, ...]:
        """The requests that brought what lies over the application's own, the last one excepted."""
        return tuple(way.to.id for way in self._ways[1:])

    def apply(self, plan: LoggingPlan, over: Base, laying: Laying) -> tuple[Applied, Tree]:
        """Apply a configuration; give what is in force, and the tree without leases.

        Raises:
            ApplyError: it cannot be applied; nothing is changed.
            RefusedError: as ``laying`` says; nothing is changed.
        """
        from sealwire.logtree import apply_as_base

        applied, change = apply_as_base(plan, laying)
        self._ways.append(Way(over, change))
        self._forget()
        return applied, change.base

    def back(self, laying: Laying, *, closing: bool = True) -> tuple[Base, Tree, tuple[str, ...]]:
        """Go back to the base before; there has to be one.

        Args:
            laying: the leases that run; it is not to refuse.
            closing: close what is no longer used.

        Returns:
            That base, the tree without leases, and the places that somebody else has changed since,
            which are left as they are.
        """
        from sealwire.logtree import go_back

        way = self._ways[-1]
        back, drift = go_back(way.change, laying, closing=closing)
        del self._ways[-1]
        return way.to, back.base, drift

    def _forget(self) -> None:
        from sealwire.logtree import close_all, reachable

        if len(self._ways) <= _MOST:
            return
        first, second, last = self._ways
        self._ways = [Way(first.to, first.change.then(second.change)), last]
        stay = [*first.change.before.handlers, *last.change.before.handlers]
        kept = {id(handler) for handler in reachable(handler for handler, _ in stay)}
        close_all(handler for handler in second.change.gone if id(handler) not in kept)


_MOST = 2
