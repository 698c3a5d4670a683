"""Sources of keys: one id gives one key, and no layer is without one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sealwire.errors import ConfigurationError
from sealwire.keys import MacKey
from sealwire.keysource import FixedKeys, as_source
from sealwire.stages import KeyId

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Operator


def test_a_source_finds_by_id(alice: Operator, mallory: Operator) -> None:
    """One id gives one key, and what is not held is not found."""
    source = FixedKeys([alice.mac, mallory.mac])
    assert alice.mac is source.find(alice.mac.id)
    assert mallory.mac is source.find(mallory.mac.id)
    assert source.find(KeyId(bytes(8))) is None
    assert source.find(KeyId(b"")) is None
    assert frozenset({alice.mac.id, mallory.mac.id}) == source.ids()


def test_a_source_without_keys_is_refused() -> None:
    """A layer that can open nothing is a mistake in the set-up."""
    with pytest.raises(ConfigurationError, match="at least one key"):
        FixedKeys([])


def test_two_keys_of_one_id_are_refused() -> None:
    """Which key verifies must not depend on the order of a list."""
    one = MacKey(bytes(32), owner="alice", audience="payments@prod")
    other = MacKey(bytes(32), owner="bob", audience="payments@prod")
    assert one.id == other.id
    with pytest.raises(ConfigurationError, match=f"two keys have the id {one.fingerprint}"):
        FixedKeys([one, other])


def test_a_source_is_taken_as_it_is(alice: Operator) -> None:
    """What can find keys is used directly, so that it may change while a service runs."""
    source = FixedKeys([alice.mac])
    assert as_source(source) is source


@pytest.mark.parametrize("wrapped", [tuple, list, iter, frozenset])
def test_keys_become_a_source(alice: Operator, wrapped: Callable[..., Any]) -> None:
    """Any iterable of keys will do."""
    source = as_source(wrapped([alice.mac]))
    assert alice.mac is source.find(alice.mac.id)
