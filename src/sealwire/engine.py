"""The engine: what this process is asked for, and what ends in it by itself.

Rules this module keeps:

1. The logging tree belongs to the process, and so does what is in force in it: one engine, whatever
   listeners there are. The memory's gate is held around every call.
2. Leases end, and a configuration on trial goes, by themselves: in time, when the last listener
   stops, and in a forked child, which has nobody to do it later. What fails is tried again.
3. How changes are made is the affair of `changing`; what is told of them, that of `telling`.
"""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Final, NamedTuple

from sealwire import forks
from sealwire.adopting import digest_of_setup
from sealwire.changing import Changer, because
from sealwire.clock import boot_ms, monotonic_ms
from sealwire.documents.changes import changes
from sealwire.errors import ApplyError, ConfigurationError, counted
from sealwire.eventlog import LOGGER, log_bug, log_to
from sealwire.happenings import Ending, FloorAlert
from sealwire.inforce import InForce
from sealwire.laying import laid
from sealwire.policy.reduced import logging_reduced
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
from sealwire.stages import Stream, thumbprints_of
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
from sealwire.trail.causes import Cause
from sealwire.watching import GUARD_MS, LOOK_MS, tell_gaps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager

    from sealwire.documents import JsonValue, Tree
    from sealwire.leases import LiveLease
    from sealwire.policy import Policy
    from sealwire.receipts import Instance
    from sealwire.stages import Applied
    from sealwire.trail.condition import TrailState

_UNREADABLE: Final = "the logging tree cannot be compared with what it should be"
_OVER: Final = Ending(Cause.EXPIRED, "its time is over")
_UNCONFIRMED: Final = Ending(Cause.NOT_CONFIRMED, "nobody has confirmed it in time")
_STOPPED: Final = Ending(Cause.STOPPED, "the listener stopped")
_FORKED: Final = Ending(Cause.FORKED, "the process forked")
_LOOK_MS: Final = 1_000
"""How often the end of a lease is looked for: a clock that runs in sleep cannot wake a thread."""


class Done(NamedTuple):
    """What was done.

    The configuration in force, words for the log, a report, what is recorded less, and what has
    become of it in other processes.
    """

    applied: Applied | None = None
    done: str = ""
    report: bytes = b""
    reduced: tuple[str, ...] = ()
    instances: tuple[Instance, ...] = ()


class Engine:
    """Does what is asked for, and ends what is over."""

    def __init__(self) -> None:
        """Begin with what the application has set up."""
        self.host = socket.gethostname()
        """What the name of this process begins with."""
        self.in_force = InForce(instance=self._name, count_new=_count_new)
        self.changer = Changer(self.in_force)
        self.on_end: list[Callable[[], None]] = []
        """Are told when something has ended by itself, after it has."""
        self.setup = b""
        """Names what the application had set up when the first listener began."""
        self._not_before_ms = self._drift_due_ms = self._guard_due_ms = 0
        forks.watch(self)

    # ---- life ----------------------------------------------------------------------------------

    def begin(self, policy: Policy) -> None:
        """Count a listener that serves, and what it is to keep; with the first one look around."""
        if not self.changer.policies:
            self._drift_due_ms = monotonic_ms() + LOOK_MS
            _done(self._know_setup, _UNREADABLE)
        _done(lambda: self._tell_gaps(policy), _UNREADABLE)
        self.changer.policies.append(policy)

    def _know_setup(self) -> None:
        self.changer.know_base()
        if self.changer.is_applications:
            self.setup = digest_of_setup(self.changer.base())

    def _tell_gaps(self, policy: Policy) -> None:
        for gap in tell_gaps(self.changer.base(), policy):
            self.changer.observers.happened(FloorAlert(f"a floor protects nothing here: {gap}"))

    @property
    def _name(self) -> str:
        return f"{self.host}/{os.getpid()}"

    @contextmanager
    def named(self, host: str | None) -> Iterator[None]:
        """Let a listener begin in this process, whose name begins with ``host`` from then on.

        Where it does not begin, the process is called what it was called before.

        Args:
            host: ``None`` is the host's name, or what the listeners that run here have chosen.

        Raises:
            ConfigurationError: listeners run here, and the name begins otherwise for them.
        """
        in_force = self.in_force
        before = self.host, in_force.instance, in_force.is_anybody
        if not self.changer.policies:
            self.host = host or socket.gethostname()
            in_force.instance = self._name
        elif host not in {None, self.host}:
            raise ConfigurationError(
                f"this process is called {in_force.instance}, and all its listeners take one "
                f"instance; give this one {self.host} as well, or leave it out"
            )
        try:
            yield
        except BaseException:
            self.host, in_force.instance, in_force.is_anybody = before
            raise

    def end(self, policy: Policy) -> None:
        """Count one that has stopped; with the last one everything that is for a time ends."""
        policies = self.changer.policies
        if policies == [policy]:
            self._end_all(_STOPPED)
            self.changer.announcer.end()
        if policy in policies:
            policies.remove(policy)

    def hold_still(self, timeout_s: float) -> AbstractContextManager[None]:
        """Do nothing before a fork: the gate is the memory's."""
        return nullcontext(None)

    def abandon(self) -> None:
        """End everything that is for a time, in a forked child (rule 2)."""
        self.changer.policies.clear()
        self.changer.announcer.forget()
        self.changer.observers.clear()
        self.in_force.instance = self._name
        self._end_all(_FORKED, quietly=True)

    @property
    def next_look_ms(self) -> int | None:
        """When `let_time_pass` is due, on the monotonic clock; ``None`` if nothing is."""
        if not self.changer.policies:
            return None
        ends_ms = self.next_revert_ms
        due_ms = self._drift_due_ms
        if ends_ms is not None:
            left_ms = min(_LOOK_MS, max(0, ends_ms - boot_ms()))
            due_ms = min(due_ms, max(monotonic_ms() + left_ms, self._not_before_ms))
        said_ms = self.changer.announcer.due_ms
        return due_ms if said_ms is None else min(due_ms, said_ms)

    @property
    def next_revert_ms(self) -> int | None:
        """When a lease or a trial ends next, on the clock of `boot_ms`; ``None`` if none does."""
        trial, ends_ms = self.in_force.trial, self.in_force.overlay.next_end_ms()
        ends = [each for each in (ends_ms, trial and trial.ends_ms) if each is not None]
        return min(ends, default=None)

    def let_time_pass(self) -> None:
        """End what is over, and look for what nobody asked for."""
        changer, now_ms = self.changer, monotonic_ms()
        overlay, trial = self.in_force.overlay, self.in_force.trial
        if now_ms >= self._not_before_ms:
            if ended := overlay.ended(boot_ms()):
                self._try(lambda: changer.end_leases(ended, _OVER))
            if trial is not None and trial.ends_ms <= boot_ms():
                self._try(lambda: changer.go_back(_UNCONFIRMED))
        if overlay.leases and now_ms >= self._guard_due_ms:
            self._guard_due_ms = now_ms + GUARD_MS
            running = overlay.leases
            _done(changer.guard_disks, "the disks under handlers cannot be looked at")
            if self.in_force.overlay.leases != running:
                self.tell_of_end()
        if now_ms >= self._drift_due_ms:
            self._drift_due_ms = now_ms + LOOK_MS
            _done(changer.look_for_drift, _UNREADABLE)
        changer.announcer.let_time_pass(now_ms)

    def take_back(self, request: Request, why: str) -> None:
        """Take back what has just been done for a request."""
        ending = Ending(Cause.NOT_EVERYWHERE, why)
        running = self.in_force.overlay.leases
        if isinstance(request, Apply):
            self._try(lambda: self.changer.go_back(ending))
        elif leases := tuple(each for each in running if each.id == request.id):
            self._try(lambda: self.changer.end_leases(leases, ending))

    def end_of_keys(self, thumbprints: frozenset[bytes]) -> None:
        """End what runs because of keys that are compromised; what stays is named and stays."""
        why = Ending(Cause.KEY_COMPROMISED, "its key is compromised")
        overlay, in_force = self.in_force.overlay, self.in_force
        if leases := tuple(each for each in overlay.leases if _signed_by(each, thumbprints)):
            self._try(lambda: self.changer.end_leases(leases, why))
        if thumbprints.isdisjoint(in_force.base.keys):
            return
        if in_force.trial is not None:
            self._try(lambda: self.changer.go_back(why))
            return
        text = "the configuration of %s stays, and its key is compromised; look at it: %s"
        log_to(LOGGER, 40, text, in_force.base.issuer, "sealwire status")
        self.changer.observers.happened(
            FloorAlert(f"a configuration of {in_force.base.issuer}'s compromised key stays")
        )

    def _end_all(self, why: Ending, *, quietly: bool = False) -> None:
        # Leases first: these end even if logging's lock is held, and nothing is said before.
        if leases := self.in_force.overlay.leases:
            self._try(lambda: self.changer.end_leases(leases, why, quietly=quietly))
        if self.in_force.trial is not None:
            self._try(lambda: self.changer.go_back(why, quietly=quietly))

    def _try(self, go_back: Callable[[], object]) -> None:
        """Go back for nobody who could be told: what goes wrong is logged, and tried again."""
        text = "what is for a time could not be ended; it is tried again each second"
        if _done(go_back, text):
            self.tell_of_end()
        else:
            self._not_before_ms = monotonic_ms() + _LOOK_MS

    def tell_of_end(self) -> None:
        """Tell those who want to know that something has ended that was in force."""
        for told in tuple(self.on_end):
            told()

    # ---- requests ------------------------------------------------------------------------------

    def survey(self, request: Request) -> tuple[Tree, Tree]:
        """Give the tree without leases, and what it would be after ``request``.

        Raises:
            ApplyError: a handler that a lease goes through is not there.
        """
        base = self.changer.base()
        if isinstance(request, (Apply, DryRun)):
            return base, supposed_result(base, request.plan)
        if isinstance(request, Lease):
            # Alone: others may end before it. With the others it is judged under the lock.
            return base, laid(base, (self.changer.lease_of(request, 0),))
        return base, base

    def perform(
        self,
        request: Request,
        now_ms: int,
        policy: Policy,
        trail: TrailState | None = None,
        keyring: JsonValue = None,
        workers: JsonValue = None,
        refusals: JsonValue = None,
    ) -> Done:
        """Do what is asked for; it has been judged.

        Args:
            request: what is asked for.
            now_ms: the time, milliseconds since the epoch.
            policy: what the tree is judged by once more, under logging's own lock.
            trail: how the service's trail is doing, for whoever asks.
            keyring: which keyring is in force, likewise.
            workers: what the processes of the service say of themselves, likewise.
            refusals: what was refused last, likewise.

        Raises:
            ApplyError: it cannot be done; logging is as before.
            RefusedError: what logging would become is against the policy; it is as before.
        """
        if isinstance(request, Apply):
            applied, found = self.changer.apply(request, now_ms, policy)
            # What was sent as a plain configuration is answered as ever.
            told = request.opened.content_type == CONTENT_TYPE_REQUEST
            report = applied_report(found.changes, self.in_force) if told else b""
            return Done(applied, report=report, reduced=found.reduced)
        if isinstance(request, Lease):
            lease, before, after = self.changer.begin_lease(request, now_ms, policy)
            words = f"lease {levels_in_words(lease)} until {in_utc(lease.ends_wall_ms)}"
            mine = policy.loggers_of(lease.issuer).covers
            report = lease_report(lease, before, after, mine)
            return Done(done=words, report=report, reduced=logging_reduced(before, after))
        if isinstance(request, Confirm):
            self.changer.confirm(request)
            return Done(done=f"confirmed {request.what[:8]}")
        if isinstance(request, Revert):
            return self._revert(request)
        if isinstance(request, DryRun):
            changed = changes(*self.survey(request))
            words = f"told {counted(len(changed), 'change')} it would make"
            return Done(done=words, report=changes_report(changed))
        if isinstance(request, Status):
            self.changer.look_for_drift()
            tree, floors = self.changer.tree(), policy.floors
            beside = trail, keyring, workers, refusals
            report = status_report(tree, self.in_force, floors, now_ms, *beside)
            return Done(done="told its status", report=report)
        raise ApplyError(f"{request.verb.value} is not served by this version")

    def _revert(self, request: Revert) -> Done:
        words = f"reverted by {request.opened.claims.iss}{because(request.why)}"
        # Without a seal it is asked by whoever owns this process.
        cause = Cause.ASKED if request.opened.signed else Cause.LOCAL
        why = Ending(cause, words, request)
        if request.opened.claims.stream is Stream.BASE:
            was = self.in_force.base
            found, left = self.changer.go_back(why)
            words = f"went back from the configuration {was.id[:8]}" if was.id else "nothing to do"
            report = reverted_report(was, self.in_force, found.changes, left)
            return Done(done=words, report=report, reduced=found.reduced)
        running = self.in_force.overlay.leases
        ended = tuple(each for each in running if request.what in {"", each.id})
        self.changer.end_leases(ended, why)
        words = f"reverted {counted(len(ended), 'lease')}"
        return Done(done=words, report=ended_report(ended, self.in_force))


def _signed_by(lease: LiveLease, thumbprints: frozenset[bytes]) -> bool:
    shown = () if lease.request is None else lease.request.opened.evidence
    return not thumbprints.isdisjoint(thumbprints_of(shown))


def _done(step: Callable[[], object], otherwise: str) -> bool:
    """Do something in nobody's name; log ``otherwise`` where it cannot be done."""
    try:
        step()
    except BaseException as bug:  # noqa: BLE001 - a class of the host's may raise anything
        log_bug(otherwise, bug)
        return False
    return True


def _count_new(names: Iterable[str]) -> tuple[int, int]:
    # Late, because it loads ``logging.config``, as whoever asks is about to do.
    from sealwire.logtree import count_new

    return count_new(names)


_of_process: Final[list[Engine]] = []


def engine_of_process() -> Engine:
    """Give this process's engine; the first caller makes it."""
    if not _of_process:
        _of_process.append(Engine())
    return _of_process[0]
