"""Holding logging's lock, and those of handlers that are about to go, without a deadlock.

A handler that is stuck in ``emit`` keeps its lock, and code of the host may keep logging's own. A
handler whose ``emit`` uses logging itself holds its own lock and waits for logging's, so that
whoever takes the two the other way round waits for ever (known to CPython as issue 96727).

Rules this module keeps:

1. While handlers are taken out of use their locks are held and logging's own, so no ``emit`` of
   theirs is under way.
2. What is held is held for a moment only while something else is waited for. Whoever does not get
   the next lock gives all back and begins with those that were busy, logging's own after them. When
   the time is over nothing has been changed.
"""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final, Protocol

from sealwire.errors import ApplyError
from sealwire.logtree.internals import logging_lock

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterable, Iterator

WAIT_S: Final = 2.0
_MOMENT_S: Final = 0.05


class Lock(Protocol):
    """What ``logging`` uses for a lock."""

    def acquire(self, *, timeout: float = ...) -> bool:
        """Take it; give whether that was possible."""

    def release(self) -> None:
        """Let it go."""


def no_handlers() -> Iterable[logging.Handler]:
    """Give none."""
    return ()


@contextmanager
def whole_logging(
    wait_s: float = WAIT_S,
    leaving: Callable[[], Iterable[logging.Handler]] = no_handlers,
    *,
    by_force: bool = False,
) -> Iterator[None]:
    """Hold logging's own lock, and the locks of handlers.

    Args:
        wait_s: how long to wait, seconds.
        leaving: gives the handlers; asked when logging's lock is held, so that none comes or goes.
        by_force: go on without what did not come free. For going back, which is not to be held up:
            what is changed is one step each, and a record that is half-way through a handler is
            that handler's to finish.

    Raises:
        ApplyError: one did not come free within ``wait_s`` seconds; nothing is held.
    """
    ends_s = time.monotonic() + wait_s
    busy: list[tuple[str, Lock]] = []
    while True:
        with ExitStack() as held:
            missing = _take_all(held, leaving, busy)
            if missing is None:
                yield
                return
        whose = missing[0]
        if all(lock is not missing[1] for _, lock in busy):
            busy.append(missing)
        if time.monotonic() >= ends_s and by_force:
            with ExitStack() as held:
                _take(held, logging_lock())
                leaving()
                yield
                return
        if time.monotonic() >= ends_s:
            raise ApplyError(
                f"{whose} has been busy for {wait_s:g} s, so nothing can be exchanged; send the "
                "configuration again, or see what that one waits for"
            )


def _take_all(
    held: ExitStack, leaving: Callable[[], Iterable[logging.Handler]], busy: list[tuple[str, Lock]]
) -> tuple[str, Lock] | None:
    """Take every lock; give the first one that did not come free, and whose it is."""
    own: Lock = logging_lock()
    for whose, lock in (*busy, ("logging itself", own)):
        if not _take(held, lock):
            return whose, lock
    for whose, lock in _handler_locks(leaving()):
        if not _take(held, lock):
            return whose, lock
    return None


def _handler_locks(handlers: Iterable[logging.Handler]) -> Iterator[tuple[str, Lock]]:
    for handler in handlers:
        if handler.lock is not None:
            yield f"the handler {type(handler).__name__}", handler.lock


def _take(held: ExitStack, lock: Lock) -> bool:
    if not lock.acquire(timeout=_MOMENT_S):
        return False
    held.callback(lock.release)
    return True
