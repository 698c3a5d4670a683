"""The keyring: which keys a group of services trusts, for what, and in which state. Pure data.

Rules this module keeps:

1. A keyring does not change. Every change gives a new one, with the next version.
2. A key is named by its thumbprint. Public keys stand in a keyring; of a secret one it has the
   thumbprint alone, and its bytes come as a file.
3. No two keys have one key id, so that a key id in a message names at most one of them.
4. States are those of NIST SP 800-57, part 1, section 7. What is compromised or destroyed never
   comes back; what has left service does not return to it.
5. Of each role, owner and audience one active key is the primary: what seals uses it. Every
   active key opens.
6. Time is a parameter. Times are seconds since the epoch, as in claims.
"""

from __future__ import annotations

import enum
import functools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from sealwire.cose import KEY_ID_BYTES
from sealwire.errors import ConfigurationError, shorten
from sealwire.keys import PUBLIC_BYTES, VerifyKey, check_name, okp_thumbprint
from sealwire.stages import KeyId

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_KEYS: Final = 256
"""Keys of one keyring, those that have left service included; people and services of one team."""

MAX_AUDIENCES: Final = 64
"""Audiences of one key."""

MAX_SUSPENSION_S: Final = 72 * 3600
"""How long one root key alone can suspend others: over a weekend, until the others are there."""

MAX_AHEAD_S: Final = 300
"""How far ahead of a service's clock a keyring may have been issued: clocks differ. Were there no
end to it, one root key could put off when a suspension begins, and so when all that follow do."""

MAX_ROOTS: Final = 8
"""Active root keys: as many as can sign one document."""

MAX_SECONDS: Final = 253_402_300_799
"""The end of the year 9999, the last that RFC 3339 can write."""


class Role(enum.Enum):
    """What a key is for; one key has one role.

    Whoever may configure may also lease, since a configuration sets levels as well.
    """

    ROOT = "root"
    CONFIG = "config"
    LEASE = "lease"
    GATE = "gate"
    ENCRYPT = "encrypt"
    RECEIPT = "receipt"


class State(enum.Enum):
    """The states of a key (NIST SP 800-57, part 1, section 7)."""

    PRE_ACTIVATION = "pre-activation"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    DEACTIVATED = "deactivated"
    COMPROMISED = "compromised"
    DESTROYED = "destroyed"


class OwnerKind(enum.Enum):
    """Whether a key belongs to somebody or to something."""

    PERSON = "person"
    SERVICE = "service"


REQUEST_ROLES: Final = frozenset({Role.CONFIG, Role.LEASE})
"""Their keys sign requests."""

SECRET_ROLES: Final = frozenset({Role.GATE, Role.ENCRYPT})
"""Their keys are shared by an owner and the services of one audience."""

_FOLLOWS: Final = {
    State.PRE_ACTIVATION: frozenset(
        {State.ACTIVE, State.DEACTIVATED, State.COMPROMISED, State.DESTROYED}
    ),
    State.ACTIVE: frozenset({State.SUSPENDED, State.DEACTIVATED, State.COMPROMISED}),
    State.SUSPENDED: frozenset({State.ACTIVE, State.DEACTIVATED, State.COMPROMISED}),
    State.DEACTIVATED: frozenset({State.COMPROMISED, State.DESTROYED}),
    State.COMPROMISED: frozenset({State.DESTROYED}),
    State.DESTROYED: frozenset[State](),
}
"""Which state may follow which. A key that was destroyed while compromised stays untrusted: in
either state nothing that it signed is opened."""


@functools.lru_cache(maxsize=1024)
def _verify_key(public: bytes, owner: str) -> VerifyKey:
    # Whether a point is a key takes a third of a millisecond to find out, and every version of a
    # keyring has nearly the same ones. They are public, so that it does no harm to keep them.
    return VerifyKey(public, owner=owner)


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a key is.

    Attributes:
        id: the name, which is the issuer of messages and the host's name in receipts.
        kind: a person or a service.
    """

    id: str
    kind: OwnerKind = OwnerKind.PERSON


@dataclass(frozen=True, slots=True)
class RingKey:
    """A key as a keyring has it.

    Attributes:
        thumbprint: 32 bytes that name it in full.
        role: what it is for.
        owner: whose it is.
        state: its state, from ``since`` on.
        since: when the state began, seconds since the epoch.
        public: the 32 public bytes; ``b""`` of a secret key, whose bytes are not here.
        audiences: the services it may be used for, sorted; a secret key has exactly one, and a
            request key with none may be used for every service of the keyring.
        primary: whether what seals is to use it.
        not_before: when it begins to be valid, seconds since the epoch; 0 is always.
        not_after: when it ends to be; 0 is never.
        until: when a suspension ends by itself; 0 of every other state.
    """

    thumbprint: bytes
    role: Role
    owner: Owner
    state: State
    since: int
    public: bytes = b""
    audiences: tuple[str, ...] = ()
    primary: bool = False
    not_before: int = 0
    not_after: int = 0
    until: int = 0

    @property
    def id(self) -> KeyId:
        """The key id: a hint, and in one keyring the name of one key."""
        return KeyId(self.thumbprint[:KEY_ID_BYTES])

    @property
    def fingerprint(self) -> str:
        """The key id in hex, for people."""
        return self.id.hex()

    def verify_key(self) -> VerifyKey:
        """Give the key that verifies.

        Raises:
            ConfigurationError: the public key is not canonical, or of small order.
        """
        return _verify_key(self.public, self.owner.id)

    def state_at(self, now: int) -> State:
        """Give the state at a time: a suspension is over by itself, and an active key expires.

        Before ``since`` it is what a key is that was in service: the state came later.
        """
        if self.state is State.SUSPENDED and now >= self.until:
            return self._by_dates(now)
        if self.state in {State.SUSPENDED, State.DEACTIVATED} and now < self.since:
            return self._by_dates(now)
        if self.state is State.ACTIVE:
            return self._by_dates(now)
        return self.state

    def _by_dates(self, now: int) -> State:
        if now < self.not_before:
            return State.PRE_ACTIVATION
        return State.DEACTIVATED if self.not_after and now > self.not_after else State.ACTIVE

    def serves(self, audience: str) -> bool:
        """Whether it may be used for a service."""
        return not self.audiences or audience in self.audiences


@dataclass(frozen=True, slots=True)
class Keyring:
    """Which keys are trusted, for what.

    Attributes:
        name: the keyring's name, which its signatures bind in the place of an audience.
        version: 1 for the first, and one more with each change.
        issued: when it was made, seconds since the epoch.
        expires: when it ends to be good for changes.
        root_threshold: how many root keys of different owners sign the next one.
        keys: every key, by thumbprint.

    Raises:
        ConfigurationError: it contradicts itself; the text names the key.
    """

    name: str
    version: int
    issued: int
    expires: int
    root_threshold: int
    keys: tuple[RingKey, ...]

    def __post_init__(self) -> None:
        """Check that it says what can be true."""
        check_name(self.name, "the keyring's name")
        _want(self.version >= 1, "the version is under 1")
        _want(0 < self.issued < self.expires <= MAX_SECONDS, "it expires before it is issued")
        _want(len(self.keys) <= MAX_KEYS, f"it has over {MAX_KEYS} keys")
        _check_set(self.keys)
        for key in self.keys:
            _check_key(key)
        _check_primaries(self.keys)
        owners = {key.owner.id for key in self.roots()}
        _want(len(self.roots()) <= MAX_ROOTS, f"over {MAX_ROOTS} root keys are active")
        _want(
            1 <= self.root_threshold <= len(owners),
            f"{self.root_threshold} root signatures are asked for, and {len(owners)} owners have "
            "an active root key",
        )

    def find(self, key_id: bytes) -> RingKey | None:
        """Give the key of this id, whatever its state, or ``None``."""
        return next((key for key in self.keys if key.id == key_id), None)

    def named(self, thumbprint: bytes) -> RingKey | None:
        """Give the key of this thumbprint, or ``None``."""
        return next((key for key in self.keys if key.thumbprint == thumbprint), None)

    def roots(self) -> tuple[RingKey, ...]:
        """Give the root keys that are active; they are offline, so dates do not end them."""
        return tuple(self.of(Role.ROOT, State.ACTIVE))

    def of(self, role: Role, *states: State) -> Iterator[RingKey]:
        """Give the keys with a role that are in one of ``states``."""
        return (key for key in self.keys if key.role is role and key.state in states)

    def succeeded(
        self,
        keys: Iterable[RingKey],
        *,
        now: int,
        expires: int | None = None,
        root_threshold: int | None = None,
    ) -> Keyring:
        """Give the next version, with these keys.

        Args:
            keys: all of them, in any order.
            now: the time, seconds since the epoch.
            expires: when it ends to be good for changes; as this one if not given.
            root_threshold: how many root keys sign the one after it; as this one if not given.

        Raises:
            ConfigurationError: it would contradict itself, or let a key come back.
        """
        following = replace(
            self,
            version=self.version + 1,
            issued=max(now, self.issued),
            expires=self.expires if expires is None else expires,
            root_threshold=self.root_threshold if root_threshold is None else root_threshold,
            keys=tuple(sorted(keys, key=lambda key: key.thumbprint)),
        )
        check_follows(self, following)
        return following


def check_follows(before: Keyring, after: Keyring) -> None:
    """Check that one keyring may be the next of another, whoever signed it.

    Raises:
        ConfigurationError: it is another keyring's, not the next version, or a key comes back,
            goes without having left service, or becomes somebody else's.
    """
    _want(after.name == before.name, f"it is {shorten(after.name)}, not {before.name}")
    _want(
        after.version == before.version + 1,
        f"it is version {after.version}, and {before.version + 1} is the next",
    )
    _want(after.issued >= before.issued, "it was issued before the one it follows")
    now = {key.thumbprint: key for key in after.keys}
    for key in before.keys:
        successor = now.get(key.thumbprint)
        name = f"key {key.fingerprint} of {key.owner.id}"
        if successor is None:
            _want(key.state is State.DESTROYED, f"{name} is gone, and was not destroyed before")
            continue
        same = (successor.owner, successor.role, successor.public, successor.audiences)
        _want(
            same == (key.owner, key.role, key.public, key.audiences),
            f"{name} has another owner, role or audience; make a new key for that",
        )
        _want(
            successor.state is key.state or successor.state in _FOLLOWS[key.state],
            f"{name} was {key.state.value}, and cannot become {successor.state.value}",
        )


def only_suspends(before: Keyring, after: Keyring) -> bool:
    """Whether ``after`` does nothing but take keys away for a while: one root key may do that.

    Nothing is added, nobody is given more, what is valid does not become so for longer, and no
    suspension is longer than `MAX_SUSPENSION_S` or made longer. Root keys cannot be suspended so:
    the thief of one could shut the others out. One that suspends nothing is not of this kind: it
    would only use up a version, of which each host could be given another.
    """
    if (before.root_threshold, before.expires) != (after.root_threshold, after.expires):
        return False
    was = {key.thumbprint: key for key in before.keys}
    if was.keys() != {key.thumbprint for key in after.keys}:
        return False
    suspends = False
    for key in after.keys:
        old = was[key.thumbprint]
        suspended = replace(
            old, state=State.SUSPENDED, since=key.since, until=key.until, primary=key.primary
        )
        is_new = (
            key == suspended
            and old.state is State.ACTIVE
            and old.role is not Role.ROOT
            and key.since == after.issued
            and key.until <= after.issued + MAX_SUSPENSION_S
        )
        if key != old and not is_new:
            return False
        suspends = suspends or is_new
    return suspends


def _check_set(keys: tuple[RingKey, ...]) -> None:
    """Check that keys have one order, and rule 3."""
    thumbprints = [key.thumbprint for key in keys]
    _want(thumbprints == sorted(set(thumbprints)), "keys are not in order, or one stands twice")
    ids = [key.id for key in keys]
    for key in keys:
        _want(ids.count(key.id) == 1, f"two keys have the id {key.fingerprint}")


def _check_key(key: RingKey) -> None:
    name = f"key {key.fingerprint}"
    check_name(key.owner.id, f"{name}: the owner")
    for audience in key.audiences:
        check_name(audience, f"{name}: an audience")
    _want(
        list(key.audiences) == sorted(set(key.audiences)) and len(key.audiences) <= MAX_AUDIENCES,
        f"{name}: audiences are not sorted, one stands twice, or they are over {MAX_AUDIENCES}",
    )
    if key.role in SECRET_ROLES:
        _want(not key.public, f"{name} is a secret key, and stands here with bytes")
        _want(len(key.audiences) == 1, f"{name} is a secret key, and belongs to one audience")
    else:
        _want(
            len(key.public) == PUBLIC_BYTES and okp_thumbprint(key.public) == key.thumbprint,
            f"{name} is not what its thumbprint says",
        )
        key.verify_key()
    if key.role in {Role.ROOT, Role.RECEIPT}:
        _want(not key.audiences, f"{name} is a {key.role.value} key, which has no audience")
    if key.role is Role.RECEIPT:
        _want(key.owner.kind is OwnerKind.SERVICE, f"{name} signs receipts, and is a person's")
    for moment in (key.since, key.not_before, key.not_after, key.until):
        _want(0 <= moment <= MAX_SECONDS, f"{name} has a time that is none")
    _want(not key.not_after or key.not_before < key.not_after, f"{name} ends before it begins")
    _want((key.state is State.SUSPENDED) == bool(key.until), f"{name}: until is of suspensions")
    _want(not key.until or key.since < key.until, f"{name}: its suspension ends before it begins")
    _want(
        not key.primary or key.state is State.ACTIVE,
        f"{name} is {key.state.value}, and is called the primary",
    )


def _check_primaries(keys: tuple[RingKey, ...]) -> None:
    """Check rule 5."""
    taken: set[tuple[Role, str, str]] = set()
    for key in keys:
        if not key.primary:
            continue
        for audience in key.audiences or ("",):
            place = key.role, key.owner.id, audience
            _want(
                place not in taken,
                f"{key.owner.id} has two primary {key.role.value} keys; one of each is primary",
            )
            taken.add(place)


def _want(true: bool, otherwise: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not true:
        raise ConfigurationError(f"the keyring: {otherwise}")
