"""What general readers of COSE take, and this profile refuses.

Each probe is made from a good object by a change that leaves it authentic, or should not, under the
other's rules. Ours refuses them all. Which of the others takes which is written down for the
versions that ``make interop`` installs: not to blame them, a general reader has to be lenient, but
because it is the reason why there is a reader here.
"""

from __future__ import annotations

import contextlib
import hmac
from typing import TYPE_CHECKING

import nacl.signing
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sealwire import ConfigurationError, RefusedError, VerifyKey, cbor
from sealwire.cose import ENCRYPT0, KEY_CHECK_LABEL, MAC0, SIGN1, to_be_authenticated
from sealwire.keys import reveal_secret

if TYPE_CHECKING:
    from tests.interop.conftest import Keys, Oracle

PAYLOAD = b"payload"
IV = bytes(range(12))
# The neutral point of the curve: as a public key, and as the first half of a signature.
IDENTITY = b"\x01" + bytes(31)
MESSAGES = 16

# Of cwt 3.3.0, pycose 1.1.0 (both with cbor2 5.9.0) and @auth0/cose 1.0.2, each told which key and
# which algorithm to expect, as far as it can be told. RFC 9052, section 3.1, has a reader refuse a
# critical header that it does not know; the rest it leaves to profiles.
BY_ALL = {
    "a critical header nobody knows",
    "a longer head than needed",
    "a protected key twice",
    "a signed header more",
    "an array without a length",
    "an unprotected header more",
    "encrypted: an unprotected header more",
    "encrypted: another key's check value",
    "encrypted: no key check value",
    "encrypted: the algorithm unprotected",
    "protected keys in another order",
    "the algorithm unprotected",
    "the key id unprotected",
}
LOOSE = {"a payload in pieces", "bytes behind the object", "encrypted: bytes behind the object"}
TAKEN = {
    "cwt": BY_ALL | LOOSE | {"the older number of the algorithm"},
    "pycose": BY_ALL | LOOSE | {"another key's id", "encrypted: the IV protected"},
    "node": BY_ALL
    | {
        "an array in the unprotected header's place",
        "another key's id",
        "no tag in front",
    },
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


def encrypt0(keys: Keys, protected: bytes, unprotected: bytes, *, cut: int = 0) -> bytes:
    """Write Encrypt0 from encoded parts, with the right ciphertext, less ``cut`` of its tag."""
    covered = to_be_authenticated(
        ENCRYPT0, cbor.encode_bytes(protected), keys.half("encrypt0").bound
    )
    sealed = AESGCM(reveal_secret(keys.aead)).encrypt(IV, PAYLOAD, covered)
    parts = (cbor.encode_bytes(protected), unprotected)
    return b"\xd0\x83" + b"".join(parts) + cbor.encode_bytes(sealed[: len(sealed) - cut])


def encrypted_probes(keys: Keys) -> dict[str, tuple[str, bytes]]:
    """Give the probes that need encryption."""
    kid, check = bytes(keys.aead.id), keys.aead.check_value
    header, iv = cbor.encode({1: 3, 4: kid, KEY_CHECK_LABEL: check}), cbor.encode({5: IV})
    made = {
        "encrypted: no key check value": encrypt0(keys, cbor.encode({1: 3, 4: kid}), iv),
        "encrypted: another key's check value": encrypt0(
            keys, cbor.encode({1: 3, 4: kid, KEY_CHECK_LABEL: bytes(32)}), iv
        ),
        "encrypted: the IV protected": encrypt0(
            keys, cbor.encode({1: 3, 4: kid, 5: IV, KEY_CHECK_LABEL: check}), b"\xa0"
        ),
        "encrypted: the algorithm unprotected": encrypt0(
            keys, cbor.encode({4: kid, KEY_CHECK_LABEL: check}), cbor.encode({1: 3, 5: IV})
        ),
        "encrypted: an unprotected header more": encrypt0(
            keys, header, cbor.encode({5: IV, 99: 1})
        ),
        "encrypted: three quarters of a tag": encrypt0(keys, header, iv, cut=4),
        "encrypted: bytes behind the object": encrypt0(keys, header, iv) + b"\0",
    }
    return {name: ("encrypt0", data) for name, data in made.items()}


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
        "an array in the unprotected header's place": (
            "mac0",
            mac0(keys, header, b"\x80", payload),
        ),
        "a MAC of eight bytes, as its algorithm says": (
            "mac0",
            mac0(keys, cbor.encode({1: 4, 4: mac_id}), nothing, payload, most=8),
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
        **encrypted_probes(keys),
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
    taken = set()
    for name, (layer, data) in probes(keys).items():
        with contextlib.suppress(RefusedError):
            keys.half(layer).open_alone(data)
            taken.add(name)
    assert set() == taken


def test_a_key_of_small_order(
    keys: Keys, oracle: Oracle, capsys: pytest.CaptureFixture[str]
) -> None:
    """With it one signature, which needs no secret, is right under every message."""
    with pytest.raises(ConfigurationError):
        VerifyKey(IDENTITY, owner="alice")
    half = keys.half("sign1")
    header = cbor.encode_bytes(cbor.encode({1: -19, 4: bytes(keys.signing.id)}))
    signature = cbor.encode_bytes(IDENTITY + bytes(32))
    taken = 0
    for number in range(MESSAGES):
        payload = cbor.encode_bytes(f"message {number}".encode())
        data = b"\xd2\x84" + header + b"\xa0" + payload + signature
        bound = content(half.bound).hex()
        asked = {**half.opens, "key": IDENTITY.hex()}
        taken += "payload" in oracle.ask(do="open", data=data.hex(), aad=bound, **asked)
    with capsys.disabled():
        print(f"\n  {oracle.name}, a key of small order: takes {taken} of {MESSAGES} messages")
    assert MESSAGES == taken


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
