"""Answering: which receipt a decision becomes, and that it fits whatever was decided."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sealwire.answering import MAX_REDUCED, Answering
from sealwire.chain import Chain
from sealwire.checks import Freshness, Once
from sealwire.errors import ConfigurationError, MalformedError, Reason, RefusedError, Stage
from sealwire.events import Decision
from sealwire.framing import MAX_FRAME_BYTES
from sealwire.inforce import Base, InForce, Trial
from sealwire.keys import SigningKey
from sealwire.layers import AesGcmOpener, Ed25519Verifier, HmacVerifier
from sealwire.leases import LiveLease, Overlay
from sealwire.receipts import Asked, Instance, Mode, Outcome, Receipt, TrailPoint, open_receipt
from sealwire.requests import CONTENT_TYPE_REQUEST, Lease, Request, read_request
from sealwire.stages import Answer, Opened, Stream
from sealwire.stages import Outcome as Decided
from sealwire.state import AdmissionState
from sealwire.versions import Taken

if TYPE_CHECKING:
    from tests.conftest import Operator, Way

NOW_MS = 1_800_000_000_000
HOST = SigningKey(bytes(range(32)), owner="host-a")
ID = bytes(range(16)).hex()
DOCUMENT = b'{"version": 1}'
CHALLENGE = bytes(range(50, 66))
APPLIED = Answer(Decided.APPLIED)
AGAIN = Answer(Decided.APPLIED, repeated=True)


def opened(way: Way, document: bytes = DOCUMENT, **claims: Any) -> Opened:  # noqa: ANN401 - any claim
    """Give a message as the chain opens it."""
    return way.chain.open(way.seal(way.operator.body(document, **claims)), now_ms=NOW_MS)


def asked_for(way: Way, verb: str, stream: Stream, **members: object) -> Opened:
    """Give a message with a verb."""
    document = json.dumps({"verb": verb, **members}).encode()
    return opened(way, document, stream=stream)._replace(content_type=CONTENT_TYPE_REQUEST)


def told(
    way: Way,
    decision: Decision,
    state: AdmissionState | None = None,
    in_force: InForce | None = None,
    trail: TrailPoint | None = None,
) -> Receipt:
    """Give the receipt of a decision, as whoever sealed the request reads it."""
    known = decision.known
    assert known is not None
    sealed = Answering(HOST, way.chain).receipt_for(
        decision, state or AdmissionState(0), in_force, NOW_MS + 7, trail
    )
    key = way.operator.aead if len(way.layers) > 1 else None
    claims = known.claims
    asked = Asked(claims.aud, claims.stream, claims.cti, known.digest)
    return open_receipt(sealed, asked, HOST.verify_key, key, now_ms=NOW_MS + 7)


def done(message: Opened, answer: Answer = APPLIED, **more: Any) -> Decision:  # noqa: ANN401 - any member
    """Give the decision that a request was done."""
    return Decision(answer, known=message.known, request=read_request(message), **more)


def test_what_was_done_is_signed_in_full(way: Way) -> None:
    """Also where requests are encrypted, because the receipt is as well."""
    message = opened(way)
    state = AdmissionState(0)
    state.floors[Stream.BASE] = Taken(NOW_MS, message.digest, "alice")
    in_force = InForce("host-a/7", Base("ab" * 32, "alice", ID, NOW_MS))
    decision = done(message, report=b'{"changes":[]}', reduced=("root: level 10 → 20",))
    receipt = told(way, decision, state, in_force, TrailPoint(7, "cd" * 32))
    assert receipt == Receipt(
        Outcome.APPLIED,
        Mode.WAIT_OUT,
        NOW_MS + 7,
        instances=(Instance("host-a/7", Outcome.APPLIED),),
        effective="ab" * 32,
        floor_ms=NOW_MS,
        trail=TrailPoint(7, "cd" * 32),
        reduced=("root: level 10 → 20",),
        report=b'{"changes":[]}',
    )


def test_a_refusal_is_signed_with_its_reason(way: Way) -> None:
    """And with the value against its limit, in both chains."""
    decision = Decision(
        Answer(Decided.REFUSED), Reason.EXPIRED, Stage.CHECK, "2 s ago", known=opened(way).known
    )
    receipt = told(way, decision)
    expected = (Outcome.REFUSED, "expired", "2 s ago", b"", ())
    found = (
        receipt.outcome, receipt.reason, receipt.detail, receipt.challenge, receipt.instances
    )  # fmt: skip
    assert expected == found


def test_who_is_not_addressed_is_told_so(way: Way) -> None:
    """It is no refusal of what was asked for."""
    refused = Answer(Decided.REFUSED)
    decision = Decision(refused, Reason.NOT_ADDRESSED, Stage.STANDING, "", known=opened(way).known)
    assert Outcome.NOT_ADDRESSED is told(way, decision).outcome


def test_what_failed_is_told_with_its_detail(way: Way) -> None:
    """An answer in the clear could not say it where requests are encrypted."""
    decision = done(opened(way), Answer(Decided.FAILED), detail="no such file")
    receipt = told(way, decision)
    assert (Outcome.FAILED, "no such file") == (receipt.outcome, receipt.detail)


def test_every_process_has_a_row(local: Way) -> None:
    """Our own first: what was taken back because of others was done here."""
    message = opened(local)
    others = (Instance("worker-1", Outcome.APPLIED), Instance("x/y", Outcome.FAILED, "why"))
    in_force = InForce("host-a/worker-0")
    receipt = told(local, done(message, instances=others), None, in_force)
    names = ["host-a/worker-0", "host-a/worker-1", "x/y"]
    assert names == [each.name for each in receipt.instances]
    taken_back = done(message, Answer(Decided.FAILED), instances=others)
    receipt = told(local, taken_back, None, in_force)
    expected = [Outcome.REVERTED, Outcome.APPLIED, Outcome.FAILED]
    assert expected == [each.outcome for each in receipt.instances]


def test_who_passes_it_on_is_not_addressed(local: Way) -> None:
    """It is for another process, and whoever leads has not done it."""
    message = asked_for(local, "lease", Stream.LEASE, levels={"a": "DEBUG"}, only="host-a/worker-1")
    others = (Instance("host-a/worker-1", Outcome.APPLIED),)
    receipt = told(local, done(message, instances=others), None, InForce("host-a/worker-0"))
    expected = [Outcome.NOT_ADDRESSED, Outcome.APPLIED]
    assert expected == [each.outcome for each in receipt.instances]


def test_the_challenge_is_told_to_who_lacks_it_alone(local: Way) -> None:
    """Everybody else either has it or could not use it."""
    state = AdmissionState(0, challenge=CHALLENGE)
    refused = Answer(Decided.REFUSED)
    for nonce, expected in ((None, CHALLENGE), (bytes(16), CHALLENGE), (CHALLENGE, b"")):
        for reason in (Reason.CHALLENGE_REQUIRED, Reason.EXPIRED):
            known = opened(local, nonce=nonce).known
            receipt = told(local, Decision(refused, reason, Stage.CHECK, known=known), state)
            assert (expected, Mode.CHALLENGE) == (receipt.challenge, receipt.mode)
    assert b"" == told(local, done(opened(local)), state).challenge


def test_a_stranger_gets_no_receipt(local: Way) -> None:
    """There is no request that it could be the answer to."""
    decision = Decision(Answer(Decided.REFUSED), Reason.MAC_INVALID, Stage.LAYER)
    answering = Answering(HOST, local.chain)
    assert b"" == answering.receipt_for(decision, AdmissionState(0), None, NOW_MS)


@pytest.mark.parametrize(
    ("verb", "stream", "members", "outcome"),
    [
        ("apply", Stream.BASE, {"config": {"version": 1}}, Outcome.APPLIED),
        (
            "apply",
            Stream.BASE,
            {"config": {"version": 1}, "confirm_within_s": 60},
            Outcome.PENDING_CONFIRM,
        ),
        ("confirm", Stream.BASE, {"id": ID}, Outcome.APPLIED),
        ("revert", Stream.BASE, {}, Outcome.REVERTED),
        ("revert", Stream.LEASE, {}, Outcome.REVERTED),
        ("status", Stream.READ, {}, Outcome.APPLIED),
    ],
)
def test_each_verb_has_its_outcome(
    local: Way, verb: str, stream: Stream, members: dict[str, object], outcome: Outcome
) -> None:
    """What was done, in one word."""
    receipt = told(local, done(asked_for(local, verb, stream, **members)))
    assert (outcome, 0) == (receipt.outcome, receipt.lease_end_ms)


def test_a_lease_says_when_it_ends(local: Way) -> None:
    """Counted from when it was sealed; and one that was not begun has no end."""
    message = asked_for(local, "lease", Stream.LEASE, levels={"a": 10}, for_s=60)
    assert NOW_MS + 60_000 == told(local, done(message)).lease_end_ms
    assert 0 == told(local, done(message, Answer(Decided.FAILED))).lease_end_ms


def running(message: Opened) -> LiveLease:
    """Give a lease as it runs."""
    request: Request = read_request(message)
    assert isinstance(request, Lease)
    return LiveLease(request.id, "alice", "", request.levels, (), 5, NOW_MS + 60_000, request)


@pytest.mark.parametrize(
    ("in_force", "outcome"),
    [
        (None, Outcome.APPLIED),
        (InForce(base=Base("ab" * 32, "alice", ID, 1)), Outcome.APPLIED),
        (
            InForce(base=Base("ab" * 32, "alice", ID, 1), trial=Trial(ID, "alice", 1, 1)),
            Outcome.PENDING_CONFIRM,
        ),
        (InForce(), Outcome.REVERTED),
        (InForce(base=Base("cd" * 32, "bob", "ff" * 16, 1)), Outcome.REVERTED),
    ],
)
@pytest.mark.parametrize("plain", [True, False])
def test_a_copy_is_told_what_has_become_of_it(
    local: Way, in_force: InForce | None, outcome: Outcome, *, plain: bool
) -> None:
    """A configuration that went by itself since is not said to stand."""
    message = opened(local)
    if not plain:
        message = asked_for(local, "apply", Stream.BASE, config={"version": 1})
    receipt = told(local, Decision(AGAIN, known=message.known, copy=message), in_force=in_force)
    assert (outcome, True) == (receipt.outcome, receipt.repeated)


def test_a_copy_of_a_lease_is_told_whether_it_runs(local: Way) -> None:
    """And until when."""
    message = asked_for(local, "lease", Stream.LEASE, levels={"a": 10}, for_s=60)
    copy = Decision(AGAIN, known=message.known, copy=message)
    runs = told(local, copy, in_force=InForce(overlay=Overlay((running(message),))))
    assert (Outcome.APPLIED, NOW_MS + 60_000) == (runs.outcome, runs.lease_end_ms)
    over = told(local, copy, in_force=InForce())
    assert (Outcome.REVERTED, 0) == (over.outcome, over.lease_end_ms)


@pytest.mark.parametrize(
    ("verb", "outcome"), [("revert", Outcome.REVERTED), ("confirm", Outcome.APPLIED)]
)
def test_a_copy_of_what_leaves_nothing_behind(local: Way, verb: str, outcome: Outcome) -> None:
    """It was done, and is."""
    message = asked_for(local, verb, Stream.BASE, id=ID)
    copy = Decision(AGAIN, known=message.known, copy=message)
    assert outcome is told(local, copy, in_force=InForce()).outcome


def test_a_copy_of_what_failed_has_failed(local: Way) -> None:
    """It is not looked for among what is in force."""
    message = opened(local)
    answer = Answer(Decided.FAILED, repeated=True)
    receipt = told(local, Decision(answer, known=message.known, copy=message), in_force=InForce())
    assert (Outcome.FAILED, True) == (receipt.outcome, receipt.repeated)


def test_the_longest_that_can_be_told_fits(way: Way) -> None:
    """Every text has a limit, also where each character takes six bytes."""
    decision = done(
        opened(way),
        detail="\x01\udc80" * 5_000,
        report=json.dumps({"x": "y" * (200 * 1024 - 8)}, separators=(",", ":")).encode(),
        reduced=("\x02" * 900,) * 90,
    )
    receipt = told(way, decision, in_force=InForce("\x03" * 64))
    assert 200 * 1024 == len(receipt.report)
    assert "and 58 more" == receipt.reduced[-1]
    assert MAX_REDUCED + 1 == len(receipt.reduced)
    assert 500 == len(receipt.detail)
    sealed = Answering(HOST, way.chain).receipt_for(decision, AdmissionState(0), None, NOW_MS)
    assert len(sealed) < MAX_FRAME_BYTES


def test_a_report_that_is_none_is_no_receipt(local: Way) -> None:
    """It is a bug of ours, which whoever drives this answers without a signature."""
    answering = Answering(HOST, local.chain)
    with pytest.raises(MalformedError):
        answering.receipt_for(done(opened(local), report=b"["), AdmissionState(0), None, NOW_MS)


def test_a_key_that_is_taken_away_meanwhile_leaves_nothing_to_say(
    network: Way, alice: Operator
) -> None:
    """A request that was encrypted is not answered in the clear."""
    held = {alice.aead.id: alice.aead}

    class Source:
        """What a host may put in the place of a tuple of keys."""

        def find(self, key_id: bytes) -> Any:  # noqa: ANN401 - as the protocol has it
            """Give it while it is there."""
            return held.get(key_id)  # type: ignore[call-overload]

        def ids(self) -> Any:  # noqa: ANN401 - as the protocol has it
            """Give the ids."""
            return frozenset(held)

    signed = Ed25519Verifier([alice.signing.verify_key])
    opening = (HmacVerifier([alice.mac]), AesGcmOpener(Source()), signed)
    chain = Chain(alice.audience, [*opening, Freshness(), Once()])
    known = chain.open(network.seal(), now_ms=NOW_MS).known
    answering = Answering(HOST, chain)
    refused = Answer(Decided.REFUSED)
    decision = Decision(refused, Reason.EXPIRED, Stage.CHECK, known=known)
    assert answering.receipt_for(decision, AdmissionState(0), None, NOW_MS)
    held.clear()
    assert b"" == answering.receipt_for(decision, AdmissionState(0), None, NOW_MS)


def test_a_key_for_requests_signs_no_receipts(way: Way) -> None:
    """A host that could sign requests as well would have two reasons to be broken into."""
    signing = way.operator.signing
    with pytest.raises(ConfigurationError, match="trusted for requests as well"):
        Answering(signing, way.chain)


def test_what_a_check_refuses_is_known(way: Way) -> None:
    """Every layer has opened by then, so the refusal can be told in a receipt."""
    sealed = way.seal()
    with pytest.raises(RefusedError) as caught:
        way.chain.open(sealed, now_ms=NOW_MS + 301_000)
    known = caught.value.known
    assert known is not None
    assert opened(way).known == known
    with pytest.raises(RefusedError) as stranger:
        way.chain.open(sealed[:-1] + bytes([sealed[-1] ^ 1]), now_ms=NOW_MS)
    assert stranger.value.known is None


def test_a_receipt_key_is_exchanged_while_the_service_runs(local: Way) -> None:
    """From then on receipts are signed with it; a key that is trusted for requests is refused."""
    answering = Answering(HOST, local.chain)
    other = SigningKey(bytes(reversed(range(32))), owner=HOST.owner)
    answering.use(other)
    assert other == answering.key
    with pytest.raises(ConfigurationError, match="trusted for requests"):
        answering.use(local.operator.signing)
    assert other == answering.key


OTHERS = (
    Instance("worker-1", Outcome.APPLIED),
    Instance("host-b/worker-2", Outcome.FAILED, "has not answered"),
)


def test_each_process_has_a_line(local: Way) -> None:
    """Our own first; the others are on the same host, unless they say otherwise."""
    message = asked_for(local, "lease", Stream.LEASE, levels={"a": "INFO"})
    in_force = InForce("host-a/worker-0")
    receipt = told(local, done(message, instances=OTHERS), in_force=in_force)
    assert receipt.instances == (
        Instance("host-a/worker-0", Outcome.APPLIED),
        Instance("host-a/worker-1", Outcome.APPLIED),
        OTHERS[1],
    )


def test_what_too_few_have_done_was_taken_back_here(local: Way) -> None:
    """It has failed as a whole, and here it was done for a moment."""
    message = asked_for(local, "lease", Stream.LEASE, levels={"a": "INFO"})
    decision = done(message, Answer(Decided.FAILED), instances=OTHERS)
    receipt = told(local, decision, in_force=InForce("host-a/worker-0"))
    assert Outcome.FAILED is receipt.outcome
    assert Instance("host-a/worker-0", Outcome.REVERTED) == receipt.instances[0]


def test_who_leads_and_is_not_meant_says_so(local: Way) -> None:
    """The request was for other processes alone."""
    message = asked_for(local, "lease", Stream.LEASE, levels={"a": "INFO"}, only="*/worker-1")
    receipt = told(local, done(message, instances=OTHERS), in_force=InForce("host-a/worker-0"))
    assert Outcome.APPLIED is receipt.outcome
    assert Instance("host-a/worker-0", Outcome.NOT_ADDRESSED) == receipt.instances[0]
