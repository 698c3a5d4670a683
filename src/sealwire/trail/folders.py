"""The folder of a trail for its writer: whose it is, its lock, and bringing files to the disk."""

from __future__ import annotations

import os
import shlex
import stat
import sys
from typing import TYPE_CHECKING, Final

from sealwire.descriptors import Descriptor, check
from sealwire.errors import StateError

if TYPE_CHECKING:
    from pathlib import Path

_CAN_LOCK = True
if sys.platform != "win32":
    # A system without it can still verify.
    try:
        import fcntl
    except ImportError:
        _CAN_LOCK = False


def check_folder(folder: Path) -> None:
    """Refuse a folder that is not ours alone.

    Raises:
        StateError: it is not, or this system cannot tell.
    """
    why_not = _why_not(folder)
    if why_not:
        raise StateError(why_not)


def write_new(path: Path, content: bytes) -> None:
    """Write a file that is not there, to the disk."""
    descriptor = os.open(path, _CREATING, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)


if sys.platform == "win32":
    APPENDING: Final = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_BINARY | os.O_NOINHERIT
    _CREATING: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_BINARY | os.O_NOINHERIT

    def locked(path: Path) -> int:
        """Refuse."""
        raise StateError(f"there is no lock {path} on Windows")

    def sync_folder(folder: Path) -> None:
        """Do nothing; Windows has no such call."""

    def bring_to_disk(descriptor: int) -> None:
        """Bring what was written to the disk."""
        check(descriptor)
        os.fsync(descriptor)

    def _why_not(folder: Path) -> str:
        return f"{folder} is on Windows, where no trail is written; it can be verified here"

else:
    APPENDING: Final = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    _CREATING: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

    def locked(path: Path) -> int:
        """Open and hold the lock; a child that inherits it must close it, and never unlock."""
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = Descriptor.of(os.open(path, flags, 0o600))
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise StateError(
                f"another process writes this trail; find it with: fuser {shlex.quote(str(path))}"
            ) from None
        return descriptor

    def sync_folder(folder: Path) -> None:
        """Bring a folder's entries to the disk; a new name is lost with the power otherwise."""
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def bring_to_disk(descriptor: int) -> None:
        """Bring what was appended to the disk, and the file's new length with it."""
        check(descriptor)
        if sys.platform == "linux":
            os.fdatasync(descriptor)
        else:
            os.fsync(descriptor)

    def _why_not(folder: Path) -> str:
        """Say why a folder is not ours alone, or nothing."""
        if not _CAN_LOCK:
            return f"{folder} is on a system without locks for files (fcntl); write it on another"
        try:
            status = folder.lstat()
        except OSError as failure:
            return f"the trail {folder} cannot be opened: {failure.strerror}; name another folder"
        mode = stat.S_IMODE(status.st_mode)
        if not stat.S_ISDIR(status.st_mode):
            return f"{folder} is no folder; name the folder of a trail"
        if status.st_uid != os.geteuid() or mode & 0o077:
            return (
                f"the folder {folder} belongs to uid {status.st_uid} and has mode {mode:04o}, and "
                "a trail is for its service alone; run as its user: chmod 700 "
                f"{shlex.quote(str(folder))}"
            )
        return ""
