"""The page of messages: it explains every reason, and its next steps are those of the command line.

It stands among the unit tests because it ties one enum to one page and one table.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sealwire import errors
from sealwire.cli.endings import Exit
from sealwire.cli.hints import HINTS, UNTOLD
from sealwire.errors import Reason

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "messages.md"
TEXT = PAGE.read_text(encoding="utf-8")

_LAST_BEFORE = Reason.SIGNATURE_INVALID
_FIELDS = ["What", "Cause", "Next"]


def plain(markdown: str) -> str:
    """Give text without the marks of code, on one line."""
    return " ".join(markdown.replace("`", "").split())


def sections() -> dict[str, dict[str, str]]:
    """Give what, cause and next step for every reason that the page explains, in its order."""
    found = {}
    for section in re.split(r"^### ", TEXT, flags=re.MULTILINE)[1:]:
        name, _, rest = section.partition("\n")
        own = re.split(r"^## ", rest, flags=re.MULTILINE)[0]
        entries = re.findall(r"^- \*\*(\w+)\*\*: (.*(?:\n  .*)*)", own, flags=re.MULTILINE)
        assert _FIELDS == [field for field, _ in entries], name
        found[name.strip("`")] = {field: plain(text) for field, text in entries}
    return found


def test_every_reason_is_explained_in_the_order_of_the_enum() -> None:
    """A reason that is added, renamed or moved has to be on the page as well."""
    assert [reason.value for reason in Reason] == list(sections())


def test_every_reason_has_a_hint() -> None:
    """The command line knows a next step for each."""
    assert set(Reason) == set(HINTS)


@pytest.mark.parametrize("reason", list(Reason))
def test_the_next_step_is_that_of_the_command_line(reason: Reason) -> None:
    """Page and terminal give one advice; the rest is for the page alone."""
    section = sections()[reason.value]
    assert HINTS[reason] == section["Next"]
    assert section["What"].endswith(".")
    assert section["Cause"].endswith(".")


def test_the_advice_without_a_reason_is_on_the_page() -> None:
    """What the command line says where a service gives no reason."""
    assert UNTOLD in plain(TEXT.replace("\n>", "\n"))


def test_what_a_stranger_is_told_is_in_its_own_part() -> None:
    """The page divides where the sender becomes known."""
    before, after = TEXT.split("## After the sender is known")
    assert f"### `{_LAST_BEFORE.value}`" in before
    reasons = list(Reason)
    following = reasons[reasons.index(_LAST_BEFORE) + 1]
    assert f"### `{following.value}`" not in before
    assert f"### `{following.value}`" in after


def test_the_errors_on_the_page_exist() -> None:
    """Each error that a table row begins with is a class of ours."""
    named = re.findall(r"^\| `(\w+)`", TEXT, flags=re.MULTILINE)
    named = [name for name in named if not name.isdigit()]
    assert len(named) > 1
    for name in named:
        assert issubclass(getattr(errors, name), errors.SealwireError)


def test_the_exit_codes_on_the_page_are_those_of_the_command_line() -> None:
    """All of them, and no other."""
    codes = re.findall(r"^\| (\d+) \|", TEXT, flags=re.MULTILINE)
    assert [int(status) for status in Exit] == [int(code) for code in codes]
