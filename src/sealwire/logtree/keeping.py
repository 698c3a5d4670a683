"""Handlers that a plan leaves as they are: same name, class and arguments.

Rules this module keeps:

1. Such a handler keeps its object and its open file; level, formatter and filters are set anew. Two
   handlers on one file, even for a moment, could rotate it away from each other.
2. The library's own classes are compared as they are now, since the application may have made the
   handler, or changed it. Any other is compared with the definition that we made it by.
3. A file that is not at its path any more was moved by somebody, who waits for a new one.
4. Nothing is changed here, and what cannot be told is built anew.
"""

from __future__ import annotations

import io
import logging
import logging.handlers
import os
import sys
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sealwire.documents import External
from sealwire.documents.formats import BARE
from sealwire.logtree.arrangement import MADE_BY, HandlerPart, reachable
from sealwire.logtree.internals import format_of, named_handlers, thread_of
from sealwire.logtree.listening import listener_of
from sealwire.logtree.reading import class_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sealwire.documents import FilterPlan, FormatterPlan, HandlerPlan, LoggingPlan

_UNIT_S: Final = {"S": 1, "M": 60, "H": 3600, "D": 86_400, "MIDNIGHT": 86_400, "W": 604_800}


class Kept(NamedTuple):
    """A handler that stays, and what it is to have of its own.

    Attributes:
        handler: the one that is there.
        part: level, formatter and filters; those that are built are not in it yet.
        formatter: the name of the formatter that has to be built for it, or ``None``.
        filters: the names of filters that have to be built for it, or ``None``.
    """

    handler: logging.Handler
    part: HandlerPart
    formatter: str | None
    filters: tuple[str, ...] | None


class _Made(NamedTuple):
    """By which definition we have made a handler."""

    definition: str
    has_attributes: bool


def remember(handler: logging.Handler, plan: HandlerPlan) -> None:
    """Note by which definition a handler was made."""
    vars(handler)[MADE_BY] = _Made(_definition(plan), bool(plan.attributes))


def kept_by(plan: LoggingPlan) -> dict[str, Kept]:
    """Give the handlers that ``plan`` leaves as they are, by name."""
    if plan.incremental:
        return {}
    names = named_handlers()
    found = [(each, names[each.name]) for each in plan.handlers if each.name in names]
    formatters = {each.name: each for each in plan.formatters}
    filters = {each.name: each for each in plan.filters}
    kept: dict[str, Kept] = {}
    stay: set[int] = set()
    # Those that write through others come last, because they stay only if these do.
    beneath = {id(live): {id(each) for each in reachable([live])} - {id(live)} for _, live in found}
    for each, live in sorted(found, key=lambda pair: len(beneath[id(pair[1])])):
        if beneath[id(live)] <= stay and _is_made_so(each, live):
            stay.add(id(live))
            kept[each.name] = _kept(each, live, formatters, filters)
    return kept


def _kept(
    plan: HandlerPlan,
    live: logging.Handler,
    formatters: Mapping[str, FormatterPlan],
    filters: Mapping[str, FilterPlan],
) -> Kept:
    formatter, to_build = live.formatter, None
    if plan.formatter is None:
        formatter = None
    elif not _is_formatter(formatters[plan.formatter], formatter):
        to_build = plan.formatter
    same = len(live.filters) == len(plan.filters) and all(
        type(found) is logging.Filter and _logger_of(filters[name]) == found.name
        for found, name in zip(live.filters, plan.filters, strict=True)
    )
    part = HandlerPart(plan.level or logging.NOTSET, formatter, live.filters)
    return Kept(live, part, to_build, None if same else plan.filters)


def _definition(plan: HandlerPlan) -> str:
    return repr(plan._replace(level=None, formatter=None, filters=()))


def _is_made_so(plan: HandlerPlan, live: logging.Handler) -> bool:
    compare = _COMPARED.get(type(live))
    listener = listener_of(live)
    if listener is not None and thread_of(listener) is None:
        # In a forked child, or where a handler has ended it: nobody writes what is in its queue.
        return False
    target = dict(plan.arguments).get("target")
    if target is not None and getattr(live, "target", None) is not named_handlers().get(
        str(target)
    ):
        return False
    made = vars(live).get(MADE_BY)
    # What was set on it cannot be told from what its class has.
    if compare is None or plan.attributes or (isinstance(made, _Made) and made.has_attributes):
        return isinstance(made, _Made) and made.definition == _definition(plan)
    if plan.class_name != class_name(type(live)):
        return False
    try:
        return compare(live, dict(plan.arguments))
    except (AttributeError, OSError, TypeError, ValueError):
        # Not as its class makes them, or its file cannot be looked at: rule 4.
        return False


def _is_formatter(plan: FormatterPlan, live: logging.Formatter | None) -> bool:
    if type(live) is not logging.Formatter or plan.class_name not in {None, "logging.Formatter"}:
        return False
    if plan.factory is not None or plan.attributes:
        return False
    text = BARE[plan.style] if plan.format is None else plan.format
    same = (text, plan.style, False) == format_of(live)
    return same and plan.datefmt == live.datefmt and not plan.defaults


def _logger_of(plan: FilterPlan) -> str | None:
    """Give what the library's own filter has; ``None`` for any other."""
    return plan.logger if plan.factory is None else None


def _null(_: logging.Handler, arguments: dict[str, Any]) -> bool:
    return not arguments


def _stream(live: Any, arguments: dict[str, Any]) -> bool:  # noqa: ANN401 - the class that is the key
    wanted = arguments.pop("stream", External("sys.stderr"))
    if arguments or not isinstance(wanted, External):
        return False
    module, _, name = wanted.name.rpartition(".")
    return module == "sys" and live.stream is getattr(sys, name)


def _file(live: Any, arguments: dict[str, Any]) -> bool:  # noqa: ANN401 - the class that is the key
    arguments.pop("delay", None)
    mode = arguments.pop("mode", "a")
    # A file that was begun anew goes on being appended to.
    if mode != live.mode and not (mode in {"w", "x"} and live.mode == "a"):
        return False
    encoding = arguments.pop("encoding", None)
    return bool(
        os.path.abspath(arguments.pop("filename")) == live.baseFilename  # noqa: PTH100 - as the class does it
        and io.text_encoding(encoding) == live.encoding
        and arguments.pop("errors", None) == live.errors
        and not arguments
        and _is_at_its_path(live)
    )


def _rotating(live: Any, arguments: dict[str, Any]) -> bool:  # noqa: ANN401 - the class that is the key
    size = arguments.pop("maxBytes", 0)
    if size:
        arguments.pop("mode", None)
    count = arguments.pop("backupCount", 0)
    return (size, count) == (live.maxBytes, live.backupCount) and _file(live, arguments)


def _timed(live: Any, arguments: dict[str, Any]) -> bool:  # noqa: ANN401 - the class that is the key
    when = arguments.pop("when", "h").upper()
    interval_s = arguments.pop("interval", 1) * _UNIT_S["W" if when[0] == "W" else when]
    count, utc = arguments.pop("backupCount", 0), arguments.pop("utc", False)
    return (
        (when, interval_s, count, utc) == (live.when, live.interval, live.backupCount, live.utc)
        and arguments.pop("atTime", None) == live.atTime
        and _file(live, arguments)
    )


def _is_at_its_path(live: logging.FileHandler) -> bool:
    if live.stream is None:
        return True
    return os.path.samestat(os.fstat(live.stream.fileno()), os.stat(live.baseFilename))  # noqa: PTH116 - one call


_COMPARED: Final[Mapping[type, Callable[[Any, dict[str, Any]], bool]]] = {
    logging.NullHandler: _null,
    logging.StreamHandler: _stream,
    logging.FileHandler: _file,
    logging.handlers.RotatingFileHandler: _rotating,
    logging.handlers.TimedRotatingFileHandler: _timed,
}
