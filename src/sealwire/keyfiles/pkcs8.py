"""Ed25519 keys as OpenSSL writes them: PKCS#8 (RFC 5958, RFC 8410) and SubjectPublicKeyInfo.

Rules this module keeps:

1. A plain key has one spelling, which is compared: 16 or 12 fixed bytes, and the 32 of the key.
2. An encrypted one is PBES2 (RFC 8018) with AES in CBC mode and PBKDF2 or scrypt (RFC 7914); older
   ways, such as DES, are refused by name of what rewrites the file.
3. What the file asks for is compared with the caps below before anything is computed.
4. Whatever is wrong is a `KeyFileError`, and a wrong passphrase has one answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final

from sealwire.errors import KeyFileError
from sealwire.keyfiles import der
from sealwire.keyfiles.passphrases import Passphrase, reveal_passphrase

PRIVATE_HEAD: Final = bytes.fromhex("302e020100300506032b657004220420")
PUBLIC_HEAD: Final = bytes.fromhex("302a300506032b6570032100")
_KEY_BYTES: Final = 32

MAX_ITERATIONS: Final = 10_000_000
"""Some seconds; OpenSSL writes 2,048, and OWASP recommends 600,000."""

MAX_MEMORY_BYTES: Final = 1 << 30
"""What scrypt may be asked for; OpenSSL asks for 16 MiB."""

MAX_SCRYPT_LANES: Final = 16

_AES_BLOCK_BYTES: Final = 16

# Object identifiers, as DER writes them.
_PBES2: Final = bytes.fromhex("2a864886f70d01050d")
_PBKDF2: Final = bytes.fromhex("2a864886f70d01050c")
_SCRYPT: Final = bytes.fromhex("2b06010401da47040b")
_HASHES: Final = {
    bytes.fromhex("2a864886f70d0207"): "sha1",
    bytes.fromhex("2a864886f70d0209"): "sha256",
    bytes.fromhex("2a864886f70d020a"): "sha384",
    bytes.fromhex("2a864886f70d020b"): "sha512",
}
_AES_KEY_BYTES: Final = {
    bytes.fromhex("60864801650304012a"): 32,
    bytes.fromhex("608648016503040116"): 24,
    bytes.fromhex("608648016503040102"): 16,
}

_REWRITE: Final = (
    "write it anew: openssl pkcs8 -topk8 -v2 aes-256-cbc -iter 600000 -in FILE -out NEW"
)


def parse_private(content: bytes) -> bytes:
    """Give the seed of a plain Ed25519 key in PKCS#8.

    Raises:
        KeyFileError: it is another key, or another spelling.
    """
    if content[:-_KEY_BYTES] != PRIVATE_HEAD:
        del content  # a traceback may be shown with what its functions held
        raise KeyFileError(
            "it holds no Ed25519 private key in the one form of RFC 8410; make one with: sealwire "
            "keys new --owner NAME"
        )
    return content[-_KEY_BYTES:]


def parse_public(content: bytes) -> bytes:
    """Give the 32 bytes of an Ed25519 public key in SubjectPublicKeyInfo.

    Raises:
        KeyFileError: it is another key, or another spelling.
    """
    if content[:-_KEY_BYTES] != PUBLIC_HEAD:
        raise KeyFileError(
            "it holds no Ed25519 public key in the one form of RFC 8410; keys of other kinds are "
            "not used here: make one with: sealwire keys new --owner NAME"
        )
    return content[-_KEY_BYTES:]


def write_public(public: bytes) -> bytes:
    """Give an Ed25519 public key as SubjectPublicKeyInfo."""
    return PUBLIC_HEAD + public


Decrypt = Callable[[Passphrase], bytes]


def parse_encrypted(content: bytes) -> Decrypt:
    """Read an encrypted PKCS#8 key; open nothing.

    Returns:
        What takes the passphrase and gives the seed, or raises `KeyFileError`.

    Raises:
        KeyFileError: it is none, is encrypted in another way, or asks for too much.
    """
    try:
        outer = der.Reader(content)
        whole = outer.open()
        outer.end()
        how, sealed = whole.open(), whole.take(der.OCTETS)
        whole.end()
        scheme, parameters = how.take(der.OBJECT), how.open()
        how.end()
        if scheme != _PBES2:
            raise KeyFileError(f"it is encrypted in an old way; {_REWRITE}")
        derivation, encryption = parameters.open(), parameters.open()
        parameters.end()
        cipher, iv = encryption.take(der.OBJECT), encryption.take(der.OCTETS)
        encryption.end()
        length = _AES_KEY_BYTES.get(cipher, 0)
        if not length or len(iv) != _AES_BLOCK_BYTES:
            raise KeyFileError(f"it is not encrypted with AES in CBC mode; {_REWRITE}")
        derive = _derivation(derivation, length)
    except ValueError as error:
        if isinstance(error, KeyFileError):
            raise
        raise KeyFileError(
            f"it is no encrypted key in PKCS#8 ({error}); see what it is: openssl asn1parse "
            "-inform DER -in FILE"
        ) from None
    if not sealed or len(sealed) % _AES_BLOCK_BYTES:
        raise KeyFileError("what is encrypted is cut short; copy the file again")

    def decrypt(passphrase: Passphrase) -> bytes:
        seed = _decrypted(derive(passphrase), iv, sealed)
        if seed is None:
            raise KeyFileError(
                "the passphrase is wrong, or the file was changed, or holds no Ed25519 key; try "
                "again, or see what it is: openssl pkey -noout -text_pub -in FILE"
            )
        return seed

    return decrypt


def _derivation(derivation: der.Reader, length: int) -> Decrypt:
    """Read how the passphrase becomes a key of ``length`` bytes."""
    kind, parameters = derivation.take(der.OBJECT), derivation.open()
    derivation.end()
    salt = parameters.take(der.OCTETS)
    if kind == _PBKDF2:
        iterations = parameters.number()
        _check_length(parameters, length)
        name = "sha1"
        if parameters.has(der.SEQUENCE):
            function = parameters.open()
            name = _HASHES.get(function.take(der.OBJECT), "")
            if function.take(der.NULL) or not name:
                raise ValueError("an unknown hash function")
            function.end()
        parameters.end()
        if not 1 <= iterations <= MAX_ITERATIONS:
            raise KeyFileError(
                f"it asks for {iterations} iterations of PBKDF2, and {MAX_ITERATIONS} is the most; "
                f"{_REWRITE}"
            )
        return lambda given: hashlib.pbkdf2_hmac(
            name, reveal_passphrase(given), salt, iterations, length
        )
    if kind == _SCRYPT:
        cost, block, lanes = parameters.number(), parameters.number(), parameters.number()
        _check_length(parameters, length)
        parameters.end()
        _check_scrypt(cost, block, lanes)
        return lambda given: hashlib.scrypt(
            reveal_passphrase(given),
            salt=salt,
            n=cost,
            r=block,
            p=lanes,
            # A little more, for what OpenSSL counts besides.
            maxmem=2 * MAX_MEMORY_BYTES - 1,
            dklen=length,
        )
    raise ValueError("an unknown way to make a key of the passphrase")


def _check_length(parameters: der.Reader, length: int) -> None:
    if parameters.has(der.INTEGER) and parameters.number() != length:
        raise ValueError("another length than the key's")


def _check_scrypt(cost: int, block: int, lanes: int) -> None:
    """Refuse what takes too much, and what is no cost of scrypt's at all (RFC 7914, section 2)."""
    fits = block > 0 and 128 * cost * block <= MAX_MEMORY_BYTES
    if cost < 2 or cost & (cost - 1) or not fits or not 1 <= lanes <= MAX_SCRYPT_LANES:  # noqa: PLR2004 - the least power of two
        raise KeyFileError(
            f"it asks scrypt for N={cost}, r={block}, p={lanes}, which is no cost or takes over "
            f"{MAX_MEMORY_BYTES} bytes; {_REWRITE}"
        )


def _decrypted(key: bytes, iv: bytes, sealed: bytes) -> bytes | None:
    """Give the seed, or ``None``; no exception that would carry the way to it."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes  # noqa: PLC0415

    decryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
    padded = decryptor.update(sealed) + decryptor.finalize()
    count = padded[-1]
    padding_fits = 1 <= count <= _AES_BLOCK_BYTES and padded.endswith(bytes((count,)) * count)
    plain = padded[:-count] if padding_fits else b""
    if plain[:-_KEY_BYTES] != PRIVATE_HEAD:
        return None
    return plain[-_KEY_BYTES:]
