"""Where layers find their keys.

Rules this module keeps:

1. One key id names at most one key; a second one of the same id is refused when keys are loaded.
2. A source may change what it gives while a service runs. That is rotation: it needs no new chain
   and forgets no nonce.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

from sealwire.errors import ConfigurationError
from sealwire.keys import Key
from sealwire.stages import KeyId

if TYPE_CHECKING:
    from collections.abc import Iterable

K_co = TypeVar("K_co", bound=Key, covariant=True)
K = TypeVar("K", bound=Key)


@runtime_checkable
class KeySource(Protocol[K_co]):
    """Where a layer finds its keys. What it gives may change while a service runs: rotation."""

    def find(self, key_id: bytes) -> K_co | None:
        """Give the one key of this id, or ``None``. Two keys of one id must not exist."""
        ...

    def ids(self) -> frozenset[KeyId]:
        """Give the ids of all keys, for checks when a chain is built."""
        ...


class FixedKeys(KeySource[K]):
    """A key source that never changes."""

    __slots__ = ("_by_id",)

    def __init__(self, keys: Iterable[K]) -> None:
        """Hold ``keys``.

        Raises:
            ConfigurationError: no key at all, or two of one id.
        """
        self._by_id: dict[bytes, K] = {}
        for key in keys:
            if key.id in self._by_id:
                raise ConfigurationError(f"two keys have the id {key.fingerprint}; remove one")
            self._by_id[key.id] = key
        if not self._by_id:
            raise ConfigurationError("a layer needs at least one key")

    def find(self, key_id: bytes) -> K | None:
        """Give the key of this id, or ``None``."""
        return self._by_id.get(key_id)

    def ids(self) -> frozenset[KeyId]:
        """Give the ids of all keys."""
        return frozenset(map(KeyId, self._by_id))


def as_source(keys: KeySource[K] | Iterable[K]) -> KeySource[K]:
    """Give ``keys`` as a `KeySource`: as it is, or a tuple or list of keys wrapped.

    Raises:
        ConfigurationError: no key at all, or two of one id.
    """
    if isinstance(keys, KeySource):
        return keys
    return FixedKeys(keys)
