"""Keys from elsewhere: OpenSSH, OpenSSL, JWK; read into ours, and public ones written for them.

Rules this module keeps:

1. What a file is follows from its first bytes alone; nothing is tried twice.
2. PEM (RFC 7468) has one spelling: what is read is what would be written with lines of that length.
3. Whatever is wrong is a `KeyFileError` that quotes nothing of the file; see the modules named.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
from collections.abc import Callable
from typing import Final, NamedTuple

from sealwire.errors import ConfigurationError, KeyFileError
from sealwire.keyfiles import jwk, openssh, pkcs8
from sealwire.keyfiles.checked import (
    CHANGED_BY_OTHERS,
    NO_BITS,
    REACHED_BY_OTHERS,
    StrPath,
    read_checked,
    why_too_open,
)
from sealwire.keyfiles.passphrases import Ask, Passphrase
from sealwire.keyfiles.text import line_of, parse_ssh_line
from sealwire.keys import SigningKey, VerifyKey
from sealwire.sshkeys import SshVerifyKey

MAX_FOREIGN_BYTES: Final = 4096
"""The longest, OpenSSH's with a long comment, has about 700."""

_PEM_HEAD: Final = b"-----BEGIN "
_DER_HEAD: Final = b"\x30"
_SSH_HEADS: Final = (b"ssh-ed25519 ", b"sk-ssh-ed25519@openssh.com ")
_OURS: Final = b"sealwire-"

_LINE_CHARS: Final = (64, 70, 76)
"""What OpenSSL, OpenSSH and other tools write."""

_TAKEN: Final = (
    "an OpenSSH private key, PKCS#8 or a public key in PEM or DER, an ssh-ed25519 line, or a JWK"
)


class Foreign(NamedTuple):
    """A key that came from elsewhere.

    Attributes:
        key: the key.
        passphrase: what the file was under; ``None`` where it was under none.
        notes: which exceptions from the rules for such files were made.
    """

    key: SigningKey | VerifyKey | SshVerifyKey
    passphrase: Passphrase | None
    notes: tuple[str, ...] = ()


def load_foreign_key(path: StrPath, owner: str, ask: Ask | None) -> Foreign:
    """Load a key that another program wrote; what is checked of the file is as for ours.

    Args:
        path: the file.
        owner: who signs with it.
        ask: gives the passphrase of an encrypted one; ``None`` refuses such a file.

    Raises:
        KeyFileError: the file is not safe, holds no such key, or its passphrase is wrong.
        SealwireError: what ``ask`` raises.
    """
    checked = read_checked(
        path,
        max_bytes=MAX_FOREIGN_BYTES,
        error=KeyFileError,
        missing="name a file that is there",
        forbidden=NO_BITS,
    )
    secret = not _is_public(checked.content)
    forbidden = REACHED_BY_OTHERS if secret else CHANGED_BY_OTHERS
    if problem := why_too_open(checked.path, checked.mode, forbidden):
        raise KeyFileError(f"{checked.path} {problem}")
    try:
        found = parse_foreign(checked.content, owner, ask, checked.path)
    except ConfigurationError as error:
        raise KeyFileError(f"{checked.path}: {error}") from None
    return found._replace(notes=checked.notes)


def parse_foreign(content: bytes, owner: str, ask: Ask | None, name: str = "it") -> Foreign:
    """Read the content of a key file that another program wrote.

    Args:
        content: the whole file.
        owner: who signs with it.
        ask: as in `load_foreign_key`.
        name: the file's name, for whoever is asked.

    Raises:
        KeyFileError: it is no such key, or its passphrase is wrong or not to be had.
        ConfigurationError: ``owner`` is no name, or the public key is weak.
        SealwireError: what ``ask`` raises.
    """
    if content.startswith(_SSH_HEADS):
        return Foreign(parse_ssh_line(line_of(content), owner), None)
    if content.startswith(b"{"):
        return Foreign(VerifyKey(jwk.parse_public(content), owner=owner), None)
    if content.startswith(_OURS):
        raise KeyFileError("it is a key of ours already; copy it, or see: sealwire keys show FILE")
    if not content.startswith(_PEM_HEAD):
        if not content.startswith(_DER_HEAD):
            raise KeyFileError(f"it is none of these; bring {_TAKEN}")
        label, inner = _label_of(content), content
    else:
        label, inner = _unwrapped(content)
    if label == "PUBLIC KEY":
        return Foreign(VerifyKey(pkcs8.parse_public(inner), owner=owner), None)
    if label == "PRIVATE KEY":
        return Foreign(SigningKey(pkcs8.parse_private(inner), owner=owner), None)
    if label == "ENCRYPTED PRIVATE KEY":
        return _asked(pkcs8.parse_encrypted(inner), owner, ask, name)
    if label == "OPENSSH PRIVATE KEY":
        private = openssh.parse_private(inner)
        if private.needs_passphrase:
            return _asked(private, owner, ask, name)
        return Foreign(SigningKey(private(None), owner=owner), None)
    raise KeyFileError(f"it holds another kind of key; bring {_TAKEN}, of Ed25519")


def export_key(key: VerifyKey, form: str) -> str:
    """Write a public key for another program.

    Args:
        key: the key.
        form: ``spki`` (PEM, for OpenSSL), ``ssh`` (a line, with the owner) or ``jwk``.

    Raises:
        ConfigurationError: there is no such form.
    """
    if form not in _WRITERS:
        raise ConfigurationError(f"there is no form {form!r}; name one of: {', '.join(_WRITERS)}")
    return _WRITERS[form](key)


def _wrapped(label: str, content: bytes, width: int = _LINE_CHARS[0]) -> str:
    """Write PEM, its newline included."""
    text = base64.b64encode(content).decode()
    lines = (text[at : at + width] for at in range(0, len(text), width))
    return "\n".join((f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""))


_WRITERS: Final[dict[str, Callable[[VerifyKey], str]]] = {
    "spki": lambda key: _wrapped("PUBLIC KEY", pkcs8.write_public(key.public_bytes)),
    "ssh": openssh.public_line,
    "jwk": jwk.write_public,
}
FORMS: Final = tuple(_WRITERS)


def _unwrapped(content: bytes) -> tuple[str, bytes]:
    """Read PEM in its one spelling; give its label and what it holds."""
    lines = content.decode("ascii", "replace").split("\n")
    label = lines[0].removeprefix("-----BEGIN ").removesuffix("-----")
    width = len(lines[1]) if len(lines) > 1 else 0
    inner = b""
    with contextlib.suppress(binascii.Error, ValueError):
        inner = base64.b64decode("".join(lines[1:-2]), validate=True)
    widths = (width,) if width in _LINE_CHARS else _LINE_CHARS[:1]
    if not any(_wrapped(label, inner, each).encode() == content for each in widths):
        del content, lines, inner  # a traceback may be shown with what its functions held
        raise KeyFileError(
            "it is not PEM in its one spelling, with nothing before, between and behind; copy the "
            "file again"
        )
    return label, inner


def _label_of(content: bytes) -> str:
    """Say what some DER is; it is looked at more closely by whoever reads that."""
    if content[: len(pkcs8.PUBLIC_HEAD)] == pkcs8.PUBLIC_HEAD:
        return "PUBLIC KEY"
    if content[: len(pkcs8.PRIVATE_HEAD)] == pkcs8.PRIVATE_HEAD:
        return "PRIVATE KEY"
    return "ENCRYPTED PRIVATE KEY"


def _is_public(content: bytes) -> bool:
    public = (*_SSH_HEADS, b"-----BEGIN PUBLIC KEY-----", pkcs8.PUBLIC_HEAD)
    # A JWK with a secret is refused, and who may read the file is no matter then.
    return content.startswith((*public, b"{"))


def _asked(
    open_it: Callable[[Passphrase], bytes], owner: str, ask: Ask | None, name: str
) -> Foreign:
    if ask is None:
        raise KeyFileError("it is under a passphrase; give that by --passphrase-file FILE")
    passphrase = ask(name)
    return Foreign(SigningKey(open_it(passphrase), owner=owner), passphrase)
