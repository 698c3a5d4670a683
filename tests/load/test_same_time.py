"""S16: every stranger hears the same, and within a stage it takes the same time to say no.

The times are CPU times of one thread, measured in turns, so that both sides of a comparison meet
the same machine. What is asserted is a ratio, of means over the middle half of all samples: the
outer quarters are interrupts and other programs.
"""

from __future__ import annotations

import os
import statistics
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest
from benchmarks.operators import AUDIENCE, NETWORK_ALGORITHMS, bound, document

from sealwire import (
    AesGcmOpener,
    AesGcmSealer,
    Context,
    Ed25519Verifier,
    HmacTagger,
    HmacVerifier,
    Message,
    RefusedError,
    wall_clock_ms,
)
from sealwire.answers import CONSTANT_REFUSAL
from sealwire.framing import encode_frame

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    from benchmarks.operators import Operator
    from benchmarks.processes import Running

    from sealwire import Layer

LIMIT = 0.05
BLOCK = 20
REFUSED = encode_frame(CONSTANT_REFUSAL)


@pytest.fixture(scope="session")
def tries() -> int:
    """Give how often each side is tried: 10^5, and a tenth of that in the short form."""
    return 10_000 if os.environ.get("SEALWIRE_LOAD_SECONDS") else 100_000


def flipped(data: bytes, at: int) -> bytes:
    """Give ``data`` with one bit of one byte changed; counted from the end where negative."""
    at %= len(data)
    return data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]


def opened_to(operator: Operator, sealed: bytes, depth: int) -> tuple[Layer, Message, Context]:
    """Give the layer at ``depth`` with the message that the layers before it leave."""
    layers: tuple[Layer, ...] = (
        HmacVerifier([operator.mac]),
        AesGcmOpener([operator.aead]),
        Ed25519Verifier([operator.signing.verify_key]),
    )
    message, now_ms = Message(sealed), wall_clock_ms()
    for position in range(depth + 1):
        context = Context(AUDIENCE, now_ms, 0, position, NETWORK_ALGORITHMS, bound()[position])
        if position == depth:
            return layers[position], message, context
        message = layers[position].verify(message, context)
    raise AssertionError(depth)


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


def difference(one: Callable[[], None], other: Callable[[], None], tries: int) -> float:
    """Give by how much the mean times of two differ, as a share of the first."""
    taken: tuple[list[int], list[int]] = ([], [])
    for turn in range(tries // BLOCK):
        # Who goes first alternates, so that neither always follows the other.
        for which in (0, 1) if turn % 2 else (1, 0):
            step = (one, other)[which]
            began_ns = time.thread_time_ns()
            for _ in range(BLOCK):
                step()
            taken[which].append(time.thread_time_ns() - began_ns)
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


def spoilt_inside(operator: Operator, sealed: bytes, depth: int, at: int) -> bytes:
    """Change one bit of the layer at ``depth``, and wrap it in the outer ones again."""
    _, message, _ = opened_to(operator, sealed, depth)
    data = flipped(message.data, at)
    outer = (HmacTagger(operator.mac), AesGcmSealer(operator.aead))[:depth]
    for layer, aad in zip(reversed(outer), reversed(bound()[:depth]), strict=True):
        data = layer.seal(data, aad)
    return data


def wrong_messages(operator: Operator) -> Iterator[tuple[str, bytes]]:
    """Give a message for every cause that a stranger can bring about."""
    sealer = operator.network_sealer()
    sealed = sealer.seal(document(300))
    yield "junk", bytes(len(sealed))
    yield "another key id", flipped(sealed, 10)
    yield "another kind", b"\xd2" + sealed[1:]
    yield "MAC, first byte", flipped(sealed, -32)
    yield "MAC, last byte", flipped(sealed, -1)
    yield "shorter", sealed[:-1]
    yield "longer", sealed + b"\0"
    for depth, at, name in ((1, -1, "GCM tag"), (1, 30, "key check value"), (2, -1, "signature")):
        yield name, spoilt_inside(operator, sealed, depth, at)


@pytest.mark.parametrize("door", ["unix", "tcp"])
def test_every_stranger_hears_the_same(
    serve: Callable[..., Running],
    operator: Operator,
    connect: Callable[[str], socket.socket],
    note: Callable[..., None],
    door: str,
) -> None:
    """The same bytes, whatever the cause and whichever the door."""
    ours = serve() if door == "unix" else serve(address="tcp:127.0.0.1:0")
    heard: dict[str, bytes] = {}
    for name, message in wrong_messages(operator):
        with connect(ours.address) as peer:
            peer.sendall(encode_frame(message))
            heard[name] = b"".join(iter(partial(peer.recv, 64), b""))
    assert set(heard.values()) == {REFUSED}
    assert len(set(ours.figures()["reasons"])) > 4, "the causes were not different"
    note("S16", f"causes with the same answer, {door}", ours=str(len(heard)))
