"""The change itself: under logging's lock, in full or not at all.

Rules this module keeps:

1. Each logger's list of handlers is replaced once, so a writer sees the old list or the new one.
2. On any failure everything is as before: the same objects, the same dictionary, the same names.
3. Nothing is closed here. What is no longer used is given back, to be closed without the lock. A
   handler that is busy for too long could not be closed then, so it prevents the change.
4. The cost is linear in the loggers there are: levels are set directly and the cache of every
   logger is emptied once, where the library empties all of them for each.
5. Handlers of a class outside ``logging`` that no configuration has named stay where they are:
   the tools of third parties (pytest, Sentry) put them there.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from sealwire.logtree.closing import expect_late_records
from sealwire.logtree.internals import clear_level_caches, named_handlers, unname
from sealwire.logtree.locks import WAIT_S, whole_logging
from sealwire.logtree.reading import is_foreign

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from sealwire.documents import LoggerPlan, LoggingPlan
    from sealwire.logtree.building import Built

OWN_LOGGER = "sealwire"


def swap(plan: LoggingPlan, built: Built, wait_s: float = WAIT_S) -> list[logging.Handler]:
    """Make ``plan`` the configuration of this process.

    Returns:
        The handlers that are no longer used.

    Raises:
        ApplyError: logging's lock, or one of a handler that would go, does not come free within
            ``wait_s`` seconds; nothing is changed.
    """
    going: list[logging.Handler] = []

    def leaving() -> list[logging.Handler]:
        going[:] = [] if plan.incremental else _leaving(plan, built)
        return going

    with whole_logging(wait_s, leaving):
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
        for handler in going:
            unname(handler)
        expect_late_records(going)
    return going


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
        if _is_beneath(name, named):
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


def _is_beneath(name: str, named: Container[str]) -> bool:
    while "." in name:
        name = name.rpartition(".")[0]
        if name in named:
            return True
    return False


def _is_own(name: str) -> bool:
    return name == OWN_LOGGER or name.startswith(f"{OWN_LOGGER}.")


def _leaving(plan: LoggingPlan, built: Built) -> list[logging.Handler]:
    """Give the handlers that nobody will use any more when ``plan`` is in force."""
    named = {logger.name for logger in plan.loggers}
    had = list(named_handlers().values())
    stay = list(built.handlers.values())
    for logger in _live_loggers():
        if not (handlers := logger.handlers):
            continue
        had += handlers
        if logger is logging.root:
            loses = plan.root is not None
        else:
            loses = logger.name in named or _is_beneath(logger.name, named)
        stay += filter(is_foreign, handlers) if loses else handlers
    # By identity, because a class of the host may say what it is equal to.
    leaving = {id(handler): handler for handler in had}
    for handler in _reachable(stay):
        leaving.pop(id(handler), None)
    return list(leaving.values())


def _reachable(todo: list[logging.Handler]) -> Iterator[logging.Handler]:
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
    # A copy, because another thread may be making a logger at this moment.
    for logger in logging.root.manager.loggerDict.copy().values():
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
        # Without `set_name`, which a class of the host may have made its own.
        names = named_handlers()
        for handler in list(names.values()):
            unname(handler)
        for name, handler in self._names.items():
            names[name] = handler
            vars(handler)["_name"] = name
        for handler, level in self._levels:
            handler.level = level
        clear_level_caches()
