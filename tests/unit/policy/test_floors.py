"""Floors: what is kept, what may be as broken as it was, and what may be defined."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sealwire.documents import FormatterState, HandlerState, LoggerState, Tree
from sealwire.errors import ConfigurationError
from sealwire.policy import Floors, HandlerFloor, LoggerFloor
from sealwire.policy.floors import NO_FLOORS

if TYPE_CHECKING:
    from tests.unit.policy.conftest import Ask

FILE = "logging.FileHandler"
AUDIT = HandlerState("audit", FILE, target="/log/audit")
BASE = Tree((LoggerState("", 30), LoggerState("a", 20, ("audit",))), (AUDIT,))
FLOOR = LoggerFloor("a", 20, ("audit",), sources={"": "p:1", "level": "p:2", "handlers": "p:3"})
FLOORS = Floors((FLOOR,))


def tree(
    *loggers: LoggerState, handlers: tuple[HandlerState, ...] = (AUDIT,), disable: int = 0
) -> Tree:
    """Give a tree of a root and these."""
    known = {each.name: each for each in (LoggerState("", 30), *loggers)}
    return Tree(tuple(known[name] for name in sorted(known)), handlers, disable)


def found(floors: Floors, before: Tree, after: Tree) -> list[tuple[str, str, str]]:
    """Give rule, place and source of each objection."""
    return [(each.rule, each.where, each.source) for each in floors.tree(before, after)]


def test_what_is_kept_is_allowed() -> None:
    """The same tree, and a louder one."""
    assert [] == found(FLOORS, BASE, BASE)
    assert [] == found(FLOORS, BASE, tree(LoggerState("a", 10, ("audit",))))
    assert [] == found(NO_FLOORS, BASE, tree())


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (tree(LoggerState("a", 21, ("audit",))), ("floor-level", "loggers.a.level", "p:2")),
        (
            tree(LoggerState("a", 20), LoggerState("z", 0, ("audit",))),
            ("floor-reach", "loggers.a.handlers", "p:3"),
        ),
        (
            tree(LoggerState("a", 20, ("audit",), disabled=True)),
            ("floor-disabled", "loggers.a.disabled", "p:1"),
        ),
        (
            tree(LoggerState("a", 20, ("audit",), ("f",))),
            ("floor-filters", "loggers.a.filters", "p:1"),
        ),
        (
            tree(LoggerState("a", 20, ("audit",), propagate=False)),
            ("floor-propagate", "loggers.a.propagate", "p:1"),
        ),
        (
            tree(LoggerState("a", 20, ("audit",)), disable=20),
            ("floor-disable", "logging.disable", "p:2"),
        ),
        (
            tree(LoggerState("a", 20, ("audit",)), handlers=(AUDIT._replace(level=21),)),
            ("floor-level", "handlers.audit.level", "p:2"),
        ),
        (
            tree(LoggerState("a", 20, ("audit",)), handlers=(AUDIT._replace(filters=("f",)),)),
            ("floor-filters", "handlers.audit.filters", "p:3"),
        ),
        (
            tree(LoggerState("a", 20, ("audit",)), handlers=(AUDIT._replace(class_name="x"),)),
            ("floor-handler", "handlers.audit.class", "p:3"),
        ),
        (
            tree(LoggerState("a", 20, ("audit",)), handlers=(AUDIT._replace(target="/x"),)),
            ("floor-handler", "handlers.audit.target", "p:3"),
        ),
        (
            tree(
                LoggerState("a", 20, ("audit",)),
                handlers=(AUDIT._replace(formatter=FormatterState()),),
            ),
            ("floor-handler", "handlers.audit.formatter", "p:3"),
        ),
        (
            tree(LoggerState("a", 20, ("audit",)), handlers=(AUDIT._replace(named=False),)),
            ("floor-handler", "handlers.audit", "p:3"),
        ),
        (
            tree(LoggerState("a", 20, ("audit",)), handlers=(AUDIT._replace(foreign=True),)),
            ("floor-handler", "handlers.audit", "p:3"),
        ),
        (
            tree(LoggerState("a", 20, ("audit",)), handlers=()),
            ("floor-handler", "handlers.audit", "p:3"),
        ),
        (
            tree(
                LoggerState("a", 20, ("audit",)),
                handlers=(AUDIT, HandlerState("h", FILE, target="/log/audit.1")),
            ),
            ("floor-file", "handlers.h", "p:3"),
        ),
    ],
)
def test_what_is_kept_less_is_refused(after: Tree, expected: tuple[str, str, str]) -> None:
    """With the rule, the place, and the line that asks for it."""
    assert [expected] == found(FLOORS, BASE, after)


def test_the_root_protects_everything() -> None:
    """Every logger is beneath it, and one that is new has to pass on."""
    floors = Floors((LoggerFloor("", 30, ("audit",)),))
    base = Tree((LoggerState("", 30, ("audit",)), LoggerState("x")), (AUDIT,))
    quiet = Tree(
        (LoggerState("", 30, ("audit",)), LoggerState("x", 40), LoggerState("y", propagate=False)),
        (AUDIT,),
    )
    assert [
        ("floor-level", "loggers.x.level", ""),
        ("floor-reach", "loggers.y.handlers", ""),
    ] == found(floors, base, quiet)


# ---- what the application itself has broken ----------------------------------------------------

BROKEN = tree(
    LoggerState("a", 30, (), propagate=False, disabled=True),
    LoggerState("a.b", 40, filters=("f",)),
    handlers=(AUDIT._replace(level=40),),
    disable=20,
)


def test_what_is_broken_blocks_no_other_change() -> None:
    """It may stay as it is, and what is beneath a broken one may too."""
    assert [] == found(FLOORS, BROKEN, BROKEN)
    other = Tree((*BROKEN.loggers, LoggerState("z", 50)), BROKEN.handlers, BROKEN.disable)
    assert [] == found(FLOORS, BROKEN, other)


def test_what_is_broken_may_be_mended() -> None:
    """In part or altogether."""
    better = tree(
        LoggerState("a", 25, propagate=False, disabled=True),
        LoggerState("a.b", 30, filters=("f",)),
        handlers=(AUDIT._replace(level=30),),
        disable=19,
    )
    assert [] == found(FLOORS, BROKEN, better)
    mended = tree(
        LoggerState("a", 20, ("audit",), propagate=False), LoggerState("a.b", filters=("f",))
    )
    assert [] == found(FLOORS, BROKEN, mended)


def test_what_is_broken_is_not_made_worse() -> None:
    """A step further is one step too far."""
    worse = tree(
        LoggerState("a", 31, propagate=False, disabled=True),
        LoggerState("a.b", 41, filters=("f",)),
        handlers=(AUDIT._replace(level=41),),
        disable=21,
    )
    assert [
        ("floor-disable", "logging.disable", "p:2"),
        ("floor-level", "loggers.a.level", "p:2"),
        ("floor-level", "loggers.a.b.level", "p:2"),
        ("floor-level", "handlers.audit.level", "p:2"),
    ] == found(FLOORS, BROKEN, worse)


def test_a_required_propagate_may_be_what_it_was_or_what_is_required() -> None:
    """Where it was something else already."""
    floors = Floors((LoggerFloor("a", 20, ("audit",), propagate=True),))
    off = tree(LoggerState("a", 20, ("audit",), propagate=False))
    assert [] == found(floors, off, off)
    assert [] == found(floors, off, BASE)
    assert ["floor-propagate"] == [rule for rule, _, _ in found(floors, BASE, off)]


def test_a_handler_may_be_what_it_was_or_what_is_required() -> None:
    """And nothing else."""
    wanted = HandlerFloor("audit", "w.Handler", "/w", formatter=FormatterState(format="w"))
    floors = Floors((FLOOR,), (wanted,))
    required = AUDIT._replace(
        class_name="w.Handler", target="/w", formatter=FormatterState(format="w")
    )
    assert [] == found(floors, BASE, BASE)
    assert [] == found(floors, BASE, BASE._replace(handlers=(required,)))
    other = required._replace(class_name="x.Handler", target="/x", formatter=None)
    assert ["handlers.audit.class", "handlers.audit.target", "handlers.audit.formatter"] == [
        where for _, where, _ in found(floors, BASE._replace(handlers=(required,)),
            BASE._replace(handlers=(other,)))
    ]  # fmt: skip


def test_a_protected_handler_stays_attached() -> None:
    """To some logger, if it was to any; which one is a matter of the loggers' floors."""
    alone = Floors(handlers=(HandlerFloor("audit", sources={"": "p:4"}),))
    detached, elsewhere = tree(LoggerState("a", 20)), tree(LoggerState("z", 0, ("audit",)))
    assert [("floor-handler", "handlers.audit", "p:4")] == found(alone, BASE, detached)
    assert [] == found(alone, BASE, elsewhere) == found(alone, detached, detached)
    assert [] == found(alone, detached, BASE)


def test_a_protected_handler_that_was_not_there() -> None:
    """It can come as it is written down; where nothing is, nobody knows what it should be."""
    missing = BASE._replace(handlers=())
    assert [] == found(FLOORS, missing, missing)
    assert [("floor-handler", "handlers.audit", "p:3")] == found(FLOORS, missing, BASE)
    pinned = Floors((FLOOR,), (HandlerFloor("audit", FILE, "/log/audit"),))
    assert [] == found(pinned, missing, BASE)
    other = BASE._replace(handlers=(AUDIT._replace(target="/x", level=21, filters=("f",)),))
    assert ["floor-level", "floor-filters", "floor-handler"] == [
        rule for rule, _, _ in found(pinned, missing, other)
    ]


# ---- what else writes there --------------------------------------------------------------------


def test_a_second_writer_that_was_there_may_stay() -> None:
    """The application has it; another class on the file is another matter."""
    second = HandlerState("h", FILE, target="/log/audit")
    base = BASE._replace(handlers=(AUDIT, second))
    assert [] == found(FLOORS, base, base)
    rotating = second._replace(class_name="logging.handlers.RotatingFileHandler")
    after = BASE._replace(handlers=(AUDIT, rotating))
    assert ["floor-file"] == [rule for rule, _, _ in found(FLOORS, base, after)]


@pytest.mark.parametrize(
    ("target", "other", "shared"),
    [
        ("/log/audit", "/log/audit", True),
        ("/log/audit", "/log/audit.1", True),
        ("/log/audit.1", "/log/audit", True),
        ("/log/audit", "/real/audit", True),
        ("/log/audit", "/log/audit2", False),
        ("/log/audit", "/log/b", False),
        ("C:\\log\\audit", "C:\\log\\audit", True),
        ("stderr", "stderr", False),
        ("", "", False),
    ],
)
def test_a_file_has_one_writer(target: str, other: str, shared: bool) -> None:
    """By its name, by what rotation makes of it, and by another way to write it."""
    floors = Floors((), (HandlerFloor("audit", target=target or None, aliases=("/real/audit",)),))
    before = BASE._replace(handlers=(AUDIT._replace(target=target),))
    after = before._replace(handlers=(*before.handlers, HandlerState("h", FILE, target=other)))
    assert shared is bool(found(floors, before, after))


def test_many_may_send_to_one_socket() -> None:
    """A socket of syslog is no file."""
    socket = HandlerState("audit", "logging.handlers.SysLogHandler", target="/dev/log")
    before = BASE._replace(handlers=(socket,))
    after = before._replace(handlers=(socket, socket._replace(key="h")))
    assert [] == found(FLOORS, before, after)


def test_a_file_is_protected_while_its_handler_is_not_there() -> None:
    """What is written down is known without it."""
    floors = Floors((), (HandlerFloor("audit", FILE, "/log/audit"),))
    after = Tree((LoggerState("", 30),), (HandlerState("h", FILE, target="/log/audit"),))
    assert ["floor-file"] == [rule for rule, _, _ in found(floors, Tree(), after)]


# ---- definitions in a request ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("floor", "handler", "places"),
    [
        (HandlerFloor("h"), {}, ["handlers.h"]),
        (HandlerFloor("h", FILE), {}, ["handlers.h"]),
        (HandlerFloor("h", FILE, "/x"), {}, []),
        (HandlerFloor("h", FILE, "/x"), {"delay": True, "mode": "a"}, []),
        (HandlerFloor("h", "x.H", "/x"), {}, ["handlers.h.class"]),
        (HandlerFloor("h", FILE, "/x"), {"encoding": "ascii"}, ["handlers.h.encoding"]),
        (HandlerFloor("h", FILE, "/x", arguments={"n": 1}), {}, ["handlers.h.n"]),
        (HandlerFloor("h", FILE, "/x", arguments={"n": 1}), {"n": 1}, []),
        (HandlerFloor("h", FILE, "/x", arguments={"n": 1}), {"n": 2}, ["handlers.h.n"]),
        (HandlerFloor("h", FILE, "/x", arguments={"n": 1}), {"n": True}, ["handlers.h.n"]),
    ],
)
def test_a_request_defines_a_protected_handler_as_it_is_written_down(
    ask: Ask, floor: HandlerFloor, handler: dict[str, Any], places: list[str]
) -> None:
    """With its class and exactly its arguments, besides those that a tree shows."""
    request = ask(
        handlers={"h": {"class": FILE, "filename": "/x", **handler}, "o": {"class": FILE}}
    )
    assert places == [each.where for each in Floors((), (floor,)).plan(request.plan)]


def test_definitions_are_nobodys_affair_without_floors(ask: Ask) -> None:
    """Nor are those that define nothing."""
    request = ask(handlers={"audit": {"class": FILE}})
    assert [] == list(NO_FLOORS.plan(request.plan))
    assert ["floor-handler"] == [each.rule for each in FLOORS.plan(request.plan)]
    louder = ask(incremental=True, handlers={"audit": {"level": 10}})
    assert [] == list(FLOORS.plan(louder.plan))


def test_a_handler_has_the_lowest_level_that_is_asked_of_it() -> None:
    """By several loggers and by its own floor."""
    floors = Floors(
        (
            LoggerFloor("a", 20, ("h", "i"), sources={"level": "p:1"}),
            LoggerFloor("b", 10, ("h",), sources={"level": "p:2"}),
            LoggerFloor("c", 30, ("h", "j")),
        ),
        (
            HandlerFloor("i", level=10, sources={"level": "p:3"}),
            HandlerFloor("j", FILE, sources={"class": "p:4"}),
        ),
    )
    kept = floors.kept()
    assert {"h": 10, "i": 10, "j": 30} == {key: floor.level for key, floor in kept.items()}
    assert ["p:2", "p:3", ""] == [kept[key].sources["level"] for key in "hij"]
    assert (FILE, "p:4") == (kept["j"].class_name, kept["j"].sources["class"])


# ---- what makes no sense -----------------------------------------------------------------------


def test_a_floor_without_handlers_is_refused() -> None:
    """It would keep nothing."""
    with pytest.raises(ConfigurationError, match="keeps no record; name the ones"):
        LoggerFloor("a", 20, ())


@pytest.mark.parametrize(
    ("loggers", "handlers"),
    [((FLOOR, FLOOR), ()), ((), (HandlerFloor("h"), HandlerFloor("h")))],
)
def test_two_floors_for_one_are_refused(
    loggers: tuple[LoggerFloor, ...], handlers: tuple[HandlerFloor, ...]
) -> None:
    """Nobody would know which counts."""
    with pytest.raises(ConfigurationError, match="two floors are for one"):
        Floors(loggers, handlers)


def test_what_is_protected_and_not_there_is_named() -> None:
    """A floor judges changes; what the application never had, no change takes away."""
    floors = Floors(
        (LoggerFloor("a", 20, ("audit",), sources={"handlers": "p:1", "level": "p:2"}),),
        (HandlerFloor("other", sources={"": "p:3"}),),
    )
    bare = Tree((LoggerState("", 30), LoggerState("a")))
    assert [
        ("loggers.a", "no handler 'audit' gets its records; handlers here: none", "p:1"),
        ("loggers.a", "the level in force is 30 and not 20 or lower", "p:2"),
        ("handlers.other", "no logger has such a handler; handlers here: none", "p:3"),
    ] == [(each.where, each.detail, each.source) for each in floors.gaps(bare)]
    (first, *_) = floors.gaps(bare)
    assert "loggers.a: no handler 'audit' gets its records; handlers here: none (p:1)" == (
        first.in_words()
    )
    whole = Tree(
        (LoggerState("", 10, ("audit", "other")), LoggerState("a")),
        (
            HandlerState("audit", "logging.NullHandler"),
            HandlerState("other", "logging.NullHandler"),
        ),
    )
    assert [] == list(floors.gaps(whole))
    assert [] == list(Floors().gaps(bare))
    (gap,) = Floors(handlers=(HandlerFloor("other"),)).gaps(bare)
    assert "()" not in gap.in_words()
