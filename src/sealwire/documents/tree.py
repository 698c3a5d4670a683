"""A logging tree as a value: what was read of the process, or what it would be after a change.

Rules this module keeps:

1. A tree holds no object of ``logging``: it can be compared, kept, sent and judged, and nothing
   that happens to the process changes it.
2. What a record meets is computed as ``logging`` does it, by `Lookup`, which whoever has more than
   one question makes once.
3. A logger that is made changes what is above others, as ``getLogger`` does it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from sealwire.documents.lookup import Lookup
from sealwire.documents.states import (
    NO_LEVELS,
    NOBODY,
    NOTSET,
    ROOT,
    UNTOLD,
    Emission,
    FormatterState,
    HandlerState,
    Hidden,
    Levels,
    LoggerState,
    lineage,
    network_target,
)

__all__ = [
    "NOBODY",
    "NOTSET",
    "NO_LEVELS",
    "ROOT",
    "UNTOLD",
    "Emission",
    "FormatterState",
    "HandlerState",
    "Hidden",
    "Levels",
    "LoggerState",
    "Tree",
    "lineage",
    "make_loggers",
    "network_target",
]


class Tree(NamedTuple):
    """The loggers and handlers of a process.

    Attributes:
        loggers: sorted by name, so the root comes first; a name without a logger of its own has
            none here.
        handlers: sorted by key.
        disable: what ``logging.disable()`` was last told; records up to this level are dropped.
    """

    loggers: tuple[LoggerState, ...] = (LoggerState(ROOT, 30),)
    handlers: tuple[HandlerState, ...] = ()
    disable: int = NOTSET

    def logger(self, name: str) -> LoggerState:
        """Give the logger of this name; one that nobody has made yet inherits everything."""
        return self.by_name().get(name, LoggerState(name))

    def by_name(self) -> dict[str, LoggerState]:
        """Give the loggers by their names."""
        return {logger.name: logger for logger in self.loggers}

    def by_key(self) -> dict[str, HandlerState]:
        """Give the handlers by their keys."""
        return {handler.key: handler for handler in self.handlers}

    def reached(self, keys: Iterable[str]) -> frozenset[str]:
        """Give handlers and what they hand records on to, by key; `UNTOLD` where that is unsaid."""
        known, todo, found = self.by_key(), list(keys), set[str]()
        while todo:
            key = todo.pop()
            if key not in found:
                found.add(key)
                todo += known[key].behind if key in known else ()
        return frozenset(found)

    def leveled(self, loggers: Mapping[str, int], handlers: Mapping[str, int]) -> Tree:
        """Give the tree with these levels, of loggers by name and of handlers by key."""
        known = self.by_name()
        make_loggers(known, loggers)
        for name, level in loggers.items():
            known[name] = known[name]._replace(level=level)
        return self._replace(
            loggers=tuple(known[name] for name in sorted(known)),
            handlers=tuple(
                handler._replace(level=handlers.get(handler.key, handler.level))
                for handler in self.handlers
            ),
        )

    def effective_level(self, name: str) -> int:
        """Give the level in force for a logger: its own, or the nearest one above (0 is none)."""
        return Lookup(self).level(name)

    def way_of(self, name: str) -> Iterator[tuple[LoggerState, str]]:
        """Give each handler a record of ``name`` meets, with the logger that has it."""
        return Lookup(self).handlers_of(name)

    def emission(self, name: str, level: int) -> Emission:
        """Say which handlers will write a record of ``level`` that ``name`` is given."""
        return Lookup(self).emission(name, level)


def make_loggers(loggers: dict[str, LoggerState], names: Iterable[str]) -> None:
    """Make those of ``names`` that are not there, as ``getLogger`` does.

    It puts a new logger above those beneath it that are the next ones by name, also where code had
    given them another parent.

    Args:
        loggers: by name; changed.
        names: what is to be there.
    """
    moved = [logger.name for logger in loggers.values() if logger.parent is not None]
    for name in names:
        if name in loggers:
            continue
        loggers[name] = LoggerState(name)
        for child in moved:
            parent = loggers[child].parent
            above = next((each for each in lineage(child) if each in loggers and each != child), "")
            # The library compares the beginnings of names.
            if above == name and parent is not None and not parent.startswith(name):
                loggers[child] = loggers[child]._replace(parent=None)
