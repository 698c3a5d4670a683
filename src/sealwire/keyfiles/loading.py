"""Loading and writing key files.

Rules this module keeps, besides those of `text` and `checked`:

1. The keys of ``keys-example/`` are everybody's, and refused unless asked for.
2. A loader takes its own kind of key alone; a key of another kind is refused, and both are named.
3. Every refusal is a `KeyFileError` that names the file and what mends it.
"""

from __future__ import annotations

import os
from typing import Final, TypeVar

from sealwire.errors import ConfigurationError, KeyFileError
from sealwire.keyfiles.checked import (
    CHANGED_BY_OTHERS,
    NO_BITS,
    REACHED_BY_OTHERS,
    StrPath,
    read_checked,
    why_too_open,
    write_checked,
)
from sealwire.keyfiles.text import Key, format_key, kind_of, parse_key
from sealwire.keys import AeadKey, MacKey, SigningKey, VerifyKey
from sealwire.sshkeys import SshVerifyKey

K = TypeVar("K", SigningKey, VerifyKey, MacKey, AeadKey)

MAX_KEY_FILE_BYTES: Final = 4096
"""A key's line has at most 330 bytes; the rest is for comments."""

EXAMPLE_KEYS: Final = frozenset(
    {
        # alice.signing, alice.pub and alice-ssh.pub; payments.mac; payments.aead
        "5803e258360784919c759cd0c70e056b680ee90247dc5db9dd14dfba939caf3c",
        "34db8a80e274834b00a2946e83bbbe57b47cd32c01d4dc04ed2b631bd44b1532",
        "52870e28596d7db86c36889516f7cf12111d636c4ad4f2018b84b7593815cb38",
    }
)
"""Thumbprints of the keys in ``keys-example/``; a private key has its public key's."""


def load_signing_key(path: StrPath, *, allow_example_keys: bool = False) -> SigningKey:
    """Load a signing key; see `load_key`."""
    return _load(path, SigningKey, None, allow_example_keys=allow_example_keys)


def load_verify_key(
    path: StrPath, owner: str | None = None, *, allow_example_keys: bool = False
) -> VerifyKey:
    """Load a public key, in our form or as an ``ssh-ed25519`` line; see `load_key`.

    Args:
        path: the file.
        owner: who signs with it; an ``ssh-ed25519`` line's comment if not given.
        allow_example_keys: take a key of ``keys-example/``.
    """
    return _load(path, VerifyKey, owner, allow_example_keys=allow_example_keys)


def load_trusted_key(
    path: StrPath, owner: str | None = None, *, allow_example_keys: bool = False
) -> VerifyKey | SshVerifyKey:
    """Load the public key of somebody who signs requests, a FIDO key's too.

    Args:
        path: the file.
        owner: as for `load_verify_key`.
        allow_example_keys: take a key of ``keys-example/``.

    Raises:
        KeyFileError: as `load_key`.
    """
    key = load_key(path, owner, allow_example_keys=allow_example_keys)
    if not isinstance(key, (VerifyKey, SshVerifyKey)):
        raise _of_another_kind(path, kind_of(type(key)), kind_of(VerifyKey))
    return key


def load_mac_key(path: StrPath, *, allow_example_keys: bool = False) -> MacKey:
    """Load a MAC key; see `load_key`."""
    return _load(path, MacKey, None, allow_example_keys=allow_example_keys)


def load_aead_key(path: StrPath, *, allow_example_keys: bool = False) -> AeadKey:
    """Load an AES key; see `load_key`."""
    return _load(path, AeadKey, None, allow_example_keys=allow_example_keys)


def load_key(path: StrPath, owner: str | None = None, *, allow_example_keys: bool = False) -> Key:
    """Load whatever key a file holds.

    Args:
        path: the file; a path, never an open file.
        owner: as in `parse_key`.
        allow_example_keys: take a key of ``keys-example/``, which everybody holds.

    Raises:
        KeyFileError: the file is missing, a link, no regular file, too large, of another user, or
            open to others; malformed; or an example. The text says what mends it.
    """
    checked = read_checked(
        path,
        max_bytes=MAX_KEY_FILE_BYTES,
        error=KeyFileError,
        missing="make a key with: sealwire keys new --owner NAME",
        forbidden=NO_BITS,
    )
    try:
        key = parse_key(checked.content, owner=owner)
    except ConfigurationError as error:
        raise KeyFileError(f"{checked.path}: {error}") from None
    # Only now is it known what the file holds, and with it which of the two commands mends it.
    forbidden = CHANGED_BY_OTHERS if _is_public(key) else REACHED_BY_OTHERS
    if problem := why_too_open(checked.path, checked.mode, forbidden):
        raise KeyFileError(f"{checked.path} {problem}")
    if not allow_example_keys and key.thumbprint.hex() in EXAMPLE_KEYS:
        raise KeyFileError(
            f"{checked.path} holds an example key, which everybody has; make your own with: "
            "sealwire keys new --owner NAME, or allow example keys where nothing depends on it"
        )
    return key


def write_key_file(path: StrPath, key: Key, *, force: bool = False) -> None:
    """Write a key file: mode 0600 for a secret, 0644 for a public key.

    Args:
        path: the file.
        key: what to write.
        force: replace a file that is there.

    Raises:
        KeyFileError: the file is there and ``force`` is not given, or it cannot be written.
    """
    mode = 0o644 if _is_public(key) else 0o600
    write_checked(path, format_key(key).encode(), mode=mode, force=force, error=KeyFileError)


def _load(path: StrPath, kind: type[K], owner: str | None, *, allow_example_keys: bool) -> K:
    key = load_key(path, owner, allow_example_keys=allow_example_keys)
    if not isinstance(key, kind):
        raise _of_another_kind(path, kind_of(type(key)), kind_of(kind))
    return key


def _is_public(key: Key) -> bool:
    return isinstance(key, (VerifyKey, SshVerifyKey))


def _of_another_kind(path: StrPath, found: str, wanted: str) -> KeyFileError:
    return KeyFileError(
        f"{os.fspath(path)} holds a {found} key, and a {wanted} key is due here; name another "
        "file, or make one with: sealwire keys new --owner NAME"
    )
