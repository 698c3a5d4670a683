"""In which ways one tree records less than another.

Rules this module keeps:

1. A change that may hide a record counts: a filter that was added, whatever it lets through.
2. What a tree has more of is not told here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealwire.documents.tree import lineage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealwire.documents.tree import HandlerState, LoggerState, Tree


def reduced(before: Tree, after: Tree) -> tuple[str, ...]:
    """Give each way in which ``after`` records less, as a line; none where it does not."""
    return tuple(_reduced(before, after))


def _reduced(before: Tree, after: Tree) -> Iterator[str]:
    if after.disable > before.disable:
        yield f"logging.disable: {before.disable} → {after.disable}"
    known = after.by_name()
    earlier = before.by_name()
    for logger in before.loggers:
        if logger.name in known:
            name = logger.name or "root"
            old, new = _effective(earlier, logger.name), _effective(known, logger.name)
            if new > old:
                yield f"logger {name}: level {old} → {new}"
            yield from _of_logger(name, logger, known[logger.name])
    handlers = after.by_key()
    for handler in before.handlers:
        if handler.key in handlers:
            yield from _of_handler(handler, handlers[handler.key])


def _effective(loggers: dict[str, LoggerState], name: str) -> int:
    # Not `Tree.effective_level`, which makes its mapping anew for each name.
    return next((loggers[n].level for n in lineage(name) if n in loggers and loggers[n].level), 0)


def _of_logger(name: str, before: LoggerState, after: LoggerState) -> Iterator[str]:
    for key in before.handlers:
        if key not in after.handlers:
            yield f"logger {name}: handler {key} removed"
    if after.disabled and not before.disabled:
        yield f"logger {name}: disabled"
    if before.propagate and not after.propagate:
        yield f"logger {name}: propagate off"
    yield from _added_filters(f"logger {name}", before.filters, after.filters)


def _of_handler(before: HandlerState, after: HandlerState) -> Iterator[str]:
    name = f"handler {before.key}"
    if after.level > before.level:
        yield f"{name}: level {before.level} → {after.level}"
    if (before.class_name, before.target) != (after.class_name, after.target):
        yield f"{name}: redirected from {before.target!r} to {after.target!r}"
    yield from _added_filters(name, before.filters, after.filters)


def _added_filters(name: str, before: tuple[str, ...], after: tuple[str, ...]) -> Iterator[str]:
    for each in after:
        if each not in before:
            yield f"{name}: filter {each} added"
