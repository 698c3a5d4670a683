"""The text of a keyring: one for each, and nothing that we would not keep."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.keyring.rings import ALICE, BOB, DAY, HOST, NOW, ROOT, aead, entry, mac, ring, usual

from sealwire.documents.strict_json import canonical_json
from sealwire.errors import MalformedError, Reason
from sealwire.keyring import Role, State, read_keyring, write_keyring

if TYPE_CHECKING:
    from collections.abc import Callable

Members = dict[str, Any]


def full() -> Members:
    """Give a document with every member that there can be."""
    keys = [
        *(key for key in usual() if key.owner.id != "bob"),
        entry(BOB, Role.LEASE, State.SUSPENDED, until=NOW + DAY, not_before=1, not_after=NOW + DAY),
        entry(mac("bob"), Role.GATE, State.PRE_ACTIVATION),
        entry(aead("bob"), Role.ENCRYPT, State.DESTROYED),
        entry(HOST, Role.RECEIPT, audiences=()),
    ]
    document: Members = json.loads(write_keyring(ring(keys)))
    return document


def refusal(members: object) -> str:
    """Say why a document is refused."""
    with pytest.raises(MalformedError) as refused:
        read_keyring(canonical_json(members))  # type: ignore[arg-type]
    assert refused.value.reason in {Reason.DOCUMENT_INVALID, Reason.DOCUMENT_MALFORMED}
    return refused.value.detail


def key_of(members: Members, thumbprint: bytes) -> Members:
    """Give a key of a document."""
    found: Members = next(key for key in members["keys"] if key["thumbprint"] == thumbprint.hex())
    return found


def test_a_keyring_is_this_text() -> None:
    """Canonical JSON, where what says nothing is left out."""
    text = write_keyring(ring([entry(ROOT, Role.ROOT)]))
    public = base64.urlsafe_b64encode(ROOT.verify_key.public_bytes).decode().rstrip("=")
    expected = (
        f'{{"expires":{NOW + 36_500 * DAY},"format":"sealwire-keyring-1","issued":{NOW - DAY},'
        '"keys":[{"owner":{"id":"root","kind":"person"},"primary":true,'
        f'"public":"{public}","role":"root","since":{NOW - DAY},"state":"active",'
        f'"thumbprint":"{ROOT.thumbprint.hex()}"}}],"name":"payments","root_threshold":1,'
        '"version":1}'
    )
    assert expected == text.decode()


def test_what_is_written_is_read() -> None:
    """Every member, both ways."""
    document = canonical_json(full())
    assert document == write_keyring(read_keyring(document))


@pytest.mark.parametrize(
    "name", ["expires", "format", "issued", "keys", "name", "root_threshold", "version"]
)
def test_no_member_may_be_missing(name: str) -> None:
    """What is not said is not assumed."""
    members = full()
    del members[name]
    assert f"{name} is missing" in refusal(members)


@pytest.mark.parametrize("name", ["owner", "role", "since", "state", "thumbprint"])
def test_no_member_of_a_key_may_be_missing(name: str) -> None:
    """Nor here."""
    members = full()
    del members["keys"][0][name]
    assert f"keys: {name} is missing" in refusal(members)


@pytest.mark.parametrize("name", ["id", "kind"])
def test_no_member_of_an_owner_may_be_missing(name: str) -> None:
    """Nor here."""
    members = full()
    del members["keys"][0]["owner"][name]
    assert f"owner: {name} is missing" in refusal(members)


@pytest.mark.parametrize(
    "place", [lambda m: m, lambda m: m["keys"][0], lambda m: m["keys"][0]["owner"]], ids=range(3)
)
def test_an_unknown_member_is_refused(place: Callable[[Members], Members]) -> None:
    """It may be a limit that we would not keep."""
    members = full()
    place(members)["limit"] = 1
    assert "'limit' is not known" in refusal(members)


WRONG: list[tuple[str, object, str]] = [
    ("format", "sealwire-keyring-2", "is not sealwire-keyring-1"),
    ("name", 1, "is no text"),
    ("name", "No Name", "name"),
    ("version", "1", "is not a number of 0 or more"),
    ("version", True, "is not a number of 0 or more"),
    ("version", -1, "is not a number of 0 or more"),
    ("version", 0, "under 1"),
    ("issued", None, "is not a number of 0 or more"),
    ("expires", [], "is not a number of 0 or more"),
    ("root_threshold", 2, "2 root signatures"),
    ("keys", {}, "is no list"),
    ("keys", [1], "is no object"),
    ("keys", [], "0 owners"),
]


@pytest.mark.parametrize(("name", "value", "expected"), WRONG, ids=range(len(WRONG)))
def test_a_member_of_another_form_is_refused(name: str, value: object, expected: str) -> None:
    """And says which."""
    assert expected in refusal(full() | {name: value})


WRONG_OF_KEY: list[tuple[str, object, str]] = [
    ("thumbprint", "00", "64 hex digits"),
    ("thumbprint", "zz" * 32, "is not hexadecimal"),
    ("thumbprint", " " + "00" * 32, "64 hex digits"),
    ("thumbprint", 1, "is no text"),
    ("role", "boss", "is none of what it can be"),
    ("role", 1, "is no text"),
    ("state", "lost", "is none of what it can be"),
    ("owner", "alice", "is no object"),
    ("owner", {"id": "alice", "kind": "robot"}, "is none of what it can be"),
    ("owner", {"id": 1, "kind": "person"}, "is no text"),
    ("since", "0", "is not a number"),
    ("public", "?", "is not base64url"),
    ("public", "A", "is not base64url"),
    ("public", "\u00e9", "is not base64url"),
    ("public", 1, "is no text"),
    ("audiences", "a", "is no list"),
    ("audiences", [1], "is no text"),
    ("audiences", [], "not spelt as canonical"),
    ("primary", 1, "neither true nor false"),
    ("primary", False, "not spelt as canonical"),
    ("not_before", -1, "is not a number"),
    ("not_before", 0, "not spelt as canonical"),
    ("not_after", 1.5, ""),
    ("until", 0, "not spelt as canonical"),
]


@pytest.mark.parametrize(("name", "value", "expected"), WRONG_OF_KEY, ids=range(len(WRONG_OF_KEY)))
def test_a_member_of_a_key_of_another_form_is_refused(
    name: str, value: object, expected: str
) -> None:
    """And says which; what says nothing is not to be said."""
    members = full()
    key_of(members, ALICE.thumbprint)[name] = value
    if isinstance(value, float):
        with pytest.raises(MalformedError):
            read_keyring(json.dumps(members).encode())
        return
    assert expected in refusal(members)


def test_another_spelling_is_refused() -> None:
    """One keyring has one text: spaces, order, padding, upper case, unused bits."""
    document = canonical_json(full())
    public = key_of(full(), ALICE.thumbprint)["public"].encode()
    thumbprint = ALICE.thumbprint.hex().encode()
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    unused = public[:-1] + last[last.index(chr(public[-1])) + 1].encode()
    others = [
        document.replace(b",", b", ", 1),
        document + b"\n",
        document.replace(public, public + b"="),
        document.replace(public, unused),
        document.replace(thumbprint, thumbprint.upper()),
        document.replace(thumbprint, thumbprint[:2] + b" " + thumbprint[2:-1]),
        json.dumps(dict(reversed(full().items())), separators=(",", ":")).encode(),
    ]
    for other in others:
        assert other != document
        with pytest.raises(MalformedError):
            read_keyring(other)
