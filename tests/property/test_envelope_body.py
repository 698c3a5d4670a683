"""A hundred thousand damaged bodies, and any claims: refused, or read and written back."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealwire.body import decode_body, encode_body
from sealwire.errors import MalformedError, Reason, Stage
from sealwire.stages import Claims, Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.conftest import Operator

COUNT = 100_000
NAMES = st.from_regex(r"[a-z0-9][a-z0-9._@/-]{0,127}", fullmatch=True)
NUMBERS = st.integers(0, 2**64 - 1)


def test_only_refusals_leave_the_reader(
    alice: Operator,
    mallory: Operator,
    mutate: Callable[[random.Random, Sequence[bytes]], bytes],
) -> None:
    """Whatever is accepted has exactly one encoding: the one that was read."""
    chance = random.Random("bodies")
    seeds = [
        alice.body(),
        alice.body(b"", nonce=bytes(16)),
        mallory.body(b"x" * 300, stream=Stream.LEASE, iat=0, exp=1, version=0),
    ]
    accepted = 0
    for _ in range(COUNT):
        data = mutate(chance, seeds)
        try:
            body = decode_body(data)
        except MalformedError as error:
            if (error.reason, error.stage) != (Reason.BODY_MALFORMED, Stage.BODY):
                raise
        else:
            accepted += 1
            assert data == encode_body(*body)
    assert COUNT // 50 < accepted < COUNT - COUNT // 50


@given(
    NAMES,
    NAMES,
    NUMBERS,
    NUMBERS,
    st.binary(min_size=16, max_size=16),
    NUMBERS,
    st.sampled_from(Stream),
    st.none() | st.binary(min_size=16, max_size=16),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=31),
    st.binary(max_size=300),
)
def test_any_claims_are_read_as_they_were_written(
    iss: str,
    aud: str,
    one_s: int,
    other_s: int,
    cti: bytes,
    version: int,
    stream: Stream,
    nonce: bytes | None,
    content_type: str,
    document: bytes,
) -> None:
    """All that fits the rules of a body, whatever it means."""
    iat, exp = sorted((one_s, other_s))
    claims = Claims(iss, aud, exp, iat, cti, version, stream, nonce)
    encoded = encode_body(claims, content_type, document)
    if iat < exp:
        assert (claims, content_type, document) == decode_body(encoded)
        return
    with pytest.raises(MalformedError) as caught:
        decode_body(encoded)
    assert "is not before exp" in caught.value.detail
