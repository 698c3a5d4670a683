"""``sealwire apply``: a configuration with a reason, or what it would change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sealwire.cli import parameters
from sealwire.cli.asking import whom_to_ask
from sealwire.cli.cancelling import KEEP
from sealwire.cli.options import asking_options, partial_option
from sealwire.cli.parameters import read_input
from sealwire.cli.questions import Question
from sealwire.cli.reported import end_of, request_id, say_changes, say_left_out
from sealwire.cli.sealing import check_document, operator_settings
from sealwire.cli.terminal import say
from sealwire.cli.unfinished import write_partial
from sealwire.clock import wall_clock_ms
from sealwire.framing import MAX_FRAME_BYTES
from sealwire.stages import Stream

if TYPE_CHECKING:
    from sealwire.cli.endings import Exit
    from sealwire.client import Client
    from sealwire.results import Result


@click.command(
    short_help="Apply a configuration, or say what it would change.",
    epilog="""\b
Examples:
  sealwire apply payments.json --dry-run
  sealwire apply payments.json --why CHG-1200
  sealwire apply payments.json --confirm-within 10m
  sealwire apply payments.json --why CHG-1200 --partial payments.partial

\b
Exit status: 0 applied or told, 1 refused or failed, 3 nothing was sent,
4 sent but not answered: it may have been applied, 5 applied in some processes or hosts alone.
""",
)
@click.argument("file")
@click.option(
    "--dry-run",
    is_flag=True,
    help="Change nothing: say what the policy of the running service says, and what would change.",
)
@click.option(
    "--confirm-within",
    "confirm_within_s",
    type=parameters.duration,
    metavar="TIME",
    default=None,
    help="Put it on trial: it goes by itself unless sealwire confirm comes within 10m, 2h.",
)
@click.option(
    "--replaces",
    metavar="DIGEST",
    default="",
    help="Apply it only over this base, as sealwire status --json shows it.",
)
@click.option(
    KEEP,
    "keep_partial",
    is_flag=True,
    help="Where it fails in some processes or hosts, let it stand in the others.",
)
@partial_option
@asking_options
def apply(
    file: str,
    confirm_within_s: int | None,
    replaces: str,
    partial: str | None,
    why: str,
    only: str,
    to: str | None,
    address: tuple[str, ...],
    expect: int | None,
    timeout_s: int,
    config: str | None,
    *,
    dry_run: bool,
    keep_partial: bool,
    as_json: bool,
) -> Exit:
    """Make a configuration the base of a running service: what stays when leases end.

    FILE is JSON in the form of Python's dictConfig, or INI in that of its fileConfig; - is standard
    input. Where it fails in a process, or is not applied at a host that is meant, it is taken back
    where it was applied, unless --keep-partial is given.
    """
    if dry_run and confirm_within_s:
        raise click.UsageError("a dry run is not put on trial; leave --confirm-within out")
    content = read_input(file, MAX_FRAME_BYTES)
    check_document(file, content, unchecked=False)
    if keep_partial and (dry_run or partial is not None):
        raise click.UsageError(f"nothing is applied, so nothing is taken back; leave {KEEP} out")
    if dry_run and partial is not None:
        raise click.UsageError("a dry run needs no signatures of others; leave --partial out")

    def request(client: Client) -> Result:
        if dry_run:
            return client.plan(content, why=why, only=only)
        return client.apply(
            content,
            why=why,
            only=only,
            replaces=replaces,
            confirm_within_s=confirm_within_s or 0,
        )

    if partial is not None:
        return write_partial(config, to, partial, request)
    asked = whom_to_ask(
        operator_settings(config), to, address, timeout_s, expect=expect, reads=dry_run
    )
    ends_ms = wall_clock_ms() + 1000 * confirm_within_s if confirm_within_s else None

    def say_it(report: dict[str, Any], options: str) -> None:
        if dry_run:
            _say_changed(report, "nothing would change")
        else:
            _say_applied(report, options)

    def unsaid(result: Result, options: str) -> None:
        # Of one's own request that much is known, whatever the answer hides.
        if not dry_run:
            _say_next(result.request_id, ends_ms, options)

    question = Question(
        request,
        "allowed" if dry_run else "applied",
        sent="the configuration",
        say_it=say_it,
        unsaid=unsaid,
        more=lambda result: _changed(result, dry_run=dry_run),
        cancel=None if dry_run or keep_partial else _cancel,
        changes=not dry_run,
        begins=not dry_run,
        only=bool(only),
    )
    return asked.ask(question, as_json=as_json)


def _cancel(client: Client, request_id: str) -> Result:
    return client.revert(request_id, of=Stream.BASE, why="it was not applied everywhere")


def _changed(result: Result, *, dry_run: bool) -> dict[str, bool]:
    """Say whether something was changed, or would be; not where the answer does not tell."""
    found = result.report.get("changes")
    if not isinstance(found, list):
        return {}
    return {"would_change" if dry_run else "changed": bool(found)}


def _say_applied(report: dict[str, Any], options: str) -> None:
    _say_changed(report, "nothing has changed by it")
    _say_next(report["id"], report.get("confirm_by_ms"), options)


def _say_changed(report: dict[str, Any], nothing: str) -> None:
    if not report["changes"]:
        say((nothing, ""))
    say_changes(report["changes"])
    say_left_out(report, "")


def _say_next(applied: object, ends_ms: object, options: str) -> None:
    """Print how to go back from a configuration and, where it is on trial, how to keep it."""
    back = ("to go back: ", "dim"), (f"sealwire revert {request_id(applied)}{options}", "")
    if ends_ms is None:
        say(*back)
        return
    say((f"on trial: it goes by itself at {end_of(ends_ms)}", "yellow"))
    say(("  to keep it: ", "dim"), (f"sealwire confirm {request_id(applied)}{options}", ""))
    say(("  ", ""), *back)
