"""What the log and the statistics say about decisions, and how little a flood may write."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sealwire import eventlog
from sealwire.errors import Reason, Stage
from sealwire.eventlog import LOGGER, MAX_LINES_A_MINUTE, EventLog, log_bug
from sealwire.events import Decision
from sealwire.stages import Answer, Applied, Digest, Outcome
from sealwire.stats import Refusal, Stats

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Operator

NOW_MS = 1_800_000_000_000
START_MS = 5_000
MINUTE_MS = 60_000
PEER = "uid 1000, pid 7"
REQUEST = "request 00010203 of alice (version 1800000000000)"


@pytest.fixture(autouse=True)
def everything_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Capture DEBUG too, and leave the logger as it was."""
    caplog.set_level(logging.DEBUG, "sealwire")
    yield
    LOGGER.disabled = False


def refused(
    reason: Reason | None = Reason.SIGNATURE_INVALID,
    detail: str = "",
    cause: BaseException | None = None,
) -> Decision:
    """Give the decision that a message is refused."""
    return Decision(Answer(Outcome.REFUSED), reason, Stage.LAYER, detail, cause=cause)


def applied(operator: Operator) -> Decision:
    """Give the decision that a request was applied."""
    done = Applied(Digest(bytes(32)), loggers=2, handlers=1)
    return Decision(Answer(Outcome.APPLIED), claims=operator.claims(), applied=done)


def failed(operator: Operator) -> Decision:
    """Give the decision that a request could not be applied."""
    answer = Answer(Outcome.FAILED)
    return Decision(answer, detail="no such file", claims=operator.claims())


def repeated(operator: Operator) -> Decision:
    """Give the decision that a message had been decided before."""
    return Decision(Answer(Outcome.APPLIED, repeated=True), claims=operator.claims())


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """Give level and text of every line so far, and forget them."""
    found = [(record.levelname, record.getMessage()) for record in caplog.records]
    caplog.clear()
    return found


def flood(log: EventLog, count: int, mono_ms: int = START_MS) -> None:
    """Refuse ``count`` messages."""
    for _ in range(count):
        log.record(refused(), PEER, NOW_MS, mono_ms)


def test_what_is_logged_at_which_level(alice: Operator, caplog: pytest.LogCaptureFixture) -> None:
    """One line a decision: who asked, what came of it, and through which connection."""
    log = EventLog()
    for decision in (
        applied(alice),
        Decision(Answer(Outcome.APPLIED), claims=alice.claims()),
        refused(detail="expected Sign1"),
        failed(alice),
        repeated(alice),
        refused(None),
    ):
        log.record(decision, PEER, NOW_MS, START_MS)
    expected = [
        ("INFO", f"applied {REQUEST}: 2 loggers, 1 handler ({PEER})"),
        ("INFO", f"applied {REQUEST}: none ({PEER})"),
        ("WARNING", f"refused a message: signature-invalid: expected Sign1 ({PEER})"),
        ("WARNING", f"failed to apply {REQUEST}: no such file ({PEER})"),
        ("DEBUG", f"repeated {REQUEST}, nothing applied ({PEER})"),
        ("WARNING", f"refused a message: unknown:  ({PEER})"),
    ]
    assert expected == lines(caplog)


def test_a_bug_of_ours_is_an_error_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    """What was refused as internal, and what was caught elsewhere, can be followed up."""
    bug = ZeroDivisionError("a third party's rule")
    EventLog().record(refused(Reason.INTERNAL, "in the policy", bug), PEER, NOW_MS, START_MS)
    log_bug("a bug of ours ended one connection", bug)
    seen = [(record.levelname, record.exc_info and record.exc_info[1]) for record in caplog.records]
    assert [("ERROR", bug), ("ERROR", bug)] == seen
    texts = [text for _, text in lines(caplog)]
    expected = [
        f"refused a message: internal: in the policy ({PEER})",
        "a bug of ours ended one connection",
    ]
    assert expected == texts


def test_everything_is_counted(alice: Operator) -> None:
    """Each outcome has its count, and what was refused or failed is kept with its reason."""
    log = EventLog()
    assert Stats() == log.stats()
    for decision in (applied(alice), refused(detail="x"), failed(alice), repeated(alice)):
        log.record(decision, PEER, NOW_MS, START_MS)
    kept = (
        Refusal(NOW_MS, "signature-invalid", "x", PEER),
        Refusal(NOW_MS, "apply-failed", "no such file", PEER, "alice"),
    )
    expected = Stats(
        applied=1,
        repeated=1,
        refused=1,
        refused_for={"signature-invalid": 1},
        failed=1,
        refusals=kept,
    )
    assert expected == log.stats()


def test_what_strangers_tried_does_not_hide_what_was_tried_with_a_key(alice: Operator) -> None:
    """Of the last of both some are told, in their order."""
    log = EventLog()
    for at in range(7):
        log.record(failed(alice), PEER, NOW_MS + at, START_MS)
    for at in range(7):
        log.record(refused(detail=f"junk {at}"), PEER, NOW_MS + 3 + at, START_MS)
    last = log.last_refusals()
    assert ["alice"] * 5 + ["", ""] == [each.issuer for each in last]
    assert ["junk 5", "junk 6"] == [each.detail for each in last[5:]]


def test_statistics_are_of_one_moment() -> None:
    """What was given out does not change when more is refused."""
    log = EventLog()
    before = log.stats()
    flood(log, 1)
    assert Stats() == before
    assert 1 == log.stats().refused
    once = log.stats()
    flood(log, 1)
    assert [1, 2] == [*once.refused_for.values(), *log.stats().refused_for.values()]


def test_the_last_hundred_refusals_are_kept() -> None:
    """A flood of a thousand costs a hundred entries, and the newest of them win."""
    log = EventLog()
    for number in range(1000):
        log.record(refused(detail=str(number)), PEER, NOW_MS, START_MS)
    stats = log.stats()
    assert 1000 == stats.refused
    assert [str(number) for number in range(900, 1000)] == [each.detail for each in stats.refusals]


def test_ten_refusals_a_minute_then_a_count(caplog: pytest.LogCaptureFixture) -> None:
    """The rest of the minute is one line, which comes when the minute is over, and once."""
    log = EventLog()
    flood(log, MAX_LINES_A_MINUTE)
    assert not log.owes_a_line
    flood(log, 15, START_MS + MINUTE_MS - 1)
    assert log.owes_a_line
    assert MAX_LINES_A_MINUTE == len(lines(caplog))
    log.tick(START_MS + MINUTE_MS - 1)
    assert [] == lines(caplog)
    log.tick(START_MS + MINUTE_MS)
    assert [("WARNING", "left out 15 lines about strangers in a minute")] == lines(caplog)
    assert not log.owes_a_line
    log.tick(START_MS + 10 * MINUTE_MS)
    assert [] == lines(caplog)


def test_a_minute_begins_with_its_first_refusal(caplog: pytest.LogCaptureFixture) -> None:
    """A quiet time before it does not count, so no eleven lines come within a minute."""
    log = EventLog()
    flood(log, 1, START_MS)
    flood(log, 1, START_MS + 7 * MINUTE_MS)
    flood(log, 30, START_MS + 8 * MINUTE_MS - 1)
    assert 1 + MAX_LINES_A_MINUTE == len(lines(caplog))
    log.tick(START_MS + 8 * MINUTE_MS)
    assert [("WARNING", "left out 21 lines about strangers in a minute")] == lines(caplog)


def test_the_count_comes_before_the_next_refusal(caplog: pytest.LogCaptureFixture) -> None:
    """If nothing let the time pass, the first refusal after the minute does."""
    log = EventLog()
    flood(log, 12)
    lines(caplog)
    flood(log, 1, START_MS + MINUTE_MS)
    expected = [
        ("WARNING", "left out 2 lines about strangers in a minute"),
        ("WARNING", f"refused a message: signature-invalid:  ({PEER})"),
    ]
    assert expected == lines(caplog)
    assert not log.owes_a_line


def test_junk_hides_nothing_that_was_tried_with_a_key(
    alice: Operator, caplog: pytest.LogCaptureFixture
) -> None:
    """Strangers have one budget, and each owner of a key another."""
    log = EventLog()
    flood(log, 100)
    lines(caplog)
    tried = replace(refused(), claims=alice.claims())
    for _ in range(12):
        log.record(tried, PEER, NOW_MS, START_MS)
    assert MAX_LINES_A_MINUTE == len(lines(caplog))
    log.tick(START_MS + MINUTE_MS)
    assert [
        ("WARNING", "left out 90 lines about strangers in a minute"),
        ("WARNING", "left out 2 lines about the key of alice in a minute"),
    ] == lines(caplog)


def test_copies_and_bugs_are_limited_too(
    alice: Operator, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy needs no key, and what is wrong in a host's callback is wrong every time."""
    log = EventLog()
    for _ in range(100):
        log.record(repeated(alice), PEER, NOW_MS, START_MS)
    assert MAX_LINES_A_MINUTE == len(lines(caplog))
    clock = [START_MS]
    monkeypatch.setattr(eventlog, "monotonic_ms", lambda: clock[0])
    monkeypatch.setattr(eventlog, "_bugs", eventlog.Budget())
    for _ in range(100):
        log_bug("a bug", ValueError())
    assert MAX_LINES_A_MINUTE == len(lines(caplog))
    clock[0] += MINUTE_MS
    log_bug("a bug", ValueError())
    assert [("ERROR", "left out 90 bugs in a minute"), ("ERROR", "a bug")] == lines(caplog)


@pytest.mark.parametrize("level", ["applied", "refused", "bug"])
def test_a_filter_of_the_hosts_that_raises_ends_nothing(
    alice: Operator, capsys: pytest.CaptureFixture[str], level: str
) -> None:
    """The line is lost, or goes to the last resort; nothing comes out of the log."""

    def broken(record: logging.LogRecord) -> bool:
        raise AttributeError("record has no attribute user")

    LOGGER.addFilter(broken)
    try:
        if level == "bug":
            log_bug("a bug of ours", ValueError())
        else:
            decision = applied(alice) if level == "applied" else refused(detail="x")
            EventLog().record(decision, PEER, NOW_MS, START_MS)
    finally:
        LOGGER.removeFilter(broken)
    assert (level != "applied") is bool(capsys.readouterr().err)


def test_a_flood_silences_no_change(alice: Operator, caplog: pytest.LogCaptureFixture) -> None:
    """What was applied, or failed, came from somebody with a key, and is always logged."""
    log = EventLog()
    flood(log, 100)
    lines(caplog)
    for decision in (applied(alice), failed(alice)) * 20:
        log.record(decision, PEER, NOW_MS, START_MS)
    assert ["INFO", "WARNING"] * 20 == [level for level, _ in lines(caplog)]


@pytest.mark.parametrize("which", ["applied", "refused", "internal", "failed", "repeated", "bug"])
def test_disabled_is_undone_before_logging(
    alice: Operator, caplog: pytest.LogCaptureFixture, which: str
) -> None:
    """An ordinary ``dictConfig`` disables our logger, and the record of a change still comes."""
    decisions = {
        "applied": applied(alice),
        "refused": refused(),
        "internal": refused(Reason.INTERNAL),
        "failed": failed(alice),
        "repeated": repeated(alice),
    }
    LOGGER.disabled = True
    if which == "bug":
        log_bug("a bug", ValueError())
    else:
        EventLog().record(decisions[which], PEER, NOW_MS, START_MS)
    assert 1 == len(lines(caplog))
    assert not LOGGER.disabled


def test_an_application_without_logging_sees_nothing() -> None:
    """The library has a handler that does nothing, so the last resort prints none of its lines."""
    assert any(isinstance(handler, logging.NullHandler) for handler in LOGGER.handlers)
