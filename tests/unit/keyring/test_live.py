"""What a running chain trusts: keys by state and role, and the keyrings that follow."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NoReturn

import pytest
from tests.unit.keyring.rings import (
    ALICE,
    AUDIENCE,
    BOB,
    DAY,
    HOST,
    NOW,
    ROOT,
    aead,
    changed,
    entry,
    first,
    following,
    in_state,
    mac,
    ring,
    signing,
    usual,
)

from sealwire.alternatives import AnyOf
from sealwire.chain import Chain
from sealwire.checks import Freshness, Once
from sealwire.errors import ConfigurationError, Reason, RefusedError, Stage
from sealwire.keyring import (
    KeysInForce,
    LiveKeyring,
    Role,
    SignedKeyring,
    State,
    add_signature,
    keyring_chain,
    sign_keyring,
    succeed,
    write_list,
)
from sealwire.keys import AeadKey, MacKey, SigningKey
from sealwire.layers import AesGcmOpener, Ed25519Verifier, HmacVerifier
from sealwire.recommended import Recommended, local_layers, network_layers
from sealwire.requests import CONTENT_TYPE_REQUEST, Verb, read_request, write_request
from sealwire.sealer import MemorySealerState, Sealer
from sealwire.stages import Stream
from sealwire.state import AdmissionState
from sealwire.versions import Standing

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealwire.keyring import Keyring, RingKey

NOW_MS = NOW * 1000
SECRETS = (mac("alice"), aead("alice"), mac("bob"), aead("bob"))
BODIES: dict[Verb, tuple[Stream, dict[str, object]]] = {
    Verb.LEASE: (Stream.LEASE, {"levels": {"a": "DEBUG"}}),
    Verb.REVERT: (Stream.LEASE, {}),
    Verb.STATUS: (Stream.READ, {}),
    Verb.PLAN: (Stream.READ, {"config": {"version": 1}}),
    Verb.APPLY: (Stream.BASE, {"config": {"version": 1}}),
    Verb.CONFIRM: (Stream.BASE, {"id": "00" * 16}),
}


def live_of(current: SignedKeyring | None = None) -> LiveKeyring:
    """Give what a service trusts that has all secret keys."""
    return LiveKeyring(AUDIENCE, current or first(), SECRETS)


def with_changed(*keys: RingKey) -> LiveKeyring:
    """Give what a service trusts after these keys have changed."""
    live = live_of()
    live.replace((following(live.current, *keys),))
    return live


def sealer_of(signer: SigningKey, kind: Recommended) -> Sealer:
    """Give what an owner seals with."""
    owner = signer.owner
    layers = local_layers(signer)
    if kind is Recommended.NETWORK:
        layers = network_layers(mac(owner), aead(owner), signer)
    return Sealer(AUDIENCE, layers, issuer=owner, state=MemorySealerState(), clock=lambda: NOW_MS)


def sealed(
    signer: SigningKey,
    verb: Verb = Verb.LEASE,
    kind: Recommended = Recommended.LOCAL,
    stream: Stream | None = None,
) -> bytes:
    """Seal a request."""
    usually, members = BODIES[verb]
    document = write_request(verb, **members)  # type: ignore[arg-type]
    sealer = sealer_of(signer, kind)
    return sealer.seal(document, content_type=CONTENT_TYPE_REQUEST, stream=stream or usually)


def refusal(step: Callable[[], object]) -> RefusedError:
    """Give why something is refused."""
    with pytest.raises(RefusedError) as refused:
        step()
    return refused.value


def reason(
    live: LiveKeyring,
    message: bytes,
    kind: Recommended = Recommended.LOCAL,
    now_ms: int = NOW_MS,
) -> Reason | None:
    """Say why a request is refused, by the chain or by the keyring; ``None`` if it is not."""
    chain = keyring_chain(live, kind)
    try:
        live.judge(read_request(chain.open(message, now_ms=now_ms)), now_ms)
    except RefusedError as refused:
        return refused.reason
    return None


# ---- states and roles --------------------------------------------------------------------------

STATES = {
    State.PRE_ACTIVATION: Reason.KEY_NOT_IN_FORCE,
    State.ACTIVE: None,
    State.SUSPENDED: Reason.KEY_NOT_IN_FORCE,
    State.DEACTIVATED: Reason.KEY_NOT_IN_FORCE,
    State.COMPROMISED: Reason.KEY_UNKNOWN,
    State.DESTROYED: Reason.KEY_UNKNOWN,
}
NETWORK_KEYS: dict[str, tuple[SigningKey | MacKey | AeadKey, Role]] = {
    "signer": (BOB, Role.LEASE),
    "gate": (mac("bob"), Role.GATE),
    "encryption": (aead("bob"), Role.ENCRYPT),
}


def in_any_state(key: SigningKey | MacKey | AeadKey, role: Role, state: State) -> LiveKeyring:
    """Give what a service trusts in whose first keyring a key is in a state."""
    others = [each for each in usual() if each.thumbprint != key.thumbprint]
    until = NOW + DAY if state is State.SUSPENDED else 0
    return live_of(first(ring([*others, entry(key, role, state, until=until)])))


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("what", NETWORK_KEYS)
def test_every_state_of_every_key_of_a_message(what: str, state: State) -> None:
    """Gate and encryption keys count as the signer does: a change needs all of them in service."""
    live = in_any_state(*NETWORK_KEYS[what], state)
    change = sealed(BOB, Verb.LEASE, Recommended.NETWORK)
    assert STATES[state] is reason(live, change, Recommended.NETWORK)
    reading = sealed(BOB, Verb.STATUS, Recommended.NETWORK)
    expected = None if state is State.PRE_ACTIVATION else STATES[state]
    assert expected is reason(live, reading, Recommended.NETWORK)


@pytest.mark.parametrize("verb", BODIES)
def test_what_a_lease_key_may_ask_for(verb: Verb) -> None:
    """Leases, their end, and reading; whoever configures may do all of that."""
    allowed = verb in {Verb.LEASE, Verb.REVERT, Verb.STATUS, Verb.PLAN}
    assert reason(live_of(), sealed(BOB, verb)) is (None if allowed else Reason.KEY_ROLE)
    assert reason(live_of(), sealed(ALICE, verb)) is None


def test_a_lease_key_takes_no_configuration_back() -> None:
    """``revert`` has two streams, and it may end leases."""
    message = sealed(BOB, Verb.REVERT, stream=Stream.BASE)
    assert Reason.KEY_ROLE is reason(live_of(), message)


@pytest.mark.parametrize("verb", BODIES)
def test_what_an_expired_keyring_still_allows(verb: Verb) -> None:
    """Going back and reading."""
    live = live_of(first(ring(expires=NOW - 1)))
    allowed = verb in {Verb.REVERT, Verb.STATUS, Verb.PLAN}
    expected = None if allowed else Reason.KEYRING_EXPIRED
    assert expected is reason(live, sealed(ALICE, verb))
    at_the_end = live_of(first(ring(expires=NOW)))
    assert reason(at_the_end, sealed(ALICE, verb)) is None


def test_a_root_key_signs_no_request() -> None:
    """Nor does a receipt key."""
    live = live_of(first(ring([*usual(), entry(HOST, Role.RECEIPT)])))
    for key in (ROOT, HOST, signing("stranger")):
        assert Reason.KEY_UNKNOWN is reason(live, sealed(key))
    assert live.find(ROOT.id) is None
    assert live.find(HOST.id) is not None


def test_a_key_of_another_audience_is_not_found() -> None:
    """Whoever holds it is a stranger here."""
    keys = [entry(ROOT, Role.ROOT), entry(ALICE, Role.CONFIG, audiences=("other",))]
    assert Reason.KEY_UNKNOWN is reason(live_of(first(ring(keys))), sealed(ALICE))


# ---- clocks ------------------------------------------------------------------------------------


def test_who_sets_the_clock_back_brings_no_key_back() -> None:
    """A keyring in force was issued, so it is no earlier than that."""
    for state in (State.DEACTIVATED, State.SUSPENDED):
        live = with_changed(in_state(ring(), BOB, state))
        back_ms = NOW_MS - 1000
        message = sealed_at(BOB, back_ms)
        assert keyring_chain(live).open(message, now_ms=back_ms)
        assert Reason.KEY_NOT_IN_FORCE is reason(live, message, now_ms=back_ms)


def sealed_at(signer: SigningKey, now_ms: int) -> bytes:
    """Seal a lease at a time."""
    return sealer_of(signer, Recommended.LOCAL).seal_at(
        write_request(Verb.LEASE, levels={"a": "DEBUG"}),
        now_ms=now_ms,
        content_type=CONTENT_TYPE_REQUEST,
        stream=Stream.LEASE,
    )


def test_what_was_accepted_before_a_key_left_service_opens_again() -> None:
    """By the time at which it was accepted; what is from later does not."""
    live = with_changed(in_state(ring(), BOB, State.DEACTIVATED))
    chain = keyring_chain(live)
    for at_ms, good in ((NOW_MS - 1, True), (NOW_MS, False)):
        message = sealed_at(BOB, at_ms)
        if good:
            assert chain.open(message, now_ms=at_ms, from_layer=0).claims.iss == "bob"
        else:
            found = refusal(lambda data=message, ms=at_ms: chain.open(data, now_ms=ms))  # type: ignore[misc]
            assert (Reason.KEY_NOT_IN_FORCE, "deactivated" in found.detail) == (found.reason, True)


def test_what_a_compromised_key_had_signed_does_not_open_again() -> None:
    """Nobody knows since when it was."""
    live = with_changed(in_state(ring(), BOB, State.COMPROMISED))
    message = sealed_at(BOB, NOW_MS - DAY * 1000)
    found = refusal(lambda: keyring_chain(live).open(message, now_ms=NOW_MS - DAY * 1000))
    assert Reason.KEY_UNKNOWN is found.reason


def test_a_suspension_ends_by_itself() -> None:
    """Without anybody's doing, and the key is what it was."""
    live = with_changed(in_state(ring(), BOB, State.SUSPENDED))
    assert Reason.KEY_NOT_IN_FORCE is reason(live, sealed(BOB))
    after_ms = (NOW + DAY) * 1000
    assert reason(live, sealed_at(BOB, after_ms), now_ms=after_ms) is None


# ---- sources -----------------------------------------------------------------------------------


def test_sources_have_what_is_named_and_held() -> None:
    """Its role, its audience, its owner and its bytes have to fit."""
    live = live_of()
    assert live.signers.ids() == {ALICE.id, BOB.id}
    assert live.gates.ids() == {mac("alice").id, mac("bob").id}
    assert live.encryption.ids() == {aead("alice").id, aead("bob").id}
    assert live.gates.find(mac("alice").id) == mac("alice")
    for source, key_id in (
        (live.gates, aead("alice").id),
        (live.encryption, mac("alice").id),
        (live.signers, mac("alice").id),
        (live.gates, ALICE.id),
        (live.signers, bytes(8)),
    ):
        assert source.find(key_id) is None
    assert set(SECRETS) == set(live.held)


def test_the_keyring_says_whose_a_secret_is() -> None:
    """A file that says otherwise opens nothing, nor does one under another role."""
    key = mac("alice")
    others = [each for each in usual() if each.thumbprint != key.thumbprint]
    bobs = entry(mac("alice"), Role.GATE, primary=False)
    live = live_of(first(ring([*others, replace(bobs, owner=entry(BOB, Role.LEASE).owner)])))
    assert live.gates.find(key.id) is None
    swapped = entry(key, Role.ENCRYPT, primary=False)
    live = live_of(first(ring([*others, swapped])))
    assert live.encryption.find(key.id) is None
    assert live.gates.find(key.id) is None
    gate_in_place = entry(aead("alice", 2), Role.GATE, primary=False)
    live = LiveKeyring(AUDIENCE, first(ring([*usual(), gate_in_place])), [aead("alice", 2)])
    assert live.gates.find(aead("alice", 2).id) is None


def test_secrets_are_replaced_while_the_chain_runs() -> None:
    """What is held is what was given last."""
    live = LiveKeyring(AUDIENCE, first())
    assert () == live.held
    assert live.gates.ids() == frozenset()
    live.hold(SECRETS)
    assert reason(live, sealed(BOB, kind=Recommended.NETWORK), Recommended.NETWORK) is None
    live.hold(())
    found = reason(live, sealed(BOB, kind=Recommended.NETWORK), Recommended.NETWORK)
    assert Reason.KEY_UNKNOWN is found


def test_two_secrets_of_one_id_are_refused() -> None:
    """One of them would never be found; the same one twice is one."""
    live = live_of()
    live.hold([mac("alice"), mac("alice")])
    twins = [MacKey(bytes(32), owner=owner, audience=AUDIENCE) for owner in ("alice", "bob")]
    with pytest.raises(ConfigurationError, match="two keys have the id"):
        live.hold(twins)
    assert [mac("alice")] == list(live.held)


def test_a_message_of_a_key_that_a_keyring_does_not_have() -> None:
    """As where another layer stands in the chain, whose keys nobody has named."""
    stranger = signing("stranger")
    chain = Chain(AUDIENCE, [Ed25519Verifier([stranger.verify_key]), KeysInForce(live_of())])
    found = refusal(lambda: chain.open(sealed(stranger), now_ms=NOW_MS))
    assert (Reason.KEY_NOT_IN_FORCE, Stage.CHECK) == (found.reason, found.stage)


# ---- lists of keyrings -------------------------------------------------------------------------


def line(live: LiveKeyring, count: int) -> list[SignedKeyring]:
    """Give keyrings that follow the one in force."""
    current, listed = live.current, []
    for number in range(count):
        key = entry(signing("alice", 2 + number), Role.CONFIG, primary=False)
        current = following(current, key)
        listed.append(current)
    return listed


def data_of(*listed: SignedKeyring) -> bytes:
    """Write a list."""
    return write_list([each.sealed for each in listed])


def wrapped(data: bytes, kind: Recommended) -> bytes:
    """Wrap a list as alice does."""
    return sealer_of(ALICE, kind).wrap_keyrings(data)


@pytest.mark.parametrize("kind", Recommended)
def test_a_list_opens_in_the_place_of_the_signature(kind: Recommended) -> None:
    """Inside gate and encryption, or alone; nothing changes until it is followed."""
    live = live_of()
    chain, listed = keyring_chain(live, kind), line(live, 2)
    message = wrapped(data_of(*listed), kind)
    opened = chain.open(message, now_ms=NOW_MS)
    assert (Stream.KEYRING, 3, "payments") == (
        opened.claims.stream,
        opened.claims.version,
        opened.claims.iss,
    )
    assert ["root"] == [each.owner for each in opened.evidence if each.verifier == "Keyring"]
    assert Verb.KEYRING is read_request(opened).verb
    memory = AdmissionState(0)
    given = {"now_ms": NOW_MS, "skew_ms": 0, "state": memory}
    assert Standing.NEW is chain.look(opened, **given)  # type: ignore[arg-type]
    assert Standing.NEW is chain.take(opened, **given)  # type: ignore[arg-type]
    assert 1 == live.keyring.version
    followed = live.follow(opened.body)
    live.replace(followed)
    assert (3, listed[-1].sealed) == (live.keyring.version, live.followed[-1])
    assert Standing.SAME is chain.take(opened, **given)  # type: ignore[arg-type]
    assert () == live.follow(opened.body)
    again = chain.open(message, now_ms=NOW_MS)
    assert (opened.claims, opened.evidence) == (again.claims, again.evidence)


@pytest.mark.parametrize("state", [State.SUSPENDED, State.DEACTIVATED, State.PRE_ACTIVATION])
def test_a_list_comes_in_through_a_gate_that_is_closed(state: State) -> None:
    """Whose keys they are does not matter: roots have signed it, and it may be what opens it."""
    live = in_any_state(mac("alice"), Role.GATE, state)
    chain = keyring_chain(live, Recommended.NETWORK)
    message = wrapped(data_of(*line(live, 1)), Recommended.NETWORK)
    assert 2 == chain.open(message, now_ms=NOW_MS).claims.version


def test_a_list_in_a_chain_of_several_ways() -> None:
    """Each of which is one layer long."""
    live = live_of()
    other = signing("carol")
    ways = AnyOf(Ed25519Verifier(live.signers), HmacVerifier([mac("dave")]))
    chain = Chain(AUDIENCE, [ways, Freshness(), KeysInForce(live), Once()], successors=live)
    opened = chain.open(data_of(*line(live, 1)), now_ms=NOW_MS)
    assert 2 == opened.claims.version
    assert Reason.KEY_UNKNOWN is refusal(lambda: chain.open(sealed(other), now_ms=NOW_MS)).reason
    assert chain.open(sealed(BOB), now_ms=NOW_MS).claims.iss == "bob"


@pytest.mark.parametrize("kind", Recommended)
def test_a_chain_that_follows_nothing_takes_no_list(kind: Recommended) -> None:
    """To it these bytes are no message."""
    live = live_of()
    outer = (HmacVerifier(live.gates), AesGcmOpener(live.encryption))
    parts = (*(outer if kind is Recommended.NETWORK else ()), Ed25519Verifier(live.signers))
    chain = Chain(AUDIENCE, [*parts, Freshness(), Once()])
    message = wrapped(data_of(*line(live, 1)), kind)
    found = refusal(lambda: chain.open(message, now_ms=NOW_MS))
    assert (Reason.ENVELOPE_MALFORMED, Stage.LAYER) == (found.reason, found.stage)


def test_a_kept_message_is_no_list() -> None:
    """What is opened again from a later layer is what was kept of a request."""
    live = live_of()
    chain = keyring_chain(live, Recommended.NETWORK)
    data = data_of(*line(live, 1))
    found = refusal(lambda: chain.open(data, now_ms=NOW_MS, from_layer=2))
    assert Reason.ENVELOPE_MALFORMED is found.reason


@pytest.mark.parametrize("kind", Recommended)
def test_no_request_has_the_stream_of_keyrings(kind: Recommended) -> None:
    """A config key that says so is no root, and its verb is none that can be asked for."""
    live = live_of()
    chain = keyring_chain(live, kind)
    sealer = sealer_of(ALICE, kind)
    message = sealer.seal(b"{}", content_type=CONTENT_TYPE_REQUEST, stream=Stream.KEYRING)
    found = refusal(lambda: chain.open(message, now_ms=NOW_MS))
    assert (Reason.STREAM_MISMATCH, Stage.ADMISSION) == (found.reason, found.stage)
    message = sealer.seal(
        b'{"verb":"keyring"}', content_type=CONTENT_TYPE_REQUEST, stream=Stream.READ
    )
    opened = chain.open(message, now_ms=NOW_MS)
    assert "'keyring' is none of" in refusal(lambda: read_request(opened)).detail
    message = sealer.seal(
        data_of(*line(live, 1)),
        content_type="application/vnd.sealwire.keyring",
        stream=Stream.BASE,
    )
    opened = chain.open(message, now_ms=NOW_MS)
    assert Reason.STREAM_MISMATCH is refusal(lambda: read_request(opened)).reason


def after(count: int) -> tuple[LiveKeyring, list[SignedKeyring]]:
    """Give what a service trusts that has followed so many, and the first one with all of them."""
    live = live_of()
    listed = [live.current, *line(live, count)]
    live.replace(listed[1:])
    return live, listed


def test_what_was_followed_may_stand_in_front() -> None:
    """A sender does not know what everybody has."""
    live, listed = after(2)
    new = following(live.current, in_state(live.keyring, BOB, State.COMPROMISED))
    assert (new,) == live.follow(data_of(*listed, new))
    assert (new,) == live.follow(data_of(listed[-1], new))
    assert () == live.follow(data_of(*listed))
    assert Standing.SAME is live.standing(data_of(*listed))
    assert Standing.NEW is live.standing(data_of(*listed, new))


def test_older_keyrings_are_refused() -> None:
    """And it is told which one is in force."""
    live, listed = after(2)
    found = refusal(lambda: live.open(data_of(*listed[:-1]), NOW_MS))
    assert (Reason.KEYRING_OUT_OF_ORDER, Stage.ADMISSION) == (found.reason, found.stage)
    assert "version 3 is in force" in found.detail
    new = following(live.current, in_state(live.keyring, BOB, State.COMPROMISED))
    for wrong in (
        (listed[1], new),
        (listed[0], listed[2]),
        (listed[2], listed[1]),
        (listed[2], listed[2]),
        (new, listed[2]),
    ):
        found = refusal(lambda wrong=wrong: live.open(data_of(*wrong), NOW_MS))  # type: ignore[misc]
        assert Reason.KEYRING_OUT_OF_ORDER is found.reason


def test_nothing_is_hidden_in_a_list_that_is_known() -> None:
    """Else a stranger who has the keyring in force could have any bytes answered under our key."""
    live, listed = after(1)
    forged = sign_keyring(ring(), (signing("mallory"),))
    data = write_list([forged, listed[-1].sealed])
    assert Reason.KEY_UNKNOWN is refusal(lambda: live.open(data, NOW_MS)).reason


def two_rooted() -> tuple[LiveKeyring, Keyring, SigningKey]:
    """Give what a service trusts that has two root keys, and its second keyring."""
    other = signing("other")
    live = live_of(first(ring([*usual(), entry(other, Role.ROOT)])))
    return (
        live,
        changed(live.keyring, entry(signing("alice", 2), Role.CONFIG, primary=False)),
        other,
    )


def test_a_signature_that_was_added_since_makes_no_other_keyring() -> None:
    """It is the same text; and a signature that is wrong still refuses it."""
    live, second, other = two_rooted()
    alone = sign_keyring(second, (ROOT,))
    both = add_signature(alone, other)
    live.replace((succeed(live.current, alone),))
    assert Standing.SAME is live.standing(write_list([both]))
    claims, _ = live.open(write_list([both]), NOW_MS)
    assert 2 == claims.version
    damaged = both[:-1] + bytes([both[-1] ^ 1])
    found = refusal(lambda: live.open(write_list([damaged]), NOW_MS))
    assert Reason.SIGNATURE_INVALID is found.reason
    forged = sign_keyring(second, (signing("mallory"),))
    assert Reason.KEY_UNKNOWN is refusal(lambda: live.open(write_list([forged]), NOW_MS)).reason


def test_two_keyrings_of_one_version_are_not_both_followed() -> None:
    """Whoever forks is found out where the other one is in force."""
    live, second, _ = two_rooted()
    live.replace((succeed(live.current, sign_keyring(second, (ROOT,))),))
    other = changed(first(ring([*usual(), entry(signing("other"), Role.ROOT)])).keyring)
    found = refusal(lambda: live.open(write_list([sign_keyring(other, (ROOT,))]), NOW_MS))
    assert (Reason.KEYRING_OUT_OF_ORDER, "3 is the next" in found.detail) == (found.reason, True)


def test_a_keyring_from_ahead_is_not_followed() -> None:
    """The thief of one root key could put off a suspension, and with it all that follows."""
    live = live_of()
    bob = replace(in_state(live.keyring, BOB, State.SUSPENDED), since=NOW + 301, until=NOW + 302)
    ahead = following(live.current, bob, now=NOW + 301)
    found = refusal(lambda: live.open(data_of(ahead), NOW_MS))
    assert (Reason.KEYRING_OUT_OF_ORDER, Stage.ADMISSION) == (found.reason, found.stage)
    assert live.open(data_of(ahead), NOW_MS + 1000)[0].version == 2


@pytest.mark.parametrize("kind", Recommended)
def test_a_refused_list_is_answered_where_a_root_had_signed(kind: Recommended) -> None:
    """So that its sender learns in a receipt which one is in force; a stranger learns nothing."""
    live, listed = after(1)
    chain = keyring_chain(live, kind)
    for data in (data_of(listed[0]), data_of(*line(live, 2)[1:])):
        message = wrapped(data, kind)
        known = refusal(lambda sealed=message: chain.open(sealed, now_ms=NOW_MS)).known  # type: ignore[misc]
        assert known is not None
        assert (Stream.KEYRING, 2) == (known.claims.stream, known.claims.version)  # type: ignore[attr-defined]
        assert len(known.evidence) == (2 if kind is Recommended.NETWORK else 0)  # type: ignore[attr-defined]
    forged = write_list([sign_keyring(ring(), (signing("mallory"),))])
    found = refusal(lambda: chain.open(wrapped(forged, kind), now_ms=NOW_MS))
    assert found.known is None


def test_a_damaged_list_is_refused_before_anything_is_verified() -> None:
    """It is told apart first."""
    live = live_of()
    data = data_of(*line(live, 2))
    for wrong in (data[:-1], data + b"\0", b"\x81" + data[1:]):
        assert (
            Reason.ENVELOPE_MALFORMED
            is refusal(
                lambda wrong=wrong: live.open(wrong, NOW_MS)  # type: ignore[misc]
            ).reason
        )


class Broken:
    """Something that follows keys, and does not keep to what it promises."""

    def looks_like_list(self, data: bytes) -> bool:
        """Whatever it is."""
        return bool(data)

    def open(self, data: bytes, now_ms: int) -> NoReturn:
        """Raise what it may not."""
        raise KeyError(data, now_ms)

    def claims(self, data: bytes) -> NoReturn:
        """Are not asked for."""
        raise AssertionError(data)

    def standing(self, data: bytes) -> NoReturn:
        """Is not asked for."""
        raise AssertionError(data)


def test_what_raises_something_else_is_refused() -> None:
    """As a layer that is broken is."""
    parts = (Ed25519Verifier([ALICE.verify_key]), Freshness(), Once())
    chain = Chain(AUDIENCE, parts, successors=Broken())
    found = refusal(lambda: chain.open(b"data", now_ms=NOW_MS))
    assert (Reason.INTERNAL, Stage.LAYER) == (found.reason, found.stage)


def test_what_was_followed_is_known_by_its_text() -> None:
    """Whoever has signed it; what is none is refused."""
    live, listed = after(1)
    assert all(live.is_known(each.sealed) for each in listed)
    assert not live.is_known(following(live.current).sealed)
    assert Reason.ENVELOPE_MALFORMED is refusal(lambda: live.is_known(b"none")).reason


def test_only_what_a_root_has_written_is_read() -> None:
    """Of those that were ever in force here, or that somebody has verified."""
    live, mallory = live_of(), signing("mallory")
    older = live.keyring
    live.replace((following(live.current, entry(signing("carol"), Role.CONFIG)),))
    assert older == live.peek(sign_keyring(older, (ROOT, mallory)))
    forged = sign_keyring(older, (mallory, ROOT))
    assert Reason.KEY_UNKNOWN is refusal(lambda: live.peek(forged)).reason
    assert older == live.peek(forged, (entry(mallory, Role.ROOT),))


def test_what_was_kept_is_judged_by_its_role_alone() -> None:
    """Its key may have left service since; what the key is for has not changed."""
    live = live_of()
    gone = replace(in_state(live.keyring, BOB, State.DEACTIVATED), since=NOW + 1)
    live.replace((following(live.current, gone, now=NOW + 1),))
    chain = keyring_chain(live)
    lease, base = (
        read_request(chain.open(sealed(BOB, verb), now_ms=NOW_MS))
        for verb in (Verb.LEASE, Verb.CONFIRM)
    )
    live.judge_roles(lease)
    assert Reason.KEY_NOT_IN_FORCE is refusal(lambda: live.judge(lease, NOW_MS)).reason
    assert Reason.KEY_ROLE is refusal(lambda: live.judge_roles(base)).reason


def test_a_fork_is_passed_over_where_one_follows_behind_it() -> None:
    """Whoever stole one root key can have each host follow another keyring that suspends."""
    live, one = live_of(), first()
    ours, theirs, older = (
        following(
            one,
            entry(BOB, Role.LEASE, State.SUSPENDED, since=NOW - late, until=NOW + 60),
            now=NOW - late,
        )
        for late in (10, 20, 30)
    )
    live.replace((ours,))
    mended = following(theirs, entry(BOB, Role.LEASE, since=NOW))
    assert (mended,) == live.follow(write_list([theirs.sealed, mended.sealed]))
    assert (mended,) == live.follow(write_list([one.sealed, theirs.sealed, mended.sealed]))
    for listed in (
        [theirs.sealed],
        [one.sealed, theirs.sealed],
        [one.sealed, mended.sealed],
        [theirs.sealed, older.sealed, mended.sealed],
    ):
        found = refusal(partial(live.follow, write_list(listed)))
        assert Reason.KEYRING_OUT_OF_ORDER is found.reason
    forged = sign_keyring(theirs.keyring, (signing("mallory"),))
    found = refusal(partial(live.follow, write_list([forged, mended.sealed])))
    assert Reason.KEY_UNKNOWN is found.reason
