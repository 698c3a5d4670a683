"""One connection's way from bytes to an answer, event by event; no sockets and no clock."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from tests.unit.keyring.rings import (
    ALICE,
    AUDIENCE,
    BOB,
    aead,
    first,
    following,
    in_state,
    mac,
)

from sealwire.algebra import Guarantee
from sealwire.answers import CONSTANT_REFUSAL, decode_answer
from sealwire.body import encode_body
from sealwire.chain import Chain
from sealwire.documents.tree import ROOT, LoggerState, Tree
from sealwire.errors import PolicyError, Reason, RefusedError, Stage, VerificationError
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
    RefusedHere,
    Reply,
    Reported,
    Survey,
    Surveyed,
    Tick,
)
from sealwire.framing import MAX_FRAME_BYTES, encode_frame
from sealwire.inforce import InForce
from sealwire.keyring import LiveKeyring, State, keyring_chain, write_list
from sealwire.policy import Policy, Violation, default_rules
from sealwire.policy.ceilings import Ceiling
from sealwire.receiver import Deadlines, Door, Receiver
from sealwire.recommended import Recommended, local_layers, network_layers
from sealwire.requests import CONTENT_TYPE_REQUEST, Verb, write_request
from sealwire.sealer import MemorySealerState, Sealer
from sealwire.stages import Answer, Applied, Digest, Opened, Outcome, Stream
from sealwire.state import AdmissionState
from sealwire.versions import Standing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Operator, Way

    from sealwire.policy import Rule
    from sealwire.requests import Planned
    from sealwire.sealer import SealingLayer

NOW_MS = 1_800_000_000_000
NOW_S = NOW_MS // 1000
START = Tick(NOW_MS, 50_000)
DOCUMENT = b'{"version": 1, "root": {"level": "DEBUG"}}'
REFUSAL = encode_frame(CONSTANT_REFUSAL)
DONE = Applied(Digest(bytes(32)), loggers=1, handlers=0)
LENGTH_MS, FRAME_MS = 2_000, 5_000
TREE = Tree((LoggerState(ROOT, logging.INFO), LoggerState("payments")))
QUIET = Policy(default_rules(), ceilings=(Ceiling("payments", logging.INFO),))


def door(way: Way, rules: tuple[Rule, ...] | None = None) -> Door:
    """Give the door of ``way`` with the rules every service has."""
    return Door(way.chain, Policy(default_rules() if rules is None else rules))


def new_memory() -> AdmissionState:
    """Give a memory that began a minute ago."""
    return AdmissionState(start_ms=NOW_MS - 60_000)


def later(milliseconds: int) -> Tick:
    """Give the time so long after the start."""
    return Tick(START.now_ms + milliseconds, START.mono_ms + milliseconds)


@dataclass
class Visit:
    """One connection, whose effects are performed here by hand and noted in their order."""

    door: Door
    memory: AdmissionState = field(default_factory=new_memory)
    ends: Event = field(default_factory=lambda: AppliedHere(DONE))
    noted: list[Effect] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.receiver = Receiver(self.door, self.memory, START)

    def tell(self, event: Event) -> Visit:
        """Feed ``event``, and then the result of whatever is asked for."""
        todo = list(self.receiver.handle(event))
        while todo:
            effect = todo.pop(0)
            self.noted.append(effect)
            if (result := self._perform(effect)) is not None:
                todo += self.receiver.handle(result)
        return self

    def send(self, payload: bytes) -> Visit:
        """Send one frame."""
        return self.tell(Bytes(encode_frame(payload)))

    def _perform(self, effect: Effect) -> Event | None:
        if isinstance(effect, Persist):
            now_ms, opened = START.now_ms, effect.request.opened
            standing = self.door.chain.take(opened, now_ms=now_ms, skew_ms=0, state=self.memory)
            return Persisted(standing, None)
        if isinstance(effect, Apply):
            outcome = Outcome.APPLIED if isinstance(self.ends, AppliedHere) else Outcome.FAILED
            self.memory.settle(effect.request.opened, outcome)
            return self.ends
        return Reported() if isinstance(effect, Record) else None

    @property
    def kinds(self) -> list[str]:
        """What was asked for, in its order."""
        return [type(effect).__name__ for effect in self.noted]

    @property
    def decision(self) -> Decision:
        """The one decision."""
        (record,) = (effect for effect in self.noted if isinstance(effect, Record))
        return record.decision

    @property
    def reply(self) -> bytes:
        """The one answer, framed."""
        (reply,) = (effect for effect in self.noted if isinstance(effect, Reply))
        return reply.data

    @property
    def answer(self) -> Answer:
        """The one answer, read."""
        return decode_answer(self.reply[4:])


REFUSED = ["Record", "Reply", "Close"]
APPLIED = ["Persist", "Apply", *REFUSED]


@pytest.fixture
def good(way: Way) -> bytes:
    """Give a message that passes everything."""
    return way.seal(way.operator.body(DOCUMENT))


class Objecting:
    """A rule that objects to everything, or raises what it is given."""

    name = "office-hours"

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def judge(self, request: Planned) -> Iterator[Violation]:
        """Object."""
        if self.error is not None:
            raise self.error
        yield Violation("root.level", "not at night")


# ---- the way of a good message ------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 3, 4, 5, 1 << 20])
def test_a_message_is_taken_applied_recorded_and_answered(way: Way, good: bytes, size: int) -> None:
    """In this order, each once, however the bytes are cut; then nothing more is wanted."""
    visit, framed = Visit(door(way)), encode_frame(good)
    for at in range(0, len(framed), size):
        assert [] == visit.kinds
        assert visit.receiver.wanted > 0
        assert at == visit.receiver.buffered
        assert (at >= 4) is visit.receiver.has_length
        visit.tell(Bytes(framed[at : at + size]))
    assert APPLIED == visit.kinds
    assert Answer(Outcome.APPLIED) == visit.answer
    claims = way.operator.claims()
    assert Decision(Answer(Outcome.APPLIED), claims=claims, applied=DONE) == visit.decision
    assert (0, 0) == (visit.receiver.wanted, visit.receiver.buffered)


def test_no_more_is_wanted_than_the_frame_has(way: Way, good: bytes) -> None:
    """Four bytes first, then the rest of the frame: whoever reads never reads a second frame."""
    visit, framed = Visit(door(way)), encode_frame(good)
    assert 4 == visit.receiver.wanted
    visit.tell(Bytes(framed[:3]))
    assert 1 == visit.receiver.wanted
    visit.tell(Bytes(framed[3:4]))
    assert len(good) == visit.receiver.wanted
    visit.tell(Bytes(framed[4:-1]))
    assert 1 == visit.receiver.wanted
    assert len(framed) - 1 == visit.receiver.buffered


def test_the_end_after_a_frame_is_no_error(way: Way, good: bytes) -> None:
    """A peer that has sent everything may close its half, and is answered."""
    visit = Visit(door(way)).send(good)
    before = list(visit.noted)
    visit.tell(Eof())
    assert before == visit.noted


# ---- the orders, each by its name ---------------------------------------------------------------


def test_authenticate_before_parse(way: Way, mallory: Operator) -> None:
    """Of a document that nobody has signed for, not even that it is no JSON is found out."""
    forged = mallory.wrap(way.operator.body(b"no JSON"), way.layers)
    at = len(forged) - 1
    tampered = forged[:at] + bytes([forged[at] ^ 1])
    visit = Visit(door(way)).send(tampered)
    assert visit.decision.stage is Stage.LAYER
    assert REFUSAL == visit.reply


def test_parse_before_policy(way: Way) -> None:
    """A rule is never asked about what could not be read."""
    visit = Visit(door(way, (Objecting(AssertionError()),)))
    visit.send(way.seal(way.operator.body(b"no JSON")))
    assert Reason.DOCUMENT_MALFORMED is visit.decision.reason


def test_policy_before_state(way: Way, good: bytes) -> None:
    """A message that is not allowed is not taken: nothing moves, and it may be sent again."""
    refusing = Visit(door(way, (Objecting(),))).send(good)
    assert REFUSED == refusing.kinds
    assert {} == refusing.memory.floors
    allowing = Visit(door(way), refusing.memory).send(good)
    assert APPLIED == allowing.kinds


def test_state_before_apply(way: Way, good: bytes) -> None:
    """Until the driver says that the message is taken, nothing is to be applied."""
    receiver = Receiver(door(way), new_memory(), START)
    (persist,) = receiver.handle(Bytes(encode_frame(good)))
    assert isinstance(persist, Persist)
    for event in (START, later(90_000), Bytes(b"x"), Eof(), Crowded("")):
        assert () == receiver.handle(event)
    (apply,) = receiver.handle(Persisted(Standing.NEW, None))
    assert isinstance(apply, Apply)
    assert persist.request.opened == apply.request.opened


def test_record_before_answer(way: Way, good: bytes) -> None:
    """No byte goes to the peer until the decision has been recorded, refused or applied."""
    for payload in (good, b"junk"):
        receiver = Receiver(door(way), new_memory(), START)
        effects = receiver.handle(Bytes(encode_frame(payload)))
        if isinstance(effects[0], Persist):
            receiver.handle(Persisted(Standing.NEW, None))
            effects = receiver.handle(AppliedHere(DONE))
        assert ["Record"] == [type(effect).__name__ for effect in effects]
        for event in (START, later(90_000), Bytes(b"x"), Eof(), Crowded("")):
            assert () == receiver.handle(event)
        assert [Reply, Close] == [type(effect) for effect in receiver.handle(Reported())]


def test_a_receipt_goes_out_in_the_place_of_the_answer(way: Way, good: bytes) -> None:
    """Whoever records the decision signs it, or does not."""
    for signed, expected in ((b"signed", b"signed"), (b"", b"\xa1\x01\x01")):
        receiver = Receiver(door(way), new_memory(), START)
        receiver.handle(Bytes(encode_frame(good)))
        receiver.handle(Persisted(Standing.NEW, None))
        receiver.handle(AppliedHere(DONE))
        (reply, _) = receiver.handle(Reported(signed))
        assert Reply(encode_frame(expected)) == reply


@pytest.mark.parametrize("late_ms", [0, 301_000])
def test_what_a_receipt_answers_is_known_once_the_layers_have_opened(
    way: Way, good: bytes, late_ms: int
) -> None:
    """Also where a check refused it; and of a stranger's message never."""
    visit = Visit(door(way, (Objecting(),)))
    visit.tell(later(0))
    visit.receiver = Receiver(visit.door, visit.memory, later(late_ms))
    known = visit.send(good).decision.known
    assert known is not None
    assert way.operator.claims() == known.claims
    flipped = good[:-1] + bytes([good[-1] ^ 1])
    assert Visit(door(way)).send(flipped).decision.known is None


def test_looking_changes_no_memory(way: Way, good: bytes) -> None:
    """The receiver asks the memory and never writes into it; taking is the driver's."""
    memory = new_memory()
    receiver = Receiver(door(way), memory, START)
    receiver.handle(Bytes(encode_frame(good)))
    assert {} == memory.floors
    assert 0 == len(memory.window)


# ---- before authentication: one constant --------------------------------------------------------


def oversized(_way: Way) -> list[Event]:
    """Announce a byte too many."""
    return [Bytes((MAX_FRAME_BYTES + 1).to_bytes(4, "big"))]


def enormous(_way: Way) -> list[Event]:
    """Announce four gigabytes."""
    return [Bytes(b"\xff\xff\xff\xff")]


def empty(_way: Way) -> list[Event]:
    """Announce nothing at all."""
    return [Bytes(bytes(4))]


def silent(_way: Way) -> list[Event]:
    """Say nothing until the deadline."""
    return [later(LENGTH_MS)]


def trickling(_way: Way) -> list[Event]:
    """Send too little until the deadline."""
    return [Bytes(b"\x00\x00\x00\x09abc"), later(FRAME_MS)]


def hanging_up(_way: Way) -> list[Event]:
    """End before the first byte."""
    return [Eof()]


def hanging_up_inside(way: Way) -> list[Event]:
    """End inside the frame."""
    return [Bytes(encode_frame(way.seal())[:-1]), Eof()]


def crowded(_way: Way) -> list[Event]:
    """Be in the way of a newer one."""
    return [Crowded("256 connections are open")]


def junk(_way: Way) -> list[Event]:
    """Send what is no COSE object."""
    return [Bytes(encode_frame(b"GET / HTTP/1.1\r\n"))]


def truncated(way: Way) -> list[Event]:
    """Frame all but the last byte of a message."""
    return [Bytes(encode_frame(way.seal()[:-1]))]


def tampered(way: Way) -> list[Event]:
    """Change the last bit."""
    sealed = way.seal()
    return [Bytes(encode_frame(sealed[:-1] + bytes([sealed[-1] ^ 1])))]


def of_a_stranger(way: Way) -> list[Event]:
    """Seal with keys that nobody here knows."""
    stranger = type(way.operator).called("stranger")
    layers: list[SealingLayer] = [stranger.gate(), stranger.hider(), stranger.signer()]
    layers = layers[-len(way.layers) :]
    return [Bytes(encode_frame(stranger.wrap(stranger.body(), layers)))]


def for_another_audience(way: Way) -> list[Event]:
    """Seal for somebody else, with the right keys."""
    body = way.operator.body()
    sealed = way.operator.wrap(body, way.layers, audience="orders@prod")
    return [Bytes(encode_frame(sealed))]


STRANGERS: list[tuple[Callable[[Way], list[Event]], set[Reason]]] = [
    (oversized, {Reason.FRAME_TOO_LARGE}),
    (enormous, {Reason.FRAME_TOO_LARGE}),
    (empty, {Reason.FRAME_TOO_LARGE}),
    (silent, {Reason.FRAME_TIMEOUT}),
    (trickling, {Reason.FRAME_TIMEOUT}),
    (hanging_up, {Reason.FRAME_TRUNCATED}),
    (hanging_up_inside, {Reason.FRAME_TRUNCATED}),
    (crowded, {Reason.CROWDED_OUT}),
    (junk, {Reason.ENVELOPE_MALFORMED}),
    (truncated, {Reason.ENVELOPE_MALFORMED}),
    (tampered, {Reason.SIGNATURE_INVALID, Reason.MAC_INVALID}),
    (of_a_stranger, {Reason.KEY_UNKNOWN}),
    (for_another_audience, {Reason.SIGNATURE_INVALID, Reason.MAC_INVALID}),
]


@pytest.mark.parametrize(
    ("approach", "reasons"), STRANGERS, ids=[each.__name__ for each, _ in STRANGERS]
)
def test_a_stranger_gets_the_same_bytes_for_every_cause(
    way: Way, approach: Callable[[Way], list[Event]], reasons: set[Reason]
) -> None:
    """The reason goes to the log; on the wire there is one refusal, without a word."""
    visit = Visit(door(way))
    for event in approach(way):
        visit.tell(event)
    assert REFUSED == visit.kinds
    assert REFUSAL == visit.reply
    assert visit.decision.reason in reasons
    assert visit.decision.stage in {Stage.FRAME, Stage.LAYER}
    assert visit.decision.claims is None
    assert Answer(Outcome.REFUSED) == visit.decision.answer
    assert (0, 0) == (visit.receiver.wanted, visit.receiver.buffered)


@pytest.mark.parametrize("reason", list(Reason))
@pytest.mark.parametrize("stage", [stage for stage in Stage if not stage.authenticated])
def test_no_reason_of_an_early_stage_gets_out(
    way: Way, monkeypatch: pytest.MonkeyPatch, reason: Reason, stage: Stage
) -> None:
    """Whatever a layer refuses for, and whatever it says about it, the bytes are the same."""

    def refusing(*given: object, **named: object) -> NoReturn:
        raise RefusedError(reason, stage, "a secret detail")

    monkeypatch.setattr(Chain, "open", refusing)
    visit = Visit(door(way)).send(b"x")
    assert REFUSAL == visit.reply
    assert (reason, stage, "a secret detail") == (
        visit.decision.reason,
        visit.decision.stage,
        visit.decision.detail,
    )


def test_a_chain_that_raises_refuses_the_message(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug is a refusal like any other, and its traceback is kept for the log."""
    bug = KeyError("a bug of ours")

    def broken(*given: object, **named: object) -> NoReturn:
        raise bug

    monkeypatch.setattr(Chain, "open", broken)
    visit = Visit(door(way)).send(b"x")
    assert REFUSAL == visit.reply
    assert (Reason.INTERNAL, Stage.LAYER) == (visit.decision.reason, visit.decision.stage)
    assert visit.decision.cause is bug


# ---- after authentication: the reason -----------------------------------------------------------

BEFORE_START = (
    f"sealed 1 ms too early; this receiver started at {NOW_MS - 60_000} and keeps no memory of "
    "what came before"
)
LATE: list[tuple[dict[str, Any], Reason, Stage, str]] = [
    (
        {"iat": NOW_S - 301, "exp": NOW_S - 1},
        Reason.EXPIRED,
        Stage.CHECK,
        "expired 1 s ago by this clock",
    ),
    (
        {"iat": NOW_S + 1},
        Reason.NOT_YET_VALID,
        Stage.CHECK,
        "issued 1 s ahead of this clock; 0 ms are allowed",
    ),
    (
        {"exp": NOW_S + 8 * 86_400},
        Reason.LIFETIME_TOO_LONG,
        Stage.CHECK,
        "lives 691200 s; 604800 s are allowed in stream base",
    ),
    (
        {"version": NOW_MS + 1},
        Reason.VERSION_AHEAD,
        Stage.ADMISSION,
        f"version {NOW_MS + 1} is 1 ms ahead; 0 ms are allowed",
    ),
    (
        {"version": NOW_MS - 60_000},
        Reason.VERSION_BEFORE_START,
        Stage.ADMISSION,
        BEFORE_START,
    ),
    (
        {"iss": "bob"},
        Reason.ISSUER_MISMATCH,
        Stage.BODY,
        "the claims say issuer 'bob', the key is alice's",
    ),
    (
        {"stream": Stream.LEASE},
        Reason.STREAM_MISMATCH,
        Stage.DOCUMENT,
        "application/json belongs to the stream base, and the message to lease",
    ),
]


def tells(way: Way) -> bool:
    """Say whether answers on this way may quote the request."""
    return len(way.layers) == 1


@pytest.mark.parametrize(
    ("changes", "reason", "stage", "detail"), LATE, ids=[each[1].value for each in LATE]
)
def test_a_holder_of_the_key_is_told_the_reason(
    way: Way, changes: dict[str, Any], reason: Reason, stage: Stage, detail: str
) -> None:
    """With the value against the limit, unless the chain encrypts: the answer does not."""
    visit = Visit(door(way)).send(way.seal(way.operator.body(DOCUMENT, **changes)))
    assert REFUSED == visit.kinds
    told = detail if tells(way) else ""
    assert Answer(Outcome.REFUSED, reason.value, told) == visit.answer
    assert (reason, stage, detail) == (
        visit.decision.reason,
        visit.decision.stage,
        visit.decision.detail,
    )


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (b"no JSON", Reason.DOCUMENT_MALFORMED),
        (b'{"version": 2}', Reason.DOCUMENT_INVALID),
        (b'{"version": 1, "handlers": {"h": {"class": "os.system"}}}', Reason.POLICY),
    ],
)
def test_a_document_is_refused_with_its_sender(way: Way, document: bytes, reason: Reason) -> None:
    """Once a message is open, every refusal says in the log whose request it was."""
    visit = Visit(door(way)).send(way.seal(way.operator.body(document)))
    assert reason is visit.decision.reason
    assert way.operator.claims() == visit.decision.claims
    assert reason.value == visit.answer.reason
    assert bool(visit.answer.detail) is tells(way)


def test_a_policy_refusal_names_rule_and_place(way: Way, good: bytes) -> None:
    """So that the sender finds the line of the policy, or of the document."""
    visit = Visit(door(way, (Objecting(),))).send(good)
    detail = "office-hours: root.level: not at night"
    assert detail == visit.decision.detail
    assert Answer(Outcome.REFUSED, "policy", detail if tells(way) else "") == visit.answer


def test_a_rule_that_raises_refuses_the_request(way: Way, good: bytes) -> None:
    """It fails closed, says no more than the kind, and leaves the traceback to the log."""
    bug = RecursionError("a third party's rule")
    visit = Visit(door(way, (Objecting(bug),))).send(good)
    assert REFUSED == visit.kinds
    assert (Reason.INTERNAL, Stage.POLICY) == (visit.decision.reason, visit.decision.stage)
    assert visit.decision.cause is bug
    assert "internal" == visit.answer.reason
    assert "third party" not in visit.answer.detail


def test_a_policy_without_rules_allows_nothing(way: Way, good: bytes) -> None:
    """Forgetting the rules is not the same as allowing everything."""
    assert Reason.POLICY is Visit(door(way, ())).send(good).decision.reason


class Nobodys:
    """A chain that opens everything and does not know from whom it is."""

    guarantees: frozenset[Guarantee] = frozenset()

    def __init__(self, opened: Opened) -> None:
        self.opened = opened

    def open(self, sealed: bytes, *, now_ms: int, skew_ms: int) -> Opened:
        """Give what it was made with."""
        return self.opened

    def look(self, opened: Opened, *, now_ms: int, skew_ms: int, state: AdmissionState) -> Standing:
        """Say that everything is new."""
        return Standing.NEW

    take = look


@pytest.mark.parametrize("document", [b"no JSON", b'{"version": 2}', DOCUMENT])
def test_who_has_shown_no_key_is_told_no_reason(alice: Operator, document: bytes) -> None:
    """Where nothing says who sent a message, its sender is a stranger to the end."""
    unknown = Door(Nobodys(alice.opened(document)), Policy((Objecting(),)))
    visit = Visit(unknown).send(b"x")
    assert REFUSED == visit.kinds
    assert REFUSAL == visit.reply
    assert visit.decision.detail
    assert visit.decision.known is None
    allowing = replace(unknown, policy=Policy(default_rules()))
    failing = Visit(allowing, ends=ApplyFailed("no such file"))
    expected = Outcome.FAILED if document == DOCUMENT else Outcome.REFUSED
    assert Answer(expected) == failing.send(b"x").answer


# ---- copies -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ends", "outcome"),
    [(AppliedHere(DONE), Outcome.APPLIED), (ApplyFailed("no such file"), Outcome.FAILED)],
)
def test_a_copy_is_answered_with_what_came_of_the_first(
    way: Way, good: bytes, ends: Event, outcome: Outcome
) -> None:
    """Nothing is taken and nothing applied; the answer says that it is a repetition."""
    first = Visit(door(way), ends=ends).send(good)
    again = Visit(door(way), first.memory, ends=AppliedHere(DONE)).send(good)
    assert REFUSED == again.kinds
    assert Answer(outcome, repeated=True) == again.answer
    expected = Decision(Answer(outcome, repeated=True), claims=way.operator.claims())
    assert expected == again.decision


def test_a_copy_of_what_is_still_being_decided_is_not_applied(way: Way, good: bytes) -> None:
    """Nobody knows yet what will come of the first, so the answer promises nothing."""
    memory = new_memory()
    first = Receiver(door(way), memory, START)
    (persist,) = first.handle(Bytes(encode_frame(good)))
    assert isinstance(persist, Persist)
    way.chain.take(persist.request.opened, now_ms=NOW_MS, skew_ms=0, state=memory)
    again = Visit(door(way), memory).send(good)
    assert REFUSED == again.kinds
    assert Answer(Outcome.FAILED, repeated=True) == again.answer


@pytest.mark.parametrize("outcome", [Outcome.APPLIED, Outcome.FAILED])
def test_the_slower_of_two_copies_is_not_applied(way: Way, good: bytes, outcome: Outcome) -> None:
    """Both looked new; the one that finds itself taken answers what came of the other."""
    visit = Visit(door(way))
    visit.receiver.handle(Bytes(encode_frame(good)))
    visit.tell(Persisted(Standing.SAME, outcome))
    assert REFUSED == visit.kinds
    assert Answer(outcome, repeated=True) == visit.answer
    assert way.operator.claims() == visit.decision.claims


def test_a_message_that_cannot_be_taken_is_refused(way: Way, good: bytes) -> None:
    """Another copy was faster, or the memory cannot be written: it is not applied."""
    visit = Visit(door(way))
    visit.receiver.handle(Bytes(encode_frame(good)))
    refusal = VerificationError(Reason.VERSION_SUPERSEDED, Stage.ADMISSION, "older than 7")
    visit.tell(PersistFailed(refusal))
    assert REFUSED == visit.kinds
    told = "older than 7" if tells(way) else ""
    assert Answer(Outcome.REFUSED, "version-superseded", told) == visit.answer
    assert way.operator.claims() == visit.decision.claims


def test_two_messages_of_one_version_are_equivocation(way: Way, good: bytes) -> None:
    """The second is refused, with a reason of its own, and the first stays."""
    first = Visit(door(way)).send(good)
    other = way.seal(way.operator.body(b'{"version": 1}'))
    assert Reason.EQUIVOCATION is Visit(door(way), first.memory).send(other).decision.reason


def test_a_failed_apply_is_told_as_the_chain_allows(way: Way, good: bytes) -> None:
    """The log has the detail in any case; it may quote what an encrypted request hid."""
    visit = Visit(door(way), ends=ApplyFailed("handlers.h: no such file")).send(good)
    assert APPLIED == visit.kinds
    told = "handlers.h: no such file" if tells(way) else ""
    assert Answer(Outcome.FAILED, detail=told) == visit.answer
    assert "handlers.h: no such file" == visit.decision.detail
    assert visit.decision.reason is None


def test_what_the_policy_refuses_under_the_lock_is_told_as_any_refusal(
    way: Way, good: bytes
) -> None:
    """It was taken by then; the rule is named where the chain allows it."""
    visit = Visit(door(way), ends=RefusedHere(PolicyError("floor-level", "root.level", "no")))
    visit.send(good)
    assert APPLIED == visit.kinds
    assert (Outcome.REFUSED, Reason.POLICY) == (visit.answer.outcome, visit.decision.reason)
    assert visit.decision.detail.startswith("floor-level: root.level: no")


# ---- time ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("received", "limit_ms"),
    [(b"", LENGTH_MS), (b"\x00\x00\x00", LENGTH_MS), (b"\x00\x00\x00\x09", FRAME_MS)],
)
def test_a_deadline_is_exact(way: Way, received: bytes, limit_ms: int) -> None:
    """Two seconds for the length and five for the frame, from the connect."""
    visit = Visit(door(way)).tell(Bytes(received))
    visit.tell(later(limit_ms - 1))
    assert [] == visit.kinds
    visit.tell(later(limit_ms))
    assert REFUSED == visit.kinds
    expected = f"{len(received)} bytes in {limit_ms} ms; {limit_ms} ms are allowed"
    assert (Reason.FRAME_TIMEOUT, expected) == (visit.decision.reason, visit.decision.detail)


def test_a_trickle_does_not_extend_the_deadline(way: Way) -> None:
    """The deadlines are total: a byte now and then buys no time."""
    visit = Visit(door(way)).tell(Bytes(b"\x00\x00\x10\x00"))
    for milliseconds in range(0, FRAME_MS, 100):
        visit.tell(later(milliseconds)).tell(Bytes(b"x"))
    assert [] == visit.kinds
    visit.tell(later(FRAME_MS))
    assert Reason.FRAME_TIMEOUT is visit.decision.reason


def test_deadlines_do_not_look_at_the_wall_clock(way: Way) -> None:
    """A jump of a year ends no connection, and one backwards keeps none alive."""
    visit = Visit(door(way))
    visit.tell(Tick(START.now_ms + 31_536_000_000, START.mono_ms + 1))
    assert [] == visit.kinds
    visit.tell(Tick(START.now_ms, START.mono_ms + LENGTH_MS))
    assert Reason.FRAME_TIMEOUT is visit.decision.reason


def test_a_deadline_of_a_complete_message_is_past(way: Way, good: bytes) -> None:
    """However long applying takes, the peer is answered with what came of it."""
    receiver = Receiver(door(way), new_memory(), START)
    receiver.handle(Bytes(encode_frame(good)))
    assert () == receiver.handle(later(90_000))
    receiver.handle(Persisted(Standing.NEW, None))
    assert () == receiver.handle(later(90_000))
    (record,) = receiver.handle(AppliedHere(DONE))
    assert isinstance(record, Record)
    assert Answer(Outcome.APPLIED) == record.decision.answer


def test_the_deadlines_are_the_doors(way: Way) -> None:
    """A host may set its own."""
    short = replace(door(way), deadlines=Deadlines(length_ms=10, frame_ms=20))
    assert REFUSED == Visit(short).tell(later(10)).kinds
    assert REFUSED == Visit(short).tell(Bytes(b"\x00\x00\x00\x01")).tell(later(20)).kinds


def test_a_message_is_judged_by_the_last_tick(way: Way, good: bytes) -> None:
    """The time of the connect is not the time of the message."""
    visit = Visit(door(way)).tell(Tick(START.now_ms + 300_001, START.mono_ms + 1))
    assert Reason.EXPIRED is visit.send(good).decision.reason


def test_the_cap_is_the_doors(way: Way) -> None:
    """A host may take shorter frames; a length over its cap is refused after four bytes."""
    small = replace(door(way), max_frame_bytes=100)
    visit = Visit(small).tell(Bytes((101).to_bytes(4, "big")))
    assert Reason.FRAME_TOO_LARGE is visit.decision.reason
    visit = Visit(small).tell(Bytes((100).to_bytes(4, "big")))
    assert [] == visit.kinds


def test_skew_is_the_doors(way: Way) -> None:
    """It is allowed to a sealer's clock that runs ahead."""
    ahead = way.seal(way.operator.body(DOCUMENT, version=NOW_MS + 1000, iat=NOW_S + 1))
    lenient = replace(door(way), skew_ms=1000)
    receiver = Receiver(lenient, new_memory(), START)
    (effect,) = receiver.handle(Bytes(encode_frame(ahead)))
    assert isinstance(effect, Persist)


# ---- the driver's mistakes ----------------------------------------------------------------------


def reading(way: Way, good: bytes) -> Receiver:
    """Give a receiver that reads."""
    return Receiver(door(way), new_memory(), START)


def surveying(way: Way, good: bytes) -> Receiver:
    """Give a receiver that waits for the logging tree."""
    receiver = Receiver(replace(door(way), policy=QUIET), new_memory(), START)
    receiver.handle(Bytes(encode_frame(good)))
    return receiver


def persisting(way: Way, good: bytes) -> Receiver:
    """Give a receiver that waits for the message to be taken."""
    receiver = reading(way, good)
    receiver.handle(Bytes(encode_frame(good)))
    return receiver


def applying(way: Way, good: bytes) -> Receiver:
    """Give a receiver that waits for the change."""
    receiver = persisting(way, good)
    receiver.handle(Persisted(Standing.NEW, None))
    return receiver


def reporting(way: Way, good: bytes) -> Receiver:
    """Give a receiver that waits for the record."""
    receiver = applying(way, good)
    receiver.handle(AppliedHere(DONE))
    return receiver


def done(way: Way, good: bytes) -> Receiver:
    """Give a receiver that has answered."""
    receiver = reporting(way, good)
    receiver.handle(Reported())
    return receiver


RESULTS: dict[str, Event] = {
    "new": Persisted(Standing.NEW, None),
    "same": Persisted(Standing.SAME, Outcome.APPLIED),
    "surveyed": Surveyed(TREE, TREE),
    "not-taken": PersistFailed(VerificationError(Reason.REPLAYED, Stage.ADMISSION)),
    "applied": AppliedHere(DONE),
    "failed": ApplyFailed("x"),
    "refused": RefusedHere(PolicyError("floor-level", "root.level", "x")),
    "reported": Reported(),
}
OTHERS: dict[str, Event] = {
    "tick": START,
    "bytes": Bytes(b"x"),
    "eof": Eof(),
    "crowded": Crowded(""),
}
MEANT: dict[Callable[[Way, bytes], Receiver], tuple[type, ...]] = {
    reading: (),
    surveying: (Surveyed, ApplyFailed),
    persisting: (Persisted, PersistFailed),
    applying: (AppliedHere, ApplyFailed, RefusedHere),
    reporting: (Reported,),
}


@pytest.mark.parametrize("event", RESULTS.values(), ids=RESULTS)
@pytest.mark.parametrize("state", MEANT, ids=lambda state: state.__name__)
def test_a_result_of_what_was_not_asked_for_is_a_bug(
    local: Way, state: Callable[[Way, bytes], Receiver], event: Event
) -> None:
    """It raises with this module's name: nothing is applied because a driver got confused."""
    receiver = state(local, local.seal(local.operator.body(DOCUMENT)))
    if isinstance(event, MEANT[state]):
        assert () != receiver.handle(event)
        return
    with pytest.raises(RuntimeError, match=r"^sealwire\.receiver: .* has no meaning while"):
        receiver.handle(event)


@pytest.mark.parametrize("event", [*RESULTS.values(), *OTHERS.values()], ids=[*RESULTS, *OTHERS])
def test_after_the_answer_nothing_happens(local: Way, event: Event) -> None:
    """A receiver that is done asks for nothing, so there is never a second answer."""
    receiver = done(local, local.seal(local.operator.body(DOCUMENT)))
    assert () == receiver.handle(event)


# ---- requests with a verb -----------------------------------------------------------------------


def asking(way: Way, verb: Verb, stream: Stream, **members: Any) -> bytes:  # noqa: ANN401
    """Give the sealed request for something else than a configuration."""
    claims = way.operator.claims(stream=stream)
    return way.seal(encode_body(claims, CONTENT_TYPE_REQUEST, write_request(verb, **members)))


def loud(level: int) -> Tree:
    """Give the tree with a level of ``payments``."""
    return Tree((LoggerState(ROOT, logging.INFO), LoggerState("payments", level)))


def test_a_change_is_surveyed_before_it_is_taken(way: Way, good: bytes) -> None:
    """Where the policy looks at trees, nothing is remembered before it has."""
    receiver = Receiver(replace(door(way), policy=QUIET), new_memory(), START)
    (survey,) = receiver.handle(Bytes(encode_frame(good)))
    assert isinstance(survey, Survey)
    (persist,) = receiver.handle(Surveyed(TREE, loud(logging.INFO)))
    assert isinstance(persist, Persist)
    assert survey.request.opened == persist.request.opened


def test_a_change_is_refused_for_the_tree_it_would_make(way: Way, good: bytes) -> None:
    """The ceiling is about what would be in force, and not about the words of the request."""
    receiver = Receiver(replace(door(way), policy=QUIET), new_memory(), START)
    receiver.handle(Bytes(encode_frame(good)))
    (record,) = receiver.handle(Surveyed(TREE, loud(logging.DEBUG)))
    assert isinstance(record, Record)
    assert (Reason.POLICY, Stage.POLICY) == (record.decision.reason, record.decision.stage)
    assert record.decision.detail.startswith("ceiling")
    assert record.decision.claims is not None


def test_what_fails_when_it_is_surveyed_is_taken(way: Way, good: bytes) -> None:
    """It is told that it failed, so no copy of it may be done later; nothing is applied."""
    receiver = Receiver(replace(door(way), policy=QUIET), new_memory(), START)
    (survey,) = receiver.handle(Bytes(encode_frame(good)))
    assert isinstance(survey, Survey)
    failed = ApplyFailed("no handler")
    assert (Persist(survey.request),) == receiver.handle(failed)
    assert (Apply(survey.request, failed),) == receiver.handle(Persisted(Standing.NEW, None))
    (record,) = receiver.handle(failed)
    assert isinstance(record, Record)
    assert Outcome.FAILED is record.decision.answer.outcome


def test_a_copy_of_what_failed_is_told_so(way: Way, good: bytes) -> None:
    """Two that were surveyed at once: one is taken."""
    receiver = Receiver(replace(door(way), policy=QUIET), new_memory(), START)
    receiver.handle(Bytes(encode_frame(good)))
    receiver.handle(ApplyFailed("no handler"))
    (record,) = receiver.handle(Persisted(Standing.SAME, Outcome.FAILED))
    assert isinstance(record, Record)
    assert Answer(Outcome.FAILED, repeated=True) == record.decision.answer


def test_what_would_make_too_many_loggers_is_refused_before_it_is_taken(local: Way) -> None:
    """It depends on the process, and is policy all the same: policy before state moves."""
    serving = replace(door(local), policy=Policy((), max_new_loggers=2), verbs=frozenset(Verb))
    memory = new_memory()
    receiver = Receiver(serving, memory, START, InForce(count_new=lambda _: (1, 2)))
    sealed = asking(local, Verb.LEASE, Stream.LEASE, levels={"payments": "DEBUG"})
    (record,) = receiver.handle(Bytes(encode_frame(sealed)))
    assert isinstance(record, Record)
    assert Reason.POLICY is record.decision.reason
    assert record.decision.detail.startswith("new-loggers: levels: 2 new ones")
    assert {} == memory.floors


def test_a_policy_that_raises_over_a_tree_refuses(
    way: Way, good: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug while judging is never an approval."""
    bug = ZeroDivisionError()

    def broken(*given: object) -> NoReturn:
        raise bug

    receiver = Receiver(replace(door(way), policy=QUIET), new_memory(), START)
    receiver.handle(Bytes(encode_frame(good)))
    monkeypatch.setattr(Policy, "judge_tree", broken)
    (record,) = receiver.handle(Surveyed(TREE, TREE))
    assert isinstance(record, Record)
    assert Reason.INTERNAL is record.decision.reason
    assert bug is record.decision.cause


@pytest.mark.parametrize(
    ("verb", "stream", "members", "served", "detail"),
    [
        (Verb.STATUS, Stream.READ, {}, {Verb.APPLY}, "status is not served here"),
        (
            Verb.APPLY,
            Stream.BASE,
            {"confirm_within_s": 60, "config": {"version": 1}},
            {Verb.APPLY},
            "apply on trial is not served here",
        ),
    ],
    ids=["status", "trial"],
)
def test_what_is_not_served_is_said(
    way: Way, verb: Verb, stream: Stream, members: dict[str, Any], served: set[Verb], detail: str
) -> None:
    """By name, and before the policy is asked."""
    serving = replace(door(way), verbs=frozenset(served))
    visit = Visit(serving).send(asking(way, verb, stream, **members))
    assert REFUSED == visit.kinds
    assert (Reason.VERB_NOT_SERVED, detail) == (visit.decision.reason, visit.decision.detail)


def test_what_runs_is_asked_before_anything_is_taken(way: Way) -> None:
    """The end of a lease that does not run is refused, and not remembered as done."""
    serving = replace(door(way), verbs=frozenset(Verb))
    visit = Visit(serving)
    in_force = InForce()
    visit.receiver = Receiver(serving, visit.memory, START, in_force)
    visit.send(asking(way, Verb.REVERT, Stream.LEASE, id="0" * 32))
    assert REFUSED == visit.kinds
    assert (Reason.NOT_IN_FORCE, Stage.STANDING) == (visit.decision.reason, visit.decision.stage)


def test_what_was_asked_to_be_known_is_told_where_answers_may_quote(way: Way) -> None:
    """Where requests are hidden, an answer in the clear hides its report as well."""
    serving = replace(door(way), verbs=frozenset(Verb))
    visit = Visit(serving, ends=AppliedHere(done="told its status", report=b"{}"))
    visit.send(asking(way, Verb.STATUS, Stream.READ))
    assert APPLIED == visit.kinds
    assert (b"{}" if tells(way) else b"") == visit.answer.report


def test_states_that_cannot_be_name_the_module(local: Way) -> None:
    """Should one be reached all the same, it is not taken for a decision."""
    good = local.seal(local.operator.body(DOCUMENT))
    unread, undecided = persisting(local, good), reporting(local, good)
    unread._request = undecided._decision = None
    with pytest.raises(RuntimeError, match=r"^sealwire\.receiver: .* before it was read"):
        unread.handle(Persisted(Standing.NEW, None))
    with pytest.raises(RuntimeError, match=r"^sealwire\.receiver: .* before it was made"):
        undecided.handle(Reported())


# ---- keyrings ----------------------------------------------------------------------------------


def ring_door(live: LiveKeyring, kind: Recommended, policy: Policy) -> Door:
    """Give the door of a service whose keys a keyring settles."""
    return Door(keyring_chain(live, kind), policy, verbs=frozenset(Verb), keys=live)


def listed_for(live: LiveKeyring, kind: Recommended) -> bytes:
    """Give a list of one keyring, which takes bob's key away."""
    new = following(live.current, in_state(live.keyring, BOB, State.COMPROMISED))
    layers = local_layers(ALICE)
    if kind is Recommended.NETWORK:
        layers = network_layers(mac("alice"), aead("alice"), ALICE)
    sealer = Sealer(
        AUDIENCE, layers, issuer="alice", state=MemorySealerState(), clock=lambda: NOW_MS
    )
    return sealer.wrap_keyrings(write_list([new.sealed]))


def new_ring() -> LiveKeyring:
    """Give what a service trusts."""
    return LiveKeyring(AUDIENCE, first(), [mac("alice"), aead("alice")])


@pytest.mark.parametrize("kind", Recommended)
def test_keyrings_are_not_for_the_policy(kind: Recommended) -> None:
    """They are persisted, done, recorded and answered; the second copy does nothing."""
    live, policy = new_ring(), Policy((Objecting(AssertionError("it was asked")),))
    sealed = listed_for(live, kind)
    visit = Visit(ring_door(live, kind, policy)).send(sealed)
    assert APPLIED == visit.kinds
    opened = visit.decision.opened
    assert opened is not None
    assert Outcome.APPLIED is visit.answer.outcome
    live.replace(live.follow(opened.body))
    again = Visit(ring_door(live, kind, policy)).send(sealed)
    assert REFUSED == again.kinds
    assert (Outcome.APPLIED, True) == (again.answer.outcome, again.answer.repeated)


def test_a_door_that_serves_no_keyrings_refuses_them() -> None:
    """As the one that is a callable."""
    live = new_ring()
    closed = replace(ring_door(live, Recommended.LOCAL, Policy(())), verbs=frozenset({Verb.APPLY}))
    visit = Visit(closed).send(listed_for(live, Recommended.LOCAL))
    assert Reason.VERB_NOT_SERVED is visit.decision.reason


def test_keys_are_judged_before_the_policy() -> None:
    """Whose role allows nothing is not told what the policy would say."""
    live, policy = new_ring(), Policy((Objecting(AssertionError("it was asked")),))
    sealer = Sealer(
        AUDIENCE, local_layers(BOB), issuer="bob", state=MemorySealerState(), clock=lambda: NOW_MS
    )
    visit = Visit(ring_door(live, Recommended.LOCAL, policy)).send(sealer.seal(DOCUMENT))
    assert Reason.KEY_ROLE is visit.decision.reason
