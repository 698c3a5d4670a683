"""``sealwire why``: what became of the last request and why, or what a reason or a rule means."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING, NamedTuple

import click

from sealwire.cli.account import REASONS, Told, parts_of, tell
from sealwire.cli.endings import CommandError, Exit
from sealwire.cli.findings import say_findings
from sealwire.cli.lastanswer import load_last
from sealwire.cli.reasons import Explained, ExplainedRule, explain, explain_rules
from sealwire.cli.sealing import config_option
from sealwire.cli.terminal import printable, say, say_fields, say_json
from sealwire.documents.reading import did_you_mean
from sealwire.settings import find_operator_settings, load_operator_settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sealwire.cli.terminal import JsonOutput


class _Named(NamedTuple):
    """A reason or a rule that was named, and what it means."""

    kind: str
    name: str
    means: Explained | ExplainedRule


def _nearest(text: str, rules: Iterable[str]) -> str:
    """Give a question for the nearest name, or ``""``."""
    # All together are more than are compared at once, so those that are near are taken first.
    near = [name for name in (*REASONS, *rules) if did_you_mean(text, [name])]
    return did_you_mean(text, near).removeprefix("; ")


def _named(text: str) -> _Named:
    """Read the name of a reason, or of a policy's rule."""
    if text in REASONS:
        return _Named("reason", text, explain(REASONS[text]))
    rules = explain_rules()
    if text in rules:
        return _Named("rule", text, rules[text])
    near = _nearest(text, rules)
    every = f"{near} " if near else ""
    raise click.BadParameter(
        f"{text!r} is no reason for which something is refused, and no rule of a policy; "
        f"{every}all of them are in docs/reference/messages.md and docs/reference/policy.md"
    )


@click.command(
    short_help="Say why the last request ended as it did.",
    epilog="""\b
Examples:
  sealwire why
  sealwire why key-unknown
  sealwire why lease-length
  sealwire why --json

\b
Exit status: 0 told, 3 nothing is known of a request.
""",
)
@click.argument("reason_or_rule", metavar="[REASON|RULE]", required=False, type=_named)
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def why(reason_or_rule: _Named | None, config: str | None, *, as_json: bool) -> Exit:
    """Say what became of the last request from this operator, why, and what to do next.

    With a REASON, such as key-unknown in a service's log, or a RULE of a policy, such as
    lease-length in a refusal, say what that means. Nothing is sent.
    """
    if reason_or_rule is not None:
        _say_meaning(reason_or_rule, as_json=as_json)
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


def _say_meaning(named: _Named, *, as_json: bool) -> None:
    means = named.means._asdict()
    if as_json:
        say_json({named.kind: named.name, **means})
        return
    say_fields([(named.kind, named.name), *means.items()])
