"""A service that crashes, and somebody who knows what it may and may not do then.

Rules this module keeps, after each crash:

1. What was answered is in force, as the answer said. What was not answered is in force as a whole,
   or not at all.
2. The same bytes again tell which: they are answered with what became of them, and change nothing;
   or they were not taken, and are now. What was made before a crash is never new after it.
3. No process builds a configuration twice.
4. What was overtaken before a crash is refused after it.
"""

from __future__ import annotations

import random
import shutil
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from tests.crash.world import INFO, Ask, Kind, World

from sealwire import Client, NoAnswerError, RequestError, TransportError, deliver
from sealwire.cli.app import run
from sealwire.results import Result
from sealwire.stages import Outcome, Stream
from sealwire.transports.client import exchange

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tests.crash.running import Nursery, Service


AUDIENCE: Final = "payments@test"
BASE, LEASED = "payments.db", "payments.api"
MARGIN_S: Final = 2.5
"""A lease is for whole seconds, and a busy machine is late."""

_MANY: Final = 5
"""Leases; one issuer may have 16."""

_OF_ONE: Final = 0.5


def make_parts(folder: Path, chain: str = "local") -> Path:
    """Make a service's part and an operator's; give the service's settings."""
    made = folder / "made"
    arguments = ["init", AUDIENCE, "--both", "--owner", "alice", "--dir", str(made)]
    assert not run([*arguments, "--chain", chain])
    settings = made / "service.toml"
    text = settings.read_text()
    policy = '\n[policy]  # what a configuration may contain\nfactories = ["counted.counted"]\n'
    changed = text.replace("\n[policy]  # what a configuration may contain\n", policy)
    assert changed != text
    settings.write_text(changed)
    return settings


class Unanswered(NamedTuple):
    """A request of which nobody knows what became: what was asked, its bytes, its id, and when."""

    ask: Ask
    sealed: bytes
    id: str
    asked_s: float


class Follower:
    """Asks a service, and knows what has to be in force in it.

    Attributes:
        client: who asks.
        world: what has to be in force.
        service: the process that serves.
        sent: the message that was sent last.
        state: the state directory.
        first: a program that services run first, from the next one on.
    """

    def __init__(self, nursery: Nursery, settings: Path, chance: random.Random) -> None:
        """Begin with a service that is started now."""
        self._nursery, self._settings, self._chance = nursery, settings, chance
        self.client = Client.from_settings(
            settings.parent / "operator" / "operator.toml", deliver=self._deliver
        )
        self.world = World()
        self.state = settings.parent / "state"
        self.counts = settings.parent / "counts"
        self.counts.touch()
        self.sent = b""
        self._taken: list[tuple[Stream, bytes]] = []
        self._level = INFO
        self.first = ""
        self.kills = self.middles = self.repeats = 0
        self.service = nursery.start(settings)

    def _deliver(self, address: str, sealed: bytes, /, *, timeout_s: float) -> bytes:
        self.sent = sealed
        return exchange(address, sealed, timeout_s=timeout_s)

    # ---- asking --------------------------------------------------------------------------------

    def new(self, kind: Kind) -> Ask:
        """Think of a request."""
        self._level += 1
        if kind is Kind.LEASE:
            # Louder than what stands, as a lease has to be.
            return Ask(kind, 1 + self._level % (INFO - 1), self._chance.choice((1, 600, 600)))
        if kind is Kind.CONFIRM:
            return Ask(kind, of=self.world.bases[-1].id if self.world.bases else "0b" * 16)
        running = self.world.surely(time.time(), MARGIN_S)
        if kind is Kind.UNLEASE and running and self._chance.random() < _OF_ONE:
            return Ask(kind, of=self._chance.choice(running).id)
        return Ask(kind, self._level)

    def any(self) -> Ask:
        """Think of a request of any kind, such as makes sense."""
        self.world = replace(self.world, leases=self.world.perhaps(time.time(), MARGIN_S))
        if len(self.world.leases) > _MANY:
            return Ask(Kind.UNLEASE)
        usual = (Kind.APPLY, Kind.APPLY, Kind.TRIAL, Kind.REVERT, Kind.LEASE, Kind.LEASE)
        on_trial = (Kind.CONFIRM, Kind.CONFIRM, Kind.REVERT, Kind.LEASE, Kind.APPLY)
        kinds = on_trial if self.world.trial else (*usual, Kind.UNLEASE)
        return self.new(self._chance.choice(kinds))

    def ask(self, ask: Ask) -> Unanswered | None:
        """Ask for something, and see to it that the answer is as it has to be.

        Returns:
            The request, where nobody answered; ``None`` also where nobody was there to be asked.
        """
        asked_s = time.time()
        try:
            result = self.send(ask)
        except NoAnswerError as error:
            return Unanswered(ask, error.sealed, error.request_id, asked_s)
        except TransportError:
            return None
        except RequestError as error:
            result = error.result
        assert not result.repeated, ask
        self.follow(ask, result, asked_s)
        return None

    def send(self, ask: Ask) -> Result:
        """Send a request, whatever comes of it."""
        client = self.client
        if ask.kind in {Kind.APPLY, Kind.TRIAL}:
            within_s = 600 if ask.kind is Kind.TRIAL else 0
            return client.apply(self._document(ask.level), confirm_within_s=within_s)
        if ask.kind is Kind.CONFIRM:
            return client.confirm(ask.of)
        if ask.kind is Kind.REVERT:
            return client.revert(of=Stream.BASE)
        if ask.kind is Kind.LEASE:
            return client.lease({LEASED: ask.level}, for_s=ask.for_s)
        return client.revert(ask.of)

    def _document(self, level: int) -> dict[str, Any]:
        built = {"()": "counted.counted", "label": str(level), "counts": str(self.counts)}
        logger = {"level": level, "handlers": ["counted"]}
        return {"version": 1, "handlers": {"counted": built}, "loggers": {BASE: logger}}

    def follow(self, ask: Ask, result: Result, asked_s: float) -> None:
        """See to it that an answer is as it has to be, and go with it."""
        if ask.kind is Kind.LEASE and time.time() > asked_s + ask.for_s - 1:
            # It may have come too late; what runs for a second is over for `_compare` anyway.
            assert result.outcome in {Outcome.APPLIED, Outcome.REFUSED}, result
        else:
            then = self.world.after(ask, result.request_id, asked_s)
            expected = Outcome.REFUSED if then is None else Outcome.APPLIED
            assert expected is result.outcome, (ask, self.world, result)
        if result.outcome is Outcome.APPLIED:
            self.world = self.world.after(ask, result.request_id, asked_s) or self.world
            self._taken.append((_stream(ask), self.sent))

    # ---- going back in time --------------------------------------------------------------------

    def save(self) -> Callable[[], None]:
        """Keep what stands; give what puts it back, the service being dead."""
        state = self.state
        copy = Path(tempfile.mkdtemp(dir=state.parent)) / "state"
        shutil.copytree(state, copy)
        world, taken, level = self.world, list(self._taken), self._level

        def restore() -> None:
            self.service.kill()
            shutil.rmtree(state)
            shutil.copytree(copy, state)
            # Levels go on: what is asked for in two tries is not the same.
            self.world, self._taken, self._level = world, list(taken), max(level, self._level)

        return restore

    def prepare(self) -> Service:
        """Start the service, which does not listen yet."""
        self.service = self._nursery.prepare(self._settings, self.first)
        return self.service

    def start(self) -> None:
        """Start the service."""
        self.service = self._nursery.start(self._settings, self.first)

    # ---- after a crash -------------------------------------------------------------------------

    def recover(self, left: Unanswered | None) -> None:
        """Start the service again, and see to it that it keeps the rules.

        Args:
            left: the request that was not answered.
        """
        self.kills += 1
        dead = self.service.pid
        self.start()
        before = self.world
        if left is None:
            self.world = before.after_start()
            self.check()
        else:
            self._recover_from(left, dead)
        self.send_older()
        self.check()

    def _recover_from(self, left: Unanswered, dead: int) -> None:
        self.middles += 1
        ask, before = left.ask, self.world.after_start()
        then = self.world.after(ask, left.id, left.asked_s)
        made = before if then is None else then.after_start()
        was_made, was_not, built = self._is_seen(made), self._is_seen(before), self.built()
        assert was_made or was_not, (ask, before, made, self.client.status().report)
        self.sent = left.sealed
        answer = deliver(self.client.address, left.sealed)
        if not answer.repeated:
            # Not taken, so nothing of it was made before; it is now.
            assert was_not, (ask, before, answer)
            assert not built[dead, str(ask.level)], (ask, answer)
            self.world = before
            self.follow(ask, Result(answer, left.id), left.asked_s)
            return
        self.repeats += 1
        assert then is not None, (ask, before, answer)
        assert built == self.built(), (ask, answer)
        if answer.outcome is Outcome.APPLIED:
            assert was_made, (ask, before, answer)
            self.world = made
            self._taken.append((_stream(ask), left.sealed))
            return
        # Taken and not made: what a start would have taken back, or is over by then.
        if ask.kind is Kind.LEASE:
            assert (ask.for_s < MARGIN_S, Outcome.REFUSED) == (True, answer.outcome), answer
        else:
            assert (Kind.TRIAL, Outcome.FAILED) == (ask.kind, answer.outcome), answer
        assert was_not, (ask, before, answer)
        self.world = before

    def send_older(self) -> None:
        """Send again what was overtaken; it has to be refused."""
        stream = self._chance.choice((Stream.BASE, Stream.LEASE))
        sealed = [each for of, each in self._taken[-12:] if of is stream][:-1]
        if not sealed:
            return
        answer = deliver(self.client.address, self._chance.choice(sealed))
        assert (Outcome.REFUSED, "version-superseded") == (answer.outcome, answer.reason)

    # ---- looking -------------------------------------------------------------------------------

    def _is_seen(self, world: World) -> bool:
        """Whether ``world`` may be what is in force, as far as a look shows."""
        try:
            self._compare(world)
        except AssertionError:
            return False
        return True

    def check(self) -> None:
        """See to it that what has to be in force is, and nothing else; and that rule 3 is kept."""
        self._compare(self.world)
        twice = {each: count for each, count in self.built().items() if count > 1}
        assert {} == twice

    def _compare(self, world: World) -> None:
        report = self.client.status().report
        now_s = time.time()
        stands = world.bases[-1] if world.bases else None
        assert (stands.id if stands else "") == report["base"]["id"]
        assert (stands.level if stands else INFO) == self.service.level(BASE)
        assert world.trial == (report["confirm_by_ms"] is not None)
        running = [each["id"] for each in report["leases"]]
        surely, perhaps = world.surely(now_s, MARGIN_S), world.perhaps(now_s, MARGIN_S)
        assert {each.id for each in surely} <= set(running) <= {each.id for each in perhaps}
        if surely == perhaps:
            assert (surely[-1].level if surely else INFO) == self.service.level(LEASED)
        assert "" == report["trouble"]

    def built(self) -> Counter[tuple[int, str]]:
        """Count what was built: by which process, for which level."""
        lines = self.counts.read_text().splitlines()
        return Counter((int(pid), label) for pid, label in map(str.split, lines))


def _stream(ask: Ask) -> Stream:
    return Stream.LEASE if ask.kind in {Kind.LEASE, Kind.UNLEASE} else Stream.BASE
