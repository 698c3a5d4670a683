"""What people write on the command line, read into values; what cannot be read is a usage error."""

from __future__ import annotations

import re
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import click

from sealwire.cli.endings import CommandError, Exit
from sealwire.cli.typed import which_service
from sealwire.errors import ConfigurationError
from sealwire.keys import check_name
from sealwire.transports.addresses import parse_address, parse_target

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

STDIN: Final = "-"

_DURATION: Final = re.compile(r"([1-9][0-9]{0,7})([smhd]?)", re.ASCII)
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_ID: Final = re.compile(r"[0-9a-f]{32}")


def duration(text: str) -> int:
    """Read a duration such as ``90s``, ``5m``, ``2h`` or ``7d``; give whole seconds.

    A number alone is not taken: who writes 15 may mean minutes, and would get seconds.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise click.BadParameter(f"{text!r} is not a duration; write 90s, 5m, 2h or 7d")
    if not match[2]:
        raise click.BadParameter(f"{text!r} has no unit; write {text}s, {text}m or {text}h")
    return int(match[1]) * _SECONDS[match[2]]


def instant(text: str) -> int:
    """Read a time with its offset from UTC (RFC 3339); give milliseconds since the epoch."""
    try:
        moment = datetime.fromisoformat(text)
        # A time of the year 1 in a zone east of Greenwich is before the first one there is.
        since_epoch_s = moment.timestamp() if moment.tzinfo else -1.0
    except (ValueError, OverflowError):
        since_epoch_s = -1.0
    if since_epoch_s < 0:
        raise click.BadParameter(
            f"{text!r} is not a time with its offset since 1970; write 2026-11-23T09:00:00Z"
        )
    return round(since_epoch_s * 1000)


def check_request_id(text: str) -> None:
    """Refuse what is no whole id of a request: a part of one names nothing.

    Raises:
        CommandError: it is none, with the command that shows the whole one.
    """
    if not _ID.fullmatch(text):
        raise CommandError(
            Exit.USAGE,
            f"{text!r} is not a whole id, which has 32 hex digits; nothing was sent",
            f"copy it whole from what is in force: sealwire status{which_service()}",
        )


def owner(text: str) -> str:
    """Read the name of an owner."""
    return _checked(lambda: check_name(text, "owner"))


def audience(text: str) -> str:
    """Read an audience."""
    return _checked(lambda: check_name(text, "audience"))


def address(text: str) -> str:
    """Read an address."""
    return _checked(lambda: str(parse_address(text)))


def target_address(text: str) -> str:
    """Read an address to ask, which may hold a host's name."""
    return _checked(lambda: str(parse_target(text)))


def _checked(check: Callable[[], T]) -> T:
    try:
        return check()
    except ConfigurationError as error:
        raise click.BadParameter(str(error)) from None


def in_words(name: str) -> str:
    """Give a file's name, or words for ``-``."""
    return "standard input" if name == STDIN else name


def read_input(name: str, max_bytes: int) -> bytes:
    """Read the file ``name``, or standard input for ``-``.

    Raises:
        CommandError: it cannot be read, or has more than ``max_bytes``.
    """
    try:
        if name == STDIN:
            content = sys.stdin.buffer.read(max_bytes + 1)
        else:
            with Path(name).open("rb") as file:
                content = file.read(max_bytes + 1)
    except (OSError, ValueError) as failure:
        reason = (isinstance(failure, OSError) and failure.strerror) or str(failure)
        raise CommandError(
            Exit.LOCAL_FAILURE,
            f"{in_words(name)} cannot be read: {reason[:1].lower()}{reason[1:]}",
            "name a file that is there, or - for standard input",
        ) from None
    if len(content) > max_bytes:
        raise CommandError(
            Exit.LOCAL_FAILURE,
            f"{in_words(name)} has more than {max_bytes} bytes, which is the most that can be sent",
            "name another file",
        )
    return content
