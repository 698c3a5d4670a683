"""Following the journal: what it says stands is put in force, and what was left is done again.

Rules this module keeps:

1. What the journal says stands is what this process does: it adopts that before it serves, and
   before each change what other processes have done since.
2. What was kept is verified again before it is used, at the time at which it was taken: whoever can
   write the state directory can make a service forget, and cannot make it do what nobody signed.
3. What does not outlive a start is put aside then, for as long as this process lasts, and said.
4. What was sent to stand on trial does so, or somebody has confirmed it: the message that did is
   kept and verified as well, so that a state without the trial does not make it stand.
5. What has ended and could not be written yet has ended all the same.
6. An intent that is found open is that of a process that died in the middle: it is made again, from
   the journal, unless that would begin a time on trial, or its keys would be refused now.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from sealwire.adopting import BaseThere, LeaseThere, OnNewSetup, Wanted, adopt
from sealwire.clock import boot_id, boot_ms
from sealwire.errors import ApplyError, ConfigurationError, RefusedError, StateError
from sealwire.eventlog import LOGGER, log_bug, log_to
from sealwire.inforce import Trial, lease_end_ms
from sealwire.journal import Held, Kept, Now, Remembered, Stored, StoredBase
from sealwire.receipts import Outcome as Become
from sealwire.requests import Apply, Confirm, Lease, Request, Revert, read_request
from sealwire.stages import Outcome, Stream
from sealwire.standing import (
    confirmed,
    decides,
    ended_by,
    standing,
    with_request,
    without_trial,
)
from sealwire.state import AdmissionState
from sealwire.versions import both

if TYPE_CHECKING:
    from pathlib import Path

    from sealwire.chain import Chain
    from sealwire.engine import Engine
    from sealwire.receiver import Door


class Follower:
    """Keeps one process where the journal is; the journal is held around calls.

    Attributes:
        state: what this process remembers, which is made to be what the journal says.
        seen: what the journal came to when it was followed last.
        starting: nothing has been followed since this process began to serve.
        beginning: whoever begins to serve is there to be told that the settings are wrong.
    """

    def __init__(
        self, folder: Path, door: Door, chain: Chain, engine: Engine, on_new_setup: OnNewSetup
    ) -> None:
        """Follow nothing yet.

        Args:
            folder: where the state is, in words for who is told.
            door: what requests are judged by.
            chain: verifies again what was kept.
            engine: what is in force.
            on_new_setup: what to do if the application has set itself up differently.
        """
        self._folder, self._door, self._chain = folder, door, chain
        self._engine, self._on_new_setup = engine, on_new_setup
        self.state = AdmissionState(0)
        self.seen: Remembered | None = None
        self.starting = self.beginning = False
        self._own: set[str] = set()
        self._elsewhere: set[str] = set()
        self._others = ""
        self._aside: dict[str, str] = {}
        self._state_id = b""

    def begin(self, state: AdmissionState) -> None:
        """Begin to serve.

        Args:
            state: what this process remembers.
        """
        self.state = state
        self.starting = self.beginning = True
        self._aside.clear()

    def taken(self, request: Request, there: Remembered, *, own: bool) -> None:
        """Know that a request has been taken here.

        Args:
            request: the request.
            there: what the journal comes to with its intent.
            own: whether it came by way of the door whose state this is.
        """
        if own:
            self._own.add(request.id)
        self._others = "" if own else request.id
        self.seen = there

    def done(self, request: Request, there: Remembered) -> None:
        """Know that a request has been done here; what it ends, it ends everywhere."""
        self._elsewhere -= ended_by(request, there)

    def standing(self, there: Remembered, done: Request | None = None) -> Stored:
        """Say what is in force of what the journal knows.

        Args:
            there: what the journal comes to.
            done: what has just been done, and is about to be settled.
        """
        return confirmed(standing(self._engine, there, self._elsewhere, self._others), done)

    def stands_elsewhere(self, request: Request, stored: Stored) -> Stored:
        """Give what is in force with a change that other processes are to make, and not this one.

        Args:
            request: the change.
            stored: what is in force without it.
        """
        if isinstance(request, (Apply, Lease)):
            self._elsewhere.add(request.id)
        return with_request(stored, request, self.state.clock_ms)

    def is_elsewhere(self, request: Revert) -> bool:
        """Whether what a request ends is in force for the service, and not in this process."""
        return self._ends_elsewhere(request, self.seen)

    def is_for_others(self, request: Request, there: Remembered | None) -> bool:
        """Whether a change is for other processes of the service, and not for this one.

        Args:
            request: the change.
            there: what the journal comes to; ``None`` where it has not been looked at.
        """
        ends = isinstance(request, Revert) and self._ends_elsewhere(request, there)
        return ends or not self._engine.in_force.is_addressed(request)

    def _ends_elsewhere(self, request: Revert, there: Remembered | None) -> bool:
        if there is None:
            return False
        if not request.what and request.opened.claims.stream is Stream.LEASE:
            # All of them, and so those of this process as well.
            return False
        return bool(ended_by(request, there) & self._elsewhere)

    def forget(self, request: Request) -> None:
        """Know that what was for others alone is not to stand."""
        self._elsewhere.discard(request.id)

    def remember(self, there: Remembered) -> None:
        """Take floors and time from the journal."""
        state = self.state
        # What this process has taken another way, for the same service, stays taken.
        for stream, taken in there.floors.items():
            state.floors[stream] = both(state.floors.get(stream), taken)
        state.kept_from = there.min_version
        state.observe(there.clock_ms)

    def follow(self, held: Held, *, first: bool) -> None:
        """Put in force what the journal says stands, and do again what was left in the middle.

        Args:
            held: the journal, held alone.
            first: nobody else was there when this process came.

        Raises:
            ConfigurationError: at the beginning, the application's set-up is a new one and
                ``on_new_setup`` says to refuse.
            StateError: the same later; or the journal cannot be written.
        """
        if held.remembered is self.seen:
            return
        there = replace(held.remembered, in_force=held.in_force)
        requests = self._adopted(there, first=first)
        trial = there.in_force.trial
        if trial is not None and trial.id in self._aside:
            # Others are not to find it either, and a second start is not to begin with it.
            held.note(Now(without_trial(there.in_force, trial)))
        if there.open_intent is not None:
            self._do_again(held, there.open_intent, requests[there.open_intent.id])
            # Nothing of what waits could be written before.
            held.flush()
        self.seen = held.remembered

    def look(self, there: Remembered) -> None:
        """Put in force what the journal says stands, which need not be held.

        What is found open here is not done again.

        Args:
            there: what it came to when it was looked at.

        Raises:
            StateError: the application's set-up is a new one, and is not to be changed.
        """
        if there is not self.seen:
            self._adopted(there, first=False)
            self.seen = there

    def _adopted(self, there: Remembered, *, first: bool) -> dict[str, Request | None]:
        """Put in force what stands; give all that is kept, as far as it verifies."""
        self.remember(there)
        if self._state_id not in {b"", there.state_id}:
            # Begun anew, while this process went on: what it knows nothing of stays as it is.
            self._own.clear()
            self._aside.clear()
        self._state_id = there.state_id
        self._own |= there.kept.keys()
        told: list[str] = []
        requests = {each.id: self._reopened(each, told) for each in there.kept.values()}
        wanted = self._wanted(there, requests, told)
        if self.starting and self._engine.changer.is_applications:
            self._judge_anew(there, wanted, requests, first=first)
        wanted = self._without_aside(wanted, told)
        # What stands is not ended here, also where this door cannot verify it: it may have come
        # through another one of this process.
        over = self._own - (there.in_force.ids - self._aside.keys())
        told += adopt(self._engine.changer, wanted, over, self.state.clock_ms, self._door.policy)
        self._elsewhere = self._not_here(there)
        for each in told:
            if each not in self._engine.in_force.set_aside:
                log_to(LOGGER, logging.ERROR, "state: set aside: %s", each)
        self._engine.in_force.set_aside = tuple(told)
        return requests

    def become_of(self, request_id: str, there: Remembered) -> tuple[Become, str]:
        """Say what has become of a request in this process, which has followed the journal.

        Args:
            request_id: the request.
            there: what the journal comes to.

        Returns:
            What has become of it, and why it is not as the journal says.
        """
        if request_id not in there.in_force.ids or request_id in self._here:
            # Where it does not stand it was a revert, or is over, and there is nothing to lack.
            return Become.APPLIED, ""
        named = (each for each in self._engine.in_force.set_aside if request_id[:8] in each)
        why = next(named, "")
        return (Become.FAILED, why) if why else (Become.NOT_ADDRESSED, "")

    def _not_here(self, there: Remembered) -> set[str]:
        """Name what stands for the service and not here, but for what was put aside or is over."""
        now_ms = self.state.clock_ms
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
            request = read_request(opened)
            if self._door.keys is not None:
                self._door.keys.judge_roles(request)
        except RefusedError as refusal:
            if kept.id in self._here:
                # Another door of this process has taken it, whose chain is another one.
                return None
            told.append(
                f"{kept.verb} {kept.id[:8]} of {kept.issuer}: it is not verified any more: "
                f"{refusal.reason.value}: {refusal.detail}"
            )
            return None
        return request

    def _wanted(
        self, there: Remembered, requests: dict[str, Request | None], told: list[str]
    ) -> Wanted:
        now_ms, boot = boot_ms(), boot_id()
        bases, leases = [], []
        for base in there.in_force.bases:
            request = requests[base.id]
            if not isinstance(request, Apply) or not self._engine.in_force.is_addressed(request):
                continue
            on_trial = there.in_force.trial is not None and there.in_force.trial.id == base.id
            if request.confirm_within_s and not on_trial and not self._is_kept(base, requests):
                told.append(
                    f"the configuration {base.id[:8]} of {request.opened.claims.iss}: it was sent "
                    "to stand on trial, and the journal has no message that confirmed it"
                )
                continue
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
                left_ms = min(lease_end_ms(request) - self.state.clock_ms, lease.left_ms)
                ends_ms = now_ms + left_ms
            # And in no case more than its length, which is signed (rule 5).
            ends_ms = min(ends_ms, now_ms + request.for_s * 1000)
            if ends_ms > now_ms:
                leases.append(LeaseThere(request, ends_ms))
        trial, trying = there.in_force.trial, None
        if trial is not None and bases and bases[-1].request.id == trial.id:
            request = bases[-1].request
            # As of a lease: no longer than was signed.
            ends_ms = min(trial.ends_boot_ms, now_ms + request.confirm_within_s * 1000)
            issuer = request.opened.claims.iss
            trying = Trial(trial.id, issuer, ends_ms, trial.ends_wall_ms)
        return Wanted(tuple(bases), tuple(leases), trying)

    def _is_kept(self, base: StoredBase, requests: dict[str, Request | None]) -> bool:
        """Whether a configuration that was on trial has been confirmed (rule 4)."""
        request = requests.get(base.confirmed_by)
        if not isinstance(request, Confirm) or request.what != base.id:
            # What stands here already, this process has seen confirmed, by whichever door.
            return base.id in self._here
        try:
            self._door.policy.judge(request)
        except RefusedError:
            return False
        return True

    def _judge_anew(
        self,
        there: Remembered,
        wanted: Wanted,
        requests: dict[str, Request | None],
        *,
        first: bool,
    ) -> None:
        """Put aside what does not outlive a start, as long as this process lasts."""
        bases = wanted.bases
        if wanted.trial is not None and first:
            intent = there.open_intent and requests[there.open_intent.id]
            if not decides(intent, wanted.trial.id):
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
            raise (ConfigurationError if self.beginning else StateError)(
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
        outcome, there = Outcome.FAILED, held.remembered
        elsewhere = request is not None and self.is_for_others(request, there)
        if request is None:
            outcome = Outcome.REFUSED
        elif not (isinstance(request, Apply) and request.confirm_within_s):
            # What would be on trial is not begun again: a start takes it back.
            outcome = self._performed(request, elsewhere=elsewhere)
        done = request if outcome is Outcome.APPLIED else None
        if done is not None:
            self.done(done, there)
        standing = self.standing(there, done)
        if done is not None and elsewhere:
            standing = self.stands_elsewhere(done, standing)
        held.settle(outcome, standing)
        log_to(
            LOGGER,
            logging.WARNING,
            "state: %s %s of %s was left in the middle; %s now",
            *(kept.verb, kept.id[:8], kept.issuer, outcome.name.lower()),
        )
        self.remember(held.remembered)

    def _performed(self, request: Request, *, elsewhere: bool) -> Outcome:
        now_ms, policy, in_force = self.state.clock_ms, self._door.policy, self._engine.in_force
        try:
            if self._door.keys is not None:
                # By the keys of now: that it had been accepted only the journal says.
                self._door.keys.judge(request, now_ms)
            if not (elsewhere and in_force.is_addressed(request)):
                # Where it ends something elsewhere, what runs here does not tell.
                in_force.check(request, now_ms)
            policy.judge(request)
            if not elsewhere:
                self._engine.perform(request, now_ms, policy)
        except RefusedError:
            return Outcome.REFUSED
        except ApplyError:
            return Outcome.FAILED
        except BaseException as bug:  # noqa: BLE001 - a class of the host's may raise anything
            log_bug("what was left in the middle could not be done again", bug)
            return Outcome.FAILED
        return Outcome.APPLIED
