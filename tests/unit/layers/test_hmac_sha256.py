"""HMAC 256/256 as the gate: what it lets through, and what it says when it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sealwire.algebra import Guarantee
from sealwire.chain import Chain
from sealwire.cose import external_aad
from sealwire.errors import ConfigurationError, Reason, RefusedError, Stage, VerificationError
from sealwire.keys import MacKey, reveal_secret
from sealwire.keysource import FixedKeys
from sealwire.layers import HmacTagger, HmacVerifier
from sealwire.stages import Evidence, KeyId, Use

if TYPE_CHECKING:
    from tests.conftest import Operator

NOW_MS = 1_800_000_000_000


def refusal(chain: Chain, sealed: bytes) -> RefusedError:
    """Give the refusal of ``sealed``."""
    with pytest.raises(RefusedError) as caught:
        chain.open(sealed, now_ms=NOW_MS)
    return caught.value


@pytest.fixture
def chain(alice: Operator) -> Chain:
    """Give a chain of this layer alone."""
    return Chain(alice.audience, [HmacVerifier([alice.mac])])


def test_it_opens_what_its_other_half_made(alice: Operator, chain: Chain) -> None:
    """The payload comes out as it went in, with evidence of the key."""
    opened = chain.open(alice.wrap(alice.body(), [alice.gate()]), now_ms=NOW_MS)
    assert alice.body() == opened.body
    assert (Evidence("HmacVerifier", 5, alice.mac.thumbprint, "alice"),) == opened.evidence


def test_what_it_promises() -> None:
    """It shows that a holder of the key made the message; more is for the chain to say."""
    assert frozenset({Guarantee.AUTHENTIC}) == HmacVerifier.provides
    assert frozenset() == HmacVerifier.requires


def test_the_same_bytes_give_the_same_object(alice: Operator) -> None:
    """A MAC has no randomness, so another implementation can compare."""
    bound = external_aad(Use.REQUEST, alice.audience, 0, (5,))
    assert alice.gate().seal(b"x", bound) == alice.gate().seal(b"x", bound)


def test_a_wrong_mac_is_refused(alice: Operator, chain: Chain) -> None:
    """In its first, its last and any other byte."""
    sealed = alice.wrap(alice.body(), [alice.gate()])
    for at in range(len(sealed) - 32, len(sealed)):
        changed = sealed[:at] + bytes((sealed[at] ^ 0x80,)) + sealed[at + 1 :]
        refused = refusal(chain, changed)
        assert isinstance(refused, VerificationError)
        assert (Reason.MAC_INVALID, Stage.LAYER) == (refused.reason, refused.stage)


def test_an_unknown_key_is_refused(mallory: Operator, chain: Chain) -> None:
    """A key id that names none of our keys is refused before any cryptography."""
    refused = refusal(chain, mallory.wrap(mallory.body(), [mallory.gate()]))
    assert isinstance(refused, VerificationError)
    assert (Reason.KEY_UNKNOWN, Stage.LAYER) == (refused.reason, refused.stage)


def test_a_key_id_proves_nothing(alice: Operator, mallory: Operator, chain: Chain) -> None:
    """Who writes our key id in front of another key's MAC is refused for the MAC."""
    sealed = mallory.wrap(mallory.body(), [mallory.gate()])
    claimed = sealed.replace(mallory.mac.id, alice.mac.id)
    assert claimed != sealed
    assert Reason.MAC_INVALID is refusal(chain, claimed).reason


def test_a_key_of_another_audience_is_refused(alice: Operator) -> None:
    """A shared key opens for its own audience alone, even where somebody configured it."""
    elsewhere = MacKey(reveal_secret(alice.mac), owner="alice", audience="payments@test")
    chain = Chain(alice.audience, [HmacVerifier([elsewhere])])
    sealed = alice.wrap(alice.body(), [HmacTagger(elsewhere)])
    assert Reason.KEY_UNKNOWN is refusal(chain, sealed).reason


def test_the_right_one_of_several_keys_is_used(alice: Operator, mallory: Operator) -> None:
    """The key id says which key to try, and the others are not tried."""
    chain = Chain(alice.audience, [HmacVerifier([mallory.mac, alice.mac])])
    for operator in (alice, mallory):
        opened = chain.open(operator.wrap(operator.body(), [operator.gate()]), now_ms=NOW_MS)
        assert operator.name == opened.evidence[0].owner


def test_keys_change_while_it_runs(alice: Operator, mallory: Operator) -> None:
    """What the source gives now is what counts: rotation and removal need no new chain."""

    class Rotating:
        """A source whose keys are replaced."""

        def __init__(self, keys: FixedKeys[MacKey]) -> None:
            self.now = keys

        def find(self, key_id: bytes) -> MacKey | None:
            """Give the key of this id, if it is one of those."""
            return self.now.find(KeyId(key_id))

        def ids(self) -> frozenset[KeyId]:
            """Give their ids."""
            return self.now.ids()

    source = Rotating(FixedKeys([alice.mac]))
    chain = Chain(alice.audience, [HmacVerifier(source)])
    sealed = alice.wrap(alice.body(), [alice.gate()])
    assert chain.open(sealed, now_ms=NOW_MS).claims.iss == "alice"
    source.now = FixedKeys([mallory.mac])
    assert Reason.KEY_UNKNOWN is refusal(chain, sealed).reason


def test_it_needs_a_key() -> None:
    """A verifier without a key is refused when it is made."""
    with pytest.raises(ConfigurationError, match="at least one key"):
        HmacVerifier([])


def test_it_shows_no_secret(alice: Operator) -> None:
    """Neither half prints what it holds."""
    shown = f"{alice.gate()!r} {HmacVerifier([alice.mac])!r} {vars(alice.gate())}"
    assert reveal_secret(alice.mac).hex() not in shown
    assert repr(reveal_secret(alice.mac))[2:-1] not in shown
