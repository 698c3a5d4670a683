"""How commands come to a passphrase: a file, a program, or a person at the terminal.

Rules this module keeps:

1. A passphrase never stands on a command line; there is no option that takes one.
2. What is named in the command counts before the settings, and these before asking.
3. A person is asked without echo, where there is a terminal, and twice for a new one. One command
   asks for one passphrase once.
"""

from __future__ import annotations

import getpass
import hmac
import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from sealwire.cli.endings import CommandError, Exit
from sealwire.keyfiles import (
    Passphrase,
    PassphraseCommand,
    PassphraseFile,
    check_new,
    split_command,
)
from sealwire.keyfiles.passphrases import reveal_passphrase

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealwire.keyfiles import Ask
    from sealwire.settings import OperatorSettings

F = TypeVar("F", bound="Callable[..., Any] | click.Command")

_FILE, _COMMAND = "passphrase_file", "passphrase_command"
_NAMED: Final = "sealwire.passphrase"


passphrase_option: Final = click.option(
    "--passphrase",
    is_flag=True,
    help="Encrypt it under a passphrase, which is asked for unless an option names it.",
)


def passphrase_options(command: F) -> F:
    """Give a command the options that say where a passphrase is; see `named_ask`."""
    return _with_options(command, "", "The first line of FILE is the key's passphrase")


def new_passphrase_options(command: F) -> F:
    """Give a command the same for a passphrase that is to be; see `named_ask`."""
    return _with_options(command, "new-", "The first line of FILE is the new passphrase")


def named_ask(which: str = "") -> Ask | None:
    """Give what reads the passphrase that an option names; ``None`` where none does.

    Args:
        which: ``new-`` for the options of `new_passphrase_options`.
    """
    context = click.get_current_context(silent=True)
    named: dict[str, Ask] = {} if context is None else context.meta.get(_NAMED, {})
    return named.get(which)


def with_passphrase(settings: OperatorSettings) -> OperatorSettings:
    """Give settings a way to the passphrase of the signing key."""
    ask = named_ask()
    if ask is None and settings.passphrase_command:
        ask = PassphraseCommand(settings.passphrase_command)
    return replace(settings, ask=_Once(ask or ask_person))


def new_passphrase(what: str, ask: Ask | None) -> Passphrase:
    """Give the passphrase that a key is to be under.

    Args:
        what: which key, for whoever is asked.
        ask: what an option named; otherwise a person is asked, twice.

    Raises:
        KeyFileError: it is too short, or cannot be had.
        CommandError: nobody can be asked.
    """
    return ask_new(what) if ask is None else check_new(ask(what))


def ask_person(what: str) -> Passphrase:
    """Ask whoever is at the terminal.

    Raises:
        CommandError: there is no terminal.
        KeyFileError: what was typed is no passphrase.
    """
    return _typed(f"passphrase of {what}: ")


def ask_new(what: str) -> Passphrase:
    """Ask whoever is at the terminal for a new passphrase, twice.

    Raises:
        CommandError: there is no terminal, or the two differ.
        KeyFileError: what was typed is too short.
    """
    first = check_new(_typed(f"new passphrase of {what}: "))
    second = _typed("the same once more: ")
    if not hmac.compare_digest(reveal_passphrase(first), reveal_passphrase(second)):
        raise CommandError(
            Exit.LOCAL_FAILURE, "the two passphrases differ, and nothing was written", "try again"
        )
    return first


class _Once:
    """Asks once for each key, however many services a command asks."""

    def __init__(self, ask: Ask) -> None:
        self._ask, self._known = ask, dict[str, Passphrase]()

    def __call__(self, what: str) -> Passphrase:
        if what not in self._known:
            self._known[what] = self._ask(what)
        return self._known[what]


def _typed(prompt: str) -> Passphrase:
    if not _has_terminal():
        raise CommandError(
            Exit.LOCAL_FAILURE,
            "a passphrase is needed, and there is no terminal to ask for it",
            'name a file with --passphrase-file, or a program with --passphrase-command "CMD …"',
        )
    # Straight from the terminal; bytes that are no text come back as they were.
    return Passphrase(getpass.getpass(prompt).encode("utf-8", "surrogateescape"))


def _has_terminal() -> bool:
    if sys.platform == "win32":
        return sys.stdin.isatty()
    else:  # noqa: RET505 - the type checker looks at one branch on each system
        try:
            os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
        except OSError:
            return False
        return True


def _with_options(command: F, which: str, help_text: str) -> F:
    def note(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
        if value is None:
            return
        named = context.meta.setdefault(_NAMED, {})
        if which in named:
            raise click.UsageError(
                f"--{which}passphrase-file and --{which}passphrase-command say the same; leave one "
                "out"
            )
        if parameter.name == f"{which}{_FILE}".replace("-", "_"):
            named[which] = PassphraseFile(value)
            return
        try:
            named[which] = PassphraseCommand(split_command(value))
        except ValueError as error:
            raise click.BadParameter(
                f"that is no command: {error}; write the program and its arguments"
            ) from None

    for name, metavar, what in (
        ("command", "CMD", "A program that prints it, and its arguments; no shell is started."),
        ("file", "FILE", f"{help_text}; its owner alone may read it."),
    ):
        command = click.option(
            f"--{which}passphrase-{name}",
            metavar=metavar,
            expose_value=False,
            callback=note,
            help=what,
        )(command)
    return command
