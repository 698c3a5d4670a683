"""Clocks that jump: leases keep their length, floors hold, and what is refused says why.

libfaketime shifts the wall clock of the services, and no other: what runs on the monotonic clock
goes on. The one who asks has a clock that is right, unless a test says otherwise.
``SEALWIRE_CRASH_SHORT`` leaves most of the jumps out.
"""

from __future__ import annotations

import os
import random
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from tests.crash.following import AUDIENCE, BASE, LEASED, Follower
from tests.crash.running import Nursery
from tests.crash.waiting import wait_for_level
from tests.crash.world import INFO, Ask, Kind

from sealwire import Client, RequestRefusedError, deliver
from sealwire.cli.app import run
from sealwire.stages import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealwire import Answer

SHORT: Final = "SEALWIRE_CRASH_SHORT" in os.environ
LIBRARY: Final = Path(__file__).parents[2] / "build" / "crash" / "python"
DAY_S: Final = 86_400
YEAR_S: Final = 365 * DAY_S


def to_date(year: int) -> int:
    """Give how far away the middle of a year is, in whole days."""
    return (year - 1970) * YEAR_S - int(time.time()) // DAY_S * DAY_S


JUMPS: Final = {
    "1s": 1,
    "10min": 600,
    "day": DAY_S,
    "10years": 10 * YEAR_S,
    "2038": to_date(2039),
    "back-1s": -1,
    "back-10min": -600,
    "back-day": -DAY_S,
    "back-10years": -10 * YEAR_S,
    "before-1970": to_date(1965),
}
CHOSEN: Final = ("day", "before-1970") if SHORT else tuple(JUMPS)


class Clock:
    """The wall clock of the services."""

    def __init__(self, folder: Path) -> None:
        """Begin with the right time."""
        self._path = folder / "clock"
        self.shift(0)

    def shift(self, by_s: int) -> None:
        """Let it show another time from now on, also where it runs already."""
        new = self._path.with_name("clock.new")
        new.write_text(f"{by_s:+d}\n")
        new.rename(self._path)

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to look at it."""
        (library,) = LIBRARY.rglob("libfaketime.so.1")
        return {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._path),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }


@pytest.fixture
def clock(folder: Path) -> Clock:
    """Give the services' wall clock."""
    return Clock(folder)


@pytest.fixture
def nursery(folder: Path, clock: Clock) -> Iterator[Nursery]:
    """Give what starts services with that clock; none of them may raise anything."""
    log = folder / "log"
    with Nursery(log, clock.environment) as made:
        yield made
    assert "Traceback" not in log.read_text()
    assert "bug" not in log.read_text()


@pytest.fixture(params=CHOSEN)
def jump_s(request: pytest.FixtureRequest) -> int:
    """Give how far a clock jumps, in both directions."""
    return JUMPS[request.param]


def wall(follower: Follower) -> float:
    """Give the time that a service sees."""
    return float(follower.service.do("import time; told = time.time()"))


def shifted(follower: Follower, by_s: int) -> Client:
    """Give somebody who asks, whose clock is as wrong as the services'."""
    settings = follower.state.parent / "operator" / "operator.toml"
    client = Client.from_settings(settings)
    client.sealer._clock = lambda: round((time.time() + by_s) * 1000)
    return client


def test_leases_do_not_look_at_the_wall(follower: Follower, clock: Clock, jump_s: int) -> None:
    """A jump ends none, and makes none longer."""
    assert follower.ask(Ask(Kind.LEASE, level=10, for_s=6)) is None
    clock.shift(jump_s)
    assert abs(wall(follower) - time.time() - jump_s) < 1
    time.sleep(1.1)
    assert 10 == follower.service.level(LEASED)
    wait_for_level(follower.service, LEASED, INFO)


def test_leases_outlive_a_start_at_another_time(
    follower: Follower, clock: Clock, jump_s: int
) -> None:
    """What ran goes on, and ends as if nothing had been; what is over does not begin again."""
    for for_s, then in ((4, 10), (1, INFO)):
        assert follower.ask(Ask(Kind.LEASE, level=10, for_s=for_s)) is None
        follower.service.kill()
        clock.shift(jump_s)
        time.sleep(1.1 if then == INFO else 0)
        follower.start()
        assert then == follower.service.level(LEASED)
        wait_for_level(follower.service, LEASED, INFO)
        # The next service remembers a time that may be ahead; a new one does not.
        clock.shift(0)
        follower.service.kill()
        anew(follower)
        follower.start()


def anew(follower: Follower) -> None:
    """Begin the state anew, as the pages say."""
    state = str(follower.state)
    init = ["state", "init", state, "--audience", AUDIENCE, "--min-version", "now", "--force"]
    assert not run(init)
    # What is sealed in this very millisecond is from before it.
    time.sleep(0.01)


def test_what_was_taken_is_not_new_at_another_time(
    follower: Follower, clock: Clock, jump_s: int
) -> None:
    """An older message changes nothing, and neither does a copy of the last one."""
    sent = []
    for _ in range(2):
        assert follower.ask(follower.new(Kind.APPLY)) is None
        sent.append(follower.sent)
    stands = follower.world.bases[-1]
    follower.service.kill()
    clock.shift(jump_s)
    follower.start()
    assert stands.level == follower.service.level(BASE)
    old, last = (deliver(follower.client.address, each) for each in sent)
    assert Outcome.REFUSED is old.outcome
    assert last.repeated or Outcome.REFUSED is last.outcome
    assert helps(old)
    assert helps(last)
    assert stands.level == follower.service.level(BASE)


def helps(answer: Answer) -> bool:
    """Whether a refusal says what is wrong with which clock, or that something newer was taken."""
    if answer.outcome is Outcome.APPLIED:
        return True
    known = {"expired", "not-yet-valid", "version-superseded", "version-ahead"}
    return answer.reason in known and bool(answer.detail)


def test_a_clock_that_is_ahead_of_the_service(follower: Follower, clock: Clock) -> None:
    """What is sealed with it is refused, and says by how much."""
    client = shifted(follower, DAY_S)
    with pytest.raises(RequestRefusedError) as caught:
        client.lease({LEASED: 10})
    assert caught.value.reason in {"not-yet-valid", "version-ahead"}
    assert "ahead" in caught.value.detail


@pytest.mark.parametrize("by_s", [DAY_S] if SHORT else [600, DAY_S, 10 * YEAR_S, to_date(2039)])
def test_the_way_out_of_a_floor_in_the_future(follower: Follower, clock: Clock, by_s: int) -> None:
    """Both clocks were ahead when something was taken, and are right now."""
    follower.service.kill()
    clock.shift(by_s)
    follower.start()
    shifted(follower, by_s).apply(document(follower, 41))
    assert 41 == follower.service.level(BASE)
    follower.service.kill()
    clock.shift(0)
    follower.start()
    assert 41 == follower.service.level(BASE)
    settings = follower.state.parent / "operator" / "operator.toml"
    # Somebody who has sealed nothing yet: the other one's own versions are ahead as well.
    (settings.parent / "operator-state.json").unlink(missing_ok=True)
    client = Client.from_settings(settings)
    with pytest.raises(RequestRefusedError) as caught:
        client.apply(document(follower, 42))
    assert caught.value.reason in {"expired", "version-superseded"}
    assert "" != caught.value.detail
    assert 41 == follower.service.level(BASE)
    follower.service.kill()
    anew(follower)
    follower.start()
    client.apply(document(follower, 43))
    assert 43 == follower.service.level(BASE)


def document(follower: Follower, level: int) -> dict[str, object]:
    """Give a configuration."""
    return {"version": 1, "incremental": True, "loggers": {BASE: {"level": level}}}


@pytest.fixture
def follower(nursery: Nursery, settings: Path) -> Follower:
    """Give who follows a service that has been started with that clock."""
    return Follower(nursery, settings, random.Random(1))
