r"""What a part of a configuration is made by, told and given: ``()``, arguments, ``.``.

Rules this module keeps (see `dict_schema` for the whole):

1. A part has a class or a factory, never both: the library would hand the class to the factory.
2. Arguments are ASCII identifiers; the library's own check takes ``"stream\n"`` and letters that
   look like ASCII.
3. An argument is a scalar, a list of scalars, or one external. An external inside a list is
   refused, because the library resolves it at some places and not at others.
4. An attribute is a scalar, and its name none that the schema has a key for, that says where
   records go, or that ``logging`` calls: those are judged elsewhere, or break every record.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from sealwire.documents.reading import (
    describe,
    is_dotted_name,
    place,
    read_dotted_name,
    read_section,
    read_text,
    refuse,
)
from sealwire.documents.strict_json import JsonValue
from sealwire.documents.values import (
    ATTRIBUTES_KEY,
    EXTERNAL_PREFIX,
    FACTORY_KEY,
    Argument,
    Arguments,
    Attributes,
    External,
    Scalar,
)
from sealwire.errors import shorten

_ARGUMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ATTRIBUTE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")

NO_ATTRIBUTES = frozenset(
    {
        *("level", "name", "formatter", "filters", "lock"),
        *("stream", "baseFilename", "mode", "address", "host", "port", "mailhost", "url"),
        *("target", "queue", "listener", "handlers", "capacity", "buffer"),
        *("emit", "handle", "handleError", "format", "filter", "flush", "close", "acquire"),
        *("release", "createLock", "prepare", "enqueue", "namer", "rotator", "converter"),
        *("setLevel", "setFormatter", "addFilter", "removeFilter", "get_name", "set_name"),
        *("formatTime", "formatException", "formatMessage", "formatStack", "usesTime"),
    }
)
"""Names of attributes that are never set."""


def read_factory(section: dict[str, JsonValue], where: str) -> str | None:
    """Give the dotted name of the factory in ``section``; ``None`` where a class, or nothing, is.

    Raises:
        MalformedError: with ``DOCUMENT_INVALID``.
    """
    value = section.get(FACTORY_KEY)
    if value is None:
        return None
    if section.get("class") is not None:
        refuse(where, f"has both a class and a factory, {FACTORY_KEY!r}; give one of the two")
    return read_dotted_name(value, f"{where}.{FACTORY_KEY}", "a factory")


def read_arguments(
    section: dict[str, JsonValue], where: str, *, without: Collection[str] = ()
) -> Arguments:
    """Read all keys of ``section`` as arguments, but for ``()``, ``.`` and those in ``without``.

    Raises:
        MalformedError: with ``DOCUMENT_INVALID``.
    """
    return tuple(
        (key, read_argument(section[key], argument_place(key, where)))
        for key in sorted(section)
        if key not in without and key not in (FACTORY_KEY, ATTRIBUTES_KEY)
    )


def argument_place(key: str, where: str) -> str:
    """Give the place of the argument ``key``, if it is the name of one."""
    if _ARGUMENT_NAME.fullmatch(key) is None:
        refuse(where, f"{shorten(key)} is not the name of an argument")
    return f"{where}.{place(key)}"


def read_argument(value: JsonValue, where: str) -> Argument:
    """Read the value of an argument.

    Raises:
        MalformedError: with ``DOCUMENT_INVALID``.
    """
    if isinstance(value, str) and value.startswith(EXTERNAL_PREFIX):
        name = value.removeprefix(EXTERNAL_PREFIX)
        if not is_dotted_name(name):
            refuse(where, f"{shorten(value)} does not name an object")
        return External(name)
    if isinstance(value, list):
        return tuple(
            _read_scalar(item, where, f"a list that holds {describe(item)}") for item in value
        )
    return _read_scalar(value, where, describe(value))


def read_attributes(section: dict[str, JsonValue], where: str) -> Attributes:
    """Read what ``.`` sets on what has been made.

    Raises:
        MalformedError: with ``DOCUMENT_INVALID``.
    """
    value = section.get(ATTRIBUTES_KEY)
    if value is None:
        return ()
    given = read_section(value, f"{where}.{ATTRIBUTES_KEY!r}", None)
    attributes: list[tuple[str, Scalar]] = []
    for name in sorted(given):
        if _ATTRIBUTE_NAME.fullmatch(name) is None:
            refuse(where, f"{shorten(name)} is not the name of an attribute to be set")
        if name in NO_ATTRIBUTES:
            refuse(where, f"{name} is no attribute to be set with {ATTRIBUTES_KEY!r}")
        item = given[name]
        if isinstance(item, (list, dict)):
            refuse(f"{where}.{name}", f"is {describe(item)}; not taken as an attribute")
        attributes.append((name, _read_scalar(item, f"{where}.{name}", describe(item))))
    return tuple(attributes)


def _read_scalar(value: JsonValue, where: str, kind: str) -> Scalar:
    if isinstance(value, str):
        return read_text(value, where)
    if isinstance(value, (list, dict)):
        refuse(where, f"is {kind}; not taken as an argument")
    return value
