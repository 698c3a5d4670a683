"""A service that begins with a keyring, as ``sealwire init --keyring`` makes it on the host.

Rules this module keeps:

1. Keyrings are verified from the first one on before anything is written. The first is copied to a
   file of its own: nobody distributes it afterwards.
2. The versions that follow have a file as well, because nobody passes the gate of the chain
   ``network`` before the keyring names a key for it.
3. Secret keys are not made here. They come from whoever keeps the keyring, into a folder for this
   service alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sealwire.cli.custodian import SUFFIX, verified_history
from sealwire.cli.keys import file_name
from sealwire.cli.making import Item, make_folder
from sealwire.errors import KeyFileError
from sealwire.keyfiles import read_checked, write_checked
from sealwire.keyringfiles import MAX_HISTORY_BYTES
from sealwire.recommended import Recommended
from sealwire.settings import KeyringSettings

if TYPE_CHECKING:
    from sealwire.keyring import Keyring

_SECRETS_MODE: Final = 0o700
_MISSING: Final = "bring it from whoever keeps the keyring; see there: sealwire keys list"


@dataclass(frozen=True, slots=True)
class KeyringPart:
    """What a service's part has of a keyring.

    Attributes:
        keyring: the last one that is known here.
        history: the bytes of every version, from the first one on.
        brought: whether somebody else writes the file of those that follow.
        settings: where its files lie on this host.
    """

    keyring: Keyring
    history: tuple[bytes, ...]
    brought: bool
    settings: KeyringSettings

    @property
    def files(self) -> list[Path]:
        """The files that `write` writes."""
        file = self.settings.file
        return [self.settings.pinned, *([] if file is None or self.brought else [file])]

    def write(self, *, force: bool) -> list[Item]:
        """Write the keyrings, and make the folder for secrets where one is due.

        Raises:
            KeyFileError: a file is there and ``force`` is not given, or it cannot be written.
            CommandError: the folder cannot be made.
        """
        pinned, secrets = self.settings.pinned, self.settings.secrets
        _write(pinned, self.history[0], force=force)
        items = [Item(f"first keyring of {self.keyring.name}", pinned)]
        if self.settings.file is not None and not self.brought:
            _write(self.settings.file, b"".join(self.history), force=force)
            items.append(Item("keyrings that follow it", self.settings.file))
        if secrets is not None:
            make_folder(secrets, _SECRETS_MODE)
            items.append(Item("folder for its secret keys", secrets))
        return items


def keyring_part(ring: str, file: str | None, folder: Path, kind: Recommended) -> KeyringPart:
    """Read and verify keyrings; write nothing.

    Args:
        ring: the file with every version, or with the first alone.
        file: where the versions that follow are brought to on this host; by default a file in
            ``folder``, which is written now.
        folder: where the service's part lies.
        kind: which recommended chain.

    Raises:
        KeyFileError: it cannot be read, or is no keyring with its first version.
    """
    content = read_checked(
        ring, max_bytes=MAX_HISTORY_BYTES, error=KeyFileError, missing=_MISSING
    ).content
    history = verified_history(Path(ring), content)
    name = file_name(history[0].keyring.name)
    return KeyringPart(
        history[-1].keyring,
        tuple(each.sealed for each in history),
        file is not None,
        KeyringSettings(
            pinned=folder / f"{name}-1{SUFFIX}",
            file=folder / f"{name}{SUFFIX}" if file is None else Path(file).absolute(),
            secrets=folder / "secrets" if kind is Recommended.NETWORK else None,
        ),
    )


def _write(path: Path, content: bytes, *, force: bool) -> None:
    write_checked(path, content, mode=0o644, force=force, error=KeyFileError)
