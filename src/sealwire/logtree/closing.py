"""Closing the handlers that a change has taken out of use, after logging's lock is released.

Rules this module keeps:

1. A handler that another thread is about to call still writes that record: its file is opened once
   more for it and closed again, so nothing is lost and no descriptor stays behind.
2. One that is stuck in ``emit`` is left as it is, because closing it would wait for ever.
3. A ``close`` that raises is the old handler's affair; the change stands.
"""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING

from sealwire.logtree.locks import WAIT_S

if TYPE_CHECKING:
    from collections.abc import Iterable


def close_all(handlers: Iterable[logging.Handler]) -> None:
    """Close each handler; to be called without logging's lock, because ``emit`` may want it."""
    for handler in handlers:
        lock = handler.lock
        if lock is not None and not lock.acquire(timeout=WAIT_S):
            continue
        try:
            if isinstance(handler, logging.FileHandler):
                _write_late_records(handler)
        finally:
            if lock is not None:
                lock.release()
        close_quietly(handler)


def close_quietly(handler: logging.Handler) -> None:
    """Flush and close, whatever that raises."""
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
