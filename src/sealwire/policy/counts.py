"""How much a request may build.

Rules this module keeps:

1. A document of 256 KiB has room for 2,000 handlers, each with a file: that many descriptors are
   more than a process has, and the application's own ``open()`` would fail.
2. Loggers are never freed, and ``dictConfig`` takes time quadratic in them, under logging's lock.
3. Buffers count together: 64 of them, each within its own limit, would still be a gigabyte.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sealwire.policy.arguments import MAX_BUFFERED_RECORDS
from sealwire.policy.rule import Violation
from sealwire.requests import Planned

MAX_HANDLERS = 64  # three times what the largest configurations in use have
MAX_LOGGERS = 1_000  # with 1,400 loggers, dictConfig holds logging's lock for 0.2 s


class Counts(NamedTuple):
    """A plan has at most so many handlers, loggers, and records kept by memory handlers."""

    max_handlers: int = MAX_HANDLERS
    max_loggers: int = MAX_LOGGERS
    max_buffered_records: int = MAX_BUFFERED_RECORDS

    @property
    def name(self) -> str:
        """Give ``count``."""
        return "count"

    def judge(self, request: Planned) -> Iterator[Violation]:
        """Object to more."""
        plan = request.plan
        buffered = sum(
            value
            for handler in plan.handlers
            for key, value in handler.arguments
            if key == "capacity" and isinstance(value, int)
        )
        for where, found, limit, what in (
            ("handlers", len(plan.handlers), self.max_handlers, "of them"),
            ("loggers", len(plan.loggers), self.max_loggers, "of them"),
            ("handlers", buffered, self.max_buffered_records, "records in memory"),
        ):
            if found > limit:
                yield Violation(where, f"{found} {what}, over the limit of {limit}")
