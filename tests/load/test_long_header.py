"""S3: a length above the cap is refused after its four bytes; none of the body is read."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sealwire.answers import CONSTANT_REFUSAL
from sealwire.framing import encode_frame

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from benchmarks.processes import Running

TIMES = 1_000
# More would reserve more, and a small machine may refuse it.
STANDARD_TIMES = 2
LONGEST = b"\xff\xff\xff\xff"
FLAT_BYTES = 1024 * 1024
REFUSED = encode_frame(CONSTANT_REFUSAL)


def leaves_body_unread(connection: socket.socket) -> bool:
    """Send the longest length and one byte of body, in one piece; say whether it was left unread.

    A Unix socket that is closed with unread bytes resets its peer (``unix_release_sock`` in Linux).
    With one byte of body there is exactly that byte to be left, so a reset says: none was read.
    """
    with connection:
        connection.sendall(LONGEST + b"x")
        assert REFUSED == connection.recv(64)
        try:
            connection.recv(1)
        except ConnectionResetError:
            return True
        return False


def test_longest_length_costs_four_bytes(
    ours: Running,
    standard: Running,
    connect: Callable[[str], socket.socket],
    note: Callable[..., None],
) -> None:
    """A thousand lengths of 2^32-1: all refused, no byte of a body read, memory flat."""
    warming = 100
    assert all(leaves_body_unread(connect(ours.address)) for _ in range(warming))
    before_bytes, threads = ours.rss_bytes(), ours.threads()

    unread = sum(leaves_body_unread(connect(ours.address)) for _ in range(TIMES))

    grown_bytes = ours.rss_bytes() - before_bytes
    told = ours.figures()
    assert unread == TIMES
    assert told["refused"] == TIMES + warming
    assert {"frame-too-large"} == set(told["reasons"])
    assert (told["connections"], told["buffered_bytes"]) == (0, 0)
    assert threads == ours.threads()
    assert grown_bytes <= FLAT_BYTES

    reserved_bytes = standard.peak_virtual_bytes()
    for _ in range(STANDARD_TIMES):
        connect(standard.address).sendall(LONGEST)
    time.sleep(0.5)
    reserved_bytes = standard.peak_virtual_bytes() - reserved_bytes
    note(
        "S3",
        f"memory for {TIMES:,} lengths of 2^32-1 (stdlib: {STANDARD_TIMES})",
        ours=f"{grown_bytes / 1024:.0f} KiB resident",
        standard=f"{reserved_bytes / 2**30:.1f} GiB reserved",
    )
    note("S3", "bytes of body read", ours="0")
