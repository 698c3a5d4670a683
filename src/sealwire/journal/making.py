"""Making a state directory: `sealwire state init`.

The marker comes last, and every file gets its name in one step, when it is on the disk. So whatever
ends this in the middle leaves a directory that is none: it is refused, and named.
"""

from __future__ import annotations

import os
import secrets
import shlex
from typing import Final

from sealwire.errors import ConfigurationError, StateError
from sealwire.journal.directory import (
    AT_REST,
    JOURNAL,
    LOCK,
    MARKER,
    NO_FILES_OF_OURS,
    QUEUE,
    RESERVE,
    aside_command,
    check_system,
    in_short,
    open_checked,
)
from sealwire.journal.disk import CREATING, Disk, let_go
from sealwire.journal.encoding import encode
from sealwire.journal.layout import MARKER_BYTES, begin
from sealwire.journal.marker import ID_BYTES, Marker
from sealwire.journal.records import Started

_NEW: Final = ".new"


def init(
    path: str | os.PathLike[str],
    audience: str,
    *,
    min_version: int,
    now_ms: int,
    disk: Disk | None = None,
) -> None:
    """Make a directory the state directory of a service, which has accepted nothing yet.

    Args:
        path: the directory; made if it is not there. Its parent has to be.
        audience: the service.
        min_version: no message with a lower version will be accepted. What an earlier state has
            accepted is not known any more, so this is to be no earlier than that: now.
        now_ms: the time, milliseconds since the epoch.
        disk: the system calls; the system's own if not given.

    Raises:
        ConfigurationError: as in `StateDirectory.open`, or it is a state directory already.
        StateError: it holds a journal without its marker, or cannot be written.
    """
    name, disk = os.fspath(path), disk or Disk()
    check_system(name)
    try:
        state_id = secrets.token_bytes(ID_BYTES)
        first = encode(Started(audience, state_id, min_version))
        content, _ = begin(secrets.token_bytes(MARKER_BYTES), [first])
    except ValueError as error:
        raise ConfigurationError(f"{name} cannot be the state of {audience!r}: {error}") from None
    _make(name, disk)
    directory = open_checked(name, audience, disk)
    try:
        _check_unused(name, disk.list(directory))
        _write_new(disk, directory, LOCK, AT_REST)
        for each in (QUEUE, RESERVE):
            _write_new(disk, directory, each, b"")
        _write_new(disk, directory, JOURNAL, content)
        marker = Marker(audience, state_id, now_ms).encode()
        _write_new(disk, directory, MARKER, marker)
    except OSError as failure:
        raise StateError(
            f"{name} cannot be made a state directory: {in_short(failure)}; mend that, remove what "
            "it holds, and try again"
        ) from None
    finally:
        let_go(disk, directory)


def _make(name: str, disk: Disk) -> None:
    try:
        disk.make_directory(name)
        parent = disk.open_directory(os.path.dirname(os.path.abspath(name)))  # noqa: PTH100, PTH120 - text
        try:
            disk.sync(parent)
        finally:
            let_go(disk, parent)
    except FileExistsError:
        return
    except OSError as failure:
        parents = shlex.quote(os.path.dirname(os.path.abspath(name)))  # noqa: PTH100, PTH120 - text
        raise ConfigurationError(
            f"{name} cannot be made: {in_short(failure)}; first: mkdir -p {parents}"
        ) from None


def _check_unused(name: str, names: list[str]) -> None:
    aside, names = aside_command(name), sorted(set(names) - NO_FILES_OF_OURS)
    if MARKER in names:
        raise ConfigurationError(
            f"{name} is a state directory already; keep it, or put it aside: {aside}"
        )
    if names:
        raise ConfigurationError(
            f"{name} holds {names[0]}, and no {MARKER}; name an empty directory, or put this one "
            f"aside: {aside}"
        )


def _write_new(disk: Disk, directory: int, name: str, content: bytes) -> None:
    """Write a file that is not there, to the disk, and in one step."""
    descriptor = disk.open(name + _NEW, CREATING, directory)
    try:
        while content:
            content = content[disk.write(descriptor, content) :]
        disk.sync(descriptor)
    finally:
        let_go(disk, descriptor)
    disk.rename(name + _NEW, name, directory)
    disk.sync(directory)
