"""The server's loop: one thread, however many connections.

Rules this module keeps:

1. A peer costs one descriptor and the bytes of its frame; no thread, and never more bytes than its
   session wants (`Session.wanted`).
2. Everything a peer can use up has a cap: connections, buffered bytes over all connections, time.
   At a cap the oldest incomplete connection goes first, so a newcomer with a message gets in.
3. Where descriptors run out the oldest goes too, and accepting pauses: the host's ``open()`` comes
   before ours.
4. What one connection does never ends the loop. If the loop itself fails, that is told, not hidden.
5. After `Server.stop` nothing more is begun: what a peer sends then is not even read.
"""

from __future__ import annotations

import selectors
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from sealwire.clock import monotonic_ms
from sealwire.errors import ConfigurationError
from sealwire.eventlog import log_bug, log_detail

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from sealwire.receiver import Deadlines
    from sealwire.service import Output, Session

_ACCEPTS_A_TURN: Final = 64
_READ_BYTES: Final = 65_536
_PAUSE_MS: Final = 100
_GIVEN_BACK: Final = 16  # descriptors, enough for the host to start a process with pipes
_OWED_LINE_MS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Caps:
    """What all peers together may use.

    Attributes:
        connections: open at a time.
        buffered_bytes: held for incomplete frames, over all connections.
    """

    connections: int = 256
    buffered_bytes: int = 8 * 1024 * 1024

    def __post_init__(self) -> None:
        """Check that a message can get in at all.

        Raises:
            ConfigurationError: a cap is under one.
        """
        if self.connections < 1 or self.buffered_bytes < 1:
            raise ConfigurationError("caps are at least one connection and one byte")


class Host(Protocol):
    """What the loop needs from whoever it serves."""

    @property
    def owes_a_line(self) -> bool:
        """Whether `let_time_pass` is due within the minute."""
        ...

    @property
    def next_look_ms(self) -> int | None:
        """When `let_time_pass` is due for another reason, on the monotonic clock."""
        ...

    def let_time_pass(self) -> None:
        """Do what is due."""
        ...

    def undisturbed(self) -> AbstractContextManager[None]:
        """Keep others off while something happens, forks included."""
        ...

    @property
    def heard(self) -> socket.socket | None:
        """A socket of the host's own, which is told when something comes in; or ``None``."""
        ...

    def hear(self) -> None:
        """Read what has come in there."""
        ...

    def newly_listening(self) -> socket.socket | None:
        """Give a bound, non-blocking socket that is to be served from now on, once."""
        ...

    def session_for(self, connection: socket.socket) -> Session | None:
        """Begin a session, or give ``None`` for a peer that may not connect."""
        ...


@dataclass(slots=True)
class _Connection:
    socket: socket.socket
    session: Session
    unsent: bytes = b""
    watched: int = 0
    buffered: int = 0


class Server:
    """Serves one listening socket."""

    def __init__(
        self,
        listening: socket.socket | None,
        host: Host,
        caps: Caps,
        deadlines: Deadlines,
        refusal: bytes,
    ) -> None:
        """Make a server for a bound, non-blocking socket; `run` serves it.

        Args:
            listening: the socket; whoever made it closes it. ``None`` where another process serves
                the address as yet; see `Host.newly_listening`.
            host: gives a session for each connection.
            caps: what all peers together may use.
            deadlines: how long each may take.
            refusal: what a peer that may not connect is sent.
        """
        self._listening = listening
        self._host = host
        self._caps = caps
        self._deadlines = deadlines
        self._refusal = refusal
        # Oldest first, which is what deadlines and evictions go by.
        self._open: dict[int, _Connection] = {}
        self._without_length: dict[int, _Connection] = {}
        self._buffered = 0
        self._paused_until_ms = 0
        self._stopping = False
        self._selector = selectors.DefaultSelector()
        self._waker, self._wakee = socket.socketpair()
        self._waker.settimeout(0)
        self._wakee.settimeout(0)
        self._selector.register(self._wakee, selectors.EVENT_READ)
        if listening is not None:
            self._selector.register(listening, selectors.EVENT_READ)
        self._heard = host.heard
        if self._heard is not None:
            self._selector.register(self._heard, selectors.EVENT_READ)

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._open)

    @property
    def buffered_bytes(self) -> int:
        """How many bytes are held for incomplete frames."""
        return self._buffered

    def stop(self) -> None:
        """Ask the loop to end; safe from any thread, any number of times."""
        self._stopping = True
        try:
            self._waker.send(b"\0")
        except OSError:
            # Already woken, or already closed: either way the loop is on its way out.
            return

    def run(self) -> None:
        """Serve until `stop`; then close every connection."""
        try:
            while not self._stopping:
                self._turn()
        finally:
            self.close()

    def close(self) -> None:
        """Close every descriptor but the listening socket, and serve no more."""
        self._stopping = True
        for connection in list(self._open.values()):
            connection.socket.close()
        self._open.clear()
        self._without_length.clear()
        self._selector.close()
        self._waker.close()
        self._wakee.close()

    def _turn(self) -> None:
        ready = self._selector.select(self._timeout_s())
        # A fork in the middle of this would leave a child with what was just accepted.
        with self._host.undisturbed():
            for key, _ in ready:
                if self._stopping:
                    return
                if key.fileobj is self._listening:
                    self._accept(self._listening)
                elif key.fileobj is self._heard:
                    self._host.hear()
                elif key.fileobj is not self._wakee and (found := self._open.get(key.fd)):
                    self._serve(found)
            if self._stopping:
                return
            self._expire()
            if self._host.owes_a_line or self._host.next_look_ms is not None:
                self._host.let_time_pass()
                self._look_for_socket()

    def _look_for_socket(self) -> None:
        if self._listening is None and (bound := self._host.newly_listening()) is not None:
            self._listening = bound
            self._selector.register(bound, selectors.EVENT_READ)

    def _timeout_s(self) -> float | None:
        """Give the time until something is due, ``None`` if nothing is."""
        now_ms = monotonic_ms()
        due: list[int] = []
        if self._without_length:
            oldest = next(iter(self._without_length.values()))
            due.append(oldest.session.started_ms + self._deadlines.length_ms)
        if self._open:
            oldest = next(iter(self._open.values()))
            due.append(oldest.session.started_ms + self._deadlines.frame_ms)
        if self._paused_until_ms:
            due.append(self._paused_until_ms)
        if self._host.owes_a_line:
            due.append(now_ms + _OWED_LINE_MS)
        if (look_ms := self._host.next_look_ms) is not None:
            due.append(look_ms)
        return max(0, min(due) - now_ms) / 1000 if due else None

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(_ACCEPTS_A_TURN):
            if self._stopping:
                return
            try:
                accepted, _ = listening.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                self._out_of_descriptors(listening, error)
                return
            self._begin(accepted)

    def _out_of_descriptors(self, listening: socket.socket, error: OSError) -> None:
        """Give back what incomplete connections hold, and pause (rule 3)."""
        log_detail("accepting pauses for %d ms: %s", _PAUSE_MS, error.strerror)
        for _ in range(min(_GIVEN_BACK, len(self._open))):
            self._evict("descriptors ran out")
        self._selector.unregister(listening)
        self._paused_until_ms = monotonic_ms() + _PAUSE_MS

    def _begin(self, accepted: socket.socket) -> None:
        try:
            accepted.settimeout(0)
            session = self._host.session_for(accepted)
            if session is None:
                accepted.send(self._refusal)
                accepted.close()
                return
        except OSError:
            # The peer went away between its connect and our look at it.
            accepted.close()
            return
        except Exception as bug:  # noqa: BLE001 - rule 4
            log_bug("a bug of ours turned a peer away", bug)
            accepted.close()
            return
        if len(self._open) >= self._caps.connections:
            self._evict(f"{self._caps.connections} connections are open")
        connection = _Connection(accepted, session)
        self._open[accepted.fileno()] = connection
        self._without_length[accepted.fileno()] = connection
        # A sealed message is usually there already, and then the selector never hears of it.
        self._serve(connection)

    def _serve(self, connection: _Connection) -> None:
        try:
            if connection.unsent:
                self._send(connection, b"")
            else:
                self._read(connection)
        except OSError:
            # Reset by the peer; there is nobody left to answer.
            self._drop(connection)
        except Exception as bug:  # noqa: BLE001 - rule 4
            log_bug("a bug of ours ended one connection", bug)
            self._drop(connection)

    def _read(self, connection: _Connection) -> None:
        session = connection.session
        while wanted := session.wanted:
            try:
                data = connection.socket.recv(min(wanted, _READ_BYTES))
            except (BlockingIOError, InterruptedError):
                self._watch(connection, selectors.EVENT_READ)
                return
            output = session.receive(data)
            if session.has_length:
                self._without_length.pop(connection.socket.fileno(), None)
            self._account(connection)
            if output.close:
                self._send(connection, output.reply)
                return
            while self._buffered > self._caps.buffered_bytes:
                self._evict_holder(f"{self._caps.buffered_bytes} bytes are buffered")
            if connection.socket.fileno() < 0:
                return

    def _send(self, connection: _Connection, reply: bytes) -> None:
        """Send the answer, and close once it is out."""
        connection.unsent += reply
        try:
            sent = connection.socket.send(connection.unsent)
        except (BlockingIOError, InterruptedError):
            sent = 0
        connection.unsent = connection.unsent[sent:]
        if connection.unsent:
            self._watch(connection, selectors.EVENT_WRITE)
        else:
            self._drop(connection)

    def _account(self, connection: _Connection) -> None:
        held = connection.session.buffered
        self._buffered += held - connection.buffered
        connection.buffered = held

    def _evict(self, why: str) -> None:
        """End the oldest connection (rule 2)."""
        oldest = next(iter(self._open.values()))
        self._finish(oldest, lambda: oldest.session.crowd_out(why))

    def _evict_holder(self, why: str) -> None:
        """End the oldest connection that holds bytes: the others would give none back."""
        oldest = next(one for one in self._open.values() if one.buffered)
        self._finish(oldest, lambda: oldest.session.crowd_out(why))

    def _finish(self, connection: _Connection, decide: Callable[[], Output]) -> None:
        """Send what there is to say, if the peer takes it at once, and close."""
        try:
            if reply := decide().reply:
                connection.socket.send(reply)
        except OSError:
            # The peer does not read, or has gone; the connection ends either way.
            pass
        except Exception as bug:  # noqa: BLE001 - rule 4
            log_bug("a bug of ours ended one connection", bug)
        finally:
            self._drop(connection)

    def _watch(self, connection: _Connection, events: int) -> None:
        if connection.watched == events:
            return
        if connection.watched:
            self._selector.modify(connection.socket, events)
        else:
            self._selector.register(connection.socket, events)
        connection.watched = events

    def _drop(self, connection: _Connection) -> None:
        number = connection.socket.fileno()
        if number < 0:
            return
        self._buffered -= connection.buffered
        if connection.watched:
            self._selector.unregister(connection.socket)
        self._open.pop(number, None)
        self._without_length.pop(number, None)
        connection.socket.close()

    def _expire(self) -> None:
        now_ms = monotonic_ms()
        self._expire_from(self._without_length, now_ms - self._deadlines.length_ms)
        self._expire_from(self._open, now_ms - self._deadlines.frame_ms)
        if self._paused_until_ms and self._listening and now_ms >= self._paused_until_ms:
            self._paused_until_ms = 0
            self._selector.register(self._listening, selectors.EVENT_READ)

    def _expire_from(self, oldest_first: dict[int, _Connection], latest_ms: int) -> None:
        while oldest_first:
            connection = next(iter(oldest_first.values()))
            if connection.session.started_ms > latest_ms:
                return
            self._finish(connection, connection.session.let_time_pass)
