"""``sealwire status``: what is in force in a running service."""

from __future__ import annotations

import time
from typing import Any, Final

import click

from sealwire.cli.asking import whom_to_ask
from sealwire.cli.endings import CommandError, Exit, ending_of
from sealwire.cli.options import reading_options
from sealwire.cli.questions import Question
from sealwire.cli.reported import (
    MAX_ROWS,
    end_of,
    joined,
    level,
    number,
    request_id,
    say_left_out,
    shown,
    signed_by,
    text,
    time_of,
)
from sealwire.cli.rows import say_workers
from sealwire.cli.sealing import operator_settings
from sealwire.cli.terminal import say, say_error, say_fields
from sealwire.cli.wording import counted
from sealwire.errors import SealwireError

_ROOT: Final = "root"

WATCH_S: Final = 2.0
"""How often a service is asked while it is watched; it may remember some hundred reads a key."""

_COMES_BACK: Final = {Exit.LOCAL_FAILURE, Exit.NO_ANSWER, Exit.PARTLY}
"""Whoever watches a service wants to see it come back."""

MAX_DEPTH: Final = 16
"""How far a logger is indented at most, in steps."""

MAX_COLUMN: Final = 60
"""How wide a column is made for one long name in it."""


@click.command(
    short_help="Say what is in force in a running service.",
    epilog="""\b
Examples:
  sealwire status
  sealwire status --to payments@prod --json
  sealwire status --watch
  sealwire status --address tcp:payments.internal:9030 --expect 8

\b
Exit status: 0 told, 1 refused, 3 nothing was sent, 4 sent but not answered, 5 not answered by all
hosts, or others are there than expected.
""",
)
@click.option("--watch", is_flag=True, help="Ask again every two seconds, until interrupted.")
@reading_options
def status(
    only: str,
    to: str | None,
    address: tuple[str, ...],
    expect: int | None,
    timeout_s: int,
    config: str | None,
    *,
    watch: bool,
    as_json: bool,
) -> Exit:
    """Ask a running service what is in force: base, leases, loggers, handlers.

    Loggers that have nothing of their own are left out, and of several hosts all loggers and
    handlers: ask one of them for these. Nothing is changed.
    """
    settings = operator_settings(config)
    if watch:
        # Once, because it may be under a passphrase.
        settings = settings.opened()

    def ask() -> Exit:
        # Looked up each time: hosts of a name come and go.
        asked = whom_to_ask(settings, to, address, timeout_s, expect=expect, reads=True)
        question = Question(
            lambda client: client.status(only=only),
            "answered" if asked.several else "in force",
            say_it=say_overview if asked.several else say_status,
            changes=False,
            only=bool(only),
        )
        # Cleared when the answer is there, so that nothing flickers while it is waited for.
        before = click.clear if watch and not as_json else None
        return asked.ask(question, as_json=as_json, before=before)

    while watch:
        try:
            ask()
        except (CommandError, SealwireError) as error:
            ending = error if isinstance(error, CommandError) else ending_of(error)
            if ending.status not in _COMES_BACK:
                raise
            say_error(ending.error, ending.hint)
        time.sleep(WATCH_S)
    return ask()


def say_overview(report: dict[str, Any], options: str) -> None:
    """Print what is in force, as `say_status` does, but for loggers and handlers."""
    _say_in_force(report, options, "sealwire revert")


def say_status(report: dict[str, Any], options: str, revert: str = "sealwire revert") -> None:
    """Print a report on what is in force.

    Args:
        report: what a service says.
        options: those of the next command, so that it asks the same service.
        revert: the command that ends a lease.
    """
    _say_in_force(report, options, revert)
    say(("", ""))
    _say_loggers(report)
    say_left_out(report, "rows ")
    if report["handlers"]:
        say(("", ""))
    for handler in shown(report["handlers"], "handlers"):
        target = f" to {text(handler['target'])}" if handler["target"] else ""
        passes = f"{level(handler['level'])} and above" if handler["level"] else "everything"
        said = f"{text(handler['key'])}: {text(handler['class'])}{target}, passes {passes}"
        say((said, ""))
    if disabled := number(report["disable"]):
        say((f"logging.disable({disabled}) drops everything up to that", "yellow"))


def _say_in_force(report: dict[str, Any], options: str, revert: str) -> None:
    _say_base(report, options)
    for lease in shown(report["leases"], "leases"):
        levels = joined(
            (f"{text(name) or 'root'}={level(it)}" for name, it in lease["levels"].items()),
            number(lease.get("levels_left_out", 0)),
        )
        why = f": {text(lease['why'])}" if lease["why"] else ""
        said = f"{levels} until {end_of(lease['until_ms'])}, by {signed_by(lease)}{why}"
        say((f"  {said}", "cyan"))
        say((f"    {revert} {request_id(lease['id'])}{options}", "dim"))
    for missing in shown(report.get("floors", []), "floors"):
        say((f"a floor that keeps nothing: {text(missing)}", "yellow"))
    for each in shown(report.get("set_aside", []), "others"):
        say((f"set aside: {text(each)}", "yellow"))
    if report.get("trouble"):
        say((f"changes are refused: {text(report['trouble'])}", "bold red"))
    if report["drift"]:
        say(("drift: somebody in that process has changed what no message did", "yellow"))
    for each in shown(report["drift"], "places"):
        said = f"{text(each['where'])} is {text(each['found'])} and not {text(each['expected'])}"
        say((f"  {said}", "yellow"))
    say_workers(report)
    _say_refusals(report.get("refusals"))


def _say_refusals(refusals: Any) -> None:  # noqa: ANN401 - whatever a service says
    """Print what was refused last; what of that cannot be read takes no other line away."""
    try:
        for each in shown(refusals or [], "refusals"):
            detail = f": {text(each['detail'])}" if each["detail"] else ""
            whom = f" of {text(each['issuer'])}" if each["issuer"] else ""
            said = f"refused {time_of(each['at_ms'])}{whom}: {text(each['reason'])}{detail}"
            say((f"{said} ({text(each['peer'])})", "yellow"))
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        say(("what was refused last cannot be read", "yellow"))


def _say_base(report: dict[str, Any], options: str) -> None:
    base = report["base"]
    since = f", since {time_of(base['since_ms'])}" if base["since_ms"] else ""
    fields = [
        ("instance", text(report["instance"])),
        ("base", f"of {signed_by(base)}{since}"),
    ]
    if base["id"]:
        fields.append(("to go back", f"sealwire revert {request_id(base['id'])}{options}"))
    if report["confirm_by_ms"] is not None:
        fields.append(("on trial", f"until {end_of(report['confirm_by_ms'])}; to keep it:"))
        fields.append(("", f"sealwire confirm {request_id(base['id'])}{options}"))
    if (trail := report.get("trail")) is not None:
        fields.append(("trail", _trail_in_words(trail)))
    if (keyring := report.get("keyring")) is not None:
        fields.append(("keyring", _keyring_in_words(keyring)))
    fields.append(("leases", str(len(report["leases"])) if report["leases"] else "none"))
    if trail is not None and trail["trouble"]:
        say((f"changes are refused: {text(trail['trouble'])}", "bold red"))
    say_fields(fields)
    if keyring is not None and keyring["trouble"]:
        say((f"the keyring: {text(keyring['trouble'])}", "bold red"))


def _keyring_in_words(keyring: dict[str, Any]) -> str:
    """Say which keyring is in force, until when, and whose secrets are missing on the host."""
    said = f"{text(keyring['name'])} {number(keyring['version'])}"
    ends = time_of(number(keyring["expires"]) * 1000)
    said += f", expired {ends}" if keyring["expired"] else f", expires {ends}"
    missing = [text(key["id"]) for key in keyring["keys"] if not key["held"]]
    return f"{said}; files of keys that are missing: {joined(missing)}" if missing else said


def _trail_in_words(trail: dict[str, Any]) -> str:
    records = number(trail["records"])
    signed = f", signed {time_of(trail['checkpoint_ms'])}" if trail["checkpoint_ms"] else ""
    waiting = f", {number(trail['waiting'])} waiting" if trail["waiting"] else ""
    spilled = ", records go to its second folder" if trail["spilled"] else ""
    return f"{counted(records, 'record')}{signed}{waiting}{spilled}"


def _place_in_tree(name: str) -> list[str]:
    """Order loggers so that each stands directly behind its ancestors; the root is the first."""
    return [] if name == _ROOT else name.split(".")


def _say_loggers(report: dict[str, Any]) -> None:
    """Print the loggers as a tree: configured in the base, in force, and what else is to know.

    A logger is indented under the nearest ancestor that is listed: those that have nothing of
    their own are left out.
    """
    rows = [("logger", "configured", "effective", "")]
    named = {logger["name"]: logger for logger in report["loggers"]}
    ordered = sorted(named, key=_place_in_tree)
    above: list[str] = []
    for name in ordered[:MAX_ROWS]:
        logger, leased = named[name], named[name]["leased"]
        # In this order an ancestor has come before, with nothing in between but its descendants.
        while above and not name.startswith(f"{above[-1]}."):
            above.pop()
        depth = 0 if name == _ROOT else 1 + len(above)
        if name != _ROOT:
            above.append(name)
        marks = []
        if leased is not None:
            marks.append(f"leased until {end_of(leased['until_ms'])}, by {text(leased['issuer'])}")
        marks += ["disabled"] if logger["disabled"] else []
        marks += ["does not propagate"] if not logger["propagate"] else []
        marks += [f"to {joined(map(text, logger['handlers']))}"] if logger["handlers"] else []
        own = "-" if logger["configured"] is None else level(logger["configured"])
        lead = f"{'  ' * min(depth, MAX_DEPTH)}{text(name)}"
        rows.append((lead, own, level(logger["effective"]), "; ".join(marks)))
    widths = [min(MAX_COLUMN, max(len(row[column]) for row in rows)) for column in range(3)]
    for number_of_row, (name, own, effective, marks_of_row) in enumerate(rows):
        style = "dim" if not number_of_row else ""
        lead = f"{name:<{widths[0]}}  {own:<{widths[1]}}  {effective:<{widths[2]}}"
        said = f"{lead}  {marks_of_row}".rstrip()
        say((said, "cyan" if "leased until" in marks_of_row else style))
    if more := len(ordered[MAX_ROWS:]):
        say((f"and {more} loggers more, which --json prints", "yellow"))
