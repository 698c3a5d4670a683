"""What is wrong with a keyring, or soon will be; and who may do what by it. Pure.

Rules this module keeps:

1. Nothing here refuses anything: what a keyring may not say, `Keyring` refuses. This is what it may
   say and had better not.
2. Ages follow the cryptoperiods of NIST SP 800-57, part 1, section 5.3.6, as far as they fit: a
   year for what signs requests and keyrings and for what is shared, two for what signs receipts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sealwire.durations import in_words
from sealwire.keyring.model import REQUEST_ROLES, SECRET_ROLES, Keyring, RingKey, Role, State
from sealwire.keyring.words import key_in_words

if TYPE_CHECKING:
    from collections.abc import Iterator

_DAY_S: Final = 24 * 3600
_YEAR_S: Final = 365 * _DAY_S
_MAX_AGE_S: Final = dict.fromkeys(Role, _YEAR_S) | {Role.RECEIPT: 2 * _YEAR_S}
WARN_DAYS: Final = (1, 7, 14, 30)
_IN_SERVICE: Final = frozenset({State.ACTIVE, State.SUSPENDED})


class Worry(NamedTuple):
    """One thing that had better be otherwise.

    Attributes:
        name: what it is about.
        text: what is found.
        next: the command that mends it.
    """

    name: str
    text: str
    next: str


def worries(keyring: Keyring, now: int) -> list[Worry]:
    """Say what is wrong with a keyring, or soon will be.

    Args:
        keyring: the one in force.
        now: the time, seconds since the epoch.
    """
    return [
        *_expiry(keyring, now),
        *(each for key in keyring.keys for each in _age(key, now)),
        *_apart(keyring),
        *_primaries(keyring, now),
        *_roots(keyring),
    ]


def _expiry(keyring: Keyring, now: int) -> Iterator[Worry]:
    left_s, step = keyring.expires - now, "sealwire keys renew"
    if left_s < 0:
        text = "it has expired: changes are refused, and going back is not"
        yield Worry("expiry", text, step)
        return
    days = next((days for days in WARN_DAYS if left_s <= days * _DAY_S), 0)
    if days:
        text = f"it expires in {in_words(left_s * 1000)}, which is within {days} d"
        yield Worry("expiry", text, step)


def _age(key: RingKey, now: int) -> Iterator[Worry]:
    if key.state is State.ACTIVE and now - key.since > _MAX_AGE_S[key.role]:
        age = in_words((now - key.since) * 1000)
        step = f"sealwire keys rotate {key.fingerprint}"
        yield Worry("age", f"{key_in_words(key)} is in service since {age}", step)
    if key.state is State.ACTIVE and key.not_after and now > key.not_after:
        step = f"sealwire keys rotate {key.fingerprint}"
        yield Worry("age", f"{key_in_words(key)} has expired", step)


def _apart(keyring: Keyring) -> Iterator[Worry]:
    """Name who has rights that should be apart: to say who is trusted, and to use that."""
    owners: dict[str, set[Role]] = {}
    for key in keyring.keys:
        if key.state in _IN_SERVICE:
            owners.setdefault(key.owner.id, set()).add(key.role)
    for owner, roles in sorted(owners.items()):
        asks = roles & REQUEST_ROLES
        if Role.ROOT in roles and asks:
            names = ", ".join(sorted(role.value for role in asks))
            text = f"{owner} signs keyrings (root) and asks for changes ({names})"
            yield Worry(
                "roles", text, "let somebody else keep one of the two: sealwire keys enroll"
            )
        if Role.RECEIPT in roles and len(roles) > 1:
            names = ", ".join(sorted(role.value for role in roles - {Role.RECEIPT}))
            text = f"{owner} signs receipts, and has keys for {names} as well"
            yield Worry("roles", text, "give the host a name of its own: sealwire keys enroll")


def _primaries(keyring: Keyring, now: int) -> Iterator[Worry]:
    """Name active keys of an owner, role and audience of which none is the primary."""
    active = [key for key in keyring.keys if key.state_at(now) is State.ACTIVE]
    places: dict[tuple[str, Role, str], list[RingKey]] = {}
    for key in active:
        for audience in key.audiences or ("",):
            places.setdefault((key.owner.id, key.role, audience), []).append(key)
    for (owner, role, audience), keys in sorted(places.items(), key=str):
        if not any(key.primary for key in keys):
            where = f" for {audience}" if audience else ""
            text = f"{owner} has {len(keys)} active {role.value} keys{where}, and no primary"
            yield Worry("primary", text, f"sealwire keys promote {keys[-1].fingerprint}")


def _roots(keyring: Keyring) -> Iterator[Worry]:
    owners = {root.owner.id for root in keyring.roots()}
    if 1 < keyring.root_threshold == len(owners):
        text = f"every one of the {len(owners)} root owners has to sign, so none may lose a key"
        yield Worry("roots", text, "let one more in: sealwire keys enroll PERSON --role root")


class Right(NamedTuple):
    """What one owner may do.

    Attributes:
        owner: whose it is.
        roles: what for, in words.
        audiences: for which services; ``("every service",)`` for all.
        since: since when, seconds since the epoch.
        keys: the ids of the keys.
    """

    owner: str
    roles: tuple[str, ...]
    audiences: tuple[str, ...]
    since: int
    keys: tuple[str, ...]


def rights(keyring: Keyring, now: int) -> list[Right]:
    """Say who may do what by the keys that are active, for a review."""
    by_owner: dict[str, list[RingKey]] = {}
    for key in keyring.keys:
        if key.state_at(now) is State.ACTIVE:
            by_owner.setdefault(key.owner.id, []).append(key)
    return [
        Right(
            owner,
            tuple(sorted({key.role.value for key in keys})),
            tuple(sorted({name for key in keys for name in key.audiences or ("every service",)})),
            min(key.since for key in keys),
            tuple(sorted(key.fingerprint for key in keys)),
        )
        for owner, keys in sorted(by_owner.items())
    ]


def useless(keyring: Keyring, now: int) -> list[tuple[RingKey, str]]:
    """Name keys that nothing is known to need, with the reason, for a review."""
    found: list[tuple[RingKey, str]] = []
    request = {
        key.owner.id
        for key in keyring.keys
        if key.role in REQUEST_ROLES and key.state in _IN_SERVICE
    }
    for key in keyring.keys:
        state = key.state_at(now)
        if state is State.PRE_ACTIVATION:
            found.append((key, "never came into service"))
        elif state in {State.DEACTIVATED, State.COMPROMISED}:
            found.append((key, "has left service, and is not destroyed"))
        elif state is State.ACTIVE and not key.primary:
            # Services of one host have a key each, and one of them alone can be the primary.
            other = "; another service of this host may sign with it" * (key.role is Role.RECEIPT)
            found.append((key, f"is taken, and is not the primary{other}"))
        elif key.role in SECRET_ROLES and key.owner.id not in request and state is State.ACTIVE:
            found.append((key, "its owner has no key that asks for anything"))
    return found
