"""Key files: one key a file, written in words, which nobody but its owner could change or read.

Longer than usual, because what may be read is decided by how it lies there, and both are told in
one sentence to the person who has to mend it.

Rules this module keeps:

1. A file is comment lines (``#``) if any, then one line such as ``sealwire-mac-key-1 alice
   payments@prod <base64url>``, then nothing. A key has one spelling: the line that is read is the
   line that `format_key` writes.
2. A file is opened once, without following a link and without waiting for a writer; what is checked
   is the open descriptor, so nothing can be exchanged between the check and the reading.
3. A file belongs to us or to root, and nobody else may write it. Nobody else may read a secret.
4. A secret is created for its owner alone, over no other file unless asked, and is on the disk when
   the call returns. ``force`` replaces a file in one step.
5. The keys of ``keys-example/`` are everybody's, and refused unless asked for.
6. Every refusal names the file, what was found and the command that mends it; never key bytes.

An OpenSSH public key is read too: one ``ssh-ed25519`` line (RFC 8709, section 4; RFC 4253, 6.6).

Not guaranteed: that the folders on the way to a file are safe; whoever may write there can put
another file of ours or of root's in its place. Windows has neither these modes nor these owners:
there, only type and size of a file are checked, and its access list is for you to look at.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import errno
import os
import secrets
import shlex
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias, TypeVar

from sealwire.errors import ConfigurationError, KeyFileError, SealwireError, shorten
from sealwire.keys import (
    NAME_PATTERN,
    PUBLIC_BYTES,
    SECRET_BYTES,
    AeadKey,
    MacKey,
    SigningKey,
    VerifyKey,
    reveal_secret,
)

StrPath: TypeAlias = "str | os.PathLike[str]"
SecretKey: TypeAlias = SigningKey | MacKey | AeadKey
Key: TypeAlias = SecretKey | VerifyKey
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

if sys.platform == "win32":
    _READING: Final = os.O_RDONLY | os.O_BINARY | os.O_NOINHERIT
    _WRITING: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_BINARY | os.O_NOINHERIT
else:
    _READING: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    _WRITING: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


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

_SSH_WORD: Final = "ssh-ed25519"
_SSH_BLOB_HEAD: Final = b"\0\0\0\x0bssh-ed25519\0\0\0\x20"  # two strings, each behind its length


# ---- keys and their text --------------------------------------------------------------------


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
    form = _FORMS[type(key)]
    names = [getattr(key, name) for name in form.names]
    raw = key.public_bytes if isinstance(key, VerifyKey) else reveal_secret(key)
    return " ".join((form.word, *names, _coded(raw))) + "\n"


def public_line(key: SigningKey | VerifyKey) -> str:
    """Give the public half as one line without its newline, for showing and pasting."""
    public = key.verify_key if isinstance(key, SigningKey) else key
    return format_key(public).removesuffix("\n")


def parse_key(content: bytes, *, owner: str | None = None) -> Key:
    """Read the content of a key file.

    Args:
        content: the whole file.
        owner: who signs with the key; stands in for the comment of an ``ssh-ed25519`` line, and
            must be what any other line says.

    Raises:
        ConfigurationError: anything but one key in its one spelling. No part of a line of ours is
            quoted, because it may be the secret.
    """
    # An exception of the decoder would carry the whole content with it, so none is raised.
    text = content.decode("utf-8", errors="replace")
    if text.encode() != content:
        raise KeyFileError("it is not UTF-8 text; make a new key with: sealwire keys new")
    while text.startswith("#"):
        text = text.partition("\n")[2]
    line, newline, trailing = text.partition("\n")
    if not newline or trailing or "\r" in line:
        raise KeyFileError(
            "a key file holds comment lines (#) or none, then one line that ends in one newline, "
            "then nothing; write it so, or make a new key with: sealwire keys new"
        )
    word, _, fields = line.partition(" ")
    if word == _SSH_WORD:
        return _parse_ssh(fields, owner)
    form = _BY_WORD.get(word)
    if form is None:
        raise KeyFileError(
            f"it does not begin with one of {', '.join((*_BY_WORD, _SSH_WORD))}; make a key with: "
            "sealwire keys new"
        )
    *names, coded = fields.split(" ")
    if len(names) != len(form.names) or not all(map(NAME_PATTERN.fullmatch, names)):
        raise KeyFileError(
            f"the line is not: {form.word} {' '.join(f'<{name}>' for name in form.names)} "
            f"<key>; names are made of a-z 0-9 . _ @ / -, and one space stands between two fields"
        )
    key = form.make(_decoded(coded), **dict(zip(form.names, names, strict=True)))
    if owner not in (None, key.owner):
        raise KeyFileError(f"it says owner {key.owner}, and {shorten(owner)} was expected")
    return key


def _coded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _decoded(coded: str) -> bytes:
    """Decode 32 bytes of base64url without padding (RFC 4648, 3.5): their one spelling alone."""
    raw = b""
    with contextlib.suppress(ValueError):
        raw = base64.urlsafe_b64decode(coded + "=")
    if len(raw) != SECRET_BYTES or _coded(raw) != coded:
        raise KeyFileError(
            f"the key is not {SECRET_BYTES} bytes in canonical base64url without padding; copy the "
            "file again, or make a new key with: sealwire keys new"
        )
    return raw


def _parse_ssh(fields: str, owner: str | None) -> VerifyKey:
    """Read what stands behind ``ssh-ed25519``: the blob, then a comment to the end of the line."""
    coded, _, comment = fields.partition(" ")
    blob = b""
    with contextlib.suppress(binascii.Error, ValueError):
        blob = base64.b64decode(coded, validate=True)
    head, public = blob[:-PUBLIC_BYTES], blob[-PUBLIC_BYTES:]
    if head != _SSH_BLOB_HEAD or base64.b64encode(blob).decode() != coded:
        raise KeyFileError("the ssh-ed25519 line is damaged; copy it again from the .pub file")
    name = comment.strip() if owner is None else owner
    if not NAME_PATTERN.fullmatch(name):
        raise KeyFileError(
            f"the ssh-ed25519 line's comment {shorten(name)} is no owner; end the line with the "
            "owner's name, such as alice, or name the owner where the key is loaded (owner=)"
        )
    return VerifyKey(public, owner=name)


# ---- key files ------------------------------------------------------------------------------


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
        missing="make a key with: sealwire keys new",
        forbidden=NO_BITS,
    )
    try:
        key = parse_key(checked.content, owner=owner)
    except ConfigurationError as error:
        raise KeyFileError(f"{checked.path}: {error}") from None
    # Only now is it known what the file holds, and with it which of the two commands mends it.
    forbidden = CHANGED_BY_OTHERS if isinstance(key, VerifyKey) else REACHED_BY_OTHERS
    if problem := _why_too_open(checked.path, checked.mode, forbidden):
        raise KeyFileError(f"{checked.path} {problem}")
    if not allow_example_keys and key.thumbprint.hex() in EXAMPLE_KEYS:
        raise KeyFileError(
            f"{checked.path} holds an example key, which everybody has; make your own with: "
            "sealwire keys new, or allow example keys where nothing depends on it"
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
    mode = 0o644 if isinstance(key, VerifyKey) else 0o600
    write_checked(path, format_key(key).encode(), mode=mode, force=force, error=KeyFileError)


def _load(path: StrPath, kind: type[K], owner: str | None, *, allow_example_keys: bool) -> K:
    key = load_key(path, owner, allow_example_keys=allow_example_keys)
    if not isinstance(key, kind):
        found, wanted = _FORMS[type(key)].what, _FORMS[kind].what
        raise KeyFileError(
            f"{os.fspath(path)} holds a {found} key, and a {wanted} key is due here; name another "
            "file, or make one with: sealwire keys new"
        )
    return key


# ---- files that nobody else may write: keys, settings, state ---------------------------------


class Checked(NamedTuple):
    """A file that was checked and read.

    Attributes:
        path: its path, as it was given.
        content: all of it.
        mode: its permission bits; 0 on Windows, which has none.
    """

    path: str
    content: bytes
    mode: int


REACHED_BY_OTHERS: Final = 0o077
CHANGED_BY_OTHERS: Final = 0o022
NO_BITS: Final = 0


def read_checked(
    path: StrPath,
    *,
    max_bytes: int,
    error: Callable[[str], SealwireError],
    missing: str,
    forbidden: int = CHANGED_BY_OTHERS,
) -> Checked:
    """Read a file whose open descriptor shows that nobody else could have written it.

    Args:
        path: the file.
        max_bytes: how large it may be.
        error: makes what is raised from a text that names file, finding and remedy.
        missing: the remedy where there is no such file.
        forbidden: permission bits that the file must not have.

    Raises:
        SealwireError: made by ``error``; see the rules 2 and 3.
    """
    name = os.fspath(path)
    try:
        descriptor = os.open(name, _READING)
    except (OSError, ValueError) as failure:
        raise error(f"{name} {_why_not_opened(failure, name, missing)}") from None
    try:
        status = os.fstat(descriptor)
        mode = 0 if sys.platform == "win32" else stat.S_IMODE(status.st_mode)
        problem = _why_not_trusted(status, name) or _why_too_open(name, mode, forbidden)
        if problem:
            raise error(f"{name} {problem}")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            content = file.read(max_bytes + 1)
    except OSError as failure:
        raise error(f"{name} cannot be read: {failure.strerror}") from None
    finally:
        os.close(descriptor)
    if len(content) > max_bytes:
        raise error(f"{name} has more than {max_bytes} bytes; name another file")
    return Checked(name, content, mode)


def write_checked(
    path: StrPath,
    content: bytes,
    *,
    mode: int,
    force: bool,
    error: Callable[[str], SealwireError],
) -> None:
    """Write a file to the disk: a new one, or with ``force`` in place of an old one, in one step.

    Args:
        path: the file.
        content: all of it.
        mode: its permission bits from the moment it is there; the umask can take some away.
        force: replace a file or a link that is there.
        error: makes what is raised from a text that names file, finding and remedy.

    Raises:
        SealwireError: made by ``error``: the file is there, or it cannot be written.
    """
    name = os.fspath(path)
    written = f"{name}.{secrets.token_hex(8)}.tmp" if force else name
    try:
        _create(written, content, mode)
        if force:
            try:
                Path(written).replace(name)
            except OSError:
                Path(written).unlink()
                raise
        _sync_folder(Path(name).parent)
    except FileExistsError:
        raise error(
            f"{name} is there already, and nothing was written; choose another name, or replace "
            "the file with --force"
        ) from None
    except (OSError, ValueError) as failure:
        raise error(f"{name} cannot be written: {_words(failure)}") from None


def _why_not_opened(failure: OSError | ValueError, name: str, missing: str) -> str:
    if isinstance(failure, FileNotFoundError):
        return f"is not there; {missing}"
    if sys.platform != "win32" and isinstance(failure, PermissionError):
        with contextlib.suppress(OSError):
            status = os.lstat(name)
            return (
                f"belongs to uid {status.st_uid} with mode {stat.S_IMODE(status.st_mode):04o}, and "
                f"we may not read it; run as root: chown {os.geteuid()} {shlex.quote(name)}"
            )
    # What O_NOFOLLOW gives for a link: Linux and macOS the one, FreeBSD the other.
    if isinstance(failure, OSError) and failure.errno in {errno.ELOOP, errno.EMLINK}:
        return f"is a symbolic link; name the file that: readlink -f {shlex.quote(name)}"
    return f"cannot be opened: {_words(failure)}"


def _why_not_trusted(status: os.stat_result, name: str) -> str:
    """Give what is wrong and the command that mends it, or ``""``."""
    if not stat.S_ISREG(status.st_mode):
        return f"is no regular file ({stat.filemode(status.st_mode)}); name a regular file"
    if sys.platform != "win32" and status.st_uid not in {0, os.geteuid()}:
        mode, us = stat.S_IMODE(status.st_mode), os.geteuid()
        return (
            f"belongs to uid {status.st_uid} (mode {mode:04o}), neither to us nor to root; if you "
            f"trust what it says, run: chown {us} {shlex.quote(name)}"
        )
    return ""


def _why_too_open(name: str, mode: int, forbidden: int) -> str:
    """Give what is wrong and the command that mends it, or ``""``."""
    if not mode & forbidden:
        return ""
    if forbidden == REACHED_BY_OTHERS:
        found, change = "and a secret is for its owner alone", "600"
    else:
        found, change = "so others can change it", "go-w"
    return f"has mode {mode:04o}, {found}; run: chmod {change} {shlex.quote(name)}"


def _create(name: str, content: bytes, mode: int) -> None:
    """Create a file that is not there; leave none behind that is half written."""
    descriptor = os.open(name, _WRITING, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
    except BaseException:
        Path(name).unlink()
        raise


def _sync_folder(folder: Path) -> None:
    """Bring a folder's entries to the disk; a new name is lost with the power otherwise."""
    if sys.platform != "win32":
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _words(failure: OSError | ValueError) -> str:
    return (isinstance(failure, OSError) and failure.strerror) or str(failure)
