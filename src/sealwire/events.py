"""What goes into the receiver and what comes out: events, effects, and the decision; no logic."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from sealwire.errors import Reason, RefusedError, Stage
from sealwire.stages import Answer, Applied, Claims, Known, Opened, Outcome
from sealwire.versions import Standing

if TYPE_CHECKING:
    from sealwire.documents import Tree
    from sealwire.receipts import Instance
    from sealwire.requests import Request


@dataclass(frozen=True, slots=True)
class Tick:
    """The time: ``now_ms`` is wall-clock time that never went back, ``mono_ms`` is monotonic."""

    now_ms: int
    mono_ms: int


@dataclass(frozen=True, slots=True)
class Bytes:
    """The peer sent ``data``."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Eof:
    """The peer will send nothing more."""


@dataclass(frozen=True, slots=True)
class Persisted:
    """The message was taken, or had been before; ``outcome`` is what became of it then."""

    standing: Standing
    outcome: Outcome | None


@dataclass(frozen=True, slots=True)
class PersistFailed:
    """The message was not taken: another copy was faster, or state could not be written."""

    refusal: RefusedError


@dataclass(frozen=True, slots=True)
class Surveyed:
    """What the logging tree is without leases, and what it would be after the request."""

    before: Tree
    after: Tree


@dataclass(frozen=True, slots=True)
class AppliedHere:
    """What was asked for has been done.

    Attributes:
        applied: the configuration that is in force now, if that was asked for.
        done: what was done, in words for the log.
        report: what the sender asked to know, as canonical JSON.
        reduced: in which ways less is recorded than before.
        instances: what has become of it in other processes of the service.
    """

    applied: Applied | None = None
    done: str = ""
    report: bytes = b""
    reduced: tuple[str, ...] = ()
    instances: tuple[Instance, ...] = ()


@dataclass(frozen=True, slots=True)
class ApplyFailed:
    """Logging could not be changed as asked; ``instances`` says where, if not here."""

    detail: str
    instances: tuple[Instance, ...] = ()


@dataclass(frozen=True, slots=True)
class RefusedHere:
    """The policy has refused what logging would have become; nothing is changed."""

    refusal: RefusedError


@dataclass(frozen=True, slots=True)
class Reported:
    """The decision has been recorded.

    Attributes:
        signed: the receipt to answer with; ``b""`` where the answer goes out as it is.
    """

    signed: bytes = b""


@dataclass(frozen=True, slots=True)
class Crowded:
    """The driver needs this connection's place for a newer one."""

    detail: str


Event: TypeAlias = (
    Tick
    | Bytes
    | Eof
    | Surveyed
    | Persisted
    | PersistFailed
    | AppliedHere
    | ApplyFailed
    | RefusedHere
    | Reported
    | Crowded
)


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided about one request, for log, statistics and answer.

    Attributes:
        answer: what the peer is told.
        reason: why it was refused, or ``None``.
        stage: where it was refused, or ``None``.
        detail: value against limit, in words; ``""`` where there is nothing to add.
        claims: what the message says about itself, once it is authenticated.
        applied: what is in force now, if this request changed it.
        done: what was done, in words, where it was no configuration.
        cause: the exception behind ``INTERNAL``, for our log alone.
        known: which message it was, once its layers had opened: what a receipt answers.
        request: what it asked for, where that was read.
        copy: a message that had been decided before.
        report: what a receipt may tell, also where an answer in the clear may not.
        reduced: in which ways less is recorded than before.
        opened: the message, once it is authenticated.
        rule: the name of the rule that refused it; ``""`` where none did.
        where: the place in the request that the rule speaks of.
        instances: what has become of it in other processes of the service.
    """

    answer: Answer
    reason: Reason | None = None
    stage: Stage | None = None
    detail: str = ""
    claims: Claims | None = None
    applied: Applied | None = None
    done: str = ""
    cause: BaseException | None = None
    # For the receipt. Two decisions are the same if they say the same to everybody else.
    known: Known | None = field(default=None, compare=False, repr=False)
    request: Request | None = field(default=None, compare=False, repr=False)
    copy: Opened | None = field(default=None, compare=False, repr=False)
    report: bytes = field(default=b"", compare=False, repr=False)
    reduced: tuple[str, ...] = field(default=(), compare=False, repr=False)
    opened: Opened | None = field(default=None, compare=False)
    rule: str = field(default="", compare=False)
    where: str = field(default="", compare=False)
    instances: tuple[Instance, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Survey:
    """Look at the logging tree for a request; answer `Surveyed`, or `ApplyFailed`."""

    request: Request


@dataclass(frozen=True, slots=True)
class Persist:
    """Take the message, in one atomic step; answer `Persisted` or `PersistFailed`.

    Attributes:
        request: what it asks for.
        sealed: the message as it came.
    """

    request: Request
    sealed: bytes = field(default=b"", compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Apply:
    """Do what is asked for; answer `AppliedHere`, `ApplyFailed` or `RefusedHere`.

    Attributes:
        request: what is asked for.
        failed: why it cannot be done, where surveying has shown that; then that is the answer, and
            remembered as such.
    """

    request: Request
    failed: ApplyFailed | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """Record the decision; answer `Reported`."""

    decision: Decision


@dataclass(frozen=True, slots=True)
class Reply:
    """Send these bytes to the peer."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """Close the connection once the reply is sent."""


Effect: TypeAlias = Survey | Persist | Apply | Record | Reply | Close
