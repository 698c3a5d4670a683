"""AnyOf: several ways in, told apart before any cryptography, and none tried after another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sealwire import cose
from sealwire.algebra import Guarantee
from sealwire.alternatives import AnyOf
from sealwire.chain import Chain
from sealwire.checks import Freshness, Once
from sealwire.errors import ConfigurationError, MalformedError, Reason, RefusedError, Stage
from sealwire.keys import AeadKey, MacKey, reveal_secret
from sealwire.keysource import FixedKeys
from sealwire.layers import AesGcmOpener, Ed25519Verifier, HmacVerifier
from sealwire.sealer import MemorySealerState, Sealer
from sealwire.stages import Evidence, Message
from sealwire.state import AdmissionState
from sealwire.versions import Standing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.conftest import Operator

    from sealwire.sealer import SealingLayer
    from sealwire.stages import Context, KeyId, Opened

NOW_MS = 1_800_000_000_000
AUTHENTIC, ATTRIBUTABLE = Guarantee.AUTHENTIC, Guarantee.ATTRIBUTABLE


def parts(alice: Operator, mallory: Operator) -> dict[str, Any]:
    """Give parts by name."""
    same_secret = AeadKey(reveal_secret(alice.mac), owner="alice", audience=alice.audience)
    return {
        "mac": HmacVerifier([alice.mac]),
        "mac2": HmacVerifier([mallory.mac]),
        "macs": HmacVerifier([mallory.mac, alice.mac]),
        "aes": AesGcmOpener([alice.aead]),
        "aes-of-mac": AesGcmOpener([same_secret]),
        "sig": Ed25519Verifier([alice.signing.verify_key]),
        "sig2": Ed25519Verifier([mallory.signing.verify_key]),
        "lookalike": ThirdPartyLayer(FixedKeys([alice.mac])),
        "fresh": Freshness(),
        "once": Once(),
    }


class ThirdPartyLayer:
    """A layer like Mac0 that somebody else wrote, with a shape object of its own."""

    shape = cose.MAC0._replace(name="Theirs")
    requires: frozenset[Guarantee] = frozenset()
    provides = frozenset({AUTHENTIC})

    def __init__(self, keys: Any) -> None:  # noqa: ANN401 - any source
        self.keys = keys

    def verify(self, message: Message, context: Context) -> Message:
        """Let everything through."""
        shown = Evidence("ThirdPartyLayer", 5, bytes(32), "alice")
        return Message(message.data, None, (*message.evidence, shown))


def build(alice: Operator, mallory: Operator, ways: str, rest: str = "") -> Chain:
    """Build a chain with alternatives in front."""
    made = parts(alice, mallory)
    listed = [made[name] for name in rest.split()]
    return Chain("payments@prod", [AnyOf(*(made[name] for name in ways.split())), *listed])


LEGAL: list[tuple[str, str, set[Guarantee]]] = [
    ("mac", "", {AUTHENTIC}),
    ("mac mac2", "", {AUTHENTIC}),
    ("sig sig2", "", {AUTHENTIC, ATTRIBUTABLE}),
    ("mac sig", "", {AUTHENTIC}),
    ("sig mac", "", {AUTHENTIC}),
    ("mac sig", "sig2", {AUTHENTIC, ATTRIBUTABLE}),
    ("mac aes", "sig", {AUTHENTIC, ATTRIBUTABLE}),
    ("mac aes", "mac2", {AUTHENTIC}),
    ("mac sig", "aes", {AUTHENTIC, Guarantee.CONFIDENTIAL}),
    ("mac mac2", "aes sig fresh once", set(Guarantee)),
]


@pytest.mark.parametrize(("ways", "rest", "expected"), LEGAL)
def test_a_chain_guarantees_what_every_way_does(
    alice: Operator, mallory: Operator, ways: str, rest: str, expected: set[Guarantee]
) -> None:
    """The intersection, each way judged as if it were the only one."""
    assert expected == build(alice, mallory, ways, rest).guarantees


ILLEGAL = [
    ("mac macs", "", ["HmacVerifier and HmacVerifier both hold key", "give it to one of them"]),
    ("sig sig", "", ["Ed25519Verifier and Ed25519Verifier both hold key"]),
    ("mac lookalike", "", ["HmacVerifier and ThirdPartyLayer both hold key"]),
    ("mac aes-of-mac", "sig", ["HmacVerifier", "AesGcmOpener", "key of its own"]),
    ("mac fresh", "", ["Freshness takes no layer off", "behind the layers"]),
    ("mac once", "", ["Once takes no layer off", "behind the layers"]),
    ("mac aes", "", ["AesGcmOpener alone hides", "add an Ed25519Verifier behind it"]),
    ("mac sig", "mac", ["HmacVerifier and in HmacVerifier", "key of its own"]),
    ("sig mac", "mac", ["HmacVerifier and in HmacVerifier", "key of its own"]),
    ("mac mac2", "fresh sig", ["move Freshness behind Ed25519Verifier"]),
    ("mac mac2", "once", ["put Freshness() in front of Once"]),
]


@pytest.mark.parametrize(("ways", "rest", "words"), ILLEGAL)
def test_illegal_alternatives(
    alice: Operator, mallory: Operator, ways: str, rest: str, words: list[str]
) -> None:
    """Refused when they are built, with words that say what to do."""
    with pytest.raises(ConfigurationError) as caught:
        build(alice, mallory, ways, rest)
    assert [] == [word for word in words if word not in str(caught.value)]


def test_any_of_nothing_is_refused() -> None:
    """It would pass nothing, or everything."""
    with pytest.raises(ConfigurationError, match="AnyOf without an alternative"):
        AnyOf()


def test_what_is_no_layer_is_no_alternative(alice: Operator) -> None:
    """Not the class of one either, nor alternatives of alternatives."""
    gate = HmacVerifier([alice.mac])
    wrong: list[Any] = [None, "HmacVerifier", alice.mac, HmacVerifier, AnyOf(gate)]
    for inner in wrong:
        with pytest.raises(ConfigurationError, match="AnyOf: "):
            AnyOf(inner)
        with pytest.raises(ConfigurationError, match="AnyOf: "):
            AnyOf(gate, inner)


def test_alternatives_stand_outermost_and_once(alice: Operator, mallory: Operator) -> None:
    """A layer further out could not know what it binds."""
    made = parts(alice, mallory)
    ways = AnyOf(made["mac"], made["mac2"])
    for listed in (
        [made["aes"], ways],
        [made["aes"], ways, made["sig"]],
        [made["sig"], made["fresh"], ways],
        [ways, AnyOf(made["sig"])],
        [ways, ways],
    ):
        with pytest.raises(
            ConfigurationError, match=r"AnyOf stands outermost, and once.*first part"
        ):
            Chain("payments@prod", listed)


def test_they_say_what_they_are(alice: Operator, mallory: Operator) -> None:
    """Names of classes, each once; no key and no secret."""
    made = parts(alice, mallory)
    assert "AnyOf(HmacVerifier, HmacVerifier)" == repr(AnyOf(made["mac"], made["mac2"]))
    assert "HmacVerifier → Freshness" == build(alice, mallory, "mac mac2", "fresh").describe()
    chain = build(alice, mallory, "mac sig", "aes fresh")
    assert "HmacVerifier or Ed25519Verifier → AesGcmOpener → Freshness" == chain.describe()
    assert reveal_secret(alice.mac).hex() not in f"{chain!r} {chain.routes}"


def refusal(chain: Chain, sealed: bytes) -> RefusedError:
    """Give the refusal of ``sealed``."""
    with pytest.raises(RefusedError) as caught:
        chain.open(sealed, now_ms=NOW_MS)
    return caught.value


def test_every_way_opens(alice: Operator, mallory: Operator) -> None:
    """Each message by the layer that its outermost object names, with evidence of that one."""
    chain = build(alice, mallory, "mac sig", "aes fresh once")
    for outermost, name in ((alice.gate(), "HmacVerifier"), (alice.signer(), "Ed25519Verifier")):
        layers: list[SealingLayer] = [outermost, alice.hider()]
        opened = chain.open(alice.wrap(alice.body(), layers), now_ms=NOW_MS)
        assert [name, "AesGcmOpener"] == [shown.verifier for shown in opened.evidence]
        state = AdmissionState(NOW_MS - 1)
        assert Standing.NEW is chain.take(opened, now_ms=NOW_MS, skew_ms=0, state=state)


def test_an_admission_is_told_the_algorithms_of_the_way_taken(
    alice: Operator, mallory: Operator
) -> None:
    """Not those of the first way."""
    told: list[tuple[int, ...]] = []

    class Asking(Once):
        """Notes what it is told."""

        def look(self, opened: Opened, context: Context, state: AdmissionState) -> Standing:
            told.append(context.algorithms)
            return super().look(opened, context, state)

    made = parts(alice, mallory)
    ways = AnyOf(made["mac"], made["sig"])
    chain = Chain("payments@prod", [ways, made["aes"], made["fresh"], Asking()])
    for outermost in (alice.gate(), alice.signer()):
        layers: list[SealingLayer] = [outermost, alice.hider()]
        opened = chain.open(alice.wrap(alice.body(), layers), now_ms=NOW_MS)
        state = AdmissionState(NOW_MS - 1)
        chain.look(opened, now_ms=NOW_MS, skew_ms=0, state=state)
        assert tuple(shown.algorithm for shown in opened.evidence[:2]) == told[-1]
    assert told[0] != told[1]


def test_ways_of_one_kind_are_told_apart_by_key(alice: Operator, mallory: Operator) -> None:
    """The key id picks; whose key it was shows in the evidence, and must be the issuer's."""
    chain = build(alice, mallory, "sig sig2")
    for operator in (alice, mallory):
        sealed = operator.wrap(operator.body(), [operator.signer()])
        assert operator.name == chain.open(sealed, now_ms=NOW_MS).evidence[0].owner
    sealed = mallory.wrap(alice.body(), [mallory.signer()])
    assert Reason.ISSUER_MISMATCH is refusal(chain, sealed).reason


def test_the_picked_ones_failure_is_final(alice: Operator, mallory: Operator) -> None:
    """No other way is asked, although it would let the message in."""
    asked: list[str] = []

    class Lenient(ThirdPartyLayer):
        """Would let everything through."""

        def verify(self, message: Message, context: Context) -> Message:
            asked.append("lenient")
            return super().verify(message, context)

    chain = Chain(
        "payments@prod",
        [AnyOf(HmacVerifier([alice.mac]), Lenient(FixedKeys([mallory.mac])))],
    )
    sealed = alice.wrap(alice.body(), [alice.gate()])
    refused = refusal(chain, sealed[:-1] + bytes((sealed[-1] ^ 1,)))
    assert (Reason.MAC_INVALID, Stage.LAYER) == (refused.reason, refused.stage)
    assert [] == asked


def test_a_message_is_bound_to_its_way(alice: Operator, mallory: Operator) -> None:
    """What was sealed for one way does not open by another with an inner part in common."""
    chain = build(alice, mallory, "mac aes", "sig")
    by_mac: list[SealingLayer] = [alice.gate(), alice.signer()]
    by_aes: list[SealingLayer] = [alice.hider(), alice.signer()]
    for one, other in ((by_mac, by_aes), (by_aes, by_mac)):
        assert alice.body() == chain.open(alice.wrap(alice.body(), one), now_ms=NOW_MS).body
        inner = alice.wrap(alice.body(), one, only=slice(1, 2))
        sealed = alice.wrap(inner, other, only=slice(1))
        assert Reason.SIGNATURE_INVALID is refusal(chain, sealed).reason


def test_what_fits_no_way_is_refused(alice: Operator, mallory: Operator) -> None:
    """Junk is malformed; our kind of object with a foreign key is a matter of keys."""
    chain = build(alice, mallory, "mac sig")
    for junk in (b"", b"\xd1", b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 300):
        refused = refusal(chain, junk)
        assert isinstance(refused, MalformedError)
        assert (Reason.ENVELOPE_MALFORMED, Stage.LAYER) == (refused.reason, refused.stage)
    foreign: list[SealingLayer] = [mallory.gate(), mallory.signer()]
    for layer in foreign:
        refused = refusal(chain, mallory.wrap(mallory.body(), [layer]))
        assert (Reason.KEY_UNKNOWN, Stage.LAYER) == (refused.reason, refused.stage)


def test_a_sealer_matches_one_of_the_ways(alice: Operator, mallory: Operator) -> None:
    """It is enough that one fits; if none does, all that would fit are named."""
    chain = build(alice, mallory, "macs sig", "aes")

    def sealer(operator: Operator, layers: Sequence[SealingLayer]) -> Sealer:
        return Sealer(
            "payments@prod",
            layers,
            issuer=operator.name,
            state=MemorySealerState(),
            clock=lambda: NOW_MS,
        )

    sealer(alice, [alice.gate(), alice.hider()]).check_matches(chain)
    sealer(alice, [alice.signer(), alice.hider()]).check_matches(chain)
    with pytest.raises(ConfigurationError) as caught:
        sealer(alice, [alice.gate()]).check_matches(chain)
    assert "expects Mac0 → Encrypt0 or Sign1 → Encrypt0" in str(caught.value)
    with pytest.raises(ConfigurationError, match="layer 1 of the chain, AesGcmOpener, does not"):
        sealer(mallory, [mallory.gate(), mallory.hider()]).check_matches(chain)


def test_a_key_source_that_fails_is_internal(alice: Operator, mallory: Operator) -> None:
    """Looking for the way is a step like others: only refusals leave `open`."""

    class Failing:
        """A source that works while the chain is built, and not afterwards."""

        def find(self, key_id: bytes) -> MacKey | None:
            """Fail."""
            raise OSError(5, "the disk is gone")

        def ids(self) -> frozenset[KeyId]:
            """Give an id."""
            return frozenset({mallory.mac.id})

    sealed = alice.wrap(alice.body(), [alice.gate()])
    alone = Chain("payments@prod", [HmacVerifier(Failing())])
    one_of_two = Chain("payments@prod", [AnyOf(HmacVerifier(Failing()), HmacVerifier([alice.mac]))])
    for chain in (alone, one_of_two):
        refused = refusal(chain, sealed)
        assert (Reason.INTERNAL, Stage.LAYER) == (refused.reason, refused.stage)
