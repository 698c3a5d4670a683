"""The one listener of a process that a server has started.

Rules this module keeps:

1. A process has one such listener, however many hooks come by.
2. Where a server makes its processes by forking, they listen, and what they are forked from does
   not: it would run a thread that no child has, and serve before rights are given up.
3. A listener that was made before a fork is none in the child. The child begins its own.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Final

from sealwire.engine import engine_of_process
from sealwire.errors import ConfigurationError, SealwireError
from sealwire.eventlog import LOGGER, log_to
from sealwire.listener import Listener, listen_from

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sealwire.events import Decision
    from sealwire.keyfiles import StrPath
    from sealwire.policy import Rule

VARIABLE: Final = "SEALWIRE_SETTINGS"
"""The environment's name for the path of a service's settings."""


class _Process:
    """What this process has; a forked child inherits it, with a listener that is none any more."""

    def __init__(self) -> None:
        self.listener: Listener | None = None
        self.is_left_to_workers = False


_process: Final = _Process()


def leave_to_workers() -> None:
    """Have this process not listen, since a server's hook begins to in each of its workers."""
    _process.is_left_to_workers = True


def is_left_to_workers() -> bool:
    """Whether a server's hook begins to listen, here or in what is forked from here."""
    return _process.is_left_to_workers


def settings_path(path: StrPath | None = None) -> StrPath | None:
    """Give the path of the settings: what is given, or what the environment says, or ``None``."""
    return path if path is not None else os.environ.get(VARIABLE) or None


def listen_here(
    path: StrPath | None = None,
    *,
    required: bool = True,
    rules: Iterable[Rule] = (),
    on_event: Callable[[Decision], None] | None = None,
) -> Listener | None:
    """Listen in this process, if it does not already.

    Args:
        path: the service's settings; by default what ``$SEALWIRE_SETTINGS`` names.
        required: whether a process that cannot listen is not to go on; otherwise that is logged as
            an error, and the process is one that no message reaches.
        rules: as of `sealwire.listen_from`.
        on_event: as of `sealwire.listen_from`.

    Returns:
        The listener; ``None`` where it cannot be, and is not required.

    Raises:
        SealwireError: as of `sealwire.listen_from`; or no settings are named.
        OSError: descriptors or threads ran out.
    """
    listener = _process.listener
    if listener is not None and listener.is_alive():
        return listener
    try:
        named = settings_path(path)
        if named is None:
            raise ConfigurationError(
                f"no settings are named; give their path, or set {VARIABLE}, such as: "
                f"{VARIABLE}=/etc/sealwire/payments@prod/service.toml"
            )
        _process.listener = listen_from(named, rules=rules, on_event=on_event)
        instance = engine_of_process().in_force.instance
        log_to(LOGGER, logging.INFO, "this process listens, as %s", instance)
    except (SealwireError, OSError) as error:
        if required:
            raise
        log_to(LOGGER, logging.ERROR, "this process does not listen: %s", str(error))
        return None
    return _process.listener


def stop_here() -> None:
    """Listen no more; do nothing where this process does not."""
    listener, _process.listener = _process.listener, None
    if listener is not None:
        listener.stop()
