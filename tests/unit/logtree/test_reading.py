"""The process's logging tree as a value, and setting levels in it."""

from __future__ import annotations

import io
import logging
import logging.handlers
import queue
import sys
import weakref
from typing import TYPE_CHECKING, Any

import pytest

from sealwire.documents.tree import UNTOLD, FormatterState
from sealwire.logtree import read
from sealwire.logtree.reading import read_objects

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


def test_a_handler_keeps_its_key(logger: logging.Logger) -> None:
    """Whatever comes before it or goes: a lease that ends means this one and no other."""

    def keys() -> dict[str, str]:
        live, handlers = read_objects()
        return {
            names[id(handlers[key])]: key
            for name in ("", NAME)
            for key in live.logger(name).handlers
            if id(handlers[key]) in names
        }

    one, two, three = (logging.StreamHandler(sys.stderr) for _ in range(3))
    names = {id(one): "one", id(two): "two", id(three): "three"}
    logger.addHandler(one)
    logger.addHandler(two)
    first, second = "StreamHandler(stderr)", "StreamHandler(stderr) #2"
    assert {"one": first, "two": second} == keys()
    logging.root.handlers.insert(0, three)
    try:
        assert {"one": first, "two": second, "three": f"{first} #3"} == keys()
        logger.removeHandler(one)
        assert {"two": second, "three": f"{first} #3"} == keys()
        # It finds its place again, unless it is another one by now.
        logger.addHandler(one)
        assert first == keys()["one"]
        one.name = "reading.one"
        assert "reading.one" == keys()["one"]
        one.name = None
        one.setStream(io.StringIO())
        assert "StreamHandler(StringIO)" == keys()["one"]
    finally:
        logging.root.removeHandler(three)


def test_a_key_that_two_have_had_is_of_one_of_them(logger: logging.Logger) -> None:
    """One went, another came in its place, and the first is back."""
    one, two = (logging.StreamHandler(sys.stderr) for _ in range(2))
    key = "StreamHandler(stderr)"
    for handlers, expected in (([one], (key,)), ([two], (key,)), ([two, one], (key, f"{key} #2"))):
        logger.handlers[:] = handlers
        assert expected == read().logger(NAME).handlers
    logger.handlers[:] = [one]
    assert (f"{key} #2",) == read().logger(NAME).handlers


def test_a_handler_that_cannot_be_remembered_is_counted(logger: logging.Logger) -> None:
    """No weak reference leads to it."""

    class Slotted:
        __slots__ = ("filters", "formatter", "level")

    for _ in range(2):
        logger.handlers.append(Slotted())  # type: ignore[arg-type]
    try:
        assert ("Slotted()", "Slotted() #2") == read().logger(NAME).handlers
    finally:
        logger.handlers.clear()


# ---- what is behind a handler -------------------------------------------------------------------


class Wrapping(logging.Handler):
    """A handler of somebody else's that hands records on, in a way of its own."""

    def __init__(self, **beneath: object) -> None:
        super().__init__()
        vars(self).update(beneath)


class Listening:
    """Like a listener of a queue."""

    def __init__(self, *handlers: object) -> None:
        self.handlers = handlers


def test_what_a_handler_hands_records_on_to(logger: logging.Logger, tmp_path: Path) -> None:
    """Handlers behind it have their place in the tree, with a name and without."""
    named = logging.NullHandler()
    named.name = "reading.named"
    unnamed = logging.FileHandler(tmp_path / "a.log", delay=True)
    for handler, expected in (
        (logging.handlers.MemoryHandler(1, target=named), ("reading.named",)),
        (
            logging.handlers.MemoryHandler(1, target=unnamed),
            (f"FileHandler({unnamed.baseFilename})",),
        ),
        (logging.handlers.MemoryHandler(1), ()),
        (Wrapping(inner=named), ("reading.named",)),
        (Wrapping(inner=[named, named, 1]), ("reading.named",)),
        (Wrapping(inner=(named,)), ("reading.named",)),
        (Wrapping(inner={20: named}), ("reading.named",)),
        (Wrapping(listener=Listening(named)), ("reading.named",)),
        (Wrapping(listener=1), ()),
        (Wrapping(inner=[1] * 64 + [named]), ()),
        (logging.handlers.QueueHandler(queue.Queue()), (UNTOLD,)),
    ):
        logger.handlers[:] = [handler]
        tree = read()
        (key,) = tree.logger(NAME).handlers
        assert expected == tree.by_key()[key].behind
        assert {key, *expected} == tree.reached([key])
    queued: Any = logging.handlers.QueueHandler(queue.Queue())
    queued.listener = Listening(named)
    logger.handlers[:] = [queued]
    assert ("reading.named",) == read().by_key()["QueueHandler()"].behind


def test_handlers_that_are_behind_each_other_are_read(logger: logging.Logger) -> None:
    """Such a circle writes nothing, and harms nobody who looks at it."""
    one, other = Wrapping(), Wrapping()
    vars(one)["inner"], vars(other)["inner"] = other, one
    logger.addHandler(one)
    handlers = read().by_key()
    assert ("Wrapping() #2",) == handlers["Wrapping()"].behind
    assert ("Wrapping()",) == handlers["Wrapping() #2"].behind


def test_the_file_of_a_class_of_ones_own_is_told(logger: logging.Logger, tmp_path: Path) -> None:
    """It writes as the library's does; what only has such an attribute says nothing."""

    class Theirs(logging.FileHandler):
        pass

    logger.addHandler(Theirs(tmp_path / "a.log", delay=True))
    logger.addHandler(Wrapping(baseFilename="/a"))
    targets = [read().by_key()[key].target for key in read().logger(NAME).handlers]
    assert [str(tmp_path / "a.log"), ""] == targets
