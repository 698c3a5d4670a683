"""Write the worked example into ``spec/sealwire-1.md``, behind the marker.

    python docs/make_spec_example.py

A test runs this and compares, so that page and program say the same. Another test writes the
messages once more without sealwire.
"""

from __future__ import annotations

import hashlib
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Final
from unittest import mock

from sealwire import cose
from sealwire.body import encode_body
from sealwire.framing import encode_frame
from sealwire.keys import AeadKey, MacKey, SigningKey, reveal_secret
from sealwire.layers import AesGcmSealer, Ed25519Signer, HmacTagger
from sealwire.receipts import Asked, Instance, Mode, Outcome, Receipt, seal_receipt
from sealwire.stages import Claims, Digest, Stream, Use

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

PAGE: Final = Path(__file__).parent / "spec" / "sealwire-1.md"
MARKER: Final = "<!-- What follows is written by: python docs/make_spec_example.py -->\n"

AUDIENCE: Final = "payments@prod"
NOW_MS: Final = 1_800_000_000_123
IV: Final = bytes(range(0xA0, 0xAC))
DOCUMENT: Final = b'{"version":1,"root":{"level":"DEBUG"}}'
SIGNING: Final = SigningKey(bytes(range(32)), owner="alice")
MAC: Final = MacKey(bytes(range(32, 64)), owner="alice", audience=AUDIENCE)
AEAD: Final = AeadKey(bytes(range(64, 96)), owner="alice", audience=AUDIENCE)
HOST: Final = SigningKey(bytes(range(96, 128)), owner="host-1")
CTI: Final = bytes(range(16))
ANSWERED: Final = Receipt(
    Outcome.APPLIED,
    Mode.WAIT_OUT,
    at_ms=NOW_MS + 456,
    instances=(Instance("host-1/worker-0", Outcome.APPLIED),),
    floor_ms=NOW_MS,
)


def dump(data: bytes) -> str:
    """Give bytes in hex, sixteen a line, with offsets."""
    lines = [data[at : at + 16].hex(" ") for at in range(0, len(data), 16)]
    return "\n".join(f"{at * 16:4}  {line}" for at, line in enumerate(lines))


def block(title: str, data: bytes) -> list[str]:
    """Give a title, the length, and the bytes."""
    return [f"{title} ({len(data)} bytes):", "", "```text", dump(data), "```", ""]


def keys() -> list[str]:
    """Give every key with what is derived from it."""
    rows = [
        ("signing, seed", reveal_secret(SIGNING)),
        ("signing, public key", SIGNING.verify_key.public_bytes),
        ("signing, thumbprint", SIGNING.thumbprint),
        ("signing, key id", SIGNING.id),
        ("MAC, secret", reveal_secret(MAC)),
        ("MAC, thumbprint", MAC.thumbprint),
        ("MAC, key id", MAC.id),
        ("AEAD, secret", reveal_secret(AEAD)),
        ("AEAD, thumbprint", AEAD.thumbprint),
        ("AEAD, key id", AEAD.id),
        ("AEAD, key check value", AEAD.check_value),
        ("AEAD, IV", IV),
        ("host, seed", reveal_secret(HOST)),
        ("host, public key", HOST.verify_key.public_bytes),
        ("host, key id", HOST.id),
    ]
    return ["### Keys", "", *table(rows)]


def table(rows: list[tuple[str, bytes]]) -> list[str]:
    """Give names and values, a line each."""
    return ["```text", *(f"{name:22} {value.hex()}" for name, value in rows), "```", ""]


def example() -> str:
    """Give the whole example."""
    seconds = NOW_MS // 1000
    claims = Claims("alice", AUDIENCE, seconds + 300, seconds, CTI, NOW_MS, Stream.BASE)
    body = encode_body(claims, "application/json", DOCUMENT)
    digest = Digest(hashlib.sha256(body).digest())
    lines = [
        *keys(),
        "### Body",
        "",
        *textwrap.wrap(
            f"Issuer `alice`, audience `{AUDIENCE}`, `iat` {seconds}, `exp` {seconds + 300}, "
            f"`cti` the bytes 00 to 0f, version {NOW_MS}, stream `base`, "
            f"content type `application/json`, document `{DOCUMENT.decode()}`.",
            100,
        ),
        "",
        *block("Body", body),
        *table([("request digest", digest)]),
        *local(body),
        *network(body),
        *receipts(digest),
    ]
    return "\n".join(lines).rstrip("\n") + "\n"


def local(body: bytes) -> list[str]:
    """Give a message of the chain `local`."""
    aad = cose.external_aad(Use.REQUEST, AUDIENCE, 0, (cose.ED25519,))
    signed = Ed25519Signer(SIGNING).seal(body, aad)
    length = encode_frame(signed)[:4].hex(" ")
    return [
        "### Chain `local`",
        "",
        *block("external_aad, a byte string", aad),
        *block("Sig_structure", structure(cose.SIGN1, signed, aad)),
        *block("The sealed message, Sign1", signed),
        f"As a frame: `{length}`, then these bytes.",
        "",
    ]


def network(body: bytes) -> list[str]:
    """Give a message of the chain `network`, from the inside out."""
    algorithms = (cose.HMAC_256, cose.A256GCM, cose.ED25519)
    aads = [cose.external_aad(Use.REQUEST, AUDIENCE, index, algorithms) for index in range(3)]
    inner = Ed25519Signer(SIGNING).seal(body, aads[2])
    with fixed_iv():
        hidden = AesGcmSealer(AEAD).seal(inner, aads[1])
    sealed = HmacTagger(MAC).seal(hidden, aads[0])
    return [
        "### Chain `network`",
        "",
        *block("external_aad of layer 2, Sign1", aads[2]),
        *block("Sig_structure", structure(cose.SIGN1, inner, aads[2])),
        *block("Layer 2, Sign1: what is encrypted", inner),
        *block("external_aad of layer 1, Encrypt0", aads[1]),
        *block("Enc_structure", structure(cose.ENCRYPT0, hidden, aads[1])),
        *block("Layer 1, Encrypt0", hidden),
        *block("external_aad of layer 0, Mac0", aads[0]),
        *block("MAC_structure", structure(cose.MAC0, sealed, aads[0])),
        *block("The sealed message, Mac0", sealed),
    ]


def receipts(digest: Digest) -> list[str]:
    """Give a receipt of each of the two: both have the same body, so the same digest."""
    asked = Asked(AUDIENCE, Stream.BASE, CTI, digest)
    aad = cose.external_aad(Use.RECEIPT, AUDIENCE, 0, (cose.ED25519,))
    signed = seal_receipt(ANSWERED, asked, HOST)
    body = cose.payload_of(cose.SIGN1, signed[cose.SIGN1.framed])
    derived = AEAD.for_receipt(digest)
    with fixed_iv():
        hidden = seal_receipt(ANSWERED, asked, HOST, AEAD)
    rows = [
        ("AEAD, secret", reveal_secret(derived)),
        ("AEAD, key id", derived.id),
        ("AEAD, key check value", derived.check_value),
    ]
    outer, inner = (
        cose.external_aad(Use.RECEIPT, AUDIENCE, index, (cose.A256GCM, cose.ED25519))
        for index in range(2)
    )
    return [
        "### Receipt",
        "",
        f"Issuer `host-1`, version {ANSWERED.at_ms}, the rest as section 10 says.",
        "",
        *block("Body", body),
        *block("To the chain `local`: external_aad", aad),
        *block("The receipt, Sign1", signed),
        "To the chain `network`, under the derived key, with the same IV:",
        "",
        *table(rows),
        *block("external_aad of layer 1, Sign1", inner),
        *block("external_aad of layer 0, Encrypt0", outer),
        *block("The receipt, Encrypt0", hidden),
    ]


def fixed_iv() -> AbstractContextManager[object]:
    """Let whatever is encrypted meanwhile have the same IV; only an example may do that."""
    return mock.patch("secrets.token_bytes", lambda length: IV[:length])


def structure(shape: cose.Shape, data: bytes, aad: bytes) -> bytes:
    """Give what is authenticated of an object."""
    start = cose.to_be_authenticated(shape, data[shape.protected], aad)
    return start if shape is cose.ENCRYPT0 else start + data[shape.framed]


def page(before: str) -> str:
    """Give the whole page; what stands in front of the marker in ``before`` is kept."""
    return before.partition(MARKER)[0] + MARKER + "\n" + example()


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
