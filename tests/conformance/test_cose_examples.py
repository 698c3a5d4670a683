"""The examples of the COSE working group (RFC 9052's own) against our structures and layers.

They were not made for this profile: their key ids are short, or not protected. So each is held
against ours twice. What is authenticated and the primitives must be what COSE says, for the three
algorithms that are ours; and our layers must refuse every one of them, the good ones for the
profile's reason.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from cryptography.exceptions import InvalidTag

from sealwire import cbor, cose
from sealwire.errors import MalformedError, Reason, RefusedError
from sealwire.keys import AeadKey, MacKey, VerifyKey
from sealwire.layers import AesGcmOpener, Ed25519Verifier, HmacVerifier
from sealwire.stages import Context, Message, Use

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealwire.algebra import Layer

AUDIENCE = "payments@test"
SECRET = bytes(range(32))
KINDS = {"sign0": cose.SIGN1, "mac0": cose.MAC0, "encrypted": cose.ENCRYPT0}
OURS = {"sign0": "EdDSA", "mac0": "HS256", "encrypted": "A256GCM"}


class Example(NamedTuple):
    """One example: its name, which kind of object, and what stands in the file."""

    name: str
    kind: str
    found: dict[str, Any]

    @property
    def data(self) -> bytes:
        """The object, as the file has it."""
        return bytes.fromhex(self.found["output"]["cbor"])

    @property
    def must_fail(self) -> bool:
        """Whether the file says that no reader may take it."""
        return bool(self.found.get("fail"))

    @property
    def algorithm(self) -> str:
        """The algorithm's name in the file, wherever it stands."""
        given = self.found["input"][self.kind]
        for place in ("protected", "unprotected"):
            if name := (given.get(place) or {}).get("alg"):
                return str(name)
        return str(given.get("alg"))

    def parts(self) -> list[Any]:
        """Give the entries of the COSE array behind the one tag that is our kind's."""
        shape = KINDS[self.kind]
        assert self.data[0] == cbor.TAG << 5 | shape.tag
        value = cbor.decode(self.data[1:])
        assert isinstance(value, list)
        return list(value)

    def external(self) -> bytes:
        """Give the external data that the file names, as a byte string."""
        return cbor.encode_bytes(bytes.fromhex(self.found["input"][self.kind].get("external", "")))


@pytest.fixture(scope="module")
def single(vectors: Callable[[str], Any], examples: Callable[[], list[str]]) -> list[Example]:
    """Give the examples with one layer: Sign1, Mac0 or Encrypt0."""
    found: list[Example] = []
    for name in examples():
        content = vectors(name)
        kinds = [kind for kind in KINDS if kind in content["input"]]
        if kinds:
            found.append(Example(name.removeprefix("cose-wg/"), kinds[0], content))
    assert len(found) >= 45
    return found


# An empty protected header is written in two ways, and authenticated in one (RFC 9052, section 3).
# In this profile it is never empty.
EMPTY = {b"", b"\xa0"}


def tagged_as_ours(example: Example) -> bool:
    """Whether the object begins with the tag of its kind, and no other in front of it."""
    return example.data[0] == cbor.TAG << 5 | KINDS[example.kind].tag


def of_ours(example: Example) -> bool:
    """Whether the example has an algorithm of ours."""
    key = example.found["input"][example.kind].get("key", {})
    return example.algorithm == OURS[example.kind] and key.get("crv") != "Ed448"


def test_the_structures_are_those_of_the_standard(single: list[Example]) -> None:
    """MAC_structure, Sig_structure and Enc_structure are the bytes that the files name."""
    ran = 0
    for example in single:
        if example.must_fail or not tagged_as_ours(example):
            continue
        protected, _, payload, *_ = example.parts()
        if protected in EMPTY:
            continue
        named = example.found["intermediates"]
        built = cose.to_be_authenticated(
            KINDS[example.kind], cbor.encode_bytes(protected), example.external()
        )
        if example.kind == "encrypted":
            expected = named["AAD_hex"]
        else:
            expected = named["ToMac_hex" if example.kind == "mac0" else "ToBeSign_hex"]
            built += cbor.encode_bytes(payload)
        assert bytes.fromhex(expected) == built, example.name
        ran += 1
    assert ran >= 15


def test_the_primitives_agree(single: list[Example], capsys: pytest.CaptureFixture[str]) -> None:
    """With the keys of the files: good ones verify and open, changed ones do not."""
    ran: Counter[str] = Counter()
    for example in single:
        if not of_ours(example) or not tagged_as_ours(example):
            continue
        protected, headers, payload, *rest = example.parts()
        if protected in EMPTY:
            continue
        covered = cose.to_be_authenticated(
            KINDS[example.kind], cbor.encode_bytes(protected), example.external()
        )
        if example.kind == "sign0":
            public = bytes.fromhex(example.found["input"]["sign0"]["key"]["x_hex"])
            signed = covered + cbor.encode_bytes(payload)
            good = VerifyKey(public, owner="alice").verifies(signed, rest[0])
        else:
            secret = bytes.fromhex(example.found["intermediates"]["CEK_hex"])
            if example.kind == "mac0":
                key = MacKey(secret, owner="alice", audience=AUDIENCE)
                good = key.tag(covered + cbor.encode_bytes(payload)) == rest[0]
            else:
                good = opens(secret, headers[5], payload, covered, example)
        known = not example.must_fail
        assert known == good, example.name
        ran[f"{example.kind} {'good' if good else 'bad'}"] += 1
    assert {"sign0 good", "mac0 good", "mac0 bad", "encrypted good"} <= ran.keys()
    with capsys.disabled():
        said = ", ".join(f"{number} {name}" for name, number in sorted(ran.items()))
        print(f"\n  cose-wg, our algorithms: {said}")


def opens(secret: bytes, iv: bytes, sealed: bytes, covered: bytes, example: Example) -> bool:
    """Whether a ciphertext opens, and to the text that the file names."""
    key = AeadKey(secret, owner="alice", audience=AUDIENCE)
    try:
        opened = key.decrypt(iv, sealed, covered)
    except InvalidTag:
        return False
    return bool(example.found["input"]["plaintext"].encode() == opened)


def test_our_layers_refuse_them_all(
    single: list[Example], capsys: pytest.CaptureFixture[str]
) -> None:
    """The bad ones as they must; the good ones because their headers are not this profile's."""
    layers: dict[str, Layer] = {
        "sign0": Ed25519Verifier(
            [VerifyKey(bytes.fromhex(PUBLIC), owner="alice")],
        ),
        "mac0": HmacVerifier([MacKey(SECRET, owner="alice", audience=AUDIENCE)]),
        "encrypted": AesGcmOpener([AeadKey(SECRET, owner="alice", audience=AUDIENCE)]),
    }
    ran: Counter[str] = Counter()
    for example in single:
        for kind, layer in layers.items():
            algorithms = (layer.shape.algorithm,)
            aad = cose.external_aad(Use.REQUEST, AUDIENCE, 0, algorithms)
            context = Context(AUDIENCE, 0, 0, 0, algorithms, aad)
            with pytest.raises(RefusedError) as caught:
                layer.verify(Message(example.data), context)
            # No example has a key id of eight bytes behind our prefix: the shape is what is wrong.
            assert caught.type is MalformedError, example.name
            assert caught.value.reason is Reason.ENVELOPE_MALFORMED
            if kind == example.kind:
                ran["bad" if example.must_fail else "good, another profile"] += 1
    assert ran["bad"] >= 17
    with capsys.disabled():
        print(f"\n  cose-wg, refused by the layer of their kind: {dict(ran)}")


# The first key of RFC 8032, section 7.1.
PUBLIC = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
