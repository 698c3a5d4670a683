"""The numbers of listeners for Prometheus, with the extra ``prometheus``.

Rules this module keeps:

1. It counts nothing: when it is scraped it asks `Listener.stats`, which waits for nothing.
2. It has no registry and registers nothing: who makes a collector decides where it goes.
3. Labels have few values: outcomes and reasons are closed sets, and a listener is called by its
   address. What a peer sent, who it was and what a logger is called are in no label.
4. A series that can be there is there from the first scrape on, with 0. One that appears with its
   first event hides that event from ``increase()``.

Names are by the conventions of Prometheus: the unit last, in seconds, and counters with `_total`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.registry import Collector

from sealwire.errors import ConfigurationError, Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sealwire.listener import Listener
    from sealwire.stats import JournalState, Stats
    from sealwire.trail.condition import TrailState

_OF_LISTENER: Final = ("listener",)


class SealwireCollector(Collector):
    """Gives the numbers of this process's listeners to a Prometheus registry.

    What belongs to the process, leases and their ends, stands once, however many listeners there
    are. Trail and journal stand once for each listener that has one.

    It speaks for this process alone: a service of several workers is scraped at each of them, and
    ``prometheus_client``'s mode for several processes does not know it.
    """

    def __init__(self, *listeners: Listener) -> None:
        """Give the numbers of these; ``registry.register(SealwireCollector(listener))``.

        Args:
            listeners: all listeners of the process that are to be told of. They need not run.

        Raises:
            ConfigurationError: there is none.
        """
        if not listeners:
            raise ConfigurationError("a collector needs a listener whose numbers it gives")
        self._listeners = listeners

    def describe(self) -> Iterable[Metric]:
        """Give all there can be, without numbers, so that a registry can refuse a second one."""
        return _Families().all()

    def collect(self) -> Iterable[Metric]:
        """Give the numbers as they are now."""
        families = _Families()
        for number, listener in enumerate(self._listeners):
            stats = listener.stats()
            families.add(str(listener.address), stats, alive=listener.is_alive())
            if not number:
                families.add_process(stats)
        return families.all()


class _Families:
    """Everything that is told, each with its samples."""

    def __init__(self) -> None:
        """Begin without samples."""
        self.up = GaugeMetricFamily(
            "sealwire_up", "Whether the listener serves: 1 if it does.", labels=_OF_LISTENER
        )
        self.uptime = GaugeMetricFamily(
            "sealwire_uptime_seconds", "For how long the listener has served.", labels=_OF_LISTENER
        )
        self.requests = CounterMetricFamily(
            "sealwire_requests",
            "Requests that were answered, by outcome; refused ones by reason.",
            labels=(*_OF_LISTENER, "outcome", "reason"),
        )
        self.accepted = CounterMetricFamily(
            "sealwire_accepted_requests",
            "Requests that passed chain and policy and were new.",
            labels=_OF_LISTENER,
        )
        self.leases = GaugeMetricFamily("sealwire_leases", "Leases that run in this process.")
        self.next_revert = GaugeMetricFamily(
            "sealwire_next_revert_seconds",
            "In how many seconds a lease or a trial ends next; absent if none does.",
        )
        self.trail_records = GaugeMetricFamily(
            "sealwire_trail_records", "Records in the trail.", labels=_OF_LISTENER
        )
        self.trail_waiting = GaugeMetricFamily(
            "sealwire_trail_waiting_records",
            "Records that could not be written to the trail yet.",
            labels=_OF_LISTENER,
        )
        self.trail_unshipped = GaugeMetricFamily(
            "sealwire_trail_unshipped_records",
            "Records that the required sink furthest behind has not taken yet.",
            labels=_OF_LISTENER,
        )
        self.trail_checkpoint = GaugeMetricFamily(
            "sealwire_trail_checkpoint_timestamp_seconds",
            "When the last checkpoint was signed, since the epoch; 0 before the first.",
            labels=_OF_LISTENER,
        )
        self.trail_trouble = GaugeMetricFamily(
            "sealwire_trail_trouble",
            "Whether changes are refused because of the trail: 1 if they are.",
            labels=_OF_LISTENER,
        )
        self.journal_writes = SummaryMetricFamily(
            "sealwire_journal_write_seconds",
            "How long it took until something in the journal was on the disk.",
            labels=_OF_LISTENER,
        )
        self.journal_longest = GaugeMetricFamily(
            "sealwire_journal_longest_write_seconds",
            "The longest of these since the listener was made.",
            labels=_OF_LISTENER,
        )
        self.journal_trouble = GaugeMetricFamily(
            "sealwire_journal_trouble",
            "Whether changes are refused because of the journal: 1 if they are.",
            labels=_OF_LISTENER,
        )

    def all(self) -> Sequence[Metric]:
        """Give them in the order of a page."""
        return tuple(vars(self).values())

    def add(self, listener: str, stats: Stats, *, alive: bool) -> None:
        """Add the samples of one listener."""
        name = (listener,)
        self.up.add_metric(name, int(alive))
        self.uptime.add_metric(name, stats.uptime_s)
        self.accepted.add_metric(name, stats.accepted)
        counts = {"applied": stats.applied, "repeated": stats.repeated, "failed": stats.failed}
        for outcome, count in counts.items():
            self.requests.add_metric((*name, outcome, ""), count)
        reasons = {reason.value: 0 for reason in Reason} | dict(stats.refused_for)
        for reason, count in reasons.items():
            self.requests.add_metric((*name, "refused", reason), count)
        if stats.trail is not None:
            self._add_trail(name, stats.trail)
        if stats.journal is not None:
            self._add_journal(name, stats.journal)

    def add_process(self, stats: Stats) -> None:
        """Add what is of the process, as any of its listeners tells it."""
        self.leases.add_metric((), stats.leases)
        if stats.next_revert_s is not None:
            self.next_revert.add_metric((), stats.next_revert_s)

    def _add_trail(self, name: Sequence[str], trail: TrailState) -> None:
        self.trail_records.add_metric(name, trail.records)
        self.trail_waiting.add_metric(name, trail.waiting)
        self.trail_unshipped.add_metric(name, trail.unshipped)
        self.trail_checkpoint.add_metric(name, trail.checkpoint_ms / 1000)
        self.trail_trouble.add_metric(name, int(bool(trail.trouble)))

    def _add_journal(self, name: Sequence[str], journal: JournalState) -> None:
        self.journal_writes.add_metric(name, journal.writes, journal.seconds)
        self.journal_longest.add_metric(name, journal.longest_s)
        self.journal_trouble.add_metric(name, int(bool(journal.trouble)))
