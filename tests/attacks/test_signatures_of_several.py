"""What can be tried on a change that two people have to sign: each is refused, and by what."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.conftest import AUDIENCE, NOW_MS, Operator

from sealwire.body import encode_body
from sealwire.errors import PolicyError, Reason, RefusedError, SealError
from sealwire.keys import SigningKey
from sealwire.layers import MultiSigner
from sealwire.policy import Loggers, Policy, Role, default_rules
from sealwire.recommended import local, network, network_layers
from sealwire.requests import CONTENT_TYPE_REQUEST, Verb, read_request, write_request
from sealwire.sealer import MemorySealerState, Sealer
from sealwire.stages import Stream
from sealwire.unfinished import (
    Unfinished,
    finish,
    read_unfinished,
    seal_unfinished,
    write_unfinished,
)

PEOPLE = {
    name: Operator.called(name)
    for name in ("alice", "bob", "carol", "dave", "olga", "vera", "mallory")
}
ALICE = PEOPLE["alice"]
SECOND = SigningKey(b"\7" * 32, owner="alice")
"""Another key of Alice's, which the service trusts as well."""

TRUSTED = [
    *(each.signing.verify_key for name, each in PEOPLE.items() if name != "mallory"),
    SECOND.verify_key,
]
NAMED = {
    "alice": ALICE.signing, "alice2": SECOND,
    **{name: each.signing for name, each in PEOPLE.items() if name != "alice"},
}  # fmt: skip
TWO = {Verb.LEASE: 2}
POLICY = Policy(
    default_rules(),
    roles=(
        Role("change", frozenset({"alice", "bob", "carol", "dave"}), threshold=TWO),
        Role("orders", frozenset({"olga"}), loggers=Loggers(("orders", "orders.*"))),
        Role("viewers", frozenset({"vera"}), verbs=frozenset({Verb.STATUS})),
    ),
)
CHAIN = local(AUDIENCE, TRUSTED, several=True)
DOCUMENT = write_request(Verb.LEASE, levels={"payments.db": "DEBUG"}, for_s=900)
BODY = encode_body(ALICE.claims(stream=Stream.LEASE), CONTENT_TYPE_REQUEST, DOCUMENT)


def outcome_of(sealed: bytes, policy: Policy = POLICY) -> str:
    """Let a service decide; give the reason or the rule by which it refuses, ``""`` if it does."""
    try:
        policy.judge(read_request(CHAIN.open(sealed, now_ms=NOW_MS)))
    except PolicyError as refused:
        return refused.rule
    except RefusedError as refused:
        return refused.reason.value
    return ""


def signed(*names: str) -> bytes:
    """Give the request with these people's signatures, the issuer's first."""
    first, *others = (NAMED[name] for name in names)
    return ALICE.wrap(BODY, [MultiSigner(first, *others)])


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("alice",), "threshold"),
        (("alice", "bob"), ""),
        (("alice", "bob", "carol"), ""),
        (("alice", "carol", "bob", "dave"), ""),
        (("alice", "alice2"), "threshold"),
        (("alice2", "alice"), "threshold"),
        (("alice2", "bob"), ""),
        (("alice", "alice2", "bob"), ""),
        (("alice", "olga"), "threshold"),
        (("alice", "vera"), "threshold"),
        (("alice", "olga", "vera"), "threshold"),
        (("alice", "olga", "bob"), ""),
        (("alice", "mallory"), "key-unknown"),
        (("alice", "bob", "mallory"), "key-unknown"),
        (("mallory", "alice", "bob"), "key-unknown"),
        (("bob", "alice"), "issuer-mismatch"),
        (("bob",), "issuer-mismatch"),
    ],
)
def test_the_table(names: tuple[str, ...], expected: str) -> None:
    """k-1, k, k+1; one owner with two keys; a role without the verb, or the logger; strangers."""
    assert expected == outcome_of(signed(*names))


def test_three_where_three_are_due() -> None:
    """With k-1, k and k+1."""
    three = Policy(POLICY.rules, roles=(replace(POLICY.roles[0], threshold={Verb.LEASE: 3}),))
    names = ("alice", "bob", "carol", "dave")
    assert ["threshold", "threshold", "", ""] == [
        outcome_of(signed(*names[:count]), three) for count in range(1, 5)
    ]


def test_an_extra_signature_that_went_out_of_force() -> None:
    """Its key is not there any more: with it the whole is refused, and without it it passes."""
    later = local(
        AUDIENCE,
        [key for key in TRUSTED if key.owner != "carol"],
        several=True,
    )
    with pytest.raises(RefusedError) as caught:
        later.open(signed("alice", "bob", "carol"), now_ms=NOW_MS)
    assert Reason.KEY_UNKNOWN is caught.value.reason
    later.open(signed("alice", "bob"), now_ms=NOW_MS)


def entries_of(sealed: bytes, count: int) -> tuple[bytes, list[bytes]]:
    """Take the signatures off a message, each of which has 82 bytes."""
    start = len(sealed) - 82 * count
    return sealed[: start - 1], [
        sealed[start + 82 * n : start + 82 * (n + 1)] for n in range(count)
    ]


def test_a_cosigner_is_stripped() -> None:
    """What is left is a message with one signature, and is judged as that."""
    lead, (first, second) = entries_of(signed("alice", "bob"), 2)
    assert "threshold" == outcome_of(lead + b"\x81" + first)
    # The count has to be right, and the issuer cannot be the one who goes.
    assert "envelope-malformed" == outcome_of(lead + b"\x82" + first)
    assert "issuer-mismatch" == outcome_of(lead + b"\x81" + second)


def test_issuer_and_cosigner_are_swapped() -> None:
    """The body says who asks, and the first signature has to be theirs."""
    lead, (first, second) = entries_of(signed("alice", "bob"), 2)
    assert "issuer-mismatch" == outcome_of(lead + b"\x82" + second + first)


def test_signatures_are_taken_over_from_another_request() -> None:
    """Bob agreed to one thing, and his signature stands under another: it is wrong there."""
    other = encode_body(
        ALICE.claims(stream=Stream.LEASE, version=NOW_MS - 1), CONTENT_TYPE_REQUEST, DOCUMENT
    )
    agreed = ALICE.wrap(other, [MultiSigner(ALICE.signing, NAMED["bob"])])
    _, (_, bobs) = entries_of(agreed, 2)
    lead, (first,) = entries_of(signed("alice"), 1)
    assert "signature-invalid" == outcome_of(lead + b"\x82" + first + bobs)


def test_the_order_of_the_cosigners_is_changed() -> None:
    """One set has one spelling, so nobody makes a second message of it."""
    lead, (first, one, other) = entries_of(signed("alice", "bob", "carol"), 3)
    assert "envelope-malformed" == outcome_of(lead + b"\x83" + first + other + one)
    assert "envelope-malformed" == outcome_of(lead + b"\x83" + first + one + one)


def test_one_kind_of_signature_for_the_other() -> None:
    """Where several are due one plain signature is refused, and the other way round."""
    assert "envelope-malformed" == outcome_of(ALICE.wrap(BODY, [ALICE.signer()]))
    with pytest.raises(RefusedError) as caught:
        local(AUDIENCE, TRUSTED).open(signed("alice", "bob"), now_ms=NOW_MS)
    assert Reason.ENVELOPE_MALFORMED is caught.value.reason


# ---- on its way ----------------------------------------------------------------------------------


def sealer(audience: str = AUDIENCE) -> Sealer:
    """Give Alice's sealer for a service beyond loopback."""
    alice = Operator.called("alice", audience)
    layers = network_layers(alice.mac, alice.aead, ALICE.signing, several=True)
    return Sealer(audience, layers, issuer="alice", state=MemorySealerState(), clock=lambda: NOW_MS)


def unfinished(audience: str = AUDIENCE) -> Unfinished:
    """Give what Alice asks, with Bob's signature."""
    asked = seal_unfinished(
        sealer(audience),
        DOCUMENT,
        content_type=CONTENT_TYPE_REQUEST,
        stream=Stream.LEASE,
        lifetime_s=300,
    )
    return asked.cosign(NAMED["bob"])


def refused_by_the_service(message: bytes) -> Reason | None:
    """Say why the service refuses a finished message, if it does."""
    chain = network(
        AUDIENCE, gate=[ALICE.mac], encryption=[ALICE.aead], trusted=TRUSTED, several=True
    )
    try:
        chain.open(message, now_ms=NOW_MS)
    except RefusedError as refused:
        return refused.reason
    return None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"payments.db", b"payments.dc"),
        (b"900", b"999"),
        (b"DEBUG", b"ERROR"),
        (b'"lease"', b'"LEASE"'),
    ],
)
def test_the_body_is_edited_between_two_signatures(old: bytes, new: bytes) -> None:
    """Whoever signs then signs something else, and the signatures before are wrong."""
    file = write_unfinished(unfinished())
    edited = read_unfinished(file.replace(old, new)).cosign(NAMED["carol"])
    assert not edited.is_signed_by(NAMED["alice"].verify_key)
    assert not edited.is_signed_by(NAMED["bob"].verify_key)
    assert edited.is_signed_by(NAMED["carol"].verify_key)
    assert refused_by_the_service(finish(edited, sealer())) is Reason.SIGNATURE_INVALID


def test_it_is_for_another_service() -> None:
    """It is not finished with another's keys, and its signatures bind whom it is for."""
    other = unfinished("orders@prod")
    with pytest.raises(SealError, match="is for orders@prod, and not for payments@prod"):
        finish(other, sealer())
    theirs = other._replace(claims=other.claims._replace(aud=AUDIENCE))
    assert refused_by_the_service(finish(theirs, sealer())) is Reason.SIGNATURE_INVALID
    assert refused_by_the_service(finish(other, sealer("orders@prod"))) is Reason.KEY_UNKNOWN


def test_it_is_given_other_layers() -> None:
    """The algorithms of all layers are signed: none can be left out on the way."""
    fewer = unfinished()._replace(algorithms=(-19,))
    assert not fewer.is_signed_by(NAMED["alice"].verify_key)
    with pytest.raises(SealError, match="another chain"):
        finish(fewer, sealer())


def test_it_is_delivered_as_it_is() -> None:
    """Without the layers around it no service takes it, nor with its beginning changed."""
    file = write_unfinished(unfinished())
    for data in (file, b"\xd8\x62" + file[2:]):
        assert refused_by_the_service(data) is not None
        assert "envelope-malformed" == outcome_of(data)
