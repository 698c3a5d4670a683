"""A request as its sender knows it: what a receipt has to answer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.unit.keyring.rings import (
    ALICE,
    AUDIENCE,
    BOB,
    aead,
    first,
    following,
    in_state,
    mac,
    ring,
)

from sealwire.keyring import LiveKeyring, State, keyring_chain, write_list
from sealwire.receipts import Asked
from sealwire.recommended import Recommended, local_layers, network_layers
from sealwire.sealer import MemorySealerState, Sealer
from sealwire.sent import Sent, look_at_sent
from sealwire.stages import Stream, digest_of

if TYPE_CHECKING:
    from tests.conftest import Operator, Way

NOW_MS = 1_800_000_000_000


def sealer_of(way: Way) -> Sealer:
    """Give a sealer for the way."""
    operator = way.operator
    return Sealer(
        operator.audience,
        way.layers,
        issuer=operator.name,
        state=MemorySealerState(),
        clock=lambda: NOW_MS,
    )


def test_what_was_sealed_is_read_back(way: Way) -> None:
    """Which is what a receipt will have to name."""
    body, claims = way.operator.body(), way.operator.claims()
    key = way.operator.aead if len(way.layers) > 1 else None
    asked = Asked(claims.aud, Stream.BASE, claims.cti, digest_of(body))
    assert Sent(asked, claims, key) == look_at_sent(way.seal(body), sealer_of(way))


def test_what_is_in_the_clear_needs_no_sealer(local: Way) -> None:
    """Whoever carries it can read which request it is."""
    sent = look_at_sent(local.seal())
    assert sent is not None
    assert local.operator.claims() == sent.claims
    assert sent.request_key is None


def test_what_is_encrypted_needs_its_key(network: Way, local: Way, mallory: Operator) -> None:
    """Nobody else's, and no sealer that has none."""
    other = replace(network, operator=mallory, layers=(mallory.gate(), mallory.hider()))
    sealed = network.seal()
    assert look_at_sent(sealed) is None
    assert look_at_sent(sealed, sealer_of(local)) is None
    assert look_at_sent(sealed, sealer_of(other)) is None


def test_what_is_no_message_is_none(way: Way) -> None:
    """Whatever the bytes are, nothing is raised."""
    sealer, sealed = sealer_of(way), way.seal()
    for length in range(len(sealed)):
        assert look_at_sent(sealed[:length], sealer) is None
    nested = way.operator.body()
    for _ in range(9):
        nested = way.operator.signer().seal(nested, b"")
    assert look_at_sent(nested, sealer) is None


def test_what_is_encrypted_twice_is_none(network: Way) -> None:
    """One layer of a chain encrypts."""
    twice = network.operator.wrap(
        network.operator.body(), (network.operator.hider(), *network.layers[1:])
    )
    assert look_at_sent(twice, sealer_of(network)) is None


@pytest.mark.parametrize("kind", Recommended)
def test_a_list_of_keyrings_is_read_back(kind: Recommended) -> None:
    """It is known by what the service makes of it as well."""
    live = LiveKeyring(AUDIENCE, first(), [mac("alice"), aead("alice")])
    network = kind is Recommended.NETWORK
    layers = network_layers(mac("alice"), aead("alice"), ALICE) if network else local_layers(ALICE)
    sealer = Sealer(
        AUDIENCE, layers, issuer="alice", state=MemorySealerState(), clock=lambda: NOW_MS
    )
    data = write_list([following(live.current, in_state(ring(), BOB, State.COMPROMISED)).sealed])
    sealed = sealer.wrap_keyrings(data)
    opened = keyring_chain(live, kind).open(sealed, now_ms=NOW_MS)
    claims = opened.claims
    asked = Asked(AUDIENCE, Stream.KEYRING, claims.cti, opened.digest)
    key = aead("alice") if network else None
    assert Sent(asked, claims, key) == look_at_sent(sealed, sealer)
    assert look_at_sent(sealed) is None
    assert look_at_sent(sealer.wrap_keyrings(data[:-1]), sealer) is None
