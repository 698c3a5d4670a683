"""What waits to be written: the last of each, and nothing that others have made void."""

from __future__ import annotations

from dataclasses import replace

from sealwire.journal.pending import Pending, Unwritten
from sealwire.journal.records import (
    NOTHING,
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


# ---- what was taken back before it could be written -----------------------------------------

BASE = Kept("0b" * 16, Stream.BASE, 5, Digest(b"b" * 32), "alice", "apply", b"m", 0, 0)
BELOW = BASE._replace(id="0c" * 16, version=4, digest=Digest(b"c" * 32))
REVERT = Kept("0d" * 16, Stream.BASE, 9, Digest(b"r" * 32), "alice", "revert", b"m", 0, 0)
BOTH = Stored((StoredBase(BELOW.id, 1), StoredBase(BASE.id, 1)), running(1).leases)
ONE = BOTH._replace(bases=BOTH.bases[:1])


def applied(*messages: Kept) -> Remembered:
    """Give a state in which these have been applied, and a lease runs."""
    now = replace(BEGINNING, in_force=running(1), kept={f"{1:032x}": INTENT})
    for kept in messages:
        bases = (*now.in_force.bases, StoredBase(kept.id, 1))
        left = now.in_force._replace(bases=bases)
        now = fold(now, Intent(kept))
        now = fold(now, Settled(kept.digest, kept.stream, Outcome.APPLIED, left))
    return now


def written(pending: Pending, now: Remembered) -> tuple[list[Record], Remembered]:
    """Write all that waits; give it, and what the journal comes to."""
    records: list[Record] = []
    while (record := pending.next(now)) is not None:
        now = fold(now, record)
        pending.forget(record)
        records.append(record)
    return records, now


def test_a_message_that_was_done_is_written_as_any_other() -> None:
    """Its intent, what became of it, and then what ended after it."""
    pending, now = Pending(), applied(BELOW, BASE)
    pending.add(Unwritten(REVERT, Outcome.APPLIED, ONE), now)
    assert ONE == pending.in_force(now) == pending.left_of(now)
    pending.add(Now(ONE._replace(leases=())), now)
    assert ONE._replace(leases=()) == pending.in_force(now) == pending.left_of(now)
    settled = Settled(REVERT.digest, Stream.BASE, Outcome.APPLIED, ONE)
    records, now = written(pending, now)
    assert [Intent(REVERT), settled, Now(ONE._replace(leases=()))] == records
    assert (REVERT.digest, 9) == (now.floors[Stream.BASE].digest, now.floors[Stream.BASE].version)
    assert not pending


def test_what_ended_before_it_is_written_before_it() -> None:
    """A note of what ended by itself is none of the message's."""
    pending, now = Pending(), applied(BELOW, BASE)
    pending.add(Now(BOTH._replace(leases=())), now)
    pending.add(Unwritten(REVERT, Outcome.APPLIED, ONE._replace(leases=())), now)
    kinds = [type(each) for each in written(pending, now)[0]]
    assert [Now, Intent, Settled] == kinds


def test_the_first_of_a_stream_needs_no_floor() -> None:
    """It has a version, and nothing was taken before."""
    pending = Pending()
    pending.add(Unwritten(REVERT, Outcome.APPLIED, NOTHING), BEGINNING)
    assert Intent(REVERT) == pending.next(BEGINNING)


def test_an_intent_of_it_that_got_to_the_disk_is_settled() -> None:
    """It is not said to have failed, whatever was to be said before it was done."""
    pending, now = Pending(), applied(BELOW, BASE)
    pending.add(Settled(REVERT.digest, Stream.BASE, Outcome.FAILED), now)
    pending.add(Unwritten(REVERT, Outcome.APPLIED, ONE), now)
    found = fold(now, Intent(REVERT))
    settled = Settled(REVERT.digest, Stream.BASE, Outcome.APPLIED, ONE)
    assert settled == pending.next(found)
    pending.forget(settled)
    assert not pending


def test_what_another_message_failed_at_is_said_first() -> None:
    """It has nothing to do with this one."""
    pending, now = Pending(), applied(BELOW, BASE)
    other = fold(now, Intent(INTENT._replace(id="0e" * 16)))
    pending.add(FAILED, now)
    pending.add(Unwritten(REVERT, Outcome.APPLIED, ONE), now)
    assert [FAILED, Intent(REVERT)] == written(pending, other)[0][:2]


def test_a_floor_that_has_passed_it_leaves_what_it_ended_to_be_said() -> None:
    """Others have gone on: the message is none any more, and the configuration has gone."""
    pending, now = Pending(), applied(BELOW, BASE)
    pending.add(Unwritten(REVERT, Outcome.APPLIED, ONE), now)
    later = BASE._replace(id="0f" * 16, version=10, digest=Digest(b"f" * 32))
    stands = BOTH._replace(bases=(BOTH.bases[1], StoredBase(later.id, 1)))
    now = fold(now, Intent(later))
    now = fold(now, Settled(later.digest, Stream.BASE, Outcome.APPLIED, stands))
    assert [Now(stands._replace(bases=stands.bases[1:]))] == written(pending, now)[0]


def test_the_same_message_that_another_process_has_taken() -> None:
    """It is written there, and nothing is left to be said."""
    pending, now = Pending(), applied(BELOW, BASE)
    pending.add(Unwritten(REVERT, Outcome.APPLIED, ONE), now)
    now = fold(now, Intent(REVERT))
    now = fold(now, Settled(REVERT.digest, Stream.BASE, Outcome.APPLIED, ONE))
    assert ([], now) == written(pending, now)
    assert not pending


def test_it_waits_for_an_intent_that_somebody_has_left() -> None:
    """Two are never open; whoever holds the journal settles that one first."""
    pending, now = Pending(), applied(BELOW, BASE)
    pending.add(Unwritten(REVERT, Outcome.APPLIED, ONE), now)
    left = fold(now, Intent(INTENT._replace(id="0e" * 16)))
    assert pending.next(left) is None
    assert pending
    assert Intent(REVERT) == pending.next(fold(left, FAILED))


def test_what_can_never_be_written_is_still_said_to_have_ended() -> None:
    """Of a message that cannot be one; of all else nothing is left."""
    pending, now = Pending(), applied(BELOW, BASE)
    pending.add(Unwritten(REVERT, Outcome.APPLIED, ONE), now)
    pending.give_up(Intent(REVERT))
    assert Now(ONE) == pending.next(now)
    pending.give_up(Now(ONE))
    assert not pending
