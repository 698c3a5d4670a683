"""The sealer: what it writes opens, no version is used twice, and mistakes are told beforehand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sealwire.chain import Chain
from sealwire.checks import Freshness, Once
from sealwire.errors import ConfigurationError, RefusedError, SealError
from sealwire.framing import MAX_FRAME_BYTES, encode_frame
from sealwire.keys import AeadKey, MacKey, SigningKey, reveal_secret
from sealwire.layers import (
    AesGcmOpener,
    AesGcmSealer,
    Ed25519Signer,
    Ed25519Verifier,
    HmacTagger,
    HmacVerifier,
)
from sealwire.sealer import MemorySealerState, Sealer, clock_behind
from sealwire.stages import Stream
from sealwire.state import AdmissionState
from sealwire.versions import Standing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tests.conftest import Operator, Way

    from sealwire.sealer import SealerState, SealingLayer

NOW_MS = 1_800_000_000_123
NOW_S = 1_800_000_000


class Clock:
    """A clock that gives these times, one a call, and stays at the last."""

    def __init__(self, times_ms: Iterable[int]) -> None:
        self._times_ms = list(times_ms)
        self.asked = 0

    def __call__(self) -> int:
        """Give the next time."""
        self.asked += 1
        return self._times_ms[min(self.asked, len(self._times_ms)) - 1]


def make(
    operator: Operator,
    layers: Sequence[SealingLayer] | None = None,
    *,
    state: SealerState | None = None,
    clock: Callable[[], int] = lambda: NOW_MS,
    issuer: str = "alice",
    audience: str = "payments@prod",
) -> Sealer:
    """Make a sealer, with a signature alone if nothing else is said."""
    return Sealer(
        audience,
        [operator.signer()] if layers is None else layers,
        issuer=issuer,
        state=MemorySealerState() if state is None else state,
        clock=clock,
    )


def sealer_of(way: Way, **changes: Any) -> Sealer:  # noqa: ANN401 - passed on
    """Give the sealer of a way."""
    return make(way.operator, way.layers, **changes)


def version_of(way: Way, sealed: bytes, now_ms: int = NOW_MS) -> int:
    """Open a message and give its version."""
    return way.chain.open(sealed, now_ms=now_ms).claims.version


# ---- what it writes -------------------------------------------------------------------------


def test_what_it_seals_opens(way: Way) -> None:
    """At the same time, with no tolerance: document, content type and claims."""
    opened = way.chain.open(sealer_of(way).seal(b'{"version": 1}'), now_ms=NOW_MS)
    assert (b'{"version": 1}', "application/json") == (opened.document, opened.content_type)
    claims = opened.claims
    assert ("alice", "payments@prod") == (claims.iss, claims.aud)
    assert (NOW_S, NOW_S + 300) == (claims.iat, claims.exp)
    assert (NOW_MS, Stream.BASE, None) == (claims.version, claims.stream, claims.nonce)
    assert 16 == len(claims.cti)
    state = AdmissionState(NOW_MS - 1)
    assert Standing.NEW is way.chain.take(opened, now_ms=NOW_MS, skew_ms=0, state=state)


@pytest.mark.parametrize("stream", [Stream.BASE, Stream.LEASE, Stream.READ])
def test_what_may_be_chosen(way: Way, stream: Stream) -> None:
    """Content type, stream and lifetime, both with a clock and with a given time."""
    chosen: dict[str, Any] = {"content_type": "text/x", "stream": stream, "lifetime_s": 17}
    for sealed in (
        sealer_of(way).seal(b"d", **chosen),
        sealer_of(way).seal_at(b"d", now_ms=NOW_MS, **chosen),
    ):
        opened = way.chain.open(sealed, now_ms=NOW_MS)
        assert ("text/x", stream) == (opened.content_type, opened.claims.stream)
        assert 17 == opened.claims.exp - opened.claims.iat


def test_every_message_has_an_id_of_its_own(local: Way) -> None:
    """16 random bytes, so equal documents make different messages."""
    sealer = sealer_of(local)
    ids = {
        local.chain.open(sealer.seal_at(b"d", now_ms=NOW_MS + i), now_ms=NOW_MS + i).claims.cti
        for i in range(100)
    }
    assert 100 == len(ids)


def test_it_matches_its_chain(way: Way) -> None:
    """The mirror of a chain is told so by silence."""
    sealer_of(way).check_matches(way.chain)


def test_it_says_what_it_is(network: Way) -> None:
    """Issuer, audience, layers, and no secret."""
    shown = repr(sealer_of(network))
    assert "<Sealer alice for payments@prod: HmacTagger → AesGcmSealer → Ed25519Signer>" == shown
    operator = network.operator
    for key in (operator.mac, operator.aead, operator.signing):
        assert reveal_secret(key).hex() not in shown


# ---- versions -------------------------------------------------------------------------------


def test_a_version_is_used_once(local: Way) -> None:
    """Sealing at a time that was used, or before it, is an error, and nothing is written."""
    sealer = sealer_of(local)
    sealer.seal_at(b"d", now_ms=NOW_MS)
    for used_ms in (NOW_MS, NOW_MS - 1, 0):
        with pytest.raises(SealError, match=f"version {used_ms} or a later one was used"):
            sealer.seal_at(b"d", now_ms=used_ms)
    assert NOW_MS + 1 == version_of(local, sealer.seal_at(b"d", now_ms=NOW_MS + 1), NOW_MS + 1)


def test_streams_and_audiences_have_versions_of_their_own(alice: Operator) -> None:
    """A lease and a change may be sealed in one millisecond, and so may two services' changes."""
    state = MemorySealerState()
    elsewhere = make(alice, state=state, audience="payments@test")
    for sealer in (make(alice, state=state), elsewhere):
        for stream in Stream:
            sealer.seal_at(b"d", now_ms=NOW_MS, stream=stream)
    with pytest.raises(SealError):
        elsewhere.seal_at(b"d", now_ms=NOW_MS, stream=Stream.READ)


def test_sealers_that_share_a_state_share_versions(alice: Operator) -> None:
    """As processes with the same keys do."""
    state = MemorySealerState()
    make(alice, state=state).seal_at(b"d", now_ms=NOW_MS)
    with pytest.raises(SealError):
        make(alice, state=state).seal_at(b"d", now_ms=NOW_MS)


def test_the_second_message_of_a_millisecond_waits_for_the_next(local: Way) -> None:
    """It does not run ahead of its clock."""
    clock = Clock([NOW_MS, NOW_MS, NOW_MS, NOW_MS, NOW_MS + 1])
    sealer = sealer_of(local, clock=clock)
    assert NOW_MS == version_of(local, sealer.seal(b"d"))
    second = sealer.seal(b"d")
    assert 5 == clock.asked
    assert NOW_MS + 1 == version_of(local, second, NOW_MS + 1)


@pytest.mark.parametrize("behind_ms", [1, 10, 999, 1000])
def test_a_clock_a_little_behind_is_waited_for(local: Way, behind_ms: int) -> None:
    """Up to a second; then the message has a version above the last one."""
    clock = Clock([NOW_MS - behind_ms, NOW_MS - 1, NOW_MS, NOW_MS + 2])
    sealer = sealer_of(local, clock=clock)
    sealer.seal_at(b"d", now_ms=NOW_MS)
    assert NOW_MS + 2 == version_of(local, sealer.seal(b"d"), NOW_MS + 2)


@pytest.mark.parametrize(
    ("behind_ms", "words"), [(1001, "1.001 s"), (3_599_285, "59 min"), (3_600_000, "1 h")]
)
def test_a_clock_far_behind_is_told(local: Way, behind_ms: int, words: str) -> None:
    """Waiting makes no sense; the text says how far it is, and what to do."""
    sealer = sealer_of(local, clock=lambda: NOW_MS - behind_ms)
    sealer.seal_at(b"d", now_ms=NOW_MS)
    with pytest.raises(SealError, match=f"the clock is {words} behind") as caught:
        sealer.seal(b"d")
    assert "payments@prod" in str(caught.value)
    what, hint = str(caught.value).rsplit("; ", 1)
    assert "payments@prod" in what
    # This state is in memory, so there is nothing to put aside.
    assert "set the clock if it is wrong (date -u), or wait until it has passed" == hint


def test_versions_grow_whatever_the_clock_does(local: Way) -> None:
    """Standing still, jumping, and going back by a little."""
    steps = [0, 0, 0, 1, 1, 5, 4, 3, 6, 6, 1000, 999, 500, 1001, 1001, 1002]
    clock = Clock([NOW_MS + step for step in steps] + [NOW_MS + 1003 + i for i in range(20)])
    sealer = sealer_of(local, clock=clock)
    versions = [version_of(local, sealer.seal(b"d"), NOW_MS + 2000) for _ in range(10)]
    assert sorted(set(versions)) == versions


def test_a_state_that_fails_is_told(alice: Operator) -> None:
    """Its error comes out as it is, and nothing is sealed."""

    class Broken(MemorySealerState):
        """A state that cannot be read."""

        def claim(self, audience: str, stream: Stream, version: int) -> Any:  # noqa: ANN401 - raises
            raise SealError("the versions beside the settings cannot be read")

    sealer = make(alice, state=Broken())
    with pytest.raises(SealError, match="cannot be read"):
        sealer.seal(b"d")
    with pytest.raises(SealError, match="cannot be read"):
        sealer.seal_at(b"d", now_ms=NOW_MS)


def test_a_time_before_1970_is_no_version(alice: Operator) -> None:
    """Nobody could read it."""
    with pytest.raises(SealError):
        make(alice).seal_at(b"d", now_ms=-1)
    with pytest.raises(SealError):
        make(alice, clock=lambda: -5000).seal(b"d")


# ---- what cannot be sealed ------------------------------------------------------------------


@pytest.mark.parametrize("lifetime_s", [0, -1, -300])
def test_a_message_without_a_life_is_not_sealed(alice: Operator, lifetime_s: int) -> None:
    """It would have expired when it was issued."""
    with pytest.raises(SealError, match="lifetime_s is under one second"):
        make(alice).seal(b"d", lifetime_s=lifetime_s)


@pytest.mark.parametrize("content_type", ["x", "x" * 127, "ü" * 63], ids=["1", "127", "126 in 63"])
def test_the_least_that_is_sealed(local: Way, content_type: str) -> None:
    """A lifetime of one second, no document at all, and content types at their boundaries."""
    sealed = sealer_of(local).seal(b"", content_type=content_type, lifetime_s=1)
    opened = local.chain.open(sealed, now_ms=NOW_MS)
    assert (b"", content_type) == (opened.document, opened.content_type)
    assert 1 == opened.claims.exp - opened.claims.iat


@pytest.mark.parametrize(
    "content_type", ["", "x" * 128, "ü" * 64], ids=["empty", "128", "128 in 64"]
)
def test_a_content_type_that_no_receiver_reads_is_not_sealed(
    alice: Operator, content_type: str
) -> None:
    """What the receiver would refuse is refused before anything is sent."""
    with pytest.raises(SealError):
        make(alice).seal(b"d", content_type=content_type)


def test_the_largest_document(way: Way) -> None:
    """What is sealed fits into a frame to the byte; one byte more is told with both sizes."""
    sealer = sealer_of(way)
    around = len(sealer.seal_at(bytes(70_000), now_ms=NOW_MS)) - 70_000
    largest = bytes(MAX_FRAME_BYTES - around)
    sealed = sealer.seal_at(largest, now_ms=NOW_MS + 1)
    assert MAX_FRAME_BYTES == len(sealed)
    assert MAX_FRAME_BYTES + 4 == len(encode_frame(sealed))
    assert largest == way.chain.open(sealed, now_ms=NOW_MS + 1).document
    words = f"the sealed message has {MAX_FRAME_BYTES + 1} bytes; {MAX_FRAME_BYTES} can be sent"
    with pytest.raises(SealError, match=words):
        sealer.seal_at(largest + b"\x00", now_ms=NOW_MS + 2)


# ---- what cannot be a sealer ----------------------------------------------------------------


def test_layers_that_do_not_show_who_wrote(alice: Operator) -> None:
    """None at all, or encryption alone."""
    second = AesGcmSealer(AeadKey(b"2" * 32, owner="alice", audience=alice.audience))
    for layers in ([], [alice.hider()], [alice.hider(), second]):
        with pytest.raises(ConfigurationError, match="add an Ed25519Signer as the last one"):
            make(alice, layers)


def test_a_key_of_somebody_else(alice: Operator, mallory: Operator) -> None:
    """Whichever layer it stands in: the receiver refuses what two people sealed."""
    cases: list[list[SealingLayer]] = [
        [mallory.signer()],
        [mallory.gate(), alice.signer()],
        [alice.gate(), mallory.hider(), alice.signer()],
    ]
    for layers in cases:
        with pytest.raises(ConfigurationError, match="is not alice's; seal with keys of the"):
            make(alice, layers)
    with pytest.raises(ConfigurationError, match="is not bob's"):
        make(alice, issuer="bob")


def test_a_key_of_another_audience(alice: Operator) -> None:
    """Shared keys belong to one audience."""
    mac = MacKey(b"1" * 32, owner="alice", audience="payments@test")
    aead = AeadKey(b"2" * 32, owner="alice", audience="payments@test")
    cases: list[list[SealingLayer]] = [
        [HmacTagger(mac)],
        [HmacTagger(mac), alice.signer()],
        [AesGcmSealer(aead), alice.signer()],
    ]
    for layers in cases:
        with pytest.raises(ConfigurationError, match="is for payments@test, this sealer for") as e:
            make(alice, layers)
        assert "make a key of its own for each audience" in str(e.value)


def test_one_key_in_two_layers(alice: Operator) -> None:
    """Also where one secret was loaded as two kinds of key."""
    same = AeadKey(reveal_secret(alice.mac), owner="alice", audience=alice.audience)
    cases: list[list[SealingLayer]] = [
        [alice.signer(), alice.signer()],
        [alice.gate(), alice.gate()],
        [alice.gate(), AesGcmSealer(same)],
    ]
    for layers in cases:
        with pytest.raises(ConfigurationError, match="one key stands in two layers"):
            make(alice, layers)


def test_names(alice: Operator) -> None:
    """Audience and issuer are names."""
    with pytest.raises(ConfigurationError, match="audience 'Payments' is not a name"):
        make(alice, audience="Payments")
    with pytest.raises(ConfigurationError, match="issuer 'Alice' is not a name"):
        make(alice, issuer="Alice")


def test_a_mistake_shows_no_secret(alice: Operator, mallory: Operator) -> None:
    """Keys are named by their fingerprints."""
    with pytest.raises(ConfigurationError) as caught:
        make(alice, [mallory.gate(), alice.signer()])
    assert mallory.mac.fingerprint in str(caught.value)
    assert reveal_secret(mallory.mac).hex() not in str(caught.value)


# ---- sealer and chain -----------------------------------------------------------------------


def chains(alice: Operator, mallory: Operator) -> dict[str, Chain]:
    """Give chains that do not open what alice seals with all three layers."""
    mac, aes = HmacVerifier([alice.mac]), AesGcmOpener([alice.aead])
    signature = Ed25519Verifier([alice.signing.verify_key])
    bobs = SigningKey(reveal_secret(alice.signing), owner="bob").verify_key
    test_mac = MacKey(reveal_secret(alice.mac), owner="alice", audience="payments@test")
    test_aes = AeadKey(reveal_secret(alice.aead), owner="alice", audience="payments@test")

    def chain(*layers: Any, audience: str = "payments@prod") -> Chain:  # noqa: ANN401 - layers
        return Chain(audience, [*layers, Freshness(), Once()])

    return {
        "another audience": chain(mac, aes, signature, audience="payments@test"),
        "a layer less": chain(mac, signature),
        "the signature alone": chain(signature),
        "a layer more": chain(HmacVerifier([mallory.mac]), mac, aes, signature),
        "another order": chain(aes, mac, signature),
        "another gate key": chain(HmacVerifier([mallory.mac]), aes, signature),
        "another AES key": chain(mac, AesGcmOpener([mallory.aead]), signature),
        "another signer": chain(mac, aes, Ed25519Verifier([mallory.signing.verify_key])),
        "another owner": chain(mac, aes, Ed25519Verifier([bobs])),
        "the gate key is another audience's": chain(HmacVerifier([test_mac]), aes, signature),
        "the AES key is another audience's": chain(mac, AesGcmOpener([test_aes]), signature),
    }


TOLD = {
    "another audience": ["seals for payments@prod", "opens for payments@test"],
    "a layer less": ["wraps Mac0 → Encrypt0 → Sign1", "expects Mac0 → Sign1", "same layers"],
    "the signature alone": ["wraps Mac0 → Encrypt0 → Sign1", "expects Sign1"],
    "a layer more": ["expects Mac0 → Mac0 → Encrypt0 → Sign1"],
    "another order": ["expects Encrypt0 → Mac0 → Sign1", "in the same order"],
    "another gate key": ["layer 0", "HmacVerifier", "does not hold", "MacKey"],
    "another AES key": ["layer 1", "AesGcmOpener", "does not hold", "AeadKey"],
    "another signer": ["layer 2", "Ed25519Verifier", "does not hold", "SigningKey"],
    "another owner": ["layer 2", "Ed25519Verifier", "bob", "alice"],
    "the gate key is another audience's": ["layer 0", "HmacVerifier", "payments@test"],
    "the AES key is another audience's": ["layer 1", "AesGcmOpener", "payments@test"],
}


@pytest.mark.parametrize("case", TOLD)
def test_a_sealer_and_a_chain_that_do_not_match_are_told(
    alice: Operator, mallory: Operator, case: str
) -> None:
    """Before anything is sent, in words, and rightly: the chain does refuse the message."""
    layers: list[SealingLayer] = [
        HmacTagger(alice.mac),
        AesGcmSealer(alice.aead),
        Ed25519Signer(alice.signing),
    ]
    sealer, chain = make(alice, layers), chains(alice, mallory)[case]
    with pytest.raises(RefusedError):
        chain.open(sealer.seal(b"d"), now_ms=NOW_MS)
    with pytest.raises(ConfigurationError) as caught:
        sealer.check_matches(chain)
    assert [] == [words for words in TOLD[case] if words not in str(caught.value)]


def test_a_chain_that_trusts_more_people_matches(alice: Operator, mallory: Operator) -> None:
    """It is enough that it holds the sealer's keys."""
    keys = (mallory.signing.verify_key, alice.signing.verify_key)
    chain = Chain("payments@prod", [Ed25519Verifier(keys)])
    make(alice).check_matches(chain)


def test_a_chain_without_a_signature_knows_another_owner(alice: Operator) -> None:
    """There the MAC's owner is the issuer, so another owner does not match."""
    bobs = MacKey(reveal_secret(alice.mac), owner="bob", audience="payments@prod")
    chain = Chain("payments@prod", [HmacVerifier([bobs])])
    sealer = make(alice, [alice.gate()])
    with pytest.raises(ConfigurationError, match="bob"):
        sealer.check_matches(chain)


@pytest.mark.parametrize(
    ("begin_anew", "way_out"),
    [
        ("", "wait until it has passed"),
        ("mv a b", "once its time has come: mv a b"),
    ],
)
def test_a_clock_that_is_behind_is_told_with_the_ways_out(begin_anew: str, way_out: str) -> None:
    """Where the state can be put aside, the command is the last word."""
    told = clock_behind("payments@prod", 59 * 60_000, begin_anew)
    assert told.startswith("the clock is 59 min behind the last message to payments@prod; ")
    assert told.endswith(way_out)


# ---- what a verified receipt has shown -----------------------------------------------------------


def test_a_floor_that_was_shown_is_passed(local: Way) -> None:
    """By one, also where our clock has not come so far; and each version is used once."""
    sealer = sealer_of(local)
    sealer.learn(Stream.BASE, NOW_MS + 5_000)
    sealer.learn(Stream.BASE, NOW_MS + 4_000)
    opened = local.chain.open(sealer.seal(b"d"), now_ms=NOW_MS)
    assert (NOW_MS + 5_001, NOW_MS // 1000) == (opened.claims.version, opened.claims.iat)
    with pytest.raises(SealError, match="behind"):
        sealer_of(local, state=sealer._state).seal(b"d")
    # Another stream has a floor of its own.
    other, claims = sealer.seal_with_claims(b"d", stream=Stream.LEASE)
    assert NOW_MS == claims.version
    assert other


@pytest.mark.parametrize("lead_ms", [-1, 3_600_001, 10**12])
def test_a_floor_that_is_passed_or_far_ahead_is_not_learned(local: Way, lead_ms: int) -> None:
    """A host could make everything that is sealed for its audience come too early."""
    sealer = sealer_of(local)
    sealer.learn(Stream.BASE, NOW_MS + lead_ms)
    assert NOW_MS == version_of(local, sealer.seal(b"d"))


def test_the_services_time_may_count(local: Way) -> None:
    """For when the message was issued; its version is never under our own clock for that."""
    sealer = sealer_of(local)
    for service_ms, version in ((NOW_MS + 9_000, NOW_MS + 9_000), (NOW_MS - 9_000, NOW_MS)):
        _, claims = sealer_of(local).seal_with_claims(
            b"d", stream=Stream.READ, service_ms=service_ms, nonce=bytes(16)
        )
        assert (service_ms // 1000, version) == (claims.iat, claims.version)
        assert bytes(16) == claims.nonce
    assert NOW_MS == sealer.now_ms()
