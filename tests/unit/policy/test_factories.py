"""What may be called and set: exact names alone, and nothing of the standard library."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sealwire.documents import Tree
from sealwire.errors import ConfigurationError, PolicyError
from sealwire.policy import (
    AttributeNames,
    DateFormats,
    Externals,
    Factories,
    FilePaths,
    Floors,
    FormatStrings,
    HandlerFloor,
    Parameter,
    default_rules,
    judge,
)
from sealwire.policy.accepts import Texts
from sealwire.policy.factories import MAX_QUEUED_RECORDS, check_attribute, check_factory
from sealwire.policy.supposed import supposed_result

if TYPE_CHECKING:
    from tests.unit.policy.conftest import Ask, Objections

QUEUE = "logging.handlers.QueueHandler"
CONSOLE = {"class": "logging.StreamHandler"}

EVERYWHERE: dict[str, object] = {
    "formatters": {"f": {"()": "app.formatter"}, "plain": {}},
    "filters": {"g": {"()": "app.filter"}, "plain": {}},
    "handlers": {
        "c": CONSOLE,
        "h": {"()": "app.handler"},
        "q": {
            "class": QUEUE,
            "handlers": ["c"],
            "queue": {"()": "app.queue"},
            "listener": "app.Listener",
        },
        "r": {"class": QUEUE, "handlers": ["c"], "listener": {"()": "app.listener"}},
    },
}
NAMES = ["formatter", "filter", "handler", "queue", "Listener", "listener"]


def test_nothing_is_called_unless_it_is_named(objections: Objections) -> None:
    """At every place where something can be called."""
    assert [
        "formatters.f.(): the factory 'app.formatter' is not allowed here",
        "filters.g.(): the factory 'app.filter' is not allowed here",
        "handlers.h.(): the factory 'app.handler' is not allowed here",
        "handlers.q.queue: the factory 'app.queue' is not allowed here",
        "handlers.q.listener: the factory 'app.Listener' is not allowed here",
        "handlers.r.listener: the factory 'app.listener' is not allowed here",
    ] == objections(Factories(), **EVERYWHERE)
    assert [] == objections(Factories(frozenset(f"app.{name}" for name in NAMES)), **EVERYWHERE)


def test_a_factory_is_named_exactly(objections: Objections) -> None:
    """What is beneath it, above it or spelt otherwise is another one; a near one gets a hint."""
    rule = Factories(frozenset({"app.handler"}))
    for name in (
        "app.handler.os.system",
        "app",
        "app.Handler",
        "other.app.handler",
        "app.handlers",
    ):
        (found,) = objections(rule, handlers={"h": {"()": name}})
        assert f"the factory '{name}' is not allowed here" in found
    (found,) = objections(rule, handlers={"h": {"()": "app.handlr"}})
    assert "did you mean app.handler?" in found


@pytest.mark.parametrize(
    ("queue", "expected"),
    [
        ("queue.Queue", []),
        ({"()": "queue.Queue"}, []),
        ({"()": "queue.Queue", "maxsize": 0}, []),
        ({"()": "queue.Queue", "maxsize": MAX_QUEUED_RECORDS}, []),
        (
            {"()": "queue.Queue", "maxsize": MAX_QUEUED_RECORDS + 1},
            [f"handlers.q.queue.maxsize: is {MAX_QUEUED_RECORDS + 1}, neither 0 nor between 1 and"],
        ),
        ({"()": "queue.Queue", "maxsize": -1}, ["handlers.q.queue.maxsize: is -1, neither 0 nor"]),
        ({"()": "queue.Queue", "maxsize": True}, ["handlers.q.queue.maxsize: is not a number"]),
        (
            {"()": "queue.Queue", "max_size": 1},
            ["handlers.q.queue: 'max_size' is not an argument to be given here; did you mean maxs"],
        ),
        ("queue.LifoQueue", ["handlers.q.queue: the factory 'queue.LifoQueue' is not allowed"]),
        ("queue.SimpleQueue", ["handlers.q.queue: the factory 'queue.SimpleQueue' is not allowed"]),
    ],
)
def test_the_librarys_own_queue_may_have_a_limit(
    objections: Objections, queue: object, expected: list[str]
) -> None:
    """It is what stands there where nothing is said; every other queue is a factory."""
    handlers = {"c": CONSOLE, "q": {"class": QUEUE, "handlers": ["c"], "queue": queue}}
    found = objections(Factories(), handlers=handlers)
    assert len(expected) == len(found)
    assert all(map(str.startswith, found, expected))


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        *(
            (name, "is no factory")
            for name in ("", "app", "app.*", "*", "app.", "app.make()", "ä.b")
        ),
        *(
            (name, "cannot be a factory")
            for name in (
                *("os.system", "subprocess.Popen", "builtins.exec", "logging.config.fileConfig"),
                *(
                    "logging.FileHandler",
                    "logging.handlers.SocketHandler",
                    "importlib.import_module",
                ),
                *(
                    "queue.Queue",
                    "pickle.loads",
                    "runpy.run_path",
                    "sealwire.listen",
                    "posix.system",
                ),
            )
        ),
    ],
)
def test_what_can_never_be_a_factory(name: str, problem: str) -> None:
    """By mistake or not; the host is told when its policy is read."""
    with pytest.raises(ConfigurationError, match=problem):
        check_factory(name)
    with pytest.raises(ConfigurationError, match=problem):
        default_rules(factories=[name])


@pytest.mark.parametrize("name", ["", "terminator", "StreamHandler.terminator", "a.b._c", "a.b.*"])
def test_what_is_no_attribute(name: str) -> None:
    """Without its class it would allow nothing, or too much."""
    with pytest.raises(ConfigurationError, match="is no attribute of a class"):
        check_attribute(name)
    with pytest.raises(ConfigurationError, match="is no attribute of a class"):
        default_rules(attributes=[name])


def test_attributes_are_named_for_one_class(objections: Objections) -> None:
    """What one class may have set, another may not."""
    rule = AttributeNames(frozenset({"logging.StreamHandler.terminator", "app.make.tag"}))
    set_some: dict[str, Any] = {
        "formatters": {"f": {"()": "app.make", ".": {"tag": 1}}},
        "filters": {"g": {"()": "app.make", ".": {"tag": "a\tb"}}},
        "handlers": {
            "h": {**CONSOLE, ".": {"terminator": "\r\n"}},
            "i": {"()": "app.make", ".": {"tag": None}},
        },
    }
    assert [] == objections(rule, **set_some)
    set_some["formatters"]["f"]["()"] = "app.make2"
    set_some["filters"]["g"]["."]["tag2"] = 1
    set_some["handlers"]["h"]["class"] = "x.Y"
    assert [
        "formatters.f.tag: 'app.make2.tag' may not be set here; did you mean app.make.tag?",
        "filters.g.tag2: 'app.make.tag2' may not be set here; did you mean app.make.tag?",
        "handlers.h.terminator: 'x.Y.terminator' may not be set here",
    ] == objections(rule, **set_some)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("x" * 64, None),
        ("x" * 65, "65 characters, over the limit of 64"),
        ("\x1b[2J", "holds characters that do not print"),
        ("\u202e", "holds characters that do not print"),
    ],
)
def test_the_value_of_an_attribute(
    objections: Objections, value: str, expected: str | None
) -> None:
    """It may stand at the end of every line."""
    rule = AttributeNames(frozenset({"logging.StreamHandler.terminator"}))
    found = objections(rule, handlers={"h": {**CONSOLE, ".": {"terminator": value}}})
    assert ([] if expected is None else [f"handlers.h.terminator: {expected}"]) == found


def test_other_rules_look_at_what_a_factory_is_given(objections: Objections) -> None:
    """Objects in any part, a filename, formats and dates; the rest is the factory's."""
    assert [
        f"{section}.x.y: the object 'ext://os.environ' is not allowed here"
        for section in ("formatters", "filters", "handlers")
    ] == objections(
        Externals(frozenset()),
        **{
            section: {"x": {"()": "app.make", "y": "ext://os.environ", "z": "os.environ"}}
            for section in ("formatters", "filters", "handlers")
        },
    )
    handlers: dict[str, object] = {"h": {"()": "app.make", "filename": "/etc/passwd"}}
    (found,) = objections(FilePaths(("/log",), windows=False), handlers=handlers)
    assert "is not beneath an allowed directory" in found
    dates = {"f": {"()": "app.make", "datefmt": "%1000000000Y"}}
    (found,) = objections(DateFormats(), formatters=dates)
    assert found.startswith("formatters.f.datefmt: ")
    assert [] == objections(DateFormats(), formatters={"f": {"()": "app.make", "datefmt": None}})


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ({}, None),
        ({"format": None}, None),
        ({"fmt": "%(message)s"}, None),
        ({"format": "%(message)s", "fmt": "$message"}, None),
        ({"fmt": "{args[0].__init__}"}, "f.fmt: 'args[0].__init__' is not a field"),
        ({"fmt": "{args[0].__init__}", "style": "%"}, None),
        ({"fmt": "{args[0].__init__}", "style": "{"}, "f.fmt: 'args[0].__init__' is not a field"),
        ({"format": "%(args)s"}, "f.format: 'args' is not a field"),
        ({"format": "%(args)s", "style": "{"}, None),
        ({"fmt": "$args"}, "f.fmt: 'args' is not a field"),
        ({"fmt": "%(message)300000000s"}, "f.fmt: the field message has no plain width"),
        ({"fmt": "100%"}, "f.fmt: is not a format of style %"),
        ({"fmt": "{message"}, "f.fmt: is not a format of style {"),
        ({"fmt": "{user}", "style": "{", "defaults": {"user": "-"}}, None),
        ({"fmt": "{user}", "defaults": {"user": "\x1b"}}, "f.fmt: the default of 'user' holds"),
    ],
)
def test_formats_of_a_factory_are_judged(
    objections: Objections, entries: dict[str, object], expected: str | None
) -> None:
    """In the style that is given; without one, in every style that the factory may have."""
    found = objections(FormatStrings(), formatters={"f": {"()": "app.make", **entries}})
    if expected is None:
        assert [] == found
    else:
        (objection,) = found
        assert objection.startswith(f"formatters.{expected}")


def test_the_rules_have_their_names() -> None:
    """The names that answers, logs and audit show."""
    assert ["factory", "attribute"] == [Factories().name, AttributeNames().name]


def test_a_host_names_what_it_wants(ask: Ask) -> None:
    """A queue in front of the console, a factory and an attribute, all together."""
    rules = default_rules(
        handler_classes=["logging.StreamHandler", QUEUE],
        factories=[f"app.{name}" for name in NAMES],
        attributes=["logging.StreamHandler.terminator"],
    )
    handlers: Any = EVERYWHERE["handlers"]
    console = {**CONSOLE, ".": {"terminator": "\n"}}
    judge(rules, ask(**{**EVERYWHERE, "handlers": {**handlers, "c": console}}))


def test_a_class_has_a_queue_if_its_list_says_so(ask: Ask) -> None:
    """As every argument; a host lists it for a class of its own."""
    handlers = {"h": {"class": "app.Queue", "handlers": ["c"]}, "c": CONSOLE}
    classes = ["app.Queue", "logging.StreamHandler"]
    rules = default_rules(handler_classes=classes, arguments={"app.Queue": {}})
    with pytest.raises(PolicyError, match="refused") as caught:
        judge(rules, ask(handlers=handlers))
    assert ("handler-argument", "handlers.h") == (caught.value.rule, caught.value.where)
    listed = {"app.Queue": {"handlers": Parameter(Texts(), required=True)}}
    judge(default_rules(handler_classes=classes, arguments=listed), ask(handlers=handlers))


def test_a_protected_handler_is_made_by_its_class_alone(ask: Ask) -> None:
    """No factory, no queue in front of what it writes, no attribute."""
    floors = Floors(handlers=(HandlerFloor("h", QUEUE, "x"), HandlerFloor("c", "a.B", "y")))
    request = ask(
        handlers={
            "h": {"class": QUEUE, "handlers": ["d"]},
            "c": {"()": "app.make", ".": {"x": 1}},
            "d": CONSOLE,
        }
    )
    assert [
        ("handlers.c.class", "is 'made by app.make', and has to be a.B"),
        ("handlers.c.x", "no attribute of a protected handler is set"),
        ("handlers.h.queue", "a protected handler has no queue in between"),
    ] == [(each.where, each.detail) for each in floors.plan(request.plan)]


def test_what_a_factory_makes_has_no_class(ask: Ask) -> None:
    """Offline nothing is known of it but what it is told."""
    plan = ask(
        formatters={"f": {"()": "app.make", "format": "%(message)s"}},
        handlers={"h": {"()": "app.make", "filename": "/log/x", "formatter": "f", "level": 10}},
        root={"handlers": ["h"]},
    ).plan
    (handler,) = supposed_result(Tree(), plan).handlers
    assert ("h", "", 10, "/log/x") == (*handler[:3], handler.target)
    assert handler.formatter is not None
    assert ("", None, None, "") == handler.formatter
