"""A deadline for constructors that may wait for something outside this process.

Rules this module keeps:

1. A plan whose handlers are all of classes that wait for nothing is built where it is asked for.
   Anything else is built in a thread of its own, and waited for no longer than `BUILD_S`.
2. At most one such thread is ever left behind. Until it ends, nothing is built that needs another.
3. What a thread that was left behind builds after all is thrown away by itself.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from sealwire.errors import ApplyError
from sealwire.logtree.building import build

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sealwire.documents import LoggingPlan
    from sealwire.logtree.building import Built
    from sealwire.logtree.keeping import Kept

BUILD_S: Final = 5.0
"""As long as a name may take to be looked up and a connection to be made; nobody waits longer."""

# They open regular files at most, which were looked at beforehand.
_PROMPT: Final = frozenset(
    {
        "logging.FileHandler",
        "logging.NullHandler",
        "logging.StreamHandler",
        "logging.handlers.MemoryHandler",
        "logging.handlers.RotatingFileHandler",
        "logging.handlers.TimedRotatingFileHandler",
        "logging.handlers.WatchedFileHandler",
    }
)


class _Left(NamedTuple):
    """A thread that was left behind, what it builds, and since when, on the monotonic clock."""

    thread: threading.Thread
    what: str
    since_s: float


_left: list[_Left] = []


def build_in_time(
    plan: LoggingPlan, kept: Mapping[str, Kept], wait_s: float | None = None
) -> Built:
    """Build everything that ``plan`` defines, except what stays.

    Args:
        plan: what is to be built.
        kept: the handlers that stay.
        wait_s: how long to wait, seconds; `BUILD_S` where nothing else is said.

    Raises:
        ApplyError: a constructor has not returned in time, or another one has not yet.
        ValueError: as `build`.
    """
    slow = _slow(plan, kept)
    if not slow:
        return build(plan, kept)
    _check_nobody_left()
    wait_s = BUILD_S if wait_s is None else wait_s
    built: list[Built] = []
    failed: list[BaseException] = []
    given_up = threading.Event()
    done = threading.Lock()

    def run() -> None:
        try:
            made = build(plan, kept)
        except BaseException as error:  # noqa: BLE001 - it is raised again where it is waited for
            failed.append(error)
            return
        with done:
            if not given_up.is_set():
                built.append(made)
                return
        # Its files stay: another configuration may have begun to write to them meanwhile.
        made.close()

    thread = threading.Thread(target=run, name="sealwire-builder", daemon=True)
    thread.start()
    thread.join(wait_s)
    with done:
        if not built and not failed:
            given_up.set()
    if built:
        return built[0]
    if failed:
        raise failed[0]
    _left[:] = [_Left(thread, slow, time.monotonic())]
    raise ApplyError(
        f"{slow} has not been built in {wait_s:g} s; nothing of its kind is built until it "
        "returns. See what it waits for, a name or a connection"
    )


def _slow(plan: LoggingPlan, kept: Mapping[str, Kept]) -> str:
    """Name what may wait; ``""`` if nothing can."""
    for handler in plan.handlers:
        if handler.name not in kept and handler.class_name not in _PROMPT:
            return f"handlers.{handler.name}"
    for formatter in plan.formatters:
        if formatter.factory or formatter.class_name not in {None, "logging.Formatter"}:
            return f"formatters.{formatter.name}"
    for each in plan.filters:
        if each.factory:
            return f"filters.{each.name}"
    return ""


def _check_nobody_left() -> None:
    if not _left:
        return
    thread, what, since_s = _left[0]
    if thread.is_alive():
        waited_s = time.monotonic() - since_s
        raise ApplyError(
            f"{what} of an earlier configuration is still being built after {waited_s:.0f} s; "
            "until it returns, only the library's handlers for streams and files can be built"
        )
    _left.clear()
