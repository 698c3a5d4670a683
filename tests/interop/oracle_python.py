"""Other people's COSE for Python, asked one thing a line: ``python oracle_python.py cwt|pycose``.

A line on standard input is JSON, and so is its answer:

- ``{"do": "open", "layer": "sign1", "data": hex, "key": hex, "aad": hex, "kid": hex}`` gives
  ``{"payload": hex}``
- ``{"do": "make", "layer": …, "payload": hex, "key": hex, "aad": hex, "kid": hex, …}`` gives
  ``{"data": hex}``; for Encrypt0 with ``iv`` and ``check``, the key check value

The layer ``sign``, of several signatures, is opened by the one key that is given.
Whatever goes wrong gives ``{"error": text}``. Keys are the 32 bytes of a secret, or for Ed25519 the
public key to open and the seed to make. ``aad`` is the content of ``external_aad``.
"""

from __future__ import annotations

import json
import sys
from typing import Any

HMAC_256, A256GCM, ED25519 = 5, 3, -19
KEY_CHECK = -70003


class Cwt:
    """The package cwt."""

    def __init__(self) -> None:
        """Load it."""
        import cwt

        self.cose = cwt.COSE.new(alg_auto_inclusion=False, kid_auto_inclusion=False)
        self.key = cwt.COSEKey.new

    def _key(self, layer: str, key: bytes, kid: bytes, *, private: bool) -> Any:  # noqa: ANN401 - theirs
        if layer in {"sign1", "sign"}:
            part = {-4: key} if private else {-2: key}
            if private:
                from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

                part[-2] = Ed25519PrivateKey.from_private_bytes(key).public_key().public_bytes_raw()
            return self.key({1: 1, -1: 6, 2: kid, 3: ED25519, **part})
        algorithm = HMAC_256 if layer == "mac0" else A256GCM
        return self.key({1: 4, 2: kid, 3: algorithm, -1: key})

    def open(self, layer: str, data: bytes, key: bytes, aad: bytes, kid: bytes) -> bytes:
        """Verify or decrypt; give what is inside."""
        key_object = self._key(layer, key, kid, private=False)
        return bytes(self.cose.decode(data, key_object, external_aad=aad))

    def make(
        self, layer: str, payload: bytes, key: bytes, aad: bytes, kid: bytes, more: dict[str, bytes]
    ) -> bytes:
        """Make an object with our headers."""
        algorithm = {"mac0": HMAC_256, "encrypt0": A256GCM, "sign1": ED25519}[layer]
        protected: dict[int, Any] = {1: algorithm, 4: kid}
        unprotected: dict[int, Any] = {}
        if layer == "encrypt0":
            protected[KEY_CHECK] = more["check"]
            unprotected[5] = more["iv"]
        made = {
            "mac0": self.cose.encode_and_mac,
            "encrypt0": self.cose.encode_and_encrypt,
            "sign1": self.cose.encode_and_sign,
        }[layer](
            payload,
            self._key(layer, key, kid, private=True),
            protected=protected,
            unprotected=unprotected,
            external_aad=aad,
        )
        return bytes(made)


class Pycose:
    """The package pycose, which knows EdDSA by its older number: one class teaches it ours."""

    def __init__(self) -> None:
        """Load it."""
        from pycose import algorithms, headers
        from pycose.keys import OKPKey, SymmetricKey
        from pycose.messages import Enc0Message, Mac0Message, Sign1Message, SignMessage

        @algorithms.CoseAlgorithm.register_attribute()
        class Ed25519(algorithms.EdDSA):  # type: ignore[misc] # untyped, as all of theirs
            identifier = ED25519
            fullname = "ED25519"

        @headers.CoseHeaderAttribute.register_attribute()
        class KeyCheck(headers.CoseHeaderAttribute):  # type: ignore[misc] # as above
            identifier = KEY_CHECK
            fullname = "KEY_CHECK"

        self.algorithms = {
            "mac0": algorithms.HMAC256,
            "encrypt0": algorithms.A256GCM,
            "sign1": Ed25519,
            "sign": Ed25519,
        }
        self.headers, self.check = headers, KeyCheck
        self.okp, self.symmetric = OKPKey, SymmetricKey
        self.kinds = {
            "mac0": Mac0Message,
            "encrypt0": Enc0Message,
            "sign1": Sign1Message,
            "sign": SignMessage,
        }

    def _key(self, layer: str, key: bytes, *, private: bool) -> Any:  # noqa: ANN401 - theirs
        from pycose.keys.curves import Ed25519
        from pycose.keys.keyparam import KpAlg

        # A careful caller ties the key to its algorithm.
        tied = {KpAlg: self.algorithms[layer]}
        if layer not in {"sign1", "sign"}:
            return self.symmetric(k=key, optional_params=tied)
        part = {"d": key} if private else {"x": key}
        return self.okp(crv=Ed25519, optional_params=tied, **part)

    def open(self, layer: str, data: bytes, key: bytes, aad: bytes, kid: bytes) -> bytes:
        """Verify or decrypt; give what is inside."""
        message = self.kinds[layer].decode(data)
        if layer == "sign":
            (signer,) = (each for each in message.signers if each.phdr[self.headers.KID] == kid)
            signer.external_aad = aad
            signer.key = self._key(layer, key, private=False)
            if not signer.verify_signature():
                raise ValueError("not authentic")
            return bytes(message.payload)
        message.external_aad = aad
        message.key = self._key(layer, key, private=False)
        if layer == "encrypt0":
            return bytes(message.decrypt())
        good = message.verify_tag() if layer == "mac0" else message.verify_signature()
        if not good:
            raise ValueError("not authentic")
        return bytes(message.payload)

    def make(
        self, layer: str, payload: bytes, key: bytes, aad: bytes, kid: bytes, more: dict[str, bytes]
    ) -> bytes:
        """Make an object with our headers."""
        protected = {self.headers.Algorithm: self.algorithms[layer], self.headers.KID: kid}
        unprotected = {}
        if layer == "encrypt0":
            protected[self.check] = more["check"]
            unprotected[self.headers.IV] = more["iv"]
        message = self.kinds[layer](phdr=protected, uhdr=unprotected, payload=payload)
        message.external_aad = aad
        message.key = self._key(layer, key, private=True)
        return bytes(message.encode())


def answer(oracle: Cwt | Pycose, asked: dict[str, Any]) -> dict[str, str]:
    """Do what one line asks."""
    given = {
        name: bytes.fromhex(value) for name, value in asked.items() if name not in {"do", "layer"}
    }
    layer = asked["layer"]
    try:
        if asked["do"] == "open":
            opened = oracle.open(layer, given["data"], given["key"], given["aad"], given["kid"])
            return {"payload": opened.hex()}
        made = oracle.make(layer, given["payload"], given["key"], given["aad"], given["kid"], given)
    except Exception as error:  # noqa: BLE001 - whatever another package raises is its answer
        return {"error": f"{type(error).__name__}: {error}"}
    return {"data": made.hex()}


def main() -> None:
    """Answer until standard input ends."""
    oracle: Cwt | Pycose = Cwt() if sys.argv[1] == "cwt" else Pycose()
    for line in sys.stdin:
        print(json.dumps(answer(oracle, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
