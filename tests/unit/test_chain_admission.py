"""Look and take: nothing is taken unless all agree, and the second copy loses."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from sealwire.algebra import Guarantee
from sealwire.chain import Chain
from sealwire.checks import Freshness, ReplayWindow, VersionFloor
from sealwire.errors import (
    ConfigurationError,
    Reason,
    RefusedError,
    Stage,
    VerificationError,
)
from sealwire.layers import Ed25519Verifier
from sealwire.stages import Evidence
from sealwire.state import AdmissionState
from sealwire.versions import Standing

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Operator, Way

    from sealwire.algebra import Admission
    from sealwire.stages import Context, Opened


NOW_S = 1_800_000_000
NOW_MS = NOW_S * 1000


def raising(error: BaseException) -> Callable[..., Any]:
    """Give a step that raises."""

    def step(*arguments: object) -> None:
        raise error

    return step


ERRORS: list[Exception] = [
    ValueError("v"),
    KeyError("k"),
    TypeError("t"),
    AttributeError("a"),
    IndexError("i"),
    RecursionError("r"),
    MemoryError("m"),
    OSError(5, "o"),
    StopIteration(),
    AssertionError("b"),
    ConfigurationError("c"),
]


class ThirdPartyAdmission:
    """An admission whose steps are functions."""

    def __init__(self, look: Callable[..., Any], take: Callable[..., Any]) -> None:
        self.look, self.take = look, take
        self.requires: frozenset[Guarantee] = frozenset()
        self.provides = frozenset({Guarantee.ONCE})


def new(*arguments: object) -> Standing:
    """Say NEW."""
    return Standing.NEW


def same(*arguments: object) -> Standing:
    """Say SAME."""
    return Standing.SAME


def nothing(*arguments: object) -> None:
    """Do nothing."""


def admitting(alice: Operator, *admissions: Any) -> Chain:  # noqa: ANN401 - any admission
    """Give a chain with these admissions."""
    verifier = Ed25519Verifier([alice.signing.verify_key])
    return Chain(alice.audience, [verifier, Freshness(), *admissions])


@pytest.fixture
def state() -> AdmissionState:
    """Give a memory that began a minute ago."""
    return AdmissionState(NOW_MS - 60_000)


def admit(chain: Chain, opened: Opened, state: AdmissionState, *, take: bool) -> Standing:
    """Look at a message, or take it."""
    step = chain.take if take else chain.look
    return step(opened, now_ms=NOW_MS, skew_ms=0, state=state)


def admit_refusal(
    chain: Chain, opened: Opened, state: AdmissionState, *, take: bool
) -> RefusedError:
    """Give the refusal of a look or a take."""
    with pytest.raises(RefusedError) as caught:
        admit(chain, opened, state, take=take)
    assert Stage.ADMISSION is caught.value.stage
    return caught.value


def test_a_chain_without_admission_takes_everything(alice: Operator, state: AdmissionState) -> None:
    """Such a chain guarantees neither once nor order, and no listener serves with it."""
    chain = admitting(alice)
    for _ in range(2):
        assert Standing.NEW is admit(chain, alice.opened(), state, take=True)
    with pytest.raises(ConfigurationError, match="add Once"):
        chain.check_serves()


def test_admissions_are_told_place_and_time(alice: Operator, state: AdmissionState) -> None:
    """A context of their own: behind all layers, with nothing bound."""
    told: list[Context] = []

    def look(opened: Opened, context: Context, given: AdmissionState) -> Standing:
        assert given is state
        told.append(context)
        return Standing.NEW

    chain = admitting(alice, ThirdPartyAdmission(look, nothing))
    chain.take(alice.opened(), now_ms=NOW_MS, skew_ms=5, state=state)
    (context,) = told
    assert (alice.audience, NOW_MS, 5, 1, (-19,), b"") == tuple(context)


def test_a_checks_evidence_does_not_move_an_admission(
    alice: Operator, state: AdmissionState
) -> None:
    """What a check adds to the evidence is no layer, and changes neither place nor algorithms."""
    more = Evidence("ThirdParty", 0, b"t" * 32, "somebody")
    opened = alice.opened()
    told: list[Context] = []

    def look(opened: Opened, context: Context, given: AdmissionState) -> Standing:
        told.append(context)
        return Standing.NEW

    chain = admitting(alice, ThirdPartyAdmission(look, nothing))
    for evidence in (opened.evidence, (*opened.evidence, more)):
        with_evidence = opened._replace(evidence=evidence)
        chain.look(with_evidence, now_ms=NOW_MS, skew_ms=0, state=state)
    assert told[0] == told[1]


def test_nothing_is_taken_unless_all_admissions_agree(
    alice: Operator, state: AdmissionState
) -> None:
    """The window would refuse, so the floor does not move, whichever stands first."""
    for admissions in ([VersionFloor(), ReplayWindow()], [ReplayWindow(), VersionFloor()]):
        chain = admitting(alice, *admissions)
        long = alice.opened(exp=NOW_S + 301)
        refused = admit_refusal(chain, long, state, take=True)
        assert Reason.LIFETIME_TOO_LONG is refused.reason
        old = alice.opened(version=NOW_MS - 60_000)
        assert Reason.VERSION_BEFORE_START is admit_refusal(chain, old, state, take=True).reason
        assert ({}, 0) == (state.floors, len(state.window))


def refuse(*arguments: object) -> None:
    """Refuse to take, although looking allowed it."""
    raise VerificationError(Reason.REPLAYED, Stage.ADMISSION, "late")


@pytest.mark.parametrize(
    "last", [ThirdPartyAdmission(new, refuse), ReplayWindow()], ids=["late refusal", "twice"]
)
def test_none_has_taken_when_the_last_refuses(
    alice: Operator, state: AdmissionState, last: Admission
) -> None:
    """Also where looking had allowed it: a message is taken by all of them or by none."""
    chain = admitting(alice, VersionFloor(), ReplayWindow(), last)
    refused = admit_refusal(chain, alice.opened(), state, take=True)
    assert Reason.REPLAYED is refused.reason
    assert ({}, 0) == (state.floors, len(state.window))


def test_neither_of_two_has_taken_when_the_other_refuses(
    alice: Operator, state: AdmissionState
) -> None:
    """Two are already several: the first has not remembered what the second refused."""
    chain = admitting(alice, VersionFloor(), ThirdPartyAdmission(new, refuse))
    refused = admit_refusal(chain, alice.opened(), state, take=True)
    assert Reason.REPLAYED is refused.reason
    assert {} == state.floors


def test_all_admissions_take(alice: Operator, state: AdmissionState) -> None:
    """A new message is remembered by each."""
    chain = admitting(alice, VersionFloor(), ReplayWindow())
    assert Standing.NEW is admit(chain, alice.opened(), state, take=True)
    assert (1, 1) == (len(state.floors), len(state.window))


def test_looking_takes_nothing(way: Way, state: AdmissionState) -> None:
    """It may be done any number of times."""
    opened = way.chain.open(way.seal(), now_ms=NOW_MS)
    before = dataclasses.astuple(AdmissionState(NOW_MS - 60_000))[:3]
    for _ in range(3):
        assert Standing.NEW is admit(way.chain, opened, state, take=False)
    assert before == (state.start_ms, state.clock_ms, state.floors)
    assert 0 == len(state.window)


@pytest.mark.parametrize("position", [0, 1, 2])
def test_the_same_is_the_same_for_all(
    alice: Operator, state: AdmissionState, position: int
) -> None:
    """If one admission has seen the message before, none takes it."""
    taken: list[object] = []
    admissions = [ThirdPartyAdmission(new, lambda *given: taken.append(given)) for _ in range(3)]
    admissions[position] = ThirdPartyAdmission(same, lambda *given: taken.append(given))
    chain = admitting(alice, *admissions)
    assert Standing.SAME is admit(chain, alice.opened(), state, take=False)
    assert Standing.SAME is admit(chain, alice.opened(), state, take=True)
    assert [] == taken


def test_taking_looks_again(way: Way, state: AdmissionState) -> None:
    """Between look and take the second copy loses."""
    one, other = (way.chain.open(way.seal(), now_ms=NOW_MS) for _ in range(2))
    assert Standing.NEW is admit(way.chain, one, state, take=False)
    assert Standing.NEW is admit(way.chain, other, state, take=False)
    assert Standing.NEW is admit(way.chain, one, state, take=True)
    assert Standing.SAME is admit(way.chain, other, state, take=True)


def test_what_was_refused_when_taken_can_still_be_taken(way: Way, state: AdmissionState) -> None:
    """A refusal for the clock is no memory of the message."""
    opened = way.chain.open(way.seal(), now_ms=NOW_MS)
    with pytest.raises(RefusedError):
        way.chain.take(opened, now_ms=NOW_MS - 1, skew_ms=0, state=state)
    assert {} == state.floors
    assert Standing.NEW is admit(way.chain, opened, state, take=True)


def test_the_skew_is_given_on(way: Way, state: AdmissionState) -> None:
    """Chain and admission judge by the tolerance of the receiver."""
    sealed = way.seal(way.operator.body(version=NOW_MS + 900))
    opened = way.chain.open(sealed, now_ms=NOW_MS - 500, skew_ms=500)
    with pytest.raises(RefusedError):
        way.chain.take(opened, now_ms=NOW_MS, skew_ms=899, state=state)
    assert Standing.NEW is way.chain.take(opened, now_ms=NOW_MS, skew_ms=900, state=state)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_what_an_admission_raises_is_internal(
    alice: Operator, state: AdmissionState, error: Exception
) -> None:
    """While looking and while taking."""
    opened = alice.opened()
    for admission, take in (
        (ThirdPartyAdmission(raising(error), nothing), False),
        (ThirdPartyAdmission(new, raising(error)), True),
    ):
        refused = admit_refusal(admitting(alice, admission), opened, state, take=take)
        assert Reason.INTERNAL is refused.reason
        assert refused.__cause__ is error


def test_an_admission_cannot_say_it_stood_elsewhere(alice: Operator, state: AdmissionState) -> None:
    """Its refusals are of this stage."""
    error = VerificationError(Reason.REPLAYED, Stage.LAYER, "seen")
    admission = ThirdPartyAdmission(raising(error), nothing)
    refused = admit_refusal(admitting(alice, admission), alice.opened(), state, take=False)
    assert (Reason.REPLAYED, "seen") == (refused.reason, refused.detail)


@pytest.mark.parametrize("given", [None, True, "new", 1])
def test_an_admission_that_says_neither_is_internal(
    alice: Operator, state: AdmissionState, given: object
) -> None:
    """A `return` that was forgotten takes nothing."""
    admission = ThirdPartyAdmission(lambda *_: given, nothing)
    for take in (False, True):
        refused = admit_refusal(admitting(alice, admission), alice.opened(), state, take=take)
        assert Reason.INTERNAL is refused.reason
