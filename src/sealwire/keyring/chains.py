"""The recommended chains for a service whose keys a keyring settles.

They are those of `sealwire.recommended`, with one more check: that every key a message shows is in
service (`KeysInForce`). In the place of a signed request each of them takes a list of keyrings
that follow the one in force, inside the same gate and encryption.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealwire.chain import Chain
from sealwire.checks import Freshness, Once
from sealwire.checks.freshness import STANDING_S, lifetimes
from sealwire.keyring.live import KeysInForce
from sealwire.layers import AesGcmOpener, Ed25519Verifier, HmacVerifier, ThresholdVerifier
from sealwire.recommended import Recommended

if TYPE_CHECKING:
    from sealwire.keyring.live import LiveKeyring


def keyring_chain(
    live: LiveKeyring,
    kind: Recommended = Recommended.LOCAL,
    *,
    standing_s: int = STANDING_S,
    several: bool = False,
) -> Chain:
    """Make a recommended chain whose keys are those of a keyring.

    Args:
        live: the keyring in force; replacing what it holds rotates the chain's keys.
        kind: ``local`` for a Unix socket, ``network`` for wherever strangers can connect or read.
        standing_s: how long a configuration may stand between sealing and delivery, seconds.
        several: take the signatures of several in the place of one.

    Raises:
        ConfigurationError: ``standing_s`` is out of its range.
    """
    outer = (HmacVerifier(live.gates), AesGcmOpener(live.encryption))
    return Chain(
        live.audience,
        (
            *(outer if kind is Recommended.NETWORK else ()),
            ThresholdVerifier(live.signers) if several else Ed25519Verifier(live.signers),
            Freshness(lifetimes(standing_s)),
            KeysInForce(live),
            Once(),
        ),
        successors=live,
    )
