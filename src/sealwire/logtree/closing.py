"""Closing the handlers that a change has taken out of use.

Rules this module keeps:

1. A handler that another thread is about to call still writes that record: its file is opened once
   more for it and closed again, so nothing is lost and no descriptor stays behind. A queue that
   nobody will read again is passed by.
2. Closing is done without logging's lock, because ``close`` may wait, and ``emit`` may want it.
3. A queue handler is closed before what stands behind it: its listener first writes what is in the
   queue, and then stops.
4. A ``close`` that raises is the old handler's affair; the change stands.
"""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING

from sealwire.logtree.listening import listener_of, stop_listener
from sealwire.logtree.locks import WAIT_S

if TYPE_CHECKING:
    from collections.abc import Iterable


def expect_late_records(handlers: Iterable[logging.Handler]) -> None:
    """Make files that are closed be opened for a late record; the handlers' locks are held."""
    for handler in handlers:
        if isinstance(handler, logging.FileHandler):
            # A class of the host may not let its attributes be set; it misses no more than that.
            with contextlib.suppress(Exception):
                _write_late_records(handler)
        elif (listener := listener_of(handler)) is not None:
            with contextlib.suppress(Exception):
                vars(handler)["enqueue"] = listener.handle


def close_all(handlers: Iterable[logging.Handler]) -> None:
    """Close each handler; to be called without logging's lock.

    One that a late record has brought to a stop by now is left to that record's thread: a file is
    closed after it, and anything else when nobody uses it any more.
    """
    for handler in sorted(handlers, key=lambda each: listener_of(each) is None):
        lock = handler.lock
        if lock is not None:
            if not lock.acquire(timeout=WAIT_S):
                continue
            lock.release()
        close_quietly(handler)


def close_quietly(handler: logging.Handler) -> None:
    """Flush and close, whatever that raises; stop the listener of a queue handler."""
    with contextlib.suppress(Exception):
        stop_listener(handler)
    # A handler of the host may raise anything, and there is nobody to tell.
    with contextlib.suppress(Exception):
        handler.flush()
    with contextlib.suppress(Exception):
        handler.close()


def _write_late_records(handler: logging.FileHandler) -> None:
    emit = handler.emit
    # A file that was begun anew, or had to be new, would not be opened again, or would be emptied.
    handler.mode = "a"

    def emit_late(record: logging.LogRecord) -> None:
        try:
            emit(record)
        finally:
            stream, handler.stream = handler.stream, None
            if stream is not None:
                stream.close()

    handler.emit = emit_late  # type: ignore[method-assign]
