"""The receiver: one connection's way from bytes to an answer, without I/O.

It is a state machine. Events go in, effects come out; whoever drives it performs an effect and
feeds the result back as the next event:

    READING ──Bytes──▶ (open, look, read, judge) ──Persist──▶ PERSISTING ──Persisted──▶ APPLYING
       │                          │                              │                     │
       └────────── refused ───────┴────────────── refused ───────┘         AppliedHere │ ApplyFailed
                      │                                                                │
                      ▼                                                                ▼
                   REPORTING ◀────────────────────── Record ───────────────────────────┘
                      └──Reported──▶ Reply, Close ──▶ DONE

Rules this module keeps:

1. Authenticate before parse, parse before policy, policy before state moves, state before apply,
   record before answer.
2. A message is taken at most once (`Persist`), and applied only if taking it said that it is new.
3. Whatever goes wrong before authentication is answered with the same bytes.
4. Time comes with `Tick`; the deadlines are total, on the monotonic clock, and a peer that trickles
   cannot extend them.
5. `handle` raises nothing that a peer can cause. An event in a state where it has no meaning is a
   bug of the driver and raises `RuntimeError` with this module's name.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from sealwire.algebra import Guarantee
from sealwire.answers import encode_answer
from sealwire.errors import MalformedError, PolicyError, Reason, RefusedError, Stage
from sealwire.events import (
    AppliedHere,
    Apply,
    ApplyFailed,
    Bytes,
    Close,
    Crowded,
    Decision,
    Effect,
    Eof,
    Event,
    Persist,
    Persisted,
    PersistFailed,
    Record,
    Reply,
    Reported,
    Tick,
)
from sealwire.framing import MAX_FRAME_BYTES, FrameReader, encode_frame
from sealwire.policy import judge
from sealwire.requests import read_request
from sealwire.stages import Answer, Applied, Claims, Frame, Opened, Outcome
from sealwire.versions import Standing

if TYPE_CHECKING:
    from sealwire.policy import Rule
    from sealwire.requests import Apply as ApplyRequest
    from sealwire.state import AdmissionState


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long a peer may take, milliseconds from its connect.

    Attributes:
        length_ms: for the four bytes of length.
        frame_ms: for the whole frame.
    """

    length_ms: int = 2_000
    frame_ms: int = 5_000


class Opener(Protocol):
    """What a receiver needs of a `Chain`."""

    @property
    def guarantees(self) -> frozenset[Guarantee]:
        """What a message that opens is known to be."""
        ...

    def open(self, sealed: bytes, *, now_ms: int, skew_ms: int) -> Opened:
        """Verify a message; give what is inside, or raise `RefusedError`."""
        ...

    def look(self, opened: Opened, *, now_ms: int, skew_ms: int, state: AdmissionState) -> Standing:
        """Say whether it is new; change nothing."""
        ...

    def take(self, opened: Opened, *, now_ms: int, skew_ms: int, state: AdmissionState) -> Standing:
        """Look once more, and remember it if it is new."""
        ...


@dataclass(frozen=True, slots=True)
class Door:
    """What every connection of one listener is judged by.

    Attributes:
        chain: the verifiers, usually a `Chain`.
        rules: the policy.
        skew_ms: how far ahead a sealer's clock may be.
        max_frame_bytes: the longest frame.
        deadlines: how long a peer may take.
    """

    chain: Opener
    rules: tuple[Rule, ...]
    skew_ms: int = 0
    max_frame_bytes: int = MAX_FRAME_BYTES
    deadlines: Deadlines = Deadlines()


class _State(enum.Enum):
    READING = "reading"
    PERSISTING = "persisting"
    APPLYING = "applying"
    REPORTING = "reporting"
    DONE = "done"


_NOTHING: Final[tuple[Effect, ...]] = ()


class Receiver:
    """Receives one request on one connection."""

    __slots__ = (
        "_decision", "_door", "_memory", "_reader", "_request", "_started", "_state", "_tick",
    )  # fmt: skip

    def __init__(self, door: Door, memory: AdmissionState, started: Tick) -> None:
        """Begin.

        Args:
            door: what the request is judged by.
            memory: what was taken before; it is looked at here and changed by the driver alone.
            started: when the peer connected.
        """
        self._door = door
        self._memory = memory
        self._started = started
        self._tick = started
        self._reader = FrameReader(door.max_frame_bytes)
        self._state = _State.READING
        self._request: ApplyRequest | None = None
        self._decision: Decision | None = None

    @property
    def wanted(self) -> int:
        """How many bytes of the peer are still wanted; never more than belong to its frame."""
        return self._reader.wanted if self._state is _State.READING else 0

    @property
    def buffered(self) -> int:
        """How many bytes are held for the peer."""
        return self._reader.buffered if self._state is _State.READING else 0

    @property
    def has_length(self) -> bool:
        """Whether the four bytes of length have come."""
        return self._reader.has_length

    def handle(self, event: Event) -> tuple[Effect, ...]:
        """Take one event; give what to do now, in this order."""
        match self._state, event:
            case _State.DONE, _:
                return _NOTHING
            case _, Tick():
                self._tick = event
                return self._judge_deadline()
            case _State.READING, Bytes() | Eof():
                return self._read(event)
            case _State.READING, Crowded(detail):
                return self._refuse(MalformedError(Reason.CROWDED_OUT, Stage.FRAME, detail))
            case _, Crowded() | Bytes() | Eof():
                return _NOTHING
            case _State.PERSISTING, Persisted(standing, outcome):
                return self._persisted(standing, outcome)
            case _State.PERSISTING, PersistFailed(refusal):
                return self._refuse(refusal)
            case _State.APPLYING, AppliedHere(applied):
                return self._conclude(Answer(Outcome.APPLIED), applied=applied)
            case _State.APPLYING, ApplyFailed(detail):
                told = detail if self._may_tell else ""
                return self._conclude(Answer(Outcome.FAILED, detail=told), detail=detail)
            case _State.REPORTING, Reported():
                return self._reply()
            case _:
                raise RuntimeError(
                    f"sealwire.receiver: {event!r} has no meaning while {self._state}"
                )

    def _judge_deadline(self) -> tuple[Effect, ...]:
        if self._state is not _State.READING:
            return _NOTHING
        waited_ms = self._tick.mono_ms - self._started.mono_ms
        deadlines = self._door.deadlines
        limit_ms = deadlines.frame_ms if self.has_length else deadlines.length_ms
        if waited_ms < limit_ms:
            return _NOTHING
        detail = f"{self.buffered} bytes in {waited_ms} ms; {limit_ms} ms are allowed"
        return self._refuse(MalformedError(Reason.FRAME_TIMEOUT, Stage.FRAME, detail))

    def _read(self, event: Bytes | Eof) -> tuple[Effect, ...]:
        try:
            if isinstance(event, Bytes):
                self._reader.receive_data(event.data)
            else:
                self._reader.receive_eof()
            frame = self._reader.next_event()
        except MalformedError as refusal:
            return self._refuse(refusal)
        return _NOTHING if frame is None else self._decide(frame)

    def _decide(self, frame: Frame) -> tuple[Effect, ...]:
        door, now_ms = self._door, self._tick.now_ms
        opened: Opened | None = None
        try:
            # 1. Every layer and every check; nothing is released before the last has passed.
            opened = door.chain.open(frame.payload, now_ms=now_ms, skew_ms=door.skew_ms)
            # 2. Seen before? Looking changes nothing; taking looks once more.
            standing = door.chain.look(
                opened, now_ms=now_ms, skew_ms=door.skew_ms, state=self._memory
            )
            if standing is Standing.SAME:
                return self._repeat(opened.claims, self._memory.outcome_of(opened))
            # 3. The document, now known to be from somebody we trust.
            request = read_request(opened)
            # 4. The policy, over the typed plan and never over the text.
            judge(door.rules, request)
        except RefusedError as refusal:
            return self._refuse(refusal, opened)
        except Exception as bug:  # noqa: BLE001 - a rule may be a third party's
            stage = Stage.LAYER if opened is None else Stage.POLICY
            internal = RefusedError(Reason.INTERNAL, stage, f"{type(bug).__name__} in the policy")
            internal.__cause__ = bug
            return self._refuse(internal, opened)
        self._request = request
        self._state = _State.PERSISTING
        return (Persist(opened),)

    def _persisted(self, standing: Standing, outcome: Outcome | None) -> tuple[Effect, ...]:
        request = self._request
        if request is None:
            raise RuntimeError("sealwire.receiver: a message was taken before it was read")
        if standing is Standing.SAME:
            return self._repeat(request.opened.claims, outcome)
        self._state = _State.APPLYING
        return (Apply(request),)

    def _repeat(self, claims: Claims, outcome: Outcome | None) -> tuple[Effect, ...]:
        """Answer a message that was decided before with its outcome; nothing is done."""
        decided = Outcome.FAILED if outcome is None else outcome
        return self._conclude(Answer(decided, repeated=True), claims=claims)

    def _refuse(self, refusal: RefusedError, opened: Opened | None = None) -> tuple[Effect, ...]:
        claims = self._claims(opened)
        told = refusal.stage.authenticated and self._knows_sender
        detail = refusal.detail
        if isinstance(refusal, PolicyError):
            detail = f"{refusal.rule}: {refusal.where}: {refusal.detail}"
        answer = Answer(
            Outcome.REFUSED,
            refusal.reason.value if told else "",
            detail if told and self._may_tell else "",
        )
        return self._conclude(
            answer, refusal.reason, refusal.stage, detail, claims, cause=refusal.__cause__
        )

    @property
    def _knows_sender(self) -> bool:
        """Whether a message that opened is from somebody who may hear more than "refused"."""
        return Guarantee.AUTHENTIC in self._door.chain.guarantees

    @property
    def _may_tell(self) -> bool:
        """Whether an answer in the clear may quote the request."""
        return self._knows_sender and Guarantee.CONFIDENTIAL not in self._door.chain.guarantees

    def _claims(self, opened: Opened | None) -> Claims | None:
        if opened is not None:
            return opened.claims
        return None if self._request is None else self._request.opened.claims

    def _conclude(
        self,
        answer: Answer,
        reason: Reason | None = None,
        stage: Stage | None = None,
        detail: str = "",
        claims: Claims | None = None,
        applied: Applied | None = None,
        cause: BaseException | None = None,
    ) -> tuple[Effect, ...]:
        claims = self._claims(None) if claims is None else claims
        self._decision = Decision(answer, reason, stage, detail, claims, applied, cause)
        self._state = _State.REPORTING
        return (Record(self._decision),)

    def _reply(self) -> tuple[Effect, ...]:
        decision = self._decision
        if decision is None:
            raise RuntimeError("sealwire.receiver: a decision was recorded before it was made")
        self._state = _State.DONE
        return (Reply(encode_frame(encode_answer(decision.answer))), Close())
