"""S4: a peer that hangs up anywhere in its message costs nothing afterwards."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import pytest
from benchmarks.operators import document

from sealwire import Answer, Outcome
from sealwire.answers import CONSTANT_REFUSAL, encode_answer
from sealwire.framing import encode_frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.operators import Operator
    from benchmarks.processes import Running

DOCUMENT_BYTES = 1024
WATCHED_S = 2.0
CPU_SHARE = 0.01
REFUSED = encode_frame(CONSTANT_REFUSAL)
APPLIED = encode_frame(encode_answer(Answer(Outcome.APPLIED)))


def half_close(connection: socket.socket, sent: bytes) -> float:
    """Send, end our direction, and read on until the service closes; give the ms that took."""
    with connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        began_s = time.perf_counter()
        answer = b"".join(iter(lambda: connection.recv(64), b""))
        took_ms = (time.perf_counter() - began_s) * 1000
    assert REFUSED == answer
    return took_ms


@pytest.mark.parametrize("door", ["unix", "tcp"])
def test_end_at_every_offset(
    serve: Callable[..., Running],
    standard: Running,
    operator: Operator,
    connect: Callable[[str], socket.socket],
    until: Callable[[Callable[[], bool]], float],
    note: Callable[..., None],
    door: str,
) -> None:
    """Half-closed or closed at every byte: refused, freed, and the listener sleeps afterwards."""
    ours = serve() if door == "unix" else serve(address="tcp:127.0.0.1:0")
    frame = encode_frame(operator.network_sealer().seal(document(DOCUMENT_BYTES)))
    descriptors, threads = ours.descriptors(), ours.threads()

    # A half-close at every offset: the service says its refusal, and closes.
    freed_ms = [half_close(connect(ours.address), frame[:at]) for at in range(len(frame))]
    # A close at every offset: there is nobody to say anything to.
    for at in range(len(frame)):
        with connect(ours.address) as connection:
            connection.sendall(frame[:at])
    all_freed_s = until(lambda: ours.figures()["refused"] == 2 * len(frame))

    assert descriptors == ours.descriptors()
    told = ours.figures()
    assert {"frame-truncated"} == set(told["reasons"])
    assert (told["applied"], told["connections"], told["buffered_bytes"]) == (0, 0, 0)
    assert threads == ours.threads()

    # The standard library's listener gets one such peer: a length, and no more.
    with connect(standard.address) as connection:
        connection.sendall(frame[:4])
    ours_s, standard_s = ours.cpu_s(), standard.cpu_s()
    time.sleep(WATCHED_S)
    ours_share = (ours.cpu_s() - ours_s) / WATCHED_S
    standard_share = (standard.cpu_s() - standard_s) / WATCHED_S
    assert ours_share <= CPU_SHARE

    # The whole of the message, half-closed after its end, is applied.
    with connect(ours.address) as connection:
        connection.sendall(frame)
        connection.shutdown(socket.SHUT_WR)
        assert APPLIED == connection.recv(64)
    assert ours.figures()["applied"] == 1

    note("S4", f"1 peers that hung up, {door}", ours=f"{2 * len(frame):,}", standard="1")
    note(
        "S4",
        f"2 CPU over {WATCHED_S:.0f} s afterwards, {door} (goal 1 %)",
        ours=f"{ours_share:.1%}",
        standard=f"{standard_share:.0%}",
    )
    freed, back = f"{max(freed_ms):.1f} ms", f"{all_freed_s * 1000:.1f} ms"
    note("S4", f"3 freed after EOF, longest, {door} (goal 50 ms)", ours=freed)
    note("S4", f"4 all descriptors back after the last, {door}", ours=back)
