"""A tree that is indexed answers as the library does with a record."""

from __future__ import annotations

import logging

from hypothesis import given
from hypothesis import strategies as st

from sealwire.documents import HandlerState, LoggerState, Tree
from sealwire.documents.lookup import Lookup
from sealwire.documents.tree import NOBODY
from sealwire.policy.seen import Seen, made_in

names = st.lists(st.sampled_from("abc"), max_size=4).map(".".join)
loggers = st.builds(
    LoggerState,
    names,
    st.sampled_from([0, 10, 30]),
    st.lists(st.sampled_from(["h", "i"]), unique=True).map(tuple),
    propagate=st.booleans(),
    parent=st.one_of(st.none(), st.none(), st.just(NOBODY), names),
)
HANDLERS = (HandlerState("h", "x"), HandlerState("i", "x"))


class Library:
    """The same loggers, as objects of the library beside those of this process."""

    def __init__(self, made: list[LoggerState]) -> None:
        states = {each.name: each for each in made}
        root = states.pop("", LoggerState(""))
        self.root = logging.RootLogger(root.level)
        self.manager = logging.Manager(self.root)
        self._set(self.root, root)
        for name in sorted(states):
            self.get(name).setLevel(states[name].level)
            self._set(self.get(name), states[name])
        for each in made:
            if each.parent is not None:
                parent = None if each.parent == NOBODY else self.get(each.parent)
                self.get(each.name).parent = parent

    def get(self, name: str) -> logging.Logger:
        """Give the logger of this name."""
        return self.manager.getLogger(name) if name else self.root

    def _set(self, logger: logging.Logger, state: LoggerState) -> None:
        logger.propagate = state.propagate
        for key in state.handlers:
            handler = logging.NullHandler()
            handler.set_name(key)
            logger.handlers.append(handler)

    def level(self, name: str) -> int:
        """Give the level in force."""
        return self.get(name).getEffectiveLevel()

    def way(self, name: str) -> list[str | None]:
        """Give what ``callHandlers`` calls."""
        found: list[str | None] = []
        each: logging.Logger | None = self.get(name)
        while each is not None:
            found += [handler.get_name() for handler in each.handlers]
            each = each.parent if each.propagate else None
        return found


def without_loops(made: list[LoggerState]) -> list[LoggerState]:
    """Take away parents that nobody made, and those that lead back."""
    known = {each.name for each in made} | {NOBODY}
    told = [each if each.parent in known else each._replace(parent=None) for each in made]
    lookup = Lookup(Tree(tuple(sorted(told, key=lambda each: each.name)), HANDLERS))
    return [
        each._replace(parent=NOBODY) if each.parent not in {None, lookup.above(each.name)} else each
        for each in told
    ]


@given(st.lists(loggers, max_size=6, unique_by=lambda each: each.name), st.lists(names, max_size=5))
def test_it_answers_as_the_library(made: list[LoggerState], asked: list[str]) -> None:
    """Level in force and handlers met, whatever was asked before, and whatever the parents are."""
    made = without_loops(made)
    tree = Tree(tuple(sorted(made, key=lambda each: each.name)), HANDLERS)
    seen, library = Seen(tree), Library(made)
    for name in (*asked, *(each.name for each in made), "a.b.c.a"):
        if name not in seen.loggers and name in library.manager.loggerDict:
            # A name that the library has on the way to another gets loggers of its own.
            continue
        assert library.level(name) == tree.effective_level(name) == seen.level(name)
        way = [key for _, key in tree.way_of(name)]
        assert library.way(name) == way
        assert set(way) == seen.way(name)
        assert tree.logger(name) == seen.logger(name)


def test_a_floor_is_for_what_any_tree_has() -> None:
    """What is gone and what is new are both beneath."""
    one = Seen(Tree((LoggerState("", 30), LoggerState("a.b"), LoggerState("ab"))))
    other = Seen(Tree((LoggerState("", 30), LoggerState("a.c"))))
    assert ["a", "a.b", "a.c"] == made_in((one, other), "a")
