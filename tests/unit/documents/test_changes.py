"""The difference of two trees, place by place."""

from __future__ import annotations

import pytest

from sealwire.documents import FormatterState, HandlerState, LoggerState, Tree
from sealwire.documents.changes import Change, changes

CONSOLE = HandlerState("console", "logging.StreamHandler", 10, "stderr")
FILE = HandlerState("file", "logging.FileHandler", 0, "/var/log/a.log")
FORMATTER = FormatterState("logging.Formatter", "%(message)s", "%H:%M")
BEFORE = Tree(
    (LoggerState("", 20, ("console",)), LoggerState("payments")),
    (CONSOLE, FILE),
)


def loggers(*states: LoggerState) -> Tree:
    """Give the tree with these loggers."""
    return BEFORE._replace(loggers=states)


def test_equal_trees_differ_in_nothing() -> None:
    """Nor does one that has loggers with nothing of their own."""
    assert () == changes(BEFORE, BEFORE)
    more = loggers(*BEFORE.loggers, LoggerState("quiet"))
    assert () == changes(BEFORE, more)
    assert () == changes(more, BEFORE)


@pytest.mark.parametrize(
    ("after", "where", "was", "will_be"),
    [
        (LoggerState("payments", 10), "loggers.payments.level", "0", "10"),
        (
            LoggerState("payments", handlers=("console",)),
            "loggers.payments.handlers",
            "nothing",
            "console",
        ),
        (
            LoggerState("payments", filters=("f", "g")),
            "loggers.payments.filters",
            "nothing",
            "f, g",
        ),
        (LoggerState("payments", propagate=False), "loggers.payments.propagate", "yes", "no"),
        (LoggerState("payments", disabled=True), "loggers.payments.disabled", "no", "yes"),
        (
            LoggerState("payments", parent="jobs"),
            "loggers.payments.parent",
            "the nearest by name",
            "jobs",
        ),
        (
            LoggerState("payments", parent=""),
            "loggers.payments.parent",
            "the nearest by name",
            "root",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_part_of_a_logger(after: LoggerState, where: str, was: str, will_be: str) -> None:
    """Called as in a configuration."""
    assert (Change(where, was, will_be),) == changes(BEFORE, loggers(BEFORE.loggers[0], after))


def test_the_root_and_what_drops_everything() -> None:
    """The root has no name, and ``logging.disable`` belongs to no logger."""
    after = loggers(LoggerState("", 10, ("console",)))._replace(disable=30)
    assert changes(BEFORE, after) == (
        Change("root.level", "20", "10"),
        Change("logging.disable", "0", "30"),
    )


@pytest.mark.parametrize(
    ("after", "where", "was", "will_be"),
    [
        (
            CONSOLE._replace(class_name="a.Handler"),
            "class",
            "logging.StreamHandler",
            "a.Handler",
        ),
        (CONSOLE._replace(target=""), "target", "stderr", "nothing"),
        (CONSOLE._replace(level=0), "level", "10", "0"),
        (
            CONSOLE._replace(formatter=FORMATTER),
            "formatter",
            "nothing",
            "logging.Formatter '%(message)s' dates '%H:%M'",
        ),
        (
            CONSOLE._replace(formatter=FormatterState("a.Formatter")),
            "formatter",
            "nothing",
            "a.Formatter",
        ),
        (CONSOLE._replace(filters=("f",)), "filters", "nothing", "f"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_part_of_a_handler(after: HandlerState, where: str, was: str, will_be: str) -> None:
    """Under its key."""
    found = changes(BEFORE, BEFORE._replace(handlers=(after, FILE)))
    assert (Change(f"handlers.console.{where}", was, will_be),) == found


def test_a_handler_that_no_logger_has_is_not_there() -> None:
    """It writes nothing, so it comes and goes with the logger that has it."""
    after = loggers(LoggerState("", 20, ("file",)))
    assert changes(BEFORE, after) == (
        Change("handlers.console", "logging.StreamHandler to stderr", "nothing"),
        Change("handlers.file", "nothing", "logging.FileHandler to /var/log/a.log"),
        Change("root.handlers", "console", "file"),
    )
