"""Leases over a base that changes, and over one that stays."""

from __future__ import annotations

import pytest

from sealwire.documents import HandlerState, Levels, LoggerState, Tree
from sealwire.errors import PolicyError
from sealwire.laying import Laying, Relaying, differences, laid, over
from sealwire.leases import Drift, Held, LiveLease, Overlay


def lease(number: int, through: tuple[tuple[str, int], ...] = (), **levels: int) -> LiveLease:
    """Give a lease."""
    loggers = tuple(sorted(levels.items()))
    return LiveLease(f"{number:032x}", "alice", "", loggers, through, 100, 100)


def tree(root: int = 30, handler: int = 0, **levels: int) -> Tree:
    """Give a tree with one handler."""
    loggers = [LoggerState(name, level) for name, level in sorted(levels.items())]
    return Tree(
        (LoggerState("", root), *loggers), (HandlerState("h", "logging.NullHandler", handler),)
    )


def no_deeper_than(level: int) -> object:
    """Give what judges that no logger is below a level."""

    def judge(_: Tree, after: Tree, __: object = None) -> None:
        if any(0 < logger.level < level for logger in after.loggers):
            raise PolicyError("ceiling", "levels", "too deep")

    return judge


def test_a_base_is_put_beneath_leases() -> None:
    """What they hold is given back, and laid over what is new."""
    one = lease(1, (("h", 5),), a=10)
    overlay = over(tree(handler=20, a=30), (one,)).overlay
    assert ({"a": Held(30, 10)}, {"h": Held(20, 5)}) == (overlay.loggers, overlay.handlers)
    laying = Laying(overlay)
    assert Levels({"a": 30}, {"h": 20}) == laying.before(tree(handler=5, a=10))
    assert tree(handler=20, a=30) == laying.base
    assert Levels({"a": 10}, {"h": 5}) == laying.after(tree(handler=15, a=40))
    assert {"a": Held(40, 10)} == laying.overlay.loggers
    assert {"h": Held(15, 5)} == laying.overlay.handlers
    assert () == laying.ended


def test_what_a_new_base_has_not_is_not_held() -> None:
    """A handler that is gone with the old one; a logger can always be made."""
    overlay = over(tree(handler=20), (lease(1, (("h", 5),), a=10),)).overlay
    laying = Laying(overlay)
    laying.before(tree(handler=5, a=10))
    assert Levels({"a": 10}, {}) == laying.after(Tree((LoggerState("", 30),)))
    assert {} == laying.overlay.handlers


def test_somebody_elses_level_stays_unless_the_new_base_sets_it() -> None:
    """It was changed while a lease held it."""
    overlay = over(tree(a=30), (lease(1, a=10),)).overlay
    for base, levels, held in (
        (tree(a=7), {}, Held(7, 10)),
        (tree(a=40), {"a": 10}, Held(40, 10)),
    ):
        laying = Laying(overlay)
        assert Levels({}, {}) == laying.before(tree(a=7))
        assert Levels(levels, {}) == laying.after(base)
        assert {"a": held} == laying.overlay.loggers
    gone = Laying(overlay)
    gone.before(tree())
    assert Levels({"a": 10}, {}) == gone.after(tree())


def test_a_base_that_may_not_be_is_refused() -> None:
    """Whatever leases run."""
    laying = Laying(Overlay(), no_deeper_than(20))  # type: ignore[arg-type]
    laying.before(tree())
    with pytest.raises(PolicyError):
        laying.after(tree(a=10))


def test_a_lease_that_a_new_base_does_not_bear_ends() -> None:
    """The others go on, and the base is not kept away."""
    deep, fine = lease(1, a=10), lease(2, b=20)
    overlay = over(tree(), (deep, fine)).overlay
    laying = Laying(overlay, judge_lease=no_deeper_than(20))  # type: ignore[arg-type]
    laying.before(tree(a=10, b=20))
    assert Levels({"b": 20}, {}) == laying.after(tree(a=40))
    assert ((deep,), (fine,)) == (laying.ended, laying.overlay.leases)


def test_leases_that_are_only_too_much_together_all_end() -> None:
    """Which of them it is cannot be told."""

    def not_both(_: Tree, after: Tree, __: object) -> None:
        if after.logger("a").level and after.logger("b").level:
            raise PolicyError("rule", "levels", "not both")

    both = (lease(1, a=10), lease(2, b=20))
    laying = Laying(over(tree(), both).overlay, judge_lease=not_both)
    laying.before(tree(a=10, b=20))
    assert Levels({}, {}) == laying.after(tree())
    assert both == laying.ended


def test_a_lease_is_judged_alone_and_with_the_others() -> None:
    """Another one that shields it may end first."""
    shield = lease(1, a=40)
    overlay = over(tree(), (shield,)).overlay
    seen: list[tuple[int, int]] = []

    def noting(before: Tree, after: Tree) -> None:
        assert 0 == before.logger("a").level
        seen.append((after.logger("a").level, after.logger("b").level))

    relaying = Relaying(overlay, (shield, lease(2, b=10)), noting)
    assert Levels({"b": 10}, {}) == relaying.levels(tree(a=40))
    assert [(0, 10), (40, 10)] == seen
    assert 2 == len(relaying.overlay.leases)


def test_going_back_asks_nobody() -> None:
    """And tells what somebody else had changed."""
    overlay = over(tree(a=30), (lease(1, a=10),)).overlay
    relaying = Relaying(overlay, ())
    assert Levels({}, {}) == relaying.levels(tree(a=7))
    assert (Drift("loggers.a.level", "10", "7"),) == relaying.drift
    assert () == relaying.overlay.leases


def test_a_tree_with_leases_and_what_differs() -> None:
    """Levels alone, of loggers and handlers."""
    with_lease = laid(tree(handler=20, a=30), (lease(1, (("h", 5),), a=10),))
    assert tree(handler=5, a=10) == with_lease
    assert Levels({"a": 10}, {"h": 5}) == differences(tree(handler=20, a=30), with_lease)


def test_a_lease_does_not_reach_a_handler_that_came_later() -> None:
    """The one that it went through left with an earlier base; another has the name now."""
    old = lease(1, (("h", 5),), a=10)
    laying = Laying(over(tree(handler=20), (old,)).overlay)
    laying.before(tree(handler=5, a=10))
    laying.after(Tree((LoggerState("", 30),)))
    new = lease(2, b=20)
    relaying = Relaying(laying.overlay, (old, new))
    assert Levels({"b": 20}, {}) == relaying.levels(tree(handler=20, a=10))
    assert ({}, (old, new)) == (relaying.overlay.handlers, relaying.overlay.leases)


def test_somebody_elses_level_of_a_handler_stays_as_well() -> None:
    """Unless the new base sets it, as with loggers."""
    overlay = over(tree(handler=20), (lease(1, (("h", 5),)),)).overlay
    for handler, levels in ((7, {}), (15, {"h": 5})):
        laying = Laying(overlay)
        laying.before(tree(handler=7))
        assert Levels({}, levels) == laying.after(tree(handler=handler))
        assert {"h": Held(handler, 5)} == laying.overlay.handlers
