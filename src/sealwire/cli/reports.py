"""What a status report says, in a line each.

The report may be unsigned, so whoever sits on the address may have written it. Each part is read by
itself, and one that is not as it should be is left out or said to be unreadable.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from sealwire.cli.wording import counted, time_in_words

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_CHARS: Final = 200
_SHOWN: Final = 5
_FAR_MS: Final = 2**53
"""Some 280,000 years: what reckons with larger numbers may overflow."""


def text_in(report: Mapping[str, object], name: str) -> str:
    """Give a text of the report, cut to a length; ``""`` if it has none of this name."""
    value = report.get(name)
    return value[:MAX_CHARS] if isinstance(value, str) else ""


def time_in(report: Mapping[str, object], name: str) -> int | None:
    """Give a time of the report in milliseconds, if it has one of this name that can be."""
    moment_ms = report.get(name)
    return moment_ms if type(moment_ms) is int and 0 <= moment_ms < _FAR_MS else None


def leases_in_words(report: Mapping[str, object]) -> str:
    """Say which leases run."""
    leases = report.get("leases")
    if not isinstance(leases, list):
        return "not told"
    if not leases:
        return "none"
    shown = "; ".join(_lease_in_words(each) for each in leases[:_SHOWN])
    more = "; …" if len(leases) > _SHOWN else ""
    return f"{len(leases)} running: {shown}{more}"


def _lease_in_words(lease: object) -> str:
    if not isinstance(lease, dict):
        return "one that cannot be read"
    levels, until_ms = lease.get("levels"), lease.get("until_ms")
    named = levels.items() if isinstance(levels, dict) else ()
    words = ", ".join(
        f"{name or 'root'}={logging.getLevelName(level)}"
        for name, level in named
        if type(level) is int
    )
    until = f" until {time_in_words(until_ms)}" if type(until_ms) is int else ""
    issuer = text_in(lease, "issuer")
    return f"{words or 'levels'}{until}{f' by {issuer}' if issuer else ''}"[:MAX_CHARS]


def drift_in_words(report: Mapping[str, object]) -> str:
    """Say what differs from what sealwire has set; ``""`` where nothing does, or none is told."""
    drift = report.get("drift")
    if not isinstance(drift, list) or not drift:
        return ""
    places = [text_in(each, "where") if isinstance(each, dict) else "" for each in drift[:_SHOWN]]
    named = ", ".join(place for place in places if place)
    count = counted(len(drift), "place")
    return f"{count} not as sealwire has set them{f': {named}' if named else ''}"
