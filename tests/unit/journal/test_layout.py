"""A journal as bytes: what a crash leaves, and what is damage."""

from __future__ import annotations

import pytest

from sealwire.journal.layout import (
    HEAD_BYTES,
    MAX_FILE_BYTES,
    MAX_PAYLOAD_BYTES,
    RECORD_EXTRA_BYTES,
    End,
    Verdict,
    append,
    begin,
    length_of,
    read,
    read_on,
)

MARKER = bytes(range(100, 116))


def journal(*payloads: bytes, beginning: int = 1) -> tuple[bytes, list[int]]:
    """Give a journal, and where its head and each of its records end."""
    data, end = begin(MARKER, payloads[:beginning])
    ends = [HEAD_BYTES]
    for payload in payloads[:beginning]:
        ends.append(ends[-1] + RECORD_EXTRA_BYTES + len(payload))
    for payload in payloads[beginning:]:
        more, end = append(end, payload)
        data += more
        ends.append(end.offset)
    return data, ends


def test_the_beginning_as_it_is_written() -> None:
    """The head's parts, and a record behind it."""
    data, end = begin(MARKER, [b"one"])
    assert b"sealwire-journal-1\n" + MARKER + len(data).to_bytes(8, "big") == data[:43]
    assert MARKER + b"\0\0\0\3one" == data[HEAD_BYTES : HEAD_BYTES + 23]
    assert (len(data), len(data)) == (end.offset, end.beginning)
    assert len(data) == length_of([b"one"])


def test_a_whole_file_and_its_rest() -> None:
    """Read at once, or from where one knows it."""
    data, ends = journal(b"one", b"", b"three")
    whole = read(data)
    assert ((b"one", b"", b"three"), Verdict.CLEAN) == (whole.payloads, whole.verdict)
    assert ends[1:] == [end.offset for end in whole.ends]
    for place, end in enumerate(whole.ends):
        rest = read_on(data[end.offset :], end)
        assert (whole.payloads[place + 1 :], whole.end) == (rest.payloads, rest.end)
        assert rest.verdict is Verdict.CLEAN


def test_what_is_cut_in_its_beginning_is_damaged() -> None:
    """It had all of that before it had its name."""
    data, ends = journal(b"one", b"two", b"three", beginning=2)
    for length in range(ends[2]):
        assert read(data[:length]).verdict is Verdict.CORRUPT, length
    for length in range(ends[2] + 1, ends[3]):
        assert read(data[:length]).verdict is Verdict.TORN, length
    for length in ends[2:]:
        assert read(data[:length]).verdict is Verdict.CLEAN, length


def test_what_only_one_record_can_leave_is_torn() -> None:
    """More than that is damage, whatever it is; so is another record's first byte."""
    data, _ = journal(b"one", b"two")
    most = MAX_PAYLOAD_BYTES + RECORD_EXTRA_BYTES
    for rest, verdict in [
        (b"\0", Verdict.TORN),
        (MARKER, Verdict.TORN),
        (MARKER + b"\xff\xff\xff\xff", Verdict.TORN),
        (bytes(most), Verdict.TORN),
        (bytes(most + 1), Verdict.CORRUPT),
        (b"\0" + MARKER, Verdict.CORRUPT),
        (MARKER * 2, Verdict.CORRUPT),
    ]:
        found = read(data + rest)
        assert ((b"one", b"two"), verdict) == (found.payloads, found.verdict), rest[:40]
        assert found.problem


def test_a_record_of_another_file_is_none_of_this() -> None:
    """Its marker is another one, and so is the chain it stands in."""
    data, ends = journal(b"one", b"two")
    other, _ = journal(b"another", b"two")
    assert read(data[: ends[1]] + other[-(ends[2] - ends[1]) :]).verdict is Verdict.TORN
    marked = End(0, b"d" * 32, b"m" * 16, 0)
    assert read_on(append(marked._replace(digest=b"x" * 32), b"two")[0], marked).payloads == ()


def test_records_that_change_places_do_not_fit() -> None:
    """Each stands on the one before."""
    data, ends = journal(b"one", b"two", b"six", b"ten")
    head, two, six, ten = (
        data[: ends[1]],
        data[ends[1] : ends[2]],
        data[ends[2] : ends[3]],
        data[ends[3] :],
    )
    for parts in ([six, two, ten], [two, ten], [two, two, six, ten]):
        found = read(head + b"".join(parts))
        assert found.verdict is not Verdict.CLEAN
        assert found.payloads in {(b"one",), (b"one", b"two")}


def test_what_is_too_long() -> None:
    """A record, and a file."""
    _, end = begin(MARKER, [])
    append(end, bytes(MAX_PAYLOAD_BYTES))
    with pytest.raises(ValueError, match="307200 are allowed"):
        append(end, bytes(MAX_PAYLOAD_BYTES + 1))
    with pytest.raises(ValueError, match="307200 are allowed"):
        begin(MARKER, [bytes(MAX_PAYLOAD_BYTES + 1)])
    last = end._replace(offset=MAX_FILE_BYTES - RECORD_EXTRA_BYTES - 1)
    append(last, b"1")
    with pytest.raises(ValueError, match=f"more than {MAX_FILE_BYTES}"):
        append(last, b"12")
