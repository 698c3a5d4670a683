"""Loggers with another parent than the nearest by name, as Celery gives them."""

from __future__ import annotations

import logging
import time

import pytest

from sealwire.documents import Emission, HandlerState, LoggerState, Tree
from sealwire.documents.lookup import Lookup
from sealwire.documents.tree import NOBODY

AUDIT = HandlerState("audit", "logging.NullHandler")
CONSOLE = HandlerState("console", "logging.NullHandler")


def tree(*loggers: LoggerState) -> Tree:
    """Give a tree of these loggers, and a root."""
    root = LoggerState("", 30, ("console",))
    known = {each.name: each for each in (root, *loggers)}
    return Tree(tuple(known[name] for name in sorted(known)), (AUDIT, CONSOLE))


REPARENTED = tree(
    LoggerState("app"),
    LoggerState("app.tasks", parent="celery.task"),
    LoggerState("celery.task", 10, ("audit",), propagate=False),
)


@pytest.mark.parametrize("name", ["app.tasks", "app.tasks.new"])
def test_a_record_goes_to_the_parent_that_was_given(name: str) -> None:
    """So does the question for the level; beneath the logger it is the same."""
    assert 10 == REPARENTED.effective_level(name)
    assert [("celery.task", "audit")] == [
        (logger.name, key) for logger, key in REPARENTED.way_of(name)
    ]
    assert Emission("", ("audit",), ()) == REPARENTED.emission(name, 10)
    assert ("audit",) != REPARENTED.emission("app", 40).emitting


@pytest.mark.parametrize("parent", [NOBODY, "gone"])
def test_a_parent_that_is_none_is_the_end(parent: str) -> None:
    """One that nobody has made inherits from those above it, as any other."""
    found = tree(LoggerState("a", parent=parent)).emission("a", 40)
    expected = (
        Emission("no handler", (), ()) if parent == NOBODY else Emission("", ("console",), ())
    )
    assert expected == found


LOOPS = {
    "itself": [LoggerState("a", parent="a")],
    "two": [LoggerState("a", parent="b"), LoggerState("b", parent="a")],
    "a child": [LoggerState("a", parent="a.b.c"), LoggerState("a.b.c")],
    "a child of a child": [LoggerState("a", parent="a.b"), LoggerState("a.b", parent="a.b.c")],
    "the root": [LoggerState("", parent="a"), LoggerState("a")],
    "the root itself": [LoggerState("", parent="")],
    "behind a way": [LoggerState("a", parent="b"), LoggerState("b", parent="c"),
                     LoggerState("c", parent="b"), LoggerState("d", parent="a")],
}  # fmt: skip


@pytest.mark.parametrize("made", LOOPS.values(), ids=LOOPS)
def test_a_loop_ends(made: list[LoggerState]) -> None:
    """Whatever is asked, and whatever was asked before."""
    asked = ["a.b.c", "a", "b", "c", "d", ""]
    for order in (asked, asked[::-1]):
        lookup = Lookup(tree(*made))
        for name in order:
            assert lookup.level(name) in {0, 30}
            assert Lookup(tree(*made)).level(name) == lookup.level(name)
            assert len(list(lookup.lineage(name))) <= 7
            lookup.emission(name, 50)


def test_what_leads_into_a_loop_goes_as_far_as_the_loop() -> None:
    """And no further."""
    lookup = Lookup(tree(*LOOPS["behind a way"]))
    assert ["d", "a", "b"] == list(lookup.lineage("d"))


def test_a_long_way_is_walked_once() -> None:
    """Every logger the parent of the next, and at the end a loop."""

    def seconds(number: int) -> float:
        made = [LoggerState(f"l{each}", parent=f"l{each + 1}") for each in range(number)]
        long = tree(*made, LoggerState(f"l{number}", parent="l0"))
        began = time.perf_counter()
        lookup = Lookup(long)
        for logger in long.loggers:
            lookup.level(logger.name)
        return time.perf_counter() - began

    # Were it quadratic, eight times as many would take 64 times as long.
    assert min(seconds(8_000) for _ in range(3)) < 30 * min(seconds(1_000) for _ in range(3))


MADE = {
    "in between": ("a.b.c", "x", ["a.b"], True),
    "in between, further up": ("a.b.c", "x", ["a"], True),
    "both": ("a.b.c", "x", ["a", "a.b"], True),
    "both, from below": ("a.b.c", "x", ["a.b", "a"], True),
    "beneath": ("a.b.c", "x", ["a.b.c.d"], False),
    "beside": ("a.b.c", "x", ["a.bc", "b"], False),
    "there already": ("a.b.c", "x", ["x", "a.b.c", ""], False),
    "with a parent of a like name": ("a.b.c", "a.bx", ["a.b"], False),
    "the root as the parent": ("a.b.c", "", ["a.b"], True),
}


@pytest.mark.parametrize(("name", "parent", "made", "taken"), MADE.values(), ids=MADE)
def test_who_makes_a_logger_takes_those_beneath_it(
    name: str, parent: str, made: list[str], *, taken: bool
) -> None:
    """As the library does."""
    manager = logging.Manager(logging.RootLogger(30))

    def get(each: str) -> logging.Logger:
        return manager.getLogger(each) if each else manager.root

    get(name).parent = get(parent)
    before = tree(LoggerState(name, parent=parent), LoggerState(parent))
    after = before.leveled(dict.fromkeys(made, 10), {})
    for each in made:
        get(each)
    assert taken == (after.logger(name).parent is None)
    assert taken == (get(name).parent is not get(parent))
    lookup = Lookup(after)
    nearest = next(each for each in lookup.lineage(name) if each != name and each in lookup.loggers)
    found = get(name).parent
    assert found is not None
    assert (nearest or "root") == found.name


def test_the_root_s_own_parent_stays() -> None:
    """Nothing is above it by name, so no new logger takes it."""
    odd = tree(LoggerState("", 30, parent="x"), LoggerState("x", 10))
    assert "x" == odd.leveled({"y": 10}, {}).logger("").parent
