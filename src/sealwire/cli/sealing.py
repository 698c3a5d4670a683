"""What sealing commands share: the operator's settings, the document, the sealed message."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING, Final

import click

from sealwire.cli.anatomy import looks_sealed
from sealwire.cli.endings import CommandError, Exit
from sealwire.cli.parameters import duration, in_words
from sealwire.cli.passphrases import with_passphrase
from sealwire.cli.typed import typed
from sealwire.clock import wall_clock_ms
from sealwire.documents import read_ini_plan, read_plan
from sealwire.documents.reading import did_you_mean
from sealwire.errors import MalformedError, shorten
from sealwire.requests import CONTENT_TYPE_INI, CONTENT_TYPE_JSON
from sealwire.sealer import DEFAULT_LIFETIME_S
from sealwire.sealerstate import FileSealerState
from sealwire.settings import find_operator_settings, load_operator_settings

if TYPE_CHECKING:
    from sealwire.settings import OperatorSettings, Target
    from sealwire.stages import Sealed

config_option: Final = click.option(
    "--config",
    metavar="FILE",
    help="The operator's settings; otherwise $SEALWIRE_CONFIG, then the user's folder.",
)


def _one_service(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> str | None:
    """Take one ``--to``; of several the last one alone would be asked, and nobody told."""
    if len(given) > 1:
        raise click.BadParameter(f"one service at a time, not {', '.join(given)}; ask each")
    return given[0] if given else None


to_option: Final = click.option(
    "--to",
    multiple=True,
    callback=_one_service,
    metavar="AUDIENCE",
    help="For which service; may be left out where there is only one.",
)
lifetime_option: Final = click.option(
    "--lifetime",
    "lifetime_s",
    type=duration,
    metavar="TIME",
    default=f"{DEFAULT_LIFETIME_S // 60}m",
    show_default=True,
    help="How long the message may wait for its delivery: 90s, 5m, 2h, 7d.",
)
standing_option: Final = click.option(
    "--standing",
    "standing_s",
    type=duration,
    metavar="TIME",
    default=None,
    help="In place of --lifetime, beyond 7 days: 90d. For files that wait; the service's settings "
    "have to allow it.",
)
unchecked_option: Final = click.option(
    "--unchecked", is_flag=True, help="Seal the document without reading it first."
)


def operator_settings(explicit: str | None) -> OperatorSettings:
    """Load the operator's settings, wherever they are, with a way to the key's passphrase.

    Raises:
        ConfigurationError: there are none, or they cannot be used.
    """
    path = find_operator_settings(explicit, os.environ).path
    return with_passphrase(load_operator_settings(path))


def target_of(settings: OperatorSettings, to: str | None) -> Target:
    """Give the service that is meant.

    Raises:
        ConfigurationError: no service is known.
        CommandError: there are several, or none of this name, with the command that names one.
    """
    known = [each.audience for each in settings.targets]
    if not known or to in known or (to is None and len(known) == 1):
        return settings.target(to)
    if to is None:
        raise CommandError(
            Exit.LOCAL_FAILURE,
            f"{settings.path} knows several services, and none was named: {', '.join(known)}",
            f"say which: {typed('--to', known[0])}",
        )
    near = did_you_mean(to, known).removeprefix("; did you mean ").removesuffix("?")
    raise CommandError(
        Exit.LOCAL_FAILURE,
        f"{settings.path} does not know {shorten(to)}, but: {', '.join(known)}",
        f"{'did you mean' if near else 'name one of them, such as'}: "
        f"{typed(instead={to: near or known[0]})}",
    )


def content_type_of(document: bytes) -> str:
    """Say in which language a document is: one in JSON begins with a brace, one in INI never.

    What the text holds behind that is not looked at, so ``--unchecked`` changes nothing here.
    """
    return CONTENT_TYPE_JSON if document.lstrip()[:1] == b"{" else CONTENT_TYPE_INI


def check_document(name: str, document: bytes, *, unchecked: bool) -> None:
    """Read a document as the service will, so that a slip is told before anything is sent.

    Raises:
        CommandError: it is sealed already, or no configuration.
    """
    if looks_sealed(document):
        raise CommandError(
            Exit.LOCAL_FAILURE,
            f"{in_words(name)} is sealed already",
            f"send it as it is: sealwire send {shlex.quote(name)}",
        )
    if unchecked:
        return
    is_ini = content_type_of(document) == CONTENT_TYPE_INI
    try:
        (read_ini_plan if is_ini else read_plan)(document)
    except MalformedError as error:
        # Whoever meant JSON would wonder about a complaint in terms of sections.
        how = "it was read as INI, because JSON begins with {; " if is_ini else ""
        raise CommandError(
            Exit.LOCAL_FAILURE,
            f"{in_words(name)} would be refused, and was not sealed: {error.reason.value}: "
            f"{error.detail}",
            f"{how}mend the place named, or seal it all the same with --unchecked",
        ) from None


def seal_document(
    settings: OperatorSettings, target: Target, document: bytes, lifetime_s: int
) -> Sealed:
    """Seal ``document``, JSON or INI, for ``target``; versions are remembered beside the settings.

    Raises:
        ConfigurationError: a key cannot be used.
        SealError: the state cannot be used, or the document is too long.
    """
    state = FileSealerState(settings.state_path)
    return settings.sealer(target, state, wall_clock_ms).seal(
        document, content_type=content_type_of(document), lifetime_s=lifetime_s
    )
