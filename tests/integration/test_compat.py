"""The standard library's pair on our socket: its shape, without its faults."""

from __future__ import annotations

import logging
import socket
import struct
import threading
from typing import TYPE_CHECKING

import pytest

from sealwire import ConfigurationError, compat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

APPLICATION = "sealwire-tests.application"
JSON = b'{"version": 1, "incremental": true, "loggers": {"%s": {"level": "%s"}}}'
EVALUATED = b"""\
[loggers]
keys=root
[handlers]
keys=x
[formatters]
keys=
[logger_root]
handlers=x
[handler_x]
class=StreamHandler
args=(__import__('os').system('true'),)
"""


def document(level: str = "DEBUG") -> bytes:
    """Give a document that changes one logger's level."""
    return JSON % (APPLICATION.encode(), level.encode())


def send(port: int, payload: bytes) -> bytes:
    """Send a frame as the library's documentation shows; give what comes back until the end."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(struct.pack(">L", len(payload)) + payload)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(4096), b""))


@pytest.fixture
def started() -> Iterator[Callable[..., compat.ListenerThread]]:
    """Give what starts a listener; all of them are stopped afterwards."""

    def start(verify: Callable[[bytes], bytes | None] | None) -> compat.ListenerThread:
        thread = compat.listen(0, verify, unsafe_allow_unverified=verify is None)
        thread.start()
        return thread

    yield start
    compat.stopListening()
    logging.getLogger("sealwire").disabled = False


def level() -> str:
    """Give the level that messages change."""
    return logging.getLevelName(logging.getLogger(APPLICATION).level)


def test_it_has_the_librarys_shape(
    application: logging.Logger, started: Callable[..., compat.ListenerThread]
) -> None:
    """A thread with a port; ``ready`` when it listens, and again after each request."""
    thread = started(lambda received: received)
    assert isinstance(thread, threading.Thread)
    assert (True, True) == (thread.ready.is_set(), thread.is_alive())
    thread.ready.clear()
    assert bytes.fromhex("00000003 a10101") == send(thread.port, document())
    assert thread.ready.wait(10)
    assert "DEBUG" == level()
    thread.ready.clear()
    send(thread.port, b"junk")
    assert thread.ready.wait(10)
    compat.stopListening()
    thread.join(10)
    assert not thread.is_alive()


def test_without_verify_it_is_not_made() -> None:
    """It has to be said in words that anybody may change the logging."""
    with pytest.raises(ConfigurationError, match=r"pass verify=sealwire\.as_verify"):
        compat.listen(0)
    with pytest.raises(ConfigurationError, match=r"pass verify=sealwire\.as_verify"):
        compat.listen(0, None, unsafe_allow_unverified=False)


@pytest.mark.parametrize("port", [-1, 65_536])
def test_a_port_that_is_none(port: int) -> None:
    """Refused where it is written, not in a dead thread."""
    with pytest.raises(ConfigurationError, match="is not a port"):
        compat.listen(port, lambda received: received)


def test_a_port_that_is_taken_is_the_callers_error(
    application: logging.Logger, started: Callable[..., compat.ListenerThread]
) -> None:
    """The library's thread dies silently of it."""
    taken = started(lambda received: received).port
    thread = compat.listen(taken, lambda received: received)
    with pytest.raises(ConfigurationError, match=f"tcp:127.0.0.1:{taken}"):
        thread.start()
    assert not thread.is_alive()


@pytest.mark.parametrize(
    ("verify", "expected"),
    [
        (None, "DEBUG"),
        (lambda received: received, "DEBUG"),
        (lambda received: received.replace(b"DEBUG", b"ERROR"), "ERROR"),
        (lambda _: None, "NOTSET"),
        (lambda _: "text", "NOTSET"),
        (lambda received: received + b"x", "NOTSET"),
        (lambda _: 1 / 0, "NOTSET"),
    ],
    ids=["none", "as it is", "changed", "declined", "no bytes", "broken", "raises"],
)
def test_what_verify_gives_is_what_counts(
    application: logging.Logger,
    started: Callable[..., compat.ListenerThread],
    verify: Callable[[bytes], bytes | None] | None,
    expected: str,
) -> None:
    """What it changed is applied; what it declines, breaks or raises over is refused alike."""
    answer = send(started(verify).port, document())
    assert expected == level()
    applied, refused = bytes.fromhex("00000003 a10101"), bytes.fromhex("00000003 a10102")
    assert (refused if expected == "NOTSET" else applied) == answer


@pytest.mark.parametrize(
    "payload",
    [
        b'{"version": 1, "handlers": {"x": {"()": "os.mkdir", "path": "/nowhere/x"}}}',
        b'{"version": 1, "handlers": {"x": {"class": "subprocess.Popen", "args": ["true"]}}}',
        EVALUATED,
        b'{"version": 1',
        b"",
    ],
    ids=["factory", "class", "eval", "half", "nothing"],
)
def test_the_policy_holds_here_too(
    application: logging.Logger, started: Callable[..., compat.ListenerThread], payload: bytes
) -> None:
    """Without a chain a peer is a stranger, and gets the same bytes for every cause."""
    assert bytes.fromhex("00000003 a10102") == send(started(None).port, payload)


def test_nothing_is_applied_after_stop(
    application: logging.Logger, started: Callable[..., compat.ListenerThread]
) -> None:
    """The library applied what came 50 ms later; here the port is closed when the call returns."""
    ports = [started(None).port, started(None).port]
    compat.stopListening()
    for port in ports:
        with pytest.raises(OSError, match="refused"):
            send(port, document())
    assert "NOTSET" == level()
    compat.stopListening()
