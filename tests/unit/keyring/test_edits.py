"""What a custodian does to a keyring: who comes, who goes, who is the primary."""

from __future__ import annotations

import pytest
from tests.unit.keyring.rings import (
    ALICE,
    AUDIENCE,
    BOB,
    DAY,
    NOW,
    ROOT,
    aead,
    entry,
    mac,
    ring,
    signing,
    usual,
)

from sealwire.errors import ConfigurationError
from sealwire.keyring import MAX_SUSPENSION_S, OwnerKind, RingKey, Role, State, only_suspends
from sealwire.keyring.edits import (
    enrolled,
    entry_for,
    in_state,
    issue_time,
    of_owner,
    promoted,
    suspended,
)
from sealwire.keys import SigningKey


def of(key: SigningKey) -> RingKey:
    """Give a key of the usual keyring."""
    named = ring().named(key.thumbprint)
    assert named is not None
    return named


def test_an_entry_has_what_is_public_alone() -> None:
    """Of a private key and of its public half the same; of a secret, no bytes."""
    private = entry_for(ALICE, Role.CONFIG, since=NOW, audiences=("b@x", "a@x", "b@x"))
    public = entry_for(ALICE.verify_key, Role.CONFIG, since=NOW, audiences=("a@x", "b@x"))
    assert private == public
    assert ("a@x", "b@x") == private.audiences
    shared = entry_for(mac("alice"), Role.GATE, since=NOW, primary=True)
    assert (b"", (AUDIENCE,), True) == (shared.public, shared.audiences, shared.primary)


@pytest.mark.parametrize(
    ("role", "kind"), [(Role.RECEIPT, OwnerKind.SERVICE), (Role.LEASE, OwnerKind.PERSON)]
)
def test_receipts_are_a_hosts(role: Role, kind: OwnerKind) -> None:
    """Whoever signs receipts is no person."""
    assert kind is entry_for(signing("host-1"), role, since=NOW).owner.kind


def test_a_version_is_not_issued_before_the_one_it_follows() -> None:
    """A clock that was set back does not make a keyring that cannot follow."""
    keyring = ring(issued=NOW)
    assert (NOW, NOW + 1) == (issue_time(keyring, NOW - 10), issue_time(keyring, NOW + 1))


def test_who_comes_first_is_the_primary() -> None:
    """A second key of the same owner and role is active, and waits to be promoted."""
    carol, second = signing("carol"), signing("carol", 2)
    following = enrolled(ring(), [entry(carol, Role.LEASE), entry(second, Role.LEASE)], NOW)
    named = [following.named(each.thumbprint) for each in (carol, second)]
    assert [True, False] == [each is not None and each.primary for each in named]
    assert 2 == following.version


def test_a_key_for_another_audience_is_a_primary_of_its_own() -> None:
    """Primaries are of an owner, a role and an audience."""
    other = aead("alice", audience="billing@prod")
    following = enrolled(ring(), [entry(other, Role.ENCRYPT, audiences=("billing@prod",))], NOW)
    named = following.named(other.thumbprint)
    assert named is not None
    assert named.primary


def test_what_is_not_in_service_yet_is_no_primary() -> None:
    """A staged key waits."""
    staged = signing("carol")
    following = enrolled(ring(), [entry(staged, Role.LEASE, State.PRE_ACTIVATION)], NOW)
    named = following.named(staged.thumbprint)
    assert named is not None
    assert not named.primary


def test_nobody_is_let_in_twice() -> None:
    """The text says whose the key is, and how another one is made."""
    with pytest.raises(ConfigurationError, match=r"of bob, lease, active; .* keys new --owner bob"):
        enrolled(ring(), [entry(BOB, Role.CONFIG)], NOW)


def test_a_state_begins_with_its_keyring() -> None:
    """And what has it is the primary no more."""
    following = in_state(ring(), [of(BOB)], State.DEACTIVATED, NOW)
    named = following.named(BOB.thumbprint)
    assert named is not None
    assert (State.DEACTIVATED, NOW, 0, False) == (
        named.state,
        named.since,
        named.until,
        named.primary,
    )
    assert following.named(ALICE.thumbprint) == of(ALICE)


def test_a_suspension_is_one_that_a_single_root_may_sign() -> None:
    """It does nothing but suspend."""
    following = suspended(ring(), [of(BOB)], NOW, 3600)
    assert only_suspends(ring(), following)
    named = following.named(BOB.thumbprint)
    assert named is not None
    assert NOW + 3600 == named.until


def test_a_suspension_has_an_end() -> None:
    """Taking away for good is for as many as sign other changes."""
    longest = suspended(ring(), [of(BOB)], NOW, MAX_SUSPENSION_S)
    assert only_suspends(ring(), longest)
    with pytest.raises(ConfigurationError, match="at most 72 h"):
        suspended(ring(), [of(BOB)], NOW, MAX_SUSPENSION_S + 1)


def test_a_root_is_not_suspended() -> None:
    """The thief of one could shut the others out."""
    with pytest.raises(ConfigurationError, match="is a root key"):
        suspended(ring(), [of(ROOT)], NOW, 60)


def test_what_is_not_active_is_not_suspended() -> None:
    """A suspension is not made longer by another one."""
    gone = in_state(ring(), [of(BOB)], State.DEACTIVATED, NOW)
    key = gone.named(BOB.thumbprint)
    assert key is not None
    with pytest.raises(ConfigurationError, match="is deactivated, and only an active key"):
        suspended(gone, [key], NOW, 60)


def test_whoever_leaves_takes_along_what_was_to_come() -> None:
    """Keys in service, suspended and staged ones; not those that had left before."""
    keys = [*usual(), entry(signing("alice", 2), Role.CONFIG, State.PRE_ACTIVATION)]
    keys.append(entry(signing("alice", 3), Role.CONFIG, State.DEACTIVATED))
    assert 4 == len(of_owner(ring(keys), "alice"))
    assert () == of_owner(ring(keys), "carol")


def test_a_new_primary_takes_that_from_the_old_one() -> None:
    """Both are active, and other owners and roles are left alone."""
    second = signing("alice", 2)
    staged = entry(second, Role.CONFIG, State.PRE_ACTIVATION, since=NOW - DAY)
    before = ring([*usual(), staged])
    following = promoted(before, staged, NOW)
    new, old = following.named(second.thumbprint), following.named(ALICE.thumbprint)
    assert new is not None
    assert old is not None
    assert (State.ACTIVE, NOW, True) == (new.state, new.since, new.primary)
    assert (State.ACTIVE, False) == (old.state, old.primary)
    changed = {key.thumbprint for key in following.keys if key not in before.keys}
    assert {second.thumbprint, ALICE.thumbprint} == changed


def test_an_active_key_that_is_promoted_keeps_its_age() -> None:
    """Being the primary does not make it younger."""
    second = entry(signing("alice", 2), Role.CONFIG, primary=False, since=NOW - 100 * DAY)
    following = promoted(ring([*usual(), second]), second, NOW)
    named = following.named(second.thumbprint)
    assert named is not None
    assert (NOW - 100 * DAY, True) == (named.since, named.primary)


def test_what_has_left_does_not_come_back() -> None:
    """Neither by promotion."""
    gone = in_state(ring(), [of(BOB)], State.COMPROMISED, NOW)
    key = gone.named(BOB.thumbprint)
    assert key is not None
    with pytest.raises(ConfigurationError, match="cannot become active"):
        promoted(gone, key, NOW)
