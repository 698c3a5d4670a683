"""A hundred thousand damaged frames, cut at random: as a plain reading of the format says."""

from __future__ import annotations

import random
import struct
from itertools import pairwise
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from sealwire.errors import MalformedError, Reason, Stage
from sealwire.framing import FrameReader, encode_frame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

COUNT = 100_000
CAP = 50


def plain_reading(data: bytes) -> bytes | Reason:
    """Say what must become of ``data`` followed by the peer's end, without any state."""
    if len(data) < 4:
        return Reason.FRAME_TRUNCATED
    (length,) = struct.unpack(">L", data[:4])
    if not 1 <= length <= CAP:
        return Reason.FRAME_TOO_LARGE
    body = data[4 : 4 + length]
    return body if len(body) == length else Reason.FRAME_TRUNCATED


def read(pieces: Iterable[bytes]) -> bytes | Reason:
    """Feed a reader, asking after every piece, and end."""
    reader = FrameReader(CAP)
    try:
        for piece in pieces:
            reader.receive_data(piece)
            # What is held never exceeds the cap, and what is wanted never goes beyond the frame.
            if not (reader.buffered <= CAP + 4 and 0 <= reader.wanted <= CAP):
                raise AssertionError((reader.buffered, reader.wanted))
            reader.next_event()
        reader.receive_eof()
        event = reader.next_event()
    except MalformedError as error:
        if error.stage is not Stage.FRAME:
            raise
        return error.reason
    if event is None:
        raise AssertionError("the reader still waits after the end")
    return event.payload


def test_frames_are_read_as_the_format_says(
    mutate: Callable[[random.Random, Sequence[bytes]], bytes],
) -> None:
    """Lengths, bodies, ends and what follows them, whole and in pieces."""
    chance = random.Random("framing")
    seeds = [encode_frame(bytes(range(length))) for length in (1, 2, 3, 4, 5, 20, 49, 50)]
    seeds += [seeds[0] + seeds[1], struct.pack(">L", 51), struct.pack(">L", 0), b"\xff" * 4]
    seen: dict[object, int] = {}
    for _ in range(COUNT):
        data = mutate(chance, seeds)
        size = chance.choice((1, 2, 3, 7, len(data) + 1))
        expected = plain_reading(data)
        actual = read(data[at : at + size] for at in range(0, len(data), size))
        if expected != actual:
            raise AssertionError((data.hex(), size, expected, actual))
        kind = expected if isinstance(expected, Reason) else "frame"
        seen[kind] = seen.get(kind, 0) + 1
    # Every outcome was met often enough to say something.
    assert {"frame", Reason.FRAME_TRUNCATED, Reason.FRAME_TOO_LARGE} == set(seen)
    assert min(seen.values()) > COUNT // 50


@given(st.binary(max_size=60), st.binary(max_size=9), st.lists(st.integers(0, 70), max_size=9))
def test_any_cut_gives_the_same(payload: bytes, behind: bytes, cuts: list[int]) -> None:
    """How bytes arrive says nothing: any pieces, empty ones among them, and any bytes behind."""
    for sent in (payload, (encode_frame(payload) if payload else b"") + behind):
        places = sorted(min(cut, len(sent)) for cut in cuts)
        pieces = [sent[one:other] for one, other in pairwise([0, *places, len(sent)])]
        assert sent == b"".join(pieces)
        assert plain_reading(sent) == read(pieces)
