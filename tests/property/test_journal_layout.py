"""A journal that is cut, changed in one bit, or torn as a crash tears: what is read of it.

A truncation gives a prefix of the records. A changed bit in any record but the last is damage; in
the last one the records before it are read, and never another value. Whatever a crash loses of the
last record that was being written, the ones before it are read.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from sealwire.journal.layout import Verdict, append, begin, read

MARKER = bytes.fromhex("a4c3f0915be27d6688fe10b2396cd55a")
PAYLOADS = st.lists(st.binary(max_size=40), min_size=1, max_size=6)
BLOCK_BYTES = 16
"""Disks lose more at a time; smaller blocks are more ways to lose."""


def journal(payloads: list[bytes], beginning: int) -> tuple[bytes, list[int]]:
    """Give a journal, and where each record ends."""
    data, end = begin(MARKER, payloads[:beginning])
    ends = [end.offset for end in read(data).ends]
    for payload in payloads[beginning:]:
        more, end = append(end, payload)
        data += more
        ends.append(end.offset)
    return data, ends


@given(PAYLOADS, st.integers(1, 3))
@settings(max_examples=40)
def test_every_truncation_gives_a_prefix(payloads: list[bytes], beginning: int) -> None:
    """And whatever was written at once is there as a whole, or the journal is damaged."""
    data, ends = journal(payloads, beginning)
    born = ends[min(beginning, len(ends)) - 1]
    for length in range(len(data) + 1):
        found = read(data[:length])
        assert list(found.payloads) == payloads[: sum(1 for end in ends if end <= length)]
        if length < born:
            assert found.verdict is Verdict.CORRUPT
        else:
            assert found.verdict is (Verdict.CLEAN if length in ends else Verdict.TORN)


@given(PAYLOADS, st.integers(1, 3))
@settings(max_examples=20)
def test_every_flipped_bit_is_found(payloads: list[bytes], beginning: int) -> None:
    """Before the last record it is damage; in it, the records before it are read and no other."""
    data, ends = journal(payloads, beginning)
    last = ends[-2] if len(ends) > 1 else 0
    for place in range(len(data)):
        for bit in range(8):
            changed = bytearray(data)
            changed[place] ^= 1 << bit
            found = read(bytes(changed))
            if place < last:
                assert found.verdict is Verdict.CORRUPT, place
            else:
                assert found.verdict is not Verdict.CLEAN, place
            assert list(found.payloads) == payloads[: len(found.payloads)]
            assert len(found.payloads) < len(payloads)


@given(PAYLOADS, st.binary(max_size=90), st.data())
@settings(max_examples=300)
def test_whatever_a_crash_loses_of_the_last_record(
    payloads: list[bytes], last: bytes, data: st.DataObject
) -> None:
    """Any blocks of it, and any length of the file: what is before it is read, and can go on."""
    before, _ = journal(payloads, 1)
    _, end = read(before).payloads, read(before).end
    record, _ = append(end, last)
    written = bytearray(len(record))
    for at in range(0, len(record), BLOCK_BYTES):
        if data.draw(st.booleans()):
            written[at : at + BLOCK_BYTES] = record[at : at + BLOCK_BYTES]
    rest = bytes(written[: data.draw(st.integers(0, len(record)))])
    found = read(before + rest)
    assert found.verdict is not Verdict.CORRUPT
    if rest == record:
        assert [*payloads, last] == list(found.payloads)
    else:
        assert (payloads, end) == (list(found.payloads), found.end)


@given(st.binary(max_size=300))
@settings(max_examples=200)
def test_junk_is_no_journal(data: bytes) -> None:
    """And reading it raises nothing."""
    assert read(data).verdict is Verdict.CORRUPT
    good, _ = journal([b"one"], 1)
    assert (b"one",) == read(good + data).payloads
