"""Checkpoints: a tree's size and root, signed (C2SP tlog-checkpoint, in a C2SP signed-note).

    sealwire/payments@prod/5e0c1d7a90b2f344
    1204
    2HkF3AfcE5vYzJfB9q+2x7vZ9FqVYl0zN6o5b6n0rJM=

    — sealwire/payments@prod/5e0c1d7a90b2f344 Az3grl…

Rules this module keeps:

1. The first line, the origin, is ``sealwire/AUDIENCE/TRAIL``: the trail's own name, since each host
   has a trail of its own and one audience many hosts. The key in a signature has the same name.
2. A note has one spelling. What was read is written again as the same bytes, or it is refused.
3. Of the signatures, those by other keys (a witness) are passed over; one by our key, which its
   name and its four bytes of id say, must verify, and stands there once.

The bytes that are signed begin with ``sealwire/`` and those of a sealed message never do (they are
CBOR arrays), so that no signature of the one kind can stand for one of the other.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from sealwire.errors import StateError, shorten
from sealwire.keys import NAME_PATTERN
from sealwire.trail.merkle import HASH_BYTES, MAX_SIZE

if TYPE_CHECKING:
    from sealwire.keys import SigningKey, VerifyKey

MAX_SIGNATURES: Final = 16
"""The log's own and those of its witnesses; the specification asks for at least 16."""

MAX_NOTE_BYTES: Final = 128 * 1024
"""A post-quantum signature of a witness has nearly 5,000 bytes, and there may be sixteen."""

TRAIL_NAME: Final = re.compile(r"[0-9a-f]{16}")

_ED25519: Final = b"\x01"
_ID_BYTES: Final = 4
_MAX_NAME_CHARS: Final = 256
_MAX_SIGNATURE_BYTES: Final = 5000
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
# A name in a note has no space of any kind and no plus.
_NAME: Final = re.compile(r"[^\s+\x00-\x1f\x7f]+")


class CheckpointError(StateError):
    """What was read is no checkpoint, or not one by this key."""


class Signature(NamedTuple):
    """One signature line: who signed, by name and the bytes behind it (id, then signature)."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How large a trail is, and the root over all its records.

    Attributes:
        origin: which trail; see `origin_of`.
        size: how many records.
        root: the root of RFC 9162 over them.
    """

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """Give what is signed; it ends with a newline."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    def sign(self, key: SigningKey) -> Note:
        """Sign with the host's key."""
        content = key_id(self.origin, key.verify_key) + key.sign(self.text().encode())
        return Note(self, (Signature(self.origin, content),))


@dataclass(frozen=True, slots=True)
class Note:
    """A checkpoint with its signatures, of which none is verified yet.

    Attributes:
        checkpoint: what they say was signed.
        signatures: at least one, in their order.
    """

    checkpoint: Checkpoint
    signatures: tuple[Signature, ...]

    def encode(self) -> bytes:
        """Write the note."""
        lines = [
            f"— {each.name} {base64.b64encode(each.content).decode()}\n" for each in self.signatures
        ]
        return f"{self.checkpoint.text()}\n{''.join(lines)}".encode()

    def verify(self, *keys: VerifyKey) -> Checkpoint:
        """Give the checkpoint if one of ``keys`` signed it.

        Args:
            keys: the host's key, and those it had before.

        Raises:
            CheckpointError: none did, or a signature that names one of them does not verify.
        """
        checkpoint, signed = self.checkpoint, 0
        text = checkpoint.text().encode()
        for key in keys:
            wanted = (checkpoint.origin, key_id(checkpoint.origin, key))
            mine = [each for name, each in self.signatures if (name, each[:_ID_BYTES]) == wanted]
            if len(mine) > 1 or not all(key.verifies(text, each[_ID_BYTES:]) for each in mine):
                raise CheckpointError(
                    f"the signature of the checkpoint of {checkpoint.size} records is not good"
                )
            signed += len(mine)
        if not signed:
            raise CheckpointError(
                f"the checkpoint of {checkpoint.size} records is not signed by a key that was "
                "given; name the key that the host had then with --key"
            )
        return checkpoint


def origin_of(audience: str, trail: str) -> str:
    """Give the origin of a trail's checkpoints (rule 1).

    Args:
        audience: which service.
        trail: sixteen hexadecimal digits that its first record gives it.
    """
    return f"sealwire/{audience}/{trail}"


def key_id(name: str, key: VerifyKey) -> bytes:
    """Give the four bytes that say which key signed a note; a hint, as every key id."""
    named = name.encode() + b"\n" + _ED25519 + key.public_bytes
    return hashlib.sha256(named).digest()[:_ID_BYTES]


def parse_note(data: bytes) -> Note:
    """Read a signed checkpoint; nothing is verified yet.

    Raises:
        CheckpointError: anything but one note in its one spelling (rule 2).
    """
    if len(data) > MAX_NOTE_BYTES:
        raise CheckpointError(f"a checkpoint has at most {MAX_NOTE_BYTES} bytes")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise CheckpointError("a checkpoint is text in UTF-8") from None
    body, separator, rest = text.partition("\n\n")
    lines = body.split("\n")
    if not separator or len(lines) != 3:  # noqa: PLR2004 - origin, size, root
        raise CheckpointError("a checkpoint is an origin, a size and a root, and then signatures")
    note = Note(_read_checkpoint(*lines), _read_signatures(rest))
    if note.encode() != data:
        raise CheckpointError("the checkpoint is not in its one spelling")
    return note


def _read_checkpoint(origin: str, size: str, root: str) -> Checkpoint:
    prefix, _, name = origin.partition("/")
    audience, _, trail = name.rpartition("/")
    if (
        prefix != "sealwire"
        or not NAME_PATTERN.fullmatch(audience)
        or not TRAIL_NAME.fullmatch(trail)
    ):
        raise CheckpointError(f"{shorten(origin)} is not the origin of a trail")
    if not _SIZE.fullmatch(size) or int(size) > MAX_SIZE:
        raise CheckpointError(f"{shorten(size)} is not a size")
    decoded = _decoded(root)
    if len(decoded) != HASH_BYTES:
        raise CheckpointError(f"a root has {HASH_BYTES} bytes")
    return Checkpoint(origin, int(size), decoded)


def _read_signatures(text: str) -> tuple[Signature, ...]:
    *lines, end = text.split("\n")
    if end or not 1 <= len(lines) <= MAX_SIGNATURES:
        raise CheckpointError(f"a checkpoint has 1 to {MAX_SIGNATURES} lines of signatures")
    return tuple(map(_read_signature, lines))


def _read_signature(line: str) -> Signature:
    dash, _, rest = line.partition(" ")
    name, _, coded = rest.partition(" ")
    if dash != "—" or len(name) > _MAX_NAME_CHARS or not _NAME.fullmatch(name):
        raise CheckpointError("a line of signatures is a dash, a name and bytes in base64")
    content = _decoded(coded)
    if not _ID_BYTES < len(content) <= _MAX_SIGNATURE_BYTES:
        raise CheckpointError("a signature has a key id and something behind it")
    return Signature(name, content)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise CheckpointError("what is due in base64 is not") from None
