"""A logging tree as a value: levels, the way of a record, and what will come out."""

from __future__ import annotations

import pytest

from sealwire.documents import Emission, HandlerState, Hidden, LoggerState, Tree
from sealwire.documents.tree import lineage

CONSOLE = HandlerState("console", "logging.StreamHandler", level=20, target="stderr")
FILE = HandlerState("file", "logging.FileHandler", target="/var/log/app.log")
PICKY = HandlerState("picky", "logging.NullHandler", filters=("Filter(audit)",))


def tree(*loggers: LoggerState, disable: int = 0) -> Tree:
    """Give a tree of these loggers and the three handlers above."""
    return Tree(loggers, (CONSOLE, FILE, PICKY), disable)


ROOT = LoggerState("", 30, handlers=("console", "file"))


@pytest.mark.parametrize(
    ("name", "expected"), [("", [""]), ("a", ["a", ""]), ("a.b.c", ["a.b.c", "a.b", "a", ""])]
)
def test_lineage(name: str, expected: list[str]) -> None:
    """Nearest first, the root last."""
    assert expected == list(lineage(name))


@pytest.mark.parametrize(
    ("name", "expected"), [("", 30), ("a", 10), ("a.b", 10), ("a.b.c", 40), ("z", 30)]
)
def test_the_effective_level_is_the_nearest_one_that_is_set(name: str, expected: int) -> None:
    """A level of 0 inherits, and so does a logger that nobody has made."""
    levels = tree(ROOT, LoggerState("a", 10), LoggerState("a.b"), LoggerState("a.b.c", 40))
    assert expected == levels.effective_level(name)


def test_a_tree_in_which_nothing_is_set_has_no_effective_level() -> None:
    """A root logger of level 0 passes everything."""
    assert tree(LoggerState("")).effective_level("a") == 0


def test_records_go_up_as_far_as_propagate_says() -> None:
    """A logger that does not propagate ends the way, with its own handlers asked."""
    way = tree(ROOT, LoggerState("a", handlers=("picky",), propagate=False), LoggerState("a.b"))
    assert [("a", "picky")] == [(logger.name, key) for logger, key in way.way_of("a.b")]
    assert ["console", "file"] == [key for _, key in way.way_of("z")]


def test_a_handler_hides_what_is_under_its_level() -> None:
    """The commonest reason why DEBUG shows nothing."""
    found = tree(ROOT, LoggerState("payments.db", 10)).emission("payments.db", 10)
    assert Emission("", ("file",), (Hidden("console", "its level 20"),)) == found


def test_a_filter_may_hide_a_record() -> None:
    """What a filter does is known with a record only."""
    found = tree(LoggerState("", 10, handlers=("picky",))).emission("a", 10)
    assert Emission("", (), (Hidden("picky", "its filter Filter(audit), perhaps"),)) == found


@pytest.mark.parametrize(
    ("logger", "disable", "stopped"),
    [
        (LoggerState("a", 10, disabled=True), 0, "the logger is disabled"),
        (LoggerState("a", 10), 10, "logging.disable(10)"),
        (LoggerState("a", 20), 0, "the logger's level 20"),
        (LoggerState("a", 10, filters=("Drop",)), 0, "the logger's filter Drop, perhaps"),
    ],
)
def test_what_stops_a_record_before_any_handler(
    logger: LoggerState, disable: int, stopped: str
) -> None:
    """Nothing is written then, and the reason is said."""
    found = tree(ROOT, logger, disable=disable).emission("a", 10)
    assert (stopped, ()) == (found.stopped, found.emitting)


@pytest.mark.parametrize(
    ("loggers", "stopped"),
    [
        ((LoggerState("", 10),), "no handler"),
        ((ROOT, LoggerState("a", 10, propagate=False)), "no handler, and a does not propagate"),
    ],
)
def test_no_handler_at_all_is_said(loggers: tuple[LoggerState, ...], stopped: str) -> None:
    """A lease on such a logger would show nothing."""
    assert Emission(stopped, (), ()) == tree(*loggers).emission("a.b", 10)


def test_a_tree_with_other_levels() -> None:
    """Loggers that are not there are; handlers keep what is not said."""
    before = Tree(
        (LoggerState("", 30), LoggerState("a", 10)),
        (HandlerState("h", "logging.Handler", 20), HandlerState("i", "logging.Handler", 20)),
    )
    after = before.leveled({"a": 0, "b": 5}, {"h": 40})
    assert [("", 30), ("a", 0), ("b", 5)] == [each[:2] for each in after.loggers]
    assert [40, 20] == [each.level for each in after.handlers]
