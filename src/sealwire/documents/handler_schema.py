r"""The ``handlers`` section of a ``dictConfig`` document.

Rules this module keeps (see `dict_schema` for the whole):

1. Arguments are ASCII identifiers; the library's own check takes ``"stream\n"`` and letters that
   look like ASCII.
2. An argument is a scalar, a list of scalars, or one external. An external inside a list is
   refused, because the library resolves it at some places and not at others.
3. A memory handler's target is a handler of the same plan that is no memory handler itself: the
   library cannot build most chains of them, and fails after it has closed every handler.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from sealwire.documents.plan import EXTERNAL_PREFIX, Argument, External, HandlerPlan, Scalar
from sealwire.documents.reading import (
    describe,
    is_dotted_name,
    place,
    read_dotted_name,
    read_level,
    read_name,
    read_reference,
    read_references,
    read_section,
    read_text,
    refuse,
)
from sealwire.documents.strict_json import JsonValue
from sealwire.errors import shorten

MEMORY_HANDLER = "logging.handlers.MemoryHandler"

OWN_KEYS = ("class", "level", "formatter", "filters")
_ARGUMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# From Python 3.12 on these are read as specifications, and what they name is called.
_QUEUE_ARGUMENTS = frozenset({"queue", "listener", "handlers", "respect_handler_level"})


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
    for name, value in entries:
        where = place("handlers", read_name(name, "handlers"))
        if incremental:
            section = read_section(value, where, ("level",))
            plans.append(HandlerPlan(name, level=_level(section, where)))
        else:
            section = read_section(value, where, None)
            plans.append(_read_handler(name, section, where, formatters, filters))
    return tuple(plans)


def check_targets(handlers: Iterable[HandlerPlan]) -> None:
    """Refuse a memory handler whose target is missing from the plan, or is a memory handler.

    Raises:
        MalformedError: with ``DOCUMENT_INVALID``.
    """
    classes = {handler.name: handler.class_name for handler in handlers}
    for handler in handlers:
        if handler.class_name != MEMORY_HANDLER:
            continue
        where = f"{place('handlers', handler.name)}.target"
        for name, value in handler.arguments:
            if name != "target":
                continue
            if not isinstance(value, str):
                refuse(where, "is not the name of a handler")
            target = read_reference(value, where, classes)
            if classes[target] == MEMORY_HANDLER:
                refuse(where, f"{shorten(target)} is a memory handler too; chains are not taken")


def _read_handler(
    name: str,
    section: dict[str, JsonValue],
    where: str,
    formatters: Collection[str],
    filters: Collection[str],
) -> HandlerPlan:
    if section.get("class") is None:
        refuse(f"{where}.class", "is missing")
    class_name = read_dotted_name(section["class"], f"{where}.class")
    formatter = section.get("formatter")
    if formatter is not None:
        formatter = read_reference(formatter, f"{where}.formatter", formatters)
    chosen = section.get("filters")
    return HandlerPlan(
        name=name,
        class_name=class_name,
        level=_level(section, where),
        formatter=formatter,
        filters=() if chosen is None else read_references(chosen, f"{where}.filters", filters),
        arguments=tuple(
            (key, _read_argument(class_name, key, section[key], where))
            for key in sorted(section)
            if key not in OWN_KEYS
        ),
    )


def _level(section: dict[str, JsonValue], where: str) -> int | None:
    level = section.get("level")
    return None if level is None else read_level(level, f"{where}.level")


def _read_argument(class_name: str, key: str, value: JsonValue, where: str) -> Argument:
    if _ARGUMENT_NAME.fullmatch(key) is None:
        refuse(where, f"{shorten(key)} is not the name of an argument")
    at = f"{where}.{place(key)}"
    if key in _QUEUE_ARGUMENTS:
        refuse(at, "queues and their listeners are not taken")
    if key == "flushLevel" and class_name == MEMORY_HANDLER:
        # Before Python 3.13 the library keeps a name as it is, and every record then fails.
        return read_level(value, at)
    if isinstance(value, str) and value.startswith(EXTERNAL_PREFIX):
        return _read_external(value, at)
    if isinstance(value, list):
        return tuple(
            _read_scalar(item, at, f"a list that holds {describe(item)}") for item in value
        )
    return _read_scalar(value, at, describe(value))


def _read_external(value: str, where: str) -> External:
    name = value.removeprefix(EXTERNAL_PREFIX)
    if not is_dotted_name(name):
        refuse(where, f"{shorten(value)} does not name an object")
    return External(name)


def _read_scalar(value: JsonValue, where: str, kind: str) -> Scalar:
    if isinstance(value, str):
        return read_text(value, where)
    if isinstance(value, (list, dict)):
        refuse(where, f"is {kind}; not taken as an argument")
    return value
