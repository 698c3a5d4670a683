"""The version floors against a naive receiver that remembers every message it ever took."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealwire.checks import VersionFloor
from sealwire.errors import Reason, VerificationError
from sealwire.stages import Context, Opened, Stream
from sealwire.state import AdmissionState
from sealwire.versions import Standing

if TYPE_CHECKING:
    from tests.conftest import Operator

START_MS = 1_800_000_000_000
SKEW_MS = 6
Verdict = Standing | Reason


class TakenThen(NamedTuple):
    """A message, and when it was taken."""

    opened: Opened
    at_ms: int

    @property
    def floor(self) -> int:
        """What this one asks of every issuer."""
        return min(self.opened.claims.version, self.at_ms)


def naive(taken: list[TakenThen], opened: Opened, now_ms: int) -> Verdict:
    """Say what a message is, from all messages of its stream, in the words of the rules."""
    version, issuer = opened.claims.version, opened.claims.iss
    if version <= START_MS + SKEW_MS:
        return Reason.VERSION_BEFORE_START
    if version > now_ms + SKEW_MS:
        return Reason.VERSION_AHEAD
    if taken and opened.body == taken[-1].opened.body:
        return Standing.SAME
    floor = max((each.floor for each in taken), default=-1)
    own = [each for each in taken if each.opened.claims.iss == issuer]
    newest = max((each.opened.claims.version for each in own), default=-1)
    if version > max(floor, newest):
        return Standing.NEW
    for each in own:
        # Two of one version can be told apart as long as the first of them is kept.
        kept = each is taken[-1] or version > floor
        if version == each.opened.claims.version == newest and kept:
            same = opened.body == each.opened.body
            return Reason.VERSION_SUPERSEDED if same else Reason.EQUIVOCATION
    return Reason.VERSION_SUPERSEDED


# How much time passes, who seals in which stream, the version's distance from now, which document.
STEPS = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.integers(0, 2),
        st.sampled_from([Stream.BASE, Stream.LEASE]),
        st.integers(-8, 8),
        st.integers(0, 1),
        st.booleans() | st.just(value=True),
    ),
    max_size=40,
)


@given(steps=STEPS)
@settings(max_examples=300)
def test_floors_judge_as_the_naive_receiver(
    alice: Operator,
    mallory: Operator,
    steps: list[tuple[int, int, Stream, int, int, bool]],
) -> None:
    """New, the same, or refused for the same reason; a refused message moves no floor."""
    operators = (alice, mallory, alice.called("bob"))
    state, floor = AdmissionState(START_MS, SKEW_MS), VersionFloor()
    taken: dict[Stream, list[TakenThen]] = {Stream.BASE: [], Stream.LEASE: []}
    now_ms = START_MS
    for passed_ms, who, stream, distance_ms, document, take in steps:
        now_ms += passed_ms
        opened = operators[who].opened(
            bytes((document,)), stream=stream, version=now_ms + distance_ms, cti=bytes(16)
        )
        context = Context("payments@prod", now_ms, SKEW_MS, 1, (-19,), b"")
        expected = naive(taken[stream], opened, now_ms)
        before = dict(state.floors)
        actual: Verdict
        try:
            actual = floor.look(opened, context, state)
            assert before == state.floors
            if take:
                floor.take(opened, context, state)
        except VerificationError as error:
            actual = error.reason
        assert expected is actual
        if expected is Standing.NEW and take:
            taken[stream].append(TakenThen(opened, now_ms))
            assert opened.claims.version == state.floors[stream].version
            assert opened.digest == state.floors[stream].digest
            assert len(state.floors[stream].ahead) < len(operators)
        else:
            assert before == state.floors


@given(
    steps=st.lists(
        st.tuples(st.integers(1, 5), st.booleans(), st.integers(-SKEW_MS, SKEW_MS)), max_size=40
    )
)
@settings(max_examples=300)
def test_whose_clock_is_right_is_never_kept_out(
    alice: Operator, mallory: Operator, steps: list[tuple[int, bool, int]]
) -> None:
    """Whatever clock the others have; and nothing that was taken is taken again."""
    state, floor = AdmissionState(START_MS, SKEW_MS), VersionFloor()
    # What was sealed before is from before this memory began.
    now_ms = START_MS + 2 * SKEW_MS
    taken: list[Opened] = []
    for number, (passed_ms, right, distance_ms) in enumerate(steps):
        now_ms += passed_ms
        context = Context("payments@prod", now_ms, SKEW_MS, 1, (-19,), b"")
        operator = alice if right else mallory
        version = now_ms if right else now_ms + distance_ms
        opened = operator.opened(version=version, cti=number.to_bytes(16, "big"))
        try:
            standing = floor.look(opened, context, state)
        except VerificationError:
            assert not right
        else:
            assert Standing.NEW is standing
            floor.take(opened, context, state)
            taken.append(opened)
        for each in taken:
            if each is taken[-1]:
                assert Standing.SAME is floor.look(each, context, state)
                continue
            with pytest.raises(VerificationError) as caught:
                floor.look(each, context, state)
            assert Reason.VERSION_SUPERSEDED is caught.value.reason
