"""The trail of a service's part, as ``sealwire init`` makes it: a folder, and a key for it."""

from __future__ import annotations

import os
import re
import socket
from typing import TYPE_CHECKING, Final

from sealwire.cli.making import Item, make_folder
from sealwire.keyfiles import load_signing_key, new_signing_key, write_key_file
from sealwire.settings.trail import TrailSettings

if TYPE_CHECKING:
    from pathlib import Path

    from sealwire.keys import SigningKey

KEY_NAME: Final = "trail.signing"
PUBLIC_NAME: Final = "trail.pub"
_MODE: Final = 0o700
_UNFIT: Final = re.compile(r"[^a-z0-9._-]+")
_MAX_NAME_CHARS: Final = 100


def host_name() -> str:
    """Give the host's name as a key's owner can be called."""
    plain = _UNFIT.sub("-", socket.gethostname().lower()).strip("._-")
    return plain[:_MAX_NAME_CHARS] or "host"


def trail_settings(folder: Path, trail: Path) -> TrailSettings:
    """Give what the trail of the part in ``folder`` is to be."""
    return TrailSettings(trail, folder / KEY_NAME)


def trail_key(path: Path) -> tuple[SigningKey, bool]:
    """Give the key that is there, or a new one, and whether it was there.

    Raises:
        KeyFileError: it is there and cannot be read.
    """
    there = os.path.lexists(path)
    return (load_signing_key(path) if there else new_signing_key(host_name())), there


def write_trail(settings: TrailSettings, key: SigningKey, *, kept: bool) -> list[Item]:
    """Make the folder, and write both halves of the key, unless they are there.

    Raises:
        KeyFileError: one cannot be written.
        CommandError: the folder cannot be made.
    """
    public = settings.key.with_name(PUBLIC_NAME)
    make_folder(settings.folder, _MODE)
    if not kept:
        write_key_file(settings.key, key)
    write_key_file(public, key.verify_key, force=True)
    return [
        Item("directory for the trail", settings.folder),
        Item("key that signs the trail", settings.key, kept=kept),
        Item("its public half", public, kept=kept),
    ]
