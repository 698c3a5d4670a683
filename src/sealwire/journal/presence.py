"""Who is there: each process that serves a service holds a lock on one file together with others.

A lock goes with its process, however that ends, so whoever is not there any more does not count.
Numbers of processes say nothing: they are used again.
"""

from __future__ import annotations

from typing import Final

from sealwire.errors import StateError
from sealwire.journal.directory import StateDirectory, in_short
from sealwire.journal.disk import APPENDING, CREATING

PRESENT: Final = "present"


class Presence:
    """That this process is there, until `close`."""

    def __init__(self, directory: StateDirectory) -> None:
        """Be there; the journal has to be held, so that of two that begin one is the first.

        Raises:
            StateError: the file cannot be had.
        """
        self._disk, self._descriptor = directory.disk, -1
        try:
            self._descriptor = self._open(directory)
            self.is_first = self._disk.try_lock(self._descriptor, alone=True)
            """Whether nobody else was there."""
            # From alone to together is one step, as nobody else may begin meanwhile.
            self._disk.try_lock(self._descriptor, alone=False)
        except OSError as failure:
            self.close()
            raise StateError(
                f"{directory.where(PRESENT)} cannot be used: {in_short(failure)}; see: "
                f"{directory.check_command}"
            ) from None

    def _open(self, directory: StateDirectory) -> int:
        try:
            return directory.open_file(PRESENT, CREATING)
        except FileExistsError:
            return directory.open_file(PRESENT, APPENDING)

    @property
    def is_ours(self) -> bool:
        """Whether nobody else in this process has closed it."""
        return self._disk.is_ours(self._descriptor)

    def close(self) -> None:
        """Be gone; in a child of a fork, where the parent stays, as well. Twice does nothing."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor != -1:
            self._disk.close(descriptor)
