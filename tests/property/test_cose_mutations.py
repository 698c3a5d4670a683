"""A hundred thousand damaged envelopes: refused, each layer alone and inside the outer ones."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from sealwire.body import encode_body
from sealwire.errors import Reason, RefusedError, Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.conftest import Operator, Way

    Mutate = Callable[[random.Random, Sequence[bytes]], bytes]

NOW_MS = 1_800_000_000_000
COUNTS = {0: 50_000, 1: 20_000, 2: 15_000}
LOCAL_COUNT = 15_000
BODY_COUNT = 15_000


def objects(way: Way, other: Operator, depth: int) -> list[bytes]:
    """Give objects as they stand inside the ``depth`` outermost layers, of two people."""
    found = []
    for operator in (way.operator, other):
        layers = way.layers
        if operator is other:
            layers = (other.gate(), other.hider(), other.signer())[-len(layers) :]
        for document in (b"", b"{}", b"x" * 300):
            body = operator.body(document)
            found.append(operator.wrap(body, layers, only=slice(depth, None)))
            found.append(operator.wrap(body, layers, only=slice(depth, None), audience="a"))
    return found


def refuse_all(
    way: Way, other: Operator, mutate: Mutate, depth: int, count: int
) -> Counter[Reason]:
    """Damage objects inside ``depth`` right layers; count the reasons of their refusals."""
    chance = random.Random(f"cose {depth} {count}")
    seeds = objects(way, other, depth)
    reasons: Counter[Reason] = Counter()
    for _ in range(count):
        damaged = mutate(chance, seeds)
        sealed = way.operator.wrap(damaged, way.layers, only=slice(depth))
        try:
            way.chain.open(sealed, now_ms=NOW_MS)
        except RefusedError as error:
            if error.stage is not Stage.LAYER:
                raise
            reasons[error.reason] += 1
        else:
            assert damaged in seeds, damaged.hex()
    assert count // 2 < reasons.total()
    return reasons


@pytest.mark.parametrize("depth", COUNTS)
def test_damaged_envelopes_of_the_network_way(
    network: Way, mallory: Operator, mutate: Mutate, depth: int
) -> None:
    """Only refusals at this stage leave the chain, and nothing but an undamaged object opens."""
    reasons = refuse_all(network, mallory, mutate, depth, COUNTS[depth])
    own = {
        0: {Reason.MAC_INVALID},
        1: {Reason.KEY_CHECK_FAILED, Reason.DECRYPTION_FAILED},
        2: {Reason.SIGNATURE_INVALID},
    }
    expected = {Reason.ENVELOPE_MALFORMED, Reason.KEY_UNKNOWN} | own[depth]
    assert expected == set(reasons)


def test_damaged_envelopes_of_the_local_way(local: Way, mallory: Operator, mutate: Mutate) -> None:
    """The same with a signature outermost."""
    reasons = refuse_all(local, mallory, mutate, 0, LOCAL_COUNT)
    expected = {Reason.ENVELOPE_MALFORMED, Reason.KEY_UNKNOWN, Reason.SIGNATURE_INVALID}
    assert expected == set(reasons)


def test_the_counts_add_up() -> None:
    """A hundred thousand in all."""
    assert 100_000 == sum(COUNTS.values()) + LOCAL_COUNT


def test_damaged_bodies_that_are_signed(local: Way, mallory: Operator, mutate: Mutate) -> None:
    """Who holds the keys still writes a body in its one form, in his own name, or is refused."""
    chance = random.Random("signed bodies")
    operator = local.operator
    seeds = [operator.body(), operator.body(nonce=bytes(16)), mallory.body(b"x" * 30)]
    opened = 0
    for _ in range(BODY_COUNT):
        damaged = mutate(chance, seeds)
        try:
            found = local.chain.open(local.seal(damaged), now_ms=NOW_MS)
        except RefusedError as error:
            if error.stage not in {Stage.BODY, Stage.CHECK}:
                raise
        else:
            opened += 1
            assert damaged == encode_body(found.claims, found.content_type, found.document)
            assert (operator.name, operator.audience) == (found.claims.iss, found.claims.aud)
    assert opened > BODY_COUNT // 50
