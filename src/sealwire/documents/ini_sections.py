"""INI taken apart into sections and options, as ``fileConfig`` takes it apart, or refused.

Rules this module keeps:

1. The library's own parser reads, with the library's delimiters, comments and continuation lines:
   one text has one meaning here and there. Interpolation is left out, text behind a header is no
   part of it, and ``[DEFAULT]`` is a section like any other, so that nothing is inherited and
   whoever reads on sees that it is there.
2. Size, lines and gaps are checked before the parser sees anything. It takes quadratic time for a
   run of blanks inside a line (23 s for 64 KiB of them), and for lines that
   it cannot read, all of which it writes into one message.
3. Characters that do not print are refused, but for line feeds and tabs. A lone carriage return
   ends a line when a file is read, and does not when the same text comes through a socket; other
   separators stand in the middle of what looks like one word.
4. Whatever the bytes are, the result is sections or `MalformedError`; nothing else is raised.
"""

from __future__ import annotations

import re

from sealwire.documents.utf8 import decode, refuse_form
from sealwire.errors import shorten

# Ten times the example of the library's documentation; who has more writes JSON. At these limits
# the slowest document that could be made, one of 14,000 arguments, takes a third of 100 ms.
MAX_INI_BYTES = 32 * 1024
MAX_LINES = 2_048
MAX_GAP_CHARS = 64

_COMMENTS = ("#", ";")

# The library's own pattern has no end, and what stands behind the bracket means nothing there.
_HEADER = re.compile(r"\[(?P<header>.+)\]$")

# No header can name it, because a header has at least one character between its brackets.
_NO_DEFAULT_SECTION = ""


def read_sections(document: bytes) -> dict[str, dict[str, str]]:
    """Take an INI document apart.

    Args:
        document: UTF-8 without a byte order mark, at most `MAX_INI_BYTES`.

    Returns:
        Options and their values by section, in the document's order. Names of options are in lower
        case. A value has no blanks around it, and one of several lines has line feeds between them.

    Raises:
        MalformedError: with ``DOCUMENT_MALFORMED``. The detail gives the line, and never quotes a
            value.
    """
    text = decode(document, MAX_INI_BYTES).replace("\r\n", "\n")
    _check_lines(text.split("\n"))
    return _parse(text)


def _check_lines(lines: list[str]) -> None:
    if len(lines) > MAX_LINES:
        refuse_form(f"{len(lines)} lines, over the limit of {MAX_LINES}")
    gap = " " * (MAX_GAP_CHARS + 1)
    for number, line in enumerate(lines, 1):
        blanked = line.replace("\t", " ")
        if not blanked.isprintable():
            character = next(each for each in blanked if not each.isprintable())
            refuse_form(f"line {number}: holds {character!a}, which does not print")
        # Blanks at both ends, and those of a comment, cost the parser nothing.
        inside = blanked.strip()
        if gap in inside and not inside.startswith(_COMMENTS):
            refuse_form(f"line {number}: more than {MAX_GAP_CHARS} blanks in a row")


def _parse(text: str) -> dict[str, dict[str, str]]:
    import configparser  # noqa: PLC0415  who sends no INI does not pay for it

    # Whatever is not said here has the default that fileConfig's parser has too.
    parser = configparser.RawConfigParser(default_section=_NO_DEFAULT_SECTION)
    parser.SECTCRE = _HEADER
    try:
        parser.read_string(text)
    except configparser.DuplicateSectionError as error:
        refuse_form(f"line {error.lineno}: the section {shorten(error.section)} stands twice")
    except configparser.DuplicateOptionError as error:
        option, section = shorten(error.option), shorten(error.section)
        refuse_form(f"line {error.lineno}: {option} stands twice in the section {section}")
    except configparser.MissingSectionHeaderError as error:
        refuse_form(f"line {error.lineno}: stands before the first [section]")
    except configparser.ParsingError as error:
        # Its own words quote whole lines.
        refuse_form(f"line {error.errors[0][0]}: neither [section] nor option=value")
    return {section: dict(parser.items(section)) for section in parser.sections()}
