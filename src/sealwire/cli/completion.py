"""``sealwire completion``: the script that lets a shell complete what is typed.

The script runs the command itself with `VARIABLE` in the environment, and the command answers with
what could stand there. Click has all of it but for three things, which are here:

1. What completes a value: services from the operator's settings, files, levels, reasons and rules.
2. A script for bash that knows that a name such as ``payments@prod`` is one word. Bash divides
   words at ``@`` and ``=``, and Click's script takes them as bash divides them.
3. Nothing is said where nothing is known: no settings are no reason for an error at every Tab.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import click
from click.shell_completion import (
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    split_arg_string,
)

from sealwire.cli.endings import Exit
from sealwire.cli.reasons import explain_rules
from sealwire.cli.sealing import operator_settings
from sealwire.cli.terminal import say
from sealwire.documents.reading import LEVELS
from sealwire.errors import Reason, SealwireError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Items: TypeAlias = list[CompletionItem[str]]

PROGRAM: Final = "sealwire"
VARIABLE: Final = "_SEALWIRE_COMPLETE"
LINE: Final = "_SEALWIRE_LINE"
BREAKS: Final = "_SEALWIRE_BREAKS"
_ASKED: Final = "_complete"

_BASH: Final = """\
%(complete_func)s() {
    local type value
    COMPREPLY=()
    while IFS=, read -r type value; do
        case $type in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain) COMPREPLY+=("$value") ;;
        esac
    done < <(
        _SEALWIRE_LINE="${COMP_LINE:0:COMP_POINT}" _SEALWIRE_BREAKS="$COMP_WORDBREAKS" \\
            %(complete_var)s=bash_complete "$1" 2>/dev/null
    )
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""


class BashComplete(ShellComplete):
    """Completion for bash 4.4 or later."""

    name = "bash"
    source_template = _BASH

    def get_completion_args(self) -> tuple[list[str], str]:
        """Give the words in front of the one that is being typed, and what there is of that."""
        line = os.environ.get(LINE, "")
        words = split_arg_string(line)[1:]
        return (words[:-1], words[-1]) if words and not line[-1:].isspace() else (words, "")

    def complete(self) -> str:
        """Give a line for each thing that could stand there: a kind, a comma, a value."""
        words, word = self.get_completion_args()
        kept = _kept_chars(word, os.environ.get(BREAKS, ""))
        name, is_option, _ = word.partition("=")
        before = f"{name}=" if is_option and name.startswith("-") else ""
        lines = []
        for item in self.get_completions(words, word):
            value = item.value if item.type != "plain" else f"{before}{item.value}"[kept:]
            lines.append(f"{item.type},{value}")
        return "\n".join(lines)


def _kept_chars(word: str, breaks: str) -> int:
    """Say how much of a word bash leaves as it is: it replaces what it takes for the word itself.

    That is what stands behind the last of ``breaks``, and from ``@`` on together with it, because
    readline completes names of hosts so.
    """
    last = max((word.rfind(each) for each in breaks), default=-1)
    return last if word[last : last + 1] == "@" else last + 1


_SHELLS: Final[dict[str, type[ShellComplete]]] = {
    "bash": BashComplete,
    "zsh": ZshComplete,
    "fish": FishComplete,
}


@click.command(
    short_help="Print the script that completes what is typed.",
    epilog="""\b
Examples:
  source <(sealwire completion bash)
  sealwire completion zsh > ~/.zfunc/_sealwire
  sealwire completion fish > ~/.config/fish/completions/sealwire.fish
""",
)
@click.argument("shell", type=click.Choice([*_SHELLS]))
def completion(shell: str) -> Exit:
    """Print the script with which SHELL completes commands, options, services and files.

    For bash, put the first line below into ~/.bashrc; for zsh, the folder has to be in fpath.
    """
    app = click.get_current_context().find_root().command
    say((_SHELLS[shell](app, {}, PROGRAM, VARIABLE).source().rstrip("\n"), ""))
    return Exit.OK


def completed(app: click.Command, environ: Mapping[str, str]) -> str | None:
    """Answer a shell that asks what could stand there; ``None`` if none asks."""
    shell = _SHELLS.get(environ.get(VARIABLE, "").removesuffix(_ASKED))
    if shell is None or not environ[VARIABLE].endswith(_ASKED):
        return None
    # This process ends with the answer, so nobody else sees the types that are put in here.
    for each in _parameters(app):
        each.type = _completing(each) or each.type
    return shell(app, {}, PROGRAM, VARIABLE).complete()


def _parameters(command: click.Command) -> Iterator[click.Parameter]:
    yield from command.params
    if isinstance(command, click.Group):
        for each in command.commands.values():
            yield from _parameters(each)


def _completing(parameter: click.Parameter) -> click.ParamType[Any] | None:
    """Give the type that completes a parameter, by its name and by how help texts call it."""
    metavar = parameter.metavar or str(parameter.name).upper()
    if parameter.name == "to":
        return _Service()
    if parameter.name == "levels":
        return _LoggerLevel()
    if parameter.name == "reason_or_rule":
        return click.Choice([*(each.value for each in Reason), *explain_rules()])
    if metavar.endswith("FILE") or (isinstance(parameter, click.Argument) and metavar == "CONFIG"):
        return click.Path()
    return click.Path(file_okay=False) if metavar == "DIR" else None


class _Service(click.types.StringParamType):
    """A service that the operator's settings know."""

    name = "audience"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
        """Give those that begin so."""
        del param
        with suppress(SealwireError):
            targets = operator_settings(ctx.params.get("config")).targets
            return [
                CompletionItem(each.audience, help=each.address)
                for each in targets
                if each.audience.startswith(incomplete)
            ]
        return []


class _LoggerLevel(click.types.StringParamType):
    """A logger, ``=`` and a level; which loggers a process has is not known here."""

    name = "level"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> Items:
        """Give the levels that begin so."""
        del ctx, param
        logger, separator, level = incomplete.rpartition("=")
        if not separator:
            return []
        return [
            CompletionItem(f"{logger}={each}") for each in LEVELS if each.startswith(level.upper())
        ]
