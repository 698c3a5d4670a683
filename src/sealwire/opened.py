"""The state directory of a service, as one process has it open: its journal, and its place in it.

What is open stays what it is while another directory is put in its place; `Opened.is_replaced` says
so, and whoever uses it opens the one that is there now.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sealwire.journal import Journal, Pending, Presence, StateDirectory

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self


class Opened:
    """A directory that is open, with what it holds.

    Attributes:
        journal: its journal.
        presence: that this process is there; ``None`` until `be_there`.
    """

    def __init__(self, folder: Path, directory: StateDirectory, journal: Journal) -> None:
        """Make one; `open` is what others call."""
        self._folder, self._directory, self.journal = folder, directory, journal
        self.presence: Presence | None = None

    @classmethod
    def open(cls, folder: Path, audience: str, pending: Pending, wait_s: float) -> Self:
        """Open a state directory.

        Args:
            folder: where it is.
            audience: the service that it has to be of.
            pending: what waits to be written there.
            wait_s: how long others are waited for, seconds.

        Raises:
            ConfigurationError: it is none of this service.
            StateError: its journal cannot be had, trusted or read.
        """
        directory = StateDirectory.open(folder, audience)
        try:
            journal = Journal.open(directory, wait_s=wait_s, pending=pending)
            return cls(folder, directory, journal)
        except BaseException:
            directory.close()
            raise

    def be_there(self) -> None:
        """Let others see that this process is there; the journal is held.

        Raises:
            StateError: they cannot.
        """
        if self.presence is None:
            self.presence = Presence(self._directory)

    @property
    def is_first(self) -> bool:
        """Whether nobody else was there when this process came."""
        return self.presence is not None and self.presence.is_first

    @property
    def is_replaced(self) -> bool:
        """Whether the directory at the path is not the one that is open, or there is none."""
        try:
            here = os.fstat(self._directory.descriptor)
            there = os.stat(self._folder)  # noqa: PTH116 - two numbers of each
        except PermissionError:
            # Who has given up rights since may not look, and goes on.
            return False
        except OSError:
            return True
        return (there.st_dev, there.st_ino) != (here.st_dev, here.st_ino)

    @property
    def is_ours(self) -> bool:
        """Whether nobody else in this process has closed what is open here."""
        presence = self.presence
        here = self._directory.disk.is_ours(self._directory.descriptor)
        return here and self.journal.is_ours and (presence is None or presence.is_ours)

    def close(self) -> None:
        """Close it; in a child of a fork this is its parent's, and stays."""
        if self.presence is not None:
            self.presence.close()
        self.journal.close()
        self._directory.close()
