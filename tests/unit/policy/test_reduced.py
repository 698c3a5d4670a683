"""Tests of what counts as recording less."""

from __future__ import annotations

import pytest

from sealwire.documents.tree import HandlerState, LoggerState, Tree
from sealwire.policy.reduced import reduced

AUDIT = HandlerState("audit", "logging.FileHandler", 20, "/var/log/audit.log")
ROOT = LoggerState("", 20, ("audit",))
PAYMENTS = LoggerState("payments", 10)
CHILD = LoggerState("payments.db")
TREE = Tree((ROOT, PAYMENTS, CHILD), (AUDIT,))


def _logger(which: LoggerState, **changed: object) -> Tree:
    """Give the tree with one logger in another state."""
    found = which._replace(**changed)  # type: ignore[arg-type] # members by name
    loggers = {each.name: each for each in TREE.loggers} | {found.name: found}
    return TREE._replace(loggers=tuple(loggers[name] for name in sorted(loggers)))


def _handler(**changed: object) -> Tree:
    return TREE._replace(handlers=(AUDIT._replace(**changed),))  # type: ignore[arg-type] # as above


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (TREE, ()),
        (_logger(PAYMENTS, level=30), ("loggers.payments.level",)),
        (_logger(PAYMENTS, level=0), ("loggers.payments.level",)),
        (_logger(PAYMENTS, level=5), ()),
        (_logger(CHILD, level=10), ()),
        (_logger(LoggerState("payments.new"), level=40), ("loggers.payments.new.level",)),
        (_logger(ROOT, level=30), ("root.level",)),
        (_logger(ROOT, handlers=()), ("root.handlers.audit",)),
        (_logger(PAYMENTS, handlers=("audit",)), ()),
        (_logger(PAYMENTS, filters=("Filter(x)",)), ("loggers.payments.filters",)),
        (_logger(PAYMENTS, propagate=False), ("loggers.payments.propagate",)),
        (_logger(PAYMENTS, disabled=True), ("loggers.payments.disabled",)),
        (TREE._replace(disable=10), ("logging.disable",)),
        (_handler(level=30), ("handlers.audit.level",)),
        (_handler(level=10), ()),
        (_handler(target="/dev/null"), ("handlers.audit.target",)),
        (_handler(class_name="logging.NullHandler"), ("handlers.audit.target",)),
        (_handler(filters=("Filter(x)",)), ("handlers.audit.filters",)),
        (TREE._replace(handlers=()), ()),
    ],
)
def test_each_way_to_record_less_is_named(after: Tree, expected: tuple[str, ...]) -> None:
    """Each kind of change that records less gives its place, and none that records more does."""
    assert expected == reduced(TREE, after)


def test_taking_back_is_no_loss() -> None:
    """What a change took away is not missed when it is given back, and the way there is."""
    less = _logger(PAYMENTS, propagate=False, disabled=True, level=50)
    assert 3 == len(reduced(TREE, less))
    assert () == reduced(less, TREE)
