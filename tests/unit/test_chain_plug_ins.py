"""Third parties' layers and checks: what they may do, and what becomes of their mistakes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sealwire import cose
from sealwire.algebra import Guarantee
from sealwire.chain import Chain
from sealwire.errors import (
    ConfigurationError,
    MalformedError,
    PolicyError,
    Reason,
    RefusedError,
    Stage,
    VerificationError,
)
from sealwire.keys import MacKey
from sealwire.keysource import FixedKeys
from sealwire.layers import Ed25519Verifier, HmacVerifier
from sealwire.stages import Evidence, Message, Use

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Operator

    from sealwire.stages import Context

    Step = Callable[[Message, Context], Any]

NOW_S = 1_800_000_000
NOW_MS = NOW_S * 1000


def refusal(chain: Chain, sealed: bytes, *, now_ms: int = NOW_MS) -> RefusedError:
    """Give the refusal of ``sealed``."""
    with pytest.raises(RefusedError) as caught:
        chain.open(sealed, now_ms=now_ms)
    return caught.value


def reason(chain: Chain, sealed: bytes) -> tuple[Reason, Stage]:
    """Give why and where ``sealed`` is refused."""
    refused = refusal(chain, sealed)
    return refused.reason, refused.stage


class ThirdParty:
    """A check whose `verify` is a function."""

    def __init__(self, verify: Step) -> None:
        self.verify = verify
        self.requires: frozenset[Guarantee] = frozenset()
        self.provides: frozenset[Guarantee] = frozenset()


class ThirdPartyLayer(ThirdParty):
    """A layer whose `verify` is a function."""

    shape = cose.MAC0

    def __init__(self, verify: Step) -> None:
        super().__init__(verify)
        self.provides = frozenset({Guarantee.AUTHENTIC})
        self.keys = FixedKeys([MacKey(b"3" * 32, owner="alice", audience="payments@prod")])


SHOWN = Evidence("ThirdPartyLayer", 5, bytes(32), "alice")


WITH_NOBODY: Any = SHOWN._replace(cosigners=("bob",))  # type: ignore[arg-type]


EMPTY = Message(b"", None, (SHOWN,))


def untyped(
    message: Message = EMPTY,
    **changes: Any,  # noqa: ANN401 - wrong types are the matter here
) -> Message:
    """Give a message with values that the type checker would refuse."""
    return message._replace(**changes)


def raising(error: BaseException) -> Callable[..., Any]:
    """Give a step that raises."""

    def step(*arguments: object) -> None:
        raise error

    return step


def with_check(alice: Operator, step: Step) -> RefusedError:
    """Give the refusal of a message whose signature is right, by a third party's check."""
    chain = Chain(alice.audience, [Ed25519Verifier([alice.signing.verify_key]), ThirdParty(step)])
    return refusal(chain, alice.wrap(alice.body(), [alice.signer()]))


def with_layer(alice: Operator, step: Step) -> RefusedError:
    """Give the refusal of a body by a third party's layer."""
    return refusal(Chain(alice.audience, [ThirdPartyLayer(step)]), alice.body())


def test_a_third_partys_layer_and_check_work(alice: Operator) -> None:
    """Small classes are enough; both leave their evidence."""

    def layer(message: Message, context: Context) -> Message:
        bound = cose.external_aad(Use.REQUEST, alice.audience, 0, (5,))
        assert (alice.audience, NOW_MS, 7, 0, (5,), bound) == tuple(context)
        return Message(message.data[1:], None, (SHOWN,))

    def check(message: Message, context: Context) -> Message:
        assert (alice.audience, NOW_MS, 7, 1, (5,), b"") == tuple(context)
        more = Evidence("ThirdParty", 0, b"t" * 32, "somebody")
        return Message(message.data, message.claims, (*message.evidence, more))

    chain = Chain(alice.audience, [ThirdPartyLayer(layer), ThirdParty(check)])
    opened = chain.open(b"x" + alice.body(), now_ms=NOW_MS, skew_ms=7)
    assert ["ThirdPartyLayer", "ThirdParty"] == [shown.verifier for shown in opened.evidence]


ERRORS: list[Exception] = [
    ValueError("v"),
    KeyError("k"),
    TypeError("t"),
    AttributeError("a"),
    IndexError("i"),
    RecursionError("r"),
    MemoryError("m"),
    OSError(5, "o"),
    StopIteration(),
    AssertionError("b"),
    ConfigurationError("c"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize(
    ("run", "stage"), [(with_layer, Stage.LAYER), (with_check, Stage.CHECK)], ids=["layer", "check"]
)
def test_what_a_plug_in_raises_is_internal(
    alice: Operator,
    error: Exception,
    run: Callable[[Operator, Step], RefusedError],
    stage: Stage,
) -> None:
    """It is refused at the chain's edge, and kept as the cause for our own log."""
    refused = run(alice, raising(error))
    assert (Reason.INTERNAL, stage) == (refused.reason, refused.stage)
    assert refused.__cause__ is error
    assert type(error).__name__ in refused.detail


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1), GeneratorExit()])
def test_what_ends_the_process_is_let_out(alice: Operator, error: BaseException) -> None:
    """These are not a plug-in's mistakes."""
    chain = Chain(alice.audience, [ThirdPartyLayer(raising(error))])
    with pytest.raises(type(error)):
        chain.open(alice.body(), now_ms=NOW_MS)


@pytest.mark.parametrize(
    "error",
    [
        VerificationError(Reason.EXPIRED, Stage.CHECK, "late"),
        MalformedError(Reason.BODY_MALFORMED, Stage.CHECK, "late"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_plug_ins_own_refusal_is_let_out(alice: Operator, error: RefusedError) -> None:
    """With its reason and detail, as it was raised."""
    assert with_check(alice, raising(error)) is error


@pytest.mark.parametrize("careless", [("expired", "late"), (Reason.EXPIRED, None), (None, "")])
def test_a_refusal_without_a_reason_of_ours_is_internal(
    alice: Operator, careless: tuple[Any, Any]
) -> None:
    """What cannot be logged or answered is not passed on."""
    given, detail = careless
    for run, stage in ((with_layer, Stage.LAYER), (with_check, Stage.CHECK)):
        refused = run(alice, raising(VerificationError(given, stage, detail)))
        assert (Reason.INTERNAL, stage) == (refused.reason, refused.stage)


@pytest.mark.parametrize(
    "error",
    [
        VerificationError(Reason.EXPIRED, Stage.POLICY, "late"),
        MalformedError(Reason.EXPIRED, Stage.FRAME, "late"),
        RefusedError(Reason.EXPIRED, Stage.ADMISSION, "late"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_plug_in_cannot_say_it_stood_elsewhere(alice: Operator, error: RefusedError) -> None:
    """The stage is where the chain was: it decides what a peer is told."""
    for run, stage in ((with_layer, Stage.LAYER), (with_check, Stage.CHECK)):
        refused = run(alice, raising(error))
        assert isinstance(refused, VerificationError)
        expected = (Reason.EXPIRED, stage, "late")
        assert expected == (refused.reason, refused.stage, refused.detail)


def test_a_plug_in_cannot_raise_a_refusal_of_policy(alice: Operator) -> None:
    """Rules are asked later, by others."""
    refused = with_check(alice, raising(PolicyError("rule", "where", "detail")))
    assert not isinstance(refused, PolicyError)
    assert Stage.CHECK is refused.stage


RETURNS: list[tuple[str, Step]] = [
    ("nothing", lambda *_: None),
    ("true", lambda *_: True),
    ("bytes", lambda message, _: message.data),
    ("a tuple", lambda message, _: tuple(message)),
]


@pytest.mark.parametrize("step", [step for _, step in RETURNS], ids=[name for name, _ in RETURNS])
def test_a_plug_in_that_gives_no_message_is_internal(alice: Operator, step: Step) -> None:
    """A `return` that was forgotten refuses the message."""
    for run, stage in ((with_layer, Stage.LAYER), (with_check, Stage.CHECK)):
        refused = run(alice, step)
        assert (Reason.INTERNAL, stage) == (refused.reason, refused.stage)


CHANGES: list[tuple[str, Callable[[Message], Message]]] = [
    ("data", lambda message: message._replace(data=message.data + b"\x00")),
    ("data to nothing", lambda message: message._replace(data=b"")),
    ("claims", lambda message: message._replace(claims=None)),
    (
        "a claim",
        lambda message: message._replace(
            claims=message.claims and message.claims._replace(iss="mallory")
        ),
    ),
    ("evidence", lambda message: message._replace(evidence=())),
    ("whose evidence", lambda message: message._replace(evidence=(SHOWN,))),
    ("evidence to null", lambda message: untyped(message, evidence=None)),
    ("evidence by null", lambda message: untyped(message, evidence=(*message.evidence, None))),
    (
        "evidence by cosigners that are none",
        lambda message: message._replace(evidence=(*message.evidence, WITH_NOBODY)),
    ),
]


@pytest.mark.parametrize("change", [c for _, c in CHANGES], ids=[name for name, _ in CHANGES])
def test_a_check_that_changes_the_message_is_internal(
    alice: Operator, change: Callable[[Message], Message]
) -> None:
    """Checks may add evidence and change nothing: neither bytes, nor claims, nor who signed."""
    refused = with_check(alice, lambda message, _: change(message))
    assert (Reason.INTERNAL, Stage.CHECK) == (refused.reason, refused.stage)


def test_a_layer_without_evidence_is_internal(alice: Operator) -> None:
    """Each layer says which key it was."""
    refused = with_layer(alice, lambda message, _: message)
    assert (Reason.INTERNAL, Stage.LAYER) == (refused.reason, refused.stage)
    two = (SHOWN, SHOWN)
    refused = with_layer(alice, lambda message, _: message._replace(evidence=two))
    assert (Reason.INTERNAL, Stage.LAYER) == (refused.reason, refused.stage)


def test_a_layer_cannot_rewrite_what_others_showed(alice: Operator) -> None:
    """Evidence of the layers in front of it stays as it was."""
    forged = (SHOWN, SHOWN)
    inner = ThirdPartyLayer(lambda message, _: message._replace(evidence=forged))
    chain = Chain(alice.audience, [HmacVerifier([alice.mac]), inner])
    sealed = alice.gate().seal(
        alice.body(), cose.external_aad(Use.REQUEST, alice.audience, 0, (5, 5))
    )
    assert (Reason.INTERNAL, Stage.LAYER) == reason(chain, sealed)


MISSHAPEN: list[tuple[str, Message]] = [
    ("text for bytes", untyped(data="text")),
    ("nothing for bytes", untyped(data=None)),
    ("a list for bytes", untyped(data=[1])),
    ("nothing for evidence", untyped(evidence=None)),
    ("nothing as evidence", untyped(evidence=(None,))),
    ("cosigners that are none", untyped(evidence=(WITH_NOBODY,))),
    ("one that is no list", untyped(evidence=(WITH_NOBODY._replace(cosigners=SHOWN),))),
    ("text as evidence", untyped(evidence=("HmacVerifier",))),
]


@pytest.mark.parametrize("given", [given for _, given in MISSHAPEN], ids=[n for n, _ in MISSHAPEN])
def test_a_layer_that_gives_a_misshapen_message_is_refused(alice: Operator, given: Message) -> None:
    """Only refusals leave `open`, also where a plug-in does not keep to the types."""
    if given.data == b"":
        given = given._replace(data=alice.body())
    refused = with_layer(alice, lambda *_: given)
    assert (Reason.INTERNAL, Stage.LAYER) == (refused.reason, refused.stage)
