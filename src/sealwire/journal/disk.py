"""The system calls that a journal makes, each in one place, so that a test can fail any of them.

Rules this module keeps:

1. A file is opened relative to an open directory, never through a link, and is closed in a program
   that this process turns into.
2. Nothing here decides anything, and nothing is tried twice. What is not ours any more is not used:
   an application may have closed it; see `descriptors`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import time
from typing import Final

from sealwire.descriptors import Descriptor, check, close, is_ours

_CAN_LOCK = True
if sys.platform == "win32":
    _COMMON: Final = 0
    _DIRECTORY: Final = os.O_RDONLY
else:
    # A system without it can still seal, send and verify.
    try:
        import fcntl
    except ImportError:
        _CAN_LOCK = False
    _COMMON: Final = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    _DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

READING: Final = os.O_RDONLY | _COMMON
APPENDING: Final = os.O_RDWR | os.O_APPEND | _COMMON
UPDATING: Final = os.O_RDWR | _COMMON
CREATING: Final = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | _COMMON

FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Why a write fails where there is no room; what is on the disk is known all the same."""

_NO_SUCH_CALL: Final = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})
_CHUNK_BYTES: Final = 1024 * 1024


def why_not_here() -> str:
    """Say what this system lacks for a state directory; ``""`` where it lacks nothing."""
    if sys.platform == "win32":
        return "on Windows no state is kept on the disk; serve with a state in memory"
    else:  # noqa: RET505 - the type checker looks at one branch on each system
        missing = "this system has no locks for files (fcntl); serve with a state in memory"
        return "" if _CAN_LOCK else missing


def let_go(disk: Disk, descriptor: int) -> None:
    """Close a descriptor, whatever the system says of it: what counts was synced before."""
    with contextlib.suppress(OSError):
        disk.close(descriptor)


class Disk:
    """The system, as it is."""

    def make_directory(self, path: str) -> None:
        """Make a directory for us alone (mkdir)."""
        os.mkdir(path, 0o700)  # noqa: PTH102 - a call by its name

    def open_directory(self, path: str) -> int:
        """Open a directory that is no link."""
        return Descriptor.of(os.open(path, _DIRECTORY))

    def list(self, directory: int) -> list[str]:
        """Give the names in an open directory."""
        check(directory)
        return os.listdir(directory)

    def open(self, name: str, flags: int, directory: int) -> int:
        """Open a file in a directory; a new one is for us alone."""
        check(directory)
        return Descriptor.of(os.open(name, flags, 0o600, dir_fd=directory))

    def close(self, descriptor: int) -> None:
        """Close, if it is still ours."""
        close(descriptor)

    def is_ours(self, descriptor: int) -> bool:
        """Whether it is still the file that was opened."""
        return is_ours(descriptor)

    def status(self, descriptor: int) -> os.stat_result:
        """Give an open file's status (fstat)."""
        check(descriptor)
        return os.fstat(descriptor)

    def status_of(self, name: str, directory: int) -> os.stat_result:
        """Give the status of a name in a directory, of a link itself."""
        check(directory)
        return os.stat(name, dir_fd=directory, follow_symlinks=False)

    def read(self, descriptor: int, offset: int, length: int) -> bytes:
        """Give ``length`` bytes from ``offset`` on, or fewer at the end of the file."""
        check(descriptor)
        os.lseek(descriptor, offset, os.SEEK_SET)
        parts: list[bytes] = []
        while length > 0 and (part := os.read(descriptor, min(length, _CHUNK_BYTES))):
            parts.append(part)
            length -= len(part)
        return b"".join(parts)

    def write(self, descriptor: int, data: bytes) -> int:
        """Append; give how many bytes were written."""
        check(descriptor)
        return os.write(descriptor, data)

    def overwrite(self, descriptor: int, data: bytes) -> None:
        """Write over the first bytes of a file that has them, which needs no room."""
        check(descriptor)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, data)

    def cut(self, descriptor: int, length: int) -> None:
        """Make a file shorter (ftruncate)."""
        check(descriptor)
        os.ftruncate(descriptor, length)

    def sync_data(self, descriptor: int) -> None:
        """Bring a file's content and its length to the disk (fdatasync)."""
        check(descriptor)
        if sys.platform == "linux":
            os.fdatasync(descriptor)
        else:
            os.fsync(descriptor)

    def sync(self, descriptor: int) -> None:
        """Bring everything about a file or a directory to the disk (fsync)."""
        check(descriptor)
        os.fsync(descriptor)

    def rename(self, old: str, new: str, directory: int) -> None:
        """Give a file another name in one step, in place of what has it."""
        check(directory)
        os.rename(old, new, src_dir_fd=directory, dst_dir_fd=directory)

    def remove(self, name: str, directory: int) -> None:
        """Take a name away (unlink)."""
        check(directory)
        os.unlink(name, dir_fd=directory)

    def allocate(self, descriptor: int, length: int) -> None:
        """Take room on the disk for an empty file."""
        check(descriptor)
        if sys.platform == "linux":
            try:
                os.posix_fallocate(descriptor, 0, length)
            except OSError as failure:
                if failure.errno not in _NO_SUCH_CALL:
                    raise
            else:
                return
        zeros = bytes(length)
        while zeros:
            zeros = zeros[self.write(descriptor, zeros) :]

    def try_lock(self, descriptor: int, *, alone: bool) -> bool:
        """Take a lock, alone or with others, if that is possible at once (flock)."""
        if sys.platform == "win32":
            raise OSError(errno.ENOSYS, why_not_here())
        else:  # noqa: RET506 - as above
            check(descriptor)
            kind = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
            try:
                fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

    def unlock(self, descriptor: int) -> None:
        """Free a lock; never in a child of the process that took it."""
        # It went with the file, if somebody has closed that.
        if sys.platform != "win32" and is_ours(descriptor):
            fcntl.flock(descriptor, fcntl.LOCK_UN)

    def take_place(self, descriptor: int) -> int:
        """Take a place in a queue, behind those that are there; see `waiting`."""
        place = max(1, time.monotonic_ns() // 1000)
        while not self._try_record(descriptor, 1, place):
            place += 1
        return place

    def is_first(self, descriptor: int, place: int | None) -> bool:
        """Say whether nobody has a place before this one, or any at all."""
        length = 0 if place is None else place
        # Only who is the first can have all that is before; it is given back at once.
        if not self._try_record(descriptor, length, 0):
            return False
        self._free_record(descriptor, length, 0)
        return True

    def leave_place(self, descriptor: int, place: int) -> None:
        """Leave a place."""
        self._free_record(descriptor, 1, place)

    def _try_record(self, descriptor: int, length: int, start: int) -> bool:
        if sys.platform == "win32":
            raise OSError(errno.ENOSYS, why_not_here())
        else:  # noqa: RET506 - as above
            check(descriptor)
            try:
                fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, length, start)
            except OSError as failure:
                if failure.errno in {errno.EACCES, errno.EAGAIN}:
                    return False
                raise
            return True

    def _free_record(self, descriptor: int, length: int, start: int) -> None:
        if sys.platform != "win32" and is_ours(descriptor):
            fcntl.lockf(descriptor, fcntl.LOCK_UN, length, start)

    def pause(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def monotonic_s(self) -> float:
        """Give a clock for waiting."""
        return time.monotonic()

    def uid(self) -> int:
        """Give the user we are."""
        if sys.platform == "win32":
            return -1
        else:  # noqa: RET505 - as above
            return os.geteuid()

    def process(self) -> int:
        """Give the process we are."""
        return os.getpid()

    def about_mounts(self, descriptor: int) -> tuple[str, str]:
        """Give what Linux says of an open file, and of all mounts; nothing on another system."""
        said: list[str] = []
        for name in (f"/proc/self/fdinfo/{descriptor}", "/proc/self/mountinfo"):
            try:
                opened = os.open(name, READING)
            except OSError:
                return "", ""
            try:
                said.append(self.read(opened, 0, 16 * _CHUNK_BYTES).decode(errors="replace"))
            finally:
                os.close(opened)
        return said[0], said[1]
