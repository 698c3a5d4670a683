"""Loading and writing key files.

Rules this module keeps, besides those of `text` and `checked`:

1. The keys of ``keys-example/`` are everybody's, and refused unless asked for.
2. A loader takes its own kind of key alone; a key of another kind is refused, and both are named.
3. Every refusal is a `KeyFileError` that names the file and what mends it.
4. A file under a passphrase is opened only for whoever can be asked; a service cannot.
"""

from __future__ import annotations

import os
import shlex
from typing import Final, NamedTuple, TypeVar

from sealwire.errors import ConfigurationError, KeyFileError, shorten
from sealwire.keyfiles.checked import (
    CHANGED_BY_OTHERS,
    NO_BITS,
    REACHED_BY_OTHERS,
    GroupRead,
    StrPath,
    read_checked,
    why_too_open,
    write_checked,
)
from sealwire.keyfiles.credentials import is_credential, path_of
from sealwire.keyfiles.passphrases import Ask
from sealwire.keyfiles.protected import ProtectedKey, parse_protected
from sealwire.keyfiles.text import PROTECTED_WORD, Key, format_key, kind_of, line_of, parse_line
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


class KeyFile(NamedTuple):
    """A key file that was checked and read.

    Attributes:
        path: where it is, in the file system.
        key: what it holds; one under a passphrase was not opened.
        mode: its permission bits; 0 on Windows.
        notes: which exceptions from the rules for such files were made, in words.
    """

    path: str
    key: Key | ProtectedKey
    mode: int
    notes: tuple[str, ...]


_OF_OUR_GROUP: Final = (
    ", unless root gave it to a group of ours and the settings say so (trust_group = true); run: "
)


def load_signing_key(
    path: StrPath,
    *,
    allow_example_keys: bool = False,
    trust_group: bool = False,
    ask: Ask | None = None,
) -> SigningKey:
    """Load a signing key; see `load_key`."""
    return _load(
        path,
        SigningKey,
        None,
        allow_example_keys=allow_example_keys,
        trust_group=trust_group,
        ask=ask,
    )


def load_public_half(
    path: StrPath, *, allow_example_keys: bool = False, trust_group: bool = False
) -> VerifyKey:
    """Give the public half of the signing key in a file, and ask for no passphrase.

    Args:
        path: as in `load_key`.
        allow_example_keys: as in `load_key`.
        trust_group: as in `load_key`.

    Raises:
        KeyFileError: as in `load_key`; or it holds a key of another kind.
    """
    file = read_key_file(path, allow_example_keys=allow_example_keys, trust_group=trust_group)
    if isinstance(file.key, ProtectedKey):
        return file.key.public
    if isinstance(file.key, SigningKey):
        return file.key.verify_key
    raise _another_kind(path, type(file.key), SigningKey)


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
        KeyFileError: as `load_key`; or it holds a key of another kind.
    """
    key = read_key_file(path, owner, allow_example_keys=allow_example_keys).key
    if isinstance(key, (VerifyKey, SshVerifyKey)):
        return key
    raise _another_kind(path, _type_of(key), VerifyKey)


def load_mac_key(
    path: StrPath, *, allow_example_keys: bool = False, trust_group: bool = False
) -> MacKey:
    """Load a MAC key; see `load_key`."""
    return _load(path, MacKey, None, allow_example_keys=allow_example_keys, trust_group=trust_group)


def load_aead_key(
    path: StrPath, *, allow_example_keys: bool = False, trust_group: bool = False
) -> AeadKey:
    """Load an AES key; see `load_key`."""
    return _load(
        path, AeadKey, None, allow_example_keys=allow_example_keys, trust_group=trust_group
    )


def load_key(
    path: StrPath,
    owner: str | None = None,
    *,
    allow_example_keys: bool = False,
    trust_group: bool = False,
    ask: Ask | None = None,
) -> Key:
    """Load whatever key a file holds.

    Args:
        path: the file; a path, never an open file. ``credential:NAME`` is the one that systemd
            gave to this service under that name.
        owner: as in `parse_key`.
        allow_example_keys: take a key of ``keys-example/``, which everybody holds.
        trust_group: take a secret of root's that a group of ours may read.
        ask: gives the passphrase of a file that is under one; ``None`` refuses such a file.

    Raises:
        KeyFileError: the file is missing, a link, no regular file, too large, of another user, or
            open to others; others could put another in its place; malformed; an example; or its
            passphrase is wrong or not to be had. The text says what mends it.
        SealwireError: what ``ask`` raises.
    """
    file = read_key_file(
        path, owner, allow_example_keys=allow_example_keys, trust_group=trust_group
    )
    return open_key_file(file, ask)


def read_key_file(
    path: StrPath,
    owner: str | None = None,
    *,
    allow_example_keys: bool = False,
    trust_group: bool = False,
) -> KeyFile:
    """Read whatever key file this is, and open none that is under a passphrase.

    Args:
        path: as in `load_key`.
        owner: as in `parse_key`.
        allow_example_keys: as in `load_key`.
        trust_group: as in `load_key`.

    Raises:
        KeyFileError: as in `load_key`.
    """
    group_read, trusted = GroupRead.OURS, trust_group
    if is_credential(path):
        path, group_read, trusted = path_of(path, os.environ), GroupRead.AS_GIVEN, True
    checked = read_checked(
        path,
        max_bytes=MAX_KEY_FILE_BYTES,
        error=KeyFileError,
        missing="make a key with: sealwire keys new --owner NAME",
        forbidden=NO_BITS,
        group_read=group_read,
    )
    try:
        key = _parsed(line_of(checked.content), owner)
    except ConfigurationError as error:
        raise KeyFileError(f"{checked.path}: {error}") from None
    # Only now is it known what the file holds, and with it which of the two commands mends it.
    public = _is_public(key)
    forbidden = CHANGED_BY_OTHERS if public else REACHED_BY_OTHERS
    spared = checked.spared if trusted else 0
    if problem := why_too_open(checked.path, checked.mode, forbidden & ~spared):
        if not why_too_open(checked.path, checked.mode, forbidden & ~checked.spared):
            problem = problem.replace("; run: ", _OF_OUR_GROUP)
        raise KeyFileError(f"{checked.path} {problem}")
    thumbprint = (key.public if isinstance(key, ProtectedKey) else key).thumbprint
    if not allow_example_keys and thumbprint.hex() in EXAMPLE_KEYS:
        raise KeyFileError(
            f"{checked.path} holds an example key, which everybody has; make your own with: "
            "sealwire keys new --owner NAME, or allow example keys where nothing depends on it"
        )
    notes = checked.notes
    if checked.mode & spared and not public:
        notes = (*notes, f"{checked.path} belongs to root, and its group may read it")
    return KeyFile(checked.path, key, checked.mode, notes)


def open_key_file(file: KeyFile, ask: Ask | None) -> Key:
    """Give the key of a file, and ask for the passphrase of one that is under one.

    Raises:
        KeyFileError: the passphrase is wrong, or nobody can be asked.
        SealwireError: what ``ask`` raises.
    """
    if not isinstance(file.key, ProtectedKey):
        return file.key
    if ask is None:
        raise KeyFileError(
            f"{file.path} is under a passphrase, and nobody is here to give it; in an operator's "
            "settings name a program that does (passphrase_command), and for a service take it "
            f"off: sealwire keys passwd {shlex.quote(file.path)} --unsafe-remove-passphrase"
        )
    passphrase = ask(f"{file.path}, the signing key of {file.key.owner}")
    try:
        return file.key.open(passphrase)
    except KeyFileError as error:
        raise KeyFileError(f"{file.path}: {error}") from None


def write_key_file(path: StrPath, key: Key | ProtectedKey, *, force: bool = False) -> None:
    """Write a key file: mode 0600 for a secret, 0644 for a public key.

    Args:
        path: the file.
        key: what to write; one that `protect` gave, under its passphrase.
        force: replace a file that is there.

    Raises:
        KeyFileError: the file is there and ``force`` is not given, or it cannot be written.
    """
    mode = 0o644 if _is_public(key) else 0o600
    text = key.line() if isinstance(key, ProtectedKey) else format_key(key)
    write_checked(path, text.encode(), mode=mode, force=force, error=KeyFileError)


def _parsed(line: str, owner: str | None) -> Key | ProtectedKey:
    if not line.startswith(PROTECTED_WORD):
        return parse_line(line, owner=owner)
    protected = parse_protected(line)
    if owner not in (None, protected.owner):
        raise KeyFileError(f"it says owner {protected.owner}, and {shorten(owner)} was expected")
    return protected


def _load(
    path: StrPath,
    kind: type[K],
    owner: str | None,
    *,
    allow_example_keys: bool,
    trust_group: bool = False,
    ask: Ask | None = None,
) -> K:
    file = read_key_file(
        path, owner, allow_example_keys=allow_example_keys, trust_group=trust_group
    )
    held = _type_of(file.key)
    # Before anybody is asked for a passphrase in vain.
    if held is kind:
        key = open_key_file(file, ask)
        if isinstance(key, kind):
            return key
    raise _another_kind(path, held, kind)


def _is_public(key: Key | ProtectedKey) -> bool:
    return isinstance(key, (VerifyKey, SshVerifyKey))


def _type_of(key: Key | ProtectedKey) -> type[Key]:
    """Say which kind of key a file holds; one under a passphrase is a signing key."""
    return SigningKey if isinstance(key, ProtectedKey) else type(key)


def _another_kind(path: StrPath, found: type[Key], wanted: type[Key]) -> KeyFileError:
    return KeyFileError(
        f"{os.fspath(path)} holds a {kind_of(found)} key, and a {kind_of(wanted)} key is due here; "
        "name another file, or make one with: sealwire keys new --owner NAME"
    )
