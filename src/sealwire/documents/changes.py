"""What differs between two logging trees, place by place, for people and for programs.

Rules this module keeps:

1. Places are called as in a configuration: ``root.level``, ``loggers.payments.handlers``,
   ``handlers.console.formatter``.
2. A handler that no logger has writes nothing, so it counts as not there.
3. Equal trees give nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sealwire.documents.tree import ROOT, HandlerState, LoggerState, Tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealwire.documents.tree import FormatterState

NOTHING: Final = "nothing"


class Change(NamedTuple):
    """One difference: the place, and what is there before and after, in words."""

    where: str
    before: str
    after: str


def changes(before: Tree, after: Tree) -> tuple[Change, ...]:
    """Give every place in which ``after`` differs, handlers first, each by name."""
    return (*_of_handlers(before, after), *_of_loggers(before, after))


def _of_loggers(before: Tree, after: Tree) -> Iterator[Change]:
    old, new = before.by_name(), after.by_name()
    for name in sorted(old.keys() | new.keys()):
        where = f"loggers.{name}" if name != ROOT else "root"
        was, will_be = old.get(name, LoggerState(name)), new.get(name, LoggerState(name))
        yield from _changed(where, _logger_in_words(was), _logger_in_words(will_be))
    if before.disable != after.disable:
        yield Change("logging.disable", str(before.disable), str(after.disable))


def _of_handlers(before: Tree, after: Tree) -> Iterator[Change]:
    old, new = _attached(before), _attached(after)
    for key in sorted(old.keys() | new.keys()):
        where = f"handlers.{key}"
        was, will_be = old.get(key), new.get(key)
        if was is None or will_be is None:
            yield Change(where, _what(was), _what(will_be))
        else:
            yield from _changed(where, _handler_in_words(was), _handler_in_words(will_be))


def _attached(tree: Tree) -> dict[str, HandlerState]:
    used = {key for logger in tree.loggers for key in logger.handlers}
    return {key: handler for key, handler in tree.by_key().items() if key in used}


def _changed(where: str, before: dict[str, str], after: dict[str, str]) -> Iterator[Change]:
    for member, was in before.items():
        if was != after[member]:
            yield Change(f"{where}.{member}", was, after[member])


def _logger_in_words(logger: LoggerState) -> dict[str, str]:
    return {
        "level": str(logger.level),
        "handlers": _list(logger.handlers),
        "filters": _list(logger.filters),
        "propagate": _yes_or_no(logger.propagate),
        "disabled": _yes_or_no(logger.disabled),
        "parent": "the nearest by name" if logger.parent is None else logger.parent or "root",
    }


def _handler_in_words(handler: HandlerState) -> dict[str, str]:
    return {
        "class": handler.class_name,
        "target": handler.target or NOTHING,
        "level": str(handler.level),
        "formatter": _formatter_in_words(handler.formatter),
        "filters": _list(handler.filters),
    }


def _formatter_in_words(formatter: FormatterState | None) -> str:
    if formatter is None:
        return NOTHING
    words = [formatter.class_name]
    if formatter.format is not None:
        words.append(repr(formatter.format))
    if formatter.datefmt is not None:
        words.append(f"dates {formatter.datefmt!r}")
    return " ".join(words)


def _what(handler: HandlerState | None) -> str:
    if handler is None:
        return NOTHING
    return f"{handler.class_name} to {handler.target or NOTHING}"


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(names) or NOTHING


def _yes_or_no(value: bool) -> str:  # noqa: FBT001 - one value, and what it is called
    return "yes" if value else "no"
