"""The processes of one service on one host: places, who leads, and the sockets between them.

In the state directory stands a folder of theirs:

    workers/leader.lock   is held by the process that serves the address
    workers/N.lock        is held by the process that has place N
    workers/N.sock        where that process hears from the others: Unix datagrams

Rules this module keeps:

1. Who is there is told by the kernel: a lock goes with its process, and nobody answers on the
   socket of one that is gone. Numbers of processes say nothing, as they are used again.
2. A place has one process. A process takes the first that is free, so that the names of instances
   are few and stay the same.
3. What comes over these sockets comes from a process of our user, since the folder lets in nobody
   else, and says little: that something is to be looked at, and how a process is. What is to be
   done stands in the journal, under signatures.
4. Whoever asks waits for nobody: a datagram that cannot be sent at once is not sent. Who answers
   tries again for a moment, because a queue may hold ten datagrams and no more (Linux's
   ``net.unix.max_dgram_qlen``), and whoever has asked many is reading.
5. A child of a fork closes what it inherited, and never unlocks.
6. Nothing that is said here is believed to be short, shallow or rare: one process that went wrong
   is not to stop the others. `hear` gives `MAX_HEARD` at most, and others go first then.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import select
import socket
import sys
import time
from typing import TYPE_CHECKING, Final

from sealwire.clock import monotonic_ms
from sealwire.errors import ConfigurationError, StateError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sealwire.documents import JsonValue

# On Windows an import above fails; this says the same to type checkers.
assert sys.platform != "win32"  # noqa: S101

FOLDER: Final = "workers"
MAX_WORKERS: Final = 256
"""Processes of one service on one host; gunicorn's own advice is twice the cores and one."""

_PLACES: Final = frozenset(map(str, range(MAX_WORKERS)))
"""As they are written: what else lies in the folder is none, however many there are."""

MAX_DATAGRAM_BYTES: Final = 60_000
"""Less than any system's limit for a Unix datagram."""

MAX_HEARD: Final = 2 * MAX_WORKERS
"""What is heard in one go: an answer of each, and as much again."""

_QUEUE_BYTES: Final = 1024 * 1024
"""For as many answers as a queue may hold, which nobody reads while a change is made."""

_AGAIN_S: Final = 0.002

_OPEN: Final = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_OWNER_ONLY: Final = 0o600
_FOLDER_MODE: Final = 0o700
_OTHERS: Final = 0o077
_GONE: Final = frozenset({errno.ECONNREFUSED, errno.ENOENT, errno.ECONNRESET})
_FULL: Final = frozenset({errno.EAGAIN, errno.ENOBUFS})


class Members:
    """This process's place among those of its service.

    Attributes:
        number: the place.
        socket: where the others are heard, non-blocking.
    """

    def __init__(self, state: Path) -> None:
        """Take a place.

        Args:
            state: the state directory that the processes share.

        Raises:
            ConfigurationError: every place is taken, or the folder is another user's.
            StateError: the folder cannot be used.
        """
        self._path = state / FOLDER
        self._folder = self._lock = self._leading = -1
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            self._folder = self._open_folder()
            self.number = self._take_place()
            self._bind()
        except OSError as error:
            self.close()
            raise StateError(f"{self._path} cannot be used: {error.strerror}") from None
        except BaseException:
            self.close()
            raise

    def _open_folder(self) -> int:
        with contextlib.suppress(FileExistsError):
            self._path.mkdir(_FOLDER_MODE)
        folder = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        status = os.fstat(folder)
        # It may be setgid, as its folder is in a volume of Kubernetes with an ``fsGroup``.
        if status.st_uid != os.geteuid() or status.st_mode & _OTHERS:
            os.close(folder)
            raise ConfigurationError(
                f"{self._path} is not a folder of this user alone; stop the service and remove it: "
                f"rm -r {self._path}"
            )
        return folder

    def _take_place(self) -> int:
        for number in range(MAX_WORKERS):
            lock = os.open(f"{number}.lock", _OPEN, _OWNER_ONLY, dir_fd=self._folder)
            if _locked(lock):
                self._lock = lock
                return number
            os.close(lock)
        raise ConfigurationError(
            f"{MAX_WORKERS} processes have a place in {self._path}, which is as many as can be; "
            "give each service a state directory of its own"
        )

    def _bind(self) -> None:
        self.socket.settimeout(0)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _QUEUE_BYTES)
        # The place is ours, so whoever left a socket there is gone.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{self.number}.sock", dir_fd=self._folder)
        # The mode is on the descriptor before the name exists.
        os.fchmod(self.socket.fileno(), _OWNER_ONLY)
        self.socket.bind(self._way_to(self.number))

    def _way_to(self, number: int) -> str:
        """Give the path of a socket, which has to be short whatever the folder's is."""
        if sys.platform == "linux":
            return f"/proc/self/fd/{self._folder}/{number}.sock"
        else:  # noqa: RET505 - a type checker reads one platform's branch
            return str(self._path / f"{number}.sock")

    # ---- who leads -----------------------------------------------------------------------------

    @property
    def leads(self) -> bool:
        """Whether this process serves the address."""
        return self._leading != -1

    def try_to_lead(self) -> bool:
        """Lead, if nobody else does; give whether this process leads now.

        Raises:
            OSError: the lock cannot be had at all.
        """
        if not self.leads:
            lock = os.open("leader.lock", _OPEN, _OWNER_ONLY, dir_fd=self._folder)
            if _locked(lock):
                self._leading = lock
            else:
                os.close(lock)
        return self.leads

    def lead_no_more(self) -> None:
        """Let another one lead."""
        lock, self._leading = self._leading, -1
        if lock != -1:
            os.close(lock)

    # ---- what is said --------------------------------------------------------------------------

    def others(self) -> list[int]:
        """Give the places that have or had a process, but for our own."""
        found = []
        for name in os.listdir(self._folder):  # noqa: PTH208 - of a descriptor
            stem, _, kind = name.partition(".")
            if kind == "sock" and stem in _PLACES and int(stem) != self.number:
                found.append(int(stem))
        return sorted(found)

    def is_there(self, number: int) -> bool:
        """Whether anybody hears at a place; a socket outlives a process that was killed."""
        # Who hears this passes over it.
        return self.tell(number, {})

    def tell(self, number: int, said: dict[str, JsonValue], *, patience_ms: int = 0) -> bool:
        """Say something to one process; give whether anybody is there.

        One that is there and does not listen is there: it counts as one that does not answer.

        Args:
            number: its place.
            said: what is said.
            patience_ms: for how long it is tried again while its queue is full.
        """
        data = json.dumps({**said, "from": self.number}).encode()[:MAX_DATAGRAM_BYTES]
        until_ms = monotonic_ms() + patience_ms
        while True:
            try:
                self.socket.sendto(data, self._way_to(number))
            except OSError as error:
                if error.errno in _GONE:
                    return False
                if error.errno in _FULL and monotonic_ms() < until_ms:
                    time.sleep(_AGAIN_S)
                    continue
            return True

    def hear(self) -> Iterator[tuple[int, dict[str, JsonValue]]]:
        """Give what has been said to this process and not been heard yet, and from which place.

        Of what never ends it gives `MAX_HEARD` (rule 6).
        """
        for _ in range(MAX_HEARD):
            try:
                data = self.socket.recv(MAX_DATAGRAM_BYTES)
                said = json.loads(data)
            except (BlockingIOError, InterruptedError):
                return
            except (OSError, ValueError, RecursionError):
                # One that was cut off, or is no text or too deep, says nothing, and so does a
                # socket that is closed by now.
                if self.socket.fileno() == -1:
                    return
                continue
            if isinstance(said, dict) and isinstance(number := said.pop("from", None), int):
                yield number, said

    def wait_to_hear(self, until_ms: int) -> bool:
        """Wait until something is said, or the time is over; give whether something is.

        Args:
            until_ms: until when, on the monotonic clock.
        """
        left_s = max(0, until_ms - monotonic_ms()) / 1000
        poller = select.poll()
        poller.register(self.socket, select.POLLIN)
        return bool(poller.poll(left_s * 1000))

    # ---- the end -------------------------------------------------------------------------------

    def close(self) -> None:
        """Give the place back; twice does nothing. In a child of a fork it stays its parent's."""
        if self._lock != -1 and self._folder != -1:
            with contextlib.suppress(OSError):
                os.unlink(f"{self.number}.sock", dir_fd=self._folder)
        self.abandon()

    def abandon(self) -> None:
        """Close what a child of a fork inherited, and touch nothing else."""
        self.lead_no_more()
        self.socket.close()
        for name in ("_lock", "_folder"):
            descriptor = getattr(self, name)
            setattr(self, name, -1)
            if descriptor != -1:
                os.close(descriptor)


def _locked(descriptor: int) -> bool:
    """Lock a file alone, if that can be done at once."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        os.close(descriptor)
        raise
    return True
