"""The live tree, read into a value.

Rules this module keeps:

1. Everything is read under logging's lock, in time linear in the loggers and handlers there are.
2. Nothing of an object of the host is called: what is not an ordinary attribute is not told.
"""

from __future__ import annotations

import logging
import logging.handlers
import sys
from itertools import chain, count
from typing import Final

from sealwire.documents.tree import FormatterState, HandlerState, LoggerState, Tree
from sealwire.logtree.internals import named_handlers
from sealwire.logtree.locks import whole_logging
from sealwire.logtree.swapping import is_foreign, live_loggers

_STYLES: Final[dict[type, str]] = {
    logging.PercentStyle: "%",
    logging.StrFormatStyle: "{",
    logging.StringTemplateStyle: "$",
}


def read() -> Tree:
    """Give the tree as it is now.

    Raises:
        ApplyError: logging's lock does not come free.
    """
    with whole_logging():
        return _read()


def _read() -> Tree:
    loggers = sorted(live_loggers(), key=lambda each: "" if each is logging.root else each.name)
    handlers = dict.fromkeys(handler for logger in loggers for handler in logger.handlers)
    handlers |= dict.fromkeys(named_handlers().values())
    keys: dict[logging.Handler, str] = {}
    taken: set[str] = set()
    for handler in handlers:
        key = handler.name or f"{type(handler).__name__}({target_of(handler)})"
        keys[handler] = _free(key, taken)
    return Tree(
        tuple(
            LoggerState(
                "" if logger is logging.root else logger.name,
                logger.level,
                tuple(keys[handler] for handler in logger.handlers),
                _filters(logger),
                bool(logger.propagate),
                bool(logger.disabled),
            )
            for logger in loggers
        ),
        tuple(sorted(_handler(handler, key) for handler, key in keys.items())),
        logging.root.manager.disable,
    )


def _free(key: str, taken: set[str]) -> str:
    numbered = (f"{key} #{number}" for number in count(2))
    free = next(each for each in chain([key], numbered) if each not in taken)
    taken.add(free)
    return free


def target_of(handler: logging.Handler) -> str:
    """Say where a handler writes, or ``""`` where that cannot be told."""
    known = vars(handler)
    if isinstance(handler, logging.FileHandler):
        return str(known.get("baseFilename", ""))
    if isinstance(handler, logging.StreamHandler):
        stream = known.get("stream")
        if stream is sys.stderr:
            return "stderr"
        return "stdout" if stream is sys.stdout else ""
    if isinstance(handler, logging.handlers.SocketHandler):
        kind = "udp" if isinstance(handler, logging.handlers.DatagramHandler) else "tcp"
        return f"{kind}:{known.get('host')}:{known.get('port')}"
    return ""


def _handler(handler: logging.Handler, key: str) -> HandlerState:
    return HandlerState(
        key,
        _class_name(handler),
        handler.level,
        target_of(handler),
        _formatter(handler.formatter),
        _filters(handler),
        handler.name is not None,
        is_foreign(handler),
    )


def _formatter(formatter: logging.Formatter | None) -> FormatterState | None:
    if formatter is None:
        return None
    known = vars(formatter)
    style = _STYLES.get(type(known.get("_style")), "")
    return FormatterState(_class_name(formatter), known.get("_fmt"), known.get("datefmt"), style)


def _filters(owner: logging.Filterer) -> tuple[str, ...]:
    return tuple(
        f"Filter({each.name})" if type(each) is logging.Filter else _class_name(each)
        for each in owner.filters
    )


def _class_name(value: object) -> str:
    kind = value if callable(value) and hasattr(value, "__qualname__") else type(value)
    return f"{kind.__module__}.{kind.__qualname__}"
