"""The directory of a Unix socket: made, or judged, together with everything above it.

Rules this module keeps:

1. Whoever can rename a directory on the way to a socket can put another one in its place. So every
   step belongs to us or to root, and nobody else can write in it, unless its sticky bit keeps what
   is in it from being renamed (`safe_path()` of sshd keeps the same rule).
2. A link on the way belongs to us or to root, and what it leads to is judged as well.
3. What is made does not depend on the umask: the last directory is 0700 (0750 with a group), those
   above it 0755.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from sealwire.errors import ConfigurationError

_OWNER = 0o700
_OWNER_AND_GROUP = 0o750
_PASSAGE = 0o755


def prepare(directory: Path, gid: int | None) -> None:
    """Make ``directory`` if it is not there, and judge every step on the way to it.

    Raises:
        ConfigurationError: a step could be exchanged by others, or cannot be made; the text names
            it and what to do.
    """
    try:
        _prepare(directory, gid)
    except OSError as error:
        raise ConfigurationError(f"{directory}: {error.strerror}") from None


def judge(directory: Path) -> None:
    """Judge every step on the way to ``directory`` that is there, and make none.

    Raises:
        ConfigurationError: as `prepare`; or this user could make nothing in the last of these.
    """
    steps = (directory, *directory.parents)
    there = next(step for step in steps if os.path.lexists(step))
    prepare(there, None)
    if not os.access(there, os.W_OK | os.X_OK):
        raise ConfigurationError(
            f"{there} cannot be written by this user, whose service would make its socket there; "
            "run this as the service's user, or give it the folder"
        )


def _prepare(directory: Path, gid: int | None) -> None:
    for step in reversed((directory, *directory.parents)):
        try:
            status = step.lstat()
        except FileNotFoundError:
            _make(step, gid, last=step == directory)
            continue
        if stat.S_ISLNK(status.st_mode):
            _judge_owner(step, status)
    for step in (real := directory.resolve(strict=True), *real.parents):
        status = step.stat()
        if not stat.S_ISDIR(status.st_mode):
            raise ConfigurationError(f"{step} is not a directory")
        _judge_owner(step, status)
        writable = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if writable and not status.st_mode & stat.S_ISVTX:
            raise ConfigurationError(
                f"{step} has mode {stat.S_IMODE(status.st_mode):04o}, so others could replace the "
                f"socket; run: chmod go-w {step}"
            )


def _judge_owner(step: Path, status: os.stat_result) -> None:
    if status.st_uid not in {0, _euid()}:
        raise ConfigurationError(
            f"{step} belongs to uid {status.st_uid}, who could replace the socket; choose a "
            "directory of your own"
        )


def _make(step: Path, gid: int | None, *, last: bool) -> None:
    step.mkdir(mode=_OWNER)
    if not last:
        step.chmod(_PASSAGE)
    elif sys.platform != "win32" and gid is not None:
        os.chown(step, -1, gid)
        step.chmod(_OWNER_AND_GROUP)


def _euid() -> int:
    if sys.platform == "win32":
        return 0  # There are no Unix sockets there, and so no directories of theirs.
    else:  # noqa: RET505 - a type checker reads one platform's branch
        return os.geteuid()
