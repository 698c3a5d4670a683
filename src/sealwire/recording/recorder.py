"""The recorder of a service: what was decided and what happened goes into its trail.

Rules this module keeps:

1. A change is accepted when its record is on the disk and handed to every sink that is required; it
   waits for that `WAIT_S` at most. Otherwise it is refused before anything is taken.
2. Going back waits for nothing: it is noted, and written by a thread of its own.
3. Reading is not recorded, unless it is refused. Nothing is changed by it, and who holds a key
   could fill a disk with it.
4. A forked child records nothing: the trail is its parent's. It closes what it inherited.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from importlib import metadata
from typing import TYPE_CHECKING, Final

from sealwire import forks
from sealwire.clock import boot_id, boot_ms, monotonic_ms, wall_clock_ms
from sealwire.errors import Reason, RefusedError, Stage, StateError
from sealwire.eventlog import LOGGER, log_bug, log_to
from sealwire.receipts import TrailPoint, Unproved
from sealwire.recording import turning
from sealwire.recording.anchors import Mismatches, Question
from sealwire.recording.digests import keys_digest, policy_digest
from sealwire.recording.floods import Flood, Floods
from sealwire.recording.notes import Note, Ticket
from sealwire.recording.scribe import Scribe
from sealwire.requests import DryRun, Revert, Status
from sealwire.stages import Outcome
from sealwire.trail.condition import TrailState
from sealwire.trail.events import AnchorMismatch, ClockStepped, Started, Stopped, TrailFailed
from sealwire.trail.records import clipped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealwire.events import Decision
    from sealwire.happenings import Happening
    from sealwire.receipts import Shown
    from sealwire.receiver import Door
    from sealwire.recording.options import Trail
    from sealwire.requests import Request
    from sealwire.stages import Opened
    from sealwire.trail.events import Event

WAIT_S: Final = 2.0
"""How long a change waits for the disk and the sinks; everything else waits behind it."""

END_S: Final = 1.5
"""Less than a listener takes to stop."""

MAX_HELD: Final = 500
MAX_HELD_BYTES: Final = 8 * 1024 * 1024
"""Of notes that wait for the thread, and of the messages with them: what goes back is not refused,
and a disk that hangs is not to cost the host its memory. A record names a message by its digest."""

STEP_MS: Final = 1_000
"""By how much a clock has to be set to be an event; less is what keeping time does."""


class Recorder:
    """Records for one service, while it serves.

    Attributes:
        options: what its trail is to be.
    """

    def __init__(self, options: Trail, audience: str) -> None:
        """Know what is to be; `begin` opens the trail."""
        self.options, self._audience = options, audience
        self._scribe: Scribe | None = None
        self._thread: threading.Thread | None = None
        self._notes: list[Note] = []
        self._held_bytes = self._left_out = self._left_out_ms = 0
        self._ending = False
        self._locked = False
        self._wake = threading.Condition()
        self._io = threading.Lock()
        self._floods = Floods()
        self._state = TrailState(str(options.folder))
        self._point: TrailPoint | None = None
        self._question: Question | None = None
        self._mismatches = Mismatches()
        self._stuck = self._said = ""
        self._accepted = ""
        self._clock_ms: int | None = None

    # ---- life ----------------------------------------------------------------------------------

    def begin(self, door: Door, instance: str, base: str, persistence: str) -> None:
        """Open the trail, record the start, and write from now on.

        Args:
            door: what requests are judged by.
            instance: what this process is called.
            base: the digest of the base in force; ``""`` is the application's own.
            persistence: how what was taken is remembered.

        Raises:
            StateError: the trail is another's, another process writes it, or it is not as its last
                checkpoint says.
        """
        if self._thread is not None and self._thread.is_alive():
            raise StateError(f"the trail {self.options.folder} is still being written")
        started = Started(
            instance=clipped(instance),
            version=_version(),
            persistence=persistence,
            base=base or None,
            policy=policy_digest(door.policy),
            keyring=keys_digest(door.chain),
        )
        scribe = Scribe(self.options, self._audience, boot_id())
        first = Note(lambda _: (started,), wall_clock_ms())
        if scribe.open(first):
            log_to(LOGGER, 20, "a new trail was begun: %s", str(self.options.folder))
        self._scribe, self._notes, self._ending = scribe, [], False
        self._publish(scribe)
        forks.watch(self)
        self._thread = threading.Thread(
            target=self._run, args=(scribe,), name="sealwire-trail", daemon=True
        )
        try:
            self._thread.start()
        except BaseException:
            forks.unwatch(self)
            scribe.close()
            self._scribe = self._thread = None
            raise

    def end(self, instance: str) -> None:
        """Record the stop, and let the trail go."""
        thread = self._thread
        if thread is None:
            return
        self._note_floods(everything=True)
        stopped = Stopped(clipped(instance), "the listener stopped")
        with self._wake:
            self._notes.append(Note(lambda _: (stopped,), wall_clock_ms()))
            self._ending = True
            self._wake.notify()
        thread.join(END_S)
        if not thread.is_alive():
            self._thread = None
        forks.unwatch(self)

    @contextmanager
    def hold_still(self, timeout_s: float) -> Iterator[None]:
        """Write nothing while this process forks; see `forks`."""
        lock = self._io
        held = lock.acquire(timeout=timeout_s)
        try:
            yield
        finally:
            if held:
                lock.release()

    def abandon(self) -> None:
        """Record nothing any more, in a forked child (rule 4)."""
        scribe, self._scribe, self._thread = self._scribe, None, None
        self._wake, self._io = threading.Condition(), threading.Lock()
        self._notes, self._floods, self._point, self._question = [], Floods(), None, None
        if scribe is not None:
            scribe.abandon()

    # ---- what is told --------------------------------------------------------------------------

    def accept(self, request: Request, sealed: bytes, at: int) -> None:
        """Record that a request is accepted, before anything is taken or changed.

        Args:
            request: what is asked for; it has passed chain and policy.
            sealed: the message as it came, which is kept.
            at: the time, milliseconds since the epoch.

        Raises:
            RefusedError: with ``TRAIL_UNAVAILABLE``. Never for what goes back, or only looks.
        """
        if isinstance(request, (Status, DryRun)):
            return
        event = turning.accepted(request, at)
        kept = (request.opened.digest.hex(), sealed)
        if isinstance(request, Revert):
            self._put(Note(lambda _: (event,), at, kept))
            return
        if trouble := self.trouble:
            raise _unavailable(trouble)
        if trouble := self._wait_for(Note(lambda _: (event,), at, kept, ticket=Ticket())):
            raise _unavailable(trouble)
        self._accepted = request.id

    def decided(self, decision: Decision, peer: str, at: int) -> None:
        """Record what was decided; wait for the disk where something was changed.

        Args:
            decision: what was decided.
            peer: who was connected.
            at: the time, milliseconds since the epoch.
        """
        self.let_time_pass()
        answer = decision.answer
        if answer.repeated:
            return
        if answer.outcome is Outcome.REFUSED:
            if (flood := self._floods.take(decision, peer, at, monotonic_ms())) is not None:
                self._note_flood(flood, at)
        elif answer.outcome is Outcome.FAILED:
            self._put(Note(lambda salt: _known(turning.failed(decision, salt)), at))
        elif decision.opened is not None and decision.opened.claims.cti.hex() == self._accepted:
            # What was changed is recorded before it is answered. If that fails, it is in force
            # nevertheless, and recorded when writing works again.
            self._wait_for(Note(_nothing, at, ticket=Ticket()))
        self._accepted = ""

    def happened(self, happening: Happening) -> None:
        """Record what happened to logging; see `happenings.Observer`."""
        self._put(Note(lambda salt: turning.happened(happening, salt), self._now_ms()))

    def let_time_pass(self) -> None:
        """Record what is due, and say in the log what changed about the trail."""
        self._look_at_clock()
        self._note_floods()
        trouble = self.trouble
        if trouble != self._said:
            if trouble:
                log_to(LOGGER, 40, "changes are refused: %s", trouble)
            else:
                log_to(LOGGER, 30, "the trail is written again")
            self._said = trouble

    # ---- what is asked -------------------------------------------------------------------------

    @property
    def owes_a_line(self) -> bool:
        """Whether `let_time_pass` is due within the minute."""
        return self._floods.owes or self.trouble != self._said

    @property
    def trouble(self) -> str:
        """Why changes are refused; ``""`` while all is well."""
        return self._stuck or self._state.trouble

    def state(self) -> TrailState:
        """Say how the trail is doing."""
        return self._state._replace(trouble=self.trouble)

    def point(self) -> TrailPoint | None:
        """Give size and root of the trail, as they were last brought to the disk.

        ``None`` where it is not written, as while a second folder is.
        """
        return None if self._stuck else self._point

    def look_at(
        self, points: tuple[TrailPoint, ...], opened: Opened, at: int
    ) -> tuple[TrailPoint | None, tuple[Shown, ...]]:
        """Say whether points that a request shows belong to the trail; give its own as well.

        Args:
            points: what it shows.
            opened: the request.
            at: the time, milliseconds since the epoch.
        """
        question = Question(points)
        with self._wake:
            free = self._thread is not None and self._open_question is None and not self._stuck
            if free:
                self._question = question
                self._wake.notify()
        # Where the disk hangs on an earlier one, nobody waits for it again.
        if not free or not question.wait(WAIT_S):
            return self.point(), Question(points).shown
        for point, said in zip(points, question.shown, strict=True):
            if said.problem in {Unproved.ANOTHER, Unproved.LONGER} and question.point is not None:
                self._mismatched(point, said.problem.value, question.point.size, opened, at)
        return question.point, question.shown

    @property
    def _open_question(self) -> Question | None:
        """The question that waits for its answer; there is one at a time."""
        return self._question if self._question is not None and self._question.is_open else None

    def _mismatched(
        self, point: TrailPoint, problem: str, records: int, opened: Opened, at: int
    ) -> None:
        who = turning.who_of(opened)
        count = self._mismatches.take("" if who is None else who.key, monotonic_ms())
        if not count:
            return
        name = opened.claims.iss if who is None else who.owner
        log_to(LOGGER, 40, "%s shows a point of the trail that is none of it: %s", name, point)
        event = AnchorMismatch(
            opened.claims.cti.hex(), who, point.size, point.root, problem, records, count
        )
        self._put(Note(lambda _: (event,), at))

    # ---- the thread ----------------------------------------------------------------------------

    def _run(self, scribe: Scribe) -> None:
        wake, io, ending = self._wake, self._io, False
        while not ending:
            with wake:
                if not self._notes and not self._ending and self._open_question is None:
                    wake.wait(max(0.0, min(60.0, scribe.due_s() - time.monotonic())))
                notes, self._notes, self._held_bytes = self._notes, [], 0
                question = self._open_question
                notes += self._missing()
                ending = self._ending
            with io:
                try:
                    scribe.work(notes)
                    if question is not None:
                        scribe.answer(question)
                    if ending:
                        scribe.close()
                except Exception as bug:  # noqa: BLE001 - whoever waits is told, and the trail goes on
                    log_bug("a bug of ours while writing the trail", bug)
                    if question is not None:
                        question.give_up()
                    for note in notes:
                        if note.ticket is not None:
                            note.ticket.settle("a bug of ours, see the service's log")
                self._publish(scribe)

    def _publish(self, scribe: Scribe) -> None:
        head = scribe.on_disk
        self._state = scribe.state
        self._point = None if head is None else TrailPoint(head.size, head.root.hex())
        self._stuck = ""

    # ---- notes ---------------------------------------------------------------------------------

    def _put(self, note: Note) -> None:
        if self._thread is None:
            return
        size = 0 if note.sealed is None else len(note.sealed[1])
        with self._wake:
            if len(self._notes) >= MAX_HELD and note.ticket is None:
                self._left_out_ms = self._left_out_ms or note.at
                self._left_out += 1
                return
            if self._held_bytes + size > MAX_HELD_BYTES:
                note, size = replace(note, sealed=None), 0
            self._held_bytes += size
            self._notes.append(note)
            self._wake.notify()

    def _missing(self) -> list[Note]:
        """Give a record of what there was no room for."""
        since, lost, self._left_out, self._left_out_ms = self._left_out_ms, self._left_out, 0, 0
        if not lost:
            return []
        event = TrailFailed(since, "the disk took nothing for too long", lost)
        return [Note(lambda _: (event,), self._now_ms())]

    def _wait_for(self, note: Note) -> str:
        """Put a note and wait until it is written; say why it is not."""
        ticket = note.ticket
        self._put(note)
        if ticket is None:
            return ""
        if not ticket.wait(WAIT_S):
            self._stuck = f"the trail {self.options.folder} did not take a record in {WAIT_S:g} s"
            return self._stuck
        return ticket.trouble

    def _note_floods(self, *, everything: bool = False) -> None:
        for flood in self._floods.due(monotonic_ms(), everything=everything):
            self._note_flood(flood, self._now_ms())

    def _note_flood(self, flood: Flood, at: int) -> None:
        known = flood.decision.opened is not None
        # Only what was sealed with a key costs the disk something at once.
        self._put(Note(lambda salt: (_refused(flood, salt),), at, prompt=known))

    def _look_at_clock(self) -> None:
        """Record that the wall clock was set; a machine that slept has a clock that ran on."""
        wall_ms, ran_ms = wall_clock_ms(), boot_ms()
        before, self._clock_ms = self._clock_ms, wall_ms - ran_ms
        if before is not None and abs(self._clock_ms - before) > STEP_MS:
            event = ClockStepped(max(0, before + ran_ms), max(0, wall_ms))
            self._put(Note(lambda _: (event,), self._now_ms()))

    @staticmethod
    def _now_ms() -> int:
        return max(0, wall_clock_ms())


def _refused(flood: Flood, salt: bytes) -> Event:
    return turning.refused(flood.decision, flood.peer, flood.first, flood.last, flood.count, salt)


def _known(event: Event | None) -> tuple[Event, ...]:
    return () if event is None else (event,)


def _nothing(_: bytes) -> tuple[Event, ...]:
    return ()


def _unavailable(why: str) -> RefusedError:
    return RefusedError(Reason.TRAIL_UNAVAILABLE, Stage.STANDING, why)


def _version() -> str:
    return metadata.version("sealwire")
