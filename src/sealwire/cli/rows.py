"""One row for each process of a service: what has become of a request there, and how it is.

The rows of others than the one that answered are that one's word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sealwire.cli.endings import Exit
from sealwire.cli.reported import number, shown, text
from sealwire.cli.terminal import printable, say
from sealwire.receipts import Outcome

if TYPE_CHECKING:
    from sealwire.cli.terminal import JsonOutput
    from sealwire.receipts import Instance
    from sealwire.results import Result

_GOOD: Final = frozenset({Outcome.APPLIED, Outcome.REVERTED, Outcome.PENDING_CONFIRM})
_DIGEST_CHARS: Final = 8


def instances_of(result: Result) -> tuple[Instance, ...]:
    """Give what has become of a request in each process; none where the answer does not say."""
    return () if result.receipt is None else result.receipt.instances


def instances_as_json(result: Result) -> list[JsonOutput]:
    """Give the rows as ``--json`` prints them."""
    return [
        {"name": each.name, "outcome": each.outcome.value, "detail": each.detail}
        for each in instances_of(result)
    ]


def say_instances(result: Result, *, quiet: bool, brief: bool = False) -> Exit:
    """Say what became of a request in each process; give the exit status.

    Args:
        result: what the service says.
        quiet: say nothing, as it stands on standard output already.
        brief: name those alone that have not done it.
    """
    rows = instances_of(result)
    meant = [each for each in rows if each.outcome is not Outcome.NOT_ADDRESSED]
    lacking = [each for each in meant if each.outcome not in _GOOD]
    if len(rows) > 1 and not quiet:
        done = len(meant) - len(lacking)
        aside = len(rows) - len(meant)
        others = f"; {aside} not addressed" if aside else ""
        say((f"{done}/{len(meant)} processes{others}", "yellow" if lacking else "green"))
        for each in shown(lacking if brief else rows, "processes"):
            why = f": {printable(each.detail)}" if each.detail else ""
            style = "yellow" if each in lacking else "dim"
            say((f"  {printable(each.name)} {each.outcome.value}{why}", style))
    return Exit.PARTLY if lacking and len(rows) > 1 else Exit.OK


def say_workers(report: dict[str, Any]) -> None:
    """Print how each process of a service is, as status tells; nothing where there is one alone."""
    rows = report.get("workers")
    if not rows:
        return
    say(("", ""))
    for row in shown(rows, "processes"):
        leases = len(row["leases"])
        said = [
            "stale: it has not answered" if row["stale"] else "",
            "leads" if row["leads"] else "",
            f"base {text(row['base'])[:_DIGEST_CHARS]}" if row["base"] else "base application",
            f"{leases} lease{'' if leases == 1 else 's'}" if leases else "",
            f"drift in {number(row['drift'])} places" if row["drift"] else "",
            f"not as the others: {text(row['trouble'])}" if row["trouble"] else "",
        ]
        if row["stale"]:
            said = said[:1]
        bad = row["stale"] or row["trouble"] or row["drift"]
        words = ", ".join(each for each in said if each)
        say((f"{text(row['instance'])}: {words}", "yellow" if bad else ""))
