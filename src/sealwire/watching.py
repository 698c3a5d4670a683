"""Watching for what nobody asked for: drift of the logging tree, and disks that fill up.

Rules this module keeps:

1. Drift is told when it is seen first and when it is over, and not in between. Where a floor
   protects what has drifted, it is an alert.
2. Disks matter while leases run, since it is these that write more than usual.
3. Nothing here changes logging.
"""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import PurePath
from typing import TYPE_CHECKING, Final, TypeVar

from sealwire.drifting import find_drift, meant, without_leases
from sealwire.eventlog import LOGGER, log_to
from sealwire.happenings import DriftBegan, DriftEnded, FloorAlert, Observers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sealwire.documents import Tree
    from sealwire.leases import Drift, Overlay
    from sealwire.policy import Policy

T = TypeVar("T")

LOOK_MS: Final = 60_000
"""How often the tree is compared with what it should be."""

GUARD_MS: Final = 5_000
"""How often disks are looked at while leases run: a minute of DEBUG can be a gigabyte."""


class DriftWatch:
    """Compares the tree with the base, and tells what is new."""

    def __init__(self, observers: Observers) -> None:
        """Begin without knowing the base; ``observers`` are told what is logged as well."""
        self._observers = observers
        self._base: Tree | None = None
        self._alerts: frozenset[str] = frozenset()

    def know(self, base: Tree) -> None:
        """Record the base, without leases; what had drifted from another one is forgotten."""
        self._base, self._alerts = base, frozenset()

    def look(
        self,
        live: Tree,
        overlay: Overlay,
        known: tuple[Drift, ...],
        policies: Iterable[Policy],
        level: int,
    ) -> tuple[Drift, ...]:
        """Give what has drifted, and tell what was not ``known``, or is no more, at ``level``."""
        if self._base is None:
            return known
        found = find_drift(self._base, live, overlay)
        for each in found:
            if each not in known:
                log_to(
                    LOGGER,
                    level,
                    "drift: %s is %s and not %s; somebody in this process has changed it",
                    *(each.where, each.found, each.expected),
                )
        if any(each not in known for each in found):
            self._observers.happened(DriftBegan(meant(self._base, overlay), live))
        there = {each.where for each in found}
        over = [each for each in known if each.where not in there]
        for each in over:
            log_to(LOGGER, level, "drift is over: %s is %s again", each.where, each.expected)
        if over:
            self._observers.happened(DriftEnded(tuple(each.where for each in over)))
        self._tell_alerts(without_leases(live, overlay), policies)
        return found

    def tell_lowered(self, before: Tree, after: Tree, policies: Iterable[Policy]) -> None:
        """Tell, when somebody has gone back, what is protected less by it."""
        for policy in policies:
            for each in policy.floors.tree(before, after):
                log_to(LOGGER, logging.ERROR, "alert: going back lowers: %s", each.in_words())
                self._observers.happened(FloorAlert(f"going back lowers: {each.in_words()}"))

    def _tell_alerts(self, now: Tree, policies: Iterable[Policy]) -> None:
        if self._base is None:
            return
        # What has come since stands on both sides, as there is nothing to compare it with.
        was = now._replace(
            loggers=_both(now.by_name(), self._base.by_name()),
            handlers=_both(now.by_key(), self._base.by_key()),
        )
        alerts = {
            f"{each.where}: {each.detail}"
            for policy in policies
            for each in policy.floors.tree(was, now)
        }
        for alert in sorted(alerts - self._alerts):
            log_to(LOGGER, logging.ERROR, "alert: protected logging has changed: %s", alert)
            self._observers.happened(FloorAlert(f"protected logging has changed: {alert}"))
        self._alerts = frozenset(alerts)


def tell_gaps(base: Tree, policy: Policy) -> tuple[str, ...]:
    """Tell, when a listener begins, which floors protect what is not there; give the same."""
    gaps = tuple(gap.in_words() for gap in policy.floors.gaps(base))
    for gap in gaps:
        log_to(LOGGER, logging.ERROR, "alert: a floor protects nothing here: %s", gap)
    return gaps


def _both(new: dict[str, T], old: dict[str, T]) -> tuple[T, ...]:
    """Give the members of both, of those that are in both the old ones, by name."""
    both = {**new, **old}
    return tuple(both[name] for name in sorted(both))


def fullest_disk(tree: Tree, least_percent: int) -> str:
    """Name a file system under a file handler with less than ``least_percent`` free, or ``""``."""
    folders = {
        str(PurePath(handler.target).parent)
        for handler in tree.handlers
        if os.path.isabs(handler.target)  # noqa: PTH117 - a text, which may be no path at all
    }
    for folder in sorted(folders):
        try:
            usage = shutil.disk_usage(folder)
        except (OSError, ValueError):
            # It is gone, or its name is none.
            continue
        if usage.free * 100 < usage.total * least_percent:
            free = usage.free * 100 // usage.total
            return f"{folder} has {free} % free, and {least_percent} % is the least for a lease"
    return ""
