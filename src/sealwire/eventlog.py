"""What sealwire says in the log and in statistics about the decisions it made.

Rules this module keeps:

1. Logger ``sealwire``: INFO applied, WARNING refused or failed, ERROR a bug of ours, DEBUG the
   rest.
2. At most ten refusals a minute are logged, then one line says how many more there were: a flood
   of junk must not become a flood of log lines.
3. ``disabled`` is undone before logging: an ordinary ``dictConfig`` disables every logger it does
   not name, and that must not silence the record of what changed.
4. What a peer sent is quoted and shortened before it gets here.
"""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from sealwire.errors import Reason
from sealwire.stages import Outcome

if TYPE_CHECKING:
    from sealwire.events import Decision

LOGGER: Final = logging.getLogger("sealwire")
LOGGER.addHandler(logging.NullHandler())

MAX_REFUSALS_A_MINUTE: Final = 10
_MINUTE_MS: Final = 60_000
_KEPT_REFUSALS: Final = 100


@dataclass(frozen=True, slots=True)
class Refusal:
    """One refused or failed request, as `Stats` keeps it.

    Attributes:
        at_ms: wall-clock time, milliseconds since the epoch.
        reason: the `Reason`'s value, or ``apply-failed``.
        detail: value against limit, in words.
        peer: who was connected, as far as the system says.
    """

    at_ms: int
    reason: str
    detail: str
    peer: str


@dataclass(frozen=True, slots=True)
class Stats:
    """Counts since the listener was made.

    Attributes:
        applied: requests that changed logging.
        repeated: copies of a request that had been decided before; nothing was done.
        refused: requests that were refused.
        failed: requests that were accepted and could not be applied.
        refusals: the last hundred refused or failed, oldest first.
    """

    applied: int = 0
    repeated: int = 0
    refused: int = 0
    failed: int = 0
    refusals: tuple[Refusal, ...] = ()


class EventLog:
    """Logs decisions and counts them."""

    def __init__(self) -> None:
        """Begin at zero."""
        self._stats = Stats()
        self._refusals: deque[Refusal] = deque(maxlen=_KEPT_REFUSALS)
        self._minute_ends_ms = 0
        self._logged = 0
        self._unlogged = 0

    @property
    def owes_a_line(self) -> bool:
        """Whether refusals were left out that a later `tick` has to count."""
        return self._unlogged > 0

    def stats(self) -> Stats:
        """Give the counts as they are now."""
        return replace(self._stats, refusals=tuple(self._refusals))

    def record(self, decision: Decision, peer: str, now_ms: int, mono_ms: int) -> None:
        """Count and log one decision."""
        answer, stats = decision.answer, self._stats
        who = _who(decision)
        if answer.repeated:
            self._stats = replace(stats, repeated=stats.repeated + 1)
            _log(logging.DEBUG, "repeated %s, nothing applied (%s)", who, peer)
        elif answer.outcome is Outcome.APPLIED:
            self._stats = replace(stats, applied=stats.applied + 1)
            applied = decision.applied
            what = f"{applied.loggers} loggers, {applied.handlers} handlers" if applied else "none"
            _log(logging.INFO, "applied %s: %s (%s)", who, what, peer)
        elif answer.outcome is Outcome.FAILED:
            self._stats = replace(stats, failed=stats.failed + 1)
            self._keep("apply-failed", decision.detail, peer, now_ms)
            _log(logging.WARNING, "failed to apply %s: %s (%s)", who, decision.detail, peer)
        else:
            self._stats = replace(stats, refused=stats.refused + 1)
            self._refused(decision, who, peer, now_ms, mono_ms)

    def tick(self, mono_ms: int) -> None:
        """Let time pass: when a minute is over, say how many refusals were not logged."""
        if mono_ms < self._minute_ends_ms:
            return
        if self._unlogged:
            _log(logging.WARNING, "refused %d more in the last minute", self._unlogged)
        self._logged = self._unlogged = 0

    def _refused(self, decision: Decision, who: str, peer: str, now_ms: int, mono_ms: int) -> None:
        reason = decision.reason.value if decision.reason else "unknown"
        self._keep(reason, decision.detail, peer, now_ms)
        self.tick(mono_ms)
        if not self._logged:
            self._minute_ends_ms = mono_ms + _MINUTE_MS
        if self._logged >= MAX_REFUSALS_A_MINUTE:
            self._unlogged += 1
            return
        self._logged += 1
        if decision.reason is Reason.INTERNAL:
            LOGGER.disabled = False
            LOGGER.error("refused %s: internal: %s", who, decision.detail, exc_info=decision.cause)
        else:
            _log(logging.WARNING, "refused %s: %s: %s (%s)", who, reason, decision.detail, peer)

    def _keep(self, reason: str, detail: str, peer: str, now_ms: int) -> None:
        self._refusals.append(Refusal(now_ms, reason, detail, peer))


def _log(level: int, text: str, *arguments: object) -> None:
    LOGGER.disabled = False
    LOGGER.log(level, text, *arguments)


def log_bug(text: str, bug: BaseException) -> None:
    """Log an exception that should not have happened, with its traceback."""
    LOGGER.disabled = False
    LOGGER.error("%s", text, exc_info=bug)


def _who(decision: Decision) -> str:
    claims = decision.claims
    if claims is None:
        return "a message"
    return f"request {claims.cti.hex()[:8]} of {claims.iss} (version {claims.version})"
