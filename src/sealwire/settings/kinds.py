"""Which key files a chain needs."""

from __future__ import annotations

from sealwire.errors import ConfigurationError
from sealwire.recommended import Recommended


def check_fit(kind: Recommended, gate_name: str, encryption_name: str, *keys: object) -> None:
    """Check that the keys of a chain's layers are named, and no others.

    Args:
        kind: the chain.
        gate_name: what the settings call the MAC key.
        encryption_name: what they call the AES key.
        keys: the values of both.

    Raises:
        ConfigurationError: one lacks, or has no use.
    """
    wanted = kind is Recommended.NETWORK
    for name, given in zip((gate_name, encryption_name), keys, strict=True):
        if wanted and not given:
            raise ConfigurationError(
                f'chain "network" needs {name}; make a key with: sealwire keys new --owner NAME'
            )
        if given and not wanted:
            raise ConfigurationError(
                f'chain "local" has no use for {name}; remove it, or write chain = "network"'
            )
