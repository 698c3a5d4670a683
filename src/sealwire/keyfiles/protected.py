"""A signing key under a passphrase: Argon2id (RFC 9106) makes a key of it for AES-256-GCM.

    sealwire-protected-key-1 alice <public> argon2id <KiB> <passes> <lanes> <salt> <iv> <sealed>

Rules this module keeps:

1. It is one line of ten fields, a space between two; bytes are base64url without padding, numbers
   have no leading zero. A line has one spelling: what is read is what would be written.
2. What is sealed is the line of the plain key file, its newline included. Everything in front of
   the last field is authenticated with it, byte for byte.
3. What the file asks for is compared with the caps below before any memory is taken.
4. A wrong passphrase and a changed file have one answer, because they cannot be told apart. The key
   that comes out has to be the one whose public half stands in front: so one file cannot be made
   that opens to two keys, though AES-GCM alone would allow that.

Owner and public key are readable without the passphrase, which is how one is told which passphrase
is wanted. Until it is opened nothing proves them.
"""

from __future__ import annotations

import contextlib
import hmac
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sealwire.errors import ConfigurationError, KeyFileError, SealError
from sealwire.keyfiles.passphrases import Passphrase, reveal_passphrase
from sealwire.keyfiles.text import PROTECTED_WORD, coded, decoded, format_key, parse_key
from sealwire.keys import NAME_PATTERN, SigningKey, VerifyKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from sealwire.sshkeys import SshVerifyKey

_FUNCTION: Final = "argon2id"

SALT_BYTES: Final = 16  # RFC 9106, section 3.1, recommends 16
IV_BYTES: Final = 12
_TAG_BYTES: Final = 16
_KEY_BYTES: Final = 32

# Of the specification: what the numbers of a line may be at all (RFC 9106, section 3.1).
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
_LEAST_KIB: Final = 8

# Of this implementation.
MAX_MEMORY_KIB: Final = 1024 * 1024
"""1 GiB, what libsodium calls "sensitive"; a file must not ask for all there is."""

MAX_PASSES: Final = 10
"""At the most memory about ten seconds; a file must not be able to ask for an hour."""

LANES: Final = 1
"""What libsodium computes, so a file that says another number could not be read at all."""

_MAX_SEALED_BYTES: Final = 512
"""A key's line has at most 200 bytes."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What trying one passphrase costs whoever has the file, and opening it whoever knows it.

    Attributes:
        memory_kib: memory, KiB.
        passes: how often it is gone through.
    """

    memory_kib: int
    passes: int

    def __str__(self) -> str:
        """Give it in words: ``Argon2id 256 MiB, 3 passes``."""
        amount = self.memory_kib
        memory = f"{amount} KiB" if amount % 1024 else f"{amount // 1024} MiB"
        return f"Argon2id {memory}, {self.passes} pass{'es' if self.passes > 1 else ''}"


DEFAULT_COST: Final = Cost(256 * 1024, 3)
"""About 0.7 s; RFC 9106, section 4, recommends 64 MiB and 3 passes where memory is scarce."""

UNSAFE_COST_FOR_TESTS_ALONE: Final = Cost(_LEAST_KIB, 1)
"""Under a millisecond, for whoever opens the file and for whoever guesses."""


@dataclass(frozen=True, slots=True)
class ProtectedKey:
    """A key file under a passphrase, which was read and not opened.

    Attributes:
        public: the public half, as the file says.
        cost: what opening costs.
        salt: 16 bytes, other ones each time a file is written.
        iv: 12 bytes, likewise.
        sealed: the key's line, encrypted.
    """

    public: VerifyKey
    cost: Cost
    salt: bytes
    iv: bytes
    sealed: bytes

    @property
    def owner(self) -> str:
        """Whose key it is, as the file says."""
        return self.public.owner

    def line(self) -> str:
        """Give the line of the file, its newline included."""
        return f"{_head(self.public, self.cost, self.salt, self.iv)} {coded(self.sealed)}\n"

    def open(self, passphrase: Passphrase) -> SigningKey:
        """Give the signing key.

        Raises:
            KeyFileError: the passphrase is another one, or the file was changed; or there is not
                enough memory.
        """
        key = _opened(self, passphrase)
        if key is None:
            raise KeyFileError(
                "the passphrase is wrong, or the file was changed; try again, or put its copy back"
            )
        return key


class LockedSigner:
    """A `Signer` whose key stays under its passphrase: it says whose it is, and signs nothing.

    For whoever carries a message that was sealed before, and wants to verify the answer.
    """

    def __init__(self, public: VerifyKey | SshVerifyKey) -> None:
        """Take the public half, which says how the key would sign."""
        self.verify_key, self.algorithm = public, public.algorithm
        self.owner, self.thumbprint, self.id = public.owner, public.thumbprint, public.id
        self.fingerprint = public.fingerprint

    def __repr__(self) -> str:
        """Say whose it is."""
        return f"<LockedSigner {self.fingerprint} of {self.owner}>"

    def sign(self, signed: bytes) -> bytes:
        """Refuse.

        Raises:
            SealError: always.
        """
        raise SealError(f"the signing key of {self.owner} is under a passphrase, and not opened")


def protect(key: SigningKey, passphrase: Passphrase, cost: Cost = DEFAULT_COST) -> ProtectedKey:
    """Put a signing key under a passphrase.

    Args:
        key: the key.
        passphrase: what will open it.
        cost: what opening is to cost.

    Raises:
        KeyFileError: the cost is beyond what would be read again, or there is not enough memory.
    """
    _check_cost(cost.memory_kib, cost.passes, LANES)
    salt, iv = os.urandom(SALT_BYTES), os.urandom(IV_BYTES)
    head = _head(key.verify_key, cost, salt, iv).encode()
    cipher = _cipher(passphrase, salt, cost)
    sealed = cipher.encrypt(iv, format_key(key).encode(), head)
    return ProtectedKey(key.verify_key, cost, salt, iv, sealed)


def parse_protected(line: str) -> ProtectedKey:
    """Read the line of a protected key file, without its newline; open nothing.

    Raises:
        ConfigurationError: it is not such a line in its one spelling, or asks for too much.
    """
    fields = line.split(" ")
    if len(fields) != len(_FIELDS) or fields[0] != PROTECTED_WORD or fields[3] != _FUNCTION:
        raise KeyFileError(f"the line is not: {' '.join(_FIELDS)}; put the file's copy back")
    _, owner, public, _, memory, passes, lanes, salt, iv, sealed = fields
    if not NAME_PATTERN.fullmatch(owner):
        raise KeyFileError("the owner is not a name; put the file's copy back")
    for number in (memory, passes, lanes):
        if not _NUMBER.fullmatch(number):
            raise KeyFileError(
                "KiB, passes and lanes are not numbers from 1 on without leading zeros; put the "
                "file's copy back"
            )
    cost = Cost(int(memory), int(passes))
    _check_cost(cost.memory_kib, cost.passes, int(lanes))
    return ProtectedKey(
        VerifyKey(decoded(public), owner=owner),
        cost,
        decoded(salt, SALT_BYTES),
        decoded(iv, IV_BYTES),
        _sealed_of(sealed),
    )


_FIELDS: Final = (
    *(PROTECTED_WORD, "<owner>", "<public key>", _FUNCTION, "<KiB>", "<passes>", "<lanes>"),
    *("<salt>", "<iv>", "<sealed key>"),
)


def _sealed_of(text: str) -> bytes:
    length = len(text) * 3 // 4
    if not _TAG_BYTES < length <= _MAX_SEALED_BYTES:
        raise KeyFileError("the sealed key has no length it could have; put the file's copy back")
    return decoded(text, length)


def _check_cost(memory_kib: int, passes: int, lanes: int) -> None:
    if memory_kib > MAX_MEMORY_KIB or passes > MAX_PASSES or lanes != LANES:
        raise KeyFileError(
            f"it asks for {memory_kib} KiB of memory, {passes} passes and {lanes} lanes, and at "
            f"most {MAX_MEMORY_KIB} KiB, {MAX_PASSES} passes and {LANES} lane are given; somebody "
            "may have changed it: put its copy back"
        )
    if memory_kib < _LEAST_KIB or passes < 1:
        raise KeyFileError(
            f"Argon2id needs {_LEAST_KIB} KiB and one pass; put the file's copy back"
        )


def _head(public: VerifyKey, cost: Cost, salt: bytes, iv: bytes) -> str:
    """Give everything in front of the sealed key, which is authenticated with it."""
    numbers = f"{_FUNCTION} {cost.memory_kib} {cost.passes} {LANES}"
    names = f"{PROTECTED_WORD} {public.owner} {coded(public.public_bytes)}"
    return f"{names} {numbers} {coded(salt)} {coded(iv)}"


def _opened(protected: ProtectedKey, passphrase: Passphrase) -> SigningKey | None:
    """Open a file; give no exception that would carry the way to its key."""
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - as in `_cipher`

    cipher = _cipher(passphrase, protected.salt, protected.cost)
    head = _head(protected.public, protected.cost, protected.salt, protected.iv).encode()
    try:
        key = parse_key(cipher.decrypt(protected.iv, protected.sealed, head))
    except (InvalidTag, ConfigurationError):
        return None
    public = protected.public
    if not isinstance(key, SigningKey) or key.owner != public.owner:
        return None
    same = hmac.compare_digest(key.verify_key.public_bytes, public.public_bytes)
    return key if same else None


def _cipher(passphrase: Passphrase, salt: bytes, cost: Cost) -> AESGCM:
    """Derive the key; this is what takes time and memory."""
    # Late, because a process without such a file needs neither.
    import nacl.bindings  # noqa: PLC0415
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

    # What it raises where the memory is not to be had; as a cause it would show its arguments.
    with contextlib.suppress(RuntimeError, MemoryError):
        return AESGCM(
            nacl.bindings.crypto_pwhash_alg(
                _KEY_BYTES,
                reveal_passphrase(passphrase),
                salt,
                cost.passes,
                cost.memory_kib * 1024,
                nacl.bindings.crypto_pwhash_ALG_ARGON2ID13,
            )
        )
    raise KeyFileError(
        f"there are not {cost.memory_kib} KiB of memory to open the key with; close something, or "
        "give this process more"
    )
