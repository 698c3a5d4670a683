"""What records come to, against a naive service that keeps everything it ever did."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealwire.journal.encoding import decode, encode
from sealwire.journal.records import (
    Clock,
    Intent,
    Kept,
    Now,
    Record,
    Settled,
    Started,
    Stored,
    StoredBase,
    StoredLease,
    StoredTrial,
)
from sealwire.journal.remembered import Remembered, fold, snapshot, taken_away
from sealwire.stages import Digest, Outcome, Stream

if TYPE_CHECKING:
    from collections.abc import Callable

STARTED = Started("payments@prod", b"i" * 16, 0)


@dataclass
class Naive:
    """A service that remembers every message and every outcome."""

    records: list[Record] = field(default_factory=lambda: [STARTED])
    taken: list[tuple[Kept, Outcome | None]] = field(default_factory=list)
    bases: list[StoredBase] = field(default_factory=list)
    leases: list[StoredLease] = field(default_factory=list)
    trial: StoredTrial | None = None
    time: int = 0

    @property
    def stored(self) -> Stored:
        """What is in force."""
        return Stored(tuple(self.bases), tuple(self.leases), self.trial)

    def intend(self, stream: Stream, message: bytes) -> None:
        """Accept a message, unless one is open."""
        if self.taken and self.taken[-1][1] is None:
            return
        number = len(self.taken) + 1
        self.time += 1
        digest = Digest(number.to_bytes(32, "big"))
        of = f"{number:032x}"
        kept = Kept(of, stream, number, digest, "alice", "apply", message, 1, self.time)
        self.taken.append((kept, None))
        self.records.append(Intent(kept))

    def settle(self, outcome: Outcome, on_trial: bool) -> None:
        """Say what became of the open one."""
        if not self.taken or self.taken[-1][1] is not None:
            return
        kept, _ = self.taken[-1]
        self.taken[-1] = (kept, outcome)
        if outcome is Outcome.APPLIED:
            if kept.stream is Stream.LEASE:
                self.leases = [*self.leases, StoredLease(kept.id, "boot", 1, 2, 3)][-64:]
            else:
                self.bases = [*self.bases, StoredBase(kept.id, self.time)][-2:]
                self.trial = StoredTrial(kept.id, "boot", 1, 2) if on_trial else None
        left = self.stored if outcome is Outcome.APPLIED else None
        self.records.append(Settled(kept.digest, kept.stream, outcome, left))

    def end_lease(self, which: int) -> None:
        """End one lease by its time."""
        if self.leases:
            del self.leases[which % len(self.leases)]
            self.records.append(Now(self.stored))

    def go_back(self) -> None:
        """Take the last base away."""
        if self.bases:
            gone = self.bases.pop()
            if self.trial is not None and self.trial.id == gone.id:
                self.trial = None
            self.records.append(Now(self.stored))

    def see(self, time: int) -> None:
        """Look at a clock."""
        self.records.append(Clock(time))
        self.time = max(self.time, time)

    def check(self, found: Remembered) -> None:
        """Compare."""
        newest = {kept.stream: (kept, outcome) for kept, outcome in self.taken}
        assert newest.keys() == found.floors.keys()
        for stream, (kept, outcome) in newest.items():
            assert (kept.version, kept.digest, "alice", outcome) == found.floors[stream][:4]
        last = self.taken[-1][0] if self.taken and self.taken[-1][1] is None else None
        wanted = self.stored.ids | ({last.id} if last else set())
        assert {kept.id: kept for kept, _ in self.taken if kept.id in wanted} == found.kept
        assert (last, self.stored, self.time) == (
            found.open_intent,
            found.in_force,
            found.clock_ms,
        )


STEP: st.SearchStrategy[Callable[[Naive], None]] = st.one_of(
    st.builds(
        lambda stream, message: lambda naive: naive.intend(stream, message),
        st.sampled_from([Stream.BASE, Stream.LEASE, Stream.KEYRING]),
        st.binary(min_size=1, max_size=9),
    ),
    st.builds(
        lambda outcome, on_trial: lambda naive: naive.settle(outcome, on_trial),
        st.sampled_from([Outcome.APPLIED, Outcome.APPLIED, Outcome.FAILED, Outcome.REFUSED]),
        st.booleans(),
    ),
    st.builds(lambda which: lambda naive: naive.end_lease(which), st.integers(0, 5)),
    st.just(lambda naive: naive.go_back()),
    st.builds(lambda time: lambda naive: naive.see(time), st.integers(0, 30)),
)
STEPS = st.lists(STEP, max_size=60)


@given(STEPS)
@settings(max_examples=300)
def test_records_come_to_what_the_naive_service_knows(
    steps: list[Callable[[Naive], None]],
) -> None:
    """At every moment; and so do the records that are written anew then, read back from bytes."""
    naive, found = Naive(), fold(None, STARTED)
    for step in steps:
        before = len(naive.records)
        step(naive)
        found = reduce(fold, naive.records[before:], found)
        naive.check(found)
        anew = [decode(encode(record)) for record in snapshot(found)]
        again = reduce(fold, anew[1:], fold(None, anew[0]))
        assert found == again
        assert len(anew) <= 4 + len(found.kept) + len(found.floors)


@given(STEPS, st.data())
@settings(max_examples=200)
def test_a_record_that_is_missing_or_comes_twice_is_never_taken_for_progress(
    steps: list[Callable[[Naive], None]], data: st.DataObject
) -> None:
    """Either the sequence is refused, or no floor is higher than it was meant to be."""
    naive = Naive()
    for step in steps:
        step(naive)
    meant = reduce(fold, naive.records[1:], fold(None, STARTED))
    at = data.draw(st.integers(0, len(naive.records) - 1))
    if data.draw(st.booleans()):
        records = naive.records[:at] + naive.records[at + 1 :]
    else:
        records = naive.records[: at + 1] + naive.records[at:]
    try:
        found = reduce(fold, records[1:], fold(None, records[0]))
    except (ValueError, IndexError):
        return
    for stream, taken in found.floors.items():
        assert taken.version <= meant.floors[stream].version


LEASES = st.lists(st.integers(0, 9), unique=True, max_size=6).map(
    lambda numbers: tuple(StoredLease(f"{number:032x}", "boot", 1, 1, 1) for number in numbers)
)


@given(LEASES, LEASES, st.sets(st.integers(0, 9)))
def test_what_ended_is_gone_and_nothing_else(
    found: tuple[StoredLease, ...], now: tuple[StoredLease, ...], ended: set[int]
) -> None:
    """Whoever changed what meanwhile."""
    over = {f"{number:032x}" for number in ended}
    noted = Stored((), tuple(lease for lease in found if lease.id not in over))
    left = taken_away(Stored((), found), noted, Stored((), now))
    gone = {lease.id for lease in found} & over
    assert tuple(lease for lease in now if lease.id not in gone) == left.leases


def test_the_naive_service_is_one() -> None:
    """Were its journal always empty, nothing above would mean anything."""
    naive = Naive()
    naive.intend(Stream.BASE, b"m")
    naive.settle(Outcome.APPLIED, on_trial=True)
    found = reduce(fold, naive.records[1:], fold(None, STARTED))
    naive.check(found)
    with pytest.raises(AssertionError):
        naive.check(fold(found, Now(Stored())))
