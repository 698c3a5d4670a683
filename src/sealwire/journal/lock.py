"""The lock of a state directory: who reads with others, who writes alone, and who did not finish.

Rules this module keeps:

1. A lock is freed by who took it, before its file is closed: a child that was forked meanwhile has
   the file open too, and closing would not free it. A child frees nothing: it is its parent's lock.
2. Whoever writes says so in the lock's one byte, and takes that back when all of it is on the disk.
   So the next one knows of whoever has ended in the middle. The byte is not synced: what is read
   after a loss of power is on the disk, whatever the byte says.
3. The file is never removed. Were it, others could hold another one.
"""

from __future__ import annotations

import contextlib
import shlex
from typing import TYPE_CHECKING, Final

from sealwire.descriptors import check
from sealwire.errors import StateError
from sealwire.journal.directory import AT_REST, LOCK, QUEUE, StateDirectory, in_short
from sealwire.journal.disk import UPDATING, let_go
from sealwire.journal.waiting import wait_for_lock

if TYPE_CHECKING:
    from collections.abc import Iterator

_WRITING: Final = b"w"


class BusyError(StateError):
    """Another process holds the journal, which it does for as long as a change takes.

    Attributes:
        where: the lock.
    """

    where = ""

    def lasting(self, wait_s: float) -> str:
        """Say that it has been held for so many seconds, over several tries."""
        return _held(self.where, wait_s)


def _held(where: str, wait_s: float) -> str:
    return (
        f"{where} has been held by another process for {wait_s:g} s; find it with: fuser "
        f"{shlex.quote(where)}"
    )


class Lock:
    """The lock, as one process has it open.

    Attributes:
        marked: we have said that we are writing.
    """

    def __init__(self, directory: StateDirectory) -> None:
        """Open it.

        Raises:
            StateError: it cannot be opened.
        """
        self._directory, self._disk = directory, directory.disk
        self._where = directory.where(LOCK)
        self._descriptor = self._queue = -1
        self._process = self._disk.process()
        self._held = self.marked = False
        try:
            self._queue = directory.open_file(QUEUE, UPDATING)
            self._descriptor = directory.open_file(LOCK, UPDATING)
        except BaseException as failure:
            self.close()
            if not isinstance(failure, OSError):
                raise
            raise StateError(
                f"{self._where} or {directory.where(QUEUE)} cannot be opened: {in_short(failure)}; "
                f"others may hold one that was removed, so stop them, and see: "
                f"{directory.check_command}"
            ) from None

    def close(self) -> None:
        """Close it; twice does nothing."""
        for descriptor in (self._queue, self._descriptor):
            if descriptor != -1:
                let_go(self._disk, descriptor)
        self._descriptor = self._queue = -1

    @contextlib.contextmanager
    def held(self, *, alone: bool, wait_s: float) -> Iterator[None]:
        """Hold it, alone or with others that read.

        Args:
            alone: to write.
            wait_s: how long others are waited for, seconds.

        Raises:
            StateError: it was not free in time, is held here already, or does not work.
        """
        self._take(alone=alone, wait_s=wait_s)
        self._held = True
        try:
            yield
        finally:
            self._held = False
            if not self.inherited:
                self._disk.unlock(self._descriptor)

    @property
    def is_ours(self) -> bool:
        """Whether nobody else in this process has closed it, and freed it so."""
        return self._disk.is_ours(self._descriptor) and self._disk.is_ours(self._queue)

    @property
    def inherited(self) -> bool:
        """Whether this is a child of the process that opened it."""
        return self._disk.process() != self._process

    @property
    def left_in_the_middle(self) -> bool:
        """Whether the last one who wrote has not finished.

        Raises:
            OSError: the lock cannot be read.
        """
        return self._disk.read(self._descriptor, 0, len(AT_REST)) != AT_REST

    def mark(self) -> None:
        """Say that we are writing.

        Raises:
            OSError: it cannot be said, or the lock is not held any more.
        """
        check(self._descriptor)
        if not self.marked:
            self._disk.overwrite(self._descriptor, _WRITING)
            self.marked = True

    def unmark(self, *, finished: bool) -> None:
        """Say that all of it is on the disk, if it is."""
        if self.marked and finished and not self.inherited:
            # Where that fails the next one begins again, which does no harm.
            with contextlib.suppress(OSError):
                self._disk.overwrite(self._descriptor, AT_REST)
        self.marked = False

    def _take(self, *, alone: bool, wait_s: float) -> None:
        path = self._directory.path
        if self._descriptor == -1 or self.inherited:
            raise StateError(f"the journal of {path} is closed here; open it anew")
        if self._held:
            raise StateError(f"the journal of {path} is held here already")
        try:
            if self._disk.status(self._descriptor).st_nlink == 0:
                raise StateError(
                    f"{self._where} was removed, so that others could hold another one; stop all "
                    f"of them, and see: {self._directory.check_command}"
                )
            got = wait_for_lock(
                self._disk, self._descriptor, self._queue, alone=alone, wait_s=wait_s
            )
        except OSError as failure:
            raise StateError(
                f"{self._where} does not work: {in_short(failure)}; keep the state on a local disk"
            ) from None
        if not got:
            busy = BusyError(_held(self._where, wait_s))
            busy.where = self._where
            raise busy
