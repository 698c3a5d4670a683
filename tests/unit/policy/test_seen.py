"""A tree that is indexed answers as the tree does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sealwire.documents import HandlerState, LoggerState, Tree
from sealwire.policy.seen import Seen, made_in

names = st.lists(st.sampled_from("abc"), max_size=4).map(".".join)
loggers = st.builds(
    LoggerState,
    names,
    st.sampled_from([0, 10, 30]),
    st.lists(st.sampled_from(["h", "i"]), unique=True).map(tuple),
    propagate=st.booleans(),
)
HANDLERS = (HandlerState("h", "x"), HandlerState("i", "x"))


@given(st.lists(loggers, max_size=6, unique_by=lambda each: each.name), st.lists(names, max_size=5))
def test_it_answers_as_the_tree(made: list[LoggerState], asked: list[str]) -> None:
    """Level in force and handlers met, whatever was asked before."""
    tree = Tree(tuple(sorted(made)), HANDLERS)
    seen = Seen(tree)
    for name in (*asked, *(each.name for each in made), "a.b.c.a"):
        assert tree.effective_level(name) == seen.level(name)
        assert {key for _, key in tree.way_of(name)} == seen.way(name)
        assert tree.logger(name) == seen.logger(name)


def test_a_floor_is_for_what_any_tree_has() -> None:
    """What is gone and what is new are both beneath."""
    one = Seen(Tree((LoggerState("", 30), LoggerState("a.b"), LoggerState("ab"))))
    other = Seen(Tree((LoggerState("", 30), LoggerState("a.c"))))
    assert ["a", "a.b", "a.c"] == made_in((one, other), "a")
