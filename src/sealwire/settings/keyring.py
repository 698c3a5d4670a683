"""The table ``[keyring]`` of a service's settings: where its keyring lies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from sealwire.settings.tables import Table


@dataclass(frozen=True, slots=True)
class KeyringSettings:
    """Where a service's keyring lies.

    Attributes:
        pinned: the first one, which nobody distributes.
        file: those that follow, as they are distributed; ``None`` where they come as messages.
        secrets: the folder with the files of MAC and AES keys, for ``network`` alone.
    """

    pinned: Path
    file: Path | None = None
    secrets: Path | None = None


def read_keyring_settings(top: Table) -> KeyringSettings | None:
    """Read the table; ``None`` where there is none.

    Raises:
        ConfigurationError: it is not exactly such a table.
    """
    if "keyring" not in top.values:
        return None
    table = top.table("keyring").limited_to("pinned", "file", "secrets")
    return KeyringSettings(
        pinned=table.need("pinned", top.path),
        file=table.take("file", top.path, default=None),
        secrets=table.take("secrets", top.path, default=None),
    )
