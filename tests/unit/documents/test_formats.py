"""Format strings taken apart."""

from __future__ import annotations

import logging
import re

import pytest

from sealwire.documents.formats import STYLES, Field, Style, parse_format


@pytest.mark.parametrize(
    ("style", "text", "expected"),
    [
        ("%", "", []),
        ("%", "100%% of nothing", []),
        ("%", "%%%(a)s%%", [Field("a", "s")]),
        (
            "%",
            "%(a)s %(b)-10.3s%(c)#+08.2f",
            [Field("a", "s"), Field("b", "-10.3s"), Field("c", "#+08.2f")],
        ),
        ("%", "%(a)*d %(b).*f", [Field("a", "*d"), Field("b", ".*f")]),
        ("%", "%(a.b[c])r", [Field("a.b[c]", "r")]),
        ("%", "%(message)300000000s", [Field("message", "300000000s")]),
        ("{", "", []),
        ("{", "{{}}", []),
        ("{", "{a} {b!r:>10} {c:{d}}", [Field("a"), Field("b", ">10", "r"), Field("c", "{d}")]),
        ("{", "{} {0} {a.b[c]}", [Field(""), Field("0"), Field("a.b[c]")]),
        ("$", "", []),
        ("$", "$$", []),
        ("$", "$a ${b}$c.d", [Field("a"), Field("b"), Field("c")]),
    ],
)
def test_fields_are_found(style: Style, text: str, expected: list[Field]) -> None:
    """Every field is found, with what follows its name; escapes are none."""
    assert tuple(expected) == parse_format(style, text)


@pytest.mark.parametrize(
    ("style", "text", "expected"),
    [
        ("%", "100%", "'%' is neither"),
        ("%", "%s %(message)s", "'%s %(message' is neither %(name)s nor %%"),
        ("%", "%5%", "'%5%' is neither"),
        ("%", "%(a", "'%(a' is neither"),
        ("%", "%(a)", "is neither"),
        ("%", "%(a)y", "is neither"),
        ("%", "%(a)ld", "is neither"),
        ("%", "%(a)%", "is neither"),
        ("%", "%(a(b)c)s", "is neither"),
        ("%", "%(a)" + "0" * 100_000, "'%(a)00000000' is neither"),
        ("%", "%%%(a)s%", "'%' is neither"),
        ("%", "%(a)000000s", "'%(a)000000s' is neither"),
        ("{", "{", "Single '{'"),
        ("{", "}", "Single '}'"),
        ("{", "{a", "expected '}'"),
        ("{", "{a!}", "unmatched"),
        ("$", "$", "is neither $name nor $$"),
        ("$", "a $1", "'$1' is neither"),
        ("$", "${a", "is neither"),
        ("$", "${ä}", "is neither"),
    ],
)
def test_what_cannot_format_is_refused(style: Style, text: str, expected: str) -> None:
    """A format that no record could fill is a ValueError, with the place it is about."""
    with pytest.raises(ValueError, match=re.escape(expected)):
        parse_format(style, text)


@pytest.mark.parametrize(
    "piece", ["%", "%(", "%(a", "%(a)", "%(a)0", "%(a)9", "%%", "{", "{a:", "$", "${a"]
)
def test_a_long_text_takes_linear_time(piece: str) -> None:
    """A quarter of a megabyte of any beginning is taken apart or refused at once.

    With time quadratic in the length, this test would run into the suite's limit.
    """
    for style in STYLES:
        try:
            fields = parse_format(style, piece * (250_000 // len(piece)))
        except ValueError:
            continue
        assert len(fields) <= 250_000


@pytest.mark.parametrize(
    ("style", "text"),
    [("%", logging.BASIC_FORMAT), ("{", "{levelname}:{name}:{message}"), ("$", "${name} $message")],
)
def test_usual_formats_name_attributes_of_a_record(style: Style, text: str) -> None:
    """The library's own formats come apart into names that a record has."""
    record = vars(logging.makeLogRecord({"message": ""}))
    fields = parse_format(style, text)
    assert len(fields) >= 2
    assert {field.name for field in fields} <= set(record)
