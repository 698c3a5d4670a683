"""The threads that write what is in the queues of queue handlers.

Rules this module keeps:

1. Whoever takes a queue handler out of use stops its listener, so that no thread stays behind. What
   is in the queue by then is written first.
2. Stopping takes a bounded time: a listener may be busy with a handler that hangs, and its queue
   may be full. One that does not come free ends by itself when it has written what it has.
3. A process that ends writes what is still in the queues of those that were started here.

Not guaranteed: anything in a forked child, which has the handler and the queue but no thread. Its
records stay in the queue until a configuration is applied there.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import queue
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from sealwire.logtree.internals import thread_of
from sealwire.logtree.locks import WAIT_S

if TYPE_CHECKING:
    from collections.abc import Callable

_MOMENT_S: Final = 0.05

_started: dict[int, tuple[int, Any]] = {}
"""Listeners that run because of us, each with the process that its thread is in."""


def start_listener(handler: logging.Handler) -> None:
    """Start the listener of a queue handler that has just been made.

    Raises:
        Exception: it has none, or it cannot be started; the handler is closed.
    """
    listener: Any = vars(handler).get("listener")
    try:
        listener.start()
    except BaseException:
        handler.close()
        raise
    _started[id(listener)] = os.getpid(), listener


def wake_listener(handler: logging.Handler) -> bool:
    """Start the listener of a queue handler that comes back into use.

    Returns:
        Whether that was done. It is not where it still writes what it had: it ends then.

    Raises:
        Exception: it cannot be started.
    """
    listener = listener_of(handler)
    if listener is None or thread_of(listener) is not None:
        return False
    listener.start()
    _started[id(listener)] = os.getpid(), listener
    return True


def listener_of(handler: logging.Handler) -> Any:  # noqa: ANN401 - any class that a plan names
    """Give the listener of a queue handler; ``None`` for any other handler."""
    from logging.handlers import QueueHandler

    return vars(handler).get("listener") if isinstance(handler, QueueHandler) else None


def stop_listener(handler: logging.Handler) -> None:
    """Stop the listener of a queue handler, if it has one; it first writes what is in the queue."""
    listener = listener_of(handler)
    if listener is not None:
        _started.pop(id(listener), None)
        _stop(listener.stop)


def _stop(stop: Callable[[], object]) -> None:
    # In a thread of its own, because it waits for the listener's for as long as that takes.
    stopper = threading.Thread(target=_stop_once, args=(stop,), name="sealwire-stop", daemon=True)
    stopper.start()
    stopper.join(WAIT_S)


def _stop_once(stop: Callable[[], object]) -> None:
    ends_s = time.monotonic() + WAIT_S
    # A listener that was never started cannot be stopped; one of the host's may raise anything.
    with contextlib.suppress(Exception):
        while True:
            try:
                stop()
            except queue.Full:
                if time.monotonic() >= ends_s:
                    raise
                time.sleep(_MOMENT_S)
            else:
                return


@atexit.register
def _stop_all() -> None:
    # Without another thread, because a process that ends cannot start one.
    for process, listener in list(_started.values()):
        thread = thread_of(listener)
        if process == os.getpid() and thread is not None:
            _stop_once(listener.enqueue_sentinel)
            thread.join(WAIT_S)
