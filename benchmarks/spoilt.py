"""Messages with one wrong bit, in whichever layer, and otherwise sealed as they should be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.operators import AUDIENCE, NETWORK_ALGORITHMS, bound
from sealwire import (
    AesGcmOpener,
    AesGcmSealer,
    Context,
    Ed25519Verifier,
    HmacTagger,
    HmacVerifier,
    Message,
    wall_clock_ms,
)

if TYPE_CHECKING:
    from benchmarks.operators import Operator
    from sealwire import Layer


def flipped(data: bytes, at: int) -> bytes:
    """Give ``data`` with one bit of one byte changed; counted from the end where negative."""
    at %= len(data)
    return data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]


def opened_to(operator: Operator, sealed: bytes, depth: int) -> tuple[Layer, Message, Context]:
    """Give the layer at ``depth`` with the message that the layers before it leave."""
    layers: tuple[Layer, ...] = (
        HmacVerifier([operator.mac]),
        AesGcmOpener([operator.aead]),
        Ed25519Verifier([operator.signing.verify_key]),
    )
    message, now_ms = Message(sealed), wall_clock_ms()
    for position in range(depth + 1):
        context = Context(AUDIENCE, now_ms, 0, position, NETWORK_ALGORITHMS, bound()[position])
        if position == depth:
            return layers[position], message, context
        message = layers[position].verify(message, context)
    raise AssertionError(depth)


def spoilt_inside(operator: Operator, sealed: bytes, depth: int, at: int) -> bytes:
    """Change one bit of the layer at ``depth``, and wrap it in the outer ones again."""
    _, message, _ = opened_to(operator, sealed, depth)
    data = flipped(message.data, at)
    outer = (HmacTagger(operator.mac), AesGcmSealer(operator.aead))[:depth]
    for layer, aad in zip(reversed(outer), reversed(bound()[:depth]), strict=True):
        data = layer.seal(data, aad)
    return data
