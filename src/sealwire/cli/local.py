"""``sealwire local``: look, and end leases, on the service's host and without a key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from sealwire.cli.options import address_option, json_option, timeout_option
from sealwire.cli.parameters import check_request_id
from sealwire.cli.questions import show
from sealwire.cli.revert import say_reverted
from sealwire.cli.status import say_status
from sealwire.cli.telling import result_as_json, told
from sealwire.cli.terminal import say_json, waiting
from sealwire.localdoor import write_local
from sealwire.requests import Verb
from sealwire.results import Result
from sealwire.settings import load_service_settings
from sealwire.transports.client import deliver

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealwire.cli.endings import Exit

_service = click.option(
    "--service", metavar="FILE", help="The service's settings, which say where it listens."
)
_EXITS = """\b
Exit status: 0 done, 1 refused or failed, 3 nothing was sent, 4 sent but not answered.
"""


@click.group(no_args_is_help=False, short_help="On its host: look, and end leases, without a key.")
def local() -> None:
    """On a service's host, as root or as its user: look, and end leases, without a key."""


@local.command(
    short_help="Say what is in force, without a key.",
    epilog=f"""\b
Examples:
  sealwire local status --service /etc/sealwire/payments@prod/service.toml
  sealwire local status --address unix:/run/payments/log.sock --json

{_EXITS}""",
)
@_service
@address_option
@timeout_option
@json_option
def status(service: str | None, address: str | None, timeout_s: int, *, as_json: bool) -> Exit:
    """Ask a service on this host what is in force, as root or as the user it runs as.

    No key is needed: these two could look at it, and change it, in any case.
    """
    request = {"verb": Verb.STATUS.value}
    return _ask(
        service,
        address,
        timeout_s,
        request,
        lambda report, options: say_status(report, options, "sealwire local revert"),
        "in force",
        as_json=as_json,
    )


@local.command(
    short_help="End leases, without a key.",
    epilog=f"""\b
Examples:
  sealwire local revert --service /etc/sealwire/payments@prod/service.toml
  sealwire local revert 0123456789abcdef0123456789abcdef --address unix:/run/payments/log.sock

{_EXITS}""",
)
@click.argument("request_id", metavar="[ID]", required=False, default="")
@_service
@address_option
@click.option("--why", metavar="TEXT", default="", help="The reason, one line; it is logged.")
@timeout_option
@json_option
def revert(
    request_id: str,
    service: str | None,
    address: str | None,
    why: str,
    timeout_s: int,
    *,
    as_json: bool,
) -> Exit:
    """End the lease with this ID, or all of them, as root or as the user the service runs as.

    The service logs who it was, by the number of the user. Configurations stay: to go back from one
    takes a key.
    """
    if request_id:
        check_request_id(request_id)
    request = {"verb": Verb.REVERT.value, "id": request_id, "why": why}
    return _ask(
        service,
        address,
        timeout_s,
        {name: value for name, value in request.items() if value},
        lambda report, _: say_reverted(report),
        "reverted",
        as_json=as_json,
    )


def _ask(
    service: str | None,
    address: str | None,
    timeout_s: int,
    request: dict[str, str],
    say_it: Callable[[dict[str, Any], str], None],
    done: str,
    *,
    as_json: bool,
) -> Exit:
    if (service is None) == (address is None):
        raise click.UsageError("say which service: give --service or --address, one of the two")
    where = load_service_settings(service).address if service else str(address)
    with waiting("waiting for the service"):
        answer = deliver(where, write_local(json.dumps(request).encode()), timeout_s=timeout_s)
    result = Result(answer)
    if as_json:
        say_json({**result_as_json(result, where, None), "report": dict(result.report)})
    ending = told(result, where, quiet=as_json, done=done, sent="the request")
    if not as_json:
        show(result, lambda report: say_it(report, f" --address {where}"))
    return ending
