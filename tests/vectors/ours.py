"""sealwire, behind the protocol of these vectors: ``python ours.py FILE…``.

README.md says what that is. For each file one line of JSON is printed, with what this
implementation makes of it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sealwire import cbor, receipts
from sealwire.alternatives import AnyOf
from sealwire.answers import decode_answer
from sealwire.chain import Chain
from sealwire.checks import Freshness, Once
from sealwire.errors import ConfigurationError, RefusedError
from sealwire.framing import FrameReader
from sealwire.keyring import check_issued, read_list, succeed_all, verify_first
from sealwire.keys import AeadKey, MacKey, VerifyKey
from sealwire.layers import AesGcmOpener, Ed25519Verifier, HmacVerifier
from sealwire.receipts import open_receipt
from sealwire.requests import read_request
from sealwire.stages import Claims, Digest, Opened, Outcome, Stream
from sealwire.state import AdmissionState
from sealwire.versions import Ahead, Taken

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealwire.algebra import Layer

Found = dict[str, Any]


def _key(described: Found) -> Any:  # noqa: ANN401 - any of three classes
    if "public" in described:
        return VerifyKey(bytes.fromhex(described["public"]), owner=described["owner"])
    return described


def _layer(described: Found) -> Layer:
    keys = described["keys"]
    if described["layer"] == "sign1":
        return Ed25519Verifier([_key(key) for key in keys])
    secrets: list[tuple[bytes, str, str]] = [
        (bytes.fromhex(key["secret"]), key["owner"], key["audience"]) for key in keys
    ]
    if described["layer"] == "mac0":
        return HmacVerifier([MacKey(raw, owner=owner, audience=to) for raw, owner, to in secrets])
    return AesGcmOpener([AeadKey(raw, owner=owner, audience=to) for raw, owner, to in secrets])


def _message(vector: Found) -> Found:
    receiver = vector["receiver"]
    ways = [[_layer(each) for each in way] for way in receiver["ways"]]
    # Ways differ in their outermost layer alone.
    outermost = ways[0][0] if len(ways) == 1 else AnyOf(*(way[0] for way in ways))
    chain = Chain(receiver["audience"], [outermost, *ways[0][1:], Freshness(), Once()])
    state = AdmissionState(start_ms=receiver["start_ms"])
    for stream, floor in receiver["floors"].items():
        state.floors[Stream(stream)] = Taken(
            floor["version"],
            Digest(bytes.fromhex(floor["digest"])),
            floor["issuer"],
            Outcome[floor["outcome"].upper()],
            floor["taken_ms"],
            tuple(
                Ahead(each["issuer"], each["version"], Digest(bytes.fromhex(each["digest"])))
                for each in floor["ahead"]
            ),
        )
    for taken in receiver["taken"]:
        thumbprint, cti = bytes.fromhex(taken["thumbprint"]), bytes.fromhex(taken["cti"])
        # Taken while it was live.
        state.window.take(thumbprint, cti, taken["exp"], (taken["exp"] - 300) * 1000)
    now_ms, skew_ms = receiver["now_ms"], receiver["skew_ms"]
    opened = chain.open(bytes.fromhex(vector["data"]), now_ms=now_ms, skew_ms=skew_ms)
    standing = chain.look(opened, now_ms=now_ms, skew_ms=skew_ms, state=state)
    return {
        "outcome": standing.value,
        "document": opened.document.hex(),
        "content_type": opened.content_type,
        "digest": opened.digest.hex(),
    }


def _frame(vector: Found) -> Found:
    reader = FrameReader()
    reader.receive_data(bytes.fromhex(vector["data"]))
    reader.receive_eof()
    frame = reader.next_event()
    if frame is None:
        raise AssertionError("neither a frame nor a refusal")
    return {"outcome": "frame", "payload": frame.payload.hex()}


def _cbor(vector: Found) -> Found:
    data = bytes.fromhex(vector["data"])
    if cbor.encode(cbor.decode(data)) != data:
        raise AssertionError("read, and not written again the same")
    return {"outcome": "value"}


def _document(vector: Found) -> Found:
    document = bytes.fromhex(vector["data"])
    claims = Claims("alice", "a", 2, 1, bytes(16), 1, Stream.BASE)
    read_request(Opened(document, claims, vector["content_type"], document, ()))
    return {"outcome": "document"}


def _answer(vector: Found) -> Found:
    answer = decode_answer(bytes.fromhex(vector["data"]))
    return {
        "outcome": "answer",
        "said": answer.outcome.name.lower(),
        "reason": answer.reason,
        "detail": answer.detail,
        "repeated": answer.repeated,
    }


def _keyring(vector: Found) -> Found:
    listed, before = read_list(bytes.fromhex(vector["data"])), bytes.fromhex(vector["before"])
    current = verify_first(before or listed[0])
    if before or len(listed) > 1:
        current = succeed_all(current, listed if before else listed[1:])[-1]
    check_issued(current.keyring, vector["now_ms"])
    return {
        "outcome": "followed",
        "version": current.keyring.version,
        "digest": current.digest.hex(),
    }


def _receipt(vector: Found) -> Found:
    client = vector["client"]
    asked = receipts.Asked(
        client["asked"]["audience"],
        Stream(client["asked"]["stream"]),
        bytes.fromhex(client["asked"]["cti"]),
        Digest(bytes.fromhex(client["asked"]["digest"])),
    )
    hidden = client.get("request_key")
    request_key = hidden and AeadKey(
        bytes.fromhex(hidden["secret"]), owner=hidden["owner"], audience=hidden["audience"]
    )
    receipt = open_receipt(
        bytes.fromhex(vector["data"]),
        asked,
        _key(client["receipt_key"]),
        request_key,
        now_ms=client["now_ms"],
    )
    return {"outcome": "receipt", "said": receipt.outcome.value, "mode": receipt.mode.value}


def _public_key(vector: Found) -> Found:
    try:
        key = VerifyKey(bytes.fromhex(vector["data"]), owner="alice")
    except ConfigurationError:
        return {"outcome": "unusable"}
    return {"outcome": "key", "kid": key.id.hex()}


KINDS: dict[str, Callable[[Found], Found]] = {
    "message": _message,
    "key": _public_key,
    "frame": _frame,
    "keyring": _keyring,
    "cbor": _cbor,
    "document": _document,
    "answer": _answer,
    "receipt": _receipt,
}


def result_of(vector: Found) -> Found:
    """Give what is made of one vector; nothing of a refused message is in it."""
    try:
        return KINDS[vector["kind"]](vector)
    except RefusedError as refusal:
        return {
            "outcome": "refused",
            "reason": refusal.reason.value,
            "stage": refusal.stage.value,
        }


def main() -> None:
    """Do so for every file that is named."""
    for name in sys.argv[1:]:
        vector = json.loads(Path(name).read_text(encoding="utf-8"))
        print(json.dumps({"file": name, **result_of(vector)}), flush=True)


if __name__ == "__main__":
    main()
