"""Taking handlers out of use, for good or until somebody goes back.

Rules this module keeps:

1. A handler that another thread is about to call still writes that record: its file is opened once
   more for it and closed again, so nothing is lost and no descriptor stays behind. A memory
   handler hands it on at once, and a queue that nobody will read again is passed by.
2. Closing is done without logging's lock, because ``close`` may wait, and ``emit`` may want it.
3. A queue handler is closed before what stands behind it: its listener first writes what is in the
   queue, and then stops.
4. A ``close`` that raises is the old handler's affair; the change stands.
5. A handler that may come back rests: it gives up its file, socket or thread, and takes it again
   when it is used. Of a class that is not the library's it is not known how, so that is flushed
   only.
"""

from __future__ import annotations

import contextlib
import logging
import logging.handlers
from typing import TYPE_CHECKING, Final

from sealwire.logtree.internals import OWN_MODULES
from sealwire.logtree.listening import listener_of, stop_listener, wake_listener
from sealwire.logtree.locks import WAIT_S

if TYPE_CHECKING:
    from collections.abc import Iterable

# Their close() gives up a socket and nothing else; the next record opens it again.
_SOCKETS: Final = (logging.handlers.SocketHandler, logging.handlers.SysLogHandler)


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


class _HandedOn:
    """The ``emit`` of a memory handler that is out of use (rule 1)."""

    def __init__(self, handler: logging.handlers.MemoryHandler) -> None:
        self._handler = handler
        # Closing takes it away, and what is buffered afterwards would stay there for ever.
        self._target = handler.target

    def __call__(self, record: logging.LogRecord) -> None:
        self._handler.buffer.append(record)
        self._handler.target = self._target
        self._handler.flush()


class _PassedBy:
    """The ``enqueue`` of a queue handler that is out of use (rule 1)."""

    def __init__(self, listener: logging.handlers.QueueListener) -> None:
        self._listener = listener

    def __call__(self, record: logging.LogRecord) -> None:
        self._listener.handle(record)


def expect_late_records(handlers: Iterable[logging.Handler]) -> None:
    """Make handlers write a late record all the same (rule 1); their locks are held."""
    for handler in handlers:
        # A class of the host may not let its attributes be set; it misses no more than that.
        with contextlib.suppress(BaseException):
            if isinstance(handler, logging.FileHandler):
                # A file that was begun anew, or had to be new, would not be opened again, or would
                # be emptied.
                handler.mode = "a"
                if not isinstance(vars(handler).get("emit"), _Late):
                    handler.emit = _Late(handler)  # type: ignore[method-assign]
            elif isinstance(handler, logging.handlers.MemoryHandler):
                if not isinstance(vars(handler).get("emit"), _HandedOn):
                    handler.emit = _HandedOn(handler)  # type: ignore[method-assign]
            elif (listener := listener_of(handler)) is not None:
                vars(handler)["enqueue"] = _PassedBy(listener)


def close_all(handlers: Iterable[logging.Handler]) -> None:
    """Close each handler; to be called without logging's lock.

    One that a late record has brought to a stop by now is left to that record's thread: a file is
    closed after it, and anything else when nobody uses it any more.
    """
    for handler in _queues_first(handlers):
        if _comes_free(handler):
            close_quietly(handler)


def rest_all(handlers: Iterable[logging.Handler]) -> None:
    """Let handlers rest (rule 5); to be called without logging's lock."""
    for handler in _queues_first(handlers):
        if not _comes_free(handler):
            continue
        # A handler of the host may raise anything, SystemExit included, and nobody is to be told.
        with contextlib.suppress(BaseException):
            stop_listener(handler)
        with contextlib.suppress(BaseException):
            handler.flush()
        with contextlib.suppress(BaseException):
            if isinstance(handler, logging.FileHandler):
                _close_stream(handler)
            elif type(handler).__module__ in OWN_MODULES and isinstance(handler, _SOCKETS):
                handler.close()


def wake_all(handlers: Iterable[logging.Handler]) -> None:
    """Make handlers that rested as they were, before they are used again."""
    for handler in handlers:
        own = vars(handler)
        if isinstance(own.get("emit"), (_Late, _HandedOn)):
            del own["emit"]
        if isinstance(own.get("enqueue"), _PassedBy):
            # Where no thread of its own can be had, it goes on being passed by, and loses nothing.
            with contextlib.suppress(BaseException):
                if wake_listener(handler):
                    del own["enqueue"]


def close_quietly(handler: logging.Handler) -> None:
    """Flush and close, whatever that raises; stop the listener of a queue handler."""
    # A handler of the host may raise anything, SystemExit included, and nobody is to be told.
    with contextlib.suppress(BaseException):
        stop_listener(handler)
    with contextlib.suppress(BaseException):
        handler.flush()
    with contextlib.suppress(BaseException):
        handler.close()


def _queues_first(handlers: Iterable[logging.Handler]) -> list[logging.Handler]:
    return sorted(handlers, key=lambda each: listener_of(each) is None)


def _comes_free(handler: logging.Handler) -> bool:
    lock = handler.lock
    if lock is not None:
        if not lock.acquire(timeout=WAIT_S):
            return False
        lock.release()
    return True


def _close_stream(handler: logging.FileHandler) -> None:
    handler.acquire()
    try:
        stream, handler.stream = handler.stream, None
        if stream is not None:
            stream.close()
    finally:
        handler.release()
