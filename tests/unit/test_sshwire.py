"""The bytes of SSH: read whole, in one form, and written again the same."""

from __future__ import annotations

import base64
import hashlib

import pytest
from tests.sshdoubles import (
    ED25519,
    FIDO,
    NAMESPACE,
    PLAIN,
    SK_ED25519,
    SoftKey,
    covered,
    ssh,
    sshsig,
)

from sealwire.errors import MalformedError
from sealwire.sshwire import (
    MAX_STRING_BYTES,
    PublicKey,
    Reader,
    Signature,
    Sshsig,
    authenticator_data,
    signed_data,
    string,
)

KEYS = [pytest.param(PLAIN, id="plain"), pytest.param(FIDO, id="fido")]


def refused(reading: object) -> str:
    """Say why ``reading`` refuses."""
    with pytest.raises(MalformedError) as caught:
        reading()  # type: ignore[operator]
    return caught.value.detail


@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_these_bytes(key: SoftKey) -> None:
    """Its kind, its point and its application, each a string."""
    read = PublicKey.parse(key.blob)
    assert (key.kind.decode(), key.public, key.application.decode()) == read
    assert key.blob == read.encode()
    assert bool(key.application) is read.in_authenticator


@pytest.mark.parametrize("key", KEYS)
def test_a_signature_is_these_bytes(key: SoftKey) -> None:
    """An authenticator's says how it was asked, and how often."""
    blob = key.sign(b"signed")
    read = Signature.parse(blob)
    assert blob == read.encode()
    assert (1, 7) == (read.flags, read.counter) if key.application else (0, 0)


@pytest.mark.parametrize("key", KEYS)
def test_an_sshsig_is_these_bytes(key: SoftKey) -> None:
    """As ``PROTOCOL.sshsig`` has them."""
    blob = key.sshsig(b"message")
    read = Sshsig.parse(blob)
    assert (PublicKey.parse(key.blob), NAMESPACE.decode()) == read[:2]
    assert blob == read.encode()


def test_what_is_signed() -> None:
    """The hash of the message, behind the namespace; and around it what an authenticator adds."""
    assert covered(b"message") == signed_data(NAMESPACE.decode(), b"message")
    signed = authenticator_data("ssh:", 5, 258, b"signed")
    tail = bytes.fromhex("05 00000102")
    halves = hashlib.sha256(b"ssh:").digest(), hashlib.sha256(b"signed").digest()
    assert halves[0] + tail + halves[1] == signed


def test_the_fingerprint_is_openssh_s() -> None:
    """SHA-256 of the blob, in base64 without padding."""
    digest = base64.b64encode(hashlib.sha256(PLAIN.blob).digest()).decode()
    assert f"SHA256:{digest.rstrip('=')}" == PublicKey.parse(PLAIN.blob).fingerprint


def test_the_reader_ends_where_the_bytes_do() -> None:
    """Numbers, strings and text, one behind the other."""
    reader = Reader(b"\x05\0\0\1\2" + string("name") + string(b"\0\xff") + b"x")
    assert (5, 258, "name", b"\0\xff") == (
        reader.byte(),
        reader.uint32(),
        reader.text(),
        reader.string(),
    )
    assert "trail" in refused(reader.check_end)
    assert b"x" == reader.take(1)
    reader.check_end()
    assert "truncated" in refused(reader.byte)


@pytest.mark.parametrize("raw", [b" ", b"a b", b"\0", b"\x7f", "é".encode(), b"a\n"])
def test_a_name_is_printable_ascii(raw: bytes) -> None:
    """So that no name looks like another one."""
    assert "is no name" in refused(Reader(string(raw)).text)


def test_lengths_are_bounded() -> None:
    """A length is refused before anything of it is read, and a shorter one than it says as well."""
    largest = Reader(string(bytes(MAX_STRING_BYTES)))
    assert MAX_STRING_BYTES == len(largest.string())
    assert "the most" in refused(Reader(b"\xff\xff\xff\xff").string)
    assert "the most" in refused(Reader(string(bytes(MAX_STRING_BYTES + 1))).string)
    assert "truncated" in refused(Reader(b"\0\0\0\2a").string)
    assert "truncated" in refused(Reader(b"\0\0\0").uint32)


PUBLIC = PLAIN.public
WRONG_KEYS = {
    "empty": b"",
    "another kind": ssh(b"ssh-rsa", PUBLIC),
    "a certificate": ssh(b"ssh-ed25519-cert-v01@openssh.com", PUBLIC),
    "a kind in capitals": ssh(b"SSH-ED25519", PUBLIC),
    "31 bytes": ssh(ED25519, PUBLIC[:-1]),
    "33 bytes": ssh(ED25519, PUBLIC + b"\0"),
    "an application where there is none": ssh(ED25519, PUBLIC, b"ssh:"),
    "no application": ssh(SK_ED25519, PUBLIC),
    "an application with a space": ssh(SK_ED25519, PUBLIC, b"ssh: x"),
    "an application that is too long": ssh(SK_ED25519, PUBLIC, b"ssh:" + b"x" * 252),
    "bytes behind it": FIDO.blob + b"\0",
}


@pytest.mark.parametrize("blob", WRONG_KEYS.values(), ids=WRONG_KEYS)
def test_what_is_no_key(blob: bytes) -> None:
    """Exactly one key of the two kinds, or none."""
    assert refused(lambda: PublicKey.parse(blob)).startswith("ssh: ")


SIGNATURE = PLAIN.sign(b"")[-64:]
WRONG_SIGNATURES = {
    "another kind": ssh(b"ssh-rsa", SIGNATURE),
    "63 bytes": ssh(ED25519, SIGNATURE[:-1]),
    "65 bytes": ssh(ED25519, SIGNATURE + b"\0"),
    "flags where there are none": ssh(ED25519, SIGNATURE) + bytes(5),
    "no flags": ssh(SK_ED25519, SIGNATURE),
    "no counter": ssh(SK_ED25519, SIGNATURE) + b"\x01",
    "bytes behind it": FIDO.sign(b"") + b"\0",
}


@pytest.mark.parametrize("blob", WRONG_SIGNATURES.values(), ids=WRONG_SIGNATURES)
def test_what_is_no_signature(blob: bytes) -> None:
    """Exactly one signature of the two kinds, or none."""
    assert refused(lambda: Signature.parse(blob)).startswith("ssh: ")


MADE = FIDO.sign(covered(b""))
WRONG_SSHSIGS = {
    "empty": b"",
    "another magic": b"SSHSIH" + sshsig(FIDO.blob, MADE)[6:],
    "version 0": sshsig(FIDO.blob, MADE, version=0),
    "version 2": sshsig(FIDO.blob, MADE, version=2),
    "no namespace": sshsig(FIDO.blob, MADE, namespace=b""),
    "a reserved field": sshsig(FIDO.blob, MADE, reserved=b"x"),
    "sha256": sshsig(FIDO.blob, MADE, hashed=b"sha256"),
    "sha1": sshsig(FIDO.blob, MADE, hashed=b"sha1"),
    "no hash": sshsig(FIDO.blob, MADE, hashed=b""),
    "a key that is none": sshsig(FIDO.blob + b"\0", MADE),
    "a signature that is none": sshsig(FIDO.blob, MADE + b"\0"),
    "a key of one kind and a signature of the other": sshsig(PLAIN.blob, MADE),
    "and the other way round": sshsig(FIDO.blob, PLAIN.sign(b"")),
    "bytes behind it": sshsig(FIDO.blob, MADE) + b"\0",
    "armour": b"-----BEGIN SSH SIGNATURE-----\n",
}


@pytest.mark.parametrize("blob", WRONG_SSHSIGS.values(), ids=WRONG_SSHSIGS)
def test_what_is_no_sshsig(blob: bytes) -> None:
    """Exactly one, with an empty reserved field and SHA-512, or none."""
    assert refused(lambda: Sshsig.parse(blob)).startswith("ssh: ")


@pytest.mark.parametrize("key", KEYS)
def test_every_truncation_is_refused(key: SoftKey) -> None:
    """Wherever the bytes end too early."""
    blob = key.sshsig(b"message")
    for length in range(len(blob)):
        refused(lambda length=length: Sshsig.parse(blob[:length]))


@pytest.mark.parametrize("key", KEYS)
def test_every_flipped_bit_is_refused_or_reads_back(key: SoftKey) -> None:
    """No two blobs are read as one."""
    blob = key.sshsig(b"message")
    for at in range(8 * len(blob)):
        flipped = bytearray(blob)
        flipped[at // 8] ^= 1 << at % 8
        try:
            read = Sshsig.parse(bytes(flipped))
        except MalformedError:
            continue
        assert bytes(flipped) == read.encode()
