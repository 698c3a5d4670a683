"""Where a service's keyring lies: the first one, what has followed, and the secret keys.

Rules this module keeps:

1. The first keyring is pinned: a local file of version 1 that nobody distributes. Whatever follows
   has to be signed by the roots that it names, and so on; who can write the other files can make a
   service miss a keyring, and cannot make it trust a key.
2. What a service has followed is kept in its state directory, so that an older file does not take
   it back. Without one, a restart goes by the files alone.
3. Files are read again when they have changed, and when what they hold could not be used, until it
   can: a full disk is no reason to go on trusting a key. What cannot be read, or does not follow,
   leaves the keyring in force as it is, and keeps nobody from following what can.
4. Secret keys are files of their own, of which the keyring says what they are good for.
5. Of the processes that share a state directory none writes less than it finds.
6. The host's receipt key is a file as well, and one that is put in its place is used from then on.
"""

from __future__ import annotations

import contextlib
import os
import shlex
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from sealwire.clock import wall_clock_ms
from sealwire.errors import ConfigurationError, KeyFileError, RefusedError, StateError
from sealwire.keyfiles import (
    EXAMPLE_KEYS,
    load_key,
    load_signing_key,
    read_checked,
    write_checked,
)
from sealwire.keyring import (
    Keyring,
    LiveKeyring,
    SignedKeyring,
    check_issued,
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
"""A keyring of twenty people has some 14 KB; a year of weekly changes is far below that."""

MAX_SECRETS: Final = 512
SECRET_SUFFIXES: Final = (".mac", ".aead")
"""How the files of secret keys end, as ``sealwire keys new`` names them."""

MAX_PASSED: Final = 16
"""Keyrings of one file that were signed by a root, and are not those that were followed: reading
one takes milliseconds, and whoever stole a root key can sign any number."""

KEPT_NAME: Final = "keyring"
"""The file in a state directory that holds what has been followed."""

_MISSING: Final = "bring it from whoever keeps the keyring: sealwire keys list --first > FILE"
_Stamp: TypeAlias = tuple[int, int, int, int]
_NO_FILE: Final = 0, 0, 0, 0


class Found(NamedTuple):
    """What is in files that have changed.

    Attributes:
        followed: the keyrings that follow the one in force, in order.
        trouble: what could not be used, and what mends it; one text a file.
    """

    followed: tuple[SignedKeyring, ...] = ()
    trouble: tuple[str, ...] = ()


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
        trust_group: bool = False,
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
            trust_group: take secrets of root's that a group of ours may read.
        """
        self.audience, self.pinned, self.file = audience, pinned, file
        self.secrets, self.kept, self.receipt_key = secrets, kept, receipt_key
        self._allow_example_keys, self._trust_group = allow_example_keys, trust_group
        self._seen: dict[Path, tuple[_Stamp, ...]] = {}
        self._unused: set[Path] = set()

    def open(self, now_ms: int | None = None) -> LiveKeyring:
        """Read everything; give the keyring that is in force.

        A keyring that was issued ahead of the clock is left for `look`: a machine that has started
        with a wrong clock is to serve as it did.

        Args:
            now_ms: the time, milliseconds since the epoch; as the machine has it if not given.

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
        self.refuse_examples(first.keyring)
        live = LiveKeyring(self.audience, first, self._load_secrets())
        now_ms = wall_clock_ms() if now_ms is None else now_ms
        for path in (self.kept, self.file):
            if path is None:
                continue
            # What was kept has been judged when it came.
            followed, trouble = self._fresh(
                path, live, live.current, None if path == self.kept else now_ms
            )
            if isinstance(trouble, _AheadError):
                self._unused.add(path)
            elif trouble is not None:
                raise trouble
            live.replace(followed)
        return live

    def look(self, live: LiveKeyring, now_ms: int, *, again: bool = False) -> Found:
        """Read what has changed since; hold new secret keys, and give the keyrings that follow.

        What one file holds is used whatever is wrong with another, or further on in it.

        Args:
            live: what is in force.
            now_ms: the time, milliseconds since the epoch.
            again: read what could not be used the last time as well; see `used`.
        """
        changed = [path for path in self._watched() if self._seen.get(path) != _stamps(path)]
        if again:
            changed += [path for path in self._unused if path not in changed]
        followed: tuple[SignedKeyring, ...] = ()
        trouble: list[str] = []
        for path in changed:
            self._seen[path] = _stamps(path)
            self._unused.discard(path)
            wrong: ConfigurationError | None = None
            if path == self.secrets:
                try:
                    live.hold(self._load_secrets())
                except ConfigurationError as error:
                    wrong = error
            else:
                current = followed[-1] if followed else live.current
                more, wrong = self._fresh(path, live, current, now_ms)
                followed = (*followed, *more)
            if wrong is not None:
                self._unused.add(path)
                trouble.append(str(wrong))
        if self.kept in changed and not followed and self.kept not in self._unused:
            self._write_what_is_missing(live)
        return Found(followed, tuple(trouble))

    def not_used(self) -> None:
        """Take note that what `look` gave is not in force, so that it is read again."""
        self._unused.update(path for path in (self.file, self.kept) if path is not None)

    @property
    def unused(self) -> bool:
        """Whether a file could not be used when it was read last."""
        return bool(self._unused)

    def look_at_receipt_key(self) -> SigningKey | None:
        """Give the host's receipt key if its file has changed since.

        Raises:
            KeyFileError: it is missing, malformed or too open; the same is not read again.
        """
        path = self.receipt_key
        if path is None or self._seen.get(path) == (stamps := _stamps(path)):
            return None
        self._seen[path] = stamps
        return load_signing_key(
            path, allow_example_keys=self._allow_example_keys, trust_group=self._trust_group
        )

    def keep(self, live: LiveKeyring, followed: Iterable[SignedKeyring]) -> bool:
        """Keep what is to be in force, before it is; say whether there is a place for it.

        Raises:
            StateError: it cannot be written, or another process has followed another keyring.
        """
        if self.kept is None:
            return False
        self._write(self.kept, (*live.followed, *(each.sealed for each in followed)))
        return True

    def refuse_examples(self, keyring: Keyring) -> None:
        """Refuse a keyring that trusts a key which everybody has.

        Raises:
            KeyFileError: it does.
        """
        known = (key for key in keyring.keys if key.thumbprint.hex() in EXAMPLE_KEYS)
        if (example := next(known, None)) is not None and not self._allow_example_keys:
            raise KeyFileError(
                f"the keyring {keyring.name} {keyring.version} has the example key "
                f"{example.fingerprint}, which everybody has; sign one without it: sealwire keys "
                f"revoke {example.fingerprint}, or allow example keys where nothing depends on it"
            )

    def _write(self, kept: Path, listed: tuple[bytes, ...]) -> None:
        """Keep what was followed, unless another process has kept more."""
        try:
            there = _taken_apart(kept, _read(kept, needed=False))
            with _naming(kept):
                last = peek_keyring(there[-1]) if there else None
        except KeyFileError:
            # Nobody could start with it as it is, and what we write is what we have verified.
            last = None
        ours = peek_keyring(listed[-1])
        if last is not None and last.version == ours.version and last != ours:
            raise StateError(
                f"{kept} has another keyring of version {last.version}: another process of this "
                "service has followed it, and whoever signed both has forked it; compare them: "
                "sealwire keys show"
            )
        if last is None or last.version < ours.version:
            write_checked(kept, b"".join(listed), mode=0o600, force=True, error=StateError)
            self._seen[kept] = _stamps(kept)

    def _write_what_is_missing(self, live: LiveKeyring) -> None:
        """Mend a file that another process wrote when it had followed less."""
        if self.kept is not None and live.followed:
            with contextlib.suppress(StateError):
                self._write(self.kept, live.followed)

    def _watched(self) -> tuple[Path, ...]:
        return tuple(path for path in (self.file, self.secrets, self.kept) if path is not None)

    def _fresh(
        self, path: Path, live: LiveKeyring, current: SignedKeyring, now_ms: int | None
    ) -> tuple[tuple[SignedKeyring, ...], KeyFileError | None]:
        """Give what a file has that follows, and why it is not all; older versions are passed over.

        Another keyring of the version in force is a fork, unless one follows behind it: that the
        roots have signed for whoever has either. With ``None`` as the time it does not matter when
        they were issued.
        """
        followed: list[SignedKeyring] = []
        passed, fork = 0, 0
        try:
            for sealed in _taken_apart(path, _read(path, needed=False)):
                with _naming(path):
                    if live.is_known(sealed):
                        # Most of a long file is, and reading one takes milliseconds.
                        continue
                    version = live.peek(sealed, current.keyring.roots()).version
                    if version > current.keyring.version:
                        following = succeed(current, sealed)
                        if now_ms is not None:
                            _check_issued(path, following.keyring, now_ms)
                        self.refuse_examples(following.keyring)
                        current = following
                        followed.append(current)
                        continue
                passed, fork = passed + 1, max(fork, version)
                if passed > MAX_PASSED:
                    raise KeyFileError(
                        f"{path} has over {MAX_PASSED} keyrings beside those that were followed; "
                        "whoever signed them has forked it: compare sealwire keys show on both"
                    )
            if fork == current.keyring.version:
                raise _fork(path, fork)
        except KeyFileError as error:
            if fork == current.keyring.version and not isinstance(error, _AheadError):
                error = _fork(path, fork)
            return tuple(followed), error
        return tuple(followed), None

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
            key = load_key(
                path, allow_example_keys=self._allow_example_keys, trust_group=self._trust_group
            )
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


class _AheadError(KeyFileError):
    """A keyring is from ahead of the clock, and follows when it is time."""


def _fork(path: Path, version: int) -> KeyFileError:
    return KeyFileError(
        f"{path} has another keyring of version {version} than the one in force; whoever signed "
        "both has forked it: compare sealwire keys show on both"
    )


def _check_issued(path: Path, keyring: Keyring, now_ms: int) -> None:
    try:
        check_issued(keyring, now_ms)
    except RefusedError as error:
        raise _AheadError(f"{path}: {error.detail}; set the clock of this machine: date") from None


def _taken_apart(path: Path, content: bytes) -> tuple[bytes, ...]:
    with _naming(path):
        return read_history(content)


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Refuse what a file holds in the file's name."""
    try:
        yield
    except RefusedError as error:
        name, aside = shlex.quote(str(path)), shlex.quote(f"{path}.wrong")
        raise KeyFileError(
            f"{path} holds no keyring that follows: {error.detail}; move it away, and bring it "
            f"anew: mv {name} {aside}"
        ) from None


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
