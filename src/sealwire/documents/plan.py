"""A logging configuration as a value: what policy judges, what is applied, what is recorded.

Rules this module keeps:

1. A plan holds tuples and scalars only, so it cannot change between the moment policy has judged
   it and the moment it is applied.
2. `LoggingPlan.to_dict` is the only way back to a dictionary; nobody hands the text on.
3. Equal configurations have equal plans: names are sorted, levels are numbers, what says nothing
   is left out. Reading `LoggingPlan.canonical` gives the same plan again.
4. A string is never an external: what ``ext://`` named is `External`, and no other string that
   ``dictConfig`` would resolve can stand in a plan that `dict_schema` has read. What ``cfg://``
   pointed to stands in its place.
5. What is made by a class and what is made by a factory are told apart: a part has one of the two.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from sealwire.documents.formats import Style
from sealwire.documents.strict_json import JsonValue, canonical_json
from sealwire.documents.values import (
    ATTRIBUTES_KEY,
    EXTERNAL_PREFIX,
    FACTORY_KEY,
    Argument,
    Arguments,
    Attributes,
    External,
    Factory,
    QueuePlan,
    Scalar,
    json_of,
)
from sealwire.stages import Digest

__all__ = [
    "DEFAULT_STYLE",
    "EXTERNAL_PREFIX",
    "Argument",
    "Arguments",
    "Attributes",
    "External",
    "Factory",
    "FilterPlan",
    "FormatterPlan",
    "HandlerPlan",
    "LoggerPlan",
    "LoggingPlan",
    "QueuePlan",
    "Scalar",
]

DEFAULT_STYLE: Style = "%"


class FormatterPlan(NamedTuple):
    """A formatter.

    Attributes:
        name: what handlers call it.
        format: the format string; ``None`` for the class's own.
        datefmt: the format of ``asctime``, for ``strftime``; ``None`` for the class's own.
        style: ``%``, ``{`` or ``$``.
        validate: whether the class checks ``format`` when it is built.
        class_name: the dotted name of the class; ``None`` for ``logging.Formatter``.
        defaults: values for fields that a record lacks, sorted by name. ``dictConfig`` knows
            them from Python 3.12 on.
        factory: the dotted name of what makes the formatter, in place of a class. Then all that is
            told it is in ``arguments`` and ``defaults``, formats included, because only what is
            written down is passed to it.
        arguments: keyword arguments of the factory, sorted by name.
        attributes: what is set on what the factory made, sorted by name.
    """

    name: str
    format: str | None = None
    datefmt: str | None = None
    style: Style = DEFAULT_STYLE
    validate: bool = True
    class_name: str | None = None
    defaults: tuple[tuple[str, Scalar], ...] = ()
    factory: str | None = None
    arguments: Arguments = ()
    attributes: Attributes = ()


class FilterPlan(NamedTuple):
    """A filter.

    Attributes:
        name: what handlers and loggers call it.
        logger: it passes the records of this logger and of those beneath it; ``""`` passes all.
        factory: the dotted name of what makes the filter, in place of the library's class.
        arguments: keyword arguments of the factory, sorted by name.
        attributes: what is set on what the factory made, sorted by name.
    """

    name: str
    logger: str = ""
    factory: str | None = None
    arguments: Arguments = ()
    attributes: Attributes = ()


class HandlerPlan(NamedTuple):
    """A handler.

    Attributes:
        name: what loggers call it.
        class_name: the dotted name of the class; ``None`` where a factory makes the handler, and in
            an incremental plan, which names handlers that exist.
        level: the least level it passes; ``None`` leaves it as the class, or the process, has it.
        formatter: the name of a formatter of the plan, or ``None``.
        filters: names of filters of the plan, in the order they are asked.
        arguments: keyword arguments of the class or the factory, sorted by name.
        factory: the dotted name of what makes the handler, in place of a class.
        attributes: what is set on the handler when it is made, sorted by name.
        queue: what stands behind it, if it is a queue handler.
    """

    name: str
    class_name: str | None = None
    level: int | None = None
    formatter: str | None = None
    filters: tuple[str, ...] = ()
    arguments: Arguments = ()
    factory: str | None = None
    attributes: Attributes = ()
    queue: QueuePlan | None = None


class LoggerPlan(NamedTuple):
    """A logger, or the root logger.

    Attributes:
        name: the dotted name; ``""`` for the root.
        level: its own level, 0 to inherit; ``None`` leaves it as it is.
        handlers: names of handlers of the plan, in the order they are called. Those it had go.
        filters: names of filters of the plan, in the order they are asked.
        propagate: whether records go on to the parent; ``None`` leaves it as it is.
    """

    name: str
    level: int | None = None
    handlers: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    propagate: bool | None = None


class LoggingPlan(NamedTuple):
    """A whole configuration, as ``dictConfig`` understands version 1 of its schema.

    Two plans are the same configuration when their digests are equal. Python counts ``1`` and
    ``True`` as equal, so ``==`` on plans is a little wider than that.

    Attributes:
        formatters: sorted by name, as are the next three.
        filters: see above.
        handlers: see above.
        loggers: all but the root.
        root: ``None`` leaves the root logger as it is.
        incremental: change levels and ``propagate`` of what exists, and nothing else.
        disable_existing_loggers: silence the loggers that exist and are not named here. Unlike
            in the standard library it is off unless asked for.
    """

    formatters: tuple[FormatterPlan, ...] = ()
    filters: tuple[FilterPlan, ...] = ()
    handlers: tuple[HandlerPlan, ...] = ()
    loggers: tuple[LoggerPlan, ...] = ()
    root: LoggerPlan | None = None
    incremental: bool = False
    disable_existing_loggers: bool = False

    def to_dict(self) -> dict[str, JsonValue]:
        """Give a new dictionary for ``logging.config.dictConfig``, which may take it apart."""
        document: dict[str, JsonValue] = {
            "version": 1,
            "incremental": self.incremental,
            # Said always, because the library takes silence for yes.
            "disable_existing_loggers": self.disable_existing_loggers,
            "handlers": {handler.name: _handler(handler) for handler in self.handlers},
            "loggers": {logger.name: self._logger(logger) for logger in self.loggers},
        }
        if not self.incremental:
            document["formatters"] = {each.name: _formatter(each) for each in self.formatters}
            document["filters"] = {each.name: _filter(each) for each in self.filters}
        if self.root is not None:
            document["root"] = self._logger(self.root)
        return document

    def canonical(self) -> bytes:
        """Give the plan as one line of canonical JSON, which ``dictConfig`` accepts as well."""
        return canonical_json(self.to_dict())

    def digest(self) -> Digest:
        """Give SHA-256 of the canonical form."""
        return Digest(hashlib.sha256(self.canonical()).digest())

    def _logger(self, logger: LoggerPlan) -> dict[str, JsonValue]:
        entries = _level(logger.level)
        if logger.propagate is not None:
            entries["propagate"] = logger.propagate
        if not self.incremental:
            # An empty list too: the library skips an empty "root" altogether, and would leave
            # the root logger with handlers that it has closed.
            entries["handlers"] = list(logger.handlers)
            entries["filters"] = list(logger.filters)
        return entries


def _formatter(formatter: FormatterPlan) -> dict[str, JsonValue]:
    entries = _made(formatter)
    if formatter.class_name is not None:
        entries["class"] = formatter.class_name
    if formatter.format is not None:
        entries["format"] = formatter.format
    if formatter.datefmt is not None:
        entries["datefmt"] = formatter.datefmt
    if formatter.style != DEFAULT_STYLE:
        entries["style"] = formatter.style
    # Where it says nothing new it is left out, because a third party's class may not know it.
    if not formatter.validate:
        entries["validate"] = False
    if formatter.defaults:
        entries["defaults"] = dict(formatter.defaults)
    return entries


def _filter(plan: FilterPlan) -> dict[str, JsonValue]:
    return {"name": plan.logger} if plan.factory is None else _made(plan)


def _handler(handler: HandlerPlan) -> dict[str, JsonValue]:
    entries = _made(handler) | _level(handler.level)
    if handler.class_name is not None:
        entries["class"] = handler.class_name
    if handler.formatter is not None:
        entries["formatter"] = handler.formatter
    if handler.filters:
        entries["filters"] = list(handler.filters)
    if handler.queue is not None:
        entries |= handler.queue.to_json()
    return entries


def _made(part: FormatterPlan | FilterPlan | HandlerPlan) -> dict[str, JsonValue]:
    """Give what any part may say: its factory, its arguments, its attributes."""
    entries = json_of(part.arguments)
    if part.factory is not None:
        entries[FACTORY_KEY] = part.factory
    if part.attributes:
        entries[ATTRIBUTES_KEY] = json_of(part.attributes)
    return entries


def _level(level: int | None) -> dict[str, JsonValue]:
    if level is None:
        return {}
    # A number means the same whatever names the application has given to levels. Zero goes by
    # its name, because an incremental configuration takes the number for "no level given".
    return {"level": level or "NOTSET"}
