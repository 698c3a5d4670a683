"""Whoever signed with the issuer is named: in records, receipts, reports, logs; and who may."""

from __future__ import annotations

import json
import logging
from dataclasses import replace

import pytest
from tests.conftest import AUDIENCE, NOW_MS, Operator

from sealwire.answering import Answering
from sealwire.documents import Tree
from sealwire.errors import ConfigurationError, Reason, Stage
from sealwire.eventlog import EventLog
from sealwire.events import Decision
from sealwire.inforce import Base, InForce
from sealwire.keys import SigningKey
from sealwire.layers import MultiSigner
from sealwire.leases import LiveLease, Overlay
from sealwire.listener import make_door
from sealwire.policy import Floors, Policy, Role, default_rules
from sealwire.receipts import Asked, SignedBy, open_receipt
from sealwire.recommended import local, network
from sealwire.recording.turning import who_of
from sealwire.requests import Verb
from sealwire.results import RequestRefusedError
from sealwire.sent import look_at_sent
from sealwire.stages import Answer, Opened, Outcome, digest_of, signers_of
from sealwire.state import AdmissionState
from sealwire.telling import applied_report, lease_report, status_report
from sealwire.testing import pair
from sealwire.trail.forms import read_fields, write_fields
from sealwire.trail.seen import Cosigner, Who

ALICE, BOB = Operator.called("alice"), Operator.called("bob")
TRUSTED = [ALICE.signing.verify_key, BOB.signing.verify_key]
CHAIN = local(AUDIENCE, TRUSTED, several=True)
BOTH = [
    {"owner": "alice", "key": ALICE.signing.thumbprint.hex()},
    {"owner": "bob", "key": BOB.signing.thumbprint.hex()},
]
TWO = Policy(
    default_rules(),
    roles=(Role("change", frozenset({"alice", "bob"}), threshold={Verb.LEASE: 2}),),
)


def sealed() -> bytes:
    """Give a message of Alice's that Bob has signed as well."""
    return ALICE.wrap(ALICE.body(), [MultiSigner(ALICE.signing, BOB.signing)])


def opened() -> Opened:
    """Give it as the chain opens it."""
    return CHAIN.open(sealed(), now_ms=NOW_MS)


def test_records_name_each() -> None:
    """By owner, key and kind; where there is one, a record is as it ever was."""
    who = who_of(opened())
    assert who is not None
    key = BOB.signing.thumbprint.hex()
    assert who == Who(
        "alice", ALICE.signing.thumbprint.hex(), "ed25519", (Cosigner("bob", key, "ed25519"),)
    )
    written = write_fields(who)
    assert {"owner", "key", "signer", "cosigners"} == written.keys()
    assert who == read_fields(Who, written)
    alone = replace(who, cosigners=())
    assert {"owner", "key", "signer"} == write_fields(alone).keys()
    assert alone == read_fields(Who, write_fields(alone))
    with pytest.raises(ValueError, match="an empty list is left out"):
        read_fields(Who, {**written, "cosigners": []})
    with pytest.raises(ValueError, match="not the entries of Who"):
        read_fields(Who, [])


def test_receipts_name_each() -> None:
    """All who signed, the issuer first; nobody where the issuer was alone."""
    host = SigningKey(bytes(32), owner="host")
    for message, expected in (
        (opened(), (SignedBy(**BOTH[0]), SignedBy(**BOTH[1]))),
        (
            CHAIN.open(ALICE.wrap(ALICE.body(), [MultiSigner(ALICE.signing)]), now_ms=NOW_MS),
            (),
        ),
    ):
        decision = Decision(
            Answer(Outcome.REFUSED), Reason.POLICY, Stage.POLICY, known=message.known
        )
        claims = message.claims
        receipt = open_receipt(
            Answering(host, CHAIN).receipt_for(decision, AdmissionState(0), None, NOW_MS),
            Asked(claims.aud, claims.stream, claims.cti, message.digest),
            host.verify_key,
            None,
            now_ms=NOW_MS,
        )
        assert expected == receipt.signers


def test_reports_name_each() -> None:
    """Of the base and of leases, in status and when they begin."""
    signers = opened().signers
    base = Base("ab" * 32, "alice", "1" * 32, 1, signers)
    lease = LiveLease("2" * 32, "alice", "", (("a", 10),), (), 1, 2, signers=signers)
    in_force = InForce("host", base, Overlay((lease,)))
    status = json.loads(status_report(Tree(), in_force, Floors(), NOW_MS))
    assert BOTH == status["base"]["signers"] == status["leases"][0]["signers"]
    assert BOTH == json.loads(applied_report((), in_force))["signers"]
    begun = json.loads(lease_report(lease, Tree(), Tree(), lambda _: True))
    assert BOTH == begun["signers"]
    alone = InForce("host", base._replace(signers=()))
    assert "signers" not in json.loads(status_report(Tree(), alone, Floors(), NOW_MS))["base"]


def test_the_log_names_each(caplog: pytest.LogCaptureFixture) -> None:
    """By owner, on the line of a decision."""
    message = opened()
    decision = Decision(Answer(Outcome.APPLIED), claims=message.claims, opened=message)
    with caplog.at_level(logging.INFO, "sealwire"):
        EventLog().record(decision, "somewhere", NOW_MS, 0)
    assert "of alice with bob (version" in caplog.text
    assert "alice" == ALICE.opened().signed_by
    assert () == signers_of(ALICE.opened().evidence)


def test_what_was_sent_is_read_back() -> None:
    """As with one signature."""
    sent = look_at_sent(sealed())
    assert sent is not None
    assert digest_of(ALICE.body()) == sent.asked.digest
    assert look_at_sent(sealed()[:-1]) is None


def test_a_threshold_needs_a_chain_that_takes_several() -> None:
    """Told when the listener is made, with the setting that is missing."""
    for chain in (
        local(AUDIENCE, TRUSTED),
        network(AUDIENCE, gate=[ALICE.mac], encryption=[ALICE.aead], trusted=TRUSTED),
    ):
        with pytest.raises(ConfigurationError, match='signatures = "several"'):
            make_door(chain, policy=TWO)
    make_door(CHAIN, policy=TWO)
    make_door(CHAIN)


@pytest.mark.parametrize("signed", [False, True])
def test_a_pair_for_tests_does_what_its_policy_wants(*, signed: bool) -> None:
    """It takes several, so a policy with a threshold can be tried on one person."""
    with pair(policy=TWO, issuer="alice", signed=signed) as both:
        with pytest.raises(RequestRefusedError, match="policy"):
            both.client.lease({"a": "DEBUG"})
        assert both.client.status().report
