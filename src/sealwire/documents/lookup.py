"""A tree, indexed: what is asked about thousands of loggers is worked out once for each.

Rules this module keeps:

1. What a record meets is computed here as ``logging`` does it: `Logger.isEnabledFor`, then
   ``callHandlers`` up the parents as far as ``propagate`` says, each handler's level, each filter.
2. What cannot be known without a record is said and not guessed: a filter *may* hide one.
3. A logger that nobody has made inherits everything, as the next ``getLogger`` will make it.
4. Parents in a loop, which ``logging`` would follow for ever, lead nowhere here.

"Will emit" is a prediction: a handler that takes a record may still fail to write it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from sealwire.documents.states import (
    NOBODY,
    ROOT,
    Emission,
    HandlerState,
    Hidden,
    LoggerState,
)

if TYPE_CHECKING:
    from sealwire.documents.tree import Tree


class Lookup:
    """One tree, with what was worked out about it.

    Attributes:
        loggers: by name.
        handlers: by key.
        disable: as in the tree.
    """

    __slots__ = ("_governors", "_parents", "disable", "handlers", "loggers")

    def __init__(self, tree: Tree) -> None:
        """Index ``tree``."""
        self.loggers = tree.by_name()
        self.handlers: dict[str, HandlerState] = tree.by_key()
        self.disable = tree.disable
        self._parents = _other_parents(self.loggers)
        self._governors: dict[str, str] = {}

    def logger(self, name: str) -> LoggerState:
        """Give the logger of this name, made or not."""
        return self.loggers.get(name) or LoggerState(name)

    def above(self, name: str) -> str | None:
        """Give what is above a logger; ``None`` where there is nothing."""
        return _above(name, self._parents)

    def lineage(self, name: str) -> Iterator[str]:
        """Give a logger's name and those of everything above it, nearest first."""
        each: str | None = name
        while each is not None:
            yield each
            each = self.above(each)

    def level(self, name: str) -> int:
        """Give the level in force for a logger: its own, or the nearest one above (0 is none)."""
        return self.logger(self.governor(name)).level

    def governor(self, name: str) -> str:
        """Give the logger whose level is in force: itself, the nearest above, or the last one."""
        passed = []
        found = name
        for found in self.lineage(name):
            if found in self._governors:
                found = self._governors[found]  # noqa: PLW2901 - the last one is wanted
                break
            passed.append(found)
            if self.logger(found).level:
                break
        for each in passed:
            self._governors[each] = found
        return found

    def handlers_of(self, name: str) -> Iterator[tuple[LoggerState, str]]:
        """Give each handler a record of ``name`` meets, with the logger that has it."""
        for each in self.lineage(name):
            logger = self.logger(each)
            for key in logger.handlers:
                yield logger, key
            if not logger.propagate:
                return

    def emission(self, name: str, level: int) -> Emission:
        """Say which handlers will write a record of ``level`` that ``name`` is given."""
        stopped = self._stopped(self.logger(name), level)
        emitting: list[str] = []
        hidden: list[Hidden] = []
        for _, key in self.handlers_of(name):
            handler = self.handlers[key]
            if handler.level > level:
                hidden.append(Hidden(key, f"its level {handler.level}"))
            elif handler.filters:
                hidden.append(Hidden(key, f"its filter {handler.filters[0]}, perhaps"))
            elif not stopped:
                emitting.append(key)
        if not stopped and not emitting and not hidden:
            stopped = self._unreachable(name)
        return Emission(stopped, tuple(emitting), tuple(hidden))

    def _stopped(self, logger: LoggerState, level: int) -> str:
        if logger.disabled:
            return "the logger is disabled"
        if self.disable >= level:
            return f"logging.disable({self.disable})"
        effective = self.level(logger.name)
        if level < effective:
            return f"the logger's level {effective}"
        if logger.filters:
            return f"the logger's filter {logger.filters[0]}, perhaps"
        return ""

    def _unreachable(self, name: str) -> str:
        for each in self.lineage(name):
            if not self.logger(each).propagate:
                return f"no handler, and {each} does not propagate"
        return "no handler"


def _above(name: str, parents: Mapping[str, str | None]) -> str | None:
    if name in parents:
        return parents[name]
    return None if name == ROOT else name.rpartition(".")[0]


def _other_parents(loggers: Mapping[str, LoggerState]) -> dict[str, str | None]:
    """Give the parents that are not the nearest by name, without loops (rule 4)."""
    parents = {
        name: None if logger.parent == NOBODY else logger.parent
        for name, logger in loggers.items()
        if logger.parent is not None
    }
    settled: set[str] = set()
    for name in parents:
        way: dict[str, None] = {}
        each: str | None = name
        while each is not None and each not in settled and each not in way:
            way[each] = None
            each = _above(each, parents)
        if each in way:
            looped = list(way)
            for member in looped[looped.index(each) :]:
                if member in parents:
                    parents[member] = None
        settled.update(way)
    return parents
