"""Changing handlers while they are in use: no deadlock, and no change where one does not end."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

import pytest

from sealwire.errors import ApplyError
from sealwire.logtree.internals import logging_lock
from sealwire.logtree.locks import whole_logging

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE_S = 20.0


class Talkative(logging.Handler):
    """Uses logging while it writes, as handlers do that reach the network."""

    made = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Make a logger, which takes logging's lock."""
        Talkative.made += 1
        logging.getLogger(f"sealwire-tests.talkative.{Talkative.made % 100}")


@pytest.fixture
def writers() -> Iterator[logging.Logger]:
    """Give a logger with such a handler, into which four threads write all the time."""
    logger = logging.getLogger("sealwire-tests.writers")
    logger.propagate = False
    handler, over = Talkative(), threading.Event()
    logger.addHandler(handler)

    def write() -> None:
        while not over.is_set():
            logger.warning("written")

    threads = [threading.Thread(target=write, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    yield logger
    over.set()
    for thread in threads:
        thread.join(PATIENCE_S)
        assert not thread.is_alive()
    logger.removeHandler(handler)


def test_a_handler_that_logs_is_no_deadlock(writers: logging.Logger) -> None:
    """The library's own order of locks stops all of them at the first or second change."""
    handler = next(each for each in writers.handlers if isinstance(each, Talkative))
    for _ in range(50):
        with whole_logging(PATIENCE_S, lambda: [handler]):
            before = Talkative.made
            handler.flush()
            assert before == Talkative.made


def test_a_handler_that_is_busy_for_too_long_is_named() -> None:
    """Nothing is held afterwards, and nothing waits for ever."""
    taken, over = threading.Event(), threading.Event()
    busy = logging.StreamHandler()

    def hold() -> None:
        busy.acquire()
        taken.set()
        over.wait(PATIENCE_S)
        busy.release()

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert taken.wait(PATIENCE_S)
        with (
            pytest.raises(ApplyError, match=r"the handler StreamHandler has been busy for 0\.01 s"),
            whole_logging(0.01, lambda: [busy]),
        ):
            pass
        other = threading.Thread(target=lambda: logging.getLogger("sealwire-tests.free"))
        other.start()
        other.join(PATIENCE_S)
        assert not other.is_alive()
    finally:
        over.set()
        holder.join(PATIENCE_S)
    with whole_logging(PATIENCE_S, lambda: [busy]):
        pass


def test_what_fails_under_the_locks_gives_them_back() -> None:
    """An exception of the library's is no reason to keep anything."""
    with pytest.raises(ZeroDivisionError), whole_logging():
        raise ZeroDivisionError
    done = threading.Thread(target=logging.getLogger, args=("sealwire-tests.after",))
    done.start()
    done.join(PATIENCE_S)
    assert not done.is_alive()


def test_it_is_given_up_when_logging_is_busy() -> None:
    """A thread of the host that keeps the lock does not keep our thread for ever."""
    held, done = threading.Event(), threading.Event()

    def keep() -> None:
        with logging_lock():
            held.set()
            done.wait(PATIENCE_S)

    thread = threading.Thread(target=keep)
    thread.start()
    assert held.wait(PATIENCE_S)
    try:
        with (
            pytest.raises(ApplyError, match=r"logging itself has been busy for 0\.01 s"),
            whole_logging(0.01),
        ):
            pass
    finally:
        done.set()
        thread.join(PATIENCE_S)
    with whole_logging(PATIENCE_S):
        logging.getLogger("it.is.free")
