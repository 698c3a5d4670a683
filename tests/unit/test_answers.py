"""Answers: one constant for strangers, and a small map for those who have shown a key."""

from __future__ import annotations

import pytest

from sealwire import cbor
from sealwire.answers import (
    CONSTANT_REFUSAL,
    MAX_ANSWER_BYTES,
    MAX_DETAIL_CHARS,
    decode_answer,
    encode_answer,
)
from sealwire.errors import MalformedError, Reason, Stage
from sealwire.stages import Answer, Outcome

LONGEST_REASON = max((reason.value for reason in Reason), key=len)


def test_the_constant_refusal_is_a_refusal_that_says_nothing() -> None:
    """Its bytes are written down here, because a stranger may never see others."""
    assert bytes.fromhex("a10102") == CONSTANT_REFUSAL
    assert encode_answer(Answer(Outcome.REFUSED)) == CONSTANT_REFUSAL
    assert Answer(Outcome.REFUSED) == decode_answer(CONSTANT_REFUSAL)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(Outcome.APPLIED), "a10101"),
        (Answer(Outcome.FAILED), "a10103"),
        (Answer(Outcome.APPLIED, repeated=True), "a2010104f5"),
        (Answer(Outcome.REFUSED, "expired"), "a20102026765787069726564"),
        (Answer(Outcome.REFUSED, "policy", "ä"), "a301020266706f6c6963790362c3a4"),
        (Answer(Outcome.FAILED, detail="no"), "a2010303626e6f"),
        (Answer(Outcome.APPLIED, report=b"{}"), "a2010105427b7d"),
    ],
)
def test_an_answer_and_its_bytes(answer: Answer, expected: str) -> None:
    """A field that says nothing is left out, and what is read is what was written."""
    assert expected == encode_answer(answer).hex()
    assert answer == decode_answer(bytes.fromhex(expected))


@pytest.mark.parametrize("character", ["x", "ä", "\u20ac", "\U0001f600"])
def test_a_long_detail_is_cut_and_fits(character: str) -> None:
    """The limit counts characters, and the widest of them still fit into an answer."""
    wide = character * (MAX_DETAIL_CHARS + 1)
    written = encode_answer(Answer(Outcome.REFUSED, LONGEST_REASON, wide, repeated=True))
    assert len(written) <= MAX_ANSWER_BYTES
    assert character * MAX_DETAIL_CHARS == decode_answer(written).detail


def test_a_detail_that_is_no_text_is_escaped() -> None:
    """A path may hold bytes that are no UTF-8; an answer can say so and is not lost for it."""
    written = encode_answer(Answer(Outcome.FAILED, detail="/log/\udcff"))
    assert r"/log/\udcff" == decode_answer(written).detail


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param("", id="nothing"),
        pytest.param("01", id="no-map"),
        pytest.param("8101", id="an-array"),
        pytest.param("f6", id="null"),
        pytest.param("a0", id="no-outcome"),
        pytest.param("a1026161", id="a-reason-alone"),
        pytest.param("a10100", id="outcome-0"),
        pytest.param("a10104", id="outcome-4"),
        pytest.param("a10120", id="outcome-negative"),
        pytest.param("a101f5", id="outcome-true"),
        pytest.param("a101a0", id="outcome-a-map"),
        pytest.param("a10180", id="outcome-an-array"),
        pytest.param("a2010104a0", id="repeated-a-map"),
        pytest.param("a201010401", id="repeated-one"),
        pytest.param("a101f6", id="outcome-null"),
        pytest.param("a20101056161", id="report-text"),
        pytest.param("a201010540", id="report-empty"),
        pytest.param("a2010105f6", id="report-null"),
        pytest.param("a1016131", id="outcome-text"),
        pytest.param("a20101026161ff", id="bytes-trail"),
        pytest.param("a201010201", id="reason-number"),
        pytest.param("a201010241ff", id="reason-bytes"),
        pytest.param("a2010102f6", id="reason-null"),
        pytest.param("a201010260", id="reason-empty"),
        pytest.param("a201010360", id="detail-empty"),
        pytest.param("a2010103f5", id="detail-true"),
        pytest.param("a201010380", id="detail-array"),
        pytest.param("a2010104f6", id="repeated-null"),
        pytest.param("a2010104f4", id="repeated-false"),
        pytest.param("a20101046174", id="repeated-text"),
        pytest.param("a201010402", id="repeated-number"),
        pytest.param("a201010601", id="unknown-field"),
        pytest.param("a20101616101", id="unknown-name"),
        pytest.param("a1180101", id="long-head"),
        pytest.param("a20101", id="cut"),
    ],
)
def test_what_is_no_answer_is_refused(raw: str) -> None:
    """Whoever sits on the address may have written it, so it is read as strictly as a message."""
    with pytest.raises(MalformedError) as caught:
        decode_answer(bytes.fromhex(raw))
    assert Reason.BODY_MALFORMED is caught.value.reason
    assert Stage.BODY is caught.value.stage


def test_a_long_answer_is_refused_unread() -> None:
    """The limit is asked before the first byte is looked at, and is not off by one."""
    room = MAX_ANSWER_BYTES - len(cbor.encode({1: 2, 3: "x" * 70_000})) + 70_000
    fits = cbor.encode({1: 2, 3: "x" * room})
    assert len(fits) == MAX_ANSWER_BYTES
    assert "x" * room == decode_answer(fits).detail
    with pytest.raises(MalformedError) as caught:
        decode_answer(cbor.encode({1: 2, 3: "x" * (room + 1)}))
    assert f"answer: over {MAX_ANSWER_BYTES} bytes" == caught.value.detail
