"""How logging is arranged: the objects of the tree and their values, at one moment or to be.

Rules this module keeps:

1. An arrangement holds the objects themselves, so that going back gives the same handlers with the
   same open files, and not others that look alike.
2. Lists are replaced and never changed: a writer may be going through the old one.
3. `Arrangement.restore` puts back everything, for a change that failed. What undoes a change that
   stood for a while is in `wayback`.
4. Whatever goes back goes on at an object that does not let itself be set, and says so at the end.
5. Everything here is done with logging's lock held, by whoever calls.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, NamedTuple

from sealwire.documents.tree import ROOT
from sealwire.logtree.internals import (
    clear_level_caches,
    give_name,
    named_handlers,
    put_by_force,
    unname,
)
from sealwire.logtree.making import make

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

MADE_BY: Final = "_sealwire_made_by"
"""The attribute that says of a handler by which definition we have made it."""


class LoggerPart(NamedTuple):
    """What a logger has of its own; the lists are not to be changed."""

    level: int = logging.NOTSET
    propagate: bool = True
    disabled: bool = False
    handlers: list[logging.Handler] = []  # noqa: RUF012 - the default of a value that nobody changes
    filters: list[logging._FilterType] = []  # noqa: RUF012 - the same


class HandlerPart(NamedTuple):
    """What a handler has of its own, apart from how it was made; the list is not to be changed."""

    level: int
    formatter: logging.Formatter | None
    filters: list[logging._FilterType]


class Wanted(NamedTuple):
    """What is to be different.

    Attributes:
        loggers: by name, those that change; one that is not there is made.
        names: the handlers that have a name afterwards, all of them.
        handlers: those that stay and have something else of their own.
        stay: handlers that stay whether a logger has them or not.
    """

    loggers: Mapping[str, LoggerPart]
    names: Mapping[str, logging.Handler]
    handlers: list[tuple[logging.Handler, HandlerPart]]
    stay: Iterable[logging.Handler]

    def put(self) -> None:
        """Make it so; the caches of levels are the caller's affair."""
        for name, part in self.loggers.items():
            logger = make(name)
            logger.level, logger.propagate, logger.disabled = part[:3]
            # Lists of its own: whoever adds to them is not to change a part that others use.
            logger.handlers, logger.filters = [*part.handlers], [*part.filters]
        self._put_names()
        for handler, own in self.handlers:
            handler.level, handler.formatter, handler.filters = own

    def put_by_force(self) -> list[str]:
        """Make it so to go back; give the places that do not let themselves be set."""
        refused: list[str] = []
        for name, part in self.loggers.items():
            lists = {"handlers": [*part.handlers], "filters": [*part.filters]}
            found = put_by_force(make(name), **{**part._asdict(), **lists})
            refused += _places(f"loggers.{name}" if name else "root", found)
        self._put_names(by_hand=True)
        for handler, own in self.handlers:
            refused += _places(_word_for(handler), put_by_force(handler, **own._asdict()))
        return refused

    def _put_names(self, *, by_hand: bool = False) -> None:
        """Give names; ``by_hand`` without the handlers' own ``set_name``, which could fail."""
        names = named_handlers()
        for name, handler in list(names.items()):
            if self.names.get(name) is not handler:
                unname(handler)
        for name, handler in self.names.items():
            if names.get(name) is handler:
                continue
            if by_hand:
                give_name(handler, name)
            else:
                handler.name = name

    def leaving(self) -> list[logging.Handler]:
        """Give the handlers that nobody uses any more when it is so."""
        had: list[logging.Handler] = []
        stay = list(self.stay)
        for name, logger in live_loggers():
            had += logger.handlers
            part = self.loggers.get(name)
            stay += logger.handlers if part is None else part.handlers
        # By identity, because a class of the host may say what it is equal to.
        leaving = {id(handler): handler for handler in reachable(had)}
        # One that no logger leads to may be at work all the same, behind a listener of a queue;
        # those that we have made are known not to be.
        for handler in named_handlers().values():
            if MADE_BY in vars(handler):
                leaving[id(handler)] = handler
        for handler in reachable(stay):
            leaving.pop(id(handler), None)
        return list(leaving.values())


class Arrangement:
    """Everything as it is at one moment."""

    __slots__ = ("_known", "_places", "handlers", "loggers", "names")

    def __init__(self) -> None:
        """Take it down."""
        self._known = dict(logging.root.manager.loggerDict)
        self._places = [
            (place, dict(place.loggerMap))
            for place in self._known.values()
            if isinstance(place, logging.PlaceHolder)
        ]
        self.names = dict(named_handlers())
        self.loggers = {
            name: (logger, logger.parent, part_of(logger)) for name, logger in live_loggers()
        }
        handlers = {id(handler): handler for handler in self.names.values()}
        for _, _, part in self.loggers.values():
            for handler in part.handlers:
                handlers[id(handler)] = handler
        self.handlers = [
            (handler, HandlerPart(handler.level, handler.formatter, handler.filters))
            for handler in handlers.values()
        ]

    def restore(self) -> list[str]:
        """Put everything back (rule 3); give the places that do not let themselves be set."""
        refused: list[str] = []
        known = logging.root.manager.loggerDict
        known.clear()
        known.update(self._known)
        for name, (logger, parent, part) in self.loggers.items():
            found = put_by_force(logger, **part._asdict(), parent=parent)
            refused += _places(f"loggers.{name}" if name else "root", found)
        for place, loggers in self._places:
            place.loggerMap = loggers
        for handler in list(named_handlers().values()):
            unname(handler)
        for name, handler in self.names.items():
            # Without `set_name`, which a class of the host may have made its own.
            give_name(handler, name)
        for handler, own in self.handlers:
            refused += _places(_word_for(handler), put_by_force(handler, **own._asdict()))
        clear_level_caches()
        return refused

    def detach(self) -> Arrangement:
        """Keep copies of lists from now on, because their loggers and handlers go on using them."""
        for name, (logger, parent, part) in self.loggers.items():
            kept = part._replace(handlers=[*part.handlers], filters=[*part.filters])
            self.loggers[name] = logger, parent, kept
        self.handlers = [
            (handler, part._replace(filters=[*part.filters])) for handler, part in self.handlers
        ]
        return self

    def remember(self, earlier: Arrangement, wanted: Arrangement) -> None:
        """Add the handlers of ``wanted`` that were there earlier, with what they had then."""
        here = {id(handler) for handler, _ in self.handlers}
        missing = {id(handler) for handler, _ in wanted.handlers} - here
        self.handlers += [each for each in earlier.handlers if id(each[0]) in missing]

    def parts(self) -> dict[str, LoggerPart]:
        """Give the loggers' parts by name."""
        return {name: part for name, (_, _, part) in self.loggers.items()}


def _word_for(handler: logging.Handler) -> str:
    return f"handlers.{vars(handler).get('_name') or type(handler).__name__}"


def _places(where: str, attributes: Iterable[str]) -> Iterator[str]:
    return (f"{where}.{attribute}" for attribute in attributes)


def part_of(logger: logging.Logger) -> LoggerPart:
    """Give what a logger has of its own."""
    return LoggerPart(
        logger.level, logger.propagate, logger.disabled, logger.handlers, logger.filters
    )


def handler_part(handler: logging.Handler) -> HandlerPart:
    """Give what a handler has of its own."""
    return HandlerPart(handler.level, handler.formatter, handler.filters)


def live_loggers() -> Iterator[tuple[str, logging.Logger]]:
    """Give the root logger, and every other one there is, by name."""
    yield ROOT, logging.root
    # A copy, because another thread may be making a logger at this moment.
    for name, logger in logging.root.manager.loggerDict.copy().items():
        if isinstance(logger, logging.Logger):
            yield name, logger


def reachable(handlers: Iterable[logging.Handler]) -> Iterator[logging.Handler]:
    """Give handlers, and those that they hand records on to."""
    todo, seen = list(handlers), set[int]()
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
