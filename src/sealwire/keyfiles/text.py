"""A key as one line of text: ``sealwire-mac-key-1 alice payments@prod <base64url>``.

Rules this module keeps:

1. The text of a key file is comment lines (``#``) if any, then one such line, then nothing.
2. A key has one spelling: the line that is read is the line that `format_key` writes.
3. No part of a line of ours is quoted in a refusal, because it may be the secret.

An OpenSSH public key is read too: one ``ssh-ed25519`` line (RFC 8709, section 4; RFC 4253, 6.6),
or one ``sk-ssh-ed25519@openssh.com`` line, whose private half is in a FIDO authenticator. The
second has no form of ours, so it is written as OpenSSH does, with the owner as its comment.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from sealwire.errors import KeyFileError, MalformedError, shorten
from sealwire.keys import (
    NAME_PATTERN,
    SECRET_BYTES,
    AeadKey,
    MacKey,
    SigningKey,
    VerifyKey,
    reveal_secret,
)
from sealwire.sshkeys import SshVerifyKey
from sealwire.sshwire import ED25519, SK_ED25519, PublicKey

SecretKey: TypeAlias = SigningKey | MacKey | AeadKey
Key: TypeAlias = SecretKey | VerifyKey | SshVerifyKey


@dataclass(frozen=True, slots=True)
class _Form:
    """How one kind of key is written: its first word, its names, and what makes it."""

    word: str
    what: str
    names: tuple[str, ...]
    make: Callable[..., Key]


_FORMS: Final[dict[type[Key], _Form]] = {
    SigningKey: _Form("sealwire-signing-key-1", "signing", ("owner",), SigningKey),
    VerifyKey: _Form("sealwire-verify-key-1", "verify", ("owner",), VerifyKey),
    MacKey: _Form("sealwire-mac-key-1", "MAC", ("owner", "audience"), MacKey),
    AeadKey: _Form("sealwire-aead-key-1", "AES", ("owner", "audience"), AeadKey),
}
_BY_WORD: Final = {form.word: form for form in _FORMS.values()}

PROTECTED_WORD: Final = "sealwire-protected-key-1"
"""With it begins the line of a signing key under a passphrase; see `protected`."""

_SSH_WORDS: Final = (ED25519, SK_ED25519)


def kind_of(key: type[Key]) -> str:
    """Say in words which kind of key this is."""
    return "SSH" if key is SshVerifyKey else _FORMS[key].what


def new_signing_key(owner: str) -> SigningKey:
    """Make a new signing key.

    Raises:
        ConfigurationError: ``owner`` is not a name.
    """
    return SigningKey(secrets.token_bytes(SECRET_BYTES), owner=owner)


def new_mac_key(owner: str, audience: str) -> MacKey:
    """Make a new MAC key that ``owner`` is to share with the services of ``audience``.

    Raises:
        ConfigurationError: a name is none.
    """
    return MacKey(secrets.token_bytes(SECRET_BYTES), owner=owner, audience=audience)


def new_aead_key(owner: str, audience: str) -> AeadKey:
    """Make a new AES key that ``owner`` is to share with the services of ``audience``.

    Raises:
        ConfigurationError: a name is none.
    """
    return AeadKey(secrets.token_bytes(SECRET_BYTES), owner=owner, audience=audience)


def format_key(key: Key) -> str:
    """Give the text of a key file, its newline included. Of a secret key, this is the secret."""
    if isinstance(key, SshVerifyKey):
        blob = base64.b64encode(ssh_blob(key)).decode()
        return f"{key.public_key.kind} {blob} {key.owner}\n"
    form = _FORMS[type(key)]
    names = [getattr(key, name) for name in form.names]
    raw = key.public_bytes if isinstance(key, VerifyKey) else reveal_secret(key)
    return " ".join((form.word, *names, coded(raw))) + "\n"


def ssh_blob(key: VerifyKey | SshVerifyKey) -> bytes:
    """Give a public key as SSH writes it; two that are one key have one of these."""
    if isinstance(key, SshVerifyKey):
        return key.public_key.encode()
    return PublicKey(ED25519, key.public_bytes).encode()


def public_line(key: SigningKey | VerifyKey | SshVerifyKey) -> str:
    """Give the public half as one line without its newline, for showing and pasting."""
    public = key.verify_key if isinstance(key, SigningKey) else key
    return format_key(public).removesuffix("\n")


def parse_key(content: bytes, *, owner: str | None = None) -> Key:
    """Read the content of a key file.

    Args:
        content: the whole file.
        owner: who signs with the key; stands in for the comment of a line of OpenSSH's, and must
            be what any other line says.

    Raises:
        ConfigurationError: anything but one key in its one spelling. No part of a line of ours is
            quoted, because it may be the secret.
    """
    return parse_line(line_of(content), owner=owner)


def line_of(content: bytes) -> str:
    """Give the line of a key file that is none of its comments, without its newline.

    Raises:
        ConfigurationError: there is not exactly one, or it is no text.
    """
    # An exception of the decoder would carry the whole content with it, so none is raised.
    text = content.decode("utf-8", errors="replace")
    if text.encode() != content:
        raise KeyFileError(
            "it is not UTF-8 text; make a new key with: sealwire keys new --owner NAME"
        )
    while text.startswith("#"):
        text = text.partition("\n")[2]
    line, newline, trailing = text.partition("\n")
    if not newline or trailing or "\r" in line:
        raise KeyFileError(
            "a key file holds comment lines (#) or none, then one line that ends in one newline, "
            "then nothing; write it so, or make a new key with: sealwire keys new --owner NAME"
        )
    return line


def parse_line(line: str, *, owner: str | None = None) -> Key:
    """Read the line of a key file, without its newline; see `parse_key`."""
    word, _, fields = line.partition(" ")
    if word in _SSH_WORDS:
        return parse_ssh_line(line, owner)
    form = _BY_WORD.get(word)
    if word == PROTECTED_WORD:
        raise KeyFileError("it is under a passphrase; see what it is: sealwire keys show FILE")
    if form is None:
        raise KeyFileError(
            f"it does not begin with one of {', '.join((*_BY_WORD, *_SSH_WORDS))}; make a key "
            "with: sealwire keys new --owner NAME"
        )
    *names, text = fields.split(" ")
    if len(names) != len(form.names) or not all(map(NAME_PATTERN.fullmatch, names)):
        raise KeyFileError(
            f"the line is not: {form.word} {' '.join(f'<{name}>' for name in form.names)} "
            f"<key>; names are made of a-z 0-9 . _ @ / -, and one space stands between two fields"
        )
    key = form.make(decoded(text), **dict(zip(form.names, names, strict=True)))
    if owner not in (None, key.owner):
        raise KeyFileError(f"it says owner {key.owner}, and {shorten(owner)} was expected")
    return key


def coded(raw: bytes) -> str:
    """Encode bytes in base64url without padding (RFC 4648, section 5)."""
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def decoded(text: str, length: int = SECRET_BYTES) -> bytes:
    """Decode bytes of base64url without padding (RFC 4648, 3.5): their one spelling alone.

    Raises:
        KeyFileError: it is another spelling, or not so many bytes.
    """
    raw = b""
    with contextlib.suppress(ValueError):
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if len(raw) != length or coded(raw) != text:
        raise KeyFileError(
            f"the key is not {length} bytes in canonical base64url without padding; copy the "
            "file again, or make a new key with: sealwire keys new --owner NAME"
        )
    return raw


def parse_ssh_line(line: str, owner: str | None) -> VerifyKey | SshVerifyKey:
    """Read the kind of key, the blob, then a comment to the end of the line.

    Args:
        line: the line, without its newline.
        owner: who signs with the key; the comment if not given.

    Raises:
        ConfigurationError: it is damaged, the key is weak, or the owner is no name.
    """
    word, _, fields = line.partition(" ")
    text, _, comment = fields.partition(" ")
    blob = b""
    with contextlib.suppress(binascii.Error, ValueError):
        blob = base64.b64decode(text, validate=True)
    try:
        key = PublicKey.parse(blob)
    except MalformedError:
        key = PublicKey("", b"")
    if key.kind != word or base64.b64encode(blob).decode() != text:
        raise KeyFileError(f"the {word} line is damaged; copy it again from the .pub file")
    name = comment.strip() if owner is None else owner
    if not NAME_PATTERN.fullmatch(name):
        raise KeyFileError(
            f"the {word} line's comment {shorten(name)} is no owner; end the line with the "
            "owner's name, such as alice, or name the owner where the key is loaded (owner=)"
        )
    if key.in_authenticator:
        return SshVerifyKey(key, owner=name)
    return VerifyKey(key.public, owner=name)
