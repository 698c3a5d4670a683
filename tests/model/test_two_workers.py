"""Every order in which two workers of one service, their disk and an attacker can go on.

The model has the steps of `sealwire.durable` and `sealwire.journal`, one at a time, and none of
their code. Either worker may die at each step, or both lose the power, and with it what was not
synced. All messages there will ever be are in the attacker's hands from the start, and come to
either worker in any order, as often as wanted. docs/explanation/model.md says what the model leaves
out, and how many states there are.
"""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Message(NamedTuple):
    """A request that changes logging."""

    name: str
    version: int
    old_key: bool = True
    allowed: bool = True


class Worker(NamedTuple):
    """A process: what is in force in it, which key it trusts, and which one it should."""

    here: Message
    new_key: bool
    told: bool


class Journal(NamedTuple):
    """Which message the floor is of and what became of it; what stands; whether it is an intent."""

    floor: Message
    outcome: str
    stands: Message
    open: bool = False


class Turn(NamedTuple):
    """Who holds the journal's lock, what it does next, with what, and whether it answers."""

    who: int
    step: str
    message: Message
    answers: bool


class State(NamedTuple):
    """Everything; and what has been made, decided and answered since the beginning of time."""

    workers: tuple[Worker | None, ...]
    journal: Journal
    disk: Journal
    turn: Turn | None = None
    rotated: bool = False
    made: frozenset[Message] = frozenset()
    decided: frozenset[tuple[Message, str]] = frozenset()
    answered: frozenset[tuple[Message, str]] = frozenset()
    wrong: str = ""


class Rules(NamedTuple):
    """How the workers go about it; ``broken`` is what they get wrong."""

    broken: str = ""
    together: bool = True
    """Whether a change is made in both before it is settled; else each follows in its turn."""

    @property
    def order(self) -> list[str]:
        """The steps of a change, and behind them those of one that fails."""
        orders = {
            "made before it is written": "make tell write sync settle answer",
            "made before it is synced": "write make tell settle answer",
            "answered before it is settled": "write sync make tell answer settle",
        }
        good = orders.get(self.broken, "write sync make tell settle answer").split()
        order = [*good, "", "undo", "undo there", "abort", "refuse", ""]
        return [step for step in order if self.together or step not in {"tell", "undo there"}]


SET_UP = Message("set-up", 0)
# Two in a row, one that equivocates, one of the new key, one that a thief of the old key seals
# later, and one that the policy does not allow.
MESSAGES = (
    *(Message("A1", 1), Message("A2", 2), Message("X2", 2), Message("B3", 3, old_key=False)),
    *(Message("A4", 4), Message("R5", 5, allowed=False)),
)
START = Journal(SET_UP, "", SET_UP)


def put(state: State, who: int, worker: Worker | None) -> State:
    """Give the state with another worker."""
    both = tuple(worker if n == who else each for n, each in enumerate(state.workers))
    return state._replace(workers=both)


def written(state: State, journal: Journal) -> State:
    """Give the state with a journal that is on the disk."""
    return state._replace(journal=journal, disk=journal)


def following(was: State, rules: Rules) -> Iterator[tuple[str, State]]:
    """Give everything that can happen next."""
    if any(was.workers):
        dark = was._replace(workers=(None, None), journal=was.disk, turn=None)
        yield "the power fails", dark
    if not was.rotated:
        yield "the old key is withdrawn", was._replace(rotated=True)
    for who, worker in enumerate(was.workers):
        if worker is None:
            if was.turn is None:
                key = was.rotated and rules.broken != "a start forgets the rotation"
                yield f"{who} starts", put(was, who, Worker(was.journal.stands, key, was.rotated))
            continue
        turn = None if was.turn is None or was.turn.who == who else was.turn
        yield f"{who} dies", put(was, who, None)._replace(turn=turn)
        if was.rotated and not worker.told:
            yield f"{who} reads the keys", put(was, who, worker._replace(new_key=True, told=True))
        if was.turn is None and was.journal.open:
            yield f"{who} finds an intent", found(was, who, rules)
        elif was.turn is None:
            for message in MESSAGES:
                yield f"{message.name} comes to {who}", came(was, who, worker, message, rules)
    if was.turn is not None:
        yield from went_on(was, was.turn, rules)


def found(was: State, who: int, rules: Rules) -> State:
    """Go on with what somebody else had begun."""
    if rules.broken == "an intent is not made again":
        return written(was, was.journal._replace(open=False))
    first = "make" if rules.broken.endswith("before it is synced") else "sync"
    return was._replace(turn=Turn(who, first, was.journal.floor, answers=False))


def came(was: State, who: int, worker: Worker, message: Message, rules: Rules) -> State:
    """Judge a message as one does who holds the lock and does first what others have done."""
    floor, worker = was.journal.floor, worker._replace(here=was.journal.stands)
    was = put(was, who, worker)
    if message.old_key == worker.new_key or message.version < floor.version:
        return was
    if message.version == floor.version:
        if message == floor and rules.broken == "a copy is taken for the state":
            was = put(was, who, worker._replace(here=message))
        told = {(message, was.journal.outcome)} if message == floor else set()
        return was._replace(answered=was.answered | told)
    if not message.allowed:
        moves = rules.broken == "the floor moves before the policy"
        return written(was, Journal(message, "refused", was.journal.stands)) if moves else was
    wrong = "a withdrawn key is taken" if message.old_key and worker.told else ""
    wrong = "a message is new twice" if message in was.made else wrong
    return was._replace(turn=Turn(who, rules.order[0], message, answers=True), wrong=wrong)


def went_on(was: State, turn: Turn, rules: Rules) -> Iterator[tuple[str, State]]:
    """Give what the holder of the lock does next, and how that may end."""
    who, step, message, answers = turn
    order, label = rules.order, f"{who}: {step}"
    then = was._replace(turn=turn._replace(step=order[order.index(step) + 1]))
    at = who if step in {"make", "undo"} else 1 - who
    worker, stands = was.workers[at], was.journal.stands
    if step in {"make", "tell"} and worker is not None and worker.here != message:
        yield f"{label} fails", was._replace(turn=turn._replace(step="undo"))
        wrong = "a message is made again" if message in dict(was.decided) else ""
        then = put(then, at, worker._replace(here=message))
        then = then._replace(made=was.made | {message}, wrong=wrong)
    elif step in {"undo", "undo there"} and worker is not None:
        then = put(then, at, worker._replace(here=stands))
    elif step == "write":
        then = then._replace(journal=Journal(message, "", stands, open=True))
    elif step == "sync":
        then = then._replace(disk=was.journal)
    elif step in {"settle", "abort"}:
        outcome = "applied" if step == "settle" else "failed"
        then = written(then, Journal(message, outcome, message if step == "settle" else stands))
        then = then._replace(decided=was.decided | {(message, outcome)})
    elif step in {"answer", "refuse"}:
        then = then._replace(answered=was.answered | {(message, was.journal.outcome or "applied")})
    assert then.turn is not None
    if then.turn.step == "" or (then.turn.step in {"answer", "refuse"} and not answers):
        then = then._replace(turn=None)
    yield label, then


def mirror(state: State) -> State:
    """Give the state with the workers' numbers exchanged."""
    turn = state.turn and state.turn._replace(who=1 - state.turn.who)
    return state._replace(workers=state.workers[::-1], turn=turn)


def flaw(state: State, rules: Rules) -> str:
    """Say what must not be; ``""`` if all is well."""
    journal, failed = state.journal, {each for each, how in state.decided if how == "failed"}
    applied = {each for each, how in state.decided if how == "applied"}
    promised = {each for each, how in state.answered if how == "applied"}
    if state.wrong:
        return state.wrong
    if journal.stands != max(applied, key=lambda each: each.version, default=SET_UP):
        return "an older version stands than one that was applied"
    if len(dict(state.answered)) != len(state.answered) or promised & failed:
        return "an answer is not true any more"
    if state.turn is not None or journal.open:
        return ""
    # Nobody is in the middle of anything.
    heres = {each.here for each in state.workers if each is not None}
    if journal.floor != SET_UP and journal.outcome == "":
        return "what was accepted is lost"
    if journal.floor != SET_UP and journal.floor not in failed | applied:
        return "what was refused has moved the floor"
    if heres & failed:
        return "what has failed is in force"
    if any(each.version > journal.stands.version for each in heres - {journal.stands}):
        return "a worker has what does not stand"
    if rules.together and heres - {journal.stands}:
        return "two workers differ"
    return ""


def explore(rules: Rules) -> tuple[int, str, list[str]]:
    """Look at all there can be, nearest first: how many states, the first flaw, the way to it."""
    born = Worker(SET_UP, new_key=False, told=False)
    first = State((born, born), START, START)
    cause: dict[State, tuple[str, State] | None] = {first: None}
    mirrored, todo = {first}, deque([first])
    while todo:
        state = todo.popleft()
        if said := flaw(state, rules):
            way, step = [], cause[state]
            while step is not None:
                way.append(step[0])
                step = cause[step[1]]
            return len(cause), said, way[::-1]
        for label, after in following(state, rules):
            # The workers are alike, so that of two states that mirror each other one is enough.
            if after not in cause and after not in mirrored:
                cause[after] = (label, state)
                mirrored.add(mirror(after))
                todo.append(after)
    return len(cause), "", []


@pytest.mark.parametrize("together", [True, False], ids=["together", "in turn"])
def test_nothing_goes_wrong(together: bool, record_property: Callable[[str, object], None]) -> None:
    """Whoever dies when, and whatever comes in whichever order."""
    states, said, way = explore(Rules(together=together))
    record_property("model", f"{states} states, workers {'together' if together else 'in turn'}")
    assert ("", []) == (said, way)
    page = (Path(__file__).parents[2] / "docs/explanation/model.md").read_text(encoding="utf-8")
    assert f" {states:,} " in page


BROKEN = {
    "made before it is written": "a message is new twice",
    "made before it is synced": "a message is new twice",
    "made again before it is synced": "a message is new twice",
    "an intent is not made again": "what was accepted is lost",
    "answered before it is settled": "an answer is not true any more",
    "the floor moves before the policy": "what was refused has moved the floor",
    "a copy is taken for the state": "what has failed is in force",
    "a start forgets the rotation": "a withdrawn key is taken",
}


@pytest.mark.parametrize("together", [True, False], ids=["together", "in turn"])
@pytest.mark.parametrize("broken", BROKEN)
def test_what_is_broken_is_found(
    broken: str, together: bool, record_property: Callable[[str, object], None]
) -> None:
    """By the shortest way there is to where it shows."""
    _, said, way = explore(Rules(broken, together))
    record_property("model", f"{broken}: {said}: {'; '.join(way)}")
    assert BROKEN[broken] == said
    assert way
