"""The chains that sealwire recommends, and the layers that seal for them.

1. ``local``, for a Unix socket: whoever may connect is settled by the socket, so a signature is
   enough and no secret is shared. ``Ed25519Verifier → Freshness → Once``.
2. ``network``, for wherever strangers can connect or read: a gate that costs them one HMAC, then
   encryption, then the signature inside it, so that it shows its maker knew the text.
   ``HmacVerifier → AesGcmOpener → Ed25519Verifier → Freshness → Once``.
3. What a pair of functions here makes fits together: a sealer with ``local_layers`` is opened by a
   chain of ``local`` that trusts its key, and likewise ``network``.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from sealwire.chain import Chain
from sealwire.checks import Freshness, Once
from sealwire.checks.freshness import STANDING_S, lifetimes
from sealwire.layers import (
    AesGcmOpener,
    AesGcmSealer,
    Ed25519Signer,
    Ed25519Verifier,
    HmacTagger,
    HmacVerifier,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sealwire.keys import AeadKey, MacKey, Signer, VerifyKey
    from sealwire.keysource import KeySource
    from sealwire.sealer import SealingLayer


class Recommended(enum.Enum):
    """Which of the recommended chains, by the name that settings files use."""

    LOCAL = "local"
    NETWORK = "network"


def local(
    audience: str,
    trusted: KeySource[VerifyKey] | Iterable[VerifyKey],
    *,
    standing_s: int = STANDING_S,
) -> Chain:
    """Make the chain for a Unix socket.

    It guarantees that a message is authentic, attributable, fresh, taken once and in order. It does
    not hide anything.

    Args:
        audience: the service this receiver is, such as ``payments@prod``.
        trusted: the public keys of everybody who may change this service's logging.
        standing_s: how long a configuration may stand between sealing and delivery, seconds.

    Raises:
        ConfigurationError: ``audience`` is not a name, there is no key, two have one id, or
            ``standing_s`` is out of its range.
    """
    return Chain(audience, (Ed25519Verifier(trusted), Freshness(lifetimes(standing_s)), Once()))


def network(
    audience: str,
    *,
    gate: KeySource[MacKey] | Iterable[MacKey],
    encryption: KeySource[AeadKey] | Iterable[AeadKey],
    trusted: KeySource[VerifyKey] | Iterable[VerifyKey],
    standing_s: int = STANDING_S,
) -> Chain:
    """Make the chain for wherever strangers can connect or read.

    It guarantees what `local` does, and that the message is hidden from whoever has not the
    encryption key. Whoever records messages and gets that key later can read them then.

    Args:
        audience: the service this receiver is, such as ``payments@prod``.
        gate: the MAC keys that senders share with this audience.
        encryption: the AES keys that senders share with this audience.
        trusted: the public keys of everybody who may change this service's logging.
        standing_s: as for `local`.

    Raises:
        ConfigurationError: ``audience`` is not a name, a layer has no key, two keys have one id,
            one key stands in two layers, or ``standing_s`` is out of its range.
    """
    return Chain(
        audience,
        (
            HmacVerifier(gate),
            AesGcmOpener(encryption),
            Ed25519Verifier(trusted),
            Freshness(lifetimes(standing_s)),
            Once(),
        ),
    )


def local_layers(signing: Signer) -> tuple[SealingLayer, ...]:
    """Give the layers with which a `Sealer` seals for a chain of `local`."""
    return (Ed25519Signer(signing),)


def network_layers(gate: MacKey, encryption: AeadKey, signing: Signer) -> tuple[SealingLayer, ...]:
    """Give the layers with which a `Sealer` seals for a chain of `network`."""
    return (HmacTagger(gate), AesGcmSealer(encryption), Ed25519Signer(signing))
