"""The chains that sealwire recommends, and the layers that seal for them.

1. ``local``, for a Unix socket: whoever may connect is settled by the socket, so a signature is
   enough and no secret is shared. ``Ed25519Verifier → Freshness → Once``.
2. ``network``, for wherever strangers can connect or read: a gate that costs them one HMAC, then
   encryption, then the signature inside it, so that it shows its maker knew the text.
   ``HmacVerifier → AesGcmOpener → Ed25519Verifier → Freshness → Once``.
3. Who signs with FIDO keys does so as SSHSIG, and ``SshsigVerifier`` stands where
   ``Ed25519Verifier`` does: ``local`` takes both, each with its own keys. The layers around a
   signature bind which of the two is inside, so ``network`` takes one of them.
4. Where a policy wants several people to sign, ``several=True`` puts ``ThresholdVerifier`` in the
   place of ``Ed25519Verifier``. Then every message carries COSE_Sign, with one signature or more.
5. What a pair of functions here makes fits together: a sealer with ``local_layers`` is opened by a
   chain of ``local`` that trusts its key, and likewise ``network``.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final

from sealwire.alternatives import AnyOf
from sealwire.chain import Chain
from sealwire.checks import Freshness, Once
from sealwire.checks.freshness import STANDING_S, lifetimes
from sealwire.cose import SSHSIG
from sealwire.errors import ConfigurationError
from sealwire.keysource import KeySource
from sealwire.layers import (
    AesGcmOpener,
    AesGcmSealer,
    Ed25519Signer,
    Ed25519Verifier,
    HmacTagger,
    HmacVerifier,
    MultiSigner,
    ThresholdVerifier,
)
from sealwire.layers.sshsig import SshsigSigner, SshsigVerifier

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sealwire.algebra import Layer
    from sealwire.keys import AeadKey, MacKey, Signer, VerifyKey
    from sealwire.sealer import SealingLayer
    from sealwire.sshkeys import SshVerifyKey


_NO_SSHSIG: Final = (
    "the signatures of several are Ed25519, and no SSHSIG stands among them; let the people who "
    "sign together use key files or ordinary keys in ssh-agent"
)


class Recommended(enum.Enum):
    """Which of the recommended chains, by the name that settings files use."""

    LOCAL = "local"
    NETWORK = "network"


class Signatures(enum.Enum):
    """How many signatures a service takes in a message, by the name that settings files use."""

    ONE = "one"
    SEVERAL = "several"


def local(
    audience: str,
    trusted: KeySource[VerifyKey] | Iterable[VerifyKey] = (),
    *,
    sshsig: KeySource[SshVerifyKey] | Iterable[SshVerifyKey] = (),
    standing_s: int = STANDING_S,
    several: bool = False,
) -> Chain:
    """Make the chain for a Unix socket.

    It guarantees that a message is authentic, attributable, fresh, taken once and in order. It does
    not hide anything.

    Args:
        audience: the service this receiver is, such as ``payments@prod``.
        trusted: the public keys of everybody who may change this service's logging.
        sshsig: those of everybody who may and who signs as SSHSIG, with a FIDO key as a rule.
        standing_s: how long a configuration may stand between sealing and delivery, seconds.
        several: take the signatures of several in the place of one; see rule 3.

    Raises:
        ConfigurationError: ``audience`` is not a name, there is no key, two have one id, or
            ``standing_s`` is out of its range.
    """
    ways = _signatures(trusted, sshsig, several=several)
    first = AnyOf(*ways) if len(ways) > 1 else ways[0]
    return Chain(audience, (first, Freshness(lifetimes(standing_s)), Once()))


def network(
    audience: str,
    *,
    gate: KeySource[MacKey] | Iterable[MacKey],
    encryption: KeySource[AeadKey] | Iterable[AeadKey],
    trusted: KeySource[VerifyKey] | Iterable[VerifyKey] = (),
    sshsig: KeySource[SshVerifyKey] | Iterable[SshVerifyKey] = (),
    standing_s: int = STANDING_S,
    several: bool = False,
) -> Chain:
    """Make the chain for wherever strangers can connect or read.

    It guarantees what `local` does, and that the message is hidden from whoever has not the
    encryption key. Whoever records messages and gets that key later can read them then.

    Args:
        audience: the service this receiver is, such as ``payments@prod``.
        gate: the MAC keys that senders share with this audience.
        encryption: the AES keys that senders share with this audience.
        trusted: the public keys of everybody who may change this service's logging.
        sshsig: as for `local`, but in the place of ``trusted`` and not beside it.
        standing_s: as for `local`.
        several: as for `local`.

    Raises:
        ConfigurationError: ``audience`` is not a name, a layer has no key, two keys have one id,
            one key stands in two layers, both kinds of signature are there, or ``standing_s`` is
            out of its range.
    """
    signature, *others = _signatures(trusted, sshsig, several=several)
    if others:
        raise ConfigurationError(
            "a chain for networks takes one kind of signature, because the layers around it bind "
            "which one is inside; let everybody sign as SSHSIG, which ordinary keys can as well: "
            "list their keys in allowed_signers, and write sshsig = true for this target"
        )
    return Chain(
        audience,
        (
            HmacVerifier(gate),
            AesGcmOpener(encryption),
            signature,
            Freshness(lifetimes(standing_s)),
            Once(),
        ),
    )


def local_layers(signing: Signer, *, several: bool = False) -> tuple[SealingLayer, ...]:
    """Give the layers with which a `Sealer` seals for a chain of `local`."""
    return (_signer(signing, several=several),)


def network_layers(
    gate: MacKey, encryption: AeadKey, signing: Signer, *, several: bool = False
) -> tuple[SealingLayer, ...]:
    """Give the layers with which a `Sealer` seals for a chain of `network`."""
    return (HmacTagger(gate), AesGcmSealer(encryption), _signer(signing, several=several))


def _signer(key: Signer, *, several: bool) -> SealingLayer:
    """Give the layer that signs as the key does."""
    if key.algorithm == SSHSIG:
        if several:
            raise ConfigurationError(_NO_SSHSIG)
        return SshsigSigner(key)
    return MultiSigner(key) if several else Ed25519Signer(key)


def _signatures(
    trusted: KeySource[VerifyKey] | Iterable[VerifyKey],
    sshsig: KeySource[SshVerifyKey] | Iterable[SshVerifyKey],
    *,
    several: bool,
) -> list[Layer]:
    """Give a layer for each kind of signature that has keys; the first where none has."""
    plain = trusted if isinstance(trusted, KeySource) else tuple(trusted)
    others = sshsig if isinstance(sshsig, KeySource) else tuple(sshsig)
    if several:
        if others:
            raise ConfigurationError(_NO_SSHSIG)
        return [ThresholdVerifier(plain)]
    ways: list[Layer] = [Ed25519Verifier(plain)] if plain or not others else []
    return [*ways, SshsigVerifier(others)] if others else ways
