"""The trail of a service's part, as ``sealwire init`` makes it: a folder, and a key for it."""

from __future__ import annotations

import os
import re
import socket
import sys
from typing import TYPE_CHECKING, Final

from sealwire.cli.making import Item, make_folder
from sealwire.keyfiles import load_signing_key, new_signing_key, write_key_file
from sealwire.settings.trail import TrailSettings

if TYPE_CHECKING:
    from pathlib import Path

KEY_NAME: Final = "trail.signing"
PUBLIC_NAME: Final = "trail.pub"
_MODE: Final = 0o700
_UNFIT: Final = re.compile(r"[^a-z0-9._-]+")
_MAX_NAME_CHARS: Final = 100


def host_name() -> str:
    """Give the host's name as a key's owner can be called."""
    plain = _UNFIT.sub("-", socket.gethostname().lower()).strip("._-")
    return plain[:_MAX_NAME_CHARS] or "host"


def trail_settings(folder: Path, trail: Path) -> TrailSettings | None:
    """Give what the trail of the part in ``folder`` is to be; none on Windows writes one."""
    return None if sys.platform == "win32" else TrailSettings(trail, folder / KEY_NAME)


def check_key(settings: TrailSettings | None) -> None:
    """Check a key that is there, before anything is written.

    Raises:
        KeyFileError: it cannot be read.
    """
    if settings is not None and os.path.lexists(settings.key):
        load_signing_key(settings.key)


def write_trail(settings: TrailSettings | None) -> list[Item]:
    """Make the folder, and write both halves of the key; a key that is there is used again.

    Raises:
        KeyFileError: one cannot be written.
        CommandError: the folder cannot be made.
    """
    if settings is None:
        return []
    kept = os.path.lexists(settings.key)
    key = load_signing_key(settings.key) if kept else new_signing_key(host_name())
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
