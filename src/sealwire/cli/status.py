"""``sealwire status``: what is in force in a running service."""

from __future__ import annotations

import logging
from typing import Any

import click

from sealwire.cli.asking import Asked, say_answer_as_json, show
from sealwire.cli.endings import Exit
from sealwire.cli.options import reading_options
from sealwire.cli.send import told
from sealwire.cli.terminal import printable, say, say_fields
from sealwire.cli.wording import time_in_words
from sealwire.stages import Outcome


@click.command(
    short_help="Say what is in force in a running service.",
    epilog="""\b
Examples:
  sealwire status
  sealwire status --to payments@prod --json

\b
Exit status: 0 told, 1 refused, 3 nothing was sent, 4 sent but not answered.
""",
)
@reading_options
def status(
    only: str,
    to: str | None,
    address: str | None,
    timeout_s: int,
    config: str | None,
    *,
    as_json: bool,
) -> Exit:
    """Ask a running service what is in force: base, leases, loggers, handlers.

    Loggers that have nothing of their own are left out. Nothing is changed.
    """
    asked = Asked(config, to, address, timeout_s)
    answer = asked.ask(lambda client: client.status(only=only))
    if as_json:
        say_answer_as_json(answer, asked.address)
        return told(answer, quiet=True)
    if answer.outcome is not Outcome.APPLIED:
        return told(answer, quiet=False)
    show(answer, lambda report: _say_status(report, asked.options))
    return Exit.OK


def _say_status(report: dict[str, Any], options: str) -> None:
    base = report["base"]
    since = f", since {time_in_words(base['since_ms'])}" if base["since_ms"] else ""
    say_fields(
        [
            ("instance", report["instance"]),
            ("base", f"of {base['issuer']}{since}"),
            ("leases", str(len(report["leases"])) if report["leases"] else "none"),
        ]
    )
    for lease in report["leases"]:
        levels = ", ".join(
            f"{name or 'root'}={_named(level)}" for name, level in lease["levels"].items()
        )
        why = f": {lease['why']}" if lease["why"] else ""
        said = f"{levels} until {time_in_words(lease['until_ms'])} by {lease['issuer']}{why}"
        say((f"  {printable(said)}", "cyan"))
        say((f"    sealwire revert {printable(lease['id'])}{options}", "dim"))
    say(("", ""))
    for logger in report["loggers"]:
        own = "" if logger["level"] else " (inherited)"
        marks = [
            *(["leased"] if logger["leased"] else []),
            *(["disabled"] if logger["disabled"] else []),
            *(["does not propagate"] if not logger["propagate"] else []),
        ]
        behind = f"; {', '.join(marks)}" if marks else ""
        say((printable(f"{logger['name']}: {_named(logger['effective'])}{own}{behind}"), ""))
        for key in logger["handlers"]:
            say((f"  {printable(key)}", "dim"))
    if left_out := report.get("left_out"):
        say((f"and {left_out} loggers more, for which an answer has no room", "yellow"))
    if report["handlers"]:
        say(("", ""))
    for handler in report["handlers"]:
        target = f" to {handler['target']}" if handler["target"] else ""
        said = f"{handler['key']}: {handler['class']}{target}, passes {_named(handler['level'])}"
        say((printable(f"{said} and above" if handler["level"] else said), ""))
    if report["disable"]:
        say((f"logging.disable({report['disable']}) drops everything up to that", "yellow"))


def _named(level: int) -> str:
    return str(logging.getLevelName(level)) if level else "everything"
