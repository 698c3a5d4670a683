"""Looking at a journal that may be damaged: how far it is good, and what that comes to.

Nothing is written, cut off or mended here.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final, NamedTuple

from sealwire.errors import StateError
from sealwire.journal.directory import JOURNAL, StateDirectory, in_short
from sealwire.journal.disk import READING, let_go
from sealwire.journal.encoding import decode
from sealwire.journal.layout import MAX_FILE_BYTES, Verdict, read
from sealwire.journal.lock import Lock
from sealwire.journal.remembered import Remembered, fold

if TYPE_CHECKING:
    from collections.abc import Iterator

_WAIT_S: Final = 5.0


class Examined(NamedTuple):
    """What a journal was found to be.

    Attributes:
        verdict: whether it is clean, has a torn end, or is damaged.
        problem: what is wrong, in words; ``""`` where nothing is.
        length: how long it is, bytes.
        good_bytes: up to where it is good.
        records: how many records stand there.
        remembered: what these come to; ``None`` where there is none.
        unfinished: somebody has ended while writing; the next one who writes begins it anew.
    """

    verdict: Verdict
    problem: str
    length: int
    good_bytes: int
    records: int
    remembered: Remembered | None
    unfinished: bool


def examine(directory: StateDirectory) -> Examined:
    """Read the journal of a directory, as far as that goes.

    Raises:
        StateError: it or its lock cannot be opened or read, or somebody is writing all the time.
    """
    with _with_others(directory) as unfinished:
        content = _content_of(directory)
    found = read(content)
    verdict, problem = found.verdict, found.problem
    remembered: Remembered | None = None
    good, count = 0, 0
    for payload, end in zip(found.payloads, found.ends, strict=True):
        try:
            remembered = fold(remembered, decode(payload))
        except ValueError as error:
            verdict, problem = Verdict.CORRUPT, f"a record says: {error}"
            break
        good, count = end.offset, count + 1
    if remembered is not None and remembered.state_id != directory.state_id:
        verdict, problem = Verdict.CORRUPT, "it is another state's, and not the marker's"
    return Examined(verdict, problem, len(content), good, count, remembered, unfinished)


@contextlib.contextmanager
def _with_others(directory: StateDirectory) -> Iterator[bool]:
    """Hold the lock with others; give whether somebody has ended while writing."""
    lock = Lock(directory)
    try:
        with lock.held(alone=False, wait_s=_WAIT_S):
            yield lock.left_in_the_middle
    finally:
        lock.close()


def _content_of(directory: StateDirectory) -> bytes:
    disk, where = directory.disk, directory.where(JOURNAL)
    try:
        descriptor = directory.open_file(JOURNAL, READING)
        try:
            return disk.read(descriptor, 0, MAX_FILE_BYTES + 1)
        finally:
            let_go(disk, descriptor)
    except FileNotFoundError:
        raise StateError(f"{where} is not there: the state is lost; put its copy back") from None
    except OSError as failure:
        raise StateError(f"{where} cannot be read: {in_short(failure)}") from None
