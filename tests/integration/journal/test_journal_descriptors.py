"""An application that closes what the journal has open, and opens something else by its number."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

import pytest

from sealwire.errors import StateError
from sealwire.journal import Journal, Presence
from sealwire.stages import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.journal.conftest import State

NAMES = ("journal", "lock", "queue", "directory")


def number_of(journal: Journal, name: str) -> int:
    """Give the descriptor that a journal has of one of its files."""
    writer = journal._writer
    return {
        "journal": writer._file._descriptor,
        "lock": writer._lock._descriptor,
        "queue": writer._lock._queue,
        "directory": journal._directory.descriptor,
    }[name]


class Theirs:
    """A file of the application's, which takes over numbers."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._own = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._taken: list[int] = []

    def take(self, number: int) -> None:
        """Close what has a number, and have it."""
        os.dup2(self._own, number)
        self._taken.append(number)

    def is_untouched(self) -> bool:
        """Whether nobody has written into the file, or closed or locked it."""
        here = os.fstat(self._own)
        if here.st_size or any(os.fstat(each).st_ino != here.st_ino for each in self._taken):
            return False
        with self.path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True

    def close(self) -> None:
        """Close all of it."""
        for each in (*self._taken, self._own):
            os.close(each)


@pytest.fixture
def theirs(folder: Path) -> Iterator[Theirs]:
    """Give a file of the application's."""
    made = Theirs(folder / "theirs")
    yield made
    made.close()


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_written_by_a_number_that_is_somebody_elses(
    state: State, theirs: Theirs, name: str
) -> None:
    """Who opens the journal anew finds what was accepted, and goes on."""
    journal = state.open()
    state.accept(journal, 1)
    assert journal.is_ours
    before = (state.path / "journal").read_bytes()
    theirs.take(number_of(journal, name))
    assert name == "directory" or not journal.is_ours
    if name != "queue":
        assert 0 == state.try_to_accept(journal, 2)
        assert before == (state.path / "journal").read_bytes()
    journal.close()
    state.opened[0][1].close()
    assert theirs.is_untouched()
    again = state.open()
    state.accept(again, 3)
    assert state.base(3) == again.remembered.in_force


@pytest.mark.parametrize("name", ["journal", "lock"])
@pytest.mark.parametrize("then", ["intend", "settle"])
def test_it_is_looked_at_before_each_write(
    state: State, theirs: Theirs, name: str, then: str
) -> None:
    """Also in the middle of a change; without the lock somebody else may be writing."""
    journal, other = state.open(), state.open()

    def try_to_accept() -> None:
        with journal.exclusive() as held:
            if then == "intend":
                theirs.take(number_of(journal, name))
            held.intend(state.kept(1))
            theirs.take(number_of(journal, name))
            held.settle(Outcome.APPLIED, state.base(1))

    with pytest.raises(StateError, match="closed our file"):
        try_to_accept()
    journal.close()
    assert theirs.is_untouched()
    with other.exclusive() as held:
        intent = held.remembered.open_intent
        assert (None if then == "intend" else state.kept(1)) == intent


def test_who_is_no_longer_there_closes_nobody_elses_file(state: State, theirs: Theirs) -> None:
    """The file that says who is there is closed as the others."""
    state.open()
    presence = Presence(state.opened[0][1])
    assert presence.is_ours
    theirs.take(presence._descriptor)
    assert not presence.is_ours
    presence.close()
    assert theirs.is_untouched()
