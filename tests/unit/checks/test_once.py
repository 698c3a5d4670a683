"""Once, at the end of both recommended chains: changes in order, reads by their nonce."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

import pytest

from sealwire.algebra import Guarantee
from sealwire.checks import Once
from sealwire.errors import Reason, RefusedError, Stage, VerificationError
from sealwire.stages import Context, Outcome, Stream
from sealwire.state import AdmissionState
from sealwire.versions import Standing

if TYPE_CHECKING:
    from tests.conftest import ClaimChanges, Operator, Way

    from sealwire.stages import Opened

NOW_S = 1_800_000_000
NOW_MS = NOW_S * 1000
CHANGES = [Stream.BASE, Stream.LEASE]


@pytest.fixture
def state() -> AdmissionState:
    """Give a memory that began a minute ago."""
    return AdmissionState(NOW_MS - 60_000)


def opened(way: Way, document: bytes = b"{}", **changes: Unpack[ClaimChanges]) -> Opened:
    """Give an opened message."""
    sealed = way.seal(way.operator.body(document, **changes))
    return way.chain.open(sealed, now_ms=NOW_MS)


def take(way: Way, message: Opened, state: AdmissionState) -> Standing:
    """Take a message now."""
    return way.chain.take(message, now_ms=NOW_MS, skew_ms=0, state=state)


def refusal(way: Way, message: Opened, state: AdmissionState) -> RefusedError:
    """Give the refusal, which look and take have in common, and which changes nothing."""
    floors, nonces = dict(state.floors), len(state.window)
    with pytest.raises(VerificationError) as looked:
        way.chain.look(message, now_ms=NOW_MS, skew_ms=0, state=state)
    with pytest.raises(VerificationError) as caught:
        take(way, message, state)
    assert looked.value.reason is caught.value.reason
    assert Stage.ADMISSION is caught.value.stage
    assert (floors, nonces) == (state.floors, len(state.window))
    return caught.value


def test_what_it_promises() -> None:
    """Once and in order, of authentic and fresh messages."""
    assert frozenset({Guarantee.ONCE, Guarantee.ORDERED}) == Once.provides
    assert frozenset({Guarantee.AUTHENTIC, Guarantee.FRESH}) == Once.requires


@pytest.mark.parametrize("stream", CHANGES)
def test_a_change_again_is_the_same(way: Way, state: AdmissionState, stream: Stream) -> None:
    """A resent change is recognised, so that its outcome can be answered; no nonce is kept."""
    message = opened(way, stream=stream)
    assert Standing.NEW is take(way, message, state)
    assert Standing.SAME is take(way, message, state)
    assert {stream} == set(state.floors)
    assert 0 == len(state.window)


def test_a_resealed_change_is_the_same(network: Way, state: AdmissionState) -> None:
    """The same body in another wrapping, with another IV, has the same digest."""
    first, second = opened(network), opened(network)
    assert Standing.NEW is take(network, first, state)
    state.settle(first, Outcome.APPLIED)
    assert Standing.SAME is take(network, second, state)
    assert Outcome.APPLIED is state.outcome_of(second)


@pytest.mark.parametrize("stream", CHANGES)
def test_an_older_change_is_refused(way: Way, state: AdmissionState, stream: Stream) -> None:
    """It was overtaken; the refusal moves nothing."""
    take(way, opened(way, stream=stream, version=NOW_MS), state)
    older = opened(way, stream=stream, version=NOW_MS - 1)
    assert Reason.VERSION_SUPERSEDED is refusal(way, older, state).reason


@pytest.mark.parametrize("stream", CHANGES)
def test_another_change_of_one_version_is_refused(
    way: Way, state: AdmissionState, stream: Stream
) -> None:
    """One person, one version, two messages: equivocation."""
    take(way, opened(way, stream=stream), state)
    another = opened(way, b"another", stream=stream)
    assert Reason.EQUIVOCATION is refusal(way, another, state).reason


@pytest.mark.parametrize("stream", [Stream.BASE, Stream.LEASE, Stream.READ])
def test_what_is_ahead_or_from_before_the_start_is_refused(way: Way, stream: Stream) -> None:
    """In every stream that is served, and nothing moves; reads need no clock of the sealer's."""
    ahead = opened(way, stream=stream, version=NOW_MS + 1)
    state = AdmissionState(NOW_MS - 60_000)
    if stream is not Stream.READ:
        assert Reason.VERSION_AHEAD is refusal(way, ahead, state).reason
    before = opened(way, stream=stream, version=NOW_MS - 60_000)
    assert Reason.VERSION_BEFORE_START is refusal(way, before, state).reason


def test_a_read_again_is_refused(way: Way, state: AdmissionState) -> None:
    """Its answer is not kept, so it is not answered twice; no floor is moved."""
    message = opened(way, stream=Stream.READ)
    assert Standing.NEW is take(way, message, state)
    assert Reason.REPLAYED is refusal(way, message, state).reason
    assert {} == state.floors
    assert 1 == len(state.window)


def test_reads_may_overtake_each_other(way: Way, state: AdmissionState) -> None:
    """Whichever comes first."""
    for age_ms in (0, 3000, 1000):
        message = opened(
            way, stream=Stream.READ, version=NOW_MS - age_ms, cti=age_ms.to_bytes(16, "big")
        )
        assert Standing.NEW is take(way, message, state)


def test_streams_do_not_starve_each_other(way: Way, state: AdmissionState) -> None:
    """A newer message of one stream leaves the older one of another to be taken."""
    for age_ms, stream in enumerate((Stream.LEASE, Stream.READ, Stream.BASE)):
        message = opened(way, stream=stream, version=NOW_MS - age_ms)
        assert Standing.NEW is take(way, message, state)


def test_the_keyrings_stream_is_not_served(way: Way, state: AdmissionState) -> None:
    """A keyring is ordered by its own version, not here; and no request is one."""
    with pytest.raises(VerificationError) as caught:
        opened(way, stream=Stream.KEYRING)
    message = opened(way)
    message = message._replace(claims=message.claims._replace(stream=Stream.KEYRING))
    context = Context("payments@prod", NOW_MS, 0, 1, (-19,), b"")
    for step in (Once().look, Once().take):
        with pytest.raises(VerificationError) as refused:
            step(message, context, state)
        for error in (caught.value, refused.value):
            assert Reason.STREAM_MISMATCH is error.reason
            assert "stream keyring is not served" in error.detail


def test_between_look_and_take_the_second_copy_loses(way: Way, state: AdmissionState) -> None:
    """Two copies that were both new when looked at: one of them is taken."""
    for stream in (Stream.BASE, Stream.READ):
        copies = [opened(way, stream=stream) for _ in range(2)]
        for copy in copies:
            looked = way.chain.look(copy, now_ms=NOW_MS, skew_ms=0, state=state)
            assert Standing.NEW is looked
        assert Standing.NEW is take(way, copies[0], state)
        if stream is Stream.BASE:
            assert Standing.SAME is take(way, copies[1], state)
        else:
            assert Reason.REPLAYED is refusal(way, copies[1], state).reason


def test_two_people_share_one_order(
    network: Way, alice: Operator, mallory: Operator, state: AdmissionState
) -> None:
    """An old message of one does not land after a newer one of another."""
    take(network, opened(network), state)
    older = mallory.opened(version=NOW_MS - 1)
    assert Reason.VERSION_SUPERSEDED is refusal(network, older, state).reason
    same_version = mallory.opened(version=NOW_MS)
    assert Reason.VERSION_SUPERSEDED is refusal(network, same_version, state).reason
    assert alice.name == state.floors[Stream.BASE].issuer
