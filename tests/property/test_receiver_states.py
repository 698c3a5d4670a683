"""Any number of receivers over one memory, told anything at all in any order.

The machine knows nothing of the receiver's states. It sends pieces of good, stale, forged and
mangled messages, lets time pass, hangs up, and performs what it is asked for in an order of its
own, so that two copies of a message meet at every point of their ways.
"""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from sealwire.answers import CONSTANT_REFUSAL, decode_answer
from sealwire.errors import Reason, RefusedError, Stage, VerificationError
from sealwire.events import (
    AppliedHere,
    Apply,
    ApplyFailed,
    Bytes,
    Close,
    Crowded,
    Decision,
    Effect,
    Eof,
    Event,
    Persist,
    Persisted,
    PersistFailed,
    Record,
    Reply,
    Reported,
    Tick,
)
from sealwire.framing import encode_frame
from sealwire.keys import AeadKey, MacKey, SigningKey
from sealwire.policy import Policy, default_rules
from sealwire.receiver import Door, Receiver
from sealwire.recommended import local, local_layers, network, network_layers
from sealwire.sealer import MemorySealerState, Sealer
from sealwire.stages import Applied, Digest, Outcome, Stream
from sealwire.state import AdmissionState
from sealwire.versions import Standing

START_MS = 1_800_000_000_000
AUDIENCE = "payments@prod"
MAX_FRAME_BYTES = 600
REFUSAL = encode_frame(CONSTANT_REFUSAL)
DONE = Applied(Digest(bytes(32)), 0, 0)

DOCUMENTS = (
    b'{"version": 1}',
    b'{"version": 1, "root": {"level": "DEBUG"}}',
    b'{"version": 1, "handlers": {"h": {"class": "os.system"}}}',
    b"no JSON",
)


def _secret(purpose: str) -> bytes:
    return hashlib.sha256(purpose.encode()).digest()


def _messages(*, encrypt: bool) -> tuple[Door, list[bytes], list[bytes]]:
    """Give a door, the messages that its chain authenticates, and some that it does not."""

    def sealer(name: str) -> Sealer:
        signing = SigningKey(_secret(f"{name} sign"), owner=name)
        layers = local_layers(signing)
        if encrypt:
            mac = MacKey(_secret(f"{name} mac"), owner=name, audience=AUDIENCE)
            aead = AeadKey(_secret(f"{name} aead"), owner=name, audience=AUDIENCE)
            layers = network_layers(mac, aead, signing)
        return Sealer(
            AUDIENCE, layers, issuer=name, state=MemorySealerState(), clock=lambda: START_MS
        )

    public = [SigningKey(_secret(f"{name} sign"), owner=name).verify_key for name in "ab"]
    chain = local(AUDIENCE, public)
    if encrypt:
        chain = network(
            AUDIENCE,
            gate=[MacKey(_secret(f"{name} mac"), owner=name, audience=AUDIENCE) for name in "ab"],
            encryption=[
                AeadKey(_secret(f"{name} aead"), owner=name, audience=AUDIENCE) for name in "ab"
            ],
            trusted=public,
        )
    first, second = sealer("a"), sealer("b")
    authentic: list[bytes] = []
    for number, document in enumerate(DOCUMENTS * 2):
        now_ms = START_MS + 1000 * (number - 1)
        authentic.append(first.seal_at(document, now_ms=now_ms, lifetime_s=2))
        # The other's message has the same version, and the same document or another one.
        authentic.append(second.seal_at(DOCUMENTS[number // 4], now_ms=now_ms, lifetime_s=600))
    authentic.append(first.seal_at(DOCUMENTS[0], now_ms=START_MS + 1, stream=Stream.READ))
    # The first one passes everything from the start, and is the one of which there are most copies.
    good = authentic.pop(2)
    authentic.insert(0, good)
    stranger = sealer("c").seal_at(DOCUMENTS[0], now_ms=START_MS + 1)
    mangled = [good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :] for at in (0, 5, 40, -1 % 99)]
    door = Door(chain, Policy(default_rules()), max_frame_bytes=MAX_FRAME_BYTES)
    return door, authentic, [*mangled, stranger, good[:-1], b"{}", b"x"]


WAYS = {"local": _messages(encrypt=False), "network": _messages(encrypt=True)}


@dataclass(eq=False)
class Peer:
    """One connection, what its peer has still to send, and what is still to be done for it."""

    receiver: Receiver
    unsent: bytes
    authentic: bool
    asked: deque[Effect] = field(default_factory=deque)
    seen: list[type[Effect]] = field(default_factory=list)
    taken: bool = False
    hung_up: bool = False
    decision: Decision | None = None


class Receivers(RuleBasedStateMachine):
    """Peers, time, and a driver that takes its time."""

    way = "local"
    peers = Bundle("peers")

    def __init__(self) -> None:
        super().__init__()
        self.door, self.authentic, self.strange = WAYS[self.way]
        self.tick = Tick(START_MS, 7_000)
        self.memory = AdmissionState(start_ms=START_MS - 500)
        self.all: list[Peer] = []
        self.applied: Counter[bytes] = Counter()

    @initialize(target=peers)
    def somebody_is_there(self) -> Peer:
        """Begin with one peer that has a message for us."""
        return self._connect(encode_frame(self.authentic[0]), True)

    @rule(target=peers, message=st.just(0) | st.integers(0, 99))
    def connect(self, message: int) -> Peer:
        """Somebody with a key connects."""
        return self._connect_authentic(message)

    @rule(target=peers, message=st.just(0) | st.integers(0, 99))
    def arrive(self, message: int) -> Peer:
        """Somebody with a key connects, and has sent everything already."""
        peer = self._connect_authentic(message)
        self.send(peer, 10_000)
        return peer

    @rule(target=peers, message=st.integers(0, 99))
    def connect_strange(self, message: int) -> Peer:
        """Somebody without a key connects."""
        return self._connect(encode_frame(self.strange[message % len(self.strange)]), False)

    @rule(
        target=peers,
        raw=st.sampled_from([b"\xff" * 9, bytes(9), MAX_FRAME_BYTES.to_bytes(4, "big"), b"GET /"]),
    )
    def connect_raw(self, raw: bytes) -> Peer:
        """Somebody connects who does not know what a frame is."""
        return self._connect(raw, False)

    def _connect_authentic(self, message: int) -> Peer:
        return self._connect(encode_frame(self.authentic[message % len(self.authentic)]), True)

    def _connect(self, unsent: bytes, authentic: bool) -> Peer:
        peer = Peer(Receiver(self.door, self.memory, self.tick), unsent, authentic)
        self.all.append(peer)
        return peer

    @rule(peer=peers, count=st.sampled_from([1, 3, 4, 60, 10_000]))
    def send(self, peer: Peer, count: int) -> None:
        """A peer sends some bytes, as many as are wanted or more."""
        data, peer.unsent = peer.unsent[:count], peer.unsent[count:]
        self._tell(peer, Bytes(data))

    @rule(peer=peers, data=st.binary(min_size=1, max_size=5))
    def interject(self, peer: Peer, data: bytes) -> None:
        """A peer sends what nobody asked for."""
        if peer.receiver.wanted:
            peer.authentic = False
        self._tell(peer, Bytes(data))

    @rule(peer=peers)
    def hang_up(self, peer: Peer) -> None:
        """A peer ends."""
        peer.hung_up = True
        self._tell(peer, Eof())

    @rule(peer=peers)
    def crowd_out(self, peer: Peer) -> None:
        """A peer's place is needed."""
        self._tell(peer, Crowded("256 connections are open"))

    @rule(
        wall_ms=st.sampled_from([0, 1, 700, 2_500, 700_000]),
        mono_ms=st.sampled_from([0, 1, 700, 2_500]),
    )
    def pass_time(self, wall_ms: int, mono_ms: int) -> None:
        """Time passes, on two clocks that need not agree, and everybody is told."""
        self.tick = Tick(self.tick.now_ms + wall_ms, self.tick.mono_ms + mono_ms)
        for peer in self.all:
            self._tell(peer, self.tick)

    @rule(peer=peers)
    def perform(self, peer: Peer) -> None:
        """Do the next thing that was asked for, and all goes well."""
        self._perform(peer, goes_well=True)

    @rule(peer=peers)
    def perform_badly(self, peer: Peer) -> None:
        """Do the next thing that was asked for, and it fails if it can."""
        self._perform(peer, goes_well=False)

    def _tell(self, peer: Peer, event: Event) -> None:
        peer.asked.extend(peer.receiver.handle(event))

    def _perform(self, peer: Peer, *, goes_well: bool) -> None:
        if not peer.asked:
            return
        effect = peer.asked.popleft()
        # Nothing is asked for twice, and nothing after the end.
        assert type(effect) not in peer.seen
        assert Close not in peer.seen
        peer.seen.append(type(effect))
        match effect:
            case Persist():
                self._tell(peer, self._take(effect, peer, goes_well=goes_well))
            case Apply():
                self._tell(peer, self._apply(effect, peer, goes_well=goes_well))
            case Record(decision):
                peer.decision = decision
                self._tell(peer, Reported())
            case Reply(data):
                self._judge_reply(peer, data)

    def _take(self, effect: Persist, peer: Peer, *, goes_well: bool) -> Event:
        # Only what was sealed with a key of the chain gets this far.
        assert peer.authentic
        if not goes_well:
            return PersistFailed(VerificationError(Reason.REPLAYED, Stage.ADMISSION))
        try:
            standing = self.door.chain.take(
                effect.request.opened, now_ms=self.tick.now_ms, skew_ms=0, state=self.memory
            )
        except RefusedError as refusal:
            return PersistFailed(refusal)
        peer.taken = standing is Standing.NEW
        return Persisted(standing, self.memory.outcome_of(effect.request.opened))

    def _apply(self, effect: Apply, peer: Peer, *, goes_well: bool) -> Event:
        assert peer.taken
        self.applied[effect.request.opened.digest] += 1
        outcome = Outcome.APPLIED if goes_well else Outcome.FAILED
        self.memory.settle(effect.request.opened, outcome)
        return AppliedHere(DONE) if goes_well else ApplyFailed("no such file")

    def _judge_reply(self, peer: Peer, data: bytes) -> None:
        assert peer.decision is not None
        answer = decode_answer(data[4:])
        assert peer.decision.answer == answer
        if not peer.authentic:
            assert data == REFUSAL
        if answer.reason or answer.detail or answer.repeated:
            assert peer.authentic
        if self.way == "network":
            assert "" == answer.detail
        if answer.outcome is not Outcome.REFUSED and not answer.repeated:
            assert peer.taken
            assert Apply in peer.seen

    @invariant()
    def what_is_held_is_bounded(self) -> None:
        """No peer is asked for more than a frame, and one that is answered holds nothing."""
        for peer in self.all:
            receiver = peer.receiver
            assert receiver.wanted + receiver.buffered <= MAX_FRAME_BYTES + 4
            if peer.asked or peer.seen:
                assert (0, 0) == (receiver.wanted, receiver.buffered)

    @invariant()
    def nothing_is_applied_twice(self) -> None:
        """However many copies came, and however they overtook each other."""
        assert not [digest for digest, count in self.applied.items() if count > 1]

    def teardown(self) -> None:
        """Whoever was promised an answer gets one, and its connection is closed."""
        for peer in self.all:
            self._tell(peer, Tick(self.tick.now_ms, self.tick.mono_ms + 5_000))
            while peer.asked:
                self._perform(peer, goes_well=True)
            assert [Record, Reply, Close] == peer.seen[-3:]
            assert peer.seen[:-3] in ([], [Persist], [Persist, Apply])


@pytest.mark.parametrize("way", WAYS)
def test_whatever_happens_in_whatever_order(way: str) -> None:
    """No exception, one answer each, nothing applied that was not taken, nothing twice."""

    class OnThisWay(Receivers):
        """The same machine, with another chain."""

    OnThisWay.way = way
    run_state_machine_as_test(OnThisWay, settings=settings(max_examples=60, stateful_step_count=40))


def test_the_messages_are_what_they_are_meant_to_be() -> None:
    """Some are applied and the rest refused for all kinds of reasons, or the machine is idle."""
    for door, authentic, strange in WAYS.values():
        reasons: Counter[str] = Counter()
        for message in [*authentic, *strange]:
            receiver = Receiver(
                door, AdmissionState(start_ms=START_MS - 500), Tick(START_MS + 1_000, 0)
            )
            (effect,) = receiver.handle(Bytes(encode_frame(message)))
            if isinstance(effect, Record):
                assert effect.decision.reason is not None
                reasons[effect.decision.reason.value] += 1
            else:
                reasons["passes"] += 1
        assert len(reasons) >= 8, reasons
        assert reasons["passes"] >= 3
