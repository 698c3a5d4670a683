"""The state directory: whose it is, that it is safe, and the files in it.

    sealwire-state    the marker: format, audience, id and when it was made; canonical JSON
    journal           what the service remembers
    lock              is held by whoever reads or writes the journal; never removed; its one byte
                      says whether somebody is writing
    queue             places of those that wait for the lock
    reserve           room that is given back when the disk is full

Rules this module keeps:

1. A directory is a state directory if `making` has made it one. One without the marker is *lost*,
   not new: what was accepted before could be accepted again. Nothing begins anew by itself.
2. It is ours, closed to others (0700), no link, and on no network file system, whose locks may hold
   on one host alone. So are its files, which are opened relative to it. Its parents are not looked
   at: whoever may put another directory in its place has no marker that fits.
3. Every refusal names the path and what to do.

Not guaranteed: anything against root, or against other programs of the same user.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
import stat
from typing import TYPE_CHECKING, Final

from sealwire.errors import ConfigurationError, StateError
from sealwire.journal.disk import READING, Disk, let_go, why_not_here
from sealwire.journal.marker import MAX_MARKER_BYTES, Marker, parse_marker
from sealwire.journal.mounts import NETWORK_TYPES, mount_id_of, type_of

if TYPE_CHECKING:
    from typing import Self

MARKER: Final = "sealwire-state"
JOURNAL: Final = "journal"
LOCK: Final = "lock"
QUEUE: Final = "queue"
RESERVE: Final = "reserve"

NO_FILES_OF_OURS: Final = frozenset({"lost+found"})
"""What the root of a file system has by itself."""

AT_REST: Final = b"-"
"""What the lock says while nobody is writing."""

_FOR_OTHERS: Final = 0o077


class StateDirectory:
    """A state directory that is open; see `open`.

    Attributes:
        path: its path, as it was given.
        audience: the service that it belongs to.
        state_id: its id, 16 bytes.
        created_ms: when it was made, milliseconds since the epoch.
        disk: the system calls.
        descriptor: the open directory.
    """

    def __init__(self, path: str, audience: str | None, disk: Disk, descriptor: int) -> None:
        """Take over an open directory that was checked; `open` is what others call."""
        self.path, self.disk, self.descriptor = path, disk, descriptor
        self.audience, self.state_id, self.created_ms = self._read_marker(audience)

    @classmethod
    def open(
        cls, path: str | os.PathLike[str], audience: str | None = None, *, disk: Disk | None = None
    ) -> Self:
        """Open a state directory.

        Args:
            path: the directory.
            audience: the service it has to belong to; ``None`` to look at anybody's.
            disk: the system calls; the system's own if not given.

        Raises:
            ConfigurationError: it is not there, not ours, open to others, a link, on a network file
                system, or another service's; or this system has no locks.
            StateError: it is there, and its marker is not, or is damaged.
        """
        name, disk = os.fspath(path), disk or Disk()
        check_system(name)
        descriptor = open_checked(name, audience, disk)
        try:
            return cls(name, audience, disk, descriptor)
        except BaseException:
            let_go(disk, descriptor)
            raise

    def __repr__(self) -> str:
        """Say where it is."""
        return f"<StateDirectory {self.path} of {self.audience}>"

    def close(self) -> None:
        """Close it, also in a child that inherited it; twice does nothing."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor != -1:
            let_go(self.disk, descriptor)

    def open_file(self, name: str, flags: int) -> int:
        """Open a file in it that is a regular one, ours, and closed to others.

        Raises:
            OSError: it cannot be opened.
            StateError: it is not what it has to be.
        """
        descriptor = self.disk.open(name, flags, self.descriptor)
        try:
            self._check_file(name, self.disk.status(descriptor))
        except BaseException:
            let_go(self.disk, descriptor)
            raise
        return descriptor

    def where(self, name: str) -> str:
        """Give the path of a file in it, for people to read."""
        return os.path.join(self.path, name)  # noqa: PTH118 - a text, no way to a file

    @property
    def check_command(self) -> str:
        """The command that says what is wrong with it."""
        return f"sealwire state check {shlex.quote(self.path)}"

    def _check_file(self, name: str, status: os.stat_result) -> None:
        where, mode, us = self.where(name), stat.S_IMODE(status.st_mode), self.disk.uid()
        quoted = shlex.quote(where)
        if not stat.S_ISREG(status.st_mode):
            raise StateError(
                f"{where} is no regular file ({stat.filemode(status.st_mode)}); see what it is, "
                f"and: {self.check_command}"
            )
        if status.st_uid != us:
            raise StateError(
                f"{where} belongs to uid {status.st_uid}, and not to us; if you trust what it "
                f"says, run as root: chown {us} {quoted}"
            )
        if mode & _FOR_OTHERS:
            raise StateError(
                f"{where} has mode {mode:04o}, and a state is for its service alone; if you trust "
                f"what it says, run: chmod 600 {quoted}"
            )

    def _read_marker(self, audience: str | None) -> Marker:
        where = self.where(MARKER)
        try:
            descriptor = self.open_file(MARKER, READING)
            try:
                content = self.disk.read(descriptor, 0, MAX_MARKER_BYTES + 1)
            finally:
                let_go(self.disk, descriptor)
        except FileNotFoundError:
            raise StateError(self._why_lost(audience)) from None
        except OSError as failure:
            raise StateError(f"{where} cannot be read: {in_short(failure)}; {_LOOK}") from None
        found = parse_marker(content)
        if found is None:
            raise StateError(f"{where} is damaged; put its copy back, or see: {self.check_command}")
        if audience not in {None, found.audience}:
            raise ConfigurationError(
                f"{self.path} is the state of {found.audience}, and {audience} needs one of its "
                f"own; make it with: {init_command('DIR', audience)}"
            )
        return found

    def _why_lost(self, audience: str | None) -> str:
        again = init_command(self.path, audience)
        with contextlib.suppress(OSError):
            if set(self.disk.list(self.descriptor)) - NO_FILES_OF_OURS:
                again = f"{aside_command(self.path)} && {again}"
        return (
            f"{self.path} has no {MARKER}: the state is lost, not new, and what was accepted "
            f"before could be accepted again; put its copy back, or begin anew: {again}"
        )


_LOOK: Final = "look at it as the user the service runs as"


def check_system(name: str) -> None:
    """Refuse a system that lacks what a state directory needs.

    Raises:
        ConfigurationError: it does.
    """
    if why_not := why_not_here():
        raise ConfigurationError(f"{name}: {why_not}")


def open_checked(name: str, audience: str | None, disk: Disk) -> int:
    """Open a directory that is ours alone, and on no network file system.

    Raises:
        ConfigurationError: it is not.
        StateError: that cannot be told.
    """
    try:
        descriptor = disk.open_directory(name)
    except (OSError, ValueError) as failure:
        raise ConfigurationError(_why_not_opened(name, audience, failure, disk.uid())) from None
    try:
        status = disk.status(descriptor)
        mode, us, quoted = stat.S_IMODE(status.st_mode), disk.uid(), shlex.quote(name)
        if status.st_uid != us:
            raise ConfigurationError(_not_ours(name, status.st_uid, us))
        if mode & _FOR_OTHERS or mode & stat.S_IRWXU != stat.S_IRWXU:
            raise ConfigurationError(
                f"{name} has mode {mode:04o}, and a state is for its service alone; run: chmod "
                f"700 {quoted}"
            )
        said, mounts = disk.about_mounts(descriptor)
        kind = type_of(mounts, mount_id_of(said))
        if kind in NETWORK_TYPES:
            raise ConfigurationError(
                f"{name} is on a network file system ({kind}), where locks may not hold between "
                "hosts; name a directory on a local disk"
            )
    except OSError as failure:
        let_go(disk, descriptor)
        raise StateError(f"{name} cannot be looked at: {in_short(failure)}; {_LOOK}") from None
    except BaseException:
        let_go(disk, descriptor)
        raise
    return descriptor


def _not_ours(name: str, owner: int, us: int) -> str:
    return (
        f"{name} belongs to uid {owner}, and a state has to be ours; if you trust what it says, "
        f"run as root: chown -R {us} {shlex.quote(name)}"
    )


def _why_not_opened(name: str, audience: str | None, failure: OSError | ValueError, us: int) -> str:
    if isinstance(failure, PermissionError):
        # Whose it is may be seen all the same, unless the folder above is closed as well.
        with contextlib.suppress(OSError):
            owner = os.lstat(name).st_uid
            if owner != us:
                return _not_ours(name, owner, us)
    if isinstance(failure, FileNotFoundError):
        return f"{name} is not there; make it with: {init_command(name, audience)}"
    if isinstance(failure, OSError) and failure.errno in {errno.ELOOP, errno.EMLINK, errno.ENOTDIR}:
        return f"{name} is a link or no directory; name the directory itself"
    return f"{name} cannot be opened: {in_short(failure)}; {_LOOK}"


def init_command(name: str, audience: str | None) -> str:
    """Give the command that makes a state directory."""
    return (
        f"sealwire state init {shlex.quote(name)} --audience {shlex.quote(audience or 'A')} "
        "--min-version now"
    )


def aside_command(name: str) -> str:
    """Give the command that puts a directory aside."""
    return f"mv {shlex.quote(name)} {shlex.quote(name.rstrip('/') + '.old')}"


def in_short(failure: OSError | ValueError) -> str:
    """Give why a system call failed."""
    return (isinstance(failure, OSError) and failure.strerror) or str(failure)
