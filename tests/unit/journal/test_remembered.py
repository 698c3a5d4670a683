"""What records come to, and which sequences cannot be."""

from __future__ import annotations

from functools import reduce

import pytest

from sealwire.journal.records import (
    NOTHING,
    Carried,
    Clock,
    Floor,
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
from sealwire.journal.remembered import (
    Remembered,
    check_not_older,
    fold,
    snapshot,
    taken_away,
)
from sealwire.stages import Digest, Outcome, Stream
from sealwire.versions import Taken

STARTED = Started("payments@prod", b"i" * 16, 5)
BOOT = "boot"


def kept(number: int, stream: Stream = Stream.BASE, accepted_ms: int | None = None) -> Kept:
    """Give the message with a version; it is accepted in the millisecond of its sealing."""
    accepted_ms = number if accepted_ms is None else accepted_ms
    digest = Digest(number.to_bytes(32, "big"))
    verb = "apply" if stream is Stream.BASE else "lease"
    return Kept(f"{number:032x}", stream, number, digest, "alice", verb, b"m", 1, accepted_ms)


def settled(
    what: Kept, outcome: Outcome = Outcome.APPLIED, in_force: Stored | None = None
) -> Settled:
    """Give what became of a message."""
    return Settled(what.digest, what.stream, outcome, in_force)


def base(*numbers: int) -> Stored:
    """Give these bases as what is in force."""
    return Stored(tuple(StoredBase(f"{number:032x}", 1) for number in numbers))


def leases(*numbers: int) -> tuple[StoredLease, ...]:
    """Give these leases."""
    return tuple(StoredLease(f"{number:032x}", BOOT, 1, 1, 1) for number in numbers)


def come_to(*records: Record) -> Remembered:
    """Fold, behind the beginning."""
    return reduce(fold, records, fold(None, STARTED))


def test_a_beginning() -> None:
    """Nothing but whose it is."""
    expected = Remembered("payments@prod", b"i" * 16, 5, {}, {}, NOTHING, None, 0)
    assert expected == come_to()


def test_a_message_on_its_way() -> None:
    """The floor moves with the intent, and is told what became of it."""
    seven = kept(7, accepted_ms=70)
    begun = come_to(Intent(seven))
    assert {Stream.BASE: Taken(7, seven.digest, "alice", None, 70)} == begun.floors
    assert (seven, {seven.id: seven}, 70) == (begun.open_intent, begun.kept, begun.clock_ms)
    assert begun.in_force == NOTHING
    done = fold(begun, settled(seven, in_force=base(7)))
    assert {Stream.BASE: Taken(7, seven.digest, "alice", Outcome.APPLIED, 70)} == done.floors
    assert (None, {seven.id: seven}, base(7)) == (done.open_intent, done.kept, done.in_force)


def test_what_was_not_applied_leaves_its_floor_alone_behind() -> None:
    """What is in force stays; the message is forgotten."""
    for outcome in (Outcome.FAILED, Outcome.REFUSED):
        found = come_to(
            Intent(kept(7)),
            settled(kept(7), in_force=base(7)),
            Intent(kept(8)),
            settled(kept(8), outcome),
        )
        assert (base(7), {kept(7).id}) == (found.in_force, set(found.kept))
        assert outcome is found.floors[Stream.BASE].outcome


def test_what_ended_is_forgotten() -> None:
    """A lease that is over, while another message is being decided."""
    lease, other = kept(7, Stream.LEASE), kept(8, Stream.LEASE)
    running = Stored((), leases(7))
    found = come_to(Intent(lease), settled(lease, in_force=running), Intent(other), Now(NOTHING))
    assert ({other.id: other}, other) == (found.kept, found.open_intent)


def test_the_clock_does_not_go_back() -> None:
    """Of all times the greatest counts."""
    assert 9 == come_to(Clock(9), Clock(3), Intent(kept(7, accepted_ms=5))).clock_ms


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ([STARTED], "begins once"),
        ([Settled(kept(7).digest, Stream.BASE, Outcome.APPLIED)], "not the open intent"),
        ([Intent(kept(4))], "version 4 of stream base is below 5"),
        ([Intent(kept(7)), Intent(kept(8))], "is open"),
        ([Intent(kept(7)), settled(kept(8))], "not the open intent"),
        ([Intent(kept(7)), settled(kept(7, Stream.LEASE))], "not the open intent"),
        ([Intent(kept(7)), settled(kept(7)), settled(kept(7))], "not the open intent"),
        ([Intent(kept(7)), settled(kept(7)), Intent(kept(7))], "version 7 of alice"),
        ([Intent(kept(7)), settled(kept(7)), Intent(kept(6))], "version 6 of alice"),
        (
            [Intent(kept(7)), settled(kept(7), in_force=base(7)), Intent(kept(7, Stream.LEASE))],
            "it is in force",
        ),
        ([Intent(kept(7)), settled(kept(7), Outcome.FAILED, base(7))], "was not applied"),
        ([Intent(kept(7)), settled(kept(7), in_force=base(8))], "its message is not kept"),
        ([Intent(kept(7)), Now(base(7))], "its message is not kept"),
        ([Now(Stored((), leases(7)))], "its message is not kept"),
        (
            [
                Intent(kept(7)),
                settled(kept(7), in_force=Stored((), (), StoredTrial(kept(7).id, BOOT, 1, 1))),
            ],
            "is no base",
        ),
        ([Intent(kept(7, Stream.READ))], "has no floor"),
        ([Intent(kept(7)), Floor(Stream.LEASE, Taken(9, kept(9).digest, "a"))], "carried over"),
        ([Intent(kept(7)), Carried(kept(8))], "carried over"),
        ([Carried(kept(8)), Carried(kept(8))], "carried over"),
        ([Floor(Stream.BASE, Taken(4, kept(4).digest, "a", Outcome.APPLIED))], "below 5"),
    ],
)
def test_what_cannot_be(records: list[Record], said: str) -> None:
    """Each is a bug of ours, or no journal."""
    with pytest.raises(ValueError, match=said):
        come_to(*records)


def test_a_journal_begins_by_saying_whose_it_is() -> None:
    """Nothing else can come first."""
    with pytest.raises(ValueError, match="whose it is"):
        fold(None, Clock(1))


def test_streams_do_not_hold_each_other_up() -> None:
    """Each has a floor of its own."""
    found = come_to(Intent(kept(9)), settled(kept(9)), Intent(kept(7, Stream.LEASE)))
    assert {Stream.BASE: 9, Stream.LEASE: 7} == {
        stream: taken.version for stream, taken in found.floors.items()
    }


def test_a_journal_written_anew_comes_to_the_same() -> None:
    """With everything there can be: floors without messages, and an open intent."""
    lease = kept(7, Stream.LEASE)
    found = come_to(
        Clock(3),
        Intent(kept(6)),
        settled(kept(6), in_force=base(6)),
        Intent(lease),
        settled(lease, in_force=Stored(base(6).bases, leases(7))),
        Intent(kept(8)),
        settled(kept(8), Outcome.FAILED),
        Intent(kept(9, Stream.LEASE, 99)),
    )
    records = snapshot(found)
    assert [Started, Carried, Carried, Floor, Now, Clock, Intent] == list(map(type, records))
    assert found == reduce(fold, records[1:], fold(None, records[0]))
    assert (STARTED,) == snapshot(come_to())


def test_a_state_that_forgets_is_an_older_one() -> None:
    """What a running process has seen is not unseen; it may see more."""
    before = come_to(Intent(kept(7)), settled(kept(7)), Clock(50))
    check_not_older(before, before)
    check_not_older(before, fold(before, Intent(kept(8))))
    check_not_older(before, fold(before, Intent(kept(7, Stream.LEASE))))
    other = fold(None, Started("payments@prod", b"o" * 16, 5))
    for after, said in [
        (other, "begun anew"),
        (fold(None, Started("billing@prod", b"i" * 16, 5)), "begun anew"),
        (come_to(Clock(50)), "does not know version 7"),
        (come_to(Intent(kept(6)), Clock(50)), "does not know version 7"),
        (come_to(Intent(kept(8)), Clock(49)), "no such time"),
        (fold(None, Started("payments@prod", b"i" * 16, 4)), "version 7"),
    ]:
        with pytest.raises(ValueError, match=said):
            check_not_older(before, after)
    with pytest.raises(ValueError, match="no such time"):
        check_not_older(come_to(), fold(None, Started("payments@prod", b"i" * 16, 4)))


TRIAL = StoredTrial(f"{2:032x}", BOOT, 1, 1)


@pytest.mark.parametrize(
    ("found", "noted", "now", "left"),
    [
        # Nobody has changed anything.
        (base(1), NOTHING, base(1), NOTHING),
        # A lease ended here, and another one began elsewhere.
        (
            Stored((), leases(1, 2)),
            Stored((), leases(2)),
            Stored((), leases(1, 2, 3)),
            Stored((), leases(2, 3)),
        ),
        # A base was reverted here, and another one came over it elsewhere.
        (base(1, 2), base(1), base(2, 3), base(3)),
        # A trial ended here with its base, and a lease began elsewhere.
        (
            Stored(base(1, 2).bases, (), TRIAL),
            base(1),
            Stored(base(1, 2).bases, leases(3), TRIAL),
            Stored(base(1).bases, leases(3)),
        ),
        # A trial was confirmed here, and a lease began elsewhere.
        (
            Stored(base(2).bases, (), TRIAL),
            base(2),
            Stored(base(2).bases, leases(3), TRIAL),
            Stored(base(2).bases, leases(3)),
        ),
        # A lease ended here; the trial is somebody else's affair.
        (
            Stored(base(2).bases, leases(1), TRIAL),
            Stored(base(2).bases, (), TRIAL),
            Stored(base(2).bases, leases(1, 3), TRIAL),
            Stored(base(2).bases, leases(3), TRIAL),
        ),
    ],
)
def test_what_ended_while_others_changed_things(
    found: Stored, noted: Stored, now: Stored, left: Stored
) -> None:
    """It is taken away, and nothing else."""
    assert left == taken_away(found, noted, now)


def test_a_clock_that_was_ahead_keeps_out_its_own_issuer_alone() -> None:
    """Others are above the time of the taking, also after everything was written anew."""
    found = come_to(Intent(kept(100, accepted_ms=10)), settled(kept(100)))
    for state in (found, reduce(fold, snapshot(found)[1:], fold(None, STARTED))):
        with pytest.raises(ValueError, match="version 11 of alice is below 101"):
            fold(state, Intent(kept(11)))
        with pytest.raises(ValueError, match="version 10 of bob is below 11"):
            fold(state, Intent(kept(10)._replace(issuer="bob")))
        later = fold(state, Intent(kept(11)._replace(issuer="bob")))
        assert ("bob", 11) == (later.floors[Stream.BASE].issuer, later.floors[Stream.BASE].floor)
        assert 100 == later.floors[Stream.BASE].floor_of("alice")


def test_a_floor_that_would_go_back_is_no_journal() -> None:
    """Neither is one of before the beginning."""
    found = come_to(Intent(kept(7)), settled(kept(7)))
    with pytest.raises(ValueError, match="would go back"):
        fold(found, Floor(Stream.BASE, Taken(6, kept(6).digest, "bob", Outcome.APPLIED)))
