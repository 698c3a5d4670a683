"""Which chains can be built: a table of legal ones and their guarantees, one of illegal ones.

Every illegal chain is refused with words that say which part to move, add or remove.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sealwire import cose
from sealwire.algebra import Guarantee, check_hides_and_signs, check_serves
from sealwire.chain import Chain
from sealwire.checks import Freshness, Once, ReplayWindow, VersionFloor
from sealwire.errors import ConfigurationError
from sealwire.keys import AeadKey, MacKey, reveal_secret
from sealwire.keysource import FixedKeys
from sealwire.layers import AesGcmOpener, Ed25519Verifier, HmacVerifier

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.conftest import Operator

    from sealwire.stages import Context, Message

AUTHENTIC, ATTRIBUTABLE = Guarantee.AUTHENTIC, Guarantee.ATTRIBUTABLE
CONFIDENTIAL, FRESH = Guarantee.CONFIDENTIAL, Guarantee.FRESH
ONCE, ORDERED = Guarantee.ONCE, Guarantee.ORDERED


class ThirdPartyCheck:
    """A check that somebody else wrote."""

    def __init__(
        self, requires: Iterable[Guarantee] = (), provides: Iterable[Guarantee] = ()
    ) -> None:
        self.requires = frozenset(requires)
        self.provides = frozenset(provides)

    def verify(self, message: Message, context: Context) -> Message:
        """Let everything through."""
        return message


class ThirdPartyLayer(ThirdPartyCheck):
    """A layer that somebody else wrote."""

    shape = cose.MAC0

    def __init__(
        self, requires: Iterable[Guarantee] = (), provides: Iterable[Guarantee] = ()
    ) -> None:
        super().__init__(requires, provides)
        self.keys = FixedKeys([MacKey(b"3" * 32, owner="someone", audience="payments@prod")])


class OnceAndCheck(Once):
    """An admission that can also verify, so that it might be run as either."""

    def verify(self, message: Message, context: Context) -> Message:
        """Let everything through."""
        return message


def parts(alice: Operator, mallory: Operator, names: str) -> list[Any]:
    """Give the parts with these names, outermost first."""
    same_secret = AeadKey(reveal_secret(alice.mac), owner="alice", audience=alice.audience)
    made: dict[str, Any] = {
        "mac": HmacVerifier([alice.mac]),
        "mac2": HmacVerifier([mallory.mac]),
        "macs": HmacVerifier([mallory.mac, alice.mac]),
        "aes": AesGcmOpener([alice.aead]),
        "aes2": AesGcmOpener([mallory.aead]),
        "aes-of-mac": AesGcmOpener([same_secret]),
        "sig": Ed25519Verifier([alice.signing.verify_key]),
        "sig2": Ed25519Verifier([mallory.signing.verify_key]),
        "fresh": Freshness(),
        "once": Once(),
        "window": ReplayWindow(),
        "floor": VersionFloor(),
        "check": ThirdPartyCheck(),
        "check-authentic": ThirdPartyCheck([AUTHENTIC]),
        "check-confidential": ThirdPartyCheck([CONFIDENTIAL]),
        "check-attributable": ThirdPartyCheck([ATTRIBUTABLE]),
        "check-once": ThirdPartyCheck([ONCE]),
        "check-gives-fresh": ThirdPartyCheck([AUTHENTIC], [FRESH]),
        "layer": ThirdPartyLayer([], [AUTHENTIC]),
        "layer-of-nothing": ThirdPartyLayer(),
        "layer-confidential": ThirdPartyLayer([CONFIDENTIAL], [AUTHENTIC]),
        "layer-authentic": ThirdPartyLayer([AUTHENTIC], []),
        "layer-attributable": ThirdPartyLayer([ATTRIBUTABLE], []),
        "check-gives-once": ThirdPartyCheck([AUTHENTIC], [Guarantee.ONCE]),
        "check-gives-authentic": ThirdPartyCheck([], [AUTHENTIC]),
        "both-kinds": OnceAndCheck(),
        "text": "Freshness",
        "none": None,
        "key": alice.mac,
        "source": FixedKeys([alice.mac]),
        "class-freshness": Freshness,
        "class-once": Once,
        "class-layer": HmacVerifier,
    }
    return [made[name] for name in names.split()]


LEGAL: list[tuple[str, set[Guarantee]]] = [
    # A MAC shows a holder of the key, where there is no signature.
    ("mac", {AUTHENTIC}),
    ("mac mac2", {AUTHENTIC}),
    ("macs", {AUTHENTIC}),
    ("layer", {AUTHENTIC}),
    # A signature shows whose it is; a MAC in front of it or behind it adds nothing.
    ("sig", {AUTHENTIC, ATTRIBUTABLE}),
    ("mac sig", {AUTHENTIC, ATTRIBUTABLE}),
    ("sig mac", {AUTHENTIC, ATTRIBUTABLE}),
    ("sig sig2", {AUTHENTIC, ATTRIBUTABLE}),
    ("layer mac sig", {AUTHENTIC, ATTRIBUTABLE}),
    ("sig layer-authentic", {AUTHENTIC, ATTRIBUTABLE}),
    ("sig layer-attributable", {AUTHENTIC, ATTRIBUTABLE}),
    ("mac layer-authentic", {AUTHENTIC}),
    ("aes layer-confidential", {AUTHENTIC, CONFIDENTIAL}),
    # Encryption hides, wherever it stands.
    ("mac aes", {AUTHENTIC, CONFIDENTIAL}),
    ("aes mac", {AUTHENTIC, CONFIDENTIAL}),
    ("aes aes2 mac", {AUTHENTIC, CONFIDENTIAL}),
    ("aes mac aes2", {AUTHENTIC, CONFIDENTIAL}),
    # A signature inside the encryption is over the text; one outside is over ciphertext.
    ("aes sig", {AUTHENTIC, ATTRIBUTABLE, CONFIDENTIAL}),
    ("mac aes sig", {AUTHENTIC, ATTRIBUTABLE, CONFIDENTIAL}),
    ("aes mac sig", {AUTHENTIC, ATTRIBUTABLE, CONFIDENTIAL}),
    ("sig aes", {AUTHENTIC, CONFIDENTIAL}),
    ("mac sig aes", {AUTHENTIC, CONFIDENTIAL}),
    ("sig mac aes", {AUTHENTIC, CONFIDENTIAL}),
    ("aes sig aes2", {AUTHENTIC, CONFIDENTIAL}),
    ("sig aes sig2", {AUTHENTIC, ATTRIBUTABLE, CONFIDENTIAL}),
    # Checks and admissions add theirs.
    ("sig fresh", {AUTHENTIC, ATTRIBUTABLE, FRESH}),
    ("mac fresh", {AUTHENTIC, FRESH}),
    ("mac fresh window", {AUTHENTIC, FRESH, ONCE}),
    ("mac floor", {AUTHENTIC, ORDERED}),
    ("mac fresh floor", {AUTHENTIC, FRESH, ORDERED}),
    ("mac fresh floor window", {AUTHENTIC, FRESH, ONCE, ORDERED}),
    ("mac fresh window floor", {AUTHENTIC, FRESH, ONCE, ORDERED}),
    ("mac fresh once", {AUTHENTIC, FRESH, ONCE, ORDERED}),
    ("mac check", {AUTHENTIC}),
    ("mac check fresh check once", {AUTHENTIC, FRESH, ONCE, ORDERED}),
    ("mac check-authentic", {AUTHENTIC}),
    ("mac check-gives-fresh once", {AUTHENTIC, FRESH, ONCE, ORDERED}),
    ("aes mac check-confidential", {AUTHENTIC, CONFIDENTIAL}),
    ("sig check-attributable", {AUTHENTIC, ATTRIBUTABLE}),
    # The two recommended ones.
    ("sig fresh once", {AUTHENTIC, ATTRIBUTABLE, FRESH, ONCE, ORDERED}),
    ("mac aes sig fresh once", set(Guarantee)),
]


@pytest.mark.parametrize(("names", "expected"), LEGAL, ids=[names for names, _ in LEGAL])
def test_legal_chains(
    alice: Operator, mallory: Operator, names: str, expected: set[Guarantee]
) -> None:
    """The chain is built, and guarantees exactly this."""
    chain = Chain("payments@prod", parts(alice, mallory, names))
    assert expected == chain.guarantees


ILLEGAL: list[tuple[str, list[str]]] = [
    ("", ["without a layer passes everything", "put an Ed25519Verifier", "first"]),
    ("fresh", ["without a layer", "put an Ed25519Verifier", "or an HmacVerifier"]),
    ("fresh once", ["without a layer", "put an Ed25519Verifier"]),
    ("check", ["without a layer", "put an Ed25519Verifier"]),
    # Encryption alone, however often.
    ("aes", ["AesGcmOpener alone hides", "add an Ed25519Verifier behind it", "HmacVerifier in"]),
    ("aes aes2", ["AesGcmOpener alone hides", "add an Ed25519Verifier behind it"]),
    ("aes fresh once", ["AesGcmOpener alone hides", "add an Ed25519Verifier behind it"]),
    # A check in front of a layer reads claims that are still sealed.
    ("fresh sig", ["Freshness stands in front", "move Freshness behind Ed25519Verifier"]),
    ("mac fresh sig", ["move Freshness behind Ed25519Verifier"]),
    ("mac fresh aes sig", ["move Freshness behind AesGcmOpener"]),
    ("mac aes sig fresh mac2", ["move Freshness behind HmacVerifier"]),
    ("check sig", ["move ThirdPartyCheck behind Ed25519Verifier"]),
    ("once sig fresh", ["move Once behind Ed25519Verifier"]),
    ("floor mac", ["move VersionFloor behind HmacVerifier"]),
    ("sig fresh once mac", ["move Freshness behind HmacVerifier"]),
    # An admission in front of a check would take what is refused afterwards.
    ("sig once fresh", ["Once stands in front", "move Freshness in front of Once"]),
    ("mac fresh window check", ["move ThirdPartyCheck in front of ReplayWindow"]),
    ("mac floor fresh once", ["move Freshness in front of VersionFloor"]),
    # What a part requires has to be there.
    ("sig once", ["Once needs a message that is fresh", "put Freshness() in front of Once"]),
    ("mac window", ["ReplayWindow needs", "fresh", "put Freshness() in front of ReplayWindow"]),
    ("mac floor window", ["put Freshness() in front of ReplayWindow"]),
    ("mac check-confidential", ["ThirdPartyCheck needs", "a part that is confidential in front"]),
    ("mac check-attributable", ["ThirdPartyCheck needs a message that is attributable"]),
    ("sig aes check-attributable", ["ThirdPartyCheck needs a message that is attributable"]),
    ("mac check-once fresh once", ["ThirdPartyCheck needs a message that is once"]),
    ("layer-of-nothing fresh", ["Freshness needs", "authentic", "put an Ed25519Verifier"]),
    ("layer-of-nothing floor", ["VersionFloor needs", "authentic", "or an HmacVerifier"]),
    ("layer-confidential", ["ThirdPartyLayer needs a message that is confidential"]),
    ("sig layer-confidential aes", ["ThirdPartyLayer needs a message that is confidential"]),
    # What stands in front of a layer gives no more than it gives to the whole chain.
    ("layer-authentic sig", ["ThirdPartyLayer needs a message that is authentic"]),
    ("mac layer-authentic sig", ["ThirdPartyLayer needs a message that is authentic"]),
    ("sig layer-attributable aes", ["ThirdPartyLayer needs a message that is attributable"]),
    # A chain that shows nothing of who wrote a message passes what anybody wrote.
    ("layer-of-nothing", ["ThirdPartyLayer", "does not show who wrote"]),
    ("aes layer-of-nothing", ["does not show who wrote", "Ed25519Verifier"]),
    # One key, one layer.
    ("mac mac", ["HmacVerifier and in HmacVerifier", "make a key of its own for each layer"]),
    ("mac2 aes macs", ["HmacVerifier and in HmacVerifier", "key of its own"]),
    ("sig sig", ["Ed25519Verifier and in Ed25519Verifier", "key of its own"]),
    ("aes sig aes", ["AesGcmOpener and in AesGcmOpener", "key of its own"]),
    ("mac aes-of-mac", ["HmacVerifier and in AesGcmOpener", "key of its own"]),
    # A part that promises what its kind cannot see, or that is of two kinds at once.
    ("sig fresh check-gives-once", ["ThirdPartyCheck says", "once", "a part of its kind cannot"]),
    ("aes sig check-gives-authentic", ["ThirdPartyCheck says", "authentic"]),
    ("sig fresh both-kinds", ["OnceAndCheck is a verifier and an admission at once", "two parts"]),
    # What is no part at all, and the class where an object was meant.
    ("sig text", ["'Freshness' is no part of a chain", "neither verify() nor look() and take()"]),
    ("sig none", ["None is no part of a chain"]),
    ("key", ["is no part of a chain"]),
    ("source", ["is no part of a chain"]),
    ("sig class-freshness", ["Freshness", "is no part of a chain"]),
    ("sig fresh class-once", ["Once", "is no part of a chain"]),
    ("class-layer", ["HmacVerifier", "is no part of a chain"]),
]


@pytest.mark.parametrize(("names", "words"), ILLEGAL, ids=[names or "-" for names, _ in ILLEGAL])
def test_illegal_chains(alice: Operator, mallory: Operator, names: str, words: list[str]) -> None:
    """The chain is not built, and the text says what to do about it."""
    with pytest.raises(ConfigurationError) as caught:
        Chain("payments@prod", parts(alice, mallory, names))
    assert [] == [word for word in words if word not in str(caught.value)]


def test_an_illegal_chain_shows_no_secret(alice: Operator, mallory: Operator) -> None:
    """A key that was put where a part belongs is named by its fingerprint."""
    for names in ("key", "mac mac"):
        with pytest.raises(ConfigurationError) as caught:
            Chain("payments@prod", parts(alice, mallory, names))
        assert alice.mac.fingerprint in str(caught.value)
        assert reveal_secret(alice.mac).hex() not in str(caught.value)


SERVES: list[tuple[set[Guarantee], str | None]] = [
    (set(), "authentic; add an Ed25519Verifier"),
    ({CONFIDENTIAL, FRESH, ONCE, ORDERED}, "authentic; add an Ed25519Verifier"),
    ({AUTHENTIC}, "fresh; add Freshness()"),
    ({AUTHENTIC, ORDERED}, "fresh; add Freshness()"),
    ({AUTHENTIC, ONCE, ORDERED}, "fresh; add Freshness()"),
    ({AUTHENTIC, FRESH}, "once; add Once() as the last part"),
    ({AUTHENTIC, ATTRIBUTABLE, CONFIDENTIAL, FRESH}, "once; add Once() as the last part"),
    ({AUTHENTIC, FRESH, ONCE}, None),
    ({AUTHENTIC, FRESH, ORDERED}, None),
    ({AUTHENTIC, FRESH, ONCE, ORDERED}, None),
    (set(Guarantee), None),
]


@pytest.mark.parametrize(("have", "lacking"), SERVES)
def test_what_a_listener_needs(have: set[Guarantee], lacking: str | None) -> None:
    """Authentic, fresh, and once or ordered; the text says which part to add."""
    if lacking is None:
        check_serves(frozenset(have))
        return
    with pytest.raises(ConfigurationError) as caught:
        check_serves(frozenset(have))
    assert lacking in str(caught.value)


@pytest.mark.parametrize(
    ("names", "serves"),
    [("sig fresh once", True), ("mac fresh floor", True), ("mac fresh", False), ("sig", False)],
)
def test_a_chain_knows_whether_it_serves(
    alice: Operator, mallory: Operator, names: str, serves: bool
) -> None:
    """The same question, asked of the chain."""
    chain = Chain("payments@prod", parts(alice, mallory, names))
    if serves:
        chain.check_serves()
        return
    with pytest.raises(ConfigurationError, match="a listener needs"):
        chain.check_serves()


CROSSES: list[tuple[set[Guarantee], str | None]] = [
    (set(), "put AesGcmOpener in front of the signature"),
    ({AUTHENTIC, ATTRIBUTABLE, FRESH, ONCE, ORDERED}, "put AesGcmOpener in front"),
    ({AUTHENTIC, CONFIDENTIAL, FRESH, ONCE, ORDERED}, "put Ed25519Verifier inside AesGcmOpener"),
    ({CONFIDENTIAL, ATTRIBUTABLE}, None),
    (set(Guarantee), None),
]


@pytest.mark.parametrize(("have", "lacking"), CROSSES)
def test_what_may_cross_a_network(have: set[Guarantee], lacking: str | None) -> None:
    """Hidden, and signed inside what hides; the text says which part to put where."""
    if lacking is None:
        check_hides_and_signs(frozenset(have))
        return
    with pytest.raises(ConfigurationError) as caught:
        check_hides_and_signs(frozenset(have))
    assert lacking in str(caught.value)


@pytest.mark.parametrize(
    ("names", "crosses"),
    [
        ("mac aes sig fresh once", True),
        ("aes sig", True),
        ("sig aes", False),
        ("mac aes", False),
        ("sig fresh once", False),
    ],
)
def test_a_chain_knows_whether_it_may_cross(
    alice: Operator, mallory: Operator, names: str, crosses: bool
) -> None:
    """The same question, asked of the chain."""
    chain = Chain("payments@prod", parts(alice, mallory, names))
    if crosses:
        chain.check_hides_and_signs()
        return
    with pytest.raises(ConfigurationError, match="beyond loopback a chain has to"):
        chain.check_hides_and_signs()
