"""Records: one spelling, limits on everything, and no string in clear that is not for reading."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealwire.documents import canonical_json, read_json
from sealwire.trail import forms
from sealwire.trail.causes import Cause
from sealwire.trail.events import (
    EVENTS,
    Begun,
    Drifted,
    PolicyChanged,
    Stopped,
    TrailRecovered,
)
from sealwire.trail.records import (
    MAX_RECORD_BYTES,
    Record,
    RecordError,
    clipped,
    numbered,
    parse_record,
    salt_check,
    salted,
)
from sealwire.trail.seen import Changes, LoggerChange, LoggerSeen

if TYPE_CHECKING:
    from sealwire.trail.events import Event

NOW_MS = 1_800_000_000_123
BOOT = "5f3c6a1e-0d58-4c0e-9a55-2f4f6f0f9e11"
BEGUN = Begun(1, "payments@prod", "00112233aabbccdd", "0" * 64)
PLAIN = Record(4, NOW_MS, BOOT, Stopped("host/worker-1", "asked"))


def test_one_record_as_it_is_written() -> None:
    """Canonical JSON with the time in words."""
    expected = (
        b'{"at":"2027-01-15T08:00:00.123Z","boot":"5f3c6a1e-0d58-4c0e-9a55-2f4f6f0f9e11",'
        b'"cause":"asked","instance":"host/worker-1","kind":"stopped","seq":4}'
    )
    assert expected == PLAIN.encode()


def test_every_kind_is_read_as_it_was_written(trail_events: tuple[Event, ...]) -> None:
    """All kinds there are, with everything they can say, in the one spelling of canonical JSON."""
    events = (BEGUN, *trail_events)
    assert EVENTS.keys() == {each.kind for each in events}
    for seq, event in enumerate(events):
        record = Record(seq, NOW_MS, BOOT, event)
        data = record.encode()
        assert record == parse_record(data)
        assert canonical_json(read_json(data)) == data
        assert numbered(data, seq)
        assert not any(numbered(data, other) for other in {*range(300)} - {seq})


def test_no_other_spelling_is_a_record(trail_events: tuple[Event, ...]) -> None:
    """Another order, spaces, an escape, an entry more or less, another type: all refused."""
    for event in trail_events:
        data = Record(3, NOW_MS, BOOT, event).encode()
        entries: dict[str, Any] = json.loads(data)
        spellings = [
            json.dumps(entries).encode(),
            json.dumps(dict(reversed(entries.items())), separators=(",", ":")).encode(),
            data + b" ",
            data.replace(b'"kind"', b'"\\u006bind"'),
            canonical_json(entries | {"more": 1}),
        ]
        spellings += [
            canonical_json({name: value for name, value in entries.items() if name != left_out})
            for left_out in entries
        ]
        spellings += [canonical_json(entries | {name: [[]]}) for name in entries]
        spellings += [canonical_json(entries | {name: -1}) for name in entries]
        for each in spellings:
            with pytest.raises(RecordError):
                parse_record(each)


@given(st.binary(max_size=80))
def test_any_bytes_are_refused(data: bytes) -> None:
    """With a reason of ours."""
    with pytest.raises(RecordError):
        parse_record(data)


@pytest.mark.parametrize(
    "entries",
    [
        {"seq": True},
        {"seq": 2**53 + 1},
        {"at": "2027-01-15T08:00:00Z"},
        {"at": "2027-01-15T08:00:00.123+00:00"},
        {"at": "2027-13-15T08:00:00.123Z"},
        {"at": "1969-12-31T23:59:59.999Z"},
        {"at": 5},
        {"boot": "no boot"},
        {"kind": "unheard-of"},
        {"kind": 1},
        {"instance": "x" * 513},
        {"instance": None},
        {"cause": True},
    ],
    ids=str,
)
def test_values_that_a_record_cannot_have(entries: dict[str, Any]) -> None:
    """Each in an otherwise good record."""
    whole = json.loads(PLAIN.encode())
    with pytest.raises(RecordError):
        parse_record(canonical_json(whole | entries))


@pytest.mark.parametrize(
    "record",
    [
        dataclasses.replace(PLAIN, seq=-1),
        dataclasses.replace(PLAIN, at=-1),
        dataclasses.replace(PLAIN, at=10**18),
        dataclasses.replace(PLAIN, at="now"),  # type: ignore[arg-type] # a caller's slip
        dataclasses.replace(PLAIN, boot="\n"),
        dataclasses.replace(PLAIN, event=Stopped("x" * 513, "")),
        dataclasses.replace(PLAIN, event=Stopped("\ud800", "")),
        dataclasses.replace(PLAIN, event=PolicyChanged("beef", None)),
        dataclasses.replace(PLAIN, event=TrailRecovered(-1)),
        dataclasses.replace(PLAIN, event=Drifted(Changes((), (), True))),
        dataclasses.replace(PLAIN, event=Drifted("nothing")),  # type: ignore[arg-type] # a caller's slip
        dataclasses.replace(PLAIN, event=Drifted(Changes([], (), 0))),  # type: ignore[arg-type] # as well
    ],
)
def test_what_could_not_be_read_is_not_written(record: Record) -> None:
    """A slip of ours is an error here, and not a trail that nobody can read."""
    with pytest.raises(RecordError, match="a record of kind "):
        record.encode()


def test_a_record_is_bounded() -> None:
    """By entries in a list, and by bytes as a whole."""
    seen = LoggerSeen("INFO", propagate=True, disabled=False, handlers=(), filters=())
    change = LoggerChange("a" * 500, seen, seen)
    full = Changes((change,) * forms.MAX_ENTRIES, (), 0)
    assert len(Record(1, NOW_MS, "", Drifted(full)).encode()) < MAX_RECORD_BYTES
    with pytest.raises(RecordError, match="at most 256"):
        Record(1, 0, "", Drifted(Changes((change,) * 257, (), 0))).encode()
    wide = dataclasses.replace(seen, handlers=("h" * 500,) * 4)
    over = Changes((LoggerChange("a", wide, wide),) * forms.MAX_ENTRIES, (), 0)
    with pytest.raises(RecordError, match="at most 262144 bytes"):
        Record(1, 0, "", Drifted(over)).encode()


def test_forms_refuse_what_is_of_another_kind() -> None:
    """The way back in: JSON of the wrong shape."""
    for form, value in (
        (forms.member(Cause), "no cause"),
        (forms.nested(Changes), []),
        (forms.many(forms.MOMENT), "list"),
        (forms.number(1, 2), 3),
        (dict(forms.forms_of(LoggerSeen))["propagate"], 1),
    ):
        with pytest.raises(ValueError):  # noqa: PT011 - the form's own text is not the point
            form.read(value)
    for form, wrong in ((forms.member(Cause), "asked"), (forms.number(), True)):
        with pytest.raises(ValueError):  # noqa: PT011 - as above
            form.write(wrong)


def test_a_number_is_found_where_it_stands_alone() -> None:
    """Text that looks like it does not count, and neither does the beginning of a longer number."""
    trap = Record(4, NOW_MS, "", Stopped('a,"seq":9,', 'b,"seq":9}')).encode()
    assert numbered(trap, 4)
    assert not numbered(trap, 9)
    assert not numbered(dataclasses.replace(PLAIN, seq=41).encode(), 4)
    assert not numbered(b"", 0)


def test_salted_strings() -> None:
    """The same text with the same salt is the same; nothing else is, and the salt has a check."""
    one, other = bytes(32), bytes([1]) * 32
    assert salted(one, "%(message)s") == salted(one, "%(message)s")
    assert 3 == len({salted(one, "a"), salted(other, "a"), salted(one, "b")})
    assert salted(one, "\ud800").startswith("hmac-sha256:")
    assert 2 == len({salt_check(one), salt_check(other)})


def test_text_that_is_too_long_is_cut() -> None:
    """To what a record can hold, with a sign that it was."""
    assert "short" == clipped("short")
    assert "x" * 511 + "…" == clipped("x" * 513)
    assert "\\udc80" == clipped("\udc80")
    Record(0, 0, "", Stopped(clipped("\udc80" * 9999), "")).encode()
