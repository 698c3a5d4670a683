"""``credential:NAME``: a key that systemd hands to a service (``LoadCredential=``).

systemd puts it into a folder that this service alone can read, and names the folder in
``$CREDENTIALS_DIRECTORY``. The variable holds a path; no secret is ever taken from the environment.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Final

from sealwire.errors import KeyFileError, shorten
from sealwire.keyfiles.checked import StrPath

_PREFIX: Final = "credential:"
_DIRECTORY: Final = "CREDENTIALS_DIRECTORY"

# systemd takes any name of a file; these need no quotes in a unit.
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,127}", re.ASCII)


def is_credential(path: StrPath) -> bool:
    """Say whether a path is ``credential:NAME``."""
    return os.fspath(path).startswith(_PREFIX)


def check_credential(path: StrPath) -> None:
    """Check the name of a credential.

    Raises:
        KeyFileError: it is none.
    """
    name = os.fspath(path).removeprefix(_PREFIX)
    if not _NAME.fullmatch(name):
        raise KeyFileError(
            f"{shorten(name)} is no credential's name; it has 1 to 128 of A-Z a-z 0-9 . _ @ - and "
            "begins with a letter or a digit"
        )


def path_of(path: StrPath, environ: Mapping[str, str]) -> str:
    """Give where systemd has put a credential.

    Args:
        path: ``credential:NAME``.
        environ: the environment: ``CREDENTIALS_DIRECTORY``.

    Raises:
        KeyFileError: there are no credentials here, or the name is none.
    """
    check_credential(path)
    name = os.fspath(path).removeprefix(_PREFIX)
    folder = environ.get(_DIRECTORY, "")
    if not os.path.isabs(folder):  # noqa: PTH117 - a text
        raise KeyFileError(
            f"{_PREFIX}{name} is a credential of systemd's, and ${_DIRECTORY} is not set, so none "
            "was given to this process; add to the [Service] of its unit: "
            f"LoadCredential={name}:/etc/sealwire/{name}"
        )
    return os.path.join(folder, name)  # noqa: PTH118 - a text
