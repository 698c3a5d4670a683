"""What the answers of several hosts come to."""

from __future__ import annotations

import pytest

from sealwire.cli.cancelling import TakenBack
from sealwire.cli.endings import CommandError, Exit
from sealwire.cli.hosts import Became, HostEnding, Tally, tally
from sealwire.cli.questions import Question
from sealwire.receipts import Instance, Mode, Outcome, Receipt
from sealwire.results import Result, TrailCheck
from sealwire.stages import Answer
from sealwire.stages import Outcome as Decided
from sealwire.told import Trust
from sealwire.workers import STALE

D, U, P = Became.DONE, Became.UNDONE, Became.PASSED_OVER
OK, NO, NOT, GONE, PART = (
    Exit.OK,
    Exit.REFUSED,
    Exit.LOCAL_FAILURE,
    Exit.NO_ANSWER,
    Exit.PARTLY,
)
STATUS = Question(lambda client: client.status(), "answered")


def ended(*endings: tuple[Became, Exit]) -> Tally:
    """Give how hosts have ended, each with the exit status that it would have alone."""
    error = CommandError(Exit.OK, "")
    return Tally(
        tuple(
            HostEnding(f"unix:/{at}", became, error, status)
            for at, (became, status) in enumerate(endings)
        )
    )


@pytest.mark.parametrize(
    ("endings", "status", "words"),
    [
        ([(D, OK)], OK, "done at 1 of 1 host"),
        ([(D, OK), (D, OK)], OK, "done at 2 of 2 hosts"),
        ([(D, OK), (D, PART)], PART, "done at 2 of 2 hosts"),
        ([(D, OK), (U, NO)], PART, "done at 1 of 2 hosts"),
        ([(D, OK), (U, NOT)], PART, "done at 1 of 2 hosts"),
        ([(U, NO), (U, NO)], NO, "done at 0 of 2 hosts"),
        ([(U, NOT), (U, NOT)], NOT, "done at 0 of 2 hosts"),
        ([(U, NOT), (U, GONE)], GONE, "done at 0 of 2 hosts"),
        ([(U, NO), (U, NOT)], NOT, "done at 0 of 2 hosts"),
        ([(D, OK), (P, NO)], OK, "done at 1 of 1 host; 1 passed over"),
        ([(D, OK), (P, NO), (U, NO)], PART, "done at 1 of 2 hosts; 1 passed over"),
        ([(D, OK), (U, Exit.INTERRUPTED)], Exit.INTERRUPTED, "done at 1 of 2 hosts"),
    ],
)
def test_the_exit_status_says_how_much_was_done(
    endings: list[tuple[Became, Exit]], status: Exit, words: str
) -> None:
    """All, a part, or none; and where none, that somebody may have counts most."""
    found = ended(*endings)
    assert status is found.status
    assert words == found.in_words("done")


def answer(name: str, key: str = "k", **more: object) -> Result:
    """Give a host's verified answer."""
    parts: dict[str, object] = {"outcome": Outcome.APPLIED, "repeated": False, **more}
    check = parts.pop("trail", TrailCheck.NONE)
    outcome, repeated = parts["outcome"], parts["repeated"]
    assert isinstance(outcome, Outcome)
    decided = Decided.APPLIED if outcome is Outcome.APPLIED else Decided.REFUSED
    others = parts.pop("more", ())
    assert isinstance(others, tuple)
    instances = (Instance(name, outcome), *others)
    receipt = Receipt(outcome, Mode.DURABLE, 1, repeated=bool(repeated), instances=instances)
    assert isinstance(check, TrailCheck)
    return Result(
        Answer(decided, repeated=bool(repeated), reason=str(more.get("reason", ""))),
        "00" * 16,
        Trust.VERIFIED,
        receipt,
        "host",
        key,
        check,
    )


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (answer("a/1"), answer("b/1"), [D, D]),
        (answer("a/1", "k"), answer("a/1", "l"), [D, D]),
        (answer("a/1"), answer("a/1"), [D, U]),
        (answer("a/1", repeated=True), answer("a/1"), [U, D]),
        (answer("a/1"), answer("a/1", repeated=True), [D, U]),
        (answer("a/1"), answer("b/1", repeated=True), [D, D]),
    ],
)
def test_one_process_counts_once(first: Result, second: Result, expected: list[Became]) -> None:
    """By the key and the name in its receipt; the answer that it gave first counts."""
    found = tally({"unix:/a": first, "unix:/b": second}, STATUS, "payments@test")
    assert expected == [each.became for each in found.every]


@pytest.mark.parametrize(
    ("only", "spared", "reason", "outcome", "expected"),
    [
        (True, "", "not-addressed", Outcome.NOT_ADDRESSED, P),
        (False, "", "not-addressed", Outcome.NOT_ADDRESSED, U),
        (False, "not-in-force", "not-in-force", Outcome.REFUSED, P),
        (False, "", "not-in-force", Outcome.REFUSED, U),
        (True, "", "policy", Outcome.REFUSED, U),
    ],
)
def test_who_has_nothing_to_do_is_passed_over(
    only: bool, spared: str, reason: str, outcome: Outcome, expected: Became
) -> None:
    """As far as that was asked for: a host's word alone excuses it from nothing."""
    question = Question(
        lambda client: client.status(), "answered", only=only, spared=frozenset({spared} - {""})
    )
    refused = answer("b/1", outcome=outcome, reason=reason)
    found = tally({"unix:/a": answer("a/1"), "unix:/b": refused}, question, "payments@test")
    assert [D, expected] == [each.became for each in found.every]
    alone = tally({"unix:/b": refused}, question, "payments@test")
    assert [U] == [each.became for each in alone.every]


@pytest.mark.parametrize(
    ("checks", "status"),
    [
        ([TrailCheck.TAMPERED, TrailCheck.TRUNCATED], Exit.REFUSED),
        ([TrailCheck.TRUNCATED, TrailCheck.PROVED], Exit.TRUNCATED),
        ([TrailCheck.PROVED, TrailCheck.PROVED], Exit.OK),
    ],
)
def test_a_record_that_is_not_what_it_was_counts_first(
    checks: list[TrailCheck], status: Exit
) -> None:
    """Tampered with before cut, and both before all else."""
    heard = {f"unix:/{at}": answer(f"{at}/1", trail=it) for at, it in enumerate(checks)}
    assert status is tally(heard, STATUS, "payments@test").status


APPLIED = answer("a/1")


@pytest.mark.parametrize(
    ("back", "problem"),
    [
        (answer("a/1"), ""),
        (answer("a/1", repeated=True), ""),
        (answer("b/1"), "b/1 answers, and not a/1, which had done it and perhaps ended since"),
        (answer("a/1", "l"), "a/1 answers, and not a/1, which had done it and perhaps ended since"),
        (answer("a/1", outcome=Outcome.REFUSED, reason="policy"), "policy"),
        (answer("a/1", outcome=Outcome.REFUSED), "the service gives no reason"),
        (answer("a/1", more=(Instance("a/2", Outcome.FAILED, "disk"),)), "not in a/2"),
        (answer("a/1", more=(Instance("a/2", Outcome.FAILED, STALE),)), ""),
        (CommandError(NOT, "no connection"), "no connection"),
        (Result(Answer(Decided.APPLIED)), "nobody known answers, and not a/1, which had done it"),
    ],
)
def test_what_was_taken_back_the_host_says_that_had_done_it(
    back: Result | CommandError, problem: str
) -> None:
    """No other one, and for all its processes."""
    taken = TakenBack.of({"unix:/a": APPLIED}, {"unix:/a": back})
    assert (problem == "") is taken.all_of_it
    assert taken.problems.get("unix:/a", "").startswith(problem)


def test_nothing_of_another_hosts_excuses_a_host() -> None:
    """Led to one that has nothing to do, it is not passed over."""
    nothing = answer("c/1", outcome=Outcome.REFUSED, reason="not-in-force")
    question = Question(
        lambda client: client.revert(), "reverted", spared=frozenset({nothing.reason})
    )
    heard = {"unix:/a": APPLIED, "unix:/b": nothing, "unix:/c": nothing}
    found = tally(heard, question, "payments@test")
    assert sorted([D, P, U], key=str) == sorted((each.became for each in found.every), key=str)
    assert PART is found.status
    nobody = Result(nothing.answer, "", Trust.UNVERIFIED, nothing.receipt, "host", "k")
    found = tally({"unix:/a": APPLIED, "unix:/b": nobody}, question, "payments@test")
    assert [D, U] == [each.became for each in found.every]
