"""What counts as recording less."""

from __future__ import annotations

import pytest

from sealwire.documents.differences import reduced
from sealwire.documents.tree import HandlerState, LoggerState, Tree

ROOT = LoggerState("", 20, ("h",))
CHILD = LoggerState("a.b")
HANDLER = HandlerState("h", "logging.FileHandler", 10, "/x")
TREE = Tree((ROOT, CHILD), (HANDLER,))


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (TREE._replace(disable=30), "logging.disable: 0 → 30"),
        (Tree((ROOT, CHILD._replace(level=30)), (HANDLER,)), "logger a.b: level 20 → 30"),
        (Tree((ROOT._replace(handlers=()), CHILD), ()), "logger root: handler h removed"),
        (Tree((ROOT, CHILD._replace(disabled=True)), (HANDLER,)), "logger a.b: disabled"),
        (Tree((ROOT, CHILD._replace(propagate=False)), (HANDLER,)), "logger a.b: propagate off"),
        (
            Tree((ROOT, CHILD._replace(filters=("f",))), (HANDLER,)),
            "logger a.b: filter f added",
        ),
        (Tree((ROOT, CHILD), (HANDLER._replace(level=40),)), "handler h: level 10 → 40"),
        (Tree((ROOT, CHILD), (HANDLER._replace(filters=("f",)),)), "handler h: filter f added"),
    ],
)
def test_less_is_told_and_more_is_not(after: Tree, said: str) -> None:
    """One way, one line; the way back says nothing."""
    assert (said,) == reduced(TREE, after)
    assert () == reduced(after, TREE)


def test_a_level_above_counts_for_what_inherits_it() -> None:
    """A logger without a level of its own is told as well."""
    after = Tree((ROOT._replace(level=30), CHILD), (HANDLER,))
    assert ("logger root: level 20 → 30", "logger a.b: level 20 → 30") == reduced(TREE, after)


def test_another_target_counts_both_ways() -> None:
    """Nobody can tell which of two places is read."""
    after = Tree((ROOT, CHILD), (HANDLER._replace(target="/y"),))
    assert ("handler h: redirected from '/x' to '/y'",) == reduced(TREE, after)
    assert ("handler h: redirected from '/y' to '/x'",) == reduced(after, TREE)


def test_what_was_there_before_or_is_gone_is_not_told() -> None:
    """A filter that stays is no news; a logger that is not there records nothing of its own."""
    filtered = Tree((ROOT, CHILD._replace(filters=("f",))), (HANDLER,))
    assert () == reduced(filtered, filtered)
    assert () == reduced(TREE, Tree((ROOT,), (HANDLER,)))
