"""Ed25519 private keys as OpenSSH writes them (its PROTOCOL.key), and its public lines.

Rules this module keeps:

1. Every length is checked, nothing trails, and the padding is what OpenSSH writes. The public key
   stands there three times, and has to be the private key's each time.
2. An encrypted file is one of ``aes256-ctr`` with ``bcrypt``, which is what ssh-keygen writes.
3. How often bcrypt is to run is capped before it runs.
4. Whatever is wrong is a `KeyFileError`, and a wrong passphrase has one answer.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Final

from sealwire.errors import KeyFileError
from sealwire.keyfiles.passphrases import Passphrase, reveal_passphrase
from sealwire.keys import SigningKey, VerifyKey

_MAGIC: Final = b"openssh-key-v1\0"
_KIND: Final = b"ssh-ed25519"
_KEY_BYTES: Final = 32
_SALT_BYTES: Final = 16
_AES_KEY_BYTES, _AES_BLOCK_BYTES = 32, 16
_PLAIN_BLOCK_BYTES: Final = 8

MAX_ROUNDS: Final = 1000
"""Some seconds; ssh-keygen writes 16 or 24, and 100 where somebody is careful."""

_REWRITE: Final = "write it anew: ssh-keygen -p -f FILE"


def public_line(key: VerifyKey) -> str:
    """Give the line that OpenSSH reads, with the owner as its comment and its newline."""
    blob = _string(_KIND) + _string(key.public_bytes)
    return f"ssh-ed25519 {base64.b64encode(blob).decode()} {key.owner}\n"


def parse_private(content: bytes) -> Private:
    """Read what stands in a file of OpenSSH's, decoded; open nothing.

    Returns:
        What takes the passphrase, or ``None`` where the file has none, and gives the seed.

    Raises:
        KeyFileError: it is none, or is encrypted in another way, or asks for too much.
    """
    if not content.startswith(_MAGIC):
        raise KeyFileError("it does not begin as OpenSSH's private keys do; copy the file again")
    reader = _Reader(content.removeprefix(_MAGIC))
    cipher, function, options = reader.string(), reader.string(), reader.string()
    if reader.number() != 1:
        raise KeyFileError("it holds more than one key; write each to a file of its own")
    public, sealed = reader.string(), reader.string()
    if not public.startswith(_string(_KIND)):
        raise KeyFileError(
            "it holds no Ed25519 key, and keys of other kinds are not used here; make one with: "
            "sealwire keys new --owner NAME"
        )
    plain = (cipher, function, options) == (b"none", b"none", b"")
    if not plain and (cipher, function) != (b"aes256-ctr", b"bcrypt"):
        raise KeyFileError(f"it is not encrypted as ssh-keygen does by default; {_REWRITE}")
    reader.end()
    if plain:
        return Private(lambda _: sealed, public, _PLAIN_BLOCK_BYTES, needs_passphrase=False)
    parameters = _Reader(options)
    salt, rounds = parameters.string(), parameters.number()
    parameters.end()
    if len(salt) != _SALT_BYTES or not 1 <= rounds <= MAX_ROUNDS:
        raise KeyFileError(
            f"it asks for {rounds} rounds of bcrypt with {len(salt)} bytes of salt, and 1 to "
            f"{MAX_ROUNDS} with {_SALT_BYTES} are computed; {_REWRITE}"
        )

    def decrypt(passphrase: Passphrase) -> bytes:
        return _decrypted(passphrase, salt, rounds, sealed)

    return Private(decrypt, public, _AES_BLOCK_BYTES, needs_passphrase=True)


class Private:
    """A private key that was read and not opened.

    Attributes:
        needs_passphrase: whether the file is under one.
    """

    def __init__(
        self,
        decrypt: Callable[[Passphrase], bytes],
        public: bytes,
        block_bytes: int,
        *,
        needs_passphrase: bool,
    ) -> None:
        """Take what opens it, and what stands in the clear."""
        self._decrypt, self._public, self._block_bytes = decrypt, public, block_bytes
        self.needs_passphrase = needs_passphrase

    def __call__(self, passphrase: Passphrase | None) -> bytes:
        """Give the seed.

        Raises:
            KeyFileError: the passphrase is wrong, or the file was changed.
        """
        seed = _seed_of(self._decrypt(passphrase or _NONE), self._public, self._block_bytes)
        if seed is None:
            what = "the passphrase is wrong, or the file was changed; try again"
            raise KeyFileError(what if self.needs_passphrase else f"it is damaged; {_AGAIN}")
        return seed


_NONE: Final = Passphrase(b"none")
_AGAIN: Final = "copy the file again"


def _decrypted(passphrase: Passphrase, salt: bytes, rounds: int, sealed: bytes) -> bytes:
    try:
        import bcrypt  # noqa: PLC0415 - an extra
    except ImportError:
        raise KeyFileError(
            "it is encrypted with bcrypt, for which a package is missing; install it: pip install "
            '"sealwire[openssh]"'
        ) from None
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes  # noqa: PLC0415

    if len(sealed) % _AES_BLOCK_BYTES:
        raise KeyFileError(f"what is encrypted is cut short; {_AGAIN}")
    derived = bcrypt.kdf(
        reveal_passphrase(passphrase),
        salt,
        _AES_KEY_BYTES + _AES_BLOCK_BYTES,
        rounds,
        ignore_few_rounds=True,
    )
    key, counter = derived[:_AES_KEY_BYTES], derived[_AES_KEY_BYTES:]
    decryptor = Cipher(algorithms.AES(key), modes.CTR(counter)).decryptor()
    return decryptor.update(sealed) + decryptor.finalize()


def _seed_of(plain: bytes, public: bytes, block_bytes: int) -> bytes | None:
    """Give the seed, or ``None`` where what was decrypted is not OpenSSH's; raise nothing."""
    try:
        reader = _Reader(plain)
        same = reader.number() == reader.number()
        kind, inner, private, _ = (reader.string() for _ in range(4))
        padding = reader.rest()
    except KeyFileError:
        return None
    fits = len(plain) % block_bytes == 0 and len(padding) < block_bytes
    if not same or not fits or padding != bytes(range(1, len(padding) + 1)):
        return None
    if len(private) != 2 * _KEY_BYTES or private[_KEY_BYTES:] != inner or kind != _KIND:
        return None
    seed = private[:_KEY_BYTES]
    made = SigningKey(seed, owner="imported").verify_key.public_bytes
    return seed if made == inner and public == _string(_KIND) + _string(inner) else None


def _string(content: bytes) -> bytes:
    return len(content).to_bytes(4) + content


class _Reader:
    """Takes strings and numbers from the front (RFC 4251, section 5)."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def number(self) -> int:
        return int.from_bytes(self._next(4))

    def string(self) -> bytes:
        return self._next(self.number())

    def rest(self) -> bytes:
        return self._next(len(self._data) - self._at)

    def end(self) -> None:
        if self.rest():
            raise KeyFileError(f"something follows the key; {_AGAIN}")

    def _next(self, count: int) -> bytes:
        part = self._data[self._at : self._at + count]
        if len(part) != count:
            raise KeyFileError(f"it is cut short; {_AGAIN}")
        self._at += count
        return part
