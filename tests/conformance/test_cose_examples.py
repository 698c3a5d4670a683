"""The examples of the COSE working group (RFC 9052's own) against our structures and layers.

They were not made for this profile: their key ids are short, or not protected. So each is held
against ours twice. What is authenticated and the primitives must be what COSE says, for the three
algorithms that are ours; and our layers must refuse every one of them, the good ones for the
profile's reason.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import pytest
from cryptography.exceptions import InvalidTag

from sealwire import cbor, cose
from sealwire.errors import MalformedError, Reason, RefusedError
from sealwire.keys import SECRET_BYTES, AeadKey, MacKey, VerifyKey
from sealwire.layers import AesGcmOpener, Ed25519Verifier, HmacVerifier
from sealwire.stages import Context, Message, Use

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealwire.algebra import Layer
    from sealwire.stages import KeyId

    Header = dict[Any, Any]

K = TypeVar("K", VerifyKey, MacKey, AeadKey)
AUDIENCE = "payments@test"
SECRET = bytes(range(32))
BAD, GOOD = 20, 25  # examples with one layer, at the commit that `conftest.py` names
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
        """Give the entries of the COSE array, behind the tag of our kind or with none in front."""
        value = cbor.decode(self.data[1:] if tagged_as_ours(self) else self.data)
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
    assert len(found) == BAD + GOOD
    return found


def as_authenticated(protected: bytes) -> bytes:
    """Give a protected header as it is authenticated: an empty one in its shortest form.

    RFC 9052, section 3: it may be written in two ways. In this profile it is never empty.
    """
    return cbor.encode_bytes(b"" if protected == b"\xa0" else protected)


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
        if example.must_fail:
            continue
        protected, _, payload, *_ = example.parts()
        named = example.found["intermediates"]
        built = cose.to_be_authenticated(
            KINDS[example.kind], as_authenticated(protected), example.external()
        )
        if example.kind == "encrypted":
            expected = named["AAD_hex"]
        else:
            expected = named["ToMac_hex" if example.kind == "mac0" else "ToBeSign_hex"]
            built += cbor.encode_bytes(payload)
        assert bytes.fromhex(expected) == built, example.name
        ran += 1
    assert ran == GOOD


def test_the_primitives_agree(single: list[Example], capsys: pytest.CaptureFixture[str]) -> None:
    """With the keys of the files: good ones verify and open, changed ones do not."""
    ran: Counter[str] = Counter()
    for example in single:
        if not of_ours(example) or (example.must_fail and not tagged_as_ours(example)):
            continue  # the tag is what is wrong with it
        protected, headers, payload, *rest = example.parts()
        covered = cose.to_be_authenticated(
            KINDS[example.kind], as_authenticated(protected), example.external()
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


class TheKey(Generic[K]):
    """A source that gives its key for every id, so that only form or content can be refused."""

    def __init__(self, key: K) -> None:
        self._key: K = key

    def find(self, key_id: bytes) -> K:
        """Give the key."""
        return self._key

    def ids(self) -> frozenset[KeyId]:
        """Give the key's own id."""
        return frozenset({self._key.id})


def layer_for(example: Example) -> Layer:
    """Give our layer for the example's kind, with the example's key if it can be one of ours."""
    if example.kind == "sign0":
        public = example.found["input"]["sign0"]["key"]["x_hex"] if of_ours(example) else PUBLIC
        return Ed25519Verifier(TheKey(VerifyKey(bytes.fromhex(public), owner="alice")))
    secret = bytes.fromhex(example.found["intermediates"].get("CEK_hex", ""))
    if len(secret) != SECRET_BYTES:
        secret = SECRET
    if example.kind == "mac0":
        return HmacVerifier(TheKey(MacKey(secret, owner="alice", audience=AUDIENCE)))
    return AesGcmOpener(TheKey(AeadKey(secret, owner="alice", audience=AUDIENCE)))


# Why the profile refuses an object that COSE allows. Protected and unprotected header are asked.
NOT_OURS: dict[str, Callable[[Example, Header, Header], bool]] = {
    "no tag in front": lambda example, *_: not tagged_as_ours(example),
    "the algorithm is not protected": lambda _, protected, __: 1 not in protected,
    "an algorithm, or a number of it, that is not ours": lambda example, protected, _: (
        protected.get(1, KINDS[example.kind].algorithm) != KINDS[example.kind].algorithm
    ),
    "no protected key id": lambda _, protected, __: 4 not in protected,
    "another header": lambda example, protected, unprotected: bool(
        protected.keys() - {1, 4, cose.KEY_CHECK_LABEL}
        or unprotected.keys() - ({5} if example.kind == "encrypted" else set())
    ),
}


def test_our_layers_refuse_them_all(
    single: list[Example], capsys: pytest.CaptureFixture[str]
) -> None:
    """The bad ones as they must; each good one for a reason that this profile can name."""
    ran: Counter[str] = Counter()
    named: Counter[str] = Counter()
    for example in single:
        layer = layer_for(example)
        algorithms = (layer.shape.algorithm,)
        aad = cose.external_aad(Use.REQUEST, AUDIENCE, 0, algorithms)
        context = Context(AUDIENCE, 0, 0, 0, algorithms, aad)
        with pytest.raises(RefusedError) as caught:
            layer.verify(Message(example.data), context)
        assert caught.type is MalformedError, example.name
        assert caught.value.reason is Reason.ENVELOPE_MALFORMED
        ran["bad" if example.must_fail else "good, another profile"] += 1
        if not example.must_fail:
            first, unprotected, *_ = example.parts()
            protected: Any = cbor.decode(first) if first else {}
            reasons = [
                why for why, is_so in NOT_OURS.items() if is_so(example, protected, unprotected)
            ]
            assert reasons, example.name
            named.update(reasons)
    assert {"bad": BAD, "good, another profile": GOOD} == ran
    assert NOT_OURS.keys() == named.keys()
    with capsys.disabled():
        print(
            f"\n  cose-wg, refused by the layer of their kind: {dict(ran)}; the good ones because:"
        )
        for why, number in named.most_common():
            print(f"    {number:2} {why}")


# The first key of RFC 8032, section 7.1.
PUBLIC = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
