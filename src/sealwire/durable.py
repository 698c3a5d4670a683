"""What outlives a process: the journal of a service, and what is in force, kept together.

Rules this module keeps:

1. A change is taken with an intent in the journal before it is made, and settled there before it is
   answered. The journal's lock is held from one to the other, so an intent that somebody finds open
   is of a process that died in the middle; whoever finds it does it again, from the journal.
2. Before each change this process is where the journal is; see `following`.
3. Going back waits for nothing. What has ended, by itself or for whoever asked, is written when
   that can be done, and before anything else; a crash before may undo it, and a lease ends in time
   in any case. It is answered that this is not written yet.
4. A message that goes back and could not be written does so once. One that ends leases ends
   nothing but what was begun before it, since whatever is begun later is taken in the journal, and
   overtakes it. One that names its configuration finds it once. One that means whichever is the
   last is taken only where it is known which that is by the journal.
5. A journal that is lost, cannot be trusted or cannot be written refuses changes, and nothing else.
   It is tried again with every change, and each second while something is unwritten.
"""

from __future__ import annotations

import logging
import os
import time
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Final

from sealwire import forks
from sealwire.adopting import OnNewSetup
from sealwire.chain import Chain
from sealwire.clock import monotonic_ms
from sealwire.errors import ConfigurationError, Reason, Stage, StateError, VerificationError
from sealwire.eventlog import LOGGER, log_bug, log_to
from sealwire.following import Follower
from sealwire.happenings import FilesClosed
from sealwire.journal import BusyError, Held, Kept, Now, Pending, Settled, StateDirectory, Unwritten
from sealwire.opened import Opened
from sealwire.receipts import Outcome as Become
from sealwire.requests import Request, Revert
from sealwire.stages import Outcome, Stream
from sealwire.state import AdmissionState
from sealwire.stats import JournalState
from sealwire.versions import Standing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from sealwire.engine import Engine
    from sealwire.journal import Remembered
    from sealwire.receiver import Door

MODE: Final = "durable"

_WAIT_S: Final = 2.0
"""For other processes of the service; each of them holds the journal for one change."""

_RETRY_MS: Final = 1_000
_BUSY_MS: Final = 20
"""How soon it is tried again while another process holds the journal."""


class DurableState:
    """The journal of a service, as one process uses it; the memory's gate is held around calls."""

    def __init__(
        self,
        folder: Path,
        door: Door,
        engine: Engine,
        on_new_setup: OnNewSetup = OnNewSetup.APPLICATION,
    ) -> None:
        """Name the state directory.

        Args:
            folder: the directory that ``sealwire state init`` made.
            door: what requests are judged by; its chain verifies again what was kept.
            engine: what is in force.
            on_new_setup: what to do if the application has set itself up differently.

        Raises:
            ConfigurationError: the door's chain is none.
        """
        chain = door.chain
        if not isinstance(chain, Chain):
            raise ConfigurationError("a state directory needs a chain that can verify again")
        self.folder, self._audience, self._engine = folder, chain.audience, engine
        self._follower = Follower(folder, door, chain, engine, on_new_setup)
        self._opened: Opened | None = None
        self._held: Held | None = None
        self._holding = ExitStack()
        self._taken: Request | None = None
        self._serving = False
        self._retry_ms = 0
        self._busy_ms: int | None = None
        self._written = JournalState()
        self._unwritten: Request | None = None
        self._pending = Pending()
        self.trouble = ""
        forks.watch(self)

    # ---- life ----------------------------------------------------------------------------------

    def check_folder(self) -> None:
        """Check that the directory is one for this service, without looking at what it holds.

        Raises:
            ConfigurationError: it is not, or is not there.
        """
        # What is lost is told when it is opened, and refuses changes alone.
        with suppress(StateError):
            StateDirectory.open(self.folder, self._audience).close()

    def begin(self, state: AdmissionState) -> None:
        """Adopt what stands, before anybody is served.

        Args:
            state: what this process remembers; it is made to be what the journal says.

        Raises:
            ConfigurationError: the directory is not one for this service, or the application's
                set-up is a new one and ``on_new_setup`` says to refuse.
        """
        self._follower.begin(state)
        self._engine.in_force.mode = MODE
        self._engine.in_force.is_elsewhere = self._follower.is_elsewhere
        state.kept_from = 0
        self._serving = True
        self._engine.on_end.append(self._note)
        try:
            with self.held():
                pass
        except StateError as error:
            self._tell(str(error))
        finally:
            self._follower.beginning = False

    def end(self) -> None:
        """Serve no more; what runs is still there after a start."""
        self._serving = False
        if self._note in self._engine.on_end:
            self._engine.on_end.remove(self._note)
        self.release()
        self._close()

    def abandon(self) -> None:
        """Close what a forked child inherited, which belongs to its parent."""
        self._serving = False
        self._held, self._holding = None, ExitStack()
        self._pending = Pending()
        if self._opened is not None:
            self._opened.journal.abandon()
            self._close()

    def hold_still(self, timeout_s: float) -> AbstractContextManager[None]:
        """Do nothing before a fork: the gate is the memory's."""
        return nullcontext(None)

    # ---- a change ------------------------------------------------------------------------------

    def take(self, request: Request, take: Callable[[], Standing], *, own: bool = True) -> Standing:
        """Take a change: see where others are, take it, and write that it is to be made.

        The journal is held until `release`.

        Args:
            request: what is asked for.
            take: takes its message in memory; what it raises is raised.
            own: whether it came by way of the door whose state this is. Of others it is kept that
                it was taken, and not what is in force: they may trust keys that this one does not.

        Raises:
            RefusedError: with ``STATE_UNAVAILABLE``, or with ``REPLAYED`` where the journal has its
                id in force; nothing is taken.
        """
        standing: Standing | None = None
        state = self._follower.state
        before = state.floors
        try:
            held = self._hold()
            before = dict(state.floors)
            standing = take()
            if standing is Standing.NEW:
                self._taken = request
                self._intend(held, request, own=own)
        except StateError as error:
            self._tell(str(error))
            if self._may_go_back(request):
                standing = take() if standing is None else standing
                if standing is Standing.NEW:
                    self._unwritten = request
                    self._engine.in_force.unwritten = str(error)
                return standing
            # What was taken in memory has not been taken.
            state.floors = before
            raise VerificationError(Reason.STATE_UNAVAILABLE, Stage.ADMISSION, str(error)) from None
        except ValueError as error:
            state.floors = before
            raise VerificationError(Reason.REPLAYED, Stage.ADMISSION, str(error)) from None
        return standing

    def settle(self, outcome: Outcome, elsewhere: Request | None = None) -> None:
        """Write what became of the change that was taken; where that fails it is written later.

        The change stays as it is: whoever finds it unsettled makes it again.

        Args:
            outcome: what became of it.
            elsewhere: the change, where it is for other processes and was not made here.
        """
        if self._unwritten is not None:
            self._settle_unwritten(self._unwritten, outcome)
            return
        held = self._held
        if held is None or held.remembered.open_intent is None:
            return
        intent = held.remembered.open_intent
        if self._taken is not None and outcome is Outcome.APPLIED:
            self._follower.done(self._taken, held.remembered)
        done = self._taken if outcome is Outcome.APPLIED else None
        standing = self._follower.standing(held.remembered, done)
        if elsewhere is not None:
            standing = self._follower.stands_elsewhere(elsewhere, standing)
        try:
            with self._timed():
                held.settle(outcome, standing)
        except StateError as error:
            held.note(Settled(intent.digest, intent.stream, outcome, standing))
            self._tell(str(error))
        self._follower.seen = held.remembered

    def _may_go_back(self, request: Request) -> bool:
        """Whether a request is done though it cannot be written (rule 4)."""
        if not isinstance(request, Revert):
            return False
        if request.what or request.opened.claims.stream is Stream.LEASE:
            return True
        # Whoever has nothing to go back from may wait.
        return not self._engine.changer.is_applications and self._is_there()

    def _is_there(self) -> bool:
        """Whether this process is where the journal is, so that no copy is new here alone."""
        if self._held is None and self._opened is not None:
            try:
                return self._opened.journal.peek(0) is self._follower.seen
            except StateError:
                return False
        return self._held is not None

    def _settle_unwritten(self, request: Request, outcome: Outcome) -> None:
        self._unwritten = None
        there = self._there()
        if there is not None and outcome is Outcome.APPLIED:
            self._follower.done(request, there)
        if request.opened.claims.stream is Stream.LEASE:
            self._note()
        elif there is not None:
            left = self._follower.standing(there)
            self._wait_with(Unwritten(self._kept(request), outcome, left), there)

    def release(self) -> None:
        """Let others go on; this raises nothing."""
        self._held = None
        self._unwritten, self._engine.in_force.unwritten = None, ""
        try:
            self._holding.close()
        except (OSError, StateError) as error:
            # What was written has been. The lock goes with the file, and is had anew.
            self._close()
            self._tell(str(error))

    @contextmanager
    def held(self, wait_s: float = _WAIT_S) -> Iterator[None]:
        """Hold the journal, and be where it is.

        Args:
            wait_s: how long others are waited for, seconds.

        Raises:
            StateError: it cannot be had, trusted or written.
        """
        try:
            self._hold(wait_s)
            yield
        finally:
            self.release()

    def look(self, wait_s: float = _WAIT_S) -> None:
        """Be where the journal is, and keep nobody from it while that is put in force here.

        One that hangs in this would otherwise hold up all others, who look at the same time.

        Args:
            wait_s: how long others are waited for, seconds.

        Raises:
            StateError: it cannot be had or trusted; or, where something was left in the middle,
                written.
        """
        opened = self._at_hand(wait_s)
        there = opened.journal.peek(wait_s)
        unsettled = there.open_intent is not None or not opened.journal.healthy
        if opened.presence is None or unsettled or opened.is_replaced:
            # Whoever had begun it is gone, or its lock would not have been free; and what waits to
            # be written here is written now.
            with self.held(wait_s):
                return
        self._follower.look(there)
        self._follower.starting = False
        self._tell_of_health(opened)

    def ended(self, request: Request) -> None:
        """Have what a request of this process's owner ends end in the others as well.

        It is not taken; what is in force is written as after an end by itself.
        """
        if (there := self._there()) is not None:
            self._follower.done(request, there)

    def is_for_others(self, request: Request) -> bool:
        """Whether a change is for other processes of the service, and not for this one."""
        return self._follower.is_for_others(request, self._follower.seen)

    def end_elsewhere(self, request: Request) -> None:
        """Have the others end what they were to do, and this process was not."""
        self._follower.forget(request)
        self._note()

    def become_of(self, request_id: str) -> tuple[Become, str]:
        """Say what has become of a request in this process, which follows it; see `held`."""
        opened = self._opened
        if opened is None:
            return Become.FAILED, self.trouble or "the state is closed here"
        return self._follower.become_of(request_id, opened.journal.remembered)

    # ---- time ----------------------------------------------------------------------------------

    @property
    def next_look_ms(self) -> int | None:
        """When `let_time_pass` is due, on the monotonic clock; ``None`` if nothing is unwritten."""
        return self._retry_ms if self._serving and self.waits else None

    def let_time_pass(self) -> None:
        """Try again what could not be done before."""
        if not self.waits:
            self._busy_ms = None
        if not self._serving or not self.waits or monotonic_ms() < self._retry_ms:
            return
        self._retry_ms = monotonic_ms() + _RETRY_MS
        try:
            # Whoever ends leases comes by here, and waits for no other process.
            with self.held(wait_s=0):
                pass
            if self._opened is not None and not self._opened.journal.healthy:
                # What ended waits to be written, and until then nothing new is taken.
                self._tell(self._opened.journal.trouble)
        except BusyError as error:
            # All processes end a lease at the same moment; that is nothing to tell unless it lasts.
            now_ms = monotonic_ms()
            self._busy_ms = now_ms if self._busy_ms is None else self._busy_ms
            if now_ms - self._busy_ms < 1000 * _WAIT_S:
                self._retry_ms = now_ms + _BUSY_MS
            else:
                self._tell(error.lasting(_WAIT_S))
        except StateError as error:
            self._busy_ms = None
            self._tell(str(error))
        except Exception as bug:  # noqa: BLE001 - leases are ended by the thread that comes by here
            log_bug("the state could not be looked at", bug)

    @property
    def waits(self) -> bool:
        """Whether something could not be done, or written, and is tried again."""
        return bool(self.trouble) or (self._opened is not None and not self._opened.journal.healthy)

    def _note(self) -> None:
        """Write what is in force, since something has ended by itself; now, or when that works."""
        if self._serving and (there := self._there()) is not None:
            self._wait_with(Now(self._follower.standing(there)), there)

    def _there(self) -> Remembered | None:
        """What the journal came to when this process looked last; ``None`` if it never has."""
        return self._follower.seen if self._opened is None else self._opened.journal.remembered

    def _wait_with(self, record: Now | Unwritten, there: Remembered) -> None:
        """Write something, or let it wait, also for a journal that is not open now."""
        if self._opened is None:
            self._pending.add(record, there)
        else:
            # Writing it catches up with others, which is not to have followed them: what was seen
            # stays what it is, and the next change looks at all of it.
            self._opened.journal.note(record)

    # ---- holding the journal -------------------------------------------------------------------

    def _hold(self, wait_s: float = _WAIT_S) -> Held:
        """Hold the journal, and be where it is."""
        if self._held is not None:
            return self._held
        opened = self._at_hand(wait_s)
        try:
            self._held = self._holding.enter_context(opened.journal.exclusive(wait_s=wait_s))
            opened.be_there()
            self._follower.follow(self._held, first=opened.is_first)
        except BaseException:
            self.release()
            if opened.is_replaced:
                self._close()
            raise
        self._follower.starting = False
        self._tell_of_health(opened)
        return self._held

    def _at_hand(self, wait_s: float) -> Opened:
        """Give the state as it is open, or open the one that is there now."""
        if self._opened is not None and not self._opened.is_ours:
            # By a number that is another file's by now nothing is written or closed.
            self._say_closed()
            self._close()
        if self._opened is not None and self._opened.is_replaced:
            # What is written there is found by nobody who starts now.
            self._close()
        return self._open(wait_s)

    def _tell_of_health(self, opened: Opened) -> None:
        self._busy_ms = None
        if self.trouble and opened.journal.healthy:
            log_to(LOGGER, logging.WARNING, "state: changes are taken again")
            self.trouble = self._engine.in_force.trouble = ""

    def _open(self, wait_s: float) -> Opened:
        if self._opened is not None:
            return self._opened
        try:
            self._opened = Opened.open(self.folder, self._audience, self._pending, wait_s)
        except ConfigurationError as error:
            # What was right once may be a disk that is not there yet, or is there by now.
            if self._follower.beginning and os.path.lexists(self.folder):
                raise
            raise StateError(str(error)) from None
        return self._opened

    def _close(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()

    def _kept(self, request: Request) -> Kept:
        opened = request.opened
        claims = opened.claims
        return Kept(
            id=request.id,
            stream=claims.stream,
            version=claims.version,
            digest=opened.digest,
            issuer=claims.iss,
            verb=request.verb.value,
            message=opened.signed,
            from_layer=opened.from_layer,
            accepted_ms=self._follower.state.clock_ms,
            setup=self._engine.setup,
        )

    def _intend(self, held: Held, request: Request, *, own: bool) -> None:
        with self._timed():
            held.intend(self._kept(request), going_back=isinstance(request, Revert))
        self._follower.taken(request, held.remembered, own=own)

    # ---- telling -------------------------------------------------------------------------------

    def state(self) -> JournalState:
        """Say how the journal is doing; for any thread."""
        opened = self._opened
        trouble = self.trouble or ("" if opened is None else opened.journal.trouble)
        return self._written._replace(trouble=trouble)

    @contextmanager
    def _timed(self) -> Iterator[None]:
        """Time what is to be on the disk before a change goes on; what fails is not counted."""
        began_s = time.perf_counter()
        yield
        took_s, before = time.perf_counter() - began_s, self._written
        self._written = JournalState(
            before.writes + 1, before.seconds + took_s, max(before.longest_s, took_s)
        )

    def _say_closed(self) -> None:
        said = f"somebody in this process has closed files of {self.folder}; they are opened anew"
        log_to(LOGGER, logging.ERROR, "state: %s", said)
        self._engine.changer.observers.happened(FilesClosed(said))

    def _tell(self, trouble: str) -> None:
        if trouble != self.trouble:
            log_to(LOGGER, logging.ERROR, "state: changes are refused: %s", trouble)
        self.trouble = self._engine.in_force.trouble = trouble
        self._retry_ms = monotonic_ms() + _RETRY_MS
