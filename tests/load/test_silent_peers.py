"""S2: peers that say nothing, or one byte a second, are few at a time, and soon gone."""

from __future__ import annotations

import itertools
import select
import time
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.operators import document

from sealwire import Outcome, deliver
from sealwire.framing import encode_frame

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from benchmarks.operators import Operator
    from benchmarks.processes import Running

CONNECTS = 10_000
MOST_HELD = 256
# While one connection replaces another, both are open for a moment, and so is the file in /proc
# that says who had logged in at the other end.
CHANGING = 2
OURS_OPEN = 400
EACH = 60
STANDARD_SILENT = 200
WATCHED_S = 6.0


class Kind(NamedTuple):
    """How a peer is slow: what it sends at once, and whether a byte a second follows."""

    name: str
    at_once: int
    trickles: bool


KINDS = (
    Kind("nothing", 0, trickles=False),
    Kind("a length, a byte a second", 0, trickles=True),
    Kind("a length, then nothing", 4, trickles=False),
    Kind("a body, a byte a second", 4, trickles=True),
)


def test_ten_thousand_connects(
    ours: Running,
    operator: Operator,
    connect: Callable[[str], socket.socket],
    until: Callable[[Callable[[], bool]], float],
    note: Callable[..., None],
) -> None:
    """Ten thousand that never finish: at most 256 are held, by no thread of their own."""
    frame = encode_frame(operator.network_sealer().seal(document(200)))
    beginnings = itertools.cycle((b"", frame[:1], frame[:3], frame[:4], frame[:40]))
    descriptors, threads = ours.descriptors(), ours.threads()
    held: deque[socket.socket] = deque()
    most_descriptors = most_connections = 0
    began_s = time.monotonic()
    for number in range(CONNECTS):
        connection = connect(ours.address)
        held.append(connection)
        connection.sendall(next(beginnings))
        if len(held) > OURS_OPEN:
            held.popleft().close()
        if number % 25 == 0:
            most_descriptors = max(most_descriptors, ours.descriptors() - descriptors)
            assert threads == ours.threads()
        if number % 100 == 0:
            most_connections = max(most_connections, ours.figures()["connections"])
    took_s = time.monotonic() - began_s
    assert most_connections <= MOST_HELD
    assert 0 < most_descriptors <= MOST_HELD + CHANGING

    # Who is there still is gone by itself, and in the meantime an honest message is applied.
    answer = deliver(ours.address, operator.network_sealer().seal(document(200)))
    assert Outcome.APPLIED is answer.outcome
    gone_s = until(lambda: ours.descriptors() == descriptors)
    told = ours.figures()
    assert (told["applied"], told["refused"]) == (1, CONNECTS)
    assert (told["connections"], told["buffered_bytes"]) == (0, 0)
    held_said = f"{most_connections} ({most_descriptors} descriptors)"
    note("S2", "1 unfinished connects", ours=f"{CONNECTS:,} in {took_s:.1f} s")
    note("S2", "2 most held at a time (goal 256)", ours=held_said)
    note("S2", "3 the last of them gone after", ours=f"{gone_s:.2f} s")


def test_one_byte_a_second(
    ours: Running,
    standard: Running,
    operator: Operator,
    connect: Callable[[str], socket.socket],
    note: Callable[..., None],
) -> None:
    """A byte a second extends no deadline; one thread serves them all."""
    frame = encode_frame(operator.network_sealer().seal(document(200)))
    threads, standard_threads = ours.threads(), standard.threads()
    for _ in range(STANDARD_SILENT):
        connect(standard.address)
    threads_standard = standard.threads()
    began_s = time.monotonic()
    kinds: dict[socket.socket, Kind] = {}
    sent: dict[socket.socket, int] = {}
    for kind in KINDS:
        for _ in range(EACH):
            connection = connect(ours.address)
            connection.sendall(frame[: kind.at_once])
            kinds[connection], sent[connection] = kind, kind.at_once
    gone_s: dict[Kind, list[float]] = {kind: [] for kind in KINDS}
    applied = 0
    while kinds:
        second = time.monotonic() + 1
        for connection, kind in kinds.items():
            if kind.trickles:
                at = sent[connection]
                sent[connection] += 1
                _try_to_send(connection, frame[at : at + 1])
        while kinds and (left_s := second - time.monotonic()) > 0:
            for connection in select.select(list(kinds), [], [], left_s)[0]:
                gone_s[kinds.pop(connection)].append(time.monotonic() - began_s)
                connection.close()
        assert threads == ours.threads()
        assert time.monotonic() - began_s < 3 * WATCHED_S, f"{len(kinds)} are held for too long"
        answer = deliver(ours.address, operator.network_sealer().seal(document(200)))
        applied += answer.outcome is Outcome.APPLIED
    told = ours.figures()
    assert told["applied"] == applied > 0
    assert told["refused"] == len(KINDS) * EACH
    assert {"frame-timeout"} == set(told["reasons"])
    time.sleep(max(0.0, began_s + WATCHED_S - time.monotonic()))
    still = standard.threads() - standard_threads
    note(
        "S2",
        f"4 threads for {len(KINDS) * EACH} slow peers (stdlib: {STANDARD_SILENT})",
        ours="0",
        standard=str(threads_standard - standard_threads),
    )
    for kind, seconds in gone_s.items():
        note("S2", f"5 {kind.name}: the last gone after", ours=f"{max(seconds):.2f} s")
    note("S2", f"6 held after {WATCHED_S:.0f} s", ours="0", standard=str(still))


def _try_to_send(connection: socket.socket, data: bytes) -> None:
    """Send to a service that may have closed."""
    try:
        connection.sendall(data)
    except OSError:
        return
