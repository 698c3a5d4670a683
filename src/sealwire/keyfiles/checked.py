"""Files that nobody else may write: keys, settings, state.

Rules this module keeps:

1. A file is opened once, on a safe way (`walking`), without following a link and without waiting
   for a writer; what is checked is the open descriptor, so nothing can be exchanged between the
   check and the reading.
2. A file belongs to us or to root, and nobody else may write it; a secret, nobody else may read.
   One of root's that a group of ours may read is taken where that was asked for (`GroupRead`).
3. A file is created with its last mode, over no other file unless asked, and is on the disk when
   the call returns. ``force`` replaces a file in one step.
4. Every refusal names the file, what was found and the command that mends it; never content.

Not guaranteed: Windows has neither these modes nor these owners: there, only type and size of a
file are checked, and its access list is for you to look at.
"""

from __future__ import annotations

import contextlib
import enum
import os
import secrets
import shlex
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from sealwire.errors import SealwireError
from sealwire.keyfiles.walking import is_read_only, open_file

StrPath: TypeAlias = "str | os.PathLike[str]"

if sys.platform == "win32":
    _WRITING: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_BINARY | os.O_NOINHERIT
else:
    _WRITING: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Checked(NamedTuple):
    """A file that was checked and read.

    Attributes:
        path: its path, as it was given.
        content: all of it.
        mode: its permission bits; 0 on Windows, which has none.
        notes: which exceptions from the rules were made, in words.
        spared: permission bits that count as if the file did not have them, by such an exception.
    """

    path: str
    content: bytes
    mode: int
    notes: tuple[str, ...] = ()
    spared: int = 0

    def __repr__(self) -> str:
        """Say which file, and nothing of what it holds."""
        return f"<Checked {self.path} {self.mode:04o}>"


class GroupRead(enum.Enum):
    """Whether a secret that belongs to root may be read by a group as well."""

    NO = "no"
    OURS = "ours"
    """If we are in that group: Kubernetes gives a pod's secrets to its ``fsGroup``."""

    AS_GIVEN = "as given"
    """Where systemd put a credential: an access list shows as such a group, and is ours."""


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
    group_read: GroupRead = GroupRead.NO,
) -> Checked:
    """Read a file whose open descriptor, and the way to it, show that nobody else has written it.

    Args:
        path: the file.
        max_bytes: how large it may be.
        error: makes what is raised from a text that names file, finding and remedy.
        missing: the remedy where there is no such file.
        forbidden: permission bits that the file must not have.
        group_read: whether one of root's may be read by a group.

    Raises:
        SealwireError: made by ``error``; see the rules 1, 2 and 4.
    """
    name = os.fspath(path)
    try:
        descriptor, notes = open_file(name, error)
    except SealwireError:
        raise  # some of ours are ValueErrors
    except (OSError, ValueError) as failure:
        raise error(f"{name} {_why_not_opened(failure, name, missing)}") from None
    try:
        status = os.fstat(descriptor)
        mode = 0 if sys.platform == "win32" else stat.S_IMODE(status.st_mode)
        spared = _spared(descriptor, status, group_read)
        problem = _why_not_trusted(status, name) or why_too_open(name, mode, forbidden & ~spared)
        if problem:
            raise error(f"{name} {problem}")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            content = file.read(max_bytes + 1)
    except OSError as failure:
        raise error(f"{name} cannot be read: {failure.strerror}") from None
    finally:
        os.close(descriptor)
    if len(content) > max_bytes:
        del content  # a traceback may be shown with what its functions held
        raise error(f"{name} has more than {max_bytes} bytes; name another file")
    return Checked(name, content, mode, notes, spared)


def _spared(descriptor: int, status: os.stat_result, group_read: GroupRead) -> int:
    """Give the permission bits that do not count, because root gave the file to a group of ours."""
    if status.st_uid != 0 or group_read is GroupRead.NO:
        return 0
    if group_read is GroupRead.AS_GIVEN:
        return stat.S_IRGRP if is_read_only(descriptor) else 0
    return stat.S_IRGRP if status.st_gid in _our_groups() else 0


def _our_groups() -> frozenset[int]:
    if sys.platform == "win32":
        return frozenset()
    else:  # noqa: RET505 - the type checker looks at one branch on each system
        return frozenset({os.getegid(), *os.getgroups()})


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
            status = os.stat(name)  # noqa: PTH116 - where links were followed, of what they name
            return (
                f"belongs to uid {status.st_uid} with mode {stat.S_IMODE(status.st_mode):04o}, and "
                f"we may not read it; run as root: chown {os.geteuid()} {shlex.quote(name)}"
            )
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
    if forbidden & ~CHANGED_BY_OTHERS:
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
