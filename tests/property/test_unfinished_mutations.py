"""Ten thousand damaged unfinished messages: refused, or another message that says what it is."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import AUDIENCE, NOW_MS, Operator

from sealwire.body import encode_body
from sealwire.errors import MalformedError
from sealwire.layers import MultiSigner
from sealwire.sealer import MemorySealerState, Sealer
from sealwire.stages import Stream
from sealwire.unfinished import read_unfinished, seal_unfinished, write_unfinished

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Mutate = Callable[[random.Random, Sequence[bytes]], bytes]

COUNT = 10_000
ALICE, BOB = Operator.called("alice"), Operator.called("bob")
SEALER = Sealer(
    AUDIENCE,
    [MultiSigner(ALICE.signing)],
    issuer="alice",
    state=MemorySealerState(),
    clock=lambda: NOW_MS,
)
FIRST = seal_unfinished(
    SEALER, b"{}", content_type="application/json", stream=Stream.BASE, lifetime_s=300
)
FILES = [write_unfinished(FIRST), write_unfinished(FIRST.cosign(BOB.signing))]


def test_what_was_damaged_is_refused_or_is_unsigned(mutate: Mutate) -> None:
    """What still reads has one spelling; and where the body differs, no signature is right."""
    chance = random.Random("unfinished")
    read = 0
    for _ in range(COUNT):
        damaged = mutate(chance, FILES)
        try:
            found = read_unfinished(damaged)
        except MalformedError:
            continue
        read += 1
        assert damaged == write_unfinished(found)
        assert found.signed.payload == encode_body(found.claims, found.content_type, found.document)
        genuine = found.signed.framed == FIRST.signed.framed
        if not genuine or found.algorithms != FIRST.algorithms:
            assert not found.is_signed_by(ALICE.signing.verify_key)
            assert not found.is_signed_by(BOB.signing.verify_key)
    assert read < COUNT // 2


@given(st.binary(max_size=200))
def test_whatever_the_bytes_are_there_is_one_refusal(data: bytes) -> None:
    """And nothing else is raised."""
    for content in (data, FILES[0][:22] + data, FILES[0] + data, FILES[0][: len(data)]):
        try:
            found = read_unfinished(content)
        except MalformedError:
            continue
        assert content == write_unfinished(found)
