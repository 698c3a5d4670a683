"""In which ways less is recorded than before."""

from __future__ import annotations

import pytest

from sealwire.documents.tree import HandlerState, LoggerState, Tree
from sealwire.policy.reduced import logging_reduced

FILE = HandlerState("file", "logging.FileHandler", 10, "/var/log/a.log", filters=("Filter(a)",))
WAS = "logging.FileHandler to /var/log/a.log"
QUEUE = HandlerState("queue", "logging.handlers.QueueHandler", behind=("file",))
BEFORE = Tree(
    (
        LoggerState("", 20, ("file",)),
        LoggerState("audit", 10, ("queue",)),
        LoggerState("audit.db"),
        LoggerState("payments", filters=("Filter(p)",)),
    ),
    (FILE, QUEUE),
)


def with_logger(name: str, **changes: object) -> Tree:
    """Give the tree with one logger otherwise."""
    return BEFORE._replace(
        loggers=tuple(
            each._replace(**changes) if each.name == name else each  # type: ignore[arg-type]
            for each in BEFORE.loggers
        )
    )


def with_handlers(*handlers: HandlerState) -> Tree:
    """Give the tree with these handlers."""
    return BEFORE._replace(handlers=handlers)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (BEFORE, ()),
        (with_logger("audit", level=30), ("audit: level 10 → 30",)),
        # Its own level is gone, and what it inherits is higher.
        (with_logger("audit", level=0), ("audit: level 10 → 20",)),
        (with_logger("", level=40), ("root: level 20 → 40",)),
        (with_logger("", handlers=()), ("root: handler file is gone",)),
        (with_logger("audit", handlers=("file",)), ("audit: handler queue is gone",)),
        (with_logger("audit", propagate=False), ("audit: handler file is gone",)),
        (with_logger("audit", disabled=True), ("audit: disabled",)),
        (
            with_logger("payments", filters=("Filter(p)", "Filter(q)")),
            ("payments: filter Filter(q) is new",),
        ),
        (BEFORE._replace(disable=30), ("logging.disable 0 → 30",)),
        (with_handlers(FILE._replace(level=40), QUEUE), ("handler file: level 10 → 40",)),
        (
            with_handlers(FILE._replace(target="/dev/null"), QUEUE),
            (f"handler file: {WAS} → logging.FileHandler to /dev/null",),
        ),
        (
            with_handlers(FILE._replace(class_name="logging.NullHandler", target=""), QUEUE),
            (f"handler file: {WAS} → logging.NullHandler to nothing",),
        ),
        (
            with_handlers(FILE._replace(filters=("Filter(a)", "Filter(b)")), QUEUE),
            ("handler file: filter Filter(b) is new",),
        ),
        (
            with_handlers(FILE, QUEUE._replace(behind=())),
            ("handler queue: hands nothing on to file",),
        ),
    ],
)
def test_what_records_less_is_told(after: Tree, expected: tuple[str, ...]) -> None:
    """Once, where it was done, and not of what inherits it."""
    assert expected == logging_reduced(BEFORE, after)


def test_going_the_other_way_is_no_reduction() -> None:
    """Whatever was told of one way, nothing of it is told of the way back."""
    for after in (
        with_logger("audit", level=30),
        with_logger("", handlers=()),
        with_logger("audit", disabled=True),
        with_logger("payments", filters=("Filter(p)", "Filter(q)")),
        BEFORE._replace(disable=30),
        with_handlers(FILE._replace(level=40, filters=()), QUEUE)._replace(handlers=(FILE, QUEUE)),
    ):
        assert () == logging_reduced(after, BEFORE)


def renamed(**changes: object) -> Tree:
    """Give the tree with another handler in the place of the file, of another name."""
    other = FILE._replace(key="other", **changes)  # type: ignore[arg-type]
    return with_logger("", handlers=("other",))._replace(handlers=(other, QUEUE))


def test_a_handler_of_another_name_may_do_the_same() -> None:
    """As when a configuration names what the application left without a name."""
    assert () == logging_reduced(BEFORE, renamed(level=0, filters=()))


@pytest.mark.parametrize(
    "changes",
    [
        {"level": 11},
        {"target": "/dev/null"},
        {"class_name": "logging.NullHandler"},
        {"filters": ("Filter(b)",)},
    ],
)
def test_a_handler_of_another_name_may_do_less(changes: dict[str, object]) -> None:
    """Then the one that was there is gone."""
    assert ("root: handler file is gone",) == logging_reduced(BEFORE, renamed(**changes))


def test_a_handler_whose_target_cannot_be_told_is_not_replaced() -> None:
    """Two handlers of one class may write to different places."""
    old, new = FILE._replace(target=""), FILE._replace(key="other", target="")
    after = with_logger("", handlers=("other",))._replace(handlers=(new, QUEUE))
    assert ("root: handler file is gone",) == logging_reduced(with_handlers(old, QUEUE), after)


def test_what_nobody_names_is_told_in_words() -> None:
    """A handler may hand records on to something that has no key."""
    before = with_handlers(FILE, QUEUE._replace(behind=("",)))
    after = with_handlers(FILE, QUEUE._replace(behind=()))
    assert ("handler queue: hands nothing on to others",) == logging_reduced(before, after)


def test_a_handler_that_nothing_reaches_is_not_told_of() -> None:
    """It has written nothing before."""
    alone = HandlerState("alone", "logging.StreamHandler", 10, "stderr")
    before = with_handlers(FILE, QUEUE, alone)
    assert () == logging_reduced(before, with_handlers(FILE, QUEUE, alone._replace(level=50)))


def test_a_logger_that_is_made_may_record_less() -> None:
    """As when a configuration names one that nobody has asked for yet."""
    after = BEFORE._replace(loggers=(*BEFORE.loggers, LoggerState("zeta", 50, propagate=False)))
    assert ("zeta: level 20 → 50", "zeta: handler file is gone") == logging_reduced(BEFORE, after)
