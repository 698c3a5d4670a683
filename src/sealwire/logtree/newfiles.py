"""The files that handlers of a plan begin: made by us, so that we know which ones are ours.

Rules this module keeps:

1. A file is ours if this process has made it, with ``O_EXCL``; that none was there a moment before
   says nothing.
2. What is removed is ours, the same file still, and empty. Somebody else may have written to it.
3. No file is emptied: a mode that begins a file anew is for one that has nothing in it, and the
   handler is then built to append, which comes to the same.

Not guaranteed: that nobody writes between the last look at a file and its removal.
"""

from __future__ import annotations

import contextlib
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sealwire.errors import ApplyError, shorten

if TYPE_CHECKING:
    from sealwire.documents import HandlerPlan

FILE_ARGUMENT = "filename"
_MODE_ARGUMENT = "mode"
_MAKING = frozenset("awx")


class NewFile(NamedTuple):
    """A file that this process has made."""

    path: str
    device: int
    inode: int

    def remove(self) -> None:
        """Remove it if it is still the same, and empty."""
        with contextlib.suppress(OSError):
            found = os.lstat(self.path)
            same = (self.device, self.inode) == (found.st_dev, found.st_ino)
            if same and found.st_size == 0:
                Path(self.path).unlink()


def check_begun(plan: HandlerPlan, where: str) -> None:
    """Check that the handler begins no file anew that has something in it.

    Args:
        plan: the handler.
        where: its place in the plan, for the message.

    Raises:
        ApplyError: it does.
    """
    arguments = dict(plan.arguments)
    path, mode = arguments.get(FILE_ARGUMENT), arguments.get(_MODE_ARGUMENT)
    if isinstance(path, str) and isinstance(mode, str) and "w" in mode and _size_bytes(path):
        raise ApplyError(
            f"{where}.{_MODE_ARGUMENT}: the file {shorten(path)} has something in it, and "
            f"{shorten(mode)} empties it"
        )


def begin_file(plan: HandlerPlan, kind: type) -> tuple[NewFile | None, str | None]:
    """Make the file that a handler is about to open, if it is not there.

    Args:
        plan: the handler.
        kind: its class.

    Returns:
        The file, if this made it; and the mode to build with, if that is not the plan's.
    """
    arguments = dict(plan.arguments)
    path, mode = arguments.get(FILE_ARGUMENT), arguments.get(_MODE_ARGUMENT)
    if not isinstance(path, str) or not issubclass(kind, logging.FileHandler):
        return None, None
    if mode is None:
        mode = "a"
    if not isinstance(mode, str) or not _MAKING.intersection(mode):
        return None, None
    made = None if arguments.get("delay") else _make(path)
    if "w" in mode or ("x" in mode and made is not None):
        return made, mode.replace("w", "a").replace("x", "a")
    return made, None


def _make(path: str) -> NewFile | None:
    # Whatever is wrong with the path, the handler's own attempt says it.
    with contextlib.suppress(OSError):
        # The rights that open() gives, less what the process's mask takes away.
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            status = os.fstat(file)
        finally:
            os.close(file)
        return NewFile(path, status.st_dev, status.st_ino)
    return None


def _size_bytes(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0
