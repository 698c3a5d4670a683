"""What sealwire says in the log and in statistics about the decisions it made.

Rules this module keeps:

1. Logger ``sealwire``: INFO applied, WARNING refused or failed, ERROR a bug of ours, DEBUG the
   rest.
2. At most ten refusals a minute are logged of strangers, and ten of each owner of a key; then one
   line says how many more there were. A flood of junk must not become a flood of log lines, nor
   hide what was tried with a key. Copies of one message, and bugs, are limited in the same way.
3. ``disabled`` is undone before logging: an ordinary ``dictConfig`` disables every logger it does
   not name, and that must not silence the record of what changed.
4. What a peer sent is quoted and shortened before it gets here.
5. A filter or handler of the host's that raises loses the line it raised on, which then goes to
   ``logging.lastResort``. It ends no thread of ours and no caller's.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from sealwire.clock import monotonic_ms
from sealwire.errors import Reason, counted
from sealwire.stages import Outcome
from sealwire.stats import Refusal, Stats

if TYPE_CHECKING:
    from sealwire.events import Decision

LOGGER: Final = logging.getLogger("sealwire")
LOGGER.addHandler(logging.NullHandler())

MAX_LINES_A_MINUTE: Final = 10
_MINUTE_MS: Final = 60_000
_KEPT_REFUSALS: Final = 100
_LAST_OF_KNOWN: Final = 5
_LAST_OF_STRANGERS: Final = 2
"""For status, where junk is not to hide what was tried with a key."""


class Budget:
    """Ten lines a minute, and a count of those that were left out.

    Attributes:
        ends_ms: when the minute is over, on the monotonic clock.
        unlogged: how many lines it has left out so far.
    """

    def __init__(self) -> None:
        """Begin with a whole budget."""
        self.ends_ms = 0
        self._spent = 0
        self.unlogged = 0

    def spend(self, mono_ms: int) -> bool:
        """Whether one more line may be logged now; counts it if not."""
        if not self._spent:
            self.ends_ms = mono_ms + _MINUTE_MS
        if self._spent >= MAX_LINES_A_MINUTE:
            self.unlogged += 1
            return False
        self._spent += 1
        return True

    def renew(self, mono_ms: int) -> int:
        """Begin a new minute if the last one is over; give how many lines that one left out."""
        if mono_ms < self.ends_ms:
            return 0
        left_out, self.unlogged, self._spent = self.unlogged, 0, 0
        return left_out


class EventLog:
    """Logs decisions and counts them."""

    def __init__(self) -> None:
        """Begin at zero."""
        self._stats = Stats()
        self._refusals: deque[Refusal] = deque(maxlen=_KEPT_REFUSALS)
        self._last_known: deque[Refusal] = deque(maxlen=_LAST_OF_KNOWN)
        self._last_strangers: deque[Refusal] = deque(maxlen=_LAST_OF_STRANGERS)
        self._refused_for: dict[str, int] = {}
        # Strangers have one budget; whoever showed a key has one of its own, so that junk cannot
        # hide what was tried with a key. Owners of keys are few, and known.
        self._budgets: dict[str, Budget] = {}

    @property
    def owes_a_line(self) -> bool:
        """Whether lines were left out that a later `tick` has to count."""
        return any(budget.unlogged for budget in self._budgets.values())

    def stats(self) -> Stats:
        """Give the counts as they are now."""
        # Copies in one step each, because the listener's thread goes on counting.
        refused_for = self._refused_for.copy()
        return replace(self._stats, refused_for=refused_for, refusals=tuple(self._refusals))

    def last_refusals(self) -> list[Refusal]:
        """Give what was refused or failed last, oldest first; of strangers little."""
        return sorted((*self._last_known, *self._last_strangers), key=lambda each: each.at_ms)

    def accept(self) -> None:
        """Count a request that is new and allowed, before it is tried."""
        self._stats = replace(self._stats, accepted=self._stats.accepted + 1)

    def record(self, decision: Decision, peer: str, now_ms: int, mono_ms: int) -> None:
        """Count and log one decision; a log that fails is passed over."""
        answer, stats = decision.answer, self._stats
        who = _who(decision)
        self.tick(mono_ms)
        if answer.repeated:
            self._stats = replace(stats, repeated=stats.repeated + 1)
            if self._budget("copies").spend(mono_ms):
                _log(logging.DEBUG, "repeated %s, nothing applied (%s)", who, peer)
        elif answer.outcome is Outcome.APPLIED:
            self._stats = replace(stats, applied=stats.applied + 1)
            applied = decision.applied
            what = decision.done or "none"
            if applied is not None:
                loggers = counted(applied.loggers, "logger")
                what = f"{loggers}, {counted(applied.handlers, 'handler')}"
            _log(logging.INFO, "applied %s: %s (%s)", who, what, peer)
        elif answer.outcome is Outcome.FAILED:
            self._stats = replace(stats, failed=stats.failed + 1)
            self._keep("apply-failed", decision, peer, now_ms)
            _log(logging.WARNING, "failed to apply %s: %s (%s)", who, decision.detail, peer)
        else:
            self._stats = replace(stats, refused=stats.refused + 1)
            self._refused(decision, who, peer, now_ms, mono_ms)

    def tick(self, mono_ms: int) -> None:
        """Let time pass: when a minute is over, say how many lines were left out."""
        for whose, budget in self._budgets.items():
            if left_out := budget.renew(mono_ms):
                _log(logging.WARNING, "left out %d lines about %s in a minute", left_out, whose)

    def _refused(self, decision: Decision, who: str, peer: str, now_ms: int, mono_ms: int) -> None:
        reason = decision.reason.value if decision.reason else "unknown"
        self._refused_for[reason] = self._refused_for.get(reason, 0) + 1
        self._keep(reason, decision, peer, now_ms)
        claims = decision.claims
        whose = "strangers" if claims is None else f"the key of {claims.iss}"
        if not self._budget(whose).spend(mono_ms):
            return
        if decision.reason is Reason.INTERNAL:
            text = "refused %s: internal: %s (%s)"
            _log(logging.ERROR, text, who, decision.detail, peer, bug=decision.cause)
        else:
            _log(logging.WARNING, "refused %s: %s: %s (%s)", who, reason, decision.detail, peer)

    def _budget(self, whose: str) -> Budget:
        return self._budgets.setdefault(whose, Budget())

    def _keep(self, reason: str, decision: Decision, peer: str, now_ms: int) -> None:
        issuer = "" if decision.claims is None else decision.claims.iss
        refusal = Refusal(now_ms, reason, decision.detail, peer, issuer)
        self._refusals.append(refusal)
        (self._last_known if issuer else self._last_strangers).append(refusal)


_bugs = Budget()


def log_bug(text: str, bug: BaseException) -> None:
    """Log an exception that should not have happened, with its traceback; ten a minute."""
    now_ms = monotonic_ms()
    if left_out := _bugs.renew(now_ms):
        _log(logging.ERROR, "left out %d bugs in a minute", left_out)
    if _bugs.spend(now_ms):
        _log(logging.ERROR, "%s", text, bug=bug)


def log_detail(text: str, *arguments: object) -> None:
    """Log what is of interest to whoever looks for something."""
    _log(logging.DEBUG, text, *arguments)


def _log(level: int, text: str, *arguments: object, bug: BaseException | None = None) -> None:
    log_to(LOGGER, level, text, *arguments, bug=bug)


def log_to(
    logger: logging.Logger,
    level: int,
    text: str,
    *arguments: object,
    bug: BaseException | None = None,
) -> None:
    """Log one line to a logger of ours, whatever the host's filters and handlers do (rule 5).

    Names of loggers and handlers stand in it, and whoever gave these may have put a line's end into
    one: what is not printable is written as its escape.
    """
    arguments = tuple(_plain(each) if isinstance(each, str) else each for each in arguments)
    logger.disabled = False
    try:
        logger.log(level, text, *arguments, exc_info=bug)
    except BaseException as bug_of_theirs:
        # A filter of the host's may raise anything; only what Ctrl-C raises is meant for others,
        # and that is raised in the main thread.
        in_main = threading.current_thread() is threading.main_thread()
        if in_main and isinstance(bug_of_theirs, KeyboardInterrupt):
            raise
        last_resort = logging.lastResort
        if last_resort is not None and level >= last_resort.level:
            with contextlib.suppress(BaseException):
                record = logger.makeRecord(logger.name, level, "", 0, text, arguments, None)
                last_resort.handle(record)


def _plain(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )


def _who(decision: Decision) -> str:
    claims = decision.claims
    if claims is None:
        return "a message"
    whose = claims.iss if decision.opened is None else decision.opened.signed_by
    return f"request {claims.cti.hex()[:8]} of {whose} (version {claims.version})"
