"""S16: every stranger hears the same bytes, whatever the cause and whichever the door."""

from __future__ import annotations

import socket
from functools import partial
from typing import TYPE_CHECKING

import pytest
from benchmarks.operators import document
from benchmarks.spoilt import flipped, spoilt_inside

from sealwire import Outcome, deliver
from sealwire.answers import CONSTANT_REFUSAL
from sealwire.framing import encode_frame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.operators import Operator
    from benchmarks.processes import Running

REFUSED = encode_frame(CONSTANT_REFUSAL)
DOORS = ("unix", "tcp", "compat")

# Short, because two of the causes are that a peer is late.
SOON = {"length_ms": 200, "frame_ms": 400}


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


def wrong_frames(operator: Operator) -> Iterator[tuple[str, bytes, bool]]:
    """Give what is sent, and whether the peer then ends its direction."""
    sealed = operator.network_sealer().seal(document(300))
    for name, message in wrong_messages(operator):
        yield name, encode_frame(message), False
    yield "an empty frame", bytes(4), False
    yield "too long a frame", b"\xff\xff\xff\xff", False
    yield "nothing, and an end", b"", True
    yield "half a length, and an end", encode_frame(sealed)[:2], True
    yield "half a frame, and an end", encode_frame(sealed)[:-1], True
    yield "nothing, for too long", b"", False
    yield "half a frame, for too long", encode_frame(sealed)[:-1], False


def start(serve: Callable[..., Running], door: str, **more: object) -> Running:
    """Start a service with the door ``door``."""
    if door == "unix":
        return serve(**more)
    if door == "tcp":
        return serve(address="tcp:127.0.0.1:0", **more)
    return serve(kind="compat")


def hear(peer: socket.socket) -> bytes:
    """Give all that is said until the end."""
    return b"".join(iter(partial(peer.recv, 64), b""))


@pytest.mark.parametrize("door", DOORS)
def test_every_stranger_hears_the_same(
    serve: Callable[..., Running],
    operator: Operator,
    connect: Callable[[str], socket.socket],
    note: Callable[..., None],
    door: str,
) -> None:
    """The same bytes for each; and then an honest message is applied."""
    ours = start(serve, door, deadlines=SOON)
    heard: dict[str, bytes] = {}
    for name, sent, ends in wrong_frames(operator):
        with connect(ours.address) as peer:
            peer.sendall(sent)
            if ends:
                peer.shutdown(socket.SHUT_WR)
            heard[name] = hear(peer)
    assert set(heard.values()) == {REFUSED}
    told = ours.figures()
    assert (told["applied"], told["refused"]) == (0, len(heard))
    # The causes were as many as they should be; a ``verify`` callable names none of its own.
    reasons = {"frame-too-large", "frame-truncated", "frame-timeout"}
    assert reasons < set(told["reasons"])
    assert len(set(told["reasons"])) > (3 if door == "compat" else 7)
    answer = deliver(ours.address, operator.network_sealer().seal(document(300)))
    assert Outcome.APPLIED is answer.outcome
    note("S16", f"causes with the same answer, {door}", ours=str(len(heard)))


@pytest.mark.parametrize("door", ["unix", "tcp"])
def test_who_is_crowded_out_hears_the_same(
    serve: Callable[..., Running],
    connect: Callable[[str], socket.socket],
    until: Callable[[Callable[[], bool]], float],
    door: str,
) -> None:
    """That others came is no reason to say more."""
    ours = start(serve, door, caps={"connections": 1})
    first = connect(ours.address)
    until(lambda: ours.figures()["connections"] == 1)
    connect(ours.address)
    assert REFUSED == hear(first)
    assert ["crowded-out"] == ours.figures()["reasons"]
