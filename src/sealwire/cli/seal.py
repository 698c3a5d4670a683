"""``sealwire seal``: seal a configuration into a file, to be sent later or from elsewhere."""

from __future__ import annotations

import click
from click.core import ParameterSource

from sealwire.checks.freshness import STANDING_S
from sealwire.cli.endings import Exit
from sealwire.cli.parameters import STDIN, read_input
from sealwire.cli.passphrases import passphrase_options
from sealwire.cli.sealing import (
    check_document,
    config_option,
    content_type_of,
    lifetime_option,
    operator_settings,
    seal_document,
    standing_option,
    target_of,
    to_option,
    unchecked_option,
)
from sealwire.cli.terminal import say, write_bytes
from sealwire.cli.unfinished import LIFETIMES_S, write_new
from sealwire.clock import wall_clock_ms
from sealwire.documents.strict_json import MAX_DOCUMENT_BYTES
from sealwire.errors import SealError
from sealwire.keyfiles import write_checked
from sealwire.sealerstate import FileSealerState
from sealwire.stages import Stream
from sealwire.unfinished import seal_unfinished


@click.command(
    epilog="""\b
Examples:
  sealwire seal debug.json -o debug.sealed --lifetime 2h
  sealwire seal logging.ini -o logging.sealed
  sealwire seal logging.ini --partial -o logging.partial
  sealwire seal debug.json --to payments@prod | ssh host sealwire send - --address unix:/run/p.sock
"""
)
@click.argument("document")
@to_option
@click.option("-o", "--out", metavar="FILE", default=STDIN, help="Where to; otherwise stdout.")
@lifetime_option
@standing_option
@click.option(
    "--partial",
    is_flag=True,
    help="Leave it unfinished, for others to sign as well: sealwire cosign. Needs -o.",
)
@unchecked_option
@config_option
@passphrase_options
@click.option("--force", is_flag=True, help="Replace a file that is there.")
def seal(
    document: str,
    to: str | None,
    out: str,
    lifetime_s: int,
    standing_s: int | None,
    config: str | None,
    *,
    partial: bool,
    unchecked: bool,
    force: bool,
) -> Exit:
    """Seal a logging configuration.

    DOCUMENT is JSON in the form of Python's dictConfig, or INI in that of its fileConfig, or - for
    standard input. What begins with { is read as JSON.
    """
    if lifetime_s > STANDING_S:
        days = STANDING_S // 86_400
        raise click.UsageError(
            f"a lifetime over {days} days is refused by every service that has not said otherwise; "
            "if this one has, write --standing"
        )
    if partial and out == STDIN:
        raise click.UsageError(
            "an unfinished message is a file that others put a signature into; name it with -o FILE"
        )
    content = read_input(document, MAX_DOCUMENT_BYTES)
    settings = operator_settings(config)
    target = target_of(settings, to)
    check_document(document, content, unchecked=unchecked)
    if partial:
        given = click.get_current_context().get_parameter_source("lifetime_s")
        if given is ParameterSource.DEFAULT:
            lifetime_s = LIFETIMES_S[Stream.BASE]
        state = FileSealerState(settings.state_path)
        unfinished = seal_unfinished(
            settings.sealer(target, state, wall_clock_ms),
            content,
            content_type=content_type_of(content),
            stream=Stream.BASE,
            lifetime_s=standing_s or lifetime_s,
        )
        return write_new(out, unfinished, force=force)
    sealed = seal_document(settings, target, content, standing_s or lifetime_s)
    if out == STDIN:
        write_bytes(sealed)
        return Exit.OK
    write_checked(out, sealed, mode=0o600, force=force, error=SealError)
    say((f"sealed by {settings.issuer} for {target.audience}, {len(sealed)} bytes", ""))
    return Exit.OK
