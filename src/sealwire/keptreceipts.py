"""Receipts that were kept: each with the request that it answers, to be verified again later.

Rules this module keeps:

1. A receipt is kept as it came, one file each, with what is needed to verify it again: which
   request it answers and the thumbprints of the keys, and no key. One request to several hosts has
   a receipt of each, and none takes another one's place.
2. What cannot be kept is told, and makes the request none the worse: it has been answered.
3. Of each host's trail the last points are kept that verified receipts have shown, to be shown to
   the host and compared (`lasttrails`, `trailcheck`).
4. Reads are not kept, unless they show that a trail is not what it was: they change nothing, and
   their receipts are long.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sealwire.documents import JsonValue, canonical_json, read_json
from sealwire.errors import ConfigurationError, MalformedError, SealwireError
from sealwire.keyfiles import read_checked, write_checked
from sealwire.lasttrails import NAME as TRAILS
from sealwire.lasttrails import LastTrails
from sealwire.receipts import Asked
from sealwire.results import TrailCheck
from sealwire.stages import Digest, Stream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealwire.keys import VerifyKey
    from sealwire.receipts import Receipt
    from sealwire.results import Result
    from sealwire.sent import Sent
    from sealwire.stages import TrailPoint

FORMAT: Final = "sealwire-kept-receipt-1"
MAX_KEPT_BYTES: Final = 1024 * 1024
"""A receipt has at most 260 KiB, and stands here in hex."""

_OTHER: Final = re.compile(r"[^a-zA-Z0-9]+")
"""What the name of a file does not take from an address."""

_DIGEST_CHARS: Final = 8
"""Of an address: two may look the same without what a name does not take."""

_SHOWN: Final = 8

_MOST_OF_A_NAME: Final = 100
"""Receipts of one request from one address, such as for copies of it that were sent elsewhere."""

_AGAIN: Final = ".again"
"""Follows the id where the same message was sent again, so that the first receipt stays."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A receipt that was kept.

    Attributes:
        receipt: as it came.
        asked: the request that it answers.
        encrypted_with: the thumbprint of the key under which the request was encrypted, in hex;
            ``""`` where it was not.
        verified_with: the thumbprint of the receipt key with which it was verified when it came;
            ``""`` where that was not known.
        host: who has signed it, or says so.
        outcome: what it says, to be listed without a key.
        reason: likewise.
        at_ms: likewise, the receipt's own time.
    """

    receipt: bytes
    asked: Asked
    encrypted_with: str
    verified_with: str
    host: str
    outcome: str
    reason: str
    at_ms: int


class KeptReceipts:
    """The folder in which an operator's receipts are kept."""

    def __init__(self, folder: Path, address: str = "", *, is_one_of_several: bool = False) -> None:
        """Keep them in ``folder``, which is made when the first one is kept.

        Args:
            folder: where.
            address: which of a host's processes answers; ``""`` where all of them write one trail.
            is_one_of_several: whether the same requests go to other addresses as well, so that the
                request's id alone does not name a receipt.
        """
        self.folder, self._address = folder, address
        self._is_one_of_several = is_one_of_several
        self._trails = LastTrails(folder)

    def points(self, audience: str, hosts: Sequence[str]) -> tuple[TrailPoint, ...]:
        """Give the points that a request is to show to whichever of ``hosts`` answers."""
        return self._trails.points(self._whose(audience, host) for host in hosts)

    def keep(
        self, receipt: bytes, sent: Sent, result: Result, key: VerifyKey | None, /
    ) -> tuple[TrailCheck, tuple[str, ...]]:
        """Keep a receipt; give what it shows of the trail, and what is wrong, in words."""
        said, check = result.receipt, TrailCheck.NONE
        if said is None:
            return check, ()
        alarms: list[str] = []
        try:
            self.folder.mkdir(mode=0o700, parents=False, exist_ok=True)
        except OSError as error:
            return check, (f"the receipt could not be kept: {error}",)
        try:
            if result.verified:
                whose = self._whose(sent.asked.audience, result.host)
                check, _, words = self._trails.compare(whose, sent.shown, said)
                alarms += [words] if words else []
        except (OSError, SealwireError) as error:
            alarms.append(f"the host's trail could not be compared: {error}")
        if sent.asked.stream is Stream.READ and not check.is_alarm:
            return check, tuple(alarms)
        try:
            kept = Kept(
                receipt,
                sent.asked,
                "" if sent.request_key is None else sent.request_key.thumbprint.hex(),
                key.thumbprint.hex() if result.verified and key is not None else "",
                result.host,
                said.outcome.value,
                said.reason,
                said.at_ms,
            )
            self._write_new(self._name_of(sent, said), _written(kept))
        except (OSError, SealwireError) as error:
            alarms.append(f"the receipt could not be kept: {error}")
        return check, tuple(alarms)

    def ids(self) -> list[str]:
        """Give what receipts are kept, oldest first."""
        with contextlib.suppress(OSError):
            files = [each for each in self.folder.iterdir() if _is_kept(each.name)]
            return [each.stem for each in sorted(files, key=lambda each: each.stat().st_mtime)]
        return []

    def load(self, name: str) -> Kept:
        """Load a receipt by its request's id, or the beginning of it.

        Raises:
            ConfigurationError: there is none or there are several, or it cannot be read.
        """
        found = [each for each in self.ids() if each.startswith(name)]
        exact = [each for each in found if each == name]
        if len(exact or found) != 1:
            if not found:
                raise ConfigurationError(
                    f"no receipt is kept that begins with {name}; list them: sealwire receipts list"
                )
            raise ConfigurationError(
                f"{len(found)} receipts begin with {name}; name one: {', '.join(found[:_SHOWN])}"
            )
        return load_kept(self.folder / f"{(exact or found)[0]}.json")

    def _name_of(self, sent: Sent, receipt: Receipt) -> str:
        address = ""
        if self._is_one_of_several:
            digest = hashlib.sha256(self._address.encode()).hexdigest()[:_DIGEST_CHARS]
            address = f".{_OTHER.sub('-', self._address)}-{digest}"
        return f"{sent.asked.id.hex()}{address}{_AGAIN if receipt.repeated else ''}"

    def _whose(self, audience: str, host: str) -> str:
        return f"{audience} {host} {self._address}".rstrip()

    def _write_new(self, name: str, content: bytes) -> None:
        """Write a file beside those that are there: no receipt takes another one's place."""
        for number in range(1, _MOST_OF_A_NAME):
            path = self.folder / (f"{name}.{number}.json" if number > 1 else f"{name}.json")
            if os.path.lexists(path):
                if _read(path) == content:
                    return
                continue
            write_checked(path, content, mode=0o600, force=False, error=ConfigurationError)
            return
        raise ConfigurationError(f"{self.folder} holds {number} receipts of {name}; move some away")


def load_kept(path: Path) -> Kept:
    """Load a receipt from the file in which it was kept.

    Raises:
        ConfigurationError: it cannot be read, others can write it, or it is no such file.
    """
    with contextlib.suppress(MalformedError, KeyError, TypeError, ValueError):
        return _kept_of(read_json(_read(path)))
    raise ConfigurationError(f"{path} is no receipt that sealwire has kept")


def _read(path: Path) -> bytes:
    return read_checked(
        path, max_bytes=MAX_KEPT_BYTES, error=ConfigurationError, missing="see what there is"
    ).content


def _is_kept(name: str) -> bool:
    return name.endswith(".json") and name != TRAILS


def _written(kept: Kept) -> bytes:
    asked = kept.asked
    members: dict[str, JsonValue] = {
        "format": FORMAT,
        "receipt": kept.receipt.hex(),
        "audience": asked.audience,
        "stream": asked.stream.value,
        "id": asked.id.hex(),
        "digest": asked.digest.hex(),
        "encrypted_with": kept.encrypted_with,
        "verified_with": kept.verified_with,
        "host": kept.host,
        "outcome": kept.outcome,
        "reason": kept.reason,
        "at_ms": kept.at_ms,
    }
    return canonical_json(members) + b"\n"


def _kept_of(members: dict[str, JsonValue]) -> Kept:
    """Take a document as a receipt that was kept, or raise something that says that it is none."""
    at_ms = members.pop("at_ms")
    texts = {name: value for name, value in members.items() if isinstance(value, str)}
    if type(at_ms) is not int or texts.pop("format") != FORMAT:
        raise ValueError
    return Kept(
        bytes.fromhex(texts["receipt"]),
        Asked(
            texts["audience"],
            Stream(texts["stream"]),
            bytes.fromhex(texts["id"]),
            Digest(bytes.fromhex(texts["digest"])),
        ),
        texts["encrypted_with"],
        texts["verified_with"],
        texts["host"],
        texts["outcome"],
        texts["reason"],
        at_ms,
    )
