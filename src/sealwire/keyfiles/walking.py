"""The way to a file: every folder above it, each looked at through its open descriptor.

Rules this module keeps, which are those of sshd's ``safe_path`` but for 3 and 4:

1. The way is walked from ``/``, one folder at a time (openat), and none is named twice: what was
   looked at is what is gone through, whatever is put in its place meanwhile.
2. Each folder belongs to us or to root, and nobody else may write there.
3. A folder that everybody may write, and whose mode has the sticky bit, is passed: there, nobody
   but its owner takes an entry away, and the entry below is ours or root's as well.
4. No symbolic link is followed. On a read-only mount two things are different, because nobody can
   exchange anything through it: who may write a folder does not count, and a link is followed as
   long as it stays inside the mount. Kubernetes shows secrets in this way (``..data``).
5. What was passed by 4 is told, for whoever looks at what a service relies on.

Not guaranteed: that nobody changes a read-only mount from elsewhere, which is what it is for. On
Windows, and where the system opens nothing relative to a folder, the way is not looked at.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
import stat
import sys
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

from sealwire.errors import SealwireError

CAN_WALK: Final = sys.platform != "win32" and os.open in os.supports_dir_fd
_OTHERS_MAY_WRITE: Final = 0o022

# What opening a link with O_NOFOLLOW gives: Linux and macOS the first, FreeBSD the second, and the
# third where a folder was asked for.
_PERHAPS_A_LINK: Final = frozenset({errno.ELOOP, errno.EMLINK, errno.ENOTDIR})

MAX_LINKS: Final = 8
"""Kubernetes has two on the way to a secret; Linux follows 40."""

if sys.platform == "win32":
    _FOLDER: Final = os.O_RDONLY
    READING: Final = os.O_RDONLY | os.O_BINARY | os.O_NOINHERIT
else:
    if sys.platform == "linux":
        # Who may go through a folder may often not list it; this opens it for the first alone.
        _SEARCH: Final = os.O_PATH
    else:
        _SEARCH: Final = os.O_RDONLY
    _FOLDER: Final = _SEARCH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    READING: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK

Refuse = Callable[[str], SealwireError]


class Found(NamedTuple):
    """A file at the end of its way.

    Attributes:
        descriptor: the open file, of which nothing was looked at yet.
        notes: which exceptions were made on the way, in words.
    """

    descriptor: int
    notes: tuple[str, ...]


def open_file(name: str, refuse: Refuse) -> Found:
    """Open a file for reading, if the way to it is safe.

    Args:
        name: its path.
        refuse: makes what is raised from a text that names the folder and the remedy.

    Raises:
        SealwireError: made by ``refuse``: a folder is not safe, or a link may not be followed.
        OSError: it cannot be opened.
        ValueError: no file can have this name.
    """
    if not CAN_WALK:
        return Found(os.open(name, READING), ())
    with contextlib.ExitStack() as open_folders:
        return _Walk(name, refuse, open_folders).to_its_end()


class _Folder(NamedTuple):
    path: str
    descriptor: int


class _Walk:
    """One walk; its folders stay open until it is over."""

    def __init__(self, name: str, refuse: Refuse, open_folders: contextlib.ExitStack) -> None:
        self._name, self._refuse, self._open_folders = name, refuse, open_folders
        self._way: list[_Folder] = []
        self._notes: dict[str, None] = {}
        self._links = 0
        self._held: str | None = None  # the mount to stay in, once a link was followed

    def to_its_end(self) -> Found:
        ahead = deque(os.path.abspath(self._name).split("/"))  # noqa: PTH100 - a text
        self._enter("/", os.open("/", _FOLDER))
        while ahead:
            part = ahead.popleft()
            if part in {"", "."}:
                continue
            if part == "..":
                self._back()
                continue
            try:
                found = os.open(part, READING if not ahead else _FOLDER, dir_fd=self._here)
            except OSError as failure:
                if failure.errno not in _PERHAPS_A_LINK or not self._is_link(part):
                    raise
                ahead.extendleft(reversed(self._target(part, last=not ahead).split("/")))
                continue
            if not ahead:
                return self._arrived(found)
            self._enter(os.path.join(self._way[-1].path, part), found)  # noqa: PTH118 - a text
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))

    @property
    def _here(self) -> int:
        return self._way[-1].descriptor

    def _enter(self, path: str, descriptor: int) -> None:
        self._open_folders.callback(os.close, descriptor)
        folder = _Folder(path, descriptor)
        self._stay(descriptor)
        self._judge(folder, os.fstat(descriptor))
        self._way.append(folder)

    def _judge(self, folder: _Folder, status: os.stat_result) -> None:
        mode, us, quoted = stat.S_IMODE(status.st_mode), our_uid(), shlex.quote(folder.path)
        if status.st_uid not in {0, us}:
            raise self._refuse(
                f"{self._name} lies below {folder.path}, which belongs to uid {status.st_uid} "
                f"(mode {mode:04o}), neither to us nor to root, so others can put another file in "
                f"its place; move the file, or, if that folder is ours, run: chown {us} {quoted}"
            )
        if not mode & _OTHERS_MAY_WRITE or mode & stat.S_ISVTX:
            return
        if not is_read_only(folder.descriptor):
            raise self._refuse(
                f"{self._name} lies below {folder.path}, which has mode {mode:04o}, so others can "
                f"put another file in its place; run: chmod go-w {quoted}"
            )
        self._notes[
            f"{folder.path} has mode {mode:04o}, which does not count on a read-only mount"
        ] = None

    def _is_link(self, part: str) -> bool:
        status = os.stat(part, dir_fd=self._here, follow_symlinks=False)
        return stat.S_ISLNK(status.st_mode)

    def _target(self, part: str, *, last: bool) -> str:
        """Give where a link leads to, if it is to be followed."""
        here = self._way[-1]
        link = os.path.join(here.path, part)  # noqa: PTH118 - a text
        step = f"name the file that this gives: readlink -f {shlex.quote(self._name)}"
        if not is_read_only(here.descriptor):
            is_it = "is a symbolic link" if last else f"lies behind a symbolic link, {link}"
            raise self._refuse(f"{self._name} {is_it}; {step}")
        self._links += 1
        target = os.readlink(part, dir_fd=self._here)
        if target.startswith("/") or self._links > MAX_LINKS:
            raise self._refuse(f"{self._name} lies behind {link}, {_OUT}; {step}")
        self._held = mount_of(here.descriptor)
        self._notes[f"{link} is a symbolic link, followed inside its read-only mount"] = None
        return target

    def _back(self) -> None:
        """Go to the folder above, which was looked at on the way."""
        self._way.pop()
        if not self._way:
            raise self._leads_out()
        self._stay(self._here)

    def _arrived(self, descriptor: int) -> Found:
        try:
            self._stay(descriptor)
            return Found(descriptor, tuple(self._notes))
        except BaseException:
            os.close(descriptor)
            raise

    def _stay(self, descriptor: int) -> None:
        if self._held is not None and mount_of(descriptor) != self._held:
            raise self._leads_out()

    def _leads_out(self) -> SealwireError:
        return self._refuse(
            f"{self._name} lies behind a symbolic link, {_OUT}; name the file that this gives: "
            f"readlink -f {shlex.quote(self._name)}"
        )


_OUT: Final = "which leads out of its read-only mount"


def our_uid() -> int:
    """Give the user we are; -1 on Windows."""
    if sys.platform == "win32":
        return -1
    else:  # noqa: RET505 - the type checker looks at one branch on each system
        return os.geteuid()


def is_read_only(descriptor: int) -> bool:
    """Say whether an open file lies on a mount that can be read alone."""
    if sys.platform == "win32":
        return False
    else:  # noqa: RET505 - as above
        return bool(os.fstatvfs(descriptor).f_flag & os.ST_RDONLY)


def mount_of(descriptor: int) -> str:
    """Name the mount that an open file lies on; where Linux does not tell, its device."""
    with contextlib.suppress(OSError):
        told = os.open(f"/proc/self/fdinfo/{descriptor}", READING)
        try:
            for line in os.read(told, 4096).decode("ascii", "replace").splitlines():
                name, _, value = line.partition(":")
                if name == "mnt_id":
                    return value.strip()
        finally:
            os.close(told)
    return f"device {os.fstat(descriptor).st_dev}"
