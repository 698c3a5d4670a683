"""Whom a service trusts: public key files, an ``allowed_signers`` file, less what is revoked."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

from sealwire.allowedsigners import read_allowed_signers, read_revoked
from sealwire.errors import ConfigurationError, KeyFileError
from sealwire.keyfiles import EXAMPLE_KEYS, load_trusted_key, read_checked, ssh_blob
from sealwire.keys import VerifyKey
from sealwire.sshkeys import SshVerifyKey

MAX_LIST_BYTES: Final = 256 * 1024
"""Over a thousand keys."""


class Trusted(NamedTuple):
    """The keys of everybody who may change the logging, by how they sign.

    Attributes:
        plain: those that sign as Ed25519.
        sshsig: those that sign as SSHSIG.
    """

    plain: tuple[VerifyKey, ...]
    sshsig: tuple[SshVerifyKey, ...]

    @property
    def keys(self) -> tuple[VerifyKey | SshVerifyKey, ...]:
        """All of them."""
        return (*self.plain, *self.sshsig)


def load_trusted(
    files: tuple[Path, ...],
    allowed_signers: Path | None,
    revoked_keys: Path | None,
    *,
    allow_example_keys: bool = False,
) -> Trusted:
    """Load the keys of everybody who may change the logging.

    Args:
        files: public key files; a FIDO key's signs as SSHSIG.
        allowed_signers: OpenSSH's file, whose keys all sign as SSHSIG.
        revoked_keys: a list of keys that are not taken, wherever they are named.
        allow_example_keys: whether the published example keys are taken.

    Raises:
        KeyFileError: a file is missing, malformed, too open, or an example.
        ConfigurationError: a line of ``allowed_signers`` or ``revoked_keys`` is not understood.
    """
    revoked = load_revoked(revoked_keys)
    loaded = [load_trusted_key(path, allow_example_keys=allow_example_keys) for path in files]
    held = [key for key in loaded if ssh_blob(key) not in revoked]
    listed: tuple[SshVerifyKey, ...] = ()
    if allowed_signers is not None:
        listed = read_allowed_signers(_read(allowed_signers), str(allowed_signers), revoked=revoked)
        _check_no_example(allowed_signers, listed, allow_example_keys=allow_example_keys)
    return Trusted(
        tuple(key for key in held if isinstance(key, VerifyKey)),
        (*(key for key in held if isinstance(key, SshVerifyKey)), *listed),
    )


def load_readable(
    files: tuple[Path, ...],
    allowed_signers: Path | None,
    revoked_keys: Path | None,
    *,
    allow_example_keys: bool = False,
) -> tuple[list[VerifyKey | SshVerifyKey], list[str]]:
    """Load what can be loaded of what `load_trusted` does; say why the rest cannot be.

    For whoever explains a service's settings. A service itself takes all of it or does not start.
    """
    keys: list[VerifyKey | SshVerifyKey] = []
    problems: list[str] = []
    for one, listed in (*((path, None) for path in files), (None, allowed_signers)):
        named = () if one is None else (one,)
        try:
            loaded = load_trusted(
                named, listed, revoked_keys, allow_example_keys=allow_example_keys
            )
        except ConfigurationError as error:
            problems.append(str(error))
        else:
            keys += loaded.keys
    return keys, list(dict.fromkeys(problems))


def load_revoked(path: Path | None) -> frozenset[bytes]:
    """Load the blobs of keys that are revoked; none where there is no file.

    Raises:
        KeyFileError: the file is missing or too open.
        ConfigurationError: a line of it is not understood.
    """
    return frozenset() if path is None else read_revoked(_read(path), str(path))


def _read(path: Path) -> bytes:
    return read_checked(
        path,
        max_bytes=MAX_LIST_BYTES,
        error=KeyFileError,
        missing="write it there, a line for each key, or take it out of the settings",
    ).content


def _check_no_example(
    path: Path, keys: tuple[SshVerifyKey, ...], *, allow_example_keys: bool
) -> None:
    for key in keys:
        if not allow_example_keys and key.thumbprint.hex() in EXAMPLE_KEYS:
            raise KeyFileError(
                f"{path} names the key {key.fingerprint} of {key.owner}, an example that everybody "
                "has; take it out, or allow example keys where nothing depends on it"
            )
