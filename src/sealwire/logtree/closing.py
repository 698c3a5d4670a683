"""Taking handlers out of use, for good or until somebody goes back.

Rules this module keeps:

1. A handler that another thread is about to call still writes that record: its file is opened once
   more for it and closed again, so nothing is lost and no descriptor stays behind.
2. Closing is done without logging's lock, because ``close`` may wait, and ``emit`` may want it.
3. A ``close`` that raises is the old handler's affair; the change stands.
4. A handler that may come back rests: it gives up its file or socket, and takes it again at the
   next record. Of a class that is not the library's it is not known how, so that is flushed only.
5. The listeners of queues are stopped before the handlers they write to are closed, and are waited
   for no longer than `WAIT_S`.
"""

from __future__ import annotations

import contextlib
import logging
import logging.handlers
import threading
from typing import TYPE_CHECKING, Final

from sealwire.logtree.internals import is_listening
from sealwire.logtree.locks import WAIT_S

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Their close() gives up a socket and nothing else; the next record opens it again.
_SOCKETS: Final = (logging.handlers.SocketHandler, logging.handlers.SysLogHandler)
_OWN_MODULES: Final = ("logging", "logging.handlers")


class _Late:
    """The ``emit`` of a file's handler that is out of use (rule 1)."""

    def __init__(self, handler: logging.FileHandler) -> None:
        self._handler = handler
        self._emit = handler.emit

    def __call__(self, record: logging.LogRecord) -> None:
        try:
            self._emit(record)
        finally:
            _close_stream(self._handler)


def expect_late_records(handlers: Iterable[logging.Handler]) -> None:
    """Make files that are closed be opened for a late record; the handlers' locks are held."""
    for handler in handlers:
        if isinstance(handler, logging.FileHandler) and not _is_late(handler):
            # A class of the host may not let its attributes be set; it misses no more than that.
            with contextlib.suppress(BaseException):
                # A file that was begun anew, or had to be new, would not be opened again, or would
                # be emptied.
                handler.mode = "a"
                handler.emit = _Late(handler)  # type: ignore[method-assign]


def close_all(handlers: Iterable[logging.Handler]) -> None:
    """Close each handler; to be called without logging's lock.

    One that a late record has brought to a stop by now is left to that record's thread: a file is
    closed after it, and anything else when nobody uses it any more.
    """
    handlers = list(handlers)
    _stop_listeners(handlers)
    for handler in handlers:
        if _comes_free(handler):
            close_quietly(handler)


def rest_all(handlers: Iterable[logging.Handler]) -> None:
    """Let handlers rest (rule 4); to be called without logging's lock."""
    handlers = list(handlers)
    _stop_listeners(handlers)
    for handler in handlers:
        if not _comes_free(handler):
            continue
        # A handler of the host may raise anything, SystemExit included, and nobody is to be told.
        with contextlib.suppress(BaseException):
            handler.flush()
        with contextlib.suppress(BaseException):
            if isinstance(handler, logging.FileHandler):
                _close_stream(handler)
            elif type(handler).__module__ in _OWN_MODULES and isinstance(handler, _SOCKETS):
                handler.close()


def wake_all(handlers: Iterable[logging.Handler]) -> None:
    """Make handlers that rested as they were, before they are used again."""
    handlers = list(handlers)
    for handler in handlers:
        if _is_late(handler):
            vars(handler).pop("emit", None)
    for listener in _listeners(handlers):
        if not is_listening(listener):
            with contextlib.suppress(BaseException):
                listener.start()


def close_quietly(handler: logging.Handler) -> None:
    """Flush and close, whatever that raises."""
    # A handler of the host may raise anything, SystemExit included, and nobody is to be told.
    with contextlib.suppress(BaseException):
        handler.flush()
    with contextlib.suppress(BaseException):
        handler.close()


def _listeners(
    handlers: Iterable[logging.Handler],
) -> Iterator[logging.handlers.QueueListener]:
    for handler in handlers:
        listener = getattr(handler, "listener", None)
        if isinstance(listener, logging.handlers.QueueListener):
            yield listener


def _stop_listeners(handlers: Iterable[logging.Handler]) -> None:
    for listener in _listeners(handlers):
        if is_listening(listener):
            # It waits until the queue is empty, which a handler that is stuck can prevent.
            stopping = threading.Thread(target=listener.stop, name="sealwire-stop", daemon=True)
            stopping.start()
            stopping.join(WAIT_S)


def _comes_free(handler: logging.Handler) -> bool:
    lock = handler.lock
    if lock is not None:
        if not lock.acquire(timeout=WAIT_S):
            return False
        lock.release()
    return True


def _is_late(handler: logging.Handler) -> bool:
    return isinstance(vars(handler).get("emit"), _Late)


def _close_stream(handler: logging.FileHandler) -> None:
    handler.acquire()
    try:
        stream, handler.stream = handler.stream, None
        if stream is not None:
            stream.close()
    finally:
        handler.release()
