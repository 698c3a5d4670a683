"""Taking a lock of logging without waiting for ever.

A handler that is stuck in ``emit`` keeps its lock, and code of the host may keep logging's own.
Who waits for either without end would answer no further request.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol

from sealwire.errors import ApplyError
from sealwire.logtree.internals import logging_lock

if TYPE_CHECKING:
    from collections.abc import Iterator

WAIT_S: Final = 2.0


class Lock(Protocol):
    """What ``logging`` uses for a lock."""

    def acquire(self, *, timeout: float = ...) -> bool:
        """Take it; give whether that was possible."""

    def release(self) -> None:
        """Let it go."""


@contextmanager
def whole_logging(wait_s: float = WAIT_S) -> Iterator[None]:
    """Hold logging's own lock.

    Raises:
        ApplyError: it did not come free within ``wait_s`` seconds.
    """
    lock: Lock = logging_lock()
    if not lock.acquire(timeout=wait_s):
        raise ApplyError(
            f"logging itself has been busy for {wait_s:g} s, so nothing can be exchanged; send the "
            "configuration again, or see what that one waits for"
        )
    try:
        yield
    finally:
        lock.release()
