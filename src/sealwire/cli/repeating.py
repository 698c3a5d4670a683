"""The command that was typed, to be kept and said again.

Reasons (``--why``) are left out: they are for the service, and may be private.
"""

from __future__ import annotations

import shlex
from typing import Final

import click

MAX_COMMAND_CHARS: Final = 1000
"""A longer one is not kept: cut to a length it would be another command."""

_WHY: Final = "--why"


def arguments_typed() -> tuple[str, ...]:
    """Give what stood behind ``sealwire``; nothing where no command runs."""
    context = click.get_current_context(silent=True)
    found = None if context is None else context.find_root().obj
    return found if isinstance(found, tuple) else ()


def command_typed() -> str:
    """Give the command that runs now, as a shell takes it; ``""`` where it cannot be said."""
    arguments = arguments_typed()
    if not arguments:
        return ""
    kept = _without_why(arguments)
    more = "" if len(kept) == len(arguments) else f" (with its {_WHY})"
    command = f"{shlex.join(('sealwire', *kept))}{more}"
    return command if len(command) <= MAX_COMMAND_CHARS else ""


def option_typed(name: str) -> str:
    """Give the value of an option as it was typed, of the last one; ``""`` where it was not."""
    arguments = arguments_typed()
    found = ""
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
