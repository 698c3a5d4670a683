"""The folder of whoever keeps a keyring: what was signed, the root keys at hand, what is shared.

Rules this module keeps:

1. ``NAME.keyring`` holds every keyring from the first on, and ``NAME-1.keyring`` the first alone,
   for services to pin. Both are public. What is read is verified from the first one on.
2. A keyring is signed by the root keys at hand. Where they are not enough it becomes a proposal,
   ``NAME-N.proposed``, and nothing else is changed until others have signed that.
3. Files are replaced in one step. Of two who change a keyring at once, one is told to begin again.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sealwire.cli.endings import CommandError, Exit
from sealwire.cli.keys import file_name
from sealwire.cli.terminal import printable, say
from sealwire.clock import wall_clock_ms
from sealwire.errors import (
    ConfigurationError,
    KeyFileError,
    Reason,
    RefusedError,
    VerificationError,
)
from sealwire.keyfiles import load_signing_key, read_checked, write_checked
from sealwire.keyring import (
    Keyring,
    SignedKeyring,
    read_history,
    sign_keyring,
    succeed,
    succeed_all,
    verify_first,
)
from sealwire.keyring.words import changes_in_words
from sealwire.keyringfiles import MAX_HISTORY_BYTES
from sealwire.settings import find_operator_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from sealwire.keyring import RingKey
    from sealwire.keys import SigningKey


SUFFIX: Final = ".keyring"
ROOT_SUFFIX: Final = "-root.signing"
_MISSING: Final = "make a keyring: sealwire keys init NAME; or say where it is: --ring FILE"
_PUBLIC_MODE: Final = 0o644


class Custodian:
    """A keyring as whoever keeps it has it.

    Attributes:
        path: the file with every version.
        history: every version, verified.
    """

    def __init__(self, path: Path, history: Sequence[SignedKeyring], content: bytes) -> None:
        """Hold what `open` or `begin` has read or made."""
        self.path, self.history = path, tuple(history)
        self._content = content

    @classmethod
    def open(cls, ring: str | None, config: str | None) -> Custodian:
        """Read the keyring that is meant, and verify it from the first version on.

        Raises:
            CommandError: there is none, or several and none was named.
            KeyFileError: it cannot be read, is open to others, or does not verify.
        """
        path = Path(ring) if ring is not None else _beside(config)
        content = read_checked(
            path, max_bytes=MAX_HISTORY_BYTES, error=KeyFileError, missing=_MISSING
        ).content
        return cls(path, verified_history(path, content), content)

    @classmethod
    def begin(cls, path: Path, keyring: Keyring, roots: Sequence[SigningKey]) -> Custodian:
        """Sign and write a first keyring, for keeping and for pinning.

        Raises:
            KeyFileError: a file is there already, or cannot be written.
        """
        first = verify_first(sign_keyring(keyring, roots))
        made = cls(path, (first,), first.sealed)
        for each in (made.pinned, path):
            _write(each, first.sealed, force=False)
        return made

    @property
    def current(self) -> SignedKeyring:
        """The keyring in force."""
        return self.history[-1]

    @property
    def keyring(self) -> Keyring:
        """What the keyring in force says."""
        return self.current.keyring

    @property
    def folder(self) -> Path:
        """Where everything lies."""
        return self.path.parent

    @property
    def pinned(self) -> Path:
        """The file with the first version alone."""
        return self.path.with_name(f"{self.path.stem}-1{SUFFIX}")

    @property
    def proposed(self) -> Path:
        """Where the next version waits for signatures, if it does."""
        version = self.keyring.version + 1
        return self.path.with_name(f"{self.path.stem}-{version}.proposed")

    def secret(self, audience: str, owner: str, kind: str, number: int = 1) -> Path:
        """Say where a secret key is kept: a folder for each service, whose hosts need all of it."""
        name = file_name(owner) + (f"-{number}" if number > 1 else "")
        return self.folder / "secrets" / file_name(audience) / f"{name}.{kind}"

    def key(self, key_id: str) -> RingKey:
        """Give the key of this id or thumbprint, in hex.

        Raises:
            CommandError: there is none.
        """
        wanted = key_id.lower()
        for key in self.keyring.keys:
            if wanted in {key.fingerprint, key.thumbprint.hex()}:
                return key
        raise CommandError(
            Exit.LOCAL_FAILURE,
            f"no key {key_id!r} is in the keyring {self.keyring.name} {self.keyring.version}",
            self._keys_of(key_id) or "copy its id from: sealwire keys list",
        )

    def _keys_of(self, owner: str) -> str:
        """Say which keys somebody has, for whoever names a person instead; ``""`` for nobody."""
        theirs = [
            f"{key.fingerprint} ({key.role.value}, {key.state_at(wall_clock_ms() // 1000).value})"
            for key in self.keyring.keys
            if key.owner.id == owner
        ]
        return f"name one of {owner}'s keys by its id: {', '.join(theirs)}" if theirs else ""

    # ---- changing ------------------------------------------------------------------------------

    def check_no_proposal(self) -> None:
        """Check that nothing waits for signatures (rule 2).

        Raises:
            CommandError: something does.
        """
        if os.path.lexists(self.proposed):
            raise CommandError(
                Exit.LOCAL_FAILURE,
                f"{self.proposed} waits for signatures, and nothing else is changed until then",
                f"sign it: sealwire keys sign {self.proposed}; or drop it: rm {self.proposed}",
            )

    def commit(self, make: Callable[[], Keyring], roots: Iterable[str]) -> None:
        """Sign the next version and keep it; or propose it where signatures are missing.

        Args:
            make: gives the next version.
            roots: files of root keys; none is those beside the keyring.

        Raises:
            CommandError: no root key is at hand, or others have to sign as well.
            KeyFileError: a root key cannot be loaded, or the keyring cannot be written.
        """
        self.check_no_proposal()
        with telling_why():
            following = make()
        sealed = sign_keyring(following, self._signers(following, roots))
        lines = changes_in_words(self.keyring, following)
        try:
            signed = succeed(self.current, sealed)
        except VerificationError as error:
            if error.reason is not Reason.SIGNATURES_MISSING:
                raise
            _write(self.proposed, sealed, force=False)
            say_changes(following, lines, "proposed")
            raise CommandError(
                Exit.PARTLY,
                f"{self.proposed} is signed, and not by enough: {error.detail}",
                f"give it to whoever has another root key, for: sealwire keys sign "
                f"{self.proposed.name} --root FILE",
            ) from None
        self.keep(signed)
        say_changes(following, lines, "signed")

    def keep(self, signed: SignedKeyring) -> None:
        """Put the next version, which was verified, behind the others.

        Raises:
            CommandError: somebody else has changed the file meanwhile.
            KeyFileError: it cannot be written.
        """
        on_disk = read_checked(
            self.path, max_bytes=MAX_HISTORY_BYTES, error=KeyFileError, missing=_MISSING
        ).content
        if on_disk != self._content:
            raise CommandError(
                Exit.LOCAL_FAILURE,
                f"{self.path} was changed meanwhile, and nothing was written",
                "look at what it says now: sealwire keys list; then ask again",
            )
        self._content += signed.sealed
        _write(self.path, self._content, force=True)
        self.history = (*self.history, signed)

    def _signers(self, following: Keyring, files: Iterable[str]) -> list[SigningKey]:
        """Give the root keys at hand, those that are in force first: one of them has to be."""
        at_hand = {key.thumbprint: key for key in self.roots_at_hand(files)}
        in_force = [root.thumbprint for root in self.keyring.roots()]
        coming = [root.thumbprint for root in following.roots()]
        ordered = dict.fromkeys((*in_force, *coming))
        signers = [at_hand[each] for each in ordered if each in at_hand]
        if not signers or signers[0].thumbprint not in in_force:
            owners = ", ".join(sorted({root.owner.id for root in self.keyring.roots()}))
            raise CommandError(
                Exit.LOCAL_FAILURE,
                f"no root key in force is at hand; they are of {owners}",
                "name one with --root FILE",
            )
        return signers

    def roots_at_hand(self, files: Iterable[str] = ()) -> list[SigningKey]:
        """Load root keys: the files that are named, or those beside the keyring.

        Raises:
            KeyFileError: one cannot be loaded.
        """
        named = [Path(each) for each in files]
        return [
            load_signing_key(each) for each in named or sorted(self.folder.glob(f"*{ROOT_SUFFIX}"))
        ]


@contextlib.contextmanager
def telling_why() -> Iterator[None]:
    """Make a next version in this block; where it cannot be, that is told with the next step.

    Raises:
        CommandError: it would contradict itself, or let a key come back.
    """
    try:
        yield
    except ConfigurationError as error:
        what, separator, remedy = str(error).rpartition("; ")
        step = remedy if separator else "see what is in it: sealwire keys list"
        raise CommandError(Exit.LOCAL_FAILURE, what or remedy, step) from None


def say_changes(following: Keyring, lines: Iterable[str], done: str) -> None:
    """Say what a version changes."""
    say((f"{done}  ", "bold green"), (f"keyring {following.name} {following.version}", ""))
    for line in lines:
        say((f"  {printable(line)}", ""))


def default_folder(config: str | None) -> Path:
    """Say where a keyring lies by default: beside the operator's settings."""
    return find_operator_settings(config, os.environ).path.parent


def verified_history(path: Path, content: bytes) -> tuple[SignedKeyring, ...]:
    """Verify keyrings from the first on.

    Raises:
        KeyFileError: they are none, or one does not follow.
    """
    try:
        listed = read_history(content)
        if not listed:
            raise KeyFileError(f"{path} is empty; {_MISSING}")
        first = verify_first(listed[0])
        return (first, *succeed_all(first, listed[1:]))
    except RefusedError as error:
        raise KeyFileError(
            f"{path} holds no keyring with all its versions: {error.detail}; copy it again from "
            "whoever keeps it"
        ) from None


def _beside(config: str | None) -> Path:
    folder = default_folder(config)
    found = sorted(folder.glob(f"*{SUFFIX}"))
    stems = {path.stem for path in found}
    found = [path for path in found if path.stem.removesuffix("-1") not in stems - {path.stem}]
    if len(found) == 1:
        return found[0]
    if not found:
        raise CommandError(Exit.LOCAL_FAILURE, f"no keyring is in {folder}", _MISSING)
    raise CommandError(
        Exit.LOCAL_FAILURE,
        f"{folder} has several keyrings: {', '.join(path.name for path in found)}",
        f"say which: --ring {found[0]}",
    )


def _write(path: Path, content: bytes, *, force: bool) -> None:
    write_checked(path, content, mode=_PUBLIC_MODE, force=force, error=KeyFileError)
