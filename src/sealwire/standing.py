"""What stands of a service, in the words of its journal, as one process sees it.

What is not in force here is not what has ended: it may have failed here, or be for other processes.
So whoever writes what stands leaves in what stood before and is *elsewhere*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealwire.changing import trial_of
from sealwire.clock import boot_id, boot_ms
from sealwire.inforce import lease_end_ms
from sealwire.journal import (
    MAX_BASES,
    MAX_LEASES,
    Remembered,
    Stored,
    StoredBase,
    StoredLease,
    StoredTrial,
)
from sealwire.requests import Apply, Confirm, Lease, Request, Revert
from sealwire.stages import Stream

if TYPE_CHECKING:
    from collections.abc import Collection

    from sealwire.engine import Engine


def standing(engine: Engine, there: Remembered, elsewhere: Collection[str], others: str) -> Stored:
    """Say what is in force of what the journal knows.

    Args:
        engine: what is in force here.
        there: what the journal comes to.
        elsewhere: what stands for the service and not here, by the ids of requests.
        others: a request that is made here in another door's name; it is not the state's.
    """
    changer, in_force, boot = engine.changer, engine.in_force, boot_id()
    now_ms, kept = boot_ms(), there.kept.keys() - {others}
    bases = {
        each: StoredBase(each, in_force.base.since_ms) for each in changer.base_ids if each in kept
    }
    leases = {
        each.id: StoredLease(
            each.id, boot, each.ends_ms, each.ends_wall_ms, max(0, each.ends_ms - now_ms)
        )
        for each in in_force.overlay.leases
        if each.id in kept
    }
    # What stands and is not here, because it failed here or is for other processes, stays.
    stood = there.in_force
    wanted = set(elsewhere) | bases.keys() | leases.keys()
    bases = {each.id: each for each in stood.bases if each.id in wanted} | {
        each: it for each, it in bases.items() if each not in {old.id for old in stood.bases}
    }
    leases = {each.id: each for each in stood.leases if each.id in wanted} | leases
    trial, on_trial = in_force.trial, None
    if trial is not None and trial.id in kept:
        on_trial = StoredTrial(trial.id, boot, trial.ends_ms, trial.ends_wall_ms)
    elif stood.trial is not None and stood.trial.id in elsewhere:
        on_trial = stood.trial
    last = tuple(bases.values())[-MAX_BASES:]
    if on_trial is not None and on_trial.id not in {each.id for each in last}:
        on_trial = None
    return Stored(last, tuple(leases.values())[-MAX_LEASES:], on_trial)


def with_request(stored: Stored, request: Request, now_ms: int) -> Stored:
    """Give what is in force with what a request begins.

    Args:
        stored: what is in force without it.
        request: the request; what only ends something adds nothing.
        now_ms: the time, milliseconds since the epoch.
    """
    bases, leases, trial = stored.bases, stored.leases, stored.trial
    if isinstance(request, Lease):
        ends_ms = lease_end_ms(request)
        left_ms = max(0, ends_ms - now_ms)
        new = StoredLease(request.id, boot_id(), boot_ms() + left_ms, ends_ms, left_ms)
        leases = (*leases, new)[-MAX_LEASES:]
    elif isinstance(request, Apply):
        bases = (*bases, StoredBase(request.id, now_ms))[-MAX_BASES:]
        if condition := trial_of(request, now_ms):
            ends = condition.ends_ms, condition.ends_wall_ms
            trial = StoredTrial(request.id, boot_id(), *ends)
    return Stored(bases, leases, trial)


def confirmed(stored: Stored, request: Request | None) -> Stored:
    """Give what is in force with what a request has confirmed, if it has."""
    if not isinstance(request, Confirm):
        return stored
    bases = (
        each._replace(confirmed_by=request.id) if each.id == request.what else each
        for each in stored.bases
    )
    return stored._replace(bases=tuple(bases))


def ended_by(request: Request, there: Remembered) -> frozenset[str]:
    """Give what a request ends of what stands, in every process, by the ids of requests.

    In the stream of leases that is leases alone, whatever it names: who may end leases need not be
    allowed to take a configuration back.
    """
    if not isinstance(request, Revert):
        return frozenset()
    stood = there.in_force
    if request.opened.claims.stream is Stream.LEASE:
        leases = frozenset(each.id for each in stood.leases)
        return leases & {request.what} if request.what else leases
    if request.what:
        return frozenset(each.id for each in stood.bases) & {request.what}
    return frozenset(each.id for each in stood.bases[-1:])


def decides(request: Request | None, trial: str) -> bool:
    """Whether a request that is to be done again is meant for what is on trial.

    It has to meet that: without it, a revert would take back the configuration before.
    """
    if not isinstance(request, (Confirm, Revert)):
        return False
    return request.opened.claims.stream is Stream.BASE and request.what in {"", trial}


def without_trial(stored: Stored, trial: StoredTrial) -> Stored:
    """Give what is in force without what is on trial."""
    bases = tuple(each for each in stored.bases if each.id != trial.id)
    return Stored(bases, stored.leases)
