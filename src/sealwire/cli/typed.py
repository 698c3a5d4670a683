"""What was typed, for saying it again.

Reasons (``--why``) are left out wherever it is kept: they are for the service, and may be private.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_COMMAND_CHARS: Final = 1000
"""A longer one is not kept: cut to a length it would be another command."""

_WHY: Final = "--why"


def remember(context: click.Context, arguments: Sequence[str]) -> None:
    """Keep what was typed behind ``sealwire`` for the commands of this context."""
    context.obj = tuple(arguments)


def typed_command() -> str:
    """Give the command that runs now, as a shell takes it; ``""`` where it cannot be said."""
    context = click.get_current_context(silent=True)
    arguments = None if context is None else context.find_root().obj
    if not isinstance(arguments, tuple):
        return ""
    kept = _without_why(arguments)
    more = "" if len(kept) == len(arguments) else f" (with its {_WHY})"
    command = f"{shlex.join(('sealwire', *kept))}{more}"
    return command if len(command) <= MAX_COMMAND_CHARS else ""


def typed_option(arguments: Sequence[str], name: str) -> str | None:
    """Give the value of an option that was typed, of the last one if there are several."""
    found = None
    for place, each in enumerate(arguments):
        if each.startswith(f"{name}="):
            found = each.removeprefix(f"{name}=")
        elif each == name and place + 1 < len(arguments):
            found = arguments[place + 1]
    return found


def _without_why(arguments: tuple[str, ...]) -> list[str]:
    kept: list[str] = []
    skips = False
    for each in arguments:
        if skips or each == _WHY:
            skips = not skips
        elif not each.startswith(f"{_WHY}="):
            kept.append(each)
    return kept
