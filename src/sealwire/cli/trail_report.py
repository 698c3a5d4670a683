"""``sealwire trail report``: every change of a time, by request, in Markdown or JSON."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from sealwire.cli import parameters
from sealwire.cli.endings import CommandError, Exit
from sealwire.cli.terminal import flush, printable, say, say_json
from sealwire.cli.trail import EXITS, anchors_in, readable_records
from sealwire.cli.trail_words import finding_as_json
from sealwire.keyfiles import load_verify_key
from sealwire.trail.findings import Finding, Outcome
from sealwire.trail.report import report_of
from sealwire.trail.verify import verify_trail

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_ESCAPED: Final = str.maketrans({each: f"\\{each}" for each in "\\`*_[]<>|"})


@click.command(
    "report",
    short_help="Put together every change of a time.",
    epilog="""\b
Examples:
  sealwire trail report /var/lib/payments/trail --key host.pub > report.md
  sealwire trail report copy-of-trail --since 2026-10-01T00:00:00Z --until 2027-01-01T00:00:00Z
  sealwire trail report copy-of-trail --key host.pub --anchor held.checkpoint --json

\b
Exit status: as sealwire trail verify, of which the report says the result first.
""",
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--since",
    metavar="TIME",
    type=parameters.instant,
    help="From then on, such as 2026-10-01T00:00:00Z.",
)
@click.option("--until", metavar="TIME", type=parameters.instant, help="Until before then.")
@click.option("--key", "keys", multiple=True, metavar="FILE", help="As for sealwire trail verify.")
@click.option(
    "--anchor", "anchors", multiple=True, metavar="FILE", help="As for sealwire trail verify."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def report(
    folder: Path,
    since: int | None,
    until: int | None,
    keys: tuple[str, ...],
    anchors: tuple[str, ...],
    *,
    as_json: bool,
) -> Exit:
    """Put together what the trail in DIR says of a time, for whoever looks at every change.

    Scope and verification come first, then what kinds of records there are and what is missing,
    every change by its request, refusals, drift, key and policy events, and what this cannot show.
    """
    known = [load_verify_key(each) for each in keys]
    held = [note for each in anchors for note in anchors_in(each)]
    found = verify_trail(folder, known, held)
    if found.outcome is Outcome.UNREADABLE:
        what, _, remedy = found.problem.partition("; ")
        raise CommandError(Exit.LOCAL_FAILURE, what, remedy)
    records, unread = readable_records(folder)
    told = {
        "trail": found.origin,
        "verification": finding_as_json(found, keys=bool(keys)),
        "unread": unread,
        **report_of(records, since, until),
    }
    if as_json:
        say_json(told)
    else:
        for line in _markdown(told, found, anchored=bool(held), keys=bool(keys)):
            say((line, ""))
    if found.outcome is not Outcome.GOOD:
        flush()  # the report comes first, also where both outputs are one
        name = shlex.quote(str(folder))
        raise CommandError(
            EXITS[found.outcome], found.problem, f"look closer: sealwire trail verify {name}"
        )
    return Exit.OK


def _key_or_policy(each: dict[str, Any]) -> tuple[str, str, str]:
    """Say what of keys and policy has changed, what it was, and what it is."""
    if each["kind"] == "keyring-changed":
        what = f"keyring {each['name']}, signed by {', '.join(each['signers'])}"
        return what, "", f"version {each['version']}, {each['digest']}"
    what = each.get("what") or each["kind"]
    if each["kind"] == "key-changed":
        what = f"{each['purpose']} key {each['key'][:16]} of {each['owner']}"
    return what, each["before"] or "none", each["after"] or "none"


def _markdown(told: dict[str, Any], found: Finding, *, anchored: bool, keys: bool) -> Iterator[str]:
    yield "# Changes of logging"
    yield ""
    yield from _scope(told, found, anchored=anchored, keys=keys)
    yield from _population(told)
    yield "## Changes"
    yield ""
    if not told["changes"]:
        yield from ("None.", "")
    for change in told["changes"]:
        yield from _change(change)
    yield from _table(
        "Refusals",
        ("at", "reason", "who", "peer", "number", "rule", "where"),
        [
            tuple(
                _who(each[name]) if name == "who" else each[name]
                for name in ("at", "reason", "who", "peer", "count", "rule", "where")
            )
            for each in told["refusals"]
        ],
    )
    yield from _table(
        "Changes that record less",
        ("request", "who", "places"),
        [
            (each["request"], _who(each["who"]), ", ".join(each["places"]))
            for each in told["logging_reduced"]
        ],
    )
    yield from _table(
        "Drift",
        ("at", "record", "kind", "what"),
        [(each["at"], each["seq"], each["kind"], _drift(each)) for each in told["drift"]],
    )
    yield from _table(
        "Alerts", ("at", "record", "what"), [(e["at"], e["seq"], e["what"]) for e in told["alerts"]]
    )
    yield from _table(
        "Keys, policy and versions",
        ("at", "record", "what", "before", "after"),
        [(each["at"], each["seq"], *_key_or_policy(each)) for each in told["keys_and_policy"]],
    )
    yield from _table(
        "Clock that was set",
        ("at", "record", "expected", "found"),
        [(each["at"], each["seq"], each["expected"], each["found"]) for each in told["clock"]],
    )
    yield "## What this does not show"
    yield ""
    for limit in told["limits"]:
        yield f"- {limit}"


def _scope(told: dict[str, Any], found: Finding, *, anchored: bool, keys: bool) -> Iterator[str]:
    scope = told["scope"]
    yield f"- trail: `{found.origin or 'not known'}`"
    begin, end = scope["since"] or "the beginning", scope["until"] or "the end"
    yield f"- time: from {begin} to {end}"
    yield f"- records: {scope['records']}, from {scope['first_record']} to {scope['last_record']}"
    yield f"- verified: **{found.outcome.value}**, {found.records} records in order"
    signed = "by the key given" if keys else "by nobody known, because no key was given"
    yield f"- checkpoints: signed {signed}, for {found.signed} records"
    held = f"for {found.anchored} records" if anchored else "none was given"
    yield f"- checkpoints held elsewhere: {held}"
    if told["unread"]:
        yield f"- **not read**: {_plain(told['unread'])}"
    yield ""


def _population(told: dict[str, Any]) -> Iterator[str]:
    yield from _table("Records by kind", ("kind", "number"), list(told["population"].items()))
    yield from _table(
        "Gaps",
        ("at", "record", "kind", "what"),
        [(each["at"], each["seq"], each["kind"], _gap(each)) for each in told["gaps"]],
    )


def _gap(gap: dict[str, Any]) -> str:
    if gap["kind"] == "trail-recovered":
        return f"{gap['torn_bytes']} bytes of a record that a crash had cut short"
    lost = f"; {gap['lost']} records lost" if gap.get("lost") else ""
    since = f"since {gap['since']}: " if "since" in gap else ""
    return f"{since}{gap['cause']}{lost}"


def _change(change: dict[str, Any]) -> Iterator[str]:
    yield f"### {change['verb'] or 'change'} {change['request']}"
    yield ""
    yield f"- who: {_plain(_who(change['who']))}"
    yield f"- why: {_plain(change['why'] or 'no reason given')}"
    yield f"- accepted: {change['accepted'] or 'before this time, or not recorded'}"
    outcome = change["outcome"] or _without_outcome(change["verb"])
    if change["outcome"]:
        outcome += f" at {change['at']} (record {change['seq']})"
    detail = f", {_plain(change['detail'])}" if change["detail"] else ""
    yield f"- outcome: {outcome}{detail}"
    if confirmed := change["confirmed"]:
        yield f"- confirmed: {confirmed['at']} by {_plain(_who(confirmed['who']))}"
    if ended := change["ended"]:
        by = f" by {_plain(_who(ended['who']))}" if ended["who"] else ""
        yield f"- ended: {ended['at']}, {ended['cause']}{by} (record {ended['seq']})"
    if change["logging_reduced"]:
        yield f"- **records less**: {_plain(', '.join(change['logging_reduced']))}"
    yield ""
    if change["changes"] is not None:
        yield from _differences(change["changes"])


def _without_outcome(verb: str | None) -> str:
    """Say what stands in the place of an outcome; a keyring has records of its own for that."""
    if verb == "keyring":
        return "what came into force is listed under: Keys, policy and versions"
    return "no outcome is recorded in this time"


def _differences(changes: dict[str, Any]) -> Iterator[str]:
    rows = []
    for kind in ("loggers", "handlers"):
        for each in changes[kind]:
            rows += [
                (f"{kind[:-1]} {each['name']}", name, *sides)
                for name, sides in _sides(each["before"], each["after"])
            ]
    if rows:
        yield from _rows(("what", "of it", "before", "after"), rows)
    if changes["left_out"]:
        yield f"and {changes['left_out']} more, which the record does not list"
        yield ""


def _sides(
    before: dict[str, Any] | None, after: dict[str, Any] | None
) -> Iterator[tuple[str, tuple[str, str]]]:
    if before is None:
        yield "itself", ("is not there", "is there")
    elif after is None:
        yield "itself", ("is there", "is not there")
    for name in before or after or {}:
        sides = tuple("" if side is None else _value(side[name]) for side in (before, after))
        if sides[0] != sides[1]:
            yield name.replace("_", " "), (sides[0], sides[1])


def _value(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value in (None, "") else str(value)


def _drift(drift: dict[str, Any]) -> str:
    if drift["kind"] == "drift-ended":
        return ", ".join(drift["places"])
    names = [each["name"] for each in (*drift["changes"]["loggers"], *drift["changes"]["handlers"])]
    return ", ".join(names)


def _who(who: dict[str, Any] | None) -> str:
    if who is None:
        return "not known"
    signers = (who, *who.get("cosigners", ()))
    return " with ".join(
        f"{each['owner']} ({each['signer']} {each['key'][:16]})" for each in signers
    )


def _table(title: str, head: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    if rows:
        yield from _rows(head, rows)
    else:
        yield from ("None.", "")


def _rows(head: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(_plain(cell) for cell in row)} |"
    yield ""


def _plain(value: object) -> str:
    """Give a text of somebody's as Markdown shows it: as it is, on one line."""
    return printable(value).translate(_ESCAPED)
