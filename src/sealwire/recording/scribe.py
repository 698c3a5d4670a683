"""The scribe: brings notes into the trail, and keeps them where it cannot be written.

Rules this module keeps:

1. Nothing is lost that there is room for: a note that cannot be written waits, and is written first
   when writing works again, behind a record that says since when and why it did not.
2. Whoever waits is told at once, good or bad; what they were told stays true.
3. With a second folder, a trail of its own goes on there; with a full disk, the space in reserve
   takes what is taken back, and there is trouble until it is there again.
4. What was written is handed to the sinks afterwards, in its order.

One thread at a time; `recorder` owns it.
"""

from __future__ import annotations

import errno
import time
from typing import TYPE_CHECKING, Final

from sealwire.clock import wall_clock_ms
from sealwire.errors import StateError
from sealwire.recording.backlog import Backlog
from sealwire.recording.keeper import Keeper
from sealwire.recording.notes import Note
from sealwire.recording.options import OnFailure, Trail
from sealwire.recording.outage import Outage
from sealwire.recording.outlets import Outlets
from sealwire.recording.sinks import Line, line_of_checkpoint
from sealwire.trail.condition import TrailState
from sealwire.trail.events import TrailFailed
from sealwire.trail.records import clipped

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sealwire.recording.anchors import Question
    from sealwire.trail.checkpoint import Checkpoint

LAZY_S: Final = 5.0
"""How long what strangers have caused may wait for the disk: they are not to cost a sync each."""

_ATTEMPTS: Final = 3
"""At once: as it is, from the reserve, and in the second folder."""

_BAD_DISK: Final = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EFBIG, errno.EMFILE, errno.ENFILE}
)
"""What a service starts with all the same, refusing changes: it is no slip in its settings."""


class Scribe:
    """Writes the trail of one service.

    Attributes:
        trouble: why changes are refused; ``""`` while all is well.
    """

    def __init__(self, options: Trail, audience: str, boot: str) -> None:
        """Know what is to be; `open` opens it."""
        self._options = options
        self._main = Keeper(options.folder, audience, boot, options.key, options.segment_bytes)
        self._spill: Keeper | None = None
        if options.spill is not None:
            self._spill = Keeper(options.spill, audience, boot, options.key, options.segment_bytes)
        self._outlets = Outlets(options.sinks())
        self._backlog = Backlog()
        self._outage = Outage()
        self._sink_trouble, self._sink_since_ms = "", 0
        self._locked = False
        self._next_beat_s = 0.0
        self._checkpoint_ms = 0
        self._last_head: Checkpoint | None = None
        self._on_disk: Checkpoint | None = None

    # ---- what is known -------------------------------------------------------------------------

    @property
    def trouble(self) -> str:
        """Why changes are refused; ``""`` while all is well."""
        if self._locked:
            return "the trail could not be written once, and no change is made until a restart"
        if self._outage and not self._spilling:
            return self._outage.why
        keeper = self._spill if self._outage and self._spill is not None else self._main
        if keeper.low:
            return f"the disk of the trail {keeper.folder} is full"
        return self._sink_trouble

    @property
    def _spilling(self) -> bool:
        return self._spill is not None and self._spill.is_open

    @property
    def state(self) -> TrailState:
        """How the trail is doing."""
        head = self._last_head
        return TrailState(
            str(self._options.folder),
            0 if head is None else head.size,
            self._checkpoint_ms,
            len(self._backlog),
            self.trouble,
            self._spilling,
            self._locked,
            self._outlets.owed,
        )

    @property
    def on_disk(self) -> Checkpoint | None:
        """Size and root as they were last brought to the disk.

        What strangers have caused since may be lost with the power, so nobody is told of it.
        ``None`` where the trail itself is not written.
        """
        return None if self._outage else self._on_disk

    def answer(self, question: Question) -> None:
        """Say whether points belong to the trail."""
        question.answer(self.on_disk, self._main.prove)

    def due_s(self) -> float:
        """Give when `work` is due, on the monotonic clock in seconds, if nothing comes before."""
        due = self._next_beat_s
        if self._outage or self._sink_trouble or self._main.low:
            due = min(due, self._outage.next_try_s)
        if self._backlog.lazy_since_s is not None:
            due = min(due, self._backlog.lazy_since_s + LAZY_S)
        return due

    # ---- life ----------------------------------------------------------------------------------

    def open(self, first: Note) -> bool:
        """Open the trail, or begin one; write ``first`` and sign a checkpoint.

        Returns:
            Whether a new trail was begun.

        Raises:
            StateError: it is another's, another process writes it, or it is not as its last
                checkpoint says. A disk that is full or broken is trouble, and no error here.
        """
        new = False
        try:
            new = self._main.open(wall_clock_ms())
        except StateError as failure:
            if _errno_of(failure) not in _BAD_DISK:
                raise
            self._fail(str(failure))
        self.work([first])
        return new

    def close(self) -> None:
        """Sign a last checkpoint, and let everything go."""
        if not self._outage:
            self._beat()
        self._main.close()
        if self._spill is not None:
            self._spill.close()
        self._outlets.close()

    def abandon(self) -> None:
        """Let go of what a forked child inherited."""
        self._main.abandon()
        if self._spill is not None:
            self._spill.abandon()
        self._outlets.close()

    # ---- writing -------------------------------------------------------------------------------

    def work(self, notes: Iterable[Note]) -> None:
        """Write notes as far as possible, and do what is due; tell whoever waits."""
        tickets = []
        for note in notes:
            if note.ticket is not None:
                tickets.append(note.ticket)
            self._backlog.add(note)
        self._write()
        self._watch_sinks()
        if time.monotonic() >= self._next_beat_s:
            self._beat()
        behind = "records wait to be written" if self._backlog else ""
        for ticket in tickets:
            ticket.settle(self.trouble or behind)

    def _write(self) -> None:
        """Bring everything that waits into the trail, and hand it on."""
        lines: list[Line] = []
        for _ in range(_ATTEMPTS):
            try:
                keeper = self._open_one()
                prompt = self._backlog.drain(keeper, lines)
                if prompt or self._is_lazy_due():
                    keeper.sync()
                    self._backlog.lazy_since_s = None
                    if keeper is self._main:
                        self._on_disk = keeper.head
                self._refill(keeper)
            except StateError as failure:
                if not self._fail(str(failure)):
                    break
            else:
                if keeper is self._main:
                    self._last_head = keeper.head
                break
        self._outlets.give(lines)

    def _open_one(self) -> Keeper:
        """Give the keeper that is written: the trail's, or the second folder's.

        Raises:
            StateError: neither can be written, or it is too soon to try again.
        """
        main, spill, now_s = self._main, self._spill, time.monotonic()
        if self._outage and now_s < self._outage.next_try_s:
            if spill is None or not spill.is_open:
                raise StateError(self._outage.why)
            return spill
        at = wall_clock_ms()
        try:
            main.open(at)
            if self._outage:
                # A record for each try that comes to nothing would fill what is to be mended.
                main.sync()
                lost = self._backlog.lost
                main.append(TrailFailed(self._outage.since_ms, clipped(self._gap()), lost), at)
                main.sync()
                self._recovered()
        except StateError as failure:
            if spill is None:
                raise
            self._fail(str(failure))
            self._begin_spilling(spill, at)
            return spill
        return main

    def _begin_spilling(self, spill: Keeper, at: int) -> None:
        """Go on in the second folder, with what may not have got to the disk of the first."""
        if spill.is_open:
            return
        spill.open(at)
        said = f"the trail {self._main.folder} goes on here: {self._outage.why}"
        spill.append(TrailFailed(self._outage.since_ms, clipped(said), 0), at)
        for record in self._main.unsynced:
            spill.append(record.event, record.at)
        note = spill.checkpoint()
        self._outlets.give([line_of_checkpoint(note, at)])

    def _is_lazy_due(self) -> bool:
        since_s = self._backlog.lazy_since_s
        return since_s is not None and time.monotonic() >= since_s + LAZY_S

    def _refill(self, keeper: Keeper) -> None:
        if keeper.low and time.monotonic() >= self._outage.next_try_s:
            self._outage.look_rarely(time.monotonic())
            keeper.refill()

    # ---- checkpoints and sinks -----------------------------------------------------------------

    def _beat(self) -> None:
        """Sign a checkpoint, and hand it on."""
        self._next_beat_s = time.monotonic() + self._options.heartbeat_s
        spill = self._spill
        keeper = spill if self._outage and spill is not None and spill.is_open else self._main
        if not keeper.is_open:
            return
        try:
            note = keeper.checkpoint()
        except StateError as failure:
            self._fail(str(failure))
            return
        self._backlog.lazy_since_s = None
        if keeper is self._main:
            self._on_disk = note.checkpoint
        self._checkpoint_ms = wall_clock_ms()
        self._outlets.give([line_of_checkpoint(note, self._checkpoint_ms)])
        self._watch_sinks()

    def _watch_sinks(self) -> None:
        """Notice when a sink begins to fail, and record when it takes lines again."""
        self._outlets.give(())
        was, self._sink_trouble = self._sink_trouble, self._outlets.trouble
        now_s, at = time.monotonic(), wall_clock_ms()
        if self._sink_trouble:
            self._outage.look_soon(now_s)
            if not was:
                self._sink_since_ms = at
                self._lock()
        elif was:
            event = TrailFailed(self._sink_since_ms, clipped(was), self._outlets.take_lost())
            self._backlog.add_event(event, at)
            self._write()

    # ---- failing -------------------------------------------------------------------------------

    def _fail(self, why: str) -> bool:
        """Note that the trail cannot be written; give whether to try again right away."""
        now_s, outage = time.monotonic(), self._outage
        if outage.begin(why, wall_clock_ms()):
            self._lock()
            if self._main.low or self._spill is not None:
                # The reserve has just been given back, or there is a second folder.
                outage.next_try_s = now_s
                return True
        outage.put_off(now_s)
        return False

    def _gap(self) -> str:
        if self._spill is None or not self._spill.is_open:
            return self._outage.why
        return f"{self._outage.why}; {self._spill.head.size} records are in {self._spill.folder}"

    def _recovered(self) -> None:
        self._outage.end()
        self._backlog.lost = 0
        if self._spill is not None:
            self._spill.close()

    def _lock(self) -> None:
        if self._options.on_audit_failure is OnFailure.LOCK:
            self._locked = True


def _errno_of(error: BaseException | None) -> int:
    """Give the system's number behind an error, as far as it is known."""
    while error is not None:
        if isinstance(error, OSError) and error.errno:
            return error.errno
        error = error.__context__
    return 0
