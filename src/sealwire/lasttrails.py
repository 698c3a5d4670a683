"""The last points of each host's trail, in a file: what is shown to the host, and compared.

Rules this module keeps:

1. Only what a verified receipt has shown is held, an address each, because each process of a host
   writes its own trail.
2. Reading, comparing and writing happen under one lock, so that of two commands at once neither
   forgets what the other has learned.
3. Where the file is full, hosts that are new are not held, and those that are known stay.
4. A file that is not what this module writes is refused, and not begun anew by itself: whoever
   damages it would make us forget.
"""

from __future__ import annotations

import contextlib
import os
import shlex
from typing import TYPE_CHECKING, Final

from sealwire.documents import JsonValue, canonical_json, read_json
from sealwire.errors import ConfigurationError, MalformedError, SealwireError
from sealwire.keyfiles import read_checked, write_checked
from sealwire.receipts import TrailPoint
from sealwire.sealerstate import locked
from sealwire.trailcheck import Held, judge

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from sealwire.receipts import Receipt
    from sealwire.trailcheck import Judged

NAME: Final = "trails.json"
FORMAT: Final = "sealwire-last-trails-1"
MAX_BYTES: Final = 256 * 1024
"""What `read_json` reads: some four hundred hosts."""

ROOT_BYTES: Final = 32

_Hosts = dict[str, tuple[Held, ...]]


class LastTrails:
    """The points that an operator holds."""

    def __init__(self, folder: Path) -> None:
        """Keep them in ``folder``, which is there when the first one is compared."""
        self.path = folder / NAME

    @property
    def forget(self) -> str:
        """The command that forgets them, for a trail that was begun anew on purpose."""
        return f"rm {shlex.quote(str(self.path))}"

    def points(self, any_of: Iterable[str]) -> tuple[TrailPoint, ...]:
        """Give what a host is to be shown: of several that it may be, what the last one has shown.

        Nothing where it cannot be read, which is told later.
        """
        with contextlib.suppress(OSError, SealwireError):
            hosts = self._read()
            known = [hosts[whose] for whose in any_of if whose in hosts]
            last = max(known, key=lambda held: max(each.at_ms for each in held), default=())
            return tuple(each.point for each in last)
        return ()

    def compare(self, whose: str, shown: Iterable[TrailPoint], receipt: Receipt) -> Judged:
        """Look at a verified receipt, and hold what it shows.

        Raises:
            SealwireError: the file cannot be locked, read or written, or is none of ours.
        """
        with locked(f"{self.path}.lock"):
            hosts = self._read()
            held = hosts.get(whose, ())
            judged = judge(held, shown, receipt)
            if judged.held != held:
                self._write(hosts | {whose: judged.held})
        return judged

    def _read(self) -> _Hosts:
        if not os.path.lexists(self.path):
            return {}
        content = read_checked(
            self.path, max_bytes=MAX_BYTES, error=ConfigurationError, missing="ask again"
        ).content
        with contextlib.suppress(MalformedError, KeyError, TypeError, ValueError):
            members = read_json(content)
            hosts = members["hosts"]
            if members["format"] == FORMAT and isinstance(hosts, dict):
                return {name: _held_of(points) for name, points in hosts.items()}
        raise ConfigurationError(f"{NAME} is not what sealwire keeps there; {self.forget}")

    def _write(self, hosts: _Hosts) -> None:
        written: JsonValue = {
            name: [
                {"size": each.point.size, "root": each.point.root, "at_ms": each.at_ms}
                for each in held
            ]
            for name, held in hosts.items()
        }
        content = canonical_json({"format": FORMAT, "hosts": written}) + b"\n"
        if len(content) > MAX_BYTES:
            # What is known stays known: who makes up addresses makes nobody forget.
            raise ConfigurationError(
                f"{self.path} has room for no other host than its {len(hosts) - 1}, so this one's "
                f"trail is not compared; if hosts are gone for good, begin anew: {self.forget}"
            )
        write_checked(self.path, content, mode=0o600, force=True, error=ConfigurationError)


def _held_of(points: JsonValue) -> tuple[Held, ...]:
    if not isinstance(points, list):
        raise TypeError
    return tuple(map(_one_held_of, points))


def _one_held_of(point: JsonValue) -> Held:
    if not isinstance(point, dict):
        raise TypeError
    size, root, at_ms = point["size"], point["root"], point["at_ms"]
    if type(size) is not int or type(at_ms) is not int or not isinstance(root, str):
        raise TypeError
    if len(bytes.fromhex(root)) != ROOT_BYTES:
        raise ValueError
    return Held(TrailPoint(size, root), at_ms)
