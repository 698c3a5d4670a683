"""The service: what it performs, what it remembers, and what it keeps from the host."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from sealwire import memory as memory_module
from sealwire import service as service_module
from sealwire.answering import Answering
from sealwire.answers import CONSTANT_REFUSAL, decode_answer
from sealwire.errors import ApplyError, Reason
from sealwire.events import Persist, Persisted
from sealwire.framing import encode_frame
from sealwire.keys import SigningKey
from sealwire.policy import Policy, default_rules
from sealwire.receipts import Asked, Mode, Receipt, open_receipt
from sealwire.receipts import Outcome as Said
from sealwire.receiver import Deadlines, Door
from sealwire.requests import read_request
from sealwire.service import Output, Service, Session
from sealwire.stages import Answer, Applied, Digest, Outcome, Stream, digest_of
from sealwire.stats import Refusal, Stats
from sealwire.versions import Standing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Operator, Way

    from sealwire.documents import LoggingPlan
    from sealwire.events import Decision

NOW_MS = 1_800_000_000_000
DOCUMENT = b'{"version": 1, "root": {"level": "DEBUG"}}'
DONE = Applied(Digest(bytes(32)), loggers=1, handlers=0)
REFUSAL = Output(encode_frame(CONSTANT_REFUSAL), close=True)
PEER = "uid 1000, pid 7"
PATIENCE_S = 20.0


class Clocks:
    """The machine's clocks, set by hand."""

    def __init__(self) -> None:
        self.wall_ms = NOW_MS - 60_000
        self.mono_ms = 5_000

    def advance(self, milliseconds: int) -> None:
        """Let time pass."""
        self.wall_ms += milliseconds
        self.mono_ms += milliseconds


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    """Give clocks that stand a minute before the time of the tests' messages."""
    clocks = Clocks()
    monkeypatch.setattr(memory_module, "wall_clock_ms", lambda: clocks.wall_ms)
    monkeypatch.setattr(service_module, "monotonic_ms", lambda: clocks.mono_ms)
    return clocks


class Tree:
    """What stands for the logging tree: it notes what is applied."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.applied: list[LoggingPlan] = []
        self.error = error

    def __call__(self, plan: LoggingPlan) -> Applied:
        """Note the plan."""
        self.applied.append(plan)
        if self.error is not None:
            raise self.error
        return DONE


def make(
    way: Way,
    clocks: Clocks,
    tree: Callable[[LoggingPlan], Applied],
    on_event: Callable[[Decision], None] | None = None,
    **more: Any,  # noqa: ANN401 - whatever else Service() takes
) -> Service:
    """Make a service a minute before the time of the tests' messages, and let it come."""
    clocks.wall_ms = NOW_MS - 60_000
    service = Service(Door(way.chain, Policy(default_rules())), tree, on_event, **more)
    clocks.advance(60_000)
    return service


def ask(service: Service, sealed: bytes) -> Answer:
    """Send one message on a connection of its own; give the answer."""
    output = Session(service, PEER).receive(encode_frame(sealed))
    assert output.close
    return decode_answer(output.reply[4:])


@contextmanager
def held(service: Service) -> Iterator[None]:
    """Let another thread hold the gate."""
    taken, over = threading.Event(), threading.Event()

    def hold() -> None:
        with service.undisturbed():
            taken.set()
            over.wait(PATIENCE_S)

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert taken.wait(PATIENCE_S)
        yield
    finally:
        over.set()
        holder.join(PATIENCE_S)


def at_once(count: int, step: Callable[[], Answer]) -> list[Answer]:
    """Give what ``step`` gives in so many threads, which begin together."""
    together = threading.Barrier(count)
    answers: list[Answer] = []

    def run() -> None:
        together.wait(PATIENCE_S)
        answers.append(step())

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    return answers


@pytest.fixture
def sealed(local: Way) -> bytes:
    """Give a message that is applied."""
    return local.seal(local.operator.body(DOCUMENT))


def test_a_message_is_applied_and_answered(local: Way, clocks: Clocks, sealed: bytes) -> None:
    """The plan of the document is applied, and the peer is told."""
    tree = Tree()
    service = make(local, clocks, tree)
    assert Answer(Outcome.APPLIED) == ask(service, sealed)
    (plan,) = tree.applied
    assert plan.root is not None
    assert logging.DEBUG == plan.root.level
    assert Stats(accepted=1, applied=1) == service.stats()


def test_a_session_says_what_it_wants(local: Way, clocks: Clocks, sealed: bytes) -> None:
    """A transport reads what is wanted, and learns from the output when it is over."""
    session = Session(make(local, clocks, Tree()), PEER)
    assert clocks.mono_ms == session.started_ms
    framed = encode_frame(sealed)
    assert (4, 0, False) == (session.wanted, session.buffered, session.has_length)
    assert Output() == session.receive(framed[:4])
    assert (len(sealed), 4, True) == (session.wanted, session.buffered, session.has_length)
    assert Output() == session.receive(framed[4:-1])
    output = session.receive(framed[-1:])
    assert output.close
    assert (0, 0) == (session.wanted, session.buffered)
    assert Output() == session.receive(b"")


def test_a_copy_changes_nothing(local: Way, clocks: Clocks, sealed: bytes) -> None:
    """However often it comes, and even when the clock has moved on."""
    tree = Tree()
    service = make(local, clocks, tree)
    ask(service, sealed)
    for _ in range(10):
        clocks.advance(1_000)
        assert Answer(Outcome.APPLIED, repeated=True) == ask(service, sealed)
    assert 1 == len(tree.applied)
    assert Stats(accepted=1, applied=1, repeated=10) == service.stats()


def test_many_threads_with_one_message(local: Way, clocks: Clocks, sealed: bytes) -> None:
    """Of eight copies at the same moment one is applied, and no two applies ever overlap."""
    overlapping, inside = [], threading.Lock()

    def apply(plan: LoggingPlan) -> Applied:
        overlapping.append(not inside.acquire(blocking=False))
        inside.release()
        return DONE

    for _ in range(50):
        service = make(local, clocks, apply)
        expected = [Answer(Outcome.APPLIED), *[Answer(Outcome.APPLIED, repeated=True)] * 7]
        answers = at_once(8, partial(ask, service, sealed))
        assert expected == sorted(answers, key=lambda answer: answer.repeated)
    assert [False] * 50 == overlapping


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (ApplyError("handlers.h: no such file"), "handlers.h: no such file"),
        (ZeroDivisionError("with a password"), "ZeroDivisionError, see the service's log"),
    ],
)
def test_what_cannot_be_applied_has_failed(
    local: Way, clocks: Clocks, sealed: bytes, error: Exception, detail: str
) -> None:
    """It is told, remembered, and not tried again with the next copy."""
    tree = Tree(error)
    service = make(local, clocks, tree)
    assert Answer(Outcome.FAILED, detail=detail) == ask(service, sealed)
    tree.error = None
    assert Answer(Outcome.FAILED, repeated=True) == ask(service, sealed)
    assert 1 == len(tree.applied)
    refusals = (Refusal(NOW_MS, "apply-failed", detail, PEER, "alice"),)
    assert Stats(accepted=1, failed=1, repeated=1, refusals=refusals) == service.stats()


def test_a_bug_while_applying_is_logged(
    local: Way, clocks: Clocks, sealed: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Its words may hold anything, so they go to the log alone, with the traceback."""
    bug = ZeroDivisionError("with a password")
    ask(make(local, clocks, Tree(bug)), sealed)
    errors = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert ["a bug of ours while applying"] == [each.getMessage() for each in errors]
    assert errors[0].exc_info is not None
    assert bug is errors[0].exc_info[1]


def test_the_callback_sees_every_decision(local: Way, clocks: Clocks, sealed: bytes) -> None:
    """Applied, repeated and refused, in their order, peers that may not connect included."""
    seen: list[Decision] = []
    service = make(local, clocks, Tree(), seen.append)
    ask(service, sealed)
    ask(service, sealed)
    ask(service, b"junk")
    service.refuse_peer(PEER)
    assert [
        (Outcome.APPLIED, None, False),
        (Outcome.APPLIED, None, True),
        (Outcome.REFUSED, Reason.ENVELOPE_MALFORMED, False),
        (Outcome.REFUSED, Reason.PEER_NOT_ALLOWED, False),
    ] == [(each.answer.outcome, each.reason, each.answer.repeated) for each in seen]


def test_a_callback_that_raises_harms_nobody(
    local: Way, clocks: Clocks, sealed: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """The message is applied and answered, and the host finds its bug in our log."""

    def raising(decision: Decision) -> None:
        raise LookupError("the host's own bug")

    service = make(local, clocks, Tree(), raising)
    assert Answer(Outcome.APPLIED) == ask(service, sealed)
    service.refuse_peer(PEER)
    errors = [each.getMessage() for each in caplog.records if each.levelno == logging.ERROR]
    assert ["on_event raised"] * 2 == errors


def test_a_callback_may_ask_for_statistics(local: Way, clocks: Clocks, sealed: bytes) -> None:
    """It runs inside the gate, and what it is told about is counted already."""
    counts: list[int] = []
    service = make(local, clocks, Tree(), lambda _: counts.append(service.stats().applied))
    ask(service, sealed)
    assert [1] == counts


def test_a_peer_that_may_not_connect_is_recorded(local: Way, clocks: Clocks) -> None:
    """Nothing was read from it, and it is a refusal like others."""
    service = make(local, clocks, Tree())
    service.refuse_peer(PEER)
    refusal = Refusal(NOW_MS, "peer-not-allowed", "this user may not connect", PEER)
    refused_for = {"peer-not-allowed": 1}
    assert Stats(refused=1, refused_for=refused_for, refusals=(refusal,)) == service.stats()


def test_what_has_begun_says_for_how_long(local: Way, clocks: Clocks) -> None:
    """By the clock that never jumps; what has ended has no age."""
    service = make(local, clocks, Tree())
    assert 0.0 == service.stats().uptime_s
    service.begin()
    clocks.advance(1_500)
    assert 1.5 == service.stats().uptime_s
    service.end()
    assert 0.0 == service.stats().uptime_s


def test_what_another_process_took_is_not_accepted_again(
    local: Way, clocks: Clocks, sealed: bytes
) -> None:
    """With a journal, a message that was new when it was looked at may be none when it is taken."""
    service = make(local, clocks, Tree())
    opened = local.chain.open(sealed, now_ms=NOW_MS)
    taking = Persist(read_request(opened))
    expected = [Persisted(Standing.NEW, None), Persisted(Standing.SAME, None)]
    assert expected == [service._perform(taking, PEER), service._perform(taking, PEER)]
    assert 1 == service.stats().accepted


def test_what_is_not_allowed_is_not_accepted(local: Way, clocks: Clocks) -> None:
    """Accepted is what passed the policy; the value of the reason says what did not."""
    service = make(local, clocks, Tree())
    ask(service, local.seal(local.operator.body(b'{"version": 1, "handlers": {"h": {"()": "x"}}}')))
    ask(service, b"junk")
    ask(service, b"junk")
    stats = service.stats()
    assert (0, 3) == (stats.accepted, stats.refused)
    assert {"policy": 1, "envelope-malformed": 2} == stats.refused_for


def test_the_clock_never_goes_back(local: Way, clocks: Clocks, alice: Operator) -> None:
    """A message that had expired stays so when the wall clock is set back."""
    service = make(local, clocks, Tree())
    clocks.advance(600_000)
    service.tick()
    clocks.wall_ms = NOW_MS
    assert NOW_MS + 600_000 == service.tick().now_ms
    assert "expired" == ask(service, local.seal(alice.body(DOCUMENT))).reason


def test_what_was_sealed_before_the_start_is_refused(local: Way, clocks: Clocks) -> None:
    """A new memory cannot know whether it was taken before, in the same millisecond included."""
    clocks.advance(60_000)
    service = Service(Door(local.chain, Policy(default_rules())), Tree())
    answer = ask(service, local.seal(local.operator.body(DOCUMENT)))
    assert "version-before-start" == answer.reason
    clocks.advance(1)
    body = local.operator.body(DOCUMENT, version=NOW_MS + 1)
    assert Answer(Outcome.APPLIED) == ask(service, local.seal(body))


def test_a_deadline_is_judged_with_the_next_event(local: Way, clocks: Clocks) -> None:
    """Time is looked at before the bytes that came too late."""
    session = Session(make(local, clocks, Tree()), PEER)
    clocks.advance(1_999)
    assert Output() == session.let_time_pass()
    clocks.advance(1)
    assert REFUSAL == session.receive(b"\x00")
    assert Output() == session.let_time_pass()


def test_a_session_can_be_crowded_out(local: Way, clocks: Clocks) -> None:
    """Whoever needs its place says why, for the log; the peer is told what any stranger is."""
    service = make(local, clocks, Tree())
    session = Session(service, PEER)
    assert REFUSAL == session.crowd_out("256 connections are open")
    (refusal,) = service.stats().refusals
    assert ("crowded-out", "256 connections are open") == (refusal.reason, refusal.detail)


def test_a_flood_is_counted_when_its_minute_is_over(
    local: Way, clocks: Clocks, caplog: pytest.LogCaptureFixture
) -> None:
    """The service owes one line, and pays it when somebody lets the time pass."""
    service = make(local, clocks, Tree())
    for _ in range(25):
        ask(service, b"junk")
    assert 10 == len(caplog.records)
    assert service.owes_a_line
    clocks.advance(59_999)
    service.let_time_pass()
    assert 10 == len(caplog.records)
    clocks.advance(1)
    service.let_time_pass()
    assert "left out 15 lines about strangers in a minute" == caplog.messages[-1]
    assert not service.owes_a_line


def test_no_reply_is_lost_between_two_sessions(local: Way, clocks: Clocks, sealed: bytes) -> None:
    """Each session has its own receiver: what one sends is no part of another's frame."""
    service = make(local, clocks, Tree())
    first, second = Session(service, PEER), Session(service, PEER)
    framed = encode_frame(sealed)
    first.receive(framed[:10])
    second.receive(framed[:7])
    assert decode_answer(first.receive(framed[10:]).reply[4:]) == Answer(Outcome.APPLIED)
    repeated = Answer(Outcome.APPLIED, repeated=True)
    assert repeated == decode_answer(second.receive(framed[7:]).reply[4:])


def test_holding_the_gate_keeps_changes_off(local: Way, clocks: Clocks, sealed: bytes) -> None:
    """Whoever holds it sees nothing applied; the message waits and is not lost."""
    tree, answers = Tree(), []
    service = make(local, clocks, tree)
    with service._memory.hold_still():
        sender = threading.Thread(target=lambda: answers.append(ask(service, sealed)))
        sender.start()
        sender.join(0.05)
        assert [] == tree.applied
    sender.join(PATIENCE_S)
    assert [Answer(Outcome.APPLIED)] == answers


def test_a_gate_that_is_held_is_not_waited_for_without_end(local: Way, clocks: Clocks) -> None:
    """After its time it goes on without, and does not release what it does not hold."""
    service = make(local, clocks, Tree())
    with held(service), service._memory.hold_still(0.01):
        pass
    with service._memory.hold_still(PATIENCE_S):
        pass


def test_a_forked_child_gets_a_gate_of_its_own(local: Way, clocks: Clocks, sealed: bytes) -> None:
    """One that a thread of the parent held would never be released there."""
    service = make(local, clocks, Tree())
    with held(service):
        service._memory.abandon()
        # It answers; and what the parent may take as well is from before its time.
        assert "version-before-start" == ask(service, sealed).reason


def test_the_deadlines_come_from_the_door(local: Way, clocks: Clocks) -> None:
    """A host that sets its own gets its own."""
    door = replace(Door(local.chain, Policy(default_rules())), deadlines=Deadlines(length_ms=10))
    session = Session(Service(door, Tree()), PEER)
    clocks.advance(10)
    assert REFUSAL == session.let_time_pass()


# ---- receipts ------------------------------------------------------------------------------------

HOST = SigningKey(bytes(range(32)), owner="host-a")


def signing(way: Way, clocks: Clocks, tree: Tree) -> Service:
    """Make a service that signs what it answers, and does not want a challenge yet."""
    return make(way, clocks, tree, answering=Answering(HOST, way.chain))


def receipt_of(service: Service, way: Way, body: bytes) -> Receipt:
    """Send a message; give the receipt that came, verified."""
    reply = Session(service, PEER).receive(encode_frame(way.seal(body))).reply[4:]
    claims = way.operator.claims()
    asked = Asked(claims.aud, Stream.BASE, claims.cti, digest_of(body))
    key = way.operator.aead if len(way.layers) > 1 else None
    return open_receipt(reply, asked, HOST.verify_key, key, now_ms=NOW_MS)


def test_what_was_done_is_answered_by_a_receipt(way: Way, clocks: Clocks) -> None:
    """With the floor that the message has become, in both chains."""
    service, body = signing(way, clocks, Tree()), way.operator.body(DOCUMENT)
    receipt = receipt_of(service, way, body)
    assert Receipt(Said.APPLIED, Mode.WAIT_OUT, NOW_MS, floor_ms=NOW_MS) == receipt
    again = receipt_of(service, way, body)
    assert (Said.APPLIED, True) == (again.outcome, again.repeated)


def test_what_was_not_done_is_answered_by_a_receipt(way: Way, clocks: Clocks) -> None:
    """With the reason and its detail, where requests are encrypted as well."""
    service = signing(way, clocks, Tree(ApplyError("handlers.h: no such file")))
    alice = way.operator
    failed = receipt_of(service, way, alice.body(DOCUMENT))
    assert (Said.FAILED, "handlers.h: no such file") == (failed.outcome, failed.detail)
    superseded = receipt_of(service, way, alice.body(DOCUMENT, version=NOW_MS - 1))
    assert ("version-superseded", NOW_MS) == (superseded.reason, superseded.floor_ms)
    second = NOW_MS // 1000
    for claims, reason in (
        ({"iat": second - 301, "exp": second - 1}, "expired"),
        ({"iat": second + 2}, "not-yet-valid"),
    ):
        refused = receipt_of(service, way, alice.body(DOCUMENT, **claims))  # type: ignore[arg-type]
        assert (Said.REFUSED, reason, NOW_MS) == (refused.outcome, refused.reason, refused.at_ms)
        assert "clock" in refused.detail


def test_a_stranger_is_answered_as_ever(way: Way, clocks: Clocks) -> None:
    """The same bytes for every cause, and no signature that would cost the host something."""
    service = signing(way, clocks, Tree())
    sealed = way.seal()
    for junk in (b"junk", sealed[:-1], sealed[:-1] + bytes([sealed[-1] ^ 1])):
        assert REFUSAL == Session(service, PEER).receive(encode_frame(junk))


def test_a_body_that_cannot_be_read_is_answered_unsigned(local: Way, clocks: Clocks) -> None:
    """It names no request that a receipt could answer."""
    answer = ask(signing(local, clocks, Tree()), local.seal(b"\x00"))
    assert (Outcome.REFUSED, "body-malformed") == (answer.outcome, answer.reason)


def test_a_receipt_that_cannot_be_written_is_left_out(
    local: Way, clocks: Clocks, sealed: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """What was done is answered in any case, and the bug is in the log."""

    class Broken(Answering):
        """It has a bug."""

        def receipt_for(self, *given: Any, **more: Any) -> bytes:  # noqa: ANN401 - as it is called
            """Raise."""
            raise ZeroDivisionError

    service = make(local, clocks, Tree(), answering=Broken(HOST, local.chain))
    assert Answer(Outcome.APPLIED) == ask(service, sealed)
    (line,) = [each.getMessage() for each in caplog.records if each.levelno == logging.ERROR]
    assert "the answer is unsigned" in line


def test_a_service_with_a_receipt_key_wants_its_challenge(way: Way, clocks: Clocks) -> None:
    """It is drawn at the start, told in the refusal, and shows what was sealed since."""
    service = signing(way, clocks, tree := Tree())
    service.begin()
    alice = way.operator
    refused = receipt_of(service, way, alice.body(DOCUMENT))
    assert ("challenge-required", Mode.CHALLENGE) == (refused.reason, refused.mode)
    assert 16 == len(refused.challenge)
    other = receipt_of(service, way, alice.body(DOCUMENT, nonce=bytes(16)))
    assert ("challenge-required", refused.challenge) == (other.reason, other.challenge)
    assert [] == tree.applied
    # The message was sealed a minute before this service began, by its version.
    body = alice.body(DOCUMENT, nonce=refused.challenge, version=NOW_MS - 120_000)
    applied = receipt_of(service, way, body)
    assert (Said.APPLIED, b"") == (applied.outcome, applied.challenge)
    assert 1 == len(tree.applied)


def test_each_start_draws_its_own_challenge(local: Way, clocks: Clocks) -> None:
    """What the one has handed out is nothing to the next, nor to a forked child."""
    body = local.operator.body(DOCUMENT)
    one, other = signing(local, clocks, Tree()), signing(local, clocks, Tree())
    one.begin()
    other.begin()
    drawn = [receipt_of(each, local, body).challenge for each in (one, other)]
    one.begin()
    # Stopped and started in one process it remembers what it has taken.
    assert drawn[0] == receipt_of(one, local, body).challenge
    one._memory.abandon()
    one.begin()
    drawn.append(receipt_of(one, local, body).challenge)
    assert 3 == len(set(drawn))


def test_without_a_receipt_key_nothing_is_challenged(
    local: Way, clocks: Clocks, sealed: bytes
) -> None:
    """Nobody could hand it out; also where a listener before had one."""
    service = signing(local, clocks, Tree())
    service.begin()
    plain = make(local, clocks, Tree(), memory=service._memory)
    plain.begin()
    clocks.advance(60_000)
    assert Answer(Outcome.APPLIED) == ask(
        plain, local.seal(local.operator.body(DOCUMENT, version=NOW_MS + 1))
    )
