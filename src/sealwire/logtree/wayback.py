"""The way back from a change that stood for a while, past what somebody else has changed since.

Rules this module keeps:

1. Place by place: what is as the change left it becomes what it was before. Anything else is
   somebody else's; it is left, and told as drift.
2. A list gets back what it had, keeps what has come since, and not what has gone since.
3. Over two changes one goes as if over each of them: what came in between is no part of either.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypeVar

from sealwire.logtree.arrangement import (
    Arrangement,
    HandlerPart,
    LoggerPart,
    Wanted,
    handler_part,
    live_loggers,
    part_of,
)
from sealwire.logtree.internals import live_handlers, named_handlers

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")


def way_back(before: Arrangement, left: Arrangement) -> tuple[Wanted, list[str]]:
    """Say how to get from now to ``before``, and where somebody else stands in the way.

    Args:
        before: what was before a change, detached.
        left: what the change left, detached. What is not so any more, somebody else has changed.

    Returns:
        What is to be different, and the places that are left as they are: ``loggers.a.level``.
    """
    drift: list[str] = []
    now = {name: part_of(logger) for name, logger in live_loggers()}
    # Whoever sets up logging anew closes every handler, and takes it out of logging's own list.
    open_still = {id(handler) for handler in live_handlers()}
    loggers = {
        name: part._replace(handlers=[each for each in part.handlers if id(each) in open_still])
        for name, part in _parts_back(before, left, now, drift).items()
    }
    names = {
        name: handler
        for name, handler in _names_back(before, left, dict(named_handlers())).items()
        if id(handler) in open_still
    }
    # One that left and comes back has what it had, since nobody could reach it.
    handlers = _handlers_back(
        before, left, {id(e): handler_part(e) for e, _ in left.handlers}, drift
    )
    return Wanted(loggers, names, handlers, list(names.values())), drift


def joined(before: Arrangement, left: Arrangement, later: Arrangement) -> Arrangement:
    """Give what one goes back to over two changes: ``before``, with what others did meanwhile.

    Args:
        before: what was before the first change, detached.
        left: what that left, detached.
        later: what was before the second one, detached; not to be used any more.
    """
    parts = _parts_back(before, left, later.parts(), [])
    for name, part in parts.items():
        logger, parent, _ = later.loggers[name]
        later.loggers[name] = logger, parent, part
    had = {id(handler): (handler, part) for handler, part in before.handlers}
    made = {id(handler) for handler, _ in left.handlers} - had.keys()
    had |= {id(each[0]): each for each in later.handlers if id(each[0]) not in made}
    found = {key: part for key, (_, part) in had.items()}
    had |= {id(each[0]): each for each in _handlers_back(before, left, found, [])}
    later.handlers = list(had.values())
    later.names = _names_back(before, left, later.names)
    return later


def _parts_back(
    before: Arrangement, left: Arrangement, now: Mapping[str, LoggerPart], drift: list[str]
) -> dict[str, LoggerPart]:
    """Give the parts that a way back changes."""
    old, new = before.parts(), left.parts()
    found: dict[str, LoggerPart] = {}
    for name, live in now.items():
        was = old.get(name, LoggerPart())
        if name not in new or _same_part(was, new[name]):
            continue
        part = _merged_part(f"loggers.{name}" if name else "root", was, new[name], live, drift)
        if not _same_part(part, live):
            found[name] = part
    return found


def _handlers_back(
    before: Arrangement, left: Arrangement, now: Mapping[int, HandlerPart], drift: list[str]
) -> list[tuple[logging.Handler, HandlerPart]]:
    """Give the handlers that stayed, with what they are to have."""
    had = {id(handler): part for handler, part in before.handlers}
    names = {id(handler): name for name, handler in left.names.items()}
    found: list[tuple[logging.Handler, HandlerPart]] = []
    for handler, new in left.handlers:
        was = had.get(id(handler))
        if was is None or _same_handler(was, new):
            continue
        live = now[id(handler)]
        where = f"handlers.{names.get(id(handler), type(handler).__name__)}"
        if new.level not in {live.level, was.level}:
            drift.append(f"{where}.level")
        if live.formatter is not new.formatter is not was.formatter:
            drift.append(f"{where}.formatter")
        part = HandlerPart(
            was.level if live.level == new.level else live.level,
            was.formatter if live.formatter is new.formatter else live.formatter,
            _merged(f"{where}.filters", was.filters, new.filters, live.filters, drift),
        )
        found.append((handler, part))
    return found


def _names_back(
    before: Arrangement, left: Arrangement, names: dict[str, logging.Handler]
) -> dict[str, logging.Handler]:
    for name, handler in left.names.items():
        if names.get(name) is handler and before.names.get(name) is not handler:
            del names[name]
    for name, handler in before.names.items():
        names.setdefault(name, handler)
    return names


def _merged_part(
    where: str, was: LoggerPart, left: LoggerPart, now: LoggerPart, drift: list[str]
) -> LoggerPart:
    values: list[int | bool] = []
    for field in ("level", "propagate", "disabled"):
        old, new, live = (getattr(part, field) for part in (was, left, now))
        if new not in {live, old}:
            drift.append(f"{where}.{field}")
        values.append(old if live == new else live)
    return LoggerPart(
        int(values[0]),
        bool(values[1]),
        bool(values[2]),
        _merged(f"{where}.handlers", was.handlers, left.handlers, now.handlers, drift),
        _merged(f"{where}.filters", was.filters, left.filters, now.filters, drift),
    )


def _merged(where: str, was: list[T], left: list[T], now: list[T], drift: list[str]) -> list[T]:
    """Give the old list, with what has come since, and without what has gone since."""
    if _same_list(now, left):
        return was
    drift.append(where)
    # One that somebody has put back is there already.
    come = [each for each in now if not _holds(left, each) and not _holds(was, each)]
    gone = [each for each in left if not _holds(now, each)]
    return [each for each in was if not _holds(gone, each)] + come


def _holds(members: list[T], wanted: T) -> bool:
    return any(each is wanted for each in members)


def _same_list(one: list[T], other: list[T]) -> bool:
    return len(one) == len(other) and all(a is b for a, b in zip(one, other, strict=True))


def _same_part(one: LoggerPart, other: LoggerPart) -> bool:
    return (
        one[:3] == other[:3]
        and _same_list(one.handlers, other.handlers)
        and _same_list(one.filters, other.filters)
    )


def _same_handler(one: HandlerPart, other: HandlerPart) -> bool:
    return (
        one.level == other.level
        and one.formatter is other.formatter
        and _same_list(one.filters, other.filters)
    )
