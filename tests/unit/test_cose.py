"""The wire format, byte by byte: written a second time, with raw primitives and literal hex."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

import nacl.signing
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sealwire import cose
from sealwire.chain import Chain
from sealwire.errors import MalformedError, Reason, RefusedError, Stage
from sealwire.keys import AeadKey, MacKey, SigningKey, reveal_secret
from sealwire.layers import (
    AesGcmOpener,
    AesGcmSealer,
    Ed25519Signer,
    Ed25519Verifier,
    HmacTagger,
    HmacVerifier,
)
from sealwire.stages import KeyId, Use

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Operator

    from sealwire.sealer import SealingLayer

    Wrap = Callable[[bytes], bytes]

NOW_MS = 1_800_000_000_000
AUDIENCE = "payments@prod"
MAC = MacKey(bytes(range(32)), owner="alice", audience=AUDIENCE)
AEAD = AeadKey(bytes(range(32, 64)), owner="alice", audience=AUDIENCE)
SIGNING = SigningKey(bytes(range(64, 96)), owner="alice")
IV = bytes.fromhex("000102030405060708090a0b")


def hexed(*parts: str | bytes) -> bytes:
    """Join bytes and hex text."""
    return b"".join(part if isinstance(part, bytes) else bytes.fromhex(part) for part in parts)


def framed(payload: bytes) -> bytes:
    """Give ``payload`` as a CBOR byte string of fewer than 2^16 bytes."""
    length = len(payload)
    if length < 24:
        return bytes((0x40 | length,)) + payload
    if length < 256:
        return hexed("58", bytes((length,)), payload)
    return hexed("59", length.to_bytes(2, "big"), payload)


def bound(index: str, algorithms: str, use: str = "67" + b"request".hex()) -> bytes:
    """Give external_aad for ``payments@prod``, as a byte string."""
    return framed(
        hexed("85 6a", b"sealwire/1", use, "6d", b"payments@prod", index, algorithms),
    )


# The three kinds by hand. ``aad`` is framed; so is ``inner``, except in Encrypt0.


def mac0_by_hand(inner: bytes, aad: bytes) -> bytes:
    """Write COSE_Mac0 (RFC 9052, section 6.2)."""
    protected = hexed("4d a2 01 05 04 48", MAC.id)
    covered = hexed("84 64", b"MAC0", protected, aad, inner)
    tag = hmac.digest(reveal_secret(MAC), covered, "sha256")
    return hexed("d1 84", protected, "a0", inner, "58 20", tag)


def sign1_by_hand(inner: bytes, aad: bytes) -> bytes:
    """Write COSE_Sign1 (RFC 9052, section 4.2) with algorithm -19 (RFC 9864)."""
    protected = hexed("4d a2 01 32 04 48", SIGNING.id)
    covered = hexed("84 6a", b"Signature1", protected, aad, inner)
    signature = nacl.signing.SigningKey(reveal_secret(SIGNING)).sign(covered).signature
    return hexed("d2 84", protected, "a0", inner, "58 40", signature)


def encrypt0_by_hand(inner: bytes, aad: bytes, iv: bytes = IV) -> bytes:
    """Write COSE_Encrypt0 (RFC 9052, section 5.2) with the key check value in its header."""
    protected = hexed("58 34 a3 01 03 04 48", AEAD.id, "3a 00 01 11 72 58 20", AEAD.check_value)
    covered = hexed("83 68", b"Encrypt0", protected, aad)
    ciphertext = AESGCM(reveal_secret(AEAD)).encrypt(iv, inner, covered)
    return hexed("d0 83", protected, "a1 05 4c", iv, framed(ciphertext))


# ---- headers and binding --------------------------------------------------------------------


def test_protected_headers() -> None:
    """The header of a key is a constant: algorithm, key id, in Encrypt0 the key check value."""
    key_id = KeyId(bytes.fromhex("0011223344556677"))
    assert "4da201050448" + key_id.hex() == cose.protected_header(5, key_id).hex()
    assert "4da201320448" + key_id.hex() == cose.protected_header(-19, key_id).hex()
    check = bytes(range(32))
    expected = "5834a30103044800112233445566773a000111725820" + check.hex()
    assert expected == cose.protected_header(3, key_id, check).hex()


def test_external_aad_of_a_request() -> None:
    """Protocol, use, audience, index and algorithms, as a byte string in CBOR."""
    expected = (
        "5827 85 6a 7365616c776972652f31 67 72657175657374 6d 7061796d656e74734070726f64"
        "00 83 05 03 32"
    )
    actual = cose.external_aad(Use.REQUEST, AUDIENCE, 0, (5, 3, -19))
    assert bytes.fromhex(expected) == actual


@pytest.mark.parametrize(
    ("use", "text"),
    [
        (Use.REQUEST, "67 72657175657374"),
        (Use.RECEIPT, "67 72656365697074"),
        (Use.KEYRING, "67 6b657972696e67"),
        (Use.START, "65 7374617274"),
    ],
)
@pytest.mark.parametrize("index", [0, 1, 23])
@pytest.mark.parametrize(("algorithms", "listed"), [((-19,), "81 32"), ((5, 3), "82 05 03")])
def test_external_aad(
    use: Use, text: str, index: int, algorithms: tuple[int, ...], listed: str
) -> None:
    """Each value that is bound stands in the bytes."""
    expected = bound(f"{index:02x}", listed, text)
    assert expected == cose.external_aad(use, AUDIENCE, index, algorithms)


def test_every_bound_value_changes_the_bytes() -> None:
    """No two of these places, uses or audiences share what is authenticated."""
    places = [
        cose.external_aad(use, audience, index, algorithms)
        for use in Use
        for audience in ("payments@prod", "payments@test", "payments@pro")
        for index in range(3)
        for algorithms in ((5, 3, -19), (3, 5, -19), (5, 3), (-19,), ())
    ]
    assert len(places) == len(set(places))


@pytest.mark.parametrize(
    ("shape", "name", "tag", "algorithm"),
    [
        (cose.MAC0, "Mac0", 17, 5),
        (cose.ENCRYPT0, "Encrypt0", 16, 3),
        (cose.SIGN1, "Sign1", 18, -19),
        (cose.SIGN1_SSHSIG, "Sign1", 18, -70010),
    ],
)
def test_kinds(shape: cose.Shape, name: str, tag: int, algorithm: int) -> None:
    """The tags of RFC 9052, section 2, and one algorithm each."""
    assert (name, tag, algorithm) == (shape.name, shape.tag, shape.algorithm)


def test_a_shape_is_seen_from_outside() -> None:
    """For looking alone: what is around a payload, and which of the two kinds of Sign1 it is."""
    header = cose.protected_header(cose.SSHSIG, SIGNING.id)
    aad = bound("00", "81 32")
    made = [
        (cose.MAC0, HmacTagger(MAC).seal(b"payload", aad)),
        (cose.SIGN1, Ed25519Signer(SIGNING).seal(b"payload", aad)),
        (cose.SIGN1_SSHSIG, cose.join_sshsig(header, framed(b"payload"), b"an SSHSIG")),
    ]
    for shape, sealed in made:
        assert shape is cose.shape_of(sealed)
        assert b"payload" == cose.payload_unverified(shape, sealed)
        assert SIGNING.id == sealed[shape.key_id] or shape is cose.MAC0
    assert cose.ENCRYPT0 is cose.shape_of(AesGcmSealer(AEAD).seal(b"payload", aad))
    assert cose.shape_of(b"payload") is None
    assert cose.shape_of(b"") is None


# ---- whole objects --------------------------------------------------------------------------

MAC0_HEX = (
    "d1844da2010504488626b47bf56d15cfa0477061796c6f6164582006c5ffff163a54240d08e900f5"
    "0750e4095ad02f489e5fc56f7a8324a578ace8"
)
SIGN1_HEX = (
    "d2844da2013204488cb46c0f98440da3a0477061796c6f61645840d9d09e0e9a20f69b8bf8265a90"
    "9ee7083e9a06bc6a16628d398861925dcfc7489bd5e350309e495a73780d88c433999eb4ea34d3fc"
    "57ef0ce51b41171d73a003"
)
ENCRYPT0_HEX = (
    "d0835834a3010304486be86468d9ebbd613a0001117258201d5bed4e8e999a93aa048b2ec91471d1"
    "fa21f28f1f6c596bd7dc3686d5cf57c0a1054c000102030405060708090a0b572c3324cb25548f54"
    "e9d674358835cfbd679406fc1ff04e"
)


def test_mac0_is_these_bytes() -> None:
    """By hand, by the tagger, and as literal bytes."""
    aad = bound("00", "81 05")
    expected = bytes.fromhex(MAC0_HEX)
    assert expected == mac0_by_hand(framed(b"payload"), aad)
    assert expected == HmacTagger(MAC).seal(b"payload", aad)


def test_sign1_is_these_bytes() -> None:
    """By hand, by the signer, and as literal bytes: Ed25519 signatures have no randomness."""
    aad = bound("00", "81 32")
    expected = bytes.fromhex(SIGN1_HEX)
    assert expected == sign1_by_hand(framed(b"payload"), aad)
    assert expected == Ed25519Signer(SIGNING).seal(b"payload", aad)


def test_encrypt0_is_these_bytes() -> None:
    """By hand and as literal bytes; the sealer's are the same for the IV that it drew."""
    aad = bound("00", "82 03 32")
    assert bytes.fromhex(ENCRYPT0_HEX) == encrypt0_by_hand(b"payload", aad)
    sealed = AesGcmSealer(AEAD).seal(b"payload", aad)
    # d0 83, 58 34 and 52 bytes of header, a1 05 4c: the IV begins at byte 59.
    assert encrypt0_by_hand(b"payload", aad, iv=sealed[59:71]) == sealed


@pytest.mark.parametrize("length", [0, 1, 23, 24, 255, 256, 65535, 65536])
def test_payloads_of_every_head(length: int) -> None:
    """The byte string around a payload has the shortest head, at each boundary."""
    payload = bytes(length)
    head = "5a00010000" if length == 65536 else framed(payload)[: -length or None].hex()
    assert HmacTagger(MAC).seal(payload, b"\x40")[17:].startswith(hexed(head, payload))
    assert Ed25519Signer(SIGNING).seal(payload, b"\x40")[17:].startswith(hexed(head, payload))


def chain(*layers: HmacVerifier | AesGcmOpener | Ed25519Verifier) -> Chain:
    """Build a chain without checks."""
    return Chain(AUDIENCE, layers)


GATE = HmacVerifier([MAC])
OPENER = AesGcmOpener([AEAD])
VERIFIER = Ed25519Verifier([SIGNING.verify_key])


def test_a_message_written_by_hand_opens(alice: Operator) -> None:
    """Three layers and a body from raw primitives: what another implementation would send."""
    body = bytes.fromhex(
        "83 a7 01 65616c696365 03 6d7061796d656e74734070726f64 04 1a6b49d32c 06 1a6b49d200"
        "07 50000102030405060708090a0b0c0d0e0f 3a00011170 1b000001a3185c5000"
        "3a00011171 6462617365 70 6170706c69636174696f6e2f6a736f6e 4e 7b2276657273696f6e223a20317d"
    )
    assert body == alice.body()
    signed = sign1_by_hand(framed(body), bound("02", "83 05 03 32"))
    hidden = encrypt0_by_hand(signed, bound("01", "83 05 03 32"))
    sealed = mac0_by_hand(framed(hidden), bound("00", "83 05 03 32"))
    opened = chain(GATE, OPENER, VERIFIER).open(sealed, now_ms=NOW_MS)
    assert body == opened.body
    assert (alice.claims(), "application/json", b'{"version": 1}') == (
        opened.claims,
        opened.content_type,
        opened.document,
    )


def test_a_sealed_message_is_what_is_written_by_hand(alice: Operator) -> None:
    """The same in the other direction, for the whole network chain."""
    layers: list[SealingLayer] = [HmacTagger(MAC), AesGcmSealer(AEAD), Ed25519Signer(SIGNING)]
    sealed = alice.wrap(alice.body(), layers)
    # 17 bytes and a head of three up to Mac0's payload, then Encrypt0's IV as above.
    iv = sealed[20 + 59 : 20 + 71]
    signed = sign1_by_hand(framed(alice.body()), bound("02", "83 05 03 32"))
    hidden = encrypt0_by_hand(signed, bound("01", "83 05 03 32"), iv)
    assert mac0_by_hand(framed(hidden), bound("00", "83 05 03 32")) == sealed


# ---- what is no such object -----------------------------------------------------------------

KINDS: dict[str, tuple[Chain, Wrap, bytes]] = {
    "Mac0": (chain(GATE), lambda inner: mac0_by_hand(inner, bound("00", "81 05")), b"\xd1\x84\x4d"),
    "Sign1": (
        chain(VERIFIER),
        lambda inner: sign1_by_hand(inner, bound("00", "81 32")),
        b"\xd2\x84\x4d",
    ),
    "Encrypt0": (
        chain(OPENER, VERIFIER),
        lambda inner: encrypt0_by_hand(inner, bound("00", "82 03 32")),
        b"\xd0\x83\x58",
    ),
}


def refusal(opening: Chain, sealed: bytes) -> RefusedError:
    """Give the refusal of ``sealed``."""
    with pytest.raises(RefusedError) as caught:
        opening.open(sealed, now_ms=NOW_MS)
    return caught.value


def whole(kind: str) -> tuple[Chain, bytes]:
    """Give a chain and an object whose outermost layer it opens."""
    opening, wrap, _ = KINDS[kind]
    inner = b"x" * 40
    return opening, wrap(inner if kind == "Encrypt0" else framed(inner))


@pytest.mark.parametrize("kind", KINDS)
def test_the_objects_of_these_tests_are_right(kind: str) -> None:
    """Unchanged they authenticate, so that what follows fails for the change alone."""
    refused = refusal(*whole(kind))
    if kind == "Encrypt0":
        assert "expected Sign1" in refused.detail
    else:
        assert Stage.BODY is refused.stage


# What is replaced, by what: offsets as in the layouts above.
CHANGES = [
    ("Mac0", "another tag", 0, 1, "d2"),
    ("Mac0", "no tag", 0, 1, ""),
    ("Mac0", "a tag of two bytes", 0, 1, "d811"),
    ("Mac0", "a map for the array", 1, 2, "a4"),
    ("Mac0", "an array of five", 1, 2, "85"),
    ("Mac0", "an indefinite array", 1, 2, "9f"),
    ("Mac0", "a longer header", 2, 3, "4e"),
    ("Mac0", "header in a longer head", 2, 3, "580d"),
    ("Mac0", "header as a map", 2, 3, "a2"),
    ("Mac0", "one header parameter", 3, 4, "a1"),
    ("Mac0", "algorithm HS512", 5, 6, "07"),
    ("Mac0", "algorithm 4: HMAC truncated to 64 bits", 5, 6, "04"),
    ("Mac0", "algorithm none", 5, 6, "f6"),
    ("Mac0", "key id under another label", 6, 7, "05"),
    ("Mac0", "a key id of seven", 7, 8, "47"),
    ("Mac0", "unprotected header missing", 16, 17, ""),
    ("Mac0", "unprotected header is an array", 16, 17, "80"),
    ("Mac0", "unprotected header not empty", 16, 17, "a10105"),
    ("Mac0", "unprotected header is null", 16, 17, "f6"),
    ("Mac0", "tag is text", -34, -33, "78"),
    ("Mac0", "tag of 31", -33, -32, "1f"),
    ("Mac0", "tag cut by one", -1, None, ""),
    ("Mac0", "something trails", 9999, None, "00"),
    ("Sign1", "another tag", 0, 1, "d1"),
    ("Sign1", "COSE_Sign's tag", 0, 1, "d862"),
    ("Sign1", "algorithm EdDSA, deprecated", 5, 6, "27"),
    ("Sign1", "algorithm ES256", 5, 6, "26"),
    ("Sign1", "unprotected header not empty", 16, 17, "a10432"),
    ("Sign1", "signature of 63", -65, -64, "3f"),
    ("Sign1", "signature cut by one", -1, None, ""),
    ("Sign1", "something trails", 9999, None, "00"),
    ("Encrypt0", "another tag", 0, 1, "d1"),
    ("Encrypt0", "an array of four", 1, 2, "84"),
    ("Encrypt0", "algorithm A128GCM", 6, 7, "01"),
    ("Encrypt0", "no key check value", 17, 56, ""),
    ("Encrypt0", "key check value under another label", 17, 22, "3a00011171"),
    ("Encrypt0", "key check value of 31", 23, 24, "1f"),
    ("Encrypt0", "unprotected header empty", 56, 59, "a0"),
    ("Encrypt0", "unprotected header of two", 56, 57, "a2"),
    ("Encrypt0", "partial IV", 57, 58, "06"),
    ("Encrypt0", "an IV of 13", 58, 59, "4d"),
    ("Encrypt0", "ciphertext is null", 71, None, "f6"),
    ("Encrypt0", "ciphertext missing", 71, None, ""),
    ("Encrypt0", "ciphertext is text", 71, 72, "78"),
    ("Encrypt0", "ciphertext in a longer head", 71, 73, "590038"),
    ("Encrypt0", "ciphertext of indefinite length", 71, 73, "5f"),
    ("Encrypt0", "ciphertext longer than the object", 72, 73, "39"),
    ("Encrypt0", "ciphertext shorter than the object", 72, 73, "37"),
    ("Encrypt0", "something trails", 9999, None, "00"),
]


@pytest.mark.parametrize(
    ("kind", "start", "stop", "new"),
    [(kind, *rest) for kind, _, *rest in CHANGES],
    ids=[f"{kind}: {name}" for kind, name, *_ in CHANGES],
)
def test_an_object_of_another_form_is_malformed(
    kind: str, start: int, stop: int | None, new: str
) -> None:
    """One encoding, one algorithm, no header but ours: found by comparing, before a key is used."""
    opening, sealed = whole(kind)
    changed = sealed[:start] + bytes.fromhex(new) + (b"" if stop is None else sealed[stop:])
    refused = refusal(opening, changed)
    assert isinstance(refused, MalformedError)
    assert (Reason.ENVELOPE_MALFORMED, Stage.LAYER) == (refused.reason, refused.stage)


@pytest.mark.parametrize("kind", KINDS)
def test_an_object_of_another_kind_is_named(kind: str) -> None:
    """The detail says what was expected and what was found."""
    for other in KINDS.keys() - {kind}:
        refused = refusal(KINDS[kind][0], whole(other)[1])
        assert Reason.ENVELOPE_MALFORMED is refused.reason
        assert refused.detail.startswith(f"expected {kind} (tag ")
        assert f"found {other} (tag " in refused.detail


@pytest.mark.parametrize("kind", KINDS)
def test_every_truncation_of_an_object_is_refused(kind: str) -> None:
    """However it is cut; a cut that leaves the key id may look like a wrong authenticator."""
    opening, sealed = whole(kind)
    for end in range(len(sealed)):
        assert Stage.LAYER is refusal(opening, sealed[:end]).stage


@pytest.mark.parametrize("kind", ["Mac0", "Sign1"])
@pytest.mark.parametrize(
    ("name", "inner"),
    [
        ("empty", ""),
        ("null, a detached payload", "f6"),
        ("text", "6161"),
        ("an array", "8100"),
        ("a longer head", "580161"),
        ("indefinite", "5f4161ff"),
        ("longer than the object", "4261"),
        ("shorter than the object", "416161"),
        ("two byte strings", "41614161"),
        ("a head without its argument", "58"),
    ],
)
def test_an_authentic_object_with_a_malformed_payload(kind: str, name: str, inner: str) -> None:
    """Who holds the key can still not write another form of a payload."""
    opening, wrap, _ = KINDS[kind]
    refused = refusal(opening, wrap(bytes.fromhex(inner)))
    assert isinstance(refused, MalformedError), name
    assert (Reason.ENVELOPE_MALFORMED, Stage.LAYER) == (refused.reason, refused.stage)
    assert refused.detail.startswith(f"{kind}: ")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("", "nothing"),
        ("d1", "Mac0 (tag 17)"),
        ("d0", "Encrypt0 (tag 16)"),
        ("d2", "Sign1 (tag 18)"),
        ("d862", "Sign (tag 98)"),
        ("d8", "no COSE object: b'\\xd8'"),
        ("d3", "no COSE object: b'\\xd3'"),
        ("474554202f20485454", "no COSE object: b'GET / HT'"),
        ("11", "no COSE object: b'\\x11'"),
    ],
)
def test_kind_of_says_what_it_looks_like(data: str, expected: str) -> None:
    """For logs alone: what a peer sent is escaped and short."""
    assert expected == cose.kind_of(bytes.fromhex(data))
