"""Rules that compare with a list: classes, externals, destinations, counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sealwire.policy import (
    Counts,
    Destinations,
    Externals,
    FormatterClasses,
    HandlerClasses,
    Rule,
)

if TYPE_CHECKING:
    from tests.unit.policy.conftest import Objections

SYSLOG = "logging.handlers.SysLogHandler"


def test_handlers_are_of_listed_classes(objections: Objections) -> None:
    """A class is compared by its exact name; a near one gets a hint, and nothing is looked up."""
    rule = HandlerClasses(frozenset({"logging.StreamHandler", "logging.NullHandler"}))
    assert [] == objections(rule, handlers={"h": {"class": "logging.StreamHandler"}})
    assert [] == objections(rule, incremental=True, handlers={"h": {"level": 10}})
    found = objections(
        rule,
        handlers={
            "a": {"class": "logging.handlers.logging.StreamHandler"},
            "b": {"class": "os.system"},
            "c": {"class": "logging.streamhandler"},
        },
    )
    hint = "; did you mean logging.StreamHandler?"
    assert [
        "handlers.a.class: the class 'logging.handlers.logging.StreamHandler' is not allowed here"
        + hint,
        "handlers.b.class: the class 'os.system' is not allowed here",
        "handlers.c.class: the class 'logging.streamhandler' is not allowed here" + hint,
    ] == found


def test_formatters_are_of_listed_classes(objections: Objections) -> None:
    """The library's own formatter needs no entry, however it is written."""
    formatters: dict[str, object] = {"a": {}, "b": {"class": "logging.Formatter"}}
    assert [] == objections(FormatterClasses(), formatters=formatters)
    formatters["c"] = {"class": "app.Json"}
    assert [] == objections(FormatterClasses(frozenset({"app.Json"})), formatters=formatters)
    assert ["formatters.c.class: the class 'app.Json' is not allowed here"] == objections(
        FormatterClasses(), formatters=formatters
    )


def test_externals_are_listed(objections: Objections) -> None:
    """An object is compared by its exact name, in any argument of any handler."""
    rule = Externals(frozenset({"sys.stdout"}))
    handlers = {"h": {"class": "a.B", "one": "ext://sys.stdout", "two": 1}}
    assert [] == objections(rule, handlers=handlers)
    handlers["h"]["two"] = "ext://sys.stdout.buffer"
    expected = (
        "handlers.h.two: the object 'ext://sys.stdout.buffer' is not allowed here;"
        " did you mean sys.stdout?"
    )
    assert [expected] == objections(rule, handlers=handlers)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ({"address": "/dev/log"}, None),
        ({"address": ["logs.example", 514]}, None),
        ({"address": "/run/docker.sock"}, "'/run/docker.sock'"),
        ({"address": ["logs.example", 515]}, "['logs.example', 515]"),
        ({"address": ["LOGS.example", 514]}, "['LOGS.example', 514]"),
        ({"address": ["logs.example", "514"]}, "['logs.example', '514']"),
        ({"address": None}, "None"),
        ({}, "['localhost', 514]"),
    ],
)
def test_records_go_to_listed_destinations(
    objections: Objections, address: dict[str, object], expected: str | None
) -> None:
    """An address is compared as it is written, and a missing one is the library's default."""
    rule = Destinations(frozenset({"/dev/log", ("logs.example", 514)}))
    found = objections(rule, handlers={"h": {"class": SYSLOG, **address}})
    if expected is None:
        assert [] == found
    else:
        allowed = "'/dev/log', ['logs.example', 514]"
        assert [
            f"handlers.h.address: records may not go to {expected}; allowed: {allowed}"
        ] == found


def test_the_implied_destination_can_be_listed(objections: Objections) -> None:
    """Who names localhost:514 allows a handler without an address; other classes have none."""
    handlers = {"h": {"class": SYSLOG}, "i": {"class": "a.B", "address": "/x"}}
    assert [] == objections(Destinations(frozenset({("localhost", 514)})), handlers=handlers)
    assert [
        "handlers.h.address: records may not go to ['localhost', 514]; allowed: nowhere"
    ] == objections(Destinations(frozenset()), handlers=handlers)


SOCKET = "logging.handlers.SocketHandler"
WEB = "logging.handlers.HTTPHandler"
MAIL = "logging.handlers.SMTPHandler"


@pytest.mark.parametrize(
    ("class_name", "arguments", "found"),
    [
        (SOCKET, {"host": "h", "port": 514}, None),
        (SOCKET, {"host": "h", "port": 515}, "handlers.h.host: records may not go to ['h', 515]"),
        (SOCKET, {"host": "h"}, "handlers.h.host: records may not go to None"),
        (SOCKET, {"host": 1, "port": 514}, "handlers.h.host: records may not go to None"),
        ("logging.handlers.DatagramHandler", {"host": "h", "port": 514}, None),
        (WEB, {"host": "h:514"}, None),
        (WEB, {"host": "w"}, None),
        (WEB, {"host": "s", "secure": True}, None),
        (WEB, {"host": "s"}, "handlers.h.host: records may not go to ['s', 80]"),
        (WEB, {"host": "h:x"}, "handlers.h.host: records may not go to ['h:x', 80]"),
        (WEB, {"host": ":514"}, "handlers.h.host: records may not go to [':514', 80]"),
        (WEB, {"host": "h:\u0661"}, "handlers.h.host: records may not go to ['h:\u0661', 80]"),
        (WEB, {}, "handlers.h.host: records may not go to None"),
        (MAIL, {"mailhost": "m"}, None),
        (MAIL, {"mailhost": ["h", 514]}, None),
        (MAIL, {"mailhost": "h"}, "handlers.h.mailhost: records may not go to ['h', 25]"),
        (MAIL, {}, "handlers.h.mailhost: records may not go to None"),
    ],
)
def test_other_handlers_send_to_listed_destinations(
    objections: Objections, class_name: str, arguments: dict[str, object], found: str | None
) -> None:
    """Each class says in its own words where to; ports that are not given are the usual ones."""
    rule = Destinations(frozenset({("h", 514), ("w", 80), ("s", 443), ("m", 25)}))
    said = objections(rule, handlers={"h": {"class": class_name, **arguments}})
    assert ([] if found is None else [found]) == [each.partition(";")[0] for each in said]


def test_handlers_and_loggers_are_counted(objections: Objections) -> None:
    """The limit is allowed, one more is not."""
    rule = Counts(max_handlers=2, max_loggers=3)
    handler = {"class": "logging.NullHandler"}
    handlers = {f"h{number}": handler for number in range(2)}
    loggers: dict[str, object] = {f"l{number}": {} for number in range(3)}
    assert [] == objections(rule, handlers=handlers, loggers=loggers, root={"level": 1})
    handlers["more"] = handler
    loggers["more"] = {}
    assert [
        "handlers: 3 of them, over the limit of 2",
        "loggers: 4 of them, over the limit of 3",
    ] == objections(rule, handlers=handlers, loggers=loggers)


def test_buffers_count_together(objections: Objections) -> None:
    """Each within its own limit is not enough, and what is no number is another rule's matter."""
    rule = Counts(max_buffered_records=100)
    console = {"class": "logging.StreamHandler"}
    memory = {"class": "logging.handlers.MemoryHandler", "capacity": 50, "target": "console"}
    handlers = {"console": console, "a": memory, "b": memory, "c": {**memory, "capacity": "1"}}
    assert [] == objections(rule, handlers=handlers)
    handlers["d"] = {**memory, "capacity": 1}
    assert ["handlers: 101 records in memory, over the limit of 100"] == objections(
        rule, handlers=handlers
    )


def test_every_rule_has_its_name() -> None:
    """The names that answers, logs and audit show."""
    rules: list[Rule] = [
        HandlerClasses(frozenset()),
        FormatterClasses(),
        Externals(frozenset()),
        Destinations(frozenset()),
        Counts(),
    ]
    expected = ["handler-class", "formatter-class", "external", "destination", "count"]
    assert expected == [rule.name for rule in rules]
