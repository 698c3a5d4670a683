"""The model of two workers is right, and eight wrong ones are found out.

What is broken overrides one thing of what is right; see `tests.model.two_workers`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pytest
from tests.model import two_workers
from tests.model.two_workers import Journal, Message, Rules, State, Worker, explore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_LINES = 200
"""So that somebody reads it."""


def test_the_model_is_small() -> None:
    """All of it: what is broken is not the model's."""
    text = Path(two_workers.__file__).read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MAX_LINES


@pytest.mark.parametrize("together", [True, False], ids=["together", "in turn"])
def test_nothing_goes_wrong(together: bool, record_property: Callable[[str, object], None]) -> None:
    """Whoever dies when, and whatever comes in whichever order."""
    states, said, way = explore(Rules(together=together))
    record_property("model", f"{states} states, workers {'together' if together else 'in turn'}")
    assert ("", []) == (said, way)
    page = (Path(__file__).parents[2] / "docs/explanation/model.md").read_text(encoding="utf-8")
    assert f" {states:,} " in page


def written(state: State, journal: Journal) -> State:
    """Give the state with a journal that is on the disk."""
    return state._replace(journal=journal, disk=journal)


class MadeUnwritten(Rules):
    """A change is made before it is written."""

    change: ClassVar = "make tell write sync settle answer"
    shows: ClassVar = "a message is new twice"


class MadeUnsynced(Rules):
    """It is made before it is synced."""

    change: ClassVar = "write make tell settle answer"
    again: ClassVar = "make"
    shows: ClassVar = "a message is new twice"


class MadeAgainUnsynced(Rules):
    """What another one began is made again before it is synced."""

    again: ClassVar = "make"
    shows: ClassVar = "a message is new twice"


class NotMadeAgain(Rules):
    """An intent that is found is not made again."""

    shows: ClassVar = "what was accepted is lost"

    def following(self, was: State) -> Iterator[tuple[str, State]]:
        """Forget the intent."""
        for label, after in super().following(was):
            is_found = label.endswith("finds an intent")
            yield label, written(was, was.journal._replace(open=False)) if is_found else after


class AnsweredUnsettled(Rules):
    """It is answered before it is settled."""

    change: ClassVar = "write sync make tell answer settle"
    shows: ClassVar = "an answer is not true any more"


class FloorBeforePolicy(Rules):
    """The floor moves before the policy is asked."""

    shows: ClassVar = "what was refused moved the floor"

    def came(self, was: State, who: int, worker: Worker, message: Message) -> State:
        """Move it also where nothing comes of it."""
        after = super().came(was, who, worker, message)
        is_new = message.version > was.journal.floor.version
        if message.allowed or not is_new or message.old_key == worker.new_key:
            return after
        return written(after, Journal(message, "refused", was.journal.stands))


class CopyForState(Rules):
    """A worker takes its state from a copy of a message, and not from the journal."""

    shows: ClassVar = "what has failed is in force"

    def came(self, was: State, who: int, worker: Worker, message: Message) -> State:
        """Have in force what it says."""
        after = super().came(was, who, worker, message)
        if message != was.journal.floor or message.old_key == worker.new_key:
            return after
        return after.put(who, worker._replace(here=message))


class StartWithOldKeys(Rules):
    """A start reads the keys of before."""

    shows: ClassVar = "a withdrawn key is taken"

    def following(self, was: State) -> Iterator[tuple[str, State]]:
        """Trust the old key, and have been told of the new one."""
        for label, after in super().following(was):
            who = label.removesuffix(" starts")
            worker = after.workers[int(who)] if who != label else None
            yield label, after if worker is None else after.put(int(who), _old(worker))


def _old(worker: Worker) -> Worker:
    return worker._replace(new_key=False)


BROKEN = (
    *(MadeUnwritten, MadeUnsynced, MadeAgainUnsynced, NotMadeAgain),
    *(AnsweredUnsettled, FloorBeforePolicy, CopyForState, StartWithOldKeys),
)


@pytest.mark.parametrize("together", [True, False], ids=["together", "in turn"])
@pytest.mark.parametrize("broken", BROKEN)
def test_what_is_broken_is_found(
    broken: type[Rules], together: bool, record_property: Callable[[str, object], None]
) -> None:
    """By the shortest way there is to where it shows."""
    _, said, way = explore(broken(together=together))
    record_property("model", f"{broken.__doc__} {said}: {'; '.join(way)}")
    assert getattr(broken, "shows", "") == said
    assert way
