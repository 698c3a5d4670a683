"""What a keyring can say, and what can follow it."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.unit.keyring.rings import (
    ALICE,
    AUDIENCE,
    BOB,
    DAY,
    NAME,
    NOW,
    ROOT,
    changed,
    entry,
    in_state,
    mac,
    ring,
    signing,
    usual,
)

from sealwire.errors import ConfigurationError
from sealwire.keyring import MAX_SUSPENSION_S, Owner, OwnerKind, Role, State, only_suspends
from sealwire.keyring.model import MAX_AUDIENCES, MAX_KEYS, MAX_SECONDS, check_follows

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealwire.keyring import Keyring, RingKey

LIVE = {State.PRE_ACTIVATION, State.ACTIVE, State.SUSPENDED, State.DEACTIVATED}
ALLOWED = {
    (State.PRE_ACTIVATION, State.ACTIVE),
    (State.PRE_ACTIVATION, State.DEACTIVATED),
    (State.PRE_ACTIVATION, State.COMPROMISED),
    (State.PRE_ACTIVATION, State.DESTROYED),
    (State.ACTIVE, State.SUSPENDED),
    (State.ACTIVE, State.DEACTIVATED),
    (State.ACTIVE, State.COMPROMISED),
    (State.SUSPENDED, State.ACTIVE),
    (State.SUSPENDED, State.DEACTIVATED),
    (State.SUSPENDED, State.COMPROMISED),
    (State.DEACTIVATED, State.COMPROMISED),
    (State.DEACTIVATED, State.DESTROYED),
    (State.COMPROMISED, State.DESTROYED),
    *((state, state) for state in State),
}
"""SP 800-57, part 1, figure 3, but that what is compromised stays so until it is destroyed."""


def why(make: Callable[[], object]) -> str:
    """Say why a keyring contradicts itself, or does not follow."""
    with pytest.raises(ConfigurationError) as refused:
        make()
    return str(refused.value)


def of(key: RingKey, state: State) -> RingKey:
    """Give a key in a state that has begun."""
    until = NOW + DAY if state is State.SUSPENDED else 0
    return replace(key, state=state, primary=False, until=until)


@pytest.mark.parametrize(("before", "after"), list(itertools.product(State, State)))
def test_every_transition(before: State, after: State) -> None:
    """A state is followed by itself, or by what comes after it; nothing comes back from the end."""
    others = [key for key in usual() if key.thumbprint != BOB.thumbprint]
    bob = entry(BOB, Role.LEASE)
    old, new = ring([*others, of(bob, before)]), ring([*others, of(bob, after)], version=2)
    if (before, after) in ALLOWED:
        check_follows(old, new)
    else:
        expected = f"was {before.value}, and cannot become {after.value}"
        assert expected in why(lambda: check_follows(old, new))


@pytest.mark.parametrize("state", State)
def test_only_a_destroyed_key_may_go(state: State) -> None:
    """What is left out could come back as if it had never been there."""
    others = [key for key in usual() if key.thumbprint != BOB.thumbprint]
    old, new = ring([*others, of(entry(BOB, Role.LEASE), state)]), ring(others, version=2)
    if state is State.DESTROYED:
        check_follows(old, new)
    else:
        assert "was not destroyed before" in why(lambda: check_follows(old, new))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"version": 1}, "is version 1, and 2 is the next"),
        ({"version": 3}, "is version 3, and 2 is the next"),
        ({"name": "other"}, "is 'other', not payments"),
        ({"issued": NOW - DAY - 1}, "issued before the one it follows"),
    ],
)
def test_what_is_not_the_next_one(change: dict[str, object], expected: str) -> None:
    """A version skipped or repeated, another keyring's, and one that was issued earlier."""
    old = ring()
    new = replace(old, **{"version": 2, **change})  # type: ignore[arg-type]
    assert expected in why(lambda: check_follows(old, new))


CAROLS = entry(ALICE, Role.CONFIG)
OTHERS: list[tuple[RingKey, RingKey]] = [
    (CAROLS, replace(CAROLS, owner=Owner("carol"))),
    (CAROLS, replace(CAROLS, owner=Owner("alice", OwnerKind.SERVICE))),
    (CAROLS, replace(CAROLS, role=Role.LEASE)),
    (CAROLS, replace(CAROLS, audiences=(AUDIENCE,))),
    (entry(mac("alice"), Role.GATE), entry(mac("alice"), Role.ENCRYPT)),
    (entry(mac("alice"), Role.GATE), entry(mac("alice"), Role.GATE, audiences=("other",))),
]


@pytest.mark.parametrize(("key", "other"), OTHERS, ids=range(len(OTHERS)))
def test_a_key_stays_what_it_is(key: RingKey, other: RingKey) -> None:
    """Another owner, kind, role or audience is another key's."""
    root = entry(ROOT, Role.ROOT)
    old, new = ring([root, key]), ring([root, other], version=2)
    assert "make a new key for that" in why(lambda: check_follows(old, new))


def test_dates_and_the_primary_may_change() -> None:
    """These are decisions, and whoever signs makes them."""
    old = ring()
    new = changed(old, replace(entry(ALICE, Role.CONFIG), not_after=NOW + DAY, primary=False))
    assert (2, NOW) == (new.version, new.issued)
    assert old.expires == new.expires


def test_what_follows_was_issued_no_earlier() -> None:
    """A clock that went back makes no keyring that is refused."""
    later = ring(issued=NOW + DAY)
    assert NOW + DAY == changed(later, now=NOW).issued
    assert (NOW + 2 * DAY, 1) == (
        (new := later.succeeded(later.keys, now=NOW, expires=NOW + 2 * DAY)).expires,
        new.root_threshold,
    )


# ---- what one root key may do alone ------------------------------------------------------------


def suspending(before: Keyring, **changes: object) -> Keyring:
    """Give a keyring that suspends bob, but for what is changed about his key."""
    bob = before.named(BOB.thumbprint)
    assert bob is not None
    usually = {"state": State.SUSPENDED, "since": NOW, "until": NOW + DAY, "primary": False}
    return changed(before, replace(bob, **{**usually, **changes}))  # type: ignore[arg-type]


def test_taking_a_key_away_for_a_while() -> None:
    """That is what one root key is enough for, up to 72 hours."""
    old = ring()
    assert only_suspends(old, suspending(old))
    assert only_suspends(old, suspending(old, until=NOW + MAX_SUSPENSION_S))


def with_suspended() -> Keyring:
    """Give a keyring in which bob is suspended already."""
    return changed(ring(), in_state(ring(), BOB, State.SUSPENDED))


NOT_ALONE: dict[str, Callable[[], tuple[Keyring, Keyring]]] = {
    "nothing at all": lambda: (ring(), changed(ring())),
    "longer than 72 h": lambda: (ring(), suspending(ring(), until=NOW + MAX_SUSPENSION_S + 1)),
    "from later on": lambda: (ring(), suspending(ring(), since=NOW + 1)),
    "from earlier on": lambda: (ring(), suspending(ring(), since=NOW - 1)),
    "and changes its dates": lambda: (ring(), suspending(ring(), not_before=1)),
    "and adds a key": lambda: (
        ring(),
        changed(suspending(ring()), entry(signing("eve"), Role.CONFIG)),
    ),
    "and makes another key primary": lambda: (
        ring(),
        replace(suspending(ring()), keys=changed_primary(suspending(ring()))),
    ),
    "changes expires": lambda: (ring(), replace(suspending(ring()), expires=NOW + DAY)),
    "changes the threshold": lambda: (
        two_roots(),
        replace(suspending(two_roots()), root_threshold=2),
    ),
    "a root key": lambda: (
        two_roots(),
        changed(two_roots(), in_state(two_roots(), signing("other"), State.SUSPENDED)),
    ),
    "lifts a suspension": lambda: (
        with_suspended(),
        changed(with_suspended(), entry(BOB, Role.LEASE, since=NOW)),
    ),
    "makes a suspension longer": lambda: (
        with_suspended(),
        changed(
            with_suspended(),
            replace(in_state(ring(), BOB, State.SUSPENDED), until=NOW + 2 * DAY),
        ),
    ),
    "one that has left service": lambda: (
        changed(ring(), in_state(ring(), ALICE, State.DEACTIVATED)),
        changed(changed(ring(), in_state(ring(), ALICE, State.DEACTIVATED)), since_again()),
    ),
}


def two_roots() -> Keyring:
    """Give a keyring of two root keys, one of which is enough."""
    return ring([*usual(), entry(signing("other"), Role.ROOT)])


def changed_primary(keyring: Keyring) -> tuple[RingKey, ...]:
    """Give a keyring's keys, of which alice's is no primary any more."""
    return tuple(
        replace(key, primary=False) if key.thumbprint == ALICE.thumbprint else key
        for key in keyring.keys
    )


def since_again() -> RingKey:
    """Give alice's key as having left service a second later."""
    return replace(in_state(ring(), ALICE, State.DEACTIVATED), since=NOW + 1)


@pytest.mark.parametrize("what", NOT_ALONE)
def test_what_one_root_key_may_not_do_alone(what: str) -> None:
    """Whatever gives somebody more, or less for good, or for longer, is for the threshold."""
    before, after = NOT_ALONE[what]()
    assert not only_suspends(before, after)


# ---- states and times --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "states"),
    [
        (entry(ALICE, Role.CONFIG), "active active active"),
        (entry(ALICE, Role.CONFIG, since=NOW), "active active active"),
        (entry(ALICE, Role.CONFIG, not_before=NOW), "pre-activation active active"),
        (entry(ALICE, Role.CONFIG, not_after=NOW), "active active deactivated"),
        (entry(ALICE, Role.CONFIG, State.PRE_ACTIVATION), "pre-activation " * 3),
        (entry(ALICE, Role.CONFIG, State.DEACTIVATED, since=NOW), "active deactivated deactivated"),
        (entry(ALICE, Role.CONFIG, State.COMPROMISED, since=NOW), "compromised " * 3),
        (entry(ALICE, Role.CONFIG, State.DESTROYED, since=NOW), "destroyed " * 3),
        (
            entry(ALICE, Role.CONFIG, State.SUSPENDED, since=NOW, until=NOW + 1),
            "active suspended active",
        ),
        (
            entry(ALICE, Role.CONFIG, State.SUSPENDED, since=0, until=NOW + 1, not_after=NOW),
            "suspended suspended deactivated",
        ),
    ],
)
def test_the_state_at_a_time(key: RingKey, states: str) -> None:
    """A second before, at, and a second after; what is compromised always was."""
    found = [key.state_at(now).value for now in (NOW - 1, NOW, NOW + 1)]
    assert states.split() == found


# ---- what contradicts itself -------------------------------------------------------------------


def with_key(**changes: object) -> Callable[[], object]:
    """Give a keyring with a changed key of alice's."""
    return lambda: ring(
        [entry(ROOT, Role.ROOT), replace(entry(ALICE, Role.CONFIG), **changes)]  # type: ignore[arg-type]
    )


def with_gate(**changes: object) -> Callable[[], object]:
    """Give a keyring with a changed gate key of alice's."""
    return lambda: ring(
        [entry(ROOT, Role.ROOT), replace(entry(mac("alice"), Role.GATE), **changes)]  # type: ignore[arg-type]
    )


def twins() -> object:
    """Give a keyring of two keys with one id."""
    gate = entry(mac("alice"), Role.GATE)
    other = replace(gate, thumbprint=gate.thumbprint[:8] + bytes(24), primary=False)
    return ring([entry(ROOT, Role.ROOT), gate, other])


SMALL_ORDER = (1).to_bytes(32, "little")

CONTRADICTIONS: list[tuple[str, Callable[[], object]]] = [
    ("name", lambda: replace(ring(), name="No Name")),
    ("under 1", lambda: replace(ring(), version=0)),
    ("before it is issued", lambda: replace(ring(), expires=ring().issued)),
    ("before it is issued", lambda: replace(ring(), issued=0)),
    ("before it is issued", lambda: replace(ring(), expires=MAX_SECONDS + 1)),
    (
        f"over {MAX_KEYS} keys",
        lambda: ring(
            [
                entry(ROOT, Role.ROOT),
                *(
                    entry(mac("alice", number), Role.GATE, primary=False)
                    for number in range(MAX_KEYS)
                ),
            ]
        ),
    ),
    ("not in order", lambda: replace(ring(), keys=ring().keys[::-1])),
    ("one stands twice", lambda: ring([*usual(), usual()[0]])),
    ("two keys have the id", twins),
    ("the owner", with_key(owner=Owner("No Name"))),
    ("an audience", with_key(audiences=("No Name",))),
    ("not sorted", with_key(audiences=("b", "a"))),
    ("not sorted", with_key(audiences=("a", "a"))),
    ("over 64", with_key(audiences=tuple(f"a{n:03}" for n in range(MAX_AUDIENCES + 1)))),
    ("stands here with bytes", with_gate(public=bytes(32))),
    ("belongs to one audience", with_gate(audiences=())),
    ("belongs to one audience", with_gate(audiences=("a", "b"))),
    ("not what its thumbprint says", with_key(public=b"")),
    ("not what its thumbprint says", with_key(public=bytes(31))),
    ("not what its thumbprint says", with_key(public=BOB.verify_key.public_bytes)),
    ("not what its thumbprint says", with_key(thumbprint=bytes(32))),
    ("root key, which has no audience", lambda: ring([entry(ROOT, Role.ROOT, audiences=("a",))])),
    (
        "receipt key, which has no audience",
        with_key(role=Role.RECEIPT, owner=Owner("host", OwnerKind.SERVICE), audiences=("a",)),
    ),
    ("is a person's", with_key(role=Role.RECEIPT)),
    ("a time that is none", with_key(since=-1)),
    ("a time that is none", with_key(not_after=MAX_SECONDS + 1)),
    ("ends before it begins", with_key(not_before=2, not_after=2)),
    ("until is of suspensions", with_key(until=NOW + DAY)),
    ("until is of suspensions", with_key(state=State.SUSPENDED, primary=False)),
    ("ends before it begins", with_key(state=State.SUSPENDED, primary=False, since=2, until=2)),
    ("called the primary", with_key(state=State.DEACTIVATED)),
    ("two primary config keys", lambda: ring([*usual(), entry(signing("alice", 2), Role.CONFIG)])),
    ("0 root signatures", lambda: ring(threshold=0)),
    ("2 root signatures are asked for, and 1 owners", lambda: ring(threshold=2)),
    (
        "2 root signatures are asked for, and 1 owners",
        lambda: ring([*usual(), entry(signing("root", 2), Role.ROOT, primary=False)], threshold=2),
    ),
    ("0 owners", lambda: ring([entry(ROOT, Role.ROOT, State.SUSPENDED, until=NOW + DAY)])),
    (
        "over 8 root keys",
        lambda: ring([entry(signing(f"root-{number}"), Role.ROOT) for number in range(9)]),
    ),
]


@pytest.mark.parametrize(("expected", "make"), CONTRADICTIONS, ids=range(len(CONTRADICTIONS)))
def test_what_contradicts_itself(expected: str, make: Callable[[], object]) -> None:
    """A keyring that cannot be true does not come to be, and the text says why."""
    assert expected in why(make)


def test_small_points_are_no_keys() -> None:
    """Anybody can sign with one."""
    from sealwire.keys import okp_thumbprint

    bad = replace(
        entry(ALICE, Role.CONFIG), public=SMALL_ORDER, thumbprint=okp_thumbprint(SMALL_ORDER)
    )
    assert "small order" in why(lambda: ring([entry(ROOT, Role.ROOT), bad]))


def test_keys_are_found_by_id_and_by_name() -> None:
    """An id is a hint, and within a keyring it names one key."""
    keyring = ring()
    assert keyring.find(ALICE.id) is keyring.named(ALICE.thumbprint)
    assert keyring.find(bytes(8)) is None
    assert keyring.named(bytes(32)) is None
    assert keyring.name == NAME
    assert keyring.named(ALICE.thumbprint) in tuple(keyring.of(Role.CONFIG, *LIVE))


def test_an_audience_serves_itself() -> None:
    """A request key with none serves all of a keyring."""
    assert entry(ALICE, Role.CONFIG).serves("anything")
    assert entry(ALICE, Role.CONFIG, audiences=("a",)).serves("a")
    assert not entry(ALICE, Role.CONFIG, audiences=("a",)).serves("b")
    keys = [entry(ALICE, Role.CONFIG, audiences=("a", "b")), entry(BOB, Role.CONFIG)]
    assert 3 == len(ring([entry(ROOT, Role.ROOT), *keys]).keys)


def test_one_root_key_suspends_a_key_once() -> None:
    """Also where that is over: else its thief could keep the key away for good, 72 h at a time."""
    before = with_suspended()
    again = replace(
        in_state(before, BOB, State.SUSPENDED), since=NOW + 2 * DAY, until=NOW + 3 * DAY
    )
    assert not only_suspends(before, changed(before, again, now=NOW + 2 * DAY))
