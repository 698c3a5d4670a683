"""What a configuration makes of a supposed process is what ``dictConfig`` makes of a real one."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from sealwire.documents import FormatterState, HandlerState, LoggerState, Tree
from sealwire.policy import Floors, HandlerFloor, LoggerFloor
from sealwire.policy.supposed import supposed_base, supposed_result

if TYPE_CHECKING:
    from tests.unit.policy.conftest import Ask

FLOORS = Floors(
    (LoggerFloor("a", 20, ("h", "i")), LoggerFloor("", 10, ("i",), propagate=False)),
    (HandlerFloor("h", "logging.FileHandler", "/h", formatter=FormatterState(format="x")),),
)
BASE = Tree(
    (
        LoggerState("", 10, ("i",), propagate=False),
        LoggerState("a", 20, ("h", "i")),
    ),
    (
        HandlerState("h", "logging.FileHandler", target="/h", formatter=FormatterState(format="x")),
        HandlerState("i", "logging.StreamHandler"),
    ),
)


def test_a_process_is_supposed_to_have_what_is_protected() -> None:
    """And passes its own floors."""
    assert BASE == supposed_base(FLOORS)
    assert [] == list(FLOORS.tree(BASE, BASE))
    assert Tree() == supposed_base(Floors())


def test_an_incremental_configuration_sets_levels_alone(ask: Ask) -> None:
    """Of what is there; a logger that is not, is made."""
    request = ask(
        incremental=True,
        handlers={"h": {"level": 30}, "gone": {"level": 30}, "i": {}},
        loggers={"a": {"propagate": False}, "b": {"level": 40}},
        root={"level": 50},
    )
    assert (
        Tree(
            (
                LoggerState("", 50, ("i",), propagate=False),
                LoggerState("a", 20, ("h", "i"), propagate=False),
                LoggerState("b", 40),
            ),
            (BASE.handlers[0]._replace(level=30), BASE.handlers[1]),
        )
        == supposed_result(BASE, request.plan)
    )  # fmt: skip


def test_a_whole_configuration_replaces_what_it_names(ask: Ask) -> None:
    """Children of a named logger are reset, the others may be disabled, handlers are made."""
    base = Tree(
        (*BASE.loggers, LoggerState("a.b", 30, ("h",)), LoggerState("c", 30)), BASE.handlers
    )
    request = ask(
        formatters={
            "f": {"format": "%(message)s", "datefmt": "%Y"},
            "bare": {},
            "x": {"class": "x.F"},
        },
        filters={"f": {"name": "x"}},
        handlers={
            "out": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "level": 20},
            "err": {"class": "logging.StreamHandler", "formatter": "f", "filters": ["f"]},
            "udp": {"class": "logging.handlers.SysLogHandler", "address": ["localhost", 514]},
            "tcp": {
                "class": "logging.handlers.SysLogHandler",
                "address": ["localhost", 514],
                "socktype": 1,
                "formatter": "x",
            },
            "h": {"class": "logging.FileHandler", "filename": "/x"},
            "null": {"class": "logging.NullHandler", "formatter": "bare"},
        },
        loggers={"a": {"handlers": ["err"], "filters": ["f"]}, "d": {"level": "INFO"}},
        disable_existing_loggers=True,
    )
    after = supposed_result(base, request.plan)
    assert (
        LoggerState("", 10, ("i",), propagate=False),
        LoggerState("a", 20, ("err",), ("Filter(x)",)),
        LoggerState("a.b"),
        LoggerState("c", 30, disabled=True),
        LoggerState("d", 20),
    ) == after.loggers
    made = after.by_key()
    assert HandlerState("out", "logging.StreamHandler", 20, "stdout") == made["out"]
    assert "stderr" == made["err"].target
    assert FormatterState(format="%(message)s", datefmt="%Y") == made["err"].formatter
    assert ("Filter(x)",) == made["err"].filters
    assert ["udp:localhost:514", "tcp:localhost:514", "/x", ""] == [
        made[key].target for key in ("udp", "tcp", "h", "null")
    ]
    assert [FormatterState(format="%(message)s"), FormatterState("x.F")] == [
        made[key].formatter for key in ("null", "tcp")
    ]
    assert BASE.handlers[1] == made["i"]


def test_the_root_is_replaced_where_it_is_named(ask: Ask) -> None:
    """And no logger is reset for being beneath it."""
    after = supposed_result(BASE, ask(root={"level": "INFO"}).plan)
    assert (LoggerState("", 20, propagate=False), LoggerState("a", 20, ("h", "i"))) == after.loggers


def test_handlers_of_somebody_else_stay(ask: Ask) -> None:
    """Behind the new ones, on a logger that is named and on one that is reset."""
    base = Tree(
        (LoggerState("", 10, ("t", "h")), LoggerState("a", 20, ("h", "t"))),
        (HandlerState("h", "logging.Handler"), HandlerState("t", "tools.Tool", foreign=True)),
    )
    base = base._replace(loggers=(*base.loggers, LoggerState("a.b", 30, ("t", "h"))))
    handlers = {"n": {"class": "logging.NullHandler"}}
    after = supposed_result(
        base, ask(handlers=handlers, loggers={"a": {"handlers": ["n"]}}, root={"level": 10}).plan
    )
    assert (("t",), ("n", "t"), ("t",)) == tuple(each.handlers for each in after.loggers)


def test_a_filter_that_a_factory_makes_is_none_that_is_there(ask: Ask) -> None:
    """It could be of the class that the tree tells, and do something else."""
    document = {
        "filters": {"app.Redact": {"()": "app.Redact", "what": "everything"}},
        "handlers": {"h": {"class": "logging.NullHandler", "filters": ["app.Redact"]}},
    }
    after = supposed_result(BASE, ask(**document).plan)
    assert ("made by app.Redact",) == after.by_key()["h"].filters


def test_a_parent_that_code_has_given_stays(ask: Ask) -> None:
    """Unless a logger is made that takes its children, as ``getLogger`` does."""
    moved = LoggerState("a.b.c", 20, parent="x")
    base = Tree((LoggerState("", 30), LoggerState("a", 20), moved, LoggerState("x")))
    documents: list[tuple[str | None, dict[str, Any]]] = [
        ("x", {}),
        ("x", {"disable_existing_loggers": True}),
        ("x", {"loggers": {"a": {"level": 10}}}),
        ("x", {"loggers": {"a.b.c": {"level": 10}}}),
        ("x", {"incremental": True, "loggers": {"a.b.c": {"level": 10}, "a.c": {"level": 10}}}),
        (None, {"loggers": {"a.b": {}}}),
        (None, {"incremental": True, "loggers": {"a.b": {}}}),
    ]
    for parent, document in documents:
        assert parent == supposed_result(base, ask(**document).plan).logger("a.b.c").parent


# ---- the same, asked of the library ----------------------------------------------------------

_PROGRAM = """
import json, logging, logging.config, sys

base, document = json.loads(sys.stdin.read())
made = {name: logging.NullHandler() for name in base["handlers"]}
for name, handler in made.items():
    handler.set_name(name)
    handler.setLevel(base["handlers"][name])
for name, level, handlers, propagate in base["loggers"]:
    logger = logging.getLogger(name)
    logger.setLevel(level)
    logger.propagate = propagate
    for key in handlers:
        logger.addHandler(made[key])
logging.config.dictConfig({"version": 1, "disable_existing_loggers": False, **document})
told = {}
for name in ("", *base["names"]):
    logger = logging.getLogger(name)
    told[name] = [
        logger.level,
        [handler.get_name() for handler in logger.handlers],
        len(logger.filters),
        logger.propagate,
        logger.disabled,
        {handler.get_name(): handler.level for handler in logger.handlers},
    ]
print(json.dumps(told))
"""

NULL = {"class": "logging.NullHandler"}
SAME = {**NULL, "level": 10}
REAL = Tree(
    (
        LoggerState("", 30, ("h",)),
        LoggerState("a", 20, ("h", "i"), propagate=False),
        LoggerState("a.b", 30, ("h",), propagate=False),
        LoggerState("c", 40),
    ),
    (HandlerState("h", "logging.NullHandler", 10), HandlerState("i", "logging.NullHandler")),
)
DOCUMENTS: list[dict[str, Any]] = [
    {},
    {"disable_existing_loggers": True},
    {"incremental": True, "handlers": {"h": {"level": 40}}, "loggers": {"a": {"level": 10}}},
    {"incremental": True, "root": {"level": 50}, "loggers": {"a.b": {"propagate": True}}},
    {"root": {"level": 20}},
    {"root": {"handlers": ["n"]}, "handlers": {"n": {**NULL, "level": 20}}},
    {"loggers": {"a": {"level": 10}}},
    {"loggers": {"a": {"handlers": ["h"], "propagate": True}}, "handlers": {"h": SAME}},
    {"loggers": {"a.b": {"handlers": ["h"], "filters": ["f"]}, "d": {}}, "handlers": {"h": SAME},
     "filters": {"f": {"name": "x"}}, "disable_existing_loggers": True},
]  # fmt: skip


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_library_makes_the_same_of_it(ask: Ask, document: dict[str, Any]) -> None:
    """Levels, handlers, filters, propagate and disabled, in a process of its own.

    But for one thing: to the library a handler under a name that was there is another one, and
    loggers that are not named keep the old one. Here it is the new one everywhere.
    """
    base = {
        "handlers": {handler.key: handler.level for handler in REAL.handlers},
        "loggers": [
            (each.name, each.level, each.handlers, each.propagate) for each in REAL.loggers
        ],
        "names": ["a", "a.b", "c", "d"],
    }
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        input=json.dumps([base, document]),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    after = supposed_result(REAL, ask(**document).plan)
    known = after.by_key()
    assert json.loads(done.stdout) == {
        name: [
            logger.level,
            list(logger.handlers),
            len(logger.filters),
            logger.propagate,
            logger.disabled,
            {key: known[key].level for key in logger.handlers},
        ]
        for name in ("", "a", "a.b", "c", "d")
        for logger in (after.logger(name),)
    }
