"""A constructor that waits has a deadline, and holds nobody up."""

from __future__ import annotations

import json
import logging
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from sealwire.documents import LoggingPlan, read_plan
from sealwire.errors import ApplyError
from sealwire.logtree import apply, builder, try_out
from sealwire.logtree.builder import build_in_time
from sealwire.logtree.internals import named_handlers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MODULE = "a_module_of_the_builder"
PATIENCE_S = 20.0
_go_on = threading.Event()
_ended = threading.Event()


class Waiting(logging.Handler):
    """A handler whose constructor waits for somebody."""

    def __init__(self) -> None:
        """Wait."""
        _go_on.wait(PATIENCE_S)
        super().__init__()

    def close(self) -> None:
        """Close, and say so."""
        super().close()
        _ended.set()


class Leaving(logging.Handler):
    """A handler that would end its thread."""

    def __init__(self) -> None:
        """Fail."""
        raise SystemExit


@pytest.fixture(autouse=True)
def module(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make the classes of this file ones that a plan can name; let nobody wait afterwards."""
    monkeypatch.setitem(sys.modules, MODULE, sys.modules[__name__])
    _go_on.clear()
    _ended.clear()
    yield
    _go_on.set()
    for left in builder._left:
        left.thread.join(PATIENCE_S)
    builder._left.clear()


def plan(class_name: str, **formatter: str) -> LoggingPlan:
    """Give a plan with one handler."""
    document = {
        "version": 1,
        "formatters": {"f": formatter or {"format": "%(message)s"}},
        "handlers": {"x": {"class": class_name}},
        "root": {"handlers": ["x"]},
    }
    return read_plan(json.dumps(document).encode())


def kinds_at_root() -> list[str]:
    """Give the names of the classes of the root's handlers."""
    return [type(each).__name__ for each in logging.root.handlers]


def test_it_is_given_up_and_nothing_is_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Others log and make loggers meanwhile, since no lock of logging is held."""
    monkeypatch.setattr(builder, "BUILD_S", 0.05)
    with pytest.raises(ApplyError, match=r"handlers\.x has not been built in 0\.05 s"):
        apply(plan(f"{MODULE}.Waiting"))
    assert "Waiting" not in kinds_at_root()
    done = threading.Event()

    def go_on() -> None:
        logging.getLogger("made.meanwhile").warning("and logged")
        logging.StreamHandler().name = "named"
        done.set()

    threading.Thread(target=go_on, daemon=True).start()
    assert done.wait(PATIENCE_S)


def test_until_it_returns_nothing_else_that_may_wait_is_built() -> None:
    """So one thread is left behind at most; streams and files go on."""
    with pytest.raises(ApplyError):
        build_in_time(plan(f"{MODULE}.Waiting"), {}, 0.01)
    for other in (plan(f"{MODULE}.Waiting"), plan("logging.handlers.SysLogHandler")):
        with pytest.raises(ApplyError, match=r"handlers\.x of an earlier configuration is still"):
            try_out(other)
    apply(plan("logging.NullHandler"))
    _go_on.set()
    # What was built too late is closed by nobody else.
    assert _ended.wait(PATIENCE_S)
    builder._left[0].thread.join(PATIENCE_S)
    apply(plan(f"{MODULE}.Waiting"))
    assert "Waiting" in kinds_at_root()


def test_what_it_raises_is_raised_where_it_is_waited_for() -> None:
    """Also what would otherwise end a thread in silence."""
    with pytest.raises(SystemExit):
        build_in_time(plan(f"{MODULE}.Leaving"), {})
    with pytest.raises(ValueError, match="Unable to configure formatter 'f'"):
        build_in_time(plan("logging.NullHandler", **{"class": "no.such.Formatter"}), {})


def test_what_is_built_too_late_removes_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another configuration may have begun to write to it by then."""
    monkeypatch.setattr(builder, "BUILD_S", 0.05)
    path = tmp_path / "x"
    file = {"class": "logging.FileHandler", "filename": str(path)}
    late = {
        "version": 1,
        "handlers": {"a": file, "b": {"class": f"{MODULE}.Waiting"}},
        "root": {"handlers": ["a", "b"]},
    }
    with pytest.raises(ApplyError, match=r"handlers\.b has not been built"):
        apply(read_plan(json.dumps(late).encode()))
    good = {"version": 1, "handlers": {"a": file}, "loggers": {"late": {"handlers": ["a"]}}}
    apply(read_plan(json.dumps(good).encode()))
    _go_on.set()
    builder._left[0].thread.join(PATIENCE_S)
    logging.getLogger("late").error("still here")
    assert "still here\n" == path.read_text()


class Naming(logging.Handler):
    """A handler that takes somebody's name while it is made."""

    def __init__(self) -> None:
        """Take it."""
        super().__init__()
        self.name = "taken"


def test_a_name_that_a_constructor_takes_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the configuration fails afterwards or not."""
    monkeypatch.setattr(builder, "BUILD_S", PATIENCE_S)
    owner = logging.NullHandler()
    owner.name = "taken"
    build_in_time(plan(f"{MODULE}.Naming"), {}).discard()
    assert owner is named_handlers()["taken"]
    assert "taken" == owner.name
