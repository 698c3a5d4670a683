"""Reading a tree in which somebody has put what is only like a logger's, a handler's or a stream.

``logging`` works with most of these: a record is written. So a tree has to come out of it, which
can be written as JSON, and has everything else that is there.
"""

from __future__ import annotations

import asyncio
import dataclasses
import enum
import io
import json
import logging
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from sealwire.documents import FormatterState, HandlerState, canonical_json
from sealwire.documents.tree import NOBODY, Levels
from sealwire.logtree import read, relevel
from sealwire.logtree.reading import is_foreign

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "sealwire-tests.odd"


def raises(error: type[BaseException]) -> Any:  # noqa: ANN401 - it stands for anything
    """Give what raises at whatever it is asked."""

    def fail(*_: object) -> Any:  # noqa: ANN401 - it gives nothing
        raise error

    members = ("__getattribute__", "__bool__", "__str__", "__repr__", "__iter__", "__eq__")
    return type("Raises", (), {"__hash__": None, **dict.fromkeys(members, fail)})()


class Plain:
    """Formats, and is no formatter."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the message."""
        return record.getMessage()


@dataclasses.dataclass
class Tee:
    """A stream that, as every plain dataclass, has no hash."""

    written: list[str]

    def write(self, text: str) -> None:
        """Keep it."""
        self.written.append(text)

    def flush(self) -> None:
        """Do nothing."""


class Duck:
    """Handles, and is no handler."""

    level = 0

    def handle(self, record: logging.LogRecord) -> bool:
        """Do nothing."""
        return True


class NoName(logging.Handler):
    """Has a name that raises."""

    error: type[BaseException] = SystemExit

    def get_name(self) -> str:
        """Raise."""
        raise self.error

    def emit(self, record: logging.LogRecord) -> None:
        """Do nothing."""


class Slotted:
    """Has no ``__dict__``."""

    __slots__ = ("level",)

    def __init__(self) -> None:
        self.level = 7


class Loud(enum.IntEnum):
    """Levels of an application."""

    WHISPER = 3


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    """Give a logger of this test's own, with a handler that is as all are; forget both."""
    known = dict(logging.root.manager.loggerDict)
    names = dict(vars(logging)["_handlers"])
    logger = logging.getLogger(NAME)
    ordinary = logging.NullHandler()
    ordinary.set_name("sealwire-tests.ordinary")
    logger.addHandler(ordinary)
    yield logger
    vars(logging)["_handlers"].clear()
    vars(logging)["_handlers"].update(names)
    logging.root.manager.loggerDict.clear()
    logging.root.manager.loggerDict.update(known)


def told(logger: logging.Logger) -> tuple[HandlerState, ...]:
    """Give the handlers of the test's logger; the ordinary one has to be there, and JSON."""
    tree = read()
    canonical_json(json.loads(json.dumps(tree)))
    known = tree.by_key()
    assert "sealwire-tests.ordinary" in known
    assert tree == read()
    return tuple(
        known[key] for key in tree.logger(NAME).handlers if key != "sealwire-tests.ordinary"
    )


def test_a_formatter_that_is_none(logger: logging.Logger) -> None:
    """Its class is told, and nothing else."""
    handler = logging.StreamHandler(io.StringIO())
    handler.setFormatter(Plain())  # type: ignore[arg-type]
    logger.addHandler(handler)
    (found,) = told(logger)
    assert FormatterState(f"{__name__}.Plain", None, None, "") == found.formatter


@pytest.mark.parametrize("where", ["handler", "stderr", "stdout"])
def test_a_stream_without_a_hash(
    logger: logging.Logger, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it stands in for one of the process's."""
    tee = Tee([])
    if where != "handler":
        monkeypatch.setattr(sys, where, tee)
    logger.addHandler(logging.StreamHandler(tee))
    logger.addHandler(logging.StreamHandler(Tee([])))
    mine, other = told(logger)
    assert ("Tee" if where == "handler" else where) == mine.target
    # The second one is equal to the first, and another one.
    assert "Tee" == other.target


def test_a_stream_that_was_taken_apart(logger: logging.Logger) -> None:
    """A detached one raises ValueError for each of its attributes."""
    stream = io.TextIOWrapper(io.BytesIO())
    logger.addHandler(logging.StreamHandler(stream))
    stream.detach()
    (found,) = told(logger)
    assert "TextIOWrapper" == found.target


@pytest.mark.parametrize("odd", [Duck(), Slotted(), None, 5, "handler"])
def test_a_handler_that_is_none(logger: logging.Logger, odd: Any) -> None:  # noqa: ANN401 - anything
    """It is somebody else's, by the name of its class."""
    logger.handlers.append(odd)
    (found,) = told(logger)
    kind = type(odd)
    assert (f"{kind.__name__}()", f"{kind.__module__}.{kind.__name__}") == found[:2]
    assert (False, True) == (found.named, found.foreign)
    assert getattr(odd, "level", 0) == found.level


def test_a_name_that_is_a_number(logger: logging.Logger) -> None:
    """No configuration can speak of it, so it is as without a name; others keep theirs."""
    five = logging.StreamHandler(io.StringIO())
    five.name = 5  # type: ignore[assignment]
    theirs = NoName()
    theirs.error = ValueError
    other = logging.StreamHandler(io.StringIO())
    other.name = "sealwire-tests.x"
    logger.handlers += [five, other]
    assert ["StreamHandler(StringIO)", "sealwire-tests.x"] == [each.key for each in told(logger)]
    # Somebody has given it, all the same.
    numbered = Named()
    numbered.name = 6  # type: ignore[assignment]
    assert not is_foreign(numbered)


class Named(logging.Handler):
    """A class of somebody's, with names as all have them."""

    def emit(self, record: logging.LogRecord) -> None:
        """Do nothing."""


@pytest.mark.parametrize("name", [5, None, "", "other", "\ud800"])
def test_a_logger_that_calls_itself_something_else(logger: logging.Logger, name: Any) -> None:  # noqa: ANN401 - anything
    """A logger is who is had by the name."""
    logger.name = name
    logger.setLevel(7)
    told(logger)
    assert 7 == read().logger(NAME).level


def test_half_of_a_surrogate_pair(logger: logging.Logger) -> None:
    """A byte of a path that is no text, in a name, a target, a filter or a format: its escape."""
    handler = logging.FileHandler("/tmp/\udcff.log", delay=True)
    handler.set_name("\udcff")
    handler.addFilter(logging.Filter("\udcff"))
    handler.setFormatter(logging.Formatter("\udcff%(message)s", "\udcff"))
    logger.addHandler(handler)
    child = logging.getLogger(f"{NAME}.\ud800")
    child.addFilter(logging.Filter("\ud800"))
    (found,) = told(logger)
    assert (r"\udcff", r"/tmp/\udcff.log", (r"Filter(\udcff)",)) == (
        found.key,
        found.target,
        found.filters,
    )
    assert found.formatter is not None
    assert (r"\udcff%(message)s", r"\udcff") == found.formatter[1:3]
    assert (r"Filter(\ud800)",) == read().logger(NAME + r".\ud800").filters


ERRORS = [ValueError, AttributeError, SystemExit, asyncio.CancelledError, GeneratorExit]


@pytest.mark.parametrize("error", ERRORS)
def test_whatever_is_raised(
    logger: logging.Logger, error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a handler's name, a stream, a filter, a formatter, a level, a list, a parent."""
    handler = NoName()
    handler.error = error
    stream = logging.StreamHandler(io.StringIO())
    logger.handlers += [handler, stream, raises(error)]
    # For a moment only: pytest's own logging looks at loggers, and the library at streams.
    with monkeypatch.context() as changed:
        changed.setattr(stream, "stream", raises(error))
        changed.setattr(stream, "formatter", raises(error))
        changed.setattr(stream, "filters", [raises(error), logging.Filter("a")])
        changed.setattr(stream, "level", raises(error))
        for name in ("filters", "level", "propagate", "disabled", "parent"):
            changed.setattr(logger, name, raises(error))
        nameless, found, last = told(logger)
        state = read().logger(NAME)
    logger.handlers.pop()
    assert "NoName()" == nameless.key
    assert "StreamHandler(Raises)" == found.key
    assert (f"{__name__}.Raises", "Filter(a)") == found.filters
    assert (0, FormatterState(f"{__name__}.Raises", None, None, "")) == (
        found.level,
        found.formatter,
    )
    assert "Raises()" == last.key
    assert (0, (), True, False, NOBODY) == (state.level, *state[3:])


def test_lists_that_are_none(logger: logging.Logger) -> None:
    """A tuple is read, and what has no members has none."""
    logger.filters = (logging.Filter("a"),)  # type: ignore[assignment]
    assert ("Filter(a)",) == read().logger(NAME).filters
    logger.filters = 5  # type: ignore[assignment]
    assert () == read().logger(NAME).filters
    logger.handlers, had = raises(ValueError), logger.handlers
    assert () == read().logger(NAME).handlers
    logger.handlers = had


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("DEBUG", 0),
        (None, 0),
        (1.5, 0),
        (Loud.WHISPER, 3),
        (True, 1),
        (10**30, 2**63 - 1),
        (-5, -5),
    ],
)
def test_a_level_is_a_number_that_can_be_written(
    logger: logging.Logger,
    value: Any,  # noqa: ANN401 - anything
    expected: int,
) -> None:
    """Of a logger and of a handler."""
    logger.level = logger.handlers[0].level = value
    tree = read()
    assert expected == tree.logger(NAME).level
    assert expected == tree.by_key()["sealwire-tests.ordinary"].level
    assert type(tree.logger(NAME).level) is int


def test_levels_are_set_beside_odd_ones(logger: logging.Logger) -> None:
    """A lease ends whatever has come meanwhile."""
    logger.handlers += [NoName(), Duck()]  # type: ignore[list-item]
    after = relevel(lambda _: Levels({NAME: 10}, {"sealwire-tests.ordinary": 10}))
    assert 10 == after.logger(NAME).level


def test_an_interrupt_at_the_terminal_is_let_through(logger: logging.Logger) -> None:
    """In the main thread; anywhere else it is somebody's odd error."""
    handler = NoName()
    handler.error = KeyboardInterrupt
    logger.addHandler(handler)
    with pytest.raises(KeyboardInterrupt):
        read()
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(read()))
    thread.start()
    thread.join()
    assert 1 == len(found)


# ---- parents ---------------------------------------------------------------------------------


def test_parents_by_name_are_not_told(logger: logging.Logger) -> None:
    """Nor is that the root has none."""
    logging.getLogger(f"{NAME}.a.b.c")
    assert [None] * 3 == [read().logger(name).parent for name in ("", NAME, f"{NAME}.a.b.c")]


@pytest.mark.parametrize("parent", [NAME, "", None, "gone"])
def test_another_parent_is_told(logger: logging.Logger, parent: str | None) -> None:
    """By its name; one that no name leads to is nobody."""
    child = logging.getLogger(f"{NAME}-tasks.x")
    above = logging.getLogger(f"{NAME}-tasks")
    if parent == "":
        # Then it is another than the nearest.
        child.parent = logging.root
    elif parent == "gone":
        child.parent = logging.getLoggerClass()(above.name)
    else:
        child.parent = logger if parent else None
    expected = NOBODY if parent in {None, "gone"} else parent
    assert expected == read().logger(child.name).parent
    child.parent = above


def test_parents_in_a_loop_are_read(logger: logging.Logger) -> None:
    """And asked about."""
    child = logging.getLogger(f"{NAME}.a")
    logger.parent = child
    tree = read()
    assert f"{NAME}.a" == tree.logger(NAME).parent
    assert 0 == tree.effective_level(NAME)
    assert ["sealwire-tests.ordinary"] == [key for _, key in tree.way_of(f"{NAME}.a")]
    logger.parent = logging.root
