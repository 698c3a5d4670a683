"""Leases over a base: which level is in force, and what is written back when one ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from sealwire.leases import Drift, Held, LiveLease, Overlay, step

if TYPE_CHECKING:
    from collections.abc import Mapping


def lease(
    number: int,
    levels: Mapping[str, int],
    handlers: Mapping[str, int] | None = None,
    ends_ms: int = 100,
) -> LiveLease:
    """Give a lease of these levels."""
    through = tuple(sorted((handlers or {}).items()))
    loggers = tuple(sorted(levels.items()))
    return LiveLease(f"{number:032x}", "alice", "", loggers, through, ends_ms, ends_ms)


def test_a_first_lease_sets_and_remembers() -> None:
    """What was found is kept until the last lease of the logger ends."""
    taken = step(Overlay(), (lease(1, {"a": 10}),), {"a": 30}, {})
    assert ({"a": 10}, {}, ()) == (taken.loggers, taken.handlers, taken.drift)
    assert {"a": Held(30, 10)} == taken.overlay.loggers


def test_a_logger_that_nobody_has_made_inherits() -> None:
    """It has level 0, and gets it back."""
    taken = step(Overlay(), (lease(1, {"a": 10}),), {}, {})
    assert {"a": Held(0, 10)} == taken.overlay.loggers
    back = step(taken.overlay, (), {"a": 10}, {})
    assert ({"a": 0}, {}) == (back.loggers, back.overlay.loggers)


def test_the_newest_lease_wins_and_the_next_one_follows() -> None:
    """Whichever of them ends first."""
    one, two = lease(1, {"a": 10}), lease(2, {"a": 5})
    overlay = step(Overlay(), (one,), {"a": 30}, {}).overlay
    both = step(overlay, (one, two), {"a": 10}, {})
    assert {"a": 5} == both.loggers
    without_newest = step(both.overlay, (one,), {"a": 5}, {})
    assert {"a": 10} == without_newest.loggers
    without_oldest = step(both.overlay, (two,), {"a": 5}, {})
    assert {} == without_oldest.loggers
    assert {"a": 30} == step(without_oldest.overlay, (), {"a": 5}, {}).loggers


def test_what_somebody_else_changed_is_left_and_told() -> None:
    """The application set a level while it was leased; it meant that."""
    overlay = step(Overlay(), (lease(1, {"a": 10}),), {"a": 30}, {}).overlay
    ended = step(overlay, (), {"a": 40}, {})
    assert {} == ended.loggers
    assert (Drift("loggers.a.level", "10", "40"),) == ended.drift
    assert {} == ended.overlay.loggers


def test_what_somebody_else_changed_gives_way_to_a_new_lease() -> None:
    """Another level is asked for; the drift is told, and the level before the first lease stays."""
    one = lease(1, {"a": 10})
    overlay = step(Overlay(), (one,), {"a": 30}, {}).overlay
    taken = step(overlay, (one, lease(2, {"a": 5})), {"a": 40}, {})
    assert {"a": 5} == taken.loggers
    assert (Drift("loggers.a.level", "10", "40"),) == taken.drift
    assert Held(30, 5) == taken.overlay.loggers["a"]


def test_the_root_is_called_root_in_words() -> None:
    """Its name is empty."""
    overlay = step(Overlay(), (lease(1, {"": 10}),), {"": 30}, {}).overlay
    assert "loggers.root.level" == step(overlay, (), {"": 20}, {}).drift[0].where


def test_a_handler_passes_what_the_loudest_lease_needs() -> None:
    """It serves several loggers, so not the newest lease decides."""
    one, two = lease(1, {"a": 5}, {"h": 5}), lease(2, {"b": 10}, {"h": 10})
    taken = step(Overlay(), (one, two), {}, {"h": 20})
    assert {"h": 5} == taken.handlers
    assert {"h": 10} == step(taken.overlay, (two,), {"a": 5, "b": 10}, {"h": 5}).handlers
    assert {"h": 20} == step(taken.overlay, (), {"a": 5, "b": 10}, {"h": 5}).handlers


def test_a_handler_that_is_gone_is_not_set() -> None:
    """The application has removed it while it was leased."""
    overlay = step(Overlay(), (lease(1, {"a": 10}, {"h": 10}),), {}, {"h": 20}).overlay
    ended = step(overlay, (), {"a": 10}, {})
    assert {} == ended.handlers
    assert {} == ended.overlay.handlers


def test_ends() -> None:
    """A lease is over at its end, to the millisecond."""
    one, two = lease(1, {"a": 10}, ends_ms=100), lease(2, {"a": 10}, ends_ms=200)
    overlay = Overlay((one, two))
    assert (100, ()) == (overlay.next_end_ms(), overlay.ended(99))
    assert (one,) == overlay.ended(100)
    assert (two,) == overlay.without(one)
    assert Overlay().next_end_ms() is None


NAMES = st.sampled_from(["a", "b", "a.b"])
LEVELS = st.integers(1, 5)


@given(
    base=st.dictionaries(NAMES, LEVELS),
    asked=st.lists(st.dictionaries(NAMES, LEVELS, min_size=1), max_size=4),
    order=st.permutations(range(4)),
)
def test_whatever_ends_first_the_base_comes_back(
    base: dict[str, int], asked: list[dict[str, int]], order: list[int]
) -> None:
    """Against a model: each logger has the level of its newest live lease, or its own."""
    live = dict(base)
    leases = [lease(number, levels) for number, levels in enumerate(asked)]
    overlay = Overlay()

    def check() -> None:
        for name in {*base, *live}:
            newest = [
                dict(each.loggers)[name] for each in overlay.leases if name in dict(each.loggers)
            ]
            assert (newest[-1] if newest else base.get(name, 0)) == live.get(name, 0)

    for each in leases:
        taken = step(overlay, (*overlay.leases, each), live, {})
        assert () == taken.drift
        live.update(taken.loggers)
        overlay = taken.overlay
        check()
    for number in order:
        if number < len(leases):
            taken = step(overlay, overlay.without(leases[number]), live, {})
            live.update(taken.loggers)
            overlay = taken.overlay
            check()
    assert {} == overlay.loggers
