"""Looking at a journal that may be damaged: nothing is changed, and everything is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sealwire import cbor
from sealwire.errors import StateError
from sealwire.journal import Examined, StateDirectory, examine, init
from sealwire.journal.layout import Verdict, append, read
from sealwire.stages import Stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.journal.conftest import State


def look(state: State) -> Examined:
    """Examine, and see that nothing was changed by it."""
    before = {each: each.read_bytes() for each in state.path.iterdir()}
    directory = StateDirectory.open(state.path, None)
    try:
        return examine(directory)
    finally:
        directory.close()
        assert before == {each: each.read_bytes() for each in state.path.iterdir()}


def test_a_good_one(state: State, descriptors: Callable[[], int]) -> None:
    """What it comes to, also while somebody has it open."""
    journal = state.open()
    state.accept(journal, 7)
    open_before = descriptors()
    found = look(state)
    length = (state.path / "journal").stat().st_size
    assert (Verdict.CLEAN, "", length, length) == found[:4]
    assert (3, journal.remembered, False) == found[4:]
    assert open_before == descriptors()


def test_a_torn_and_a_damaged_one(state: State) -> None:
    """How far it is good, and what that comes to."""
    journal = state.open()
    for version in (7, 8):
        state.accept(journal, version)
    path = state.path / "journal"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    (state.path / "lock").write_bytes(b"w")
    found = look(state)
    assert (Verdict.TORN, 4, True) == (found.verdict, found.records, found.unfinished)
    assert found.remembered is not None
    assert state.kept(8) == found.remembered.open_intent
    third = read(whole).ends[2].offset
    assert (len(whole) - 1, read(whole).ends[3].offset) == (found.length, found.good_bytes)
    path.write_bytes(whole[:third] + b"x" + whole[third + 1 :])
    found = look(state)
    assert (Verdict.CORRUPT, third, 3) == (found.verdict, found.good_bytes, found.records)
    assert "others stand behind it" in found.problem
    path.write_bytes(b"")
    assert (Verdict.CORRUPT, None) == (look(state).verdict, look(state).remembered)


def test_one_that_says_what_cannot_be(state: State) -> None:
    """Its digests are right; and one that is another state's."""
    journal = state.open()
    state.accept(journal, 7)
    path = state.path / "journal"
    whole = path.read_bytes()
    path.write_bytes(whole + append(read(whole).end, cbor.encode([5, "x"]))[0])
    found = look(state)
    assert (Verdict.CORRUPT, 3, len(whole)) == (found.verdict, found.records, found.good_bytes)
    assert "a record says: a number" in found.problem
    assert found.remembered is not None
    assert 7 == found.remembered.floors[Stream.BASE].version
    other = state.path.parent / "other"
    init(other, state.audience, min_version=1, now_ms=1)
    path.write_bytes((other / "journal").read_bytes())
    assert (Verdict.CORRUPT, "it is another state's, and not the marker's") == look(state)[:2]


def test_what_cannot_be_looked_at(state: State) -> None:
    """A journal that is gone, and a lock that is."""
    (state.path / "journal").rename(state.path / "aside")
    with pytest.raises(StateError, match="the state is lost; put its copy back"):
        look(state)
    (state.path / "aside").rename(state.path / "journal")
    (state.path / "lock").unlink()
    with pytest.raises(StateError, match="cannot be opened"):
        look(state)
