"""What a receipt says, and about what, as values."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final, NamedTuple

from sealwire.stages import Digest, Mode, Stream

__all__ = [
    "ANSWER_LIFETIME_S",
    "CONTENT_TYPE_RECEIPT",
    "Asked",
    "Instance",
    "Mode",
    "Outcome",
    "Peeked",
    "Receipt",
    "SignedBy",
    "TrailPoint",
]

CONTENT_TYPE_RECEIPT: Final = "application/vnd.sealwire.receipt+json"

ANSWER_LIFETIME_S: Final = 300
"""How long a receipt may be taken for an answer; a client waits for seconds."""


class Outcome(enum.Enum):
    """What became of a request."""

    APPLIED = "applied"
    REFUSED = "refused"
    FAILED = "failed"
    REVERTED = "reverted"
    PENDING_CONFIRM = "pending-confirm"
    NOT_ADDRESSED = "not-addressed"


class Instance(NamedTuple):
    """What became of the request in one process: its name, the outcome, and why."""

    name: str
    outcome: Outcome
    detail: str = ""


class SignedBy(NamedTuple):
    """One of several who signed the request: the owner of a key, and its thumbprint in hex."""

    owner: str
    key: str


class TrailPoint(NamedTuple):
    """Where the host's record stands: how many entries, and the root over them in hex."""

    size: int
    root: str


class Asked(NamedTuple):
    """What a receipt has to answer: the request as its sender knows it."""

    audience: str
    stream: Stream
    id: bytes
    digest: Digest


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a host says.

    Attributes:
        outcome: what became of the request as a whole.
        mode: how the receiver remembers.
        at_ms: the receipt's own time, milliseconds since the epoch.
        reason: the `Reason`'s value of a refusal, or ``""``.
        detail: value against limit, in words, or ``""``.
        repeated: the request had been decided before, and nothing was done now.
        instances: a line for each process.
        effective: digest of the configuration in force, in hex, or ``""``.
        floor_ms: the version that the request's stream has reached.
        lease_end_ms: when the lease ends, or 0.
        trail: where the host's record stands, or ``None`` where it keeps none.
        reduced: in which ways less is recorded than before.
        report: what was asked for, as canonical JSON; ``b""`` where nothing was.
        challenge: what the next request has to carry as its nonce, where a service that keeps no
            memory wants that; ``b""`` where it does not.
        signers: all who signed the request, the issuer first, where several did; empty where the
            issuer alone did, whose key the request names.
    """

    outcome: Outcome
    mode: Mode
    at_ms: int
    reason: str = ""
    detail: str = ""
    repeated: bool = False
    instances: tuple[Instance, ...] = ()
    effective: str = ""
    floor_ms: int = 0
    lease_end_ms: int = 0
    trail: TrailPoint | None = None
    reduced: tuple[str, ...] = ()
    report: bytes = b""
    challenge: bytes = b""
    signers: tuple[SignedBy, ...] = ()


class Peeked(NamedTuple):
    """A receipt whose signature nobody has verified: whoever was asked may have written it.

    Attributes:
        receipt: what it says.
        host: who it says has signed it.
        key_id: the id of the key that it says it is signed with, in hex.
    """

    receipt: Receipt
    host: str
    key_id: str
