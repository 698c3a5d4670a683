"""The numbers of a listener: what `stats` tells, and what Prometheus reads of it over HTTP.

What is scraped is parsed by the format's own library.
"""

from __future__ import annotations

import re
import socket
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.parser import text_string_to_metric_families

from sealwire import ConfigurationError, Trail, deliver
from sealwire.errors import Reason, StateError
from sealwire.integrations.prometheus import SealwireCollector
from sealwire.journal import Held, init
from sealwire.keys import SigningKey
from sealwire.recording import outlets
from sealwire.requests import Verb
from sealwire.stages import Answer, Outcome, Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from threading import Thread
    from wsgiref.simple_server import WSGIServer

    from tests.conftest import Operator
    from tests.integration.conftest import Child

    from sealwire.listener import Listener

ALERTS = Path(__file__).parents[2] / "docs" / "how-to" / "alerts.yml"
APPLICATION = "sealwire-tests.application"
HOST = SigningKey(bytes(range(32)), owner="host")

Samples = dict[str, dict[frozenset[tuple[str, str]], float]]
"""What was scraped: the value of each series, by the name of its metric and its labels."""


@pytest.fixture
def scrape() -> Iterator[Callable[[SealwireCollector], Samples]]:
    """Give what scrapes a collector as Prometheus does, from a server on loopback."""
    servers: dict[SealwireCollector, tuple[WSGIServer, Thread]] = {}

    def scrape(collector: SealwireCollector) -> Samples:
        if collector not in servers:
            registry = CollectorRegistry(auto_describe=True)
            registry.register(collector)
            servers[collector] = start_http_server(0, addr="127.0.0.1", registry=registry)
        port = servers[collector][0].server_port
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as page:
            return parsed(page.read().decode())

    yield scrape
    for server, thread in servers.values():
        server.shutdown()
        server.server_close()
        thread.join()


def parsed(text: str) -> Samples:
    """Read an exposition; a series that stands twice in it is none."""
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation.endswith(".")
        assert "unknown" != family.type
        for sample in family.samples:
            series = found.setdefault(sample.name, {})
            labels = frozenset(sample.labels.items())
            assert labels not in series
            series[labels] = sample.value
    return found


def requests_of(samples: Samples, listener: Listener) -> dict[tuple[str, str], float]:
    """Give the counts of requests that are not 0, by outcome and reason."""
    found = {}
    for labels, count in samples["sealwire_requests_total"].items():
        named = dict(labels)
        assert {"listener", "outcome", "reason"} == named.keys()
        if named["listener"] == str(listener.address) and count:
            found[named["outcome"], named["reason"]] = count
    return found


def of(listener: Listener) -> frozenset[tuple[str, str]]:
    """Give the labels of what is told once a listener."""
    return frozenset({("listener", str(listener.address))})


def lease(ask: Callable[..., Answer], listener: Listener, for_s: int) -> Answer:
    """Ask for a lease."""
    levels = {APPLICATION: "DEBUG"}
    return ask(listener, Verb.LEASE, Stream.LEASE, levels=levels, for_s=for_s)


# ---- what is counted -----------------------------------------------------------------------------


def test_what_was_decided_is_scraped(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    scrape: Callable[[SealwireCollector], Samples],
) -> None:
    """Each outcome has its count, refused ones by reason; the same as `stats` tells."""
    listener = serve()
    message = seal()
    deliver(listener.address, message)
    deliver(listener.address, message)
    deliver(listener.address, b"junk")
    deliver(listener.address, b"junk")
    deliver(listener.address, seal({"version": 1, "handlers": {"h": {"()": "os.abort"}}}))
    samples = scrape(SealwireCollector(listener))
    assert {
        ("applied", ""): 1,
        ("repeated", ""): 1,
        ("refused", "envelope-malformed"): 2,
        ("refused", "policy"): 1,
    } == requests_of(samples, listener)
    assert {of(listener): 1} == samples["sealwire_accepted_requests_total"]
    stats = listener.stats()
    assert (1, 1, 1, 3) == (stats.accepted, stats.applied, stats.repeated, stats.refused)
    assert {"envelope-malformed": 2, "policy": 1} == stats.refused_for


def test_every_series_is_there_from_the_start(
    serve: Callable[..., Listener], scrape: Callable[[SealwireCollector], Samples]
) -> None:
    """The first event of a kind is an increase from 0, and no event makes another series."""
    listener = serve()
    series = {
        (dict(labels)["outcome"], dict(labels)["reason"])
        for labels in scrape(SealwireCollector(listener))["sealwire_requests_total"]
    }
    expected = {("refused", reason.value) for reason in Reason}
    assert expected | {(each, "") for each in ("applied", "repeated", "failed")} == series


def test_what_strangers_and_operators_say_is_in_no_label(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    ask: Callable[..., Answer],
    mallory: Operator,
    scrape: Callable[[SealwireCollector], Samples],
) -> None:
    """However much is sent, there are no more series, and none has a word of it."""
    listener = serve()
    collector = SealwireCollector(listener)
    before = {(name, labels) for name, series in scrape(collector).items() for labels in series}
    for number in range(20):
        deliver(listener.address, f"junk {number}".encode())
        deliver(listener.address, seal({"version": 1, "loggers": {f"a{number}": {"level": "x"}}}))
    assert Outcome.APPLIED is lease(ask, listener, 60).outcome
    after = {(name, labels) for name, series in scrape(collector).items() for labels in series}
    assert {("sealwire_next_revert_seconds", frozenset())} == after - before
    assert set() == before - after


# ---- what is in force ----------------------------------------------------------------------------


def test_leases_and_their_end_are_told_once(
    serve: Callable[..., Listener],
    ask: Callable[..., Answer],
    scrape: Callable[[SealwireCollector], Samples],
) -> None:
    """They belong to the process, and adding them up over its listeners would be wrong."""
    on_socket, on_port = serve(), serve("tcp:127.0.0.1:0")
    collector = SealwireCollector(on_socket, on_port)
    before = scrape(collector)
    assert {frozenset(): 0} == before["sealwire_leases"]
    assert "sealwire_next_revert_seconds" not in before
    assert None is on_socket.stats().next_revert_s
    lease(ask, on_socket, 600)
    lease(ask, on_socket, 60)
    during = scrape(collector)
    assert {frozenset(): 2} == during["sealwire_leases"]
    assert 0 < during["sealwire_next_revert_seconds"][frozenset()] <= 60
    assert 2 == on_port.stats().leases
    assert {of(on_socket): 1, of(on_port): 1} == during["sealwire_up"]
    on_port.stop()
    after = scrape(collector)
    assert [1, 0] == list(after["sealwire_up"].values())
    on_socket.stop()
    assert {frozenset(): 0} == scrape(collector)["sealwire_leases"]


def test_a_listener_has_an_age_while_it_serves(
    serve: Callable[..., Listener],
    until: Callable[[Callable[[], object]], None],
    child: Callable[[Callable[[], object]], Child],
) -> None:
    """It begins anew with each start; a forked child does not serve."""
    listener = serve()
    until(lambda: listener.stats().uptime_s)

    def program() -> None:
        assert 0.0 == listener.stats().uptime_s

    child(program).check()
    listener.stop()
    assert 0.0 == listener.stats().uptime_s
    listener.start()
    until(lambda: listener.stats().uptime_s)


# ---- trail and journal ---------------------------------------------------------------------------


def test_without_trail_and_journal_nothing_is_said_of_them(
    serve: Callable[..., Listener], scrape: Callable[[SealwireCollector], Samples]
) -> None:
    """A 0 would look like one that is well."""
    listener = serve()
    assert (None, None) == (listener.stats().trail, listener.stats().journal)
    assert not [each for each in scrape(SealwireCollector(listener)) if "trail" in each]
    assert not [each for each in scrape(SealwireCollector(listener)) if "journal" in each]


def test_a_trail_tells_its_size_and_what_a_sink_has_not_taken(
    serve: Callable[..., Listener],
    ask: Callable[..., Answer],
    folder: Path,
    until: Callable[[Callable[[], object]], None],
    scrape: Callable[[SealwireCollector], Samples],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A collector that is gone is trouble, and what it lacks is counted until it is back."""
    monkeypatch.setattr(outlets, "RETRY_S", 0.02)
    collector = _Collector(folder / "syslog")
    trail = Trail(folder / "trail", HOST, required_sinks=(f"syslog:unix:{folder / 'syslog'}",))
    listener = serve(trail=trail)
    metrics, name = SealwireCollector(listener), of(listener)
    assert Outcome.APPLIED is lease(ask, listener, 60).outcome
    samples = scrape(metrics)
    assert 4 <= samples["sealwire_trail_records"][name]
    assert 1_500_000_000 < samples["sealwire_trail_checkpoint_timestamp_seconds"][name]
    told = ("trouble", "unshipped_records", "waiting_records")
    assert [0, 0, 0] == [samples[f"sealwire_trail_{each}"][name] for each in told]

    collector.close()
    assert Outcome.REFUSED is lease(ask, listener, 60).outcome
    # Who is refused may hear of it a moment before the numbers do.
    until(lambda: scrape(metrics)["sealwire_trail_trouble"][name])
    assert 1 <= scrape(metrics)["sealwire_trail_unshipped_records"][name]
    collector = _Collector(folder / "syslog")
    until(lambda: not scrape(metrics)["sealwire_trail_unshipped_records"][name])
    collector.close()


class _Collector:
    """Takes datagrams, and throws them away."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))

    def close(self) -> None:
        """Be gone."""
        self._socket.close()
        self._path.unlink()


def test_a_journal_tells_how_long_its_writing_takes(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    folder: Path,
    scrape: Callable[[SealwireCollector], Samples],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Twice a change; what cannot be written is trouble, and no write."""
    state = folder / "state"
    init(state, "payments@prod", min_version=0, now_ms=1)
    listener = serve(state=state)
    metrics, name = SealwireCollector(listener), of(listener)
    assert Answer(Outcome.APPLIED) == deliver(listener.address, seal())
    samples = scrape(metrics)
    assert 2 == samples["sealwire_journal_write_seconds_count"][name]
    longest_s = samples["sealwire_journal_longest_write_seconds"][name]
    assert 0 < longest_s <= samples["sealwire_journal_write_seconds_sum"][name]
    assert 0 == samples["sealwire_journal_trouble"][name]

    def broken(*_: object, **__: object) -> None:
        raise StateError("the disk is gone")

    monkeypatch.setattr(Held, "intend", broken)
    assert Outcome.REFUSED is deliver(listener.address, seal()).outcome
    samples = scrape(metrics)
    assert 1 == samples["sealwire_journal_trouble"][name]
    assert 2 == samples["sealwire_journal_write_seconds_count"][name]


# ---- registries ----------------------------------------------------------------------------------


def test_a_registry_takes_one_collector(
    serve: Callable[..., Listener], seal: Callable[..., bytes]
) -> None:
    """Nothing is registered by an import, and two would tell everything twice."""
    listener = serve()
    registry = CollectorRegistry()
    assert [] == list(registry.collect())
    collector = SealwireCollector(listener)
    registry.register(collector)
    with pytest.raises(ValueError, match="Duplicated timeseries"):
        registry.register(SealwireCollector(listener))
    registry.unregister(collector)
    assert [] == list(registry.collect())


def test_what_is_described_is_what_is_collected(serve: Callable[..., Listener]) -> None:
    """In the same order; some have no sample yet."""
    collector = SealwireCollector(serve())
    described = [(each.name, each.type) for each in collector.describe()]
    assert described == [(each.name, each.type) for each in collector.collect()]
    assert not [each for each in collector.describe() if each.samples]


def test_a_collector_of_nothing_is_none() -> None:
    """It would look like a service without requests."""
    with pytest.raises(ConfigurationError, match="needs a listener"):
        SealwireCollector()


def test_it_can_be_scraped_before_and_after_a_listener_runs(
    serve: Callable[..., Listener], scrape: Callable[[SealwireCollector], Samples]
) -> None:
    """What has stopped keeps its counts; it is not up."""
    listener = serve()
    deliver(listener.address, b"junk")
    listener.stop()
    samples = scrape(SealwireCollector(listener))
    assert 0 == samples["sealwire_up"][of(listener)]
    assert {("refused", "envelope-malformed"): 1} == requests_of(samples, listener)


# ---- the rules on the page -----------------------------------------------------------------------


def test_alerts_ask_for_what_there_is(serve: Callable[..., Listener]) -> None:
    """A rule over a misspelt name never fires, and nobody learns of it."""
    there: set[str] = set()
    for family in SealwireCollector(serve()).describe():
        endings = {"counter": ["_total"], "summary": ["_count", "_sum"]}.get(family.type, [""])
        there |= {family.name + ending for ending in endings}
    rules = ALERTS.read_text(encoding="utf-8")
    asked = re.findall(r"\bsealwire_\w+", rules)
    assert 10 <= len(asked)
    assert set(asked) <= there
    values = {
        value for each in re.findall(r'reason=~?"([^"]+)"', rules) for value in each.split("|")
    }
    assert {"policy", "equivocation", "expired"} <= values <= {reason.value for reason in Reason}
    outcomes = set(re.findall(r'outcome="([^"]+)"', rules))
    assert {"refused", "failed"} == outcomes
