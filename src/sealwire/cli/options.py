"""The options of commands that ask a service, each written once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from sealwire.cli import parameters
from sealwire.cli.passphrases import passphrase_options
from sealwire.cli.sealing import config_option, to_option
from sealwire.transports.addresses import MAX_ADDRESSES
from sealwire.transports.client import DEFAULT_TIMEOUT_S

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any] | click.Command")

address_option: Final = click.option(
    "--address",
    type=parameters.address,
    metavar="ADDRESS",
    help="Where the service listens, such as unix:/run/payments/log.sock.",
)
addresses_option: Final = click.option(
    "--address",
    multiple=True,
    type=parameters.target_address,
    metavar="ADDRESS",
    help="Where the service listens, such as unix:/run/payments/log.sock. Given again, or with a "
    "name that has several addresses, each is asked, all at once.",
)
expect_option: Final = click.option(
    "--expect",
    type=click.IntRange(1, MAX_ADDRESSES),
    metavar="N",
    default=None,
    help="How many addresses the service is to have, whether these answer or not; with others no "
    "change is sent.",
)
timeout_option: Final = click.option(
    "--timeout",
    "timeout_s",
    type=parameters.duration,
    metavar="TIME",
    default=f"{DEFAULT_TIMEOUT_S:.0f}s",
    show_default=True,
    help="How long to wait, the answer included.",
)
why_option: Final = click.option(
    "--why", metavar="TEXT", default="", help="The reason, one line; it is signed and logged."
)
only_option: Final = click.option(
    "--only", metavar="PATTERN", default="", help="For the instances of such a name alone."
)
partial_option: Final = click.option(
    "--partial",
    metavar="FILE",
    default=None,
    help="Send nothing: write it to FILE, for others to sign as well (sealwire cosign).",
)
json_option: Final = click.option(
    "--json", "as_json", is_flag=True, help="Print the answer as one JSON object."
)


def reading_options(command: F) -> F:
    """Give a command the options of one that asks a service, and changes nothing.

    They are its parameters ``only``, ``to``, ``address``, ``expect``, ``timeout_s``, ``config`` and
    ``as_json``.
    """
    return _with(
        passphrase_options(json_option(command)),
        *(only_option, to_option, addresses_option, expect_option, timeout_option, config_option),
    )


def asking_options(command: F) -> F:
    """Give a command the options of `reading_options`, and in front of them ``why``."""
    return why_option(reading_options(command))


def _with(command: F, *options: Callable[[F], F]) -> F:
    # The last one first, as with decorators, so that the help text has them in this order.
    for option in reversed(options):
        command = option(command)
    return command
