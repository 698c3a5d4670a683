"""What a report holds, as it may be printed and copied.

Rules this module keeps:

1. An answer may be unsigned, so whoever sits on the address may have written the report. A member
   that is not what it should be makes the whole report unreadable, and is not shown.
2. Text is printable, and quoted for a shell where it stands in a command that somebody may copy.
   An id stands in commands too, and is one.
3. What is printed is not much longer than what a screen is worth, whatever the report holds: long
   text is cut, and of many rows the first are shown. How much was left out is said; with ``--json``
   there is all of it.
"""

from __future__ import annotations

import logging
import re
import shlex
from typing import TYPE_CHECKING, Any, Final, TypeVar

from sealwire.cli.terminal import printable, say
from sealwire.cli.wording import end_in_words, time_in_words
from sealwire.clock import wall_clock_ms

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_ID: Final = re.compile(r"[0-9a-f]{32}")
_GREATEST: Final = 2**53
_KEY_ID_CHARS: Final = 16

MAX_CHARS: Final = 300
"""A name or a target; the longest format that somebody would write."""

MAX_ROWS: Final = 500
"""The loggers of a large application that have something of their own."""

MAX_WORDS: Final = 20
"""On one line."""

T = TypeVar("T")


def text(value: object) -> str:
    """Give text that can be printed, cut where it is long.

    Raises:
        ValueError: it is no text.
    """
    if not isinstance(value, str):
        raise ValueError("no text")  # noqa: TRY004 - a value, not a call, is wrong
    if len(value) <= MAX_CHARS:
        return printable(value)
    return f"{printable(value[:MAX_CHARS])}… and {len(value) - MAX_CHARS} characters more"


def shown(rows: Iterable[T], what: str) -> Iterator[T]:
    """Give the first rows; behind them print how many more there are of ``what``."""
    known = list(rows)
    yield from known[:MAX_ROWS]
    if (more := len(known) - MAX_ROWS) > 0:
        say((f"and {more} {what} more, which --json prints", "yellow"))


def joined(words: Iterable[str], left_out: int = 0) -> str:
    """Give the first of ``words`` on one line, and how many more there are.

    Args:
        words: what can be printed.
        left_out: how many the answer had no room for.
    """
    known = list(words)
    more = left_out + max(0, len(known) - MAX_WORDS)
    return ", ".join(known[:MAX_WORDS]) + (f" and {more} more" if more else "")


def number(value: object) -> int:
    """Give a whole number.

    Raises:
        ValueError: it is none, or none that a report holds.
    """
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _GREATEST:
        raise ValueError("no number")
    return value


def request_id(value: object) -> str:
    """Give the id of a request.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise ValueError("no id")
    return value


def level(value: object) -> str:
    """Give a level by its name, or as a number where it has none.

    Raises:
        ValueError: it is none.
    """
    found = number(value)
    name = str(logging.getLevelName(found))
    return str(found) if name.startswith("Level ") else name


def time_of(value: object) -> str:
    """Give a time in words.

    Raises:
        ValueError: it is none.
        OverflowError: the same.
    """
    return time_in_words(number(value))


def end_of(value: object) -> str:
    """Give the time of an end in words, and how far from now that is by the clock of this side.

    Raises:
        ValueError: it is no time.
        OverflowError: the same.
    """
    return end_in_words(number(value), wall_clock_ms())


def quoted(*words: str) -> str:
    """Give words of a command as a shell takes them."""
    return " ".join(map(shlex.quote, words))


def say_changes(changes: Iterable[dict[str, Any]]) -> None:
    """Print differences, place by place."""
    for each in shown(changes, "changes"):
        where = text(each["where"])
        before, after = (_named(where, text(each[side])) for side in ("before", "after"))
        say((f"  {where}: ", ""), (before, "red"), (" → ", "dim"), (after, "green"))


def say_left_out(report: dict[str, Any], what: str) -> None:
    """Print how much an answer had no room for."""
    if left_out := report.get("left_out"):
        say((f"and {number(left_out)} {what}more, for which an answer has no room", "yellow"))


def _named(where: str, value: str) -> str:
    """Give a level's name in the place of its number."""
    return level(int(value)) if where.endswith(".level") and value.isdecimal() else value


def signed_by(row: Mapping[str, Any]) -> str:
    """Say whose a base or a lease is: the issuer, and who signed with them, each with a key id."""
    first, *others = [_signer(each) for each in row.get("signers") or [{}]]
    return f"{first} with {joined(others)}" if others else text(row["issuer"])


def _signer(row: Mapping[str, Any]) -> str:
    return f"{text(row['owner'])} ({text(row['key'])[:_KEY_ID_CHARS]})" if row else ""
