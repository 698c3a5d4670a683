"""Drift: what is neither of the base nor of a lease."""

from __future__ import annotations

from sealwire.documents import HandlerState, LoggerState, Tree
from sealwire.drifting import MAX_DRIFT, find_drift, meant, without_leases
from sealwire.leases import Drift, Held, Overlay


def tree(*loggers: LoggerState, handlers: tuple[HandlerState, ...] = ()) -> Tree:
    """Give a tree with a root and these."""
    return Tree((LoggerState("", 30), *loggers), handlers)


BASE = tree(LoggerState("a", 20), LoggerState("b"))
LEASED = Overlay((), {"a": Held(20, 10), "new": Held(0, 10)}, {"h": Held(30, 10)})


def test_what_leases_put_there_is_no_drift() -> None:
    """Nor is a logger that came later; a level that is given back is that of the base."""
    live = tree(
        LoggerState("a", 10),
        LoggerState("b"),
        LoggerState("later", 5),
        LoggerState("new", 10),
        handlers=(HandlerState("h", "logging.NullHandler", 10),),
    )
    assert () == find_drift(BASE, live, LEASED)
    base = without_leases(live, LEASED)
    assert (20, 0, 30) == (base.logger("a").level, base.logger("new").level, base.handlers[0].level)


def test_what_somebody_else_changed_is_drift() -> None:
    """At its place, with what should be there; what is leased is compared with the lease."""
    live = tree(
        LoggerState("a", 7),
        LoggerState("b", 8, propagate=False),
        handlers=(HandlerState("h", "logging.NullHandler", 9),),
    )
    assert (
        Drift("loggers.a.level", "10", "7"),
        Drift("loggers.new.level", "10", "0"),
        Drift("handlers.h.level", "10", "9"),
        Drift("loggers.b.level", "0", "8"),
        Drift("loggers.b.propagate", "yes", "no"),
    ) == find_drift(BASE, live, LEASED)
    base = without_leases(live, LEASED)
    assert (7, 9) == (base.logger("a").level, base.handlers[0].level)


def test_what_a_tree_is_meant_to_be() -> None:
    """The base with what leases put over it, and a logger that a lease has made."""
    base = tree(*BASE.loggers[1:], handlers=(HandlerState("h", "logging.NullHandler", 30),))
    found = meant(base, LEASED)
    assert (10, 0, 10) == tuple(found.logger(name).level for name in ("a", "b", "new"))
    assert 10 == found.handlers[0].level
    assert () == find_drift(base, found, LEASED)


def test_the_root_has_its_own_place() -> None:
    """As in a configuration."""
    live = Tree((LoggerState("", 5), *BASE.loggers[1:]))
    assert (Drift("root.level", "10", "5"),) == find_drift(
        BASE, live, Overlay((), {"": Held(30, 10)})
    )


def test_a_handler_that_is_gone_is_no_drift_of_its_level() -> None:
    """Whoever held it has lost it with the handler."""
    assert () == find_drift(BASE, BASE, Overlay((), {}, {"h": Held(30, 10)}))


def test_so_much_is_told_and_no_more() -> None:
    """More is another set-up."""
    names = [f"a{number:03}" for number in range(MAX_DRIFT + 1)]
    base = tree(*(LoggerState(name) for name in names))
    live = tree(*(LoggerState(name, 10) for name in names))
    assert MAX_DRIFT == len(find_drift(base, live, Overlay()))
