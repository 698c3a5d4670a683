"""COSE_Sign, byte by byte: one payload under several signatures."""

from __future__ import annotations

import nacl.signing
import pytest

from sealwire import cbor, cose, cosesign
from sealwire.cosesign import Signature
from sealwire.errors import MalformedError
from sealwire.keys import SigningKey
from sealwire.stages import KeyId, Use

KEYS = [SigningKey(bytes([n]) * 32, owner=f"p{n}") for n in range(1, 10)]
AAD = cose.external_aad(Use.KEYRING, "payments", 0, (cose.ED25519,))
FRAMED = cbor.encode_bytes(b"payload")


def signature_of(key: SigningKey) -> Signature:
    """Give one key's signature over the payload."""
    return Signature(key.id, key.sign(cosesign.to_be_signed(key.id, AAD, FRAMED)))


def refusal_of(data: bytes) -> str:
    """Say why an object is refused."""
    with pytest.raises(MalformedError) as refused:
        cosesign.split(data)
    return refused.value.detail


def test_every_byte_has_its_place() -> None:
    """The object is RFC 9052's COSE_Sign, written here a second time with raw primitives."""
    key = KEYS[0]
    protected = cbor.encode({1: -19, 4: bytes(key.id)})
    structure = cbor.encode(["Signature", b"", protected])[1:]
    signed = b"\x85" + structure + AAD + FRAMED
    raw = nacl.signing.SigningKey(b"\1" * 32).sign(signed).signature
    expected = (
        bytes.fromhex("d862")
        + b"\x84\x40\xa0"
        + cbor.encode(b"payload")
        + b"\x81\x83"
        + cbor.encode(protected)
        + b"\xa0"
        + cbor.encode(raw)
    )
    assert expected == cosesign.join(FRAMED, [signature_of(key)])


@pytest.mark.parametrize("count", range(1, 9))
def test_what_is_written_is_read(count: int) -> None:
    """One to eight signatures, the issuer's first and the others in order."""
    signatures = [signature_of(key) for key in KEYS[:count]]
    written = cosesign.join(FRAMED, signatures)
    read = cosesign.split(written)
    assert (signatures[0], *sorted(signatures[1:])) == read.signatures
    assert FRAMED == read.framed
    assert read.payload == b"payload"
    assert cosesign.looks_signed_by_several(written)


def test_an_order_of_its_own_is_refused() -> None:
    """A set of signatures has one spelling."""
    ordered = sorted(signature_of(key) for key in KEYS[1:4])
    whole = cosesign.join(FRAMED, [signature_of(KEYS[0]), *ordered])
    entries = [whole[-82 * n : len(whole) - 82 * (n - 1)] for n in range(1, 5)]
    turned = whole[: -82 * 4] + entries[3] + entries[0] + entries[1] + entries[2]
    assert "not in order" in refusal_of(turned)


def test_one_key_twice_is_refused() -> None:
    """Two signatures of one key are not those of two."""
    one = signature_of(KEYS[0])
    assert "one twice" in refusal_of(cosesign.join(FRAMED, [one, one]))


def test_a_ninth_signature_is_refused() -> None:
    """The number is bounded before anything is verified."""
    assert "1 to 8 whole" in refusal_of(cosesign.join(FRAMED, [signature_of(key) for key in KEYS]))


def test_every_truncation_and_every_trailing_byte_is_refused() -> None:
    """Nothing trails, and nothing lacks."""
    whole = cosesign.join(FRAMED, [signature_of(key) for key in KEYS[:2]])
    for end in range(len(whole)):
        with pytest.raises(MalformedError):
            cosesign.split(whole[:end])
    with pytest.raises(MalformedError):
        cosesign.split(whole + b"\0")


def test_every_other_bit_of_the_frame_is_refused_or_read_back() -> None:
    """What is read is what `join` writes: a changed bit is refused, or it is content."""
    whole = cosesign.join(FRAMED, [signature_of(key) for key in KEYS[:2]])
    for bit in range(len(whole) * 8):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        try:
            read = cosesign.split(bytes(changed))
        except MalformedError:
            continue
        assert bytes(changed) == cosesign.join(read.framed, read.signatures)


def test_a_payload_that_is_no_byte_string_is_refused() -> None:
    """A text of the same length is not a payload."""
    whole = cosesign.join(FRAMED, [signature_of(KEYS[0])])
    assert "one payload" in refusal_of(whole.replace(b"\x47payload", b"\x67payload"))


def test_a_signature_with_another_header_is_refused() -> None:
    """A header is compared, not read."""
    whole = cosesign.join(FRAMED, [Signature(KeyId(b"12345678"), bytes(64))])
    assert "other headers" in refusal_of(
        whole.replace(bytes.fromhex("a0 5840"), bytes.fromhex("a1 5840"))
    )
