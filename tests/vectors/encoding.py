"""Writing sealwire/1 by hand, without sealwire: for vectors, where every byte can be made wrong.

Nothing here is taken from the package, so that a mistake on both its sides would show. Signatures
are ``cryptography``'s, which the package does not verify with; MACs are the standard library's.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

AUDIENCE = "payments@prod"
NOW_MS = 1_800_000_000_500
NOW_S = NOW_MS // 1000
START_MS = NOW_MS - 60_000
ORDER = 2**252 + 27742317777372353535851937790883648493
PRIME = 2**255 - 19
IV = bytes(range(0xA0, 0xAC))
CTI = bytes(range(16))
JSON = "application/json"
DOCUMENT = b'{"version":1,"root":{"level":"DEBUG"}}'


# ---- CBOR ----------------------------------------------------------------------------------------


class Raw(bytes):
    """Encoded already, or wrong on purpose."""


def head(major: int, number: int, width: int | None = None) -> bytes:
    """Give a head; ``width`` makes it longer than it has to be."""
    if width is None:
        if number < 24:
            return bytes([major << 5 | number])
        width = next(each for each in (1, 2, 4, 8) if number < 1 << 8 * each)
    return bytes([major << 5 | {1: 24, 2: 25, 4: 26, 8: 27}[width]]) + number.to_bytes(width, "big")


def enc(value: Any) -> bytes:  # noqa: ANN401 - what CBOR can say, and more
    """Encode; a list of pairs inside `Pairs` keeps its order, for maps that are wrong."""
    if isinstance(value, Raw):
        return bytes(value)
    if isinstance(value, bool) or value is None:
        return {False: b"\xf4", True: b"\xf5", None: b"\xf6"}[value]
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, Pairs):
        return head(5, len(value)) + b"".join(enc(key) + enc(item) for key, item in value)
    if isinstance(value, dict):
        encoded = sorted((enc(key), enc(item)) for key, item in value.items())
        return head(5, len(encoded)) + b"".join(key + item for key, item in encoded)
    return head(4, len(value)) + b"".join(map(enc, value))


class Pairs(list[tuple[Any, Any]]):
    """A map whose entries are written as they stand."""


# ---- keys ----------------------------------------------------------------------------------------


def hkdf(secret: bytes, info: str, length: int, salt: bytes = b"") -> bytes:
    """Derive bytes (RFC 5869)."""
    pseudorandom = hmac.digest(salt or bytes(32), secret, "sha256")
    block, derived, number = b"", b"", 1
    while len(derived) < length:
        block = hmac.digest(pseudorandom, block + info.encode() + bytes([number]), "sha256")
        derived, number = derived + block, number + 1
    return derived[:length]


class Signing:
    """An Ed25519 key."""

    layer, algorithm, tag = "sign1", -19, 18

    def __init__(self, seed: bytes, owner: str = "alice") -> None:
        """Load it."""
        self.seed, self.owner = seed, owner
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self._key.public_key().public_bytes_raw()
        self.kid = hashlib.sha256(enc({1: 1, -1: 6, -2: self.public})).digest()[:8]

    def described(self) -> dict[str, str]:
        """Give what a receiver has of it."""
        return {"owner": self.owner, "public": self.public.hex()}

    def sign(self, signed: bytes) -> bytes:
        """Sign."""
        return self._key.sign(signed)

    def sign_with(self, point: bytes, signed: bytes, nonce: int = 0) -> bytes:
        """Sign with another R: ``nonce`` times the base point, and a point of small order."""
        scalar = int.from_bytes(hashlib.sha512(self.seed).digest()[:32], "little")
        scalar = scalar & 2**254 - 8 | 2**254
        digest = int.from_bytes(hashlib.sha512(point + self.public + signed).digest(), "little")
        return point + ((nonce + digest * scalar) % ORDER).to_bytes(32, "little")

    def sign_mixed(self, signed: bytes) -> bytes:
        """Sign with the R of a right signature, the point of order 2 added."""
        prefix = hashlib.sha512(self.seed).digest()[32:]
        nonce = int.from_bytes(hashlib.sha512(prefix + signed).digest(), "little")
        return self.sign_with(plus_order_2(self.sign(signed)[:32]), signed, nonce)


def ssh(*strings: bytes) -> bytes:
    """Write strings as SSH does (RFC 4251, section 5)."""
    return b"".join(len(each).to_bytes(4, "big") + each for each in strings)


class Ssh:
    """A key that signs as SSHSIG: with an application it is one in a FIDO authenticator."""

    layer, algorithm, tag = "sshsig", -70010, 18

    def __init__(self, seed: bytes, owner: str = "alice", application: bytes = b"") -> None:
        """Load it."""
        self.owner, self.application = owner, application
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self._key.public_key().public_bytes_raw()
        self.kind = b"sk-ssh-ed25519@openssh.com" if application else b"ssh-ed25519"
        self.blob = ssh(self.kind, self.public, *([application] if application else []))
        okp = enc({1: 1, -1: 6, -2: self.public})
        self.kid = hashlib.sha256(self.blob if application else okp).digest()[:8]

    def described(self) -> dict[str, str]:
        """Give what a receiver has of it."""
        described = {"owner": self.owner, "public": self.public.hex()}
        return described | {"application": self.application.decode()}

    def sign(
        self,
        signed: bytes,
        *,
        namespace: bytes = b"request@sealwire/1",
        said: bytes | None = None,
        hashed: bytes = b"sha512",
        covered: bytes | None = None,
        flags: int = 1,
        counter: int = 7,
        signature: bytes | None = None,
        magic: bytes = b"SSHSIG",
        version: int = 1,
        blob: bytes | None = None,
        reserved: bytes = b"",
        ending: bytes = b"",
        cut: int = 0,
    ) -> bytes:
        """Give an SSHSIG blob; what is given stands in the place of what is right."""
        if covered is None:
            digest = hashlib.new(hashed.decode(), signed).digest()
            covered = b"SSHSIG" + ssh(namespace, b"", hashed, digest)
        tail = bytes([flags]) + counter.to_bytes(4, "big") if self.application else b""
        if self.application:
            halves = hashlib.sha256(self.application), hashlib.sha256(covered)
            covered = halves[0].digest() + tail + halves[1].digest()
        right = ssh(self.kind, self._key.sign(covered)) + tail
        whole = magic + version.to_bytes(4, "big")
        whole += ssh(
            self.blob if blob is None else blob,
            namespace if said is None else said,
            reserved,
            hashed,
            right if signature is None else signature,
        )
        return whole[: len(whole) - cut] + ending


def plus_order_2(point: bytes) -> bytes:
    """Add the point of order 2, which makes (-x, -y) of (x, y)."""
    number = int.from_bytes(point, "little")
    return ((PRIME - number % 2**255) | (1 - (number >> 255)) << 255).to_bytes(32, "little")


class Secret:
    """A MAC or AEAD key."""

    def __init__(
        self, layer: str, secret: bytes, owner: str = "alice", audience: str = AUDIENCE
    ) -> None:
        """Load it."""
        self.layer, self.secret, self.owner, self.audience = layer, secret, owner, audience
        self.algorithm = {"mac0": 5, "encrypt0": 3}[layer]
        self.kid = hkdf(secret, "sealwire/1 kid", 32)[:8]
        self.check = hkdf(secret, "sealwire/1 key check", 32)

    def described(self) -> dict[str, str]:
        """Give what a receiver has of it."""
        return {"owner": self.owner, "audience": self.audience, "secret": self.secret.hex()}


ALICE = Signing(bytes(range(32)))
BOB = Signing(bytes(range(1, 33)), "bob")
MAC = Secret("mac0", bytes(range(32, 64)))
AEAD = Secret("encrypt0", bytes(range(64, 96)))
SSH = Ssh(bytes(range(2, 34)))
FIDO = Ssh(bytes(range(3, 35)), application=b"ssh:")
LOCAL = (ALICE,)
NETWORK = (MAC, AEAD, ALICE)


# ---- layers --------------------------------------------------------------------------------------


def bound(
    index: int,
    algorithms: list[int],
    use: str = "request",
    audience: str = AUDIENCE,
    protocol: str = "sealwire/1",
) -> bytes:
    """Give external_aad's content."""
    return enc([protocol, use, audience, index, algorithms])


def protected_of(key: Signing | Secret | Ssh) -> bytes:
    """Give the protected header as it must be."""
    header: dict[int, Any] = {1: key.algorithm, 4: key.kid}
    if isinstance(key, Secret) and key.layer == "encrypt0":
        header[-70003] = key.check
    return enc(header)


def wrap(
    key: Signing | Secret | Ssh,
    payload: bytes,
    aad: bytes,
    *,
    protected: bytes | None = None,
    unprotected: bytes | None = None,
    tag: bytes | None = None,
    array: bytes | None = None,
    framed: bytes | None = None,
    authenticator: bytes | None = None,
    iv: bytes = IV,
    tag_bytes: int = 16,
    point: bytes | None = None,
    mixed: bool = False,
    ending: bytes = b"",
    sshsig: dict[str, Any] | None = None,
) -> bytes:
    """Wrap a payload in a layer; what is given stands in the place of what is right."""
    protected = protected_of(key) if protected is None else protected
    opening = bytes([6 << 5 | {"mac0": 17, "encrypt0": 16, "sign1": 18, "sshsig": 18}[key.layer]])
    opening = opening if tag is None else tag
    if isinstance(key, Secret) and key.layer == "encrypt0":
        covered = enc(["Encrypt0", protected, aad])
        sealed = AESGCM(key.secret).encrypt(iv, payload, covered)
        sealed = sealed if authenticator is None else sealed[:-16] + authenticator
        sealed = sealed[: len(sealed) - 16 + tag_bytes]
        headers = enc({5: iv}) if unprotected is None else unprotected
        content = enc(sealed) if framed is None else framed
        start = head(4, 3) if array is None else array
        return opening + start + enc(protected) + headers + content + ending
    context = "MAC0" if key.layer == "mac0" else "Signature1"
    covered = enc([context, protected, aad, payload])
    if isinstance(key, Secret):
        right = hmac.digest(key.secret, covered, "sha256")
    elif isinstance(key, Ssh):
        right = key.sign(covered, **(sshsig or {}))
    elif mixed:
        right = key.sign_mixed(covered)
    elif point is not None:
        right = key.sign_with(point, covered)
    else:
        right = key.sign(covered)
    proof = enc(right if authenticator is None else authenticator)
    headers = b"\xa0" if unprotected is None else unprotected
    content = enc(payload) if framed is None else framed
    start = head(4, 4) if array is None else array
    return opening + start + enc(protected) + headers + content + proof + ending


def seal(
    body: bytes,
    keys: tuple[Signing | Secret | Ssh, ...] = LOCAL,
    *,
    use: str = "request",
    audience: str = AUDIENCE,
    protocol: str = "sealwire/1",
    algorithms: list[int] | None = None,
    shift: int = 0,
    at: int | None = None,
    **wrong: Any,  # noqa: ANN401 - the parts of `wrap`
) -> bytes:
    """Seal a body; ``wrong`` goes to layer ``at``, which is the innermost if nothing is said."""
    listed = [key.algorithm for key in keys] if algorithms is None else algorithms
    at = len(keys) - 1 if at is None else at
    data = body
    for index in reversed(range(len(keys))):
        aad = bound(index + shift, listed, use, audience, protocol)
        data = wrap(keys[index], data, aad, **(wrong if index == at else {}))
    return data


def claims_of(**changes: Any) -> dict[int, Any]:  # noqa: ANN401 - a claim can be anything
    """Give claims; ``None`` leaves one out. Names are those of the specification."""
    numbers = {"iss": 1, "aud": 3, "exp": 4, "iat": 6, "cti": 7, "nonce": 10}
    numbers |= {"version": -70001, "stream": -70002}
    claims: dict[str, Any] = {
        "iss": "alice",
        "aud": AUDIENCE,
        "exp": NOW_S + 300,
        "iat": NOW_S,
        "cti": CTI,
        "version": NOW_MS,
        "stream": "base",
        **changes,
    }
    return {numbers[name]: value for name, value in claims.items() if value is not None}


def body_of(document: bytes = DOCUMENT, kind: Any = JSON, **changes: Any) -> bytes:  # noqa: ANN401
    """Give a body with changed claims."""
    return enc([claims_of(**changes), kind, document])
