"""A change can be undone later, and what somebody else has changed meanwhile is left."""

from __future__ import annotations

import json
import logging
import logging.config
import logging.handlers
import queue
from typing import TYPE_CHECKING

import pytest

from sealwire.documents import LoggingPlan, Tree, read_plan
from sealwire.documents.tree import Levels
from sealwire.errors import PolicyError
from sealwire.logtree import apply_as_base, go_back, read
from sealwire.logtree.internals import named_handlers, thread_of
from sealwire.logtree.swapping import Change

if TYPE_CHECKING:
    from pathlib import Path


class Around:
    """Leases that are laid around a change, and a floor."""

    def __init__(self, refuse: bool = False, **levels: int) -> None:
        """Lay ``levels``, which were 0 before."""
        self._levels = levels
        self._refuse = refuse
        self.seen: list[Tree] = []

    def before(self, live: Tree) -> Levels:
        """Give them back."""
        self.seen.append(live)
        return Levels(dict.fromkeys(self._levels, 0))

    def after(self, base: Tree) -> Levels:
        """Refuse, or lay them again."""
        self.seen.append(base)
        if self._refuse:
            raise PolicyError("floor", "root", "no")
        return Levels(self._levels)


def plan(**sections: object) -> LoggingPlan:
    """Read a plan."""
    return read_plan(json.dumps({"version": 1, **sections}).encode())


def to_file(path: Path, **more: object) -> LoggingPlan:
    """Give a plan in which the root and one logger write to a file."""
    return plan(
        formatters={"f": {"format": "%(message)s"}},
        filters={"only": {"name": "a"}},
        handlers={"x": {"class": "logging.FileHandler", "filename": str(path), "formatter": "f"}},
        root={"level": "INFO", "handlers": ["x"]},
        loggers={"a.b": {"level": "DEBUG", "filters": ["only"], "propagate": False}},
        **more,
    )


def objects() -> object:
    """Give everything of the tree, down to the objects, but for loggers that have nothing."""
    loggers = {"": logging.root, **logging.root.manager.loggerDict}
    return (
        {
            name: (e.level, e.propagate, e.disabled, list(e.handlers), list(e.filters))
            for name, e in loggers.items()
            if isinstance(e, logging.Logger)
            if e.level or e.handlers or e.filters or not e.propagate or e.disabled
        },
        {name: (h, h.level, h.formatter, h.filters[:]) for name, h in named_handlers().items()},
    )


def set_up(tmp_path: Path) -> logging.FileHandler:
    """Be an application with a tree of its own."""
    # Without those of pytest.
    logging.root.handlers = []
    own = logging.FileHandler(tmp_path / "own", mode="w")
    own.name = "x"
    own.setFormatter(logging.Formatter("own %(message)s"))
    logging.root.addHandler(own)
    logging.root.setLevel(logging.WARNING)
    logger = logging.getLogger("a.b")
    logger.setLevel(logging.ERROR)
    logger.addHandler(own)
    return own


def test_back_to_the_very_same_objects(tmp_path: Path) -> None:
    """Names included; and what the application wrote is not emptied by its mode w."""
    own = set_up(tmp_path)
    logging.root.error("one")
    before = objects()
    _, change = apply_as_base(to_file(tmp_path / "new", disable_existing_loggers=True), Around())
    logging.root.error("two")
    assert own not in change.left.names.values()
    assert own.stream is None
    back, drift = go_back(change, Around())
    assert before == objects()
    assert () == drift
    logging.root.error("three")
    assert "own one\nown three\n" == (tmp_path / "own").read_text()
    assert "two\n" == (tmp_path / "new").read_text()
    assert [type(each) for each in back.gone] == [logging.FileHandler]


def test_the_way_there_and_back_again(tmp_path: Path) -> None:
    """Going back is a change like any other, and can be undone as well as made one with others."""
    set_up(tmp_path)
    before = objects()
    _, one = apply_as_base(to_file(tmp_path / "one"), Around())
    middle = objects()
    _, two = apply_as_base(to_file(tmp_path / "two"), Around())
    go_back(two, Around())
    assert middle == objects()
    logging.root.error("one")
    assert "one\n" == (tmp_path / "one").read_text()
    _, two = apply_as_base(to_file(tmp_path / "two"), Around())
    go_back(one.then(two), Around())
    assert before == objects()


def test_what_somebody_else_has_changed_is_left(tmp_path: Path) -> None:
    """Level, handlers, filters, names: each at its place, and nothing else is held up by it."""
    own = set_up(tmp_path)
    _, change = apply_as_base(to_file(tmp_path / "new"), Around())
    logger, tool = logging.getLogger("a.b"), logging.NullHandler()
    logger.setLevel(5)
    logger.addHandler(tool)
    logging.root.addHandler(tool)
    logging.root.removeHandler(named_handlers()["x"])
    logging.getLogger("new").setLevel(7)
    named = logging.NullHandler()
    named.name = "named"
    _, drift = go_back(change, Around())
    assert ("root.handlers", "loggers.a.b.level", "loggers.a.b.handlers") == drift
    assert (5, [own, tool], []) == (logger.level, logger.handlers, logger.filters)
    assert [own, tool] == logging.root.handlers
    assert 7 == logging.getLogger("new").level
    assert {"x": own, "named": named} == dict(named_handlers())
    assert logger.propagate


def test_a_handler_that_stayed_gets_back_what_it_had(tmp_path: Path) -> None:
    """Unless somebody has changed it since."""
    own = set_up(tmp_path)
    formatter = own.formatter

    def wanted(level: str) -> LoggingPlan:
        return plan(
            handlers={
                "x": {
                    "class": "logging.FileHandler",
                    "filename": str(tmp_path / "own"),
                    "mode": "w",
                    "level": level,
                }
            },
            root={"handlers": ["x"]},
        )

    _, change = apply_as_base(wanted("ERROR"), Around())
    assert (logging.ERROR, None) == (own.level, own.formatter)
    go_back(change, Around())
    assert (logging.NOTSET, formatter) == (own.level, own.formatter)
    _, change = apply_as_base(wanted("ERROR"), Around())
    own.setLevel(1)
    _, drift = go_back(change, Around())
    assert (1, formatter) == (own.level, own.formatter)
    assert ("handlers.x.level",) == drift


def test_leases_are_neither_in_what_was_nor_in_what_is_left(tmp_path: Path) -> None:
    """They are laid again over either."""
    set_up(tmp_path)
    leases = Around(leased=10)
    logging.getLogger("leased").setLevel(10)
    _, change = apply_as_base(to_file(tmp_path / "new"), leases)
    assert 10 == logging.getLogger("leased").level
    assert 0 == change.base.logger("leased").level
    assert [10, 0] == [tree.logger("leased").level for tree in leases.seen]
    assert (0, 0) == tuple(each.parts()["leased"].level for each in (change.before, change.left))
    go_back(change, Around(leased=10))
    assert 10 == logging.getLogger("leased").level


def test_what_is_refused_under_the_lock_changes_nothing(tmp_path: Path) -> None:
    """The floors are asked about the tree as it is, and have the last word."""
    own = set_up(tmp_path)
    logging.getLogger("leased").setLevel(10)
    before, tree = objects(), read()
    refusing = Around(refuse=True, leased=10)
    with pytest.raises(PolicyError):
        apply_as_base(to_file(tmp_path / "new"), refusing)
    assert before == objects()
    assert tree == read()
    assert not (tmp_path / "new").exists()
    assert own.stream is not None
    assert not own.stream.closed
    assert refusing.seen[-1].logger("").level == logging.INFO


def test_a_queue_is_listened_to_again(tmp_path: Path) -> None:
    """Its thread ends when the handler goes, and another one begins when it comes back."""
    out = logging.FileHandler(tmp_path / "out")
    handler = logging.handlers.QueueHandler(queue.SimpleQueue())
    listener = logging.handlers.QueueListener(handler.queue, out)
    handler.listener = listener  # type: ignore[attr-defined, unused-ignore]
    listener.start()
    logging.root.handlers = [handler]
    _, change = apply_as_base(to_file(tmp_path / "new"), Around())
    assert thread_of(listener) is None
    go_back(change, Around())
    assert thread_of(listener) is not None
    logging.root.error("through the queue")
    listener.stop()
    assert "through the queue\n" == (tmp_path / "out").read_text()


def test_a_socket_is_given_up_and_taken_again(tmp_path: Path) -> None:
    """A handler of another class is flushed, and not closed, since it could not come back."""
    closed: list[str] = []

    class Own(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            pass

        def close(self) -> None:
            closed.append("own")
            super().close()

    syslog = logging.handlers.SysLogHandler(("127.0.0.1", 9))
    own = Own()
    own.name = "own"
    logging.root.handlers = [syslog, own]
    _, change = apply_as_base(to_file(tmp_path / "new"), Around())
    assert None is vars(syslog)["socket"]
    assert own in change.gone
    go_back(change, Around())
    logging.root.error("somewhere")
    assert None is not vars(syslog)["socket"]
    assert [] == closed
    assert own is named_handlers()["own"]
    assert isinstance(change, Change)


def test_new_loggers_have_lists_of_their_own(tmp_path: Path) -> None:
    """What the application adds to one of them is not the other's."""
    set_up(tmp_path)
    _, change = apply_as_base(plan(incremental=True, loggers={"new": {}, "other": {}}), Around())
    logging.getLogger("new").addHandler(logging.NullHandler())
    logging.getLogger("new").addFilter(logging.Filter("a"))
    assert ([], []) == (logging.getLogger("other").handlers, logging.getLogger("other").filters)
    go_back(change, Around())
    logging.getLogger("other").addHandler(logging.NullHandler())
    _, change = apply_as_base(plan(incremental=True, loggers={"third": {}}), Around())
    assert [] == logging.getLogger("third").handlers


def test_what_was_put_back_by_hand_is_there_once(tmp_path: Path) -> None:
    """A configuration took the handler away, and the application attached it again."""
    own = set_up(tmp_path)
    _, change = apply_as_base(plan(root={"level": "INFO", "handlers": []}), Around())
    logging.root.addHandler(own)
    _, drift = go_back(change, Around())
    assert [own] == logging.root.handlers
    assert ("root.handlers",) == drift


def test_over_two_changes_what_others_did_in_between_stays(tmp_path: Path) -> None:
    """It would have stayed if one had gone back over each of them."""
    own = set_up(tmp_path)
    _, one = apply_as_base(plan(loggers={"a.b": {"level": "INFO"}}), Around())
    made = logging.NullHandler()
    logging.root.addHandler(made)
    logging.getLogger("between").setLevel(7)
    _, two = apply_as_base(plan(loggers={"c": {"level": "INFO"}}), Around())
    _, drift = go_back(one.then(two), Around())
    assert [own, made] == logging.root.handlers
    assert [own] == logging.getLogger("a.b").handlers
    levels = [logging.getLogger(name).level for name in ("a.b", "between", "c")]
    assert [logging.ERROR, 7, logging.NOTSET] == levels
    assert () == drift


def test_over_two_changes_a_handler_gets_back_what_the_first_one_took(tmp_path: Path) -> None:
    """Though it left with the second one, or with one after that."""
    own = set_up(tmp_path)
    lowered = plan(incremental=True, handlers={"x": {"level": "DEBUG"}})
    null = plan(handlers={"x": {"class": "logging.NullHandler"}}, root={"handlers": ["x"]})
    changes = [apply_as_base(each, Around())[1] for each in (lowered, null, plan(), plan())]
    assert logging.DEBUG == own.level
    whole = changes[0].then(changes[1]).then(changes[2]).then(changes[3])
    made = named_handlers()["x"]
    assert all(made is not handler for handler, _ in whole.before.handlers)
    go_back(whole, Around())
    assert (logging.NOTSET, own) == (own.level, named_handlers()["x"])


def test_no_lease_is_laid_over_a_handler_that_goes(tmp_path: Path) -> None:
    """It would come back with the level of a lease that has ended meanwhile."""
    set_up(tmp_path)
    around = Around()
    apply_as_base(plan(root={"handlers": []}, loggers={"a.b": {"handlers": []}}), around)
    before, after = around.seen
    assert ("x" in before.by_key(), "x" in after.by_key()) == (True, False)


def test_what_was_closed_meanwhile_does_not_come_back(tmp_path: Path) -> None:
    """Who sets up logging anew closes every handler, those that rest as well."""
    set_up(tmp_path)
    _, change = apply_as_base(to_file(tmp_path / "new"), Around())
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {"x": {"class": "logging.FileHandler", "filename": str(tmp_path / "own")}},
            "root": {"handlers": ["x"]},
        }
    )
    anew = named_handlers()["x"]
    go_back(change, Around())
    assert [anew] == logging.root.handlers
    assert anew is named_handlers()["x"]
    logging.root.error("once")
    assert "once\n" == (tmp_path / "own").read_text()
