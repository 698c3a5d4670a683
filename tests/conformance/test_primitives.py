"""Our keys against public vectors: what they call valid is taken, everything else is refused.

The numbers of cases are those of the vectors that were used when this was written; fewer would mean
that a folder is not what it was.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.exceptions import InvalidTag

from sealwire.errors import ConfigurationError
from sealwire.keys import SECRET_BYTES, AeadKey, MacKey, VerifyKey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

AUDIENCE = "payments@test"
GCM_IV_BITS, GCM_KEY_BITS, GCM_TAG_BITS = 96, 256, 128
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
    assert sum(ran.values()) >= 150
    show(capsys, "Wycheproof Ed25519", ran)


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
    show(capsys, "ed25519-speccheck", ran)


def test_hmac_sha256(vectors: Callable[[str], Any], capsys: pytest.CaptureFixture[str]) -> None:
    """Keys of 32 bytes and whole tags as labelled; other keys and shorter tags are refused."""
    ran: Counter[str] = Counter()
    for _, case in cases(vectors("wycheproof/hmac_sha256_test.json")):
        secret, message = bytes.fromhex(case["key"]), bytes.fromhex(case["msg"])
        tag = bytes.fromhex(case["tag"])
        if len(secret) != SECRET_BYTES:
            with pytest.raises(ConfigurationError):
                MacKey(secret, owner="alice", audience=AUDIENCE)
            ran["key refused"] += 1
            continue
        found = MacKey(secret, owner="alice", audience=AUDIENCE).tag(message)
        if len(tag) == len(found):
            assert (case["result"] == "valid") == (found == tag), case
            ran[case["result"]] += 1
        else:
            # A layer compares whole tags, so that half of one is as wrong as any other.
            assert found != tag
            ran["tag too short"] += 1
    assert sum(ran.values()) >= 170
    assert ran["valid"]
    assert ran["invalid"]
    show(capsys, "Wycheproof HMAC-SHA256", ran)


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
        if (group["ivSize"], group["tagSize"]) != (GCM_IV_BITS, GCM_TAG_BITS):
            # An IV is cut out of the object at a fixed length, and so is the tag within it.
            ran["IV or tag of another length"] += 1
            continue
        key = AeadKey(secret, owner="alice", audience=AUDIENCE)
        iv, aad = bytes.fromhex(case["iv"]), bytes.fromhex(case["aad"])
        sealed = bytes.fromhex(case["ct"]) + bytes.fromhex(case["tag"])
        try:
            opened = key.decrypt(iv, sealed, aad)
        except InvalidTag:
            assert case["result"] == "invalid", case
        else:
            assert case["result"] == "valid", case
            assert bytes.fromhex(case["msg"]) == opened
        ran[case["result"]] += 1
    assert sum(ran.values()) >= 300
    assert ran["valid"]
    assert ran["invalid"]
    show(capsys, "Wycheproof AES-GCM", ran)


def show(capsys: pytest.CaptureFixture[str], what: str, ran: Counter[str]) -> None:
    """Print how many cases there were, whatever pytest does with output."""
    with capsys.disabled():
        said = ", ".join(f"{number} {name}" for name, number in sorted(ran.items()))
        print(f"\n  {what}: {sum(ran.values())} cases: {said}")
