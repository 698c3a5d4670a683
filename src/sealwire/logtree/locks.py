"""Holding logging's lock and every handler's lock at once, without a deadlock.

``dictConfig`` takes logging's lock and then, to close a handler, the handler's. A handler whose
``emit`` uses logging itself holds its own lock and waits for logging's: the two wait for each
other for ever (known to CPython as issue 96727).

Rules this module keeps:

1. While a configuration is changed both kinds of lock are held, so no ``emit`` is under way, and
   the library, whose locks are reentrant, has nothing to wait for.
2. What is held is held for a moment only while something else is waited for. Whoever does not get
   the next lock gives all back and begins with that one. When the time is over nothing has been
   changed.
"""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final, Protocol

from sealwire.errors import ApplyError

if TYPE_CHECKING:
    from collections.abc import Iterator

WAIT_S: Final = 2.0
_MOMENT_S: Final = 0.05


class _Lock(Protocol):
    def acquire(self, blocking: bool = ..., timeout: float = ...) -> bool: ...  # noqa: FBT001 - the library's signature
    def release(self) -> None: ...


@contextmanager
def all_locks(wait_s: float = WAIT_S) -> Iterator[None]:
    """Hold the locks of all handlers and logging's own.

    Raises:
        ApplyError: one did not come free within ``wait_s`` seconds; nothing is held.
    """
    ends_s = time.monotonic() + wait_s
    first: _Lock | None = None
    while True:
        with ExitStack() as held:
            busy = _take_all(held, first)
            if busy is None:
                yield
                return
        whose, first = busy
        if time.monotonic() >= ends_s:
            raise ApplyError(
                f"{whose} has been busy for {wait_s:g} s, so nothing can be exchanged; send the "
                "configuration again, or see what that one waits for"
            )


def _take_all(held: ExitStack, first: _Lock | None) -> tuple[str, _Lock] | None:
    """Take every lock; give the first one that did not come free, and whose it is."""
    if first is not None and not _take(held, first):
        return "a handler, or logging itself,", first
    for whose, lock in _handler_locks():
        if not _take(held, lock):
            return whose, lock
    own: _Lock = vars(logging)["_lock"]
    if not _take(held, own):
        return "logging itself", own
    # Handlers that were made meanwhile; nobody can make another one now.
    for whose, lock in _handler_locks():
        if not _take(held, lock):
            return whose, lock
    return None


def _handler_locks() -> Iterator[tuple[str, _Lock]]:
    for reference in list(vars(logging)["_handlerList"]):
        handler = reference()
        if handler is not None and handler.lock is not None:
            yield f"the handler {type(handler).__name__}", handler.lock


def _take(held: ExitStack, lock: _Lock) -> bool:
    if not lock.acquire(timeout=_MOMENT_S):
        return False
    held.callback(lock.release)
    return True
