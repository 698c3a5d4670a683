"""Changing handlers while they are in use: no deadlock, and no change where one does not end."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

import pytest

from sealwire.errors import ApplyError
from sealwire.logtree.locks import all_locks

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
        with all_locks(PATIENCE_S):
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
        with pytest.raises(ApplyError, match=r"has been busy for 0\.01 s"), all_locks(0.01):
            pass
        other = threading.Thread(target=lambda: logging.getLogger("sealwire-tests.free"))
        other.start()
        other.join(PATIENCE_S)
        assert not other.is_alive()
    finally:
        over.set()
        holder.join(PATIENCE_S)
    with all_locks(PATIENCE_S):
        pass


def test_what_fails_under_the_locks_gives_them_back() -> None:
    """An exception of the library's is no reason to keep anything."""
    with pytest.raises(ZeroDivisionError), all_locks():
        raise ZeroDivisionError
    done = threading.Thread(target=logging.getLogger, args=("sealwire-tests.after",))
    done.start()
    done.join(PATIENCE_S)
    assert not done.is_alive()
