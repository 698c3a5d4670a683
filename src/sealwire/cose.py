"""COSE objects in the strict profile of ``sealwire/1`` (RFC 9052).

Rules this module keeps:

1. A receiver knows the shape of the next layer from its own configuration. The object is compared
   with that shape as bytes; no header is parsed, and nothing in it can choose an algorithm.
2. The protected header is ``{1: algorithm, 4: key id}``, in Encrypt0 also the key check value; the
   unprotected one is empty, in Encrypt0 it holds the IV. There is one encoding of each.
3. What is authenticated is built here from the receiver's own values (section 4.3, external_aad):
   protocol, use, audience, the layer's index and all algorithms. Stripping, reordering, reflecting
   a layer, or moving it to another audience changes these bytes.
4. Nothing trails: the length of every object is accounted for to the last byte.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sealwire import cbor
from sealwire.errors import MalformedError, Reason, Stage, shorten
from sealwire.stages import DOMAIN, KeyId, Use

KEY_ID_BYTES: Final = 8
KEY_CHECK_BYTES: Final = 32
IV_BYTES: Final = 12

HMAC_256: Final = 5  # HMAC 256/256, RFC 9053, section 3.1
A256GCM: Final = 3  # RFC 9053, section 4.1
ED25519: Final = -19  # fully specified Ed25519, RFC 9864; -8 (EdDSA) is deprecated

KEY_CHECK_LABEL: Final = -70003  # private use: the key check value


@dataclass(frozen=True, slots=True)
class Shape:
    """The fixed layout of one kind of object: ``lead · key id · trail · payload · ending``.

    Attributes:
        name: the kind in the words of RFC 9052.
        tag: its CBOR tag.
        algorithm: its COSE algorithm; one kind has one in this profile.
        lead: every byte in front of the key id.
        protected_at: where the protected header, as a byte string with its head, begins.
        protected_bytes: how long that byte string is, head included.
        context: first bytes of what is authenticated: the array's head and the context text.
        ending: bytes in front of MAC or signature (a byte string's head); empty in Encrypt0.
        authenticator_bytes: length of MAC or signature; 0 in Encrypt0, where it is in the payload.
    """

    name: str
    tag: int
    algorithm: int
    lead: bytes
    protected_at: int
    protected_bytes: int
    context: bytes
    ending: bytes
    authenticator_bytes: int


def protected_header(algorithm: int, key_id: KeyId, key_check: bytes = b"") -> bytes:
    """Give the protected header as a byte string; ``key_check`` stands in Encrypt0 alone."""
    header: dict[int | str, cbor.CborValue] = {1: algorithm, 4: bytes(key_id)}
    if key_check:
        header[KEY_CHECK_LABEL] = key_check
    return cbor.encode_bytes(cbor.encode(header))


def _shape(name: str, tag: int, algorithm: int, context: str, authenticator_bytes: int) -> Shape:
    """Derive every offset from an object with a blank key, so no length is written down twice."""
    check = b"" if authenticator_bytes else bytes(KEY_CHECK_BYTES)
    blank = bytes(KEY_ID_BYTES)
    header = protected_header(algorithm, KeyId(blank), check)
    opening = cbor.head(cbor.TAG, tag) + cbor.head(cbor.ARRAY, 4 if authenticator_bytes else 3)
    # The last head before the key id is 0x48, a byte string of eight; it belongs to the lead.
    key_id_at = header.index(b"\x04\x48" + blank) + 2
    return Shape(
        name=name,
        tag=tag,
        algorithm=algorithm,
        lead=opening + header[:key_id_at],
        protected_at=len(opening),
        protected_bytes=len(header),
        context=cbor.head(cbor.ARRAY, 4 if authenticator_bytes else 3) + cbor.encode(context),
        ending=cbor.head(cbor.BYTES, authenticator_bytes) if authenticator_bytes else b"",
        authenticator_bytes=authenticator_bytes,
    )


MAC0: Final = _shape("Mac0", 17, HMAC_256, "MAC0", 32)
ENCRYPT0: Final = _shape("Encrypt0", 16, A256GCM, "Encrypt0", 0)
SIGN1: Final = _shape("Sign1", 18, ED25519, "Signature1", 64)

_NAMES = {shape.tag: shape.name for shape in (MAC0, ENCRYPT0, SIGN1)} | {98: "Sign"}
_EMPTY_MAP: Final = b"\xa0"
_KEY_CHECK_HEAD: Final = cbor.encode(KEY_CHECK_LABEL) + cbor.head(cbor.BYTES, KEY_CHECK_BYTES)
_IV_MAP: Final = b"\xa1\x05\x4c"  # {5: byte string of twelve}


def external_aad(use: Use, audience: str, index: int, algorithms: tuple[int, ...]) -> bytes:
    """Give what is bound into layer ``index`` of a message for ``audience``, as a byte string.

    RFC 9052, section 4.3. It is constant for a chain, so it is built once and kept encoded.
    """
    bound: cbor.CborValue = [DOMAIN, use.value, audience, index, list(algorithms)]
    return cbor.encode_bytes(cbor.encode(bound))


def key_id_of(shape: Shape, data: bytes) -> KeyId:
    """Give the key id of an object that begins as ``shape`` does. It is a hint, not a fact.

    Raises:
        MalformedError: the object is of another kind, or too short to say.
    """
    lead = shape.lead
    end = len(lead) + KEY_ID_BYTES
    if not data.startswith(lead) or len(data) < end:
        raise malformed(f"expected {shape.name} (tag {shape.tag}), found {kind_of(data)}")
    return KeyId(data[len(lead) : end])


def kind_of(data: bytes) -> str:
    """Say in words what kind of object ``data`` looks like; for logs and `inspect` alone."""
    if not data:
        return "nothing"
    try:
        major, tag, _ = cbor.read_head(data, 0)
    except MalformedError:
        major, tag = -1, 0
    if major == cbor.TAG and tag in _NAMES:
        return f"{_NAMES[tag]} (tag {tag})"
    return f"no COSE object: {shorten(data[:8])}"


def to_be_authenticated(shape: Shape, protected: bytes, aad: bytes) -> bytes:
    """Give MAC_structure, Sig_structure or Enc_structure up to its payload (4.4, 5.3, 6.3).

    The payload, as a byte string, follows in the first two; Enc_structure is complete.
    """
    return shape.context + protected + aad


def split(shape: Shape, data: bytes) -> tuple[bytes, bytes, bytes]:
    """Split Mac0 or Sign1; give protected header, framed payload, authenticator.

    Call `key_id_of` first, and `payload_of` on the framed payload once it is authenticated.

    Raises:
        MalformedError: a byte is not where the shape has it, or trails.
    """
    start = shape.protected_at + shape.protected_bytes + 1
    tail = len(data) - shape.authenticator_bytes
    stop = tail - len(shape.ending)
    if data[start - 1 : start] != _EMPTY_MAP or data[stop:tail] != shape.ending:
        raise malformed(f"{shape.name} has other headers or another length")
    return data[shape.protected_at : start - 1], data[start:stop], data[tail:]


def split_encrypt0(data: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    """Split Encrypt0; give protected header, key check value, IV, ciphertext with its GCM tag.

    Call `key_id_of` first.

    Raises:
        MalformedError: a byte is not where the shape has it, or trails.
    """
    end = ENCRYPT0.protected_at + ENCRYPT0.protected_bytes
    check_at = len(ENCRYPT0.lead) + KEY_ID_BYTES
    iv_at = end + len(_IV_MAP)
    start = iv_at + IV_BYTES
    if (
        data[check_at : end - KEY_CHECK_BYTES] != _KEY_CHECK_HEAD
        or data[end:iv_at] != _IV_MAP
        or len(data) <= start
    ):
        raise malformed("Encrypt0 has other headers or another length")
    return (
        data[ENCRYPT0.protected_at : end],
        data[end - KEY_CHECK_BYTES : end],
        data[iv_at:start],
        payload_of(ENCRYPT0, data[start:]),
    )


def payload_of(shape: Shape, framed: bytes) -> bytes:
    """Give the content of a byte string that must fill ``framed`` to the last byte.

    Raises:
        MalformedError: it does not.
    """
    try:
        major, length, at = cbor.read_head(framed, 0)
    except MalformedError as error:
        raise malformed(f"{shape.name}: {error.detail}") from None
    if major != cbor.BYTES or at + length != len(framed):
        raise malformed(f"{shape.name}: the payload does not end where the object does")
    return framed[at:]


def join(shape: Shape, protected: bytes, framed: bytes, authenticator: bytes) -> bytes:
    """Write Mac0 or Sign1 from a payload that has its head already: the mirror of `split`."""
    opening = shape.lead[: shape.protected_at]
    return opening + protected + _EMPTY_MAP + framed + shape.ending + authenticator


def join_encrypt0(protected: bytes, iv: bytes, ciphertext: bytes) -> bytes:
    """Write Encrypt0: the mirror of `split_encrypt0`."""
    opening = ENCRYPT0.lead[: ENCRYPT0.protected_at]
    return opening + protected + _IV_MAP + iv + cbor.encode_bytes(ciphertext)


def malformed(what: str) -> MalformedError:
    """Make the refusal of an object that has not the expected shape."""
    return MalformedError(Reason.ENVELOPE_MALFORMED, Stage.LAYER, what)
