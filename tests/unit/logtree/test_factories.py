"""What a factory gives is looked at; queue listeners run as long as their handler is used."""

from __future__ import annotations

import gc
import json
import logging
import logging.handlers
import os
import queue
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from sealwire.documents import LoggingPlan, read_plan
from sealwire.errors import ApplyError
from sealwire.logtree import apply, try_out
from sealwire.logtree.closing import (
    close_all,
    close_quietly,
    expect_late_records,
    rest_all,
    wake_all,
)
from sealwire.logtree.listening import start_listener

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MODULE = "a_module_of_the_factories"
QUEUES = sys.version_info >= (3, 12)
CHANGES = 50
PATIENCE_S = 20.0
QUEUE = "logging.handlers.QueueHandler"


class Tagging(logging.Filter):
    """A filter that marks records."""

    def __init__(self, tag: str) -> None:
        """Take the mark."""
        super().__init__()
        self.tag = tag

    def filter(self, record: logging.LogRecord) -> bool:
        """Mark the record."""
        record.tag = self.tag
        return True


class Listener(logging.handlers.QueueListener):
    """A listener of the host's."""


def make_handler(path: str, **_: object) -> logging.Handler:
    """Give a handler that writes to a file."""
    return logging.FileHandler(path)


def make_listener(**_: object) -> type[Listener]:
    """Give a class of listeners."""
    return Listener


def make_queue(size: int = 0) -> queue.Queue[object]:
    """Give a queue."""
    return queue.Queue(size)


def give_in_use(**_: object) -> logging.Handler:
    """Give a handler that is there."""
    return logging.root.handlers[0]


SHARED = Tagging("as it was")
SHOWING = logging.Formatter("%(message)s")


def give_shared(**_: object) -> Tagging:
    """Give a filter that may be in use."""
    return SHARED


def give_showing(**_: object) -> logging.Formatter:
    """Give a formatter that may be in use."""
    return SHOWING


def give_number(**_: object) -> int:
    """Give something else."""
    return 5


NOTHING = None
system = os.system


@pytest.fixture(autouse=True)
def module() -> Iterator[None]:
    """Make what is in this file something that a plan can name."""
    sys.modules[MODULE] = sys.modules[__name__]
    yield
    del sys.modules[MODULE]


def plan(**sections: object) -> LoggingPlan:
    """Read a document of version 1 with these sections."""
    return read_plan(json.dumps({"version": 1, **sections}).replace("app.", f"{MODULE}.").encode())


def failure(**sections: object) -> str:
    """Give the text with which a plan of these sections fails, also when it is tried."""
    with pytest.raises(ApplyError) as caught:
        apply(plan(**sections))
    with pytest.raises(ApplyError) as tried:
        try_out(plan(**sections))
    assert str(caught.value) == str(tried.value)
    return str(caught.value).replace(MODULE, "app")


def queued(path: Path, **said: object) -> LoggingPlan:
    """Give a plan with a queue in front of a file."""
    return plan(
        handlers={
            "file": {"class": "logging.FileHandler", "filename": str(path)},
            "a queue": {"class": QUEUE, "handlers": ["file"], **said},
        },
        root={"level": "INFO", "handlers": ["a queue"]},
    )


def test_what_factories_make_is_used(tmp_path: Path) -> None:
    """A handler, a formatter and a filter, each with its arguments and attributes."""
    path = tmp_path / "x.log"
    apply(
        plan(
            formatters={
                "f": {"()": "app.Formatting", "format": "%(tag)s %(message)s", ".": {"a": 1}}
            },
            filters={"g": {"()": "app.Tagging", "tag": "old", ".": {"tag": "new"}}},
            handlers={
                "h": {
                    "()": "app.make_handler",
                    "path": str(path),
                    "formatter": "f",
                    "filters": ["g"],
                    "level": "INFO",
                    "also": "ext://sys.stdout",
                    ".": {"terminator": "|"},
                }
            },
            root={"level": "DEBUG", "handlers": ["h"]},
        )
    )
    logging.getLogger("a").info("one")
    logging.getLogger("a").debug("two")
    logging.getLogger("a").info("three")
    assert "new one|new three|" == path.read_text()


class Formatting(logging.Formatter):
    """A formatter of the host's, whose argument is called as the library's own."""


HERE = {"handlers": {"h": {"class": "logging.NullHandler"}}, "root": {"handlers": ["h"]}}


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        ({"filters": {"x": {"()": "app.missing"}}}, "filters.x.(): 'app.missing' is not to be had"),
        ({"filters": {"x": {"()": "app.NOTHING"}}}, "filters.x.(): 'app.NOTHING' cannot be called"),
        (
            {"filters": {"x": {"()": "app.system"}}},
            "filters.x.(): 'app.system' is of the standard library: posix",
        ),
        (
            {"handlers": {"x": {"()": "app.queue.Queue"}}},
            "handlers.x.(): 'app.queue.Queue' is of the standard library: queue",
        ),
        (
            {"formatters": {"x": {"()": "app.PATIENCE_S.hex"}}},
            "formatters.x.(): 'app.PATIENCE_S.hex' is of the standard library: builtins",
        ),
        (
            {"formatters": {"x": {"()": "app.give_number", "y": "ext://app.missing"}}},
            "formatters.x.y: 'app.missing' is not to be had",
        ),
        (
            {"handlers": {"x": {"()": "app.give_number"}}},
            "unable to configure handler 'x': UnfitPartError",
        ),
        (
            {"formatters": {"x": {"()": "app.give_number"}}},
            "unable to configure formatter 'x': UnfitPartError",
        ),
        (
            {"filters": {"x": {"()": "app.give_number"}}},
            "unable to configure filter 'x': UnfitPartError",
        ),
        (
            {"handlers": {"x": {"()": "app.give_in_use", "level": 50}}},
            "unable to configure handler 'x': HandlerInUseError",
        ),
        (
            {"handlers": {"x": {"()": "app.make_handler"}}},
            "unable to configure handler 'x': TypeError",
        ),
    ],
)
def test_what_is_unfit_changes_nothing(sections: dict[str, object], expected: str) -> None:
    """Whether it is found before, or by what the factory gave."""
    apply(plan(**HERE))
    handlers = list(logging.root.handlers)
    assert failure(**sections).startswith(expected)
    assert handlers == logging.root.handlers
    assert ("h", 0) == (handlers[0].name, handlers[0].level)


@pytest.mark.parametrize("where", ["logger", "handler"])
def test_nothing_is_set_on_a_filter_in_use(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The change may fail after that, and the filter would stay as it never was."""
    monkeypatch.setattr(SHARED, "tag", "as it was")
    apply(plan(**HERE))
    (logging.root if where == "logger" else logging.root.handlers[0]).addFilter(SHARED)
    made = {"()": "app.give_shared", ".": {"tag": "another"}}
    said = failure(filters={"x": made}, handlers={"h": {"()": "app.give_number"}})
    assert said.startswith("unable to configure filter 'x': PartInUseError")
    assert "as it was" == SHARED.tag
    # Without attributes it can be had by others too; what nobody has can be given some.
    apply(plan(filters={"x": {"()": "app.give_shared"}}, root={"filters": ["x"], "handlers": []}))
    assert [SHARED] == logging.root.filters
    apply(plan(root={"filters": [], "handlers": []}))
    # A handler that is gone counts for as long as anything, here a traceback, holds it.
    gc.collect()
    apply(plan(filters={"x": made}))
    assert "another" == SHARED.tag


def test_nothing_is_set_on_a_formatter_in_use() -> None:
    """The same."""
    apply(plan(**HERE))
    logging.root.handlers[0].setFormatter(SHOWING)
    made = {"()": "app.give_showing", ".": {"datefmt": "%H"}}
    said = failure(formatters={"x": made}, handlers={"h": {"()": "app.give_number"}})
    assert said.startswith("unable to configure formatter 'x': PartInUseError")
    assert SHOWING.datefmt is None


def test_a_queue_needs_a_python_that_knows_it(tmp_path: Path) -> None:
    """Before 3.12 the library would hand the names to the class."""
    path = tmp_path / "x.log"
    if not QUEUES:
        with pytest.raises(ApplyError, match=r"a queue handler needs Python 3\.12 or later"):
            apply(queued(path))
        return
    before = threading.active_count()
    apply(queued(path, queue={"()": "queue.Queue", "maxsize": 10}))
    logging.getLogger("a").info("one")
    assert before + 1 == threading.active_count()
    apply(plan(root={"handlers": []}))
    assert "one\n" == path.read_text()
    assert before == threading.active_count()


def test_threads_and_records_over_many_changes(tmp_path: Path) -> None:
    """After each there is one listener; nothing is lost; a trial leaves nothing behind."""
    if not QUEUES:
        assert "needs Python 3.12" in failure(**queued(tmp_path / "x.log").to_dict())
        return
    apply(queued(tmp_path / "0.log"))
    threads = threading.active_count()
    for number in range(CHANGES):
        said = [{}, {"queue": "app.make_queue"}, {"listener": "app.Listener"}][number % 3]
        apply(queued(tmp_path / f"{number % 5}.log", respect_handler_level=True, **said))
        logging.getLogger("a").info("line %d", number)
        try_out(queued(tmp_path / "other.log", listener={"()": "app.make_listener"}))
        assert threads == threading.active_count()
    apply(plan(root={"handlers": []}))
    assert threads - 1 == threading.active_count()
    lines = "".join(path.read_text() for path in tmp_path.iterdir()).splitlines()
    assert sorted(f"line {number}" for number in range(CHANGES)) == sorted(lines)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"queue": "app.give_number"}, "unable to configure handler 'a queue': "),
        ({"queue": "app.missing"}, "handlers.'a queue'.queue: 'app.missing' is not to be had"),
        ({"queue": "app.system"}, "handlers.'a queue'.queue: 'app.system' is of the standard"),
        ({"listener": "app.Tagging"}, "unable to configure handler 'a queue': TypeError"),
        ({"listener": {"()": "app.NOTHING"}}, "handlers.'a queue'.listener: 'app.NOTHING' cannot"),
        (
            {"class": "logging.StreamHandler"},
            "handlers.'a queue'.class: 'logging.StreamHandler' is",
        ),
    ],
)
def test_an_unfit_queue_changes_nothing(
    tmp_path: Path, said: dict[str, object], expected: str
) -> None:
    """No thread, no file and no handler is left of it."""
    before = threading.active_count(), list(logging.root.handlers)
    text = failure(**queued(tmp_path / "x.log", **said).to_dict())
    assert text.startswith(expected if QUEUES else "handlers.'a queue'.handlers: a queue handler")
    assert before == (threading.active_count(), logging.root.handlers)
    assert [] == list(tmp_path.iterdir())


# ---- the listener itself, on every Python -------------------------------------------------------


class Slow(logging.Handler):
    """A handler that writes when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.let = threading.Event()
        self.written: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Wait, and write."""
        self.let.wait(PATIENCE_S)
        self.written.append(record.getMessage())


def with_listener(*behind: logging.Handler, size: int = 0) -> Any:  # noqa: ANN401 - has an attribute only from 3.12 on
    """Give a queue handler as ``dictConfig`` makes it from Python 3.12 on."""
    made: queue.Queue[object] = queue.Queue(size)
    handler: Any = logging.handlers.QueueHandler(made)
    handler.listener = logging.handlers.QueueListener(made, *behind)
    return handler


def record(text: str) -> logging.LogRecord:
    """Give a record of this text."""
    return logging.LogRecord("a", logging.INFO, __file__, 1, text, None, None)


def test_what_is_in_the_queue_is_written_before_it_is_closed() -> None:
    """The queue goes first, then what stands behind it, whatever the order they are given in."""
    slow, before = Slow(), threading.active_count()
    handler = with_listener(slow)
    start_listener(handler)
    texts = [str(number) for number in range(100)]
    for text in texts:
        handler.handle(record(text))
    slow.let.set()
    closed: list[object] = []
    slow.close = lambda: closed.append(list(slow.written))  # type: ignore[method-assign]
    close_all([slow, handler])
    assert [texts] == closed
    assert before == threading.active_count()


def test_a_late_record_passes_by_the_queue() -> None:
    """A thread that was about to call the handler, and did so when its listener had stopped."""
    slow = Slow()
    slow.let.set()
    handler = with_listener(slow)
    start_listener(handler)
    expect_late_records([handler])
    close_all([handler])
    handler.handle(record("late"))
    assert ["late"] == slow.written


@pytest.mark.parametrize("where", ["on a logger", "behind another", "with a name"])
def test_a_listener_that_another_handler_has_goes_on(where: str) -> None:
    """It stops with the last of them that is in use, and not before."""
    slow, before = Slow(), threading.active_count()
    slow.let.set()
    one = with_listener(slow)
    other: Any = logging.handlers.QueueHandler(one.queue)
    other.listener = one.listener
    start_listener(one)
    beyond = logging.handlers.MemoryHandler(1, target=other)
    if where == "with a name":
        other.name = "other"
    else:
        logging.root.addHandler(other if where == "on a logger" else beyond)
    close_all([one])
    assert before + 1 == threading.active_count()
    other.handle(record("one"))
    logging.root.handlers, other.name = [], None
    close_all([other])
    assert before == threading.active_count()
    assert ["one"] == slow.written


def test_a_handler_whose_listener_goes_on_comes_back_to_it() -> None:
    """It was passed by for as long as it rested, and is not from then on."""
    slow, before = Slow(), threading.active_count()
    slow.let.set()
    one = with_listener(slow)
    other: Any = logging.handlers.QueueHandler(one.queue)
    other.listener = one.listener
    start_listener(one)
    logging.root.handlers = [other]
    for rests in ([one], [one, other]):
        logging.root.handlers = [each for each in (one, other) if each not in rests]
        expect_late_records(rests)
        rest_all(rests)
        wake_all(rests)
        assert [] == [each for each in rests if "enqueue" in vars(each)]
        assert before + 1 == threading.active_count()
    logging.root.handlers = []
    close_all([one, other])
    assert before == threading.active_count()


def test_a_listener_that_has_not_come_to_its_end_is_not_taken_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its thread still runs, and would end with the records that come after."""
    monkeypatch.setattr("sealwire.logtree.listening.WAIT_S", 0.2)
    slow = Slow()
    handler = with_listener(slow)
    start_listener(handler)
    handler.handle(record("one"))
    expect_late_records([handler])
    rest_all([handler])
    wake_all([handler])
    assert "enqueue" in vars(handler)
    slow.let.set()
    (stopper,) = [each for each in threading.enumerate() if each.name == "sealwire-stop"]
    stopper.join(PATIENCE_S)
    assert ["one"] == slow.written


def test_a_listener_that_hangs_is_left_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its queue is full as well; what it has is written when it comes free."""
    monkeypatch.setattr("sealwire.logtree.listening.WAIT_S", 0.2)
    slow, before = Slow(), threading.active_count()
    handler = with_listener(slow, size=2)
    start_listener(handler)
    for number in range(3):
        handler.queue.put(record(str(number)))
    close_quietly(handler)
    assert [] == slow.written
    slow.let.set()
    while handler.listener.queue.qsize():
        pass
    close_quietly(handler)
    for _ in range(1000):
        if before == threading.active_count():
            break
        threading.Event().wait(PATIENCE_S / 1000)
    assert before == threading.active_count()
    assert ["0", "1", "2"] == slow.written


def test_a_listener_that_never_ran_is_no_hindrance() -> None:
    """The host's own, made by ``dictConfig`` and not started; and a handler without one."""
    before = threading.active_count()
    close_all(
        [with_listener(), logging.handlers.QueueHandler(queue.Queue()), logging.NullHandler()]
    )
    assert before == threading.active_count()


def test_a_listener_that_cannot_be_started_closes_its_handler() -> None:
    """What ``start`` raises comes out."""
    handler = with_listener()
    closed: list[bool] = []
    handler.close = lambda: closed.append(True)
    handler.listener = None
    with pytest.raises(AttributeError):
        start_listener(handler)
    assert [True] == closed


PROGRAM = """
import logging, logging.handlers, queue, sys, time
from sealwire.logtree.listening import start_listener
class Slow(logging.StreamHandler):
    def emit(self, record):
        time.sleep(0.01)
        super().emit(record)
made = queue.Queue()
handler = logging.handlers.QueueHandler(made)
handler.listener = logging.handlers.QueueListener(made, Slow(sys.stdout))
start_listener(handler)
logging.root.addHandler(handler)
for number in range(20):
    logging.error("%d", number)
"""


def test_a_process_that_ends_writes_what_is_queued() -> None:
    """The listener's thread alone would die with the process, and the records with it."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, timeout=60
    )
    assert (0, "") == (done.returncode, done.stderr)
    assert [str(number) for number in range(20)] == done.stdout.split()
