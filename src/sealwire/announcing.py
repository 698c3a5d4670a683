"""Announcements: what is said of each change through the application's own handlers.

Rules this module keeps:

1. They go to the logger ``sealwire.changes``, for whoever reads the application's log, unless a
   policy says ``announce = false``.
2. At most ten a minute for each issuer; then one line says how many more there were. Whoever has a
   key could otherwise write a line with each request. What others announce is not crowded out.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from sealwire.eventlog import Budget, log_to

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealwire.policy import Policy

CHANGES: Final = logging.getLogger("sealwire.changes")


class Announcer:
    """Says what changes, and counts what is left out."""

    def __init__(self, policies: Sequence[Policy]) -> None:
        """Keep to ``policies`` as they are when something is to be said."""
        self._policies = policies
        # Issuers are owners of keys, so they are few, and known.
        self._budgets: dict[str, Budget] = {}

    @property
    def due_ms(self) -> int | None:
        """When `let_time_pass` has a line to write, on the monotonic clock; ``None`` if none."""
        due = (budget.ends_ms for budget in self._budgets.values() if budget.unlogged)
        return min(due, default=None)

    def say(self, issuer: str, mono_ms: int, text: str, *arguments: object) -> None:
        """Say something of a change that ``issuer`` asked for."""
        if not all(policy.announce for policy in self._policies):
            return
        self.let_time_pass(mono_ms)
        if self._budgets.setdefault(issuer, Budget()).spend(mono_ms):
            log_to(CHANGES, logging.WARNING, text, *arguments)

    def let_time_pass(self, mono_ms: int) -> None:
        """Say what was left out, when its minute is over."""
        for issuer, budget in self._budgets.items():
            self._count(issuer, budget.renew(mono_ms))

    def end(self) -> None:
        """Say what was left out, because nobody will do so later."""
        for issuer, budget in self._budgets.items():
            self._count(issuer, budget.unlogged)
        self._budgets.clear()

    def forget(self) -> None:
        """Begin anew and say nothing, in a forked child: what was left out is the parent's."""
        self._budgets.clear()

    def _count(self, issuer: str, left_out: int) -> None:
        if left_out:
            text = "left out %d announcements of changes by %s in a minute"
            log_to(CHANGES, logging.WARNING, text, left_out, issuer)
