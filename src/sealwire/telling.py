"""What is told about logging: reports, as canonical JSON within the limit of an answer.

Rules this module keeps:

1. What is told is what was read of the process, and nothing here is asked of it.
2. A report that is too long says what was left out: of its longest list first what is long in each
   row, such as the levels of a lease, and then rows. It is never empty.
"""

from __future__ import annotations

import logging
import platform
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Final

from sealwire.answers import MAX_REPORT_BYTES
from sealwire.documents import JsonValue, LoggerState, Tree, canonical_json
from sealwire.documents.lookup import Lookup
from sealwire.documents.reading import nearest
from sealwire.documents.tree import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator

    from sealwire.documents.changes import Change
    from sealwire.inforce import Base, InForce
    from sealwire.leases import LiveLease, Overlay
    from sealwire.policy import Floors
    from sealwire.stages import Evidence
    from sealwire.trail.condition import TrailState

_MOST_IN_BRIEF: Final = 3
_MOST_IN_WORDS: Final = 5
"""Loggers of a lease on a line of a log; the report names all of them."""


def status_report(
    live: Tree,
    in_force: InForce,
    floors: Floors,
    now_ms: int,
    trail: TrailState | None = None,
    keyring: JsonValue = None,
    workers: JsonValue = None,
    refusals: JsonValue = None,
) -> bytes:
    """Say what is in force: base, leases, and what loggers and handlers have of their own.

    Args:
        live: the tree as it is.
        in_force: what stands and runs.
        floors: of these it is told what they protect that is not there.
        now_ms: the time, milliseconds since the epoch.
        trail: how the service's trail is doing; ``None`` where there is none.
        keyring: which keyring is in force; ``None`` where there is none.
        workers: what each process says of itself; ``None`` where there is one alone.
        refusals: what this process refused last; ``None`` where that is not known.
    """
    report = _status(live, in_force, now_ms)
    report["trail"] = None if trail is None else _trail(trail)
    report["keyring"] = keyring
    report["workers"] = workers
    report["refusals"] = refusals
    report["floors"] = [each.in_words() for each in floors.gaps(live)]
    return _fitting(report)


def changes_report(found: tuple[Change, ...]) -> bytes:
    """Say what differs, place by place."""
    return _fitting({"changes": [each._asdict() for each in found]})


def applied_report(found: tuple[Change, ...], in_force: InForce) -> bytes:
    """Say what a configuration has changed, and until when it has to be confirmed."""
    report: dict[str, JsonValue] = {
        "id": in_force.base.id,
        "digest": in_force.base.digest,
        "changes": [each._asdict() for each in found],
        **_signed_by(in_force.base.signers),
    }
    if in_force.trial is not None:
        report["confirm_by_ms"] = in_force.trial.ends_wall_ms
    return _fitting(report)


def reverted_report(
    was: Base, in_force: InForce, found: tuple[Change, ...], left: tuple[str, ...]
) -> bytes:
    """Say which configuration has gone, which is the base now, and what that changed."""
    report: dict[str, JsonValue] = {
        **_unwritten(in_force),
        "reverted": was.id or None,
        "base": _base(in_force.base),
        "changes": [each._asdict() for each in found],
        "left_as_they_are": list(left),
    }
    return _fitting(report)


def lease_report(
    lease: LiveLease, before: Tree, after: Tree, may_name: Callable[[str], bool]
) -> bytes:
    """Say what a lease has changed, until when, and what comes out of it now.

    Args:
        lease: the lease.
        before: the tree before it.
        after: the tree with it.
        may_name: whether its issuer may be told of a logger, by name, that is near to one which
            nobody has asked for.
    """
    was, now = Lookup(before), Lookup(after)
    unknown = [name for name, _ in lease.loggers if not _is_known(name, was)]
    known = [name for name in was.loggers if name != ROOT and may_name(name)] if unknown else []
    near = {name: nearest(name, known) for name in unknown[:_MOST_IN_BRIEF]}
    report: dict[str, JsonValue] = {
        "id": lease.id,
        "until_ms": lease.ends_wall_ms,
        "levels": [_leased(name, was, now, near.get(name, [])) for name, _ in lease.loggers],
        "through": [key for key, _ in lease.handlers],
        **_signed_by(lease.signers),
    }
    return _fitting(report)


def ended_report(ended: tuple[LiveLease, ...], in_force: InForce) -> bytes:
    """Say which leases have ended."""
    return _fitting({**_unwritten(in_force), "ended": [each.id for each in ended]})


def _unwritten(in_force: InForce) -> dict[str, JsonValue]:
    """Say why it is not written yet that something has gone back; nothing where it is."""
    return {"unwritten": in_force.unwritten} if in_force.unwritten else {}


def in_utc(wall_ms: int) -> str:
    """Give a time as RFC 3339 writes it, in UTC, to the second."""
    return datetime.fromtimestamp(wall_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def levels_in_words(lease: LiveLease) -> str:
    """Give the levels of a lease as somebody would type them."""
    shown = lease.loggers[:_MOST_IN_WORDS]
    words = [f"{name or 'root'}={logging.getLevelName(level)}" for name, level in shown]
    more = len(lease.loggers) - len(shown)
    return ", ".join(words) + (f" and {more} more" if more else "")


def _status(live: Tree, in_force: InForce, now_ms: int) -> dict[str, JsonValue]:
    overlay, base = in_force.overlay, in_force.base
    lookup = Lookup(live)
    # The newest one of a logger comes last, and is the one in force.
    newest = {name: lease for lease in overlay.leases for name, _ in lease.loggers}
    return {
        "instance": in_force.instance,
        "now_ms": now_ms,
        "mode": in_force.mode,
        "trouble": in_force.trouble,
        "set_aside": list(in_force.set_aside),
        "version": _version(),
        "python": platform.python_version(),
        "base": _base(base),
        "confirm_by_ms": None if in_force.trial is None else in_force.trial.ends_wall_ms,
        "drift": [each._asdict() for each in in_force.drift],
        "leases": [
            {
                "id": lease.id,
                "issuer": lease.issuer,
                "why": lease.why,
                "levels": dict(lease.loggers),
                "through": [key for key, _ in lease.handlers],
                "until_ms": lease.ends_wall_ms,
                **_signed_by(lease.signers),
            }
            for lease in overlay.leases
        ],
        "loggers": [
            {
                "name": logger.name or "root",
                "configured": _configured(logger, overlay) or None,
                "effective": lookup.level(logger.name),
                "leased": _lease_of(newest.get(logger.name)),
                "handlers": list(logger.handlers),
                "propagate": logger.propagate,
                "disabled": logger.disabled,
            }
            for logger in _worth_telling(live, overlay.loggers)
        ],
        "handlers": [
            {
                "key": handler.key,
                "class": handler.class_name,
                "level": handler.level,
                "target": handler.target,
            }
            for handler in live.handlers
        ],
        "disable": live.disable,
    }


def _trail(trail: TrailState) -> JsonValue:
    return {
        "records": trail.records,
        "checkpoint_ms": trail.checkpoint_ms,
        "waiting": trail.waiting,
        "trouble": trail.trouble,
        "spilled": trail.spilled,
        "locked": trail.locked,
    }


def _version() -> str:
    # Late, because it looks through what is installed, and few ask.
    from importlib import metadata

    return metadata.version("sealwire")


def _base(base: Base) -> JsonValue:
    return {
        "issuer": base.issuer,
        "digest": base.digest,
        "id": base.id,
        "since_ms": base.since_ms,
        **_signed_by(base.signers),
    }


def _signed_by(signers: tuple[Evidence, ...]) -> dict[str, JsonValue]:
    """Name all who signed, the issuer first; nothing where it was the issuer alone."""
    if not signers:
        return {}
    return {"signers": [{"owner": each.owner, "key": each.thumbprint.hex()} for each in signers]}


def _configured(logger: LoggerState, overlay: Overlay) -> int:
    """Give the level that a logger has of its own in the base; 0 inherits."""
    held = overlay.loggers.get(logger.name)
    return logger.level if held is None or held.put != logger.level else held.found


def _lease_of(newest: LiveLease | None) -> JsonValue:
    """Say which lease is in force for a logger, or nothing."""
    if newest is None:
        return None
    return {"id": newest.id, "issuer": newest.issuer, "until_ms": newest.ends_wall_ms}


def _worth_telling(tree: Tree, leased: Container[str]) -> Iterator[LoggerState]:
    """Give the root, and every logger that has something of its own: most have nothing."""
    for logger in tree.loggers:
        plain = LoggerState(logger.name)
        if logger.name == ROOT or logger.name in leased or logger != plain:
            yield logger


def _is_known(name: str, before: Lookup) -> bool:
    return name == ROOT or name in before.loggers


def _leased(name: str, before: Lookup, after: Lookup, near: list[str]) -> JsonValue:
    """Say what a lease changes for one logger, and what comes out of it now."""
    level = after.level(name)
    emission = after.emission(name, level)
    return {
        "logger": name or "root",
        # Nobody has asked for such a logger yet: a slip, or code that has not run.
        "known": _is_known(name, before),
        "near": [*near],
        "before": before.level(name),
        "now": level,
        "stopped": emission.stopped,
        "emitting": list(emission.emitting),
        "hidden": [{"handler": each.handler, "by": each.by} for each in emission.hidden],
    }


def _fitting(report: dict[str, JsonValue]) -> bytes:
    """Write a report; where it is too long for an answer, say what was left out (rule 2)."""
    left_out: dict[str, int] = {}
    brief: set[str] = set()
    while len(written := canonical_json(report)) > MAX_REPORT_BYTES:
        lists = {name: rows for name, rows in report.items() if isinstance(rows, list) and rows}
        if not lists:
            # Nothing else is known to be so long; whoever reads it is told at least so much.
            return canonical_json({"left_out": len(report)})
        longest = max(lists, key=lambda name: len(canonical_json(lists[name])))
        rows = lists[longest]
        if longest not in brief:
            brief.add(longest)
            report = report | {longest: [_brief(row) for row in rows]}
            continue
        kept = len(rows) // 2
        left_out[longest] = left_out.get(longest, 0) + len(rows) - kept
        report = report | {
            longest: rows[:kept],
            "left_out": sum(left_out.values()),
            "left_out_of": dict(left_out),
        }
    return written


def _brief(row: JsonValue) -> JsonValue:
    """Give a row with what is long in it cut, and how much that was."""
    if not isinstance(row, dict):
        return row
    told = dict(row)
    for name, value in row.items():
        if isinstance(value, (dict, list)) and len(value) > _MOST_IN_BRIEF:
            told[name] = (
                value[:_MOST_IN_BRIEF]
                if isinstance(value, list)
                else dict(islice(value.items(), _MOST_IN_BRIEF))
            )
            told[f"{name}_left_out"] = len(value) - _MOST_IN_BRIEF
    return told
