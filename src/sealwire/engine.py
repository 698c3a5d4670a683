"""The engine: what is in force in this process, and how it is changed.

Rules this module keeps:

1. The logging tree belongs to the process, and so does what is in force in it: one engine, whatever
   listeners there are. The memory's gate is held around every call.
2. A lease never edits the base: before a configuration is applied the levels that leases hold are
   given back, and laid over the new base afterwards, or put back as they were if that fails.
3. Going back is never refused. Leases end by themselves, when the last listener stops, and in a
   forked child, which has nobody to end them later.
4. Who asked, for what, until when and why is said on ``sealwire.changes`` when a lease begins and
   when it ends, through the application's own handlers.
"""

from __future__ import annotations

import logging
import os
import socket
from contextlib import nullcontext
from typing import TYPE_CHECKING, Final, NamedTuple

from sealwire import forks
from sealwire.clock import boot_ms, monotonic_ms
from sealwire.documents import Tree
from sealwire.documents.changes import changes
from sealwire.errors import ApplyError
from sealwire.eventlog import log_bug, log_to
from sealwire.inforce import Base, InForce, lease_end_ms
from sealwire.leases import Drift, LiveLease, Overlay, step
from sealwire.policy.supposed import supposed_result
from sealwire.requests import CONTENT_TYPE_REQUEST, Apply, DryRun, Lease, Request, Revert, Status
from sealwire.telling import (
    changes_report,
    ended_report,
    in_utc,
    lease_report,
    levels_in_words,
    status_report,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from sealwire.documents import LoggingPlan
    from sealwire.stages import Applied

CHANGES: Final = logging.getLogger("sealwire.changes")
MAX_LEASES: Final = 64
"""Whoever needs more wants another configuration; each of them costs time at every change."""

_LOOK_MS: Final = 1_000
"""How often the end of a lease is looked for: a clock that runs in sleep cannot wake a thread."""


class Done(NamedTuple):
    """What was done: the configuration that is in force, words for the log, and a report."""

    applied: Applied | None = None
    done: str = ""
    report: bytes = b""


class Engine:
    """Changes the logging of this process, and knows what it changed."""

    def __init__(self) -> None:
        """Begin with what the application has set up."""
        self.in_force = InForce(instance=instance_name())
        self._listeners = 0
        self._not_before_ms = 0
        forks.watch(self)

    # ---- life ----------------------------------------------------------------------------------

    def begin(self) -> None:
        """Count a listener that serves."""
        self._listeners += 1

    def end(self) -> None:
        """Count one that has stopped; with the last one all leases end."""
        self._listeners -= 1
        if self._listeners <= 0:
            self._listeners = 0
            self._end_or_say(self.in_force.overlay.leases, "the listener stopped")

    def hold_still(self, timeout_s: float) -> AbstractContextManager[None]:
        """Do nothing before a fork: the gate is the memory's."""
        return nullcontext(None)

    def abandon(self) -> None:
        """End every lease in a forked child (rule 3)."""
        self._listeners = 0
        self.in_force.instance = instance_name()
        try:
            self._lay(())
        except (Exception, SystemExit) as bug:  # noqa: BLE001 - a class of the host's may raise anything
            log_bug("the leases of the parent could not be ended in a forked child", bug)

    @property
    def next_look_ms(self) -> int | None:
        """When `let_time_pass` is due, on the monotonic clock; ``None`` if nothing is."""
        ends_ms = self.in_force.overlay.next_end_ms()
        if ends_ms is None:
            return None
        due_ms = monotonic_ms() + min(_LOOK_MS, max(0, ends_ms - boot_ms()))
        return max(due_ms, self._not_before_ms)

    def let_time_pass(self) -> None:
        """End the leases whose time is over."""
        if monotonic_ms() < self._not_before_ms:
            return
        if ended := self.in_force.overlay.ended(boot_ms()):
            self._end_or_say(ended, "its time is over")

    def _end_or_say(self, ended: tuple[LiveLease, ...], why: str) -> None:
        """End leases for nobody who could be told: what goes wrong is logged, and tried again."""
        try:
            self.end_leases(ended, why)
        except (Exception, SystemExit) as bug:  # noqa: BLE001 - a class of the host's may raise anything
            self._not_before_ms = monotonic_ms() + _LOOK_MS
            log_bug("a lease could not be ended; it is tried again while a listener runs", bug)

    # ---- requests ------------------------------------------------------------------------------

    def survey(self, request: Request) -> tuple[Tree, Tree]:
        """Give the tree without leases, and what it would be after ``request``.

        Raises:
            ApplyError: a handler that a lease goes through is not there.
        """
        from sealwire.logtree import read

        base = self._without_leases(read())
        if isinstance(request, (Apply, DryRun)):
            return base, supposed_result(base, request.plan)
        if isinstance(request, Lease):
            lease = self._lease(request, 0)
            return base, _laid(base, (*self.in_force.overlay.leases, lease))
        return base, base

    def perform(
        self, request: Request, now_ms: int, apply: Callable[[LoggingPlan], Applied]
    ) -> Done:
        """Do what is asked for; it has been judged.

        Raises:
            ApplyError: it cannot be done; logging is as before, as far as ``apply`` keeps to that.
        """
        if isinstance(request, Apply):
            return self._apply(request, now_ms, apply)
        if isinstance(request, Lease):
            return self._begin_lease(request, now_ms)
        if isinstance(request, Revert):
            return self._revert(request)
        if isinstance(request, DryRun):
            return self._say_what_would_change(request)
        if isinstance(request, Status):
            return Done(
                done="told its status", report=status_report(self._now(), self.in_force, now_ms)
            )
        raise ApplyError(f"{request.verb.value} is not served by this version")

    def _apply(self, request: Apply, now_ms: int, apply: Callable[[LoggingPlan], Applied]) -> Done:
        overlay, leased = self.in_force.overlay, self._now()
        self._lay(())
        # What was sent as a plain configuration is answered as ever.
        told = request.opened.content_type == CONTENT_TYPE_REQUEST
        try:
            before = self._now() if told else Tree()
            applied = apply(request.plan)
            found = changes(before, self._now()) if told else ()
        except BaseException:
            self._go_on(overlay, leased)
            raise
        self._lay(overlay.leases)
        claims = request.opened.claims
        self.in_force.base = Base(applied.plan_digest.hex(), claims.iss, request.id, now_ms)
        return Done(applied, report=changes_report(found) if told else b"")

    def _say_what_would_change(self, request: DryRun) -> Done:
        found = changes(*self.survey(request))
        return Done(done=f"told {len(found)} changes it would make", report=changes_report(found))

    def _begin_lease(self, request: Lease, now_ms: int) -> Done:
        lease = self._lease(request, now_ms)
        before = self._now()
        self._lay((*self.in_force.overlay.leases, lease))
        after = self._now()
        until = in_utc(lease.ends_wall_ms)
        words = levels_in_words(lease)
        _announce("lease of %s: %s until %s%s", lease.issuer, words, until, _why(lease.why))
        report = lease_report(lease, before, after)
        return Done(done=f"lease {words} until {until}", report=report)

    def _revert(self, request: Revert) -> Done:
        running = self.in_force.overlay.leases
        ended = tuple(each for each in running if request.what in {"", each.id})
        self.end_leases(ended, f"reverted by {request.opened.claims.iss}{_why(request.why)}")
        return Done(done=f"reverted {len(ended)} leases", report=ended_report(ended))

    # ---- leases --------------------------------------------------------------------------------

    def end_leases(self, ended: tuple[LiveLease, ...], why: str) -> tuple[Drift, ...]:
        """End leases; give what somebody else had changed meanwhile, which is left as it is."""
        if not ended:
            return ()
        drift = self._lay(self.in_force.overlay.without(*ended))
        for lease in ended:
            _announce("lease of %s ended: %s: %s", lease.issuer, levels_in_words(lease), why)
        for each in drift:
            _announce("%s is %s and not %s; left as it is", each.where, each.found, each.expected)
        return drift

    def _lease(self, request: Lease, now_ms: int) -> LiveLease:
        running = len(self.in_force.overlay.leases)
        if running >= MAX_LEASES:
            raise ApplyError(f"{running} leases are running, which is the most; end one of them")
        known = self._now().by_key()
        loudest = min(level for _, level in request.levels)
        for key in request.through:
            if key not in known:
                there = ", ".join(sorted(known)) or "none"
                raise ApplyError(f"through: there is no handler {key}; there are: {there}")
        ends_ms = lease_end_ms(request)
        return LiveLease(
            request.id,
            request.opened.claims.iss,
            request.why,
            request.levels,
            tuple((key, min(loudest, known[key].level)) for key in request.through),
            boot_ms() + ends_ms - now_ms,
            ends_ms,
        )

    def _lay(self, leases: tuple[LiveLease, ...]) -> tuple[Drift, ...]:
        """Set what has to be set so that ``leases`` are in force."""
        if leases == self.in_force.overlay.leases:
            return ()
        from sealwire.logtree import set_levels

        live = self._now()
        loggers = {logger.name: logger.level for logger in live.loggers}
        handlers = {handler.key: handler.level for handler in live.handlers}
        taken = step(self.in_force.overlay, leases, loggers, handlers)
        if taken.loggers or taken.handlers:
            set_levels(taken.loggers, taken.handlers)
        self.in_force.overlay = taken.overlay
        return taken.drift

    def _go_on(self, overlay: Overlay, before: Tree) -> None:
        """Put back the levels that were given back, and none that somebody else has changed."""
        from sealwire.logtree import set_levels

        live = self._now()
        was, now = before.by_name(), live.by_name()
        loggers = {
            name: held.put
            for name, held in overlay.loggers.items()
            if name in was
            and name in now
            and (was[name].level, now[name].level) == (held.put, held.found)
        }
        held_by, known = before.by_key(), live.by_key()
        handlers = {
            key: held.put
            for key, held in overlay.handlers.items()
            if key in held_by and key in known
            if (held_by[key].level, known[key].level) == (held.put, held.found)
        }
        if loggers or handlers:
            set_levels(loggers, handlers)
        self.in_force.overlay = overlay

    def _now(self) -> Tree:
        from sealwire.logtree import read

        return read()

    def _without_leases(self, live: Tree) -> Tree:
        overlay = self.in_force.overlay
        loggers = {
            name: held.found
            for name, held in overlay.loggers.items()
            if live.logger(name).level == held.put
        }
        known = live.by_key()
        handlers = {
            key: held.found
            for key, held in overlay.handlers.items()
            if key in known and known[key].level == held.put
        }
        return live.leveled(loggers, handlers)


_of_process: Final[list[Engine]] = []


def engine_of_process() -> Engine:
    """Give this process's engine; the first caller makes it."""
    if not _of_process:
        _of_process.append(Engine())
    return _of_process[0]


def instance_name() -> str:
    """Give what this process is called: the host's name and its number."""
    return f"{socket.gethostname()}/{os.getpid()}"


def _announce(text: str, *arguments: object) -> None:
    """Say something where the application's operators look (rule 4)."""
    log_to(CHANGES, logging.WARNING, text, *arguments)


def _why(why: str) -> str:
    return f": {why}" if why else ""


def _laid(base: Tree, leases: tuple[LiveLease, ...]) -> Tree:
    """Give the base with leases over it."""
    taken = step(
        InForce().overlay,
        leases,
        {logger.name: logger.level for logger in base.loggers},
        {handler.key: handler.level for handler in base.handlers},
    )
    return base.leveled(taken.loggers, taken.handlers)
