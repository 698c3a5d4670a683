"""The logging tree of this process as a value.

Rules this module keeps:

1. Reading changes nothing, and takes time that grows with the loggers and handlers there are.
2. A handler has one key in a tree: its name; without one its class and target, and from the second
   one of those on a number. Keys stay the same from one reading to the next while nothing changes.
3. What cannot be told of somebody else's class is left empty, and never asked by calling it.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Final

from sealwire.documents.tree import ROOT, FormatterState, HandlerState, LoggerState, Tree
from sealwire.logtree.internals import format_of

if TYPE_CHECKING:
    from collections.abc import Iterable

_OWN_MODULES: Final = ("logging", "logging.handlers")
_STREAMING: Final = 1  # socket.SOCK_STREAM


def read() -> Tree:
    """Give the tree as it is now."""
    return read_objects()[0]


def read_objects() -> tuple[Tree, dict[str, logging.Handler]]:
    """Give the tree, and the handlers behind its keys."""
    loggers = [logging.root, *_loggers()]
    keys: dict[int, str] = {}
    handlers: dict[str, logging.Handler] = {}
    for logger in loggers:
        for handler in logger.handlers:
            _name(handler, keys, handlers)
    for handler in _registered():
        _name(handler, keys, handlers)
    states = [_logger(logger, keys) for logger in loggers]
    tree = Tree(
        tuple(sorted(states)),
        tuple(_handler(key, handlers[key]) for key in sorted(handlers)),
        logging.root.manager.disable,
    )
    return tree, handlers


def _loggers() -> list[logging.Logger]:
    # A copy, because another thread may be making a logger at this moment.
    known = logging.root.manager.loggerDict.copy().values()
    return [logger for logger in known if isinstance(logger, logging.Logger)]


def _registered() -> list[logging.Handler]:
    """Give the handlers that have a name, whether a logger has them or another handler."""
    return [handler for _, handler in sorted(vars(logging)["_handlers"].items())]


def _name(
    handler: logging.Handler, keys: dict[int, str], handlers: dict[str, logging.Handler]
) -> None:
    if id(handler) in keys:
        return
    name = handler.get_name()
    wanted = name or f"{type(handler).__name__}({target_of(handler)})"
    key, number = wanted, 1
    while key in handlers:
        number += 1
        key = f"{wanted} #{number}"
    keys[id(handler)] = key
    handlers[key] = handler


def _logger(logger: logging.Logger, keys: dict[int, str]) -> LoggerState:
    return LoggerState(
        ROOT if logger is logging.root else logger.name,
        logger.level,
        tuple(keys[id(handler)] for handler in logger.handlers if id(handler) in keys),
        _filters(logger.filters),
        bool(logger.propagate),
        bool(logger.disabled),
    )


def _handler(key: str, handler: logging.Handler) -> HandlerState:
    named = bool(handler.get_name())
    return HandlerState(
        key,
        class_name(type(handler)),
        handler.level,
        target_of(handler),
        _formatter(handler.formatter),
        _filters(handler.filters),
        named,
        is_foreign(handler),
    )


def is_foreign(handler: logging.Handler) -> bool:
    """Tell whether code outside ``logging`` has put this handler where it is."""
    return not handler.get_name() and type(handler).__module__ not in _OWN_MODULES


def class_name(kind: type) -> str:
    """Give the dotted name of a class."""
    return f"{kind.__module__}.{kind.__qualname__}"


def target_of(handler: logging.Handler) -> str:
    """Say where one of the library's handlers writes; ``""`` for any other."""
    if type(handler).__module__ not in _OWN_MODULES:
        return ""
    known = vars(handler)
    if "baseFilename" in known:
        return str(known["baseFilename"])
    if "address" in known:
        return _address(known["address"], known.get("socktype"))
    if isinstance(handler, logging.StreamHandler):
        return _stream(handler.stream)
    return ""


def _address(address: object, kind: object) -> str:
    if isinstance(address, tuple):
        return ":".join(("tcp" if kind == _STREAMING else "udp", *map(str, address)))
    return str(address)


def _stream(stream: object) -> str:
    for name in ("stderr", "stdout"):
        if stream in {getattr(sys, name), getattr(sys, f"__{name}__")}:
            return name
    own: object = getattr(stream, "name", None)
    return own if isinstance(own, str) else type(stream).__name__


def _formatter(formatter: logging.Formatter | None) -> FormatterState | None:
    if formatter is None:
        return None
    text, style, _ = format_of(formatter)
    return FormatterState(
        class_name(type(formatter)),
        text,
        formatter.datefmt if isinstance(formatter.datefmt, str) else None,
        style,
    )


def _filters(filters: Iterable[object]) -> tuple[str, ...]:
    return tuple(map(_filter, filters))


def _filter(found: object) -> str:
    if type(found) is logging.Filter:
        return f"Filter({found.name})"
    # A function is named itself, anything else by its class.
    named = found if hasattr(found, "__qualname__") else type(found)
    module = getattr(named, "__module__", None) or "builtins"
    return f"{module}.{getattr(named, '__qualname__', '')}"
