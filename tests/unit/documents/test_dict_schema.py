"""From documents to plans: what is taken, and with which words the rest is refused."""

from __future__ import annotations

import json

import pytest

from sealwire.documents import (
    External,
    Factory,
    FilterPlan,
    FormatterPlan,
    HandlerPlan,
    LoggerPlan,
    LoggingPlan,
    QueuePlan,
    plan_from,
    read_plan,
)
from sealwire.documents.reading import did_you_mean, nearest
from sealwire.errors import MalformedError, Reason, Stage

CONSOLE = {"class": "logging.StreamHandler"}
QUEUE = {"class": "logging.handlers.QueueHandler"}
BEHIND = {**QUEUE, "handlers": ["c"]}
MEMORY = {"class": "logging.handlers.MemoryHandler", "capacity": 10}


def plan(**sections: object) -> LoggingPlan:
    """Read a document of version 1 with these sections."""
    return read_plan(json.dumps({"version": 1, **sections}).encode())


def refusal(**sections: object) -> str:
    """Give the detail with which a document of these sections is refused."""
    with pytest.raises(MalformedError) as caught:
        plan(**sections)
    assert Reason.DOCUMENT_INVALID is caught.value.reason
    assert Stage.DOCUMENT is caught.value.stage
    return caught.value.detail


def test_a_whole_document_is_read() -> None:
    """Every section and every key has its place in the plan, sorted by name."""
    document = {
        "disable_existing_loggers": True,
        "incremental": False,
        "formatters": {
            "z": {
                "class": "app.Formatter",
                "format": "$message",
                "datefmt": "%H:%M",
                "style": "$",
                "validate": False,
                "defaults": {"user": "-", "age": 1, "new": True, "nothing": None},
            },
            "a": {"class": "logging.Formatter", "format": "%(message)s", "style": "%"},
        },
        "filters": {"f": {"name": "payments"}, "e": {}},
        "handlers": {
            "console": {
                "class": "logging.StreamHandler",
                "level": "DEBUG",
                "formatter": "a",
                "filters": ["f", "e"],
                "stream": "ext://sys.stdout",
            },
            "buffer": {**MEMORY, "target": "console", "flushLevel": "WARN", "flushOnClose": False},
            "other": {"class": "a.b.C", "hosts": ["x", 1, None], "nothing": None, "address": "/x"},
        },
        "loggers": {
            "b": {"level": 5, "propagate": False, "handlers": ["console"], "filters": ["e"]},
            "a.b": {},
        },
        "root": {"level": "NOTSET", "handlers": ["console", "buffer"]},
    }
    expected = LoggingPlan(
        formatters=(
            FormatterPlan("a", format="%(message)s"),
            FormatterPlan(
                "z",
                format="$message",
                datefmt="%H:%M",
                style="$",
                validate=False,
                class_name="app.Formatter",
                defaults=(("age", 1), ("new", True), ("nothing", None), ("user", "-")),
            ),
        ),
        filters=(FilterPlan("e"), FilterPlan("f", "payments")),
        handlers=(
            HandlerPlan(
                "buffer",
                "logging.handlers.MemoryHandler",
                arguments=(
                    ("capacity", 10),
                    ("flushLevel", 30),
                    ("flushOnClose", False),
                    ("target", "console"),
                ),
            ),
            HandlerPlan(
                "console",
                "logging.StreamHandler",
                level=10,
                formatter="a",
                filters=("f", "e"),
                arguments=(("stream", External("sys.stdout")),),
            ),
            HandlerPlan(
                "other",
                "a.b.C",
                arguments=(("address", "/x"), ("hosts", ("x", 1, None)), ("nothing", None)),
            ),
        ),
        loggers=(LoggerPlan("a.b"), LoggerPlan("b", 5, ("console",), ("e",), False)),
        root=LoggerPlan("", 0, ("console", "buffer")),
        disable_existing_loggers=True,
    )
    assert expected == plan(**document)
    assert expected == plan_from(expected.to_dict())
    assert expected == read_plan(expected.canonical())


def test_what_is_called_and_set_is_read() -> None:
    """Factories, their arguments, attributes and queues; null is written where it is passed on."""
    document = {
        "formatters": {
            "made": {
                "()": "app.formatter",
                "format": "%(message)s",
                "fmt": None,
                "style": "%",
                "validate": True,
                "defaults": {"user": "-"},
                "stream": "ext://app.x",
                ".": {"default_msec_format": None},
            }
        },
        "filters": {"made": {"()": "app.filter", "name": "x", "more": [1], ".": {"a": 1}}},
        "handlers": {
            "console": {**CONSOLE, ".": {"terminator": "\n"}},
            "made": {
                "()": "app.handler",
                "class": None,
                "level": "INFO",
                "formatter": "made",
                "filters": ["made"],
                "queue": "text",
                "nothing": None,
                ".": {"a": True, "b": "x"},
            },
            "none": {**CONSOLE, ".": None},
            "queue": {
                **QUEUE,
                "handlers": ["made", "console"],
                "queue": {"()": "app.queue", "size": 1, "names": ["a"]},
                "listener": {"()": "app.listener"},
                "respect_handler_level": True,
            },
            "queue2": {"class": "a.Q", "handlers": ["made"], "queue": "a.q", "listener": "a.L"},
        },
    }
    expected = LoggingPlan(
        formatters=(
            FormatterPlan(
                "made",
                defaults=(("user", "-"),),
                factory="app.formatter",
                arguments=(
                    ("fmt", None),
                    ("format", "%(message)s"),
                    ("stream", External("app.x")),
                    ("style", "%"),
                    ("validate", True),
                ),
                attributes=(("default_msec_format", None),),
            ),
        ),
        filters=(
            FilterPlan(
                "made",
                factory="app.filter",
                arguments=(("more", (1,)), ("name", "x")),
                attributes=(("a", 1),),
            ),
        ),
        handlers=(
            HandlerPlan("console", CONSOLE["class"], attributes=(("terminator", "\n"),)),
            HandlerPlan(
                "made",
                level=20,
                formatter="made",
                filters=("made",),
                arguments=(("nothing", None), ("queue", "text")),
                factory="app.handler",
                attributes=(("a", True), ("b", "x")),
            ),
            HandlerPlan("none", CONSOLE["class"]),
            HandlerPlan(
                "queue",
                QUEUE["class"],
                queue=QueuePlan(
                    ("made", "console"),
                    Factory("app.queue", (("names", ("a",)), ("size", 1))),
                    Factory("app.listener"),
                    respect_handler_level=True,
                ),
            ),
            HandlerPlan("queue2", "a.Q", queue=QueuePlan(("made",), Factory("a.q"), "a.L")),
        ),
    )
    assert expected == plan(**document)
    assert expected == plan_from(expected.to_dict())
    assert expected == read_plan(expected.canonical())
    assert hash(expected) == hash(plan(**document))


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"queue": None, "listener": None, "respect_handler_level": None},
        {"queue": "queue.Queue", "listener": "logging.handlers.QueueListener"},
        {"queue": {"()": "queue.Queue"}, "respect_handler_level": False},
    ],
)
def test_the_librarys_own_queue_is_what_is_meant(said: dict[str, object]) -> None:
    """However it is written, it is one plan."""
    found = plan(handlers={"c": CONSOLE, "q": {**BEHIND, **said}})
    assert QueuePlan(("c",)) == found.handlers[1].queue
    assert found.to_dict()["handlers"] == {"c": CONSOLE, "q": BEHIND}


@pytest.mark.parametrize("key", ["queue", "listener", "handlers", "respect_handler_level"])
def test_another_class_has_no_queue_keys(key: str) -> None:
    """Null is one that is missing; anything else makes it a queue handler."""
    assert plan(handlers={"h": {**CONSOLE, key: None}}).handlers[0].queue is None
    assert "handlers.h.handlers: " in refusal(handlers={"h": {**CONSOLE, key: 1}})


def test_what_is_not_said_is_off() -> None:
    """Unlike in the standard library, silence does not disable the loggers that exist."""
    assert LoggingPlan() == plan()
    assert LoggingPlan() == plan(disable_existing_loggers=None, incremental=None)


def test_null_is_as_good_as_nothing() -> None:
    """An optional key that is null is one that is missing, as the library has it."""
    written = plan(
        formatters={
            "a": dict.fromkeys(("class", "format", "datefmt", "style", "validate", "defaults"))
        },
        filters={"f": {"name": None}},
        handlers={"h": {**CONSOLE, "level": None, "formatter": None, "filters": None}},
        loggers={"l": dict.fromkeys(("level", "propagate", "handlers", "filters"))},
        root={"level": None},
    )
    missing = plan(
        formatters={"a": {}},
        filters={"f": {"name": ""}},
        handlers={"h": CONSOLE},
        loggers={"l": {}},
        root={"handlers": []},
    )
    assert missing == written


@pytest.mark.parametrize(
    "sections",
    [
        {"root": {"level": 10, "propagate": True}},
        {"loggers": {"": {"level": 10, "propagate": False}}},
        {"loggers": {"root": {"level": "DEBUG"}}},
        {"loggers": {"": {"level": 10}}, "root": {}},
    ],
)
def test_the_root_logger_has_three_names(sections: dict[str, object]) -> None:
    """All of them mean one plan; an empty ``root`` means nothing, as in the library."""
    assert LoggingPlan(root=LoggerPlan("", 10)) == plan(**sections)


def test_an_empty_root_is_no_root() -> None:
    """The library skips it, unlike an empty logger."""
    assert LoggingPlan() == plan(root={})
    assert LoggingPlan(root=LoggerPlan("")) == plan(loggers={"": {}})
    assert LoggingPlan(incremental=True) == plan(incremental=True, loggers={"": {}})


def test_an_incremental_document_is_read() -> None:
    """It gives levels and propagate of what exists, and says nothing about classes."""
    expected = LoggingPlan(
        handlers=(HandlerPlan("console", level=40), HandlerPlan("file")),
        loggers=(LoggerPlan("a", 10, propagate=False),),
        root=LoggerPlan("", 20),
        incremental=True,
    )
    actual = plan(
        incremental=True,
        disable_existing_loggers=False,
        handlers={"console": {"level": "ERROR"}, "file": {}},
        loggers={"a": {"level": 10, "propagate": False}},
        root={"level": "INFO"},
    )
    assert expected == actual
    assert expected == read_plan(expected.canonical())


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({}, "version: is missing; it has to be 1"),
        ({"version": 2}, "version: is 2; only version 1 of the schema exists"),
        # Another version may have other keys, so that is what is wrong, and not the key.
        ({"version": 2, "new": {}}, "version: is 2; only version 1 of the schema exists"),
        ({"version": True}, "version: is True; only version 1"),
        ({"version": "1"}, "version: is '1'; only version 1"),
        ({"version": None}, "version: is None; only version 1"),
        ({"version": 1, "handler": {}}, "'handler' is not a key here; did you mean handlers?"),
        ({"version": 1, "()": "os.system"}, "names a factory with '()', which is not taken here"),
    ],
)
def test_the_top_is_strict(document: dict[str, object], expected: str) -> None:
    """The version is the number 1, and no key is unknown."""
    with pytest.raises(MalformedError) as caught:
        read_plan(json.dumps(document).encode())
    assert expected in caught.value.detail


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        ({"incremental": 1}, "incremental: is a number, not true or false"),
        ({"disable_existing_loggers": "no"}, "disable_existing_loggers: is a string, not true"),
        ({"handlers": []}, "handlers: is a list, not an object"),
        ({"handlers": None}, "handlers: is null, not an object"),
        ({"root": []}, "root: is a list, not an object"),
        ({"root": None}, "root: is null, not an object"),
        # formatters
        ({"formatters": {"a": 1}}, "formatters.a: is a number, not an object"),
        (
            {"formatters": {"a": {"fmt": "x"}}},
            "formatters.a: 'fmt' is not a key here; did you mean format?",
        ),
        (
            {"formatters": {"a": {"()": "x y"}}},
            "formatters.a.(): 'x y' is not the dotted name of a factory",
        ),
        (
            {"formatters": {"a": {"()": "x", "class": "a.B"}}},
            "formatters.a: has both a class and a factory, '()'",
        ),
        ({"formatters": {"a": {".": {"x": 1}}}}, "formatters.a: sets attributes with '.'"),
        ({"formatters": {"()": {}, "a": {}}}, "formatters: names a factory with '()'"),
        (
            {"formatters": {"a": {"()": "x.y", "format": 1}}},
            "formatters.a.format: is a number, not",
        ),
        ({"formatters": {"a": {"()": "x.y", "fmt": "ext://a.b"}}}, "formatters.a.fmt: text that"),
        ({"formatters": {"a": {"()": "x.y", "style": "&"}}}, "formatters.a.style: '&' is not a"),
        ({"formatters": {"a": {"()": "x.y", "a b": 1}}}, "formatters.a: 'a b' is not the name of"),
        ({"formatters": {"a": {"()": "x.y", "x": {}}}}, "formatters.a.x: is an object; not taken"),
        ({"formatters": {"a": {"()": "x.y", "defaults": 1}}}, "formatters.a.defaults: is a number"),
        (
            {"formatters": {"a": {"class": "os.system()"}}},
            "formatters.a.class: 'os.system()' is not the",
        ),
        ({"formatters": {"a": {"format": 1}}}, "formatters.a.format: is a number, not a string"),
        ({"formatters": {"a": {"format": ""}}}, "formatters.a.format: is empty"),
        ({"formatters": {"a": {"datefmt": ""}}}, "formatters.a.datefmt: is empty"),
        (
            {"formatters": {"a": {"format": "x"}}},
            "formatters.a.format: is not a format of style %:",
        ),
        (
            {"formatters": {"a": {"format": "%s %(a)s"}}},
            "formatters.a.format: is not a format of style %:",
        ),
        ({"formatters": {"a": {"format": "{a", "style": "{"}}}, "is not a format of style {:"),
        ({"formatters": {"a": {"format": "{a.b()}", "style": "{"}}}, "is not a format of style {:"),
        ({"formatters": {"a": {"format": "$", "style": "$", "validate": False}}}, "of style $:"),
        (
            {"formatters": {"a": {"style": "&"}}},
            "formatters.a.style: '&' is not a style; the styles",
        ),
        ({"formatters": {"a": {"style": 1}}}, "formatters.a.style: 1 is not a style"),
        ({"formatters": {"a": {"validate": 1}}}, "formatters.a.validate: is a number, not true or"),
        (
            {"formatters": {"a": {"defaults": []}}},
            "formatters.a.defaults: is a list, not an object",
        ),
        (
            {"formatters": {"a": {"defaults": {"x": []}}}},
            "formatters.a.defaults.x: is a list; a default",
        ),
        (
            {"formatters": {"a": {"defaults": {"x": {}}}}},
            "formatters.a.defaults.x: is an object; a",
        ),
        ({"formatters": {"a": {"defaults": {"": 1}}}}, "formatters.a.defaults: is an empty name"),
        # filters
        ({"filters": {"a": {"level": 1}}}, "filters.a: 'level' is not a key here"),
        ({"filters": {"a": {"name": 1}}}, "filters.a.name: is a number, not a string"),
        ({"filters": {"a": {"()": 1}}}, "filters.a.(): is a number, not a string"),
        ({"filters": {"a": {"()": "ext://a.b"}}}, "filters.a.(): text that starts with ext://"),
        ({"filters": {"a": {".": {"x": 1}}}}, "filters.a: sets attributes with '.'"),
        ({"filters": {"a": {"()": None, "name": "x"}}}, "filters.a: names a factory with '()'"),
        # handlers
        ({"handlers": {"h": "x"}}, "handlers.h: is a string, not an object"),
        ({"handlers": {"h": {}}}, "handlers.h.class: is missing"),
        ({"handlers": {"h": {"class": None}}}, "handlers.h.class: is missing"),
        ({"handlers": {"h": {"class": 1}}}, "handlers.h.class: is a number, not a string"),
        (
            {"handlers": {"h": {"class": "a..b"}}},
            "handlers.h.class: 'a..b' is not the dotted name of",
        ),
        (
            {"handlers": {"h": {"class": "a.b\n"}}},
            "handlers.h.class: 'a.b\\n' is not the dotted name",
        ),
        ({"handlers": {"h": {"class": "ä.b"}}}, "handlers.h.class: 'ä.b' is not the dotted name"),
        (
            {"handlers": {"h": {**CONSOLE, "level": "debug"}}},
            "handlers.h.level: 'debug' is not a level; did you mean DEBUG?",
        ),
        (
            {"handlers": {"h": {**CONSOLE, "level": "loud"}}},
            "handlers.h.level: 'loud' is not a level",
        ),
        (
            {"handlers": {"h": {**CONSOLE, "level": True}}},
            "handlers.h.level: is true or false, not a",
        ),
        (
            {"handlers": {"h": {**CONSOLE, "level": -1}}},
            "handlers.h.level: the level -1 is not between",
        ),
        ({"handlers": {"h": {**CONSOLE, "level": 10**6 + 1}}}, "is not between 0 and 1000000"),
        ({"handlers": {"h": {**CONSOLE, "level": []}}}, "handlers.h.level: is a list, not a level"),
        (
            {"handlers": {"h": {**CONSOLE, "formatter": "a"}}},
            "handlers.h.formatter: 'a' is not defined",
        ),
        (
            {"handlers": {"h": {**CONSOLE, "formatter": ""}}},
            "handlers.h.formatter: is an empty name",
        ),
        (
            {"handlers": {"h": {**CONSOLE, "filters": "a"}}},
            "handlers.h.filters: is a string, not a list of",
        ),
        (
            {"handlers": {"h": {**CONSOLE, "filters": ["a"]}}},
            "handlers.h.filters: 'a' is not defined",
        ),
        ({"handlers": {"h": {**CONSOLE, ".": 1}}}, "handlers.h.'.': is a number, not an object"),
        ({"handlers": {"h": {**CONSOLE, ".": {"_x": 1}}}}, "handlers.h: '_x' is not the name of"),
        ({"handlers": {"h": {**CONSOLE, ".": {"a.b": 1}}}}, "handlers.h: 'a.b' is not the name"),
        ({"handlers": {"h": {**CONSOLE, ".": {"level": 1}}}}, "handlers.h: level is no attribute"),
        ({"handlers": {"h": {**CONSOLE, ".": {"x": []}}}}, "handlers.h.x: is a list; not taken as"),
        ({"handlers": {"h": {**CONSOLE, ".": {"x": "ext://a"}}}}, "handlers.h.x: text that starts"),
        ({"handlers": {"h": {**CONSOLE, "()": "x"}}}, "handlers.h: has both a class and a factory"),
        ({"handlers": {"h": {"()": "x", "y": [[]]}}}, "handlers.h.y: is a list that holds a list"),
        (
            {"handlers": {"h": {**CONSOLE, "stream\n": 1}}},
            "handlers.h: 'stream\\n' is not the name of an",
        ),
        ({"handlers": {"h": {**CONSOLE, "\u017ftream": 1}}}, "is not the name of an argument"),
        (
            {"handlers": {"h": {**CONSOLE, "x": {}}}},
            "handlers.h.x: is an object; not taken as an argument",
        ),
        (
            {"handlers": {"h": {**CONSOLE, "x": [[]]}}},
            "handlers.h.x: is a list that holds a list; not",
        ),
        (
            {"handlers": {"h": {**CONSOLE, "x": [{}]}}},
            "handlers.h.x: is a list that holds an object",
        ),
        ({"handlers": {"h": {**CONSOLE, "x": "a\0b"}}}, "handlers.h.x: holds a NUL character"),
        ({"handlers": {"h": {**CONSOLE, "queue": "a.b"}}}, "handlers.h.handlers: is missing; name"),
        ({"handlers": {"h": QUEUE}}, "handlers.h.handlers: is missing; name the handlers"),
        ({"handlers": {"h": {**QUEUE, "handlers": []}}}, "handlers.h.handlers: is missing; name"),
        (
            {"handlers": {"h": {**QUEUE, "handlers": "x"}}},
            "handlers.h.handlers: is a string, not a",
        ),
        (
            {"handlers": {"hh": CONSOLE, "h": {**QUEUE, "handlers": ["hhh"]}}},
            "handlers.h.handlers: 'hhh' is not defined; did you mean hh?",
        ),
        (
            {"handlers": {"h": {**QUEUE, "handlers": ["h"]}}},
            "handlers.h.handlers: 'h' is a queue handler too; chains are not taken",
        ),
        (
            {"handlers": {"h": {**MEMORY, "target": "q"}, "c": CONSOLE, "q": {**BEHIND}}},
            "handlers.h.target: 'q' is a queue handler too; chains are not taken",
        ),
        (
            {"handlers": {"c": {**MEMORY, "target": "d"}, "d": CONSOLE, "q": {**BEHIND}}},
            "handlers.q.handlers: 'c' is a memory handler too; chains are not taken",
        ),
        (
            {"handlers": {"c": CONSOLE, "q": {**BEHIND, "respect_handler_level": 1}}},
            "handlers.q.respect_handler_level: is a number, not true or false",
        ),
        (
            {"handlers": {"c": CONSOLE, "q": {**BEHIND, "queue": 1}}},
            "handlers.q.queue: is a number, not a string",
        ),
        (
            {"handlers": {"c": CONSOLE, "q": {**BEHIND, "queue": "ext://a.b"}}},
            "handlers.q.queue: text that starts with ext://",
        ),
        (
            {"handlers": {"c": CONSOLE, "q": {**BEHIND, "queue": "a b"}}},
            "handlers.q.queue: 'a b' is not the dotted name of a queue",
        ),
        (
            {"handlers": {"c": CONSOLE, "q": {**BEHIND, "queue": {"maxsize": 1}}}},
            "handlers.q.queue: has no factory; an object here says with '()'",
        ),
        (
            {"handlers": {"c": CONSOLE, "q": {**BEHIND, "queue": {"()": "a.b", ".": {}}}}},
            "handlers.q.queue: sets attributes with '.'; they are not taken here",
        ),
        (
            {"handlers": {"c": CONSOLE, "q": {**BEHIND, "queue": {"()": "a.b", "x": "ext://a"}}}},
            "handlers.q.queue.x: is an object of the process; the library looks none up here",
        ),
        (
            {"handlers": {"c": CONSOLE, "q": {**BEHIND, "listener": []}}},
            "handlers.q.listener: is a list, not a string",
        ),
        (
            {"handlers": {"h": {**MEMORY, "flushLevel": "loud"}}},
            "handlers.h.flushLevel: 'loud' is not a level",
        ),
        ({"handlers": {"h": {**MEMORY, "target": "g"}}}, "handlers.h.target: 'g' is not defined"),
        (
            {"handlers": {"h": {**MEMORY, "target": None}}},
            "handlers.h.target: is not the name of a handler",
        ),
        (
            {"handlers": {"h": {**MEMORY, "target": 1}}},
            "handlers.h.target: is not the name of a handler",
        ),
        ({"handlers": {"h": {**MEMORY, "target": "ext://a.b"}}}, "handlers.h.target: "),
        (
            {"handlers": {"h": {**MEMORY, "target": "h"}}},
            "handlers.h.target: 'h' is a memory handler too",
        ),
        ({"handlers": {"": CONSOLE}}, "handlers: is an empty name"),
        (
            {"handlers": {"a\x1b[2J": CONSOLE}},
            "handlers: the name 'a\\x1b[2J' holds characters that do not",
        ),
        (
            {"handlers": {"h" * 257: CONSOLE}},
            "handlers: a name of 257 characters, over the limit of 256",
        ),
        # loggers
        (
            {"loggers": {"a": {"propogate": True}}},
            "loggers.a: 'propogate' is not a key here; did you mean propagate?",
        ),
        (
            {"loggers": {"a": {"propagate": 0}}},
            "loggers.a.propagate: is a number, not true or false",
        ),
        (
            {"loggers": {"a": {"propagate": "no"}}},
            "loggers.a.propagate: is a string, not true or false",
        ),
        (
            {"loggers": {"a": {"handlers": "console"}}},
            "loggers.a.handlers: is a string, not a list",
        ),
        ({"loggers": {"a": {"handlers": [1]}}}, "loggers.a.handlers: is a number, not a string"),
        ({"loggers": {"a": {"level": "VERBOSE"}}}, "loggers.a.level: 'VERBOSE' is not a level"),
        ({"loggers": {"a b": {"level": "x"}}}, "loggers.'a b'.level: 'x' is not a level"),
        ({"loggers": {".".join("a" * 33): {}}}, "loggers: a name of more than 32 parts"),
        (
            {"loggers": {"": {}}, "root": {"level": 1}},
            "root: is the root logger, which stands in this",
        ),
        (
            {"loggers": {"": {}, "root": {}}},
            "loggers.root: is the root logger, which stands in this",
        ),
        ({"loggers": {"": {"level": "x"}}}, "loggers.''.level: 'x' is not a level"),
        ({"root": {"level": "x"}}, "root.level: 'x' is not a level"),
        # incremental
        (
            {"incremental": True, "formatters": {}},
            "formatters: an incremental configuration has none",
        ),
        ({"incremental": True, "filters": {}}, "filters: an incremental configuration has none"),
        (
            {"incremental": True, "disable_existing_loggers": True},
            "disable_existing_loggers: an incremental",
        ),
        (
            {"incremental": True, "handlers": {"h": CONSOLE}},
            "handlers.h: 'class' is not a key here",
        ),
        (
            {"incremental": True, "loggers": {"a": {"handlers": []}}},
            "loggers.a: 'handlers' is not a key here",
        ),
        ({"incremental": True, "root": {"filters": []}}, "root: 'filters' is not a key here"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(sections: dict[str, object], expected: str) -> None:
    """Each refusal starts with the place, and says what was expected there."""
    assert expected in refusal(**sections)


@pytest.mark.parametrize("key", ["format", "datefmt"])
def test_the_length_of_a_format_is_bounded(key: str) -> None:
    """The limit is read, one character more is not."""
    text = "%(message)s".ljust(4096, "x")
    assert text in plan(formatters={"f": {key: text}}).formatters[0]
    expected = f"formatters.f.{key}: 4097 characters, over the limit of 4096"
    assert expected == refusal(formatters={"f": {key: text + "x"}})


def test_a_name_twice_in_a_list_is_refused() -> None:
    """A logger would call the handler once, so a list of two says something it does not mean."""
    detail = refusal(handlers={"h": CONSOLE}, root={"handlers": ["h", "h"]})
    assert "root.handlers: names 'h' twice" == detail


def test_a_memory_handler_does_not_feed_another() -> None:
    """The library cannot build most chains of them."""
    detail = refusal(
        handlers={
            "a": {**MEMORY, "target": "b"},
            "b": {**MEMORY, "target": "c"},
            "c": CONSOLE,
        }
    )
    assert "handlers.a.target: 'b' is a memory handler too; chains are not taken" == detail


def test_flush_level_is_a_level_for_memory_handlers_alone() -> None:
    """Another class may mean anything by the word."""
    handler = plan(handlers={"h": {"class": "a.B", "flushLevel": "loud"}}).handlers[0]
    assert (("flushLevel", "loud"),) == handler.arguments


RESOLVED = ["ext://os.system", "cfg://handlers.h", "ext://", "cfg://x[0]", "ext://sys.stdout\n"]


@pytest.mark.parametrize("text", RESOLVED)
@pytest.mark.parametrize(
    "sections",
    [
        '{"formatters": {"X": {}}}',
        '{"formatters": {"a": {"format": "X"}}}',
        '{"formatters": {"a": {"datefmt": "X"}}}',
        '{"formatters": {"a": {"style": "X"}}}',
        '{"formatters": {"a": {"class": "X"}}}',
        '{"formatters": {"a": {"defaults": {"b": "X"}}}}',
        '{"formatters": {"a": {"defaults": {"X": 1}}}}',
        '{"filters": {"X": {}}}',
        '{"filters": {"a": {"name": "X"}}}',
        '{"handlers": {"X": {"class": "a.B"}}}',
        '{"handlers": {"h": {"class": "X"}}}',
        '{"handlers": {"h": {"class": "a.B", "level": "X"}}}',
        '{"handlers": {"h": {"class": "a.B", "formatter": "X"}}}',
        '{"handlers": {"h": {"class": "a.B", "filters": ["X"]}}}',
        '{"handlers": {"h": {"class": "a.B", "X": 1}}}',
        '{"handlers": {"h": {"class": "a.B", "x": ["X"]}}}',
        '{"handlers": {"h": {"class": "logging.handlers.MemoryHandler", "target": "X"}}}',
        '{"handlers": {"h": {"class": "logging.handlers.MemoryHandler", "flushLevel": "X"}}}',
        '{"loggers": {"X": {}}}',
        '{"loggers": {"a": {"level": "X"}}}',
        '{"loggers": {"a": {"handlers": ["X"]}}}',
        '{"loggers": {"a": {"filters": ["X"]}}}',
        '{"root": {"level": "X"}}',
        '{"version": "X"}',
    ],
)
def test_what_dictconfig_resolves_is_no_text(sections: str, text: str) -> None:
    """A string that starts with ext:// or cfg:// is refused wherever a text or a name may stand."""
    document = json.loads(sections.replace('"X"', json.dumps(text)))
    assert refusal(**document)


@pytest.mark.parametrize("text", [text for text in RESOLVED if text != "ext://os.system"])
def test_an_argument_names_an_object_or_none(text: str) -> None:
    """An argument takes ext:// before a dotted name, and cfg:// never."""
    assert refusal(handlers={"h": {"class": "a.B", "x": text}})


def test_no_secret_is_quoted() -> None:
    """A refusal names arguments, and does not repeat what they hold."""
    secret = "hunter2"
    for value in ([secret, []], {secret: secret}, f"{secret}\0", f"cfg://{secret}"):
        assert secret not in refusal(handlers={"h": {"class": "a.B", "password": value}})


def test_a_hint_is_given_where_it_is_cheap() -> None:
    """A long word, or one of very many candidates, gets no hint; comparing takes time."""
    assert "; did you mean DEBUG?" == did_you_mean("dbug", ["INFO", "DEBUG"])
    assert "" == did_you_mean("zzz", ["INFO", "DEBUG"])
    assert "" == did_you_mean("D" * 65, ["D" * 64])
    assert "" == did_you_mean("a1", [f"a{number}" for number in range(65)])


def test_the_nearest_of_many_names() -> None:
    """A slip or two away, three at most, and without much work whatever there is."""
    known = ["payments", "payments.db", "payments.dba", "payments.dbx", "payments.dby"]
    assert 3 == len(nearest("payments.bd", known))
    assert "payments.db" == nearest("payments.bd", known)[0]
    assert [] == nearest("orders", known)
    assert [] == nearest("pay", known)
    assert [] == nearest("x" * 65, ["x" * 65])
    assert ["x199"] == nearest("x199y", [f"x{number:03}" for number in range(200)])[:1]
    assert "y199" not in nearest("y199y", [*["abcd"] * 200, "y199"])
