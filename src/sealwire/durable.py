"""What outlives a process: the journal of a service, and what is in force, kept together.

Rules this module keeps:

1. A change is taken with an intent in the journal before it is made, and settled there before it is
   answered. The journal's lock is held from one to the other, so an intent that somebody finds open
   is of a process that died in the middle; whoever finds it does it again, from the journal.
2. What the journal says stands is what this process does: it adopts that before it serves, and
   before each change what other processes have done since.
3. Going back waits for nothing. What has ended by itself is written when that can be done; a crash
   before may undo it, and the end of a lease holds in any case. Leases are ended for whoever asks,
   whether that can be written or not: a copy of that message ends nothing but what was begun before
   it, since whatever is begun later is taken in the journal, and overtakes it.
4. A journal that is lost, cannot be trusted or cannot be written refuses changes, and nothing else.
   It is tried again with every change, and each second while something is unwritten.
5. What was kept is verified again before it is used, at the time at which it was taken: whoever can
   write the state directory can make a service forget, and cannot make it do what nobody signed.
"""

from __future__ import annotations

import logging
import os
import time
from contextlib import ExitStack, contextmanager, nullcontext
from typing import TYPE_CHECKING, Final, NamedTuple

from sealwire import forks
from sealwire.adopting import BaseThere, LeaseThere, OnNewSetup, Wanted, adopt
from sealwire.chain import Chain
from sealwire.clock import boot_id, boot_ms, monotonic_ms
from sealwire.errors import (
    ApplyError,
    ConfigurationError,
    Reason,
    RefusedError,
    Stage,
    StateError,
    VerificationError,
)
from sealwire.eventlog import LOGGER, log_bug, log_to
from sealwire.inforce import Trial, lease_end_ms
from sealwire.journal import (
    MAX_BASES,
    MAX_LEASES,
    Held,
    Journal,
    Kept,
    Now,
    Presence,
    Remembered,
    Settled,
    StateDirectory,
    Stored,
    StoredBase,
    StoredLease,
    StoredTrial,
)
from sealwire.requests import Apply, Confirm, Lease, Request, Revert, read_request
from sealwire.stages import Outcome, Stream
from sealwire.state import AdmissionState
from sealwire.stats import JournalState
from sealwire.versions import Standing, both

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from sealwire.engine import Engine
    from sealwire.receiver import Door

MODE: Final = "durable"

_WAIT_S: Final = 2.0
"""For other processes of the service; each of them holds the journal for one change."""

_RETRY_MS: Final = 1_000


class _Opened(NamedTuple):
    """A directory that is open, with what it holds."""

    directory: StateDirectory
    journal: Journal
    presence: Presence | None = None


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
        self._folder, self._on_new_setup = folder, on_new_setup
        self._chain, self._door, self._engine = chain, door, engine
        self._state = AdmissionState(0)
        self._opened: _Opened | None = None
        self._held: Held | None = None
        self._holding = ExitStack()
        self._seen: Remembered | None = None
        self._own: set[str] = set()
        self._elsewhere: set[str] = set()
        self._taken: Request | None = None
        self._others = ""
        self._aside: dict[str, str] = {}
        self._state_id = b""
        self._serving = self._starting = self._beginning = False
        self._retry_ms = 0
        self._written = JournalState()
        self._unwritten = False
        self.trouble = ""
        forks.watch(self)

    # ---- life ----------------------------------------------------------------------------------

    def begin(self, state: AdmissionState) -> None:
        """Adopt what stands, before anybody is served.

        Args:
            state: what this process remembers; it is made to be what the journal says.

        Raises:
            ConfigurationError: the directory is not one for this service, or the application's
                set-up is a new one and ``on_new_setup`` says to refuse.
        """
        self._state = state
        self._engine.in_force.mode = MODE
        state.kept_from = 0
        self._serving = self._starting = self._beginning = True
        self._aside.clear()
        self._engine.on_end.append(self._note)
        try:
            with self.held():
                pass
        except StateError as error:
            self._tell(str(error))
        finally:
            self._beginning = False

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
        before = self._state.floors
        try:
            held = self._hold()
            before = dict(self._state.floors)
            standing = take()
            if standing is Standing.NEW:
                self._taken = request
                self._intend(held, request, own=own)
        except StateError as error:
            self._tell(str(error))
            if _ends_leases(request):
                standing = take() if standing is None else standing
                self._unwritten = standing is Standing.NEW
                return standing
            # What was taken in memory has not been taken.
            self._state.floors = before
            raise VerificationError(Reason.STATE_UNAVAILABLE, Stage.ADMISSION, str(error)) from None
        except ValueError as error:
            self._state.floors = before
            raise VerificationError(Reason.REPLAYED, Stage.ADMISSION, str(error)) from None
        return standing

    def settle(self, outcome: Outcome) -> None:
        """Write what became of the change that was taken; where that fails it is written later.

        The change stays as it is: whoever finds it unsettled makes it again.
        """
        if self._unwritten:
            self._unwritten = False
            self._note()
            return
        held = self._held
        if held is None or held.remembered.open_intent is None:
            return
        intent = held.remembered.open_intent
        if self._taken is not None and outcome is Outcome.APPLIED:
            self._end_elsewhere(self._taken, held.remembered)
        standing = self._standing(held.remembered)
        try:
            with self._timed():
                held.settle(outcome, standing)
        except StateError as error:
            held.note(Settled(intent.digest, intent.stream, outcome, standing))
            self._tell(str(error))
        self._seen = held.remembered

    def release(self) -> None:
        """Let others go on; this raises nothing."""
        self._held = None
        self._unwritten = False
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

    # ---- time ----------------------------------------------------------------------------------

    @property
    def next_look_ms(self) -> int | None:
        """When `let_time_pass` is due, on the monotonic clock; ``None`` if nothing is unwritten."""
        return self._retry_ms if self._serving and self._is_due else None

    def let_time_pass(self) -> None:
        """Try again what could not be done before."""
        if not self._serving or not self._is_due or monotonic_ms() < self._retry_ms:
            return
        self._retry_ms = monotonic_ms() + _RETRY_MS
        try:
            # Whoever ends leases comes by here, and waits for no other process.
            with self.held(wait_s=0):
                pass
        except StateError as error:
            self._tell(str(error))
        except Exception as bug:  # noqa: BLE001 - leases are ended by the thread that comes by here
            log_bug("the state could not be looked at", bug)

    @property
    def _is_due(self) -> bool:
        return bool(self.trouble) or (self._opened is not None and not self._opened.journal.healthy)

    def _note(self) -> None:
        """Write what is in force, since something has ended by itself; now, or when that works."""
        if self._serving and self._opened is not None:
            # Writing it catches up with others, which is not to have followed them: what was seen
            # stays what it is, and the next change looks at all of it.
            journal = self._opened.journal
            journal.note(Now(self._standing(journal.remembered)))

    # ---- holding the journal -------------------------------------------------------------------

    def _hold(self, wait_s: float = _WAIT_S) -> Held:
        """Hold the journal, and be where it is."""
        if self._held is not None:
            return self._held
        if self._opened is not None and _is_replaced(self._folder, self._opened.directory):
            # What is written there is found by nobody who starts now.
            self._close()
        opened = self._open(wait_s)
        try:
            self._held = self._holding.enter_context(opened.journal.exclusive(wait_s=wait_s))
            if opened.presence is None:
                self._opened = opened = opened._replace(presence=Presence(opened.directory))
            self._follow(self._held, opened)
        except BaseException:
            self.release()
            if _is_replaced(self._folder, opened.directory):
                self._close()
            raise
        self._starting = False
        if self.trouble and opened.journal.healthy:
            log_to(LOGGER, logging.WARNING, "state: changes are taken again")
            self.trouble = self._engine.in_force.trouble = ""
        return self._held

    def _open(self, wait_s: float) -> _Opened:
        if self._opened is not None:
            return self._opened
        try:
            directory = StateDirectory.open(self._folder, self._chain.audience)
        except ConfigurationError as error:
            # What was right once may be a disk that is not there yet, or is there by now.
            if self._beginning and os.path.lexists(self._folder):
                raise
            raise StateError(str(error)) from None
        try:
            self._opened = _Opened(directory, Journal.open(directory, wait_s=wait_s))
        except BaseException:
            directory.close()
            raise
        return self._opened

    def _close(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            if opened.presence is not None:
                opened.presence.close()
            opened.journal.close()
            opened.directory.close()

    def _remember(self, there: Remembered) -> None:
        """Take floors and time from the journal."""
        state = self._state
        # What this process has taken another way, for the same service, stays taken.
        for stream, taken in there.floors.items():
            state.floors[stream] = both(state.floors.get(stream), taken)
        state.kept_from = there.min_version
        state.observe(there.clock_ms)

    def _intend(self, held: Held, request: Request, *, own: bool) -> None:
        opened = request.opened
        claims = opened.claims
        kept = Kept(
            id=request.id,
            stream=claims.stream,
            version=claims.version,
            digest=opened.digest,
            issuer=claims.iss,
            verb=request.verb.value,
            message=opened.signed,
            from_layer=opened.from_layer,
            accepted_ms=self._state.clock_ms,
            setup=self._engine.setup,
        )
        with self._timed():
            held.intend(kept, going_back=isinstance(request, Revert))
        if own:
            self._own.add(request.id)
        self._others = "" if own else request.id
        self._seen = held.remembered

    def _standing(self, there: Remembered) -> Stored:
        """Say what is in force of what the journal knows."""
        changer, in_force, boot = self._engine.changer, self._engine.in_force, boot_id()
        now_ms, kept = boot_ms(), there.kept.keys() - {self._others}
        bases = {
            each: StoredBase(each, in_force.base.since_ms)
            for each in changer.base_ids
            if each in kept
        }
        leases = {
            each.id: StoredLease(
                each.id, boot, each.ends_ms, each.ends_wall_ms, max(0, each.ends_ms - now_ms)
            )
            for each in in_force.overlay.leases
            if each.id in kept
        }
        # What stands and is not here, because it failed here or is for other processes, stays.
        stood = there.in_force
        wanted = self._elsewhere | bases.keys() | leases.keys()
        bases = {each.id: each for each in stood.bases if each.id in wanted} | {
            each: it for each, it in bases.items() if each not in {old.id for old in stood.bases}
        }
        leases = {each.id: each for each in stood.leases if each.id in wanted} | leases
        trial, on_trial = in_force.trial, None
        if trial is not None and trial.id in kept:
            on_trial = StoredTrial(trial.id, boot, trial.ends_ms, trial.ends_wall_ms)
        elif stood.trial is not None and stood.trial.id in self._elsewhere:
            on_trial = stood.trial
        last = tuple(bases.values())[-MAX_BASES:]
        if on_trial is not None and on_trial.id not in {each.id for each in last}:
            on_trial = None
        return Stored(last, tuple(leases.values())[-MAX_LEASES:], on_trial)

    def _end_elsewhere(self, request: Request, there: Remembered) -> None:
        """Take it that what was reverted ends everywhere."""
        if not isinstance(request, Revert):
            return
        if request.what:
            self._elsewhere.discard(request.what)
        elif request.opened.claims.stream is Stream.LEASE:
            self._elsewhere -= {each.id for each in there.in_force.leases}
        elif there.in_force.bases:
            self._elsewhere.discard(there.in_force.bases[-1].id)

    # ---- following the journal -----------------------------------------------------------------

    def _follow(self, held: Held, opened: _Opened) -> None:
        """Put in force what the journal says stands, and do again what was left in the middle."""
        there = held.remembered
        if there is self._seen:
            return
        self._remember(there)
        if self._state_id not in {b"", there.state_id}:
            # Begun anew, while this process went on: what it knows nothing of stays as it is.
            self._own.clear()
            self._aside.clear()
        self._state_id = there.state_id
        self._own |= there.kept.keys()
        told: list[str] = []
        requests = {each.id: self._reopened(each, told) for each in there.kept.values()}
        wanted = self._wanted(there, requests)
        if self._starting and self._engine.changer.is_applications:
            self._judge_anew(there, opened, wanted, requests)
        wanted = self._without_aside(wanted, told)
        # What stands is not ended here, also where this door cannot verify it: it may have come
        # through another one of this process.
        over = self._own - (there.in_force.ids - self._aside.keys())
        told += adopt(self._engine.changer, wanted, over, self._state.clock_ms, self._door.policy)
        self._elsewhere = self._not_here(there)
        trial = there.in_force.trial
        if trial is not None and trial.id in self._aside:
            # Others are not to find it either, and a second start is not to begin with it.
            held.note(Now(_without_trial(there.in_force, trial)))
        for each in told:
            if each not in self._engine.in_force.set_aside:
                log_to(LOGGER, logging.ERROR, "state: set aside: %s", each)
        self._engine.in_force.set_aside = tuple(told)
        if there.open_intent is not None:
            self._do_again(held, there.open_intent, requests[there.open_intent.id])
        self._seen = held.remembered

    def _not_here(self, there: Remembered) -> set[str]:
        """Name what stands for the service and not here, but for what was put aside or is over."""
        now_ms = self._state.clock_ms
        stands = {each.id for each in there.in_force.bases}
        stands |= {each.id for each in there.in_force.leases if each.ends_wall_ms > now_ms}
        return stands - self._here - self._aside.keys()

    @property
    def _here(self) -> set[str]:
        """What is in force in this process, by the ids of requests."""
        engine = self._engine
        return {*engine.changer.base_ids, *(each.id for each in engine.in_force.overlay.leases)}

    def _reopened(self, kept: Kept, told: list[str]) -> Request | None:
        """Verify again what was kept; ``None`` for what does not verify."""
        try:
            opened = self._chain.open(
                kept.message,
                now_ms=kept.accepted_ms,
                skew_ms=self._door.skew_ms,
                from_layer=kept.from_layer,
            )
            if (opened.digest, opened.claims.cti.hex()) != (kept.digest, kept.id):
                told.append(f"{kept.verb} {kept.id[:8]}: the journal names another message")
                return None
            return read_request(opened)
        except RefusedError as refusal:
            if kept.id in self._here:
                # Another door of this process has taken it, whose chain is another one.
                return None
            told.append(
                f"{kept.verb} {kept.id[:8]} of {kept.issuer}: it is not verified any more: "
                f"{refusal.reason.value}: {refusal.detail}"
            )
            return None

    def _wanted(self, there: Remembered, requests: dict[str, Request | None]) -> Wanted:
        now_ms, boot = boot_ms(), boot_id()
        bases, leases = [], []
        for base in there.in_force.bases:
            request = requests[base.id]
            if isinstance(request, Apply) and self._engine.in_force.is_addressed(request):
                bases.append(BaseThere(request, base.since_ms))
        for lease in there.in_force.leases:
            request = requests[lease.id]
            if not isinstance(request, Lease):
                continue
            if not self._engine.in_force.is_addressed(request):
                continue
            ends_ms = lease.ends_boot_ms
            if not boot or lease.boot_id != boot:
                # Another clock by now: its end by the wall, and never more than it had left.
                left_ms = min(lease_end_ms(request) - self._state.clock_ms, lease.left_ms)
                ends_ms = now_ms + left_ms
            # And in no case more than its length, which is signed (rule 5).
            ends_ms = min(ends_ms, now_ms + request.for_s * 1000)
            if ends_ms > now_ms:
                leases.append(LeaseThere(request, ends_ms))
        trial, on_trial = there.in_force.trial, None
        if trial is not None and bases and bases[-1].request.id == trial.id:
            issuer = bases[-1].request.opened.claims.iss
            on_trial = Trial(trial.id, issuer, trial.ends_boot_ms, trial.ends_wall_ms)
        return Wanted(tuple(bases), tuple(leases), on_trial)

    def _judge_anew(
        self,
        there: Remembered,
        opened: _Opened,
        wanted: Wanted,
        requests: dict[str, Request | None],
    ) -> None:
        """Put aside what does not outlive a start, as long as this process lasts."""
        bases = wanted.bases
        if wanted.trial is not None and opened.presence is not None and opened.presence.is_first:
            intent = there.open_intent and requests[there.open_intent.id]
            if not _decides(intent, wanted.trial.id):
                trial = wanted.trial.id
                self._aside[trial] = f"the configuration {trial[:8]}: nobody had confirmed it"
                bases = bases[:-1]
        if not bases:
            return
        last = bases[-1].request
        if there.kept[last.id].setup in {b"", self._engine.setup}:
            return
        new = (
            f"the configuration {last.id[:8]} of {last.opened.claims.iss}: the application has set "
            "up its logging differently since"
        )
        if self._on_new_setup is OnNewSetup.REFUSE:
            # Whoever serves by then, because the journal could not be read before, goes on.
            raise (ConfigurationError if self._beginning else StateError)(
                f'{new}, and on_new_setup is "refuse"; look at it with: sealwire state show '
                f'{self._folder}, and write "application" or "applied" there'
            )
        if self._on_new_setup is OnNewSetup.APPLICATION:
            told = f'{new} (on_new_setup = "application")'
            self._aside |= {each.request.id: told for each in bases}

    def _without_aside(self, wanted: Wanted, told: list[str]) -> Wanted:
        """Leave out what was put aside: it stays so, however often the journal is read anew."""
        bases = tuple(each for each in wanted.bases if each.request.id not in self._aside)
        found = (self._aside.get(each.request.id) for each in wanted.bases)
        told += dict.fromkeys(each for each in found if each is not None)
        on_trial = wanted.trial is not None and wanted.trial.id not in self._aside
        return wanted._replace(bases=bases, trial=wanted.trial if on_trial else None)

    def _do_again(self, held: Held, kept: Kept, request: Request | None) -> None:
        """Make a change that another process, or an earlier one, had begun and not settled."""
        outcome = Outcome.FAILED
        if request is None:
            outcome = Outcome.REFUSED
        elif not (isinstance(request, Apply) and request.confirm_within_s):
            # What would be on trial is not begun again: a start takes it back.
            outcome = self._performed(request)
        held.settle(outcome, self._standing(held.remembered))
        log_to(
            LOGGER,
            logging.WARNING,
            "state: %s %s of %s was left in the middle; %s now",
            *(kept.verb, kept.id[:8], kept.issuer, outcome.name.lower()),
        )
        self._remember(held.remembered)

    def _performed(self, request: Request) -> Outcome:
        now_ms, policy = self._state.clock_ms, self._door.policy
        try:
            self._engine.in_force.check(request, now_ms)
            policy.judge(request)
            self._engine.perform(request, now_ms, policy)
        except RefusedError:
            return Outcome.REFUSED
        except ApplyError:
            return Outcome.FAILED
        except BaseException as bug:  # noqa: BLE001 - a class of the host's may raise anything
            log_bug("what was left in the middle could not be done again", bug)
            return Outcome.FAILED
        return Outcome.APPLIED

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

    def _tell(self, trouble: str) -> None:
        if trouble != self.trouble:
            log_to(LOGGER, logging.ERROR, "state: changes are refused: %s", trouble)
        self.trouble = self._engine.in_force.trouble = trouble
        self._retry_ms = monotonic_ms() + _RETRY_MS


def _is_replaced(folder: Path, directory: StateDirectory) -> bool:
    """Whether the directory at a path is not the one that is open, or there is none."""
    try:
        here, there = os.fstat(directory.descriptor), os.stat(folder)  # noqa: PTH116 - two numbers
    except PermissionError:
        # Who has given up rights since may not look, and goes on.
        return False
    except OSError:
        return True
    return (there.st_dev, there.st_ino) != (here.st_dev, here.st_ino)


def _ends_leases(request: Request) -> bool:
    return isinstance(request, Revert) and request.opened.claims.stream is Stream.LEASE


def _decides(request: Request | None, trial: str) -> bool:
    """Whether a request that is to be done again is meant for what is on trial.

    It has to meet that: without it, a revert would take back the configuration before.
    """
    if not isinstance(request, (Confirm, Revert)):
        return False
    return request.opened.claims.stream is Stream.BASE and request.what in {"", trial}


def _without_trial(stored: Stored, trial: StoredTrial) -> Stored:
    bases = tuple(each for each in stored.bases if each.id != trial.id)
    return Stored(bases, stored.leases)
