"""S16: within a stage it takes the same time to say no, wherever the wrong byte is.

Two sides are measured in turns, so that both meet the same machine: a layer by the CPU time of one
thread, and a listener from outside, as a stranger would, by the time until its answer. What is
asserted is a ratio, of means over the middle half of all samples: the outer quarters are
interrupts and other programs.
"""

from __future__ import annotations

import os
import statistics
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest
from benchmarks.operators import document
from benchmarks.spoilt import flipped, opened_to, spoilt_inside

from sealwire import Context, Message, RefusedError
from sealwire.answers import CONSTANT_REFUSAL
from sealwire.framing import encode_frame

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from benchmarks.operators import Operator
    from benchmarks.processes import Running

    from sealwire import Layer

LIMIT = 0.05
BLOCK = 20
THROUGH_SOCKET = 10
"""One in so many tries goes through a socket as well."""

REFUSED = encode_frame(CONSTANT_REFUSAL)


@pytest.fixture(scope="session")
def tries() -> int:
    """Give how often each side is tried: 10^5, and a tenth of that in the short form."""
    return 10_000 if os.environ.get("SEALWIRE_LOAD_SECONDS") else 100_000


def refusing(layer: Layer, data: bytes, context: Context) -> Callable[[], None]:
    """Give what lets the layer refuse ``data``."""
    message = Message(data)

    def refuse() -> None:
        try:
            layer.verify(message, context)
        except RefusedError:
            return
        raise AssertionError("it was not refused")

    return refuse


def middle_mean(samples: list[int]) -> float:
    """Give the mean of the middle half."""
    samples.sort()
    quarter = len(samples) // 4
    return statistics.fmean(samples[quarter:-quarter])


def difference(
    one: Callable[[], None],
    other: Callable[[], None],
    tries: int,
    *,
    block: int = BLOCK,
    clock: Callable[[], int] = time.thread_time_ns,
) -> float:
    """Give by how much the mean times of two differ, as a share of the first."""
    taken: tuple[list[int], list[int]] = ([], [])
    for turn in range(tries // block):
        # Who goes first alternates, so that neither always follows the other.
        for which in (0, 1) if turn % 2 else (1, 0):
            step = (one, other)[which]
            began_ns = clock()
            for _ in range(block):
                step()
            taken[which].append(clock() - began_ns)
    first, second = map(middle_mean, taken)
    return abs(second - first) / first


# A name, how many layers are removed before, and the two bytes that are wrong, from the end.
PLACES = {
    "MAC, first or last byte": (0, -32, -1),
    "GCM tag, first or last byte": (1, -16, -1),
    "ciphertext or GCM tag": (1, -200, -1),
    "key check value, first or last byte": (1, 24, 55),
    "signature, R or S, lowest byte": (2, -64, -32),
}


@pytest.mark.parametrize(("depth", "first", "last"), PLACES.values(), ids=PLACES.keys())
def test_where_a_byte_is_wrong_makes_no_difference(
    operator: Operator,
    tries: int,
    note: Callable[..., None],
    request: pytest.FixtureRequest,
    depth: int,
    first: int,
    last: int,
) -> None:
    """The difference of mean times within one stage is under five per cent."""
    layer, message, context = opened_to(
        operator, operator.network_sealer().seal(document(1_000)), depth
    )
    one = refusing(layer, flipped(message.data, first), context)
    other = refusing(layer, flipped(message.data, last), context)
    found = difference(one, other, tries)
    same = difference(one, one, tries)
    name = request.node.callspec.id
    note("S16", f"{name} (goal 5 %)", ours=f"{found:.2%} in {tries:,} (itself: {same:.2%})")
    assert found < LIMIT


def test_a_difference_would_be_found(operator: Operator, tries: int) -> None:
    """The measurement tells a refusal by the gate from one behind it."""
    sealed = operator.network_sealer().seal(document(1_000))
    layer, message, context = opened_to(operator, sealed, 0)
    early = refusing(layer, b"\0" + message.data[1:], context)
    late = refusing(layer, flipped(message.data, -1), context)
    assert difference(early, late, tries // 10) > LIMIT


def asking(
    connect: Callable[[str], socket.socket], address: str, message: bytes
) -> Callable[[], None]:
    """Give what sends ``message`` and waits for its refusal."""
    frame = encode_frame(message)

    def ask() -> None:
        with connect(address) as peer:
            peer.sendall(frame)
            assert REFUSED == b"".join(iter(partial(peer.recv, 64), b""))

    return ask


@pytest.mark.parametrize(("depth", "first", "last"), PLACES.values(), ids=PLACES.keys())
def test_a_stranger_cannot_tell_where_by_the_time(
    ours: Running,
    operator: Operator,
    connect: Callable[[str], socket.socket],
    tries: int,
    note: Callable[..., None],
    request: pytest.FixtureRequest,
    depth: int,
    first: int,
    last: int,
) -> None:
    """Nor through a socket, from connect to the end of the answer."""
    sealed = operator.network_sealer().seal(document(1_000))
    # Of the outermost layer everybody can spoil a byte; the others are sealed again around it.
    one, other = (
        asking(connect, ours.address, spoilt_inside(operator, sealed, depth, at))
        for at in (first, last)
    )
    many = tries // THROUGH_SOCKET
    found = difference(one, other, many, block=1, clock=time.perf_counter_ns)
    told = ours.figures()
    assert (told["applied"], told["refused"]) == (0, 2 * many)
    assert len(set(told["reasons"])) == 1, "not the same stage"
    name = request.node.callspec.id
    note("S16", f"{name}, unix (goal 5 %)", ours=f"{found:.2%} in {many:,}")
    assert found < LIMIT


def test_a_difference_would_be_found_through_a_socket(
    ours: Running, operator: Operator, connect: Callable[[str], socket.socket], tries: int
) -> None:
    """The measurement tells a refusal by the gate from one by the signature behind it."""
    sealed = operator.network_sealer().seal(document(1_000))
    early, late = (
        asking(connect, ours.address, spoilt_inside(operator, sealed, depth, -32))
        for depth in (0, 2)
    )
    many = tries // THROUGH_SOCKET // 10
    assert difference(early, late, many, block=1, clock=time.perf_counter_ns) > LIMIT
