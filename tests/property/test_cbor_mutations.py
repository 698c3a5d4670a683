"""A hundred thousand damaged encodings: refused, or read and written back to the byte."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from sealwire import cbor
from sealwire.errors import MalformedError, Reason, Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.conftest import Operator

COUNT = 100_000
VALUES: list[cbor.CborValue] = [
    0,
    23,
    24,
    2**64 - 1,
    -1,
    -70001,
    True,
    None,
    b"",
    b"x" * 300,
    "",
    "grüße 水",
    [],
    [1, [2, [3, [4]]]],
    list(range(64)),
    {},
    {1: 5, 4: bytes(8)},
    {1: 3, 4: bytes(8), -70003: bytes(32)},
    {"a": {"b": {"c": [False]}}, 1: "one"},
    dict.fromkeys(range(64), 0),
]


def test_only_refusals_leave_the_decoder(
    alice: Operator, mutate: Callable[[random.Random, Sequence[bytes]], bytes]
) -> None:
    """Whatever is accepted has exactly one encoding: the one that was read."""
    chance = random.Random("cbor")
    seeds = [*map(cbor.encode, VALUES), alice.body(), alice.body(nonce=bytes(16))]
    accepted = 0
    for _ in range(COUNT):
        data = mutate(chance, seeds)
        try:
            value = cbor.decode(data)
        except MalformedError as error:
            if (error.reason, error.stage) != (Reason.BODY_MALFORMED, Stage.BODY):
                raise
        else:
            accepted += 1
            assert data == cbor.encode(value)
    # Both ways were taken often enough to say something.
    assert COUNT // 50 < accepted < COUNT - COUNT // 50


def test_only_refusals_leave_the_decoder_for_junk() -> None:
    """The same for bytes that never were an encoding."""
    chance = random.Random("junk")
    for _ in range(COUNT // 10):
        data = chance.randbytes(chance.randrange(40))
        try:
            assert data == cbor.encode(cbor.decode(data))
        except MalformedError:
            continue
