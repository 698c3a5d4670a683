"""Peers that speak something else, or nothing, and an honest message behind each."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from typing import TYPE_CHECKING

import pytest

from sealwire import Outcome, deliver
from sealwire.answers import CONSTANT_REFUSAL
from sealwire.framing import encode_frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealwire.listener import Listener

REFUSED = encode_frame(CONSTANT_REFUSAL)


def tls_hello() -> bytes:
    """Give what a TLS client says first."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


PROBES = {
    "HTTP/1.1": b"GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: curl/8\r\nAccept: */*\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": tls_hello(),
    "SSH": b"SSH-2.0-OpenSSH_9.2\r\n",
    "Redis": b"*1\r\n$4\r\nPING\r\n",
    "PostgreSQL": bytes.fromhex("0000000804d2162f"),
    "a line": b"hello\n",
    "an empty frame": bytes(4),
    "a pickle of the library's SocketHandler": bytes.fromhex("00000004 80047d2e"),
}


@pytest.fixture
def listener(serve: Callable[..., Listener], anywhere: str) -> Listener:
    """Give a listener on a Unix socket and on a port."""
    return serve(anywhere)


@pytest.fixture
def honest(
    listener: Listener,
    seal: Callable[..., bytes],
    descriptors: Callable[[], int],
    until: Callable[[Callable[[], object]], None],
) -> Callable[[], None]:
    """Give what checks that nothing was left behind, and that an honest message is applied."""
    threads, before = threading.active_count(), descriptors()

    def check() -> None:
        assert Outcome.APPLIED is deliver(listener.address, seal()).outcome
        # The listener closes a moment after its answer has been read.
        until(lambda: (threads, before) == (threading.active_count(), descriptors()))
        assert listener.is_alive()

    return check


@pytest.mark.parametrize("said", PROBES.values(), ids=PROBES.keys())
def test_another_protocol_gets_the_constant_refusal(
    listener: Listener,
    connect: Callable[[Listener], socket.socket],
    read_all: Callable[[socket.socket], bytes],
    honest: Callable[[], None],
    said: bytes,
) -> None:
    """Its first four bytes are a length, whatever it is; the peer hears what strangers hear."""
    with connect(listener) as peer:
        peer.sendall(said)
        # Some of these claim a length that may be, and are told once there is nothing more.
        with contextlib.suppress(OSError):
            # The others were told at once, and the connection may be gone.
            peer.shutdown(socket.SHUT_WR)
        assert REFUSED == read_all(peer)
    honest()


def test_a_tls_client_is_told_that_this_is_no_tls(
    listener: Listener,
    connect: Callable[[Listener], socket.socket],
    honest: Callable[[], None],
) -> None:
    """A real handshake ends with an error on its side, at once."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with connect(listener) as peer, pytest.raises((ssl.SSLError, ConnectionError)):
        context.wrap_socket(peer)
    honest()


@pytest.mark.parametrize("at", [1, 2, 3, 4, 5])
def test_a_header_in_two_pieces_is_read(
    listener: Listener,
    connect: Callable[[Listener], socket.socket],
    read_all: Callable[[socket.socket], bytes],
    seal: Callable[..., bytes],
    until: Callable[[Callable[[], object]], None],
    honest: Callable[[], None],
    at: int,
) -> None:
    """The library's listener drops a length that comes as two and two bytes; this one waits."""
    frame = encode_frame(seal())
    with connect(listener) as peer:
        if peer.family == socket.AF_INET:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer.sendall(frame[:at])
        # The first piece has been read when the listener holds it.
        server = vars(listener)["_server"]
        until(lambda: server.buffered_bytes == at)
        peer.sendall(frame[at:])
        assert read_all(peer).endswith(b"\xa1\x01\x01")
    honest()


def test_a_peer_that_never_reads_costs_nothing(
    listener: Listener,
    connect: Callable[[Listener], socket.socket],
    seal: Callable[..., bytes],
    until: Callable[[Callable[[], object]], None],
    honest: Callable[[], None],
) -> None:
    """Its message is applied, its answer is handed to the system, its connection is closed."""
    peer = connect(listener)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    peer.sendall(encode_frame(seal()))
    until(lambda: listener.stats().applied == 1)
    until(lambda: vars(listener)["_server"].connections == 0)
    peer.close()
    honest()


def test_a_peer_that_hangs_up_at_each_byte(
    listener: Listener,
    connect: Callable[[Listener], socket.socket],
    seal: Callable[..., bytes],
    until: Callable[[Callable[[], object]], None],
    honest: Callable[[], None],
) -> None:
    """Reset or closed, at every offset of a message: refused once each, and freed."""
    frame = encode_frame(seal())
    for at in range(len(frame)):
        with connect(listener) as peer:
            peer.sendall(frame[:at])
            if at % 2:
                # Closing then resets, and what was on its way is lost.
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes((1, 0, 0, 0)) + bytes(4))
    server = vars(listener)["_server"]
    until(lambda: server.connections == 0 and server.buffered_bytes == 0)
    assert 0 == listener.stats().applied
    honest()
