"""What both parts that ``sealwire init`` makes share: what was made, and folders to make it in."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sealwire.cli.endings import CommandError, Exit

_FOLDER_MODE: Final = 0o755
"""A service may have to read it as another user; its secret files have modes of their own."""

_ELSEWHERE: Final = "choose another folder with --dir, or replace the files with --force"


@dataclass(frozen=True, slots=True)
class Item:
    """One file or folder of a part, for telling.

    Attributes:
        what: what it is, in words.
        path: where.
        kept: whether it was there before and is used as it was.
        shared_with: who needs a copy of it: the owner of a secret that both sides hold; or ``""``.
    """

    what: str
    path: Path
    kept: bool = False
    shared_with: str = ""


def check_free(*paths: Path, remedy: str = _ELSEWHERE) -> None:
    """Check that nothing is at any of ``paths``.

    Args:
        paths: what is going to be written.
        remedy: the hint where something is there.

    Raises:
        CommandError: something is.
    """
    for path in paths:
        if os.path.lexists(path):
            raise CommandError(
                Exit.LOCAL_FAILURE,
                f"{path} is there already, and nothing was written",
                remedy,
            )


def make_folder(path: Path, mode: int = _FOLDER_MODE) -> None:
    """Make a folder and those above it, unless it is there.

    Raises:
        CommandError: it cannot be made.
    """
    try:
        # Not by ``parents=True``: where the umask is 002 those folders would be the group's too,
        # and whatever lies below them would be refused.
        for above in reversed(path.parents):
            above.mkdir(mode=_FOLDER_MODE, exist_ok=True)
        path.mkdir(mode=mode, exist_ok=True)
    except OSError as failure:
        raise CommandError(
            Exit.LOCAL_FAILURE,
            f"the folder {path} cannot be made: {failure.strerror}",
            "choose another with --dir",
        ) from None
