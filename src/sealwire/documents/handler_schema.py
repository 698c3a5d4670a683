"""The ``handlers`` section of a ``dictConfig`` document.

Rules this module keeps (see `dict_schema` for the whole):

1. What a memory or a queue handler passes its records to is a handler of the same plan that passes
   them to no other: the library cannot build most chains of them, and fails after it has closed
   every handler. So there are no circles either.
2. A key that is null is one that is missing, but for arguments.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sealwire.documents.argument_schema import (
    argument_place,
    read_argument,
    read_arguments,
    read_attributes,
    read_factory,
)
from sealwire.documents.plan import Argument, HandlerPlan
from sealwire.documents.queue_schema import QUEUE_KEYS, read_queue
from sealwire.documents.reading import (
    place,
    read_dotted_name,
    read_level,
    read_name,
    read_reference,
    read_references,
    read_section,
    refuse,
)
from sealwire.documents.strict_json import JsonValue
from sealwire.documents.values import ATTRIBUTES_KEY, FACTORY_KEY
from sealwire.errors import shorten

MEMORY_HANDLER = "logging.handlers.MemoryHandler"

OWN_KEYS = ("class", "level", "formatter", "filters")
_NO_ARGUMENTS = frozenset({*OWN_KEYS, *QUEUE_KEYS, FACTORY_KEY, ATTRIBUTES_KEY})


def read_handlers(
    entries: Iterable[tuple[str, JsonValue]],
    *,
    formatters: Collection[str],
    filters: Collection[str],
    incremental: bool,
) -> tuple[HandlerPlan, ...]:
    """Read all handlers.

    Args:
        entries: names and values, sorted by name.
        formatters: the formatters a handler may refer to.
        filters: the filters a handler may refer to.
        incremental: whether only levels may be given.

    Raises:
        MalformedError: with ``DOCUMENT_INVALID``.
    """
    plans: list[HandlerPlan] = []
    known = dict(entries)
    for name, value in known.items():
        where = place("handlers", read_name(name, "handlers"))
        if incremental:
            section = read_section(value, where, ("level",))
            plans.append(HandlerPlan(name, level=_level(section, where)))
        else:
            section = read_section(value, where, None, custom=True)
            plan = _read_handler(name, section, where, known)
            plans.append(_with_parts(plan, section, where, formatters, filters))
    return tuple(plans)


def check_targets(handlers: Iterable[HandlerPlan]) -> None:
    """Refuse a handler that passes records to one that is missing, or passes them on itself.

    Raises:
        MalformedError: with ``DOCUMENT_INVALID``.
    """
    known = {handler.name: handler for handler in handlers}
    for handler in known.values():
        where = place("handlers", handler.name)
        if handler.queue is not None:
            for name in handler.queue.handlers:
                _check_last(known[name], f"{where}.handlers")
        if handler.class_name == MEMORY_HANDLER:
            for name, value in handler.arguments:
                if name == "target":
                    if not isinstance(value, str):
                        refuse(f"{where}.target", "is not the name of a handler")
                    target = read_reference(value, f"{where}.target", known)
                    _check_last(known[target], f"{where}.target")


def _check_last(handler: HandlerPlan, where: str) -> None:
    memory = handler.class_name == MEMORY_HANDLER
    if memory or handler.queue is not None:
        kind = "memory" if memory else "queue"
        refuse(where, f"{shorten(handler.name)} is a {kind} handler too; chains are not taken")


def _read_handler(
    name: str, section: dict[str, JsonValue], where: str, handlers: Collection[str]
) -> HandlerPlan:
    """Read what the handler is made by, and with what."""
    attributes = read_attributes(section, where)
    factory = read_factory(section, where)
    if factory is not None:
        arguments = read_arguments(section, where, without=OWN_KEYS)
        return HandlerPlan(name, arguments=arguments, factory=factory, attributes=attributes)
    if section.get("class") is None:
        refuse(f"{where}.class", "is missing")
    class_name = read_dotted_name(section["class"], f"{where}.class")
    return HandlerPlan(
        name,
        class_name,
        arguments=tuple(
            (key, _read_argument(class_name, key, section[key], where))
            for key in sorted(section)
            if key not in _NO_ARGUMENTS
        ),
        attributes=attributes,
        queue=read_queue(class_name, section, where, handlers),
    )


def _with_parts(
    plan: HandlerPlan,
    section: dict[str, JsonValue],
    where: str,
    formatters: Collection[str],
    filters: Collection[str],
) -> HandlerPlan:
    """Add what every handler may have, whatever it is made by."""
    formatter, chosen = section.get("formatter"), section.get("filters")
    return plan._replace(
        level=_level(section, where),
        formatter=(
            None
            if formatter is None
            else read_reference(formatter, f"{where}.formatter", formatters)
        ),
        filters=() if chosen is None else read_references(chosen, f"{where}.filters", filters),
    )


def _level(section: dict[str, JsonValue], where: str) -> int | None:
    level = section.get("level")
    return None if level is None else read_level(level, f"{where}.level")


def _read_argument(class_name: str, key: str, value: JsonValue, where: str) -> Argument:
    at = argument_place(key, where)
    if key == "flushLevel" and class_name == MEMORY_HANDLER:
        # Before Python 3.13 the library keeps a name as it is, and every record then fails.
        return read_level(value, at)
    return read_argument(value, at)
