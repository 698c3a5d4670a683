"""P6: what peers can make a listener hold is bounded, whoever they are and however many."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealwire.framing import MAX_FRAME_BYTES

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from benchmarks.processes import Running

MIB = 1024 * 1024
BUFFERED_BYTES = 8 * MIB
GROWTH_BYTES = 16 * MIB

ONE_READ_BYTES = 64 * 1024
"""What a listener reads at once; the cap is looked at after each read, and then the oldest goes."""

HOLDERS = 256
HELD_BYTES = 200 * 1024
"""Altogether 50 MiB, were they all kept."""

IDLE = 500
IDLE_BYTES = 32 * 1024
ROOM_FOR_IDLE = {"connections": IDLE + 1}
TIME_FOR_IDLE = {"length_ms": 60_000, "frame_ms": 60_000}


def test_half_frames_of_256_peers(
    ours: Running,
    connect: Callable[[str], socket.socket],
    until: Callable[[Callable[[], bool]], float],
    note: Callable[..., None],
) -> None:
    """Each holds 200 KiB of an unfinished frame: the cap of 8 MiB holds, the oldest go first."""
    threads, before_bytes = ours.threads(), ours.rss_bytes()
    part = MAX_FRAME_BYTES.to_bytes(4, "big") + bytes(HELD_BYTES)
    most_rss = most_buffered = most_connections = 0
    for _ in range(HOLDERS):
        connect(ours.address).sendall(part)
        told = ours.figures()
        most_buffered = max(most_buffered, told["buffered_bytes"])
        most_connections = max(most_connections, told["connections"])
        most_rss = max(most_rss, ours.rss_bytes())
        assert threads == ours.threads()

    def everybody_is_served() -> bool:
        told = ours.figures()
        # Whoever is not held any more was told to go.
        return bool(told["refused"] + told["connections"] == HOLDERS)

    until(everybody_is_served)
    assert HELD_BYTES < most_buffered <= BUFFERED_BYTES + ONE_READ_BYTES
    assert most_rss - before_bytes <= GROWTH_BYTES
    assert {"crowded-out"} == set(ours.figures()["reasons"])
    buffered, growth = most_buffered / MIB, (most_rss - before_bytes) / MIB
    note("P6", f"3 {HOLDERS} half frames: buffered (cap 8 MiB)", ours=f"{buffered:.2f} MiB")
    note("P6", f"3 {HOLDERS} half frames: connections held", ours=str(most_connections))
    note("P6", f"3 {HOLDERS} half frames: growth (goal 16 MiB)", ours=f"{growth:.1f} MiB")


def test_idle_connections(
    serve: Callable[..., Running],
    standard: Running,
    connect: Callable[[str], socket.socket],
    until: Callable[[Callable[[], bool]], float],
    note: Callable[..., None],
) -> None:
    """An idle connection costs at most 32 KiB, and no thread."""
    ours = serve(caps=ROOM_FOR_IDLE, deadlines=TIME_FOR_IDLE)
    threads, before_bytes = ours.threads(), ours.rss_bytes()
    standard_threads, standard_bytes = standard.threads(), standard.rss_bytes()

    for _ in range(IDLE):
        connect(ours.address)
    until(lambda: ours.figures()["connections"] == IDLE)
    ours_bytes = (ours.rss_bytes() - before_bytes) / IDLE
    assert threads == ours.threads()
    assert ours_bytes <= IDLE_BYTES

    for _ in range(IDLE // 5):
        connect(standard.address)
    until(lambda: standard.threads() == standard_threads + IDLE // 5)
    each_bytes = (standard.rss_bytes() - standard_bytes) / (IDLE // 5)
    note(
        "P6",
        f"4 an idle connection of {IDLE} (stdlib: {IDLE // 5})",
        ours=f"{ours_bytes / 1024:.1f} KiB, no thread",
        standard=f"{each_bytes / 1024:.1f} KiB, a thread",
    )
