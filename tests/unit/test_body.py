"""The body: exactly the claims of the protocol, each in its one form."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sealwire import cbor
from sealwire.body import decode_body, encode_body
from sealwire.errors import MalformedError, Reason, SealError, Stage
from sealwire.stages import Claims, Stream

if TYPE_CHECKING:
    from tests.conftest import Operator

CLAIMS = Claims(
    iss="alice",
    aud="payments@prod",
    exp=1_800_000_300,
    iat=1_800_000_000,
    cti=bytes(range(16)),
    version=1_800_000_000_000,
    stream=Stream.LEASE,
)
TABLE: dict[int | str, cbor.CborValue] = {
    1: "alice",
    3: "payments@prod",
    4: 1_800_000_300,
    6: 1_800_000_000,
    7: bytes(range(16)),
    -70001: 1_800_000_000_000,
    -70002: "lease",
}


def body(
    changes: dict[int | str, cbor.CborValue] | None = None,
    *,
    without: int | None = None,
    content_type: cbor.CborValue = "application/json",
    document: cbor.CborValue = b"{}",
) -> bytes:
    """Write a body with claims changed, added or left out."""
    table = TABLE | (changes or {})
    if without is not None:
        del table[without]
    return cbor.encode([table, content_type, document])


def refusal(data: bytes) -> MalformedError:
    """Give the refusal of ``data``."""
    with pytest.raises(MalformedError) as caught:
        decode_body(data)
    assert (Reason.BODY_MALFORMED, Stage.BODY) == (caught.value.reason, caught.value.stage)
    return caught.value


def test_a_body_is_these_bytes() -> None:
    """CBOR ``[claims, content type, document]``, with the claim numbers of RFC 8392 and ours."""
    expected = (
        "83 a7"
        "01 65 616c696365"  # iss: alice
        "03 6d 7061796d656e74734070726f64"  # aud: payments@prod
        "04 1a 6b49d32c"  # exp
        "06 1a 6b49d200"  # iat
        "07 50 000102030405060708090a0b0c0d0e0f"  # cti
        "3a00011170 1b 000001a3185c5000"  # version, -70001
        "3a00011171 65 6c65617365"  # stream, -70002: lease
        "70 6170706c69636174696f6e2f6a736f6e"  # application/json
        "42 7b7d"  # {}
    )
    assert bytes.fromhex(expected) == encode_body(CLAIMS, "application/json", b"{}")
    assert (CLAIMS, "application/json", b"{}") == decode_body(bytes.fromhex(expected))


def test_a_body_with_a_nonce_is_these_bytes() -> None:
    """The nonce is claim 10, behind cti and in front of the private claims."""
    claims = CLAIMS._replace(nonce=b"\xee" * 16)
    encoded = encode_body(claims, "application/json", b"{}")
    without = encode_body(CLAIMS, "application/json", b"{}")
    at = without.index(bytes.fromhex("3a00011170"))
    expected = b"\x83\xa8" + without[2:at] + b"\x0a\x50" + b"\xee" * 16 + without[at:]
    assert expected == encoded
    assert (claims, "application/json", b"{}") == decode_body(encoded)


@pytest.mark.parametrize("stream", Stream)
@pytest.mark.parametrize("length", [0, 1, 23, 24, 255, 256, 65_536])
def test_bodies_both_ways(alice: Operator, stream: Stream, length: int) -> None:
    """What is written is read, and has one form."""
    claims, document = alice.claims(stream=stream), b"d" * length
    encoded = encode_body(claims, "application/json", document)
    assert (claims, "application/json", document) == decode_body(encoded)
    assert encoded == encode_body(*decode_body(encoded))


def test_the_bodies_of_these_tests_are_right() -> None:
    """Unchanged it is read, so that what follows fails for the change alone."""
    assert (CLAIMS, "application/json", b"{}") == decode_body(body())


@pytest.mark.parametrize("claim", TABLE)
def test_no_claim_may_be_missing(claim: int) -> None:
    """Not even with another one in its place."""
    refusal(body(without=claim))
    refusal(body({5: 0}, without=claim))
    refusal(body({10: bytes(16)}, without=claim))


@pytest.mark.parametrize("claim", [0, 2, 5, 8, 9, 11, -1, -70000, -70003, "iss", "crit"])
def test_no_other_claim_may_be_there(claim: int | str) -> None:
    """What a receiver does not understand is never signed and ignored."""
    refusal(body({claim: 1}))
    refusal(body({claim: 1, 10: bytes(16)}))


WRONG_VALUES: list[tuple[str, int, cbor.CborValue, str]] = [
    ("iss is a number", 1, 1, "another type"),
    ("iss is bytes", 1, b"alice", "another type"),
    ("iss is null", 1, None, "another type"),
    ("iss is empty", 1, "", "iss '' is not a name"),
    ("iss is not a name", 1, "Alice", "iss 'Alice' is not a name"),
    ("iss is too long", 1, "a" * 129, "is not a name"),
    ("iss ends a line", 1, "alice\n", r"iss 'alice\n' is not a name"),
    ("aud is a list", 3, ["payments@prod"], "another type"),
    ("aud is not a name", 3, "payments prod", "aud 'payments prod' is not a name"),
    ("exp is negative", 4, -1, "exp is not a whole number"),
    ("exp is text", 4, "1800000300", "exp is not a whole number"),
    ("exp is null", 4, None, "exp is not a whole number"),
    ("exp is iat", 4, 1_800_000_000, "iat 1800000000 is not before exp 1800000000"),
    ("exp is before iat", 4, 1_799_999_999, "is not before exp"),
    ("iat is negative", 6, -1, "iat is not a whole number"),
    ("iat is true", 6, True, "iat is not a whole number"),
    ("cti is text", 7, "0123456789abcdef", "cti is not there as a byte string"),
    ("cti is short", 7, bytes(15), "cti is not there as a byte string"),
    ("cti is long", 7, bytes(17), "cti is not there as a byte string"),
    ("cti is empty", 7, b"", "cti is not there as a byte string"),
    ("nonce is text", 10, "0123456789abcdef", "nonce is not there as a byte string"),
    ("nonce is null", 10, None, "nonce is not there as a byte string"),
    ("nonce is short", 10, bytes(15), "nonce is not there as a byte string"),
    ("nonce is long", 10, bytes(17), "nonce is not there as a byte string"),
    ("nonce is empty", 10, b"", "nonce is not there as a byte string"),
    ("version is negative", -70001, -1, "version is not a whole number"),
    ("version is text", -70001, "1", "version is not a whole number"),
    ("stream is a number", -70002, 1, "another type"),
    ("stream is unknown", -70002, "root", "stream b'root' is not one of"),
    ("stream is in capitals", -70002, "BASE", "stream b'BASE' is not one of"),
    ("stream is empty", -70002, "", "stream b'' is not one of"),
]


@pytest.mark.parametrize(
    ("claim", "value", "why"), [r[1:] for r in WRONG_VALUES], ids=[r[0] for r in WRONG_VALUES]
)
def test_a_claim_of_another_form_is_refused(claim: int, value: cbor.CborValue, why: str) -> None:
    """Type, length and form of each are fixed."""
    assert why in refusal(body({claim: value})).detail


@pytest.mark.parametrize(
    "content_type",
    ["", "x" * 128, "ü" * 64, b"application/json", None, 1, ["application/json"]],
    ids=["empty", "128", "128 in 64", "bytes", "null", "number", "array"],
)
def test_a_content_type_of_another_form_is_refused(content_type: cbor.CborValue) -> None:
    """Text of 1 to 127 bytes; bytes are counted, not characters."""
    refusal(body(content_type=content_type))


@pytest.mark.parametrize("content_type", ["x", "x" * 127, "ü" * 63], ids=["1", "127", "126 in 63"])
def test_content_types_at_the_boundary(content_type: str) -> None:
    """Which types are served is decided further inside."""
    assert content_type == decode_body(body(content_type=content_type))[1]


@pytest.mark.parametrize("document", ["{}", None, 1, [b"{}"], {1: b"{}"}])
def test_a_document_of_another_form_is_refused(document: cbor.CborValue) -> None:
    """A document is a byte string; reading it comes later."""
    refusal(body(document=document))


NOT_BODIES = {
    "nothing": b"",
    "a number": cbor.encode(1),
    "a map": cbor.encode(TABLE),
    "claims alone": cbor.encode([TABLE]),
    "without a document": cbor.encode([TABLE, "application/json"]),
    "with a fourth item": cbor.encode([TABLE, "application/json", b"{}", 1]),
    "claims as a list": cbor.encode([[1, "alice"], "application/json", b"{}"]),
    "in another order": cbor.encode(["application/json", TABLE, b"{}"]),
    "something trails": body() + b"\x00",
    "array in a longer head": b"\x98\x03" + body()[1:],
    "array of indefinite length": b"\x9f" + body()[1:] + b"\xff",
    "map in a longer head": b"\x83\xb8\x07" + body()[2:],
    "map of indefinite length": b"\x83\xbf" + body()[2:],
    "iss in a longer head": body().replace(b"\x65alice", b"\x78\x05alice"),
    "claim number in a longer head": body().replace(b"\x03\x6dpay", b"\x18\x03\x6dpay"),
    "exp in a longer head": body().replace(
        b"\x04\x1a\x6b\x49\xd3\x2c", b"\x04\x1b\x00\x00\x00\x00\x6b\x49\xd3\x2c"
    ),
    "document in a longer head": body().replace(b"\x42{}", b"\x58\x02{}"),
    "claims in another order": body().replace(
        b"\x04\x1a\x6b\x49\xd3\x2c\x06\x1a\x6b\x49\xd2\x00",
        b"\x06\x1a\x6b\x49\xd2\x00\x04\x1a\x6b\x49\xd3\x2c",
    ),
    "a claim twice": body().replace(b"\x06\x1a\x6b\x49\xd2\x00", b"\x04\x1a\x6b\x49\xd3\x2c", 1),
    "iss is not UTF-8": body().replace(b"alice", b"\xfflice"),
    "content type is not UTF-8": body().replace(b"application", b"\xffpplication"),
    "a tag around it": b"\xd8\x3d" + body(),
}


@pytest.mark.parametrize("data", NOT_BODIES.values(), ids=NOT_BODIES)
def test_everything_else_is_no_body(data: bytes) -> None:
    """One body has one encoding."""
    assert data != body()
    refusal(data)


@pytest.mark.parametrize("nonce", [None, bytes(16)])
def test_every_truncation_is_refused(nonce: bytes | None) -> None:
    """No beginning of a body is a body."""
    encoded = encode_body(CLAIMS._replace(nonce=nonce), "application/json", b"{}")
    for end in range(len(encoded)):
        refusal(encoded[:end])


def test_what_cbor_cannot_hold_is_not_written() -> None:
    """Our own mistake is a `SealError`."""
    with pytest.raises(SealError, match="64 bit"):
        encode_body(CLAIMS._replace(version=2**64), "application/json", b"{}")


def test_the_largest_numbers_are_read() -> None:
    """Numbers of 64 bit are whole numbers like others; what they mean is judged elsewhere."""
    claims = CLAIMS._replace(exp=2**64 - 1, version=2**64 - 1)
    assert claims == decode_body(encode_body(claims, "application/json", b"{}"))[0]
