"""Delivering a sealed message, and what came of it.

Three ends are told apart, because the next step differs: there was no connection (nothing was
sent: `TransportError`), the message was handed over and no answer came (`NoAnswerError`: it may
have been applied; sending the same message again is safe and tells), or there is an answer.

Not guaranteed: that the answer is the service's. Whether it is shows in its signature, which is
looked at by whoever knows the host's receipt key (`sealwire.told`).
"""

from __future__ import annotations

import contextlib
import errno
import socket
import time
from typing import TYPE_CHECKING, Final

from sealwire.errors import ConfigurationError, MalformedError, NoAnswerError, TransportError
from sealwire.framing import MAX_FRAME_BYTES, FrameReader, encode_frame
from sealwire.sent import look_at_sent
from sealwire.told import read_told
from sealwire.transports.addresses import Address, TcpAddress, parse_address

if TYPE_CHECKING:
    from sealwire.stages import Answer

DEFAULT_TIMEOUT_S: Final = 10.0
_SHORT_S: Final = 0.001
_RETRY_S: Final = 0.002
_FIRST_TRY_S: Final = 0.25
"""How long a first try to connect may take; each further one twice as long."""

_FIRST_TRY_LOOPBACK_S: Final = 0.01
"""The same on this machine, where a connect takes microseconds or else found the queue full."""


def deliver(
    address: str | Address, sealed: bytes, *, timeout_s: float = DEFAULT_TIMEOUT_S
) -> Answer:
    """Send a sealed message; give what the answer says, whoever has written it.

    A receipt is read as well, and its signature not verified; see `sealwire.Client` for that.

    Args:
        address: where the listener is, such as ``unix:/run/payments.sock``.
        sealed: the sealed message.
        timeout_s: for all of it, seconds.

    Raises:
        ConfigurationError: not an address.
        SealError: the message is longer than a frame.
        TransportError: no connection; nothing was sent.
        NoAnswerError: sent, and no answer came, or none that can be read: a receipt for a request
            that is encrypted can be read by its sender alone.
    """
    answered = exchange(address, sealed, timeout_s=timeout_s)
    try:
        return read_told(answered, look_at_sent(sealed), None, now_ms=None).answer
    except MalformedError as error:
        raise unreadable(address, error) from None


def unreadable(address: str | Address, error: MalformedError) -> NoAnswerError:
    """Make the error that what came back is no answer."""
    return NoAnswerError(f"{address}: the answer cannot be read: {error.detail}")


def exchange(
    address: str | Address, sealed: bytes, *, timeout_s: float = DEFAULT_TIMEOUT_S
) -> bytes:
    """Send a sealed message; give the answer as it came, unread.

    Args:
        address: where the listener is, such as ``unix:/run/payments.sock``.
        sealed: the sealed message.
        timeout_s: for all of it, seconds.

    Raises:
        ConfigurationError: not an address.
        SealError: the message is longer than a frame.
        TransportError: no connection; nothing was sent.
        NoAnswerError: sent, and no answer came.
    """
    target = parse_address(address) if isinstance(address, str) else address
    frame = encode_frame(sealed)
    ends_s = time.monotonic() + timeout_s
    with _connect(target, ends_s) as connection:
        # A listener may refuse after four bytes and close; its answer is still there to read.
        with contextlib.suppress(OSError):
            _send(connection, frame, ends_s)
        try:
            return _receive(connection, ends_s)
        except MalformedError as error:
            raise unreadable(target, error) from None
        except OSError as error:
            raise NoAnswerError(f"{target}: sent, but no answer: {error}") from None


def check_listens(address: str | Address, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> None:
    """Find out whether somebody listens there; whether it is the service is not asked.

    A listener on a Unix socket sees nothing of it. One on a port sees a connection without a
    message, and sealwire refuses that.

    Args:
        address: as in `deliver`.
        timeout_s: how long to wait for a connection over TCP, seconds.

    Raises:
        ConfigurationError: not an address.
        TransportError: no connection.
    """
    target = parse_address(address) if isinstance(address, str) else address
    if isinstance(target, TcpAddress) or not hasattr(socket, "AF_UNIX"):
        _connect(target, time.monotonic() + timeout_s).close()
        return
    # A socket of another type is told so (EPROTOTYPE, POSIX connect()), if there is a process that
    # has it open; its queue is not touched.
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(target.path)
        except OSError as error:
            if error.errno != errno.EPROTOTYPE:
                raise _no_connection(target, error) from None


def _connect(target: Address, ends_s: float) -> socket.socket:
    if isinstance(target, TcpAddress):
        family = socket.AF_INET6 if ":" in target.host else socket.AF_INET
        where: str | tuple[str, int] = (target.host, target.port)
    elif hasattr(socket, "AF_UNIX"):
        family, where = socket.AF_UNIX, target.path
    else:
        raise ConfigurationError(f"{target}: this system has no Unix sockets")
    try_s = _first_try_s(target)
    while True:
        connection = socket.socket(family, socket.SOCK_STREAM)
        left_s = _left(ends_s)
        connection.settimeout(min(try_s, left_s))
        try:
            connection.connect(where)
        except (BlockingIOError, TimeoutError) as error:
            # The queue is full. A Unix socket says so at once; over TCP nothing is heard, and the
            # system itself would not try again for a second.
            connection.close()
            if _left(ends_s) <= _SHORT_S:
                raise _no_connection(target, error) from None
            time.sleep(min(_RETRY_S, _left(ends_s)))
            try_s *= 2 if isinstance(error, TimeoutError) else 1
        except OSError as error:
            connection.close()
            raise _no_connection(target, error) from None
        else:
            return connection


def _first_try_s(target: Address) -> float:
    if isinstance(target, TcpAddress) and target.is_loopback:
        return _FIRST_TRY_LOOPBACK_S
    return _FIRST_TRY_S


def _no_connection(target: Address, error: OSError) -> TransportError:
    why = error.strerror or str(error)
    failure = TransportError(f"{target}: no connection: {why}; nothing was sent")
    failure.errno = error.errno
    return failure


def _left(ends_s: float) -> float:
    """Give the time that is left, seconds; never 0, which would mean not to wait at all."""
    return max(_SHORT_S, ends_s - time.monotonic())


def _send(connection: socket.socket, frame: bytes, ends_s: float) -> None:
    connection.settimeout(_left(ends_s))
    connection.sendall(frame)


def _receive(connection: socket.socket, ends_s: float) -> bytes:
    reader = FrameReader(MAX_FRAME_BYTES)
    while (frame := reader.next_event()) is None:
        if (left_s := _left(ends_s)) <= _SHORT_S:
            raise TimeoutError("timed out")
        connection.settimeout(left_s)
        data = connection.recv(reader.wanted)
        if data:
            reader.receive_data(data)
        else:
            reader.receive_eof()
    return frame.payload
