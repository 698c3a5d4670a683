"""What waits to be written: the last of each, and nothing that others have made void."""

from __future__ import annotations

from dataclasses import replace

from sealwire.journal.pending import Pending
from sealwire.journal.records import (
    NOTHING,
    Clock,
    Intent,
    Kept,
    Now,
    Settled,
    Started,
    Stored,
    StoredLease,
)
from sealwire.journal.remembered import Remembered, fold
from sealwire.stages import Digest, Outcome, Stream

BEGINNING = fold(None, Started("payments@prod", b"i" * 16, 0))
INTENT = Kept("0a" * 16, Stream.LEASE, 7, Digest(b"d" * 32), "alice", "lease", b"m", 0, 0)
FAILED = Settled(INTENT.digest, INTENT.stream, Outcome.FAILED)


def running(*numbers: int) -> Stored:
    """Give leases as what is in force."""
    leases = [StoredLease(f"{number:032x}", "boot", 1, 1, 1) for number in numbers]
    return Stored((), tuple(leases))


def with_leases(*numbers: int) -> Remembered:
    """Give a state in which leases run."""
    return replace(BEGINNING, in_force=running(*numbers))


def test_nothing_waits_at_first() -> None:
    """And nothing is to be written."""
    pending = Pending()
    assert not pending
    assert pending.next(BEGINNING) is None
    assert with_leases(1).in_force == pending.in_force(with_leases(1))


def test_the_last_note_counts_and_the_first_says_from_what() -> None:
    """Two leases ended, and a third began elsewhere meanwhile."""
    pending = Pending()
    pending.add(Now(running(2)), with_leases(1, 2))
    pending.add(Now(running()), with_leases(1, 2))
    assert pending
    assert running() == pending.in_force(with_leases(1, 2))
    assert Now(running(3)) == pending.next(with_leases(1, 2, 3))
    pending.forget(Now(running(3)))
    assert not pending


def test_what_others_have_ended_needs_no_note() -> None:
    """It is forgotten without one."""
    pending = Pending()
    pending.add(Now(running()), with_leases(1))
    assert pending.next(with_leases()) is None
    assert not pending


def test_an_intent_that_somebody_else_has_settled() -> None:
    """What we would say of it is void, and so it is of another one's."""
    pending = Pending()
    pending.add(FAILED, BEGINNING)
    begun = fold(BEGINNING, Intent(INTENT))
    assert FAILED == pending.next(begun)
    assert pending.next(fold(begun, FAILED)) is None
    assert not pending
    pending.add(FAILED, BEGINNING)
    other = INTENT._replace(digest=Digest(b"e" * 32))
    assert pending.next(fold(BEGINNING, Intent(other))) is None
    assert not pending


def test_first_what_became_of_an_intent_then_what_is_in_force_then_the_time() -> None:
    """In the order in which they can stand."""
    pending = Pending()
    begun = replace(fold(BEGINNING, Intent(INTENT)), in_force=running(1))
    undone = FAILED._replace(in_force=running(1))
    pending.add(Clock(50), begun)
    pending.add(Clock(40), begun)
    pending.add(undone, begun)
    assert running(1) == pending.in_force(begun)
    pending.add(Now(running()), begun)
    written = []
    for found in (begun, with_leases(1), with_leases(), replace(BEGINNING, clock_ms=50)):
        record = pending.next(found)
        written.append(record)
        if record is not None:
            pending.forget(record)
    assert [undone, Now(NOTHING), Clock(50), None] == written
    assert not pending


def test_a_time_that_somebody_else_has_seen() -> None:
    """It is forgotten."""
    pending = Pending()
    pending.add(Clock(50), BEGINNING)
    assert pending.next(replace(BEGINNING, clock_ms=50)) is None
    assert not pending


def test_a_settled_intent_that_changed_nothing_leaves_what_is_in_force() -> None:
    """It says nothing of it."""
    pending = Pending()
    pending.add(FAILED, with_leases(1))
    assert running(1) == pending.in_force(with_leases(1))
