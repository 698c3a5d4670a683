"""The signatures of several, one by one, as other implementations of COSE_Sign read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.conftest import AUDIENCE, Operator
from tests.interop.conftest import Oracle

from sealwire import cbor
from sealwire.cose import ED25519, external_aad
from sealwire.layers import MultiSigner
from sealwire.stages import Use

if TYPE_CHECKING:
    from collections.abc import Iterator

PEOPLE = [Operator.called(name) for name in ("alice", "bob", "carol")]
STRANGER = Operator.called("mallory")
BOUND = external_aad(Use.REQUEST, AUDIENCE, 0, (ED25519,))


# The third one, @auth0/cose, verifies all signatures with one key or none.
@pytest.fixture(scope="module", params=["cwt", "pycose"])
def reader(request: pytest.FixtureRequest) -> Iterator[Oracle]:
    """Give each implementation that can take one signature of several."""
    started = Oracle(request.param)
    yield started
    started.end()


def opened(reader: Oracle, sealed: bytes, person: Operator, bound: bytes = BOUND) -> dict[str, str]:
    """Let one open it with the key of one person."""
    aad = cbor.decode(bound)
    assert isinstance(aad, bytes)
    key = person.signing.verify_key
    return reader.ask(
        do="open",
        layer="sign",
        data=sealed.hex(),
        key=key.public_bytes.hex(),
        kid=key.id.hex(),
        aad=aad.hex(),
    )


@pytest.mark.parametrize("length", [0, 1, 23, 24, 255, 256, 4_096, 65_536])
def test_each_signature_of_ours_opens_elsewhere(reader: Oracle, length: int) -> None:
    """By the key of each of those who signed, and by nobody else's."""
    payload = bytes(length)
    sealed = MultiSigner(*(each.signing for each in PEOPLE)).seal(payload, BOUND)
    for person in PEOPLE:
        assert {"payload": payload.hex()} == opened(reader, sealed, person)
    assert "error" in opened(reader, sealed, STRANGER)


def test_what_is_bound_is_bound_elsewhere(reader: Oracle) -> None:
    """For another audience or place no signature is right."""
    sealed = MultiSigner(*(each.signing for each in PEOPLE)).seal(b"payload", BOUND)
    for other in (
        external_aad(Use.REQUEST, "billing@prod", 0, (ED25519,)),
        external_aad(Use.REQUEST, AUDIENCE, 2, (5, 3, ED25519)),
    ):
        for person in PEOPLE:
            assert "error" in opened(reader, sealed, person, other)
