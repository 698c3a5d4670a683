"""What a trail says of a time, put together by request: for whoever has to look at every change.

Rules this module keeps:

1. Nothing is left out: each record of the time is counted by its kind, and each change and refusal
   is listed. What a record left out itself is said.
2. A change is everything that records say of one request, wherever it stands: accepted, applied,
   failed, confirmed, taken back. What the time's beginning cut off is said to be unknown, and not
   filled in.
3. Where something is missing between records, such as a stop before a start, that is a gap.

Not guaranteed: that a trail says everything. What no record was made of is in no report.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from sealwire.trail import events
from sealwire.trail.forms import write_fields, write_moment

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sealwire.documents import JsonValue
    from sealwire.trail.events import Event
    from sealwire.trail.records import Record

Entry: TypeAlias = "dict[str, JsonValue]"

LIMITS: Final = (
    "What was written after the last signed checkpoint can have been changed or cut off.",
    "Checkpoints by the host's own key show nothing against the host; those held elsewhere do.",
    "A host in wrong hands can leave out or invent records from then on.",
    "That a handler writes a record is a prediction; whether it did is not recorded.",
    "What code of the application changes is found later, at most a minute, as drift.",
    "Reading (status, plan) is not recorded unless it was refused.",
)
"""What no report of a trail shows, for the reader who knows nothing of sealwire."""

_DIGESTS: Final = ("version", "policy", "keyring")


@dataclass(slots=True)
class _Report:
    population: dict[str, int] = field(default_factory=dict)
    changes: dict[str, Entry] = field(default_factory=dict)
    refusals: list[JsonValue] = field(default_factory=list)
    gaps: list[JsonValue] = field(default_factory=list)
    drift: list[JsonValue] = field(default_factory=list)
    alerts: list[JsonValue] = field(default_factory=list)
    keys_and_policy: list[JsonValue] = field(default_factory=list)
    clock: list[JsonValue] = field(default_factory=list)
    running: events.Started | None = None
    started: events.Started | None = None
    first: str = ""
    last: str = ""


def report_of(records: Iterable[Record], since: int | None, until: int | None) -> Entry:
    """Give the report of a time.

    Args:
        records: those of a whole trail, in their order: what was in force at the beginning of the
            time is known from what stands before it.
        since: the beginning, milliseconds since the epoch; ``None`` is that of the trail.
        until: the end, which is not in it; ``None`` is that of the trail.
    """
    report = _Report()
    for record in records:
        if since is not None and record.at < since:
            _remember(report, record.event)
        elif until is None or record.at < until:
            _take(report, record)
    return {
        "scope": {
            "since": None if since is None else write_moment(since),
            "until": None if until is None else write_moment(until),
            "first_record": report.first or None,
            "last_record": report.last or None,
            "records": sum(report.population.values()),
        },
        "population": dict(sorted(report.population.items())),
        "gaps": report.gaps,
        "changes": list(report.changes.values()),
        "refusals": report.refusals,
        "logging_reduced": [
            {"request": request, "who": change["who"], "places": places}
            for request, change in report.changes.items()
            if (places := change["logging_reduced"])
        ],
        "drift": report.drift,
        "alerts": report.alerts,
        "keys_and_policy": report.keys_and_policy,
        "clock": report.clock,
        "limits": list(LIMITS),
    }


def _remember(report: _Report, event: Event) -> None:
    """Take from before the time what is to be compared with."""
    if isinstance(event, events.Started):
        report.running = report.started = event
    elif isinstance(event, events.Stopped):
        report.running = None


def _take(report: _Report, record: Record) -> None:
    event, at = record.event, write_moment(record.at)
    report.population[event.kind] = report.population.get(event.kind, 0) + 1
    report.first, report.last = report.first or at, at
    entry: Entry = {"seq": record.seq, "at": at, **write_fields(event)}
    match event:
        case events.Started():
            _take_start(report, event, entry)
        case events.Stopped():
            report.running = None
        case events.TrailFailed() | events.TrailRecovered():
            report.gaps.append({"kind": event.kind, **entry})
        case events.Refused():
            report.refusals.append(entry)
            if event.request in report.changes:
                _conclude(report.changes[event.request], "refused", entry, event.reason.value)
        case events.Drifted() | events.DriftEnded():
            report.drift.append({"kind": event.kind, **entry})
        case events.AnchorMismatch():
            whose = "somebody" if event.who is None else event.who.owner
            what = (
                f"{whose} showed a point of {event.size} records that is none of this trail "
                f"({event.problem}; {event.count} times)"
            )
            report.alerts.append({**entry, "what": what})
        case events.Alerted():
            report.alerts.append(entry)
        case events.KeyChanged() | events.KeyringChanged() | events.PolicyChanged():
            report.keys_and_policy.append({"kind": event.kind, **entry})
        case events.ClockStepped():
            report.clock.append(entry)
        case events.Begun():
            pass
        case _:
            _take_change(report, event, entry)


def _take_start(report: _Report, event: events.Started, entry: Entry) -> None:
    if report.running is not None:
        report.gaps.append(
            {
                "kind": "no-stop",
                "seq": entry["seq"],
                "at": entry["at"],
                "cause": f"{report.running.instance} began and no record says that it stopped",
            }
        )
    before = report.started
    for name in _DIGESTS:
        was = None if before is None else getattr(before, name)
        now = getattr(event, name)
        if was != now:
            report.keys_and_policy.append(
                {
                    "kind": "started",
                    "seq": entry["seq"],
                    "at": entry["at"],
                    "what": name,
                    "before": was,
                    "after": now,
                }
            )
    report.running = report.started = event


def _take_change(report: _Report, event: Event, entry: Entry) -> None:
    """Put together what belongs to one request (rule 2)."""
    request = str(entry["of"] if isinstance(event, events.Confirmed) else entry["request"])
    change = report.changes.setdefault(request, _unknown(request))
    match event:
        case events.Accepted():
            for name in ("who", "why", "verb", "stream", "version", "issued", "received", "digest"):
                change[name] = entry[name]
            change["accepted"] = entry["at"]
        case events.Applied() | events.LeaseBegun():
            for name in ("who", "why", "changes", "logging_reduced"):
                change[name] = entry[name]
            until = entry.get("until", entry.get("confirm_by"))
            _conclude(change, "applied", entry, "" if until is None else f"until {until}")
        case events.Failed():
            change["who"] = entry["who"]
            _conclude(change, "failed", entry, event.error)
        case events.Confirmed():
            change["confirmed"] = {name: entry[name] for name in ("seq", "at", "who", "why")}
        case _:
            kept = ("seq", "at", "cause", "who", "why", "changes")
            change["ended"] = {name: entry[name] for name in kept if name in entry}


def _unknown(request: str) -> Entry:
    """Give a change of which nothing is known yet but its request."""
    return {
        "request": request,
        **dict.fromkeys(("accepted", "who", "why", "verb", "stream", "version", "issued")),
        **dict.fromkeys(("received", "digest", "outcome", "at", "seq", "detail")),
        "changes": None,
        "logging_reduced": [],
        "confirmed": None,
        "ended": None,
    }


def _conclude(change: Entry, outcome: str, entry: Entry, detail: str) -> None:
    change["outcome"], change["detail"] = outcome, detail
    change["at"], change["seq"] = entry["at"], entry["seq"]
