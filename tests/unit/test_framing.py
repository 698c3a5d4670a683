"""Frames: length first, judged before a byte of body is kept, and one frame a connection."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from sealwire.errors import MalformedError, Reason, SealError, Stage
from sealwire.framing import MAX_FRAME_BYTES, FrameReader, encode_frame
from sealwire.stages import Frame

if TYPE_CHECKING:
    from collections.abc import Iterator

CAP = 1000


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    """Cut ``data`` into pieces of ``size``."""
    return (data[at : at + size] for at in range(0, len(data), size))


def test_a_frame_is_what_the_standard_library_documents() -> None:
    """`logging.config.listen` reads ``struct.pack(">L", n)`` and n bytes; these are the same."""
    assert struct.pack(">L", 5) + b"hello" == encode_frame(b"hello")
    assert bytes.fromhex("0000000568656c6c6f") == encode_frame(b"hello")


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 1000])
@pytest.mark.parametrize("length", [1, 2, 23, 999, CAP])
def test_a_frame_arrives_however_it_is_cut(length: int, size: int) -> None:
    """Whole, byte by byte, or in between: the same one frame, and nothing before it is complete."""
    payload = bytes(i % 251 for i in range(length))
    reader = FrameReader(CAP)
    framed = encode_frame(payload)
    arrived = 0
    for piece in pieces(framed, size):
        assert reader.next_event() is None
        reader.receive_data(piece)
        arrived += len(piece)
        assert arrived == reader.buffered
        assert (arrived >= 4) is reader.has_length
        assert (len(framed) if arrived >= 4 else 4) - arrived == reader.wanted
    assert Frame(payload) == reader.next_event()
    assert Frame(payload) == reader.next_event()


@pytest.mark.parametrize(
    ("length", "fits"),
    [(0, False), (1, True), (CAP - 1, True), (CAP, True), (CAP + 1, False), (2**32 - 1, False)],
)
@pytest.mark.parametrize("size", [1, 3, 4, 8])
def test_the_length_is_judged_after_four_bytes(length: int, fits: bool, size: int) -> None:
    """Over the limit or zero is refused before one byte of body is kept, however it comes."""
    reader = FrameReader(CAP)
    sent = struct.pack(">L", length) + b"body"

    def send() -> None:
        for piece in pieces(sent, size):
            reader.receive_data(piece)

    if fits:
        send()
        assert reader.has_length
        return
    with pytest.raises(MalformedError) as caught:
        send()
    assert (Reason.FRAME_TOO_LARGE, Stage.FRAME) == (caught.value.reason, caught.value.stage)
    assert f"{length} bytes" in caught.value.detail
    assert f"1 to {CAP}" in caught.value.detail
    assert reader.buffered == 4
    assert not reader.has_length
    assert reader.wanted == 0
    assert reader.next_event() is None


def test_a_refused_length_stays_refused() -> None:
    """A reader that refused keeps nothing of what is fed to it afterwards."""
    reader = FrameReader(CAP)
    for data in (b"\xff\xff\xff\xff", b"", b"more"):
        with pytest.raises(MalformedError):
            reader.receive_data(data)
        assert reader.buffered == 4


@pytest.mark.parametrize("payload", [b"x", b"hello", b"\x00" * 30])
def test_eof_inside_a_frame_is_an_error_at_every_offset(payload: bytes) -> None:
    """Wherever a peer ends, it is told at once; nothing waits for the rest."""
    framed = encode_frame(payload)
    for end in range(len(framed)):
        reader = FrameReader()
        reader.receive_data(framed[:end])
        reader.receive_eof()
        with pytest.raises(MalformedError) as caught:
            reader.next_event()
        assert (Reason.FRAME_TRUNCATED, Stage.FRAME) == (caught.value.reason, caught.value.stage)
        assert f"after {end} bytes" in caught.value.detail


def test_eof_after_a_frame_is_a_half_close() -> None:
    """A peer that has sent its one frame may say so, and still gets its answer."""
    reader = FrameReader()
    reader.receive_data(encode_frame(b"hello"))
    reader.receive_eof()
    assert Frame(b"hello") == reader.next_event()


@pytest.mark.parametrize("size", [1, 6, 100])
def test_what_follows_a_frame_is_never_kept(size: int) -> None:
    """One frame a connection: a second one, or junk, changes nothing and costs nothing."""
    reader = FrameReader()
    for piece in pieces(encode_frame(b"first") + encode_frame(b"second") + b"junk" * 9, size):
        reader.receive_data(piece)
    assert Frame(b"first") == reader.next_event()
    assert (0, 9) == (reader.wanted, reader.buffered)


def test_no_data_is_no_end() -> None:
    """Empty reads neither complete a frame nor end it."""
    reader = FrameReader()
    reader.receive_data(b"")
    assert (4, 0, False) == (reader.wanted, reader.buffered, reader.has_length)
    assert reader.next_event() is None


@pytest.mark.parametrize(("length", "fits"), [(0, False), (1, True), (CAP, True), (CAP + 1, False)])
def test_what_a_reader_would_refuse_is_not_written(length: int, fits: bool) -> None:
    """The writing side knows the same limit, and tells it."""
    if fits:
        assert length + 4 == len(encode_frame(b"x" * length, CAP))
        return
    with pytest.raises(SealError, match=f"a frame of {length} bytes; 1 to {CAP} can be sent"):
        encode_frame(b"x" * length, CAP)


def test_the_usual_limit() -> None:
    """A document of 256 KiB fits with its envelope; the limit is the same on both sides."""
    assert 260 * 1024 == MAX_FRAME_BYTES
    largest = encode_frame(bytes(MAX_FRAME_BYTES))
    reader = FrameReader()
    reader.receive_data(largest)
    assert Frame(bytes(MAX_FRAME_BYTES)) == reader.next_event()
    with pytest.raises(MalformedError):
        FrameReader().receive_data(struct.pack(">L", MAX_FRAME_BYTES + 1))
    with pytest.raises(SealError):
        encode_frame(bytes(MAX_FRAME_BYTES + 1))
