"""A keyring, and what differs between two, in words for whoever is to sign one. Pure.

Rules this module keeps:

1. Whatever differs is said: a change that these words leave out could be signed unseen. Where two
   keyrings differ in nothing but version and time of issue, that is said as well.
2. Owners and audiences are names (`sealwire.keys.check_name`), so nothing here drives a terminal.
"""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from sealwire.keyring.model import Keyring, RingKey, Role

if TYPE_CHECKING:
    from collections.abc import Iterator

_ALLOWS: Final = {
    Role.ROOT: "signs keyrings",
    Role.CONFIG: "configures and leases",
    Role.LEASE: "leases",
    Role.GATE: "passes the gate",
    Role.ENCRYPT: "encrypts",
    Role.RECEIPT: "signs receipts",
}


def role_in_words(role: Role) -> str:
    """Say what a key with a role may do."""
    return _ALLOWS[role]


def moment_in_words(moment: int) -> str:
    """Give a time in UTC (RFC 3339).

    Args:
        moment: seconds since the epoch.
    """
    return datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")


def key_in_words(key: RingKey) -> str:
    """Name a key: its id, its owner, what it is for."""
    where = f" for {', '.join(key.audiences)}" if key.audiences else ""
    return f"key {key.fingerprint} of {key.owner.id} ({key.role.value}{where})"


def changes_in_words(before: Keyring, after: Keyring) -> list[str]:
    """Say what differs between two keyrings, a line each (rule 1)."""
    was = {key.thumbprint: key for key in before.keys}
    now = {key.thumbprint: key for key in after.keys}
    lines = [
        line
        for thumbprint in sorted(was.keys() | now.keys())
        for line in _of_key(was.get(thumbprint), now.get(thumbprint))
    ]
    if before.expires != after.expires:
        ends = moment_in_words(before.expires), moment_in_words(after.expires)
        lines.append(f"the keyring expires {ends[1]}, and not {ends[0]}")
    if before.root_threshold != after.root_threshold:
        lines.append(
            f"{after.root_threshold} root signatures are needed from then on, and not "
            f"{before.root_threshold}"
        )
    return lines or ["nothing but the version and the time of issue"]


def _of_key(before: RingKey | None, after: RingKey | None) -> Iterator[str]:
    if after is None:
        assert before is not None  # noqa: S101 - one of the two has the thumbprint
        yield f"{key_in_words(before)} is gone"
        return
    name = key_in_words(after)
    if before is None:
        primary = ", the primary" if after.primary else ""
        yield f"{name} is new: {after.state.value}{primary}; it {role_in_words(after.role)}"
        if after.not_before or after.not_after:
            yield from _dates(name, after)
        return
    if before == after:
        return
    if (before.state, before.until) != (after.state, after.until):
        until = f" until {moment_in_words(after.until)}" if after.until else ""
        yield f"{name} becomes {after.state.value}{until}; it was {before.state.value}"
    elif before.since != after.since:
        yield f"{name} is {after.state.value} since {moment_in_words(after.since)}"
    if before.primary != after.primary:
        yield f"{name} is {'the primary' if after.primary else 'the primary no more'}"
    if (before.not_before, before.not_after) != (after.not_before, after.not_after):
        yield from _dates(name, after)
    yield from _what_cannot_change(name, before, after)


def _dates(name: str, key: RingKey) -> Iterator[str]:
    if key.not_before or key.not_after:
        begin = moment_in_words(key.not_before) if key.not_before else "always"
        end = moment_in_words(key.not_after) if key.not_after else "without end"
        yield f"{name} is valid from {begin} until {end}"
    else:
        yield f"{name} is valid without end"


def _what_cannot_change(name: str, before: RingKey, after: RingKey) -> Iterator[str]:
    """Say what no keyring that follows may change; a proposal may still ask for it."""
    said = {"state", "since", "until", "primary", "not_before", "not_after"}
    for each in fields(RingKey):
        if each.name not in said and getattr(before, each.name) != getattr(after, each.name):
            yield f"{name} has another {each.name}, which no keyring may change"
