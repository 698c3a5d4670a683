"""The service: drives receivers, and performs what they ask for.

Rules this module keeps:

1. It is the one place where memory, logging tree and log meet; the receiver decides, this performs.
2. The memory's gate is held around every step of every receiver, and never while a peer is waited
   for.
3. Nothing that goes wrong here reaches the host's thread, or ends ours.
4. "Now" is the wall clock, or the greatest time seen where the clock went back.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from sealwire.clock import boot_ms, monotonic_ms
from sealwire.engine import Done, Engine
from sealwire.errors import ApplyError, Reason, RefusedError, Stage
from sealwire.eventlog import EventLog, log_bug
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
from sealwire.receipts import Outcome as InstanceOutcome
from sealwire.receiver import Door, Receiver
from sealwire.requests import Apply as ApplyRequest
from sealwire.requests import KeyringUpdate, Lease, Request, points_in
from sealwire.requests import Status as StatusRequest
from sealwire.stages import Answer, Applied, Mode, Outcome, Stream
from sealwire.stats import Stats
from sealwire.versions import Standing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from sealwire.answering import Answering
    from sealwire.custody import Custody
    from sealwire.documents import JsonValue, LoggingPlan
    from sealwire.durable import DurableState
    from sealwire.inforce import InForce
    from sealwire.memory import Keeper
    from sealwire.receipts import Shown, TrailPoint
    from sealwire.recording import Recorder, TrailState
    from sealwire.state import AdmissionState
    from sealwire.workers import Workers


_KEPT: Final = frozenset({Stream.BASE, Stream.LEASE})
"""The streams of changes, of which a journal is kept."""

_REFUSAL_CHARS: Final = 200
"""Of a refusal in status; the log has all of it."""

_BEGIN_WAIT_S: Final = 2.0
"""For a change that hangs, before what stands is adopted without waiting for it."""


@dataclass(frozen=True, slots=True)
class Output:
    """What a transport is to do: send ``reply``, and close after it if ``close``."""

    reply: bytes = b""
    close: bool = False


class Session:
    """One connection, as a transport sees it. Bytes in, `Output` out."""

    __slots__ = ("_peer", "_receiver", "_service", "started_ms")

    def __init__(self, service: Service, peer: str, owner: str = "") -> None:
        """Begin a session.

        Args:
            service: what is asked.
            peer: who is at the other end, in words for the log.
            owner: its name, if the system says that it owns this process; see `localdoor`.
        """
        self._service = service
        self._peer = peer
        tick = service.tick()
        self.started_ms = tick.mono_ms
        self._receiver = Receiver(service.door, service.memory, tick, service.in_force, owner)

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
        durable: DurableState | None = None,
        answering: Answering | None = None,
        custody: Custody | None = None,
        workers: Workers | None = None,
    ) -> None:
        """Make a service.

        Args:
            door: what requests are judged by.
            apply: changes logging, or raises `ApplyError`; where there is no engine.
            on_event: is called with every decision, in the listener's thread.
            memory: what was taken before, and the gate; by default a new one.
            engine: what is in force; ``None`` serves configurations alone, and knows of nothing.
            durable: what outlives the process, together with ``engine``; ``None`` keeps nothing.
            answering: writes receipts; ``None`` answers unsigned.
            recorder: writes the trail; ``None`` where there is none.
            custody: follows the keyring; ``None`` where there is none.
            workers: the other processes of the service; ``None`` where this one is alone.
        """
        self.door = door
        self._apply = apply
        self._on_event = on_event
        self._log = EventLog()
        self._memory = memory or Memory()
        self._engine = engine
        self._durable = durable
        self._answering = answering
        self._recorder = recorder
        self._custody = custody
        self.workers = workers
        self._began_ms: int | None = None
        self._waited = False
        self._bound_ms = 0

    @property
    def memory(self) -> AdmissionState:
        """What was taken before."""
        return self._memory.state

    @property
    def _keeper(self) -> Keeper | None:
        """What keeps what is taken here: a state of our own, or of another door of the audience."""
        return self._durable or self._memory.keeper

    @property
    def in_force(self) -> InForce | None:
        """What stands and runs."""
        return None if self._engine is None else self._engine.in_force

    def begin(self) -> None:
        """Begin to serve an address; see `memory`.

        Raises:
            ConfigurationError: there is a state directory, and it is not one for this service.
            StateError: there is to be a trail, and it is another's or not as it was left.
        """
        answering, engine = self._answering, self._engine
        # What is kept on the disk shows that a change is new.
        challenging = self._durable is None and answering is not None and answering.challenging
        self._bound_ms = self._memory.begin(challenging=challenging)
        if engine is not None:
            self._begin_with(engine)
        self._began_ms = monotonic_ms()

    def _begin_with(self, engine: Engine) -> None:
        engine.in_force.mode = (Mode.DURABLE if self._durable else self.memory.mode).value
        if self.workers is None or self.workers.leads:
            self.begin_recording()
        engine.begin(self.door.policy)
        if self._durable is not None:
            with self._memory.hold_still(_BEGIN_WAIT_S):
                self._begin_durably(self._durable, engine)

    def end(self) -> None:
        """Serve no more."""
        self._began_ms = None
        if self._engine is not None:
            with self._memory.hold_still():
                if self._durable is not None:
                    # First: what ends now, because nobody is here to end it later, is to be there
                    # again after a start.
                    self._memory.keep_no_more(self._durable)
                    self._durable.end()
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
        engine, began_ms = self._engine, self._began_ms
        leases, next_revert_s = 0, None
        if engine is not None:
            leases, ends_ms = len(engine.in_force.overlay.leases), engine.next_revert_ms
            if ends_ms is not None:
                next_revert_s = max(0, ends_ms - boot_ms()) / 1000
        return replace(
            self._log.stats(),
            leases=leases,
            next_revert_s=next_revert_s,
            uptime_s=0.0 if began_ms is None else (monotonic_ms() - began_ms) / 1000,
            trail=self._trail_state(),
            journal=None if self._durable is None else self._durable.state(),
        )

    def tick(self) -> Tick:
        """Give the time."""
        return Tick(self._memory.now_ms(), monotonic_ms())

    @property
    def next_look_ms(self) -> int | None:
        """When `let_time_pass` is due at the latest, on the monotonic clock."""
        durable = None if self._durable is None else self._durable.next_look_ms
        engine = None if self._engine is None else self._engine.next_look_ms
        custody = None if self._custody is None else self._custody.next_look_ms
        workers = None if self.workers is None else self.workers.next_look_ms
        due = (durable, engine, custody, workers)
        return min((each for each in due if each is not None), default=None)

    def let_time_pass(self) -> None:
        """End what is over; log how many refusals were left out, when their minute is over."""
        self._log.tick(monotonic_ms())
        if self._custody is not None:
            self._custody.let_time_pass(self.tick().now_ms)
        if self._recorder is not None:
            self._recorder.let_time_pass()
        if self._engine is not None:
            self._engine.let_time_pass()
        if self._durable is not None:
            self._durable.let_time_pass()
            self._tell_of_writing(self._durable)

    def refuse_peer(self, peer: str) -> None:
        """Record that a peer was turned away before it sent a byte."""
        refusal = RefusedError(Reason.PEER_NOT_ALLOWED, Stage.FRAME, "this user may not connect")
        decision = Decision(Answer(Outcome.REFUSED), refusal.reason, refusal.stage, refusal.detail)
        self._record(decision, peer)

    def drive(self, receiver: Receiver, event: Event | None, peer: str) -> Output:
        """Feed the time and ``event`` to a receiver, and perform what it asks for."""
        with self._memory.hold_still(), self._letting_go():
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

    @contextmanager
    def _letting_go(self) -> Iterator[None]:
        """Hold the journal no longer than a step takes."""
        try:
            yield
        finally:
            if (keeper := self._keeper) is not None:
                keeper.release()
            if self._durable is not None:
                self._tell_of_writing(self._durable)

    def _tell_of_writing(self, durable: DurableState) -> None:
        """Have the others look where what could not be written has been, by whichever step."""
        waited, self._waited = self._waited, durable.waits
        if waited and not self._waited and self.workers is not None:
            self.workers.have_others_look()

    def _perform(self, effect: Survey | Persist | Apply | Record, peer: str) -> Event:
        if isinstance(effect, Survey):
            return self._survey(effect)
        if isinstance(effect, Persist):
            return self._take(effect)
        if isinstance(effect, Apply):
            return self._change(effect)
        self._record(effect.decision, peer)
        return Reported(self._signed(effect.decision))

    def _signed(self, decision: Decision) -> bytes:
        """Give the receipt for a decision; without one the answer goes out unsigned."""
        if self._answering is None:
            return b""
        now_ms = self.tick().now_ms
        points = self._trail_point(decision, now_ms)
        keyring = None if self._custody is None else self._custody.point()
        try:
            memory, in_force = self.memory, self.in_force
            return self._answering.receipt_for(decision, memory, in_force, now_ms, *points, keyring)
        except Exception as bug:  # noqa: BLE001 - what has been done is to be answered in any case
            log_bug("a bug of ours while writing a receipt; the answer is unsigned", bug)
            return b""

    def _trail_point(
        self, decision: Decision, now_ms: int
    ) -> tuple[TrailPoint | None, tuple[Shown, ...]]:
        """Say where the record stands, and what it says to the points that a request shows."""
        if self._recorder is None or decision.known is None:
            return None, ()
        opened, request = decision.opened or decision.copy, decision.request
        if opened is None:
            return self._recorder.point(), ()
        # What was refused, or is a copy, was not read as a request.
        points = (
            points_in(opened.content_type, opened.document) if request is None else request.trail
        )
        if not points:
            return self._recorder.point(), ()
        return self._recorder.look_at(points, opened, now_ms)

    def _take(self, effect: Persist) -> Event:
        opened = effect.request.opened

        def take() -> Standing:
            now_ms, skew_ms = self.tick().now_ms, self.door.skew_ms
            lost = self._durable is None and self.memory.kept_from is not None
            if lost and opened.claims.stream is not Stream.KEYRING:
                # Another listener of this process keeps what it takes, and this one does not.
                self.memory.check_sealed_after_process(opened.claims, skew_ms)
            if self.memory.mode is Mode.WAIT_OUT:
                # Bound again, it does not know what others took at this address meanwhile.
                self.memory.check_sealed_after_process(opened.claims, skew_ms, self._bound_ms)
            return self.door.chain.take(opened, now_ms=now_ms, skew_ms=skew_ms, state=self.memory)

        keeper = self._keeper if opened.claims.stream in _KEPT else None
        own = keeper is self._durable
        try:
            self._accept(effect)
            standing = take() if keeper is None else keeper.take(effect.request, take, own=own)
        except RefusedError as refusal:
            return PersistFailed(refusal)
        before = self.memory.outcome_of(opened) if standing is Standing.SAME else None
        if standing is Standing.NEW:
            self._log.accept()
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
        request = effect.request
        try:
            if effect.failed is not None:
                raise ApplyError(effect.failed.detail)
            elsewhere = self._is_elsewhere(request)
            if not elsewhere:
                self._check_meant(request)
            done = Done(done="for other processes") if elsewhere else self._do(request)
        except RefusedError as refusal:
            self._settle(request, Outcome.REFUSED)
            return RefusedHere(refusal)
        except ApplyError as error:
            self._settle(request, Outcome.FAILED)
            return ApplyFailed(str(error))
        except BaseException as bug:  # noqa: BLE001 - a constructor may raise anything
            self._settle(request, Outcome.FAILED)
            log_bug("a bug of ours while applying", bug)
            return ApplyFailed(f"{type(bug).__name__}, see the service's log")
        self._settle(request, Outcome.APPLIED, elsewhere=elsewhere)
        if self.workers is None or request.opened.claims.stream is Stream.READ:
            return AppliedHere(*done)
        return self._spread(self.workers, request, done, here=not elsewhere)

    def _is_elsewhere(self, request: Request) -> bool:
        """Whether this process writes a change for others to make, and does not make it."""
        if self.workers is None or self._durable is None:
            return False
        kept = request.opened.claims.stream in _KEPT
        return kept and self._durable.is_for_others(request)

    def _check_meant(self, request: Request) -> None:
        """Check that a request means this process: another door of it may lead to others as well.

        Raises:
            RefusedError: it means others, to which this door does not lead.
        """
        in_force = self.in_force
        if in_force is not None and not in_force.is_addressed(request):
            detail = f"this instance is {in_force.instance}"
            raise RefusedError(Reason.NOT_ADDRESSED, Stage.STANDING, detail)

    def _spread(self, workers: Workers, request: Request, done: Done, *, here: bool) -> Event:
        """Have the other processes follow; take a change back that too few have made."""
        unwritten = "" if self.in_force is None else self.in_force.unwritten
        if (keeper := self._keeper) is not None:
            keeper.release()
        rows = workers.spread(request, unwritten)
        may_be_taken_back = isinstance(request, (ApplyRequest, Lease))
        if self._engine is None or not may_be_taken_back or workers.is_enough(rows, here=here):
            return AppliedHere(*done._replace(instances=rows))
        lacking = [each for each in rows if each.outcome is InstanceOutcome.FAILED]
        why = f"{len(lacking)} of {len(rows) + 1} processes could not do it"
        if here:
            self._engine.take_back(request, why)
        elif self._durable is not None:
            self._durable.end_elsewhere(request)
        workers.spread(request)
        return ApplyFailed(f"{why}, so it was taken back: {lacking[0].detail}", rows)

    def hear(self) -> None:
        """Do what other processes of the service ask for."""
        if self.workers is not None:
            with self._letting_go():
                self.workers.listen(self._look_at_keyring)

    def _look_at_keyring(self) -> None:
        if self._custody is not None:
            self._custody.look(self.tick().now_ms)

    def _settle(self, request: Request, outcome: Outcome, *, elsewhere: bool = False) -> None:
        opened, keeper = request.opened, self._keeper
        if not opened.signed and self._engine is not None:
            # Its owner's, who has nothing taken.
            if keeper is not None and outcome is Outcome.APPLIED:
                keeper.ended(request)
            self._engine.tell_of_end()
            return
        if opened.claims.stream is Stream.KEYRING:
            return
        self.memory.settle(opened, outcome)
        if keeper is not None and opened.claims.stream in _KEPT:
            keeper.settle(outcome, request if elsewhere else None)

    def _begin_durably(self, durable: DurableState, engine: Engine) -> None:
        self._memory.keep(durable)
        try:
            durable.begin(self.memory)
        except BaseException:
            self._memory.keep_no_more(durable)
            durable.end()
            engine.end(self.door.policy)
            self._end_recording()
            raise

    def _do(self, request: Request) -> Done:
        now_ms, custody = self.tick().now_ms, self._custody
        if isinstance(request, KeyringUpdate) and custody is not None:
            return Done(done=custody.follow(request.opened))
        if self._engine is not None:
            ring = None if custody is None else custody.report(now_ms)
            beside = self._trail_state(), ring, self._rows_for(request), self._refusals_for(request)
            return self._engine.perform(request, now_ms, self.door.policy, *beside)
        if isinstance(request, ApplyRequest) and self._apply is not None:
            return Done(self._apply(request.plan))
        raise ApplyError(f"{request.verb.value} is not served here")

    def _rows_for(self, request: Request) -> JsonValue:
        """Give what every process says of itself, for whoever asks for that."""
        if self.workers is None or not isinstance(request, StatusRequest):
            return None
        return [{**row._asdict(), "leases": list(row.leases)} for row in self.workers.rows()]

    def _refusals_for(self, request: Request) -> JsonValue:
        """Give what was refused last, for whoever asks for that."""
        if not isinstance(request, StatusRequest):
            return None
        return [
            {
                "at_ms": each.at_ms,
                "issuer": each.issuer,
                "reason": each.reason,
                "detail": each.detail[:_REFUSAL_CHARS].encode(errors="replace").decode(),
                "peer": each.peer,
            }
            for each in self._log.last_refusals()
        ]

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

    def begin_recording(self) -> None:
        """Write the trail from now on: of several processes the one does that leads."""
        recorder, engine = self._recorder, self._engine
        if recorder is None or engine is None:
            return
        in_force = engine.in_force
        recorder.begin(self.door, in_force.instance, in_force.base.digest, in_force.mode)
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
        if self._recorder is not None:
            self._recorder.accept(effect.request, effect.sealed, self.tick().now_ms)

    def _trail_state(self) -> TrailState | None:
        """Say how the trail is doing; ``None`` where there is none."""
        return None if self._recorder is None else self._recorder.state()
