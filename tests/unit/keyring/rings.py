"""Keyrings for tests: people and services whose keys follow from their names."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from sealwire.keyring import (
    Keyring,
    Owner,
    OwnerKind,
    RingKey,
    Role,
    SignedKeyring,
    State,
    sign_keyring,
    succeed,
    verify_first,
)
from sealwire.keys import AeadKey, MacKey, SigningKey

if TYPE_CHECKING:
    from collections.abc import Iterable

NOW = 1_790_000_000
"""The time in these tests, seconds since the epoch; it has passed wherever they run."""

DAY = 24 * 3600
AUDIENCE = "payments@prod"
NAME = "payments"


def signing(owner: str, number: int = 1) -> SigningKey:
    """Give one of the signing keys of an owner."""
    return SigningKey(_seed("signing", owner, number), owner=owner)


def mac(owner: str, number: int = 1, audience: str = AUDIENCE) -> MacKey:
    """Give one of the MAC keys that an owner shares with a service."""
    return MacKey(_seed(f"mac {audience}", owner, number), owner=owner, audience=audience)


def aead(owner: str, number: int = 1, audience: str = AUDIENCE) -> AeadKey:
    """Give one of the AES keys that an owner shares with a service."""
    return AeadKey(_seed(f"aead {audience}", owner, number), owner=owner, audience=audience)


def _seed(what: str, owner: str, number: int) -> bytes:
    return hashlib.sha256(f"{what} {owner} {number}".encode()).digest()


def entry(
    key: SigningKey | MacKey | AeadKey,
    role: Role,
    state: State = State.ACTIVE,
    *,
    since: int = NOW - DAY,
    primary: bool | None = None,
    audiences: tuple[str, ...] | None = None,
    not_before: int = 0,
    not_after: int = 0,
    until: int = 0,
) -> RingKey:
    """Give a key as a keyring has it; what is active is primary unless told otherwise."""
    if audiences is None:
        audiences = (AUDIENCE,) if isinstance(key, (MacKey, AeadKey)) else ()
    kind = OwnerKind.SERVICE if role is Role.RECEIPT else OwnerKind.PERSON
    return RingKey(
        thumbprint=key.thumbprint,
        role=role,
        owner=Owner(key.owner, kind),
        state=state,
        since=since,
        public=key.verify_key.public_bytes if isinstance(key, SigningKey) else b"",
        audiences=audiences,
        primary=state is State.ACTIVE if primary is None else primary,
        not_before=not_before,
        not_after=not_after,
        until=until,
    )


ROOT = signing("root")
ALICE = signing("alice")
BOB = signing("bob")
HOST = signing("host-1")


def usual() -> list[RingKey]:
    """Give a root, alice who configures, bob who is on call, and what both share with payments."""
    keys = [entry(ROOT, Role.ROOT), entry(ALICE, Role.CONFIG), entry(BOB, Role.LEASE)]
    for owner in ("alice", "bob"):
        keys += [entry(mac(owner), Role.GATE), entry(aead(owner), Role.ENCRYPT)]
    return keys


def ring(
    keys: Iterable[RingKey] | None = None,
    *,
    version: int = 1,
    issued: int = NOW - DAY,
    expires: int = NOW + 36_500 * DAY,
    threshold: int = 1,
) -> Keyring:
    """Make a keyring."""
    ordered = sorted(usual() if keys is None else keys, key=lambda key: key.thumbprint)
    return Keyring(NAME, version, issued, expires, threshold, tuple(ordered))


def first(keyring: Keyring | None = None, *roots: SigningKey) -> SignedKeyring:
    """Sign a first keyring."""
    return verify_first(sign_keyring(keyring or ring(), roots or (ROOT,)))


def changed(keyring: Keyring, *keys: RingKey, now: int = NOW) -> Keyring:
    """Give the next version, in which these keys stand in the place of their old selves."""
    mine = {key.thumbprint: key for key in keyring.keys}
    mine.update({key.thumbprint: key for key in keys})
    return keyring.succeeded(mine.values(), now=now)


def in_state(keyring: Keyring, key: SigningKey | MacKey | AeadKey, state: State) -> RingKey:
    """Give a key of a keyring in another state from `NOW` on."""
    named = keyring.named(key.thumbprint)
    assert named is not None
    primary = named.primary and state is State.ACTIVE
    until = NOW + DAY if state is State.SUSPENDED else 0
    return replace(named, state=state, since=NOW, primary=primary, until=until)


def following(current: SignedKeyring, *keys: RingKey, now: int = NOW) -> SignedKeyring:
    """Sign and follow the next version, in which these keys have changed."""
    return succeed(current, sign_keyring(changed(current.keyring, *keys, now=now), (ROOT,)))
