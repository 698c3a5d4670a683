"""``sealwire why``: what became of the last request and why, or what a reason means."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

import click

from sealwire.cli.account import REASONS, Told, parts_of, tell
from sealwire.cli.endings import CommandError, Exit
from sealwire.cli.findings import say_findings
from sealwire.cli.lastanswer import load_last
from sealwire.cli.reasons import explain
from sealwire.cli.sealing import config_option
from sealwire.cli.terminal import printable, say, say_fields, say_json
from sealwire.documents.reading import did_you_mean
from sealwire.settings import find_operator_settings, load_operator_settings

if TYPE_CHECKING:
    from sealwire.cli.terminal import JsonOutput
    from sealwire.errors import Reason


def _reason(text: str) -> Reason:
    """Read the name of a reason."""
    if text not in REASONS:
        near = did_you_mean(text, REASONS).removeprefix("; ")
        every = f"{near} " if near else ""
        raise click.BadParameter(
            f"{text!r} is no reason for which something is refused; {every}all of them are in "
            "docs/reference/messages.md"
        )
    return REASONS[text]


@click.command(
    short_help="Say why the last request ended as it did.",
    epilog="""\b
Examples:
  sealwire why
  sealwire why key-unknown
  sealwire why --json

\b
Exit status: 0 told, 3 nothing is known of a request.
""",
)
@click.argument("reason", metavar="[REASON]", required=False, type=_reason)
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def why(reason: Reason | None, config: str | None, *, as_json: bool) -> Exit:
    """Say what became of the last request from this operator, why, and what to do next.

    With a REASON, such as key-unknown in a service's log, say what that means. Nothing is sent.
    """
    if reason is not None:
        _say_reason(reason, as_json=as_json)
        return Exit.OK
    settings = load_operator_settings(find_operator_settings(config, os.environ).path)
    last = load_last(settings.path)
    if last is None:
        raise CommandError(
            Exit.LOCAL_FAILURE,
            f"nothing was sent yet with {settings.path}",
            "see whether a service answers: sealwire doctor",
        )
    options = f" --config {shlex.quote(config)}" if config else ""
    told = tell(settings, last, options)
    if as_json:
        say_json(_as_json(told))
    else:
        _say(told)
    return Exit.OK


def _say(told: Told) -> None:
    say((printable(told.paragraph), ""))
    if told.seen:
        say(("seen from here:", "bold"))
        say_findings(told.seen)
    if told.causes:
        say(("what is left, and how to check it:", "bold"))
        for each in told.causes:
            say((f"- {printable(each.cause)}", ""))
            say((f"  {printable(each.check)}", "cyan"))
    if told.next:
        say(("next: ", "bold"), (printable(told.next), "cyan"))


def _as_json(told: Told) -> dict[str, JsonOutput]:
    last = told.last
    return {
        "at_ms": last.at_ms,
        "verb": last.verb,
        "audience": last.audience,
        "address": last.address,
        "loggers": list(last.loggers),
        "outcome": last.outcome,
        "repeated": last.repeated,
        "reason": last.reason,
        "known_reason": last.reason in REASONS,
        "detail": last.detail,
        **parts_of(last),
        "signed": False,
        "paragraph": told.paragraph,
        "next": told.next,
        "seen": [each.as_json() for each in told.seen],
        "causes": [each.as_json() for each in told.causes],
    }


def _say_reason(reason: Reason, *, as_json: bool) -> None:
    text = explain(reason)
    if as_json:
        say_json({"reason": reason.value, **text._asdict()})
        return
    say_fields([("reason", reason.value), *text._asdict().items()])
