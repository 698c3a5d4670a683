"""Format strings of the three styles, taken apart without formatting anything.

Rules this module keeps:

1. A format that could never format a record is refused here: a bare ``%``, a ``{`` that is not
   closed. The standard library finds most of these only when a record is lost.
2. ``%s`` without a name is refused: given a dictionary, Python writes all of it, and a log record's
   dictionary holds the arguments of the call.
3. Time is linear in the text. The standard library's own check is quadratic in a run of flags such
   as ``%(a)000…``, so a run is cut short here, before that check is asked.
4. Which names, widths and conversions are allowed is the policy's question, not asked here.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeAlias

Style: TypeAlias = Literal["%", "{", "$"]
"""How a format marks its fields: ``%(name)s``, ``{name}`` or ``${name}``."""

STYLES: tuple[Style, ...] = ("%", "{", "$")

BARE: Mapping[Style, str] = MappingProxyType(
    {"%": "%(message)s", "{": "{message}", "$": "${message}"}
)
"""What ``logging.Formatter`` writes where it is given no format."""

_NAMED = re.compile(
    r"%\((?P<name>[^()]*)\)"
    # Python takes any run of flags; each of the five need stand there once at most.
    r"(?P<spec>[#0\- +]{0,5}(?:\*|[1-9][0-9]*)?(?:\.(?:\*|[0-9]*))?[diouxXeEfFgGcrsa])"
)


class Field(NamedTuple):
    """One place in a format that a record fills.

    Attributes:
        name: the text that names the value; in style ``{`` it may hold ``.`` and ``[``.
        spec: what follows the name: ``-10.3s`` in style ``%``, ``>10`` in style ``{``.
        conversion: ``r``, ``s`` or ``a`` of style ``{``, else ``""``.
    """

    name: str
    spec: str = ""
    conversion: str = ""


def parse_format(style: Style, text: str) -> tuple[Field, ...]:
    """Take a format string apart.

    Args:
        style: one of `STYLES`.
        text: the format string, of any length.

    Returns:
        The fields, in the order in which they stand.

    Raises:
        ValueError: the text is no format of this style; the message quotes a few characters.
    """
    if style == "%":
        return tuple(_percent_fields(text))
    if style == "{":
        return tuple(
            Field(name, spec or "", conversion or "")
            for _, name, spec, conversion in string.Formatter().parse(text)
            if name is not None
        )
    return tuple(_dollar_fields(text))


def _percent_fields(text: str) -> Iterator[Field]:
    at = text.find("%")
    while at >= 0:
        if text.startswith("%%", at):
            at = text.find("%", at + 2)
            continue
        match = _NAMED.match(text, at)
        if match is None:
            raise ValueError(f"{text[at : at + 12]!r} is neither %(name)s nor %%")
        yield Field(match["name"], match["spec"])
        at = text.find("%", match.end())


def _dollar_fields(text: str) -> Iterator[Field]:
    for match in string.Template.pattern.finditer(text):
        name = match["named"] or match["braced"]
        if name is not None:
            yield Field(name)
        elif match["escaped"] is None:
            raise ValueError(
                f"{text[match.start() : match.start() + 12]!r} is neither $name nor $$"
            )
