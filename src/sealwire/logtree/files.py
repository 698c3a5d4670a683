"""The files a plan is about to write, looked at before anything of the running logging is closed.

Rules this module keeps:

1. No link is followed on the way to a file: each directory is opened from the one before, and a
   step that is a symbolic link is refused. A check of the last step alone (``O_NOFOLLOW`` on the
   whole path) would let any directory above it be swapped for a link.
2. What is there is a regular file that can be written; opening a FIFO would block under logging's
   lock, and a device takes what is written for commands.
3. Nothing is made or changed here.

Not guaranteed: that the file is still the same when the handler opens it by its path. Who can write
to the directory can win that race, so a directory for logs is writable by its service alone. On
Windows, directories are not looked at: making links there needs a privilege.
"""

from __future__ import annotations

import errno
import os
import stat
import sys

from sealwire.errors import ApplyError, shorten

if sys.platform == "linux":
    # Only asks for the right to pass through, which is all that logging itself will need.
    _DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
elif sys.platform == "win32":
    from pathlib import PureWindowsPath
else:
    _DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

# Whether access() can be asked about the effective user, in whose name files are opened.
_EFFECTIVE = os.access in os.supports_effective_ids


def check_file(path: str, where: str) -> None:
    """Check that a handler could open ``path`` to append to it.

    Args:
        path: absolute, without ``.`` and ``..``.
        where: the place in the plan, for the message.

    Raises:
        ApplyError: a step is a link or missing, the file is there and is not a regular file, or
            it could not be written or made.
    """
    try:
        if sys.platform == "win32":
            _check_plain(path)
        else:
            _check_steps(path)
    except ValueError as error:
        raise ApplyError(f"{where}: the file {shorten(path)} {error}") from None
    except OSError as error:
        reason = "a step is a link or no directory" if _is_link(error) else error.strerror
        raise ApplyError(f"{where}: the file {shorten(path)} cannot be used: {reason}") from None


def _is_link(error: OSError) -> bool:
    # Linux says ENOTDIR for a link where a directory was asked for, others say ELOOP.
    return error.errno in {errno.ENOTDIR, errno.ELOOP}


def _check_regular(mode: int) -> None:
    if stat.S_ISLNK(mode):
        raise ValueError("is a symbolic link")
    if not stat.S_ISREG(mode):
        raise ValueError("is not a regular file")


if sys.platform == "win32":

    def _check_plain(path: str) -> None:
        if not PureWindowsPath(path).is_absolute():
            raise ValueError("has no absolute path")
        try:
            mode = os.lstat(path).st_mode
        except FileNotFoundError:
            os.lstat(PureWindowsPath(path).parent)
        else:
            _check_regular(mode)

else:

    def _check_steps(path: str) -> None:
        root, *steps = path.split("/")
        if root or not steps or any(step in {"", ".", ".."} for step in steps):
            raise ValueError("has no absolute path in its normal form")
        *directories, name = steps
        directory = os.open("/", _DIRECTORY)
        try:
            for step in directories:
                beneath = os.open(step, _DIRECTORY, dir_fd=directory)
                os.close(directory)
                directory = beneath
            _check_last(name, directory)
        finally:
            os.close(directory)

    def _check_last(name: str, directory: int) -> None:
        try:
            status = os.stat(name, dir_fd=directory, follow_symlinks=False)
        except FileNotFoundError:
            if not os.access(".", os.W_OK | os.X_OK, dir_fd=directory, effective_ids=_EFFECTIVE):
                raise ValueError("cannot be made in its directory") from None
            return
        _check_regular(status.st_mode)
        # Opened as the handler will, but never through a link, and without waiting should a FIFO
        # have taken the file's place just now.
        flags = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        file = os.open(name, flags, dir_fd=directory)
        try:
            _check_regular(os.fstat(file).st_mode)
        finally:
            os.close(file)
