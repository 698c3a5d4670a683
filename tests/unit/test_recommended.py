"""The recommended chains: what they guarantee, and that the two halves fit."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sealwire.algebra import Guarantee
from sealwire.chain import Chain
from sealwire.errors import ConfigurationError, RefusedError
from sealwire.keys import AeadKey, MacKey, SigningKey
from sealwire.recommended import Recommended, local, local_layers, network, network_layers
from sealwire.sealer import MemorySealerState, Sealer, SealingLayer
from sealwire.state import AdmissionState
from sealwire.versions import Standing

NOW_MS = 1_790_000_000_000
AUDIENCE = "payments@prod"
SIGNING = SigningKey(bytes(range(32)), owner="alice")
GATE = MacKey(bytes(range(1, 33)), owner="alice", audience=AUDIENCE)
ENCRYPTION = AeadKey(bytes(range(2, 34)), owner="alice", audience=AUDIENCE)

LOCAL = local(AUDIENCE, (SIGNING.verify_key,))
NETWORK = network(AUDIENCE, gate=(GATE,), encryption=(ENCRYPTION,), trusted=(SIGNING.verify_key,))
PAIRS = [
    pytest.param(LOCAL, local_layers(SIGNING), id="local"),
    pytest.param(NETWORK, network_layers(GATE, ENCRYPTION, SIGNING), id="network"),
]


def sealer(*layers: SealingLayer) -> Sealer:
    """Make a sealer with these layers."""
    return Sealer(AUDIENCE, layers, issuer="alice", state=MemorySealerState(), clock=lambda: NOW_MS)


def test_the_order_of_the_parts() -> None:
    """Cheapest first, and the signature inside the encryption."""
    assert "Ed25519Verifier → Freshness → Once" == LOCAL.describe()
    inside = "AesGcmOpener → Ed25519Verifier → Freshness → Once"
    assert f"HmacVerifier → {inside}" == NETWORK.describe()


def test_what_they_guarantee() -> None:
    """The network chain everything, the local one all but secrecy; both may serve."""
    assert set(Guarantee) == NETWORK.guarantees
    assert set(Guarantee) - {Guarantee.CONFIDENTIAL} == LOCAL.guarantees
    for chain in (LOCAL, NETWORK):
        assert AUDIENCE == chain.audience
        chain.check_serves()


@pytest.mark.parametrize(("chain", "layers"), PAIRS)
def test_what_is_sealed_is_opened_and_taken_once(
    chain: Chain, layers: tuple[SealingLayer, ...]
) -> None:
    """The mirrored layers make what the chain opens; the second copy is the same again."""
    mirror = sealer(*layers)
    mirror.check_matches(chain)
    sealed = mirror.seal_at(b"{}", now_ms=NOW_MS)
    opened = chain.open(sealed, now_ms=NOW_MS)
    assert b"{}" == opened.document
    assert ["alice"] * len(layers) == [shown.owner for shown in opened.evidence]
    state = AdmissionState(start_ms=NOW_MS - 1)
    for standing in (Standing.NEW, Standing.SAME):
        assert standing is chain.take(opened, now_ms=NOW_MS, skew_ms=0, state=state)


def test_one_chain_does_not_open_for_the_other() -> None:
    """A message for one is refused by the other, and the sealer says so beforehand."""
    for chain, layers in (
        (LOCAL, network_layers(GATE, ENCRYPTION, SIGNING)),
        (NETWORK, local_layers(SIGNING)),
    ):
        mirror = sealer(*layers)
        with pytest.raises(ConfigurationError, match="the same layers in the same order"):
            mirror.check_matches(chain)
        sealed = mirror.seal_at(b"{}", now_ms=NOW_MS)
        with pytest.raises(RefusedError):
            chain.open(sealed, now_ms=NOW_MS)


def test_a_layer_without_keys_is_refused() -> None:
    """So are two layers with one key, and an audience that is not a name."""
    trusted = (SIGNING.verify_key,)
    wrong: list[Callable[[], Chain]] = [
        lambda: local(AUDIENCE, ()),
        lambda: local("Payments", trusted),
        lambda: network(AUDIENCE, gate=(), encryption=(ENCRYPTION,), trusted=trusted),
        lambda: network(AUDIENCE, gate=(GATE,), encryption=(), trusted=trusted),
        lambda: network(
            AUDIENCE,
            gate=(GATE,),
            encryption=(AeadKey(bytes(range(1, 33)), owner="alice", audience=AUDIENCE),),
            trusted=trusted,
        ),
    ]
    for make in wrong:
        with pytest.raises(ConfigurationError):
            make()


def test_their_names() -> None:
    """What settings files write."""
    assert ["local", "network"] == [kind.value for kind in Recommended]
