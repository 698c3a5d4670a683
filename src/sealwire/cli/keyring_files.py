"""Key files of what a keyring can name."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from sealwire.cli.keys import public_part_of
from sealwire.cli.passphrases import asking
from sealwire.errors import KeyFileError
from sealwire.keyfiles import KeyFile, open_key_file, read_key_file
from sealwire.keys import AeadKey, MacKey, SigningKey, VerifyKey
from sealwire.sshkeys import SshVerifyKey

if TYPE_CHECKING:
    from sealwire.keyfiles import Ask, Key, StrPath

RingFileKey: TypeAlias = SigningKey | VerifyKey | MacKey | AeadKey


def load_ring_key(path: StrPath, ask: Ask | None = None) -> RingFileKey:
    """Load a key that a keyring can name; of one under a passphrase, ask for that.

    Args:
        path: the file.
        ask: gives the passphrase; what the command names, or a person, if not given.

    Raises:
        KeyFileError: as `sealwire.keyfiles.load_key`; or it is a FIDO key's, which it cannot.
        CommandError: nobody can be asked.
    """
    return _named_by_rings(path, open_key_file(read_key_file(path), ask or asking("")))


def load_ring_half(path: StrPath) -> RingFileKey:
    """Load what is public of such a key: nobody is asked for a passphrase.

    Raises:
        KeyFileError: as `load_ring_key`.
    """
    return _named_by_rings(path, public_part_of(read_key_file(path)))


def read_ring_file(path: StrPath) -> KeyFile:
    """Read a file with such a key, and open none that is under a passphrase.

    Raises:
        KeyFileError: as `load_ring_key`.
    """
    file = read_key_file(path)
    _named_by_rings(path, public_part_of(file))
    return file


def _named_by_rings(path: StrPath, key: Key) -> RingFileKey:
    if isinstance(key, SshVerifyKey):
        raise KeyFileError(
            f"{path} holds the key of an authenticator, and a keyring names Ed25519 keys alone; "
            "trust it by keys.trusted in the settings of a service without a keyring"
        )
    return key
