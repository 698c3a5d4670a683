"""Reports: what is told, how much of it, and how much work that is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sealwire.answers import MAX_REPORT_BYTES
from sealwire.documents import LoggerState, Tree
from sealwire.documents.changes import Change
from sealwire.inforce import Base, InForce
from sealwire.leases import Held, LiveLease, Overlay
from sealwire.policy import Floors
from sealwire.telling import (
    changes_report,
    ended_report,
    lease_report,
    reverted_report,
    status_report,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

LONG = "x" * 250


def tree(names: Iterable[str], level: int = 0) -> Tree:
    """Give a tree of these loggers, each disabled, and a root."""
    made = (LoggerState(name, level, disabled=True) for name in sorted(names))
    return Tree((LoggerState("", 30), *made))


def lease(number: int, *names: str) -> LiveLease:
    """Give a lease of these loggers."""
    return LiveLease(
        f"{number:032}", "alice", "w" * 200, tuple((each, 10) for each in names), (), 1, 2
    )


def in_force(*leases: LiveLease) -> InForce:
    """Give what is in force with these leases, each level set."""
    names = {name for each in leases for name, _ in each.loggers}
    return InForce("host/1", overlay=Overlay(leases, dict.fromkeys(names, Held(0, 10))))


def status(live: Tree, found: InForce) -> dict[str, Any]:
    """Give the status, which has to fit into an answer."""
    written = status_report(live, found, Floors(), 1_000)
    assert 0 < len(written) <= MAX_REPORT_BYTES
    told: dict[str, Any] = json.loads(written)
    return told


def test_what_fits_is_told_whole() -> None:
    """And nothing is said of what was left out."""
    told = status(tree(["a", "b"]), in_force(lease(1, "a", "b", "c", "d", "e")))
    assert ["root", "a", "b"] == [each["name"] for each in told["loggers"]]
    assert 5 == len(told["leases"][0]["levels"])
    assert not {"left_out", "left_out_of"} & told.keys()


def test_the_newest_lease_of_a_logger_is_told() -> None:
    """Each logger with the one whose level it has."""
    told = status(tree(["a", "b"], 10), in_force(lease(1, "a", "b"), lease(2, "a")))
    leased = {
        each["name"]: each["leased"] and int(each["leased"]["id"]) for each in told["loggers"]
    }
    assert {"root": None, "a": 2, "b": 1} == leased


def test_leases_with_many_long_names_do_not_hide_everything() -> None:
    """As many as there may be, each with as many loggers as one may have."""
    names = [[f"{number:02}-{each:03}.{LONG}" for each in range(100)] for number in range(64)]
    leases = [lease(number, *made) for number, made in enumerate(names)]
    told = status(tree([each for made in names for each in made], 10), in_force(*leases))
    assert 64 == len(told["leases"])
    for each in told["leases"]:
        assert (3, 97) == (len(each["levels"]), each["levels_left_out"])
    assert {"loggers"} == told["left_out_of"].keys()
    assert 6_401 == len(told["loggers"]) + told["left_out_of"]["loggers"]
    assert told["left_out"] == told["left_out_of"]["loggers"]
    assert told["loggers"]


def test_the_longest_list_is_cut_first() -> None:
    """Whichever it is, and what was left out of each is said."""
    found = in_force()
    found.instance = "i"
    names = [f"{number:04}{LONG}" for number in range(1_500)]
    handlers = tuple(f"h{number:03}{LONG}" for number in range(100))
    live = tree(names)._replace(loggers=(LoggerState("", 30, handlers), *tree(names).loggers[1:]))
    told = status(live, found)
    assert (3, 97) == (
        len(told["loggers"][0]["handlers"]),
        told["loggers"][0]["handlers_left_out"],
    )
    assert 1_501 == len(told["loggers"]) + told["left_out"]


def test_other_reports_are_cut_too() -> None:
    """Changes, levels of a lease, and ids."""
    found = tuple(Change(f"{number}", LONG, LONG) for number in range(2_000))
    told = json.loads(changes_report(found))
    assert 2_000 == len(told["changes"]) + told["left_out_of"]["changes"]
    ended = tuple(lease(number) for number in range(10_000))
    told = json.loads(ended_report(ended, InForce()))
    assert 10_000 == len(told["ended"]) + told["left_out"]


def test_what_has_gone_back_and_is_not_written_says_so() -> None:
    """With the reason; nothing stands there where it is written."""
    broken = InForce(unwritten="the disk fails")
    assert {"unwritten": "the disk fails", "ended": []} == json.loads(ended_report((), broken))
    told = json.loads(reverted_report(Base(), broken, (), ()))
    assert ("the disk fails", None) == (told["unwritten"], told["reverted"])
    assert "unwritten" not in json.loads(reverted_report(Base(), InForce(), (), ()))


def test_names_near_to_one_that_nobody_has_asked_for() -> None:
    """Of those that the issuer may name, the nearest first; of the first slips of a long lease."""
    live = tree(["payments", "payments.cards", "payments.db", "payments.dba", "shop.db"])
    leased = lease(1, "payments.bd", "shop.bd", "", "payments.db", "nowhere")

    def near(may_name: Callable[[str], bool]) -> dict[str, list[str]]:
        told = json.loads(lease_report(leased, live, live, may_name))["levels"]
        assert all(each["near"] == [] for each in told if each["known"])
        return {each["logger"]: each["near"] for each in told if not each["known"]}

    everything = near(lambda _: True)
    assert ["payments.db", "payments.dba"] == everything["payments.bd"]
    assert (["shop.db"], []) == (everything["shop.bd"], everything["nowhere"])
    assert [] == near(lambda name: name.startswith("payments"))["shop.bd"]
    assert [[], [], []] == list(near(lambda _: False).values())
    many = lease(1, *(f"payments.d{number}" for number in range(9)))
    told = json.loads(lease_report(many, live, live, bool))["levels"]
    assert [True] * 3 + [False] * 6 == [bool(each["near"]) for each in told]


def test_a_report_is_never_empty() -> None:
    """Not even where nothing can be cut."""
    found = in_force()
    found.instance = "i" * (MAX_REPORT_BYTES + 1)
    assert {"left_out"} == status(tree([]), found).keys()


@pytest.mark.parametrize("which", ["status", "lease"])
def test_the_work_grows_with_the_loggers(which: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tree is indexed as often for a thousand loggers as for ten."""
    indexed: list[Tree] = []
    by_name = Tree.by_name

    def counted(self: Tree) -> dict[str, LoggerState]:
        indexed.append(self)
        return by_name(self)

    monkeypatch.setattr(Tree, "by_name", counted)
    counts = []
    for number in (10, 1_000):
        names = [f"a.{each}" for each in range(number)]
        live, leased = tree(names), lease(1, *names)
        if which == "status":
            assert number + 1 == len(status(live, in_force(leased))["loggers"])
        else:
            told = lease_report(leased, live, live, bool)
            assert number == len(json.loads(told)["levels"])
        counts.append(len(indexed))
        indexed.clear()
    assert counts[0] == counts[1] <= 2
