"""``sealwire keys review``: who may do what, and since when, for whoever audits access."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sealwire.cli.custodian import Custodian
from sealwire.cli.endings import Exit
from sealwire.cli.keyring_options import now_s, ring_options
from sealwire.cli.terminal import printable, say, say_json
from sealwire.cli.wording import counted
from sealwire.keyring.inspection import rights, useless, worries
from sealwire.keyring.words import changes_in_words, key_in_words, moment_in_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LIMITS = (
    "It says who could; what was asked for stands in the services' trails: sealwire trail report.",
    "Which services have this keyring in force is shown by: sealwire keys push.",
    "What a policy on a host allows each role is another matter: sealwire policy explain.",
)


@click.command(
    short_help="Say who may do what, for an audit.",
    epilog="""\b
Examples:
  sealwire keys review > access.md
  sealwire keys review --json
""",
)
@ring_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def review(ring: str | None, config: str | None, *, as_json: bool) -> Exit:
    """Put together who may do what by the keyring, since when, and every change of it.

    In Markdown; what nothing seems to need, and what had better be otherwise, comes with it.
    """
    custodian = Custodian.open(ring, config)
    now = now_s()
    if as_json:
        say_json(
            {
                "keyring": custodian.keyring.name,
                "version": custodian.keyring.version,
                "at": now,
                "expires": custodian.keyring.expires,
                "rights": [
                    {**each._asdict(), "roles": list(each.roles)}
                    for each in rights(custodian.keyring, now)
                ],
                "unused": [
                    {"id": key.fingerprint, "owner": key.owner.id, "why": why}
                    for key, why in useless(custodian.keyring, now)
                ],
                "worries": [each._asdict() for each in worries(custodian.keyring, now)],
                "changes": [
                    {"version": version, "at": at, "by": by, "changes": lines}
                    for version, at, by, lines in _changes(custodian)
                ],
                "limits": list(_LIMITS),
            }
        )
        return Exit.OK
    for line in _markdown(custodian, now):
        say((printable(line), ""))
    return Exit.OK


def _changes(custodian: Custodian) -> Iterator[tuple[int, int, list[str], list[str]]]:
    """Give every version: its number, its time, who signed it, what it changed."""
    before = None
    for each in custodian.history:
        lines = ["the first"] if before is None else changes_in_words(before, each.keyring)
        by = sorted({shown.owner for shown in each.evidence})
        yield each.keyring.version, each.keyring.issued, by, lines
        before = each.keyring


def _markdown(custodian: Custodian, now: int) -> Iterator[str]:
    keyring = custodian.keyring
    yield f"# Who may do what: {keyring.name} {keyring.version}"
    yield ""
    yield f"As of {moment_in_words(now)}. It expires {moment_in_words(keyring.expires)};"
    needed = counted(keyring.root_threshold, "root signature")
    yield f"each change needs {needed}."
    yield ""
    yield "## Rights"
    yield ""
    yield from _table(
        ("owner", "roles", "services", "since", "keys"),
        [
            (
                right.owner,
                ", ".join(right.roles),
                ", ".join(right.audiences),
                moment_in_words(right.since),
                ", ".join(right.keys),
            )
            for right in rights(keyring, now)
        ],
    )
    yield "## What nothing seems to need"
    yield ""
    yield from _list([f"{key_in_words(key)}: {why}" for key, why in useless(keyring, now)])
    yield "## What had better be otherwise"
    yield ""
    yield from _list([f"{each.text}; `{each.next}`" for each in worries(keyring, now)])
    yield "## Changes"
    yield ""
    for version, at, by, lines in _changes(custodian):
        yield f"- version {version}, {moment_in_words(at)}, signed by {', '.join(by)}:"
        yield from (f"  - {line}" for line in lines)
    yield ""
    yield "## What this does not show"
    yield ""
    yield from _list(_LIMITS)


def _list(lines: Sequence[str]) -> Iterator[str]:
    yield from (f"- {line}" for line in lines) if lines else ("Nothing.",)
    yield ""


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield f"|{'---|' * len(columns)}"
    yield from (f"| {' | '.join(row)} |" for row in rows)
    yield ""
