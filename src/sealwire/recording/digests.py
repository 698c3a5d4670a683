"""Digests of what a service starts with, so that a trail shows when it was another one."""

from __future__ import annotations

import enum
import hashlib
import json
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

if TYPE_CHECKING:
    from sealwire.policy import Policy

_UNREAD: Final = frozenset({"sources"})
"""Where something is written decides nothing."""


@runtime_checkable
class _Named(Protocol):
    """A named tuple."""

    def _asdict(self) -> dict[str, object]: ...


def policy_digest(policy: Policy) -> str:
    """Give a digest of everything that a policy decides.

    Two policies that decide the same have the same one, wherever they are written. Of a rule that a
    third party has made, all that counts is the name of its class.
    """
    return hashlib.sha256(json.dumps(_plain(policy), sort_keys=True).encode()).hexdigest()


def keys_digest(chain: object) -> str | None:
    """Give a digest of the ids of all keys that a chain trusts; ``None`` where it has none."""
    ids = sorted(
        key_id.hex()
        for route in getattr(chain, "routes", ())
        for layer in route
        for key_id in layer.keys.ids()
    )
    return hashlib.sha256("\n".join(ids).encode()).hexdigest() if ids else None


def _plain(value: object) -> object:
    """Give a value as JSON has it, the same in every process."""
    if isinstance(value, enum.Enum):
        return str(value.value)
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, (frozenset, set)):
        return sorted(json.dumps(_plain(each), sort_keys=True) for each in value)
    members = _members(value)
    if members is not None:
        return {"": type(value).__qualname__, **{name: _plain(it) for name, it in members.items()}}
    if isinstance(value, (tuple, list)):
        return [_plain(each) for each in value]
    if hasattr(value, "items"):
        return {str(_plain(key)): _plain(each) for key, each in value.items()}
    if isinstance(value, Path):
        return str(value)
    return type(value).__qualname__


def _members(value: object) -> dict[str, object] | None:
    """Give the members of a dataclass or a named tuple; ``None`` for anything else."""
    if is_dataclass(value):
        found = {each.name: getattr(value, each.name) for each in fields(value)}
    elif isinstance(value, _Named):
        found = value._asdict()
    else:
        return None
    return {name: each for name, each in found.items() if name not in _UNREAD}
