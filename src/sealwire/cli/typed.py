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
_CONFIGURATION: Final = "the configuration"
_SEALED: Final = "the sealed message"
UNFINISHED: Final = "the unfinished message"
THRESHOLD: Final = "threshold: "
"""How the detail of a refusal begins that wants more signatures."""

_AGAIN: Final = re.compile(
    r"sealwire (?:send CONFIG|lease LOGGER=LEVEL)(?: --to AUDIENCE| --for 15m)?( --lifetime \w+)?"
)
_POLICY: Final = (
    "; try it offline: sealwire policy check POLICY CONFIG",
    "; on the host, in words: sealwire policy explain POLICY",
)
_NO_HANDLER: Final = re.compile(r"through: there is no handler (.+); there are: (.+)")
_ADDRESS: Final = "--address"
_ALL: Final = ("--to", _ADDRESS, "--config")
_ASKING: Final = re.compile(
    r"sealwire (?:status|why|doctor|confirm ID|revert ID|lease LOGGER=DEBUG --for 15m)"
)
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


def which_settings() -> str:
    """Give the typed ``--config`` to put behind a next command."""
    return _options(("--config",))


def typed_at(addresses: tuple[str, ...]) -> str:
    """Give the command that was typed, for these addresses alone."""
    context = click.get_current_context(silent=True)
    given: tuple[str, ...] = () if context is None else tuple(context.find_root().obj or ())
    words: list[str] = []
    skips = False
    for word in given:
        if not skips and not word.startswith(f"{_ADDRESS}="):
            skips = word == _ADDRESS
            if not skips:
                words.append(word)
        else:
            skips = False
    end = words.index("--") if "--" in words else len(words)
    more = [word for address in addresses for word in (_ADDRESS, address)]
    return shlex.join([_PROGRAM, *words[:end], *more, *words[end:]])


def which_service(addresses: tuple[str, ...] = ()) -> str:
    """Give the typed ``--to``, ``--address`` and ``--config`` to put behind a next command.

    Args:
        addresses: those of some hosts alone, in place of what was typed.
    """
    return _options(_ALL, addresses)


def about(hint: str, sent: str) -> str:
    """Give a hint about what was sent, with commands that work as they are printed.

    Args:
        hint: one of `sealwire.cli.hints`, which are written for a configuration.
        sent: what to call what was sent: the configuration, the request, the sealed message.
    """
    hint = _ASKING.sub(lambda found: found[0] + _options_of(found[0]), hint)
    if sent in {_SEALED, UNFINISHED}:
        return hint
    if sent != _CONFIGURATION:
        hint = hint.replace(f"mend {_CONFIGURATION}", f"mend {sent}").replace(*_POLICY)
    return _AGAIN.sub(lambda found: typed(*_lifetime(found[1], sent)), hint)


def mended(detail: str) -> str:
    """Give the hint where a handler is not there and its name is near one that is, or ``""``."""
    found = _NO_HANDLER.fullmatch(detail)
    if found is None:
        return ""
    # Late, because reading documents loads more than most commands need.
    from sealwire.documents.reading import did_you_mean

    near = did_you_mean(found[1], found[2].split(", ")).removeprefix("; did you mean ")
    near = near.removesuffix("?")
    if not near:
        return f"name one of these with --through, as sealwire status{which_service()} shows them"
    return f"did you mean {near}? {typed(instead={found[1]: near})}"


def signed_by_more(detail: str, sent: str) -> str:
    """Give the hint where more people have to sign, or ``""``: the commands that let them.

    Args:
        detail: the answer's.
        sent: as for `about`.
    """
    if not detail.startswith(THRESHOLD):
        return ""
    context = click.get_current_context()
    if sent == UNFINISHED:
        file = shlex.quote(str(context.params.get("file")))
        return f"let others sign it as well: sealwire cosign {file}; then: {typed()}"
    first = "sealwire seal CONFIG --partial -o FILE"
    if context.info_name != "send":
        first = typed("--partial", "FILE")
    return f"let others sign it as well: {first}; then they: sealwire cosign FILE"


def _lifetime(lifetime: str | None, sent: str) -> tuple[str, ...]:
    """Give the words for a lifetime to a command that takes one."""
    return tuple(lifetime.split()) if lifetime and sent == _CONFIGURATION else ()


def _options_of(command: str) -> str:
    return _options(_KNOWN.get(command, _ALL))


def _options(names: tuple[str, ...], addresses: tuple[str, ...] = ()) -> str:
    context = click.get_current_context(silent=True)
    values = {} if context is None else dict(context.params)
    if addresses:
        values["address"] = addresses
    given = [(name, values.get(name.removeprefix("--"))) for name in names]
    several = [(name, it if isinstance(it, tuple) else (it,)) for name, it in given if it]
    return "".join(f" {name} {shlex.quote(str(each))}" for name, it in several for each in it)


def _replaced(word: str, instead: Mapping[str, str]) -> str:
    name, equals, value = word.partition("=")
    if name.startswith("--") and equals and value in instead:
        return f"{name}={instead[value]}"
    return instead.get(word, word)
