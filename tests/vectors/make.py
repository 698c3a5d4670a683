"""Writes the vectors into ``files/``: ``python tests/vectors/make.py``.

README.md says what they hold. Nothing of sealwire is used. A test makes them again and compares.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent))

from encoding import (
    AEAD,
    ALICE,
    AUDIENCE,
    BOB,
    CTI,
    DOCUMENT,
    JSON,
    LOCAL,
    MAC,
    NETWORK,
    NOW_MS,
    NOW_S,
    ORDER,
    PRIME,
    START_MS,
    Pairs,
    Raw,
    Secret,
    Signing,
    body_of,
    bound,
    claims_of,
    enc,
    head,
    hkdf,
    plus_order_2,
    seal,
    wrap,
)
from keyrings import keyrings

if TYPE_CHECKING:
    from collections.abc import Iterator

FILES = Path(__file__).parent / "files"
MADE_BY = "assembled by tests/vectors/make.py"
CHAINS: dict[str, tuple[Signing | Secret, ...]] = {
    "local": LOCAL,
    "network": NETWORK,
    "mac": (MAC,),
}

Vector = dict[str, Any]


def layers(*keys: Signing | Secret, more: tuple[Signing, ...] = ()) -> list[Vector]:
    """Describe a receiver's layers; ``more`` are further keys of the last one."""
    described: list[Vector] = [{"layer": key.layer, "keys": [key.described()]} for key in keys]
    described[-1]["keys"] += [key.described() for key in more]
    return described


def opens(
    body: bytes, document: bytes = DOCUMENT, kind: str = JSON, outcome: str = "new"
) -> Vector:
    """Expect that a message opens."""
    digest = hashlib.sha256(body).hexdigest()
    return {
        "outcome": outcome,
        "document": document.hex(),
        "content_type": kind,
        "digest": digest,
    }


def refused(reason: str, stage: str) -> Vector:
    """Expect a refusal."""
    return {"outcome": "refused", "reason": reason, "stage": stage}


def message(
    name: str,
    what: str,
    data: bytes,
    expected: Vector,
    *,
    chain: str | list[list[Vector]] = "local",
    now_ms: int = NOW_MS,
    skew_ms: int = 0,
    floors: Vector | None = None,
    taken: list[Vector] | None = None,
    start_ms: int = START_MS,
    audience: str = AUDIENCE,
) -> Vector:
    """Give a vector of a sealed message."""
    ways = [layers(*CHAINS[chain])] if isinstance(chain, str) else chain
    return {
        "name": name,
        "what": what,
        "kind": "message",
        "receiver": {
            "audience": audience,
            "ways": ways,
            "now_ms": now_ms,
            "skew_ms": skew_ms,
            "start_ms": start_ms,
            "floors": floors or {},
            "taken": taken or [],
        },
        "data": data.hex(),
        "expected": expected,
    }


def floor_of(
    version: int, issuer: str, digest: str = "00" * 32, *, taken_ms: int | None = None
) -> Vector:
    """Give what a stream keeps of the message that was taken last."""
    return {
        "version": version,
        "digest": digest,
        "issuer": issuer,
        "outcome": "applied",
        "taken_ms": version if taken_ms is None else taken_ms,
        "ahead": [],
    }


ENVELOPE = refused("envelope-malformed", "layer")
SIGNATURE = refused("signature-invalid", "layer")
BODY = refused("body-malformed", "body")


def good() -> Iterator[Vector]:
    """Give messages that open."""
    plain = body_of()
    for name, keys in CHAINS.items():
        yield message(
            f"good-{name}",
            f"a message for the chain {name}",
            seal(plain, keys),
            opens(plain),
            chain=name,
        )
    for length in (0, 1, 23, 24, 255, 256, 65_535, 65_536):
        document = b" " * length
        body = body_of(document)
        yield message(
            f"good-document-{length}",
            f"a document of {length} bytes",
            seal(body),
            opens(body, document),
        )
    text = '{"version":1,"loggers":{"zähler.größe€𝄞":{"level":"INFO"}}}'.encode()
    body = body_of(text)
    yield message("good-not-ascii", "a document that is not ASCII", seal(body), opens(body, text))
    for length in (1, 23, 24, 127):
        kind = "x" * length
        body = body_of(kind=kind)
        yield message(
            f"good-content-type-{length}",
            f"a content type of {length} bytes",
            seal(body),
            opens(body, kind=kind),
        )
    body = body_of(kind="ü" * 63)
    yield message(
        "good-content-type-not-ascii",
        "126 bytes that are 63 characters",
        seal(body),
        opens(body, kind="ü" * 63),
    )
    body = body_of(nonce=bytes(16))
    yield message("good-nonce", "the claim of challenge mode", seal(body), opens(body))
    for stream in ("lease", "read"):
        body = body_of(stream=stream)
        yield message(
            f"good-stream-{stream}", f"a message of stream {stream}", seal(body), opens(body)
        )
    longest = "a" * 128
    key = Signing(ALICE.seed, longest)
    body = body_of(iss=longest, aud=longest)
    yield message(
        "good-names-of-128",
        "the longest issuer and audience",
        seal(body, (key,), audience=longest),
        opens(body),
        chain=[layers(key)],
        audience=longest,
    )
    every = "0a9._@/-z"
    body = body_of(iss=every)
    yield message(
        "good-name-of-every-kind",
        "each character a name may have",
        seal(body, (Signing(ALICE.seed, every),)),
        opens(body),
        chain=[layers(Signing(ALICE.seed, every))],
    )
    both = [layers(ALICE, more=(BOB,))]
    body = body_of(iss="bob")
    yield message(
        "good-second-of-two-keys",
        "the key id finds the right one",
        seal(body, (BOB,)),
        opens(body),
        chain=both,
    )
    ways = [layers(MAC), layers(BOB)]
    yield message(
        "good-first-way",
        "a chain with two ways in, by the first",
        seal(plain, (MAC,)),
        opens(plain),
        chain=ways,
    )
    yield message(
        "good-second-way",
        "a chain with two ways in, by the second",
        seal(body, (BOB,)),
        opens(body),
        chain=ways,
    )
    inner = (AEAD, MAC)
    yield message(
        "good-mac-inside",
        "encryption around a MAC",
        seal(plain, inner),
        opens(plain),
        chain=[layers(*inner)],
    )


def envelopes() -> Iterator[Vector]:
    """Give objects of another shape, one by one."""
    plain = body_of()
    signed = seal(plain)
    yield message("empty", "no bytes at all", b"", ENVELOPE)
    yield message("one-byte", "the tag and no more", signed[:1], ENVELOPE)
    yield message("truncated", "the last byte is missing", signed[:-1], ENVELOPE)
    yield message("trailing", "a byte follows", signed + b"\0", ENVELOPE)
    yield message("no-tag", "the array without its tag", signed[1:], ENVELOPE)
    yield message("tag-of-two-bytes", "tag 18 in a longer form", b"\xd8\x12" + signed[1:], ENVELOPE)
    yield message(
        "tag-98", "several signatures, where one is expected", b"\xd8\x62" + signed[1:], ENVELOPE
    )
    yield message("two-tags", "the tag of a CWT in front", b"\xd8\x3d" + signed, ENVELOPE)
    for kind, keys in (("sign1", LOCAL), ("mac0", (MAC,)), ("encrypt0", (AEAD, ALICE))):
        chain: str | list[list[Vector]] = [layers(*keys)]
        key = keys[0]
        wrong: dict[str, tuple[str, Vector]] = {
            "array-longer": (
                "the array's head in a longer form",
                {"array": head(4, 3 if kind == "encrypt0" else 4, 1)},
            ),
            "array-indefinite": (
                "an array without a length",
                {"array": b"\x9f", "ending": b"\xff"},
            ),
            "array-more": (
                "an entry more",
                {"array": head(4, 4 if kind == "encrypt0" else 5), "ending": b"\xf6"},
            ),
            "unprotected-more": (
                "an unprotected header",
                {
                    "unprotected": enc(
                        {5: bytes(range(0xA0, 0xAC)), 99: 1} if kind == "encrypt0" else {99: 1}
                    )
                },
            ),
            "unprotected-kid": (
                "the key id unprotected as well",
                {
                    "unprotected": enc(
                        {4: key.kid, 5: bytes(range(0xA0, 0xAC))}
                        if kind == "encrypt0"
                        else {4: key.kid}
                    )
                },
            ),
            "payload-longer-head": ("the payload's head in a longer form", {}),
            "kid-of-7": ("a key id of 7 bytes", {}),
            "kid-of-9": ("a key id of 9 bytes", {}),
            "headers-swapped": ("protected headers in another order", {}),
            "header-twice": ("a protected header twice", {}),
            "header-more": ("a protected header more", {}),
            "header-less": ("no key id", {}),
            "algorithm-text": ("the algorithm by its name", {}),
            "algorithm-other": ("another algorithm of the kind", {}),
        }
        extra = [(-70003, key.check)] if isinstance(key, Secret) and kind == "encrypt0" else []
        headers: dict[str, Any] = {
            "kid-of-7": Pairs([(1, key.algorithm), (4, key.kid[:7]), *extra]),
            "kid-of-9": Pairs([(1, key.algorithm), (4, key.kid + b"\0"), *extra]),
            "headers-swapped": Pairs([(4, key.kid), (1, key.algorithm), *extra]),
            "header-twice": Pairs([(1, key.algorithm), (1, key.algorithm), (4, key.kid), *extra]),
            "header-more": Pairs([(1, key.algorithm), (3, 0), (4, key.kid), *extra]),
            "header-less": Pairs([(1, key.algorithm), *extra]),
            "algorithm-text": Pairs(
                [
                    (1, {"sign1": "EdDSA", "mac0": "HS256", "encrypt0": "A256GCM"}[kind]),
                    (4, key.kid),
                    *extra,
                ]
            ),
            "algorithm-other": Pairs(
                [(1, {"sign1": -8, "mac0": 4, "encrypt0": 1}[kind]), (4, key.kid), *extra]
            ),
        }
        for name, (what, parts) in wrong.items():
            given = dict(parts)
            if name in headers:
                given["protected"] = enc(headers[name])
            if name == "payload-longer-head":
                sealed = seal(plain, keys)
                # The payload's head, one size up, where it stands.
                at = 71 if kind == "encrypt0" else 17
                size = 2 if sealed[at] == 0x58 else 3
                length = int.from_bytes(sealed[at + 1 : at + size], "big")
                data = sealed[:at] + head(2, length, 4) + sealed[at + size :]
            else:
                data = seal(plain, keys, at=0, **given)
            expected = ENVELOPE
            if name == "payload-longer-head" and kind != "encrypt0":
                # The payload is authenticated with its head, so it is the proof that is wrong.
                proof = {"sign1": "signature", "mac0": "mac"}[kind]
                expected = refused(f"{proof}-invalid", "layer")
            yield message(f"{kind}-{name}", f"{kind}: {what}", data, expected, chain=chain)
    for length in (11, 13):
        # Encrypted under just this IV, so that a reader who takes any length would open it.
        yield message(
            f"encrypt0-iv-of-{length}",
            f"encrypt0: an IV of {length} bytes",
            seal(plain, (AEAD, ALICE), at=0, iv=bytes(length)),
            ENVELOPE,
            chain=[layers(AEAD, ALICE)],
        )
    yield message(
        "encrypt0-no-check-value",
        "encrypt0: no key check value",
        seal(plain, (AEAD, ALICE), at=0, protected=enc({1: 3, 4: AEAD.kid})),
        ENVELOPE,
        chain=[layers(AEAD, ALICE)],
    )
    # The beginning of the right tag, so that a reader who compares no more would take it.
    right = seal(plain, (MAC,))[-32:]
    for length, name in ((16, "half"), (8, "quarter")):
        yield message(
            f"mac0-{name}-tag",
            f"mac0: the first {length} bytes of the tag",
            seal(plain, (MAC,), authenticator=right[:length]),
            ENVELOPE,
            chain="mac",
        )
    yield message(
        "mac0-tag-and-a-byte",
        "mac0: a byte behind the tag",
        seal(plain, (MAC,), authenticator=right + b"\0"),
        ENVELOPE,
        chain="mac",
    )
    for length, signature in ((63, signed[-64:-1]), (65, signed[-64:] + b"\0")):
        yield message(
            f"sign1-signature-of-{length}",
            f"sign1: a signature of {length} bytes",
            seal(plain, authenticator=signature),
            ENVELOPE,
        )
    yield message(
        "sign1-payload-null", "sign1: a detached payload", seal(plain, framed=b"\xf6"), SIGNATURE
    )
    yield message(
        "sign1-payload-in-pieces",
        "sign1: the payload in pieces",
        seal(plain, framed=b"\x5f" + enc(plain[:9]) + enc(plain[9:]) + b"\xff"),
        SIGNATURE,
    )


def proofs() -> Iterator[Vector]:
    """Give objects of the right shape whose proof is wrong."""
    plain = body_of()
    for kind, keys, width, reason in (
        ("sign1", LOCAL, 64, "signature-invalid"),
        ("mac0", (MAC,), 32, "mac-invalid"),
    ):
        sealed = seal(plain, keys)
        chain = [layers(*keys)]
        for name, at in (("first", -width), ("last", -1), ("middle", -width // 2)):
            data = bytearray(sealed)
            data[at] ^= 1
            yield message(
                f"{kind}-{name}-byte-wrong",
                f"{kind}: one bit of the {name} byte of the proof",
                bytes(data),
                refused(reason, "layer"),
                chain=chain,
            )
        data = bytearray(sealed)
        data[30] ^= 1
        yield message(
            f"{kind}-payload-changed",
            f"{kind}: one bit of the payload",
            bytes(data),
            refused(reason, "layer"),
            chain=chain,
        )
        yield message(
            f"{kind}-proof-of-zeros",
            f"{kind}: a proof of zeros",
            seal(plain, keys, authenticator=bytes(width)),
            refused(reason, "layer"),
            chain=chain,
        )
    two = (AEAD, ALICE)
    hidden = seal(plain, two)
    chain = [layers(*two)]
    for name, at in (("tag", -1), ("tag-first", -16), ("ciphertext", 80), ("iv", 60)):
        data = bytearray(hidden)
        data[at] ^= 1
        yield message(
            f"encrypt0-{name}-changed",
            f"encrypt0: one bit of the {name}",
            bytes(data),
            refused("decryption-failed", "layer"),
            chain=chain,
        )
    data = bytearray(hidden)
    data[24] ^= 1
    yield message(
        "encrypt0-check-value-changed",
        "encrypt0: one bit of the key check value",
        bytes(data),
        refused("key-check-failed", "layer"),
        chain=chain,
    )
    yield message(
        "encrypt0-shorter-than-its-tag",
        "encrypt0: a ciphertext of 15 bytes",
        seal(plain, two, at=0, framed=enc(bytes(15))),
        refused("decryption-failed", "layer"),
        chain=chain,
    )
    for length in (12, 4):
        # Some libraries take what is there of a tag.
        yield message(
            f"encrypt0-tag-of-{length}",
            f"encrypt0: the first {length} bytes of the tag",
            seal(plain, two, at=0, tag_bytes=length),
            refused("decryption-failed", "layer"),
            chain=chain,
        )
    signature = bytearray(seal(plain)[-64:])
    scalar = int.from_bytes(signature[32:], "little") + ORDER
    malleable = bytes(signature[:32]) + scalar.to_bytes(32, "little")
    yield message(
        "sign1-scalar-not-reduced",
        "sign1: the order of the group added to S",
        seal(plain, authenticator=malleable),
        SIGNATURE,
    )
    yield message(
        "sign1-point-not-canonical",
        "sign1: R is the neutral point with y over the prime, and the equation holds",
        seal(plain, point=(PRIME + 1).to_bytes(32, "little")),
        SIGNATURE,
    )
    yield message(
        "sign1-point-of-small-order",
        "sign1: R is the neutral point, and the equation holds",
        seal(plain, point=(1).to_bytes(32, "little")),
        SIGNATURE,
    )
    yield message(
        "sign1-point-of-mixed-order",
        "sign1: the point of order 2 added to R, and the equation holds with the cofactor alone",
        seal(plain, mixed=True),
        SIGNATURE,
    )
    yield message(
        "unknown-key",
        "a key that the receiver does not hold",
        seal(body_of(iss="bob"), (BOB,)),
        refused("key-unknown", "layer"),
    )
    yield message(
        "unknown-mac-key",
        "a MAC key that the receiver does not hold",
        seal(plain, (Secret("mac0", bytes(32)),)),
        refused("key-unknown", "layer"),
        chain="mac",
    )
    yield message(
        "unknown-aead-key",
        "an AEAD key that the receiver does not hold",
        seal(plain, (MAC, Secret("encrypt0", bytes(32)), ALICE)),
        refused("key-unknown", "layer"),
        chain="network",
    )
    other = Secret("mac0", MAC.secret, audience="billing@prod")
    yield message(
        "mac-key-of-another-audience",
        "the receiver holds the key for another audience",
        seal(plain, (MAC,)),
        refused("key-unknown", "layer"),
        chain=[layers(other)],
    )
    borrowed = Signing(BOB.seed)
    borrowed.kid = ALICE.kid
    yield message(
        "sign1-under-anothers-id",
        "sign1: another key's signature under a known id",
        seal(plain, (borrowed,)),
        SIGNATURE,
    )
    hidden_by = Secret("encrypt0", bytes(range(7, 39)))
    hidden_by.kid = AEAD.kid
    yield message(
        "encrypt0-under-anothers-id",
        "encrypt0: another key under a known id",
        seal(plain, (hidden_by, ALICE)),
        refused("key-check-failed", "layer"),
        chain=chain,
    )


def alternatives() -> Iterator[Vector]:
    """Give what is refused where there are several ways in."""
    ways = [layers(MAC), layers(BOB)]
    plain = body_of(iss="bob")
    for name, what, data, expected in (
        ("no-such-kind", "a kind that no way has", seal(plain, (AEAD, BOB)), ENVELOPE),
        (
            "key-of-neither",
            "a key that no way has",
            seal(body_of()),
            refused("key-unknown", "layer"),
        ),
        (
            "first-fails",
            "the way that is meant fails, and no other is asked",
            seal(body_of(), (MAC,), authenticator=bytes(32)),
            refused("mac-invalid", "layer"),
        ),
        (
            "bound-to-both",
            "bound to the algorithms of both ways",
            seal(plain, (BOB,), algorithms=[5, -19]),
            SIGNATURE,
        ),
    ):
        yield message(f"ways-{name}", f"two ways in: {what}", data, expected, chain=ways)


def public_keys() -> Iterator[Vector]:
    """Give public keys as they are loaded."""

    def public(name: str, what: str, data: bytes, kid: bytes | None = None) -> Vector:
        expected = {"outcome": "unusable"} if kid is None else {"outcome": "key", "kid": kid.hex()}
        return {
            "name": f"key-{name}",
            "what": what,
            "kind": "key",
            "data": data.hex(),
            "expected": expected,
        }

    def little(number: int) -> bytes:
        return number.to_bytes(32, "little")

    yield public("alice", "the key of most vectors", ALICE.public, ALICE.kid)
    yield public("bob", "another key", BOB.public, BOB.kid)
    yield public("of-order-1", "the neutral point", little(1))
    yield public("of-order-2", "the point of order 2", little(PRIME - 1))
    yield public("of-order-4", "a point of order 4", little(0))
    eighth = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"
    yield public("of-order-8", "a point of order 8", bytes.fromhex(eighth))
    yield public("over-the-prime", "the neutral point with y over the prime", little(PRIME + 1))
    mixed = plus_order_2(ALICE.public)
    yield public("of-mixed-order", "alice's and the point of order 2", mixed)
    yield public("not-on-the-curve", "no point of the curve has this y", little(2))
    yield public("of-31-bytes", "a byte less", ALICE.public[:-1])
    yield public("of-33-bytes", "a byte more", ALICE.public + b"\0")


def binding() -> Iterator[Vector]:
    """Give authentic objects at a place they are not bound to."""
    plain = body_of()
    for chain, reason, stage in (
        ("local", "signature-invalid", "layer"),
        ("network", "mac-invalid", "layer"),
    ):
        keys = CHAINS[chain]
        wrong: dict[str, tuple[str, dict[str, Any]]] = {
            "audience": ("bound to another audience", {"audience": "billing@prod"}),
            "use-receipt": ("bound to use receipt", {"use": "receipt"}),
            "use-keyring": ("bound to use keyring", {"use": "keyring"}),
            "use-start": ("bound to use start", {"use": "start"}),
            "protocol": ("bound to another version of the protocol", {"protocol": "sealwire/2"}),
            "index": ("bound to the next index", {"shift": 1}),
            "algorithms-more": (
                "bound to a longer list of algorithms",
                {"algorithms": [*(key.algorithm for key in keys), -19]},
            ),
            "algorithms-none": ("bound to no algorithms", {"algorithms": []}),
        }
        for name, (what, given) in wrong.items():
            yield message(
                f"{chain}-bound-{name}",
                f"{chain}: {what}",
                seal(plain, keys, **given),
                refused(reason, stage),
                chain=chain,
            )
    sealed = seal(plain, NETWORK)
    at = 17 + (3 if sealed[17] == 0x59 else 2)
    stripped = sealed[at:-34]
    yield message("stripped-gate", "the gate taken off", stripped, ENVELOPE, chain="network")
    yield message(
        "stripped-gate-two-layers",
        "the gate taken off, at a receiver of the two inner layers",
        stripped,
        refused("decryption-failed", "layer"),
        chain=[layers(AEAD, ALICE)],
    )
    algorithms = [5, 3, -19]
    signed = wrap(ALICE, plain, bound(2, algorithms))
    yield message(
        "only-the-inner-layer",
        "the signature of a message with gate and encryption",
        signed,
        SIGNATURE,
    )
    swapped = wrap(AEAD, wrap(MAC, signed, bound(0, algorithms)), bound(1, algorithms))
    yield message(
        "outer-layers-swapped", "encryption around the gate", swapped, ENVELOPE, chain="network"
    )
    other = seal(body_of(aud="billing@prod"), LOCAL)
    yield message(
        "claimed-audience",
        "bound to this audience, and claims another",
        other,
        refused("audience-mismatch", "body"),
    )
    yield message(
        "claimed-issuer",
        "claims an issuer who did not sign",
        seal(body_of(iss="mallory")),
        refused("issuer-mismatch", "body"),
    )
    mac = Secret("mac0", MAC.secret, "carol")
    yield message(
        "claimed-issuer-of-the-gate",
        "claims the gate's owner, and alice signed",
        seal(body_of(iss="carol"), NETWORK),
        refused("issuer-mismatch", "body"),
        chain=[layers(mac, AEAD, ALICE)],
    )


def bodies() -> Iterator[Vector]:
    """Give signed bodies that are none."""
    claims = claims_of()
    wrong: dict[str, tuple[str, bytes]] = {
        "empty": ("no bytes", b""),
        "trailing": ("a byte behind the array", body_of() + b"\0"),
        "map": ("a map, not an array", enc(claims)),
        "array-of-two": ("no document", enc([claims, JSON])),
        "array-of-four": ("an entry more", enc([claims, JSON, DOCUMENT, None])),
        "array-longer": ("the array's head in a longer form", b"\x98\x03" + body_of()[1:]),
        "array-indefinite": ("an array without a length", b"\x9f" + body_of()[1:] + b"\xff"),
        "claims-indefinite": (
            "claims without a length",
            b"\x83\xbf" + enc(claims)[1:] + b"\xff" + enc(JSON) + enc(DOCUMENT),
        ),
        "document-text": ("the document as text", enc([claims, JSON, DOCUMENT.decode()])),
        "document-null": ("no document but null", enc([claims, JSON, None])),
        "document-longer-head": (
            "the document's head in a longer form",
            enc([claims, JSON, Raw(head(2, len(DOCUMENT), 4) + DOCUMENT)]),
        ),
        "content-type-bytes": ("the content type as bytes", enc([claims, JSON.encode(), DOCUMENT])),
        "content-type-empty": ("an empty content type", enc([claims, "", DOCUMENT])),
        "content-type-of-128": ("a content type of 128 bytes", enc([claims, "x" * 128, DOCUMENT])),
        "content-type-no-utf8": (
            "a content type that is not UTF-8",
            enc([claims, Raw(b"\x62\xc0\xaf"), DOCUMENT]),
        ),
        "claim-unknown": ("a claim more", enc([{**claims, 99: 1}, JSON, DOCUMENT])),
        "claim-text-key": ("a claim with a text key", enc([{**claims, "x": 1}, JSON, DOCUMENT])),
        "claims-in-another-order": (
            "exp and iat exchanged",
            enc(
                [
                    Pairs(
                        [
                            *list(claims.items())[:2],
                            (6, NOW_S),
                            (4, NOW_S + 300),
                            *list(claims.items())[4:],
                        ]
                    ),
                    JSON,
                    DOCUMENT,
                ]
            ),
        ),
        "claim-twice": ("iss twice", enc([Pairs([(1, "alice"), *claims.items()]), JSON, DOCUMENT])),
        "nbf-instead-of-iat": (
            "another registered claim",
            enc([{**{k: v for k, v in claims.items() if k != 6}, 5: NOW_S}, JSON, DOCUMENT]),
        ),
        "tagged-time": (
            "a tag in front of exp",
            enc(
                [
                    Pairs(
                        [
                            (k, Raw(b"\xc1" + enc(v)) if k == 4 else v)
                            for k, v in sorted(claims.items(), key=lambda item: enc(item[0]))
                        ]
                    ),
                    JSON,
                    DOCUMENT,
                ]
            ),
        ),
        "float-time": (
            "exp as a float",
            enc(
                [
                    Pairs(
                        [
                            (k, Raw(bytes.fromhex("fb41dad27480000000")) if k == 4 else v)
                            for k, v in sorted(claims.items(), key=lambda item: enc(item[0]))
                        ]
                    ),
                    JSON,
                    DOCUMENT,
                ]
            ),
        ),
        "time-longer-head": (
            "exp in a longer form",
            enc(
                [
                    Pairs(
                        [
                            (k, Raw(head(0, v, 8)) if k == 4 else v)
                            for k, v in sorted(claims.items(), key=lambda item: enc(item[0]))
                        ]
                    ),
                    JSON,
                    DOCUMENT,
                ]
            ),
        ),
    }
    for name in ("iss", "aud", "exp", "iat", "cti", "version", "stream"):
        wrong[f"no-{name}"] = (f"no claim {name}", body_of(**{name: None}))
    values: dict[str, tuple[str, dict[str, Any]]] = {
        "iss-number": ("iss is a number", {"iss": 1}),
        "iss-bytes": ("iss is bytes", {"iss": b"alice"}),
        "iss-empty": ("iss is empty", {"iss": ""}),
        "iss-capital": ("iss has a capital", {"iss": "Alice"}),
        "iss-of-129": ("iss has 129 characters", {"iss": "a" * 129}),
        "iss-newline": ("iss ends a line", {"iss": "alice\n"}),
        "iss-not-ascii": ("iss is not ASCII", {"iss": "alicé"}),
        "aud-space": ("aud has a space", {"aud": "payments prod"}),
        "aud-list": ("aud is a list", {"aud": [AUDIENCE]}),
        "exp-negative": ("exp is negative", {"exp": -1}),
        "exp-is-iat": ("exp is iat", {"exp": NOW_S}),
        "exp-before-iat": ("exp is before iat", {"exp": NOW_S - 1}),
        "cti-of-15": ("cti has 15 bytes", {"cti": bytes(15)}),
        "cti-of-17": ("cti has 17 bytes", {"cti": bytes(17)}),
        "cti-text": ("cti is text", {"cti": "0123456789abcdef"}),
        "nonce-of-15": ("nonce has 15 bytes", {"nonce": bytes(15)}),
        "nonce-true": ("nonce is true", {"nonce": True}),
        "version-negative": ("version is negative", {"version": -1}),
        "version-text": ("version is text", {"version": "1"}),
        "stream-unknown": ("a stream that is none", {"stream": "root"}),
        "stream-capital": ("a stream in capitals", {"stream": "BASE"}),
        "stream-number": ("stream is a number", {"stream": 1}),
    }
    for name, (what, changes) in values.items():
        wrong[name] = (what, body_of(**changes))
    for name, (what, body) in wrong.items():
        yield message(f"body-{name}", f"body: {what}", seal(body), BODY)


def times() -> Iterator[Vector]:
    """Give messages at the edges of their life and order."""

    def at(
        name: str,
        what: str,
        expected: str | None,
        stage: str = "check",
        **given: Any,  # noqa: ANN401 - claims, and parts of a receiver
    ) -> Vector:
        changes = {
            k: given.pop(k) for k in ("exp", "iat", "version", "stream", "cti") if k in given
        }
        body = body_of(**changes)
        outcome = opens(body) if expected is None else refused(expected, stage)
        return message(name, what, seal(body), outcome, **given)

    old = NOW_S - 1000
    yield at(
        "exp-now",
        "the last millisecond of its life",
        None,
        exp=NOW_S,
        iat=NOW_S - 300,
        now_ms=NOW_S * 1000,
        version=NOW_S * 1000,
    )
    yield at(
        "exp-over-by-1-ms",
        "one millisecond later",
        "expired",
        exp=NOW_S,
        iat=NOW_S - 300,
        now_ms=NOW_S * 1000 + 1,
        version=NOW_S * 1000,
    )
    yield at(
        "exp-no-skew",
        "skew does not prolong a life",
        "expired",
        exp=NOW_S,
        iat=NOW_S - 300,
        now_ms=NOW_S * 1000 + 1,
        version=NOW_S * 1000,
        skew_ms=60_000,
    )
    yield at(
        "iat-now",
        "issued this very millisecond",
        None,
        iat=NOW_S,
        now_ms=NOW_S * 1000,
        version=NOW_S * 1000,
    )
    yield at(
        "iat-ahead-by-1-ms",
        "issued one millisecond from now",
        "not-yet-valid",
        iat=NOW_S,
        now_ms=NOW_S * 1000 - 1,
        version=NOW_S * 1000 - 1,
    )
    yield at(
        "iat-within-skew",
        "issued ahead by just the skew",
        None,
        iat=NOW_S,
        now_ms=NOW_S * 1000 - 1000,
        version=NOW_S * 1000 - 1000,
        skew_ms=1000,
    )
    yield at(
        "iat-beyond-skew",
        "issued ahead by one more",
        "not-yet-valid",
        iat=NOW_S,
        now_ms=NOW_S * 1000 - 1001,
        version=NOW_S * 1000 - 1001,
        skew_ms=1000,
    )
    for stream, most in (("base", 7 * 86_400), ("lease", 3600), ("read", 300)):
        yield at(
            f"longest-life-{stream}",
            f"the longest life in stream {stream}",
            None,
            stream=stream,
            exp=NOW_S + most,
        )
        yield at(
            f"longer-life-{stream}",
            f"one second more in stream {stream}",
            "lifetime-too-long",
            stream=stream,
            exp=NOW_S + most + 1,
        )
    yield at("version-now", "a version of this very millisecond", None, version=NOW_MS)
    yield at(
        "version-ahead", "a version of the next", "version-ahead", "admission", version=NOW_MS + 1
    )
    yield at(
        "version-within-skew",
        "a version ahead by the skew",
        None,
        version=NOW_MS + 1000,
        skew_ms=1000,
    )
    yield at(
        "version-beyond-skew",
        "a version ahead by one more",
        "version-ahead",
        "admission",
        version=NOW_MS + 1001,
        skew_ms=1000,
    )
    yield at(
        "version-of-the-start",
        "sealed in the millisecond in which the memory began",
        "version-before-start",
        "admission",
        version=START_MS,
        iat=START_MS // 1000,
    )
    yield at(
        "version-after-the-start",
        "sealed one millisecond later",
        None,
        version=START_MS + 1,
        iat=START_MS // 1000,
    )
    yield at(
        "version-after-the-start-within-skew",
        "the skew counts as before the start",
        "version-before-start",
        "admission",
        version=START_MS + 1000,
        skew_ms=1000,
        iat=START_MS // 1000,
    )
    body = body_of()
    digest = hashlib.sha256(body).hexdigest()
    same = {"base": floor_of(NOW_MS, "alice", digest)}
    yield message(
        "same-again",
        "the message that holds the floor",
        seal(body),
        opens(body, outcome="same"),
        floors=same,
    )
    wrapped = seal(body, NETWORK)
    yield message(
        "same-again-in-another-wrapping",
        "the same body in other layers",
        wrapped,
        opens(body, outcome="same"),
        floors=same,
        chain="network",
    )
    for name, what, version, issuer, reason in (
        ("below-the-floor", "a version below the floor", NOW_MS - 1, "alice", "version-superseded"),
        (
            "below-anothers-floor",
            "a version below another issuer's floor",
            NOW_MS - 1,
            "bob",
            "version-superseded",
        ),
        (
            "equivocation",
            "another message of the floor's version and issuer",
            NOW_MS,
            "alice",
            "equivocation",
        ),
        (
            "at-anothers-floor",
            "the floor's version, by another issuer",
            NOW_MS,
            "bob",
            "version-superseded",
        ),
    ):
        floor = {"base": floor_of(NOW_MS, issuer)}
        yield at(name, what, reason, "admission", version=version, floors=floor)
    floor = {"base": floor_of(NOW_MS - 1, "bob")}
    yield at("above-the-floor", "a version above the floor", None, floors=floor)
    ahead = NOW_MS + 30_000
    for name, what, floor, version, expected in (
        (
            "after-one-that-was-ahead",
            "later than the taking of another issuer's message, and of a lower version",
            {"base": floor_of(ahead, "bob", taken_ms=NOW_MS - 1)},
            NOW_MS,
            None,
        ),
        (
            "when-one-was-taken-that-was-ahead",
            "of the time at which another issuer's message was taken",
            {"base": floor_of(ahead, "bob", taken_ms=NOW_MS)},
            NOW_MS,
            "version-superseded",
        ),
        (
            "after-ones-own-that-was-ahead",
            "of a lower version than the issuer's last, and later than its taking",
            {"base": floor_of(ahead, "alice", taken_ms=NOW_MS - 1)},
            NOW_MS,
            "version-superseded",
        ),
        (
            "ahead-of-which-another-was-taken",
            "of a lower version than the issuer's last, since which another issuer's was taken",
            {
                "base": {
                    **floor_of(NOW_MS - 1, "bob"),
                    "ahead": [{"issuer": "alice", "version": ahead, "digest": "00" * 32}],
                }
            },
            ahead - 1,
            "version-superseded",
        ),
    ):
        yield at(name, what, expected, "admission", version=version, skew_ms=30_000, floors=floor)
    floor = {"lease": floor_of(NOW_MS, "bob")}
    yield at(
        "another-streams-floor",
        "the floor of another stream does not count",
        None,
        version=NOW_MS - 1,
        floors=floor,
    )
    thumbprint = hashlib.sha256(enc({1: 1, -1: 6, -2: ALICE.public})).hexdigest()
    taken = [{"thumbprint": thumbprint, "cti": CTI.hex(), "exp": NOW_S + 300}]
    yield at(
        "read-again",
        "a read that was taken before",
        "replayed",
        "admission",
        stream="read",
        taken=taken,
    )
    yield at(
        "read-of-another-id",
        "a read with another id",
        None,
        stream="read",
        cti=bytes(16),
        taken=taken,
    )
    gone = [{"thumbprint": thumbprint, "cti": CTI.hex(), "exp": NOW_S - 1}]
    yield at(
        "read-again-after-its-end",
        "an entry that has expired does not count",
        None,
        stream="read",
        taken=gone,
    )
    others = [{"thumbprint": "11" * 32, "cti": CTI.hex(), "exp": NOW_S + 300}]
    yield at(
        "read-with-anothers-id", "the same id under another key", None, stream="read", taken=others
    )
    yield at(
        "read-does-not-look-at-floors",
        "an older read is taken",
        None,
        stream="read",
        version=NOW_MS - 5,
        floors=same,
    )
    yield at("change-does-not-look-at-ids", "a change with a known id", None, taken=taken)
    yield at(
        "stream-keyring",
        "a stream that this chain does not serve",
        "stream-mismatch",
        "admission",
        stream="keyring",
    )
    yield at(
        "old-and-expired", "expired long ago", "expired", iat=old, exp=old + 300, version=old * 1000
    )


def frames() -> Iterator[Vector]:
    """Give what a connection brings, to its end."""

    def frame(name: str, what: str, data: bytes, payload: bytes | None, reason: str = "") -> Vector:
        expected = (
            refused(reason, "frame")
            if payload is None
            else {"outcome": "frame", "payload": payload.hex()}
        )
        return {
            "name": name,
            "what": what,
            "kind": "frame",
            "data": data.hex(),
            "expected": expected,
        }

    yield frame("frame-of-one", "the shortest frame", b"\0\0\0\1x", b"x")
    yield frame("frame-with-more-behind", "what follows is not read", b"\0\0\0\1xyz", b"x")
    yield frame("frame-of-zero", "a length of 0", bytes(4), None, "frame-too-large")
    yield frame(
        "frame-over-the-cap",
        "one byte over the cap",
        (266_241).to_bytes(4, "big"),
        None,
        "frame-too-large",
    )
    yield frame(
        "frame-of-the-cap-cut",
        "the longest length that is allowed, and the end",
        (266_240).to_bytes(4, "big"),
        None,
        "frame-truncated",
    )
    yield frame(
        "frame-longest-length", "the longest length there is", b"\xff" * 4, None, "frame-too-large"
    )
    yield frame(
        "frame-little-endian", "a length in the other order", b"\1\0\0\0x", None, "frame-too-large"
    )
    yield frame(
        "frame-of-http", "another protocol", b"GET / HTTP/1.1\r\n\r\n", None, "frame-too-large"
    )
    for length in range(4):
        yield frame(
            f"frame-ends-in-its-length-{length}",
            f"{length} bytes and the end",
            b"\0\0\0\1"[:length],
            None,
            "frame-truncated",
        )
    yield frame(
        "frame-ends-before-its-payload",
        "a length and the end",
        b"\0\0\0\1",
        None,
        "frame-truncated",
    )
    yield frame(
        "frame-ends-in-its-payload", "half a payload", b"\0\0\0\4ab", None, "frame-truncated"
    )


def values() -> Iterator[Vector]:
    """Give CBOR of the subset, and beyond it."""

    def value(name: str, what: str, data: bytes, reason: str | None) -> Vector:
        expected = {"outcome": "value"} if reason is None else refused(reason, "body")
        return {
            "name": name,
            "what": what,
            "kind": "cbor",
            "data": data.hex(),
            "expected": expected,
        }

    fine = {
        "zero": "00",
        "twenty-three": "17",
        "twenty-four": "1818",
        "two-to-the-32": "1b0000000100000000",
        "greatest": "1bffffffffffffffff",
        "minus-one": "20",
        "least": "3bffffffffffffffff",
        "empty-bytes": "40",
        "empty-text": "60",
        "empty-array": "80",
        "empty-map": "a0",
        "false": "f4",
        "true": "f5",
        "null": "f6",
        "keys-in-order": "a301000a00613100",
        "four-levels": "81818180",
        "64-entries": "9840" + "00" * 64,
        "64-pairs": "b840" + "".join(f"{enc(n).hex()}00" for n in range(64)),
    }
    for name, data in fine.items():
        yield value(f"cbor-{name}", "a value of the subset", bytes.fromhex(data), None)
    bad = {
        "empty": ("no bytes", ""),
        "trailing": ("a byte behind the value", "0000"),
        "zero-in-two-bytes": ("a longer head than needed", "1800"),
        "twenty-three-in-two-bytes": ("a longer head than needed", "1817"),
        "255-in-three-bytes": ("a longer head than needed", "1900ff"),
        "65535-in-five-bytes": ("a longer head than needed", "1a0000ffff"),
        "length-in-two-bytes": ("a longer length than needed", "580161"),
        "reserved-28": ("a reserved head", "1c"),
        "indefinite-bytes": ("a string in pieces", "5f4161ff"),
        "indefinite-text": ("a text in pieces", "7f6161ff"),
        "indefinite-array": ("an array without a length", "9f00ff"),
        "indefinite-map": ("a map without a length", "bf0000ff"),
        "break-alone": ("a break", "ff"),
        "tag-of-time": ("a tag", "c100"),
        "tag-of-a-pattern": ("tag 35, a regular expression", "d82361 61".replace(" ", "")),
        "half": ("a half float", "f93c00"),
        "single": ("a single float", "fa3f800000"),
        "double": ("a double float", "fb3ff0000000000000"),
        "undefined": ("undefined", "f7"),
        "simple-0": ("an unassigned simple value", "e0"),
        "simple-255": ("an unassigned simple value", "f8ff"),
        "simple-false-in-two-bytes": ("false in two bytes", "f814"),
        "keys-out-of-order": ("keys in another order", "a20a000100"),
        "key-twice": ("a key twice", "a201000101"),
        "text-key-before-number": (
            "a text key in front of a number",
            "a2613100 0100".replace(" ", ""),
        ),
        "bytes-key": ("a byte string as a key", "a1416100"),
        "array-key": ("an array as a key", "a18000"),
        "true-key": ("true as a key", "a1f500"),
        "no-utf8": ("text that is not UTF-8", "61ff"),
        "overlong-utf8": ("an overlong slash", "62c0af"),
        "surrogate": ("half a character", "63eda080"),
        "five-levels": ("five levels", "818181818100"),
        "65-entries": ("65 entries", "9841" + "00" * 65),
        "65-pairs": ("65 pairs", "b841" + "".join(f"{enc(n).hex()}00" for n in range(65))),
        "a-billion-entries": ("an array that says it has 2^32 entries", "9b0000000100000000"),
        "string-cut": ("a string that ends early", "4361"),
        "head-cut": ("a head that ends early", "1a0000"),
    }
    for name, (what, data) in bad.items():
        yield value(f"cbor-{name}", what, bytes.fromhex(data), "body-malformed")


def documents() -> Iterator[Vector]:
    """Give documents, read for themselves: what they configure is not asked."""

    def document(name: str, what: str, data: bytes, reason: str | None, kind: str = JSON) -> Vector:
        expected = {"outcome": "document"} if reason is None else refused(reason, "document")
        return {
            "name": name,
            "what": what,
            "kind": "document",
            "content_type": kind,
            "data": data.hex(),
            "expected": expected,
        }

    form, sense = "document-malformed", "document-invalid"
    yield document("json-least", "the least configuration", b'{"version":1}', None)
    yield document("json-blanks", "blanks wherever they may be", b' {\n"version" :\t1 }\r\n', None)
    yield document(
        "json-escapes",
        "a name in escapes",
        b'{"version":1,"loggers":{"\\u0061\\ud834\\udd1e":{}}}',
        None,
    )
    broken: dict[str, tuple[str, bytes]] = {
        "empty": ("no bytes", b""),
        "bom": ("a byte order mark", b'\xef\xbb\xbf{"version":1}'),
        "utf16": ("another encoding", '{"version":1}'.encode("utf-16")),
        "not-utf8": ("a byte that is not UTF-8", b'{"version":1,"x":"\xff"}'),
        "overlong": ("an overlong slash", b'{"version":1,"x":"\xc0\xaf"}'),
        "list": ("a list at the top", b"[]"),
        "string": ("a string at the top", b'"x"'),
        "twice": ("a key twice", b'{"version":1,"version":1}'),
        "twice-escaped": ("a key twice, once in escapes", b'{"version":1,"\\u0076ersion":1}'),
        "nan": ("NaN", b'{"version":NaN}'),
        "infinity": ("Infinity", b'{"version":Infinity}'),
        "fraction": ("a fraction", b'{"version":1.0}'),
        "exponent": ("an exponent", b'{"version":1e0}'),
        "65-bits": ("an integer of 65 bits", b'{"version":9223372036854775808}'),
        "leading-zero": ("a leading zero", b'{"version":01}'),
        "surrogate": ("half a character in an escape", b'{"version":1,"x":"\\ud834"}'),
        "low-surrogate": ("its other half", b'{"version":1,"x":"\\udd1e"}'),
        "surrogates-swapped": ("both halves, swapped", b'{"version":1,"x":"\\udd1e\\ud834"}'),
        "minus-65-bits": ("a negative one", b'{"version":-9223372036854775809}'),
        "trailing": ("something behind the object", b'{"version":1} x'),
        "comment": ("a comment", b'{"version":1} // x'),
        "comma": ("a comma too many", b'{"version":1,}'),
        "single-quotes": ("other quotes", b"{'version':1}"),
        "control": ("a control character in a string", b'{"version":1,"x":"\x01"}'),
        "33-levels": ("33 levels", b'{"x":' + b"[" * 32 + b"]" * 32 + b"}"),
        "too-long": ("256 KiB and a byte", b'{"version":1}' + b" " * (256 * 1024 - 12)),
    }
    for name, (what, data) in broken.items():
        yield document(f"json-{name}", what, data, form)
    yield document(
        "json-32-levels",
        "as deep as JSON may be, and no configuration",
        b'{"x":' + b"[" * 31 + b"]" * 31 + b"}",
        sense,
    )
    yield document(
        "json-64-bits", "the greatest integer", b'{"version":9223372036854775807}', sense
    )
    yield document("json-long", "256 KiB", b'{"version":1}' + b" " * (256 * 1024 - 13), None)
    meant: dict[str, tuple[str, Any]] = {
        "no-version": ("no version", {}),
        "version-2": ("another version of the schema", {"version": 2}),
        "version-true": ("true for 1", {"version": True}),
        "unknown-key": ("a key that is not known", {"version": 1, "logers": {}}),
        "factory": (
            "a factory that is no dotted name",
            {"version": 1, "handlers": {"h": {"()": "os.system('true')"}}},
        ),
        "attributes": (
            "an attribute that is not for others",
            {"version": 1, "handlers": {"h": {"class": "logging.NullHandler", ".": {"_x": 1}}}},
        ),
        "cfg": (
            "a reference into the document",
            {
                "version": 1,
                "handlers": {"h": {"class": "logging.FileHandler", "filename": "cfg://root"}},
            },
        ),
        "level": ("a level that is none", {"version": 1, "root": {"level": "LOUD"}}),
        "level-float-text": ("a level in quotes", {"version": 1, "root": {"level": "10"}}),
        "handler-missing": (
            "a handler that is not defined",
            {"version": 1, "root": {"handlers": ["h"]}},
        ),
        "propagate-text": (
            "a flag in quotes",
            {"version": 1, "loggers": {"a": {"propagate": "no"}}},
        ),
    }
    for name, (what, value) in meant.items():
        yield document(f"json-{name}", what, json.dumps(value).encode(), sense)
    ini = "application/vnd.sealwire.ini"
    least = (
        b"[loggers]\nkeys=root\n[handlers]\nkeys=\n[formatters]\nkeys=\n"
        b"[logger_root]\nlevel=INFO\nhandlers=\n"
    )
    yield document("ini-least", "the least configuration in INI", least, None, ini)
    evaluated = (
        least.replace(b"keys=\n[formatters]", b"keys=h\n[formatters]")
        + b"[handler_h]\nclass=StreamHandler\nargs=(__import__('os').getpid(),)\n"
    )
    yield document(
        "ini-evaluated", "an argument that would have to be evaluated", evaluated, sense, ini
    )
    yield document(
        "ini-default-section", "a section of defaults", b"[DEFAULT]\nx=1\n" + least, sense, ini
    )
    for name, value in (("option", "%(x)s"), ("alone", "%"), ("default", "%(name)s")):
        yield document(
            f"ini-interpolation-{name}",
            f"{value} as a level, which the library would interpolate",
            least.replace(b"level=INFO", f"level={value}".encode()),
            sense,
            ini,
        )
    yield document("ini-not-utf8", "a byte that is not UTF-8", least + b"#\xff\n", form, ini)
    yield document(
        "type-unknown",
        "a content type that nobody knows",
        b"{}",
        "content-type-unknown",
        "application/xml",
    )
    yield document(
        "type-with-parameter",
        "a parameter behind the content type",
        b'{"version":1}',
        "content-type-unknown",
        "application/json; charset=utf-8",
    )
    yield document(
        "type-capital",
        "a content type in capitals",
        b'{"version":1}',
        "content-type-unknown",
        "application/JSON",
    )


def answers() -> Iterator[Vector]:
    """Give answers, as a client reads them."""

    def answer(name: str, what: str, data: bytes, said: Vector | None) -> Vector:
        expected = (
            refused("body-malformed", "body") if said is None else {"outcome": "answer", **said}
        )
        return {
            "name": name,
            "what": what,
            "kind": "answer",
            "data": data.hex(),
            "expected": expected,
        }

    for number, said in ((1, "applied"), (2, "refused"), (3, "failed")):
        yield answer(
            f"answer-{said}",
            f"an answer that says {said}",
            enc({1: number}),
            {"said": said, "reason": "", "detail": "", "repeated": False},
        )
    yield answer(
        "answer-full",
        "every field",
        enc({1: 2, 2: "policy", 3: "größer", 4: True}),
        {"said": "refused", "reason": "policy", "detail": "größer", "repeated": True},
    )
    for name, what, data in (
        ("no-outcome", "no outcome", enc({2: "x"})),
        ("outcome-0", "an outcome that is none", enc({1: 0})),
        ("outcome-true", "true for 1", enc({1: True})),
        ("outcome-text", "an outcome in words", enc({1: "applied"})),
        ("reason-empty", "a reason that is empty, and not left out", enc({1: 2, 2: ""})),
        ("repeated-false", "false, and not left out", enc({1: 1, 4: False})),
        ("field-unknown", "a field more", enc({1: 1, 9: 1})),
        ("array", "an array", enc([1])),
        ("trailing", "a byte behind it", enc({1: 1}) + b"\0"),
        ("empty", "no bytes", b""),
        ("report-text", "a report that is text", enc({1: 1, 5: "{}"})),
        ("report-empty", "a report that is empty, and not left out", enc({1: 1, 5: b""})),
        ("report-too-long", "a report over its limit", enc({1: 1, 5: bytes(200 * 1024 + 1)})),
        ("too-long", "over 204 KiB", enc({1: 2, 3: "x" * (204 * 1024)})),
    ):
        yield answer(f"answer-{name}", f"answer: {what}", data, None)


def receipts() -> Iterator[Vector]:
    """Give receipts, as a client reads them."""
    host = Signing(bytes(range(2, 34)), "host-a")
    digest = hashlib.sha256(body_of()).digest()
    asked = {"audience": AUDIENCE, "stream": "base", "cti": CTI.hex(), "digest": digest.hex()}
    derived = Secret("encrypt0", hkdf(AEAD.secret, "sealwire/1 receipt", 32, digest))
    text = (
        b'{"instances":[{"name":"a","outcome":"applied"}],"mode":"wait-out","outcome":"applied","request":"'
        + digest.hex().encode()
        + b'"}'
    )
    kind = "application/vnd.sealwire.receipt+json"

    def receipt(
        name: str,
        what: str,
        data: bytes,
        expected: Vector,
        *,
        hidden: bool = False,
        now_ms: int = NOW_MS,
    ) -> Vector:
        client: Vector = {"asked": asked, "receipt_key": host.described(), "now_ms": now_ms}
        if hidden:
            client["request_key"] = AEAD.described()
        return {
            "name": name,
            "what": what,
            "kind": "receipt",
            "client": client,
            "data": data.hex(),
            "expected": expected,
        }

    def sealed(
        keys: tuple[Signing | Secret, ...] = (host,),
        document: bytes = text,
        **changes: Any,  # noqa: ANN401 - claims, and parts of `seal`
    ) -> bytes:
        parts = {
            k: changes.pop(k) for k in ("use", "audience", "at", "authenticator") if k in changes
        }
        given = {"iss": "host-a", **changes}
        body = body_of(document, given.pop("kind", kind), **given)
        return bytes(seal(body, keys, **{"use": "receipt", **parts}))

    fine = {"outcome": "receipt", "said": "applied", "mode": "wait-out"}
    both: tuple[Signing | Secret, ...] = (derived, host)
    yield receipt("receipt-signed", "a receipt in the clear", sealed(), fine)
    yield receipt(
        "receipt-encrypted", "a receipt of an encrypted request", sealed(both), fine, hidden=True
    )
    yield receipt(
        "receipt-last-moment",
        "the last millisecond as an answer",
        sealed(),
        fine,
        now_ms=(NOW_S + 300) * 1000,
    )
    later = text[:-1] + b',"weather":"fine"}'
    yield receipt(
        "receipt-unknown-member",
        "a member that nobody knows is passed over",
        sealed(document=later),
        fine,
    )
    mismatch = refused("receipt-mismatch", "check")
    yield receipt(
        "receipt-too-late",
        "one millisecond later",
        sealed(),
        refused("expired", "check"),
        now_ms=(NOW_S + 300) * 1000 + 1,
    )
    yield receipt(
        "receipt-lives-longer",
        "exp a second later than a receipt's",
        sealed(exp=NOW_S + 301),
        mismatch,
    )
    yield receipt(
        "receipt-iat-of-another-second",
        "iat that is not the second of version",
        sealed(iat=NOW_S - 1),
        mismatch,
    )
    yield receipt("receipt-with-nonce", "a nonce", sealed(nonce=bytes(16)), mismatch)
    yield receipt(
        "receipt-of-a-squatter",
        "another key's",
        sealed((Signing(bytes(32), "host-a"),)),
        refused("key-unknown", "layer"),
    )
    yield receipt("receipt-as-request", "sealed with use request", sealed(use="request"), SIGNATURE)
    yield receipt(
        "receipt-of-another-audience",
        "bound to another audience",
        sealed(audience="billing@prod"),
        SIGNATURE,
    )
    yield receipt(
        "receipt-claims-another-audience",
        "claims another audience",
        sealed(aud="billing@prod"),
        refused("audience-mismatch", "check"),
    )
    yield receipt(
        "receipt-claims-another-host",
        "claims another host",
        sealed(iss="host-b"),
        refused("issuer-mismatch", "check"),
    )
    yield receipt(
        "receipt-of-another-id", "the id of another request", sealed(cti=bytes(16)), mismatch
    )
    yield receipt(
        "receipt-of-another-stream",
        "the stream of another request",
        sealed(stream="lease"),
        mismatch,
    )
    yield receipt(
        "receipt-of-another-digest",
        "the digest of another request",
        sealed(document=text.replace(digest.hex().encode(), b"00" * 32)),
        mismatch,
    )
    yield receipt(
        "receipt-in-the-clear",
        "in the clear where the request was encrypted",
        sealed(),
        ENVELOPE,
        hidden=True,
    )
    yield receipt(
        "receipt-under-the-requests-key",
        "encrypted under the request's own key",
        sealed((AEAD, host)),
        refused("key-unknown", "layer"),
        hidden=True,
    )
    yield receipt(
        "receipt-of-another-type",
        "another content type",
        sealed(kind=JSON),
        refused("content-type-unknown", "document"),
    )
    for name, what, document in (
        ("no-mode", "no mode", text.replace(b'"mode":"wait-out",', b"")),
        (
            "outcome-unknown",
            "an outcome that is none",
            text.replace(b'"outcome":"applied","request"', b'"outcome":"gone","request"'),
        ),
        (
            "instances-text",
            "instances that are no list",
            text.replace(b'[{"name":"a","outcome":"applied"}]', b'"a"'),
        ),
    ):
        yield receipt(
            f"receipt-{name}",
            f"receipt: {what}",
            sealed(document=document),
            refused("document-invalid", "document"),
        )


def everything() -> dict[str, bytes]:
    """Give every file by its name."""
    files: dict[str, bytes] = {}
    parts = (
        good,
        envelopes,
        proofs,
        alternatives,
        public_keys,
        binding,
        bodies,
        times,
        frames,
        keyrings,
        values,
        documents,
        answers,
        receipts,
    )
    for part in parts:
        for vector in part():
            name = f"{vector['name']}.json"
            assert name not in files, name
            vector["origin"] = MADE_BY
            files[name] = (json.dumps(vector, indent=1, ensure_ascii=False) + "\n").encode()
    return files


def main() -> None:
    """Write them all, and remove what is no longer one."""
    FILES.mkdir(exist_ok=True)
    files = everything()
    for old in FILES.glob("*.json"):
        if old.name not in files:
            old.unlink()
    for name, content in files.items():
        (FILES / name).write_bytes(content)
    print(f"{len(files)} files")


if __name__ == "__main__":
    main()
