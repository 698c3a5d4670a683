"""Which handlers a role with some loggers may define or level: those that nobody else has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sealwire.documents.tree import UNTOLD, HandlerState, LoggerState, Tree
from sealwire.policy.loggers import Loggers
from sealwire.policy.role_handlers import handlers_of_others
from sealwire.policy.supposed import supposed_result

if TYPE_CHECKING:
    from tests.unit.policy.conftest import Ask

OWN = Loggers(("pay", "pay.*"))
NULL = {"class": "logging.NullHandler"}
FILE, MEMORY = "logging.FileHandler", "logging.handlers.MemoryHandler"


def found(ask: Ask, base: Tree, of: Loggers = OWN, **sections: Any) -> list[str]:  # noqa: ANN401 - sections of a document
    """Give what is not the role's, and how its reason begins."""
    plan = ask(**sections).plan
    after = supposed_result(base, plan)
    told = handlers_of_others(plan, of, base, after)
    return [f"{name} {why.partition(';')[0]}" for name, why in told]


def tree(*handlers: HandlerState, **loggers: tuple[str, ...]) -> Tree:
    """Give a tree of these; the root is called ``root``."""
    names = {"" if name == "root" else name: keys for name, keys in loggers.items()}
    states = [LoggerState(name, 20, names[name]) for name in sorted(names)]
    return Tree(tuple(states), tuple(sorted(handlers)))


def null(key: str, *behind: str, target: str = "") -> HandlerState:
    """Give a handler."""
    return HandlerState(key, "app.Handler", target=target, behind=behind)


OTHERS = "h is a handler of other loggers too"
NOBODYS = "h was there, and no logger is known to have it"
BASES = {
    "new": ([], tree(root=())),
    "its own": ([], tree(null("h"), pay=("h",))),
    "its own, behind another": ([], tree(null("h"), null("m", "h"), pay=("m",))),
    "the root's": ([OTHERS], tree(null("h"), root=("h",))),
    "the root's as well": ([OTHERS], tree(null("h"), root=("h",), pay=("h",))),
    "another logger's, behind another": (
        [OTHERS],
        tree(null("h"), null("m", "n"), null("n", "h"), orders=("m",), pay=("h",)),
    ),
    "in a circle": ([OTHERS], tree(null("h", "m"), null("m", "h"), orders=("m",))),
    "nobody's": ([NOBODYS], tree(null("h"), root=())),
    "behind nobody's": ([NOBODYS], tree(null("h"), null("m", "h"), pay=())),
    "one of two of that name": (
        [OTHERS],
        tree(null("h"), null("h #2"), orders=("h #2",), pay=("h",)),
    ),
    "its own, beside a queue of others": (
        ["h was there, and may be behind the queue of another logger, which does not show it"],
        tree(null("h"), null("q", UNTOLD), orders=("q",), pay=("h",)),
    ),
    "its own, beside a queue of its own": (
        [],
        tree(null("h"), null("q", UNTOLD), orders=(), pay=("h", "q")),
    ),
}


@pytest.mark.parametrize(("expected", "base"), BASES.values(), ids=BASES)
@pytest.mark.parametrize("incremental", [False, True])
def test_a_name_that_is_taken(
    ask: Ask, expected: list[str], base: Tree, *, incremental: bool
) -> None:
    """Whatever becomes of the handler: a tree does not show all of it."""
    made = {"incremental": True, "handlers": {"h": {"level": "ERROR"}}}
    sections = made if incremental else {"handlers": {"h": NULL}}
    assert expected == found(ask, base, **sections)


FILES = {
    "the same": ("/d/a.log", True),
    "what rotation makes of its name": ("/d/a.log.1", True),
    "what it is rotated from": ("/d/a", True),
    "another": ("/d/b.log", False),
}


@pytest.mark.parametrize(("path", "refused"), FILES.values(), ids=FILES)
@pytest.mark.parametrize("who", ["root", "nobody", "behind", "own"])
def test_a_file_of_others(ask: Ask, path: str, who: str, *, refused: bool) -> None:
    """A handler of another name could rename and delete it."""
    theirs = null("a", target="/d/a.log")
    base = {
        "root": tree(theirs, root=("a",)),
        "nobody": tree(theirs, root=()),
        "behind": tree(theirs, null("m", "a"), root=("m",)),
        "own": tree(theirs, root=(), pay=("a",)),
    }[who]
    told = found(ask, base, handlers={"mine": {"class": FILE, "filename": path}})
    expected = ["mine would write to the file of 'a', which others have"]
    assert (expected if refused and who != "own" else []) == told


def test_it_stays_a_file_of_others_where_it_was_so_before(ask: Ask) -> None:
    """The application may write one file twice; a message then rotates it with other limits."""
    base = tree(null("a", target="/d/a.log"), null("h", target="/d/a.log"), root=("a",), pay=("h",))
    same = {"class": FILE, "filename": "/d/a.log"}
    assert ["h would write to the file of 'a', which others have"] == found(
        ask, base, handlers={"h": same}
    )
    assert [] == found(ask, base, incremental=True, handlers={"h": {"level": "ERROR"}})


def test_a_socket_of_syslog_is_for_many(ask: Ask) -> None:
    """Nobody rotates it."""
    base = tree(null("a", target="/dev/log"), root=("a",))
    made = {"class": "logging.handlers.SysLogHandler", "address": "/dev/log"}
    assert [] == found(ask, base, handlers={"mine": made})


def test_what_a_plan_puts_behind_a_handler_is_known(ask: Ask) -> None:
    """So that the role may send its configuration again."""
    handlers = {
        "file": {"class": FILE, "filename": "/d/a.log"},
        "m": {"class": MEMORY, "capacity": 1, "target": "file"},
        "q": {"class": "logging.handlers.QueueHandler", "handlers": ["file"]},
        "bare": {"class": MEMORY, "capacity": 1},
    }
    loggers = {"pay": {"handlers": ["m", "q", "bare"]}}
    sections: dict[str, Any] = {"handlers": handlers, "loggers": loggers}
    after = supposed_result(tree(root=()), ask(**sections).plan)
    assert {"file": (), "m": ("file",), "q": ("file",), "bare": ()} == {
        each.key: each.behind for each in after.handlers
    }
    assert [] == found(ask, after, **sections)
    assert [f"{name} is a handler of other loggers too" for name in sorted(handlers)] == found(
        ask, after, Loggers(("orders",)), **sections
    )
