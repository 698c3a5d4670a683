"""What general readers of COSE take, and this profile refuses.

Each probe is made from a good object by a change that leaves it authentic, or should not, under the
other's rules. Ours refuses them all. Which of the others takes which is written down for the
versions that ``make interop`` installs: not to blame them, a general reader has to be lenient, but
because it is the reason why there is a reader here.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

import nacl.signing
import pytest

from sealwire import RefusedError, cbor
from sealwire.cose import MAC0, SIGN1, to_be_authenticated
from sealwire.keys import reveal_secret

if TYPE_CHECKING:
    from tests.interop.conftest import Keys, Oracle

PAYLOAD = b"payload"

# Of cwt 3.3.0, pycose 1.1.0 (both with cbor2 5.9.0) and @auth0/cose 1.0.2. RFC 9052, section 3.1,
# has a reader refuse a critical header that it does not know; the rest it leaves to profiles.
BY_ALL = {
    "a critical header nobody knows",
    "a longer head than needed",
    "a protected key twice",
    "a signed header more",
    "an array without a length",
    "an unprotected header more",
    "protected keys in another order",
    "the algorithm unprotected",
    "the key id unprotected",
    "the older number of the algorithm",
}
TAKEN = {
    "cwt": BY_ALL | {"a payload in pieces", "bytes behind the object"},
    "pycose": BY_ALL | {"a payload in pieces", "bytes behind the object", "another key's id"},
    "node": BY_ALL | {"another key's id", "no tag in front"},
}


def content(headed: bytes) -> bytes:
    """Give the content of a byte string."""
    value = cbor.decode(headed)
    assert isinstance(value, bytes)
    return value


def mac0(keys: Keys, protected: bytes, unprotected: bytes, payload: bytes, most: int = 32) -> bytes:
    """Write Mac0 from encoded parts, with the right tag, or as much of it as is wanted."""
    covered = to_be_authenticated(MAC0, cbor.encode_bytes(protected), keys.half("mac0").bound)
    tag = hmac.digest(reveal_secret(keys.mac), covered + cbor.encode_bytes(PAYLOAD), "sha256")
    parts = (cbor.encode_bytes(protected), unprotected, payload, cbor.encode_bytes(tag[:most]))
    return b"\xd1\x84" + b"".join(parts)


def sign1(keys: Keys, protected: bytes, unprotected: bytes, payload: bytes) -> bytes:
    """Write Sign1 from encoded parts, with a right signature."""
    covered = to_be_authenticated(SIGN1, cbor.encode_bytes(protected), keys.half("sign1").bound)
    signing = nacl.signing.SigningKey(reveal_secret(keys.signing))
    signature = signing.sign(covered + cbor.encode_bytes(PAYLOAD)).signature
    return (
        b"\xd2\x84"
        + cbor.encode_bytes(protected)
        + unprotected
        + payload
        + cbor.encode_bytes(signature)
    )


def probes(keys: Keys) -> dict[str, tuple[str, bytes]]:
    """Give every probe: the layer that is asked, and the bytes."""
    mac_id, sign_id = bytes(keys.mac.id), bytes(keys.signing.id)
    header = cbor.encode({1: 5, 4: mac_id})
    signed_header = cbor.encode({1: -19, 4: sign_id})
    payload, nothing = cbor.encode_bytes(PAYLOAD), b"\xa0"
    good = mac0(keys, header, nothing, payload)
    long_head = b"\x58" + bytes((len(PAYLOAD),)) + PAYLOAD
    in_pieces = b"\x5f" + cbor.encode_bytes(PAYLOAD[:3]) + cbor.encode_bytes(PAYLOAD[3:]) + b"\xff"
    twice = b"\xa3\x01\x05" + b"\x01\x05" + b"\x04\x48" + mac_id
    return {
        "bytes behind the object": ("mac0", good + b"\0"),
        "no tag in front": ("mac0", good[1:]),
        "a longer head than needed": ("mac0", mac0(keys, header, nothing, long_head)),
        "a payload in pieces": ("mac0", mac0(keys, header, nothing, in_pieces)),
        "an array without a length": ("mac0", b"\xd1\x9f" + good[2:] + b"\xff"),
        "a protected key twice": ("mac0", mac0(keys, twice, nothing, payload)),
        "protected keys in another order": (
            "mac0",
            mac0(keys, b"\xa2\x04\x48" + mac_id + b"\x01\x05", nothing, payload),
        ),
        "the algorithm unprotected": (
            "mac0",
            mac0(keys, cbor.encode({4: mac_id}), cbor.encode({1: 5}), payload),
        ),
        "the key id unprotected": (
            "mac0",
            mac0(keys, cbor.encode({1: 5}), cbor.encode({4: mac_id}), payload),
        ),
        "an unprotected header more": ("mac0", mac0(keys, header, cbor.encode({99: 1}), payload)),
        "a critical header nobody knows": (
            "mac0",
            mac0(keys, cbor.encode({1: 5, 2: [99], 4: mac_id, 99: 1}), nothing, payload),
        ),
        "half a MAC": ("mac0", mac0(keys, header, nothing, payload, most=16)),
        "the older number of the algorithm": (
            "sign1",
            sign1(keys, cbor.encode({1: -8, 4: sign_id}), nothing, payload),
        ),
        "another key's id": (
            "sign1",
            sign1(keys, cbor.encode({1: -19, 4: bytes(8)}), nothing, payload),
        ),
        "a signed header more": (
            "sign1",
            sign1(keys, cbor.encode({1: -19, 3: 0, 4: sign_id}), nothing, payload),
        ),
        "a tag within the payload's place": (
            "sign1",
            sign1(keys, signed_header, nothing, b"\xd8\x18" + payload),
        ),
    }


def test_the_good_ones_are_good(keys: Keys, oracle: Oracle) -> None:
    """What the probes are made from is taken everywhere."""
    header = cbor.encode({1: 5, 4: bytes(keys.mac.id)})
    signed_header = cbor.encode({1: -19, 4: bytes(keys.signing.id)})
    payload = cbor.encode_bytes(PAYLOAD)
    for layer, data in (
        ("mac0", mac0(keys, header, b"\xa0", payload)),
        ("sign1", sign1(keys, signed_header, b"\xa0", payload)),
    ):
        half = keys.half(layer)
        assert PAYLOAD == half.open_alone(data)
        bound = content(half.bound).hex()
        answer = oracle.ask(do="open", data=data.hex(), aad=bound, **half.opens)
        assert {"payload": PAYLOAD.hex()} == answer


def test_ours_takes_none_of_them(keys: Keys) -> None:
    """Every probe is refused by the layer it is made for."""
    for name, (layer, data) in probes(keys).items():
        with pytest.raises(RefusedError):
            keys.half(layer).open_alone(data)
        assert name


def test_what_the_others_take(
    keys: Keys, oracle: Oracle, capsys: pytest.CaptureFixture[str]
) -> None:
    """As written down for these versions; a newer one may have become stricter."""
    taken: set[str] = set()
    for name, (layer, data) in probes(keys).items():
        half = keys.half(layer)
        bound = content(half.bound).hex()
        answer = oracle.ask(do="open", data=data.hex(), aad=bound, **half.opens)
        if "payload" in answer:
            taken.add(name)
    with capsys.disabled():
        print(f"\n  {oracle.name} takes {len(taken)} of {len(probes(keys))}:")
        for name in sorted(taken):
            print(f"    {name}")
    assert TAKEN[oracle.name] == taken
