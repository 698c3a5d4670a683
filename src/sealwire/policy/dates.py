"""What a date format may hold.

Rules this module keeps:

1. Directives are a percent sign and one letter of a list. Glibc takes widths as well, and
   ``%1000000000Y`` asks it for a gigabyte with every record.
2. The text is short, and prints: it stands in every line of the log.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sealwire.documents.reading import place
from sealwire.errors import shorten
from sealwire.policy.rule import Violation
from sealwire.requests import Planned

MAX_DATE_FORMAT_CHARS = 128

# ISO C99 has these, and so has every system this runs on, but for a few on Windows.
_DIRECTIVE = re.compile(r"%([aAbBcdDeFGHIjmMnpRrSTuUVwWxXyYzZ%]?)")


class DateFormats:
    """Date formats are short and use plain directives of ``strftime``."""

    __slots__ = ()

    @property
    def name(self) -> str:
        """Give ``date-format``."""
        return "date-format"

    def judge(self, request: Planned) -> Iterator[Violation]:
        """Object to every other date format."""
        for formatter in request.plan.formatters:
            # What a factory is told is among its arguments.
            text = dict(formatter.arguments).get("datefmt", formatter.datefmt)
            if isinstance(text, str) and (problem := _problem(text)):
                yield Violation(place("formatters", formatter.name, "datefmt"), problem)


def _problem(text: str) -> str:
    if len(text) > MAX_DATE_FORMAT_CHARS:
        return f"{len(text)} characters, over the limit of {MAX_DATE_FORMAT_CHARS}"
    if not text.isprintable():
        return "holds characters that do not print"
    for match in _DIRECTIVE.finditer(text):
        if not match[1]:
            return f"{shorten(text[match.start() :], 20)} is not a directive that may be written"
    return ""
