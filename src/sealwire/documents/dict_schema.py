"""From a ``dictConfig`` document to a `LoggingPlan`: the whole of schema version 1, and no more.

Rules this module keeps (the library's "Configuration dictionary schema", version 1):

1. Nothing is imported, resolved or built here; a class is a dotted name and stays one.
2. Every key is known and every value has its type. The library ignores what it does not know, so a
   misspelt ``"propogate"`` would silently change nothing.
3. Every reference is resolved: a plan cannot fail for a name that is missing. An incremental
   document refers to handlers of the running process, which only the process can look up.
4. Factories (``()``) make formatters, filters, handlers, queues and listeners; attributes (``.``)
   are set where the library sets them. ``ext://`` is an argument and nothing else. What ``cfg://``
   points to is put in its place first: see `references`.
5. One meaning has one plan: the root logger under any of its three names, a level by its name or
   its number, a key that is null or missing.
"""

from __future__ import annotations

from collections.abc import Collection

from sealwire.documents.argument_schema import read_arguments, read_attributes, read_factory
from sealwire.documents.formatter_schema import read_formatters
from sealwire.documents.handler_schema import check_targets, read_handlers
from sealwire.documents.plan import FilterPlan, LoggerPlan, LoggingPlan
from sealwire.documents.reading import (
    place,
    read_flag,
    read_level,
    read_name,
    read_references,
    read_section,
    refuse,
)
from sealwire.documents.references import follow
from sealwire.documents.strict_json import JsonValue, read_json
from sealwire.errors import shorten

SCHEMA_VERSION = 1

_KEYS = (
    "version",
    "incremental",
    "disable_existing_loggers",
    "formatters",
    "filters",
    "handlers",
    "loggers",
    "root",
)
_LOGGER_KEYS = ("level", "propagate", "handlers", "filters")
_INCREMENTAL_LOGGER_KEYS = ("level", "propagate")

# getLogger() gives the root logger for both.
_ROOT_NAMES = ("", "root")


def read_plan(document: bytes) -> LoggingPlan:
    """Read an ``application/json`` document.

    Args:
        document: the document as sealed, at most 256 KiB.

    Returns:
        The plan. ``dictConfig(plan.to_dict())`` finds every name and every type as it needs
        them; whether classes, externals and files are there, only the process can tell.

    Raises:
        MalformedError: with ``DOCUMENT_MALFORMED`` for what is not strict JSON, with
            ``DOCUMENT_INVALID`` for what is no configuration. The detail starts with the place,
            such as ``handlers.console.level``.
    """
    return plan_from(read_json(document))


def plan_from(document: dict[str, JsonValue]) -> LoggingPlan:
    """Read a dictionary that `read_json` gave.

    Raises:
        MalformedError: with ``DOCUMENT_INVALID``, as `read_plan` does.
    """
    # First, because a document of another version may well have other keys.
    _check_version(document)
    return read_schema(follow(document))


def read_schema(document: dict[str, JsonValue]) -> LoggingPlan:
    """Read a dictionary without ``cfg://``, such as one translated from another language.

    Raises:
        MalformedError: with ``DOCUMENT_INVALID``, as `read_plan` does.
    """
    _check_version(document)
    read_section(document, "", _KEYS)
    incremental = _flag(document, "incremental")
    disable = _flag(document, "disable_existing_loggers")
    if incremental:
        for key in ("formatters", "filters"):
            if key in document:
                refuse(key, "an incremental configuration has none")
        if disable:
            refuse("disable_existing_loggers", "an incremental configuration disables none")
    formatters = read_formatters(_entries(document, "formatters"))
    filters = tuple(_read_filter(name, value) for name, value in _entries(document, "filters"))
    filter_names = frozenset(each.name for each in filters)
    handlers = read_handlers(
        _entries(document, "handlers"),
        formatters=frozenset(each.name for each in formatters),
        filters=filter_names,
        incremental=incremental,
    )
    check_targets(handlers)
    handler_names = frozenset(each.name for each in handlers)
    loggers, root = _read_loggers(
        document, handlers=handler_names, filters=filter_names, incremental=incremental
    )
    return LoggingPlan(
        formatters=formatters,
        filters=filters,
        handlers=handlers,
        loggers=loggers,
        root=root,
        incremental=incremental,
        disable_existing_loggers=disable,
    )


def _check_version(document: dict[str, JsonValue]) -> None:
    if "version" not in document:
        refuse("version", "is missing; it has to be 1")
    version = document["version"]
    if isinstance(version, bool) or version != SCHEMA_VERSION:
        refuse("version", f"is {shorten(version)}; only version 1 of the schema exists")


def _entries(document: dict[str, JsonValue], key: str) -> list[tuple[str, JsonValue]]:
    """Give the entries of one section, sorted by name; an absent section has none."""
    section = read_section(document.get(key, {}), key, None)
    return sorted(section.items(), key=lambda entry: entry[0])


def _flag(document: dict[str, JsonValue], key: str) -> bool:
    value = document.get(key)
    return False if value is None else read_flag(value, key)


def _read_filter(name: str, value: JsonValue) -> FilterPlan:
    where = place("filters", read_name(name, "filters"))
    section = read_section(value, where, None, custom=True)
    factory = read_factory(section, where)
    if factory is not None:
        return FilterPlan(
            name,
            factory=factory,
            arguments=read_arguments(section, where, without=("class",)),
            attributes=read_attributes(section, where),
        )
    logger = read_section(value, where, ("name",)).get("name")
    # An empty name is a filter that passes everything, and the library's own default.
    if logger is None or logger == "":
        return FilterPlan(name)
    return FilterPlan(name, read_name(logger, f"{where}.name"))


def _read_loggers(
    document: dict[str, JsonValue],
    *,
    handlers: Collection[str],
    filters: Collection[str],
    incremental: bool,
) -> tuple[tuple[LoggerPlan, ...], LoggerPlan | None]:
    """Read ``loggers`` and ``root``; the root logger may stand under ``""`` or ``root`` as well."""
    places: list[tuple[str, str, JsonValue]] = []
    for name, value in _entries(document, "loggers"):
        if name in _ROOT_NAMES:
            places.append(("", place("loggers", name), value))
        else:
            places.append((name, place("loggers", read_name(name, "loggers")), value))
    # The library does nothing at all for an empty "root", unlike for an empty logger.
    if document.get("root", {}) != {}:
        places.append(("", "root", document["root"]))
    loggers: list[LoggerPlan] = []
    root: LoggerPlan | None = None
    for name, where, value in places:
        plan = _read_logger(name, where, value, handlers, filters, incremental=incremental)
        if name:
            loggers.append(plan)
        elif root is None:
            root = plan
        else:
            refuse(where, "is the root logger, which stands in this document already")
    if incremental and root == LoggerPlan(""):
        # It changes nothing, and is written as the empty object that means no root at all.
        root = None
    return tuple(loggers), root


def _read_logger(
    name: str,
    where: str,
    value: JsonValue,
    handlers: Collection[str],
    filters: Collection[str],
    *,
    incremental: bool,
) -> LoggerPlan:
    section = read_section(value, where, _LOGGER_KEYS)
    if incremental:
        read_section(value, where, _INCREMENTAL_LOGGER_KEYS)
    level = section.get("level")
    propagate = section.get("propagate")
    if propagate is not None:
        propagate = read_flag(propagate, f"{where}.propagate")
    return LoggerPlan(
        name=name,
        level=None if level is None else read_level(level, f"{where}.level"),
        handlers=_references(section, "handlers", where, handlers),
        filters=_references(section, "filters", where, filters),
        # The root logger has no parent, so that one plan serves with or without the word.
        propagate=propagate if name else None,
    )


def _references(
    section: dict[str, JsonValue], key: str, where: str, known: Collection[str]
) -> tuple[str, ...]:
    value = section.get(key)
    return () if value is None else read_references(value, f"{where}.{key}", known)
