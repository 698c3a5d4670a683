"""Freshness: not before ``iat``, not after ``exp``, and not made to live long."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sealwire.algebra import Guarantee
from sealwire.chain import Chain
from sealwire.checks import Freshness
from sealwire.checks.freshness import MAX_LIFETIME_S, MAX_STANDING_S, STANDING_S, lifetimes
from sealwire.errors import ConfigurationError, Reason, RefusedError, Stage, VerificationError
from sealwire.layers import Ed25519Signer, Ed25519Verifier
from sealwire.recommended import local
from sealwire.sealer import MemorySealerState, Sealer
from sealwire.stages import Context, Message, Stream

if TYPE_CHECKING:
    from tests.conftest import ClaimChanges, Operator

NOW_S = 1_800_000_000
NOW_MS = NOW_S * 1000


def outcome(
    alice: Operator,
    freshness: Freshness,
    changes: ClaimChanges,
    *,
    now_ms: int = NOW_MS,
    skew_ms: int = 0,
) -> RefusedError | None:
    """Open a message behind a signature; give the refusal, or ``None``."""
    chain = Chain(alice.audience, [Ed25519Verifier([alice.signing.verify_key]), freshness])
    sealed = alice.wrap(alice.body(**changes), [alice.signer()])
    try:
        chain.open(sealed, now_ms=now_ms, skew_ms=skew_ms)
    except VerificationError as error:
        return error
    return None


def test_what_it_promises() -> None:
    """It speaks about claims, so they have to be authentic."""
    assert frozenset({Guarantee.FRESH}) == Freshness.provides
    assert frozenset({Guarantee.AUTHENTIC}) == Freshness.requires


@pytest.mark.parametrize(
    ("now_ms", "skew_ms", "reason"),
    [
        (NOW_MS - 1, 0, Reason.NOT_YET_VALID),
        (NOW_MS, 0, None),
        (NOW_MS - 1, 1, None),
        (NOW_MS - 2, 1, Reason.NOT_YET_VALID),
        (NOW_MS - 60_000, 60_000, None),
        (NOW_MS - 60_001, 60_000, Reason.NOT_YET_VALID),
        (NOW_MS + 299_999, 0, None),
        (NOW_MS + 300_000, 0, None),
        (NOW_MS + 300_001, 0, Reason.EXPIRED),
        (NOW_MS + 300_001, 60_000, Reason.EXPIRED),
        (NOW_MS + 10**9, 60_000, Reason.EXPIRED),
    ],
)
def test_boundaries_of_a_life(
    alice: Operator, now_ms: int, skew_ms: int, reason: Reason | None
) -> None:
    """Issued now and valid for 300 s: skew helps at the beginning, never at the end."""
    refused = outcome(alice, Freshness(), {}, now_ms=now_ms, skew_ms=skew_ms)
    assert reason is (refused.reason if refused else None)


@pytest.mark.parametrize(
    ("stream", "limit_s"),
    [
        (Stream.READ, 300),
        (Stream.LEASE, 3_600),
        (Stream.BASE, 604_800),
    ],
)
def test_boundaries_of_a_lifetime(alice: Operator, stream: Stream, limit_s: int) -> None:
    """Each stream has its own maximum, counted from ``iat`` and not from now."""
    assert limit_s == MAX_LIFETIME_S[stream]
    for lifetime_s, reason in ((1, None), (limit_s, None), (limit_s + 1, Reason.LIFETIME_TOO_LONG)):
        refused = outcome(alice, Freshness(), {"stream": stream, "exp": NOW_S + lifetime_s})
        assert reason is (refused.reason if refused else None)
    late = outcome(
        alice,
        Freshness(),
        {"stream": stream, "exp": NOW_S + limit_s + 1},
        now_ms=NOW_MS + limit_s * 1000,
    )
    assert late is not None
    assert Reason.LIFETIME_TOO_LONG is late.reason


def test_every_stream_has_a_maximum() -> None:
    """There is no way to live for ever, and nobody can change the table."""
    assert set(Stream) - {Stream.KEYRING} == set(MAX_LIFETIME_S)
    assert not hasattr(MAX_LIFETIME_S, "__setitem__")


def test_a_receivers_own_maxima(alice: Operator) -> None:
    """They replace the table; a stream that is not named has no lifetime at all."""
    limits = {Stream.BASE: 10}
    freshness = Freshness(limits)
    limits[Stream.BASE] = 1000
    assert outcome(alice, freshness, {"exp": NOW_S + 10}) is None
    too_long: ClaimChanges = {"exp": NOW_S + 11}
    not_named: ClaimChanges = {"exp": NOW_S + 1, "stream": Stream.READ}
    for changes in (too_long, not_named):
        refused = outcome(alice, freshness, changes)
        assert refused is not None
        assert Reason.LIFETIME_TOO_LONG is refused.reason


def test_the_least_maximum(alice: Operator) -> None:
    """One second is a lifetime."""
    freshness = Freshness({Stream.BASE: 1})
    assert outcome(alice, freshness, {"exp": NOW_S + 1}) is None
    assert outcome(alice, freshness, {"exp": NOW_S + 2}) is not None


@pytest.mark.parametrize("limit_s", [0, -1])
def test_a_maximum_of_nothing_is_refused(limit_s: int) -> None:
    """It would refuse every message, which is not what anybody means by it."""
    with pytest.raises(ConfigurationError, match="max_lifetime_s of lease is under one second"):
        Freshness({Stream.BASE: 10, Stream.LEASE: limit_s})


@pytest.mark.parametrize(
    ("changes", "now_ms", "words"),
    [
        ({}, NOW_MS - 7, "issued 7 ms ahead of this clock; 0 ms are allowed"),
        ({}, NOW_MS + 300_009, "expired 9 ms ago by this clock"),
        ({}, NOW_MS - 3_599_285, "issued 59 min ahead of this clock; 0 ms are allowed"),
        ({}, NOW_MS + 300_000 + 3_300_705, "expired 55 min ago by this clock"),
        ({"exp": NOW_S + 604_801}, NOW_MS, "lives 604801 s; 604800 s are allowed in stream base"),
    ],
)
def test_a_refusal_says_both_clocks(
    alice: Operator, changes: ClaimChanges, now_ms: int, words: str
) -> None:
    """Value and limit, in words, for the log and the receipt."""
    refused = outcome(alice, Freshness(), changes, now_ms=now_ms)
    assert refused is not None
    assert (Stage.CHECK, words) == (refused.stage, refused.detail)


def test_without_claims_it_is_our_own_mistake() -> None:
    """A chain never does that; who calls the check by hand is told."""
    context = Context("payments@prod", NOW_MS, 0, 1, (-19,), b"")
    with pytest.raises(VerificationError) as caught:
        Freshness().verify(Message(b"", None, ()), context)
    assert (Reason.INTERNAL, Stage.CHECK) == (caught.value.reason, caught.value.stage)


def test_a_host_may_let_configurations_stand_longer(alice: Operator) -> None:
    """Up to a year, and only these; in both recommended chains."""
    long_s = 90 * 24 * 3600
    limits = lifetimes(long_s)
    assert long_s == limits[Stream.BASE]
    others = set(MAX_LIFETIME_S) - {Stream.BASE}
    assert {each: MAX_LIFETIME_S[each] for each in others} == {
        each: limits[each] for each in others
    }
    for refused_s in (STANDING_S - 1, MAX_STANDING_S + 1):
        with pytest.raises(ConfigurationError, match=f"standing is {refused_s} s"):
            lifetimes(refused_s)
    assert MAX_LIFETIME_S == lifetimes(STANDING_S)
    claims = alice.claims()
    sealer = Sealer(
        claims.aud,
        (Ed25519Signer(alice.signing),),
        issuer=claims.iss,
        state=MemorySealerState(),
        clock=lambda: claims.iat * 1000,
    )
    sealed = sealer.seal(b"{}", lifetime_s=long_s)
    keys = [alice.signing.verify_key]
    with pytest.raises(VerificationError) as caught:
        local(claims.aud, keys).open(sealed, now_ms=claims.iat * 1000)
    assert Reason.LIFETIME_TOO_LONG is caught.value.reason
    local(claims.aud, keys, standing_s=long_s).open(sealed, now_ms=claims.iat * 1000)
