"""Checkpoints: what is signed, who signed it, and every note that is not one."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace

import pytest

from sealwire.keys import SigningKey, VerifyKey
from sealwire.trail.checkpoint import (
    MAX_NOTE_BYTES,
    MAX_SIGNATURES,
    Checkpoint,
    CheckpointError,
    Note,
    Signature,
    key_id,
    origin_of,
    parse_note,
)

HOST = SigningKey(bytes(range(32)), owner="host")
OTHER = SigningKey(bytes(32), owner="host")
ORIGIN = "sealwire/payments@prod/00112233aabbccdd"
HEAD = Checkpoint(ORIGIN, 20_852_163, bytes(range(32)))
HOST_ID = key_id(ORIGIN, HOST.verify_key)
NOTE = HEAD.sign(HOST).encode()


def test_what_is_written_is_what_the_specification_says() -> None:
    """Three lines, an empty one, and a signature over what stands in front of it."""
    text, signature = NOTE.decode().split("\n\n")
    assert [ORIGIN, "20852163", base64.b64encode(bytes(range(32))).decode()] == text.split("\n")
    dash, name, coded = signature.removesuffix("\n").split(" ")
    assert ("\u2014", ORIGIN) == (dash, name)
    content = base64.b64decode(coded)
    public = HOST.verify_key.public_bytes
    assert hashlib.sha256(f"{ORIGIN}\n\x01".encode() + public).digest()[:4] == content[:4]
    assert HOST.verify_key.verifies(f"{text}\n".encode(), content[4:])


def test_the_key_id_is_that_of_others() -> None:
    """The verifier key in the documentation of Go's ``sumdb/note`` has the id that we compute."""
    coded = "ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    key = VerifyKey(base64.b64decode(coded)[1:], owner="neumann")
    assert "c74f20a3" == key_id("PeterNeumann", key).hex()


def test_an_origin_names_the_trail() -> None:
    """Each host has its own, in one audience."""
    assert ORIGIN == origin_of("payments@prod", "00112233aabbccdd")


def test_what_is_read_is_what_was_written() -> None:
    """To the byte, and the checkpoint comes out for the key that signed it."""
    note = parse_note(NOTE)
    assert NOTE == note.encode()
    assert HEAD == note.verify(HOST.verify_key)
    assert HEAD == note.verify(OTHER.verify_key, HOST.verify_key)


def test_a_witness_is_passed_over() -> None:
    """Signatures by keys that are not asked for say nothing, whatever name they have."""
    mine = HEAD.sign(HOST).signatures
    others = (Signature("witness.example/w1", bytes(80)), Signature(ORIGIN, bytes(68)))
    note = Note(HEAD, (*others, *mine))
    assert HEAD == parse_note(note.encode()).verify(HOST.verify_key)


def test_two_keys_may_have_signed() -> None:
    """As when a host changes its key; one of both is enough, and each that is given must verify."""
    note = Note(HEAD, (*HEAD.sign(HOST).signatures, *HEAD.sign(OTHER).signatures))
    for keys in ((HOST.verify_key,), (OTHER.verify_key,), (HOST.verify_key, OTHER.verify_key)):
        assert HEAD == note.verify(*keys)


@pytest.mark.parametrize(
    ("changed", "keys"),
    [
        (parse_note(NOTE), ()),
        (parse_note(NOTE), (OTHER.verify_key,)),
        (Note(HEAD, HEAD.sign(HOST).signatures * 2), (HOST.verify_key,)),
        (Note(replace(HEAD, size=1), HEAD.sign(HOST).signatures), (HOST.verify_key,)),
        (
            Note(HEAD, (Signature(ORIGIN, key_id(ORIGIN, HOST.verify_key) + b"x"),)),
            (HOST.verify_key,),
        ),
    ],
    ids=["no key", "another key", "signed twice", "another size", "no signature"],
)
def test_what_the_key_did_not_sign(changed: Note, keys: tuple[object, ...]) -> None:
    """It raises, and gives no checkpoint."""
    with pytest.raises(CheckpointError):
        changed.verify(*keys)  # type: ignore[arg-type] # what is parametrised has no narrower type


def test_every_changed_byte_is_noticed() -> None:
    """Refused when it is read or when it is verified."""
    for at in range(len(NOTE)):
        for bit in range(8):
            data = NOTE[:at] + bytes([NOTE[at] ^ 1 << bit]) + NOTE[at + 1 :]
            with pytest.raises(CheckpointError):
                parse_note(data).verify(HOST.verify_key)


TEXT, LINES = NOTE.split(b"\n\n")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        NOTE[:-1],
        NOTE + b"\n",
        NOTE + NOTE,
        b"\xff" + NOTE,
        TEXT + b"\n",
        TEXT + b"\n\n",
        TEXT + b"\nextension\n\n" + LINES,
        NOTE.replace(b"\n", b"\r\n"),
        NOTE.replace(b"20852163", b"020852163"),
        NOTE.replace(b"20852163", b"+20852163"),
        NOTE.replace(b"20852163", b"9999999999999999999"),
        NOTE.replace(b"20852163", "\u0662".encode()),
        NOTE.replace(b"sealwire/", b"example/"),
        NOTE.replace(b"payments@prod", b"Payments"),
        NOTE.replace(b"00112233aabbccdd", b"00112233AABBCCDD"),
        NOTE.replace(b"Hh8=", b"Hh9="),
        NOTE.replace(b"Hh8=", b"Hh8"),
        NOTE.replace(b"Hh8=\n", b"Hg==\n"),
        NOTE.replace("\u2014".encode(), b"-"),
        TEXT + "\n\n\u2014 a+b ".encode() + base64.b64encode(bytes(68)) + b"\n",
        TEXT + "\n\n\u2014 a ".encode() + base64.b64encode(bytes(4)) + b"\n",
        TEXT + "\n\n\u2014 a ".encode() + base64.b64encode(bytes(5001)) + b"\n",
        TEXT + f"\n\n\u2014 {'a' * 257} ".encode() + base64.b64encode(bytes(68)) + b"\n",
        TEXT + b"\n\n" + LINES * (MAX_SIGNATURES + 1),
        NOTE + b" " * MAX_NOTE_BYTES,
    ],
)
def test_what_is_not_in_the_one_spelling(data: bytes) -> None:
    """It is refused when it is read."""
    with pytest.raises(CheckpointError):
        parse_note(data)
