"""Delivering a message, and telling apart what may have come of it."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from sealwire import (
    Answer,
    ConfigurationError,
    NoAnswerError,
    Outcome,
    SealError,
    TransportError,
    deliver,
)
from sealwire.answers import CONSTANT_REFUSAL, MAX_ANSWER_BYTES, encode_answer
from sealwire.framing import MAX_FRAME_BYTES, encode_frame
from sealwire.transports.addresses import TcpAddress, parse_address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.integration.conftest import SlowApply

    from sealwire.listener import Listener

    Behaviour = Callable[[socket.socket], object]

PATIENCE_S = 20.0
APPLIED = encode_frame(encode_answer(Answer(Outcome.APPLIED)))


@pytest.fixture
def squatter(anywhere: str) -> Iterator[Callable[[Behaviour], str]]:
    """Give what lets any behaviour sit on an address; it serves one connection."""
    threads: list[threading.Thread] = []
    address = parse_address(anywhere)
    if isinstance(address, TcpAddress):
        listening = socket.create_server((address.host, 0))
        where = str(address.with_port(listening.getsockname()[1]))
    else:
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listening.bind(address.path)
        listening.listen()
        where = anywhere
    listening.settimeout(PATIENCE_S)

    def sit(behave: Behaviour) -> str:
        def serve() -> None:
            connection, _ = listening.accept()
            connection.settimeout(PATIENCE_S)
            with connection, contextlib.suppress(ConnectionError):
                behave(connection)

        threads.append(threading.Thread(target=serve))
        threads[-1].start()
        return where

    with listening:
        yield sit
        for thread in threads:
            thread.join(PATIENCE_S)


def read_frame(connection: socket.socket) -> bytes:
    """Read one message as a service would."""
    with connection.makefile("rb") as stream:
        (length,) = struct.unpack(">L", stream.read(4))
        payload: bytes = stream.read(length)
        return payload


def replying(*pieces: bytes) -> Behaviour:
    """Read the message, send ``pieces``, and close."""

    def behave(connection: socket.socket) -> None:
        read_frame(connection)
        for piece in pieces:
            connection.sendall(piece)

    return behave


# ---- an answer ----------------------------------------------------------------------------------


def test_an_answer(squatter: Callable[[Behaviour], str]) -> None:
    """The message arrives as it is, and the answer is given as it came."""
    received: list[bytes] = []

    def behave(connection: socket.socket) -> None:
        received.append(read_frame(connection))
        connection.sendall(APPLIED)

    assert Answer(Outcome.APPLIED) == deliver(squatter(behave), b"sealed")
    assert received == [b"sealed"]


def test_an_answer_in_pieces(squatter: Callable[[Behaviour], str]) -> None:
    """However it is cut, and with something behind it that nobody reads."""
    pieces = [APPLIED[at : at + 1] for at in range(len(APPLIED))]
    assert Answer(Outcome.APPLIED) == deliver(squatter(replying(*pieces, b"more")), b"sealed")


@pytest.mark.parametrize("size", [1, MAX_FRAME_BYTES])
def test_an_early_refusal_is_an_answer(squatter: Callable[[Behaviour], str], size: int) -> None:
    """A listener that refuses after four bytes, and closes on the rest, is still heard."""

    def behave(connection: socket.socket) -> None:
        connection.recv(4)
        connection.sendall(encode_frame(CONSTANT_REFUSAL))

    assert Answer(Outcome.REFUSED) == deliver(squatter(behave), bytes(size))


def test_a_refusal_before_the_first_byte_is_an_answer(
    squatter: Callable[[Behaviour], str],
) -> None:
    """A peer that may not connect is told so at once."""

    def behave(connection: socket.socket) -> None:
        connection.sendall(encode_frame(CONSTANT_REFUSAL))

    assert Answer(Outcome.REFUSED) == deliver(squatter(behave), bytes(MAX_FRAME_BYTES))


# ---- no connection: nothing was sent ------------------------------------------------------------


def not_sent(address: str, timeout_s: float = PATIENCE_S) -> str:
    """Give the words with which there is no connection."""
    with pytest.raises(TransportError) as caught:
        deliver(address, b"sealed", timeout_s=timeout_s)
    assert not isinstance(caught.value, NoAnswerError)
    assert isinstance(caught.value, OSError)
    # The number is there for whoever has to tell, and not in the words.
    assert caught.value.errno is not None or "timed out" in str(caught.value)
    assert "Errno" not in str(caught.value)
    said, separator, rest = str(caught.value).rpartition("; ")
    assert ("; ", "nothing was sent") == (separator, rest)
    return said


def test_nothing_is_there(path: Path) -> None:
    """Neither the socket, nor its directory, or a file in its place."""
    assert f"unix:{path}: no connection: No such file or directory" == not_sent(f"unix:{path}")
    below = path / "below"
    assert f"unix:{below}: no connection: " in not_sent(f"unix:{below}")
    path.write_text("", encoding="utf-8")
    assert f"unix:{path}: no connection: Connection refused" == not_sent(f"unix:{path}")


def test_nobody_listens_any_more(path: Path) -> None:
    """A socket that a dead process left, and a port that nobody has."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(path))
    assert f"unix:{path}: no connection: Connection refused" == not_sent(f"unix:{path}")
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        expected = f"tcp:127.0.0.1:{port}: no connection: Connection refused"
        assert expected == not_sent(f"tcp:127.0.0.1:{port}")


def test_a_listener_that_has_stopped(
    serve: Callable[..., Listener], seal: Callable[..., bytes], anywhere: str
) -> None:
    """Once it has said that it stopped, there is no connection."""
    listener = serve(anywhere)
    where = str(listener.address)
    deliver(where, seal())
    listener.stop()
    assert "no connection" in not_sent(where)


@pytest.mark.parametrize("address", ["", "somewhere", "unix:relative", "tcp:example.org:1"])
def test_what_is_no_address(address: str) -> None:
    """It is the caller's mistake, and no name is looked up for it."""
    with pytest.raises(ConfigurationError):
        deliver(address, b"sealed")


@pytest.mark.parametrize("size", [0, MAX_FRAME_BYTES + 1])
def test_what_is_no_message(path: Path, size: int) -> None:
    """What no listener would read is not sent, and nobody is connected to for it."""
    with pytest.raises(SealError):
        deliver(f"unix:{path}", bytes(size))


# ---- sent, but no answer ------------------------------------------------------------------------


def unanswered(address: str, sealed: bytes = b"sealed", timeout_s: float = PATIENCE_S) -> str:
    """Give the words with which there is no answer."""
    with pytest.raises(NoAnswerError) as caught:
        deliver(address, sealed, timeout_s=timeout_s)
    assert address in str(caught.value)
    return str(caught.value)


def test_the_peer_reads_and_ends(squatter: Callable[[Behaviour], str]) -> None:
    """It may have applied the message, so this is not the same as no connection."""
    assert unanswered(squatter(replying()))


def test_the_peer_ends_at_once(squatter: Callable[[Behaviour], str]) -> None:
    """It was connected to, so nobody knows."""
    assert unanswered(squatter(lambda _: None), bytes(MAX_FRAME_BYTES))


def test_the_peer_ends_inside_its_answer(squatter: Callable[[Behaviour], str]) -> None:
    """Half an answer is none."""
    assert unanswered(squatter(replying(APPLIED[:-1])))


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"\xff\xff\xff\xff", id="enormous"),
        pytest.param((MAX_ANSWER_BYTES + 1).to_bytes(4, "big") + b"x", id="a-byte-too-long"),
        pytest.param(bytes(4), id="empty"),
        pytest.param(encode_frame(b"\x00"), id="no-map"),
        pytest.param(encode_frame(b"HTTP/1.1 400 Bad Request"), id="http"),
        pytest.param(encode_frame(bytes.fromhex("a0")), id="no-outcome"),
        pytest.param(encode_frame(bytes.fromhex("a10109")), id="unknown-outcome"),
        pytest.param(encode_frame(bytes.fromhex("a1010100")), id="trailing"),
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n\r\n", id="another-protocol"),
    ],
)
def test_garbage_is_no_answer(squatter: Callable[[Behaviour], str], answer: bytes) -> None:
    """Whoever sits on the address may send anything; none of it is taken for an outcome."""
    assert "the answer cannot be read: " in unanswered(squatter(replying(answer)))


def waiting(connection: socket.socket) -> None:
    """Read the message, and then nothing until the peer has gone."""
    read_frame(connection)
    connection.recv(1)


def trickling(connection: socket.socket) -> None:
    """Answer a byte now and then, for as long as anybody listens."""
    read_frame(connection)
    connection.sendall((MAX_ANSWER_BYTES).to_bytes(4, "big"))
    while True:
        connection.sendall(b"x")
        time.sleep(0.02)


@pytest.mark.parametrize("behave", [waiting, trickling])
def test_a_deadline_is_for_all_of_it(
    squatter: Callable[[Behaviour], str], behave: Behaviour
) -> None:
    """A peer that says nothing, or too little, does not hold the client."""
    assert "timed out" in unanswered(squatter(behave), timeout_s=0.3)


def test_a_peer_that_reads_nothing_does_not_hold_the_client(
    squatter: Callable[[Behaviour], str],
) -> None:
    """A message larger than the buffers between them would wait for ever."""
    over = threading.Event()
    where = squatter(lambda _: over.wait(PATIENCE_S))
    try:
        assert unanswered(where, bytes(MAX_FRAME_BYTES), timeout_s=0.3)
    finally:
        over.set()


def test_a_service_that_is_busy(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    slow_apply: SlowApply,
    anywhere: str,
) -> None:
    """The message may still be applied; sending the same one again is safe, and tells."""
    listener = serve(anywhere)
    where, sealed = str(listener.address), seal()
    assert "sent, but no answer: " in unanswered(where, sealed, timeout_s=0.2)
    slow_apply.go.set()
    again = deliver(where, sealed, timeout_s=PATIENCE_S)
    assert Answer(Outcome.APPLIED, repeated=True) == again
    assert 1 == slow_apply.count


def test_a_full_queue_is_no_connection(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    slow_apply: SlowApply,
    until: Callable[[Callable[[], object]], None],
    path: Path,
) -> None:
    """Before a busy service more wait than its queue holds: nothing was sent, and it is said so."""
    listener = serve()
    sealed = seal()
    assert unanswered(f"unix:{path}", sealed, timeout_s=0.05)
    waiting_too = []
    try:
        while True:
            waiting_too.append(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            waiting_too[-1].settimeout(0)
            try:
                waiting_too[-1].connect(str(path))
            except BlockingIOError:
                break
        assert f"unix:{path}: no connection: " in not_sent(f"unix:{path}", timeout_s=0.2)
    finally:
        for each in waiting_too:
            each.close()
        slow_apply.go.set()

    def answered() -> bool:
        with contextlib.suppress(TransportError):
            return Answer(Outcome.APPLIED, repeated=True) == deliver(f"unix:{path}", sealed)
        return False

    until(answered)
    assert 1 == listener.stats().applied


def test_a_port_whose_queue_is_full_is_tried_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is heard from it, and the system itself would try once in a second."""
    tries: list[Any] = []

    class Counted(socket.socket):
        def connect(self, address: Any) -> None:  # noqa: ANN401 - as typeshed has it
            tries.append(address)
            super().connect(address)

    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        with contextlib.suppress(TimeoutError):
            while True:
                waiting_too = stack.enter_context(socket.socket())
                waiting_too.settimeout(0.1)
                waiting_too.connect(listening.getsockname())
        monkeypatch.setattr(socket, "socket", Counted)
        where = f"tcp:127.0.0.1:{listening.getsockname()[1]}"
        assert f"{where}: no connection: " in not_sent(where, timeout_s=1.0)
    # Each try takes twice as long as the one before: the sixth begins after a third of a second.
    assert len(tries) >= 5
