"""Keyrings for the vectors, written by hand: each is right but for one thing."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any

from encoding import (
    ALICE,
    AUDIENCE,
    BOB,
    MAC,
    NOW_MS,
    NOW_S,
    Secret,
    Signing,
    bound,
    enc,
    head,
    hkdf,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT, OTHER = Signing(bytes([7]) * 32, "root"), Signing(bytes([8]) * 32, "other")
MALLORY = Signing(bytes([9]) * 32, "mallory")
Members = dict[str, Any]
Vector = dict[str, Any]


def of(key: Signing | Secret, role: str, state: str = "active", **more: Any) -> Members:  # noqa: ANN401 - JSON
    """Give a key as a keyring has it."""
    members: Members = {
        "role": role,
        "owner": {"id": key.owner, "kind": "person"},
        "state": state,
        "since": NOW_S - 86_400,
    }
    if isinstance(key, Signing):
        thumbprint = hashlib.sha256(enc({1: 1, -1: 6, -2: key.public})).digest()
        members["public"] = base64.urlsafe_b64encode(key.public).decode().rstrip("=")
    else:
        thumbprint = hkdf(key.secret, "sealwire/1 kid", 32)
        members["audiences"] = [AUDIENCE]
    members["thumbprint"] = thumbprint.hex()
    if state == "active":
        members["primary"] = True
    return members | more


def ring(*keys: Members, **more: Any) -> Members:  # noqa: ANN401 - JSON
    """Give a keyring."""
    return {
        "format": "sealwire-keyring-1",
        "name": "payments",
        "version": 1,
        "issued": NOW_S - 86_400,
        "expires": NOW_S + 86_400,
        "root_threshold": 1,
        "keys": sorted(keys, key=lambda key: key["thumbprint"]),
    } | more


def text(members: Members) -> bytes:
    """Give canonical JSON."""
    return json.dumps(members, separators=(",", ":"), sort_keys=True).encode()


def signed(
    keyring: Members | bytes,
    *signers: Signing,
    name: str = "payments",
    use: str = "keyring",
    flipped: int = -1,
) -> bytes:
    """Give a signed keyring; the signature of number ``flipped`` has a wrong bit."""
    payload = keyring if isinstance(keyring, bytes) else text(keyring)
    aad = bound(0, [-19], use, name)
    entries = []
    for number, key in enumerate((signers[0], *sorted(signers[1:], key=lambda each: each.kid))):
        protected = enc({1: -19, 4: key.kid})
        proof = key.sign(enc(["Signature", b"", protected, aad, payload]))
        if number == flipped:
            proof = proof[:-1] + bytes([proof[-1] ^ 1])
        entries.append(head(4, 3) + enc(protected) + b"\xa0" + enc(proof))
    body = b"\xd8\x62\x84\x40\xa0" + enc(payload)
    made: bytes = body + head(4, len(entries)) + b"".join(entries)
    return made


def listed(*keyrings: bytes) -> bytes:
    """Give a list."""
    made: bytes = head(4, len(keyrings)) + b"".join(keyrings)
    return made


def vector(name: str, what: str, data: bytes, expected: Vector, before: bytes = b"") -> Vector:
    """Give a vector of a list of keyrings; without one before it the first one is pinned."""
    return {
        "name": f"keyring-{name}",
        "what": what,
        "kind": "keyring",
        "before": before.hex(),
        "now_ms": NOW_MS,
        "data": data.hex(),
        "expected": expected,
    }


def followed(keyring: Members) -> Vector:
    """Expect that a list is followed, to this keyring."""
    digest = hashlib.sha256(text(keyring)).hexdigest()
    return {"outcome": "followed", "version": keyring["version"], "digest": digest}


def refused(reason: str, stage: str) -> Vector:
    """Expect a refusal."""
    return {"outcome": "refused", "reason": reason, "stage": stage}


INVALID = refused("document-invalid", "document")
ORDER = refused("keyring-out-of-order", "admission")
MISSING = refused("signatures-missing", "admission")
UNKNOWN = refused("key-unknown", "layer")
WRONG = refused("signature-invalid", "layer")
MALFORMED = refused("envelope-malformed", "layer")
KEYS = (of(ROOT, "root"), of(ALICE, "config"), of(MAC, "gate"))
FIRST = ring(*KEYS)
BOBS = of(BOB, "lease")
SECOND = ring(*KEYS, BOBS, version=2, issued=NOW_S)
TWO = ring(*KEYS, of(OTHER, "root"), BOBS, root_threshold=2)


def suspending(**more: Any) -> Members:  # noqa: ANN401 - JSON
    """Give the keyring behind `TWO` that suspends bob."""
    away = of(BOB, "lease", "suspended", since=NOW_S, until=NOW_S + 72 * 3600)
    keys = (*KEYS, of(OTHER, "root"), away | more)
    return ring(*keys, root_threshold=2, version=2, issued=NOW_S)


def keyrings() -> Iterator[Vector]:
    """Give keyrings that are followed, and what is refused of them."""
    first, second, two = signed(FIRST, ROOT), signed(SECOND, ROOT), signed(TWO, ROOT, OTHER)
    third = ring(*KEYS, of(BOB, "lease", "compromised"), version=3, issued=NOW_S)
    yield vector(
        "good-first", "a first keyring under its root's signature", listed(first), followed(FIRST)
    )
    yield vector("good-second", "one that adds a key", listed(second), followed(SECOND), first)
    yield vector(
        "good-two",
        "two that follow each other",
        listed(second, signed(third, ROOT)),
        followed(third),
        first,
    )
    yield vector("good-threshold", "a first keyring of two roots", listed(two), followed(TWO))
    yield vector(
        "good-suspends",
        "one of two roots suspends a key",
        listed(signed(suspending(), OTHER)),
        followed(suspending()),
        two,
    )
    new = ring(
        of(ROOT, "root", "deactivated"), of(OTHER, "root"), *KEYS[1:], version=2, issued=NOW_S
    )
    yield vector(
        "good-new-root",
        "the root is another one, and both sign",
        listed(signed(new, ROOT, OTHER)),
        followed(new),
        first,
    )
    for name, what, data, expected, before in (
        (
            "first-stranger",
            "a first keyring that a stranger signed",
            signed(FIRST, MALLORY),
            UNKNOWN,
            b"",
        ),
        ("first-second", "a second keyring where the first is due", second, ORDER, b""),
        ("too-few", "one of two roots", signed(TWO, ROOT), MISSING, b""),
        (
            "wrong-signature",
            "a wrong bit in the signature",
            signed(SECOND, ROOT, flipped=0),
            WRONG,
            first,
        ),
        (
            "unknown-extra",
            "a signature of a config key behind enough",
            signed(SECOND, ROOT, ALICE),
            UNKNOWN,
            first,
        ),
        (
            "wrong-second",
            "a wrong bit in the second signature",
            signed(TWO | {"version": 2, "issued": NOW_S}, ROOT, OTHER, flipped=1),
            WRONG,
            two,
        ),
        (
            "of-a-request",
            "signed as a request is",
            signed(SECOND, ROOT, use="request"),
            WRONG,
            first,
        ),
        (
            "of-another-name",
            "signed for another keyring",
            signed(SECOND, ROOT, name="other"),
            WRONG,
            first,
        ),
        (
            "renamed",
            "another name, under a signature for ours",
            signed(SECOND | {"name": "other"}, ROOT),
            ORDER,
            first,
        ),
        ("skipped", "a version is left out", signed(SECOND | {"version": 3}, ROOT), ORDER, first),
        (
            "repeated",
            "the version in force again",
            signed(SECOND | {"version": 1}, ROOT),
            ORDER,
            first,
        ),
        (
            "earlier",
            "issued before the one it follows",
            signed(SECOND | {"issued": NOW_S - 86_401}, ROOT),
            ORDER,
            first,
        ),
        (
            "ahead",
            "issued 302 s ahead",
            signed(SECOND | {"issued": NOW_S + 302}, ROOT),
            ORDER,
            first,
        ),
        (
            "only-new-root",
            "the root is another one, which signs alone",
            signed(new, OTHER),
            UNKNOWN,
            first,
        ),
        (
            "only-old-root",
            "the root is another one, and has not signed",
            signed(new, ROOT),
            MISSING,
            first,
        ),
        (
            "key-gone",
            "a key is left out that was not destroyed",
            signed(ring(*KEYS[:2], version=2, issued=NOW_S), ROOT),
            ORDER,
            first,
        ),
        (
            "suspends-too-long",
            "one of two roots suspends a key for a second too long",
            signed(suspending(until=NOW_S + 72 * 3600 + 1), OTHER),
            MISSING,
            two,
        ),
        (
            "suspends-later",
            "one of two roots suspends a key from later on",
            signed(suspending(since=NOW_S + 1), OTHER),
            MISSING,
            two,
        ),
        (
            "suspends-nothing",
            "one of two roots changes nothing",
            signed(TWO | {"version": 2, "issued": NOW_S}, OTHER),
            MISSING,
            two,
        ),
        (
            "unknown-member",
            "a member that is not listed",
            signed(SECOND | {"limit": 1}, ROOT),
            INVALID,
            first,
        ),
        (
            "another-format",
            "another format",
            signed(SECOND | {"format": "sealwire-keyring-2"}, ROOT),
            INVALID,
            first,
        ),
        (
            "not-canonical",
            "a space that canonical JSON has not",
            signed(text(SECOND).replace(b",", b", ", 1), ROOT),
            INVALID,
            first,
        ),
        (
            "keys-unordered",
            "keys not in the order of their thumbprints",
            signed(SECOND | {"keys": SECOND["keys"][::-1]}, ROOT),
            INVALID,
            first,
        ),
        (
            "another-thumbprint",
            "a public key that is not its thumbprint's",
            signed(
                ring(*KEYS, BOBS | {"public": KEYS[0]["public"]}, version=2, issued=NOW_S), ROOT
            ),
            INVALID,
            first,
        ),
    ):
        yield vector(name, what, listed(data), expected, before)
    yield vector("list-empty", "a list of none", b"\x80", MALFORMED, first)
    yield vector(
        "list-of-17", "one more than there may be", listed(*[second] * 17), MALFORMED, first
    )
    yield vector("list-short", "a list that says it has two", b"\x82" + second, MALFORMED, first)
    yield vector("list-trailing", "a byte follows", listed(second) + b"\0", MALFORMED, first)
    yield vector("list-alone", "a keyring that is in no list", second, MALFORMED, first)
