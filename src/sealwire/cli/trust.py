"""``sealwire trust``: which key a service's answers have to be signed with.

Rules this module keeps:

1. No key is trusted because it was seen first. Somebody says that this is the one: by its
   fingerprint, which came another way, or by an answer to the question.
2. A key that is trusted already is not replaced unless that is said.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from sealwire.cli import parameters
from sealwire.cli.endings import CommandError, Exit
from sealwire.cli.operator_part import pinned_path
from sealwire.cli.sealing import config_option, target_of
from sealwire.cli.terminal import flush, printable, say, say_fields, say_hint
from sealwire.keyfiles import load_verify_key, write_key_file
from sealwire.settings import (
    NO_OPERATOR_YET,
    find_operator_settings,
    load_operator_settings,
    next_receipt_key,
    read_settings,
    with_receipt_keys,
    write_settings,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sealwire.keys import VerifyKey
    from sealwire.settings import OperatorSettings, Target


@click.command(
    short_help="Trust a service's receipt key.",
    epilog="""\b
Examples:
  sealwire trust payments@prod --key receipt.key.pub
  sealwire trust payments@prod --key receipt.key.pub --fingerprint 5bf1c9b1d4a6e0c2
  sealwire trust payments@prod --key receipt-of-b.pub --another
  sealwire trust payments@prod
""",
)
@click.argument("audience", type=parameters.audience)
@click.option("--key", metavar="FILE", help="The public half of the host's receipt key.")
@click.option(
    "--fingerprint",
    metavar="HEX",
    help="Of the key, as its host says it: trusts it if it is that one, and asks nothing.",
)
@click.option("--force", is_flag=True, help="Replace another key that is trusted already.")
@click.option(
    "--next", "as_next", is_flag=True, help="Trust it beside the one that the host still uses."
)
@click.option(
    "--another",
    is_flag=True,
    help="Trust it beside those of the service's other hosts, which have keys of their own.",
)
@config_option
def trust(
    audience: str,
    key: str | None,
    fingerprint: str | None,
    config: str | None,
    *,
    force: bool,
    as_next: bool,
    another: bool,
) -> Exit:
    """Trust the receipt key of the service AUDIENCE, so that its answers can be verified.

    The key is what sealwire init made on the service's host: receipt.key.pub. Its fingerprint has
    to come by a way on which nobody could have exchanged it. Without --key, the key that is trusted
    is shown.
    """
    place = find_operator_settings(config, os.environ)
    path, text = read_settings(place.path, NO_OPERATOR_YET)
    settings = load_operator_settings(path)
    target = target_of(settings, audience)
    if as_next and another:
        raise click.UsageError(
            "a host's next key is no other host's; leave --next or --another out"
        )
    if key is None:
        return _say_known(settings, target)
    host = load_verify_key(key)
    known = _known(settings, target)
    if as_next:
        return _trust_next(known, target, host, fingerprint)
    pinned = _place_of(host, known, pinned_path(path, audience), another=another)
    if known.get(pinned, host) != host and not force:
        there = known[pinned]
        raise CommandError(
            Exit.LOCAL_FAILURE,
            f"another receipt key of {audience} is trusted: {there.fingerprint} of {there.owner}; "
            f"this one is {host.fingerprint} of {host.owner}",
            "if the host has a new one, and says so, replace it with --force; if it is that of "
            "another host of the same service: --another",
        )
    _say_key(audience, host)
    _check_meant(host, fingerprint)
    # A single one that is not there is what this one was to be.
    kept = target.receipt_keys if len(target.receipt_keys) > 1 else tuple(known)
    keys = list(dict.fromkeys((*kept, pinned)))
    written = with_receipt_keys(settings, text, target, keys)
    write_key_file(pinned, host, force=True)
    # What was to come has come, or is another host's.
    next_receipt_key(pinned).unlink(missing_ok=True)
    write_settings(path, written, force=True)
    with_it = "it or another host's" if len({*known, pinned}) > 1 else "it"
    say(
        ("trusted", "bold green"), (f": answers of {audience} have to be signed with {with_it}", "")
    )
    return Exit.OK


def _known(settings: OperatorSettings, target: Target) -> dict[Path, VerifyKey]:
    """Load the keys that are trusted, by their files.

    Settings as a host's ``sealwire init`` prints them name a file that is yet to come: this command
    brings it.

    Raises:
        KeyFileError: a file is malformed or too open.
    """
    there = tuple(path for path in target.receipt_keys if os.path.lexists(path))
    return settings.load_receipt_keys(replace(target, receipt_keys=there))


def _place_of(
    host: VerifyKey, known: Mapping[Path, VerifyKey], usual: Path, *, another: bool
) -> Path:
    """Say in which file a key is to lie: that of the same host, or a new one for another host.

    Raises:
        CommandError: several hosts are known, and none is this one, or it is not told which key is
            to go.
    """
    if same := [path for path, key in known.items() if key == host]:
        return same[0]
    owned = [path for path, key in known.items() if key.owner == host.owner]
    if len(owned) > 1:
        raise CommandError(
            Exit.LOCAL_FAILURE,
            f"{len(owned)} keys of {host.owner} are trusted, so it is not known which one goes",
            "take one of them out of receipt_key in the settings: "
            f"{', '.join(path.name for path in owned)}",
        )
    if another and owned:
        raise CommandError(
            Exit.LOCAL_FAILURE,
            f"a key of {host.owner} is trusted already, and would stay so",
            "if the host has a new one, and says so, replace it: --force in place of --another",
        )
    if another and known:
        return usual.with_name(f"{usual.stem}-{host.fingerprint}{usual.suffix}")
    if len(known) > 1 and not owned:
        raise CommandError(
            Exit.LOCAL_FAILURE,
            f"several hosts are trusted, and {host.owner} is none of them",
            "if it is another host of the same service: --another",
        )
    return next(iter(owned or known), usual)


def _say_known(settings: OperatorSettings, target: Target) -> Exit:
    """Say which keys are trusted.

    Raises:
        CommandError: there is none.
        KeyFileError: a file is missing, malformed or too open.
    """
    known = settings.load_receipt_keys(target)
    if not known:
        raise CommandError(
            Exit.REFUSED,
            f"no receipt key of {target.audience} is trusted, so its answers cannot be verified",
            "get its public half from the service's host, then: sealwire trust "
            f"{target.audience} --key FILE",
        )
    for key in known.values():
        _say_key(target.audience, key)
    return Exit.OK


def _trust_next(
    known: Mapping[Path, VerifyKey], target: Target, host: VerifyKey, fingerprint: str | None
) -> Exit:
    """Trust the key that a host goes over to, beside the one that it still uses."""
    owned = [path for path, key in known.items() if key.owner == host.owner]
    if len(owned) != 1:
        raise CommandError(
            Exit.LOCAL_FAILURE,
            f"no receipt key of {host.owner} is trusted for {target.audience}, so none follows it",
            f"trust the one that it uses: sealwire trust {target.audience} --key FILE",
        )
    _say_key(target.audience, host)
    _check_meant(host, fingerprint)
    write_key_file(next_receipt_key(owned[0]), host, force=True)
    say(("trusted", "bold green"), (f" as well: answers of {target.audience} signed with it", ""))
    return Exit.OK


def _say_key(audience: str, key: VerifyKey) -> None:
    say_fields(
        [
            ("service", audience),
            ("host", key.owner),
            ("fingerprint", key.fingerprint),
            ("thumbprint", key.thumbprint.hex()),
        ]
    )


def _check_meant(key: VerifyKey, fingerprint: str | None) -> None:
    """Check that somebody means this key (rule 1).

    Raises:
        CommandError: its fingerprint is another one, or nobody has said that it is right.
    """
    if fingerprint is not None:
        if fingerprint.lower() not in {key.fingerprint, key.thumbprint.hex()}:
            raise CommandError(
                Exit.REFUSED,
                f"the key's fingerprint is {key.fingerprint}, and not {printable(fingerprint)}",
                "do not trust it; get the file again from the service's host",
            )
        return
    if not sys.stdin.isatty():
        raise CommandError(
            Exit.LOCAL_FAILURE,
            "nobody can be asked whether this is the host's key, and nothing was trusted",
            f"compare it with what the host says, then add: --fingerprint {key.fingerprint}",
        )
    say_hint("on the service's host: sealwire keys show receipt.key.pub")
    flush()
    if not click.confirm("is this the fingerprint that the host shows?", default=False, err=True):
        raise CommandError(
            Exit.REFUSED,
            "the key is not trusted",
            "ask whoever runs the service for its fingerprint",
        )
