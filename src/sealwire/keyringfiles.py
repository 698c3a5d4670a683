"""Where a service's keyring lies: the first one, what has followed, and the secret keys.

Rules this module keeps:

1. The first keyring is pinned: a local file of version 1 that nobody distributes. Whatever follows
   has to be signed by the roots that it names, and so on; who can write the other files can make a
   service miss a keyring, and cannot make it trust a key.
2. What a service has followed is kept in its state directory, so that an older file does not take
   it back. Without one, a restart goes by the files alone.
3. Files are read again when they have changed. What cannot be read, or does not follow, leaves the
   keyring in force as it is.
4. Secret keys are files of their own, of which the keyring says what they are good for.
5. The host's receipt key is a file as well, and one that is put in its place is used from then on.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Final, TypeAlias

from sealwire.errors import KeyFileError, RefusedError, StateError
from sealwire.keyfiles import load_key, load_signing_key, read_checked, write_checked
from sealwire.keyring import (
    LiveKeyring,
    SignedKeyring,
    peek_keyring,
    read_history,
    succeed,
    verify_first,
)
from sealwire.keys import AeadKey, MacKey

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from sealwire.keys import SigningKey

MAX_HISTORY_BYTES: Final = 16 * 1024 * 1024
"""A keyring of twenty people has some 6 KB; a week of daily changes is nothing, years are."""

MAX_SECRETS: Final = 512
SECRET_SUFFIXES: Final = (".mac", ".aead")
"""How the files of secret keys end, as ``sealwire keys new`` names them."""

KEPT_NAME: Final = "keyring"
"""The file in a state directory that holds what has been followed."""

_MISSING: Final = "bring it from whoever keeps the keyring: sealwire keys list --first > FILE"
_Stamp: TypeAlias = tuple[int, int, int, int]
_NO_FILE: Final = 0, 0, 0, 0


class KeyringFiles:
    """The files of one service's keyring."""

    def __init__(
        self,
        audience: str,
        *,
        pinned: Path,
        file: Path | None = None,
        secrets: Path | None = None,
        kept: Path | None = None,
        receipt_key: Path | None = None,
        allow_example_keys: bool = False,
    ) -> None:
        """Name the files; `open` reads them.

        Args:
            audience: the service.
            pinned: the first keyring.
            file: those that follow it, as they are distributed; it may be missing, or begin with
                the first.
            secrets: the folder with the files of secret keys.
            kept: where this service keeps what it has followed; ``None`` keeps nothing.
            receipt_key: the host's receipt key; ``None`` where it is not to be followed.
            allow_example_keys: take secret keys of ``keys-example/``.
        """
        self.audience, self.pinned, self.file = audience, pinned, file
        self.secrets, self.kept, self.receipt_key = secrets, kept, receipt_key
        self._allow_example_keys = allow_example_keys
        self._seen: dict[Path, tuple[_Stamp, ...]] = {}

    def open(self) -> LiveKeyring:
        """Read everything; give the keyring that is in force.

        Raises:
            KeyFileError: a file is missing, too open, or no keyring; or what it holds does not
                follow the one before. The text names the file.
            ConfigurationError: two secret keys have one id.
        """
        self._seen = {path: _stamps(path) for path in self._watched()}
        if self.receipt_key is not None:
            self._seen[self.receipt_key] = _stamps(self.receipt_key)
        content = _read(self.pinned, needed=True)
        history = _taken_apart(self.pinned, content)
        if len(history) != 1:
            raise KeyFileError(
                f"{self.pinned} holds {len(history)} keyrings, and the pinned file has the first "
                "alone; bring it anew: sealwire keys list --first > FILE"
            )
        with _naming(self.pinned):
            first = verify_first(history[0])
        live = LiveKeyring(self.audience, first, self._load_secrets())
        for path in (self.kept, self.file):
            if path is not None:
                live.replace(self._fresh(path, live))
        return live

    def look(self, live: LiveKeyring) -> tuple[SignedKeyring, ...]:
        """Read what has changed since; give the keyrings that follow, and hold new secret keys.

        Raises:
            KeyFileError: as `open`; the same is not read again until it changes.
            ConfigurationError: two secret keys have one id.
        """
        changed = [path for path in self._watched() if self._seen.get(path) != _stamps(path)]
        for path in changed:
            self._seen[path] = _stamps(path)
        if self.secrets in changed:
            live.hold(self._load_secrets())
        followed: tuple[SignedKeyring, ...] = ()
        for path in changed:
            if path in {self.file, self.kept}:
                followed = (*followed, *self._fresh(path, live, followed))
        return followed

    def look_at_receipt_key(self) -> SigningKey | None:
        """Give the host's receipt key if its file has changed since.

        Raises:
            KeyFileError: it is missing, malformed or too open; the same is not read again.
        """
        path = self.receipt_key
        if path is None or self._seen.get(path) == (stamps := _stamps(path)):
            return None
        self._seen[path] = stamps
        return load_signing_key(path, allow_example_keys=self._allow_example_keys)

    def keep(self, live: LiveKeyring, followed: Iterable[SignedKeyring]) -> bool:
        """Keep what is to be in force, before it is; say whether there is a place for it.

        Raises:
            StateError: it cannot be written.
        """
        if self.kept is None:
            return False
        content = b"".join((*live.followed, *(each.sealed for each in followed)))
        write_checked(self.kept, content, mode=0o600, force=True, error=StateError)
        self._seen[self.kept] = _stamps(self.kept)
        return True

    def _watched(self) -> tuple[Path, ...]:
        return tuple(path for path in (self.file, self.secrets, self.kept) if path is not None)

    def _fresh(
        self, path: Path, live: LiveKeyring, before: tuple[SignedKeyring, ...] = ()
    ) -> tuple[SignedKeyring, ...]:
        """Give what a file has that follows; what it has of older versions is passed over."""
        current = before[-1] if before else live.current
        followed = []
        for sealed in _taken_apart(path, _read(path, needed=False)):
            with _naming(path):
                found = peek_keyring(sealed)
                version = found.version
                if version > current.keyring.version:
                    current = succeed(current, sealed)
                    followed.append(current)
            if version == current.keyring.version and found != current.keyring:
                raise KeyFileError(
                    f"{path} has another keyring of version {version} than the one in force; "
                    "whoever signed both has forked it: compare sealwire keys show on both"
                )
        return tuple(followed)

    def _load_secrets(self) -> list[MacKey | AeadKey]:
        if self.secrets is None:
            return []
        try:
            names = sorted(self.secrets.iterdir())
        except OSError as error:
            raise KeyFileError(
                f"{self.secrets} cannot be read: {error.strerror}; make it: mkdir -m 700 "
                f"{self.secrets}"
            ) from None
        if len(names) > MAX_SECRETS:
            raise KeyFileError(f"{self.secrets} has over {MAX_SECRETS} files; remove old keys")
        held: list[MacKey | AeadKey] = []
        for path in (each for each in names if each.suffix in SECRET_SUFFIXES):
            key = load_key(path, allow_example_keys=self._allow_example_keys)
            if not isinstance(key, (MacKey, AeadKey)):
                raise KeyFileError(f"{path} holds no secret key; move it elsewhere")
            held.append(key)
        return held


def _read(path: Path, *, needed: bool) -> bytes:
    if not needed and not os.path.lexists(path):
        return b""
    return read_checked(
        path, max_bytes=MAX_HISTORY_BYTES, error=KeyFileError, missing=_MISSING
    ).content


def _taken_apart(path: Path, content: bytes) -> tuple[bytes, ...]:
    with _naming(path):
        return read_history(content)


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Refuse what a file holds in the file's name."""
    try:
        yield
    except RefusedError as error:
        raise KeyFileError(f"{path} holds no keyring that follows: {error.detail}") from None


def _stamps(path: Path) -> tuple[_Stamp, ...]:
    """Say which file, or which files of a folder, stand at a path now."""
    found = [_stamp(path)]
    with contextlib.suppress(OSError):
        if path.is_dir():
            found += [_stamp(each) for each in sorted(path.iterdir())[: 2 * MAX_SECRETS]]
    return tuple(found)


def _stamp(path: Path) -> _Stamp:
    try:
        status = path.stat()
    except OSError:
        return _NO_FILE
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
