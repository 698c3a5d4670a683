"""The changes of this process: bases, leases over them, and the way back from each.

Rules this module keeps:

1. The logging tree and what is known to be in force change together, or neither does.
2. A lease never edits the base, and a configuration is put beneath the leases that are running.
   What a change would make of the tree is judged once more under logging's own lock.
3. Going back is never refused, and ends the leases that the base before does not bear.
4. Who asked, for what, until when and why is announced when a change begins and when it ends.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, NamedTuple

from sealwire.announcing import Announcer
from sealwire.bases import Bases
from sealwire.clock import boot_ms, monotonic_ms
from sealwire.documents import Tree
from sealwire.documents.changes import Change, changes
from sealwire.drifting import without_leases
from sealwire.errors import ApplyError, counted
from sealwire.happenings import (
    BaseBegan,
    BaseConfirmed,
    BaseEnded,
    Ending,
    LeaseBegan,
    LeasesEnded,
    Observers,
)
from sealwire.inforce import Base, InForce, Trial, lease_end_ms
from sealwire.laying import Laying, Relaying, laid
from sealwire.leases import Drift, LiveLease
from sealwire.policy.reduced import logging_reduced
from sealwire.stages import thumbprints_of
from sealwire.telling import in_utc, levels_in_words
from sealwire.trail.causes import Cause
from sealwire.watching import DriftWatch, fullest_disk

if TYPE_CHECKING:
    from sealwire.policy import Policy
    from sealwire.requests import Apply, Confirm, Lease, Request
    from sealwire.stages import Applied

MAX_LEASES: Final = 64
"""Whoever needs more wants another configuration; each of them costs time at every change."""

MAX_LEASES_OF_ONE: Final = 16
"""So that no single key can take all places for as long as the policy's longest lease."""


class Difference(NamedTuple):
    """What another base has made other than it was, and in which ways less is recorded."""

    changes: tuple[Change, ...] = ()
    reduced: tuple[str, ...] = ()


NO_DIFFERENCE: Final = Difference()


class Changer:
    """Changes the logging of this process, and goes back.

    Attributes:
        in_force: what is in force.
        policies: those of the listeners that serve; whoever goes back keeps to all of them.
        announcer: says what changes.
        observers: are told what happened.
    """

    def __init__(self, in_force: InForce) -> None:
        """Begin with what the application has set up."""
        self.in_force = in_force
        self.policies: list[Policy] = []
        self.announcer = Announcer(self.policies)
        self._bases = Bases()
        self.observers = Observers()
        self._watch = DriftWatch(self.observers)

    # ---- what is there -------------------------------------------------------------------------

    def tree(self) -> Tree:
        """Give the tree as it is."""
        # Late, because it loads ``logging.config``, which a process that never changes does not
        # need.
        from sealwire.logtree import read

        return read()

    def base(self) -> Tree:
        """Give the tree without leases."""
        return without_leases(self.tree(), self.in_force.overlay)

    @property
    def is_applications(self) -> bool:
        """Whether the base is what the application has set up."""
        return self._bases.is_applications

    @property
    def base_ids(self) -> tuple[str, ...]:
        """The requests whose configurations lie over the application's own, oldest first."""
        return () if self._bases.is_applications else (*self._bases.ids, self.in_force.base.id)

    def know_base(self) -> None:
        """Take the tree as it is, without leases, for what is meant to be."""
        self._know(self.base())

    def look_for_drift(self) -> None:
        """Compare the tree with what is meant to be; tell what is new."""
        in_force = self.in_force
        # An application that goes on setting itself up is no news.
        level = logging.DEBUG if self._bases.is_applications else logging.WARNING
        in_force.drift = self._watch.look(
            self.tree(), in_force.overlay, in_force.drift, self.policies, level
        )

    def guard_disks(self) -> None:
        """End all leases if a file system under a handler fills up."""
        least = max((policy.leases.min_free_percent for policy in self.policies), default=0)
        if full := fullest_disk(self.tree(), least):
            self.end_leases(self.in_force.overlay.leases, Ending(Cause.DISK_FULL, full))

    # ---- bases ---------------------------------------------------------------------------------

    def apply(
        self, request: Apply, now_ms: int, policy: Policy, *, trial: Trial | None = None
    ) -> tuple[Applied, Difference]:
        """Make a configuration the base; give what is in force, and what differs.

        Args:
            request: the configuration.
            now_ms: since when, milliseconds since the epoch.
            policy: what it is judged by.
            trial: on which condition it stands, where it is no new one.

        Raises:
            ApplyError: it cannot be applied; nothing is changed.
            RefusedError: what logging would become is against the policy; nothing is changed.
        """
        self.look_for_drift()
        in_force = self.in_force
        laying = Laying(
            in_force.overlay,
            lambda before, after: self._judge(request, before, after, policy),
            self._judge_lease,
        )
        applied, base = self._bases.apply(request.plan, in_force.base, laying)
        in_force.overlay = laying.overlay
        issuer = request.opened.claims.iss
        digest, signers = applied.plan_digest.hex(), request.opened.signers
        keys = thumbprints_of(request.opened.evidence)
        in_force.base = Base(digest, issuer, request.id, now_ms, signers, keys)
        self._know(base)
        until, ends_ms = "", None
        in_force.trial = trial or trial_of(request, now_ms)
        if in_force.trial is not None:
            ends_ms = in_force.trial.ends_wall_ms
            until = f" until {in_utc(ends_ms)}, unless it is confirmed"
        began = BaseBegan(request, applied.plan_digest, laying.base, base, ends_ms)
        self.observers.happened(began)
        what = f"{counted(applied.loggers, 'logger')}, {counted(applied.handlers, 'handler')}"
        text, whose = "configuration of %s: %s%s%s", request.opened.signed_by
        self._announce(issuer, text, whose, what, until, because(request.why))
        self._tell_unborne(laying, base)
        return applied, _differing(laying.base, base)

    def confirm(self, request: Confirm) -> None:
        """Keep the configuration that is on trial."""
        self.in_force.trial = None
        self.observers.happened(BaseConfirmed(request))
        issuer = request.opened.claims.iss
        whose = request.opened.signed_by
        self._announce(issuer, "configuration confirmed by %s%s", whose, because(request.why))

    def go_back(
        self, ending: Ending, *, quietly: bool = False
    ) -> tuple[Difference, tuple[str, ...]]:
        """Go back to the base before; give what changed, and the places that are left as they are.

        Going back is not refused; where it lowers what a floor protects, that is an alert.
        """
        in_force = self.in_force
        if self._bases.is_applications:
            return NO_DIFFERENCE, ()
        laying = Laying(in_force.overlay, judge_lease=self._judge_lease)
        was = in_force.base
        in_force.base, base, left = self._bases.back(laying, closing=not quietly)
        in_force.overlay, in_force.trial = laying.overlay, None
        self._know(base)
        self.observers.happened(BaseEnded(was, ending, laying.base, base))
        if not quietly:
            issuer = was.issuer
            self._announce(issuer, "configuration of %s ended: %s", issuer, ending.why)
            for where in left:
                text = "%s is left as it is: changed by somebody else, or not to be set"
                self._announce(issuer, text, where)
        self._tell_unborne(laying, base, quietly=quietly)
        if not quietly:
            self._watch.tell_lowered(laying.base, base, self.policies)
        return _differing(laying.base, base), left

    # ---- leases --------------------------------------------------------------------------------

    def begin_lease(
        self, request: Lease, now_ms: int, policy: Policy, *, ends_ms: int | None = None
    ) -> tuple[LiveLease, Tree, Tree]:
        """Begin a lease; give it, and the tree before and after.

        Args:
            request: what is asked for.
            now_ms: the time, milliseconds since the epoch.
            policy: what it is judged by.
            ends_ms: when it ends on the clock of `sealwire.clock.boot_ms`, where that is known of
                an earlier beginning.

        Raises:
            ApplyError: it cannot begin; nothing is changed.
            RefusedError: what logging would become is against the policy; nothing is changed.
        """
        lease = self.lease_of(request, now_ms)
        if ends_ms is not None:
            lease = lease._replace(ends_ms=ends_ms)
        before = self.tree()
        if full := fullest_disk(before, policy.leases.min_free_percent):
            raise ApplyError(full)
        relaying = Relaying(
            self.in_force.overlay,
            (*self.in_force.overlay.leases, lease),
            lambda base, after: self._judge(request, base, after, policy),
        )
        after = self._relay(relaying)
        self.observers.happened(LeaseBegan(request, lease, before, after))
        until, words = in_utc(lease.ends_wall_ms), levels_in_words(lease)
        issuer, text = lease.issuer, "lease of %s: %s until %s%s"
        whose = request.opened.signed_by
        self._announce(issuer, text, whose, words, until, because(lease.why))
        return lease, before, after

    def end_leases(
        self, ended: tuple[LiveLease, ...], ending: Ending, *, quietly: bool = False
    ) -> tuple[Drift, ...]:
        """End leases; give what somebody else had changed meanwhile, which is left as it is."""
        if not ended:
            return ()
        overlay = self.in_force.overlay
        relaying = Relaying(overlay, overlay.without(*ended))
        after = self._relay(relaying, going_back=True)
        self.observers.happened(LeasesEnded(ended, ending, relaying.live, after))
        if quietly:
            return relaying.drift
        for lease in ended:
            self._announce_end(lease, ending.why)
        for each in relaying.drift:
            text = "%s is %s and not %s; left as it is"
            self._announce(ended[0].issuer, text, each.where, each.found, each.expected)
        return relaying.drift

    def lease_of(self, request: Lease, now_ms: int) -> LiveLease:
        """Give the lease that a request asks for.

        Raises:
            ApplyError: too many are running, or a handler that it goes through is not there.
        """
        running, issuer = self.in_force.overlay.leases, request.opened.claims.iss
        own = [each for each in running if each.issuer == issuer]
        if len(running) >= MAX_LEASES or len(own) >= MAX_LEASES_OF_ONE:
            raise ApplyError(
                f"{len(own)} leases of {issuer} are running, and {len(running)} in all; "
                f"{MAX_LEASES_OF_ONE} and {MAX_LEASES} are the most, so end one of them"
            )
        # Without leases: another one may have lowered the handler, and ends before this does.
        known = self.base().by_key()
        loudest = min(level for _, level in request.levels)
        for key in request.through:
            if key not in known:
                there = ", ".join(sorted(known)) or "none"
                raise ApplyError(f"through: there is no handler {key}; there are: {there}")
        ends_ms = lease_end_ms(request)
        return LiveLease(
            request.id,
            issuer,
            request.why,
            request.levels,
            tuple((key, min(loudest, known[key].level)) for key in request.through),
            boot_ms() + ends_ms - now_ms,
            ends_ms,
            request,
            request.opened.signers,
        )

    def _relay(self, relaying: Relaying, *, going_back: bool = False) -> Tree:
        from sealwire.logtree import relevel

        # What goes back does so even if logging's lock is held for ever.
        after = relevel(relaying.levels, by_force=going_back)
        self.in_force.overlay = relaying.overlay
        return after

    def _know(self, base: Tree) -> None:
        self._watch.know(base)
        self.in_force.drift = ()

    def _judge(self, request: Request, before: Tree, after: Tree, policy: Policy) -> None:
        """Judge what is asked for by the asker's policy, and by floors and ceilings of all."""
        policy.judge_tree(request, before, after)
        for each in self.policies:
            if each is not policy:
                each.judge_tree(None, before, after)

    def _judge_lease(self, before: Tree, after: Tree, lease: LiveLease | None) -> None:
        """Judge a lease over another base as it was judged when it began."""
        for policy in self.policies:
            policy.judge_tree(None if lease is None else lease.request, before, after)

    # ---- announcements -------------------------------------------------------------------------

    def _tell_unborne(self, laying: Laying, base: Tree, *, quietly: bool = False) -> None:
        for lease in laying.ended:
            ending = Ending(Cause.POLICY, "over the base in force now it would break the policy")
            with_it = laid(base, (lease,))
            self.observers.happened(LeasesEnded((lease,), ending, with_it, base))
            if not quietly:
                self._announce_end(lease, ending.why)

    def _announce_end(self, lease: LiveLease, why: str) -> None:
        issuer, text = lease.issuer, "lease of %s ended: %s: %s"
        self._announce(issuer, text, issuer, levels_in_words(lease), why)

    def _announce(self, issuer: str, text: str, *arguments: object) -> None:
        """Say something where the application's operators look (rule 4)."""
        self.announcer.say(issuer, monotonic_ms(), text, *arguments)


def trial_of(request: Apply, now_ms: int) -> Trial | None:
    """Give the condition on which a configuration is to stand that comes now."""
    length_ms = request.confirm_within_s * 1000
    if not length_ms:
        return None
    ends_ms, issuer = now_ms + length_ms, request.opened.claims.iss
    return Trial(request.id, issuer, boot_ms() + length_ms, ends_ms)


def _differing(before: Tree, after: Tree) -> Difference:
    return Difference(changes(before, after), logging_reduced(before, after))


def because(why: str) -> str:
    """Give a reason as it stands behind what it is for."""
    return f": {why}" if why else ""
