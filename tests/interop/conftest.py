"""Other implementations, each in a process and an environment of its own (``make interop``)."""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from sealwire import AeadKey, MacKey, SigningKey
from sealwire.cose import external_aad
from sealwire.keys import reveal_secret
from sealwire.layers import (
    AesGcmOpener,
    AesGcmSealer,
    Ed25519Signer,
    Ed25519Verifier,
    HmacTagger,
    HmacVerifier,
)
from sealwire.stages import Context, Message, Use

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealwire.algebra import Layer
    from sealwire.sealer import SealingLayer

HERE = Path(__file__).parent
TOP = HERE.parents[1]
BUILT = TOP / "build" / "interop"
AUDIENCE = "payments@prod"
ORACLES = ("cwt", "pycose", "node")
LAYERS = ("mac0", "encrypt0", "sign1")


class Oracle:
    """Another implementation, asked one thing a line."""

    def __init__(self, name: str) -> None:
        """Start it."""
        self.name = name
        command: list[Path | str] = [
            BUILT / "python" / "bin" / "python",
            HERE / "oracle_python.py",
            name,
        ]
        if name == "node":
            node = shutil.which("node")
            assert node is not None, "install Node.js 18 or later: these tests run it"
            command = [node, HERE / "oracle_node.mjs", BUILT]
        assert BUILT.is_dir(), "run these tests by: make interop"
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, **asked: str) -> dict[str, str]:
        """Ask one thing; give the answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"{self.name} has ended"
        answer: dict[str, str] = json.loads(line)
        return answer

    def end(self) -> None:
        """End it by the end of its input."""
        self._process.communicate()


@pytest.fixture(scope="session", params=ORACLES)
def oracle(request: pytest.FixtureRequest) -> Iterator[Oracle]:
    """Give each implementation in turn."""
    started = Oracle(request.param)
    yield started
    started.end()


class Half(NamedTuple):
    """One layer's two halves with one key, and what another implementation needs to have it."""

    layer: str
    sealing: SealingLayer
    opening: Layer
    opens: dict[str, str]
    makes: dict[str, str]

    @property
    def bound(self) -> bytes:
        """What is bound into this layer where it stands alone, as a byte string with its head."""
        return external_aad(Use.REQUEST, AUDIENCE, 0, (self.sealing.shape.algorithm,))

    def open_alone(self, data: bytes) -> bytes:
        """Open an object that stands alone; give what is inside."""
        context = Context(AUDIENCE, 0, 0, 0, (self.sealing.shape.algorithm,), self.bound)
        return self.opening.verify(Message(data), context).data


class Keys:
    """Keys of one operator, and layers that stand alone with them."""

    def __init__(self) -> None:
        """Draw them."""
        self.signing = SigningKey(secrets.token_bytes(32), owner="alice")
        self.mac = MacKey(secrets.token_bytes(32), owner="alice", audience=AUDIENCE)
        self.aead = AeadKey(secrets.token_bytes(32), owner="alice", audience=AUDIENCE)

    def half(self, layer: str) -> Half:
        """Give both halves of a layer."""
        if layer == "sign1":
            public = self.signing.verify_key.public_bytes.hex()
            makes = {"key": reveal_secret(self.signing).hex(), "public": public}
            sealing, opening = (
                Ed25519Signer(self.signing),
                Ed25519Verifier([self.signing.verify_key]),
            )
            return self._half(layer, sealing, opening, {"key": public}, makes, self.signing.id)
        if layer == "mac0":
            known = {"key": reveal_secret(self.mac).hex()}
            tagger, verifier = HmacTagger(self.mac), HmacVerifier([self.mac])
            return self._half(layer, tagger, verifier, known, known, self.mac.id)
        known = {"key": reveal_secret(self.aead).hex()}
        more = {"iv": secrets.token_hex(12), "check": self.aead.check_value.hex()}
        sealer, opener = AesGcmSealer(self.aead), AesGcmOpener([self.aead])
        return self._half(layer, sealer, opener, known, {**known, **more}, self.aead.id)

    @staticmethod
    def _half(
        layer: str,
        sealing: SealingLayer,
        opening: Layer,
        opens: dict[str, str],
        makes: dict[str, str],
        kid: bytes,
    ) -> Half:
        named = {"layer": layer, "kid": kid.hex()}
        return Half(layer, sealing, opening, {**named, **opens}, {**named, **makes})


@pytest.fixture(scope="session")
def keys() -> Keys:
    """Give keys that both sides have."""
    return Keys()
