"""VersionFloor, alone in a chain: messages of a stream in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sealwire.algebra import Guarantee
from sealwire.chain import Chain
from sealwire.checks import VersionFloor
from sealwire.errors import Reason, RefusedError, Stage
from sealwire.layers import Ed25519Verifier
from sealwire.stages import Context, Stream
from sealwire.state import AdmissionState
from sealwire.versions import Standing, Taken

if TYPE_CHECKING:
    from tests.conftest import Operator

    from sealwire.stages import Opened

NOW_MS = 1_800_000_000_000


@pytest.fixture
def chain(alice: Operator) -> Chain:
    """Give a chain that admits by versions."""
    return Chain(alice.audience, [Ed25519Verifier([alice.signing.verify_key]), VersionFloor()])


@pytest.fixture
def state() -> AdmissionState:
    """Give a memory that began a minute ago."""
    return AdmissionState(NOW_MS - 60_000)


def take(chain: Chain, message: Opened, state: AdmissionState) -> Standing:
    """Take a message now."""
    return chain.take(message, now_ms=NOW_MS, skew_ms=0, state=state)


def refusal(chain: Chain, message: Opened, state: AdmissionState) -> RefusedError:
    """Give the refusal, which look and take have in common, and which moves no floor."""
    before = dict(state.floors)
    with pytest.raises(RefusedError) as looked:
        chain.look(message, now_ms=NOW_MS, skew_ms=0, state=state)
    with pytest.raises(RefusedError) as caught:
        take(chain, message, state)
    assert looked.value.reason is caught.value.reason
    assert Stage.ADMISSION is caught.value.stage
    assert before == state.floors
    return caught.value


def test_what_it_promises() -> None:
    """Order among authentic messages; freshness is not needed for that."""
    assert frozenset({Guarantee.ORDERED}) == VersionFloor.provides
    assert frozenset({Guarantee.AUTHENTIC}) == VersionFloor.requires


def test_taking_raises_the_floor(chain: Chain, alice: Operator, state: AdmissionState) -> None:
    """Looking does not; the floor is the message that was taken."""
    message = alice.opened()
    assert Standing.NEW is chain.look(message, now_ms=NOW_MS, skew_ms=0, state=state)
    assert {} == state.floors
    assert Standing.NEW is take(chain, message, state)
    taken = Taken(NOW_MS, message.digest, "alice", taken_ms=NOW_MS)
    assert {Stream.BASE: taken} == state.floors


def test_the_same_message_again(chain: Chain, alice: Operator, state: AdmissionState) -> None:
    """It is the same, however often it comes, and the floor keeps what it knows."""
    message = alice.opened()
    take(chain, message, state)
    floor = state.floors[Stream.BASE]
    for _ in range(3):
        assert Standing.SAME is take(chain, message, state)
        assert state.floors[Stream.BASE] is floor


def test_an_older_message_is_refused(chain: Chain, alice: Operator, state: AdmissionState) -> None:
    """Also one that was never delivered."""
    take(chain, alice.opened(version=NOW_MS), state)
    older = alice.opened(b"older", version=NOW_MS - 1)
    assert Reason.VERSION_SUPERSEDED is refusal(chain, older, state).reason


def test_an_older_message_of_somebody_else_is_refused(
    chain: Chain, alice: Operator, mallory: Operator, state: AdmissionState
) -> None:
    """The order is the stream's, not the signer's."""
    take(chain, alice.opened(version=NOW_MS), state)
    older = mallory.opened(version=NOW_MS - 1)
    assert Reason.VERSION_SUPERSEDED is refusal(chain, older, state).reason


def test_equivocation(chain: Chain, alice: Operator, state: AdmissionState) -> None:
    """Two different messages of one version are refused by a reason of their own."""
    take(chain, alice.opened(), state)
    assert Reason.EQUIVOCATION is refusal(chain, alice.opened(b"another"), state).reason


def test_a_version_ahead_moves_no_floor(
    chain: Chain, alice: Operator, state: AdmissionState
) -> None:
    """Nobody can lock the others out by sealing for next year."""
    ahead = alice.opened(version=NOW_MS + 1)
    assert Reason.VERSION_AHEAD is refusal(chain, ahead, state).reason
    assert Standing.NEW is take(chain, alice.opened(), state)


def test_a_clock_ahead_does_not_lock_the_others_out(
    chain: Chain, alice: Operator, mallory: Operator, state: AdmissionState
) -> None:
    """Where a skew is allowed, a message from the end of it leaves the others their turn."""
    ahead, now_ms, skew_ms = mallory.opened(version=NOW_MS + 60_000), NOW_MS, 60_000
    state = AdmissionState(NOW_MS - 120_000)
    assert Standing.NEW is chain.take(ahead, now_ms=now_ms, skew_ms=skew_ms, state=state)
    for passed_ms in (1, 2, 3):
        opened = alice.opened(version=NOW_MS + passed_ms)
        now_ms = NOW_MS + passed_ms
        assert Standing.NEW is chain.take(opened, now_ms=now_ms, skew_ms=skew_ms, state=state)
    with pytest.raises(RefusedError) as caught:
        chain.take(ahead, now_ms=now_ms, skew_ms=skew_ms, state=state)
    assert Reason.VERSION_SUPERSEDED is caught.value.reason


def test_streams_have_floors_of_their_own(
    chain: Chain, alice: Operator, state: AdmissionState
) -> None:
    """One stream cannot starve the other."""
    streams = set(Stream) - {Stream.KEYRING}
    for age_ms, stream in enumerate(streams):
        message = alice.opened(version=NOW_MS - age_ms, stream=stream)
        assert Standing.NEW is take(chain, message, state)
    assert streams == set(state.floors)


def test_what_was_sealed_before_the_start_is_refused(chain: Chain, alice: Operator) -> None:
    """The floors of a former life are forgotten, so its messages are refused."""
    state = AdmissionState(NOW_MS)
    assert Reason.VERSION_BEFORE_START is refusal(chain, alice.opened(), state).reason


def test_taking_looks_again(alice: Operator, state: AdmissionState) -> None:
    """`take` of the admission itself refuses what `look` refuses, and takes nothing twice."""
    floor, context = VersionFloor(), Context("payments@prod", NOW_MS, 0, 1, (-19,), b"")
    message = alice.opened()
    floor.take(message, context, state)
    taken = state.floors[Stream.BASE]
    floor.take(message, context, state)
    with pytest.raises(RefusedError):
        floor.take(alice.opened(version=NOW_MS - 1), context, state)
    assert state.floors[Stream.BASE] is taken
