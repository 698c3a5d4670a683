"""The journal of rotations beside a keyring: what has been seen of each, for going on.

Rules this module keeps:

1. The keyring says how far a rotation is; this file has what a keyring cannot: which key takes the
   place of which, where its file lies, and what services have shown.
2. It is replaced in one step, and after what it tells of: whoever was interrupted in between does
   that once more, and nothing is missed.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from sealwire.documents import canonical_json, read_json
from sealwire.errors import KeyFileError, MalformedError
from sealwire.keyfiles import read_checked, write_checked
from sealwire.keyring.rotation import Rotation

if TYPE_CHECKING:
    from pathlib import Path

    from sealwire.cli.custodian import Custodian
    from sealwire.cli.keyring_services import Shown

FORMAT: Final = "sealwire-rotations-1"
_MAX_BYTES: Final = 256 * 1024


class Journal:
    """The rotations that have begun, and which version each service has shown."""

    def __init__(self, custodian: Custodian) -> None:
        """Read it; there is none before the first rotation.

        Raises:
            KeyFileError: it cannot be read, or is none.
        """
        self._path: Path = custodian.path.with_suffix(".rotations")
        self.shown: dict[str, int] = {}
        self.rotations: tuple[Rotation, ...] = ()
        if os.path.lexists(self._path):
            self._read()

    def of(self, old: bytes) -> Rotation | None:
        """Give the rotation of a key, if it has begun."""
        return next((each for each in self.rotations if each.old == old), None)

    def of_new(self, new: bytes) -> Rotation | None:
        """Give the rotation that brings a key, if there is one."""
        return next((each for each in self.rotations if each.new == new), None)

    def note(self, rotation: Rotation) -> Rotation:
        """Keep what is known of a rotation, in the place of what was known before.

        Raises:
            KeyFileError: it cannot be written.
        """
        others = [each for each in self.rotations if each.old != rotation.old]
        self.rotations = (*others, rotation)
        self._write()
        return rotation

    def drop(self, rotation: Rotation) -> None:
        """Forget a rotation that is over.

        Raises:
            KeyFileError: it cannot be written.
        """
        self.rotations = tuple(each for each in self.rotations if each.old != rotation.old)
        self._write()

    def note_shown(self, shown: list[Shown]) -> None:
        """Keep which version each service has shown.

        Raises:
            KeyFileError: it cannot be written.
        """
        for audience in {each.audience for each in shown}:
            # Of several hosts the one that is behind counts, and one that did not answer may be it.
            version = min(each.version for each in shown if each.audience == audience)
            # A service that was begun anew may have gone back.
            if version:
                self.shown[audience] = version
        self._write()

    def _read(self) -> None:
        checked = read_checked(
            self._path, max_bytes=_MAX_BYTES, error=KeyFileError, missing="rotate a key"
        )
        try:
            document: Any = read_json(checked.content)
            if document["format"] != FORMAT:
                raise ValueError
            self.shown = {str(name): int(at) for name, at in document["shown"].items()}
            self.rotations = tuple(map(_read_one, document["rotations"]))
        except (MalformedError, AttributeError, KeyError, TypeError, ValueError):
            raise KeyFileError(
                f"{self._path} is no journal of rotations; move it away: what is in the keyring "
                "stays, and sealwire keys rotate begins anew"
            ) from None

    def _write(self) -> None:
        content = canonical_json(
            {
                "format": FORMAT,
                "shown": dict(self.shown),
                "rotations": [
                    {
                        "old": each.old.hex(),
                        "new": each.new.hex(),
                        "overlap_s": each.overlap_s,
                        "file": each.file,
                        "rehearsed": [*sorted(each.rehearsed)],
                        "switched": each.switched,
                    }
                    for each in self.rotations
                ],
            }
        )
        write_checked(self._path, content, mode=0o600, force=True, error=KeyFileError)


def _read_one(entry: dict[str, Any]) -> Rotation:
    return Rotation(
        old=bytes.fromhex(entry["old"]),
        new=bytes.fromhex(entry["new"]),
        overlap_s=int(entry["overlap_s"]),
        file=str(entry["file"]),
        rehearsed=frozenset(map(str, entry["rehearsed"])),
        switched=int(entry["switched"]),
    )


def with_rehearsed(rotation: Rotation, audiences: set[str]) -> Rotation:
    """Give a rotation with services that have taken the new key."""
    return replace(rotation, rehearsed=rotation.rehearsed | audiences)
