"""Which step of a rotation is next, from what is true alone."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from tests.unit.keyring.rings import (
    ALICE,
    AUDIENCE,
    DAY,
    NOW,
    ROOT,
    entry,
    mac,
    ring,
    signing,
    usual,
)

from sealwire.keyring import Keyring, RingKey, Role, State
from sealwire.keyring.edits import enrolled, in_state, promoted
from sealwire.keyring.rotation import Rotation, Step, is_true_now, next_step, services_of

SECOND = signing("alice", 2)
BILLING = "billing@prod"
BOTH = (AUDIENCE, BILLING)
ROTATION = Rotation(ALICE.thumbprint, SECOND.thumbprint, overlap_s=DAY)


def shown(keyring: Keyring, *audiences: str) -> dict[str, int]:
    """Say that these services have shown a keyring."""
    return dict.fromkeys(audiences, keyring.version)


def staged() -> Keyring:
    """Give the usual keyring with a second key of alice's that is not in service yet."""
    return enrolled(ring(), [entry(SECOND, Role.CONFIG, State.PRE_ACTIVATION)], NOW)


def with_primary() -> Keyring:
    """Give it with the second key as the primary."""
    keyring = staged()
    key = keyring.named(SECOND.thumbprint)
    assert key is not None
    return promoted(keyring, key, NOW)


def retired(state: State = State.DEACTIVATED) -> Keyring:
    """Give it with the first one out of service."""
    keyring = with_primary()
    key = keyring.named(ALICE.thumbprint)
    assert key is not None
    return in_state(keyring, [key], state, NOW)


REHEARSED = replace(ROTATION, rehearsed=frozenset(BOTH))
SWITCHED = replace(REHEARSED, switched=NOW)


@pytest.mark.parametrize(
    ("keyring", "rotation", "has_it", "now", "lacking", "step"),
    [
        (ring(), ROTATION, (), NOW, (), Step.STAGE),
        (staged(), ROTATION, (), NOW, (), Step.DISTRIBUTE),
        (staged(), ROTATION, (AUDIENCE,), NOW, (), Step.DISTRIBUTE),
        (staged(), ROTATION, BOTH, NOW, (BILLING,), Step.DISTRIBUTE),
        (staged(), ROTATION, BOTH, NOW, (), Step.REHEARSE),
        (
            staged(),
            replace(ROTATION, rehearsed=frozenset({AUDIENCE})),
            BOTH,
            NOW,
            (),
            Step.REHEARSE,
        ),
        (staged(), REHEARSED, BOTH, NOW, (), Step.PROMOTE),
        (with_primary(), REHEARSED, (AUDIENCE,), NOW, (), Step.DISTRIBUTE),
        (with_primary(), REHEARSED, BOTH, NOW, (), Step.SWITCH),
        (with_primary(), SWITCHED, BOTH, NOW, (), Step.WAIT),
        (with_primary(), SWITCHED, BOTH, NOW + DAY - 1, (), Step.WAIT),
        (with_primary(), SWITCHED, BOTH, NOW + DAY, (), Step.RETIRE),
        (retired(), SWITCHED, (AUDIENCE,), NOW + DAY, (), Step.DISTRIBUTE),
        (retired(), SWITCHED, BOTH, NOW + DAY, (), Step.DONE),
        (retired(State.COMPROMISED), SWITCHED, BOTH, NOW, (), Step.DONE),
        # Whoever has lost the old key meanwhile still has to go over to the new one.
        (retired(State.COMPROMISED), REHEARSED, BOTH, NOW, (), Step.SWITCH),
    ],
)
def test_the_way(
    keyring: Keyring,
    rotation: Rotation,
    has_it: tuple[str, ...],
    now: int,
    lacking: tuple[str, ...],
    step: Step,
) -> None:
    """From one key to the other."""
    there = shown(keyring, *has_it)
    assert step is next_step(keyring, rotation, BOTH, there, now, lacking)


def test_an_old_showing_does_not_count() -> None:
    """A service that has shown an earlier version has not shown this one."""
    assert Step.DISTRIBUTE is next_step(staged(), ROTATION, BOTH, shown(ring(), *BOTH), NOW)


def test_a_new_key_that_left_on_the_way() -> None:
    """Nothing is promoted that nobody trusts any more."""
    key = staged().named(SECOND.thumbprint)
    assert key is not None
    lost = in_state(staged(), [key], State.COMPROMISED, NOW)
    assert Step.ABANDONED is next_step(lost, ROTATION, BOTH, shown(lost, *BOTH), NOW)


def test_an_old_key_that_is_destroyed_and_gone() -> None:
    """A later keyring may not even name it."""
    gone = retired(State.DEACTIVATED)
    keyring = replace(
        gone, keys=tuple(key for key in gone.keys if key.thumbprint != ALICE.thumbprint)
    )
    assert Step.DONE is next_step(keyring, SWITCHED, BOTH, shown(keyring, *BOTH), NOW)


@pytest.mark.parametrize("role", [Role.ROOT, Role.RECEIPT])
def test_what_seals_no_request_is_not_rehearsed_by_one(role: Role) -> None:
    """A root key signs keyrings, a receipt key answers."""
    owner = "root" if role is Role.ROOT else "host-1"
    old, new = signing(owner), signing(owner, 2)
    keys = usual() if role is Role.ROOT else [*usual(), entry(old, role)]
    keyring = enrolled(ring(keys), [entry(new, role, State.PRE_ACTIVATION)], NOW)
    rotation = Rotation(old.thumbprint, new.thumbprint, overlap_s=DAY)
    assert Step.PROMOTE is next_step(keyring, rotation, BOTH, shown(keyring, *BOTH), NOW)


def test_a_root_is_replaced_without_waiting() -> None:
    """It seals nothing that could be on its way, and nobody has to go over."""
    new = signing("root", 2)
    before = enrolled(ring(), [entry(new, Role.ROOT, State.PRE_ACTIVATION)], NOW)
    key = before.named(new.thumbprint)
    assert key is not None
    keyring = promoted(before, key, NOW)
    rotation = Rotation(ROOT.thumbprint, new.thumbprint, overlap_s=DAY)
    assert Step.RETIRE is next_step(keyring, rotation, BOTH, shown(keyring, *BOTH), NOW)


def test_the_old_key_is_never_taken_away_too_early() -> None:
    """Not before it is shown, rehearsed and used, and the overlap is over."""
    states = (ring(), staged(), with_primary())
    for keyring, seen, rehearsed, switched, now in product(
        states, ((), (AUDIENCE,), BOTH), ((), BOTH), (0, NOW), (NOW, NOW + DAY)
    ):
        rotation = replace(ROTATION, rehearsed=frozenset(rehearsed), switched=switched)
        step = next_step(keyring, rotation, BOTH, shown(keyring, *seen), now)
        if step is Step.RETIRE:
            assert (BOTH, NOW, NOW + DAY) == (seen, switched, now)
            assert keyring is states[2]
        if step is Step.PROMOTE:
            assert (BOTH, BOTH) == (seen, rehearsed)


def test_which_services_have_to_take_a_key() -> None:
    """Those that it may be used for."""
    assert (AUDIENCE,) == services_of(entry(mac("alice"), Role.GATE), BOTH)
    assert BOTH == services_of(entry(ROOT, Role.ROOT), BOTH)


def test_what_is_true_is_said_at_every_step() -> None:
    """Both keys are named, once there are two."""
    old: RingKey = entry(ALICE, Role.CONFIG)
    assert "not in the keyring yet" in is_true_now(Step.STAGE, old, None)
    new = entry(SECOND, Role.CONFIG)
    for step in set(Step) - {Step.STAGE}:
        said = is_true_now(step, old, new)
        assert ALICE.fingerprint in said or step is Step.STAGE
        assert SECOND.fingerprint in said
