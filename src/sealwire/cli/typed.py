"""What was typed, for hints whose next command works as it is printed.

Rules this module keeps:

1. A command is given back as it was typed, quoted for a shell, with what is to be added or changed.
2. A command that asks the same service has the options that say which, as they were typed.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

_PROGRAM: Final = "sealwire"
_ALL: Final = ("--to", "--address", "--config")
_ASKING: Final = re.compile(r"sealwire (?:status|why|doctor|confirm ID|revert ID)")
_KNOWN: Final = {"sealwire why": ("--config",), "sealwire doctor": ("--to", "--config")}
"""The options of commands that do not take all of them."""


def typed(*more: str, instead: Mapping[str, str] | None = None) -> str:
    """Give the command that was typed; ``sealwire`` alone where none was.

    Args:
        more: words to add.
        instead: values of options to replace, by the value that was typed.
    """
    context = click.get_current_context(silent=True)
    given: tuple[str, ...] = () if context is None else tuple(context.find_root().obj or ())
    words = [_replaced(word, instead or {}) for word in given]
    # Behind ``--`` everything is an argument.
    end = words.index("--") if "--" in words else len(words)
    return shlex.join([_PROGRAM, *words[:end], *more, *words[end:]])


def which_service() -> str:
    """Give the typed ``--to``, ``--address`` and ``--config`` to put behind a next command."""
    return _options(_ALL)


def asking_here(hint: str) -> str:
    """Give a hint whose commands ask the service that the typed command asks."""
    return _ASKING.sub(lambda found: found[0] + _options_of(found[0]), hint)


def _options_of(command: str) -> str:
    return _options(_KNOWN.get(command, _ALL))


def _options(names: tuple[str, ...]) -> str:
    context = click.get_current_context(silent=True)
    values = {} if context is None else context.params
    given = [(name, values.get(name.removeprefix("--"))) for name in names]
    return "".join(f" {name} {shlex.quote(str(it))}" for name, it in given if it)


def _replaced(word: str, instead: Mapping[str, str]) -> str:
    name, equals, value = word.partition("=")
    if name.startswith("--") and equals and value in instead:
        return f"{name}={instead[value]}"
    return instead.get(word, word)
