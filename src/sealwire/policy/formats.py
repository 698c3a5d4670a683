"""What a format string may do with a record.

Rules this module keeps:

1. A field is the name of one attribute of a record, one of a list. No attribute of an attribute and
   no index: ``{args[0].__init__.__globals__[KEY]}`` writes the application's secrets.
2. Widths and precisions are short numbers, written out, and not too many of them:
   ``%(message)300000000s`` costs 870 MB a record.
3. A format has been tried before it is allowed, on a record of the same types: one that fails loses
   every record, and nobody sees more than a line on stderr.
4. The formats of a factory are judged like those of a class. Which style it has where none is
   given, only the factory knows, so its formats have to be harmless in each of the three.
5. Characters that move a terminal's cursor or turn text around are no part of a format; a line
   feed and a tab are.
"""

from __future__ import annotations

import re
import string
import sys
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from sealwire.documents.formats import STYLES, Field, Style, parse_format
from sealwire.documents.formatter_schema import FORMAT_ARGUMENTS
from sealwire.documents.plan import FormatterPlan, Scalar
from sealwire.documents.reading import did_you_mean, place
from sealwire.errors import shorten
from sealwire.policy.rule import Violation
from sealwire.requests import Planned

MAX_FORMAT_CHARS = 1_024
MAX_FIELDS = 64
# The sum over one format: what padding and defaults alone can add to every record.
MAX_PADDING_CHARS = 2_048

# A value of each type a record holds. Left out are args, msg and exc_info, which hold objects of
# the application rather than text; exc_text and stack_info, which are written below it anyway.
RECORD_FIELDS: Mapping[str, str | int | float | None] = MappingProxyType(
    {
        "asctime": "2030-01-01 00:00:00,000",
        "created": 1.5,
        "filename": "a.py",
        "funcName": "f",
        "levelname": "INFO",
        "levelno": 20,
        "lineno": 1,
        "message": "m",
        "module": "a",
        "msecs": 1.5,
        "name": "a",
        "pathname": "/a.py",
        "process": 2**22,
        "processName": "MainProcess",
        "relativeCreated": 1.5,
        "thread": 2**47,
        "threadName": "MainThread",
        # Outside a task it is None, which takes no width in style "{".
        **({"taskName": None} if sys.version_info >= (3, 12) else {}),
    }
)

_DIGITS = r"[0-9]{0,3}"
# No conversion "c" in either style: a thread's number is no character.
_PERCENT = re.compile(
    rf"[#0\- +]*(?P<width>{_DIGITS})(\.(?P<precision>{_DIGITS}))?[diouxXeEfFgGrsa]"
)
_BRACE = re.compile(
    r"([^{}]?[<>=^])?[+\- ]?#?"
    rf"(?P<width>{_DIGITS})[,_]?(\.(?P<precision>{_DIGITS}))?[bdeEfFgGnosxX%]?"
)
_DOLLAR = re.compile("")
_SPECS: Mapping[Style, re.Pattern[str]] = {"%": _PERCENT, "{": _BRACE, "$": _DOLLAR}


class _AnyNumber(int):
    """Stands for a value of unknown type: every conversion and every format takes it."""

    def __format__(self, format_spec: str) -> str:
        return ""


class FormatStrings(NamedTuple):
    """Formats name attributes of a record, those in ``extra_fields``, or their own defaults.

    Attributes:
        extra_fields: what the application adds to its records with ``extra=`` or a filter. A
            record that lacks one is lost, unless the formatter has a default for it.
    """

    extra_fields: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """Give ``format-string``."""
        return "format-string"

    def judge(self, request: Planned) -> Iterator[Violation]:
        """Object to every format that does more, or that fails."""
        for formatter in request.plan.formatters:
            for key, text in _formats(formatter):
                for style in _styles(formatter):
                    if problem := self._problem(text, style, dict(formatter.defaults)):
                        yield Violation(place("formatters", formatter.name, key), problem)
                        break

    def _problem(self, text: str, style: Style, defaults: Mapping[str, Scalar]) -> str:
        if len(text) > MAX_FORMAT_CHARS:
            return f"{len(text)} characters, over the limit of {MAX_FORMAT_CHARS}"
        if not text.replace("\n", "").replace("\t", "").isprintable():
            return "holds characters that do not print"
        try:
            fields = parse_format(style, text)
        except ValueError as error:
            return f"is not a format of style {style}: {shorten(str(error))}"
        if len(fields) > MAX_FIELDS:
            return f"{len(fields)} fields, over the limit of {MAX_FIELDS}"
        if problem := _bad_default(defaults):
            return problem
        values = {
            **dict.fromkeys(self.extra_fields, _AnyNumber()),
            **defaults,
            **RECORD_FIELDS,
        }
        padding = 0
        for field in fields:
            if field.name not in values:
                hint = did_you_mean(field.name, values)
                return f"{shorten(field.name)} is not a field that may be written{hint}"
            added = _padding(style, field)
            if added is None:
                return f"the field {field.name} has no plain width, but {shorten(field.spec)}"
            padding += added + len(str(defaults.get(field.name, "")))
        if padding > MAX_PADDING_CHARS:
            return f"widths and defaults of {padding} together, over {MAX_PADDING_CHARS}"
        return _trial(style, text, values)


def _formats(formatter: FormatterPlan) -> Iterator[tuple[str, str]]:
    """Give each format, with the key it stands under."""
    if formatter.format is not None:
        yield "format", formatter.format
    for key, value in formatter.arguments:
        if key in FORMAT_ARGUMENTS and isinstance(value, str):
            yield key, value


def _styles(formatter: FormatterPlan) -> tuple[Style, ...]:
    """Give the style; where a factory is not told one, its formats have to do in every style."""
    if formatter.factory is None:
        return (formatter.style,)
    given = dict(formatter.arguments).get("style")
    return tuple(style for style in STYLES if given in (None, style))


def _bad_default(defaults: Mapping[str, object]) -> str:
    """Say which default holds what no format may hold: a record that lacks a field writes it."""
    for name, value in defaults.items():
        if isinstance(value, str) and not value.replace("\t", "").isprintable():
            return f"the default of {shorten(name)} holds characters that do not print"
    return ""


def _padding(style: Style, field: Field) -> int | None:
    """Give the width and precision of ``field`` together; ``None`` if they are not plain."""
    match = _SPECS[style].fullmatch(field.spec)
    if match is None:
        return None
    return sum(int(digits) for digits in match.groupdict().values() if digits)


def _trial(style: Style, text: str, values: Mapping[str, object]) -> str:
    """Format a record; everything about ``text`` has been bounded before."""
    try:
        if style == "%":
            _ = text % values
        elif style == "{":
            text.format_map(values)
        else:
            string.Template(text).substitute(values)
    except (ValueError, TypeError, OverflowError) as error:
        return f"fails on every record: {shorten(str(error))}"
    return ""
