"""The change itself: under logging's lock, in full or not at all.

Rules this module keeps:

1. Each logger's list of handlers is replaced once, so a writer sees the old list or the new one.
2. On any failure everything is as before: the same objects, the same dictionary, the same names.
3. Nothing is closed here. What is no longer used is given back, to be closed without the lock.
4. The cost is linear in the loggers there are: levels are set directly and the cache of every
   logger is emptied once, where the library empties all of them for each.
5. Handlers of a class outside ``logging`` that no configuration has named stay where they are:
   the tools of third parties (pytest, Sentry) put them there.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from sealwire.logtree.internals import clear_level_caches, named_handlers, unname
from sealwire.logtree.locks import whole_logging
from sealwire.logtree.reading import is_foreign

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealwire.documents import LoggerPlan, LoggingPlan
    from sealwire.logtree.building import Built

OWN_LOGGER = "sealwire"


def swap(plan: LoggingPlan, built: Built) -> list[logging.Handler]:
    """Make ``plan`` the configuration of this process.

    Returns:
        The handlers that are no longer used.

    Raises:
        ApplyError: logging's lock does not come free.
    """
    with whole_logging():
        before = _Snapshot()
        try:
            if plan.incremental:
                _adjust(plan)
            else:
                _replace(plan, built)
            clear_level_caches()
        except BaseException:
            before.restore()
            raise
        return [] if plan.incremental else _release(before)


def _adjust(plan: LoggingPlan) -> None:
    names = named_handlers()
    for handler in plan.handlers:
        if handler.level is not None:
            names[handler.name].level = handler.level
    for logger in _plans(plan):
        _set_level(logger)


def _replace(plan: LoggingPlan, built: Built) -> None:
    existing = dict(logging.root.manager.loggerDict)
    named = {logger.name for logger in plan.loggers}
    for name, handler in built.handlers.items():
        # An old one that stays in use keeps the name for itself, as a mark of where it is from.
        handler.name = name
    for each in _plans(plan):
        logger = _set_level(each)
        # Lists are replaced and not changed: a writer may be going through the old one.
        kept = [handler for handler in logger.handlers if is_foreign(handler)]
        logger.handlers = [built.handlers[name] for name in each.handlers] + kept
        logger.filters = [built.filters[name] for name in each.filters]
        if each.name:
            logger.disabled = False
    for name, other in existing.items():
        if name in named or not isinstance(other, logging.Logger):
            continue
        if any(above in named for above in _above(name)):
            other.level = logging.NOTSET
            other.handlers = [handler for handler in other.handlers if is_foreign(handler)]
            other.propagate = True
        else:
            other.disabled = plan.disable_existing_loggers and not _is_own(name)


def _plans(plan: LoggingPlan) -> Iterator[LoggerPlan]:
    yield from plan.loggers
    if plan.root is not None:
        yield plan.root


def _set_level(plan: LoggerPlan) -> logging.Logger:
    logger = logging.getLogger(plan.name) if plan.name else logging.root
    if plan.level is not None:
        logger.level = plan.level
    if plan.propagate is not None and plan.name:
        logger.propagate = plan.propagate
    return logger


def _above(name: str) -> Iterator[str]:
    while "." in name:
        name = name.rpartition(".")[0]
        yield name


def _is_own(name: str) -> bool:
    return name == OWN_LOGGER or name.startswith(f"{OWN_LOGGER}.")


def _release(before: _Snapshot) -> list[logging.Handler]:
    """Take their names from the handlers that are no longer used, and give them."""
    used = {id(handler) for handler in _reachable()}
    gone = {id(handler): handler for handler in before.handlers() if id(handler) not in used}
    for handler in gone.values():
        unname(handler)
    return list(gone.values())


def _reachable() -> Iterator[logging.Handler]:
    todo = [handler for logger in _live_loggers() for handler in logger.handlers]
    seen: set[int] = set()
    while todo:
        handler = todo.pop()
        if id(handler) in seen:
            continue
        seen.add(id(handler))
        yield handler
        # A MemoryHandler writes through its target, a QueueHandler through its listener.
        target = getattr(handler, "target", None)
        beneath = getattr(getattr(handler, "listener", None), "handlers", ())
        todo += [each for each in (target, *beneath) if isinstance(each, logging.Handler)]


def _live_loggers() -> Iterator[logging.Logger]:
    """Give the root logger, and every other one there is."""
    yield logging.root
    for logger in logging.root.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            yield logger


class _Snapshot:
    """The tree's objects and their values, with references that keep them."""

    def __init__(self) -> None:
        self._known = dict(logging.root.manager.loggerDict)
        self._names = dict(named_handlers())
        self._levels = [(handler, handler.level) for handler in self._names.values()]
        self._loggers = [
            (
                each,
                each.level,
                each.propagate,
                each.disabled,
                each.handlers,
                each.filters,
                each.parent,
            )
            for each in _live_loggers()
        ]
        self._places = [
            (place, dict(place.loggerMap))
            for place in self._known.values()
            if isinstance(place, logging.PlaceHolder)
        ]

    def handlers(self) -> Iterator[logging.Handler]:
        """Give the handlers that loggers had, or that had a name."""
        yield from self._names.values()
        for entry in self._loggers:
            yield from entry[4]

    def restore(self) -> None:
        """Put everything back."""
        manager = logging.root.manager
        manager.loggerDict.clear()
        manager.loggerDict.update(self._known)
        for logger, level, propagate, disabled, handlers, filters, parent in self._loggers:
            logger.level, logger.propagate, logger.disabled = level, propagate, disabled
            logger.handlers, logger.filters, logger.parent = handlers, filters, parent
        for place, loggers in self._places:
            place.loggerMap = loggers
        names = named_handlers()
        for handler in list(names.values()):
            unname(handler)
        for name, handler in self._names.items():
            handler.name = name
        for handler, level in self._levels:
            handler.level = level
        clear_level_caches()
