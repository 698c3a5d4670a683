"""The ``formatters`` section of a ``dictConfig`` document.

Rules this module keeps (see `dict_schema` for the whole):

1. A format that cannot format, or that ``logging.Formatter`` would not take, is refused here:
   the library finds out after it has closed every handler, or with the first lost record.
2. Fields, widths and classes are policy's question, not asked here.
3. A factory is told what is written down and nothing else. What looks like a format among that is
   text, so that it can be judged; the style is known where it is given.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from sealwire.documents.argument_schema import (
    argument_place,
    read_argument,
    read_attributes,
    read_factory,
)
from sealwire.documents.formats import STYLES, Style, parse_format
from sealwire.documents.plan import DEFAULT_STYLE, Argument, FormatterPlan, Scalar
from sealwire.documents.reading import (
    describe,
    place,
    read_dotted_name,
    read_flag,
    read_name,
    read_section,
    read_text,
    refuse,
)
from sealwire.documents.strict_json import JsonValue
from sealwire.documents.values import ATTRIBUTES_KEY, FACTORY_KEY
from sealwire.errors import shorten

# Ten times what anybody writes, and enough to keep the work on one format small.
MAX_FORMAT_CHARS = 4_096

STANDARD_FORMATTER = "logging.Formatter"

FORMAT_ARGUMENTS = ("format", "fmt")
"""The arguments that are a format, whatever makes the formatter."""

_KEYS = ("class", "format", "datefmt", "style", "validate", "defaults")
_NO_ARGUMENTS = frozenset({"class", "defaults", FACTORY_KEY, ATTRIBUTES_KEY})
_TEXT_ARGUMENTS = frozenset({*FORMAT_ARGUMENTS, "datefmt"})


def read_formatters(entries: Iterable[tuple[str, JsonValue]]) -> tuple[FormatterPlan, ...]:
    """Read all formatters.

    Args:
        entries: names and values, sorted by name.

    Raises:
        MalformedError: with ``DOCUMENT_INVALID``.
    """
    return tuple(_read_formatter(name, value) for name, value in entries)


def _read_formatter(name: str, value: JsonValue) -> FormatterPlan:
    where = place("formatters", read_name(name, "formatters"))
    factory = read_factory(read_section(value, where, None, custom=True), where)
    if factory is not None:
        return _read_made(name, factory, value, where)
    section = read_section(value, where, _KEYS)
    validate = section.get("validate")
    plan = FormatterPlan(
        name=name,
        format=_pattern(section, "format", where),
        datefmt=_pattern(section, "datefmt", where),
        style=_read_style(section.get("style"), f"{where}.style"),
        validate=validate is None or read_flag(validate, f"{where}.validate"),
        class_name=_class_name(section, where),
        defaults=_read_defaults(section.get("defaults"), f"{where}.defaults"),
    )
    if plan.format is not None:
        _check_format(plan, plan.format, f"{where}.format")
    return plan


def _read_made(name: str, factory: str, value: JsonValue, where: str) -> FormatterPlan:
    section = read_section(value, where, None, custom=True)
    arguments: list[tuple[str, Argument]] = []
    for key in sorted(section):
        if key in _NO_ARGUMENTS:
            continue
        at = argument_place(key, where)
        if key in _TEXT_ARGUMENTS:
            arguments.append((key, _pattern(section, key, where)))
        elif key == "style":
            arguments.append((key, _read_style(section[key], at)))
        else:
            arguments.append((key, read_argument(section[key], at)))
    return FormatterPlan(
        name,
        defaults=_read_defaults(section.get("defaults"), f"{where}.defaults"),
        factory=factory,
        arguments=tuple(arguments),
        attributes=read_attributes(section, where),
    )


def _read_style(value: JsonValue, where: str) -> Style:
    if value is None:
        return DEFAULT_STYLE
    known = [style for style in STYLES if style == value]
    if not known:
        refuse(where, f"{shorten(value)} is not a style; the styles are %, {{ and $")
    return known[0]


def _class_name(section: dict[str, JsonValue], where: str) -> str | None:
    value = section.get("class")
    name = None if value is None else read_dotted_name(value, f"{where}.class")
    return None if name == STANDARD_FORMATTER else name


def _pattern(section: dict[str, JsonValue], key: str, where: str) -> str | None:
    value = section.get(key)
    if value is None:
        return None
    at = f"{where}.{key}"
    text = read_text(value, at)
    # The library takes an empty pattern for a missing one, and so would have two plans for one
    # meaning; who writes it probably wants something else.
    if not text:
        refuse(at, "is empty")
    if len(text) > MAX_FORMAT_CHARS:
        refuse(at, f"{len(text)} characters, over the limit of {MAX_FORMAT_CHARS}")
    return text


def _check_format(plan: FormatterPlan, text: str, where: str) -> None:
    """Refuse a format that cannot format, or that the standard class would not take."""
    try:
        parse_format(plan.style, text)
        if plan.class_name is None:
            # The library's own word, before anything of the running configuration is closed. A
            # formatter is only an object; its construction changes nothing.
            logging.Formatter(text, style=plan.style, validate=plan.validate)
    except ValueError as error:
        refuse(where, f"is not a format of style {plan.style}: {shorten(str(error))}")


def _read_defaults(value: JsonValue, where: str) -> tuple[tuple[str, Scalar], ...]:
    if value is None:
        return ()
    section = read_section(value, where, None)
    defaults: list[tuple[str, Scalar]] = []
    for name in sorted(section):
        at = f"{where}.{place(read_name(name, where))}"
        item = section[name]
        if isinstance(item, (list, dict)):
            refuse(at, f"is {describe(item)}; a default is text, a number, true, false or null")
        defaults.append((name, read_text(item, at) if isinstance(item, str) else item))
    return tuple(defaults)
