"""Floors: what no message may lower, whoever signed it.

Rules this module keeps:

1. What is judged is the tree as it would be, and never the words of a request: so it does not
   matter by which of the many ways a record would get lost.
2. A floor is for a logger and for everything beneath it, made or not: what a child hides is gone.
3. A record from the floor's level on is kept when the logger lets it pass (level, ``disabled``,
   ``logging.disable``, filters), when it meets the handlers named (``propagate`` of everything in
   between, handlers attached), and when these let it pass and write it where and how they did.
4. What the application itself has broken is no reason to refuse a change, unless the change makes
   it worse. Where a value is required, staying as far off as before is allowed, and a step further
   away is not; where a thing has to stay, it is compared with what it was.
5. Going back is not judged here or anywhere else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from sealwire.documents.plan import LoggingPlan
from sealwire.documents.reading import place
from sealwire.documents.tree import Tree
from sealwire.errors import ConfigurationError, shorten
from sealwire.policy.handler_floors import HandlerFloor
from sealwire.policy.loggers import written
from sealwire.policy.objection import Objection, Sources, source_of
from sealwire.policy.seen import Seen, made_in

GAP = "floor-gap"
"""The name of what a floor protects and is not there; nothing is refused for it."""


@dataclass(frozen=True, slots=True)
class LoggerFloor:
    """A protected logger.

    Attributes:
        logger: its name; ``""`` for the root.
        level: records from this level on are kept.
        handlers: keys of the handlers that all of them reach.
        propagate: what its ``propagate`` has to be; ``None`` for what it was.
        sources: where each of these is written.

    Raises:
        ConfigurationError: no handlers, which would keep nothing.
    """

    logger: str
    level: int
    handlers: tuple[str, ...]
    propagate: bool | None = None
    sources: Sources = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check that there is something to keep."""
        if not self.handlers:
            raise ConfigurationError(
                "a floor without handlers keeps no record; name the ones that records have to "
                'reach: handlers = ["audit"]'
            )

    def judge(self, was: Seen, now: Seen) -> Iterator[Objection]:
        """Object to every logger, this one and beneath, whose records would be kept less."""
        if now.disable >= self.level and now.disable > was.disable:
            detail = f"logging.disable({now.disable}) drops records of level {self.level}"
            yield self._objection("floor-disable", "logging.disable", detail, "level")
        for name in made_in((was, now), self.logger):
            yield from self._passes(name, was, now)
            yield from self._reaches(name, was, now)
        before, after = was.logger(self.logger).propagate, now.logger(self.logger).propagate
        wanted = before if self.propagate is None else self.propagate
        if after not in {before, wanted}:
            where = self._place(self.logger, "propagate")
            detail = f"would be {str(after).lower()}, and has to stay {str(before).lower()}"
            yield self._objection("floor-propagate", where, detail, "propagate")

    def _passes(self, name: str, was: Seen, now: Seen) -> Iterator[Objection]:
        before, after = was.logger(name), now.logger(name)
        level = now.level(name)
        if level > max(self.level, was.level(name)):
            detail = f"the level in force would be {level}; {self.level} is the highest allowed"
            yield self._objection("floor-level", self._place(name, "level"), detail, "level")
        if after.disabled and not before.disabled:
            where = self._place(name, "disabled")
            yield self._objection("floor-disabled", where, "the logger would be disabled", "")
        if after.filters != before.filters:
            where = self._place(name, "filters")
            detail = "the filters of a protected logger stay as they are"
            yield self._objection("floor-filters", where, detail, "")

    def _reaches(self, name: str, was: Seen, now: Seen) -> Iterator[Objection]:
        for key in self.handlers:
            if key in was.way(name) and key not in now.way(name):
                where = self._place(name, "handlers")
                detail = f"its records would no longer reach the handler {shorten(key)}"
                yield self._objection("floor-reach", where, detail, "handlers")

    def _place(self, name: str, key: str) -> str:
        return place("loggers", written(name), key)

    def _objection(self, rule: str, where: str, detail: str, key: str) -> Objection:
        return Objection(rule, where, detail, source_of(self.sources, key))


@dataclass(frozen=True, slots=True)
class Floors:
    """All floors of a policy.

    Attributes:
        loggers: protected loggers.
        handlers: protected handlers; those that a logger's floor names are protected as well.

    Raises:
        ConfigurationError: two floors are for one logger or one handler.
    """

    loggers: tuple[LoggerFloor, ...] = ()
    handlers: tuple[HandlerFloor, ...] = ()

    def __post_init__(self) -> None:
        """Check that nothing stands here twice."""
        loggers = [floor.logger for floor in self.loggers]
        handlers = [floor.key for floor in self.handlers]
        if len(set(loggers)) != len(loggers) or len(set(handlers)) != len(handlers):
            raise ConfigurationError("two floors are for one logger or handler; write one")

    def plan(self, plan: LoggingPlan) -> Iterator[Objection]:
        """Object to handlers that a request defines in place of protected ones.

        A tree shows where a handler writes and not how it was made: a buffer of 10,000 records, or
        two files of 64 KiB that rotate, would look like what was there.
        """
        if plan.incremental or not (self.loggers or self.handlers):
            return
        kept = self.kept()
        for handler in plan.handlers:
            if handler.name in kept:
                yield from kept[handler.name].defined(handler)

    def tree(self, before: Tree, after: Tree) -> Iterator[Objection]:
        """Object to what ``after`` keeps less than ``before`` and than the floors ask for."""
        if not (self.loggers or self.handlers):
            return
        was, now = Seen(before), Seen(after)
        for floor in self.loggers:
            yield from floor.judge(was, now)
        kept = self.kept()
        for handler in kept.values():
            yield from handler.judge(was, now)
            yield from handler.neighbours(was, now)

    def gaps(self, tree: Tree) -> Iterator[Objection]:
        """Name what is protected and not there, so that a floor that keeps nothing is seen.

        A floor judges changes against what was before. What the application never had, no change
        takes away.
        """
        if not (self.loggers or self.handlers):
            return
        now = Seen(tree)
        there = ", ".join(map(shorten, sorted(now.handlers))) or "none"
        for floor in self.loggers:
            where = place("loggers", written(floor.logger))
            for key in floor.handlers:
                if key not in now.way(floor.logger):
                    detail = f"no handler {shorten(key)} gets its records; handlers here: {there}"
                    yield Objection(GAP, where, detail, source_of(floor.sources, "handlers"))
            if (level := now.level(floor.logger)) > floor.level:
                detail = f"the level in force is {level} and not {floor.level} or lower"
                yield Objection(GAP, where, detail, source_of(floor.sources, "level"))
        attached = {key for logger in tree.loggers for key in logger.handlers}
        for kept in self.handlers:
            if kept.key not in attached:
                detail = f"no logger has such a handler; handlers here: {there}"
                where = place("handlers", kept.key)
                yield Objection(GAP, where, detail, source_of(kept.sources, ""))

    def kept(self) -> Mapping[str, HandlerFloor]:
        """Give every protected handler with the lowest level that is asked of it."""
        kept = {floor.key: floor for floor in self.handlers}
        for floor in self.loggers:
            sources = {
                "": source_of(floor.sources, "handlers"),
                "level": source_of(floor.sources, "level"),
            }
            for key in floor.handlers:
                known = kept.get(key)
                if known is None:
                    kept[key] = HandlerFloor(key, level=floor.level, sources=sources)
                elif known.level is None or floor.level < known.level:
                    both = {**known.sources, "level": sources["level"]}
                    kept[key] = replace(known, level=floor.level, sources=both)
        return kept


NO_FLOORS = Floors()
"""What is protected where nobody has said anything: nothing."""
