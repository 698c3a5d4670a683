"""What ``os.fork()`` means for a running listener.

Rules this module keeps:

1. While a process forks, no listener is in the middle of a change, and no lock of ours is held by a
   thread that the child will not have. A change that takes over a second is not waited for: the
   child gets new locks in any case.
2. A child closes what it inherited. It does not unlock, unlink or unregister, because lock, name
   and selector are shared with the parent.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from contextlib import AbstractContextManager, ExitStack
from typing import Final, Protocol

WAIT_S: Final = 1.0
"""For all of them together."""


class Forked(Protocol):
    """What has to know about forks; `abandon` may be called again in a child of the child."""

    def hold_still(self, timeout_s: float) -> AbstractContextManager[None]:
        """Hold off changes, for at most ``timeout_s`` seconds."""
        ...

    def abandon(self) -> None:
        """Close what a child inherited."""
        ...


_watched: weakref.WeakSet[Forked] = weakref.WeakSet()
_forking = threading.local()  # two threads may fork at once


def watch(one: Forked) -> None:
    """Tell ``one`` about forks from now on."""
    _watched.add(one)


def unwatch(one: Forked) -> None:
    """Stop telling ``one``."""
    _watched.discard(one)


def _before() -> None:
    ends_s = time.monotonic() + WAIT_S
    _forking.held = ExitStack()
    for one in list(_watched):
        _forking.held.enter_context(one.hold_still(max(0.0, ends_s - time.monotonic())))


def _after_in_parent() -> None:
    _forking.held.close()


def _after_in_child() -> None:
    # What this thread holds it gives back; what another thread holds, abandon() replaces.
    _forking.held.close()
    for one in list(_watched):
        one.abandon()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child
    )
