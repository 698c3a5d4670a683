"""Many processes with one journal: nobody's record is lost, none is taken twice, all come to one.

These sync for real. ``SEALWIRE_JOURNAL_KILLS`` says how many processes are killed at any moment.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

from sealwire.journal import Journal, StateDirectory, waiting
from sealwire.journal.disk import Disk
from sealwire.stages import Outcome, Stream

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest
    from tests.integration.conftest import Child, Gate
    from tests.integration.journal.conftest import State

PROCESSES = 32
EACH = 6
KILLS = int(os.environ.get("SEALWIRE_JOURNAL_KILLS", "60"))


def floor_of(journal: Journal) -> int:
    """Give the version of the last configuration."""
    taken = journal.remembered.floors.get(Stream.BASE)
    return 0 if taken is None else taken.version


class Told:
    """A pipe into which many processes write lines."""

    def __init__(self) -> None:
        self._out, self._into = os.pipe()
        os.set_blocking(self._out, False)
        self._rest = b""

    def tell(self, *words: object) -> None:
        """Write a line, in one piece."""
        os.write(self._into, " ".join(map(str, words)).encode() + b"\n")

    def lines(self) -> list[list[str]]:
        """Give the lines since the last call."""
        while True:
            try:
                part = os.read(self._out, 65_536)
            except BlockingIOError:
                break
            self._rest += part
        *lines, self._rest = self._rest.split(b"\n")
        return [line.decode().split() for line in lines]


def test_many_that_contend(
    state: State,
    child: Callable[[Callable[[], object]], Child],
    gate: Callable[[], Gate],
    record_property: Callable[[str, object], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each takes the next version, again and again, while the journal is written anew."""
    told, start = Told(), gate()

    def contend() -> None:
        directory = StateDirectory.open(state.path, state.audience)
        journal = Journal.open(directory, compact_bytes=2_000, wait_s=20.0)
        start.wait()
        for _ in range(EACH):
            began_s = time.monotonic()
            with journal.exclusive(wait_s=20.0) as held:
                version = floor_of(journal) + 1
                held.intend(state.kept(version))
                took_s = time.monotonic() - began_s
                held.settle(Outcome.APPLIED, state.base(version))
            told.tell(version, round(took_s * 1e6))
            assert floor_of(journal) >= version

    def look() -> None:
        directory = StateDirectory.open(state.path, state.audience)
        journal = Journal.open(directory, wait_s=20.0)
        before = 0
        while before < PROCESSES * EACH:
            found = journal.peek(wait_s=20.0)
            assert found.open_intent is None
            assert found.in_force == state.base(*([floor_of(journal)] if found.floors else []))
            assert floor_of(journal) >= before
            before = floor_of(journal)
            time.sleep(0.002)

    children = [child(contend) for _ in range(PROCESSES)] + [child(look)]
    for _ in range(PROCESSES):
        start.open()
    for each in children:
        each.check()
    lines = told.lines()
    assert list(range(1, PROCESSES * EACH + 1)) == sorted(int(line[0]) for line in lines)
    assert PROCESSES * EACH == floor_of(state.open())
    worst_ms = max(int(line[1]) for line in lines) / 1000
    record_property("worst_wait_ms", worst_ms)
    with capsys.disabled():
        print(f" worst of {len(lines)} waits and syncs: {worst_ms:.0f} ms ", end="")


def test_who_waits_is_served_in_turn(
    state: State,
    child: Callable[[Callable[[], object]], Child],
    gate: Callable[[], Gate],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Those that wait have the lock in the order in which they came, and before who comes back."""
    monkeypatch.setattr(waiting, "PATIENCE_S", 1000.0)
    told, opened, came = Told(), gate(), gate()

    class Telling(Disk):
        # Whoever opens the journal beside others may have waited for it already.
        told = True

        def take_place(self, descriptor: int) -> int:
            place = super().take_place(descriptor)
            if not self.told:
                self.told = True
                came.open()
            return place

    def wait(number: int, go: Gate) -> None:
        disk = Telling()
        directory = StateDirectory.open(state.path, state.audience, disk=disk)
        journal = Journal.open(directory)
        opened.open()
        go.wait()
        disk.told = False
        with journal.exclusive(wait_s=20.0):
            told.tell(number)

    gates = [gate() for _ in range(8)]
    children = [child(partial(wait, number, go)) for number, go in enumerate(gates)]
    for _ in gates:
        opened.wait()
    holder = state.open()
    with holder.exclusive():
        for go in gates:
            go.open()
            came.wait()
    with holder.exclusive(wait_s=20.0):
        told.tell("back")
    for each in children:
        each.check()
    assert [*map(str, range(8)), "back"] == [line[0] for line in told.lines()]


def test_processes_that_are_killed_at_any_moment(
    state: State, child: Callable[[Callable[[], object]], Child]
) -> None:
    """Whatever was told to be safe is there; no version is taken by two, or settled twice."""
    chance, told = random.Random(11), Told()

    def serve() -> None:
        directory = StateDirectory.open(state.path, state.audience)
        journal = Journal.open(directory, compact_bytes=3_000, wait_s=20.0)
        while True:
            with journal.exclusive(wait_s=20.0) as held:
                intent = held.remembered.open_intent
                if intent is not None:
                    held.settle(Outcome.FAILED)
                    told.tell("undone", intent.version)
                version = floor_of(journal) + 1
                held.intend(state.kept(version))
                told.tell("begun", version)
                held.settle(Outcome.APPLIED, state.base(version))
                told.tell("done", version)

    running = [child(serve) for _ in range(4)]
    journal = state.open()
    lines: list[list[str]] = []
    for _ in range(KILLS):
        time.sleep(chance.random() * 0.03)
        victim = running.pop(chance.randrange(len(running)))
        victim.kill()
        assert -9 == victim.wait(), victim.said
        more = told.lines()
        safe = [int(line[1]) for line in more if line[0] == "done"]
        lines += more
        # It is there for who looks now: others may have gone on since.
        journal.peek(wait_s=20.0)
        assert floor_of(journal) >= max(safe, default=0)
        running.append(child(serve))
    for each in running:
        each.kill()
    lines += told.lines()
    with journal.exclusive(wait_s=20.0) as held:
        last = held.remembered
    assert journal.healthy
    for what in ("begun", "done", "undone"):
        counts = Counter(int(line[1]) for line in lines if line[0] == what)
        assert counts
        if what != "undone":
            assert {1} == set(counts.values())
        assert max(counts) <= floor_of(journal)
    done = {int(line[1]) for line in lines if line[0] == "done"}
    undone = {int(line[1]) for line in lines if line[0] == "undone"}
    assert not done & undone
    # What is in force is the last that was done, or one more, whose process could not tell.
    (base,) = last.in_force.bases
    assert int(base.id, 16) >= max(done)
    assert int(base.id, 16) not in undone
