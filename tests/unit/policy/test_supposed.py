"""What a configuration makes of a supposed process is what ``dictConfig`` makes of a real one."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
        formatters={"f": {"format": "%(message)s", "datefmt": "%Y"}},
        filters={"f": {"name": "x"}},
        handlers={
            "out": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "level": 20},
            "err": {"class": "logging.StreamHandler", "formatter": "f", "filters": ["f"]},
            "udp": {"class": "logging.handlers.SysLogHandler", "address": ["localhost", 514]},
            "h": {"class": "logging.FileHandler", "filename": "/x"},
            "null": {"class": "logging.NullHandler"},
        },
        loggers={"a": {"handlers": ["err"], "filters": ["f"]}, "d": {"level": "INFO"}},
        disable_existing_loggers=True,
    )
    after = supposed_result(base, request.plan)
    assert (
        LoggerState("", 10, ("i",), propagate=False),
        LoggerState("a", 20, ("err",), ("f",)),
        LoggerState("a.b"),
        LoggerState("c", 30, disabled=True),
        LoggerState("d", 20),
    ) == after.loggers
    made = after.by_key()
    assert HandlerState("out", "logging.StreamHandler", 20, "stdout") == made["out"]
    assert "stderr" == made["err"].target
    assert FormatterState(format="%(message)s", datefmt="%Y") == made["err"].formatter
    assert ("f",) == made["err"].filters
    assert ["localhost:514", "/x", ""] == [made[key].target for key in ("udp", "h", "null")]
    assert BASE.handlers[1] == made["i"]


def test_the_root_is_replaced_where_it_is_named(ask: Ask) -> None:
    """And no logger is reset for being beneath it."""
    after = supposed_result(BASE, ask(root={"level": "INFO"}).plan)
    assert (LoggerState("", 20, propagate=False), LoggerState("a", 20, ("h", "i"))) == after.loggers
