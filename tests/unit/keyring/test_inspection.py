"""What is wrong with a keyring, and who may do what by it."""

from __future__ import annotations

import pytest
from tests.unit.keyring.rings import (
    ALICE,
    AUDIENCE,
    BOB,
    DAY,
    NOW,
    ROOT,
    entry,
    mac,
    ring,
    signing,
    usual,
)

from sealwire.keyring import RingKey, Role, State
from sealwire.keyring.inspection import rights, useless, worries


def texts(keys: list[RingKey], now: int = NOW, *, expires: int = NOW + 60 * DAY) -> list[str]:
    """Give what is said of a keyring."""
    return [each.text for each in worries(ring(keys, expires=expires), now)]


def test_the_usual_keyring_has_nothing_to_mend() -> None:
    """Nothing is told that nobody has to do anything about."""
    assert [] == worries(ring(), NOW)


@pytest.mark.parametrize(
    ("left_s", "said"),
    [
        (-1, "it has expired: changes are refused"),
        (0, "it expires in 0 ms, which is within 1 d"),
        (DAY, "within 1 d"),
        (7 * DAY, "within 7 d"),
        (14 * DAY, "within 14 d"),
        (30 * DAY, "within 30 d"),
    ],
)
def test_the_end_is_told_ahead(left_s: int, said: str) -> None:
    """30, 14, 7 and one day before, with the command that mends it."""
    (worry,) = worries(ring(expires=NOW + left_s), NOW)
    assert said in worry.text
    assert "sealwire keys renew" == worry.next


@pytest.mark.parametrize(
    ("role", "years"),
    [(Role.LEASE, 1), (Role.GATE, 1), (Role.RECEIPT, 2), (Role.ROOT, 1)],
)
def test_keys_grow_old(role: Role, years: int) -> None:
    """A year for what signs and what is shared, two for receipts."""
    key = mac("carol") if role is Role.GATE else signing("carol")
    limit = years * 365 * DAY
    young = entry(key, role, since=NOW - limit, primary=True)
    assert not any("in service since" in each for each in texts([*usual(), young]))
    old = entry(key, role, since=NOW - limit - 1, primary=True)
    (said,) = [each for each in texts([*usual(), old]) if "in service since" in each]
    assert key.fingerprint in said


def test_what_is_not_in_service_does_not_grow_old() -> None:
    """A key that has left needs no rotation."""
    old = entry(signing("carol"), Role.LEASE, State.DEACTIVATED, since=1)
    assert [] == texts([*usual(), old])


def test_a_key_with_an_end_that_has_passed() -> None:
    """It is refused already."""
    past = entry(signing("carol"), Role.LEASE, not_after=NOW - 1)
    assert any("has expired" in each for each in texts([*usual(), past]))


def test_root_and_requests_are_apart() -> None:
    """Whoever says who is trusted had better not be the one who asks."""
    both = entry(signing("root", 2), Role.CONFIG)
    assert ["root signs keyrings (root) and asks for changes (config)"] == texts([*usual(), both])


def test_a_host_is_nothing_else() -> None:
    """Whoever answers does not ask."""
    keys = [*usual(), entry(signing("bob", 2), Role.RECEIPT)]
    assert any("bob signs receipts, and has keys for" in each for each in texts(keys))
    alone = [*usual(), entry(signing("host-1"), Role.RECEIPT)]
    assert [] == texts(alone)


def test_active_keys_without_a_primary() -> None:
    """Nobody knows which one to seal with."""
    keys = [key for key in usual() if key.thumbprint != BOB.thumbprint]
    keys += [entry(signing("bob", each), Role.LEASE, primary=False) for each in (1, 2)]
    (worry,) = worries(ring(keys), NOW)
    assert "bob has 2 active lease keys, and no primary" == worry.text
    shared = entry(mac("carol"), Role.GATE, primary=False)
    assert any(f"for {AUDIENCE}, and no primary" in each for each in texts([*usual(), shared]))


def test_as_many_roots_as_have_to_sign() -> None:
    """Whoever loses one of them can never change anything again."""
    two = [*usual(), entry(signing("eve"), Role.ROOT)]
    (worry,) = worries(ring(two, threshold=2), NOW)
    assert "every one of the 2 root owners" in worry.text
    three = [*two, entry(signing("mallory"), Role.ROOT)]
    assert [] == worries(ring(three, threshold=2), NOW)


def test_who_may_do_what() -> None:
    """Of each owner: roles, services, since when, by which keys."""
    found = {right.owner: right for right in rights(ring(), NOW)}
    assert {"alice", "bob", "root"} == found.keys()
    alice = found["alice"]
    assert ("config", "encrypt", "gate") == alice.roles
    assert ("every service", AUDIENCE) == alice.audiences
    assert NOW - DAY == alice.since
    assert ALICE.fingerprint in alice.keys


def test_who_has_left_may_nothing() -> None:
    """Nor who is not in service yet."""
    keys = [key for key in usual() if key.owner.id == "root"]
    keys += [entry(signing("bob"), Role.LEASE, State.DEACTIVATED)]
    keys += [entry(signing("carol"), Role.LEASE, State.PRE_ACTIVATION)]
    assert ["root"] == [right.owner for right in rights(ring(keys), NOW)]


def test_what_nothing_needs() -> None:
    """Keys that never came, have left, are second, or are shared with nobody who asks."""
    assert [] == useless(ring(), NOW)
    keys = [
        entry(ROOT, Role.ROOT),
        entry(signing("carol"), Role.LEASE, State.PRE_ACTIVATION),
        entry(signing("carol", 2), Role.LEASE, State.DEACTIVATED),
        entry(signing("carol", 3), Role.LEASE, State.DESTROYED),
        entry(signing("dave"), Role.LEASE),
        entry(signing("dave", 2), Role.LEASE, primary=False),
        entry(mac("eve"), Role.GATE),
        entry(signing("host"), Role.RECEIPT),
        entry(signing("host", 2), Role.RECEIPT, primary=False),
    ]
    found = {key.fingerprint: why for key, why in useless(ring(keys), NOW)}
    assert found == {
        signing("carol").fingerprint: "never came into service",
        signing("carol", 2).fingerprint: "has left service, and is not destroyed",
        signing("dave", 2).fingerprint: "is taken, and is not the primary",
        signing("host", 2).fingerprint: "is taken, and is not the primary; another service of this "
        "host may sign with it",
        mac("eve").fingerprint: "its owner has no key that asks for anything",
    }
