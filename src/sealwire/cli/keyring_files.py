"""Key files of what a keyring can name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealwire.errors import KeyFileError
from sealwire.keyfiles import load_key
from sealwire.sshkeys import SshVerifyKey

if TYPE_CHECKING:
    from sealwire.keyfiles import StrPath
    from sealwire.keys import AeadKey, MacKey, SigningKey, VerifyKey


def load_ring_key(
    path: StrPath, owner: str | None = None
) -> SigningKey | VerifyKey | MacKey | AeadKey:
    """Load a key that a keyring can name.

    Raises:
        KeyFileError: as `sealwire.keyfiles.load_key`; or it is a FIDO key's, which it cannot.
    """
    key = load_key(path, owner)
    if isinstance(key, SshVerifyKey):
        raise KeyFileError(
            f"{path} holds the key of an authenticator, and a keyring names Ed25519 keys alone; "
            "trust it by keys.trusted in the settings of a service without a keyring"
        )
    return key
