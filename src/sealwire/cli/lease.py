"""``sealwire lease`` and ``sealwire revert``: levels for a time, and their end before it."""

from __future__ import annotations

import logging
import shlex
from typing import Any

import click

from sealwire.cli import parameters
from sealwire.cli.asking import Asked, say_answer_as_json, show
from sealwire.cli.endings import Exit
from sealwire.cli.options import asking_options
from sealwire.cli.send import told
from sealwire.cli.terminal import printable, say, say_hint
from sealwire.cli.wording import time_in_words
from sealwire.requests import DEFAULT_LEASE_S
from sealwire.stages import Outcome


def _level(text: str) -> tuple[str, str | int]:
    """Read ``payments.db=DEBUG``."""
    name, separator, level = text.rpartition("=")
    if not separator or not level:
        raise click.BadParameter(f"{text!r} is not LOGGER=LEVEL; write payments.db=DEBUG")
    return name, int(level) if level.isdecimal() else level.upper()


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
        say_answer_as_json(answer, asked.address)
    ending = told(
        answer, quiet=as_json, done="in force", again=("mend the request", "sealwire lease")
    )
    if answer.outcome is Outcome.APPLIED and not as_json:
        show(answer, lambda report: _say_lease(report, asked.options))
    return ending


def _say_lease(report: dict[str, Any], options: str) -> None:
    say(("until ", "dim"), (time_in_words(report["until_ms"]), ""), ("; to end it before: ", "dim"))
    say((f"  sealwire revert {printable(report['id'])}{options}", ""))
    for each in report["levels"]:
        name = printable(each["logger"])
        now, before = _named(each["now"]), _named(each["before"])
        say((f"{name} is {now}, was {before}", ""))
        for handler in each["emitting"]:
            say(("  will write: ", "dim"), (printable(handler), "green"))
        for hidden in each["hidden"]:
            said = f"{printable(hidden['handler'])}: {printable(hidden['by'])}"
            say(("  will not: ", "dim"), (said, "yellow"))
        if each["stopped"]:
            say(("  nothing is written: ", "dim"), (printable(each["stopped"]), "yellow"))
        if not each["emitting"] and each["hidden"]:
            key = printable(each["hidden"][0]["handler"])
            say_hint(
                f"no handler will write it; lower one as well: sealwire lease {name}={now} "
                f"--through {shlex.quote(key)}{options}"
            )


def _named(level: int) -> str:
    return str(logging.getLevelName(level))


@click.command(
    short_help="End leases before their time.",
    epilog="""\b
Examples:
  sealwire revert
  sealwire revert 0123456789abcdef0123456789abcdef

\b
Exit status: 0 ended, 1 refused or failed, 3 nothing was sent, 4 sent but not answered.
""",
)
@click.argument("lease_id", metavar="[ID]", required=False, default="")
@asking_options
def revert(
    lease_id: str,
    why: str,
    only: str,
    to: str | None,
    address: str | None,
    timeout_s: int,
    config: str | None,
    *,
    as_json: bool,
) -> Exit:
    """End the lease with this ID, or all of them; the levels go back at once."""
    asked = Asked(config, to, address, timeout_s)
    answer = asked.ask(lambda client: client.revert(lease_id, why=why, only=only))
    if as_json:
        say_answer_as_json(answer, asked.address)
    ending = told(
        answer, quiet=as_json, done="reverted", again=("mend the request", "sealwire revert")
    )
    if answer.outcome is Outcome.APPLIED and not as_json:
        show(answer, _say_ended)
    return ending


def _say_ended(report: dict[str, Any]) -> None:
    count = len(report["ended"])
    say((f"{count} lease{'' if count == 1 else 's'} ended", ""))
