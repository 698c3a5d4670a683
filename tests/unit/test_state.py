"""What a receiver remembers in memory: a clock that never goes back, and mode ``wait-out``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sealwire.durations import in_words
from sealwire.errors import Reason, Stage, VerificationError
from sealwire.stages import Mode, Outcome, Stream
from sealwire.state import AdmissionState
from sealwire.versions import Taken

if TYPE_CHECKING:
    from tests.conftest import Operator

START_MS = 1_800_000_000_000
CHALLENGE = bytes(range(100, 116))


def test_now_is_the_greatest_time_seen() -> None:
    """A clock that goes back makes nothing young again, not even behind the start."""
    state = AdmissionState(START_MS)
    walls = [START_MS - 5, START_MS, START_MS + 10, START_MS + 3, 0, -1, START_MS + 11]
    expected = [START_MS, START_MS, START_MS + 10, START_MS + 10]
    expected += [START_MS + 10, START_MS + 10, START_MS + 11]
    assert expected == [state.observe(wall_ms) for wall_ms in walls]
    assert START_MS + 11 == state.clock_ms


@pytest.mark.parametrize(
    ("version", "skew_ms", "accepted"),
    [
        (0, 0, False),
        (START_MS - 1, 0, False),
        (START_MS, 0, False),
        (START_MS + 1, 0, True),
        (START_MS + 1, 1, False),
        (START_MS + 2, 1, True),
        (START_MS + 60_000, 60_000, False),
        (START_MS + 60_001, 60_000, True),
    ],
)
def test_wait_out(alice: Operator, version: int, skew_ms: int, accepted: bool) -> None:
    """Only what was certainly sealed after the start: the rest may have been taken before it."""
    state = AdmissionState(START_MS)
    claims = alice.claims(version=version)
    if accepted:
        state.check_sealed_after_start(claims, skew_ms)
        return
    with pytest.raises(VerificationError) as caught:
        state.check_sealed_after_start(claims, skew_ms)
    refused = caught.value
    assert (Reason.VERSION_BEFORE_START, Stage.ADMISSION) == (refused.reason, refused.stage)
    assert f"sealed {in_words(START_MS + skew_ms - version + 1)} too early" in refused.detail
    assert f"started at {START_MS}" in refused.detail


@pytest.mark.parametrize(
    ("stream", "version", "accepted"),
    [
        (Stream.BASE, START_MS - 100, False),
        (Stream.BASE, START_MS - 99, True),
        (Stream.LEASE, START_MS - 100, False),
        (Stream.LEASE, START_MS - 99, True),
        (Stream.READ, START_MS, False),
        (Stream.READ, START_MS + 1, True),
    ],
)
def test_floors_that_outlive_the_process(
    alice: Operator, stream: Stream, version: int, accepted: bool
) -> None:
    """Changes count from where the memory begins, reads from the start of the process."""
    state = AdmissionState(START_MS, kept_from=START_MS - 100)
    claims = alice.claims(version=version, stream=stream)
    if accepted:
        state.check_sealed_after_start(claims, 0)
        return
    with pytest.raises(VerificationError) as caught:
        state.check_sealed_after_start(claims, 0)
    assert Reason.VERSION_BEFORE_START is caught.value.reason
    assert "sealed 1 ms too early" in caught.value.detail


@pytest.mark.parametrize(("begun_ms", "since_ms"), [(0, START_MS), (START_MS + 50, START_MS + 50)])
def test_whoever_began_later_takes_what_was_sealed_later(
    alice: Operator, begun_ms: int, since_ms: int
) -> None:
    """The memory is older than the listener, or the other way round."""
    state = AdmissionState(START_MS)
    state.check_sealed_after_process(alice.claims(version=since_ms + 1), 0, begun_ms)
    with pytest.raises(VerificationError) as caught:
        state.check_sealed_after_process(alice.claims(version=since_ms), 0, begun_ms)
    assert f"started at {since_ms} " in caught.value.detail


def test_a_copy_is_kept_from_the_same_version() -> None:
    """Also when it is written back."""
    state, other = AdmissionState(START_MS, kept_from=5), AdmissionState(START_MS)
    assert 5 == state.copy().kept_from
    other.become(state.copy())
    assert 5 == other.kept_from


@pytest.mark.parametrize("version", [0, START_MS, START_MS + 90_000])
def test_the_challenge_counts_and_no_clock_does(alice: Operator, version: int) -> None:
    """Who carries what was drawn at the start has sealed since, whatever the version says."""
    state = AdmissionState(START_MS, challenge=CHALLENGE)
    state.check_sealed_after_start(alice.claims(version=version, nonce=CHALLENGE), 60_000)
    for nonce in (None, bytes(16), CHALLENGE[::-1]):
        with pytest.raises(VerificationError) as caught:
            state.check_sealed_after_start(alice.claims(version=version, nonce=nonce), 60_000)
        refused = caught.value
        assert (Reason.CHALLENGE_REQUIRED, Stage.ADMISSION) == (refused.reason, refused.stage)
        assert ("no challenge" in refused.detail) is (nonce is None)


def test_a_challenge_is_no_way_around_the_start(alice: Operator) -> None:
    """Where none is wanted, one that is carried shows nothing."""
    claims = alice.claims(version=START_MS, nonce=CHALLENGE)
    with pytest.raises(VerificationError) as caught:
        AdmissionState(START_MS).check_sealed_after_start(claims, 0)
    assert Reason.VERSION_BEFORE_START is caught.value.reason


def test_the_mode_is_what_a_message_has_to_show() -> None:
    """A copy wants the same, and so does whatever becomes it."""
    waiting, challenging = AdmissionState(START_MS), AdmissionState(START_MS, challenge=CHALLENGE)
    assert (Mode.WAIT_OUT, Mode.CHALLENGE) == (waiting.mode, challenging.mode)
    assert CHALLENGE == challenging.copy().challenge
    waiting.become(challenging.copy())
    assert (CHALLENGE, Mode.CHALLENGE) == (waiting.challenge, waiting.mode)
    # Whoever remembers wants neither.
    durable = AdmissionState(START_MS, challenge=CHALLENGE, kept_from=0)
    assert [Mode.DURABLE] * 2 == [durable.mode, durable.copy().mode]


def test_two_memories_share_nothing() -> None:
    """Floors and windows are made for each."""
    one, other = AdmissionState(START_MS), AdmissionState(START_MS)
    assert one.floors is not other.floors
    assert one.window is not other.window


def test_nothing_is_tolerated_that_was_not_said() -> None:
    """No time has been seen."""
    assert 0 == AdmissionState(START_MS).clock_ms


def test_the_outcome_of_the_floors_message(alice: Operator) -> None:
    """It is written to the message that holds the floor, and to no other."""
    state = AdmissionState(START_MS)
    opened = alice.opened()
    taken = Taken(opened.claims.version, opened.digest, "alice")
    state.floors[Stream.BASE] = taken
    state.settle(alice.opened(b"another"), Outcome.FAILED)
    state.settle(alice.opened(stream=Stream.LEASE), Outcome.FAILED)
    assert {Stream.BASE: taken} == state.floors
    assert state.outcome_of(opened) is None
    for outcome in Outcome:
        state.settle(opened, outcome)
        assert Taken(taken.version, taken.digest, "alice", outcome) == state.floors[Stream.BASE]
        assert outcome is state.outcome_of(opened)
    assert state.outcome_of(alice.opened(b"another")) is None
    assert state.outcome_of(alice.opened(stream=Stream.LEASE)) is None


@pytest.mark.parametrize("stream", [Stream.BASE, Stream.LEASE, Stream.READ])
def test_whoever_keeps_nothing_counts_from_the_start_of_the_process(
    alice: Operator, stream: Stream
) -> None:
    """Also where another listener keeps what it takes."""
    state = AdmissionState(START_MS, kept_from=5)
    state.check_sealed_after_process(alice.claims(version=START_MS + 1, stream=stream), 0)
    with pytest.raises(VerificationError) as caught:
        state.check_sealed_after_process(alice.claims(version=START_MS, stream=stream), 0)
    assert Reason.VERSION_BEFORE_START is caught.value.reason


def test_the_mode_says_how_it_is_known_that_a_message_is_new() -> None:
    """What is kept on the disk comes before a challenge, and that before waiting."""
    assert Mode.WAIT_OUT is AdmissionState(START_MS).mode
    assert Mode.CHALLENGE is AdmissionState(START_MS, challenge=CHALLENGE).mode
    assert Mode.DURABLE is AdmissionState(START_MS, challenge=CHALLENGE, kept_from=0).mode
