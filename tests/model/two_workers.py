"""Every order in which two workers of one service, their disk and an attacker can go on.

The steps are those of `sealwire.durable`, and none of its code. Anyone may die at each, or all lose
the power and what was not synced. An attacker sends all messages there are, as often as wanted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, NamedTuple


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

    def put(self, who: int, worker: Worker | None) -> State:
        """Give the state with another worker."""
        return self._replace(workers=(*self.workers[:who], worker, *self.workers[who + 1 :]))


SET_UP = Message("set-up", 0)
# Two in a row, an equivocation, one of the new key, a thief's of the old one, one not allowed.
MESSAGES = (
    *(Message("A1", 1), Message("A2", 2), Message("X2", 2), Message("B3", 3, old_key=False)),
    *(Message("A4", 4), Message("R5", 5, allowed=False)),
)
FIRST = State((Worker(SET_UP, new_key=False, told=False),) * 2, *(Journal(SET_UP, "", SET_UP),) * 2)


class Rules:
    """How the workers go about it; whoever gets one of them wrong overrides it."""

    change: ClassVar = "write sync make tell settle answer"
    again: ClassVar = "sync"

    def __init__(self, *, together: bool) -> None:
        """Make a change in both before it is settled; else each follows in its turn."""
        order = [*self.change.split(), "", "undo", "undo there", "abort", "refuse", ""]
        self.order = [step for step in order if together or step not in {"tell", "undo there"}]
        self.together = together

    def following(self, was: State) -> Iterator[tuple[str, State]]:
        """Give everything that can happen next."""
        if any(was.workers):
            yield "the power fails", was._replace(workers=(None, None), journal=was.disk, turn=None)
        if not was.rotated:
            yield "the old key is withdrawn", was._replace(rotated=True)
        for who, worker in enumerate(was.workers):
            if worker is None:
                if was.turn is None:
                    born = Worker(was.journal.stands, was.rotated, was.rotated)
                    yield f"{who} starts", was.put(who, born)
                continue
            turn = None if was.turn is None or was.turn.who == who else was.turn
            yield f"{who} dies", was.put(who, None)._replace(turn=turn)
            if was.rotated and not worker.told:
                yield (
                    f"{who} reads the keys",
                    was.put(who, Worker(worker.here, new_key=True, told=True)),
                )
            if was.turn is None and was.journal.open:
                begun = Turn(who, self.again, was.journal.floor, answers=False)
                yield f"{who} finds an intent", was._replace(turn=begun)
            elif was.turn is None:
                for message in MESSAGES:
                    yield f"{message.name} comes to {who}", self.came(was, who, worker, message)
        if was.turn is not None:
            yield from self.went_on(was, was.turn)

    def came(self, was: State, who: int, worker: Worker, message: Message) -> State:
        """Judge a message as one does who holds the lock and does first what others have done."""
        floor = was.journal.floor
        was = was.put(who, worker._replace(here=was.journal.stands))
        if message.old_key == worker.new_key:
            return was
        if message == floor:
            return was._replace(answered=was.answered | {(message, was.journal.outcome)})
        if message.version <= floor.version or not message.allowed:
            return was
        wrong = "a withdrawn key is taken" if message.old_key and worker.told else ""
        wrong = "a message is new twice" if message in was.made else wrong
        return was._replace(turn=Turn(who, self.order[0], message, answers=True), wrong=wrong)

    def went_on(self, was: State, turn: Turn) -> Iterator[tuple[str, State]]:
        """Give what the holder of the lock does next, and how that may end."""
        who, step, message, answers = turn
        label, after = f"{who}: {step}", self.order[self.order.index(step) + 1]
        ends = not after or (after in {"answer", "refuse"} and not answers)
        then = was._replace(turn=None if ends else turn._replace(step=after))
        outcome = {"settle": "applied", "abort": "failed"}.get(
            step, was.journal.outcome or "applied"
        )
        at = who if step in {"make", "undo"} else 1 - who
        worker, stands = was.workers[at], was.journal.stands
        if step in {"make", "tell"} and worker is not None and worker.here != message:
            yield f"{label} fails", was._replace(turn=turn._replace(step="undo"))
            wrong = "a message is made again" if message in dict(was.decided) else ""
            then = then.put(at, worker._replace(here=message))
            then = then._replace(made=was.made | {message}, wrong=wrong)
        elif step in {"undo", "undo there"} and worker is not None:
            then = then.put(at, worker._replace(here=stands))
        elif step == "write":
            then = then._replace(journal=Journal(message, "", stands, open=True))
        elif step == "sync":
            then = then._replace(disk=was.journal)
        elif step in {"settle", "abort"}:
            settled = Journal(message, outcome, message if step == "settle" else stands)
            decided = was.decided | {(message, outcome)}
            then = then._replace(journal=settled, disk=settled, decided=decided)
        elif step in {"answer", "refuse"}:
            then = then._replace(answered=was.answered | {(message, outcome)})
        yield label, then

    def flaw(self, state: State) -> str:
        """Say what must not be; ``""`` if all is well."""
        journal, answered, decided = state.journal, state.answered, state.decided
        failed, applied = ({of for of, how in decided if how == it} for it in ("failed", "applied"))
        newest = max(applied, key=lambda each: each.version, default=SET_UP)
        untrue = {(each, "applied") for each in failed} & answered
        heres = {each.here for each in state.workers if each is not None}
        newer = {each for each in heres if each.version > newest.version}
        flaws = {
            state.wrong: state.wrong,
            "an older version stands than one that was applied": journal.stands != newest,
            "an answer is not true any more": untrue or len(dict(answered)) != len(answered),
        }
        if state.turn is None and not journal.open:  # Nobody is in the middle of anything.
            flaws |= {
                "what was accepted is lost": journal.floor != SET_UP and not journal.outcome,
                "what was refused moved the floor": journal.floor not in {SET_UP, *dict(decided)},
                "what has failed is in force": heres & failed,
                "a worker has what does not stand": newer,
                "two workers differ": self.together and heres - {journal.stands},
            }
        return next((said for said, is_so in flaws.items() if is_so), "")


def explore(rules: Rules) -> tuple[int, str, list[str]]:
    """Look at all there can be, nearest first: how many states, the first flaw, the way to it."""
    todo, mirrored, cause = [FIRST], {FIRST}, dict[State, tuple[str, State]]()
    for state in todo:
        if said := rules.flaw(state):
            way, at = [], state
            while at != FIRST:
                label, at = cause[at]
                way.append(label)
            return len(todo), said, way[::-1]
        for label, after in rules.following(state):
            # The workers are alike, so that of two states that mirror each other one is enough.
            if after not in cause and after not in mirrored:
                cause[after] = (label, state)
                turn = after.turn and after.turn._replace(who=1 - after.turn.who)
                mirrored.add(after._replace(workers=after.workers[::-1], turn=turn))
                todo.append(after)
    return len(todo), "", []
