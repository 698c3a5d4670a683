"""Configurations on trial, going back, drift, full disks: on a running listener."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections import namedtuple
from typing import TYPE_CHECKING, Any

import pytest

from sealwire import Outcome, changing, engine
from sealwire.logtree import read
from sealwire.policy import LeaseLimits, Policy, default_rules
from sealwire.policy.floors import Floors, LoggerFloor
from sealwire.requests import Verb
from sealwire.stages import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.integration.conftest import Child

    from sealwire.listener import Listener
    from sealwire.stages import Answer

NAME = "sealwire-tests.trial"
OTHER = "sealwire-tests.trial-of-others"
_NOBODY = "00" * 16


@pytest.fixture(autouse=True)
def _new_engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Begin as a process in which nothing runs, and leave none behind."""
    monkeypatch.setattr(engine, "_of_process", [])
    yield
    for name in (NAME, OTHER):
        logger = logging.getLogger(name)
        logger.setLevel(logging.NOTSET)
        logger.handlers.clear()
        logger.filters.clear()
        logger.propagate = True
        logger.disabled = False


@pytest.fixture
def apply(ask: Callable[..., Answer]) -> Callable[..., Answer]:
    """Give what applies a level and a handler of one logger."""

    def apply(listener: Listener, level: str, **more: Any) -> Answer:  # noqa: ANN401
        return ask(listener, Verb.APPLY, Stream.BASE, config=configuration(level), **more)

    return apply


def configuration(level: str) -> dict[str, object]:
    """Give a configuration of one logger."""
    return {
        "version": 1,
        "handlers": {"trial": {"class": "logging.StreamHandler", "level": level}},
        "loggers": {NAME: {"level": level, "handlers": ["trial"], "propagate": False}},
    }


def report(answer: Answer) -> dict[str, Any]:
    """Give what an answer reports."""
    assert Outcome.APPLIED is answer.outcome, answer
    found: dict[str, Any] = json.loads(answer.report or b"{}")
    return found


def level(name: str = NAME) -> int:
    """Give a logger's own level."""
    return logging.getLogger(name).level


def own() -> object:
    """Give the state of the two loggers, down to the objects."""
    loggers = [logging.getLogger(name) for name in (NAME, OTHER)]
    return [(e.level, e.handlers[:], e.filters[:], e.propagate, e.disabled) for e in loggers]


def set_up() -> logging.Handler:
    """Be an application with a handler of its own."""
    handler = logging.StreamHandler()
    handler.name = "trial"
    logger = logging.getLogger(NAME)
    logger.setLevel(logging.WARNING)
    logger.addHandler(handler)
    return handler


def protect() -> Floors:
    """Be an application with a logger that the policy protects."""
    handler = logging.StreamHandler()
    handler.name = "sealwire-tests.protected"
    logger = logging.getLogger(OTHER)
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    return Floors((LoggerFloor(OTHER, logging.INFO, (handler.name,)),))


def test_a_trial_that_nobody_confirms_goes_by_itself(
    serve: Callable[..., Listener],
    apply: Callable[..., Answer],
    ask: Callable[..., Answer],
    until: Callable[[Callable[[], object]], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The same handlers are back, object by object, and it is said why."""
    set_up()
    before, tree = own(), read()
    listener = serve()
    told = report(apply(listener, "ERROR", confirm_within_s=1, why="CHG-1"))
    assert logging.ERROR == level()
    assert told["confirm_by_ms"] > time.time() * 1000 - 60_000
    assert told["id"] == report(ask(listener, Verb.STATUS, Stream.READ))["base"]["id"]
    # The level is the first of several steps, and what is said the last.
    until(lambda: before == own() and tree == read())
    until(lambda: "nobody has confirmed it in time" in caplog.text)
    found = report(ask(listener, Verb.STATUS, Stream.READ))
    assert ("application", None) == (found["base"]["issuer"], found["confirm_by_ms"])


def test_a_trial_that_is_confirmed_stays(
    serve: Callable[..., Listener], apply: Callable[..., Answer], ask: Callable[..., Answer]
) -> None:
    """Another configuration is refused until then, and another id confirms nothing."""
    listener = serve()
    told = report(apply(listener, "ERROR", confirm_within_s=600))
    assert "confirmation-due" == apply(listener, "DEBUG").reason
    wrong = ask(listener, Verb.CONFIRM, Stream.BASE, id=_NOBODY)
    assert "not-in-force" == wrong.reason
    report(ask(listener, Verb.CONFIRM, Stream.BASE, id=told["id"]))
    again = ask(listener, Verb.CONFIRM, Stream.BASE, id=told["id"])
    assert "not-in-force" == again.reason
    report(apply(listener, "DEBUG"))
    listener.stop()
    assert logging.DEBUG == level()


def test_going_back_step_by_step(
    serve: Callable[..., Listener], apply: Callable[..., Answer], ask: Callable[..., Answer]
) -> None:
    """From the last configuration to the one before, and to what the application has set up."""
    set_up()
    before, tree = own(), read()
    listener = serve()
    ids = [report(apply(listener, name))["id"] for name in ("INFO", "ERROR", "CRITICAL")]
    assert "not-in-force" == ask(listener, Verb.REVERT, Stream.BASE, id=ids[0]).reason
    told = report(ask(listener, Verb.REVERT, Stream.BASE, id=ids[2]))
    assert (ids[2], ids[1]) == (told["reverted"], told["base"]["id"])
    assert {"where": f"loggers.{NAME}.level", "before": "50", "after": "40"} in told["changes"]
    assert logging.ERROR == level()
    told = report(ask(listener, Verb.REVERT, Stream.BASE))
    assert (ids[1], "application") == (told["reverted"], told["base"]["issuer"])
    assert before == own()
    assert tree == read()
    assert None is report(ask(listener, Verb.REVERT, Stream.BASE))["reverted"]


def test_a_revert_cancels_a_trial(
    serve: Callable[..., Listener], apply: Callable[..., Answer], ask: Callable[..., Answer]
) -> None:
    """Before its time, and then another configuration is taken."""
    set_up()
    before = own()
    listener = serve()
    told = report(apply(listener, "ERROR", confirm_within_s=600))
    report(ask(listener, Verb.REVERT, Stream.BASE, id=told["id"]))
    assert before == own()
    report(apply(listener, "DEBUG"))


def test_stopping_and_forking_end_a_trial(
    serve: Callable[..., Listener],
    apply: Callable[..., Answer],
    child: Callable[[Callable[[], object]], Child],
) -> None:
    """Nobody could confirm it any more."""
    set_up()
    before = own()
    listener = serve()
    report(apply(listener, "ERROR", confirm_within_s=600))

    def program() -> None:
        assert before == own()

    child(program).check()
    assert logging.ERROR == level()
    listener.stop()
    assert before == own()


def test_a_lease_goes_on_over_a_base_that_comes_and_goes(
    serve: Callable[..., Listener], apply: Callable[..., Answer], ask: Callable[..., Answer]
) -> None:
    """And what it gives back in the end is the base that is there then."""
    set_up()
    before = own()
    listener = serve()
    report(ask(listener, Verb.LEASE, Stream.LEASE, levels={NAME: "DEBUG"}, for_s=600))
    report(apply(listener, "ERROR"))
    assert logging.DEBUG == level()
    report(ask(listener, Verb.REVERT, Stream.LEASE))
    assert logging.ERROR == level()
    report(ask(listener, Verb.LEASE, Stream.LEASE, levels={NAME: "DEBUG"}, for_s=600))
    report(ask(listener, Verb.REVERT, Stream.BASE))
    assert logging.DEBUG == level()
    report(ask(listener, Verb.REVERT, Stream.LEASE))
    assert before == own()


def test_what_the_application_changes_meanwhile_is_told_and_left(
    serve: Callable[..., Listener],
    apply: Callable[..., Answer],
    ask: Callable[..., Answer],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As drift, at first sight and at its end, and when somebody goes back."""
    listener = serve()
    report(apply(listener, "ERROR"))
    logging.getLogger(NAME).setLevel(5)
    expected = {"where": f"loggers.{NAME}.level", "expected": "40", "found": "5"}
    for _ in range(2):
        assert [expected] == report(ask(listener, Verb.STATUS, Stream.READ))["drift"]
    assert 1 == caplog.text.count(f"drift: loggers.{NAME}.level is 5 and not 40")
    logging.getLogger(NAME).setLevel(logging.ERROR)
    assert [] == report(ask(listener, Verb.STATUS, Stream.READ))["drift"]
    assert f"drift is over: loggers.{NAME}.level is 40 again" in caplog.text
    logging.getLogger(NAME).setLevel(5)
    told = report(ask(listener, Verb.REVERT, Stream.BASE))
    assert [f"loggers.{NAME}.level"] == told["left_as_they_are"]
    assert 5 == level()


def test_drift_is_looked_for_each_minute(
    serve: Callable[..., Listener],
    apply: Callable[..., Answer],
    until: Callable[[Callable[[], object]], None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Without anybody asking; on a floor it is an alert."""
    monkeypatch.setattr(engine, "LOOK_MS", 100)
    floors = protect()
    listener = serve(policy=Policy(default_rules(), floors))
    report(apply(listener, "ERROR"))
    logging.getLogger(OTHER).setLevel(logging.CRITICAL)
    until(lambda: f"drift: loggers.{OTHER}.level is 50 and not 20" in caplog.text)
    until(lambda: "alert: protected logging has changed" in caplog.text)
    alerts = [each for each in caplog.records if "alert:" in each.getMessage()]
    assert {"ERROR"} == {each.levelname for each in alerts}


def test_leases_end_when_a_disk_fills_up(
    serve: Callable[..., Listener],
    ask: Callable[..., Answer],
    until: Callable[[Callable[[], object]], None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    """A file system under a handler, less than the policy says; and no new one begins."""
    usage = namedtuple("usage", "total used free")  # noqa: PYI024 - as shutil has it
    free = [90]
    monkeypatch.setattr(engine, "GUARD_MS", 50)
    monkeypatch.setattr(engine, "_LOOK_MS", 50)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(100, 100 - free[0], free[0]))
    handler = logging.FileHandler(tmp_path / "x")
    logging.getLogger(NAME).addHandler(handler)
    listener = serve(policy=Policy(default_rules(), leases=LeaseLimits(min_free_percent=10)))
    report(ask(listener, Verb.LEASE, Stream.LEASE, levels={NAME: "DEBUG"}, for_s=600))
    assert logging.DEBUG == level()
    free[0] = 9
    until(lambda: level() == logging.NOTSET)
    handler.close()
    # It is said a moment after it is done.
    until(lambda: f"{tmp_path} has 9 % free, and 10 % is the least for a lease" in caplog.text)
    answer = ask(listener, Verb.LEASE, Stream.LEASE, levels={NAME: "DEBUG"}, for_s=600)
    assert Outcome.FAILED is answer.outcome
    assert "9 % free" in answer.detail
    assert logging.NOTSET == level()


def test_nothing_is_announced_where_the_policy_says_so(
    serve: Callable[..., Listener], apply: Callable[..., Answer], caplog: pytest.LogCaptureFixture
) -> None:
    """The record of ``sealwire`` itself goes on."""
    listener = serve(policy=Policy(default_rules(), announce=False))
    report(apply(listener, "ERROR"))
    listener.stop()
    assert [] == [each for each in caplog.records if each.name == "sealwire.changes"]


def test_floors_have_the_last_word_under_the_lock(
    serve: Callable[..., Listener],
    apply: Callable[..., Answer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What somebody changes between the first look and the change is judged as it is then."""
    floors = protect()
    listener = serve(policy=Policy(default_rules(), floors))
    honest = Policy.judge_tree
    calls: list[None] = []

    def judge(of: Policy, request: Any, before: Any, after: Any) -> None:  # noqa: ANN401
        calls.append(None)
        if len(calls) > 1:
            # As if the change had reached the protected logger by a way that nobody foresaw.
            after = after.leveled({OTHER: logging.CRITICAL}, {})
        honest(of, request, before, after)

    monkeypatch.setattr(Policy, "judge_tree", judge)
    before = own()
    answer = apply(listener, "ERROR")
    assert (Outcome.REFUSED, "policy") == (answer.outcome, answer.reason)
    assert before == own()
    assert 2 == len(calls)


def test_one_issuer_cannot_take_all_leases(
    serve: Callable[..., Listener], ask: Callable[..., Answer]
) -> None:
    """Somebody else has to be able to look, too."""
    listener = serve()
    for _ in range(changing.MAX_LEASES_OF_ONE):
        report(ask(listener, Verb.LEASE, Stream.LEASE, levels={NAME: "DEBUG"}, for_s=600))
    answer = ask(listener, Verb.LEASE, Stream.LEASE, levels={NAME: "DEBUG"}, for_s=600)
    assert Outcome.FAILED is answer.outcome
    assert "16 leases of alice are running" in answer.detail
    assert os.getpid() == int(
        report(ask(listener, Verb.STATUS, Stream.READ))["instance"].split("/")[1]
    )


def test_a_floor_that_protects_nothing_is_told(
    serve: Callable[..., Listener], ask: Callable[..., Answer], caplog: pytest.LogCaptureFixture
) -> None:
    """When the listener begins, and in every status; it looks like protection otherwise."""
    floors = Floors((LoggerFloor(OTHER, logging.INFO, ("forgotten",)),))
    listener = serve(policy=Policy(default_rules(), floors))
    told = f"loggers.{OTHER}: no handler 'forgotten' gets its records"
    alert, _ = [each for each in caplog.records if "a floor protects nothing" in each.getMessage()]
    assert "ERROR" == alert.levelname
    assert told in alert.getMessage()
    found = report(ask(listener, Verb.STATUS, Stream.READ))["floors"]
    assert found[0].startswith(told)
    listener.stop()
    caplog.clear()
    listener = serve(policy=Policy(default_rules(), protect()))
    assert [] == report(ask(listener, Verb.STATUS, Stream.READ))["floors"]
    assert "a floor protects nothing" not in caplog.text


def test_a_trial_goes_even_if_a_handler_is_busy(
    serve: Callable[..., Listener],
    apply: Callable[..., Answer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """When the listener stops nobody is left to try it again."""
    monkeypatch.setattr("sealwire.logtree.swapping.WAIT_S", 0.1)
    monkeypatch.setattr("sealwire.logtree.closing.WAIT_S", 0.1)
    set_up()
    before = own()
    listener = serve()
    report(apply(listener, "ERROR", confirm_within_s=600))
    (busy,) = logging.getLogger(NAME).handlers
    taken, over = threading.Event(), threading.Event()

    def hold() -> None:
        busy.acquire()
        taken.set()
        over.wait(20)
        busy.release()

    holder = threading.Thread(target=hold)
    holder.start()
    assert taken.wait(20)
    listener.stop()
    over.set()
    holder.join(20)
    assert before == own()


def test_a_lease_ends_over_a_base_where_it_would_have_been_refused(
    serve: Callable[..., Listener], apply: Callable[..., Answer], ask: Callable[..., Answer]
) -> None:
    """Leased at what a configuration had, it would silence the logger over what comes after."""
    logging.getLogger(NAME).setLevel(logging.DEBUG)
    listener = serve()
    report(apply(listener, "CRITICAL"))
    report(ask(listener, Verb.LEASE, Stream.LEASE, levels={NAME: "CRITICAL"}, for_s=600))
    report(ask(listener, Verb.REVERT, Stream.BASE))
    assert logging.DEBUG == level()
    assert [] == report(ask(listener, Verb.STATUS, Stream.READ))["leases"]
    refused = ask(listener, Verb.LEASE, Stream.LEASE, levels={NAME: "CRITICAL"}, for_s=600)
    assert "policy" == refused.reason


def test_the_floors_of_every_listener_are_kept(
    serve: Callable[..., Listener], ask: Callable[..., Answer], folder: Path
) -> None:
    """The tree is one, whichever door a configuration comes through."""
    serve(f"unix:{folder}/guarded", policy=Policy(default_rules(), protect()))
    before = own()
    other = serve(f"unix:{folder}/other")
    silence = {"version": 1, "loggers": {OTHER: {"level": "CRITICAL"}}}
    answer = ask(other, Verb.APPLY, Stream.BASE, config=silence)
    assert (Outcome.REFUSED, "policy") == (answer.outcome, answer.reason)
    assert before == own()
