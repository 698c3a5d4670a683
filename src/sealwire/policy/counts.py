"""How much a request may build.

Rules this module keeps:

1. A document of 256 KiB has room for 2,000 handlers, each with a file: that many descriptors are
   more than a process has, and the application's own ``open()`` would fail.
2. Loggers are never freed, and ``dictConfig`` takes time quadratic in them, under logging's lock.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sealwire.policy.rule import Violation
from sealwire.requests import Apply

MAX_HANDLERS = 64  # three times what the largest configurations in use have
MAX_LOGGERS = 1_000  # with 1,400 loggers, dictConfig holds logging's lock for 0.2 s


class Counts(NamedTuple):
    """A plan has at most ``max_handlers`` handlers and ``max_loggers`` loggers."""

    max_handlers: int = MAX_HANDLERS
    max_loggers: int = MAX_LOGGERS

    @property
    def name(self) -> str:
        """Give ``count``."""
        return "count"

    def judge(self, request: Apply) -> Iterator[Violation]:
        """Object to more."""
        plan = request.plan
        for where, found, limit in (
            ("handlers", len(plan.handlers), self.max_handlers),
            ("loggers", len(plan.loggers), self.max_loggers),
        ):
            if found > limit:
                yield Violation(where, f"{found} of them, over the limit of {limit}")
