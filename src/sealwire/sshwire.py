"""The bytes of SSH that we read and write: strings, keys, signatures, and SSHSIG around them.

Rules this module keeps:

1. What is read is read whole: every length is within its cap, nothing trails, and writing again
   what was read gives the same bytes.
2. Two kinds of key are known: ``ssh-ed25519`` (RFC 8709) and ``sk-ssh-ed25519@openssh.com``, whose
   private half is in a FIDO authenticator (OpenSSH, ``PROTOCOL.u2f``).
3. An SSHSIG blob (OpenSSH, ``PROTOCOL.sshsig``) has version 1, an empty reserved field and SHA-512.
   OpenSSH takes SHA-256 and version 0 too, and what stands in the reserved field; here there is
   one form.

Nothing is verified here, and nothing here holds a private key.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Final, NamedTuple

from sealwire.errors import MalformedError, Reason, Stage, shorten

ED25519: Final = "ssh-ed25519"
SK_ED25519: Final = "sk-ssh-ed25519@openssh.com"

PUBLIC_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64

SSHSIG_MAGIC: Final = b"SSHSIG"
SSHSIG_VERSION: Final = 1
SSHSIG_HASH: Final = "sha512"

MAX_STRING_BYTES: Final = 1024
"""The longest string here is a key's blob, which has 63 bytes and its application."""

MAX_APPLICATION_BYTES: Final = 255
"""What OpenSSH writes is ``ssh:``, and a few words behind it where a user asked for them."""

_UINT32: Final = 4


class Reader:
    """Reads SSH's data types (RFC 4251, section 5) from the front; `check_end` comes last."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        """Read ``data``."""
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        """Read ``count`` bytes.

        Raises:
            MalformedError: there are fewer.
        """
        taken = self._data[self._at : self._at + count]
        if len(taken) != count:
            raise _malformed("truncated")
        self._at += count
        return taken

    def byte(self) -> int:
        """Read one byte, as a number."""
        return self.take(1)[0]

    def uint32(self) -> int:
        """Read a number of four bytes."""
        return int.from_bytes(self.take(_UINT32))

    def string(self, max_bytes: int = MAX_STRING_BYTES) -> bytes:
        """Read a string: its length in four bytes, then as many bytes.

        Raises:
            MalformedError: it is longer than ``max_bytes``, or truncated.
        """
        length = self.uint32()
        if length > max_bytes:
            raise _malformed(f"a string of {length} bytes, where {max_bytes} are the most")
        return self.take(length)

    def text(self, max_bytes: int = MAX_STRING_BYTES) -> str:
        """Read a string of printable ASCII without spaces, such as a name.

        Raises:
            MalformedError: as `string`, or there are other bytes in it.
        """
        raw = self.string(max_bytes)
        if not all(0x20 < each < 0x7F for each in raw):  # noqa: PLR2004 - the ends of printable ASCII
            raise _malformed(f"{shorten(raw)} is no name")
        return raw.decode()

    def check_end(self) -> None:
        """Check that nothing trails.

        Raises:
            MalformedError: something does.
        """
        if self._at != len(self._data):
            raise _malformed("bytes trail")


def string(value: bytes | str) -> bytes:
    """Write a string."""
    raw = value.encode() if isinstance(value, str) else value
    return len(raw).to_bytes(_UINT32) + raw


class PublicKey(NamedTuple):
    """A public key as SSH writes it.

    Attributes:
        kind: `ED25519` or `SK_ED25519`.
        public: 32 bytes (RFC 8032), not looked at here.
        application: for whom an authenticator made the key, such as ``ssh:``; ``""`` for
            `ED25519`, which has none.
    """

    kind: str
    public: bytes
    application: str = ""

    @classmethod
    def parse(cls, blob: bytes) -> PublicKey:
        """Read a key's blob.

        Raises:
            MalformedError: another kind of key, or not exactly one.
        """
        reader = Reader(blob)
        kind = reader.text()
        if kind not in {ED25519, SK_ED25519}:
            raise _malformed(f"a key of kind {shorten(kind)}, and not {ED25519} or {SK_ED25519}")
        public = reader.string()
        if len(public) != PUBLIC_BYTES:
            raise _malformed(f"a key of {len(public)} bytes, and not {PUBLIC_BYTES}")
        application = reader.text(MAX_APPLICATION_BYTES) if kind == SK_ED25519 else ""
        reader.check_end()
        return cls(kind, public, application)

    def encode(self) -> bytes:
        """Give the key's blob, the mirror of `parse`."""
        front = string(self.kind) + string(self.public)
        return front + string(self.application) if self.in_authenticator else front

    @property
    def in_authenticator(self) -> bool:
        """Whether the private half is in a FIDO authenticator."""
        return self.kind == SK_ED25519

    @property
    def fingerprint(self) -> str:
        """The fingerprint as ``ssh-add -l`` prints it: ``SHA256:…``."""
        digest = hashlib.sha256(self.encode()).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


class Signature(NamedTuple):
    """A signature as SSH writes it.

    Attributes:
        kind: the kind of the key that made it.
        value: 64 bytes (RFC 8032).
        flags: what an authenticator says of how it was asked; 0 for `ED25519`.
        counter: how many signatures it says it has made; 0 for `ED25519`.
    """

    kind: str
    value: bytes
    flags: int = 0
    counter: int = 0

    @classmethod
    def parse(cls, blob: bytes) -> Signature:
        """Read a signature's blob.

        Raises:
            MalformedError: another kind, or not exactly one.
        """
        reader = Reader(blob)
        kind = reader.text()
        if kind not in {ED25519, SK_ED25519}:
            raise _malformed(f"a signature of kind {shorten(kind)}")
        value = reader.string()
        if len(value) != SIGNATURE_BYTES:
            raise _malformed(f"a signature of {len(value)} bytes, and not {SIGNATURE_BYTES}")
        flags, counter = (reader.byte(), reader.uint32()) if kind == SK_ED25519 else (0, 0)
        reader.check_end()
        return cls(kind, value, flags, counter)

    def encode(self) -> bytes:
        """Give the signature's blob, the mirror of `parse`."""
        front = string(self.kind) + string(self.value)
        if self.kind != SK_ED25519:
            return front
        return front + bytes((self.flags,)) + self.counter.to_bytes(_UINT32)


class Sshsig(NamedTuple):
    """An SSHSIG blob: a signature, the key that is said to have made it, and for what.

    Attributes:
        public_key: the key.
        namespace: for what the signature was made.
        signature: the signature, over `signed_data`.
    """

    public_key: PublicKey
    namespace: str
    signature: Signature

    @classmethod
    def parse(cls, blob: bytes) -> Sshsig:
        """Read an SSHSIG blob.

        Raises:
            MalformedError: not exactly one in the form of rule 3.
        """
        reader = Reader(blob)
        if reader.take(len(SSHSIG_MAGIC)) != SSHSIG_MAGIC or reader.uint32() != SSHSIG_VERSION:
            raise _malformed(f"no SSHSIG of version {SSHSIG_VERSION}")
        public_key = PublicKey.parse(reader.string())
        namespace = reader.text()
        if not namespace:
            raise _malformed("an SSHSIG for nothing: its namespace is empty")
        if reader.string():
            raise _malformed("an SSHSIG whose reserved field is not empty")
        if (hashed := reader.string()) != SSHSIG_HASH.encode():
            raise _malformed(f"an SSHSIG over {shorten(hashed)}, and not {SSHSIG_HASH}")
        signature = Signature.parse(reader.string())
        reader.check_end()
        if signature.kind != public_key.kind:
            raise _malformed(f"an SSHSIG of a key {public_key.kind} and a {signature.kind}")
        return cls(public_key, namespace, signature)

    def encode(self) -> bytes:
        """Give the SSHSIG blob, the mirror of `parse`."""
        return b"".join(
            (
                SSHSIG_MAGIC,
                SSHSIG_VERSION.to_bytes(_UINT32),
                string(self.public_key.encode()),
                string(self.namespace),
                string(""),
                string(SSHSIG_HASH),
                string(self.signature.encode()),
            )
        )


def signed_data(namespace: str, message: bytes) -> bytes:
    """Give what a key signs when it makes an SSHSIG over ``message`` (``PROTOCOL.sshsig``)."""
    hashed = hashlib.sha512(message).digest()
    return b"".join(
        (SSHSIG_MAGIC, string(namespace), string(""), string(SSHSIG_HASH), string(hashed))
    )


def authenticator_data(application: str, flags: int, counter: int, signed: bytes) -> bytes:
    """Give what an authenticator signs when it is asked to sign ``signed`` (``PROTOCOL.u2f``)."""
    return (
        hashlib.sha256(application.encode()).digest()
        + bytes((flags,))
        + counter.to_bytes(_UINT32)
        + hashlib.sha256(signed).digest()
    )


def _malformed(what: str) -> MalformedError:
    return MalformedError(Reason.ENVELOPE_MALFORMED, Stage.LAYER, f"ssh: {what}")
