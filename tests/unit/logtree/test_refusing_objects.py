"""Loggers and handlers of the host's that do not let themselves be set stop no way back."""

from __future__ import annotations

import json
import logging

import pytest

from sealwire.documents import LoggingPlan, Tree, read_plan
from sealwire.documents.tree import Levels
from sealwire.errors import ApplyError
from sealwire.logtree import apply, apply_as_base, go_back, read, relevel
from sealwire.logtree.internals import named_handlers, put_by_force, unname

# Changed in the order of their names, and put back in that in which they were made known.
BEFORE, REFUSES, AFTER = "refusing.a", "refusing.z", "refusing.b"


class Refusing(logging.Logger):
    """A logger that somebody has frozen, but for some attributes."""

    frozen = False
    but: tuple[str, ...] = ()

    def __setattr__(self, name: str, value: object) -> None:
        """Refuse, once it is frozen."""
        if self.frozen and name not in self.but:
            raise SystemExit(name)
        super().__setattr__(name, value)


class Stuck(logging.Logger):
    """A logger whose level stays as it was set last, from some time on."""

    stuck = False

    @property
    def level(self) -> int:
        """Give it."""
        return int(vars(self).get("its_level", 0))

    @level.setter
    def level(self, value: int) -> None:
        """Take it, or refuse."""
        if self.stuck:
            raise ValueError
        vars(self)["its_level"] = value


class OwnName(logging.Handler):
    """A handler whose name is not to be had once it is frozen."""

    frozen = False

    @property
    def name(self) -> str | None:
        """Give it."""
        if self.frozen:
            raise ZeroDivisionError
        return vars(self).get("_name")

    @name.setter
    def name(self, value: str | None) -> None:
        """Take it."""
        if value is not None:
            self.set_name(value)


class NoLeases:
    """Nothing is laid over a base."""

    def before(self, live: Tree) -> Levels:
        """Give nothing back."""
        return Levels({})

    def after(self, base: Tree) -> Levels:
        """Lay nothing."""
        return Levels({})


def known(logger: logging.Logger) -> None:
    """Make a logger known, with a level and a handler."""
    handler = OwnName()
    handler.set_name(f"of {logger.name}")
    logger.addHandler(handler)
    logger.level, logger.parent = logging.INFO, logging.root
    logging.root.manager.loggerDict[logger.name] = logger


@pytest.fixture
def logger() -> Refusing:
    """Give a logger between two ordinary ones, which can be frozen."""
    between = Refusing(REFUSES)
    known(logging.getLogger(BEFORE))
    known(between)
    known(logging.getLogger(AFTER))
    return between


@pytest.fixture
def stuck() -> Stuck:
    """Give the same, which can be stuck."""
    between = Stuck(REFUSES)
    known(logging.getLogger(BEFORE))
    known(between)
    known(logging.getLogger(AFTER))
    return between


def plan(**sections: object) -> LoggingPlan:
    """Read a plan that gives all three another level and another handler."""
    names = (BEFORE, REFUSES, AFTER)
    handlers = {f"new of {name}": {"class": "logging.NullHandler"} for name in names}
    loggers = {name: {"level": "ERROR", "handlers": [f"new of {name}"]} for name in names}
    whole = {"version": 1, "handlers": handlers, "loggers": loggers, **sections}
    return read_plan(json.dumps(whole).encode())


def levels() -> list[int]:
    """Give the levels of all three."""
    return [logging.getLogger(name).level for name in (BEFORE, REFUSES, AFTER)]


def handlers() -> list[str | None]:
    """Give the names of their handlers."""
    found = [logging.getLogger(name).handlers for name in (BEFORE, REFUSES, AFTER)]
    return [vars(each)["_name"] for some in found for each in some]


@pytest.mark.parametrize(
    ("but", "refused"), [((), "level"), (("level", "propagate", "disabled"), "handlers")]
)
def test_a_change_that_fails_at_one_is_put_back_at_all(
    logger: Refusing, but: tuple[str, ...], refused: str
) -> None:
    """Also where it had got half-way, so that there is something to put back at that very one."""
    loggers, names = dict(logging.root.manager.loggerDict), dict(named_handlers())
    for each in names.values():
        vars(each)["frozen"] = True
    vars(logger)["but"], vars(logger)["frozen"] = but, True
    with pytest.raises(SystemExit) as failed:
        apply(plan())
    vars(logger)["frozen"] = False
    assert refused == failed.value.code
    assert [logging.INFO] * 3 == levels()
    assert [f"of {name}" for name in (BEFORE, REFUSES, AFTER)] == handlers()
    assert loggers == logging.root.manager.loggerDict
    assert names == dict(named_handlers())


def test_what_cannot_be_put_back_is_told(stuck: Stuck, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its place; and everything else is as before."""

    def fail() -> None:
        stuck.stuck = True
        monkeypatch.undo()
        raise ZeroDivisionError

    monkeypatch.setattr("sealwire.logtree.swapping.clear_level_caches", fail)
    with pytest.raises(ApplyError) as failed:
        apply(plan())
    assert (
        f"unable to configure logging: ZeroDivisionError; not as before, since they do not let "
        f"themselves be set: loggers.{REFUSES}.level"
    ) == str(failed.value)
    assert [logging.INFO, logging.ERROR, logging.INFO] == levels()
    assert [f"of {name}" for name in (BEFORE, REFUSES, AFTER)] == handlers()


def test_many_that_cannot_be_put_back_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer stays short."""
    all_stuck = [Stuck(f"refusing.{number}") for number in range(8)]
    for each in all_stuck:
        known(each)

    def fail() -> None:
        for each in all_stuck:
            each.stuck = True
        monkeypatch.undo()
        raise ZeroDivisionError

    monkeypatch.setattr("sealwire.logtree.swapping.clear_level_caches", fail)
    loggers = {each.name: {"level": "ERROR"} for each in all_stuck}
    with pytest.raises(ApplyError, match=r"refusing\.4\.level and 3 more$"):
        apply(plan(handlers={}, loggers=loggers))


def test_going_back_goes_on_past_one(logger: Refusing) -> None:
    """Frozen only once it had been changed; what does not give way is named and left."""
    change = apply_as_base(plan(), NoLeases())[1]
    vars(logger)["frozen"] = True
    back, left = go_back(change, NoLeases())
    assert () == left
    assert [logging.INFO] * 3 == levels()
    assert [f"of {name}" for name in (BEFORE, REFUSES, AFTER)] == handlers()
    assert read() == back.base


def test_going_back_names_what_stays(stuck: Stuck) -> None:
    """It has no other way than its setter."""
    change = apply_as_base(plan(), NoLeases())[1]
    stuck.stuck = True
    _, left = go_back(change, NoLeases())
    assert (f"loggers.{REFUSES}.level",) == left
    assert [logging.INFO, logging.ERROR, logging.INFO] == levels()


@pytest.mark.parametrize("by_force", [False, True])
def test_a_lease_ends_at_all_others(stuck: Stuck, by_force: bool) -> None:
    """One begins everywhere or nowhere."""
    stuck.stuck = True

    def ask() -> Tree:
        wanted = Levels(dict.fromkeys((BEFORE, REFUSES, AFTER), logging.DEBUG))
        return relevel(lambda _: wanted, by_force=by_force)

    if by_force:
        assert logging.INFO == ask().logger(REFUSES).level
        assert [logging.DEBUG, logging.INFO, logging.DEBUG] == levels()
    else:
        with pytest.raises(ValueError, match=r"^$"):
            ask()
        assert [logging.INFO] * 3 == levels()


def test_what_has_the_value_is_not_set() -> None:
    """An object that cannot even be asked counts as one that has not."""

    class Mute:
        def __getattribute__(self, name: str) -> object:
            raise SystemExit(name)

    class Counting:
        sets = 0

        def __setattr__(self, name: str, value: object) -> None:
            type(self).sets += 1
            super().__setattr__(name, value)

    assert ["level"] == put_by_force(Mute(), level=1)
    counting = Counting()
    assert [] == put_by_force(counting, level=1, filters=[])
    assert [] == put_by_force(counting, level=1)
    assert 2 == counting.sets
    assert [] == put_by_force(counting, filters=[])
    assert 3 == counting.sets


def test_a_name_is_taken_from_a_handler_that_does_not_say_it() -> None:
    """The library keeps it beside."""
    handler = OwnName()
    handler.set_name("own")
    handler.frozen = True
    unname(handler)
    assert "own" not in named_handlers()
