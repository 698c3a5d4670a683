"""The body: the innermost bytes, ``[claims, content type, document]`` in deterministic CBOR.

Rules this module keeps:

1. Exactly the claims that the protocol lists, of the listed types; any other is refused, so that
   nothing a receiver does not understand is ever signed and ignored.
2. ``iat < exp``, names are names, the id has 16 bytes: what holds for every body is checked here;
   what depends on time, order or keys is checked by those who know them.
3. One body has one encoding: ``encode_body(*decode_body(data)) == data``.
"""

from __future__ import annotations

import re
from typing import Final

from sealwire import cbor
from sealwire.errors import MalformedError, Reason, SealError, Stage, shorten
from sealwire.keys import NAME_PATTERN
from sealwire.stages import Claims, Stream

CTI_BYTES: Final = 16
NONCE_BYTES: Final = 16
MAX_CONTENT_TYPE_BYTES: Final = 127
"""RFC 6838, section 4.2, allows 127 a part; ours have about forty in all."""

# Registered CWT claims (RFC 8392) and, below -65536, private ones.
ISS, AUD, EXP, IAT, CTI, NONCE = 1, 3, 4, 6, 7, 10
VERSION, STREAM = -70001, -70002

_STREAMS: Final = {stream.value.encode(): stream for stream in Stream}
_ISS, _AUD, _EXP, _IAT, _CTI, _NONCE, _VERSION, _STREAM = map(
    cbor.encode, (ISS, AUD, EXP, IAT, CTI, NONCE, VERSION, STREAM)
)
# The two of a fixed length are looked for with their heads.
_CTI_HEADED: Final = _CTI + cbor.head(cbor.BYTES, CTI_BYTES)
_NONCE_HEADED: Final = _NONCE + cbor.head(cbor.BYTES, NONCE_BYTES)
_NAME: Final = re.compile(NAME_PATTERN.pattern.encode())  # on bytes: ASCII alone
# An array of three, whose first is a map of seven, or of eight.
_OPENING: Final = cbor.head(cbor.ARRAY, 3) + cbor.head(cbor.MAP, 7)
_OPENING_WITH_NONCE: Final = cbor.head(cbor.ARRAY, 3) + cbor.head(cbor.MAP, 8)


def encode_body(claims: Claims, content_type: str, document: bytes) -> bytes:
    """Write a body.

    Raises:
        SealError: a value cannot be written, or no receiver would read it.
    """
    if not 0 < len(content_type.encode()) <= MAX_CONTENT_TYPE_BYTES:
        raise SealError(f"a content type has 1 to {MAX_CONTENT_TYPE_BYTES} bytes")
    table: dict[int | str, cbor.CborValue] = {
        ISS: claims.iss,
        AUD: claims.aud,
        EXP: claims.exp,
        IAT: claims.iat,
        CTI: claims.cti,
        VERSION: claims.version,
        STREAM: claims.stream.value,
    }
    if claims.nonce is not None:
        table[NONCE] = claims.nonce
    return cbor.encode([table, content_type, document])


def decode_body(data: bytes) -> tuple[Claims, str, bytes]:
    """Read a body; give claims, content type and document.

    Raises:
        MalformedError: anything but one well-formed body; any other exception is a bug of ours.
    """
    # Which labels stand in which order is fixed by rule 1 and the bytewise order of map keys, so
    # the body is read from left to right and no table is built of what a peer put there.
    with_nonce = data.startswith(_OPENING_WITH_NONCE)
    if not with_nonce and not data.startswith(_OPENING):
        raise _malformed("not an array of exactly the listed claims, a content type, a document")
    iss, at = _name(data, 2, _ISS, "iss")
    aud, at = _name(data, at, _AUD, "aud")
    exp, at = _whole(data, at, _EXP, "exp")
    iat, at = _whole(data, at, _IAT, "iat")
    cti, at = _sixteen(data, at, _CTI_HEADED, "cti")
    nonce = None
    if with_nonce:
        nonce, at = _sixteen(data, at, _NONCE_HEADED, "nonce")
    version, at = _whole(data, at, _VERSION, "version")
    stream, at = cbor.read_string(data, _behind(_STREAM, data, at, "stream"), cbor.TEXT)
    content_type, at = cbor.read_string(data, at, cbor.TEXT)
    document, at = cbor.read_string(data, at, cbor.BYTES)
    cbor.check_end(data, at)
    if iat >= exp:
        raise _malformed(f"iat {iat} is not before exp {exp}")
    if stream not in _STREAMS:
        raise _malformed(f"stream {shorten(stream)} is not one of {sorted(map(repr, _STREAMS))}")
    claims = Claims(iss, aud, exp, iat, cti, version, _STREAMS[stream], nonce)
    return claims, _content_type(content_type), document


def _behind(label: bytes, data: bytes, at: int, what: str) -> int:
    if not data.startswith(label, at):
        raise _malformed(f"claim {what} is not where it must be")
    return at + len(label)


def _name(data: bytes, at: int, label: bytes, what: str) -> tuple[str, int]:
    raw, at = cbor.read_string(data, _behind(label, data, at, what), cbor.TEXT)
    if not _NAME.fullmatch(raw):
        raise _malformed(f"{what} {shorten(cbor.text_of(raw))} is not a name")
    return raw.decode("ascii"), at


def _whole(data: bytes, at: int, label: bytes, what: str) -> tuple[int, int]:
    major, number, at = cbor.read_head(data, _behind(label, data, at, what))
    if major != cbor.UINT:
        raise _malformed(f"{what} is not a whole number of 0 or more")
    return number, at


def _sixteen(data: bytes, at: int, labelled: bytes, what: str) -> tuple[bytes, int]:
    if not data.startswith(labelled, at):
        raise _malformed(f"{what} is not there as a byte string of {CTI_BYTES}")
    start = at + len(labelled)
    end = start + CTI_BYTES
    return data[start:end], end


def _content_type(raw: bytes) -> str:
    if not 0 < len(raw) <= MAX_CONTENT_TYPE_BYTES:
        raise _malformed(f"the content type has not 1 to {MAX_CONTENT_TYPE_BYTES} bytes")
    return cbor.text_of(raw)


def _malformed(what: str) -> MalformedError:
    return MalformedError(Reason.BODY_MALFORMED, Stage.BODY, f"body: {what}")
