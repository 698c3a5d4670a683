"""The others, each doing its nearest work: what it seals with, and what it opens.

Rules this module keeps:

1. Each is used as its documentation says, with keys that are loaded beforehand, and the algorithms
   it may take fixed where it lets one fix them.
2. Who can sign and encrypt does both; who cannot does what it can, and the table says so.
3. Beside each stand the primitives that it cannot save, on its own backend, over the bytes it has.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from importlib.metadata import version
from typing import TYPE_CHECKING, NamedTuple

import cwt
import itsdangerous
import jwcrypto.jwe
import jwcrypto.jwk
import jwcrypto.jws
import nacl.signing
import pycose.algorithms
import pycose.headers
import pycose.keys
import pycose.keys.curves
import pycose.messages
import pyseto
from Cryptodome.Cipher import ChaCha20
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from joserfc import jwe as joserfc_jwe
from joserfc import jws as joserfc_jws
from joserfc.jwk import OctKey, OKPKey
from jwt.api_jws import PyJWS
from securesystemslib.dsse import Envelope
from securesystemslib.signer import CryptoSigner

from benchmarks.operators import Operator
from sealwire import wall_clock_ms
from sealwire.state import AdmissionState

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = secrets.token_bytes(32)
SEED = secrets.token_bytes(32)
SIGNING = Ed25519PrivateKey.from_private_bytes(SEED)
VERIFYING = SIGNING.public_key()
LIFETIME_S = 300


class Contestant(NamedTuple):
    """One way of sealing.

    Attributes:
        name: whose.
        does: what a message that it opens has passed.
        seal: from a document to a sealed message.
        open: back; raises where the message is not good.
        raw: the primitives of opening, and nothing else.
        packages: whose lines are counted when a message is refused.
        imports: what a program has to import for it.
        peer: whether the goal compares it: it signs, and does no more than we do.
    """

    name: str
    does: str
    seal: Callable[[bytes], bytes]
    open: Callable[[bytes], bytes]
    raw: Callable[[bytes], Callable[[], object]]
    packages: tuple[str, ...]
    imports: str
    peer: bool = True


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _primitives(*steps: Callable[[], object]) -> Callable[[], object]:
    def all_of_them() -> None:
        for step in steps:
            step()

    return all_of_them


def _gcm(length: int) -> Callable[[], object]:
    cipher, iv, aad = AESGCM(SECRET), bytes(12), bytes(60)
    sealed = cipher.encrypt(iv, bytes(length), aad)
    return lambda: cipher.decrypt(iv, sealed, aad)


def _verify(length: int) -> Callable[[], object]:
    signed = bytes(length)
    signature = SIGNING.sign(signed)
    return lambda: VERIFYING.verify(signature, signed)


def _verify_nacl(length: int) -> Callable[[], object]:
    signed, key = bytes(length), nacl.signing.SigningKey(SEED)
    signature, verifying = key.sign(signed).signature, key.verify_key
    return lambda: verifying.verify(signed, signature)


def _mac(length: int) -> Callable[[], object]:
    covered = bytes(length)
    return lambda: hmac.digest(SECRET, covered, "sha256")


def _ours(name: str, *, network: bool) -> Contestant:
    operator = Operator()
    chain = operator.network_chain() if network else operator.local_chain()
    sealer = operator.network_sealer() if network else operator.local_sealer()
    memory = AdmissionState(start_ms=wall_clock_ms() - 1000)

    def open_it(sealed: bytes) -> bytes:
        # A clock a little ahead of every message that was sealed in a hurry.
        now_ms = wall_clock_ms() + 1000
        opened = chain.open(sealed, now_ms=now_ms, skew_ms=0)
        chain.look(opened, now_ms=now_ms, skew_ms=0, state=memory)
        return opened.document

    def raw(sealed: bytes) -> Callable[[], object]:
        length = len(sealed)
        if not network:
            return _verify_nacl(length)
        return _primitives(_mac(length), _gcm(length - 130), _verify_nacl(length - 220))

    does = "MAC, encryption, signature, time, order" if network else "signature, time, order"
    moment = iter(range(wall_clock_ms(), wall_clock_ms() + 10**9))
    return Contestant(
        name,
        does,
        lambda document: sealer.seal_at(document, now_ms=next(moment)),
        open_it,
        raw,
        ("sealwire",),
        "import sealwire",
        peer=False,
    )


def _cwt() -> Contestant:
    cose = cwt.COSE.new(alg_auto_inclusion=True, kid_auto_inclusion=True)
    public = VERIFYING.public_bytes_raw()
    private = cwt.COSEKey.new({1: 1, -1: 6, 2: b"alice", 3: -8, -2: public, -4: SEED})
    verifying = cwt.COSEKey.new({1: 1, -1: 6, 2: b"alice", 3: -8, -2: public})
    hiding = cwt.COSEKey.new({1: 4, 2: b"hiding", 3: 3, -1: SECRET})

    def seal(document: bytes) -> bytes:
        signed = cose.encode_and_sign(document, private)
        return bytes(cose.encode_and_encrypt(bytes(signed), hiding))

    return Contestant(
        "cwt",
        "encryption, signature",
        seal,
        lambda sealed: bytes(cose.decode(cose.decode(sealed, hiding), verifying)),
        lambda sealed: _primitives(_gcm(len(sealed) - 50), _verify(len(sealed) - 130)),
        ("cwt", "cbor2"),
        "import cwt",
    )


def _pycose() -> Contestant:
    headers, messages = pycose.headers, pycose.messages
    curve = pycose.keys.curves.Ed25519
    private = pycose.keys.OKPKey(crv=curve, d=SEED)
    public = pycose.keys.OKPKey(crv=curve, x=VERIFYING.public_bytes_raw())
    hiding = pycose.keys.SymmetricKey(k=SECRET)

    def seal(document: bytes) -> bytes:
        signed = messages.Sign1Message(
            phdr={headers.Algorithm: pycose.algorithms.EdDSA, headers.KID: b"alice"},
            payload=document,
        )
        signed.key = private
        hidden = messages.Enc0Message(
            phdr={headers.Algorithm: pycose.algorithms.A256GCM},
            uhdr={headers.IV: secrets.token_bytes(12)},
            payload=signed.encode(),
        )
        hidden.key = hiding
        return bytes(hidden.encode())

    def open_it(sealed: bytes) -> bytes:
        hidden = messages.Enc0Message.decode(sealed)
        hidden.key = hiding
        signed = messages.Sign1Message.decode(hidden.decrypt())
        signed.key = public
        if not signed.verify_signature():
            raise ValueError("not authentic")
        return bytes(signed.payload)

    return Contestant(
        "pycose",
        "encryption, signature",
        seal,
        open_it,
        lambda sealed: _primitives(_gcm(len(sealed) - 50), _verify(len(sealed) - 130)),
        ("pycose", "cbor2"),
        "import pycose.messages, pycose.keys, pycose.algorithms, pycose.headers",
    )


def _joserfc() -> Contestant:
    public = {"kty": "OKP", "crv": "Ed25519", "x": _b64(VERIFYING.public_bytes_raw())}
    private = OKPKey.import_key({**public, "d": _b64(SEED)})
    verifying = OKPKey.import_key(public)
    hiding = OctKey.import_key({"kty": "oct", "k": _b64(SECRET)})
    only = ["Ed25519"]

    def seal(document: bytes) -> bytes:
        signed = joserfc_jws.serialize_compact({"alg": "Ed25519"}, document, private, only)
        header = {"alg": "dir", "enc": "A256GCM"}
        return bytes(joserfc_jwe.encrypt_compact(header, signed.encode(), hiding).encode())

    def open_it(sealed: bytes) -> bytes:
        hidden = joserfc_jwe.decrypt_compact(sealed, hiding, ["dir", "A256GCM"])
        signed = hidden.plaintext
        if signed is None:
            raise ValueError("nothing inside")
        return bytes(joserfc_jws.deserialize_compact(signed, verifying, only).payload)

    return Contestant(
        "joserfc",
        "encryption, signature",
        seal,
        open_it,
        lambda sealed: _primitives(_gcm(len(sealed) * 3 // 4), _verify(len(sealed) * 3 // 4)),
        ("joserfc",),
        "from joserfc import jwe, jws, jwk",
    )


def _jwcrypto() -> Contestant:
    jwk, jws, jwe = jwcrypto.jwk.JWK, jwcrypto.jws.JWS, jwcrypto.jwe.JWE
    public = {"kty": "OKP", "crv": "Ed25519", "x": _b64(VERIFYING.public_bytes_raw())}
    private, verifying = jwk(**public, d=_b64(SEED)), jwk(**public)
    hiding = jwk(kty="oct", k=_b64(SECRET))

    def seal(document: bytes) -> bytes:
        signed = jws(document)
        signed.add_signature(private, None, json.dumps({"alg": "EdDSA"}))
        inner = signed.serialize(compact=True).encode()
        hidden = jwe(inner, json.dumps({"alg": "dir", "enc": "A256GCM"}))
        hidden.add_recipient(hiding)
        return bytes(hidden.serialize(compact=True).encode())

    def open_it(sealed: bytes) -> bytes:
        hidden = jwe(algs=["dir", "A256GCM"])
        hidden.deserialize(sealed.decode(), key=hiding)
        signed = jws()
        signed.allowed_algs = ["EdDSA"]
        signed.deserialize(hidden.payload.decode(), key=verifying)
        return bytes(signed.payload)

    return Contestant(
        "jwcrypto",
        "encryption, signature",
        seal,
        open_it,
        lambda sealed: _primitives(_gcm(len(sealed) * 3 // 4), _verify(len(sealed) * 3 // 4)),
        ("jwcrypto",),
        "from jwcrypto import jwe, jws, jwk",
    )


def _pyjwt() -> Contestant:
    jws = PyJWS()
    return Contestant(
        "PyJWT",
        "signature",
        lambda document: jws.encode(document, SIGNING, algorithm="EdDSA").encode(),
        lambda sealed: bytes(jws.decode(sealed, VERIFYING, algorithms=["EdDSA"])),
        lambda sealed: _verify(len(sealed)),
        ("jwt",),
        "import jwt",
    )


def _pyseto() -> Contestant:
    private = pyseto.Key.from_asymmetric_key_params(4, d=SEED)
    public = pyseto.Key.from_asymmetric_key_params(4, x=VERIFYING.public_bytes_raw())
    hiding = pyseto.Key.new(4, "local", SECRET)

    def open_it(sealed: bytes) -> bytes:
        return bytes(pyseto.decode(public, pyseto.decode(hiding, sealed).payload).payload)

    def raw(sealed: bytes) -> Callable[[], object]:
        length = len(sealed) * 3 // 4

        def hidden() -> None:
            hashlib.blake2b(bytes(length), key=SECRET, digest_size=32).digest()
            ChaCha20.new(key=SECRET, nonce=bytes(24)).decrypt(bytes(length))

        return _primitives(hidden, _verify(length))

    return Contestant(
        "pyseto",
        "encryption, signature",
        lambda document: bytes(pyseto.encode(hiding, pyseto.encode(private, document))),
        open_it,
        raw,
        ("pyseto",),
        "import pyseto",
    )


def _dsse() -> Contestant:
    signer = CryptoSigner.generate_ed25519()

    def seal(document: bytes) -> bytes:
        envelope = Envelope(document, "application/json", {})
        envelope.sign(signer)
        return json.dumps(envelope.to_dict()).encode()

    def open_it(sealed: bytes) -> bytes:
        envelope = Envelope.from_dict(json.loads(sealed))
        envelope.verify([signer.public_key], 1)
        return bytes(envelope.payload)

    return Contestant(
        "securesystemslib DSSE",
        "signature",
        seal,
        open_it,
        lambda sealed: _verify(len(sealed) * 3 // 4),
        ("securesystemslib",),
        "from securesystemslib.dsse import Envelope\nfrom securesystemslib.signer import SSlibKey",
    )


def _itsdangerous() -> Contestant:
    signer = itsdangerous.TimestampSigner(SECRET, digest_method=hashlib.sha256)
    return Contestant(
        "itsdangerous",
        "MAC, time",
        signer.sign,
        lambda sealed: signer.unsign(sealed, max_age=LIFETIME_S),
        lambda sealed: _mac(len(sealed)),
        ("itsdangerous",),
        "import itsdangerous",
        peer=False,
    )


def _fernet() -> Contestant:
    fernet = Fernet(base64.urlsafe_b64encode(SECRET))

    def raw(sealed: bytes) -> Callable[[], object]:
        length = len(sealed) * 3 // 4 // 16 * 16
        hidden = bytes(length)

        def decrypt() -> None:
            decryptor = Cipher(algorithms.AES(SECRET[16:]), modes.CBC(bytes(16))).decryptor()
            decryptor.update(hidden)
            decryptor.finalize()

        return _primitives(_mac(length), decrypt)

    return Contestant(
        "Fernet",
        "MAC, encryption, time",
        fernet.encrypt,
        lambda sealed: fernet.decrypt(sealed, ttl=LIFETIME_S),
        raw,
        ("cryptography.fernet",),
        "from cryptography.fernet import Fernet",
        peer=False,
    )


def all_of_them() -> list[Contestant]:
    """Give every contestant, ours first."""
    return [
        _ours("sealwire, network", network=True),
        _ours("sealwire, local", network=False),
        _cwt(),
        _pycose(),
        _joserfc(),
        _jwcrypto(),
        _pyjwt(),
        _pyseto(),
        _dsse(),
        _itsdangerous(),
        _fernet(),
    ]


def versions() -> dict[str, str]:
    """Give the versions of everything that took part."""
    names = (
        *("sealwire", "cwt", "pycose", "cbor2", "joserfc", "jwcrypto", "PyJWT", "pyseto"),
        *("securesystemslib", "itsdangerous", "cryptography", "PyNaCl"),
    )
    return {name: version(name) for name in names}
