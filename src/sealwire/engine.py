"""The engine: what is in force in this process, and how it is changed.

Rules this module keeps:

1. The logging tree belongs to the process, and so does what is in force in it: one engine, whatever
   listeners there are. The memory's gate is held around every call.
2. A lease never edits the base, and a configuration is put beneath the leases that are running.
   What a change would make of the tree is judged once more under logging's own lock.
3. Going back is never refused. Leases end, and a configuration on trial goes, by themselves: in
   time, when the last listener stops, and in a forked child, which has nobody to do it later.
4. Who asked, for what, until when and why is said on ``sealwire.changes`` when a change begins and
   when it ends, through the application's own handlers, unless a policy says ``announce = false``.
"""

from __future__ import annotations

import logging
import os
import socket
from contextlib import nullcontext
from typing import TYPE_CHECKING, Final, NamedTuple

from sealwire import forks
from sealwire.bases import Bases
from sealwire.clock import boot_ms, monotonic_ms
from sealwire.documents import Tree
from sealwire.documents.changes import changes
from sealwire.drifting import without_leases
from sealwire.errors import ApplyError
from sealwire.eventlog import log_bug, log_to
from sealwire.inforce import Base, InForce, Pending, lease_end_ms
from sealwire.laying import Laying, Relaying, laid
from sealwire.leases import Drift, LiveLease
from sealwire.policy.supposed import supposed_result
from sealwire.requests import (
    CONTENT_TYPE_REQUEST,
    Apply,
    Confirm,
    DryRun,
    Lease,
    Request,
    Revert,
    Status,
)
from sealwire.stages import Stream
from sealwire.telling import (
    applied_report,
    changes_report,
    ended_report,
    in_utc,
    lease_report,
    levels_in_words,
    reverted_report,
    status_report,
)
from sealwire.watching import GUARD_MS, LOOK_MS, DriftWatch, fullest_disk

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from sealwire.documents.changes import Change
    from sealwire.policy import Policy
    from sealwire.stages import Applied

CHANGES: Final = logging.getLogger("sealwire.changes")
MAX_LEASES: Final = 64
"""Whoever needs more wants another configuration; each of them costs time at every change."""

MAX_LEASES_OF_ONE: Final = 16
"""So that no single key can take all places for as long as the policy's longest lease."""

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
        self._bases = Bases()
        self._watch = DriftWatch()
        self._policies: list[Policy] = []
        self._not_before_ms = self._drift_due_ms = self._guard_due_ms = 0
        forks.watch(self)

    # ---- life ----------------------------------------------------------------------------------

    def begin(self, policy: Policy) -> None:
        """Count a listener that serves, and what it is to keep; with the first one look around."""
        if not self._policies:
            self._try(self._know_base)
        self._policies.append(policy)

    def end(self, policy: Policy) -> None:
        """Count one that has stopped; with the last one everything that is for a time ends."""
        if self._policies == [policy]:
            self._end_all("the listener stopped")
        if policy in self._policies:
            self._policies.remove(policy)

    def hold_still(self, timeout_s: float) -> AbstractContextManager[None]:
        """Do nothing before a fork: the gate is the memory's."""
        return nullcontext(None)

    def abandon(self) -> None:
        """End everything that is for a time, in a forked child (rule 3)."""
        self._policies.clear()
        self.in_force.instance = instance_name()
        self._end_all("the process forked", quietly=True)

    @property
    def next_look_ms(self) -> int | None:
        """When `let_time_pass` is due, on the monotonic clock; ``None`` if nothing is."""
        if not self._policies:
            return None
        pending, ends_ms = self.in_force.pending, self.in_force.overlay.next_end_ms()
        due_ms = self._drift_due_ms
        ends = [each for each in (ends_ms, pending and pending.ends_ms) if each is not None]
        if ends:
            left_ms = min(_LOOK_MS, max(0, min(ends) - boot_ms()))
            due_ms = min(due_ms, max(monotonic_ms() + left_ms, self._not_before_ms))
        return due_ms

    def let_time_pass(self) -> None:
        """End what is over, and look for what nobody asked for."""
        now_ms, overlay, pending = monotonic_ms(), self.in_force.overlay, self.in_force.pending
        if now_ms >= self._not_before_ms:
            if ended := overlay.ended(boot_ms()):
                self._try(lambda: self.end_leases(ended, "its time is over"))
            if pending is not None and pending.ends_ms <= boot_ms():
                self._try(lambda: self._go_back("nobody has confirmed it in time"))
        if overlay.leases and now_ms >= self._guard_due_ms:
            self._guard_due_ms = now_ms + GUARD_MS
            self._try(self._guard)
        if now_ms >= self._drift_due_ms:
            self._drift_due_ms = now_ms + LOOK_MS
            self._try(self._look_for_drift)

    def _end_all(self, why: str, *, quietly: bool = False) -> None:
        # Leases first: these end even if logging's lock is held, and nothing is said before.
        if leases := self.in_force.overlay.leases:
            self._try(lambda: self.end_leases(leases, why, quietly=quietly))
        if self.in_force.pending is not None:
            self._try(lambda: self._go_back(why, quietly=quietly))

    def _try(self, go_back: Callable[[], object]) -> None:
        """Do something for nobody who could be told: what goes wrong is logged, and tried again."""
        try:
            go_back()
        except BaseException as bug:  # noqa: BLE001 - a class of the host's may raise anything
            self._not_before_ms = monotonic_ms() + _LOOK_MS
            log_bug("what is for a time could not be ended; it is tried again each second", bug)

    def _guard(self) -> None:
        if full := fullest_disk(self._now(), self._least_free_percent()):
            self.end_leases(self.in_force.overlay.leases, full)

    def _least_free_percent(self) -> int:
        return max((policy.leases.min_free_percent for policy in self._policies), default=0)

    def _know_base(self) -> None:
        self._watch.know(without_leases(self._now(), self.in_force.overlay))
        self.in_force.drift = ()
        self._drift_due_ms = monotonic_ms() + LOOK_MS

    def _look_for_drift(self) -> None:
        in_force = self.in_force
        # An application that goes on setting itself up is no news.
        level = logging.DEBUG if self._bases.is_applications else logging.WARNING
        in_force.drift = self._watch.look(
            self._now(), in_force.overlay, in_force.drift, self._policies, level
        )

    # ---- requests ------------------------------------------------------------------------------

    def survey(self, request: Request) -> tuple[Tree, Tree]:
        """Give the tree without leases, and what it would be after ``request``.

        Raises:
            ApplyError: a handler that a lease goes through is not there.
        """
        base = without_leases(self._now(), self.in_force.overlay)
        if isinstance(request, (Apply, DryRun)):
            return base, supposed_result(base, request.plan)
        if isinstance(request, Lease):
            # Alone: others may end before it. With the others it is judged under the lock.
            return base, laid(base, (self._lease(request, 0),))
        return base, base

    def perform(self, request: Request, now_ms: int, policy: Policy) -> Done:
        """Do what is asked for; it has been judged.

        Args:
            request: what is asked for.
            now_ms: the time, milliseconds since the epoch.
            policy: what the tree is judged by once more, under logging's own lock.

        Raises:
            ApplyError: it cannot be done; logging is as before.
            RefusedError: what logging would become is against the policy; it is as before.
        """
        if isinstance(request, Apply):
            return self._apply(request, now_ms, policy)
        if isinstance(request, Lease):
            return self._begin_lease(request, now_ms, policy)
        if isinstance(request, Confirm):
            return self._confirm(request)
        if isinstance(request, Revert):
            return self._revert(request)
        if isinstance(request, DryRun):
            return self._say_what_would_change(request)
        if isinstance(request, Status):
            self._look_for_drift()
            report = status_report(self._now(), self.in_force, now_ms)
            return Done(done="told its status", report=report)
        raise ApplyError(f"{request.verb.value} is not served by this version")

    def _apply(self, request: Apply, now_ms: int, policy: Policy) -> Done:
        self._look_for_drift()

        in_force = self.in_force
        laying = Laying(
            in_force.overlay,
            lambda before, after: policy.judge_tree(request, before, after),
            # Floors and ceilings alone: whoever applies has not asked for the leases.
            lambda before, after: policy.judge_tree(None, before, after),
        )
        applied, base = self._bases.apply(request.plan, in_force.base, laying)
        in_force.overlay = laying.overlay
        issuer = request.opened.claims.iss
        in_force.base = Base(applied.plan_digest.hex(), issuer, request.id, now_ms)
        self._watch.know(base)
        in_force.drift = ()
        until = ""
        if length_s := request.confirm_within_s:
            ends_ms = now_ms + length_s * 1000
            in_force.pending = Pending(request.id, issuer, boot_ms() + length_s * 1000, ends_ms)
            until = f" until {in_utc(ends_ms)}, unless it is confirmed"
        what = f"{_count(applied.loggers, 'logger')}, {_count(applied.handlers, 'handler')}"
        self._announce("configuration of %s: %s%s%s", issuer, what, until, _why(request.why))
        self._announce_unborne(laying)
        # What was sent as a plain configuration is answered as ever.
        told = request.opened.content_type == CONTENT_TYPE_REQUEST
        found = changes(laying.base, base) if told else ()
        return Done(applied, report=applied_report(found, in_force) if told else b"")

    def _say_what_would_change(self, request: DryRun) -> Done:
        found = changes(*self.survey(request))
        return Done(done=f"told {len(found)} changes it would make", report=changes_report(found))

    def _confirm(self, request: Confirm) -> Done:
        self.in_force.pending = None
        issuer = request.opened.claims.iss
        self._announce("configuration confirmed by %s%s", issuer, _why(request.why))
        return Done(done=f"confirmed {request.what[:8]}")

    def _begin_lease(self, request: Lease, now_ms: int, policy: Policy) -> Done:
        lease = self._lease(request, now_ms)
        before = self._now()
        if full := fullest_disk(before, policy.leases.min_free_percent):
            raise ApplyError(full)
        relaying = Relaying(
            self.in_force.overlay,
            (*self.in_force.overlay.leases, lease),
            lambda base, after: policy.judge_tree(request, base, after),
        )
        after = self._relay(relaying)
        until = in_utc(lease.ends_wall_ms)
        words = levels_in_words(lease)
        self._announce("lease of %s: %s until %s%s", lease.issuer, words, until, _why(lease.why))
        report = lease_report(lease, before, after)
        return Done(done=f"lease {words} until {until}", report=report)

    def _revert(self, request: Revert) -> Done:
        why = f"reverted by {request.opened.claims.iss}{_why(request.why)}"
        if request.opened.claims.stream is Stream.BASE:
            was = self.in_force.base
            found, left = self._go_back(why)
            return Done(
                done=f"went back from the configuration {was.id[:8]}"
                if was.id
                else "nothing to do",
                report=reverted_report(was, self.in_force.base, found, left),
            )
        running = self.in_force.overlay.leases
        ended = tuple(each for each in running if request.what in {"", each.id})
        self.end_leases(ended, why)
        return Done(done=f"reverted {len(ended)} leases", report=ended_report(ended))

    # ---- going back ----------------------------------------------------------------------------

    def _go_back(
        self, why: str, *, quietly: bool = False
    ) -> tuple[tuple[Change, ...], tuple[str, ...]]:
        """Go back to the base before; give what changed, and the places that are left."""
        in_force = self.in_force
        if self._bases.is_applications:
            return (), ()
        laying = Laying(in_force.overlay, judge_laid=self._judge_laid)
        was = in_force.base
        in_force.base, base, left = self._bases.back(laying)
        in_force.overlay, in_force.pending = laying.overlay, None
        self._watch.know(base)
        in_force.drift = ()
        if not quietly:
            self._announce("configuration of %s ended: %s", was.issuer, why)
            for where in left:
                self._announce("%s was changed by somebody else; left as it is", where)
            self._announce_unborne(laying)
        return changes(laying.base, base), left

    def end_leases(
        self, ended: tuple[LiveLease, ...], why: str, *, quietly: bool = False
    ) -> tuple[Drift, ...]:
        """End leases; give what somebody else had changed meanwhile, which is left as it is."""
        if not ended:
            return ()
        overlay = self.in_force.overlay
        relaying = Relaying(overlay, overlay.without(*ended))
        self._relay(relaying, going_back=True)
        if quietly:
            return relaying.drift
        for lease in ended:
            self._announce_end(lease, why)
        for each in relaying.drift:
            text = "%s is %s and not %s; left as it is"
            self._announce(text, each.where, each.found, each.expected)
        return relaying.drift

    def _relay(self, relaying: Relaying, *, going_back: bool = False) -> Tree:
        from sealwire.logtree import relevel

        # What goes back does so even if logging's lock is held for ever.
        after = relevel(relaying.levels, by_force=going_back)
        self.in_force.overlay = relaying.overlay
        return after

    def _lease(self, request: Lease, now_ms: int) -> LiveLease:
        running = self.in_force.overlay.leases
        own = [each for each in running if each.issuer == request.opened.claims.iss]
        if len(running) >= MAX_LEASES or len(own) >= MAX_LEASES_OF_ONE:
            raise ApplyError(
                f"{len(own)} leases of {request.opened.claims.iss} are running, and {len(running)} "
                f"in all; {MAX_LEASES_OF_ONE} and {MAX_LEASES} are the most, so end one of them"
            )
        # Without leases: another one may have lowered the handler, and ends before this does.
        known = without_leases(self._now(), self.in_force.overlay).by_key()
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

    def _now(self) -> Tree:
        from sealwire.logtree import read

        return read()

    def _judge_laid(self, before: Tree, after: Tree) -> None:
        """Judge leases over a base that one goes back to: floors and ceilings of every listener."""
        for policy in self._policies:
            policy.judge_tree(None, before, after)

    def _announce_unborne(self, laying: Laying) -> None:
        for lease in laying.ended:
            self._announce_end(lease, "over the new configuration it would break the policy")

    def _announce_end(self, lease: LiveLease, why: str) -> None:
        self._announce("lease of %s ended: %s: %s", lease.issuer, levels_in_words(lease), why)

    def _announce(self, text: str, *arguments: object) -> None:
        """Say something where the application's operators look (rule 4)."""
        if all(policy.announce for policy in self._policies):
            log_to(CHANGES, logging.WARNING, text, *arguments)


_of_process: Final[list[Engine]] = []


def engine_of_process() -> Engine:
    """Give this process's engine; the first caller makes it."""
    if not _of_process:
        _of_process.append(Engine())
    return _of_process[0]


def instance_name() -> str:
    """Give what this process is called: the host's name and its number."""
    return f"{socket.gethostname()}/{os.getpid()}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _why(why: str) -> str:
    return f": {why}" if why else ""
