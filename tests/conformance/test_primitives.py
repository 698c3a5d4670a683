"""Our keys against public vectors: what they call valid is taken, everything else is refused.

The numbers of cases are those of the commits that `conftest.py` names; another number means that a
folder holds something else.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.exceptions import InvalidTag

from sealwire import cbor, cose
from sealwire.errors import ConfigurationError, MalformedError, Reason, VerificationError
from sealwire.keys import SECRET_BYTES, AeadKey, MacKey, VerifyKey
from sealwire.layers import AesGcmOpener, HmacTagger, HmacVerifier
from sealwire.stages import Context, Message, Use

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

AUDIENCE = "payments@test"
GCM_IV_BITS, GCM_KEY_BITS, GCM_TAG_BITS = 96, 256, 128
HMAC_BLOCK = 64  # bytes
ED25519_CASES, HMAC_CASES, GCM_CASES = 151, 174, 316
SPECCHECK = 12


def cases(found: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Give every case of a file of Wycheproof, with the group it stands in."""
    for group in found["testGroups"]:
        for case in group["tests"]:
            yield group, case


def test_ed25519(vectors: Callable[[str], Any], capsys: pytest.CaptureFixture[str]) -> None:
    """All as labelled: malleable, truncated and non-canonical signatures are invalid."""
    ran: Counter[str] = Counter()
    for group, case in cases(vectors("wycheproof/ed25519_test.json")):
        key = VerifyKey(bytes.fromhex(group["publicKey"]["pk"]), owner="alice")
        signed, signature = bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"])
        expected = case["result"] == "valid"
        assert expected == key.verifies(signed, signature), case
        ran[case["result"]] += 1
    assert sum(ran.values()) == ED25519_CASES
    show(capsys, "Wycheproof Ed25519", ED25519_CASES, ran)


def test_ed25519_of_doubtful_keys(
    vectors: Callable[[str], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """None of the twelve is taken: the key is refused when it is loaded, or the signature is."""
    ran: Counter[str] = Counter()
    for case in vectors("ed25519-speccheck/cases.json"):
        try:
            key = VerifyKey(bytes.fromhex(case["pub_key"]), owner="alice")
        except ConfigurationError:
            ran["key refused"] += 1
            continue
        signed, signature = bytes.fromhex(case["message"]), bytes.fromhex(case["signature"])
        assert not key.verifies(signed, signature), case
        ran["signature refused"] += 1
    assert sum(ran.values()) == SPECCHECK
    show(capsys, "ed25519-speccheck", SPECCHECK, ran)


def test_hmac_sha256(vectors: Callable[[str], Any], capsys: pytest.CaptureFixture[str]) -> None:
    """All as labelled; but keys have 32 bytes, and a layer wants the whole tag.

    RFC 2104, section 2, fills a shorter key with zeros and hashes one that is longer than a block,
    so each key of another length, which `MacKey` refuses, has an equal one of 32 bytes.
    """
    ran: Counter[str] = Counter()
    for _, case in cases(vectors("wycheproof/hmac_sha256_test.json")):
        secret, message = bytes.fromhex(case["key"]), bytes.fromhex(case["msg"])
        tag = bytes.fromhex(case["tag"])
        if len(secret) != SECRET_BYTES:
            with pytest.raises(ConfigurationError):
                MacKey(secret, owner="alice", audience=AUDIENCE)
            ran["with a key refused"] += 1
            secret = (
                hashlib.sha256(secret).digest()
                if len(secret) > HMAC_BLOCK
                else secret.ljust(SECRET_BYTES, b"\0")
            )
        key = MacKey(secret, owner="alice", audience=AUDIENCE)
        found = key.tag(message)
        assert (case["result"] == "valid") == (found[: len(tag)] == tag), case
        if len(tag) < len(found):
            assert_shorter_tags_are_refused(key, message, len(tag))
            ran["with a tag too short"] += 1
        ran[case["result"]] += 1
    assert ran["valid"] + ran["invalid"] == HMAC_CASES
    assert ran["valid"]
    assert ran["invalid"]
    assert ran["with a tag too short"]
    assert ran["with a key refused"]
    show(capsys, "Wycheproof HMAC-SHA256", HMAC_CASES, ran)


def assert_shorter_tags_are_refused(key: MacKey, message: bytes, length: int) -> None:
    """Try an object with the first part of the right tag, and one with other bytes behind it."""
    context = context_of(cose.MAC0)
    layer = HmacVerifier([key])
    sealed = HmacTagger(key).seal(message, context.external_aad)
    assert message == layer.verify(Message(sealed), context).data
    front, tag = sealed[: cose.MAC0.ending.start], sealed[cose.MAC0.authenticator]
    with pytest.raises(MalformedError):
        layer.verify(Message(front + cbor.encode_bytes(tag[:length])), context)
    filled = tag[:length] + bytes(each ^ 1 for each in tag[length:])
    with pytest.raises(VerificationError) as caught:
        layer.verify(Message(front + cbor.encode_bytes(filled)), context)
    assert Reason.MAC_INVALID is caught.value.reason


def test_aes_gcm(vectors: Callable[[str], Any], capsys: pytest.CaptureFixture[str]) -> None:
    """Keys of 256, IVs of 96 and tags of 128 bits as labelled; there is no way to give others."""
    ran: Counter[str] = Counter()
    for group, case in cases(vectors("wycheproof/aes_gcm_test.json")):
        secret = bytes.fromhex(case["key"])
        if group["keySize"] != GCM_KEY_BITS:
            with pytest.raises(ConfigurationError):
                AeadKey(secret, owner="alice", audience=AUDIENCE)
            ran["key refused"] += 1
            continue
        key = AeadKey(secret, owner="alice", audience=AUDIENCE)
        iv, aad = bytes.fromhex(case["iv"]), bytes.fromhex(case["aad"])
        sealed = bytes.fromhex(case["ct"]) + bytes.fromhex(case["tag"])
        if (group["ivSize"], group["tagSize"]) != (GCM_IV_BITS, GCM_TAG_BITS):
            assert_other_lengths_are_refused(key, iv, sealed)
            ran["IV of another length refused"] += 1
            continue
        try:
            opened = key.decrypt(iv, sealed, aad)
        except InvalidTag:
            assert case["result"] == "invalid", case
        else:
            assert case["result"] == "valid", case
            assert bytes.fromhex(case["msg"]) == opened
        ran[case["result"]] += 1
    assert sum(ran.values()) == GCM_CASES
    assert ran["valid"]
    assert ran["invalid"]
    assert ran["IV of another length refused"]
    show(capsys, "Wycheproof AES-GCM", GCM_CASES, ran)


def assert_other_lengths_are_refused(key: AeadKey, iv: bytes, sealed: bytes) -> None:
    """Put a case into an object that differs from ours in the length of its IV alone."""
    header = cose.protected_header(key.algorithm, key.id, key.check_value)
    parts = (header, cbor.encode({5: iv}), cbor.encode_bytes(sealed))
    with pytest.raises(MalformedError) as caught:
        AesGcmOpener([key]).verify(
            Message(cose.ENCRYPT0.opening + b"".join(parts)), context_of(cose.ENCRYPT0)
        )
    assert Reason.ENVELOPE_MALFORMED is caught.value.reason


def context_of(shape: cose.Shape) -> Context:
    """Give where a layer of this shape stands when it stands alone."""
    algorithms = (shape.algorithm,)
    aad = cose.external_aad(Use.REQUEST, AUDIENCE, 0, algorithms)
    return Context(AUDIENCE, 0, 0, 0, algorithms, aad)


def show(capsys: pytest.CaptureFixture[str], what: str, total: int, ran: Counter[str]) -> None:
    """Print how many cases there were, whatever pytest does with output."""
    with capsys.disabled():
        said = ", ".join(f"{number} {name}" for name, number in sorted(ran.items()))
        print(f"\n  {what}: {total} cases: {said}")
