"""Sinks: where records go beside the trail, so that whoever has the host has not all there is.

Rules this module keeps:

1. Giving never waits longer than it is told. What a stream did not take whole is sent first next
   time, so that no line stands within another.
2. Standard output has a descriptor of its own, so that an application that exchanges its
   ``sys.stdout`` takes nothing away; lines there are JSON. Syslog is RFC 5424, framed by octet
   counting (RFC 6587) on a stream.
3. A datagram that is too long for its way is replaced by a line that says which record it is and
   its hash in the Merkle tree; the record is in the trail.

Handing over is not arrival: nobody answers on a datagram socket, and a stream's buffer may be lost
with its connection. What did arrive, the checkpoints show that come after.
"""

from __future__ import annotations

import errno
import json
import os
import select
import socket
import sys
import time
from typing import TYPE_CHECKING, Any, Final, Protocol

from sealwire.descriptors import Descriptor, Identity, is_ours, let_go
from sealwire.errors import ConfigurationError, TransportError, shorten
from sealwire.trail.export import syslog_line
from sealwire.trail.forms import write_moment
from sealwire.trail.merkle import leaf_hash

if TYPE_CHECKING:
    from sealwire.trail.checkpoint import Note
    from sealwire.trail.records import Record

_PIPE_BYTES: Final = 4096
"""What a pipe that polls writable takes without waiting (POSIX: at least 512; Linux: a page)."""

_KNOWN: Final = "stdout, syslog:unix:/dev/log, syslog:tcp:HOST:PORT or syslog:udp:HOST:PORT"
_HEAD: Final = "<109>1 {at} - sealwire - {kind} - "
_MAX_PORT: Final = 65535
_UNIX: Final[int | None] = getattr(socket, "AF_UNIX", None)


if sys.platform == "win32":

    def _is_writable(descriptor: int, timeout_ms: int) -> bool:  # noqa: ARG001 - as below
        """Say yes: Windows can be asked about sockets alone."""
        return True

else:

    def _is_writable(descriptor: int, timeout_ms: int) -> bool:
        """Wait until a descriptor takes something; say whether it does."""
        poll = select.poll()
        poll.register(descriptor, select.POLLOUT)
        return bool(poll.poll(timeout_ms))


class Line:
    """A record or a checkpoint, as each kind of sink takes it."""

    def __init__(self, as_json: bytes, as_syslog: bytes, short: bytes) -> None:
        """Hold the three spellings of it, each without a newline."""
        self.as_json, self.as_syslog, self.short = as_json, as_syslog, short


def line_of(record: Record) -> Line:
    """Give a record as a line."""
    leaf, at = record.encode(), write_moment(record.at)
    short = {"hash": leaf_hash(leaf).hex(), "kind": record.event.kind, "seq": record.seq}
    head = _HEAD.format(at=at, kind=record.event.kind)
    return Line(leaf, syslog_line(record), (head + json.dumps(short)).encode())


def line_of_checkpoint(note: Note, at: int) -> Line:
    """Give a signed checkpoint as a line."""
    # The dash in front of a signature and any name are within ASCII then, as RFC 5424 wants it.
    said = json.dumps(
        {"at": write_moment(at), "kind": "checkpoint", "note": note.encode().decode()},
        separators=(",", ":"),
    )
    whole = (_HEAD.format(at=write_moment(at), kind="checkpoint") + said).encode()
    return Line(said.encode(), whole, whole)


class Sink(Protocol):
    """Takes lines."""

    name: str

    def give(self, line: Line, timeout_s: float) -> None:
        """Hand a line over.

        Raises:
            OSError: it was not taken in that time, or nobody is there.
        """
        ...

    def close(self) -> None:
        """Let go of what is open; `give` opens it again."""
        ...


def parse_sink(text: str) -> Sink:
    """Give the sink that a setting names.

    Raises:
        ConfigurationError: it names none.
    """
    kind, _, where = text.partition(":")
    way, _, rest = where.partition(":")
    if text == "stdout":
        return Stdout()
    if kind == "syslog" and way == "unix" and rest.startswith("/"):
        return Syslog(text, rest)
    host, _, port = rest.rpartition(":")
    number = int(port) if port.isascii() and port.isdigit() else 0
    if kind == "syslog" and way in {"tcp", "udp"} and host and 0 < number <= _MAX_PORT:
        return Syslog(text, (host.strip("[]"), number), stream=way == "tcp")
    raise ConfigurationError(f"{shorten(text)} is no sink; write {_KNOWN}")


class Stdout:
    """Standard output, as it is when the first line is given."""

    name = "stdout"

    def __init__(self) -> None:
        """Open nothing yet."""
        self._descriptor: int = -1
        self._identity: Identity | None = None
        self._unsent = b""

    def give(self, line: Line, timeout_s: float) -> None:
        """Hand a line over; see `Sink`."""
        if not is_ours(self._descriptor):
            self._find_again()
        if self._descriptor < 0:
            self._descriptor = Descriptor.of(os.dup(1))
            self._identity = self._descriptor.identity
        # Half a line may be there already, so what is left of it comes first.
        if self._unsent:
            self._send(timeout_s)
        self._unsent = line.as_json + b"\n"
        try:
            self._send(timeout_s)
        except OSError:
            if len(self._unsent) == len(line.as_json) + 1:
                # Nothing of it was taken: whoever gives it again gives the whole.
                self._unsent = b""
            raise

    def close(self) -> None:
        """Let go of the descriptor."""
        if self._descriptor >= 0:
            let_go(self._descriptor)
        self._descriptor, self._unsent = -1, b""

    def _find_again(self) -> None:
        """Open it anew, where our descriptor of it was closed behind our back."""
        found = Descriptor.of(os.dup(1))
        if found.identity != self._identity:
            # What has the number now may be any file of the application's.
            let_go(found)
            raise OSError(errno.EBADF, "it was closed, and is not what it was")
        self._descriptor = found

    def _send(self, timeout_s: float) -> None:
        ends_s = time.monotonic() + timeout_s
        while self._unsent:
            # The descriptor shares its modes with the application's, so it stays a blocking one.
            left_ms = max(0, round((ends_s - time.monotonic()) * 1000))
            if not _is_writable(self._descriptor, left_ms):
                raise TimeoutError(errno.ETIMEDOUT, "nobody reads it")
            sent = os.write(self._descriptor, self._unsent[:_PIPE_BYTES])
            self._unsent = self._unsent[sent:]


class Syslog:
    """A syslog daemon or collector, on a socket that is connected when it is needed."""

    def __init__(
        self,
        name: str,
        where: str | tuple[str, int],
        *,
        stream: bool | None = None,
    ) -> None:
        """Know where; connect nothing yet.

        Args:
            name: as the setting names it.
            where: path, or host and port.
            stream: whether it is one; ``None`` tries datagrams first: ``/dev/log`` may be either.
        """
        self.name = name
        self._where, self._is_stream = where, stream
        self._socket: socket.socket | None = None
        self._opened = Descriptor(-1)
        self._framed = False

    def give(self, line: Line, timeout_s: float) -> None:
        """Hand a line over; see `Sink`."""
        try:
            if self._socket is not None and not is_ours(self._opened):
                # Closed behind our back; the number may be another connection's by now.
                self._socket.detach()
                self._socket = None
            if self._socket is None:
                self._socket = self._connected(timeout_s)
                self._opened = Descriptor.of(self._socket.fileno())
            self._socket.settimeout(timeout_s)
            if self._framed:
                data = line.as_syslog
                self._socket.sendall(b"%d %b" % (len(data), data))
            else:
                self._send_datagram(self._socket, line)
        except OSError:
            # A frame that was sent in part would be read as the beginning of the next one.
            self.close()
            raise

    def close(self) -> None:
        """Let go of the socket."""
        if self._socket is not None:
            if is_ours(self._opened):
                self._socket.close()
            else:
                self._socket.detach()
        self._socket = None

    @staticmethod
    def _send_datagram(to: socket.socket, line: Line) -> None:
        try:
            to.send(line.as_syslog)
        except OSError as failure:
            if failure.errno != errno.EMSGSIZE:
                raise
            to.send(line.short)

    def _connected(self, timeout_s: float) -> socket.socket:
        kinds = [socket.SOCK_DGRAM, socket.SOCK_STREAM]
        if self._is_stream is not None:
            kinds = kinds[1:] if self._is_stream else kinds[:1]
        failure: OSError = TransportError("no such address")
        for kind in kinds:
            for family, address in self._addresses(kind):
                found = socket.socket(family, kind)
                try:
                    found.settimeout(timeout_s)
                    found.connect(address)
                except OSError as error:
                    found.close()
                    failure = error
                else:
                    self._framed = kind is socket.SOCK_STREAM
                    return found
        raise failure

    def _addresses(self, kind: socket.SocketKind) -> list[tuple[int, tuple[Any, ...] | str]]:
        if isinstance(self._where, str):
            if _UNIX is None:
                raise TransportError("this system has no Unix sockets")
            return [(_UNIX, self._where)]
        host, port = self._where
        return [(each[0], each[4]) for each in socket.getaddrinfo(host, port, type=kind)]
