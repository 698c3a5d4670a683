"""Leases on a running listener: they begin, are told, and end by themselves."""

from __future__ import annotations

import gc
import io
import json
import logging
import platform
import time
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from sealwire import Outcome, changing, deliver, engine
from sealwire.logtree import read
from sealwire.policy import Policy, default_rules
from sealwire.policy.roles import Role
from sealwire.requests import CONTENT_TYPE_REQUEST, Verb, write_request
from sealwire.stages import Stream
from sealwire.transports.server import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import Way
    from tests.integration.conftest import Child

    from sealwire.listener import Listener
    from sealwire.stages import Answer

NAME = "sealwire-tests.leased"
OTHER = "sealwire-tests.other"


@pytest.fixture(autouse=True)
def _new_engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Begin as a process in which nothing runs, and leave none behind."""
    monkeypatch.setattr(engine, "_of_process", [])
    yield
    for name in (NAME, OTHER):
        logger = logging.getLogger(name)
        logger.setLevel(logging.NOTSET)
        logger.handlers.clear()
        logger.propagate = True


@pytest.fixture
def lease(ask: Callable[..., Answer]) -> Callable[..., Answer]:
    """Give what asks for a lease of one logger."""

    def lease(listener: Listener, level: object = "DEBUG", name: str = NAME, **more: Any) -> Answer:  # noqa: ANN401
        return ask(listener, Verb.LEASE, Stream.LEASE, levels={name: level}, **more)

    return lease


def report(answer: Answer) -> dict[str, Any]:
    """Give what an answer reports."""
    assert Outcome.APPLIED is answer.outcome, answer
    found: dict[str, Any] = json.loads(answer.report)
    return found


def whole(handler: str) -> dict[str, object]:
    """Give a configuration that replaces the handlers of the leased logger."""
    return {
        "version": 1,
        "handlers": {handler: {"class": "logging.NullHandler", "level": "WARNING"}},
        "loggers": {NAME: {"level": "ERROR", "handlers": [handler], "propagate": False}},
    }


def level(name: str = NAME) -> int:
    """Give a logger's own level."""
    return logging.getLogger(name).level


def test_a_lease_begins_and_ends_by_itself(
    serve: Callable[..., Listener],
    lease: Callable[..., Answer],
    until: Callable[[Callable[[], object]], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The level is there at once, and the one before it when the time is over."""
    logging.getLogger(NAME).setLevel(logging.WARNING)
    # Its length counts from a whole second, so one of a second may be over at once.
    answer = lease(serve(), for_s=2, why="INC-4711")
    assert logging.DEBUG == level()
    told = report(answer)["levels"][0]
    assert (NAME, 30, 10) == (told["logger"], told["before"], told["now"])
    until(lambda: level() == logging.WARNING)
    # It is said a moment after it is done.
    until(lambda: "ended" in caplog.text)
    begun, ended = (each.getMessage() for each in caplog.records if each.name == "sealwire.changes")
    assert begun.startswith(f"lease of alice: {NAME}=DEBUG until ")
    assert begun.endswith(": INC-4711")
    assert f"lease of alice ended: {NAME}=DEBUG: its time is over" == ended


def test_who_asks_without_end_does_not_fill_the_log(
    serve: Callable[..., Listener],
    lease: Callable[..., Answer],
    ask: Callable[..., Answer],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Ten announcements a minute for each issuer; the rest is counted, at the latest at the end."""
    listener = serve()
    for _ in range(7):
        assert Outcome.APPLIED is lease(listener).outcome
        assert Outcome.APPLIED is ask(listener, Verb.REVERT, Stream.LEASE).outcome
    listener.stop()
    said = [each.getMessage() for each in caplog.records if each.name == "sealwire.changes"]
    assert 11 == len(said)
    assert "left out 4 announcements of changes by alice in a minute" == said[-1]


def test_records_appear_and_stop(
    serve: Callable[..., Listener],
    lease: Callable[..., Answer],
    until: Callable[[Callable[[], object]], None],
) -> None:
    """What counts is what comes out."""
    written = io.StringIO()
    logger = logging.getLogger(NAME)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(logging.StreamHandler(written))
    logger.debug("before")
    told = report(lease(serve(), for_s=2))["levels"][0]
    assert ["StreamHandler(StringIO)"] == told["emitting"]
    logger.debug("meanwhile")
    until(lambda: level() == logging.INFO)
    logger.debug("afterwards")
    assert "meanwhile\n" == written.getvalue()


def test_what_hides_the_records_is_told(
    serve: Callable[..., Listener], lease: Callable[..., Answer]
) -> None:
    """A level alone often changes nothing, because a handler passes less."""
    logger = logging.getLogger(NAME)
    handler = logging.StreamHandler(io.StringIO())
    handler.setLevel(logging.INFO)
    handler.set_name("sealwire-tests.quiet")
    logger.addHandler(handler)
    logger.propagate = False
    listener = serve()
    told = report(lease(listener))["levels"][0]
    assert ([], "sealwire-tests.quiet") == (told["emitting"], told["hidden"][0]["handler"])
    told = report(lease(listener, through=["sealwire-tests.quiet"]))
    assert ["sealwire-tests.quiet"] == told["levels"][0]["emitting"]
    assert logging.DEBUG == handler.level
    listener.stop()
    assert logging.INFO == handler.level


def test_a_handler_that_is_not_there_is_named(
    serve: Callable[..., Listener], lease: Callable[..., Answer]
) -> None:
    """Nothing is changed, and the answer lists those that are."""
    answer = lease(serve(), through=["gone"])
    assert Outcome.FAILED is answer.outcome
    assert answer.detail.startswith("through: there is no handler gone; there are: ")
    assert logging.NOTSET == level()


def test_what_has_failed_is_not_done_later(
    serve: Callable[..., Listener], seal: Callable[..., bytes]
) -> None:
    """Whoever kept a copy sends it again when the handler has come; it is told what came of it."""
    listener, key = serve(), "sealwire-tests.later"
    document = write_request(Verb.LEASE, levels={NAME: "DEBUG"}, through=[key])
    sealed = seal(document, content_type=CONTENT_TYPE_REQUEST, stream=Stream.LEASE)
    first = deliver(listener.address, sealed)
    assert Outcome.FAILED is first.outcome
    handler = logging.NullHandler()
    handler.set_name(key)
    logging.getLogger(NAME).addHandler(handler)
    again = deliver(listener.address, sealed)
    assert (Outcome.FAILED, True) == (again.outcome, again.repeated)
    assert logging.NOTSET == level()


def test_nobody_makes_loggers_without_end(
    serve: Callable[..., Listener],
    lease: Callable[..., Answer],
    ask: Callable[..., Answer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each lease may be short and each configuration small; loggers stay for good."""
    monkeypatch.setattr("sealwire.logtree.making._made", set())
    logging.getLogger(NAME)
    there = sum(isinstance(each, logging.Logger) for each in known().values())
    listener = serve(policy=Policy(default_rules(), max_new_loggers=20))
    refused = []
    for number in range(60):
        answer = lease(listener, name=f"sealwire-tests.made{number}.a")
        if Outcome.REFUSED is answer.outcome:
            refused.append(answer)
        ask(listener, Verb.REVERT, Stream.LEASE)
    assert 50 == len(refused)
    assert {("policy", "new-loggers: levels")} == {
        (each.reason, each.detail.rpartition(":")[0]) for each in refused
    }
    assert "2 new ones, and 20 were made for requests" in refused[0].detail
    config = {"version": 1, "loggers": {"sealwire-tests.more": {"level": "INFO"}}}
    for verb, stream in ((Verb.APPLY, Stream.BASE), (Verb.PLAN, Stream.READ)):
        answer = ask(listener, verb, stream, config=config)
        assert "new-loggers: loggers: " in answer.detail
    assert 10 == sum(isinstance(each, logging.Logger) for each in known().values()) - there
    # What is there may be named all the same.
    assert Outcome.APPLIED is lease(listener).outcome
    assert Outcome.APPLIED is lease(listener, name="sealwire-tests.made0.a").outcome


def known() -> dict[str, object]:
    """Give what there is of loggers."""
    return {**logging.root.manager.loggerDict}


def test_leases_end_with_the_last_listener(
    serve: Callable[..., Listener], lease: Callable[..., Answer]
) -> None:
    """Nobody would be there to end them."""
    listener = serve()
    lease(listener, for_s=3600)
    assert logging.DEBUG == level()
    listener.stop()
    assert logging.NOTSET == level()


def test_revert_ends_one_or_all(
    serve: Callable[..., Listener], lease: Callable[..., Answer], ask: Callable[..., Answer]
) -> None:
    """Going back is not refused, and ending what has ended is told."""
    listener = serve()
    one = report(lease(listener))["id"]
    lease(listener, name=OTHER)
    assert [one] == report(ask(listener, Verb.REVERT, Stream.LEASE, id=one))["ended"]
    assert (0, 10) == (level(), level(OTHER))
    again = ask(listener, Verb.REVERT, Stream.LEASE, id=one)
    assert (Outcome.REFUSED, "not-in-force") == (again.outcome, again.reason)
    assert 1 == len(report(ask(listener, Verb.REVERT, Stream.LEASE))["ended"])
    assert (0, 0) == (level(), level(OTHER))


def test_a_configuration_is_applied_beneath_the_leases(
    serve: Callable[..., Listener], lease: Callable[..., Answer], seal: Callable[..., bytes]
) -> None:
    """The lease goes on, and what comes back afterwards is the new base's level."""
    listener = serve()
    lease(listener)
    document = {"version": 1, "incremental": True, "loggers": {NAME: {"level": "ERROR"}}}
    assert Outcome.APPLIED is deliver(listener.address, seal(document)).outcome
    assert logging.DEBUG == level()
    listener.stop()
    assert logging.ERROR == level()


def test_a_whole_configuration_is_applied_beneath_the_leases(
    serve: Callable[..., Listener], lease: Callable[..., Answer], seal: Callable[..., bytes]
) -> None:
    """The lease goes through the new handler too, and gives back what the new base set."""
    handler = logging.StreamHandler(io.StringIO())
    handler.setLevel(logging.ERROR)
    handler.set_name("sealwire-tests.old")
    logging.getLogger(NAME).addHandler(handler)
    listener = serve()
    report(lease(listener, through=["sealwire-tests.old"]))
    assert Outcome.APPLIED is deliver(listener.address, seal(whole("sealwire-tests.old"))).outcome
    (new,) = logging.getLogger(NAME).handlers
    assert handler is not new
    assert (10, 10) == (level(), new.level)
    listener.stop()
    assert (40, 30) == (level(), new.level)


def test_a_configuration_that_fails_leaves_the_leases_as_they_were(
    serve: Callable[..., Listener],
    lease: Callable[..., Answer],
    seal: Callable[..., bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where the application itself has changed a leased level meanwhile."""

    def fail(self: logging.Handler) -> None:
        raise RuntimeError

    for name in (NAME, OTHER):
        logging.getLogger(name).setLevel(logging.WARNING)
    listener = serve()
    report(lease(listener))
    report(lease(listener, name=OTHER))
    logging.getLogger(OTHER).setLevel(logging.ERROR)
    gc.collect()  # What earlier tests have named, and nobody uses, is in the tree until then.
    before = read()
    monkeypatch.setattr(logging.NullHandler, "__init__", fail)
    answer = deliver(listener.address, seal(whole("sealwire-tests.broken")))
    said = "unable to configure handler 'sealwire-tests.broken': RuntimeError"
    assert (Outcome.FAILED, said) == (answer.outcome, answer.detail)
    assert before == read()
    assert (10, 40) == (level(), level(OTHER))
    listener.stop()
    assert (30, 40) == (level(), level(OTHER))


def test_status_tells_what_is_in_force(
    serve: Callable[..., Listener],
    lease: Callable[..., Answer],
    ask: Callable[..., Answer],
    seal: Callable[..., bytes],
) -> None:
    """Base, leases, levels and handlers; asking changes nothing."""
    listener = serve()
    found = report(ask(listener, Verb.STATUS, Stream.READ))
    assert ("application", []) == (found["base"]["issuer"], found["leases"])
    deliver(listener.address, seal())
    told = report(lease(listener, for_s=60, why="to look"))
    found = report(ask(listener, Verb.STATUS, Stream.READ))
    assert "alice" == found["base"]["issuer"]
    (running,) = found["leases"]
    assert (told["id"], "alice", "to look", {NAME: 10}) == (
        running["id"],
        running["issuer"],
        running["why"],
        running["levels"],
    )
    leased = next(each for each in found["loggers"] if each["name"] == NAME)
    assert (None, 10) == (leased["configured"], leased["effective"])
    assert (told["id"], "alice") == (leased["leased"]["id"], leased["leased"]["issuer"])
    assert (None, [], platform.python_version()) == (
        found["confirm_by_ms"],
        found["drift"],
        found["python"],
    )
    assert "root" == found["loggers"][0]["name"]


def test_a_dry_run_says_what_would_change_and_changes_nothing(
    serve: Callable[..., Listener], ask: Callable[..., Answer], lease: Callable[..., Answer]
) -> None:
    """Against the base: a lease that runs is not what the configuration would stay over."""
    logging.getLogger(NAME).setLevel(logging.WARNING)
    listener = serve()
    report(lease(listener, for_s=600))
    config = {"version": 1, "incremental": True, "loggers": {NAME: {"level": "ERROR"}}}
    told = report(ask(listener, Verb.PLAN, Stream.READ, config=config))
    expected = {"where": f"loggers.{NAME}.level", "before": "30", "after": "40"}
    assert [expected] == told["changes"]
    assert logging.DEBUG == level()
    listener.stop()
    assert logging.WARNING == level()


def test_a_dry_run_is_judged_like_what_it_tries(
    serve: Callable[..., Listener], ask: Callable[..., Answer]
) -> None:
    """The policy's answer is half of what a dry run is for."""
    config = {
        "version": 1,
        "handlers": {"file": {"class": "logging.FileHandler", "filename": "/elsewhere/a.log"}},
    }
    answer = ask(serve(), Verb.PLAN, Stream.READ, config=config)
    assert (Outcome.REFUSED, "policy") == (answer.outcome, answer.reason)


def test_the_policy_says_what_may_be_leased(
    serve: Callable[..., Listener], lease: Callable[..., Answer]
) -> None:
    """A level that is quieter, a logger that writes secrets, more time than the policy gives."""
    logging.getLogger(NAME).setLevel(logging.DEBUG)
    listener = serve()
    for answer in (
        lease(listener, "ERROR"),
        lease(listener, name="urllib3"),
        lease(listener, for_s=5 * 3600),
    ):
        assert (Outcome.REFUSED, "policy") == (answer.outcome, answer.reason), answer
    assert logging.DEBUG == level()


def test_a_role_narrows_it(serve: Callable[..., Listener], lease: Callable[..., Answer]) -> None:
    """Of two people one may lease."""
    role = Role("on-call", frozenset({"bob"}))
    policy = Policy(default_rules(), roles=(role,))
    answer = lease(serve(policy=policy))
    assert (Outcome.REFUSED, "policy") == (answer.outcome, answer.reason)
    assert answer.detail.startswith("no-role: verb: alice has no role here")


def test_a_lease_that_came_late_gets_the_remainder(
    serve: Callable[..., Listener], seal: Callable[..., bytes]
) -> None:
    """Its length counts from the moment it was sealed; a copy of it is no second start."""
    listener = serve()
    document = write_request(Verb.LEASE, levels={NAME: "DEBUG"}, for_s=1)
    sealed = seal(document, content_type=CONTENT_TYPE_REQUEST, stream=Stream.LEASE)
    time.sleep(1.2)
    answer = deliver(listener.address, sealed)
    assert (Outcome.REFUSED, "lease-over") == (answer.outcome, answer.reason)
    assert logging.NOTSET == level()


def test_a_forked_child_has_no_leases(
    serve: Callable[..., Listener],
    lease: Callable[..., Answer],
    child: Callable[[Callable[[], object]], Child],
) -> None:
    """It has no listener that could end them, and the parent goes on."""
    lease(serve(), for_s=3600)

    def look() -> None:
        assert logging.NOTSET == level()

    child(look).check()
    assert logging.DEBUG == level()


def test_an_encrypting_chain_gets_no_report(
    serve: Callable[..., Listener],
    network: Way,
    path: Path,
    seal_for_network: Callable[..., bytes],
) -> None:
    """An answer travels in the clear, and would show what the request hid."""
    listener = serve(f"unix:{path}", chain=network.chain)
    document = write_request(Verb.LEASE, levels={NAME: "DEBUG"})
    sealed = seal_for_network(document, content_type=CONTENT_TYPE_REQUEST, stream=Stream.LEASE)
    answer = deliver(listener.address, sealed)
    assert (Outcome.APPLIED, b"") == (answer.outcome, answer.report)


def test_a_status_that_is_too_long_says_what_it_left_out(
    serve: Callable[..., Listener], ask: Callable[..., Answer]
) -> None:
    """An answer has a limit; thousands of loggers with levels of their own do not fit into it."""
    loggers = [logging.getLogger(f"{NAME}.{'x' * 40}{number}") for number in range(3_000)]
    for logger in loggers:
        logger.setLevel(logging.INFO)
    try:
        told = report(ask(serve(), Verb.STATUS, Stream.READ))
    finally:
        # Every later change in this process would read them all.
        for logger in loggers:
            del logging.root.manager.loggerDict[logger.name]
    assert 3_000 <= len(told["loggers"]) + told["left_out"]
    assert told["loggers"]


def test_there_is_a_most_of_leases(
    serve: Callable[..., Listener], lease: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One key cannot make every change slow; what ends makes room."""
    monkeypatch.setattr(changing, "MAX_LEASES", 2)
    listener = serve()
    first = report(lease(listener, for_s=600))
    report(lease(listener, for_s=600, name=OTHER))
    answer = lease(listener, for_s=600)
    assert Outcome.FAILED is answer.outcome
    assert answer.detail.startswith("2 leases of alice are running")
    assert first["id"]
    assert logging.DEBUG == level()


def test_leases_end_with_a_listener_that_dies(
    serve: Callable[..., Listener],
    lease: Callable[..., Answer],
    until: Callable[[Callable[[], object]], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody else would end them."""

    def broken(server: Server) -> NoReturn:
        raise ZeroDivisionError

    logging.getLogger(NAME).setLevel(logging.INFO)
    report(lease(serve(), for_s=600))
    monkeypatch.setattr(Server, "_expire", broken)
    until(lambda: level() == logging.INFO)


def test_an_end_that_fails_is_tried_again(
    serve: Callable[..., Listener],
    lease: Callable[..., Answer],
    until: Callable[[Callable[[], object]], None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The listener lives on, and the level goes back once it can."""
    logging.getLogger(NAME).setLevel(logging.WARNING)
    listener = serve()
    report(lease(listener, for_s=2))
    tries: list[None] = []
    honest = changing.Changer.end_leases

    def once_broken(of: changing.Changer, *given: Any, **more: Any) -> object:  # noqa: ANN401
        tries.append(None)
        if len(tries) == 1:
            raise ZeroDivisionError
        return honest(of, *given, **more)

    monkeypatch.setattr(changing.Changer, "end_leases", once_broken)
    until(lambda: level() == logging.WARNING)
    assert listener.is_alive()
    assert 2 == len(tries)
    assert any(
        "could not be ended; it is tried again" in each.getMessage() for each in caplog.records
    )
