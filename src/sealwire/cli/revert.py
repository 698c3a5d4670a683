"""``sealwire revert`` and ``sealwire confirm``: going back before the time, or keeping what is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sealwire.cli.asking import whom_to_ask
from sealwire.cli.delivering import result_of
from sealwire.cli.options import asking_options, partial_option
from sealwire.cli.parameters import check_request_id
from sealwire.cli.questions import Question
from sealwire.cli.reported import say_changes, say_left_out, shown, text
from sealwire.cli.sealing import operator_settings
from sealwire.cli.terminal import say
from sealwire.cli.unfinished import write_partial
from sealwire.errors import Reason
from sealwire.stages import Stream

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sealwire.cli.endings import Exit
    from sealwire.client import Client
    from sealwire.results import Result


@click.command(
    short_help="End leases before their time, or go back from a configuration.",
    epilog="""\b
Examples:
  sealwire revert
  sealwire revert 0123456789abcdef0123456789abcdef
  sealwire revert --base --why CHG-1200

\b
Exit status: 0 reverted, 1 refused or failed, 3 nothing was sent, 4 sent but not answered,
5 reverted in some processes or hosts alone.
""",
)
@click.argument("request_id", metavar="[ID]", required=False, default="")
@click.option("--all", "everything", is_flag=True, help="All leases, which is meant without ID.")
@click.option(
    "--base",
    "base",
    is_flag=True,
    help="Go back to the configuration before the one in force, whichever that is.",
)
@partial_option
@asking_options
def revert(
    request_id: str,
    partial: str | None,
    why: str,
    only: str,
    to: str | None,
    address: tuple[str, ...],
    expect: int | None,
    timeout_s: int,
    config: str | None,
    *,
    everything: bool,
    base: bool,
    as_json: bool,
) -> Exit:
    """End the lease with this ID, or go back from the configuration with it.

    Without ID all leases end. Levels and handlers go back at once: to the configuration before, and
    from there to what the application has set up.
    """
    if bool(request_id) + everything + base > 1:
        raise click.UsageError("give an ID, --all or --base, and one of them alone")
    if request_id:
        check_request_id(request_id)
    of = Stream.BASE if base else Stream.LEASE

    def request(client: Client) -> Result:
        return client.revert(request_id, of=of, why=why, only=only)

    def wherever(client: Client) -> Result:
        result = result_of(lambda: request(client))
        if request_id and result.reason == Reason.NOT_IN_FORCE.value:
            # An id does not say what it is of. A configuration is ordered apart from leases.
            return client.revert(request_id, of=Stream.BASE, why=why, only=only)
        return result

    if partial is not None:
        return write_partial(config, to, partial, request)
    asked = whom_to_ask(operator_settings(config), to, address, timeout_s, expect=expect)
    question = Question(
        wherever,
        "reverted",
        say_it=lambda report, _: say_reverted(report),
        more=lambda result: _changed(result.report),
        only=bool(only),
        spared=frozenset({Reason.NOT_IN_FORCE.value}),
    )
    return asked.ask(question, as_json=as_json)


def _changed(report: Mapping[str, Any]) -> dict[str, bool]:
    """Say whether anything went back; not where the answer does not tell."""
    if "ended" in report:
        return {"changed": bool(report["ended"])}
    return {"changed": bool(report["reverted"])} if "reverted" in report else {}


def say_reverted(report: dict[str, Any]) -> None:
    """Print a report on what has ended, or was taken back."""
    if why := report.get("unwritten"):
        say(("this is done, and not written yet: a crash before it is may undo it", "yellow"))
        say((f"  {text(why)}", "yellow"))
    if "ended" in report:
        count = len(report["ended"])
        say((f"{count} lease{'' if count == 1 else 's'} ended", ""))
        return
    if report["reverted"] is None:
        say(("there was no configuration to go back from", ""))
        return
    say((f"the base is that of {text(report['base']['issuer'])} again", ""))
    say_changes(report["changes"])
    say_left_out(report, "")
    for where in shown(report["left_as_they_are"], "places"):
        said = f"  {text(where)} is left as it is: changed by somebody else since, or not to be set"
        say((said, "yellow"))


@click.command(
    short_help="Keep a configuration that is on trial.",
    epilog="""\b
Examples:
  sealwire apply payments.json --confirm-within 10m
  sealwire confirm 0123456789abcdef0123456789abcdef

\b
Exit status: 0 confirmed, 1 refused, 3 nothing was sent, 4 sent but not answered,
5 confirmed in some processes or hosts alone.
""",
)
@click.argument("request_id", metavar="ID", required=False, default="")
@partial_option
@asking_options
def confirm(
    request_id: str,
    partial: str | None,
    why: str,
    only: str,
    to: str | None,
    address: tuple[str, ...],
    expect: int | None,
    timeout_s: int,
    config: str | None,
    *,
    as_json: bool,
) -> Exit:
    """Keep the configuration with this ID, which would go by itself otherwise."""
    if not request_id:
        raise click.UsageError("missing argument 'ID'; which one is on trial: sealwire status")
    check_request_id(request_id)

    def request(client: Client) -> Result:
        return client.confirm(request_id, why=why, only=only)

    if partial is not None:
        return write_partial(config, to, partial, request)
    asked = whom_to_ask(operator_settings(config), to, address, timeout_s, expect=expect)
    question = Question(request, "confirmed", more=lambda _: {"changed": False}, only=bool(only))
    return asked.ask(question, as_json=as_json)
