"""The recommended chains: what they guarantee, and that the two halves fit."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.sshdoubles import FIDO

from sealwire.algebra import Guarantee
from sealwire.chain import Chain
from sealwire.errors import ConfigurationError, RefusedError
from sealwire.keys import AeadKey, MacKey, SigningKey
from sealwire.keysource import FixedKeys
from sealwire.recommended import Recommended, local, local_layers, network, network_layers
from sealwire.sealer import MemorySealerState, Sealer, SealingLayer
from sealwire.sshkeys import SshSigner, SshVerifyKey
from sealwire.sshwire import PublicKey
from sealwire.state import AdmissionState
from sealwire.versions import Standing

NOW_MS = 1_790_000_000_000
AUDIENCE = "payments@prod"
SIGNING = SigningKey(bytes(range(32)), owner="alice")
GATE = MacKey(bytes(range(1, 33)), owner="alice", audience=AUDIENCE)
ENCRYPTION = AeadKey(bytes(range(2, 34)), owner="alice", audience=AUDIENCE)

SSH_KEY = SshVerifyKey(PublicKey.parse(FIDO.blob), owner="alice")
SSH_SIGNING = SshSigner(SSH_KEY, FIDO.sign)

LOCAL = local(AUDIENCE, (SIGNING.verify_key,))
NETWORK = network(AUDIENCE, gate=(GATE,), encryption=(ENCRYPTION,), trusted=(SIGNING.verify_key,))
PAIRS = [
    pytest.param(LOCAL, local_layers(SIGNING), id="local"),
    pytest.param(NETWORK, network_layers(GATE, ENCRYPTION, SIGNING), id="network"),
    pytest.param(local(AUDIENCE, sshsig=[SSH_KEY]), local_layers(SSH_SIGNING), id="local-sshsig"),
    pytest.param(
        network(AUDIENCE, gate=(GATE,), encryption=(ENCRYPTION,), sshsig=FixedKeys([SSH_KEY])),
        network_layers(GATE, ENCRYPTION, SSH_SIGNING),
        id="network-sshsig",
    ),
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


def test_local_takes_both_kinds_of_signature() -> None:
    """Each with its own keys; which one a message has is seen before any cryptography."""
    chain = local(AUDIENCE, FixedKeys([SIGNING.verify_key]), sshsig=(SSH_KEY,))
    assert "Ed25519Verifier or SshsigVerifier → Freshness → Once" == chain.describe()
    assert LOCAL.guarantees == chain.guarantees
    for key in (SIGNING, SSH_SIGNING):
        mirror = sealer(*local_layers(key))
        mirror.check_matches(chain)
        assert b"{}" == chain.open(mirror.seal_at(b"{}", now_ms=NOW_MS), now_ms=NOW_MS).document


def test_network_takes_one_kind_of_signature() -> None:
    """The layers around it bind which one is inside, so the other is named with what mends it."""
    with pytest.raises(ConfigurationError, match=r"one kind of signature.*allowed_signers"):
        network(
            AUDIENCE,
            gate=(GATE,),
            encryption=(ENCRYPTION,),
            trusted=(SIGNING.verify_key,),
            sshsig=(SSH_KEY,),
        )


@pytest.mark.parametrize("nobody", [(), []])
def test_nobody_is_trusted(nobody: tuple[()] | list[SshVerifyKey]) -> None:
    """No key of either kind is no chain."""
    with pytest.raises(ConfigurationError, match="at least one key"):
        local(AUDIENCE, (), sshsig=nobody)


def test_no_sshsig_stands_among_the_signatures_of_several() -> None:
    """Neither side is made so, and both say what to do."""
    for make in (
        lambda: local(AUDIENCE, [SIGNING.verify_key], sshsig=[SSH_KEY], several=True),
        lambda: local_layers(SSH_SIGNING, several=True),
    ):
        with pytest.raises(ConfigurationError, match="no SSHSIG stands among them"):
            make()
