"""Locks of logging that somebody else keeps."""

from __future__ import annotations

import logging
import threading

import pytest

from sealwire.errors import ApplyError
from sealwire.logtree.internals import logging_lock
from sealwire.logtree.locks import whole_logging


def test_it_is_given_up_when_logging_is_busy() -> None:
    """A thread of the host that keeps the lock does not keep our thread for ever."""
    held, done = threading.Event(), threading.Event()

    def keep() -> None:
        with logging_lock():
            held.set()
            done.wait()

    thread = threading.Thread(target=keep)
    thread.start()
    held.wait()
    try:
        with pytest.raises(ApplyError, match=r"has been busy for 0\.01 s"), whole_logging(0.01):
            pass
    finally:
        done.set()
        thread.join()
    with whole_logging():
        logging.getLogger("it.is.free")
