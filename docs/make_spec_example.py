"""Write the worked example into ``spec/sealwire-1.md``, behind the marker.

    python docs/make_spec_example.py

A test runs this and compares, so that page and program say the same. Both sides are sealwire's own;
the vectors in ``tests/vectors`` are assembled by other means.
"""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Final
from unittest import mock

from sealwire import cose
from sealwire.body import encode_body
from sealwire.framing import encode_frame
from sealwire.keys import AeadKey, MacKey, SigningKey, reveal_secret
from sealwire.layers import AesGcmSealer, Ed25519Signer, HmacTagger
from sealwire.stages import Claims, Stream, Use

PAGE: Final = Path(__file__).parent / "spec" / "sealwire-1.md"
MARKER: Final = "<!-- What follows is written by: python docs/make_spec_example.py -->\n"

AUDIENCE: Final = "payments@prod"
NOW_MS: Final = 1_800_000_000_123
IV: Final = bytes(range(0xA0, 0xAC))
DOCUMENT: Final = b'{"version":1,"root":{"level":"DEBUG"}}'
SIGNING: Final = SigningKey(bytes(range(32)), owner="alice")
MAC: Final = MacKey(bytes(range(32, 64)), owner="alice", audience=AUDIENCE)
AEAD: Final = AeadKey(bytes(range(64, 96)), owner="alice", audience=AUDIENCE)


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
        ("MAC, secret", reveal_secret(MAC)),
        ("MAC, thumbprint", MAC.thumbprint),
        ("AEAD, secret", reveal_secret(AEAD)),
        ("AEAD, thumbprint", AEAD.thumbprint),
        ("AEAD, key check value", AEAD.check_value),
    ]
    lines = ["### Keys", "", "```text"]
    lines += [f"{name:22} {value.hex()}" for name, value in rows]
    return [*lines, "```", ""]


def example() -> str:
    """Give the whole example."""
    seconds = NOW_MS // 1000
    claims = Claims(
        "alice", AUDIENCE, seconds + 300, seconds, bytes(range(16)), NOW_MS, Stream.BASE
    )
    body = encode_body(claims, "application/json", DOCUMENT)
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
    ]
    lines += ["### Chain `local`", ""]
    aad = cose.external_aad(Use.REQUEST, AUDIENCE, 0, (cose.ED25519,))
    signed = Ed25519Signer(SIGNING).seal(body, aad)
    lines += block("external_aad, a byte string", aad)
    lines += block("Sig_structure", structure(cose.SIGN1, signed, aad))
    lines += block("The sealed message, Sign1", signed)
    length = encode_frame(signed)[:4].hex(" ")
    lines += [f"As a frame: `{length}`, then these bytes.", "", "### Chain `network`", ""]
    algorithms = (cose.HMAC_256, cose.A256GCM, cose.ED25519)
    aads = [cose.external_aad(Use.REQUEST, AUDIENCE, index, algorithms) for index in range(3)]
    inner = Ed25519Signer(SIGNING).seal(body, aads[2])
    lines += block("external_aad of layer 2, Sign1", aads[2])
    lines += block("Layer 2, Sign1", inner)
    with mock.patch("secrets.token_bytes", lambda length: IV[:length]):
        hidden = AesGcmSealer(AEAD).seal(inner, aads[1])
    lines += block("external_aad of layer 1, Encrypt0", aads[1])
    lines += block("Enc_structure", structure(cose.ENCRYPT0, hidden, aads[1]))
    lines += block("Layer 1, Encrypt0", hidden)
    lines += block("external_aad of layer 0, Mac0", aads[0])
    lines += block("The sealed message, Mac0", HmacTagger(MAC).seal(hidden, aads[0]))
    return "\n".join(lines).rstrip("\n") + "\n"


def structure(shape: cose.Shape, data: bytes, aad: bytes) -> bytes:
    """Give what is authenticated of an object."""
    start = cose.to_be_authenticated(shape, data[shape.protected], aad)
    return start if shape is cose.ENCRYPT0 else start + data[shape.framed]


def page(before: str) -> str:
    """Give the whole page; what stands in front of the marker in ``before`` is kept."""
    return before.partition(MARKER)[0] + MARKER + "\n" + example()


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
