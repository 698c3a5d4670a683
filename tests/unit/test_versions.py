"""The version floor: new above it, the same on it, refused below it and ahead of the clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sealwire.durations import in_words
from sealwire.errors import Reason, Stage, VerificationError
from sealwire.stages import Outcome, Stream
from sealwire.versions import Ahead, Standing, Taken, both, judge_version, taken_after

if TYPE_CHECKING:
    from tests.conftest import Operator

    from sealwire.stages import Opened

NOW_MS = 1_800_000_000_000


def taken(opened: Opened, before: Taken | None = None, *, at_ms: int = NOW_MS) -> Taken:
    """Give what ``opened`` leaves to be kept to, taken at ``at_ms``."""
    claims = opened.claims
    return taken_after(before, claims.version, opened.digest, claims.iss, at_ms)


def refusal(
    floor: Taken | None, opened: Opened, *, now_ms: int = NOW_MS, skew_ms: int = 0
) -> VerificationError:
    """Give the refusal of ``opened``."""
    with pytest.raises(VerificationError) as caught:
        judge_version(floor, opened, now_ms, skew_ms)
    assert Stage.ADMISSION is caught.value.stage
    return caught.value


@pytest.mark.parametrize(
    ("version", "skew_ms", "ahead"),
    [
        (0, 0, False),
        (NOW_MS - 1, 0, False),
        (NOW_MS, 0, False),
        (NOW_MS + 1, 0, True),
        (NOW_MS + 1, 1, False),
        (NOW_MS + 2, 1, True),
        (NOW_MS + 60_000, 60_000, False),
        (NOW_MS + 60_001, 60_000, True),
        (2**64 - 1, 60_000, True),
    ],
)
def test_a_version_ahead_of_the_clock(
    alice: Operator, version: int, skew_ms: int, ahead: bool
) -> None:
    """Up to the clock and the tolerance for others' clocks, that millisecond included."""
    opened = alice.opened(version=version)
    if ahead:
        refused = refusal(None, opened, skew_ms=skew_ms)
        assert Reason.VERSION_AHEAD is refused.reason
        assert f"{in_words(version - NOW_MS)} ahead; {in_words(skew_ms)} are" in refused.detail
    else:
        assert Standing.NEW is judge_version(None, opened, NOW_MS, skew_ms)


FLOOR = NOW_MS - 1000


@pytest.mark.parametrize(
    ("version", "standing"),
    [
        (FLOOR + 1, Standing.NEW),
        (NOW_MS, Standing.NEW),
        (FLOOR, None),
        (FLOOR - 1, None),
        (0, None),
    ],
)
def test_other_messages_against_a_floor(
    alice: Operator, mallory: Operator, version: int, standing: Standing | None
) -> None:
    """Above the floor is new, on it and below it superseded, whoever signed the floor's message."""
    opened = alice.opened(b"another", version=version)
    for operator in (alice, mallory):
        floor = taken(operator.opened(version=FLOOR))
        if standing is not None:
            assert standing is judge_version(floor, opened, NOW_MS, 0)
        elif operator is mallory or version != FLOOR:
            refused = refusal(floor, opened)
            assert Reason.VERSION_SUPERSEDED is refused.reason
            assert f"version {version} of stream base" in refused.detail


def test_what_is_superseded_is_told_the_floor(alice: Operator, mallory: Operator) -> None:
    """A sealer that learns the floor can seal again above it."""
    floor = taken(mallory.opened(version=FLOOR))
    assert str(FLOOR) in refusal(floor, alice.opened(version=FLOOR - 5)).detail
    assert "taken from mallory before" in refusal(floor, alice.opened(version=FLOOR)).detail


def test_the_floors_message_again_is_the_same(alice: Operator) -> None:
    """Same version and same digest: its outcome can be answered, and nothing is done."""
    opened = alice.opened(version=FLOOR)
    for outcome in (None, *Outcome):
        floor = Taken(FLOOR, opened.digest, "alice", outcome)
        assert Standing.SAME is judge_version(floor, opened, NOW_MS, 0)


def test_two_messages_of_one_version_are_equivocation(alice: Operator) -> None:
    """Same version, other digest, same issuer: refused, and the detail says it plainly."""
    floor = taken(alice.opened(version=FLOOR))
    refused = refusal(floor, alice.opened(b"another", version=FLOOR))
    assert Reason.EQUIVOCATION is refused.reason
    assert "alice signed two different messages" in refused.detail


def test_two_issuers_may_hit_one_version(alice: Operator, mallory: Operator) -> None:
    """Same version, other issuer: an ordinary stale message, not a lie."""
    floor = taken(alice.opened(version=FLOOR))
    assert Reason.VERSION_SUPERSEDED is refusal(floor, mallory.opened(version=FLOOR)).reason


def test_the_clock_comes_first(alice: Operator) -> None:
    """A version ahead of the clock is refused for that, even on the floor."""
    opened = alice.opened(version=NOW_MS)
    assert Reason.VERSION_AHEAD is refusal(taken(opened), opened, now_ms=NOW_MS - 1).reason


@pytest.mark.parametrize("stream", Stream)
def test_the_stream_is_named(alice: Operator, stream: Stream) -> None:
    """Who reads the refusal learns which stream has moved on."""
    floor = taken(alice.opened(version=FLOOR, stream=stream))
    refused = refusal(floor, alice.opened(version=FLOOR - 1, stream=stream))
    assert f"stream {stream.value} " in refused.detail


SKEW_MS = 60_000
AHEAD = NOW_MS + SKEW_MS


@pytest.mark.parametrize(
    ("hers", "version", "reason"),
    [
        # Somebody else's, after one whose clock was a minute ahead: what was sealed since is new.
        (False, NOW_MS - 1, Reason.VERSION_SUPERSEDED),
        (False, NOW_MS, Reason.VERSION_SUPERSEDED),
        (False, NOW_MS + 1, None),
        (False, AHEAD - 1, None),
        (False, AHEAD, None),
        (False, AHEAD + 1, None),
        # Her own stay in order.
        (True, NOW_MS + 1, Reason.VERSION_SUPERSEDED),
        (True, AHEAD - 1, Reason.VERSION_SUPERSEDED),
        (True, AHEAD, Reason.EQUIVOCATION),
        (True, AHEAD + 1, None),
    ],
)
def test_a_clock_ahead_blocks_nobody_else(
    alice: Operator, mallory: Operator, hers: bool, version: int, reason: Reason | None
) -> None:
    """Others have to be later than the taking, and the one who was ahead than her own version."""
    before = taken(mallory.opened(version=AHEAD))
    assert (NOW_MS, AHEAD) == (before.floor, before.version)
    opened = (mallory if hers else alice).opened(b"another", version=version)
    if reason is None:
        assert Standing.NEW is judge_version(before, opened, NOW_MS + 1, SKEW_MS)
    else:
        assert reason is refusal(before, opened, now_ms=NOW_MS + 1, skew_ms=SKEW_MS).reason


def test_what_was_ahead_is_not_new_again(alice: Operator, mallory: Operator) -> None:
    """Somebody else's was taken since, of a lower version: that is no way back for a copy."""
    first = mallory.opened(version=AHEAD)
    before = taken(alice.opened(version=NOW_MS + 1), taken(first), at_ms=NOW_MS + 1)
    assert (Ahead("mallory", AHEAD, first.digest),) == before.ahead
    copied = refusal(before, first, now_ms=NOW_MS + 2, skew_ms=SKEW_MS)
    assert Reason.VERSION_SUPERSEDED is copied.reason
    assert "was taken before, and one of alice since" in copied.detail
    earlier = mallory.opened(version=AHEAD - 1)
    refused = refusal(before, earlier, now_ms=NOW_MS + 2, skew_ms=SKEW_MS)
    assert Reason.VERSION_SUPERSEDED is refused.reason
    assert f"older than {AHEAD}" in refused.detail
    another = mallory.opened(b"another", version=AHEAD)
    refused = refusal(before, another, now_ms=NOW_MS + 2, skew_ms=SKEW_MS)
    assert Reason.EQUIVOCATION is refused.reason


def test_each_issuer_has_a_floor(alice: Operator, mallory: Operator) -> None:
    """It is what a sealer has to be told: its own, and not that of a clock that is ahead."""
    before = taken(mallory.opened(version=AHEAD))
    assert (AHEAD, NOW_MS) == (before.floor_of("mallory"), before.floor_of("alice"))
    before = taken(alice.opened(version=NOW_MS + 5), before, at_ms=NOW_MS + 3)
    assert (AHEAD, NOW_MS + 5) == (before.floor_of("mallory"), before.floor_of("alice"))
    assert NOW_MS + 3 == before.floor == before.floor_of("bob")


def test_what_the_floor_has_passed_is_not_kept(alice: Operator, mallory: Operator) -> None:
    """One entry an issuer, and none once the floor alone refuses it."""
    before = taken(mallory.opened(version=AHEAD - 1))
    before = taken(mallory.opened(version=AHEAD), before, at_ms=NOW_MS + 1)
    assert () == before.ahead
    before = taken(alice.opened(version=NOW_MS + 2), before, at_ms=NOW_MS + 2)
    assert [AHEAD] == [each.version for each in before.ahead]
    still = taken(alice.opened(version=AHEAD - 1), before, at_ms=AHEAD - 1)
    assert before.ahead == still.ahead
    assert () == taken(alice.opened(version=AHEAD), before, at_ms=AHEAD).ahead


def test_where_the_time_of_taking_is_not_known_the_version_is_the_floor(
    alice: Operator, mallory: Operator
) -> None:
    """Less is accepted then, and never more; nor does a floor go back with the caller's clock."""
    last = mallory.opened(version=AHEAD)
    before = Taken(AHEAD, last.digest, "mallory")
    assert AHEAD == before.floor == before.floor_of("alice")
    after = taken(alice.opened(version=AHEAD + 1), before, at_ms=NOW_MS)
    assert AHEAD == after.floor


def test_what_two_have_taken_is_known_to_both(alice: Operator, mallory: Operator) -> None:
    """A process and its journal: what one of them has taken ahead of the clock is not new then."""
    ahead, after = alice.opened(version=NOW_MS + 500), mallory.opened(version=NOW_MS + 5)
    one, other = taken(ahead), taken(after, at_ms=NOW_MS + 5)
    for joined in (both(one, other), both(other, one)):
        assert (after.digest, NOW_MS + 5) == (joined.digest, joined.floor)
        for each in (ahead, alice.opened(version=NOW_MS + 400), mallory.opened(version=NOW_MS + 4)):
            refused = refusal(joined, each, now_ms=NOW_MS + 10, skew_ms=1000)
            assert Reason.VERSION_SUPERSEDED is refused.reason
        later = alice.opened(version=NOW_MS + 501)
        assert Standing.NEW is judge_version(joined, later, NOW_MS + 10, 1000)
    assert other == both(None, other) == both(other, other)


def test_the_newest_of_each_is_known_from_either(alice: Operator, mallory: Operator) -> None:
    """Also of who has signed what was taken last."""
    first, second = alice.opened(version=NOW_MS + 900), alice.opened(version=NOW_MS + 600)
    one = taken(mallory.opened(version=NOW_MS + 5), taken(first), at_ms=NOW_MS + 5)
    other = taken(second, at_ms=NOW_MS + 7)
    for joined in (both(one, other), both(other, one)):
        refused = refusal(joined, first, now_ms=NOW_MS + 10, skew_ms=1000)
        assert Reason.VERSION_SUPERSEDED is refused.reason
