"""The chain: what comes out of it, and in which order it works."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from sealwire.algebra import Guarantee
from sealwire.body import encode_body
from sealwire.chain import Chain
from sealwire.checks import Freshness, Once
from sealwire.errors import (
    ConfigurationError,
    MalformedError,
    Reason,
    RefusedError,
    Stage,
    VerificationError,
)
from sealwire.layers import Ed25519Verifier, HmacVerifier
from sealwire.stages import Message, Stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Operator, Way

    from sealwire.algebra import Layer
    from sealwire.sealer import SealingLayer
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


# ---- what comes out -------------------------------------------------------------------------


def test_a_sealed_message_opens(way: Way) -> None:
    """Body, claims, content type and document come out, and evidence of every layer."""
    body = way.operator.body(b'{"version": 1}')
    opened = way.chain.open(way.seal(body), now_ms=NOW_MS)
    assert body == opened.body
    assert hashlib.sha256(body).digest() == opened.digest
    assert way.operator.claims() == opened.claims
    assert ("application/json", b'{"version": 1}') == (opened.content_type, opened.document)
    expected = [(type(layer).__name__, layer.shape.algorithm) for layer in way.opening]
    assert expected == [(shown.verifier, shown.algorithm) for shown in opened.evidence]
    assert {"alice"} == {shown.owner for shown in opened.evidence}
    ids = [layer.key.id for layer in way.layers]
    assert ids == [shown.thumbprint[:8] for shown in opened.evidence]


def test_opening_is_pure(way: Way) -> None:
    """The same bytes at the same time give the same, any number of times."""
    sealed = way.seal()
    opened = [way.chain.open(sealed, now_ms=NOW_MS) for _ in range(3)]
    assert opened[0] == opened[1] == opened[2]


def test_no_skew_is_tolerated_that_was_not_said(way: Way) -> None:
    """A message from the next millisecond is not yet valid."""
    sealed = way.seal()
    refused = refusal(way.chain, sealed, now_ms=NOW_MS - 1)
    assert (Reason.NOT_YET_VALID, Stage.CHECK) == (refused.reason, refused.stage)
    opened = way.chain.open(sealed, now_ms=NOW_MS - 1, skew_ms=1)
    assert opened == way.chain.open(sealed, now_ms=NOW_MS)


def test_the_digest_does_not_depend_on_the_wrapping(network: Way, local: Way) -> None:
    """The request's digest is that of the body, whoever carried it."""
    ways = (network, network, local)
    digests = {way.chain.open(way.seal(), now_ms=NOW_MS).digest for way in ways}
    assert 1 == len(digests)


def test_a_chain_says_what_it_is(network: Way, local: Way) -> None:
    """Audience and parts in order; no key and no secret."""
    parts = "HmacVerifier → AesGcmOpener → Ed25519Verifier → Freshness → Once"
    assert parts == network.chain.describe()
    assert f"<Chain payments@prod: {parts}>" == repr(network.chain)
    assert "Ed25519Verifier → Freshness → Once" == local.chain.describe()
    assert (network.opening,) == network.chain.routes
    assert (local.opening,) == local.chain.routes


@pytest.mark.parametrize("audience", ["", "Payments", "a b", "x" * 129])
def test_an_audience_is_a_name(alice: Operator, audience: str) -> None:
    """What no message can be for is refused."""
    with pytest.raises(ConfigurationError, match=r"audience .* is not a name"):
        Chain(audience, [Ed25519Verifier([alice.signing.verify_key])])


def test_parts_may_come_from_any_iterable(alice: Operator) -> None:
    """They are read once, when the chain is built."""
    parts = (part for part in (Ed25519Verifier([alice.signing.verify_key]), Freshness()))
    assert "Ed25519Verifier → Freshness" == Chain(alice.audience, parts).describe()


@pytest.mark.parametrize(
    "claims", [{"nonce": b"n" * 16}, {"stream": Stream.READ, "exp": NOW_S + 1}]
)
def test_all_claims_come_out(way: Way, claims: dict[str, Any]) -> None:
    """Also those that not every message has."""
    opened = way.chain.open(way.seal(way.operator.body(**claims)), now_ms=NOW_MS)
    assert way.operator.claims(**claims) == opened.claims


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (b"", Reason.ENVELOPE_MALFORMED),
        (b"\x00", Reason.ENVELOPE_MALFORMED),
        (b"GET / HTTP/1.1\r\n\r\n" * 20, Reason.ENVELOPE_MALFORMED),
        (b"\xff" * 300, Reason.ENVELOPE_MALFORMED),
        (bytes(260 * 1024), Reason.ENVELOPE_MALFORMED),
    ],
    ids=["empty", "zero", "http", "ff", "large"],
)
def test_junk_is_malformed(way: Way, change: bytes, expected: Reason) -> None:
    """What strangers send is refused at the first byte that is not ours."""
    refused = refusal(way.chain, change)
    assert isinstance(refused, MalformedError)
    assert (expected, Stage.LAYER) == (refused.reason, refused.stage)


def test_a_body_that_another_could_have_written(alice: Operator, local: Way) -> None:
    """A signed body of another form is malformed, though its signature is right."""
    claims = alice.claims()
    body = encode_body(claims, "application/json", b"{}")
    for changed in (body + b"\x00", body[:-1], b"\x82" + body[1:], b""):
        refused = refusal(local.chain, local.seal(changed))
        assert isinstance(refused, MalformedError)
        assert (Reason.BODY_MALFORMED, Stage.BODY) == (refused.reason, refused.stage)


# ---- order: each "before" by its name -------------------------------------------------------


class ThirdParty:
    """A check whose `verify` is a function."""

    def __init__(self, verify: Step) -> None:
        self.verify = verify
        self.requires: frozenset[Guarantee] = frozenset()
        self.provides: frozenset[Guarantee] = frozenset()


class Watched:
    """A layer that writes down when it is asked, and lets the real one do the work."""

    def __init__(self, layer: Layer, asked: list[str]) -> None:
        self._layer, self._asked = layer, asked
        self.shape, self.keys = layer.shape, layer.keys
        self.requires, self.provides = layer.requires, layer.provides

    def verify(self, message: Message, context: Context) -> Message:
        """Write down and verify."""
        self._asked.append(type(self._layer).__name__)
        return self._layer.verify(message, context)


def watched(way: Way) -> tuple[Chain, list[str]]:
    """Give the same chain of watched layers and what they write down."""
    asked: list[str] = []
    layers = [Watched(layer, asked) for layer in way.opening]
    return Chain(way.operator.audience, [*layers, Freshness(), Once()]), asked


def broken_at(way: Way, broken: int) -> bytes:
    """Seal a message whose layer number ``broken`` is wrong, all outer ones being right."""
    inner = way.operator.wrap(way.operator.body(), way.layers, only=slice(broken, None))
    inner = inner[:-1] + bytes((inner[-1] ^ 1,))
    return way.operator.wrap(inner, way.layers, only=slice(broken))


WRONG = {
    "HmacVerifier": Reason.MAC_INVALID,
    "AesGcmOpener": Reason.DECRYPTION_FAILED,
    "Ed25519Verifier": Reason.SIGNATURE_INVALID,
}


def test_each_layer_is_authenticated_before_the_next_is_touched(way: Way) -> None:
    """A message that is wrong in one layer is refused there; layers inside are never asked."""
    names = [type(layer).__name__ for layer in way.opening]
    for broken, name in enumerate(names):
        chain, asked = watched(way)
        assert (WRONG[name], Stage.LAYER) == reason(chain, broken_at(way, broken))
        assert names[: broken + 1] == asked


def test_a_message_is_authenticated_before_it_is_parsed(way: Way) -> None:
    """What is no body at all is not noticed while a layer is wrong, and is when none is."""
    junk = b"\xff" * 40
    sealed = way.seal(junk)
    assert (Reason.BODY_MALFORMED, Stage.BODY) == reason(way.chain, sealed)
    changed = sealed[:-1] + bytes((sealed[-1] ^ 1,))
    assert Stage.LAYER is reason(way.chain, changed)[1]


def test_the_payloads_own_head_is_authenticated_before_it_is_parsed(alice: Operator) -> None:
    """Not even the length of a Mac0's payload is read before its MAC is known to be right."""
    layers: list[SealingLayer] = [alice.gate()]
    sealed = bytearray(alice.wrap(alice.body(), layers))
    sealed[17] = 0xFF
    chain = Chain(alice.audience, [HmacVerifier([alice.mac])])
    assert (Reason.MAC_INVALID, Stage.LAYER) == reason(chain, bytes(sealed))


def test_names_are_compared_before_checks_run(local: Way, alice: Operator) -> None:
    """A message for another audience is refused for that, fresh or not."""
    seen: list[Message] = []

    def look(message: Message, context: Context) -> Message:
        seen.append(message)
        return message

    verifier = Ed25519Verifier([alice.signing.verify_key])
    chain = Chain(alice.audience, [verifier, ThirdParty(look)])
    sealed = local.seal(alice.body(aud="payments@test", exp=NOW_S + 1, iat=NOW_S))
    assert (Reason.AUDIENCE_MISMATCH, Stage.BODY) == reason(chain, sealed)
    assert [] == seen


def test_checks_run_in_their_order(alice: Operator) -> None:
    """The first one that refuses ends it."""
    asked: list[int] = []

    def numbered(number: int) -> Step:
        def verify(message: Message, context: Context) -> Message:
            asked.append(number)
            if number == 2:
                raise VerificationError(Reason.EXPIRED, Stage.CHECK)
            return message

        return verify

    checks = [ThirdParty(numbered(number)) for number in range(4)]
    chain = Chain(alice.audience, [Ed25519Verifier([alice.signing.verify_key]), *checks])
    sealed = alice.wrap(alice.body(), [alice.signer()])
    assert (Reason.EXPIRED, Stage.CHECK) == reason(chain, sealed)
    assert [0, 1, 2] == asked


def everything_said(error: BaseException | None) -> str:
    """Give all that an error and its causes carry, as text."""
    if error is None:
        return ""
    said = f"{error!r} {error} {error.args} {vars(error)}"
    return said + everything_said(error.__cause__)


def test_nothing_is_released_on_failure(way: Way) -> None:
    """Wherever it fails: a refusal carries neither document nor body, nor has a cause that does."""
    secret = b"the-document-of-this-test"
    operator = way.operator
    body = operator.body(secret)
    failing = [broken_at(way, index) for index in range(len(way.layers))]
    failing += [
        way.seal(body[:-1]),
        way.seal(body + b"\x00"),
        way.seal(operator.body(secret, aud="payments@test")),
        way.seal(operator.body(secret, iss="mallory")),
        way.seal(operator.body(secret, iat=NOW_S + 100, exp=NOW_S + 101)),
        way.seal(operator.body(secret, iat=NOW_S - 100, exp=NOW_S - 1)),
        way.seal(operator.body(secret, exp=NOW_S + 10**6)),
    ]
    for sealed in failing:
        refused = refusal(way.chain, sealed)
        said = everything_said(refused)
        assert "the-document-of-this-test" not in said
        assert body.hex() not in said
        assert refused.__cause__ is None
        assert refused.__suppress_context__ or refused.__context__ is None
