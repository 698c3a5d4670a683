"""What a sealed message looks like from outside: read without a key, so nothing here is verified.

Rules this module keeps:

1. Whatever the bytes are, the result is an `Anatomy`; nothing is raised. What cannot be read is a
   sentence in it.
2. Nothing is decided by what is read here. Whoever wrote the bytes chose all of it.
3. The number of layers is bounded: a hostile message could hold thousands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sealwire import cbor, cose, cosesign
from sealwire.body import decode_body
from sealwire.errors import MalformedError
from sealwire.stages import Claims

MAX_LAYERS: Final = 8
"""The recommended chain for networks has three."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer as it stands in the message.

    Attributes:
        shape: which kind of object.
        key_id: which key it names.
        size_bytes: of the whole object, whatever is inside it included.
        cosigners: the keys that it names besides, where it holds the signatures of several.
    """

    shape: cose.Shape
    key_id: bytes
    size_bytes: int
    cosigners: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Anatomy:
    """What can be seen of a message.

    Attributes:
        size_bytes: of the whole message.
        layers: outermost first, as far as they can be read.
        hidden_bytes: how many encrypted bytes the last of these layers holds; 0 if none.
        claims: what the message says about itself, if it is not hidden.
        content_type: likewise; ``""`` if hidden.
        document: likewise; empty if hidden.
        problem: why it cannot be read further, ``""`` if nothing is wrong.
    """

    size_bytes: int
    layers: tuple[Layer, ...] = ()
    hidden_bytes: int = 0
    claims: Claims | None = None
    content_type: str = ""
    document: bytes = b""
    problem: str = ""


def looks_sealed(data: bytes) -> bool:
    """Whether ``data`` begins as a sealed message does: with a CBOR tag, as no text does."""
    return bool(data) and data[0] >> 5 == cbor.TAG


def look_at(data: bytes) -> Anatomy:
    """Take a message apart as far as that goes without keys."""
    layers: list[Layer] = []
    rest = data
    try:
        while shape := cose.shape_of(rest):
            if len(layers) == MAX_LAYERS:
                raise cose.malformed(f"more than {MAX_LAYERS} layers")
            if shape is cosesign.SIGN:
                signed = cosesign.split(rest)
                first, *others = (each.key_id for each in signed.signatures)
                layers.append(Layer(shape, first, len(rest), tuple(others)))
                rest = signed.payload
                continue
            inside = cose.payload_unverified(shape, rest)
            at = len(shape.lead)
            layers.append(Layer(shape, rest[at : at + cose.KEY_ID_BYTES], len(rest)))
            if shape is cose.ENCRYPT0:
                return Anatomy(len(data), tuple(layers), hidden_bytes=len(inside))
            rest = inside
        if not layers:
            raise cose.malformed(f"this is no sealed message: {cose.kind_of(data)}")
        claims, content_type, document = decode_body(rest)
    except MalformedError as error:
        return Anatomy(len(data), tuple(layers), problem=error.detail)
    return Anatomy(
        len(data),
        tuple(layers),
        claims=claims,
        content_type=content_type,
        document=document,
    )
