"""What whoever keeps a keyring does to it: each function gives the next version. Pure data.

Rules this module keeps:

1. A state begins when the keyring that says so is issued.
2. A key that becomes the primary takes that from the one that had it; both stay active, so what was
   sealed with either is opened.
3. Nothing here signs. Whether the next version may follow is for `sealwire.keyring.succeed`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from sealwire.errors import ConfigurationError
from sealwire.keyring.model import (
    MAX_SUSPENSION_S,
    Keyring,
    Owner,
    OwnerKind,
    RingKey,
    Role,
    State,
)
from sealwire.keys import AeadKey, MacKey, SigningKey, VerifyKey

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_LEAVES: Final = frozenset({State.PRE_ACTIVATION, State.ACTIVE, State.SUSPENDED})
"""The states of what is, or can come to be, in service."""


def entry_for(
    key: SigningKey | VerifyKey | MacKey | AeadKey,
    role: Role,
    *,
    since: int,
    state: State = State.ACTIVE,
    audiences: Iterable[str] = (),
    primary: bool = False,
) -> RingKey:
    """Give a key as a keyring has it; of a secret or private one, what is public about it.

    Args:
        key: the key; a MAC or AES key says itself for which audience it is.
        role: what it is for.
        since: when its state begins, seconds since the epoch.
        state: its state.
        audiences: the services it may be used for; none is every service of the keyring.
        primary: whether what seals is to use it.
    """
    if isinstance(key, (MacKey, AeadKey)):
        public, audiences = b"", (key.audience,)
    else:
        public = (key.verify_key if isinstance(key, SigningKey) else key).public_bytes
    kind = OwnerKind.SERVICE if role is Role.RECEIPT else OwnerKind.PERSON
    return RingKey(
        thumbprint=key.thumbprint,
        role=role,
        owner=Owner(key.owner, kind),
        state=state,
        since=since,
        public=public,
        audiences=tuple(sorted(set(audiences))),
        primary=primary,
    )


def issue_time(keyring: Keyring, now: int) -> int:
    """Say when the next version of a keyring is issued: now, and never before the one it follows.

    Args:
        keyring: the one in force.
        now: the time, seconds since the epoch.
    """
    return max(now, keyring.issued)


def enrolled(keyring: Keyring, keys: Iterable[RingKey], now: int) -> Keyring:
    """Give the next version, with these keys in it; an active one is primary where none is.

    Raises:
        ConfigurationError: a key is there already, or is somebody else's.
    """
    known = list(keyring.keys)
    for key in keys:
        before = keyring.named(key.thumbprint)
        if before is not None:
            raise ConfigurationError(
                f"key {key.fingerprint} is in the keyring already: of {before.owner.id}, "
                f"{before.role.value}, {before.state.value}; make another one: sealwire keys new "
                f"--owner {key.owner.id}"
            )
        alone = key.state is State.ACTIVE and not any(_rivals(key, each) for each in known)
        known.append(replace(key, primary=alone))
    return keyring.succeeded(known, now=now)


def _rivals(key: RingKey, other: RingKey) -> bool:
    """Whether ``other`` is the primary where ``key`` would be."""
    same = (other.role, other.owner.id) == (key.role, key.owner.id)
    return other.primary and same and bool(_places(key) & _places(other))


def _places(key: RingKey) -> set[str]:
    return set(key.audiences or ("",))


def in_state(
    keyring: Keyring, keys: Collection[RingKey], state: State, now: int, *, for_s: int = 0
) -> Keyring:
    """Give the next version, with these keys in another state.

    Args:
        keyring: the one in force.
        keys: of this keyring.
        state: what they become.
        now: the time, seconds since the epoch.
        for_s: how long, of a suspension alone.

    Raises:
        ConfigurationError: one cannot become that, or too few root keys would be left.
    """
    since = issue_time(keyring, now)
    until = since + for_s if state is State.SUSPENDED else 0
    changed = {
        key.thumbprint: replace(key, state=state, since=since, until=until, primary=False)
        for key in keys
    }
    return keyring.succeeded([changed.get(each.thumbprint, each) for each in keyring.keys], now=now)


def suspended(keyring: Keyring, keys: Collection[RingKey], now: int, for_s: int) -> Keyring:
    """Give the next version, with these keys taken away for a while; one root key can sign it.

    Raises:
        ConfigurationError: it is for too long, or a key is none that can be suspended.
    """
    if for_s > MAX_SUSPENSION_S:
        raise ConfigurationError(
            f"a suspension lasts at most {MAX_SUSPENSION_S // 3600} h, until others can decide; "
            "take the key away for good: sealwire keys revoke"
        )
    for key in keys:
        if key.role is Role.ROOT:
            raise ConfigurationError(
                f"key {key.fingerprint} is a root key, and whoever stole one could shut the others "
                "out; replace it: sealwire keys rotate"
            )
        if key.state is not State.ACTIVE:
            raise ConfigurationError(
                f"key {key.fingerprint} of {key.owner.id} is {key.state.value}, and only an active "
                "key is suspended; see: sealwire keys list"
            )
    return in_state(keyring, keys, State.SUSPENDED, now, for_s=for_s)


def of_owner(keyring: Keyring, owner: str) -> tuple[RingKey, ...]:
    """Give the keys of an owner that are, or can come to be, in service."""
    return tuple(key for key in keyring.keys if key.owner.id == owner and key.state in _LEAVES)


def promoted(keyring: Keyring, key: RingKey, now: int) -> Keyring:
    """Give the next version, in which ``key`` is active and the primary (rule 2).

    Raises:
        ConfigurationError: it has left service.
    """
    since = key.since if key.state is State.ACTIVE else issue_time(keyring, now)
    first = replace(key, state=State.ACTIVE, since=since, until=0, primary=True)
    return keyring.succeeded(
        [
            first
            if each.thumbprint == key.thumbprint
            else replace(each, primary=each.primary and not _rivals(first, each))
            for each in keyring.keys
        ],
        now=now,
    )
