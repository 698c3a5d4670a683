"""Adopting what stands elsewhere: what was in force before a start, or what another process did.

Rules this module keeps:

1. What is wanted is compared with what is in force, by the ids of requests, and only what differs
   is changed. Adopting the same again does nothing.
2. Each step is judged as it was when it was asked for, by the policy of now. One that the policy
   refuses, or that fails, is left out and told; the others are adopted.
3. A lease keeps its end. Nothing here begins a time anew.
4. What came another way, for another service in the same process, is left alone.
"""

from __future__ import annotations

import enum
import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from sealwire.documents import JsonValue, Tree, canonical_json
from sealwire.documents.changes import changes
from sealwire.errors import ApplyError, PolicyError, RefusedError
from sealwire.happenings import Ending
from sealwire.trail.causes import Cause

if TYPE_CHECKING:
    from collections.abc import Container

    from sealwire.changing import Changer
    from sealwire.inforce import Trial
    from sealwire.policy import Policy
    from sealwire.requests import Apply, Lease, Request


_ELSEWHERE: Final = Ending(Cause.ELSEWHERE, "another process of the service has ended it")


class OnNewSetup(enum.Enum):
    """What becomes of a configuration when the application comes up with another set-up beneath."""

    APPLICATION = "application"
    APPLIED = "applied"
    REFUSE = "refuse"


class BaseThere(NamedTuple):
    """A configuration that stands: the request, and since when, milliseconds since the epoch."""

    request: Apply
    since_ms: int


class LeaseThere(NamedTuple):
    """A lease that runs: the request, and its end on the clock of `sealwire.clock.boot_ms`."""

    request: Lease
    ends_ms: int


class Wanted(NamedTuple):
    """What is to be in force.

    Attributes:
        bases: the configurations over the application's own, oldest first.
        leases: the leases over the last of these, oldest first.
        trial: the condition on which the last configuration stands.
    """

    bases: tuple[BaseThere, ...] = ()
    leases: tuple[LeaseThere, ...] = ()
    trial: Trial | None = None


def adopt(
    changer: Changer, wanted: Wanted, own: Container[str], now_ms: int, policy: Policy
) -> tuple[str, ...]:
    """Put in force what is wanted; say what could not be, and why.

    Args:
        changer: changes this process.
        wanted: what is to be in force.
        own: what may be ended here, by the ids of requests: what came this way, and stands no more.
        now_ms: the time, milliseconds since the epoch.
        policy: what each request is judged by.
    """
    told = _adopt_bases(changer, wanted, own, policy)
    if changer.base_ids and changer.base_ids[-1] in {each.request.id for each in wanted.bases}:
        changer.in_force.trial = wanted.trial
    return (*told, *_adopt_leases(changer, wanted, own, now_ms, policy))


def digest_of_setup(base: Tree) -> bytes:
    """Name what an application has set up by itself, so that another set-up is seen.

    Loggers that have nothing of their own do not count: they come with the code that is imported.
    """
    rows: list[JsonValue] = [list(each) for each in changes(Tree(), base)]
    return hashlib.sha256(canonical_json({"setup": rows})).digest()


def _adopt_bases(
    changer: Changer, wanted: Wanted, own: Container[str], policy: Policy
) -> list[str]:
    ids = [each.request.id for each in wanted.bases]
    while (there := changer.base_ids) and there[-1] in own and there[-1] not in ids:
        changer.go_back(_ELSEWHERE)
    known = [each for each in changer.base_ids if each in ids]
    told: list[str] = []
    for each in wanted.bases[ids.index(known[-1]) + 1 if known else 0 :]:
        # Its time on trial, if it is on trial, has begun before.
        request = replace(each.request, confirm_within_s=0)
        try:
            policy.judge(request)
            changer.apply(request, each.since_ms, policy)
        except (ApplyError, RefusedError) as error:
            told.append(f"the configuration {_because(request, error)}")
    return told


def _adopt_leases(
    changer: Changer, wanted: Wanted, own: Container[str], now_ms: int, policy: Policy
) -> list[str]:
    running = changer.in_force.overlay.leases
    ids = {each.request.id for each in wanted.leases}
    over = tuple(each for each in running if each.id in own and each.id not in ids)
    changer.end_leases(over, _ELSEWHERE)
    there = {each.id for each in running}
    told: list[str] = []
    for each in wanted.leases:
        if each.request.id in there:
            continue
        try:
            policy.judge(each.request)
            changer.begin_lease(each.request, now_ms, policy, ends_ms=each.ends_ms)
        except (ApplyError, RefusedError) as error:
            told.append(f"the lease {_because(each.request, error)}")
    return told


def _because(request: Request, error: ApplyError | RefusedError) -> str:
    why = str(error)
    if isinstance(error, RefusedError):
        why = error.explained if isinstance(error, PolicyError) else error.detail
    return f"{request.id[:8]} of {request.opened.claims.iss}: {why}"
