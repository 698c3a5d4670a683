"""Frames: four bytes of length, then that many bytes, as ``logging.config.listen`` documents.

Rules this module keeps:

1. Bytes in, one event out; no socket, no clock.
2. The length is judged when its four bytes are there, before one byte of body is asked for or
   kept: `FrameReader.wanted` never asks for more than belongs to this one frame.
3. One frame a connection: what a peer sends after it is never read.
4. EOF inside a frame is an error at once; EOF after a complete frame is a half-close and fine.
"""

from __future__ import annotations

import struct
from typing import Final

from sealwire.errors import MalformedError, Reason, SealError, Stage
from sealwire.stages import Frame

MAX_FRAME_BYTES: Final = 260 * 1024
"""A document may have 256 KiB; the rest is for claims, three layers and their signatures."""

_LENGTH = struct.Struct(">L")


class FrameReader:
    """Collects the bytes of one frame.

    Feed it with `receive_data` and `receive_eof`, and ask `next_event` after each.
    """

    __slots__ = ("_body", "_eof", "_head", "_length", "_max_frame_bytes")

    def __init__(self, max_frame_bytes: int = MAX_FRAME_BYTES) -> None:
        """Make a reader that refuses frames over ``max_frame_bytes`` (payload, without length)."""
        self._max_frame_bytes = max_frame_bytes
        self._head = b""
        self._length: int | None = None
        self._body = bytearray()
        self._eof = False

    @property
    def wanted(self) -> int:
        """How many bytes this frame still lacks, as far as known; 0 when it is complete."""
        if self._length is None:
            return _LENGTH.size - len(self._head)
        return self._length - len(self._body)

    @property
    def buffered(self) -> int:
        """How many bytes are held for this frame."""
        return len(self._head) + len(self._body)

    @property
    def has_length(self) -> bool:
        """Whether the four bytes of length are complete."""
        return self._length is not None

    def receive_data(self, data: bytes) -> None:
        """Take bytes from the peer; those beyond the frame are dropped unread.

        Raises:
            MalformedError: the length is over the limit, or zero.
        """
        if self._length is None:
            lacking = _LENGTH.size - len(self._head)
            self._head += data[:lacking]
            data = data[lacking:]
            if len(self._head) < _LENGTH.size:
                return
            self._length = self._judge(_LENGTH.unpack(self._head)[0])
        self._body += data[: self._length - len(self._body)]

    def _judge(self, length: int) -> int:
        if not 0 < length <= self._max_frame_bytes:
            raise MalformedError(
                Reason.FRAME_TOO_LARGE,
                Stage.FRAME,
                f"frame of {length} bytes; 1 to {self._max_frame_bytes} are read",
            )
        return length

    def receive_eof(self) -> None:
        """Take note that the peer will send nothing more."""
        self._eof = True

    def next_event(self) -> Frame | None:
        """Give the frame once it is complete, ``None`` while bytes are lacking.

        Raises:
            MalformedError: the peer ended inside the frame.
        """
        if self._length is not None and len(self._body) == self._length:
            return Frame(bytes(self._body))
        if self._eof:
            raise MalformedError(
                Reason.FRAME_TRUNCATED,
                Stage.FRAME,
                f"the peer ended after {self.buffered} bytes, inside the frame",
            )
        return None


def encode_frame(payload: bytes, max_frame_bytes: int = MAX_FRAME_BYTES) -> bytes:
    """Give ``payload`` with its length in front.

    Raises:
        SealError: the payload is empty, or over ``max_frame_bytes``.
    """
    if not 0 < len(payload) <= max_frame_bytes:
        raise SealError(f"a frame of {len(payload)} bytes; 1 to {max_frame_bytes} can be sent")
    return _LENGTH.pack(len(payload)) + payload
