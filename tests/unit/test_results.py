"""What came of a request: read from an answer that anybody may have written."""

from __future__ import annotations

import copy
import pickle
from collections.abc import MutableMapping

import pytest

from sealwire.receipts import Instance, Mode, Receipt
from sealwire.receipts import Outcome as Told
from sealwire.results import (
    RequestError,
    RequestFailedError,
    RequestRefusedError,
    Result,
    read_report,
)
from sealwire.stages import Answer, Outcome
from sealwire.told import Trust

REFUSED = Result(Answer(Outcome.REFUSED, "policy", "handlers.x.class: os.system"), "ab" * 16)
FAILED = Result(Answer(Outcome.FAILED, "", "no such file", repeated=True))


def test_a_result_tells_what_the_answer_does() -> None:
    """Member by member, and its report as an object."""
    answer = Answer(Outcome.APPLIED, repeated=True, report=b'{"ended":["a"]}')
    result = Result(answer, "ab" * 16)
    assert (Outcome.APPLIED, True, "", "") == (
        result.outcome,
        result.repeated,
        result.reason,
        result.detail,
    )
    assert {"ended": ["a"]} == result.report
    assert "ab" * 16 == result.request_id
    assert result is result.check()


@pytest.mark.parametrize(
    ("trust", "instances", "expected"),
    [
        (
            Trust.VERIFIED,
            (Instance("a/1", Told.APPLIED), Instance("a/2", Told.FAILED)),
            ("k", "a/1"),
        ),
        (Trust.UNVERIFIED, (Instance("a/1", Told.APPLIED),), ("k", "a/1")),
        (Trust.VERIFIED, (), None),
    ],
)
def test_who_has_answered_is_known_by_the_receipt(
    trust: Trust, instances: tuple[Instance, ...], expected: tuple[str, str] | None
) -> None:
    """By the key and the name of the process, which stands first; otherwise it is not known."""
    receipt = Receipt(Told.APPLIED, Mode.DURABLE, 1, instances=instances)
    result = Result(Answer(Outcome.APPLIED), "", trust, receipt, "host", "k")
    assert expected == result.answered_by
    assert Result(Answer(Outcome.APPLIED)).answered_by is None


def test_a_report_is_for_reading() -> None:
    """Whoever changes what is inside changes nothing for the next reader."""
    result = Result(Answer(Outcome.APPLIED, report=b'{"ended":["a"]}'))
    assert not isinstance(result.report, MutableMapping)
    result.report["ended"].append("b")
    assert ["a"] == result.report["ended"]


@pytest.mark.parametrize(
    "report",
    [b"", b"not JSON", b"[]", b"\xff", b'{"a": NaN}', b'{"a": 1.5}', b'{"a":' + b"[" * 100_000],
    ids=["empty", "text", "list", "bytes", "nan", "float", "deep"],
)
def test_what_is_no_report_is_an_empty_one(report: bytes) -> None:
    """Whoever sits on the address may have written it."""
    assert {} == read_report(report)
    assert {} == Result(Answer(Outcome.APPLIED, report=report)).report


@pytest.mark.parametrize(
    ("result", "error", "text"),
    [
        (REFUSED, RequestRefusedError, "the service refused: policy: handlers.x.class: os.system"),
        (FAILED, RequestFailedError, "the service could not do it: no such file"),
        (Result(Answer(Outcome.REFUSED)), RequestRefusedError, "the service refused"),
    ],
    ids=["refused", "failed", "no reason"],
)
def test_what_was_not_done_is_an_exception(
    result: Result, error: type[RequestError], text: str
) -> None:
    """It says what was told, and holds all of it."""
    with pytest.raises(RequestError) as raised:
        result.check()
    assert error is type(raised.value)
    assert text == str(raised.value)
    assert result is raised.value.result
    assert (result.reason, result.detail) == (raised.value.reason, raised.value.detail)


def test_what_a_peer_says_cannot_drive_a_terminal() -> None:
    """An exception's text ends up on one."""
    detail = "\x1b[2J\nall is well\u202e é"
    text = str(RequestRefusedError(Result(Answer(Outcome.REFUSED, "policy", detail))))
    assert r"the service refused: policy: \x1b[2J\nall is well\u202e é" == text


@pytest.mark.parametrize("error", [RequestRefusedError(REFUSED), RequestFailedError(FAILED)])
def test_errors_pickle_and_copy(error: RequestError) -> None:
    """As every error of the tree."""
    for back in (pickle.loads(pickle.dumps(error)), copy.deepcopy(error)):
        assert (type(error), str(error), error.result) == (type(back), str(back), back.result)
