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
2. Where policy looks at the logging tree it is surveyed first (`Survey`, `Surveyed`), and judged
   before anything is taken.
3. A message is taken at most once (`Persist`), and applied only if taking it said that it is new.
   What fails is taken first, also where surveying shows it: it was told that it had failed, so no
   copy of it is to be done later. What is refused is not taken.
4. Whatever goes wrong before authentication is answered with the same bytes. Afterwards the driver
   may give a receipt for the decision (`Reported`), which then goes out in the answer's place.
5. Time comes with `Tick`; the deadlines are total, on the monotonic clock, and a peer that trickles
   cannot extend them.
6. `handle` raises nothing that a peer can cause. An event in a state where it has no meaning is a
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
    RefusedHere,
    Reply,
    Reported,
    Survey,
    Surveyed,
    Tick,
)
from sealwire.framing import MAX_FRAME_BYTES, FrameReader, encode_frame
from sealwire.localdoor import LEAD, read_local
from sealwire.requests import Apply as ApplyRequest
from sealwire.requests import KeyringUpdate, Request, Verb, read_request
from sealwire.stages import Answer, Applied, Claims, Frame, Known, Opened, Outcome, Stream
from sealwire.versions import Standing

if TYPE_CHECKING:
    from sealwire.documents import Tree
    from sealwire.inforce import InForce
    from sealwire.policy import Policy
    from sealwire.receipts import Instance
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


class Keys(Protocol):
    """What a receiver needs of a keyring."""

    def judge(self, request: Request, now_ms: int) -> None:
        """Judge whether the keys of a request allow what it asks for, or raise `RefusedError`."""
        ...

    def judge_roles(self, request: Request) -> None:
        """Judge the same of what was kept, whose keys may have left service since."""
        ...


@dataclass(frozen=True, slots=True)
class Door:
    """What every connection of one listener is judged by.

    Attributes:
        chain: the verifiers, usually a `Chain`.
        policy: what a request may ask for.
        skew_ms: how far ahead a sealer's clock may be.
        max_frame_bytes: the longest frame.
        deadlines: how long a peer may take.
        verbs: what is served here at all.
        keys: the keyring in force; ``None`` where keys are settled by the chain alone.
    """

    chain: Opener
    policy: Policy
    skew_ms: int = 0
    max_frame_bytes: int = MAX_FRAME_BYTES
    deadlines: Deadlines = Deadlines()
    verbs: frozenset[Verb] = frozenset({Verb.APPLY})
    keys: Keys | None = None


class _State(enum.Enum):
    READING = "reading"
    SURVEYING = "surveying"
    PERSISTING = "persisting"
    APPLYING = "applying"
    REPORTING = "reporting"
    DONE = "done"


_NOTHING: Final[tuple[Effect, ...]] = ()


class Receiver:
    """Receives one request on one connection."""

    __slots__ = (
        "_asked_by_owner", "_copy", "_decision", "_door", "_failed", "_in_force", "_instances",
        "_known", "_memory", "_owner", "_reader", "_request", "_sealed", "_started", "_state",
        "_tick", "_told",
    )  # fmt: skip

    def __init__(
        self,
        door: Door,
        memory: AdmissionState,
        started: Tick,
        in_force: InForce | None = None,
        owner: str = "",
    ) -> None:
        """Begin.

        Args:
            door: what the request is judged by.
            memory: what was taken before; it is looked at here and changed by the driver alone.
            started: when the peer connected.
            in_force: what stands and runs; likewise. ``None`` where nothing is known of that.
            owner: who is at the other end, if the system says that they own this process; ``""``
                for everybody else, who needs a key.
        """
        self._owner = owner
        self._asked_by_owner = False
        self._in_force = in_force
        self._door = door
        self._memory = memory
        self._started = started
        self._tick = started
        self._reader = FrameReader(door.max_frame_bytes)
        self._state = _State.READING
        self._request: Request | None = None
        self._failed: ApplyFailed | None = None
        self._sealed = b""
        self._decision: Decision | None = None
        # What a receipt says beyond the answer: which message, and report and what is less.
        self._known: Known | None = None
        self._copy: Opened | None = None
        self._told: tuple[bytes, tuple[str, ...]] = (b"", ())
        self._instances: tuple[Instance, ...] = ()

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
            case _State.SURVEYING, Surveyed(before, after):
                return self._surveyed(before, after)
            case _State.PERSISTING, Persisted() | PersistFailed():
                return self._persisted(event)
            case _State.SURVEYING, ApplyFailed():
                self._failed = event
                return self._persist(self._asked())
            case _State.APPLYING, AppliedHere() | ApplyFailed() | RefusedHere():
                return self._applied(event)
            case _State.REPORTING, Reported(signed):
                return self._reply(signed)
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
        if self._owner and frame.payload.startswith(LEAD):
            return self._decide_for_owner(frame)
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
                return self._repeat(opened, self._memory.outcome_of(opened))
            # 3. The document, now known to be from somebody we trust.
            request = read_request(opened)
            self._check_served(request)
            if isinstance(request, KeyringUpdate):
                self._request, self._sealed = request, frame.payload
                # Its roots decide, and what they have signed is known to follow.
                return self._persist(request)
            if door.keys is not None:
                door.keys.judge(request, now_ms)
            # 4. The policy, over what was read and never over the text.
            door.policy.judge(request)
            # 5. Whether it can be done here and now.
            if self._in_force is not None:
                self._in_force.check(request, now_ms)
                door.policy.judge_new_loggers(request, self._in_force.count_new)
        except RefusedError as refusal:
            return self._refuse(refusal, opened)
        except Exception as bug:  # noqa: BLE001 - a rule may be a third party's
            return self._refuse(_internal(bug, opened), opened)
        self._request, self._sealed = request, frame.payload
        if door.policy.looks_at_trees(request):
            self._state = _State.SURVEYING
            return (Survey(request),)
        return self._persist(request)

    def _decide_for_owner(self, frame: Frame) -> tuple[Effect, ...]:
        """Do what an owner asks for: there is no key to judge, nothing to take, and no policy."""
        now_ms = self._tick.now_ms
        self._asked_by_owner = True
        try:
            request = read_local(frame.payload, self._owner, now_ms)
            self._request = request
            self._check_served(request)
            if self._in_force is not None:
                self._in_force.check(request, now_ms)
        except RefusedError as refusal:
            return self._refuse(refusal)
        self._state = _State.APPLYING
        return (Apply(request),)

    def _check_served(self, request: Request) -> None:
        """Refuse what this door does not do, whoever asks."""
        if request.verb not in self._door.verbs:
            raise _not_served(f"{request.verb.value} is not served here")
        # Where nobody could confirm it, it would go by itself, or stay for good.
        on_trial = isinstance(request, ApplyRequest) and request.confirm_within_s
        if on_trial and Verb.CONFIRM not in self._door.verbs:
            raise _not_served("apply on trial is not served here")

    def _surveyed(self, before: Tree, after: Tree) -> tuple[Effect, ...]:
        request = self._asked()
        try:
            self._door.policy.judge_tree(request, before, after)
        except RefusedError as refusal:
            return self._refuse(refusal)
        except Exception as bug:  # noqa: BLE001 - a role may be a third party's
            return self._refuse(_internal(bug, request.opened))
        return self._persist(request)

    def _asked(self) -> Request:
        if self._request is None:
            raise RuntimeError("sealwire.receiver: a request was decided on before it was read")
        return self._request

    def _persist(self, request: Request) -> tuple[Effect, ...]:
        self._state = _State.PERSISTING
        return (Persist(request, self._sealed),)

    def _persisted(self, event: Persisted | PersistFailed) -> tuple[Effect, ...]:
        if isinstance(event, PersistFailed):
            return self._refuse(event.refusal)
        request = self._asked()
        if event.standing is Standing.SAME:
            return self._repeat(request.opened, event.outcome)
        self._state = _State.APPLYING
        return (Apply(request, self._failed),)

    def _applied(self, event: AppliedHere | ApplyFailed | RefusedHere) -> tuple[Effect, ...]:
        if isinstance(event, RefusedHere):
            return self._refuse(event.refusal)
        if isinstance(event, ApplyFailed):
            told = event.detail if self._may_tell else ""
            self._instances = event.instances
            return self._conclude(Answer(Outcome.FAILED, detail=told), detail=event.detail)
        answer = Answer(Outcome.APPLIED, report=event.report if self._may_tell else b"")
        self._told, self._instances = (event.report, event.reduced), event.instances
        return self._conclude(answer, applied=event.applied, done=event.done)

    def _repeat(self, opened: Opened, outcome: Outcome | None) -> tuple[Effect, ...]:
        """Answer a message that was decided before with its outcome; nothing is done."""
        if opened.claims.stream is Stream.KEYRING:
            outcome = Outcome.APPLIED
        decided = Outcome.FAILED if outcome is None else outcome
        self._known, self._copy = opened.known, opened
        return self._conclude(Answer(decided, repeated=True), claims=opened.claims)

    def _refuse(self, refusal: RefusedError, opened: Opened | None = None) -> tuple[Effect, ...]:
        claims = self._claims(opened)
        known = refusal.known if opened is None else opened.known
        self._known = known if isinstance(known, Known) else None
        rule, where = "", ""
        told = refusal.stage.authenticated and self._knows_sender
        detail = refusal.detail
        if isinstance(refusal, PolicyError):
            detail = refusal.explained
            rule, where = refusal.rule, refusal.where
        answer = Answer(
            Outcome.REFUSED,
            refusal.reason.value if told else "",
            detail if told and self._may_tell else "",
        )
        return self._conclude(
            answer,
            refusal.reason,
            refusal.stage,
            detail,
            claims,
            cause=refusal.__cause__,
            opened=opened,
            rule=rule,
            where=where,
        )

    @property
    def _knows_sender(self) -> bool:
        """Whether a message that opened is from somebody who may hear more than "refused"."""
        return self._asked_by_owner or Guarantee.AUTHENTIC in self._door.chain.guarantees

    @property
    def _may_tell(self) -> bool:
        """Whether an answer in the clear may quote the request."""
        if self._asked_by_owner:
            return True
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
        done: str = "",
        cause: BaseException | None = None,
        opened: Opened | None = None,
        rule: str = "",
        where: str = "",
    ) -> tuple[Effect, ...]:
        claims = self._claims(None) if claims is None else claims
        request, (report, reduced) = self._request, self._told
        known = self._known if request is None else request.opened.known
        if self._asked_by_owner or not self._knows_sender:
            known = None
        if opened is None and request is not None:
            opened = request.opened
        self._decision = Decision(
            answer, reason, stage, detail, claims, applied, done, cause,
            known, request, self._copy, report, reduced, opened, rule, where, self._instances,
        )  # fmt: skip
        self._state = _State.REPORTING
        return (Record(self._decision),)

    def _reply(self, signed: bytes) -> tuple[Effect, ...]:
        decision = self._decision
        if decision is None:
            raise RuntimeError("sealwire.receiver: a decision was recorded before it was made")
        self._state = _State.DONE
        return (Reply(encode_frame(signed or encode_answer(decision.answer))), Close())


def _internal(bug: Exception, opened: Opened | None) -> RefusedError:
    stage = Stage.LAYER if opened is None else Stage.POLICY
    internal = RefusedError(Reason.INTERNAL, stage, f"{type(bug).__name__} in the policy")
    internal.__cause__ = bug
    return internal


def _not_served(detail: str) -> RefusedError:
    return RefusedError(Reason.VERB_NOT_SERVED, Stage.DOCUMENT, detail)
