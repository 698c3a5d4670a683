"""What outlives a process: the journal of a service, and what is in force, kept together.

Rules this module keeps:

1. A change is taken with an intent in the journal before it is made, and settled there before it is
   answered. The journal's lock is held from one to the other, so an intent that somebody finds open
   is of a process that died in the middle; whoever finds it does it again, from the journal.
2. What the journal says stands is what this process does: it adopts that before it serves, and
   before each change what other processes have done since.
3. Going back waits for nothing. What has ended by itself is written when that can be done; a crash
   before may undo it, and the end of a lease holds in any case.
4. A journal that is lost, cannot be trusted or cannot be written refuses changes, and nothing else.
   It is tried again with every change, and each second while something is unwritten.
5. What was kept is verified again before it is used, at the time at which it was taken: whoever can
   write the state directory can make a service forget, and cannot make it do what nobody signed.
"""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import TYPE_CHECKING, Final

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
from sealwire.inforce import Trial
from sealwire.journal import (
    StoredBase,
    Held,
    Stored,
    Journal,
    Kept,
    StoredLease,
    Remembered,
    StateDirectory,
    StoredTrial,
)
from sealwire.requests import Apply, Confirm, Lease, Request, read_request
from sealwire.stages import Outcome
from sealwire.versions import Standing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sealwire.engine import Engine
    from sealwire.receiver import Door
    from sealwire.stages import Opened
    from sealwire.state import AdmissionState

MODE: Final = "durable"

_TAKE_WAIT_S: Final = 2.0
"""For other processes of the service; each of them holds the lock for one change."""

_NOTE_WAIT_S: Final = 0.05
"""Nothing waits for a note, so it does not wait for others."""

_RETRY_MS: Final = 1_000


class DurableState:
    """The journal of a service, as one process uses it; the memory's gate is held around calls."""

    def __init__(
        self,
        folder: Path,
        audience: str,
        on_new_setup: OnNewSetup = OnNewSetup.APPLICATION,
    ) -> None:
        """Name the state directory.

        Args:
            folder: the directory that ``sealwire state init`` made.
            audience: the service; a directory of another one is refused.
            on_new_setup: what to do if the application has set itself up differently.
        """
        self._folder, self._audience, self._on_new_setup = folder, audience, on_new_setup
        self._journal: Journal | None = None
        self._held: Held | None = None
        self._holding = ExitStack()
        self._seen: Remembered | None = None
        self._own: set[str] = set()
        self._unsettled: tuple[Opened, Outcome] | None = None
        self._unwritten = self._serving = False
        self._retry_ms = 0
        self.trouble = ""
        forks.watch(self)

    # ---- life ----------------------------------------------------------------------------------

    def begin(self, door: Door, state: AdmissionState, engine: Engine) -> None:
        """Adopt what stands, before anybody is served.

        Raises:
            ConfigurationError: the directory is not one for this service, or the application's
                set-up is a new one and ``on_new_setup`` says to refuse.
        """
        chain = door.chain
        if not isinstance(chain, Chain):
            raise ConfigurationError("a state directory needs a chain that can verify again")
        self._chain, self._door, self._state, self._engine = chain, door, state, engine
        engine.in_force.mode = MODE
        state.kept_from = 0
        self._serving = True
        engine.on_end.append(self._ended)
        try:
            self._hold(_TAKE_WAIT_S, at_start=True)
        except StateError as error:
            self._tell(str(error))
        finally:
            self.release()

    def end(self) -> None:
        """Serve no more; what runs is still there after a start."""
        self._serving = False
        if self._ended in self._engine.on_end:
            self._engine.on_end.remove(self._ended)
        self.release()
        journal, self._journal, self._seen = self._journal, None, None
        if journal is not None:
            journal.close()

    def abandon(self) -> None:
        """Close what a forked child inherited, which belongs to its parent."""
        journal, self._journal, self._seen = self._journal, None, None
        self._held, self._holding = None, ExitStack()
        self._serving = False
        if journal is not None:
            journal.abandon()

    # ---- a change ------------------------------------------------------------------------------

    def take(self, request: Request, take: Callable[[], Standing]) -> Standing:
        """Take a change: see where others are, take it, and write that it is to be made.

        The journal is held until `release`.

        Args:
            request: what is asked for.
            take: takes its message in the state; what it raises is raised.

        Raises:
            RefusedError: with ``STATE_UNAVAILABLE``; nothing is taken.
        """
        try:
            held = self._hold(_TAKE_WAIT_S)
            standing = take()
            if standing is Standing.NEW:
                self._intend(held, request)
        except StateError as error:
            # What was taken in memory has not been taken.
            self._remember()
            self._tell(str(error))
            raise VerificationError(
                Reason.STATE_UNAVAILABLE, Stage.ADMISSION, str(error)
            ) from None
        return standing

    def settle(self, opened: Opened, outcome: Outcome) -> None:
        """Write what became of a change; where that fails it is written later.

        The change stays as it is: it is to be made again by whoever finds it unsettled.
        """
        self._unsettled = opened, outcome
        self._write_what_is_due()

    def release(self) -> None:
        """Let others go on."""
        self._held = None
        self._holding.close()

    # ---- time ----------------------------------------------------------------------------------

    @property
    def next_look_ms(self) -> int | None:
        """When `let_time_pass` is due, on the monotonic clock; ``None`` if nothing is unwritten."""
        return self._retry_ms if self._serving and self._is_due else None

    def let_time_pass(self) -> None:
        """Write what could not be written before."""
        if not self._serving or not self._is_due or monotonic_ms() < self._retry_ms:
            return
        self._retry_ms = monotonic_ms() + _RETRY_MS
        try:
            self._hold(_NOTE_WAIT_S)
            self._write_what_is_due()
        except StateError as error:
            self._tell(str(error))
        finally:
            self.release()

    @property
    def _is_due(self) -> bool:
        return self._unwritten or self._unsettled is not None or bool(self.trouble)

    def _ended(self) -> None:
        if self._serving:
            self._unwritten = True
            self._retry_ms = 0
            if self._held is None:
                self.let_time_pass()

    # ---- holding the journal -------------------------------------------------------------------

    def _hold(self, wait_s: float, *, at_start: bool = False) -> Held:
        """Hold the journal, and be where it is."""
        if self._held is not None:
            return self._held
        if self._journal is None:
            directory = StateDirectory.open(self._folder, self._audience)
            self._journal = Journal.open(directory)
        self._held = self._holding.enter_context(self._journal.exclusive(wait_s=wait_s))
        if self._held.remembered is not self._seen:
            self._write_what_is_due()
            self._follow(self._held, at_start=at_start)
        if self.trouble:
            log_to(LOGGER, logging.WARNING, "state: changes are taken again")
            self.trouble = self._engine.in_force.trouble = ""
        return self._held

    def _remember(self) -> None:
        """Take floors and time from the journal, where it can be read."""
        if self._held is None:
            return
        there, state = self._held.remembered, self._state
        state.floors = dict(there.floors)
        state.kept_from = there.min_version
        state.observe(there.clock_ms)

    def _intend(self, held: Held, request: Request) -> None:
        opened = request.opened
        claims = opened.claims
        held.intend(
            Kept(
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
        )
        self._own.add(request.id)
        self._seen = held.remembered

    def _write_what_is_due(self) -> None:
        """Settle what is unsettled, and note what has ended, if the journal is held."""
        held = self._held
        if held is None:
            return
        try:
            if self._unsettled is not None:
                opened, outcome = self._unsettled
                there = held.remembered.open_intent
                if there is not None and there.digest == opened.digest:
                    held.settle(outcome, self._standing(held.remembered))
                self._unsettled, self._unwritten = None, False
            elif self._unwritten:
                held.note(self._standing(held.remembered))
                self._unwritten = False
        except StateError as error:
            self._tell(str(error))
        else:
            self._seen = held.remembered

    def _standing(self, there: Remembered) -> Stored:
        """Say what is in force of what the journal knows."""
        changer, in_force, boot = self._engine.changer, self._engine.in_force, boot_id()
        now_ms = boot_ms()
        since = {each.id: each.since_ms for each in there.in_force.bases}
        since[in_force.base.id] = in_force.base.since_ms
        trial = in_force.trial
        return Stored(
            tuple(
                StoredBase(each, since.get(each, 0))
                for each in changer.base_ids
                if each in there.kept
            ),
            tuple(
                StoredLease(
                    each.id, boot, each.ends_ms, each.ends_wall_ms, max(0, each.ends_ms - now_ms)
                )
                for each in in_force.overlay.leases
                if each.id in there.kept
            ),
            None
            if trial is None or trial.id not in there.kept
            else StoredTrial(trial.id, boot, trial.ends_ms, trial.ends_wall_ms),
        )

    # ---- following the journal -----------------------------------------------------------------

    def _follow(self, held: Held, *, at_start: bool) -> None:
        """Put in force what the journal says stands, and do again what was left in the middle."""
        self._remember()
        there, in_force = held.remembered, self._engine.in_force
        self._own |= there.kept.keys()
        told: list[str] = []
        requests = {each.id: self._reopened(each, told) for each in there.kept.values()}
        wanted = self._wanted(there, requests)
        if at_start and self._engine.changer.is_applications:
            wanted = self._judged_anew(held, wanted, requests, told)
        told += adopt(
            self._engine.changer, wanted, self._own, self._state.clock_ms, self._door.policy
        )
        for each in told:
            log_to(LOGGER, logging.ERROR, "state: set aside: %s", each)
        in_force.set_aside = tuple(told)
        if there.open_intent is not None:
            self._do_again(held, there.open_intent, requests[there.open_intent.id])
        self._seen = held.remembered

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
            if isinstance(request, Apply):
                bases.append(BaseThere(request, base.since_ms))
        for lease in there.in_force.leases:
            request = requests[lease.id]
            ends_ms = lease.ends_boot_ms
            if not boot or lease.boot_id != boot:
                # Another clock by now: its end by the wall, and never more than it had left.
                left_ms = min(lease.ends_wall_ms - self._state.clock_ms, lease.left_ms)
                ends_ms = now_ms + left_ms
            if isinstance(request, Lease) and ends_ms > now_ms:
                leases.append(LeaseThere(request, ends_ms))
        trial, on_trial = there.in_force.trial, None
        if trial is not None and bases and bases[-1].request.id == trial.id:
            issuer = bases[-1].request.opened.claims.iss
            on_trial = Trial(trial.id, issuer, trial.ends_boot_ms, trial.ends_wall_ms)
        return Wanted(tuple(bases), tuple(leases), on_trial)

    def _judged_anew(
        self,
        held: Held,
        wanted: Wanted,
        requests: dict[str, Request | None],
        told: list[str],
    ) -> Wanted:
        """Leave out what does not outlive a start."""
        there = held.remembered
        if wanted.trial is not None and not held.others_live:
            intent = there.open_intent and requests[there.open_intent.id]
            confirmed = isinstance(intent, Confirm) and intent.what == wanted.trial.id
            if not confirmed:
                told.append(f"the configuration {wanted.trial.id[:8]}: nobody had confirmed it")
                wanted = wanted._replace(bases=wanted.bases[:-1], trial=None)
                self._unwritten = True
        if not wanted.bases:
            return wanted
        last = wanted.bases[-1].request
        if there.kept[last.id].setup in {b"", self._engine.setup}:
            return wanted
        new = (
            f"the configuration {last.id[:8]} of {last.opened.claims.iss}: the application has set "
            "up its logging differently since"
        )
        if self._on_new_setup is OnNewSetup.REFUSE:
            raise ConfigurationError(
                f'{new}, and on_new_setup is "refuse"; look at it with: sealwire state show '
                f'{self._folder}, and write "application" or "applied" there'
            )
        if self._on_new_setup is OnNewSetup.APPLIED:
            return wanted
        told.append(f'{new} (on_new_setup = "application")')
        return wanted._replace(bases=(), trial=None)

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
        self._remember()

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

    # ---- telling, and forks --------------------------------------------------------------------

    def _tell(self, trouble: str) -> None:
        if trouble != self.trouble:
            log_to(LOGGER, logging.ERROR, "state: changes are refused: %s", trouble)
        self.trouble = self._engine.in_force.trouble = trouble
        self._retry_ms = monotonic_ms() + _RETRY_MS

    def hold_still(self, timeout_s: float) -> AbstractContextManager[None]:
        """Do nothing before a fork: the gate is the memory's."""
        return nullcontext(None)
