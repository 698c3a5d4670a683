"""What tests of other people's programs use: the clock, the pair, the assertions.

Everything runs twice where it matters: with pytest's own handlers on the root logger, and, in a
fresh interpreter, under ``unittest`` with no pytest to be imported.
"""

from __future__ import annotations

import contextlib
import gc
import io
import logging
import secrets
import socket
import subprocess
import sys
import threading
import weakref
from typing import TYPE_CHECKING, NoReturn

import pytest

from sealwire import clock as machine
from sealwire import listen, recommended
from sealwire.errors import ConfigurationError, Reason, SealError
from sealwire.logtree import read
from sealwire.memory import memory_of
from sealwire.policy import LeaseLimits, Policy, default_rules
from sealwire.recommended import Recommended
from sealwire.results import RequestFailedError, RequestRefusedError
from sealwire.sealer import MemorySealerState
from sealwire.stages import Outcome, Stream
from sealwire.testing import (
    FakeClock,
    Pair,
    assert_emits,
    assert_level,
    assert_unchanged,
    logging_restored,
    pair,
)
from sealwire.testing.clock import START_MS
from sealwire.testing.runners import is_runners

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import Operator

    from sealwire.listener import Listener

NAME = "sealwire-tests.testing"
DEBUG = {"version": 1, "incremental": True, "loggers": {NAME: {"level": "DEBUG"}}}
WHOLE = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"short": {"format": "%(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "short"}},
    "loggers": {NAME: {"level": "INFO", "handlers": ["console"], "propagate": False}},
}


@pytest.fixture(autouse=True)
def logger() -> Iterator[logging.Logger]:
    """Give a logger at WARNING without a handler, and leave nothing behind."""
    logger = logging.getLogger(NAME)
    with logging_restored():
        logger.setLevel(logging.WARNING)
        logger.propagate = False
        # As pytest does from version 9 on, for loggers that do not propagate when a phase begins.
        for each in logging.root.handlers:
            if is_runners(each):
                logger.addHandler(each)
        yield logger


@pytest.fixture
def service() -> Iterator[Pair]:
    """Give a service in memory."""
    with pair() as running:
        yield running


def own_handlers(logger: logging.Logger) -> list[logging.Handler]:
    """Give the handlers of a logger without those of pytest."""
    return [each for each in logger.handlers if not is_runners(each)]


# ---- the clock -----------------------------------------------------------------------------------


def test_the_clocks_move_together() -> None:
    """And who reads the wall clock lets a millisecond pass, so that a sealer never waits."""
    clock = FakeClock()
    up_ms = clock.monotonic_ms()
    clock.advance(1.5)
    assert START_MS + 1_500 == clock.now_ms
    assert START_MS + 1_501 == clock.wall_clock_ms()
    assert (1_501, 1_501) == (clock.monotonic_ms() - up_ms, clock.boot_ms() - up_ms)
    assert f"<FakeClock {START_MS + 1501}>" == repr(clock)


def test_the_wall_clock_can_be_set() -> None:
    """Back as well, which the others never go."""
    clock = FakeClock(5_000)
    up_ms = clock.monotonic_ms()
    clock.set_wall_clock(1_000)
    assert (1_000, up_ms) == (clock.now_ms, clock.monotonic_ms())
    with pytest.raises(ValueError, match="set_wall_clock"):
        clock.advance(-1)
    assert 1_000 == clock.now_ms


def test_the_clock_is_in_place_while_the_block_runs() -> None:
    """For every function of `sealwire.clock`; the innermost counts, and then the machine again."""
    before_ms = machine.wall_clock_ms(), machine.boot_ms(), machine.monotonic_ms()
    with FakeClock(5_000).in_place() as outer:
        with FakeClock(1_000).in_place():
            assert 1_001 == machine.wall_clock_ms()
        assert 5_001 == machine.wall_clock_ms()
        assert outer.boot_ms() == machine.boot_ms()
        assert outer.monotonic_ms() == machine.monotonic_ms()
    after_ms = machine.wall_clock_ms(), machine.boot_ms(), machine.monotonic_ms()
    assert all(before <= after for before, after in zip(before_ms, after_ms, strict=True))


def test_blocks_may_end_in_any_order() -> None:
    """Two threads do not wait for each other."""
    first, second = FakeClock(1_000).in_place(), FakeClock(5_000).in_place()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert 5_001 == machine.wall_clock_ms()
    second.__exit__(None, None, None)
    assert machine.wall_clock_ms() > START_MS // 2


def test_an_error_in_the_block_takes_the_clock_away() -> None:
    """No test decides about the next one's time."""
    with pytest.raises(KeyError), FakeClock(5_000).in_place():
        raise KeyError
    assert machine.wall_clock_ms() > START_MS // 2


# ---- the pair ------------------------------------------------------------------------------------


def test_a_lease_begins_and_ends(service: Pair) -> None:
    """The whole way, with the time in hand."""
    result = service.client.lease({NAME: "DEBUG"}, for_s=900, why="INC-4711")
    assert_level(NAME, "DEBUG")
    assert result.request_id == result.report["id"]
    (told,) = result.report["levels"]
    assert (NAME, 30, 10) == (told["logger"], told["before"], told["now"])
    service.advance(890)
    assert_level(NAME, "DEBUG")
    service.advance(10)
    assert_level(NAME, "WARNING")


def test_what_is_over_ends_before_the_next_request(service: Pair) -> None:
    """As in a listener, whoever moved the clock."""
    service.client.lease({NAME: "DEBUG"}, for_s=60)
    service.clock.advance(61)
    assert [] == service.client.status().report["leases"]
    assert_level(NAME, "WARNING")


def test_every_verb_that_is_served(service: Pair, logger: logging.Logger) -> None:
    """Status, plan, apply, revert, through one client in one millisecond after the other."""
    assert "application" == service.client.status().report["base"]["issuer"]
    assert service.client.plan(WHOLE).report["changes"]
    assert [] == own_handlers(logger)
    assert Outcome.APPLIED is service.client.apply(WHOLE, why="CHG-1200").outcome
    assert ["console"] == [handler.get_name() for handler in own_handlers(logger)]
    assert "tester" == service.client.status().report["base"]["issuer"]
    lease = service.client.lease({NAME: "DEBUG"}).request_id
    assert [lease] == service.client.revert(lease).report["ended"]
    assert_level(NAME, "INFO")
    assert 6 == service.stats().applied


def test_a_configuration_on_trial(service: Pair) -> None:
    """It goes by itself when its time is over, and stays once it is confirmed."""
    service.client.apply(WHOLE, confirm_within_s=60)
    assert_level(NAME, "INFO")
    service.advance(60)
    assert_level(NAME, "WARNING")
    trial = service.client.apply(WHOLE, confirm_within_s=60)
    service.client.confirm(trial.request_id)
    service.advance(60)
    assert_level(NAME, "INFO")
    reverted = service.client.revert(trial.request_id, of=Stream.BASE)
    assert trial.request_id == reverted.report["reverted"]
    assert_level(NAME, "WARNING")


def test_a_copy_is_answered_with_the_outcome_of_the_first(service: Pair) -> None:
    """A message is taken once here as well."""
    sealed = service.client.sealer.seal(
        b'{"version": 1, "incremental": true, "root": {}}', stream=Stream.BASE
    )
    assert not service.client.send(sealed).repeated
    assert service.client.send(sealed).repeated


def test_a_refusal_raises_and_the_service_knows_why(service: Pair) -> None:
    """The rules are the real ones, and nothing has changed."""
    with (
        assert_unchanged(),
        pytest.raises(RequestRefusedError, match=r"handlers\.x\.class") as refused,
    ):
        service.client.apply({"version": 1, "handlers": {"x": {"class": "os.system"}}})
    assert Reason.POLICY.value == refused.value.reason
    assert Reason.POLICY is service.decisions[-1].reason
    assert 1 == service.stats().refused


def test_a_failure_raises(service: Pair) -> None:
    """Accepted, and it cannot be done."""
    with pytest.raises(RequestFailedError, match="no handler nowhere"):
        service.client.lease({NAME: "DEBUG"}, through=["nowhere"])


def test_a_policy_of_ones_own() -> None:
    """What is tested is usually the policy."""
    policy = Policy(default_rules(), leases=LeaseLimits(max_s=60))
    with pair("payments@test", policy=policy, issuer="alice") as service:
        service.client.lease({NAME: "DEBUG"}, for_s=60)
        with pytest.raises(RequestRefusedError, match="lease"):
            service.client.lease({NAME: "DEBUG"}, for_s=61)
        claims = service.decisions[-1].claims
        assert claims is not None
        assert ("alice", "payments@test") == (claims.iss, claims.aud)


def test_through_the_chain_for_networks() -> None:
    """It is done and the answer hides the rest, as on the wire."""
    with pair(chain=Recommended.NETWORK) as service:
        result = service.client.lease({NAME: "DEBUG"})
        assert_level(NAME, "DEBUG")
        assert {} == result.report
        service.client.revert(result.request_id)
        assert_level(NAME, "WARNING")


def test_a_pair_that_is_closed_ends_its_leases(caplog: pytest.LogCaptureFixture) -> None:
    """As a listener that stops, and says so."""
    with pair() as service:
        service.client.lease({"root": "DEBUG"})
        caplog.clear()
    said = [each.getMessage() for each in caplog.records]
    assert ["lease of tester ended: root=DEBUG: the listener stopped"] == said


def test_a_pair_that_is_closed_leaves_logging_as_it_was(logger: logging.Logger) -> None:
    """Configurations and leases are gone, whatever ended the block."""
    handler = logging.StreamHandler(io.StringIO())
    logger.addHandler(handler)
    with assert_unchanged():
        with contextlib.suppress(KeyError), pair() as service:
            service.client.apply(WHOLE)
            service.client.lease({NAME: "DEBUG", "root": "DEBUG"})
            assert handler not in logger.handlers
            raise KeyError
        assert [handler] == own_handlers(logger)
    with pytest.raises(RuntimeError, match="closed"):
        service.client.status()
    with pytest.raises(RuntimeError, match="closed"):
        service.advance(1)
    service.close()


def test_the_service_has_a_time_of_its_own(service: Pair) -> None:
    """What was sealed waits for five minutes, whatever the machine's clock says."""
    status = service.client.status().report
    assert 0 <= status["now_ms"] - START_MS < 60_000
    sealed = service.client.sealer.seal(b"{}")
    service.advance(302)
    with pytest.raises(RequestRefusedError):
        service.client.send(sealed)
    assert Reason.EXPIRED is service.decisions[-1].reason


def test_an_attacker_has_other_keys(service: Pair) -> None:
    """The chain is real: a message of another pair is refused without a word."""
    with pair() as stranger:
        sealed = stranger.client.sealer.seal(b"{}")
    with pytest.raises(RequestRefusedError) as refused:
        service.client.send(sealed)
    assert "" == refused.value.reason
    assert Reason.KEY_UNKNOWN is service.decisions[-1].reason
    with pytest.raises(SealError):
        service.client.send(b"")


def test_there_is_no_socket_and_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that a test would have to wait for or clean up."""

    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    threads = threading.active_count()
    with pair() as service:
        service.client.lease({NAME: "DEBUG"})
        assert threads == threading.active_count()


@pytest.fixture
def audience() -> str:
    """Give an audience whose memory is no other test's: it may see another year."""
    return f"listens@{secrets.token_hex(8)}"


@pytest.fixture
def listener(tmp_path: Path, alice: Operator, audience: str) -> Iterator[Listener]:
    """Give a listener on a socket of its own, that is not started."""
    tmp_path.chmod(0o700)
    chain = recommended.local(audience, [alice.signing.verify_key])
    running = listen(f"unix:{tmp_path}/s", chain=chain)
    running.stop()
    yield running
    running.stop()


def test_beside_a_listener_there_is_no_pair(listener: Listener) -> None:
    """Its clock would be the listener's, which never forgets the latest time it has seen."""
    with listener, pytest.raises(ConfigurationError, match="stop it first") as refused:
        pair()
    assert str(listener.address) in str(refused.value)
    assert machine.in_place() is None
    with pair() as service:
        service.client.lease({NAME: "DEBUG"})


def test_a_pair_does_nothing_beside_a_listener_that_came_later(
    service: Pair, listener: Listener, audience: str, logger: logging.Logger
) -> None:
    """It is refused before a clock is in place, but for the end, which puts logging back."""
    service.client.lease({NAME: "DEBUG"})
    with listener:
        for ask in (service.client.status, lambda: service.advance(1)):
            with pytest.raises(ConfigurationError, match="stop it first"):
                ask()
        service.close()
        assert logging.WARNING == logger.level
    assert memory_of(audience).state.clock_ms < START_MS


def test_a_listener_may_have_the_pairs_clock(listener: Listener) -> None:
    """With one clock in place for both nobody is ahead of anybody."""
    with FakeClock().in_place() as clock, listener, pair(clock=clock) as service:
        service.client.lease({NAME: "DEBUG"}, for_s=60)
        service.advance(60)
        assert [] == service.client.status().report["leases"]


def test_two_threads_may_ask_one_pair(service: Pair) -> None:
    """One after the other; a client may be shared."""
    leases: list[str] = []
    threads = [
        threading.Thread(
            target=lambda: leases.append(service.client.lease({NAME: "DEBUG"}).request_id)
        )
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 8 == len(set(leases))
    running = service.client.status().report["leases"]
    assert set(leases) == {each["id"] for each in running}


def test_names_are_checked() -> None:
    """As everywhere, and nothing is left in place."""
    with pytest.raises(ConfigurationError):
        pair("no name")
    assert machine.wall_clock_ms() > START_MS // 2
    with pair() as service:
        assert "<Pair tests@memory>" == repr(service)


def test_a_pair_that_nobody_closes_does_nothing_later(logger: logging.Logger) -> None:
    """The garbage collector comes at any time, in the middle of another test for example."""
    gone = weakref.ref(pair())
    gc.collect()
    logger.setLevel("ERROR")
    gc.collect()
    assert gone() is None
    assert_level(NAME, "ERROR")


def test_a_sealer_of_ones_own_never_waits_for_the_clock() -> None:
    """Two messages of one moment: the clock goes on by being read."""
    state, clock = MemorySealerState(), FakeClock()
    versions = [clock.wall_clock_ms() for _ in range(3)]
    taken = [state.claim("payments@test", Stream.BASE, version) for version in versions]
    assert versions == taken


# ---- the assertions ------------------------------------------------------------------------------


def test_assert_level(logger: logging.Logger) -> None:
    """By name and number, of a logger and of its name; the root has two names."""
    assert_level(NAME, "WARNING")
    assert_level(logger, logging.WARNING)
    assert_level(f"{NAME}.below", "WARNING")
    assert_level(logging.root, logging.root.level)
    assert_level("root", logging.root.level)
    assert_level("", logging.root.level)
    assert f"{NAME}.below" not in logging.root.manager.loggerDict


def test_assert_level_says_what_is_and_where_it_is_set() -> None:
    """That is the next question."""
    with pytest.raises(AssertionError) as failure:
        assert_level(NAME, "DEBUG")
    assert f"{NAME} is at WARNING, not at DEBUG" == str(failure.value)
    with pytest.raises(AssertionError) as failure:
        assert_level(f"{NAME}.below", 7)
    assert f"{NAME}.below is at WARNING, set on {NAME}, not at Level 7" == str(failure.value)


def test_assert_level_goes_by_the_parent_that_a_logger_has(logger: logging.Logger) -> None:
    """And not by its name, where code has given it another."""
    other = logging.getLogger(f"{NAME}-other.one")
    other.parent, nearest = logger, other.parent
    try:
        with pytest.raises(AssertionError) as failure:
            assert_level(other, 7)
    finally:
        other.parent = nearest
    assert f"{NAME}-other.one is at WARNING, set on {NAME}, not at Level 7" == str(failure.value)
    with pytest.raises(ValueError, match="'LOUD' is the name of no level"):
        assert_level(NAME, "LOUD")


def test_assert_emits(logger: logging.Logger) -> None:
    """What passes logger and handler is written."""
    logger.addHandler(logging.StreamHandler(io.StringIO()))
    assert_emits(NAME, "WARNING")
    assert_emits(logger, logging.ERROR)
    assert_emits(f"{NAME}.below", "ERROR")


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (lambda logger: logger.handlers.clear(), "no handler, and {name} does not propagate"),
        (lambda logger: logger.setLevel(40), "the logger's level 40"),
        (lambda logger: setattr(logger, "disabled", True), "the logger is disabled"),
        (
            lambda logger: own_handlers(logger)[0].setLevel(40),
            "StreamHandler(StringIO): its level 40",
        ),
        (
            lambda logger: own_handlers(logger)[0].addFilter(logging.Filter("x")),
            "StreamHandler(StringIO): its filter Filter(x), perhaps",
        ),
        (lambda _: logging.disable(30), "logging.disable(30)"),
    ],
    ids=["no handler", "level", "disabled", "handler", "filter", "disable"],
)
def test_assert_emits_says_what_is_in_the_way(
    logger: logging.Logger,
    spoil: Callable[[logging.Logger], object],
    text: str,
) -> None:
    """Every reason that the tree knows."""
    logger.addHandler(logging.StreamHandler(io.StringIO()))
    assert_emits(NAME, "WARNING")
    spoil(logger)
    with pytest.raises(AssertionError) as failure:
        assert_emits(NAME, "WARNING")
    expected = text.format(name=NAME)
    assert f"{NAME} at WARNING comes out nowhere: {expected}" == str(failure.value)


def test_the_handlers_of_a_test_runner_do_not_count(logger: logging.Logger) -> None:
    """Pytest's would take everything, and no test would ever fail."""
    assert any(is_runners(each) for each in logger.handlers)
    with pytest.raises(AssertionError, match="comes out nowhere: no handler, and"):
        assert_emits(NAME, "CRITICAL")


def test_the_handlers_of_a_test_runner_stay_where_they_are(logger: logging.Logger) -> None:
    """It takes them away itself; one that is put back later would stay for ever."""
    theirs = [each for each in logger.handlers if is_runners(each)]
    with assert_unchanged(), logging_restored():
        logger.handlers.remove(theirs[0])
    assert theirs[1:] == logger.handlers
    with assert_unchanged(), logging_restored():
        logger.addHandler(theirs[0])
    assert [*theirs[1:], theirs[0]] == logger.handlers


def test_assert_unchanged(logger: logging.Logger) -> None:
    """Passes where what was changed is put back, and says each place where not."""
    with assert_unchanged():
        logger.setLevel("DEBUG")
        logger.setLevel("WARNING")
    logger.addHandler(handler := logging.StreamHandler(io.StringIO()))
    unchanged = assert_unchanged()
    unchanged.__enter__()
    logger.setLevel("DEBUG")
    logger.propagate = True
    logger.removeHandler(handler)
    with pytest.raises(AssertionError) as failure:
        unchanged.__exit__(None, None, None)
    assert str(failure.value).splitlines() == [
        "logging has changed:",
        "  handlers.StreamHandler(StringIO): logging.StreamHandler to StringIO → nothing",
        f"  loggers.{NAME}.level: 30 → 10",
        f"  loggers.{NAME}.handlers: StreamHandler(StringIO) → nothing",
        f"  loggers.{NAME}.propagate: no → yes",
    ]


def test_assert_unchanged_lets_an_exception_through(logger: logging.Logger) -> None:
    """It is the cause, and what differs is its consequence."""

    def change_and_fail() -> NoReturn:
        with assert_unchanged():
            logger.setLevel("DEBUG")
            raise KeyError

    with pytest.raises(KeyError):
        change_and_fail()


# ---- putting back --------------------------------------------------------------------------------


def test_logging_is_put_back(logger: logging.Logger, tmp_path: Path) -> None:
    """Loggers, handlers and their names; what was added is closed; records go on."""
    written = tmp_path / "mine.log"
    mine = logging.FileHandler(written)
    mine.set_name("console")
    mine.addFilter(lambda record: bool(record.msg))
    logger.addHandler(mine)
    logger.warning("before")
    before = read()
    with logging_restored(), pair() as service:
        service.client.apply(WHOLE)
        (theirs,) = own_handlers(logger)
        mine.setLevel("CRITICAL")
        mine.setFormatter(logging.Formatter("%(name)s"))
        logging.getLogger("sealwire-tests.new").setLevel("DEBUG")
        logging.getLogger("sealwire-tests.new").addHandler(logging.NullHandler())
        logging.disable(50)
    assert before == read()._replace(
        loggers=tuple(each for each in read().loggers if each.name != "sealwire-tests.new")
    )
    assert_level("sealwire-tests.new", logging.root.level)
    assert [] == own_handlers(logging.getLogger("sealwire-tests.new"))
    assert mine is vars(logging)["_handlers"]["console"]
    assert theirs not in logger.handlers
    logger.warning("after")
    mine.close()
    assert "before\nafter\n" == written.read_text()


def test_a_handler_of_the_block_is_closed(logger: logging.Logger) -> None:
    """Once; one that was there before is not."""
    closed: list[str] = []

    class Noting(logging.NullHandler):
        def close(self) -> None:
            closed.append(str(self.get_name()))
            super().close()

    def noting(name: str) -> Noting:
        handler = Noting()
        handler.set_name(name)
        return handler

    logger.addHandler(noting("before"))
    with logging_restored():
        logger.addHandler(noting("within"))
    assert ["within"] == closed
    assert ["before"] == [each.get_name() for each in own_handlers(logger)]


# ---- without pytest ------------------------------------------------------------------------------

UNITTEST = """
import logging, sys, unittest
from sealwire.testing import assert_emits, assert_level, assert_unchanged, pair

class Leases(unittest.TestCase):
    def setUp(self):
        logging.basicConfig(level=logging.INFO)
        self.service = pair()
        self.addCleanup(self.service.close)

    def test_debug_for_a_while(self):
        with assert_unchanged():
            self.service.client.lease({"payments.db": "DEBUG"}, for_s=60)
            assert_level("payments.db", "DEBUG")
            assert_emits("payments.db", "DEBUG")
            self.service.advance(60)

    def test_that_fails(self):
        assert_emits("payments.db", "DEBUG")

unittest.main(exit=False)
print(sorted(name for name in sys.modules if "pytest" in name))
"""


def test_it_works_with_unittest_alone() -> None:
    """A failure is a failure there and no error, and nobody imports pytest."""
    command = [sys.executable, "-W", "error", "-c", UNITTEST]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert "[]\n" == ended.stdout
    assert "FAILED (failures=1)" in ended.stderr
    assert "payments.db at DEBUG comes out nowhere: the logger's level 20" in ended.stderr
