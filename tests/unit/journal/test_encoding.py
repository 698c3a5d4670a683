"""Records as bytes: one spelling, limits on everything, and nothing written that is not read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sealwire import cbor
from sealwire.journal.encoding import decode, encode
from sealwire.journal.records import (
    MAX_AHEAD,
    MAX_BASES,
    MAX_LEASES,
    MAX_MESSAGE_BYTES,
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
from sealwire.stages import Digest, Outcome, Stream
from sealwire.versions import Ahead, Taken

if TYPE_CHECKING:
    from sealwire.cbor import CborValue

ID, OTHER = "0a" * 16, "0b" * 16
DIGEST = Digest(b"d" * 32)
BOOT = "5f3c6a1e-0d58-4c0e-9a55-2f4f6f0f9e11"
KEPT = Kept(ID, Stream.BASE, 7, DIGEST, "alice", "apply", b"message", 1, 9, b"s" * 32)
STORED = Stored(
    (StoredBase(ID, 1, confirmed_by="0d" * 16), StoredBase(OTHER, 2)),
    (StoredLease("0c" * 16, BOOT, 3, 4, 5),),
    StoredTrial(OTHER, "", 6, 7),
)
MOST = Stored(
    tuple(StoredBase(f"{number:032x}", 2**63 - 1) for number in range(MAX_BASES)),
    tuple(StoredLease(f"{number:032x}", "b" * 128, 1, 2, 3) for number in range(MAX_LEASES)),
)


def ahead(count: int) -> tuple[Ahead, ...]:
    """Give so many issuers whose clocks are ahead."""
    return tuple(Ahead(f"issuer-{number}", 8 + number, DIGEST) for number in range(count))


RECORDS: list[Record] = [
    Started("payments@prod", b"i" * 16, 0),
    Intent(KEPT),
    Intent(KEPT._replace(stream=Stream.LEASE, setup=b"", message=b"m" * MAX_MESSAGE_BYTES)),
    Settled(DIGEST, Stream.BASE, Outcome.APPLIED, STORED),
    Settled(DIGEST, Stream.LEASE, Outcome.FAILED),
    Settled(DIGEST, Stream.LEASE, Outcome.REFUSED, NOTHING),
    Now(NOTHING),
    Now(STORED),
    Now(MOST),
    Clock(0),
    Clock(2**63 - 1),
    Floor(Stream.BASE, Taken(7, DIGEST, "alice", Outcome.REFUSED)),
    Floor(Stream.BASE, Taken(7, DIGEST, "alice", Outcome.APPLIED, 6)),
    *(
        Floor(Stream.LEASE, Taken(7, DIGEST, "a", Outcome.APPLIED, 6, ahead(count)))
        for count in (1, 64, 65, MAX_AHEAD)
    ),
    Carried(KEPT),
]


def test_one_record_as_it_is_written() -> None:
    """A list of a kind and its fields."""
    expected = bytes.fromhex("84 01 61 61 50") + b"i" * 16 + b"\x05"
    assert expected == encode(Started("a", b"i" * 16, 5))


@pytest.mark.parametrize("record", RECORDS)
def test_a_record_is_read_as_it_was_written(record: Record) -> None:
    """Its type as well: an intent and a message carried over have the same shape."""
    read = decode(encode(record))
    assert (type(record), record) == (type(read), read)


@pytest.mark.parametrize(
    "record",
    [
        Started("", b"i" * 16, 0),
        Started("a" * 129, b"i" * 16, 0),
        Started("\ud800", b"i" * 16, 0),
        Started("a", b"i" * 15, 0),
        Started("a", b"i" * 16, -1),
        Started("a", b"i" * 16, True),
        Started("a", b"i" * 16, 2**63),
        Intent(KEPT._replace(id="0A" * 16)),
        Intent(KEPT._replace(id="0a" * 15)),
        Intent(KEPT._replace(id="no hex")),
        Intent(KEPT._replace(message=b"")),
        Intent(KEPT._replace(message=b"m" * (MAX_MESSAGE_BYTES + 1))),
        Intent(KEPT._replace(from_layer=65)),
        Intent(KEPT._replace(digest=Digest(b"d"))),
        Intent(KEPT._replace(setup=b"s")),
        Intent(KEPT._replace(issuer="")),
        Intent(KEPT._replace(verb="")),
        Now(Stored((StoredBase(ID, 1),) * 3)),
        Now(Stored((StoredBase(ID, 1, confirmed_by="0a"),))),
        Now(Stored((), (StoredLease(ID, "", 1, 1, 1),) * 65)),
        Now(Stored((), (StoredLease(ID, "", 1, 1, -1),))),
        Now(Stored((), (), StoredTrial("", BOOT, 1, 1))),
        Floor(Stream.BASE, Taken(7, DIGEST, "alice", None)),
        Floor(Stream.BASE, Taken(7, DIGEST, "a", Outcome.APPLIED, 6, ahead(MAX_AHEAD + 1))),
        Floor(Stream.BASE, Taken(7, DIGEST, "a", Outcome.APPLIED, -1)),
        Clock(-1),
    ],
)
def test_what_would_not_be_read_is_not_written(record: Record) -> None:
    """Each has one part beyond its limit."""
    with pytest.raises(ValueError, match=r".+"):
        encode(record)


def test_what_is_of_another_type_is_not_written() -> None:
    """Whatever a caller hands over, the error is one."""
    wrong: Any = "no record"
    for record in (Started(wrong, wrong, 1), Intent(wrong), Now(wrong), Clock(wrong)):
        with pytest.raises(ValueError, match=r".+"):
            encode(record)
    # A list is read as a list, and what is in force are tuples.
    lists: Any = []
    with pytest.raises(ValueError, match="would be read as another"):
        encode(Now(Stored(lists, lists)))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (7, "no list"),
        ([], "no list"),
        ([8, 1], "kind 8; a later version"),
        ([0, 1], "kind 0"),
        ([True, 1], "kind True"),
        (["1", 1], "kind '1'"),
        ([5], "a list of 1"),
        ([5, 1, 2], "a list of 1"),
        ([5, "1"], "a number"),
        ([4, 7], "a list of 3"),
        ([4, [[], 7, None]], "at most 64"),
        ([4, [7, [], None]], "at most 2"),
        ([3, b"d" * 32, "base", True, None], "no Outcome"),
        ([3, b"d" * 32, "base", 4, None], "4 is not a valid Outcome"),
        ([3, b"d" * 32, "bass", 1, None], "'bass' is not a valid Stream"),
        ([3, b"d" * 32, [], 1, None], "not a valid Stream"),
        ([3, "d", "base", 1, None], "32 bytes"),
        ([1, b"a", b"i" * 16, 0], "a text"),
    ],
)
def test_what_is_no_record(value: cbor.CborValue, said: str) -> None:
    """Good CBOR that says something else."""
    with pytest.raises(ValueError, match=said):
        decode(cbor.encode(value))


def test_what_is_no_cbor() -> None:
    """The same error."""
    for data in (b"", b"\x81", b"\xc1\x00", encode(Clock(1)) + b"\x00"):
        with pytest.raises(ValueError, match="cbor"):
            decode(data)


def test_rows_that_could_be_fuller_are_not_read() -> None:
    """Of two ways to cut a list into rows one is read."""
    floor = cbor.decode(
        encode(Floor(Stream.BASE, Taken(7, DIGEST, "a", Outcome.APPLIED, 6, ahead(2))))
    )
    assert isinstance(floor, list)
    rows = floor[-1]
    assert isinstance(rows, list)
    assert isinstance(rows[0], list)
    one, other = rows[0]
    cuts: list[list[CborValue]] = [[[one], [other]], [[one, other], []], [[]]]
    for cut in cuts:
        with pytest.raises(ValueError, match="rows"):
            decode(cbor.encode([*floor[:-1], cut]))
