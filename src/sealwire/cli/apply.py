"""``sealwire apply``: a configuration with a reason, or what it would change."""

from __future__ import annotations

from typing import Any

import click

from sealwire.cli import parameters
from sealwire.cli.asking import Asked, report_of, say_answer_as_json, show
from sealwire.cli.endings import Exit
from sealwire.cli.options import asking_options
from sealwire.cli.parameters import read_input
from sealwire.cli.reported import request_id, say_changes, say_left_out, time_of
from sealwire.cli.sealing import check_document
from sealwire.cli.send import told
from sealwire.cli.terminal import say
from sealwire.framing import MAX_FRAME_BYTES
from sealwire.stages import Answer


@click.command(
    short_help="Apply a configuration, or say what it would change.",
    epilog="""\b
Examples:
  sealwire apply payments.json --dry-run
  sealwire apply payments.json --why CHG-1200
  sealwire apply payments.json --confirm-within 10m

\b
Exit status: 0 applied or told, 1 refused or failed, 3 nothing was sent,
4 sent but not answered: it may have been applied.
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
@asking_options
def apply(
    file: str,
    confirm_within_s: int | None,
    replaces: str,
    why: str,
    only: str,
    to: str | None,
    address: str | None,
    timeout_s: int,
    config: str | None,
    *,
    dry_run: bool,
    as_json: bool,
) -> Exit:
    """Make a configuration the base of a running service: what stays when leases end.

    FILE is JSON in the form of Python's dictConfig, or INI in that of its fileConfig; - is standard
    input.
    """
    if dry_run and confirm_within_s:
        raise click.UsageError("a dry run is not put on trial; leave --confirm-within out")
    content = read_input(file, MAX_FRAME_BYTES)
    check_document(file, content, unchecked=False)
    asked = Asked(config, to, address, timeout_s)
    if dry_run:
        answer = asked.ask(lambda client: client.plan(content, why=why, only=only))
    else:
        answer = asked.ask(
            lambda client: client.apply(
                content,
                why=why,
                only=only,
                replaces=replaces,
                confirm_within_s=confirm_within_s or 0,
            )
        )
    if as_json:
        say_answer_as_json(answer, asked.address, **_changed(answer, dry_run=dry_run))
    done = "allowed" if dry_run else "applied"
    ending = told(
        answer, quiet=as_json, done=done, again=("mend the configuration", "sealwire apply FILE")
    )
    if not as_json:
        show(answer, lambda report: _say_applied(report, asked.options, dry_run=dry_run))
    return ending


def _changed(answer: Answer, *, dry_run: bool) -> dict[str, bool]:
    """Say whether something was changed, or would be; not where the answer does not tell."""
    found = report_of(answer).get("changes")
    if not isinstance(found, list):
        return {}
    return {"would_change" if dry_run else "changed": bool(found)}


def _say_applied(report: dict[str, Any], options: str, *, dry_run: bool) -> None:
    if not report["changes"]:
        say(("nothing would change" if dry_run else "nothing has changed by it", ""))
    say_changes(report["changes"])
    say_left_out(report, "")
    if dry_run:
        return
    applied = request_id(report["id"])
    if (ends_ms := report.get("confirm_by_ms")) is None:
        say(("to go back: ", "dim"), (f"sealwire revert {applied}{options}", ""))
        return
    say((f"on trial: it goes by itself at {time_of(ends_ms)}", "yellow"))
    say(("  to keep it: ", "dim"), (f"sealwire confirm {applied}{options}", ""))
    say(("  to go back: ", "dim"), (f"sealwire revert {applied}{options}", ""))
