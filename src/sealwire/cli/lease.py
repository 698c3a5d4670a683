"""``sealwire lease``: levels for a time."""

from __future__ import annotations

from typing import Any

import click

from sealwire.cli import parameters
from sealwire.cli.asking import Asked, report_of, say_answer_as_json, show
from sealwire.cli.endings import Exit
from sealwire.cli.options import asking_options
from sealwire.cli.reported import level, quoted, request_id, say_left_out, text, time_of
from sealwire.cli.send import told
from sealwire.cli.terminal import say, say_hint
from sealwire.requests import DEFAULT_LEASE_S
from sealwire.stages import Outcome


def _level(given: str) -> tuple[str, str | int]:
    """Read ``payments.db=DEBUG``."""
    name, separator, wanted = given.rpartition("=")
    if not separator or not wanted:
        raise click.BadParameter(f"{given!r} is not LOGGER=LEVEL; write payments.db=DEBUG")
    return name, int(wanted) if wanted.isdecimal() else wanted.upper()


@click.command(
    short_help="Set levels for a time.",
    epilog="""\b
Examples:
  sealwire lease payments.db=DEBUG --for 15m --why INC-4711
  sealwire lease payments=INFO payments.db=DEBUG --through console

\b
Exit status: 0 in force, 1 refused or failed, 3 nothing was sent,
4 sent but not answered: it may be in force.
""",
)
@click.argument("levels", nargs=-1, required=True, metavar="LOGGER=LEVEL…", type=_level)
@click.option(
    "--for",
    "for_s",
    type=parameters.duration,
    metavar="TIME",
    default=f"{DEFAULT_LEASE_S // 60}m",
    show_default=True,
    help="How long: 90s, 15m, 2h. The service's policy has a maximum.",
)
@click.option(
    "--through",
    multiple=True,
    metavar="HANDLER",
    help="Lower this handler as well, by the name that status shows; may be given again.",
)
@asking_options
def lease(
    levels: tuple[tuple[str, str | int], ...],
    for_s: int,
    through: tuple[str, ...],
    why: str,
    only: str,
    to: str | None,
    address: str | None,
    timeout_s: int,
    config: str | None,
    *,
    as_json: bool,
) -> Exit:
    """Set levels for a time; they go back by themselves.

    Nothing else is changed. The root logger is called root. The answer says until when, and which
    handlers will write what is logged now.
    """
    asked = Asked(config, to, address, timeout_s)
    answer = asked.ask(
        lambda client: client.lease(dict(levels), for_s=for_s, through=through, why=why, only=only)
    )
    if as_json:
        say_answer_as_json(answer, asked.address, **_changed(report_of(answer)))
    ending = told(
        answer, quiet=as_json, done="in force", again=("mend the request", "sealwire lease")
    )
    if answer.outcome is Outcome.APPLIED and not as_json:
        show(answer, lambda report: _say_lease(report, asked.options))
    return ending


def _say_lease(report: dict[str, Any], options: str) -> None:
    lease_id = request_id(report["id"])
    say(("until ", "dim"), (time_of(report["until_ms"]), ""), ("; to end it before: ", "dim"))
    say((f"  sealwire revert {lease_id}{options}", ""))
    for each in report["levels"]:
        name, now = text(each["logger"]), level(each["now"])
        say((f"{name} is {now}, was {level(each['before'])}", ""))
        for handler in each["emitting"]:
            say(("  will write: ", "dim"), (text(handler), "green"))
        for hidden in each["hidden"]:
            said = f"{text(hidden['handler'])}: {text(hidden['by'])}"
            say(("  will not: ", "dim"), (said, "yellow"))
        if each["stopped"]:
            say(("  nothing is written: ", "dim"), (text(each["stopped"]), "yellow"))
        if not each["emitting"] and each["hidden"]:
            words = quoted(f"{name}={now}", "--through", text(each["hidden"][0]["handler"]))
            say_hint(
                f"no handler will write it; lower one as well: sealwire lease {words}{options}"
            )
    say_left_out(report, "")


def _changed(report: dict[str, Any]) -> dict[str, bool]:
    """Say whether a lease has changed a level; not where the answer does not tell."""
    levels = report.get("levels")
    if not isinstance(levels, list) or not all(isinstance(each, dict) for each in levels):
        return {}
    return {"changed": any(each.get("before") != each.get("now") for each in levels)}
