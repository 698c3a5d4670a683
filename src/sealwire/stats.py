"""What a running listener tells about itself, in numbers: values, and nothing that counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sealwire.trail.condition import TrailState


@dataclass(frozen=True, slots=True)
class Refusal:
    """One refused or failed request, as `Stats` keeps it.

    Attributes:
        at_ms: wall-clock time, milliseconds since the epoch.
        reason: the `Reason`'s value, or ``apply-failed``.
        detail: value against limit, in words.
        peer: who was connected, as far as the system says.
        issuer: whose key had signed it; ``""`` where that was not known yet.
    """

    at_ms: int
    reason: str
    detail: str
    peer: str
    issuer: str = ""


class JournalState(NamedTuple):
    """How a service's journal is doing.

    Attributes:
        writes: how many times something was written and was on the disk, since the listener was
            made.
        seconds: how long all of these took together, seconds.
        longest_s: how long the slowest took, seconds.
        trouble: why changes are refused; ``""`` while all is well.
    """

    writes: int = 0
    seconds: float = 0.0
    longest_s: float = 0.0
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Stats:
    """Counts since the listener was made, and what is in force now.

    Attributes:
        accepted: requests that passed chain and policy and were new. Each of them ends as applied
            or as failed, or is refused once more where logging would have become what the policy
            forbids.
        applied: requests that were done; those that only look are counted as well.
        repeated: copies of a request that had been decided before; nothing was done.
        refused: requests that were refused.
        refused_for: the same by the value of the `Reason`; what never came up is left out.
        failed: requests that were accepted and could not be applied.
        refusals: the last hundred refused or failed, oldest first.
        leases: how many leases run in this process, whichever listener they came through.
        next_revert_s: when the next of them, or a configuration on trial, goes by itself: seconds
            from now, 0 if it is overdue; ``None`` where nothing does.
        uptime_s: for how long it has been serving, seconds; 0 while it does not.
        trail: how the trail is doing; ``None`` where there is none.
        journal: how the journal is doing; ``None`` where there is none.
    """

    accepted: int = 0
    applied: int = 0
    repeated: int = 0
    refused: int = 0
    refused_for: Mapping[str, int] = field(default_factory=dict)
    failed: int = 0
    refusals: tuple[Refusal, ...] = ()
    leases: int = 0
    next_revert_s: float | None = None
    uptime_s: float = 0.0
    trail: TrailState | None = None
    journal: JournalState | None = None
