"""``sealwire state``: make the directory where a service remembers, show it, check it."""

from __future__ import annotations

import itertools
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from sealwire.cli import parameters
from sealwire.cli.endings import CommandError, Exit
from sealwire.cli.reported import time_of
from sealwire.cli.terminal import printable, say, say_fields, say_hint, say_json
from sealwire.cli.wording import counted
from sealwire.clock import wall_clock_ms
from sealwire.errors import ConfigurationError, StateError
from sealwire.journal import Journal, Remembered, StateDirectory, examine
from sealwire.journal import init as init_state
from sealwire.journal.layout import Verdict

if TYPE_CHECKING:
    from sealwire.cli.terminal import JsonOutput

_MAX_DIGITS: Final = 16

_folder = click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


def _version(_: click.Context, __: click.Parameter, text: str) -> int:
    if text == "now":
        return wall_clock_ms()
    if text.isdecimal() and len(text) < _MAX_DIGITS:
        return int(text)
    raise click.BadParameter(f"{text!r} is neither now nor a number of milliseconds since 1970")


@click.group(no_args_is_help=False, short_help="Make, show or check what a service remembers.")
def state() -> None:
    """Make the directory where a service remembers, show it, check it."""


@state.command(
    short_help="Make a directory where a service remembers.",
    epilog="""\b
Examples:
  sealwire state init /var/lib/payments/sealwire --audience payments@prod
  sealwire state init /var/lib/payments/sealwire --audience payments@prod --min-version now --force
""",
)
@_folder
@click.option(
    "--audience",
    required=True,
    type=parameters.audience,
    metavar="AUDIENCE",
    help="The service, such as payments@prod.",
)
@click.option(
    "--min-version",
    default="now",
    show_default=True,
    callback=_version,
    metavar="now|MS",
    help="Take nothing that was sealed up to then; 0 takes everything that is still valid.",
)
@click.option("--force", is_flag=True, help="Put aside what is there, and begin anew.")
def init(folder: Path, audience: str, min_version: int, *, force: bool) -> Exit:
    """Make DIR, where the service AUDIENCE is to remember what it took and what stands.

    Run it as the user the service runs as. What was taken before is not known to a new directory,
    so nothing is taken that was sealed before it was made, unless --min-version says otherwise.
    """
    aside = _put_aside(folder) if force and os.path.lexists(folder) else None
    init_state(folder, audience, min_version=min_version, now_ms=wall_clock_ms())
    say(("made", "bold green"), (f"  state of {audience}  {printable(folder)}", ""))
    if aside is not None:
        say(("kept", "dim"), (f"  what was there     {printable(aside)}", ""))
    say_hint(
        f'name it in the service\'s settings, above the first table: state = "{folder.absolute()}"'
    )
    return Exit.OK


@state.command(
    short_help="Print what a service remembers.",
    epilog="""\b
Examples:
  sealwire state show /var/lib/payments/sealwire
  sealwire state show /var/lib/payments/sealwire --json
""",
)
@_folder
@_json
def show(folder: Path, *, as_json: bool) -> Exit:
    """Print what the service whose directory is DIR remembers: what it took, and what stands.

    The service may be running; nothing is changed.
    """
    there = read_state(folder)
    if as_json:
        say_json(_as_json(there))
        return Exit.OK
    say_fields(
        [
            ("audience", there.audience),
            ("begins at", time_of(there.min_version) if there.min_version else "the beginning"),
            ("last seen", time_of(there.clock_ms)),
        ]
    )
    say(("", ""))
    for stream, taken in sorted(there.floors.items(), key=lambda each: each[0].value):
        outcome = "unsettled" if taken.outcome is None else taken.outcome.name.lower()
        said = f"{stream.value}: last {time_of(taken.version)} by {taken.issuer}: {outcome}"
        say((said, ""))
    for base in there.in_force.bases:
        say((f"configuration {base.id} of {there.kept[base.id].issuer}", "cyan"))
    if there.in_force.trial is not None:
        ends = time_of(there.in_force.trial.ends_wall_ms)
        say((f"  on trial until {ends}; a start takes it back", ""))
    for lease in there.in_force.leases:
        ends = time_of(lease.ends_wall_ms)
        say((f"lease {lease.id} of {there.kept[lease.id].issuer}, until {ends}", "cyan"))
    if there.open_intent is not None:
        left = there.open_intent
        say((f"left in the middle: {left.verb} {left.id} of {left.issuer}", "yellow"))
    return Exit.OK


@state.command(
    short_help="Say whether a service can rely on what it remembers.",
    epilog="""\b
Examples:
  sealwire state check /var/lib/payments/sealwire

\b
Exit status: 0 it can, 1 what stands there is damaged, 3 it cannot be read.
""",
)
@_folder
@_json
def check(folder: Path, *, as_json: bool) -> Exit:
    """Say whether the directory DIR is one that a service can rely on.

    What is damaged is not mended: what is lost might be that a message was taken. A service whose
    directory is damaged refuses changes until sealwire state init --force has put it aside.
    """
    try:
        directory = StateDirectory.open(folder)
        try:
            found = examine(directory)
        finally:
            directory.close()
    except StateError as error:
        what, _, remedy = str(error).partition("; ")
        if as_json:
            say_json({"good": False, "problem": what})
        raise CommandError(Exit.REFUSED, what, remedy) from None
    there = found.remembered
    good = found.verdict is not Verdict.CORRUPT and there is not None
    if as_json:
        say_json(
            {
                "good": good,
                "problem": found.problem,
                "audience": directory.audience,
                "records": found.records,
                "good_bytes": found.good_bytes,
                "bytes": found.length,
            }
        )
    if not good or there is None:
        again = f"sealwire state init {shlex.quote(str(folder))} --audience {directory.audience}"
        raise CommandError(
            Exit.REFUSED,
            f"{folder} is damaged behind byte {found.good_bytes} of {found.length}: "
            f"{found.problem or 'it says nothing'}",
            f"put its copy back, or begin anew: {again} --min-version now --force",
        )
    if as_json:
        return Exit.OK
    in_force = there.in_force
    say(("good", "bold green"))
    say_fields(
        [
            ("audience", there.audience),
            ("records", str(found.records)),
            ("stands", counted(len(in_force.bases), "configuration")),
            ("runs", counted(len(in_force.leases), "lease")),
        ]
    )
    if found.verdict is Verdict.TORN or found.unfinished:
        say(("its end was not written; the next change cuts that off, and nothing is lost", "dim"))
    return Exit.OK


def read_state(folder: Path, audience: str | None = None) -> Remembered:
    """Read what a service remembers.

    Args:
        folder: its state directory.
        audience: which service it has to be; ``None`` is whichever it is.

    Raises:
        StateError: it is damaged.
        ConfigurationError: it is lost, or another service's, or cannot be one.
    """
    directory = StateDirectory.open(folder, audience)
    try:
        journal = Journal.open(directory)
        try:
            return journal.remembered
        finally:
            journal.close()
    finally:
        directory.close()


def _put_aside(folder: Path) -> Path:
    """Rename what is there, which is never removed."""
    names = (folder.with_name(f"{folder.name}.old-{number}") for number in itertools.count(1))
    aside = next(name for name in names if not os.path.lexists(name))
    try:
        folder.rename(aside)
    except OSError as error:
        raise ConfigurationError(f"{folder} cannot be put aside: {error.strerror}") from None
    return aside


def _as_json(there: Remembered) -> dict[str, JsonOutput]:
    in_force, left = there.in_force, there.open_intent
    return {
        "audience": there.audience,
        "state_id": there.state_id.hex(),
        "min_version": there.min_version,
        "clock_ms": there.clock_ms,
        "floors": {
            stream.value: {
                "version": taken.version,
                "digest": taken.digest.hex(),
                "issuer": taken.issuer,
                "outcome": None if taken.outcome is None else taken.outcome.name.lower(),
            }
            for stream, taken in there.floors.items()
        },
        "bases": [
            {"id": each.id, "issuer": there.kept[each.id].issuer, "since_ms": each.since_ms}
            for each in in_force.bases
        ],
        "leases": [
            {
                "id": each.id,
                "issuer": there.kept[each.id].issuer,
                "until_ms": each.ends_wall_ms,
            }
            for each in in_force.leases
        ],
        "confirm_by_ms": None if in_force.trial is None else in_force.trial.ends_wall_ms,
        "left_in_the_middle": None if left is None else {"id": left.id, "verb": left.verb},
    }
