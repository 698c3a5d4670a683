"""What each system says of the peer of a Unix socket, read from the bytes it says it with."""

from __future__ import annotations

import socket
import struct
import sys
from typing import cast

import pytest

from sealwire.transports.unix import _peer

LOCAL_PEERCRED = 1


class Answering:
    """A connection whose options are as given."""

    def __init__(self, options: dict[tuple[int, int, int], bytes]) -> None:
        """Keep the bytes, by level, name and the size that has to be asked for."""
        self._options = options

    def getsockopt(self, level: int, name: int, size: int) -> bytes:
        """Give the bytes of an option."""
        return self._options[level, name, size]


def test_on_macos(monkeypatch: pytest.MonkeyPatch) -> None:
    """``struct xucred``: version 0, uid, two groups of at most sixteen."""
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(socket, "LOCAL_PEERCRED", LOCAL_PEERCRED, raising=False)
    credentials = struct.pack("=IIhxx16I", 0, 501, 2, 20, 12, *[0] * 14)
    answering = Answering({(0, LOCAL_PEERCRED, len(credentials)): credentials})
    assert (501, "uid 501", None) == _peer(cast("socket.socket", answering))


def test_on_other_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system of which it is not known how it says so has said nothing."""
    monkeypatch.setattr(sys, "platform", "freebsd14")
    assert _peer(cast("socket.socket", Answering({}))) is None
