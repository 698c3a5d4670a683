"""What is printed cannot drive a terminal, whatever it holds."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealwire.cli import terminal

if TYPE_CHECKING:
    from collections.abc import Callable


@given(st.text(st.characters()))
def test_printable_text_is_printable(text: str) -> None:
    """No control character, no turn of direction, no line end is left; nothing else is changed."""
    shown = terminal.printable(text)
    assert shown.isprintable()
    if text.isprintable() and not set(text) & terminal._BLANK:
        assert text == shown


@given(st.text(st.characters()))
def test_lines_stay_lines(text: str) -> None:
    """Of a document, line ends and tabs are left."""
    shown = terminal.printable_lines(text)
    assert text.count("\n") == shown.count("\n")
    assert shown.replace("\n", "").replace("\t", "").isprintable()


def test_each_dangerous_kind_is_escaped() -> None:
    """Escape, C1 controls, DEL, direction, invisible, line separator, lone surrogate."""
    assert r"\x1b[2J \x9b \x7f \u202e \u200b \u2028 \udcff \U000e0001" == terminal.printable(
        "\x1b[2J \x9b \x7f \u202e \u200b \u2028 \udcff \U000e0001"
    )


def test_what_shows_nothing_is_shown() -> None:
    """Who signs for one name is not to sign for another that looks the same."""
    for blank in "\u3164\u115f\uffa0\u2800\u034f\ufe0f\U000e0100":
        shown = terminal.printable(f"payments{blank}")
        assert shown != "payments"
        assert shown.isascii()


def test_json_is_ascii_without_controls(capsys: pytest.CaptureFixture[str]) -> None:
    """And reads back as what it was."""
    value = {"a": "\x1b\x7f\x9b\u202e\u20ac\n", "b": [1, True, None]}
    terminal.say_json(value)
    printed = capsys.readouterr().out
    assert printed.isascii()
    assert printed.replace("\n", "").isprintable()
    assert value == json.loads(printed)


@pytest.mark.parametrize(
    "say",
    [
        lambda text: terminal.say_error(text, text),
        terminal.say_hint,
        lambda text: terminal.say_fields([("field", text)]),
    ],
    ids=["error", "hint", "field"],
)
def test_whatever_prints_escapes(
    say: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """Errors, hints and values alike."""
    say("a\x1b\nb")
    captured = capsys.readouterr()
    printed = captured.out + captured.err
    assert r"a\x1b\nb" in printed
    assert printed.replace("\n", "").isprintable()


def test_a_line_is_never_wrapped(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A path that is copied from a narrow terminal is whole."""
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    terminal.say(("word " * 30 + "[bold]:smile:", ""))
    assert "word " * 30 + "[bold]:smile:\n" == capsys.readouterr().out
