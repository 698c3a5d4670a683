"""A listening Unix socket that only its owner can reach, and who is at the other end.

Rules this module keeps:

1. The mode is on the descriptor before the name exists, so there is no moment with another mode.
2. The directory is the gate on systems that ignore a socket's mode; see `directories`.
3. One listener an address: a lock beside the socket, held by an open descriptor. A socket whose
   lock is free was left by a process that died, and is replaced if it is ours; anything else at
   the path is an error that names it.
4. A forked child closes what it inherited and never unlocks: unlocking in a child frees the
   parent's lock.
"""

from __future__ import annotations

import contextlib
import fcntl
import grp
import os
import socket
import stat
import struct
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sealwire import descriptors
from sealwire.descriptors import Descriptor
from sealwire.errors import ConfigurationError
from sealwire.localdoor import LOCAL
from sealwire.transports.addresses import BACKLOG, UnixAddress
from sealwire.transports.caller import Caller
from sealwire.transports.directories import prepare

if TYPE_CHECKING:
    from collections.abc import Iterable


# On Windows the first import above fails; this says the same to type checkers.
assert sys.platform != "win32"  # noqa: S101

_OWNER_ONLY: Final = 0o600
_OWNER_AND_GROUP: Final = 0o660
_NO_LOGIN: Final = 2**32 - 1
_LOCK_TRIES: Final = 10
_LOCK_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class UnixListener:
    """A bound, listening socket with its lock."""

    def __init__(
        self,
        address: UnixAddress,
        group: str | int | None = None,
        allow_uids: Iterable[int] | None = None,
    ) -> None:
        """Bind and listen; see the rules of this module.

        Args:
            address: where.
            group: who may connect besides the owner and root; the socket is 0660 for it then.
            allow_uids: whose messages are read; by default this user's and root's, or with a group
                those of whoever the socket's mode lets in.

        Raises:
            ConfigurationError: the address is taken, too open, or not ours; the text names the path
                and what to do.
        """
        self.address = address
        self.path = Path(address.path)
        self._gid = _gid(group)
        self._allow_uids = _allowed(allow_uids, group)
        prepare(self.path.parent, self._gid)
        self._lock = self._take_lock()
        try:
            self._remove_stale()
            self.socket = self._bind()
        except BaseException:
            self._drop_lock()
            raise

    def caller(self, connection: socket.socket) -> Caller:
        """Say who is at the other end, from the kernel, and whether it may connect."""
        peer = _peer(connection)
        if peer is None:
            # The modes of directory and socket are the gate on such a system.
            return Caller("a local peer", may_connect=True)
        uid, name, login = peer
        owner = f"{LOCAL}uid-{uid}" if uid in {0, os.geteuid()} else ""
        if owner and login is not None:
            owner = f"{owner}/login-{login}"
        return Caller(name, self._allow_uids is None or uid in self._allow_uids, owner)

    def close(self) -> None:
        """Stop listening and remove socket and lock, once; it raises nothing."""
        if self._lock < 0:
            return
        self.socket.close()
        self._unlink()
        self._drop_lock()

    def abandon(self) -> None:
        """Close the inherited descriptors in a forked child, and touch nothing else."""
        self.socket.close()
        if self._lock >= 0:
            descriptors.close(self._lock)
            self._lock = -1

    @property
    def _lock_path(self) -> Path:
        return self.path.with_name(self.path.name + ".lock")

    def _take_lock(self) -> int:
        """Take the lock, and make sure that the file we locked is still the one at the path."""
        path = self._lock_path
        for _ in range(_LOCK_TRIES):
            try:
                lock = Descriptor.of(os.open(path, _LOCK_FLAGS, _OWNER_ONLY))
            except OSError as error:
                raise ConfigurationError(f"{path}: {error.strerror}") from None
            try:
                _judge_lock(os.fstat(lock), path)
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _same_file(os.fstat(lock), path):
                    return lock
            except BlockingIOError:
                os.close(lock)
                raise ConfigurationError(
                    f"unix:{self.path} is taken by a running listener; stop it, or choose another "
                    "address; if these are processes of one service, say workers = true in its "
                    "settings"
                ) from None
            except BaseException:
                os.close(lock)
                raise
            os.close(lock)
        raise ConfigurationError(f"{path} is replaced all the time; who else uses the directory?")

    def _drop_lock(self) -> None:
        # Removed while it is held, so that nobody takes a lock on a file that is about to go.
        with contextlib.suppress(OSError):
            self._lock_path.unlink(missing_ok=True)
        descriptors.close(self._lock)
        self._lock = -1

    def _remove_stale(self) -> None:
        try:
            status = self.path.lstat()
        except FileNotFoundError:
            return
        if not stat.S_ISSOCK(status.st_mode):
            raise ConfigurationError(f"{self.path} exists and is no socket; move it away")
        if status.st_uid != os.geteuid():
            raise ConfigurationError(
                f"{self.path} is a socket of uid {status.st_uid}; remove it, or choose another path"
            )
        if _answers(self.path):
            raise ConfigurationError(
                f"{self.path} is served by another program; stop it, or choose another address"
            )
        self.path.unlink(missing_ok=True)

    def _bind(self) -> socket.socket:
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._made: os.stat_result | None = None
        try:
            # Rule 1: Linux takes the name's mode from the descriptor.
            os.fchmod(listening.fileno(), _OWNER_ONLY)
            listening.bind(str(self.path))
            self._made = self.path.lstat()
            if self._gid is not None:
                os.chown(self.path, -1, self._gid, follow_symlinks=False)
                self.path.chmod(_OWNER_AND_GROUP)
            elif stat.S_IMODE(self._made.st_mode) != _OWNER_ONLY:
                self.path.chmod(_OWNER_ONLY)
            listening.settimeout(0)
            listening.listen(BACKLOG)
        except OSError as error:
            listening.close()
            self._unlink()
            raise ConfigurationError(f"unix:{self.path}: {error.strerror}") from None
        return listening

    def _unlink(self) -> None:
        """Remove the socket if it is the one that was made here, and if this process may."""
        with contextlib.suppress(OSError):
            if self._made is not None and _same_file(self._made, self.path):
                self.path.unlink(missing_ok=True)


def check_callers(group: str | int | None, allow_uids: Iterable[int] | None) -> None:
    """Check who is to be let in, as a `UnixListener` does before it binds.

    Raises:
        ConfigurationError: there is no such group, or the socket's mode would let none of them in.
    """
    _gid(group)
    _allowed(allow_uids, group)


def _peer(connection: socket.socket) -> tuple[int, str, int | None] | None:
    """Give uid and name of the peer, and who had logged in before becoming this user.

    ``None`` where the system does not say.
    """
    if sys.platform == "linux":
        size = struct.calcsize("3i")
        raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        pid, uid, _ = struct.unpack("3i", raw)
        # The pid is evidence only: pids are used again.
        return uid, f"uid {uid}, pid {pid}", _login_of(pid)
    elif sys.platform == "darwin":  # noqa: RET505 - a type checker reads one platform's branch
        # struct xucred: version, uid, number of groups, sixteen groups (sys/ucred.h).
        raw = connection.getsockopt(0, socket.LOCAL_PEERCRED, 76)
        uid = struct.unpack_from("=I", raw, 4)[0]
        return uid, f"uid {uid}", None
    else:
        return None


def _login_of(pid: int) -> int | None:
    """Say who had logged in before becoming another user, where the system audits that."""
    try:
        with open(f"/proc/{pid}/loginuid", encoding="ascii") as file:  # noqa: PTH123 - a number
            login = int(file.read())
    except (OSError, ValueError):
        return None
    return None if login == _NO_LOGIN else login


def _allowed(allow_uids: Iterable[int] | None, group: str | int | None) -> frozenset[int] | None:
    if allow_uids is not None:
        allowed = frozenset(allow_uids)
        if group is None and not allowed <= {0, os.geteuid()}:
            raise ConfigurationError(
                "allow_uids names other users, and the socket's mode lets none of them in; give "
                "group= as well, a group that they are in"
            )
        return allowed
    return None if group is not None else frozenset({0, os.geteuid()})


def _judge_lock(status: os.stat_result, path: Path) -> None:
    """Check that the lock is a file of ours: whoever owns it could hold or keep it."""
    if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid() or status.st_nlink > 1:
        raise ConfigurationError(
            f"{path} is not a file of this user alone; remove it, or choose another directory"
        )


def _answers(path: Path) -> bool:
    """Say whether a program that does not know our lock is listening at ``path``."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(0)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            # A full queue, a socket of another type, one that may not be asked: somebody's.
            return True
        return True


def _same_file(status: os.stat_result, path: Path) -> bool:
    try:
        now = path.lstat()
    except FileNotFoundError:
        return False
    return (status.st_dev, status.st_ino) == (now.st_dev, now.st_ino)


def _gid(group: str | int | None) -> int | None:
    if group is None or isinstance(group, int):
        return group
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise ConfigurationError(f"there is no group {group!r} on this system") from None
