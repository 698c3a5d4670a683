"""Replacing a key by another: what is true, and which step is next. Pure data.

Rules this module keeps:

1. The step follows from the keyring, from which services have shown what, and from the time. So a
   rotation that was interrupted goes on where it was, whatever it had done and not told.
2. Nothing depends on the new key before every service has shown that it takes it; the old one is
   not taken away before every service has the new one as the primary, whoever seals has gone over,
   and the overlap is over. So no message of either key is refused on the way.
3. A service has shown a version when a verified receipt says so; a claim is none.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sealwire.keyring.model import REQUEST_ROLES, SECRET_ROLES, Keyring, RingKey, Role, State

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

REHEARSED_ROLES: Final = REQUEST_ROLES | SECRET_ROLES
"""Their keys open a harmless request (``status``) before anything depends on them."""

_IN_SERVICE: Final = frozenset({State.ACTIVE, State.SUSPENDED})


class Step(enum.Enum):
    """What is to be done next."""

    STAGE = "stage"
    """The new key has to be put into the keyring, not in service yet."""

    DISTRIBUTE = "distribute"
    """Services have not shown that they have the keyring in force, or a secret key's bytes."""

    REHEARSE = "rehearse"
    """Services have not shown that they take the new key."""

    PROMOTE = "promote"
    """The new key can become active, and the primary."""

    SWITCH = "switch"
    """Whoever seals still uses the old key."""

    WAIT = "wait"
    """Both keys are taken until the overlap is over."""

    RETIRE = "retire"
    """The old key can leave service."""

    DONE = "done"
    """The new key has taken the old one's place; the old one can be destroyed."""

    ABANDONED = "abandoned"
    """The new key has left service on the way, so it can take nobody's place."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """One key that takes another's place.

    Attributes:
        old: the thumbprint of the key that goes.
        new: the thumbprint of the key that comes.
        overlap_s: how long both are taken once the new one is used, seconds.
        file: where the private or secret part of the new key lies; ``""`` where it is elsewhere.
        rehearsed: the services that have taken the new key for a harmless request.
        switched: when whoever seals went over to it, seconds since the epoch; 0 is not yet.
    """

    old: bytes
    new: bytes
    overlap_s: int
    file: str = ""
    rehearsed: frozenset[str] = frozenset()
    switched: int = 0

    def ends(self) -> int:
        """Say when the overlap is over, seconds since the epoch."""
        return self.switched + self.overlap_s


def next_step(
    keyring: Keyring,
    rotation: Rotation,
    services: Collection[str],
    shown: Mapping[str, int],
    now: int,
    lacking: Collection[str] = (),
) -> Step:
    """Say what a rotation needs next.

    Args:
        keyring: the keyring in force, as whoever keeps it has it.
        rotation: what is rotated, and what has been seen of it.
        services: the audiences that use the keys.
        shown: the version of the keyring that each has shown (rule 3).
        now: the time, seconds since the epoch.
        lacking: the audiences that have not got the new key's secret bytes.
    """
    old, new = keyring.named(rotation.old), keyring.named(rotation.new)
    if new is None:
        return Step.STAGE
    behind = any(shown.get(each, 0) < keyring.version for each in services)
    if new.state is State.PRE_ACTIVATION:
        if behind or lacking:
            return Step.DISTRIBUTE
        unseen = any(each not in rotation.rehearsed for each in services)
        return Step.REHEARSE if unseen and new.role in REHEARSED_ROLES else Step.PROMOTE
    if new.state is not State.ACTIVE:
        return Step.ABANDONED
    if behind:
        return Step.DISTRIBUTE
    if not rotation.switched and new.role is not Role.ROOT:
        return Step.SWITCH
    if old is None or old.state not in _IN_SERVICE:
        return Step.DONE
    # A root key seals nothing that could be on its way.
    return Step.WAIT if now < rotation.ends() and new.role is not Role.ROOT else Step.RETIRE


def services_of(key: RingKey, audiences: Collection[str]) -> tuple[str, ...]:
    """Give those of the known audiences that have to take a key; every one, of root and receipt."""
    return tuple(each for each in audiences if key.serves(each))


def is_true_now(step: Step, old: RingKey, new: RingKey | None) -> str:
    """Say in words what is true while a step is due."""
    name = f"{old.role.value} key {old.fingerprint} of {old.owner.id}"
    if new is None:
        return f"{name} is in use, and the key that takes its place is not in the keyring yet"
    other = f"key {new.fingerprint}"
    return {
        Step.DISTRIBUTE: f"{other} is {new.state.value} in the keyring, and not every service has "
        f"shown it; {name} is {old.state.value}, and nothing is refused that was not before",
        Step.REHEARSE: f"{other} is in the keyring of every service, and takes no change yet; "
        f"{name} is in use",
        Step.PROMOTE: f"every service takes {other}, for reading alone; {name} is in use",
        Step.SWITCH: f"every service takes {other} and {name}; the old one still seals",
        Step.WAIT: f"{other} seals, and every service takes {name} as well, for what is on its way",
        Step.RETIRE: f"{other} seals, and {name} has nothing left to do",
        Step.DONE: f"{other} has taken the place of {name}, which is {old.state.value}",
        Step.ABANDONED: f"{other} is {new.state.value}, and cannot take the place of {name}",
    }[step]
