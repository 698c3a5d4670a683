"""Room that is kept for what has to be written when the disk is full."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from sealwire.journal.directory import RESERVE, in_short
from sealwire.journal.disk import CREATING, let_go

if TYPE_CHECKING:
    from sealwire.journal.directory import StateDirectory

RESERVE_BYTES: Final = 64 * 1024
"""Some six records of the longest list of leases, or hundreds of usual ones."""


class Reserve:
    """The file that takes the room; the holder of the lock calls.

    Attributes:
        trouble: why it takes none, in words; ``""`` where it does.
    """

    def __init__(self, directory: StateDirectory) -> None:
        """Look after the reserve of a directory."""
        self._directory, self._disk = directory, directory.disk
        self.trouble = ""

    def look(self) -> None:
        """Take the room, where it is not taken."""
        try:
            if self._is_there():
                self.trouble = ""
                return
            self._take()
        except OSError as failure:
            where = self._directory.where(RESERVE)
            self.trouble = f"{where} has no room: {in_short(failure)}; free some on the disk"
            self._remove()
        else:
            self.trouble = ""

    def release(self) -> bool:
        """Give the room back; say whether there was any."""
        self.trouble = f"{self._directory.where(RESERVE)} was needed; free some room on the disk"
        with contextlib.suppress(OSError):
            there = self._is_there()
            return self._remove() and there
        return False

    def _is_there(self) -> bool:
        with contextlib.suppress(FileNotFoundError):
            status = self._disk.status_of(RESERVE, self._directory.descriptor)
            return status.st_size == RESERVE_BYTES
        return False

    def _take(self) -> None:
        self._remove()
        descriptor = self._disk.open(RESERVE, CREATING, self._directory.descriptor)
        try:
            self._disk.allocate(descriptor, RESERVE_BYTES)
        finally:
            let_go(self._disk, descriptor)

    def _remove(self) -> bool:
        """Take the name away; a file that nobody has open gives its room back with it."""
        try:
            self._disk.remove(RESERVE, self._directory.descriptor)
        except OSError:
            return False
        return True
