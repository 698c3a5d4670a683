"""A logging tree as a value: what was read of the process, or what it would be after a change.

Rules this module keeps:

1. A tree holds no object of ``logging``: it can be compared, kept, sent and judged, and nothing
   that happens to the process changes it.
2. What a record meets is computed here as ``logging`` does it: `Logger.isEnabledFor`, then
   ``callHandlers`` up the parents as far as ``propagate`` says, each handler's level, each filter.
3. What cannot be known without a record is said and not guessed: a filter *may* hide one.

"Will emit" is a prediction: a handler that takes a record may still fail to write it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

NOTSET = 0
NO_LEVELS: Mapping[str, int] = MappingProxyType({})
ROOT = ""
"""The root logger's name in a tree, as in `LoggingPlan`."""


class FormatterState(NamedTuple):
    """A formatter.

    Attributes:
        class_name: the dotted name of its class.
        format: its format string; ``None`` where the class has none that can be read.
        datefmt: the format of ``asctime``, or ``None``.
        style: ``%``, ``{`` or ``$``; ``""`` where it cannot be read.
    """

    class_name: str = "logging.Formatter"
    format: str | None = None
    datefmt: str | None = None
    style: str = "%"


class HandlerState(NamedTuple):
    """A handler that can be reached from a logger, or that a configuration made.

    Attributes:
        key: what it is called here, once in a tree: its name; without one its class and target,
            such as ``StreamHandler(stderr)``, and from the second one on with `` #2``.
        class_name: the dotted name of its class.
        level: the least level it passes.
        target: where it writes, in words: ``stderr``, a path, ``udp:localhost:514``; ``""`` where
            that cannot be told.
        formatter: how it writes, or ``None``.
        filters: its filters in words, in the order they are asked.
        named: whether it has a name of its own, by which a configuration can speak of it.
        foreign: whether code outside ``logging`` made it and no configuration did: pytest's,
            Sentry's, OpenTelemetry's. Changes leave those where they are.
    """

    key: str
    class_name: str
    level: int = NOTSET
    target: str = ""
    formatter: FormatterState | None = None
    filters: tuple[str, ...] = ()
    named: bool = True
    foreign: bool = False


class LoggerState(NamedTuple):
    """A logger.

    Attributes:
        name: the dotted name; ``""`` for the root.
        level: its own level; 0 inherits.
        handlers: keys of handlers of the tree, in the order they are called.
        filters: its filters in words, in the order they are asked.
        propagate: whether records go on to the parent.
        disabled: whether it drops everything.
    """

    name: str
    level: int = NOTSET
    handlers: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    propagate: bool = True
    disabled: bool = False


class Hidden(NamedTuple):
    """Why records of a logger do not come out of one handler: the handler's key, and by what."""

    handler: str
    by: str


class Levels(NamedTuple):
    """Levels to set, of loggers by name and of handlers by their key."""

    loggers: Mapping[str, int] = NO_LEVELS
    handlers: Mapping[str, int] = NO_LEVELS


class Emission(NamedTuple):
    """What becomes of the records of one logger at one level.

    Attributes:
        stopped: why no handler is asked at all; ``""`` where some are.
        emitting: keys of the handlers that will write them.
        hidden: the handlers that are asked and will not, or may not.
    """

    stopped: str
    emitting: tuple[str, ...]
    hidden: tuple[Hidden, ...]


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

    def leveled(self, loggers: Mapping[str, int], handlers: Mapping[str, int]) -> Tree:
        """Give the tree with these levels, of loggers by name and of handlers by key."""
        known = self.by_name()
        for name, level in loggers.items():
            known[name] = self.logger(name)._replace(level=level)
        return self._replace(
            loggers=tuple(known[name] for name in sorted(known)),
            handlers=tuple(
                handler._replace(level=handlers.get(handler.key, handler.level))
                for handler in self.handlers
            ),
        )

    def effective_level(self, name: str) -> int:
        """Give the level in force for a logger: its own, or the nearest one above (0 is none)."""
        known = self.by_name()
        for each in lineage(name):
            level = known[each].level if each in known else NOTSET
            if level:
                return level
        return NOTSET

    def way_of(self, name: str) -> Iterator[tuple[LoggerState, str]]:
        """Give each handler a record of ``name`` meets, with the logger that has it."""
        known = self.by_name()
        for each in lineage(name):
            logger = known.get(each)
            if logger is None:
                continue
            for key in logger.handlers:
                yield logger, key
            if not logger.propagate:
                return

    def emission(self, name: str, level: int) -> Emission:
        """Say which handlers will write a record of ``level`` that ``name`` is given."""
        logger = self.logger(name)
        stopped = self._stopped(logger, level)
        handlers = self.by_key()
        emitting: list[str] = []
        hidden: list[Hidden] = []
        for _, key in self.way_of(name):
            handler = handlers[key]
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
        effective = self.effective_level(logger.name)
        if level < effective:
            return f"the logger's level {effective}"
        if logger.filters:
            return f"the logger's filter {logger.filters[0]}, perhaps"
        return ""

    def _unreachable(self, name: str) -> str:
        known = self.by_name()
        for each in lineage(name):
            if each in known and not known[each].propagate:
                return f"no handler, and {each} does not propagate"
        return "no handler"


def lineage(name: str) -> Iterator[str]:
    """Give a logger's name and those of everything above it, nearest first, the root last."""
    while name:
        yield name
        name = name.rpartition(".")[0]
    yield ROOT
