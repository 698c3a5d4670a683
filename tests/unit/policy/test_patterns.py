"""Format strings and date formats."""

from __future__ import annotations

import logging
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sealwire.documents import FormatterPlan, LoggingPlan
from sealwire.policy import DateFormats, FormatStrings
from sealwire.policy.formats import RECORD_FIELDS

if TYPE_CHECKING:
    from tests.unit.policy.conftest import Ask, Objections

RULE = FormatStrings(frozenset({"request_id"}))


@pytest.mark.parametrize(
    ("style", "text"),
    [
        ("%", "%(asctime)s %(levelname)-8s [%(name)s] %(message)s"),
        ("%", "%(created)f %(msecs)03d %(process)d %(thread)x %(lineno)5d 100%%"),
        ("%", "%(message).999s%(levelno)+d%(created)#.3g%(name)r%(name)a%(message)999s"),
        ("%", "%(request_id)s %(request_id)08.3f %(message)s"),
        ("%", "%(message)s\n\t%(funcName)s %(module)s %(pathname)s %(relativeCreated)d"),
        ("{", "{asctime} {levelname:<8} [{name}] {message!r:>.10} {{}}"),
        ("{", "{created:.3f} {msecs:03.0f} {process:,d} {thread:#x} {lineno:>5} {created:e}"),
        ("{", "{request_id:>10s} {request_id:+,.2f} {message:*^999}"),
        ("$", "$asctime ${levelname} $$ ${message} $request_id"),
    ],
)
def test_usual_formats_are_allowed(objections: Objections, style: str, text: str) -> None:
    """What people write, and the widest fields."""
    assert [] == objections(RULE, formatters={"f": {"format": text, "style": style}})


@pytest.mark.parametrize(
    ("style", "text", "expected"),
    [
        ("%", "%(message)1000s", "the field message has no plain width, but '1000s'"),
        ("%", "%(message).1000s", "the field message has no plain width, but '.1000s'"),
        ("%", "%(lineno)*d", "the field lineno has no plain width, but '*d'"),
        ("%", "%(created).*f", "the field created has no plain width, but '.*f'"),
        ("%", "%(thread)c", "the field thread has no plain width, but 'c'"),
        ("%", "%(message)999s" * 3, "widths and defaults of 2997 together, over 2048"),
        ("%", "%(created).999f" * 3, "widths and defaults of 2997 together, over 2048"),
        ("%", "%(args)s", "'args' is not a field that may be written"),
        ("%", "%(exc_info)s", "'exc_info' is not a field that may be written"),
        (
            "%",
            "%(levelnam)s",
            "'levelnam' is not a field that may be written; did you mean levelname?",
        ),
        ("%", "%(message)d", "fails on every record: '%d format: a real number is required"),
        ("%", "%(created)x", "fails on every record: '%x format: an integer is required"),
        ("%", "%(message)s\x1b[2J", "holds characters that do not print"),
        ("%", "%(message)s\u202e", "holds characters that do not print"),
        ("%", "%(message)s" * 65, "65 fields, over the limit of 64"),
        ("%", "%(message)s" + "x" * 1014, "1025 characters, over the limit of 1024"),
        ("{", "{message:1000}", "the field message has no plain width, but '1000'"),
        ("{", "{message:.1000}", "the field message has no plain width, but '.1000'"),
        ("{", "{message:\u0663\u0663\u0663\u0663}", "the field message has no plain width"),
        ("{", "{message:{lineno}}", "the field message has no plain width, but '{lineno}'"),
        ("{", "{message:>{lineno}}", "the field message has no plain width, but '>{lineno}'"),
        ("{", "{lineno:c}", "the field lineno has no plain width, but 'c'"),
        ("{", "{message.__class__}", "'message.__class__' is not a field that may be written"),
        (
            "{",
            "{args[0].__init__.__globals__[KEY]}",
            "'args[0].__init__.__globals__[KEY]' is not a",
        ),
        ("{", "{message[0]}", "'message[0]' is not a field that may be written"),
        ("{", "{0}", "'0' is not a field that may be written"),
        ("{", "{levelname:d}", "fails on every record: \"Unknown format code 'd'"),
        ("{", "{levelname:=5}", "fails on every record: \"'=' alignment not allowed"),
        ("{", "{lineno:.2}", "fails on every record: 'Precision not allowed"),
        ("$", "$args", "'args' is not a field that may be written"),
        ("$", "${exc_text}", "'exc_text' is not a field that may be written"),
    ],
)
def test_other_formats_are_refused(
    objections: Objections, style: str, text: str, expected: str
) -> None:
    """Fields off the list, widths beyond the limit, and formats that lose records."""
    found = objections(RULE, formatters={"f": {"format": text, "style": style}})
    assert 1 == len(found)
    assert found[0].startswith("formatters.f.format: ")
    assert expected in found[0]


def test_a_formatter_has_its_own_defaults(objections: Objections) -> None:
    """A field that the formatter has a default for may be written, and is tried with it."""
    formatter = {"format": "%(user)s %(age)d", "defaults": {"user": "-", "age": 1}}
    assert [] == objections(RULE, formatters={"f": formatter})
    formatter["defaults"] = {"user": "-", "age": "-"}
    found = objections(RULE, formatters={"f": formatter})
    assert 1 == len(found)
    assert "fails on every record" in found[0]


def test_a_default_does_not_stand_in_for_a_record(objections: Objections) -> None:
    """The library lets the record win, so the trial does."""
    formatter = {"format": "{levelname:d}", "style": "{", "defaults": {"levelname": 1}}
    assert "fails on every record" in objections(RULE, formatters={"f": formatter})[0]


def test_a_format_of_another_class_is_judged_too(objections: Objections) -> None:
    """The document does not ask logging.Formatter then, and what it holds is refused here."""
    formatter = {"class": "app.Formatter", "format": "{args.x}", "style": "{"}
    assert "'args.x' is not a field" in objections(RULE, formatters={"f": formatter})[0]
    assert [] == objections(RULE, formatters={"f": {"class": "app.Formatter", "format": "json"}})


def test_a_plan_made_by_hand_is_judged_too(ask: Ask) -> None:
    """A rule does not rely on a document having been read before."""
    plan = LoggingPlan(formatters=(FormatterPlan("f", format="100%"),))
    found = list(RULE.judge(replace(ask(), plan=plan)))
    assert 1 == len(found)
    assert "is not a format of style %" in found[0].detail


def test_a_formatter_without_formats_is_allowed(objections: Objections) -> None:
    """The class has its own."""
    assert [] == objections(RULE, formatters={"f": {}})
    assert [] == objections(DateFormats(), formatters={"f": {}})


def test_the_fields_are_those_of_a_record() -> None:
    """Every field is one that a real record has with a value of this type, on every Python."""
    formatter = logging.Formatter("%(asctime)s")
    record = logging.getLogger("a").makeRecord("a", logging.INFO, "/a.py", 1, "m", (), None, "f")
    formatter.format(record)
    actual = vars(record)
    assert len(RECORD_FIELDS) >= 17
    assert {name: type(value) for name, value in RECORD_FIELDS.items()} == {
        name: type(actual[name]) for name in RECORD_FIELDS
    }
    unwritten = {"args", "msg", "exc_info", "exc_text", "stack_info"}
    assert unwritten == set(actual) - set(RECORD_FIELDS)
    assert (sys.version_info >= (3, 12)) == ("taskName" in RECORD_FIELDS)


def test_a_padded_task_name_is_refused_where_it_would_fail(objections: Objections) -> None:
    """Outside a task its value is None, which takes no width in style ``{``."""
    found = objections(RULE, formatters={"f": {"format": "{taskName:>8}", "style": "{"}})
    assert 1 == len(found)


@pytest.mark.parametrize(
    "text", ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S%z", "%d/%b/%Y %%", "day %j", "%c%x%X%Z%p"]
)
def test_usual_date_formats_are_allowed(objections: Objections, text: str) -> None:
    """What people write."""
    assert [] == objections(DateFormats(), formatters={"f": {"datefmt": text}})
    assert time.strftime(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%1000000000Y", "'%1000000000Y' is not a directive that may be written"),
        ("%-d", "'%-d' is not a directive"),
        ("%_9999d", "'%_9999d' is not a directive"),
        ("%EY", "'%EY' is not a directive"),
        ("%f", "'%f' is not a directive"),
        ("%s", "'%s' is not a directive"),
        ("%H:%M%", "'%' is not a directive"),
        ("%%%", "'%' is not a directive"),
        ("%\u0663Y", "is not a directive"),
        ("%H\n", "holds characters that do not print"),
        ("%H\x1b[0m", "holds characters that do not print"),
        ("%c" * 65, "130 characters, over the limit of 128"),
    ],
)
def test_other_date_formats_are_refused(objections: Objections, text: str, expected: str) -> None:
    """Widths, flags and modifiers, which glibc takes, and what would not print."""
    found = objections(DateFormats(), formatters={"f": {"datefmt": text}})
    assert 1 == len(found)
    assert found[0].startswith("formatters.f.datefmt: ")
    assert expected in found[0]


def test_the_rules_have_their_names() -> None:
    """The names that answers, logs and audit show."""
    assert "format-string" == FormatStrings().name
    assert "date-format" == DateFormats().name


@pytest.mark.parametrize(
    ("default", "expected"),
    [
        ("\x1b[2J", "the default of 'user' holds characters that do not print"),
        ("a\nb", "the default of 'user' holds characters that do not print"),
        ("\u202e", "the default of 'user' holds characters that do not print"),
        ("x" * 700, "widths and defaults of 2100 together, over 2048"),
    ],
)
def test_defaults_are_judged_as_the_format_is(
    objections: Objections, default: str, expected: str
) -> None:
    """A record that lacks the field writes the default, as often as the format names it."""
    formatter = {"format": "%(user)s" * 3, "defaults": {"user": default}}
    found = objections(RULE, formatters={"f": formatter})
    assert [True] == [each.endswith(expected) for each in found]
