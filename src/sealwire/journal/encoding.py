"""Records as bytes: CBOR arrays ``[kind, …]`` of `sealwire.cbor`'s subset.

Rules this module keeps:

1. A record has one spelling. ``encode(decode(data)) == data`` for everything that is accepted.
2. What cannot be read is not written: `encode` reads what it has made before it gives it.
3. Every string, number and list has a limit, and a bool is no number.

The kinds are 1 started, 2 intent, 3 settled, 4 now, 5 clock, 6 floor, 7 carried. A reader refuses
a kind it does not know: to leave out a record is to forget something.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from sealwire import cbor
from sealwire.errors import MalformedError, SealError
from sealwire.journal.fields import at_most, exactly, id_of, message_of, number, one_of, raw, text
from sealwire.journal.records import (
    MAX_AHEAD,
    MAX_BASES,
    MAX_LEASES,
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
from sealwire.stages import Digest, Outcome, Stream
from sealwire.versions import Ahead, Taken

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sealwire.cbor import CborValue

T = TypeVar("T")

_STARTED, _INTENT, _SETTLED, _NOW, _CLOCK, _FLOOR, _CARRIED = range(1, 8)

_ID_BYTES: Final = 16
_DIGEST_BYTES: Final = 32
_ROW: Final = 64
"""As many as one array of `sealwire.cbor` has entries."""

_MAX_LAYERS: Final = 64
_CONFIRMED: Final = 3


def encode(record: Record) -> bytes:
    """Give a record as bytes.

    Raises:
        ValueError: a part of it is of another type than its class says, or beyond a limit.
    """
    try:
        data = cbor.encode(_written(record))
    except (SealError, AttributeError, TypeError) as error:
        raise ValueError(f"this record cannot be written: {error}") from None
    # Of two records of one shape, tuples alone would not tell which is which.
    again = decode(data)
    if type(again) is not type(record) or again != record:
        raise ValueError(f"this {type(record).__name__} would be read as another")
    return data


def decode(data: bytes) -> Record:
    """Read a record.

    Raises:
        ValueError: for everything that `encode` does not write.
    """
    try:
        value = cbor.decode(data)
    except MalformedError as error:
        raise ValueError(error.detail) from None
    if not isinstance(value, list) or not value:
        raise ValueError("a record is no list")
    kind, *fields = value
    read = _READERS.get(kind) if type(kind) is int else None
    if read is None:
        raise ValueError(f"a record of kind {kind!r}; a later version may have written it")
    return read(fields)


# ---- writing --------------------------------------------------------------------------------


def _written(record: Record) -> list[CborValue]:
    if isinstance(record, Started):
        return [_STARTED, record.audience, record.state_id, record.min_version]
    if isinstance(record, Intent):
        return [_INTENT, _kept(record.kept)]
    if isinstance(record, Settled):
        left = None if record.in_force is None else _stored(record.in_force)
        return [_SETTLED, record.digest, record.stream.value, int(record.outcome), left]
    if isinstance(record, Now):
        return [_NOW, _stored(record.in_force)]
    if isinstance(record, Clock):
        return [_CLOCK, record.wall_ms]
    if isinstance(record, Floor):
        version, digest, issuer, outcome, taken_ms, ahead = record.taken
        what: list[CborValue] = [version, digest, issuer, _number_of(outcome), taken_ms]
        return [_FLOOR, record.stream.value, *what, _in_rows(ahead)]
    return [_CARRIED, _kept(record.kept)]


def _in_rows(ahead: tuple[Ahead, ...]) -> list[CborValue]:
    if len(ahead) > MAX_AHEAD:
        raise TypeError(f"{len(ahead)} issuers are ahead")
    return [[[*each] for each in row] for row in _cut(ahead)]


def _cut(values: Sequence[T]) -> list[Sequence[T]]:
    return [values[start : start + _ROW] for start in range(0, len(values), _ROW)]


def _number_of(outcome: Outcome | None) -> int:
    if outcome is None:
        raise TypeError("a floor without an outcome is an intent's")
    return int(outcome)


def _kept(kept: Kept) -> list[CborValue]:
    return [bytes.fromhex(kept.id), kept.stream.value, *kept[2:]]


def _stored(stored: Stored) -> list[CborValue]:
    trial = stored.trial
    return [
        [_base(base) for base in stored.bases],
        [[bytes.fromhex(lease.id), *lease[1:]] for lease in stored.leases],
        None if trial is None else [bytes.fromhex(trial.id), *trial[1:]],
    ]


def _base(base: StoredBase) -> list[CborValue]:
    confirmed = [bytes.fromhex(base.confirmed_by)] if base.confirmed_by else []
    return [bytes.fromhex(base.id), base.since_ms, *confirmed]


# ---- reading --------------------------------------------------------------------------------


def _read_started(fields: list[CborValue]) -> Record:
    audience, state_id, min_version = exactly(fields, 3)
    return Started(text(audience), raw(state_id, _ID_BYTES), number(min_version))


def _read_intent(fields: list[CborValue]) -> Record:
    (kept,) = exactly(fields, 1)
    return Intent(_read_kept(kept))


def _read_settled(fields: list[CborValue]) -> Record:
    digest, stream, outcome, left = exactly(fields, 4)
    return Settled(
        Digest(raw(digest, _DIGEST_BYTES)),
        one_of(Stream, stream),
        one_of(Outcome, outcome),
        None if left is None else _read_stored(left),
    )


def _read_now(fields: list[CborValue]) -> Record:
    (stored,) = exactly(fields, 1)
    return Now(_read_stored(stored))


def _read_clock(fields: list[CborValue]) -> Record:
    (wall_ms,) = exactly(fields, 1)
    return Clock(number(wall_ms))


def _read_floor(fields: list[CborValue]) -> Record:
    stream, version, digest, issuer, outcome, taken_ms, ahead = exactly(fields, 7)
    taken = Taken(
        number(version),
        Digest(raw(digest, _DIGEST_BYTES)),
        text(issuer),
        one_of(Outcome, outcome),
        None if taken_ms is None else number(taken_ms),
        _read_rows(ahead),
    )
    return Floor(one_of(Stream, stream), taken)


def _read_rows(value: CborValue) -> tuple[Ahead, ...]:
    rows = [at_most(row, _ROW) for row in at_most(value, _ROW)]
    ahead = [each for row in rows for each in row]
    # All rows but the last are full, so that the same has one spelling.
    if [len(row) for row in rows] != [len(row) for row in _cut(ahead)]:
        raise ValueError("rows that are not full")
    return tuple(map(_read_ahead, ahead))


def _read_ahead(value: CborValue) -> Ahead:
    issuer, version, digest = exactly(value, 3)
    return Ahead(text(issuer), number(version), Digest(raw(digest, _DIGEST_BYTES)))


def _read_carried(fields: list[CborValue]) -> Record:
    (kept,) = exactly(fields, 1)
    return Carried(_read_kept(kept))


_READERS: Final[dict[int, Callable[[list[CborValue]], Record]]] = {
    _STARTED: _read_started,
    _INTENT: _read_intent,
    _SETTLED: _read_settled,
    _NOW: _read_now,
    _CLOCK: _read_clock,
    _FLOOR: _read_floor,
    _CARRIED: _read_carried,
}


def _read_kept(value: CborValue) -> Kept:
    of, stream, version, digest, issuer, verb, message, layer, accepted, setup = exactly(value, 10)
    return Kept(
        id_of(of),
        one_of(Stream, stream),
        number(version),
        Digest(raw(digest, _DIGEST_BYTES)),
        text(issuer),
        text(verb),
        message_of(message),
        number(layer, _MAX_LAYERS),
        number(accepted),
        b"" if setup == b"" else raw(setup, _DIGEST_BYTES),
    )


def _read_stored(value: CborValue) -> Stored:
    bases, leases, trial = exactly(value, 3)
    return Stored(
        tuple(map(_read_base, at_most(bases, MAX_BASES))),
        tuple(map(_read_lease, at_most(leases, MAX_LEASES))),
        None if trial is None else _read_trial(trial),
    )


def _read_base(value: CborValue) -> StoredBase:
    # The third is there only for what was on trial.
    if isinstance(value, list) and len(value) == _CONFIRMED:
        return StoredBase(id_of(value[0]), number(value[1]), id_of(value[2]))
    of, since_ms = exactly(value, 2)
    return StoredBase(id_of(of), number(since_ms))


def _read_lease(value: CborValue) -> StoredLease:
    of, boot_id, ends_boot_ms, ends_wall_ms, left_ms = exactly(value, 5)
    ends = number(ends_boot_ms), number(ends_wall_ms)
    return StoredLease(id_of(of), text(boot_id, 0), *ends, number(left_ms))


def _read_trial(value: CborValue) -> StoredTrial:
    of, boot_id, ends_boot_ms, ends_wall_ms = exactly(value, 4)
    return StoredTrial(id_of(of), text(boot_id, 0), number(ends_boot_ms), number(ends_wall_ms))
