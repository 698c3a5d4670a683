"""Arguments of handlers: which, and which values."""

from __future__ import annotations

import inspect
import logging
import logging.handlers
import socket
from typing import TYPE_CHECKING

import pytest

from sealwire.documents import Argument, External
from sealwire.policy import (
    HANDLER_ARGUMENTS,
    Accepts,
    Address,
    Either,
    Flag,
    HandlerArguments,
    Object,
    OneOf,
    Parameter,
    Text,
    Whole,
)
from sealwire.policy.arguments import NETWORK_ARGUMENTS

if TYPE_CHECKING:
    from tests.unit.policy.conftest import Objections

RULE = HandlerArguments(HANDLER_ARGUMENTS)
STREAM = "logging.StreamHandler"
NOTHING = "logging.NullHandler"
FILE = "logging.FileHandler"
WATCHED = "logging.handlers.WatchedFileHandler"
ROTATING = "logging.handlers.RotatingFileHandler"
TIMED = "logging.handlers.TimedRotatingFileHandler"
MEMORY = "logging.handlers.MemoryHandler"
SYSLOG = "logging.handlers.SysLogHandler"


@pytest.mark.parametrize(
    ("accepts", "value", "expected"),
    [
        (Text(), "", ""),
        (Text(), 1, "is not text"),
        (Text(), None, "is not text"),
        (Text(), External("sys.stdout"), "is not text"),
        (Flag(), True, ""),
        (Flag(), 1, "is neither true nor false"),
        (Whole(1, 3), 1, ""),
        (Whole(1, 3), 3, ""),
        (Whole(1, 3), 0, "is 0, not between 1 and 3"),
        (Whole(1, 3), 4, "is 4, not between 1 and 3"),
        (Whole(1, 3), True, "is not a number"),
        (Whole(1, 3), "1", "is not a number"),
        (Whole(2, 3, or_zero=True), 0, ""),
        (Whole(2, 3, or_zero=True), 1, "is 1, neither 0 nor between 2 and 3"),
        (OneOf(("a", 1, None)), "a", ""),
        (OneOf(("a", 1, None)), None, ""),
        (OneOf(("a", 1, None)), True, "is True; what is allowed: a, 1, None"),
        (OneOf(("a",)), "A", "is 'A'; what is allowed: a"),
        (Object(), External("a.b"), ""),
        (Object(), "a.b", "is not an ext:// object"),
        (Address(), "/dev/log", ""),
        (Address(), ("host", 1), ""),
        (Address(), ("host", True), "is neither a path nor a list of host and port"),
        (Address(), ("host", 1, 1), "is neither a path nor a list of host and port"),
        (Address(), (1, "host"), "is neither a path nor a list of host and port"),
        (Address(), None, "is neither a path nor a list of host and port"),
        (Either((Flag(), Whole(1, 2))), False, ""),
        (Either((Flag(), Whole(1, 2))), 2, ""),
        (Either((Flag(), Whole(1, 2))), 3, "is 3, not between 1 and 2"),
        (Either(()), 1, "is not accepted"),
    ],
)
def test_sets_of_values(accepts: Accepts, value: Argument, expected: str) -> None:
    """Types are exact, ends are inclusive, and a refusal says what would do."""
    assert expected == accepts.refusal(value)


@pytest.mark.parametrize(
    ("class_name", "arguments"),
    [
        (STREAM, {}),
        (STREAM, {"stream": "ext://sys.stdout"}),
        (NOTHING, {}),
        (FILE, {"filename": "/x"}),
        (FILE, {"filename": "/x", "mode": "a", "encoding": "utf-8", "delay": True, "errors": None}),
        (WATCHED, {"filename": "/x", "errors": "backslashreplace", "encoding": None}),
        (ROTATING, {"filename": "/x", "maxBytes": 0, "backupCount": 0}),
        (ROTATING, {"filename": "/x", "maxBytes": 65536, "backupCount": 1000, "mode": "a"}),
        (TIMED, {"filename": "/x", "when": "midnight", "interval": 1, "utc": True}),
        (TIMED, {"filename": "/x", "when": "W6", "interval": 1000, "backupCount": 7}),
        (MEMORY, {"capacity": 10_000, "target": "other", "flushLevel": "ERROR"}),
        (MEMORY, {"capacity": 1, "target": "other", "flushOnClose": False}),
        (SYSLOG, {}),
        (SYSLOG, {"address": "/dev/log", "facility": "local7", "socktype": 2}),
        (SYSLOG, {"address": ["h", 1], "facility": 23, "socktype": "ext://socket.SOCK_STREAM"}),
        (SYSLOG, {"socktype": None}),
    ],
)
def test_usual_arguments_are_taken(
    objections: Objections, class_name: str, arguments: dict[str, object]
) -> None:
    """What the handlers are used with in practice, and the ends of every range."""
    handlers = {"h": {"class": class_name, **arguments}, "other": {"class": NOTHING}}
    assert [] == objections(RULE, handlers=handlers)


@pytest.mark.parametrize(
    ("class_name", "arguments", "expected"),
    [
        ("app.Handler", {}, "handlers.h: no arguments are listed for the class 'app.Handler'"),
        (NOTHING, {"x": 1}, "handlers.h: 'x' is not an argument to be given here"),
        (STREAM, {"strm": "ext://sys.stdout"}, "'strm' is not an argument to be given here; did"),
        (STREAM, {"stream": "sys.stdout"}, "handlers.h.stream: is not an ext:// object"),
        (STREAM, {"stream": None}, "handlers.h.stream: is not an ext:// object"),
        (FILE, {}, "handlers.h.filename: is missing"),
        (FILE, {"filename": 3}, "handlers.h.filename: is not text"),
        (FILE, {"filename": "/x", "mode": "w"}, "handlers.h.mode: is 'w'; what is allowed: a"),
        (FILE, {"filename": "/x", "mode": "x"}, "handlers.h.mode: is 'x'; what is allowed: a"),
        (FILE, {"filename": "/x", "mode": "r+"}, "handlers.h.mode: is 'r+'; what is allowed: a"),
        (FILE, {"filename": "/x", "encoding": "undefined"}, "handlers.h.encoding: is 'undefined';"),
        (FILE, {"filename": "/x", "encoding": "mbcs"}, "handlers.h.encoding: is 'mbcs';"),
        (FILE, {"filename": "/x", "errors": "ignore"}, "handlers.h.errors: is 'ignore';"),
        (FILE, {"filename": "/x", "maxBytes": 1}, "handlers.h: 'maxBytes' is not an argument"),
        (ROTATING, {"filename": "/x", "maxBytes": 1}, "handlers.h.maxBytes: is 1, neither 0 nor"),
        (ROTATING, {"filename": "/x", "maxBytes": 65535}, "handlers.h.maxBytes: is 65535, neither"),
        (ROTATING, {"filename": "/x", "maxBytes": -1}, "handlers.h.maxBytes: is -1, neither"),
        (ROTATING, {"filename": "/x", "maxBytes": 2**41}, "handlers.h.maxBytes: is 2199023255552,"),
        (ROTATING, {"filename": "/x", "backupCount": 1001}, "handlers.h.backupCount: is 1001, not"),
        (ROTATING, {"filename": "/x", "backupCount": -1}, "handlers.h.backupCount: is -1, not"),
        (TIMED, {"filename": "/x", "interval": 0}, "handlers.h.interval: is 0, not between 1"),
        (TIMED, {"filename": "/x", "interval": -1}, "handlers.h.interval: is -1, not between 1"),
        (TIMED, {"filename": "/x", "interval": 1001}, "handlers.h.interval: is 1001, not between"),
        (TIMED, {"filename": "/x", "when": "W7"}, "handlers.h.when: is 'W7'; what is allowed: M"),
        (TIMED, {"filename": "/x", "when": "s"}, "handlers.h.when: is 's'; what is allowed: M"),
        (TIMED, {"filename": "/x", "mode": "a"}, "handlers.h: 'mode' is not an argument"),
        (MEMORY, {"target": "other"}, "handlers.h.capacity: is missing"),
        (MEMORY, {"capacity": 1}, "handlers.h.target: is missing"),
        (MEMORY, {"capacity": 10_001, "target": "other"}, "handlers.h.capacity: is 10001, not"),
        (MEMORY, {"capacity": 0, "target": "other"}, "handlers.h.capacity: is 0, not between 1"),
        (SYSLOG, {"facility": "nosuch"}, "handlers.h.facility: is 'nosuch'; what is allowed: auth"),
        (SYSLOG, {"facility": 24}, "handlers.h.facility: is 24; what is allowed: auth,"),
        (SYSLOG, {"socktype": 3}, "handlers.h.socktype: is 3; what is allowed: 1, 2, None"),
        (SYSLOG, {"address": ["h", True]}, "handlers.h.address: is neither a path nor a list of"),
    ],
)
def test_other_arguments_are_refused(
    objections: Objections, class_name: str, arguments: dict[str, object], expected: str
) -> None:
    """An unknown argument, a value out of range, a missing argument: each with its place."""
    handlers = {"h": {"class": class_name, **arguments}, "other": {"class": NOTHING}}
    found = objections(RULE, handlers=handlers)
    assert 1 == len(found)
    assert expected in found[0]


def test_an_incremental_plan_has_no_arguments(objections: Objections) -> None:
    """Its handlers exist, and keep what they were built with."""
    assert [] == objections(RULE, incremental=True, handlers={"h": {"level": 10}})


def test_a_host_lists_its_own_class(objections: Objections) -> None:
    """Arguments of a class of the host's own are judged in the same way."""
    rule = HandlerArguments({"app.Handler": {"colour": Parameter(OneOf(("red",)), required=True)}})
    for arguments, expected in (
        ({"colour": "red"}, []),
        ({"colour": "blue"}, ["handlers.h.colour: is 'blue'; what is allowed: red"]),
        ({}, ["handlers.h.colour: is missing"]),
    ):
        assert expected == objections(rule, handlers={"h": {"class": "app.Handler", **arguments}})
    assert "handler-argument" == rule.name


@pytest.mark.parametrize("class_name", [*HANDLER_ARGUMENTS, *NETWORK_ARGUMENTS])
def test_the_list_fits_the_library(class_name: str) -> None:
    """Each listed class is there and takes the listed arguments; what it requires is required."""
    module = logging.handlers if class_name.startswith("logging.handlers.") else logging
    handler = getattr(module, class_name.rpartition(".")[2])
    signature = inspect.signature(handler)
    listed = {**HANDLER_ARGUMENTS, **NETWORK_ARGUMENTS}[class_name]
    assert set(listed) <= set(signature.parameters)
    needed = {
        name
        for name, parameter in signature.parameters.items()
        if parameter.default is parameter.empty
    }
    assert needed <= {name for name, parameter in listed.items() if parameter.required}


def test_facilities_and_socket_types_are_the_librarys() -> None:
    """Names and numbers written out here are those that the library and the system have."""
    parameters = HANDLER_ARGUMENTS[SYSLOG]
    names = logging.handlers.SysLogHandler.facility_names
    assert len(names) > 20
    facilities: list[str | int] = [*names, *names.values()]
    for facility in facilities:
        assert "" == parameters["facility"].accepts.refusal(facility)
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        assert "" == parameters["socktype"].accepts.refusal(int(kind))
