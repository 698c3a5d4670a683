"""What a logging tree is made of, as values: loggers, handlers, formatters, and what comes out.

Rules this module keeps:

1. Nothing here holds an object of ``logging``.
2. What is left out is what ``logging`` has where nobody has set anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

NOTSET = 0
NO_LEVELS: Mapping[str, int] = MappingProxyType({})
ROOT = ""
"""The root logger's name in a tree, as in `LoggingPlan`."""
UNTOLD = ""
"""Stands among the handlers behind another one for what cannot be told; it is no handler's key."""
NOBODY = "(nobody)"
"""Stands for a parent that is none, or that no name leads to."""

_STREAMING = 1  # socket.SOCK_STREAM, on every system


class FormatterState(NamedTuple):
    """A formatter.

    Attributes:
        class_name: the dotted name of its class.
        format: its format string; ``None`` where the class has none that can be read.
        datefmt: the format of ``asctime``, or ``None``.
        style: ``%``, ``{`` or ``$``; ``""`` where it cannot be read.
    """

    class_name: str = "logging.Formatter"
    format: str | None = None
    datefmt: str | None = None
    style: str = "%"


class HandlerState(NamedTuple):
    """A handler that can be reached from a logger, or that a configuration made.

    Attributes:
        key: what it is called here, once in a tree: its name; without one its class and target,
            such as ``StreamHandler(stderr)``, and from the second one on with `` #2``.
        class_name: the dotted name of its class.
        level: the least level it passes.
        target: where it writes, in words: ``stderr``, a path, ``udp:localhost:514``; ``""`` where
            that cannot be told.
        formatter: how it writes, or ``None``.
        filters: its filters in words, in the order they are asked.
        named: whether it has a name of its own, by which a configuration can speak of it.
        foreign: whether code outside ``logging`` made it and no configuration did: pytest's,
            Sentry's, OpenTelemetry's. Changes leave those where they are.
        behind: keys of the handlers that it hands records on to, as far as they are known; with
            `UNTOLD` among them it hands records to somebody whom it does not name.
    """

    key: str
    class_name: str
    level: int = NOTSET
    target: str = ""
    formatter: FormatterState | None = None
    filters: tuple[str, ...] = ()
    named: bool = True
    foreign: bool = False
    behind: tuple[str, ...] = ()


class LoggerState(NamedTuple):
    """A logger.

    Attributes:
        name: the dotted name; ``""`` for the root.
        level: its own level; 0 inherits.
        handlers: keys of handlers of the tree, in the order they are called.
        filters: its filters in words, in the order they are asked.
        propagate: whether records go on to the parent.
        disabled: whether it drops everything.
        parent: the name of the logger above it, where code has put another one there than the
            nearest by name, as ``logger.parent = other`` does; `NOBODY` where there is none, or one
            that no name leads to. ``None`` is the nearest by name.
    """

    name: str
    level: int = NOTSET
    handlers: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    propagate: bool = True
    disabled: bool = False
    parent: str | None = None


class Hidden(NamedTuple):
    """Why records of a logger do not come out of one handler: the handler's key, and by what."""

    handler: str
    by: str


class Levels(NamedTuple):
    """Levels to set, of loggers by name and of handlers by their key."""

    loggers: Mapping[str, int] = NO_LEVELS
    handlers: Mapping[str, int] = NO_LEVELS


class Emission(NamedTuple):
    """What becomes of the records of one logger at one level.

    Attributes:
        stopped: why no handler is asked at all; ``""`` where some are.
        emitting: keys of the handlers that will write them.
        hidden: the handlers that are asked and will not, or may not.
    """

    stopped: str
    emitting: tuple[str, ...]
    hidden: tuple[Hidden, ...]


def network_target(socktype: object, address: Iterable[str]) -> str:
    """Give the target of a handler that sends to ``address``, whose parts are text.

    Args:
        socktype: the number that the library is given for a stream or for datagrams, or nothing.
        address: host and port.
    """
    return ":".join(("tcp" if socktype == _STREAMING else "udp", *address))


def lineage(name: str) -> Iterator[str]:
    """Give a logger's name and every name above it, nearest first, the root last."""
    while name:
        yield name
        name = name.rpartition(".")[0]
    yield ROOT
