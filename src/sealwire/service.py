"""The service: drives receivers, and performs what they ask for.

Rules this module keeps:

1. It is the one place where memory, logging tree and log meet; the receiver decides, this performs.
2. The memory's gate is held around every step of every receiver, and never while a peer is waited
   for.
3. Nothing that goes wrong here reaches the host's thread, or ends ours.
4. "Now" is the wall clock, or the greatest time seen where the clock went back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sealwire.clock import monotonic_ms
from sealwire.engine import Done, Engine
from sealwire.errors import ApplyError, Reason, RefusedError, Stage
from sealwire.eventlog import EventLog, Stats, log_bug
from sealwire.events import (
    AppliedHere,
    Apply,
    ApplyFailed,
    Bytes,
    Close,
    Crowded,
    Decision,
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
from sealwire.memory import Memory
from sealwire.receiver import Door, Receiver
from sealwire.requests import Apply as ApplyRequest
from sealwire.requests import Request
from sealwire.stages import Answer, Applied, Outcome
from sealwire.versions import Standing

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from sealwire.documents import LoggingPlan
    from sealwire.inforce import InForce
    from sealwire.recording import Recorder, TrailState
    from sealwire.state import AdmissionState


@dataclass(frozen=True, slots=True)
class Output:
    """What a transport is to do: send ``reply``, and close after it if ``close``."""

    reply: bytes = b""
    close: bool = False


class Session:
    """One connection, as a transport sees it. Bytes in, `Output` out."""

    __slots__ = ("_peer", "_receiver", "_service", "started_ms")

    def __init__(self, service: Service, peer: str) -> None:
        """Begin a session with ``peer``, said in words for the log."""
        self._service = service
        self._peer = peer
        tick = service.tick()
        self.started_ms = tick.mono_ms
        self._receiver = Receiver(service.door, service.memory, tick, service.in_force)

    @property
    def wanted(self) -> int:
        """How many bytes may be read from the peer; 0 once its request is complete."""
        return self._receiver.wanted

    @property
    def buffered(self) -> int:
        """How many bytes are held for the peer."""
        return self._receiver.buffered

    @property
    def has_length(self) -> bool:
        """Whether the four bytes of length have come."""
        return self._receiver.has_length

    def receive(self, data: bytes) -> Output:
        """Take bytes of the peer; ``b""`` is its end."""
        return self._drive(Bytes(data) if data else Eof())

    def let_time_pass(self) -> Output:
        """Judge the deadlines."""
        return self._drive(None)

    def crowd_out(self, detail: str) -> Output:
        """End this session, because its place is needed."""
        return self._drive(Crowded(detail))

    def _drive(self, event: Event | None) -> Output:
        return self._service.drive(self._receiver, event, self._peer)


class Service:
    """Everything behind a transport: one gate, one memory, one log."""

    def __init__(
        self,
        door: Door,
        apply: Callable[[LoggingPlan], Applied] | None = None,
        on_event: Callable[[Decision], None] | None = None,
        memory: Memory | None = None,
        engine: Engine | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        """Make a service.

        Args:
            door: what requests are judged by.
            apply: changes logging, or raises `ApplyError`; where there is no engine.
            on_event: is called with every decision, in the listener's thread.
            memory: what was taken before, and the gate; by default a new one.
            engine: what is in force; ``None`` serves configurations alone, and knows of nothing.
            recorder: writes the trail; ``None`` where there is none.
        """
        self.door = door
        self._apply = apply
        self._on_event = on_event
        self._log = EventLog()
        self._memory = memory or Memory()
        self._engine = engine
        self._recorder = recorder

    @property
    def memory(self) -> AdmissionState:
        """What was taken before."""
        return self._memory.state

    @property
    def in_force(self) -> InForce | None:
        """What stands and runs."""
        return None if self._engine is None else self._engine.in_force

    def begin(self) -> None:
        """Begin to serve an address; see `memory`.

        Raises:
            StateError: there is to be a trail, and it is another's or not as it was left.
        """
        self._memory.begin()
        self._begin_recording()
        if self._engine is not None:
            self._engine.begin(self.door.policy)

    def end(self) -> None:
        """Serve no more."""
        if self._engine is not None:
            with self._memory.hold_still():
                self._engine.end(self.door.policy)
        self._end_recording()

    def undisturbed(self) -> AbstractContextManager[None]:
        """Be the only one that does anything, forks included."""
        return self._memory.hold_still()

    @property
    def owes_a_line(self) -> bool:
        """Whether `let_time_pass` has to be called within the minute."""
        recorder = self._recorder
        return self._log.owes_a_line or (recorder is not None and recorder.owes_a_line)

    def stats(self) -> Stats:
        """Give the counts as they are now."""
        return replace(self._log.stats(), trail=self._trail_state())

    def tick(self) -> Tick:
        """Give the time."""
        return Tick(self._memory.now_ms(), monotonic_ms())

    @property
    def next_look_ms(self) -> int | None:
        """When `let_time_pass` is due at the latest, on the monotonic clock."""
        return None if self._engine is None else self._engine.next_look_ms

    def let_time_pass(self) -> None:
        """End what is over; log how many refusals were left out, when their minute is over."""
        self._log.tick(monotonic_ms())
        if self._recorder is not None:
            self._recorder.let_time_pass()
        if self._engine is not None:
            self._engine.let_time_pass()

    def refuse_peer(self, peer: str) -> None:
        """Record that a peer was turned away before it sent a byte."""
        refusal = RefusedError(Reason.PEER_NOT_ALLOWED, Stage.FRAME, "this user may not connect")
        decision = Decision(Answer(Outcome.REFUSED), refusal.reason, refusal.stage, refusal.detail)
        self._record(decision, peer)

    def drive(self, receiver: Receiver, event: Event | None, peer: str) -> Output:
        """Feed the time and ``event`` to a receiver, and perform what it asks for."""
        with self._memory.hold_still():
            reply, close = b"", False
            todo = list(receiver.handle(self.tick()))
            if event is not None:
                todo += receiver.handle(event)
            while todo:
                effect = todo.pop(0)
                if isinstance(effect, Reply):
                    reply += effect.data
                elif isinstance(effect, Close):
                    close = True
                else:
                    todo += receiver.handle(self._perform(effect, peer))
            return Output(reply, close)

    def _perform(self, effect: Survey | Persist | Apply | Record, peer: str) -> Event:
        if isinstance(effect, Survey):
            return self._survey(effect)
        if isinstance(effect, Persist):
            return self._take(effect)
        if isinstance(effect, Apply):
            return self._change(effect)
        self._record(effect.decision, peer)
        return Reported()

    def _take(self, effect: Persist) -> Event:
        opened = effect.opened
        try:
            self._accept(effect)
            standing = self.door.chain.take(
                opened, now_ms=self.tick().now_ms, skew_ms=self.door.skew_ms, state=self.memory
            )
        except RefusedError as refusal:
            return PersistFailed(refusal)
        before = self.memory.outcome_of(opened) if standing is Standing.SAME else None
        return Persisted(standing, before)

    def _survey(self, effect: Survey) -> Event:
        if self._engine is None:
            return ApplyFailed("this service does not look at its logging tree")
        try:
            return Surveyed(*self._engine.survey(effect.request))
        except ApplyError as error:
            return ApplyFailed(str(error))
        except BaseException as bug:  # noqa: BLE001 - a handler of the host's may raise anything
            log_bug("a bug of ours while reading the logging tree", bug)
            return ApplyFailed(f"{type(bug).__name__}, see the service's log")

    def _change(self, effect: Apply) -> Event:
        opened = effect.request.opened
        try:
            done = self._do(effect.request)
        except RefusedError as refusal:
            self.memory.settle(opened, Outcome.REFUSED)
            return RefusedHere(refusal)
        except ApplyError as error:
            self.memory.settle(opened, Outcome.FAILED)
            return ApplyFailed(str(error))
        except BaseException as bug:  # noqa: BLE001 - a constructor may raise anything
            self.memory.settle(opened, Outcome.FAILED)
            log_bug("a bug of ours while applying", bug)
            return ApplyFailed(f"{type(bug).__name__}, see the service's log")
        self.memory.settle(opened, Outcome.APPLIED)
        return AppliedHere(*done)

    def _do(self, request: Request) -> Done:
        if self._engine is not None:
            now_ms, trail = self.tick().now_ms, self._trail_state()
            return self._engine.perform(request, now_ms, self.door.policy, trail)
        if isinstance(request, ApplyRequest) and self._apply is not None:
            return Done(self._apply(request.plan))
        raise ApplyError(f"{request.verb.value} is not served here")

    def _record(self, decision: Decision, peer: str) -> None:
        tick = self.tick()
        self._log.record(decision, peer, tick.now_ms, tick.mono_ms)
        if self._recorder is not None:
            self._recorder.decided(decision, peer, tick.now_ms)
        if self._on_event is None:
            return
        try:
            self._on_event(decision)
        except BaseException as bug:  # noqa: BLE001 - sys.exit() there would end our thread alone
            log_bug("on_event raised", bug)

    # ---- the trail -----------------------------------------------------------------------------

    def _begin_recording(self) -> None:
        recorder, engine = self._recorder, self._engine
        if recorder is None or engine is None:
            return
        recorder.begin(self.door, engine.in_force.instance, engine.in_force.base.digest, "wait-out")
        engine.changer.observers.add(recorder)

    def _end_recording(self) -> None:
        recorder, engine = self._recorder, self._engine
        if recorder is None or engine is None:
            return
        engine.changer.observers.remove(recorder)
        recorder.end(engine.in_force.instance)

    def _accept(self, effect: Persist) -> None:
        """Record that a request is accepted, before anything is taken.

        Raises:
            RefusedError: with ``TRAIL_UNAVAILABLE``, for a change.
        """
        if self._recorder is not None and effect.request is not None:
            self._recorder.accept(effect.request, effect.sealed, self.tick().now_ms)

    def _trail_point(self) -> tuple[int, bytes] | None:
        """Give size and root of the trail for a receipt; ``None`` where there is none."""
        return None if self._recorder is None else self._recorder.point()

    def _trail_state(self) -> TrailState | None:
        """Say how the trail is doing; ``None`` where there is none."""
        return None if self._recorder is None else self._recorder.state()
