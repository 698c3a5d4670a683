"""System calls that fail, and processes that end, at each call of accepting a message.

Whatever fails, nothing is accepted that is not on the disk, nothing that was accepted is lost, what
is in force is what it was, and everything goes on by itself when the fault is over.
"""

from __future__ import annotations

import errno
import os
import resource
from typing import TYPE_CHECKING

import pytest

from sealwire.errors import SealwireError, StateError
from sealwire.journal import (
    NOTHING,
    Journal,
    Now,
    Remembered,
    Settled,
    StateDirectory,
)
from sealwire.stages import Outcome, Stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.conftest import Child
    from tests.integration.journal.conftest import CountingDisk, State

CODES = (errno.EIO, errno.ENOSPC, errno.EROFS, errno.EMFILE)
MOST = 200
"""More calls than anything here makes."""


def version_of(remembered: Remembered) -> int:
    """Give the floor of the configurations."""
    taken = remembered.floors.get(Stream.BASE)
    return 0 if taken is None else taken.version


def check(state: State, got: int, version: int, times: int) -> None:
    """Compare what another process finds with how far a message got; see `try_to_accept`."""
    found = state.open().remembered
    before, now = state.base(version - 1), state.base(version)
    if got == 2:
        assert (version, now, None) == (version_of(found), found.in_force, found.open_intent)
    elif times == 1:
        assert version_of(found) == version - 1 + got
        assert before == found.in_force
    else:
        # What could not be cut off either is found by others as if we had ended behind it.
        assert version_of(found) in {version - 1, version}
        assert found.in_force in {before, now}
        assert got == 1 or found.in_force == before


@pytest.mark.parametrize("times", [1, 2, MOST])
@pytest.mark.parametrize("code", CODES, ids=lambda code: errno.errorcode[code])
def test_a_call_that_fails(
    state: State, failing: Callable[..., CountingDisk], code: int, times: int, compact_bytes: int
) -> None:
    """At each place: once, twice, or from then on until somebody mends it."""
    version, reached = 1, set()
    state.accept(state.open(), version)
    for number in range(1, MOST):
        disk = state.disk()
        journal = state.open(disk, compact_bytes=compact_bytes)
        version += 1
        fault = failing(len(disk.calls) + number, code, times)
        disk.before = fault.before
        begun = len(disk.calls)
        got = state.try_to_accept(journal, version)
        reached.add(got)
        if len(disk.calls) - begun < number:
            assert (2, True) == (got, journal.healthy)
            break
        check(state, got, version, times)
        disk.before = lambda *_: None
        # It goes on by itself, and what could not be written is written first.
        after = version + 1
        with journal.exclusive() as held:
            assert held.remembered.in_force == state.base(version if got == 2 else version - 1)
            assert held.remembered.open_intent is None
            assert got == 0 or version_of(held.remembered) == version
        state.accept(journal, after)
        assert (True, "") == (journal.healthy, journal.trouble)
        found = state.open().remembered
        assert (after, state.base(after)) == (version_of(found), found.in_force)
        version = after
        journal.close()
    assert number < MOST - 1
    assert {0, 2} <= reached


@pytest.mark.parametrize("times", [1, MOST])
@pytest.mark.parametrize("code", CODES, ids=lambda code: errno.errorcode[code])
def test_what_ended_is_written_when_that_works(
    state: State, failing: Callable[..., CountingDisk], code: int, times: int
) -> None:
    """A note raises nothing wherever a call fails; nothing begins before it is written."""
    for number in range(1, MOST):
        disk, version = state.disk(), 2 * number
        journal = state.open(disk)
        with journal.exclusive() as held:
            held.intend(state.kept(version, Stream.LEASE))
            held.settle(Outcome.APPLIED, state.leases(version))
        begun = len(disk.calls)
        disk.before = failing(begun + number, code, times).before
        written = journal.note(Now(NOTHING))
        found = state.open().peek().in_force
        assert found == NOTHING if written else times > 1 or found == state.leases(version)
        assert written or not journal.healthy
        if times == MOST and not written:
            assert 0 == state.try_to_accept(journal, version)
        reached = len(disk.calls) - begun
        disk.before = lambda *_: None
        assert journal.flush()
        assert state.open().remembered.in_force == NOTHING
        state.accept(journal, version)
        assert journal.note(Now(NOTHING))
        assert journal.healthy
        journal.close()
        if reached < number:
            break
    assert 3 < number < MOST - 1


@pytest.mark.parametrize("reserve", [True, False])
def test_a_full_disk(state: State, reserve: bool) -> None:
    """Nothing begins; what ends is written with what the reserve gives back, while it lasts."""
    disk = state.disk()
    journal = state.open(disk)
    with journal.exclusive() as held:
        held.intend(state.kept(1, Stream.LEASE))
        held.settle(Outcome.APPLIED, state.leases(1))
    disk.before = Full(reserve=reserve).before
    size = (state.path / "journal").stat().st_size
    with journal.exclusive() as held, pytest.raises(StateError, match="No space left on device"):
        held.intend(state.kept(2))
    assert size == (state.path / "journal").stat().st_size
    assert journal.healthy
    assert reserve == journal.note(Now(NOTHING))
    assert "free some" in journal.trouble or not reserve
    assert not journal.healthy
    assert 0 == state.try_to_accept(journal, 2)
    assert (state.leases(1), NOTHING)[reserve] == state.open().remembered.in_force
    disk.before = lambda *_: None
    state.accept(journal, 2)
    assert journal.healthy
    assert 64 * 1024 == (state.path / "reserve").stat().st_size


class Full:
    """A disk that is full, until the reserve is given back; then one record fits."""

    def __init__(self, *, reserve: bool) -> None:
        self._reserve, self._room = reserve, 0

    def before(self, count: int, name: str) -> None:
        """Refuse what needs room."""
        if name == "remove" and self._reserve:
            self._reserve, self._room = False, 1
        if name == "write" and self._room:
            self._room -= 1
        elif name in {"write", "allocate"}:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_nothing_begins_without_room_for_its_end(state: State) -> None:
    """A record fits, and the reserve does not; what is open can be settled."""
    disk = state.disk()
    journal = state.open(disk)
    with journal.exclusive() as held:
        held.intend(state.kept(1))
        (state.path / "reserve").unlink()
    no_room = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def refuse(count: int, name: str) -> None:
        if name == "allocate":
            raise no_room

    disk.before = refuse
    with journal.exclusive() as held:
        held.settle(Outcome.APPLIED, state.base(1))
        with pytest.raises(StateError, match="reserve has no room: No space left on device; free"):
            held.intend(state.kept(2))
    disk.before = lambda *_: None
    state.accept(journal, 2)


def test_an_intent_that_others_have_seen_is_not_cut_off(
    state: State, failing: Callable[..., CountingDisk]
) -> None:
    """Its sync failed and it could not be cut off: they know its floor, so it is undone instead."""
    disk = state.disk()
    journal, other = state.open(disk), state.open()
    state.accept(journal, 1)
    disk.before = failing(0, errno.EIO, 10_000, ("sync_data", "cut")).before
    assert 0 == state.try_to_accept(journal, 2)
    assert 2 == version_of(other.peek())
    disk.before = lambda *_: None
    assert journal.flush()
    found = other.peek()
    assert (2, None, state.base(1)) == (version_of(found), found.open_intent, found.in_force)
    assert Outcome.FAILED is found.floors[Stream.BASE].outcome
    state.accept(other, 3)


def test_what_somebody_else_went_on_from_is_not_cut_off(
    state: State, failing: Callable[..., CountingDisk]
) -> None:
    """An outcome that could neither be synced nor cut off, and is another one's by now."""
    disk = state.disk()
    journal, other = state.open(disk), state.open()
    with journal.exclusive() as held:
        held.intend(state.kept(1))
        disk.before = failing(0, errno.EIO, 10_000, ("sync_data", "cut")).before
        with pytest.raises(StateError, match="Input/output error"):
            held.settle(Outcome.APPLIED, state.base(1))
        assert not held.note(Settled(state.kept(1).digest, Stream.BASE, Outcome.FAILED))
    state.accept(other, 2)
    disk.before = lambda *_: None
    state.accept(journal, 3)
    assert 3 == version_of(other.peek())
    assert journal.healthy


def test_a_limit_of_the_length_of_files(
    state: State, child: Callable[[Callable[[], object]], Child]
) -> None:
    """The system's own refusal, in the middle of a record."""

    def grow() -> None:
        journal = state.open()
        state.accept(journal, 1)
        size = (state.path / "journal").stat().st_size
        for more in range(1, 400, 7):
            hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
            resource.setrlimit(resource.RLIMIT_FSIZE, (size + more, hard))
            got = state.try_to_accept(journal, 2)
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
            if got:
                break
            assert size == (state.path / "journal").stat().st_size
            assert 1 == version_of(state.open().remembered)
        assert more > 150
        with journal.exclusive() as held:
            assert held.remembered.open_intent is None
            state.settle(held, 3)

    child(grow).check()


@pytest.mark.parametrize("half", [False, True], ids=["before", "half"])
def test_a_process_that_ends_at_each_call(
    state: State, child: Callable[[Callable[[], object]], Child], compact_bytes: int, half: bool
) -> None:
    """By SIGKILL, in front of each call or in the middle of a write; the next one goes on."""
    version, seen = 1, set()
    state.accept(state.open(), version)
    for number in range(1, MOST):
        version += 1
        told, tell = os.pipe()

        def accept() -> None:
            disk = state.disk()
            disk.before = state.ending(disk, number, half=half)  # noqa: B023 - it is called at once
            directory = StateDirectory.open(state.path, state.audience, disk=disk)
            journal = Journal.open(directory, compact_bytes=compact_bytes)
            with journal.exclusive() as held:
                held.intend(state.kept(version))  # noqa: B023 - as above
                os.write(tell, b"i")  # noqa: B023 - as above
                held.settle(Outcome.APPLIED, state.base(version))  # noqa: B023 - as above
                os.write(tell, b"s")  # noqa: B023 - as above

        status = child(accept).wait()
        os.close(tell)
        acknowledged = os.read(told, 9).decode()
        os.close(told)
        seen.add(acknowledged)
        journal = state.open()
        with journal.exclusive() as held:
            found = held.remembered
            begun, settled = version_of(found) == version, found.open_intent is None
            if "s" in acknowledged:
                assert (True, True) == (begun, settled)
            if "i" in acknowledged:
                assert begun
            if not begun:
                assert (version - 1, True) == (version_of(found), settled)
            assert found.in_force == state.base(version if begun and settled else version - 1)
            if not settled:
                held.settle(Outcome.APPLIED, state.base(version))
            if not begun:
                state.settle(held, version)
        assert journal.healthy
        assert 64 * 1024 == (state.path / "reserve").stat().st_size
        if status == 0:
            break
    assert 20 < number < MOST - 1
    assert {"", "i", "is"} == seen


def test_calls_of_an_accept(state: State) -> None:
    """No descriptor is opened for one, and two records are two syncs."""
    disk = state.disk()
    journal = state.open(disk)
    state.accept(journal, 1)
    disk.calls.clear()
    state.accept(journal, 2)
    looking = ["status", "is_first", "try_lock", "read", "status_of", "status", "status_of"]
    writing = ["overwrite", "write", "sync_data", "write", "sync_data", "overwrite"]
    assert looking + writing == disk.calls


def test_opening_fails_as_it_should(state: State, failing: Callable[..., CountingDisk]) -> None:
    """At each call of it, in the words of the package."""
    said: list[str] = []
    for number in range(1, MOST):
        disk = failing(number, errno.EIO)
        try:
            directory = StateDirectory.open(state.path, state.audience, disk=disk)
        except SealwireError as error:
            said.append(str(error))
            continue
        try:
            Journal.open(directory).close()
        except StateError as error:
            said.append(str(error))
        else:
            break
        finally:
            directory.close()
    assert 5 < len(said) < MOST - 1
    assert all(str(state.path) in each for each in said)
