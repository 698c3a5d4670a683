"""COSE_Sign: one payload under the signatures of several (RFC 9052, section 4.1).

Rules this module keeps, besides those of `cose`:

1. The protected header of the body is empty, and so are all unprotected ones; that of a signature
   is ``{1: -19, 4: key id}``, as in Sign1. There is one encoding, so every byte has its place.
2. There are 1 to 8 signatures, and no key id stands twice. The first is the issuer's; the others
   are in the order of their key ids, so a set of signatures has one spelling.
3. What is signed is ``["Signature", body protected, sign protected, external_aad, payload]``
   (section 4.4), built from the receiver's own values. It does not say who else signs: whoever
   agrees, agrees to the payload.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sealwire import cbor, cose
from sealwire.errors import MalformedError
from sealwire.stages import KeyId

if TYPE_CHECKING:
    from collections.abc import Sequence

TAG: Final = 98
MAX_SIGNATURES: Final = 8
"""More people than that agree by other means; each costs a verification before it is known."""

_CONTEXT: Final = cbor.head(cbor.ARRAY, 5) + cbor.encode("Signature")
_EMPTY: Final = b"\x40"  # the body's protected header, an empty byte string
_LEAD: Final = bytes.fromhex("d862 84 40 a0")
_SIGNATURE_LEAD: Final = bytes.fromhex("83 4d a2 0132 0448")
_SIGNATURE_ENDED: Final = bytes.fromhex("a0 5840")
_SIGNATURE_BYTES: Final = 64
_ENTRY_BYTES: Final = (
    len(_SIGNATURE_LEAD) + cose.KEY_ID_BYTES + len(_SIGNATURE_ENDED) + _SIGNATURE_BYTES
)
_ENTRY_KEY_ID: Final = slice(len(_SIGNATURE_LEAD), len(_SIGNATURE_LEAD) + cose.KEY_ID_BYTES)
_ENTRY_ENDED: Final = slice(_ENTRY_KEY_ID.stop, _ENTRY_KEY_ID.stop + len(_SIGNATURE_ENDED))


SIGN: Final = cose.Shape(
    name="Sign",
    tag=TAG,
    algorithm=cose.ED25519,
    context=_CONTEXT,
    opening=_LEAD[:3],
    lead=_LEAD,
    key_id=slice(0, 0),
    protected=slice(0, 0),
    unprotected=slice(0, 0),
    headers=b"",
    framed=slice(0, 0),
    ending=slice(0, 0),
    ended=b"",
    authenticator=slice(0, 0),
)
"""What the kind is called, its tag and its first bytes. There is one place for nothing else: where
headers, key ids and signatures stand depends on the payload's length and their number, so `split`
finds them."""


class Signature(NamedTuple):
    """One signature as it stands in a message, nothing verified.

    Attributes:
        key_id: which key to try; a hint.
        value: 64 bytes.
    """

    key_id: KeyId
    value: bytes


class Signed(NamedTuple):
    """A COSE_Sign object taken apart, nothing verified.

    Attributes:
        framed: the payload as a byte string with its head; see `cose.payload_of`.
        signatures: the signatures, the issuer's first.
    """

    framed: bytes
    signatures: tuple[Signature, ...]

    @property
    def payload(self) -> bytes:
        """The payload; nothing has been verified."""
        _, _, start = cbor.read_head(self.framed, 0)
        return self.framed[start:]


def looks_signed_by_several(data: bytes) -> bool:
    """Whether ``data`` begins as a COSE_Sign object does."""
    return data.startswith(_LEAD)


def to_be_signed(key_id: bytes, aad: bytes, framed: bytes) -> bytes:
    """Give Sig_structure of the signature of one key (RFC 9052, section 4.4).

    Args:
        key_id: the key's id.
        aad: what is bound into the object, as `cose.external_aad` gives it.
        framed: the payload as a byte string with its head.
    """
    protected = cose.protected_header(cose.ED25519, KeyId(key_id))
    return _CONTEXT + _EMPTY + protected + aad + framed


def end_of(data: bytes, start: int) -> int:
    """Give the offset behind the COSE_Sign object that begins at ``start``.

    Raises:
        MalformedError: there is none, or it does not end in ``data``.
    """
    return _places(data, start).end


def split(data: bytes) -> Signed:
    """Take a COSE_Sign object apart; nothing is verified.

    Raises:
        MalformedError: a byte is not where rule 1 has it, something trails, or the signatures are
            none, too many, or not in the order of rule 2.
    """
    places = _places(data, 0)
    if places.end != len(data):
        raise cose.malformed("Sign: bytes follow the last signature")
    starts = range(places.first, places.end, _ENTRY_BYTES)
    signatures = tuple(_entry(data[at : at + _ENTRY_BYTES]) for at in starts)
    ids = [each.key_id for each in signatures]
    if len(set(ids)) != len(ids) or ids[1:] != sorted(ids[1:]):
        raise cose.malformed("Sign: the signatures behind the first are not in order, or one twice")
    return Signed(data[len(_LEAD) : places.payload_end], signatures)


class _Places(NamedTuple):
    """Where things are in an object: the payload's end, the first signature, the object's end."""

    payload_end: int
    first: int
    end: int


def _places(data: bytes, start: int) -> _Places:
    if not data.startswith(_LEAD, start):
        if data.startswith(_LEAD[:2], start):
            raise cose.malformed("Sign has other headers")
        raise cose.malformed(f"expected Sign (tag {TAG}), found {cose.kind_of(data[start:][:16])}")
    try:
        major, length, content = cbor.read_head(data, start + len(_LEAD))
        payload_end = content + length
        kind, count, first = cbor.read_head(data, payload_end)
    except MalformedError as error:
        raise cose.malformed(f"Sign: {error.detail}") from None
    end = first + count * _ENTRY_BYTES
    one_payload = major == cbor.BYTES and kind == cbor.ARRAY
    if not one_payload or not 1 <= count <= MAX_SIGNATURES or end > len(data):
        raise cose.malformed("Sign does not hold one payload and 1 to 8 whole signatures")
    return _Places(payload_end, first, end)


def join(framed: bytes, signatures: Sequence[Signature]) -> bytes:
    """Write a COSE_Sign object, the mirror of `split`; the first signature is the issuer's.

    The others are put in order; that there are 1 to 8 of different keys is the caller's.
    """
    ordered = [signatures[0], *sorted(signatures[1:])]
    entries = [_SIGNATURE_LEAD + each.key_id + _SIGNATURE_ENDED + each.value for each in ordered]
    return _LEAD + framed + cbor.head(cbor.ARRAY, len(entries)) + b"".join(entries)


def _entry(entry: bytes) -> Signature:
    if not entry.startswith(_SIGNATURE_LEAD) or entry[_ENTRY_ENDED] != _SIGNATURE_ENDED:
        raise cose.malformed("Sign: a signature has other headers or another length")
    return Signature(KeyId(entry[_ENTRY_KEY_ID]), entry[_ENTRY_ENDED.stop :])
