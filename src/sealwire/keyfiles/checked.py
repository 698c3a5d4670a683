"""Files that nobody else may write: keys, settings, state.

Rules this module keeps:

1. A file is opened once, without following a link and without waiting for a writer; what is checked
   is the open descriptor, so nothing can be exchanged between the check and the reading.
2. A file belongs to us or to root, and nobody else may write it; a secret, nobody else may read.
3. A file is created with its last mode, over no other file unless asked, and is on the disk when
   the call returns. ``force`` replaces a file in one step.
4. Every refusal names the file, what was found and the command that mends it; never content.

Not guaranteed: that the folders on the way to a file are safe; whoever may write there can put
another file of ours or of root's in its place. Windows has neither these modes nor these owners:
there, only type and size of a file are checked, and its access list is for you to look at.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shlex
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from sealwire.errors import SealwireError

StrPath: TypeAlias = "str | os.PathLike[str]"

if sys.platform == "win32":
    _READING: Final = os.O_RDONLY | os.O_BINARY | os.O_NOINHERIT
    _WRITING: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_BINARY | os.O_NOINHERIT
else:
    _READING: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    _WRITING: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Checked(NamedTuple):
    """A file that was checked and read.

    Attributes:
        path: its path, as it was given.
        content: all of it.
        mode: its permission bits; 0 on Windows, which has none.
    """

    path: str
    content: bytes
    mode: int


REACHED_BY_OTHERS: Final = 0o077
CHANGED_BY_OTHERS: Final = 0o022
NO_BITS: Final = 0


def read_checked(
    path: StrPath,
    *,
    max_bytes: int,
    error: Callable[[str], SealwireError],
    missing: str,
    forbidden: int = CHANGED_BY_OTHERS,
) -> Checked:
    """Read a file whose open descriptor shows that nobody else could have written it.

    Args:
        path: the file.
        max_bytes: how large it may be.
        error: makes what is raised from a text that names file, finding and remedy.
        missing: the remedy where there is no such file.
        forbidden: permission bits that the file must not have.

    Raises:
        SealwireError: made by ``error``; see the rules 2 and 3.
    """
    name = os.fspath(path)
    try:
        descriptor = os.open(name, _READING)
    except (OSError, ValueError) as failure:
        raise error(f"{name} {_why_not_opened(failure, name, missing)}") from None
    try:
        status = os.fstat(descriptor)
        mode = 0 if sys.platform == "win32" else stat.S_IMODE(status.st_mode)
        problem = _why_not_trusted(status, name) or why_too_open(name, mode, forbidden)
        if problem:
            raise error(f"{name} {problem}")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            content = file.read(max_bytes + 1)
    except OSError as failure:
        raise error(f"{name} cannot be read: {failure.strerror}") from None
    finally:
        os.close(descriptor)
    if len(content) > max_bytes:
        raise error(f"{name} has more than {max_bytes} bytes; name another file")
    return Checked(name, content, mode)


def write_checked(
    path: StrPath,
    content: bytes,
    *,
    mode: int,
    force: bool,
    error: Callable[[str], SealwireError],
) -> None:
    """Write a file to the disk: a new one, or with ``force`` in place of an old one, in one step.

    Args:
        path: the file.
        content: all of it.
        mode: its permission bits from the moment it is there; the umask can take some away.
        force: replace a file or a link that is there.
        error: makes what is raised from a text that names file, finding and remedy.

    Raises:
        SealwireError: made by ``error``: the file is there, or it cannot be written.
    """
    name = os.fspath(path)
    written = f"{name}.{secrets.token_hex(8)}.tmp" if force else name
    try:
        _create(written, content, mode)
        if force:
            try:
                Path(written).replace(name)
            except OSError:
                Path(written).unlink()
                raise
        _sync_folder(Path(name).parent)
    except FileExistsError:
        raise error(
            f"{name} is there already, and nothing was written; choose another name, or replace "
            "the file with --force"
        ) from None
    except (OSError, ValueError) as failure:
        raise error(f"{name} cannot be written: {_words(failure)}") from None


def _why_not_opened(failure: OSError | ValueError, name: str, missing: str) -> str:
    if isinstance(failure, FileNotFoundError):
        return f"is not there; {missing}"
    if sys.platform != "win32" and isinstance(failure, PermissionError):
        with contextlib.suppress(OSError):
            status = os.lstat(name)
            return (
                f"belongs to uid {status.st_uid} with mode {stat.S_IMODE(status.st_mode):04o}, and "
                f"we may not read it; run as root: chown {os.geteuid()} {shlex.quote(name)}"
            )
    # What O_NOFOLLOW gives for a link: Linux and macOS the one, FreeBSD the other.
    if isinstance(failure, OSError) and failure.errno in {errno.ELOOP, errno.EMLINK}:
        return f"is a symbolic link; name the file that: readlink -f {shlex.quote(name)}"
    return f"cannot be opened: {_words(failure)}"


def _why_not_trusted(status: os.stat_result, name: str) -> str:
    """Give what is wrong and the command that mends it, or ``""``."""
    if not stat.S_ISREG(status.st_mode):
        return f"is no regular file ({stat.filemode(status.st_mode)}); name a regular file"
    if sys.platform != "win32" and status.st_uid not in {0, os.geteuid()}:
        mode, us = stat.S_IMODE(status.st_mode), os.geteuid()
        return (
            f"belongs to uid {status.st_uid} (mode {mode:04o}), neither to us nor to root; if you "
            f"trust what it says, run: chown {us} {shlex.quote(name)}"
        )
    return ""


def why_too_open(name: str, mode: int, forbidden: int) -> str:
    """Give what is wrong and the command that mends it, or ``""``."""
    if not mode & forbidden:
        return ""
    if forbidden == REACHED_BY_OTHERS:
        found, change = "and a secret is for its owner alone", "600"
    else:
        found, change = "so others can change it", "go-w"
    return f"has mode {mode:04o}, {found}; run: chmod {change} {shlex.quote(name)}"


def _create(name: str, content: bytes, mode: int) -> None:
    """Create a file that is not there; leave none behind that is half written."""
    descriptor = os.open(name, _WRITING, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
    except BaseException:
        Path(name).unlink()
        raise


def _sync_folder(folder: Path) -> None:
    """Bring a folder's entries to the disk; a new name is lost with the power otherwise."""
    if sys.platform != "win32":
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _words(failure: OSError | ValueError) -> str:
    return (isinstance(failure, OSError) and failure.strerror) or str(failure)
