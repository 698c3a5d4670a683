"""The processes of a service, as one of them sees the others: who does what, and what is said."""

from __future__ import annotations

import contextlib
import json
import logging
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from sealwire import StateError
from sealwire import workers as workers_module
from sealwire.clock import monotonic_ms
from sealwire.members import Members
from sealwire.policy import Quorum
from sealwire.receipts import Instance, Outcome
from sealwire.requests import Lease, Revert
from sealwire.workers import STALE, Row, Workers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import Operator

    from sealwire.documents import JsonValue
    from sealwire.requests import Request

PATIENCE_S = 20.0
MakeRequest: TypeAlias = "Callable[[type[Request]], Request]"
LEADS, FOLLOWS, LATE = 0, 1, 2


class Journal:
    """What a process follows: it says what has become of a request, or what is wrong."""

    def __init__(self) -> None:
        self.become = Outcome.APPLIED, ""
        self.wrong: Exception | None = None
        self.trouble = ""
        self.looks = self.holds = 0

    def look(self) -> None:
        """Follow."""
        self.looks += 1
        if self.wrong is not None:
            raise self.wrong

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Follow, alone."""
        self.holds += 1
        if self.wrong is not None:
            raise self.wrong
        yield

    def become_of(self, request_id: str) -> tuple[Outcome, str]:
        """Say what has become of a request."""
        return self.become


class Process:
    """One process of the service, in this one."""

    def __init__(self, folder: Path, quorum: Quorum) -> None:
        """Take a place."""
        self.members, self.journal = Members(folder), Journal()
        self.in_force = SimpleNamespace(
            instance=f"host-1/worker-{self.members.number}",
            base=SimpleNamespace(digest="ab12"),
            overlay=SimpleNamespace(leases=(SimpleNamespace(id="cd34"),)),
            drift=("a", "b"),
            set_aside=("something",),
        )
        engine: Any = SimpleNamespace(in_force=self.in_force)
        durable: Any = self.journal
        self.workers = Workers(self.members, engine, durable, quorum)
        self.looked = 0
        self._thread: threading.Thread | None = None
        self.done = False

    def serve(self) -> None:
        """Do what is asked for, in a thread."""
        self._serve(self.hear)

    def serve_by(self, answer: Callable[[int, dict[str, JsonValue]], None]) -> None:
        """Do something else instead, in a thread."""

        def hear() -> None:
            for number, said in self.members.hear():
                answer(number, said)

        self._serve(hear)

    def _serve(self, hear: Callable[[], None]) -> None:
        def run() -> None:
            while not self.done:
                if self.members.wait_to_hear(monotonic_ms() + 20):
                    hear()

        self._thread = threading.Thread(target=run)
        self._thread.start()

    def hear(self) -> None:
        """Do what has been asked for so far."""

        def look() -> None:
            self.looked += 1

        self.workers.listen(look)

    def pause(self) -> None:
        """Do nothing until the next `serve`."""
        self.done = True
        if self._thread is not None:
            self._thread.join(PATIENCE_S)
        self._thread, self.done = None, False

    def end(self) -> None:
        """Give the place back."""
        self.pause()
        self.workers.close()


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[list[Process]]:
    """Give three; the first leads."""
    made = [Process(tmp_path, Quorum.ALL) for _ in range(3)]
    assert made[LEADS].workers.is_to_lead()
    yield made
    for each in made:
        each.end()


@pytest.fixture
def request_of(alice: Operator) -> MakeRequest:
    """Give what makes a request of a kind."""

    def make(kind: type[Request]) -> Request:
        if kind is Revert:
            return Revert(alice.opened())
        return Lease(alice.opened(), levels=(("payments", logging.DEBUG),))

    return make


@pytest.fixture(autouse=True)
def _little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who hangs here hangs for good."""
    monkeypatch.setattr(workers_module, "REPORT_MS", 300)


# ---- who leads -----------------------------------------------------------------------------------


def test_one_leads_and_the_others_look_again(processes: list[Process]) -> None:
    """Each so often, and again at once when there is nobody."""
    leads, follows, late = (each.workers for each in processes)
    assert leads.leads
    assert leads.next_look_ms is None
    assert not leads.is_to_lead()
    assert not follows.is_to_lead()
    due_ms = follows.next_look_ms
    assert due_ms is not None
    leads.lead_no_more()
    assert not follows.is_to_lead(), "it has just looked"
    assert late.is_to_lead()
    again_ms = leads.next_look_ms
    assert again_ms is not None
    assert again_ms > due_ms, "whoever could not goes behind the others"


def test_whoever_takes_over_follows_and_has_the_others_follow(
    processes: list[Process], caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody waits, and what they say then is not asked for."""
    leads, follows, _ = processes
    leads.workers.take_over()
    follows.hear()
    assert (1, 1, 1) == (leads.journal.holds, follows.journal.looks, follows.looked)
    leads.hear()
    leads.journal.wrong = StateError("the disk is gone")
    with caplog.at_level(logging.ERROR, "sealwire"):
        leads.workers.take_over()
    assert "cannot be followed as yet: the disk is gone" in caplog.text


def test_a_pattern_may_fit_another_process(processes: list[Process]) -> None:
    """As whoever leads knows; one that follows is asked by nobody."""
    leads, follows, _ = (each.workers for each in processes)
    assert leads.is_anybody("host-1/worker-2")
    assert leads.is_anybody("*-1")
    assert not leads.is_anybody("host-1/worker-0")
    assert not follows.is_anybody("host-1/worker-0")
    # Who is asked whether it is there passes over that.
    processes[FOLLOWS].hear()
    assert 0 == processes[FOLLOWS].looked
    # As a process does that is killed: its name stays in the folder.
    processes[FOLLOWS].members.abandon()
    assert not leads.is_anybody("*-1")
    assert leads.is_anybody("*")


def test_the_socket_is_that_of_the_place(processes: list[Process]) -> None:
    """The server's loop looks at it."""
    assert processes[LEADS].members.socket is processes[LEADS].workers.socket


# ---- a change ------------------------------------------------------------------------------------


def test_everybody_follows_and_says_so(processes: list[Process], request_of: MakeRequest) -> None:
    """Under the name of its place, whatever it calls itself; who cannot says why."""
    leads, follows, late = processes
    follows.in_force.instance = "host-1/worker-0"
    late.journal.become = Outcome.FAILED, "a floor forbids it"
    follows.serve()
    late.serve()
    rows = leads.workers.spread(request_of(Lease))
    assert (
        Instance("host-1/worker-1", Outcome.APPLIED, ""),
        Instance("host-1/worker-2", Outcome.FAILED, "a floor forbids it"),
    ) == rows
    assert (1, 1) == (follows.looked, late.looked)


def test_what_was_reverted_is_said_so(processes: list[Process], request_of: MakeRequest) -> None:
    """A process that follows knows what stands, and not what it was asked for."""
    processes[FOLLOWS].serve()
    processes[LATE].journal.become = Outcome.NOT_ADDRESSED, ""
    processes[LATE].serve()
    rows = processes[LEADS].workers.spread(request_of(Revert))
    assert [Outcome.REVERTED, Outcome.NOT_ADDRESSED] == [each.outcome for each in rows]


def test_what_is_not_written_has_nobody_followed(
    processes: list[Process], request_of: MakeRequest
) -> None:
    """They look, and there is nothing yet; whoever does not answer is stale all the same."""
    processes[FOLLOWS].serve()
    rows = processes[LEADS].workers.spread(request_of(Revert), "no space left")
    said = "it follows when this is written: no space left"
    assert Instance("host-1/worker-1", Outcome.FAILED, said) == rows[0]
    assert Instance("host-1/worker-2", Outcome.FAILED, STALE) == rows[1]


def test_one_that_answers_too_late_is_waited_for_again(
    processes: list[Process], request_of: MakeRequest
) -> None:
    """Whenever that is heard: while others are asked for something, or before the next question."""
    leads, follows, late = processes
    for hear in (leads.hear, lambda: None):
        rows = leads.workers.spread(request_of(Lease))
        assert {STALE} == {each.detail for each in rows}
        follows.hear()
        late.hear()
        hear()
        follows.serve()
        late.serve()
        rows = leads.workers.spread(request_of(Lease))
        assert [Outcome.APPLIED] * 2 == [each.outcome for each in rows]
        follows.pause()
        late.pause()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (StateError("the lock is held"), "the lock is held"),
        (RuntimeError("secret"), "RuntimeError, see this process's log"),
    ],
)
def test_one_that_cannot_follow_says_why(
    processes: list[Process], request_of: MakeRequest, wrong: Exception, said: str
) -> None:
    """In words of ours: what a class of the host's says may be anything."""
    processes[FOLLOWS].journal.wrong = wrong
    processes[FOLLOWS].serve()
    processes[LATE].serve()
    rows = processes[LEADS].workers.spread(request_of(Lease))
    assert Instance("worker-1", Outcome.FAILED, said)[1:] == rows[0][1:]


def test_one_that_hangs_is_waited_for_once(
    processes: list[Process], request_of: MakeRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is named each time, and waited for again once it has answered."""
    leads, follows, late = processes
    late.serve()
    rows = leads.workers.spread(request_of(Lease))
    assert Instance("host-1/worker-1", Outcome.FAILED, STALE) == rows[0]
    monkeypatch.setattr(workers_module, "REPORT_MS", 600_000)
    rows = leads.workers.spread(request_of(Lease))
    assert (STALE, "") == (rows[0].detail, rows[1].detail)
    # It comes by again, and what it says of before is no answer to what is asked next.
    follows.serve()
    while rows[0].detail:
        rows = leads.workers.spread(request_of(Lease))
    assert Outcome.APPLIED is rows[0].outcome


def test_what_nobody_asks_and_an_answer_of_nobody_say_nothing(
    processes: list[Process], request_of: MakeRequest
) -> None:
    """A message may say anything; who sends it has our user."""
    leads, follows, late = processes
    follows.serve()
    late.serve()
    for what in ("followed", "told", "follow"):
        late.members.tell(LEADS, {"what": what, "ticket": 1, "outcome": 7})
    deep: JsonValue = 1
    for _ in range(500):
        deep = [deep]
    follows.members.tell(LATE, {"what": "follow", "ticket": deep, "request": deep})
    rows = leads.workers.spread(request_of(Lease))
    assert [Outcome.APPLIED] * 2 == [each.outcome for each in rows]
    follows.members.tell(LATE, {"what": "nothing that there is"})
    leads.journal.look()


def test_what_has_become_of_it_is_read_strictly(
    processes: list[Process],
    request_of: MakeRequest,
) -> None:
    """What is none of the outcomes is a failure."""
    outcome: Any = SimpleNamespace(value="splendid")
    processes[FOLLOWS].journal.become = outcome, ""
    processes[FOLLOWS].serve()
    processes[LATE].serve()
    assert Outcome.FAILED is processes[LEADS].workers.spread(request_of(Lease))[0].outcome


# ---- what each says of itself --------------------------------------------------------------------


def test_every_process_says_what_it_has(processes: list[Process]) -> None:
    """Whoever is asked comes first; who does not answer is named."""
    leads, follows, _ = processes
    leads.journal.trouble = "no room"
    follows.serve()
    rows = leads.workers.rows()
    own = Row("host-1/worker-0", "ab12", ("cd34",), 2, "no room; something", leads=True)
    other = Row("host-1/worker-1", "ab12", ("cd34",), 2, "something")
    assert (own, other, Row("host-1/worker-2", stale=True)) == rows


def test_what_is_said_is_read_whatever_it_is() -> None:
    """Numbers for lists, and text for numbers."""
    said: Any = {"instance": 7, "leases": 1, "drift": "x", "leads": 1}
    assert Row("") == workers_module._read_row(said)


def test_what_is_said_is_short_and_can_be_written() -> None:
    """A row goes into receipts and answers, which one process is not to fill or to spoil."""
    said: Any = {
        "base": "a" * 60_000,
        "leases": ["\ud800"] * 20_000,
        "drift": -(10**4000),
        "trouble": "\ud800" + "b" * 60_000,
    }
    row = workers_module._read_row(said)
    assert row.base == "a" * 500
    assert row.leases == ("?",) * 100
    assert row.drift == 0
    assert row.trouble == "?" + "b" * 499


def test_one_process_has_one_row(processes: list[Process], request_of: MakeRequest) -> None:
    """Whoever answers for places that nobody has is not counted for them."""
    leads, follows, _ = processes

    def answers(_: int, said: dict[str, JsonValue]) -> None:
        for place in (3, 4, 5, FOLLOWS):
            answer = {"what": "followed", "ticket": said["ticket"], "outcome": "applied"}
            data = json.dumps({**answer, "from": place}).encode()
            follows.members.socket.sendto(data, leads.members._way_to(LEADS))

    follows.serve_by(answers)
    rows = leads.workers.spread(request_of(Lease))
    assert ["host-1/worker-1", "host-1/worker-2"] == [each.name for each in rows]
    assert [Outcome.APPLIED, Outcome.FAILED] == [each.outcome for each in rows]


def test_who_asks_and_does_not_read_is_waited_for_once(
    processes: list[Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often it has asked, others are served after that."""
    leads, follows, _ = processes
    monkeypatch.setattr(workers_module, "ANSWER_MS", 5)
    patience: list[int] = []

    def waits(_: int, __: dict[str, JsonValue], *, patience_ms: int) -> bool:
        patience.append(patience_ms)
        until_ms = monotonic_ms() + patience_ms
        while monotonic_ms() < until_ms:
            pass
        return True

    for _ in range(3):
        leads.members.tell(FOLLOWS, {"what": "ask", "ticket": 1})
    monkeypatch.setattr(follows.members, "tell", waits)
    follows.hear()
    assert [5, 0, 0] == patience


def test_one_that_never_stops_talking_holds_nobody_up(
    processes: list[Process], request_of: MakeRequest
) -> None:
    """It is waited for no longer than one that is silent."""
    leads, follows, _ = processes

    def talks(_: int, __: dict[str, JsonValue]) -> None:
        while not follows.done:
            follows.members.tell(LEADS, {"what": "followed", "ticket": 1})

    follows.serve_by(talks)
    rows = leads.workers.spread(request_of(Lease))
    assert [STALE, STALE] == [each.detail for each in rows]


# ---- how many are enough -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quorum", "outcomes", "here", "enough"),
    [
        (Quorum.ALL, "aa", True, True),
        (Quorum.ALL, "af", True, False),
        (Quorum.ALL, "as", True, True),
        (Quorum.MAJORITY, "af", True, True),
        (Quorum.MAJORITY, "af", False, False),
        (Quorum.MAJORITY, "ff", True, False),
        (Quorum.ANY, "ff", True, True),
        (Quorum.ANY, "ff", False, False),
        (Quorum.ANY, "nn", False, False),
    ],
)
def test_how_many_have_to_have_done_it(
    tmp_path: Path, quorum: Quorum, outcomes: str, *, here: bool, enough: bool
) -> None:
    """Applied, failed, stale, not addressed: who does not answer counts neither way."""
    each = {
        "a": Instance("x", Outcome.APPLIED, ""),
        "f": Instance("x", Outcome.FAILED, "why"),
        "s": Instance("x", Outcome.FAILED, STALE),
        "n": Instance("x", Outcome.NOT_ADDRESSED, ""),
    }
    process = Process(tmp_path, quorum)
    rows = tuple(each[name] for name in outcomes)
    assert enough is process.workers.is_enough(rows, here=here)
    process.workers.abandon()
    assert -1 == process.members.socket.fileno()
