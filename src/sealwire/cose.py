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

from functools import partial
from typing import Final, NamedTuple

from sealwire import cbor
from sealwire.errors import MalformedError, Reason, Stage, VerificationError, shorten
from sealwire.stages import DOMAIN, KeyId, Use

KEY_ID_BYTES: Final = 8
KEY_CHECK_BYTES: Final = 32
IV_BYTES: Final = 12

HMAC_256: Final = 5  # HMAC 256/256, RFC 9053, section 3.1
A256GCM: Final = 3  # RFC 9053, section 4.1
ED25519: Final = -19  # fully specified Ed25519, RFC 9864; -8 (EdDSA) is deprecated
SSHSIG: Final = -70010  # private use: an SSHSIG blob in the place of the signature

MAX_SSHSIG_BYTES: Final = 1024
"""One of a FIDO key has about 230 bytes; what is longer than this is not read."""

KEY_CHECK_LABEL: Final = -70003  # private use: the key check value


class Shape(NamedTuple):
    """The fixed layout of one kind of object: a place for every byte that is not payload.

    Attributes:
        name: the kind in the words of RFC 9052.
        tag: its CBOR tag.
        algorithm: its COSE algorithm; Sign1 has two in this profile, with a shape each.
        context: first bytes of what is authenticated: the array's head and the context text.
        opening: the tag and the array's head.
        lead: every byte in front of the key id, ``opening`` included.
        key_id: where the key id is.
        protected: where the protected header is, as a byte string with its head.
        unprotected: where the unprotected header is, up to the IV.
        headers: the bytes that stand there.
        framed: where the payload is, as a byte string with its head.
        ending: where the head of MAC or signature is; empty in Encrypt0.
        ended: the bytes that stand there.
        authenticator: where MAC or signature is; empty in Encrypt0, which has it in the payload.
    """

    name: str
    tag: int
    algorithm: int
    context: bytes
    opening: bytes
    lead: bytes
    key_id: slice
    protected: slice
    unprotected: slice
    headers: bytes
    framed: slice
    ending: slice
    ended: bytes
    authenticator: slice


# Offset 0 is the tag, 1 the array's head, 2 the head of the protected header, then a map of two:
# 01 algorithm, 04 48 key id.
MAC0: Final = Shape(
    name="Mac0",
    tag=17,
    algorithm=HMAC_256,
    context=cbor.head(cbor.ARRAY, 4) + cbor.encode("MAC0"),
    opening=bytes.fromhex("d184"),
    lead=bytes.fromhex("d184 4d a2 0105 0448"),
    key_id=slice(8, 16),
    protected=slice(2, 16),
    unprotected=slice(16, 17),
    headers=bytes.fromhex("a0"),
    framed=slice(17, -34),
    ending=slice(-34, -32),
    ended=bytes.fromhex("5820"),
    authenticator=slice(-32, None),
)
SIGN1: Final = Shape(
    name="Sign1",
    tag=18,
    algorithm=ED25519,
    context=cbor.head(cbor.ARRAY, 4) + cbor.encode("Signature1"),
    opening=bytes.fromhex("d284"),
    lead=bytes.fromhex("d284 4d a2 0132 0448"),
    key_id=slice(8, 16),
    protected=slice(2, 16),
    unprotected=slice(16, 17),
    headers=bytes.fromhex("a0"),
    framed=slice(17, -66),
    ending=slice(-66, -64),
    ended=bytes.fromhex("5840"),
    authenticator=slice(-64, None),
)
# As Sign1, but that 3a00011179 stands for the algorithm, and that payload and signature, a byte
# string each, run to the end: an SSHSIG has no fixed length. See `split_sshsig`.
SIGN1_SSHSIG: Final = Shape(
    name="Sign1",
    tag=18,
    algorithm=SSHSIG,
    context=cbor.head(cbor.ARRAY, 4) + cbor.encode("Signature1"),
    opening=bytes.fromhex("d284"),
    lead=bytes.fromhex("d284 51 a2 01 3a00011179 0448"),
    key_id=slice(12, 20),
    protected=slice(2, 20),
    unprotected=slice(20, 21),
    headers=bytes.fromhex("a0"),
    framed=slice(21, None),
    ending=slice(0, 0),
    ended=b"",
    authenticator=slice(0, 0),
)
# The protected map has a third entry, 3a00011172 5820 key check value; the unprotected one is
# 05 4c IV; the payload, tag included, runs to the end.
ENCRYPT0: Final = Shape(
    name="Encrypt0",
    tag=16,
    algorithm=A256GCM,
    context=cbor.head(cbor.ARRAY, 3) + cbor.encode("Encrypt0"),
    opening=bytes.fromhex("d083"),
    lead=bytes.fromhex("d083 5834 a3 0103 0448"),
    key_id=slice(9, 17),
    protected=slice(2, 56),
    unprotected=slice(56, 59),
    headers=bytes.fromhex("a1054c"),
    framed=slice(71, None),
    ending=slice(0, 0),
    ended=b"",
    authenticator=slice(0, 0),
)
_KEY_CHECK_HEAD: Final = slice(17, 24)
_KEY_CHECK_HEADED: Final = bytes.fromhex("3a00011172 5820")
_KEY_CHECK: Final = slice(24, 56)
_IV: Final = slice(59, 71)

# Of the two kinds of Sign1 the one that SSHSIG has is found first, by all that is constant in it.
_BY_LEAD: Final = {SIGN1_SSHSIG.lead: SIGN1_SSHSIG} | {
    shape.opening[:1]: shape for shape in (MAC0, ENCRYPT0, SIGN1)
}
_NAMES: Final = {shape.tag: shape.name for shape in _BY_LEAD.values()} | {98: "Sign"}


def protected_header(algorithm: int, key_id: KeyId, key_check: bytes = b"") -> bytes:
    """Give the protected header as a byte string; ``key_check`` stands in Encrypt0 alone."""
    header: dict[int | str, cbor.CborValue] = {1: algorithm, 4: bytes(key_id)}
    if key_check:
        header[KEY_CHECK_LABEL] = key_check
    return cbor.encode_bytes(cbor.encode(header))


def external_aad(use: Use, audience: str, index: int, algorithms: tuple[int, ...]) -> bytes:
    """Give what is bound into layer ``index`` of a message for ``audience``, as a byte string.

    RFC 9052, section 4.3. It is constant for a chain, so it is built once and kept encoded.
    """
    bound: cbor.CborValue = [DOMAIN, use.value, audience, index, list(algorithms)]
    return cbor.encode_bytes(cbor.encode(bound))


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


def shape_of(data: bytes) -> Shape | None:
    """Say which of the shapes ``data`` may have; for looking without a chain, and for that alone.

    A receiver never asks: it knows the shape from its own configuration.
    """
    return next((shape for lead, shape in _BY_LEAD.items() if data.startswith(lead)), None)


def payload_unverified(shape: Shape, data: bytes) -> bytes:
    """Give what an object holds, ciphertext of Encrypt0; nothing is verified.

    Raises:
        MalformedError: a byte is not where the shape has it.
    """
    split_it = split_sshsig if shape is SIGN1_SSHSIG else partial(split, shape)
    return payload_of(shape, split_it(data)[1])


def to_be_authenticated(shape: Shape, protected: bytes, aad: bytes) -> bytes:
    """Give MAC_structure, Sig_structure or Enc_structure up to its payload (4.4, 5.3, 6.3).

    The payload, as a byte string, follows in the first two; Enc_structure is complete.
    """
    return shape.context + protected + aad


def no_key(shape: Shape, data: bytes) -> MalformedError | VerificationError:
    """Make the refusal of an object whose key id names no key of ours for this audience."""
    if data.startswith(shape.lead):
        return VerificationError(
            Reason.KEY_UNKNOWN, Stage.LAYER, f"no key for {shape.name} has this id and audience"
        )
    return malformed(f"expected {shape.name} (tag {shape.tag}), found {kind_of(data)}")


def split(shape: Shape, data: bytes) -> tuple[bytes, bytes, bytes]:
    """Split Mac0 or Sign1; give protected header, framed payload, authenticator.

    Use `payload_of` on the framed payload once it is authenticated.

    Raises:
        MalformedError: a byte is not where the shape has it.
    """
    if (
        not data.startswith(shape.lead)
        or data[shape.unprotected] != shape.headers
        or data[shape.ending] != shape.ended
    ):
        raise malformed(f"{shape.name} has other headers or another length")
    return data[shape.protected], data[shape.framed], data[shape.authenticator]


def split_encrypt0(data: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    """Split Encrypt0; give protected header, key check value, IV, ciphertext with its GCM tag.

    Raises:
        MalformedError: a byte is not where the shape has it, or trails.
    """
    protected, framed, _ = split(ENCRYPT0, data)
    if data[_KEY_CHECK_HEAD] != _KEY_CHECK_HEADED:
        raise malformed("Encrypt0 has another protected header")
    return protected, data[_KEY_CHECK], data[_IV], payload_of(ENCRYPT0, framed)


def split_sshsig(data: bytes) -> tuple[bytes, bytes, bytes]:
    """Split Sign1 with an SSHSIG; give protected header, framed payload, SSHSIG blob.

    Raises:
        MalformedError: a byte is not where the shape has it, trails, or the blob is too long.
    """
    protected, rest, _ = split(SIGN1_SSHSIG, data)
    try:
        _, end = cbor.read_string(rest, 0, cbor.BYTES)
        blob, after = cbor.read_string(rest, end, cbor.BYTES)
    except MalformedError as error:
        raise malformed(f"Sign1: {error.detail}") from None
    if after != len(rest) or len(blob) > MAX_SSHSIG_BYTES:
        raise malformed(
            f"Sign1 does not end with an SSHSIG of {MAX_SSHSIG_BYTES} bytes at the most"
        )
    return protected, rest[:end], blob


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
    return shape.opening + protected + shape.headers + framed + shape.ended + authenticator


def join_sshsig(protected: bytes, framed: bytes, blob: bytes) -> bytes:
    """Write Sign1 with an SSHSIG: the mirror of `split_sshsig`."""
    front = SIGN1_SSHSIG.opening + protected + SIGN1_SSHSIG.headers
    return front + framed + cbor.encode_bytes(blob)


def join_encrypt0(protected: bytes, iv: bytes, ciphertext: bytes) -> bytes:
    """Write Encrypt0: the mirror of `split_encrypt0`."""
    headers = ENCRYPT0.headers + iv
    return ENCRYPT0.opening + protected + headers + cbor.encode_bytes(ciphertext)


def malformed(what: str) -> MalformedError:
    """Make the refusal of an object that has not the expected shape."""
    return MalformedError(Reason.ENVELOPE_MALFORMED, Stage.LAYER, what)
