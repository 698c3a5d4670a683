"""``sealwire keys push`` and ``rehearse``; and pushing at once what takes somebody's trust away."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import click

from sealwire.cli.custodian import Custodian
from sealwire.cli.endings import CommandError, Exit
from sealwire.cli.keyring_files import load_ring_key
from sealwire.cli.keyring_options import ring_options
from sealwire.cli.keyring_services import Services, say_shown, services_of
from sealwire.cli.options import json_option, timeout_option
from sealwire.cli.sealing import operator_settings
from sealwire.cli.terminal import flush, say_hint
from sealwire.errors import SealwireError
from sealwire.keyring.rotation import services_of as services_that_take
from sealwire.keys import VerifyKey

if TYPE_CHECKING:
    from collections.abc import Callable

    F = TypeVar("F", bound="Callable[..., object] | click.Command")

to_options: Final = click.option(
    "--to",
    multiple=True,
    metavar="AUDIENCE",
    help="To this service alone. Repeatable; by default to every one of the operator's settings.",
)


def push_options(command: F) -> F:
    """Give a command that pushes at once its options: ``no_push`` and ``timeout_s``."""
    no_push = click.option(
        "--no-push", is_flag=True, help="Only sign it; services know nothing of it yet."
    )
    return no_push(timeout_option(command))


@click.command(
    short_help="Have services follow the keyring.",
    epilog="""\b
Examples:
  sealwire keys push
  sealwire keys push --to payments@prod --to billing@prod --json

\b
Exit status: 0 every service has confirmed it by a verified receipt, 5 some have and some have not;
none has: 1 refused or unverified, 3 nobody could be reached, 4 no answer.
""",
)
@to_options
@timeout_option
@ring_options
@json_option
def push(
    to: tuple[str, ...], timeout_s: int, ring: str | None, config: str | None, *, as_json: bool
) -> Exit:
    """Send the keyring to services, and say which have confirmed that it is in force there.

    Confirmed is what a receipt says that is signed with the service's receipt key. A service that
    follows a file on its host takes it from there as well: bring the keyring there.
    """
    custodian = Custodian.open(ring, config)
    services = services_of(custodian, config, to, timeout_s)
    ending = say_shown(services.tell(), custodian, as_json=as_json, done="confirmed")
    return _ended(ending, "sealwire keys push", "have not confirmed it")


@click.command(
    short_help="Try a key that is not in service yet.",
    epilog="""\b
Examples:
  sealwire keys rehearse 5bf1c9b1d4a6e0c2 --key alice-2.signing
  sealwire keys rehearse --key alice-2.signing --to payments@prod

\b
Exit status: 0 every service takes it, 5 some do, otherwise as sealwire keys push.
""",
)
@click.argument("key_id", metavar="[KEY]", required=False)
@click.option("--key", "file", metavar="FILE", help="The file with the private or secret key.")
@to_options
@timeout_option
@ring_options
@json_option
def rehearse(
    key_id: str | None,
    file: str | None,
    to: tuple[str, ...],
    timeout_s: int,
    ring: str | None,
    config: str | None,
    *,
    as_json: bool,
) -> Exit:
    """Ask each service for its status with KEY, which changes nothing, and say who takes it.

    This needs the private or secret part; whoever has it rehearses. A host's receipt key shows by
    the receipts themselves: sealwire keys rotate looks at them.
    """
    custodian = Custodian.open(ring, config)
    if file is None:
        raise CommandError(
            Exit.USAGE,
            "a message is sealed with the key, so its file is needed",
            "name it: --key FILE",
        )
    key = load_ring_key(file)
    if isinstance(key, VerifyKey):
        raise CommandError(
            Exit.LOCAL_FAILURE, f"{file} holds the public half", "name the private one with --key"
        )
    if key_id is None and key.thumbprint not in {
        each.thumbprint for each in custodian.keyring.keys
    }:
        raise CommandError(
            Exit.LOCAL_FAILURE,
            f"key {key.fingerprint} of {file} is not in the keyring {custodian.keyring.name} "
            f"{custodian.keyring.version}",
            "whoever keeps the keyring lets it in, not in service yet: sealwire keys rotate "
            f"--owner {key.owner} --role ROLE --key FILE.pub",
        )
    named = custodian.key(key.thumbprint.hex() if key_id is None else key_id)
    if named.thumbprint != key.thumbprint:
        raise CommandError(
            Exit.LOCAL_FAILURE,
            f"{file} holds key {key.fingerprint}, and not {named.fingerprint}",
            "name the file of the key that is meant, or leave KEY out",
        )
    settings = operator_settings(config)
    known = to or tuple(target.audience for target in settings.targets)
    services = Services(custodian, settings, services_that_take(named, known), timeout_s)
    ending = say_shown(
        services.rehearse(key, Path(file).absolute()), custodian, as_json=as_json, done="taken"
    )
    return _ended(ending, "sealwire keys rehearse", "do not take it")


def push_after(custodian: Custodian, config: str | None, timeout_s: int, *, no_push: bool) -> Exit:
    """Have every known service follow at once; say who has confirmed it, and who has not.

    Raises:
        CommandError: some have not, or nobody is known.
    """
    if no_push:
        say_hint("no service knows of it yet: sealwire keys push")
        return Exit.OK
    try:
        services = services_of(custodian, config, (), timeout_s)
    except (CommandError, SealwireError) as error:
        # What was asked for is signed and kept; it has only reached nobody.
        raise CommandError(
            Exit.PARTLY,
            f"it is signed, and no service was told: {getattr(error, 'error', error)}",
            f"bring {custodian.path} to the hosts, or tell them: sealwire keys push",
        ) from None
    ending = say_shown(services.tell(), custodian, as_json=False, done="confirmed")
    return _ended(ending, "sealwire keys push", "have not confirmed it")


def _ended(ending: Exit, again: str, what: str) -> Exit:
    """Give the exit status; raise where some or all have not shown what was wanted."""
    if ending is Exit.OK:
        return ending
    flush()  # who has and who has not comes first, also where both outputs are one
    whose = "some services" if ending is Exit.PARTLY else "the services"
    raise CommandError(
        ending, f"{whose} {what}; they are listed", f"when they can be reached, again: {again}"
    )
