"""``sealwire lease``: levels for a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from sealwire.cli import parameters
from sealwire.cli.asking import whom_to_ask
from sealwire.cli.options import asking_options, partial_option
from sealwire.cli.questions import Question
from sealwire.cli.reported import (
    MAX_WORDS,
    end_of,
    joined,
    level,
    request_id,
    say_left_out,
    shown,
    text,
)
from sealwire.cli.sealing import operator_settings
from sealwire.cli.terminal import say, say_hint
from sealwire.cli.typed import typed
from sealwire.cli.unfinished import write_partial
from sealwire.clock import wall_clock_ms
from sealwire.documents.reading import LEVELS, read_level, read_name
from sealwire.errors import MalformedError
from sealwire.requests import DEFAULT_LEASE_S

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sealwire.cli.endings import Exit
    from sealwire.client import Client
    from sealwire.results import Result

_LEVELS: Final = ", ".join(name for name in LEVELS if name not in {"FATAL", "WARN", "NOTSET"})


def _level(given: str) -> tuple[str, str | int]:
    """Read ``payments.db=DEBUG`` as a service does, so that a slip is told before it is sent."""
    name, separator, wanted = given.rpartition("=")
    if not separator or not wanted:
        raise click.BadParameter(f"{given!r} is not LOGGER=LEVEL; write payments.db=DEBUG")
    if not name:
        raise click.BadParameter(f"{given!r} names no logger; the root logger is root{given}")
    if name != name.strip():
        raise click.BadParameter(f"{name!r} has blanks at an end; write {name.strip()}={wanted}")
    found: str | int = int(wanted) if wanted.isdecimal() else wanted.upper()
    try:
        read_name(name, "")
        number = read_level(found, "")
    except MalformedError as error:
        what, _, near = error.detail.partition("; ")
        near = f"{near} " if near else ""
        raise click.BadParameter(f"{given!r}: {what}; {near}levels are {_LEVELS}") from None
    if not number:
        raise click.BadParameter(f"{given!r} inherits, and leases nothing; name a level: {_LEVELS}")
    return name, found


@click.command(
    short_help="Set levels for a time.",
    epilog="""\b
Examples:
  sealwire lease payments.db=DEBUG --for 15m --why INC-4711
  sealwire lease payments=INFO payments.db=DEBUG --through console
  sealwire lease payments.db=DEBUG --address tcp:payments.internal:9030 --expect 8
  sealwire lease payments.db=DEBUG --partial debug.partial

\b
Exit status: 0 in force, 1 refused or failed, 3 nothing was sent,
4 sent but not answered: it may be in force, 5 in force in some processes or hosts alone.
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
@partial_option
@asking_options
def lease(
    levels: tuple[tuple[str, str | int], ...],
    for_s: int,
    through: tuple[str, ...],
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
    """Set levels for a time; they go back by themselves.

    Nothing else is changed. The root logger is called root. The answer says until when, and which
    handlers will write what is logged now.
    """
    named = [name for name, _ in levels]
    if twice := next((name for name in named if named.count(name) > 1), ""):
        raise click.UsageError(f"{twice} is named twice; give each logger one level")

    def request(client: Client) -> Result:
        return client.lease(dict(levels), for_s=for_s, through=through, why=why, only=only)

    if partial is not None:
        return write_partial(config, to, partial, request)
    asked = whom_to_ask(operator_settings(config), to, address, timeout_s, expect=expect)
    ends_ms = wall_clock_ms() + 1000 * for_s
    question = Question(
        request,
        "in force",
        say_it=_say_lease,
        # Of one's own request that much is known, whatever the answer hides.
        unsaid=lambda result, options: _say_end(result.request_id, ends_ms, options),
        more=lambda result: _changed(result.report),
        begins=True,
        only=bool(only),
    )
    return asked.ask(question, as_json=as_json)


def _say_end(lease_id: object, ends_ms: object, options: str) -> None:
    say(("until ", "dim"), (end_of(ends_ms), ""), ("; to end it before:", "dim"))
    say((f"  sealwire revert {request_id(lease_id)}{options}", ""))


def _say_lease(report: dict[str, Any], options: str) -> None:
    _say_end(report["id"], report["until_ms"], options)
    silent: list[str] = []
    for each in shown(report["levels"], "levels"):
        name, now = text(each["logger"]), level(each["now"])
        say((f"{name} is {now}, was {level(each['before'])}", ""))
        for handler in shown(each["emitting"], "handlers"):
            say(("  will write: ", "dim"), (text(handler), "green"))
        for hidden in shown(each["hidden"], "handlers"):
            said = f"{text(hidden['handler'])}: {text(hidden['by'])}"
            say(("  will not: ", "dim"), (said, "yellow"))
        if each["stopped"]:
            say(("  nothing is written: ", "dim"), (text(each["stopped"]), "yellow"))
        if each.get("known") is False:
            near = joined(map(text, each.get("near", [])))
            meant = f"did you mean {near}?" if near else "is it spelt so?"
            say((f"  nothing has asked for a logger {name} yet; {meant}", "yellow"))
        if not each["emitting"] and each["hidden"]:
            silent.append(text(each["hidden"][0]["handler"]))
    say_left_out(report, "")
    if silent:
        # One command for all of them, which is the one that was typed and asks for more.
        some = list(dict.fromkeys(silent))[:MAX_WORDS]
        more = [word for handler in some for word in ("--through", handler)]
        say_hint(f"no handler will write it; lower one as well: {typed(*more)}")


def _changed(report: Mapping[str, Any]) -> dict[str, bool]:
    """Say whether a lease has changed a level; not where the answer does not tell."""
    levels = report.get("levels")
    if not isinstance(levels, list) or not all(isinstance(each, dict) for each in levels):
        return {}
    return {"changed": any(each.get("before") != each.get("now") for each in levels)}
