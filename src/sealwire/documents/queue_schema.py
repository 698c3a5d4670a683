"""The part of a queue handler that says what stands behind it, as Python 3.12 and later read it.

Rules this module keeps (see `dict_schema` for the whole):

1. A queue handler names the handlers that write what comes out. Without them its records would
   pile up, or be thrown away.
2. A queue is made by what is called for it, a listener by its class; both are dotted names here and
   stay so. A queue by its name alone is one made without arguments, and the library's own queue and
   listener are what is meant where nothing is said.
3. No external is an argument here: the library does not resolve it at this place.
"""

from __future__ import annotations

from collections.abc import Collection

from sealwire.documents.argument_schema import read_arguments
from sealwire.documents.reading import (
    read_dotted_name,
    read_flag,
    read_references,
    read_section,
    refuse,
)
from sealwire.documents.strict_json import JsonValue
from sealwire.documents.values import ATTRIBUTES_KEY, FACTORY_KEY, External, Factory, QueuePlan

QUEUE_HANDLER = "logging.handlers.QueueHandler"
STANDARD_QUEUE = "queue.Queue"
STANDARD_LISTENER = "logging.handlers.QueueListener"

QUEUE_KEYS = ("queue", "listener", "handlers", "respect_handler_level")
"""The keys that say it. From Python 3.12 on the library calls what they name."""


def read_queue(
    class_name: str, section: dict[str, JsonValue], where: str, handlers: Collection[str]
) -> QueuePlan | None:
    """Read what stands behind a handler; ``None`` where it is no queue handler.

    Args:
        class_name: the dotted name of its class.
        section: the handler.
        where: its place.
        handlers: names of all handlers of the document.

    Raises:
        MalformedError: with ``DOCUMENT_INVALID``.
    """
    if class_name != QUEUE_HANDLER and all(section.get(key) is None for key in QUEUE_KEYS):
        return None
    behind = section.get("handlers")
    names = () if behind is None else read_references(behind, f"{where}.handlers", handlers)
    if not names:
        refuse(f"{where}.handlers", "is missing; name the handlers that write what is in the queue")
    respect = section.get("respect_handler_level")
    return QueuePlan(
        handlers=names,
        queue=_queue(section.get("queue"), f"{where}.queue"),
        listener=_listener(section.get("listener"), f"{where}.listener"),
        respect_handler_level=(
            respect is not None and read_flag(respect, f"{where}.respect_handler_level")
        ),
    )


def _queue(value: JsonValue, where: str) -> Factory | None:
    if value is None:
        return None
    if isinstance(value, dict):
        made = _factory(value, where)
    else:
        made = Factory(read_dotted_name(value, where, "a queue"))
    return None if made == Factory(STANDARD_QUEUE) else made


def _listener(value: JsonValue, where: str) -> str | Factory | None:
    if value is None:
        return None
    if isinstance(value, dict):
        return _factory(value, where)
    name = read_dotted_name(value, where, "a listener")
    return None if name == STANDARD_LISTENER else name


def _factory(value: JsonValue, where: str) -> Factory:
    section = read_section(value, where, None, custom=True)
    if section.get(FACTORY_KEY) is None:
        refuse(where, f"has no factory; an object here says with {FACTORY_KEY!r} what is called")
    if ATTRIBUTES_KEY in section:
        refuse(where, "sets attributes with '.'; they are not taken here")
    arguments = read_arguments(section, where)
    for key, argument in arguments:
        if isinstance(argument, External):
            refuse(f"{where}.{key}", "is an object of the process; the library looks none up here")
    return Factory(
        read_dotted_name(section[FACTORY_KEY], f"{where}.{FACTORY_KEY}", "a factory"), arguments
    )
