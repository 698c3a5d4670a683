"""What a journal comes to: its records, folded from the first to the last. Pure data.

Rules this module keeps:

1. A floor never goes back, and moves with the intent, before it is known what becomes of that.
2. One intent is open at a time, and nothing else begins before it is settled.
3. What is in force refers to messages that are kept; a message that nothing refers to is forgotten.
4. A sequence that the writer cannot have meant is refused: it is a bug of ours, or no journal.
5. `snapshot` gives the shortest records that come to the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

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
)
from sealwire.stages import Outcome, Stream
from sealwire.versions import Taken, taken_after


@dataclass(frozen=True, slots=True)
class Remembered:
    """What a service remembers.

    Attributes:
        audience: the service.
        state_id: the state's own id.
        min_version: no message with a lower version is accepted.
        floors: the last message taken in each stream; an open intent's has no outcome yet.
        kept: what is in force and the open intent, as they were accepted, by id.
        in_force: what is in force.
        open_intent: an accepted message of which nobody knows yet what became of it. Whoever holds
            the journal alone and finds one has found that of a process that ended in the middle.
        clock_ms: the greatest wall time seen, milliseconds since the epoch.
    """

    audience: str
    state_id: bytes
    min_version: int = 0
    floors: Mapping[Stream, Taken] = field(default_factory=dict)
    kept: Mapping[str, Kept] = field(default_factory=dict)
    in_force: Stored = NOTHING
    open_intent: Kept | None = None
    clock_ms: int = 0


def fold(before: Remembered | None, record: Record) -> Remembered:
    """Give what is remembered after one more record.

    Args:
        before: what the records before it come to; ``None`` where there is none.
        record: the record.

    Raises:
        ValueError: it cannot stand there (rule 4).
    """
    if isinstance(record, Started):
        if before is not None:
            raise ValueError("a journal begins once")
        return Remembered(record.audience, record.state_id, record.min_version)
    if before is None:
        raise ValueError("a journal begins by saying whose it is")
    if isinstance(record, Intent):
        return _after_intent(before, record.kept)
    if isinstance(record, Settled):
        return _after_settled(before, record)
    if isinstance(record, Now):
        _check_kept(before, record.in_force)
        return _with(before, record.in_force)
    if isinstance(record, Clock):
        return replace(before, clock_ms=max(before.clock_ms, record.wall_ms))
    if isinstance(record, Floor):
        if before.open_intent is not None:
            raise ValueError("a floor is carried over before anything else")
        return _with_floor(before, record.stream, record.taken)
    return _after_carried(before, record.kept)


def _after_intent(before: Remembered, kept: Kept) -> Remembered:
    if before.open_intent is not None:
        raise ValueError(f"{kept.id} cannot begin: {before.open_intent.id} is open")
    if kept.id in before.kept:
        raise ValueError(f"{kept.id} cannot begin: it is in force")
    floor = before.floors.get(kept.stream)
    if floor is not None and kept.version <= floor.floor_of(kept.issuer):
        least = floor.floor_of(kept.issuer) + 1
        raise ValueError(f"version {kept.version} of {kept.issuer} is below {least}")
    taken = taken_after(floor, kept.version, kept.digest, kept.issuer, kept.accepted_ms)
    return replace(
        _with_floor(before, kept.stream, taken),
        kept={**before.kept, kept.id: kept},
        open_intent=kept,
        clock_ms=max(before.clock_ms, kept.accepted_ms),
    )


def _after_settled(before: Remembered, record: Settled) -> Remembered:
    intent = before.open_intent
    if intent is None or (intent.digest, intent.stream) != (record.digest, record.stream):
        raise ValueError("what is settled is not the open intent")
    left = before.in_force if record.in_force is None else record.in_force
    done = replace(before, open_intent=None)
    _check_kept(done, left)
    if record.outcome is not Outcome.APPLIED and intent.id in left.ids:
        raise ValueError(f"{intent.id} was not applied, and cannot be in force")
    taken = before.floors[record.stream]._replace(outcome=record.outcome)
    return _with(replace(done, floors={**before.floors, record.stream: taken}), left)


def _after_carried(before: Remembered, kept: Kept) -> Remembered:
    if before.open_intent is not None or kept.id in before.kept:
        raise ValueError(f"{kept.id} cannot be carried over here")
    return replace(before, kept={**before.kept, kept.id: kept})


def _with_floor(before: Remembered, stream: Stream, taken: Taken) -> Remembered:
    floor = before.floors.get(stream)
    if stream is Stream.READ:
        raise ValueError("what only reads has no floor")
    if taken.version < before.min_version:
        least = before.min_version
        raise ValueError(f"version {taken.version} of stream {stream.value} is below {least}")
    if floor is not None and taken.floor < floor.floor:
        raise ValueError(f"the floor of stream {stream.value} would go back")
    return replace(before, floors={**before.floors, stream: taken})


def _check_kept(before: Remembered, stored: Stored) -> None:
    """Raise unless everything in force is kept, and settled."""
    intent = before.open_intent
    there = before.kept.keys() - ({intent.id} if intent else set())
    if missing := stored.ids - there:
        raise ValueError(f"{min(missing)} is in force, and its message is not kept")
    if stored.trial is not None and stored.trial.id not in {base.id for base in stored.bases}:
        raise ValueError(f"{stored.trial.id} is on trial, and is no base")


def _with(before: Remembered, stored: Stored) -> Remembered:
    """Give the same with something else in force, and forget what that leaves behind."""
    wanted = stored.ids
    if before.open_intent is not None:
        wanted |= {before.open_intent.id}
    kept = {of: kept for of, kept in before.kept.items() if of in wanted}
    return replace(before, in_force=stored, kept=kept)


def snapshot(remembered: Remembered) -> tuple[Record, ...]:
    """Give the shortest records that come to ``remembered``."""
    intent = remembered.open_intent
    settled = {
        stream: taken for stream, taken in remembered.floors.items() if taken.outcome is not None
    }
    records: list[Record] = [
        Started(remembered.audience, remembered.state_id, remembered.min_version)
    ]
    records += [Carried(kept) for kept in remembered.kept.values() if kept != intent]
    records += [Floor(stream, settled[stream]) for stream in Stream if stream in settled]
    if remembered.in_force != NOTHING:
        records.append(Now(remembered.in_force))
    if remembered.clock_ms:
        records.append(Clock(remembered.clock_ms))
    if intent is not None:
        records.append(Intent(intent))
    return tuple(records)


def check_not_older(before: Remembered, after: Remembered) -> None:
    """Refuse a state that forgets what was seen of it before: an older copy, or another's.

    Raises:
        ValueError: it does.
    """
    if (before.audience, before.state_id) != (after.audience, after.state_id):
        raise ValueError("it is another service's, or was begun anew")
    for stream, taken in before.floors.items():
        floor = after.floors.get(stream)
        if floor is None or floor.floor < taken.floor:
            raise ValueError(f"it is older: it does not know version {taken.version}")
    if after.clock_ms < before.clock_ms or after.min_version < before.min_version:
        raise ValueError("it is older: it has seen no such time")


def taken_away(found: Stored, noted: Stored, now: Stored) -> Stored:
    """Say again what was meant when something ended, where others have changed things meanwhile.

    Args:
        found: what was in force when it ended.
        noted: what was left then.
        now: what is in force now.

    Returns:
        ``now`` without everything that ``found`` has and ``noted`` has not.
    """
    if now == found:
        return noted
    gone = {base.id for base in found.bases} - {base.id for base in noted.bases}
    over = {lease.id for lease in found.leases} - {lease.id for lease in noted.leases}
    bases = tuple(base for base in now.bases if base.id not in gone)
    ends = now.trial is not None and (
        now.trial.id in gone or (now.trial == found.trial and noted.trial is None)
    )
    return Stored(
        bases,
        tuple(lease for lease in now.leases if lease.id not in over),
        None if ends else now.trial,
    )
