"""The journal of a state directory: what is written, what others see, and what is refused."""

from __future__ import annotations

from contextlib import ExitStack
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from sealwire import cbor
from sealwire.errors import StateError
from sealwire.journal import (
    NOTHING,
    Clock,
    Journal,
    Now,
    Settled,
    StateDirectory,
    Stored,
    StoredLease,
    init,
)
from sealwire.journal.layout import Verdict, append, read
from sealwire.stages import Outcome, Stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.conftest import Child, Gate
    from tests.integration.journal.conftest import State


def test_what_was_accepted_is_there_after_a_restart(state: State) -> None:
    """The floor, the outcome, the message, and what is in force."""
    first = state.open()
    state.accept(first, 7)
    with first.exclusive() as held:
        held.intend(state.kept(8, Stream.LEASE))
        held.settle(Outcome.APPLIED, Stored(state.base(7).bases, state.leases(8).leases))
        held.note(Clock(state.now_ms + 1))
    again = state.open()
    assert again.remembered == first.remembered
    found = again.remembered
    assert (7, state.kept(7).digest, "alice", Outcome.APPLIED) == found.floors[Stream.BASE][:4]
    assert {state.kept(7).id, state.kept(8).id} == set(found.kept)
    assert state.kept(7) == found.kept[state.kept(7).id]
    assert state.now_ms + 1 == found.clock_ms
    assert (True, "") == (again.healthy, again.trouble)


def test_an_intent_that_nobody_settled_is_found_open(state: State) -> None:
    """By whoever holds the journal next, and by whoever looks."""
    first, second = state.open(), state.open()
    with first.exclusive() as held:
        held.intend(state.kept(7))
    assert state.kept(7) == second.peek().open_intent
    with second.exclusive() as held:
        assert state.kept(7) == held.remembered.open_intent
        with pytest.raises(ValueError, match="is open"):
            held.intend(state.kept(8))
        held.settle(Outcome.FAILED)
    assert first.peek().open_intent is None
    assert first.peek().floors[Stream.BASE].outcome is Outcome.FAILED


def test_what_cannot_be_is_not_written(state: State) -> None:
    """A version that is taken, what is not open, what is not kept."""
    journal = state.open()
    state.accept(journal, 7)
    before = (state.path / "journal").read_bytes()
    with journal.exclusive() as held:
        with pytest.raises(ValueError, match="version 7"):
            held.intend(state.kept(7)._replace(id="0c" * 16))
        with pytest.raises(ValueError, match="no intent is open"):
            held.settle(Outcome.APPLIED)
        with pytest.raises(ValueError, match="message of 1 to"):
            held.intend(state.kept(8)._replace(message=b""))
    assert before == (state.path / "journal").read_bytes()
    assert journal.healthy
    state.accept(journal, 8)


def test_others_see_it_when_they_look(state: State) -> None:
    """Also where the journal has been written anew meanwhile, more than once."""
    first, second = state.open(compact_bytes=0), state.open()
    for version in range(1, 40):
        state.accept(first, version)
        assert first.remembered == second.peek()
    assert (state.path / "journal").stat().st_size < 2000
    state.accept(second, 40)
    state.accept(first, 41)
    assert 41 == second.peek().floors[Stream.BASE].version


def test_a_journal_that_has_grown_is_written_anew(state: State) -> None:
    """It stays within a few times of what it comes to, and comes to the same."""
    journal = state.open(compact_bytes=2000)
    lengths = []
    for version in range(1, 100):
        state.accept(journal, version)
        lengths.append((state.path / "journal").stat().st_size)
        assert state.open().remembered == journal.remembered
    assert max(lengths) < 4000
    assert any(later < earlier for earlier, later in pairwise(lengths))
    assert not (state.path / "journal.new").exists()


def test_one_holds_it_alone(state: State) -> None:
    """Others wait, and are told when that was in vain; nobody holds it twice."""
    first, second = state.open(), state.open()
    with first.exclusive():
        with pytest.raises(
            StateError, match=r"held by another process for 0\.01 s; find it with: fuser"
        ):
            second.peek(wait_s=0.01)
        with pytest.raises(StateError, match="held by another process"), second.exclusive(0.01):
            pass
        with pytest.raises(StateError, match="held here already"), first.exclusive():
            pass
        with pytest.raises(StateError, match="held here already"):
            first.peek()
        with pytest.raises(StateError, match="held by another process"):
            Journal.open(StateDirectory.open(state.path, state.audience), wait_s=0.01)
    with second.exclusive():
        pass
    second.peek()


def test_what_was_held_is_not_held_for_ever(state: State) -> None:
    """Nothing is written through it afterwards."""
    journal = state.open()
    with journal.exclusive() as held:
        pass
    with pytest.raises(StateError, match="not held any more"):
        held.intend(state.kept(7))
    with pytest.raises(StateError, match="not held any more"):
        held.settle(Outcome.APPLIED)
    other = state.open()
    with other.exclusive():
        assert not held.note(Clock(5))
    assert held.note(Clock(6))
    assert 6 == other.peek().clock_ms


def test_a_note_waits_for_nobody(state: State) -> None:
    """It is written the next time, before anything else, and takes away what had ended alone."""
    first, second = state.open(), state.open()
    with first.exclusive() as held:
        held.intend(state.kept(7, Stream.LEASE))
        held.settle(Outcome.APPLIED, state.leases(7))
    second.peek()
    with second.exclusive() as held:
        assert not first.note(Now(NOTHING))
        assert not first.healthy
        assert "a note waits" in first.trouble
        held.intend(state.kept(8, Stream.LEASE))
        held.settle(Outcome.APPLIED, state.leases(7, 8))
    assert first.flush()
    assert first.healthy
    assert state.leases(8) == second.peek().in_force
    assert first.flush()


def test_an_outcome_that_waits_comes_first(state: State) -> None:
    """Before it nobody can begin anything; and if somebody has settled it, it is forgotten."""
    first, second = state.open(), state.open()
    with first.exclusive() as held:
        held.intend(state.kept(7))
    undone = Settled(state.kept(7).digest, Stream.BASE, Outcome.FAILED)
    with second.exclusive() as held:
        assert not first.note(undone)
        held.settle(Outcome.APPLIED, state.base(7))
    state.accept(first, 8)
    assert second.peek().in_force == state.base(8)
    with first.exclusive() as held:
        held.intend(state.kept(9))
        assert held.note(Settled(state.kept(9).digest, Stream.BASE, Outcome.FAILED))
        assert held.note(Now(NOTHING))
        assert held.remembered.in_force == NOTHING


def test_a_note_that_can_never_be_written_holds_nothing_up(state: State) -> None:
    """It is a bug of whoever made it; it is told, and forgotten."""
    journal = state.open()
    assert not journal.note(Now(state.leases(7)))
    with journal.exclusive() as held:
        assert not held.note(Now(state.leases(7)))
        assert held.note(Clock(7))
    state.accept(journal, 8)


def test_a_time_is_written_once(state: State) -> None:
    """What is not greater changes nothing."""
    journal = state.open()
    assert journal.note(Clock(50))
    length = (state.path / "journal").stat().st_size
    assert journal.note(Clock(50))
    assert journal.note(Clock(40))
    assert length == (state.path / "journal").stat().st_size


def test_a_torn_end_is_cut_off(state: State) -> None:
    """By whoever holds the journal alone; who only looks leaves it, and reads what is before it."""
    journal = state.open()
    state.accept(journal, 7)
    whole = (state.path / "journal").read_bytes()
    state.accept(journal, 8)
    after = (state.path / "journal").read_bytes()
    for length in range(len(whole) + 1, len(after)):
        (state.path / "journal").write_bytes(after[:length])
        torn = state.open()
        version = torn.peek().floors[Stream.BASE].version
        assert version in {7, 8}
        assert length == (state.path / "journal").stat().st_size
        with torn.exclusive() as held:
            assert version == held.remembered.floors[Stream.BASE].version
            assert torn.cut_bytes <= length - len(whole)
            assert Verdict.CLEAN is read((state.path / "journal").read_bytes()).verdict
            if held.remembered.open_intent is not None:
                held.settle(Outcome.FAILED)
            state.settle(held, 9)
        assert 9 == state.open().remembered.floors[Stream.BASE].version


def test_a_journal_that_is_damaged_is_not_gone_on_with(state: State) -> None:
    """It is named with the place and the next command; also while it is in use."""
    journal = state.open()
    for version in (7, 8, 9):
        state.accept(journal, version)
    whole = bytearray((state.path / "journal").read_bytes())
    whole[len(whole) // 2] ^= 1
    (state.path / "journal").write_bytes(whole)
    with pytest.raises(StateError, match=r"journal is damaged at byte \d+.*sealwire state check"):
        state.open()
    (state.path / "journal").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StateError, match="records are gone"):
        journal.peek()
    with pytest.raises(StateError, match="records are gone"), journal.exclusive():
        pass
    (state.path / "journal").unlink()
    with pytest.raises(StateError, match="the state is lost"), journal.exclusive():
        pass


def test_an_older_copy_in_its_place_is_seen_by_who_runs(state: State) -> None:
    """And so is the journal of another state."""
    journal = state.open()
    state.accept(journal, 7)
    copy = (state.path / "journal").read_bytes()
    state.accept(journal, 8)
    (state.path / "copy").write_bytes(copy)
    (state.path / "copy").chmod(0o600)
    (state.path / "copy").rename(state.path / "journal")
    with pytest.raises(StateError, match="was exchanged: it is older"):
        journal.peek()
    with pytest.raises(StateError, match="was exchanged: it is older"), journal.exclusive():
        pass
    other = state.path.parent / "other"
    init(other, state.audience, min_version=1, now_ms=1)
    (other / "journal").rename(state.path / "journal")
    with pytest.raises(StateError, match="it is another state's"):
        journal.peek()


def test_a_record_of_a_later_version_is_not_left_out(state: State) -> None:
    """Its digest is right, and what it says is unknown."""
    journal = state.open()
    state.accept(journal, 7)
    path = state.path / "journal"
    content = path.read_bytes()
    path.write_bytes(content + append(read(content).end, cbor.encode([99]))[0])
    with pytest.raises(StateError, match="kind 99; a later version may have written it"):
        journal.peek()


def test_a_lock_that_was_removed(state: State) -> None:
    """Others could hold another one, so nothing more is done, not even with a new one there."""
    journal = state.open()
    (state.path / "lock").unlink()
    for _ in range(2):
        with pytest.raises(StateError, match="was removed"), journal.exclusive():
            pass
        with pytest.raises(StateError, match="was removed"):
            journal.peek()
        (state.path / "lock").touch(0o600)


def test_a_child_of_a_fork_closes_what_it_inherited(
    state: State,
    child: Callable[[Callable[[], object]], Child],
    gate: Callable[[], Gate],
) -> None:
    """It does not use it, and the lock stays with its parent whatever the child does."""
    journal, other = state.open(), state.open()
    forked = gate()

    def inherit() -> None:
        with pytest.raises(StateError, match="is closed here; open it anew"):
            journal.peek()
        journal.abandon()
        forked.open()

    with journal.exclusive() as held:
        one = child(inherit)
        forked.wait()
        one.check()
        with pytest.raises(StateError, match="held by another process"), other.exclusive(0.01):
            pass
        state.settle(held, 7)
    with other.exclusive() as held:
        assert 7 == held.remembered.floors[Stream.BASE].version


def test_a_fork_in_the_middle_keeps_the_lock_with_the_parent(
    state: State, child: Callable[[Callable[[], object]], Child]
) -> None:
    """Also where the child leaves the very block that holds it."""
    journal, other = state.open(), state.open()
    with ExitStack() as stack:
        held = stack.enter_context(journal.exclusive())
        held.intend(state.kept(7))

        def leave() -> None:
            with pytest.raises(StateError, match="a child of a fork inherited it"):
                held.settle(Outcome.APPLIED)
            assert not held.note(Clock(2 * state.now_ms))
            stack.close()

        child(leave).check()
        assert b"w" == (state.path / "lock").read_bytes()
        with pytest.raises(StateError, match="held by another process"), other.exclusive(0.01):
            pass
        held.settle(Outcome.FAILED)
    assert b"-" == (state.path / "lock").read_bytes()
    with other.exclusive() as held:
        assert held.remembered.open_intent is None


def test_as_many_leases_as_there_can_be(state: State) -> None:
    """Each with a message of the greatest length, written anew and read."""
    journal = state.open(compact_bytes=0)
    message = b"m" * (260 * 1024)
    running: tuple[StoredLease, ...] = ()
    for version in range(1, 65):
        running = (*running, *state.leases(version).leases)
        with journal.exclusive() as held:
            held.intend(state.kept(version, Stream.LEASE)._replace(message=message))
            held.settle(Outcome.APPLIED, Stored((), running))
    assert 64 == len(state.open().remembered.kept)
    with journal.exclusive() as held:
        held.intend(state.kept(65, Stream.LEASE))
        with pytest.raises(ValueError, match="more than 64 entries"):
            held.settle(Outcome.APPLIED, Stored((), (*running, *state.leases(65).leases)))
        held.settle(Outcome.FAILED)
    assert journal.note(Now(NOTHING))
    assert (state.path / "journal").stat().st_size < 80 * 1024 * 1024
