"""Receipts: a host's word about one request, and nothing else that could be taken for it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from sealwire.body import decode_body, encode_body
from sealwire.cose import external_aad
from sealwire.errors import MalformedError, Reason, RefusedError, VerificationError
from sealwire.keys import AeadKey, SigningKey
from sealwire.layers import AesGcmSealer, Ed25519Signer, Ed25519Verifier
from sealwire.receipts import (
    ANSWER_LIFETIME_S,
    Asked,
    Instance,
    KeyringPoint,
    Mode,
    Outcome,
    Receipt,
    TrailPoint,
    open_receipt,
    seal_receipt,
)
from sealwire.stages import Context, Digest, Message, Stream, Use

if TYPE_CHECKING:
    from collections.abc import Callable

AUDIENCE = "payments@prod"
AT_MS = 1_800_000_000_123
HOST = SigningKey(bytes(range(32)), owner="host-a")
REQUEST_KEY = AeadKey(bytes(range(1, 33)), owner="alice", audience=AUDIENCE)
ASKED = Asked(AUDIENCE, Stream.LEASE, bytes(range(16)), Digest(hashlib.sha256(b"body").digest()))
FULL = Receipt(
    outcome=Outcome.PENDING_CONFIRM,
    mode=Mode.DURABLE,
    at_ms=AT_MS,
    reason="policy",
    detail="größer als erlaubt",
    repeated=True,
    instances=(Instance("host-a/worker-1", Outcome.APPLIED), Instance("b", Outcome.FAILED, "why")),
    effective="ab" * 32,
    floor_ms=AT_MS - 1,
    lease_end_ms=AT_MS + 900_000,
    trail=TrailPoint(42, "cd" * 32),
    reduced=("payments.db: level 10 → 20",),
    report=b'{"changes":[{"where":"root"}],"until_ms":1}',
    challenge=bytes(range(16)),
    keyring=KeyringPoint("payments", 7, "ef" * 32),
)
LEAST = Receipt(Outcome.REFUSED, Mode.WAIT_OUT, AT_MS)


def opened(sealed: bytes, **more: Any) -> Receipt:  # noqa: ANN401 - any argument of it
    """Open a receipt a moment after its time."""
    given = {"request_key": None, "now_ms": AT_MS + 5, **more}
    return open_receipt(sealed, given.pop("asked", ASKED), HOST.verify_key, **given)


def refusal(sealed: bytes, **more: Any) -> RefusedError:  # noqa: ANN401 - the same
    """Open a receipt that must be refused."""
    with pytest.raises(RefusedError) as caught:
        opened(sealed, **more)
    return caught.value


@pytest.mark.parametrize("key", [None, REQUEST_KEY], ids=["signed", "encrypted"])
@pytest.mark.parametrize("receipt", [FULL, LEAST, replace(LEAST, outcome=Outcome.NOT_ADDRESSED)])
def test_what_is_sealed_is_read(receipt: Receipt, key: AeadKey | None) -> None:
    """Every field comes back, whether the request was encrypted or not."""
    sealed = seal_receipt(receipt, ASKED, HOST, key)
    assert receipt == opened(sealed, request_key=key)


def test_an_encrypted_receipt_shows_nothing() -> None:
    """Neither names nor outcome can be read on the way."""
    sealed = seal_receipt(FULL, ASKED, HOST, REQUEST_KEY)
    assert sealed.find(b"pending") < 0
    assert seal_receipt(FULL, ASKED, HOST).find(b"worker") > 0


@pytest.mark.parametrize("key", [None, REQUEST_KEY], ids=["signed", "encrypted"])
def test_every_bit_matters(key: AeadKey | None) -> None:
    """A flipped bit anywhere is refused, and so is every beginning."""
    sealed = seal_receipt(LEAST, ASKED, HOST, key)
    for at in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[at // 8] ^= 1 << at % 8
        refusal(bytes(changed), request_key=key)
    for length in range(len(sealed)):
        refusal(sealed[:length], request_key=key)
    refusal(sealed + b"\0", request_key=key)


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (ASKED._replace(audience="billing@prod"), Reason.SIGNATURE_INVALID),
        (ASKED._replace(id=bytes(16)), Reason.RECEIPT_MISMATCH),
        (ASKED._replace(stream=Stream.BASE), Reason.RECEIPT_MISMATCH),
        (ASKED._replace(digest=Digest(bytes(32))), Reason.RECEIPT_MISMATCH),
    ],
)
def test_the_receipt_of_another_request_is_refused(other: Asked, reason: Reason) -> None:
    """Signed by the right host, and still no answer to this."""
    assert reason is refusal(seal_receipt(LEAST, ASKED, HOST), asked=other).reason


def test_an_encrypted_receipt_of_another_request_does_not_open() -> None:
    """Its key is derived from the request."""
    sealed = seal_receipt(LEAST, ASKED, HOST, REQUEST_KEY)
    other = ASKED._replace(digest=Digest(bytes(32)))
    assert Reason.KEY_UNKNOWN is refusal(sealed, asked=other, request_key=REQUEST_KEY).reason


def test_a_squatter_cannot_sign() -> None:
    """Another key, also one of the same owner, is no host's."""
    squatter = SigningKey(bytes(32), owner="host-a")
    assert Reason.KEY_UNKNOWN is refusal(seal_receipt(LEAST, ASKED, squatter)).reason


def test_in_the_clear_is_refused_where_it_has_to_be_encrypted() -> None:
    """And the other way round: the request decides."""
    clear, hidden = seal_receipt(LEAST, ASKED, HOST), seal_receipt(LEAST, ASKED, HOST, REQUEST_KEY)
    assert Reason.ENVELOPE_MALFORMED is refusal(clear, request_key=REQUEST_KEY).reason
    assert Reason.ENVELOPE_MALFORMED is refusal(hidden).reason


def test_a_request_is_no_receipt() -> None:
    """The host's own key, used for a request, opens as nothing else."""
    body = decode_and_spoil(lambda claims: claims)
    sealed = Ed25519Signer(HOST).seal(body, external_aad(Use.REQUEST, AUDIENCE, 0, (-19,)))
    assert Reason.SIGNATURE_INVALID is refusal(sealed).reason


def test_an_answer_is_one_for_a_while() -> None:
    """Afterwards it is still proof of what was the case then."""
    sealed = seal_receipt(LEAST, ASKED, HOST)
    last_ms = (AT_MS // 1000 + ANSWER_LIFETIME_S) * 1000
    assert LEAST == opened(sealed, now_ms=last_ms)
    assert Reason.EXPIRED is refusal(sealed, now_ms=last_ms + 1).reason
    assert LEAST == opened(sealed, now_ms=AT_MS)


def decode_and_spoil(spoil: Callable[[Any], Any], document: bytes | None = None) -> bytes:
    """Give the body of a receipt with other claims, or with another document."""
    aad = external_aad(Use.RECEIPT, AUDIENCE, 0, (-19,))
    sealed = seal_receipt(LEAST, ASKED, HOST)
    layer = Ed25519Verifier([HOST.verify_key])
    context = Context(AUDIENCE, 0, 0, 0, (-19,), aad)
    claims, kind, found = decode_body(layer.verify(Message(sealed), context).data)
    return encode_body(spoil(claims), kind, found if document is None else document)


def signed(body: bytes) -> bytes:
    """Sign a body as the host signs receipts."""
    return Ed25519Signer(HOST).seal(body, external_aad(Use.RECEIPT, AUDIENCE, 0, (-19,)))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"aud": "billing@prod"}, Reason.AUDIENCE_MISMATCH),
        ({"iss": "host-b"}, Reason.ISSUER_MISMATCH),
        ({"nonce": bytes(16)}, Reason.RECEIPT_MISMATCH),
        ({"exp": AT_MS // 1000 + 301}, Reason.RECEIPT_MISMATCH),
        ({"iat": AT_MS // 1000 - 1}, Reason.RECEIPT_MISMATCH),
        ({"version": AT_MS + 1000}, Reason.RECEIPT_MISMATCH),
    ],
)
def test_claims_that_contradict_the_key_are_refused(
    changes: dict[str, Any], reason: Reason
) -> None:
    """What the host signs about itself has to be what is known of it."""
    found = refusal(signed(decode_and_spoil(lambda claims: claims._replace(**changes))))
    assert isinstance(found, VerificationError)
    assert reason is found.reason


def test_another_content_type_is_refused() -> None:
    """A receipt's document is a receipt."""
    body = decode_and_spoil(lambda claims: claims)
    claims, _, document = decode_body(body)
    found = refusal(signed(encode_body(claims, "application/json", document)))
    assert Reason.CONTENT_TYPE_UNKNOWN is found.reason


GOOD = {
    "request": ASKED.digest.hex(),
    "outcome": "applied",
    "mode": "durable",
    "instances": [{"name": "a", "outcome": "applied"}],
}


def read(document: dict[str, Any]) -> Receipt:
    """Sign and open a receipt with this document."""
    return opened(signed(decode_and_spoil(lambda claims: claims, json.dumps(document).encode())))


def test_members_that_nobody_knows_are_passed_over() -> None:
    """A later version may tell more."""
    later = {**GOOD, "weather": "fine", "instances": [{"name": "a", "outcome": "applied", "x": 1}]}
    assert read(GOOD) == read(later)


@pytest.mark.parametrize(
    "changes",
    [
        {"request": None},
        {"outcome": None},
        {"outcome": "gone"},
        {"mode": "other"},
        {"mode": 1},
        {"instances": None},
        {"instances": "a"},
        {"instances": ["a"]},
        {"instances": [{"name": "a"}]},
        {"instances": [{"name": 1, "outcome": "applied"}]},
        {"instances": [{"outcome": "applied"}]},
        {"instances": [{"name": "a", "outcome": "applied", "detail": 1}]},
        {"reason": 1},
        {"detail": []},
        {"repeated": 1},
        {"effective": "ab"},
        {"effective": "X" * 64},
        {"floor_ms": -1},
        {"floor_ms": True},
        {"floor_ms": "1"},
        {"lease_end_ms": None},
        {"trail": 1},
        {"trail": {"size": 1}},
        {"trail": {"size": 1, "root": "ab"}},
        {"trail": {"root": "ab" * 32}},
        {"keyring": 1},
        {"keyring": {"name": "payments", "version": 1}},
        {"keyring": {"name": 1, "version": 1, "digest": "ab" * 32}},
        {"keyring": {"name": "payments", "version": "1", "digest": "ab" * 32}},
        {"keyring": {"name": "payments", "version": 1, "digest": "ab"}},
        {"report": "{}"},
        {"report": [1]},
        {"challenge": "ab"},
        {"challenge": 1},
        {"challenge": "X" * 32},
        {"reduced": "a"},
        {"reduced": [1]},
    ],
    ids=str,
)
def test_a_document_of_another_form_is_refused(changes: dict[str, Any]) -> None:
    """What a receipt has to say is there, and of its type."""
    with pytest.raises(RefusedError) as caught:
        read({**GOOD, **changes})
    assert isinstance(caught.value, MalformedError)
    assert Reason.DOCUMENT_INVALID is caught.value.reason


def test_the_derived_key_is_another_key() -> None:
    """It has an id and a check value of its own, and differs with the request."""
    one, other = REQUEST_KEY.for_receipt(b"1" * 32), REQUEST_KEY.for_receipt(b"2" * 32)
    assert 3 == len({REQUEST_KEY.id, one.id, other.id})
    assert (REQUEST_KEY.owner, REQUEST_KEY.audience) == (one.owner, one.audience)
    aad = external_aad(Use.RECEIPT, AUDIENCE, 0, (3,))
    assert AesGcmSealer(one).seal(b"", aad)[:17] != AesGcmSealer(other).seal(b"", aad)[:17]
