"""The version floors against a naive receiver that remembers every message it ever took."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from sealwire.checks import VersionFloor
from sealwire.errors import Reason, VerificationError
from sealwire.stages import Context, Stream
from sealwire.state import AdmissionState
from sealwire.versions import Standing

if TYPE_CHECKING:
    from tests.conftest import Operator

    from sealwire.stages import Opened

START_MS = 1_800_000_000_000
SKEW_MS = 3
Verdict = Standing | Reason


def naive(taken: list[Opened], opened: Opened, now_ms: int) -> Verdict:
    """Say what a message is, from all messages of its stream, in the words of the rules."""
    version = opened.claims.version
    if version <= START_MS + SKEW_MS:
        return Reason.VERSION_BEFORE_START
    if version > now_ms + SKEW_MS:
        return Reason.VERSION_AHEAD
    if all(version > other.claims.version for other in taken):
        return Standing.NEW
    newest = max(taken, key=lambda other: other.claims.version)
    if version < newest.claims.version:
        return Reason.VERSION_SUPERSEDED
    if opened.body == newest.body:
        return Standing.SAME
    same_issuer = opened.claims.iss == newest.claims.iss
    return Reason.EQUIVOCATION if same_issuer else Reason.VERSION_SUPERSEDED


# How much time passes, who seals in which stream, the version's distance from now, which document.
STEPS = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.booleans(),
        st.sampled_from([Stream.BASE, Stream.LEASE]),
        st.integers(-8, 5),
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
    steps: list[tuple[int, bool, Stream, int, int, bool]],
) -> None:
    """New, the same, or refused for the same reason; a refused message moves no floor."""
    state, floor = AdmissionState(START_MS, SKEW_MS), VersionFloor()
    taken: dict[Stream, list[Opened]] = {Stream.BASE: [], Stream.LEASE: []}
    now_ms = START_MS
    for passed_ms, hers, stream, distance_ms, document, take in steps:
        now_ms += passed_ms
        operator = alice if hers else mallory
        opened = operator.opened(
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
            taken[stream].append(opened)
            assert opened.claims.version == state.floors[stream].version
            assert opened.digest == state.floors[stream].digest
        else:
            assert before == state.floors
