"""Waiting for the lock: at once, in turn, out of turn, or not in time."""

from __future__ import annotations

import errno

import pytest

from sealwire.journal.disk import Disk
from sealwire.journal.waiting import FIRST_S, OTHERS_S, PATIENCE_S, wait_for_lock

LOCK, QUEUE, PLACE = 3, 4, 17


class Slow(Disk):
    """A disk whose lock is free at the nth try, whose clock passes while it pauses.

    Attributes:
        before_us: when those that came before are gone; ``None`` where nobody did.
    """

    def __init__(self, free_at: int, before_s: float = 0.0, *, others: bool = False) -> None:
        self.tries, self.paused, self._free_at = 0, list[float](), free_at
        self.before_s, self.others, self.places = before_s, others, list[int]()
        self.sticks = False

    def try_lock(self, descriptor: int, *, alone: bool) -> bool:
        """Count."""
        assert descriptor == LOCK
        self.tries += 1
        return self.tries >= self._free_at

    def take_place(self, descriptor: int) -> int:
        """Take one."""
        assert descriptor == QUEUE
        self.places.append(PLACE)
        return PLACE

    def is_first(self, descriptor: int, place: int | None) -> bool:
        """Say so when those that came before are gone."""
        assert descriptor == QUEUE
        if place is None:
            return not self.others
        return self.monotonic_s() >= self.before_s

    def leave_place(self, descriptor: int, place: int) -> None:
        """Leave it."""
        self.places.remove(place)
        if self.sticks:
            raise OSError(errno.EIO, "it does not work")

    def pause(self, seconds: float) -> None:
        """Let time pass."""
        self.paused.append(seconds)

    def monotonic_s(self) -> float:
        """Say how much has passed."""
        return sum(self.paused)


def wait(disk: Slow, wait_s: float, *, alone: bool = True) -> bool:
    """Wait; no place is left behind."""
    got = wait_for_lock(disk, LOCK, QUEUE, alone=alone, wait_s=wait_s)
    assert [] == disk.places
    return got


def test_a_lock_that_is_free_and_nobody_waits() -> None:
    """It is had at once."""
    disk = Slow(1)
    assert wait(disk, 5.0)
    assert ([], 1) == (disk.paused, disk.tries)


def test_who_does_not_wait_overtakes() -> None:
    """Or is told at once."""
    assert wait(Slow(1, others=True), 0.0)
    disk = Slow(2, others=True)
    assert not wait(disk, 0.0)
    assert ([], 1) == (disk.paused, disk.tries)


def test_who_comes_back_lets_others_go_first() -> None:
    """The lock is free, and is not asked for while anybody was there before."""
    disk = Slow(1, 0.1, others=True)
    assert wait(disk, 5.0)
    assert {OTHERS_S} == set(disk.paused)
    assert 1 == disk.tries
    assert 0.1 == pytest.approx(sum(disk.paused), abs=OTHERS_S)


def test_the_first_one_asks_more_often() -> None:
    """Until it is free."""
    disk = Slow(5)
    assert wait(disk, 5.0, alone=False)
    assert [FIRST_S] * 3 == disk.paused


def test_places_that_do_not_work_are_not_heeded_for_ever() -> None:
    """After a while everybody asks."""
    disk = Slow(3, 10**9, others=True)
    assert wait(disk, 5.0)
    assert PATIENCE_S < sum(disk.paused) < PATIENCE_S + 0.1


def test_waiting_has_an_end() -> None:
    """Whoever is the first."""
    for before_s in (0.0, 10**9):
        disk = Slow(10**9, before_s, others=True)
        assert not wait(disk, 1.0)
        assert 1.0 <= sum(disk.paused) < 1.1


def test_a_place_that_cannot_be_left_loses_no_lock() -> None:
    """It was had, and is."""
    disk = Slow(3)
    disk.sticks = True
    assert wait(disk, 5.0)
