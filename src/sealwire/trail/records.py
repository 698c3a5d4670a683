"""Records: an event with its number, its time and its boot, as one line of canonical JSON.

Rules this module keeps:

1. ``parse_record(x).encode() == x``: a record has one spelling, and what is in another is refused.
2. The bytes of a record without the newline behind it are the leaf of the Merkle tree.
3. A record has at most `MAX_RECORD_BYTES`, and says its own number, ``seq``: the place it had when
   it was written.
4. A string that is not for reading stands as a salted hash (`salted`). The salt is 32 random bytes
   for each trail. It is kept beside the trail and goes to whoever has to compare strings; without
   it nobody can try out what a hash may stand for.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Final

from sealwire.documents import read_json
from sealwire.errors import MalformedError, StateError
from sealwire.trail.events import EVENTS, Event
from sealwire.trail.forms import MAX_TEXT_CHARS, MOMENT, number, pattern, read_fields, write_fields

MAX_RECORD_BYTES: Final = 256 * 1024
"""What strict JSON takes at most. `MAX_ENTRIES` changes of usual names have a third of it."""

SALT_BYTES: Final = 32

# What `canonical_json` gives, and a test compares. The keys of a record are ASCII, so they sort as
# they are, and its forms let no float in, so nothing has to be looked at again.
_canonical: Final = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, sort_keys=True, separators=(",", ":")
).encode

_BOOT: Final = pattern(r"[0-9a-f-]{0,36}")
_SEQ: Final = number()
_COMMON: Final = {"at", "boot", "kind", "seq"}


class RecordError(StateError):
    """What was read is no record, or what is to be written would be none."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a trail.

    Attributes:
        seq: its number, from 0.
        at: when it was written, milliseconds since the epoch.
        boot: the boot of the machine, in the system's own words; ``""`` where it has none. Within
            one boot, times can be compared with how long the machine ran.
        event: what happened.
    """

    seq: int
    at: int
    boot: str
    event: Event

    def encode(self) -> bytes:
        """Write the record, without a newline.

        Raises:
            RecordError: a value is beyond its limits, or the whole is.
        """
        try:
            entries = write_fields(self.event)
            entries["at"] = MOMENT.write(self.at)
            entries["boot"] = _BOOT.write(self.boot)
            entries["kind"] = self.event.kind
            entries["seq"] = _SEQ.write(self.seq)
            data = _canonical(entries).encode()
        except ValueError as error:
            raise RecordError(f"a record of kind {self.event.kind}: {error}") from None
        if len(data) > MAX_RECORD_BYTES:
            raise RecordError(f"a record has at most {MAX_RECORD_BYTES} bytes")
        return data


def parse_record(data: bytes) -> Record:
    """Read a record, given without its newline.

    Raises:
        RecordError: anything but one record in its one spelling.
    """
    try:
        entries = read_json(data)
        kind = EVENTS.get(str(entries["kind"]))
        if kind is None:
            raise RecordError("a record of a kind that is not known; a newer version may read it")
        event = read_fields(
            kind, {name: value for name, value in entries.items() if name not in _COMMON}
        )
        record = Record(
            _SEQ.read(entries["seq"]),
            MOMENT.read(entries["at"]),
            _BOOT.read(entries["boot"]),
            event,
        )
    except MalformedError as error:
        raise RecordError(f"not a record: {error.detail}") from None
    except KeyError as error:
        raise RecordError(f"not a record: {error} is missing") from None
    except ValueError as error:
        raise RecordError(f"not a record: {error}") from None
    if record.encode() != data:
        raise RecordError("not a record: not in its one spelling")
    return record


def numbered(line: bytes, seq: int) -> bool:
    """Whether a line, if it is a record at all, says that it is number ``seq``.

    This looks for the bytes that can stand nowhere else in a canonical record: within a string a
    quotation mark has a backslash in front of it.
    """
    # "at" and "boot" sort before "seq", so there is always a comma in front of it.
    found = line.find(b',"seq":%d' % seq)
    if found < 0:
        return False
    end = found + 7 + len(str(seq))
    return line[end : end + 1] in {b",", b"}"}


def salted(salt: bytes, value: str) -> str:
    """Give the salted hash of a string (rule 4), as it stands in a record."""
    digest = hmac.digest(salt, value.encode("utf-8", "surrogatepass"), "sha256")
    return f"hmac-sha256:{digest.hex()}"


def salt_check(salt: bytes) -> str:
    """Give what the first record of a trail says of its salt, by which a salt is known to be it."""
    return hashlib.sha256(b"sealwire/1 trail salt\n" + salt).hexdigest()


def clipped(value: str, limit: int = MAX_TEXT_CHARS) -> str:
    """Give a text that a record can hold: cut to its limit, and without half characters."""
    whole = value.encode("utf-8", "backslashreplace").decode()
    return whole if len(whole) <= limit else whole[: limit - 1] + "…"
