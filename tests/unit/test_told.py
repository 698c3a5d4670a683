"""What was told: receipts that verify, and everything that a squatter could say instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sealwire.answers import encode_answer
from sealwire.errors import MalformedError, NoAnswerError, UntrustedAnswerError
from sealwire.keys import SigningKey, VerifyKey
from sealwire.receipts import Asked, Mode, Outcome, Receipt, seal_receipt
from sealwire.sent import Sent
from sealwire.stages import Answer, Digest, Stream, digest_of
from sealwire.stages import Outcome as Decided
from sealwire.told import REFUSED, Told, Trust, looks_signed, read_told

if TYPE_CHECKING:
    from tests.conftest import Operator

    from sealwire.keys import AeadKey

AT_MS = 1_800_000_000_123
HOST = SigningKey(bytes(range(32)), owner="host-a")
SQUATTER = SigningKey(bytes(32), owner="host-a")
RECEIPT = Receipt(Outcome.APPLIED, Mode.WAIT_OUT, AT_MS, report=b'{"ended":[]}')


@pytest.fixture(params=["clear", "encrypted"])
def sent(request: pytest.FixtureRequest, alice: Operator) -> Sent:
    """Give a request, encrypted and not."""
    claims, key = alice.claims(), alice.aead if request.param == "encrypted" else None
    return Sent(Asked(claims.aud, claims.stream, claims.cti, digest_of(alice.body())), claims, key)


def sealed(
    sent: Sent,
    receipt: Receipt = RECEIPT,
    *,
    host: SigningKey = HOST,
    asked: Asked | None = None,
    request_key: AeadKey | None = None,
) -> bytes:
    """Give a receipt for a request, or for another one."""
    return seal_receipt(receipt, asked or sent.asked, host, request_key or sent.request_key)


def told(
    data: bytes,
    sent: Sent | None,
    key: VerifyKey | None = HOST.verify_key,
    now_ms: int | None = None,
) -> Told:
    """Read an answer, with the host's key known."""
    return read_told(data, sent, key, now_ms=now_ms)


def distrusted(data: bytes, sent: Sent | None, **more: int) -> UntrustedAnswerError:
    """Give the error that the host's word is not there."""
    with pytest.raises(UntrustedAnswerError) as caught:
        told(data, sent, **more)  # type: ignore[arg-type]
    # Who waits for an answer has none.
    assert isinstance(caught.value, NoAnswerError)
    return caught.value


def test_a_receipt_of_the_host_is_its_word(sent: Sent) -> None:
    """It says the same as an answer would, and who has signed it."""
    answer = Answer(Decided.APPLIED, report=b'{"ended":[]}')
    key = HOST.verify_key
    expected = Told(answer, Trust.VERIFIED, RECEIPT, "host-a", key.fingerprint, key)
    assert expected == told(sealed(sent), sent)


@pytest.mark.parametrize(
    ("outcome", "decided"),
    [
        (Outcome.APPLIED, Decided.APPLIED),
        (Outcome.REVERTED, Decided.APPLIED),
        (Outcome.PENDING_CONFIRM, Decided.APPLIED),
        (Outcome.REFUSED, Decided.REFUSED),
        (Outcome.NOT_ADDRESSED, Decided.REFUSED),
        (Outcome.FAILED, Decided.FAILED),
    ],
)
def test_every_outcome_is_done_or_not(sent: Sent, outcome: Outcome, decided: Decided) -> None:
    """With reason and detail, and whether it was a copy."""
    receipt = Receipt(outcome, Mode.WAIT_OUT, AT_MS, "policy", "why", repeated=True)
    assert Answer(decided, "policy", "why", repeated=True) == told(sealed(sent, receipt), sent)[0]


def test_a_squatters_receipt_is_named_as_such(sent: Sent) -> None:
    """Signed with another key, also one under the host's name."""
    found = str(distrusted(sealed(sent, host=SQUATTER), sent))
    assert "a squatter may sit on the address" in found
    assert HOST.fingerprint in found


@pytest.mark.parametrize("outcome", [Decided.APPLIED, Decided.FAILED])
def test_what_nobody_signed_is_not_believed(sent: Sent, outcome: Decided) -> None:
    """Where the host signs, that something was done or failed is signed."""
    found = distrusted(encode_answer(Answer(outcome)), sent)
    assert outcome.name.lower() == found.claimed
    assert "nobody has signed" in str(found)
    assert "squatter" in str(found)


@pytest.mark.parametrize("reason", ["", "policy"])
def test_who_has_refused_unsigned_nobody_knows(sent: Sent, reason: str) -> None:
    """It is what a service says before it knows who asks, and what a squatter may say as well."""
    found = distrusted(encode_answer(Answer(Decided.REFUSED, reason)), sent)
    assert REFUSED == found.claimed
    assert "nobody knows who answered" in str(found)
    assert reason in str(found)


def test_without_a_key_a_refusal_is_shown_as_unsigned(sent: Sent) -> None:
    """There it is as good as anything else."""
    answer = Answer(Decided.REFUSED)
    assert Told(answer, Trust.UNSIGNED) == told(encode_answer(answer), sent, None)


@pytest.mark.parametrize(
    "changes",
    [
        {"audience": "billing@prod"},
        {"id": bytes(16)},
        {"stream": Stream.LEASE},
        {"digest": Digest(bytes(32))},
    ],
    ids=str,
)
def test_a_receipt_of_another_request_is_no_answer(sent: Sent, changes: dict[str, object]) -> None:
    """However well it is signed."""
    other = sent.asked._replace(**changes)  # type: ignore[arg-type]
    distrusted(sealed(sent, asked=other), sent)


def test_every_bit_of_a_receipt_counts(sent: Sent) -> None:
    """One that is altered anywhere is nobody's word."""
    data = sealed(sent)
    for at in range(len(data) * 8):
        changed = bytearray(data)
        changed[at // 8] ^= 1 << at % 8
        with pytest.raises((UntrustedAnswerError, MalformedError)):
            told(bytes(changed), sent)


def test_encrypted_or_not_is_the_requests_affair(sent: Sent, alice: Operator) -> None:
    """A receipt in the clear for what was encrypted is none, and the other way round."""
    other = sent._replace(request_key=alice.aead if sent.request_key is None else None)
    distrusted(sealed(other), sent)


def test_an_old_receipt_answers_no_copy(sent: Sent) -> None:
    """It was right once; a request that is sent for the first time has no older one."""
    data = sealed(sent)
    late_ms = AT_MS + 400_000
    assert "old receipt" in str(distrusted(data, sent, now_ms=late_ms))
    assert told(data, sent, now_ms=AT_MS).trust is told(data, sent).trust is Trust.VERIFIED


def test_without_the_hosts_key_everything_is_unverified(sent: Sent) -> None:
    """It is read and shown, with who says that they have signed it."""
    expected = Told(
        Answer(Decided.APPLIED, report=b'{"ended":[]}'),
        Trust.UNVERIFIED,
        RECEIPT,
        "host-a",
        SQUATTER.fingerprint,
    )
    assert expected == told(sealed(sent, host=SQUATTER), sent, None)
    answer = Answer(Decided.APPLIED)
    assert Told(answer, Trust.UNSIGNED) == told(encode_answer(answer), sent, None)


def test_without_the_hosts_key_another_requests_receipt_is_none_either(sent: Sent) -> None:
    """That can be seen without a key."""
    other = sent.asked._replace(id=bytes(16))
    with pytest.raises(UntrustedAnswerError, match="no receipt for this request"):
        told(sealed(sent, asked=other), sent, None)


@pytest.mark.parametrize("key", [HOST.verify_key, None])
def test_who_carries_a_message_of_others_cannot_read_its_receipt(
    sent: Sent, key: VerifyKey | None
) -> None:
    """It is for whoever has sealed the request."""
    with pytest.raises(UntrustedAnswerError, match="only the sender"):
        told(sealed(sent), None, key)


@pytest.mark.parametrize("data", [b"", b"\xa0", b"HTTP/1.1 200 OK", b"\xa1\x01\x01x"])
def test_what_is_no_answer_is_malformed(sent: Sent, data: bytes) -> None:
    """Neither a map nor a receipt."""
    with pytest.raises(MalformedError):
        told(data, sent)


def test_a_receipt_looks_signed(sent: Sent) -> None:
    """By its first byte, and an answer does not."""
    assert looks_signed(sealed(sent))
    assert not looks_signed(encode_answer(Answer(Decided.APPLIED)))
    assert not looks_signed(b"")


def test_a_receipt_without_a_document_is_none(sent: Sent) -> None:
    """A signed object of another content type, or of other bytes."""
    assert "no receipt for it" in str(distrusted(b"\xd2\x84junk", sent))


NEXT = SigningKey(bytes(reversed(range(32))), owner="host-a")


@pytest.mark.parametrize("host", [HOST, NEXT])
def test_two_keys_count_while_a_hosts_key_is_rotated(sent: Sent, host: SigningKey) -> None:
    """The one that it uses and the one that it goes over to; the result says which it was."""
    data = sealed(sent, host=host)
    found = read_told(data, sent, HOST.verify_key, now_ms=None, more_keys=[NEXT.verify_key])
    assert (Trust.VERIFIED, host.fingerprint) == (found.trust, found.key_id)


def test_a_third_key_does_not_count(sent: Sent) -> None:
    """Nor does whoever only writes the id of one that does, or something else."""
    for data in (sealed(sent, host=SQUATTER), sealed(sent)[:-1], b"\xd2\x00"):
        with pytest.raises(UntrustedAnswerError):
            read_told(data, sent, HOST.verify_key, now_ms=None, more_keys=[NEXT.verify_key])
