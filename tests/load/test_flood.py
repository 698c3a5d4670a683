"""P6 and S1: a flood and slow peers together cost little, and every honest message is applied."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from benchmarks.operators import document

from sealwire import NoAnswerError, Outcome, TransportError, deliver
from sealwire.framing import encode_frame

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.operators import Operator
    from benchmarks.processes import Running

    from sealwire import Answer

FLOOD = Path(__file__).with_name("flood.py")
QUICK = ("junk", "wrong byte", "long length", "other protocol", "hang-up")
SLOW = ("silent", "trickle", "half")
# The library's listener spins on a frame that ends early, and reserves what a length says.
STANDARD_QUICK, STANDARD_SLOW = ("junk", "wrong byte"), ("silent",)
STANDARD_S = 5.0

DOCUMENT_BYTES = 500
WARMING = 100
PAUSE_S = 0.01
RETRY_S = 0.02
TRY_S = 0.25
GIVE_UP_S = 10.0
ASKED_EVERY = 10

MIB = 1024 * 1024
GROWTH_BYTES = 16 * MIB
BUFFERED_BYTES = 8 * MIB
ONE_READ_BYTES = 64 * 1024
"""What a listener reads at once; the cap is looked at after each read, and then the oldest goes."""

CONNECTIONS = 256


@dataclass(slots=True)
class Honest:
    """What became of the honest messages."""

    took_ms: list[float] = field(default_factory=list)
    retries: Counter[str] = field(default_factory=Counter)

    @property
    def summary(self) -> str:
        """Median, 99th percentile, greatest."""
        hundredths = statistics.quantiles(self.took_ms, n=100, method="inclusive")
        return f"{hundredths[49]:.1f} / {hundredths[98]:.1f} / {max(self.took_ms):.0f} ms"


@contextmanager
def flooding(
    address: str, frame: bytes, seconds: float, quick: Sequence[str], slow: Sequence[str]
) -> Iterator[dict[str, int]]:
    """Flood meanwhile; the counts are there afterwards."""
    counts: dict[str, int] = {}
    wanted = {
        "address": address,
        "seconds": seconds,
        "seed": 1,
        "frame": frame.hex(),
        "quick": quick,
        "slow": slow,
    }
    flood = subprocess.Popen(
        [sys.executable, str(FLOOD)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert flood.stdin is not None
        assert flood.stdout is not None
        flood.stdin.write(json.dumps(wanted) + "\n")
        flood.stdin.flush()
        yield counts
        counts.update(json.loads(flood.stdout.readline()))
    finally:
        flood.kill()
        flood.communicate()


def deliver_with_retries(address: str, sealed: bytes, honest: Honest) -> Answer:
    """Deliver one message; try again where it was turned away, crowded out or not answered."""
    began_s = time.perf_counter()
    while True:
        try:
            answer = deliver(address, sealed, timeout_s=TRY_S)
        except NoAnswerError:
            why = "no answer"
        except TransportError:
            why = "no connection"
        else:
            if answer.outcome is Outcome.APPLIED:
                honest.took_ms.append((time.perf_counter() - began_s) * 1000)
                return answer
            # Before authentication the answer is the same for every cause; crowded out is one.
            assert answer.reason == "", answer
            why = "refused"
        assert time.perf_counter() - began_s < GIVE_UP_S, f"does not get through: {honest.retries}"
        honest.retries[why] += 1
        time.sleep(RETRY_S)


def show(
    note: Callable[..., None],
    door: str,
    whose: str,
    counts: dict[str, int],
    seconds: float,
    applied: str,
    honest: Honest,
    quiet: Honest,
) -> None:
    """Put a flood into the table."""
    turned_away = counts.pop("turned away", 0) / seconds
    counts.pop("closed while sending", 0)
    retries = ", ".join(f"{many} {why}" for why, many in honest.retries.items())
    said = f"{sum(counts.values()) / seconds:,.0f} (and {turned_away:,.0f} turned away)"
    note("S1", f"{door} 1 flood, connections a second", **{whose: said})
    note("S1", f"{door} 3 honest messages applied / sent", **{whose: applied})
    note("S1", f"{door} 4 retries for them", **{whose: retries or "none"})
    note("S1", f"{door} 5 without a flood: median / p99 / max", **{whose: quiet.summary})
    note("S1", f"{door} 6 in it (goal p99 25 ms, max 250 ms)", **{whose: honest.summary})


@pytest.mark.parametrize("door", ["unix", "tcp"])
def test_honest_messages_in_a_flood(
    serve: Callable[..., Running],
    operator: Operator,
    flood_s: float,
    note: Callable[..., None],
    door: str,
) -> None:
    """All honest messages are applied, once each; memory, threads and connections stay bounded."""
    ours = serve() if door == "unix" else serve(address="tcp:127.0.0.1:0")
    sealer = operator.network_sealer()
    text = document(DOCUMENT_BYTES)
    quiet = Honest()
    for _ in range(WARMING):
        deliver_with_retries(ours.address, sealer.seal(text), quiet)
        time.sleep(PAUSE_S)
    threads, before_bytes = ours.threads(), ours.rss_bytes()

    honest = Honest()
    most_bytes, most_held = before_bytes, 0
    ends_s = time.monotonic() + flood_s
    used_s, waited_s, began_s = ours.cpu_s(), ours.waited_s(), time.monotonic()
    with flooding(ours.address, encode_frame(sealer.seal(text)), flood_s, QUICK, SLOW) as counts:
        while time.monotonic() < ends_s:
            sealed = sealer.seal(text)
            deliver_with_retries(ours.address, sealed, honest)
            most_bytes = max(most_bytes, ours.rss_bytes())
            assert threads == ours.threads()
            if len(honest.took_ms) % ASKED_EVERY == 0:
                # The same again is answered, and not applied again: see the count below.
                assert deliver_with_retries(ours.address, sealed, Honest()).repeated
                told = ours.figures()
                most_held = max(most_held, told["connections"])
                assert most_held <= CONNECTIONS
                assert told["buffered_bytes"] <= BUFFERED_BYTES + ONE_READ_BYTES
            time.sleep(PAUSE_S)
        lasted_s = time.monotonic() - began_s
        busy = (ours.cpu_s() - used_s) / lasted_s
        kept_waiting = (ours.waited_s() - waited_s) / lasted_s

    told = ours.figures()
    sent = WARMING + len(honest.took_ms)
    assert told["alive"]
    assert told["applied"] == sent
    assert told["failed"] == 0
    assert most_bytes - before_bytes <= GROWTH_BYTES
    # The flood took place: every kind was sent, and much of it was refused.
    assert {*QUICK, *SLOW} <= counts.keys()
    assert told["refused"] > 100 * flood_s

    growth = (most_bytes - before_bytes) / MIB
    note(
        "P6",
        f"1 growth in the flood, {door} (goal 16 MiB)",
        ours=f"{growth:.1f} MiB in {flood_s:g} s",
    )
    note("P6", f"2 threads more in the flood, {door}", ours="0")
    note("P6", f"2 connections held in the flood, {door} (cap 256)", ours=str(most_held))
    show(note, door, "ours", counts, flood_s, f"{told['applied']} / {sent}", honest, quiet)
    # Where other programs take its CPU, the milliseconds below are theirs too.
    said = f"{busy:.0%} (kept waiting {kept_waiting:.0%})"
    note("S1", f"{door} 2 CPU of the listener", ours=said)


def test_the_same_in_the_library(
    standard: Running,
    operator: Operator,
    flood_s: float,
    connect: Callable[[str], socket.socket],
    note: Callable[..., None],
) -> None:
    """Show a gentler flood on the standard library's listener, for comparison."""
    seconds = min(flood_s, STANDARD_S)
    signed = operator.signing.sign(document(DOCUMENT_BYTES)) + document(DOCUMENT_BYTES)
    frame = encode_frame(signed)
    honest, quiet = Honest(), Honest()

    def send(among: Honest) -> None:
        began_s = time.perf_counter()
        with connect(standard.address) as connection:
            connection.sendall(frame)
            # It says nothing, and closes once it has applied.
            assert connection.recv(1) == b""
        among.took_ms.append((time.perf_counter() - began_s) * 1000)

    for _ in range(WARMING):
        send(quiet)
    before_bytes, threads = standard.rss_bytes(), standard.threads()
    most_bytes, most_threads = before_bytes, threads
    ends_s = time.monotonic() + seconds
    with flooding(standard.address, frame, seconds, STANDARD_QUICK, STANDARD_SLOW) as counts:
        while time.monotonic() < ends_s:
            send(honest)
            most_bytes = max(most_bytes, standard.rss_bytes())
            most_threads = max(most_threads, standard.threads())
            time.sleep(PAUSE_S)
    growth = (most_bytes - before_bytes) / MIB
    note(
        "P6",
        "1 growth in the flood, tcp (goal 16 MiB)",
        standard=f"{growth:.1f} MiB in {seconds:g} s",
    )
    note("P6", "2 threads more in the flood, tcp", standard=str(most_threads - threads))
    sent = WARMING + len(honest.took_ms)
    verified = f"{standard.figures()['verified']} / {sent}"
    show(note, "tcp", "standard", counts, seconds, verified, honest, quiet)
