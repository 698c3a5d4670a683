"""What is announced of changes, and how little one issuer may write."""

from __future__ import annotations

import logging

import pytest

from sealwire.announcing import CHANGES, Announcer
from sealwire.eventlog import MAX_LINES_A_MINUTE
from sealwire.policy import Policy
from sealwire.testing import pair

START_MS = 5_000
MINUTE_MS = 60_000
TEXT = "lease of %s"


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Give what was announced since this was asked last."""
    assert all((CHANGES.name, logging.WARNING) == each[:2] for each in caplog.record_tuples)
    lines = [each.getMessage() for each in caplog.records]
    caplog.clear()
    return lines


def test_each_issuer_has_ten_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    """Then one line counts, when the minute is over; nobody crowds out somebody else."""
    announcer = Announcer([Policy(())])
    for number in range(MAX_LINES_A_MINUTE + 25):
        announcer.say("mallory", START_MS + number, TEXT, "mallory")
    announcer.say("alice", START_MS + 50, TEXT, "alice")
    assert ["lease of mallory"] * MAX_LINES_A_MINUTE + ["lease of alice"] == said(caplog)
    assert START_MS + MINUTE_MS == announcer.due_ms
    announcer.let_time_pass(START_MS + MINUTE_MS - 1)
    assert [] == said(caplog)
    announcer.let_time_pass(START_MS + MINUTE_MS)
    counted = "left out 25 announcements of changes by mallory in a minute"
    assert [counted] == said(caplog)
    assert announcer.due_ms is None
    announcer.let_time_pass(START_MS + 3 * MINUTE_MS)
    assert [] == said(caplog)


def test_the_count_comes_before_what_is_said_next(caplog: pytest.LogCaptureFixture) -> None:
    """Also where nobody lets time pass in between."""
    announcer = Announcer([])
    for _ in range(MAX_LINES_A_MINUTE + 1):
        announcer.say("alice", START_MS, TEXT, "alice")
    said(caplog)
    announcer.say("bob", START_MS + MINUTE_MS, TEXT, "bob")
    counted = "left out 1 announcements of changes by alice in a minute"
    assert [counted, "lease of bob"] == said(caplog)


def test_where_a_policy_says_so_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """Of all policies that listeners have at that moment; and nothing is counted."""
    policies = [Policy(()), Policy((), announce=False)]
    announcer = Announcer(policies)
    for _ in range(MAX_LINES_A_MINUTE + 1):
        announcer.say("alice", START_MS, TEXT, "alice")
    assert [] == said(caplog)
    assert announcer.due_ms is None
    policies.pop()
    announcer.say("alice", START_MS, TEXT, "alice")
    assert ["lease of alice"] == said(caplog)


def test_the_last_listener_leaves_no_count_behind(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody would write it later; a forked child owes nothing of it."""
    announcer = Announcer([])
    for end, counted in ((announcer.end, 1), (announcer.forget, 0)):
        for _ in range(MAX_LINES_A_MINUTE + 1):
            announcer.say("alice", START_MS, TEXT, "alice")
        said(caplog)
        end()
        assert counted == len(said(caplog))
        announcer.let_time_pass(START_MS + MINUTE_MS)
        assert [] == said(caplog)
        announcer.say("alice", START_MS, TEXT, "alice")
        assert ["lease of alice"] == said(caplog)


def test_a_service_counts_when_the_minute_is_over(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody has to ask for anything meanwhile."""
    with pair() as service:
        for _ in range(MAX_LINES_A_MINUTE):
            service.client.lease({"sealwire-tests.announced": "DEBUG"}, for_s=60)
            service.client.revert()
            service.advance(0.01)
        caplog.clear()
        service.advance(60)
        lines = [each.getMessage() for each in caplog.records if each.name == CHANGES.name]
    assert ["left out 10 announcements of changes by tester in a minute"] == lines
