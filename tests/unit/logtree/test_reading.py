"""The process's logging tree as a value, and setting levels in it."""

from __future__ import annotations

import io
import logging
import logging.handlers
import sys
import weakref
from typing import TYPE_CHECKING

import pytest

from sealwire.documents.tree import FormatterState
from sealwire.logtree import read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import FrameType

NAME = "sealwire-tests.reading"


class Theirs(logging.Handler):
    """A handler of somebody else's."""

    def emit(self, record: logging.LogRecord) -> None:
        """Do nothing."""


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    """Give a logger of this test's own."""
    logger = logging.getLogger(NAME)
    yield logger
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()
    logger.filters.clear()
    logger.setLevel(logging.NOTSET)
    logger.propagate, logger.disabled = True, False


@pytest.fixture
def keys(logger: logging.Logger) -> Callable[[], tuple[str, ...]]:
    """Give what tells the keys of the logger's handlers."""
    return lambda: read().logger(NAME).handlers


def test_a_logger_is_read(logger: logging.Logger) -> None:
    """Level, propagate, disabled, and filters in words."""
    logger.setLevel(7)
    logger.propagate, logger.disabled = False, True
    logger.addFilter(logging.Filter("a.b"))
    logger.addFilter(str.isupper)  # type: ignore[arg-type] # any callable will do
    state = read().logger(NAME)
    assert (NAME, 7, False, True) == (state.name, state.level, state.propagate, state.disabled)
    assert ("Filter(a.b)", "builtins.str.isupper") == state.filters


def test_the_root_is_there_and_placeholders_are_not() -> None:
    """A name that is only in between has no logger of its own."""
    logging.getLogger(f"{NAME}.between.below")
    known = read().by_name()
    assert logging.root.level == known[""].level
    assert f"{NAME}.between.below" in known
    assert f"{NAME}.between" not in known


def test_handlers_without_a_name_are_told_apart(
    logger: logging.Logger, keys: Callable[[], tuple[str, ...]], tmp_path: Path
) -> None:
    """By class and target, and by a number from the second one on."""
    for handler in (
        logging.StreamHandler(sys.stderr),
        logging.StreamHandler(sys.stderr),
        logging.StreamHandler(io.StringIO()),
        logging.FileHandler(tmp_path / "a.log", delay=True),
        logging.handlers.SysLogHandler(("127.0.0.1", 5514)),
        logging.NullHandler(),
        Theirs(),
    ):
        logger.addHandler(handler)
    expected = (
        "StreamHandler(stderr)",
        "StreamHandler(stderr) #2",
        "StreamHandler(StringIO)",
        f"FileHandler({tmp_path / 'a.log'})",
        "SysLogHandler(udp:127.0.0.1:5514)",
        "NullHandler()",
        "Theirs()",
    )
    assert expected == keys()
    found = read().by_key()
    assert [False] * 6 + [True] == [found[key].foreign for key in expected]


def test_a_handler_is_read(logger: logging.Logger) -> None:
    """Name, class, level, target and formatter; a named one is nobody's foreigner."""
    handler = Theirs()
    handler.set_name("mine")
    handler.setLevel(20)
    handler.setFormatter(logging.Formatter("{message}", "%H", style="{"))
    logger.addHandler(handler)
    state = read().by_key()["mine"]
    assert (20, "", True, False) == (state.level, state.target, state.named, state.foreign)
    assert state.class_name.endswith(".Theirs")
    assert FormatterState("logging.Formatter", "{message}", "%H", "{") == state.formatter


def test_a_handler_that_no_logger_has_is_there_by_its_name() -> None:
    """As the target of another handler is."""
    handler = logging.NullHandler()
    handler.set_name("sealwire-tests.alone")
    assert "sealwire-tests.alone" in read().by_key()
    handler.close()


def test_reading_changes_nothing() -> None:
    """Two readings are the same."""
    assert read() == read()


def test_handlers_are_named_meanwhile(logger: logging.Logger) -> None:
    """Another thread may at any moment; here it is at each one of the library's mapping."""
    others: list[logging.Handler] = []

    def name_another() -> None:
        others.append(logging.NullHandler())
        others[-1].set_name(f"{NAME}.{len(others)}")

    def meanwhile(frame: FrameType, *_: object) -> None:
        if frame.f_code.co_filename == weakref.__file__:
            name_another()

    for _ in range(5):
        name_another()
        logger.addHandler(others[-1])
    before = sys.getprofile()
    sys.setprofile(meanwhile)
    try:
        found = read()
    finally:
        sys.setprofile(before)
        for other in others:
            other.close()
    assert [f"{NAME}.{number}" for number in range(1, 6)] == [*found.logger(NAME).handlers]
    assert len(others) > 5
