"""Waiting for the lock: at once, later, or not in time."""

from __future__ import annotations

from sealwire.journal.disk import Disk
from sealwire.journal.waiting import wait_for_lock


class Slow(Disk):
    """A disk whose lock is free at the nth try, and whose clock passes while it pauses."""

    def __init__(self, free_at: int) -> None:
        self.tries, self.paused, self._free_at = 0, list[float](), free_at

    def try_lock(self, descriptor: int, *, alone: bool) -> bool:
        """Count."""
        self.tries += 1
        return self.tries >= self._free_at

    def pause(self, seconds: float) -> None:
        """Let time pass."""
        self.paused.append(seconds)

    def monotonic_s(self) -> float:
        """Say how much has passed."""
        return sum(self.paused)


def test_a_lock_that_is_free() -> None:
    """Nobody waits, also who would not."""
    for wait_s in (0.0, 5.0):
        disk = Slow(1)
        assert wait_for_lock(disk, 3, alone=True, wait_s=wait_s)
        assert [] == disk.paused


def test_who_has_waited_longer_asks_more_often() -> None:
    """So that nobody waits for ever while others come and go; up to a limit."""
    disk = Slow(1_000)
    assert wait_for_lock(disk, 3, alone=False, wait_s=5.0)
    assert disk.paused == sorted(disk.paused, reverse=True)
    assert (0.002, 0.0002) == (disk.paused[0], disk.paused[-1])


def test_waiting_has_an_end() -> None:
    """And whoever does not wait is told at once."""
    disk = Slow(10**9)
    assert not wait_for_lock(disk, 3, alone=True, wait_s=1.0)
    assert 1.0 <= sum(disk.paused) < 1.01
    disk = Slow(10**9)
    assert not wait_for_lock(disk, 3, alone=True, wait_s=0.0)
    assert 1 == disk.tries
