"""Every single-bit flip and every truncation of a sealed message is refused, and releases nothing.

Framed, fed whole and byte by byte; and each layer alone, inside outer layers that are right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sealwire.errors import RefusedError, Stage
from sealwire.framing import FrameReader, encode_frame
from sealwire.state import AdmissionState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Way

    from sealwire.stages import Opened

NOW_MS = 1_800_000_000_000
DOCUMENT = b'{"version": 1}'


def flips(data: bytes) -> Iterator[bytes]:
    """Give ``data`` with each of its bits flipped."""
    changed = bytearray(data)
    for at in range(len(data)):
        for bit in range(8):
            changed[at] ^= 1 << bit
            yield bytes(changed)
            changed[at] ^= 1 << bit


def truncations(data: bytes) -> Iterator[bytes]:
    """Give every true beginning of ``data``."""
    return (data[:end] for end in range(len(data)))


def receive(way: Way, data: bytes, size: int) -> Opened | None:
    """Give what a receiver makes of ``data`` and the peer's end, in pieces of ``size``."""
    reader = FrameReader()
    for at in range(0, len(data), size):
        reader.receive_data(data[at : at + size])
    reader.receive_eof()
    frame = reader.next_event()
    return None if frame is None else way.chain.open(frame.payload, now_ms=NOW_MS)


def refused(way: Way, data: bytes, size: int) -> RefusedError:
    """Give the refusal of ``data``; that there is one is the test."""
    try:
        opened = receive(way, data, size)
    except RefusedError as error:
        return error
    pytest.fail(f"{data.hex()} gave {opened}")


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "byte by byte"])
def test_the_message_of_these_tests_opens(way: Way, whole: bool) -> None:
    """Unchanged it is received and may be taken, so what follows fails for one bit alone."""
    framed = encode_frame(way.seal())
    opened = receive(way, framed, len(framed) if whole else 1)
    assert opened is not None
    assert DOCUMENT == opened.document
    way.chain.take(opened, now_ms=NOW_MS, skew_ms=0, state=AdmissionState(NOW_MS - 1))


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "byte by byte"])
def test_every_bit_counts(way: Way, whole: bool) -> None:
    """One bit of length, headers, keys, IV, text or tag: refused before anybody is believed."""
    framed = encode_frame(way.seal())
    count = 0
    for changed in flips(framed):
        error = refused(way, changed, len(framed) if whole else 1)
        assert not error.stage.authenticated
        assert DOCUMENT.decode() not in f"{error!r} {vars(error)} {error.__cause__!r}"
        count += 1
    assert len(framed) * 8 == count


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "byte by byte"])
def test_every_byte_is_needed(way: Way, whole: bool) -> None:
    """A connection that ends early, wherever."""
    framed = encode_frame(way.seal())
    for changed in truncations(framed):
        error = refused(way, changed, len(framed) if whole else 1)
        assert Stage.FRAME is error.stage


def test_every_byte_of_a_shorter_message_is_needed(way: Way) -> None:
    """The same with a length that says so: a complete frame with a truncated message."""
    sealed = way.seal()
    for changed in truncations(sealed):
        if changed:
            framed = encode_frame(changed)
            assert Stage.LAYER is refused(way, framed, len(framed)).stage


def test_nothing_may_be_added(way: Way) -> None:
    """Nor may a message grow, by any byte in front or behind."""
    sealed = way.seal()
    for byte in range(256):
        for changed in (sealed + bytes((byte,)), bytes((byte,)) + sealed):
            framed = encode_frame(changed)
            assert Stage.LAYER is refused(way, framed, len(framed)).stage


@pytest.mark.parametrize("depth", [1, 2])
def test_every_bit_of_an_inner_layer_counts(network: Way, depth: int) -> None:
    """A holder of the outer keys cannot change a bit of what is inside."""
    inside = network.operator.wrap(network.operator.body(), network.layers, only=slice(depth, None))
    for changed in (*flips(inside), *truncations(inside)):
        sealed = network.operator.wrap(changed, network.layers, only=slice(depth))
        framed = encode_frame(sealed)
        assert Stage.LAYER is refused(network, framed, len(framed)).stage
