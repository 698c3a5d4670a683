"""``sealwire apply``: a configuration with a reason, or what it would change."""

from __future__ import annotations

import logging
from typing import Any

import click

from sealwire.cli.asking import Asked, report_of, say_answer_as_json, show
from sealwire.cli.endings import Exit
from sealwire.cli.options import asking_options
from sealwire.cli.parameters import read_input
from sealwire.cli.sealing import check_document
from sealwire.cli.send import told
from sealwire.cli.terminal import printable, say
from sealwire.framing import MAX_FRAME_BYTES
from sealwire.stages import Answer


@click.command(
    short_help="Apply a configuration, or say what it would change.",
    epilog="""\b
Examples:
  sealwire apply payments.json --dry-run
  sealwire apply payments.json --why CHG-1200

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
    "--replaces",
    metavar="DIGEST",
    default="",
    help="Apply it only over this base, as sealwire status --json shows it.",
)
@asking_options
def apply(
    file: str,
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
    content = read_input(file, MAX_FRAME_BYTES)
    check_document(file, content, unchecked=False)
    asked = Asked(config, to, address, timeout_s)
    if dry_run:
        answer = asked.ask(lambda client: client.plan(content, why=why, only=only))
    else:
        answer = asked.ask(
            lambda client: client.apply(content, why=why, only=only, replaces=replaces)
        )
    if as_json:
        say_answer_as_json(answer, asked.address, **_changed(answer, dry_run=dry_run))
    done = "allowed" if dry_run else "applied"
    ending = told(
        answer, quiet=as_json, done=done, again=("mend the configuration", "sealwire apply FILE")
    )
    if not as_json:
        show(answer, lambda report: _say_changes(report, dry_run=dry_run))
    return ending


def _changed(answer: Answer, *, dry_run: bool) -> dict[str, bool]:
    """Say whether something was changed, or would be; not where the answer does not tell."""
    found = report_of(answer).get("changes")
    if not isinstance(found, list):
        return {}
    return {"would_change" if dry_run else "changed": bool(found)}


def _say_changes(report: dict[str, Any], *, dry_run: bool) -> None:
    if not report["changes"]:
        say(("nothing would change" if dry_run else "nothing has changed by it", ""))
    for each in report["changes"]:
        where = printable(each["where"])
        before, after = (printable(_named(where, each[side])) for side in ("before", "after"))
        say((f"  {where}: ", ""), (before, "red"), (" → ", "dim"), (after, "green"))
    if left_out := report.get("left_out"):
        say((f"and {int(left_out)} more, for which an answer has no room", "yellow"))


def _named(where: str, value: str) -> str:
    """Give a level's name behind its number."""
    if where.endswith(".level") and value.isdecimal():
        name = logging.getLevelName(int(value))
        return value if name.startswith("Level ") else name
    return value
