"""What the demo writes: numbered steps in plain words, wrapped to the terminal, no colour."""

from __future__ import annotations

import shutil
import textwrap
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_WIDEST: Final = 100
_LABEL_CHARS: Final = 11
_INDENT: Final = "   "


class Screen:
    """Writes steps."""

    def __init__(self, write: Callable[[str], None]) -> None:
        """Write each line with ``write``, which ends it."""
        self._write = write
        self._width = min(shutil.get_terminal_size().columns, _WIDEST) - 1

    def paragraph(self, text: str) -> None:
        """Write a paragraph and an empty line."""
        self._wrapped(text, "", "")
        self._write("")

    def step(self, number: int, of: int, title: str) -> None:
        """Begin a step."""
        self._write(f"[{number}/{of}] {title}")

    def done(self, text: str) -> None:
        """Say what was done."""
        self._labelled("done", text)

    def expected(self, text: str) -> None:
        """Say what should come of it."""
        self._labelled("expected", text)

    def happened(self, text: str) -> None:
        """Say what came of it."""
        self._labelled("happened", text)

    def quote(self, lines: Iterable[str]) -> None:
        """Show lines that a process wrote, marked as such."""
        for line in lines:
            self._wrapped(line, f"{_INDENT}  | ", f"{_INDENT}  |     ")

    def passed(self) -> None:
        """End a step that went as expected."""
        self._labelled("checked", "as expected")
        self._write("")

    def _labelled(self, label: str, text: str) -> None:
        first = _INDENT + label.ljust(_LABEL_CHARS)
        self._wrapped(text, first, " " * len(first))

    def _wrapped(self, text: str, first: str, rest: str) -> None:
        wrapped = textwrap.wrap(
            text,
            self._width,
            initial_indent=first,
            subsequent_indent=rest,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in wrapped:
            self._write(line)
