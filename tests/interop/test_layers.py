"""Our layers open elsewhere, theirs open here, one by one and nested."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sealwire import Chain, MemorySealerState, Sealer, cbor
from sealwire.body import encode_body
from sealwire.checks import Freshness, Once
from sealwire.cose import external_aad
from sealwire.stages import Claims, Stream, Use

if TYPE_CHECKING:
    from tests.interop.conftest import Keys, Oracle

NOW_MS = 1_800_000_000_000
AUDIENCE = "payments@prod"
ORDER = ("mac0", "encrypt0", "sign1")
# Lengths at which the head of a byte string changes, and one of a usual configuration.
LENGTHS = (0, 1, 23, 24, 255, 256, 4_096, 65_535, 65_536)


def content(headed: bytes) -> str:
    """Give the content of a byte string in hex, which is how others take ``external_aad``."""
    value = cbor.decode(headed)
    assert isinstance(value, bytes)
    return value.hex()


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("layer", ORDER)
def test_ours_opens_elsewhere(oracle: Oracle, keys: Keys, layer: str, length: int) -> None:
    """What we seal is what a general reader of COSE takes it for."""
    half = keys.half(layer)
    payload = bytes(length)
    sealed = half.sealing.seal(payload, half.bound)
    answer = oracle.ask(do="open", data=sealed.hex(), aad=content(half.bound), **half.opens)
    assert {"payload": payload.hex()} == answer


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("layer", ORDER)
def test_theirs_opens_here(oracle: Oracle, keys: Keys, layer: str, length: int) -> None:
    """What they make with our headers is what our reader takes."""
    half = keys.half(layer)
    payload = bytes(length)
    made = oracle.ask(do="make", payload=payload.hex(), aad=content(half.bound), **half.makes)
    assert "data" in made, made
    assert payload == half.open_alone(bytes.fromhex(made["data"]))


@pytest.mark.parametrize("layer", ORDER)
def test_what_is_bound_is_bound_elsewhere(oracle: Oracle, keys: Keys, layer: str) -> None:
    """With another audience, index or list of algorithms it opens nowhere."""
    half = keys.half(layer)
    sealed = half.sealing.seal(b"payload", half.bound)
    number = half.sealing.shape.algorithm
    for other in (
        external_aad(Use.REQUEST, "billing@prod", 0, (number,)),
        external_aad(Use.RECEIPT, AUDIENCE, 0, (number,)),
        external_aad(Use.REQUEST, AUDIENCE, 1, (number,)),
        external_aad(Use.REQUEST, AUDIENCE, 0, (number, number)),
    ):
        bound = content(other)
        answer = oracle.ask(do="open", data=sealed.hex(), aad=bound, **half.opens)
        assert "error" in answer


@pytest.mark.parametrize("order", [ORDER, ORDER[2:]], ids=["network", "local"])
def test_a_whole_message_of_ours_opens_elsewhere(
    oracle: Oracle, keys: Keys, order: tuple[str, ...]
) -> None:
    """Layer by layer, outermost first; what is left is the body."""
    halves = [keys.half(layer) for layer in order]
    sealer = Sealer(
        AUDIENCE,
        [half.sealing for half in halves],
        issuer="alice",
        state=MemorySealerState(),
        clock=lambda: NOW_MS,
    )
    sealed = sealer.seal_at(b'{"version": 1}', now_ms=NOW_MS)
    data = bytes(sealed)
    algorithms = tuple(half.sealing.shape.algorithm for half in halves)
    for index, half in enumerate(halves):
        bound = content(external_aad(Use.REQUEST, AUDIENCE, index, algorithms))
        answer = oracle.ask(do="open", data=data.hex(), aad=bound, **half.opens)
        assert "payload" in answer, answer
        data = bytes.fromhex(answer["payload"])
    chain = Chain(AUDIENCE, [*(half.opening for half in halves), Freshness(), Once()])
    assert chain.open(sealed, now_ms=NOW_MS).body == data


@pytest.mark.parametrize("order", [ORDER, ORDER[2:]], ids=["network", "local"])
def test_a_whole_message_of_theirs_opens_here(
    oracle: Oracle, keys: Keys, order: tuple[str, ...]
) -> None:
    """Our chain takes a message that another implementation has wrapped."""
    halves = [keys.half(layer) for layer in order]
    algorithms = tuple(half.sealing.shape.algorithm for half in halves)
    seconds = NOW_MS // 1000
    claims = Claims("alice", AUDIENCE, seconds + 300, seconds, bytes(16), NOW_MS, Stream.BASE)
    data = encode_body(claims, "application/json", b'{"version": 1}')
    for index, half in reversed(list(enumerate(halves))):
        bound = content(external_aad(Use.REQUEST, AUDIENCE, index, algorithms))
        made = oracle.ask(do="make", payload=data.hex(), aad=bound, **half.makes)
        assert "data" in made, made
        data = bytes.fromhex(made["data"])
    chain = Chain(AUDIENCE, [*(half.opening for half in halves), Freshness(), Once()])
    assert claims == chain.open(data, now_ms=NOW_MS).claims
