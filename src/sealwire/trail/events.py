"""What can stand in a trail: one frozen type for each kind of event.

Rules this module keeps:

1. Always in clear: who (owner, key, kind of signature), why, names of loggers and handlers, levels
   before and after, classes, targets, filters, propagate. These are what an auditor asks for.
2. Every other string, such as a format or the detail of a refusal, stands as a salted hash
   (`records.salted`): it can be compared with a text that is known, and not read.
3. A flood of refusals is one event with the first and the last time and a number, not many events.
4. Keys are named in full, by their thumbprint, because a short id is a hint.

Times are milliseconds since the epoch. Digests are SHA-256 in hexadecimal.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, TypeAlias

from sealwire.errors import Reason
from sealwire.trail.causes import Cause
from sealwire.trail.forms import (
    Count,
    Digest,
    MaybeDigest,
    MaybeMoment,
    MaybeRequestId,
    MaybeSalted,
    Moment,
    Names,
    RequestId,
    Text,
    member,
    number,
    optional,
    pattern,
)
from sealwire.trail.seen import ByWhom, MaybeWhom, WhatChanged

FORMAT: Final = 1
"""The version of the trail's format, which its first record names."""


class KeyState(enum.Enum):
    """The states of a key (NIST SP 800-57, part 1)."""

    PRE_ACTIVATION = "pre-activation"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    DEACTIVATED = "deactivated"
    COMPROMISED = "compromised"
    DESTROYED = "destroyed"


_Version: TypeAlias = Annotated[int, number(FORMAT, FORMAT)]
_Audience: TypeAlias = Annotated[str, pattern(r"[a-z0-9][a-z0-9._@/-]{0,127}")]
_TrailName: TypeAlias = Annotated[str, pattern(r"[0-9a-f]{16}")]
_RefusedFor: TypeAlias = Annotated[Reason, member(Reason)]
_Causes: TypeAlias = Annotated[Cause, member(Cause)]
_MaybeState: TypeAlias = Annotated[KeyState | None, optional(member(KeyState))]


@dataclass(frozen=True, slots=True)
class Begun:
    """The first record of every trail, which says whose and which one it is.

    ``trail`` are sixteen digits by chance; ``salt_check`` shows whether a salt is this trail's.
    """

    kind: ClassVar[str] = "begun"
    format: _Version
    audience: _Audience
    trail: _TrailName
    salt_check: Digest


@dataclass(frozen=True, slots=True)
class Started:
    """A service began to listen, with these things in force."""

    kind: ClassVar[str] = "started"
    instance: Text
    version: Text
    persistence: Text
    base: MaybeDigest
    policy: MaybeDigest
    keyring: MaybeDigest


@dataclass(frozen=True, slots=True)
class Stopped:
    """A service stopped listening."""

    kind: ClassVar[str] = "stopped"
    instance: Text
    cause: Text


@dataclass(frozen=True, slots=True)
class Accepted:
    """A request passed the chain and the policy; what became of it is another record."""

    kind: ClassVar[str] = "accepted"
    request: RequestId
    digest: Digest
    who: ByWhom
    why: Text
    verb: Text
    stream: Text
    version: Count
    issued: Moment
    received: Moment


@dataclass(frozen=True, slots=True)
class Refused:
    """Requests that were refused: one, or a flood of one peer for one reason in one minute."""

    kind: ClassVar[str] = "refused"
    reason: _RefusedFor
    peer: Text
    who: MaybeWhom
    request: MaybeRequestId
    rule: Text
    where: Text
    detail: MaybeSalted
    first: Moment
    last: Moment
    count: Annotated[int, number(1)]


@dataclass(frozen=True, slots=True)
class Applied:
    """A request changed the logging tree; ``confirm_by`` where it is on trial until then."""

    kind: ClassVar[str] = "applied"
    request: RequestId
    who: ByWhom
    why: Text
    plan: Digest
    confirm_by: MaybeMoment
    changes: WhatChanged
    logging_reduced: Names


@dataclass(frozen=True, slots=True)
class Failed:
    """A request was accepted, and could not be applied; logging is as it was."""

    kind: ClassVar[str] = "failed"
    request: RequestId
    who: ByWhom
    error: Text
    detail: MaybeSalted


@dataclass(frozen=True, slots=True)
class Reverted:
    """What a request had applied was taken back; ``who`` asked for that, if anybody did."""

    kind: ClassVar[str] = "reverted"
    request: RequestId
    cause: _Causes
    who: MaybeWhom
    why: Text
    changes: WhatChanged


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What a request had applied on trial stays; ``of`` is that request."""

    kind: ClassVar[str] = "confirmed"
    request: RequestId
    of: RequestId
    who: ByWhom
    why: Text


@dataclass(frozen=True, slots=True)
class LeaseBegun:
    """Levels for a time."""

    kind: ClassVar[str] = "lease-begun"
    request: RequestId
    who: ByWhom
    why: Text
    until: Moment
    changes: WhatChanged
    logging_reduced: Names


@dataclass(frozen=True, slots=True)
class LeaseEnded:
    """A lease is over."""

    kind: ClassVar[str] = "lease-ended"
    request: RequestId
    cause: _Causes
    who: MaybeWhom
    changes: WhatChanged


@dataclass(frozen=True, slots=True)
class KeyChanged:
    """A key came, went, or changed its state; ``None`` where it was or is not there."""

    kind: ClassVar[str] = "key-changed"
    key: Digest
    owner: Text
    purpose: Text
    before: _MaybeState
    after: _MaybeState


@dataclass(frozen=True, slots=True)
class KeyringChanged:
    """Another keyring is in force, which these owners of root keys have signed."""

    kind: ClassVar[str] = "keyring-changed"
    name: Text
    version: Count
    digest: Digest
    signers: Names


@dataclass(frozen=True, slots=True)
class PolicyChanged:
    """Another policy is in force."""

    kind: ClassVar[str] = "policy-changed"
    before: MaybeDigest
    after: MaybeDigest


@dataclass(frozen=True, slots=True)
class Drifted:
    """Code of the application changed what a request had set."""

    kind: ClassVar[str] = "drifted"
    changes: WhatChanged


@dataclass(frozen=True, slots=True)
class DriftEnded:
    """These places are again as a request had left them."""

    kind: ClassVar[str] = "drift-ended"
    places: Names


@dataclass(frozen=True, slots=True)
class Alerted:
    """What a floor of the policy protects is protected less, or is not there."""

    kind: ClassVar[str] = "alerted"
    what: Text


@dataclass(frozen=True, slots=True)
class AnchorMismatch:
    """A client showed a point, as receipts of this service name it, that is none of this trail.

    ``problem`` is ``another`` (the first ``size`` records have another root) or ``longer`` (there
    are fewer). ``records`` is how many there were; ``count`` how often this client has shown such
    points since the last record of it.
    """

    kind: ClassVar[str] = "anchor-mismatch"
    request: RequestId
    who: MaybeWhom
    size: Count
    root: Digest
    problem: Text
    records: Count
    count: Annotated[int, number(1)]


@dataclass(frozen=True, slots=True)
class ClockStepped:
    """The wall clock was set: what it would have said, and what it says."""

    kind: ClassVar[str] = "clock-stepped"
    expected: Moment
    found: Moment


@dataclass(frozen=True, slots=True)
class TrailFailed:
    """The trail could not be written; the first record that it takes again."""

    kind: ClassVar[str] = "trail-failed"
    since: Moment
    cause: Text
    lost: Count


@dataclass(frozen=True, slots=True)
class TrailRecovered:
    """The trail was opened again, and half a record at its end was cut off."""

    kind: ClassVar[str] = "trail-recovered"
    torn_bytes: Count


Event: TypeAlias = (
    Begun
    | Started
    | Stopped
    | Accepted
    | Refused
    | Applied
    | Failed
    | Confirmed
    | Reverted
    | LeaseBegun
    | LeaseEnded
    | KeyChanged
    | KeyringChanged
    | PolicyChanged
    | Drifted
    | DriftEnded
    | Alerted
    | AnchorMismatch
    | ClockStepped
    | TrailFailed
    | TrailRecovered
)

EVENTS: Final[dict[str, type[Event]]] = {
    each.kind: each
    for each in (
        *(Begun, Started, Stopped, Accepted, Refused, Applied, Failed, Confirmed, Reverted),
        *(LeaseBegun, LeaseEnded, KeyChanged, KeyringChanged, PolicyChanged, Drifted, DriftEnded),
        *(Alerted, AnchorMismatch, ClockStepped, TrailFailed, TrailRecovered),
    )
}
"""Every kind of event by its name in a record."""
