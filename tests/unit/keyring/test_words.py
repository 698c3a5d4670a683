"""A change of a keyring in words: whoever signs reads everything that they sign."""

from __future__ import annotations

import random
from dataclasses import fields, replace
from typing import Any

import pytest
from tests.unit.keyring.rings import ALICE, BOB, DAY, NOW, entry, ring, signing, usual

from sealwire.keyring import Keyring, RingKey, Role, State
from sealwire.keyring.edits import enrolled, in_state, promoted, suspended
from sealwire.keyring.words import changes_in_words, moment_in_words, role_in_words

CAROL = signing("carol")


def bob() -> RingKey:
    """Give the key of whoever is on call."""
    return entry(BOB, Role.LEASE)


def changed(key: RingKey) -> list[str]:
    """Say what is told where bob's key becomes ``key``; it may be what no keyring may say."""
    keys = [key if each.thumbprint == BOB.thumbprint else each for each in ring().keys]
    after = ring()
    object.__setattr__(after, "keys", tuple(keys))
    return changes_in_words(ring(), after)


def test_nothing_is_said_to_be_nothing() -> None:
    """A version that changes nothing says so."""
    following = ring().succeeded(ring().keys, now=NOW)
    assert ["nothing but the version and the time of issue"] == changes_in_words(ring(), following)


def test_a_new_key() -> None:
    """Whose it is, for what, and in which state."""
    (line,) = changes_in_words(ring(), enrolled(ring(), [entry(CAROL, Role.CONFIG)], NOW))
    assert f"key {CAROL.fingerprint} of carol (config) is new: active, the primary" in line
    assert line.endswith("it configures and leases")


def test_a_new_key_with_dates() -> None:
    """From when, until when."""
    key = entry(CAROL, Role.LEASE, not_after=NOW + DAY, audiences=("a@x",))
    lines = changes_in_words(ring(), enrolled(ring(), [key], NOW))
    assert f"is valid from always until {moment_in_words(NOW + DAY)}" in lines[1]
    assert "(lease for a@x)" in lines[1]


def test_a_key_that_is_not_in_service_yet() -> None:
    """It is not called the primary."""
    staged = entry(CAROL, Role.LEASE, State.PRE_ACTIVATION)
    (line,) = changes_in_words(ring(), enrolled(ring(), [staged], NOW))
    assert "is new: pre-activation; it leases" in line


def test_a_key_that_goes() -> None:
    """What was destroyed may be left out of the next version."""
    dead = ring([*usual(), entry(CAROL, Role.LEASE, State.DESTROYED)])
    following = dead.succeeded(usual(), now=NOW)
    (line,) = changes_in_words(dead, following)
    assert line == f"key {CAROL.fingerprint} of carol (lease) is gone"


def test_a_suspension_says_until_when() -> None:
    """And that the key is the primary no more."""
    lines = changes_in_words(ring(), suspended(ring(), [bob()], NOW, 3600))
    name = f"key {BOB.fingerprint} of bob (lease)"
    until = moment_in_words(NOW + 3600)
    assert lines == [
        f"{name} becomes suspended until {until}; it was active",
        f"{name} is the primary no more",
    ]


def test_a_promotion_names_both() -> None:
    """Who becomes the primary, and who is it no more."""
    second = entry(signing("alice", 2), Role.CONFIG, primary=False)
    before = ring([*usual(), second])
    lines = changes_in_words(before, promoted(before, second, NOW))
    assert sorted(lines) == sorted(
        [
            f"key {second.fingerprint} of alice (config) is the primary",
            f"key {ALICE.fingerprint} of alice (config) is the primary no more",
        ]
    )


def test_expiry_and_threshold() -> None:
    """How long the keyring is good, and how many sign the next."""
    two = [*usual(), entry(signing("eve"), Role.ROOT)]
    before = ring(two)
    following = before.succeeded(before.keys, now=NOW, expires=NOW + DAY, root_threshold=2)
    lines = changes_in_words(before, following)
    assert f"the keyring expires {moment_in_words(NOW + DAY)}, and not " in lines[0]
    assert lines[1] == "2 root signatures are needed from then on, and not 1"


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (replace(bob(), since=NOW), f"is active since {moment_in_words(NOW)}"),
        (replace(bob(), not_before=NOW), f"is valid from {moment_in_words(NOW)} until without end"),
        (replace(bob(), not_after=NOW), "is valid from always until "),
        (replace(bob(), role=Role.CONFIG), "has another role, which no keyring may change"),
        (replace(bob(), audiences=("a@x",)), "has another audiences, which no keyring may change"),
        (replace(bob(), public=b""), "has another public, which no keyring may change"),
    ],
)
def test_whatever_differs_is_said(key: RingKey, said: str) -> None:
    """Also what could not follow; a proposal may still ask for it."""
    assert any(said in line for line in changed(key))


def test_dates_that_are_taken_away() -> None:
    """A key that is valid without end from then on is worth a line."""
    before = ring([*usual(), entry(CAROL, Role.LEASE, not_after=NOW + DAY)])
    keys = [replace(key, not_after=0) for key in before.keys]
    lines = changes_in_words(before, before.succeeded(keys, now=NOW))
    assert lines == [f"key {CAROL.fingerprint} of carol (lease) is valid without end"]


def test_no_member_of_a_key_changes_unsaid() -> None:
    """A member that is added to keys has to be told as well."""
    other: dict[str, Any] = {
        "role": Role.GATE,
        "owner": entry(CAROL, Role.LEASE).owner,
        "state": State.COMPROMISED,
        "since": NOW - 5,
        "public": b"x",
        "audiences": ("b@x",),
        "primary": False,
        "not_before": 7,
        "not_after": 8,
        "until": 9,
    }
    for each in fields(RingKey):
        if each.name != "thumbprint":
            key = replace(bob(), **{each.name: other[each.name]})
            assert changed(key) != changed(bob()), each.name


def test_every_role_is_in_words() -> None:
    """What a key with it may do."""
    assert len(Role) == len({role_in_words(role) for role in Role})


def test_whatever_a_random_edit_changes_is_said() -> None:
    """Two keyrings that differ in a key never read alike."""
    source = random.Random(7)
    before = ring([*usual(), entry(signing("eve"), Role.ROOT)])
    for _ in range(200):
        key = source.choice([key for key in before.keys if key.role is not Role.ROOT])
        following: Keyring = in_state(
            before,
            [key],
            source.choice([State.DEACTIVATED, State.COMPROMISED]),
            NOW,
        )
        assert any(key.fingerprint in line for line in changes_in_words(before, following))
