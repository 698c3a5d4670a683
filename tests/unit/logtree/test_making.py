"""Loggers that are made for requests are counted, and nothing else is."""

from __future__ import annotations

import json
import logging

import pytest

from sealwire.documents import read_plan
from sealwire.documents.tree import Levels
from sealwire.errors import ApplyError
from sealwire.logtree import apply, count_new, relevel


@pytest.fixture(autouse=True)
def nothing_made() -> None:
    """Forget what other tests have made: their loggers are put aside."""
    assert (0, 0) == count_new(())


def configured(*names: str, **sections: object) -> None:
    """Apply a configuration that names these loggers."""
    loggers = {name: {"level": "INFO"} for name in names}
    apply(read_plan(json.dumps({"version": 1, "loggers": loggers, **sections}).encode()))


def test_names_count_once_with_those_above_them() -> None:
    """Python keeps something under each of them, for good."""
    logging.getLogger("app.there")
    assert (0, 0) == count_new(["app", "app.there"])
    assert (0, 1) == count_new(["app.there", "app.new"])
    assert (0, 5) == count_new(["a.b.c", "a.b.d", "e", "e"])


def test_a_lease_and_a_configuration_make_loggers() -> None:
    """What is there afterwards is made once."""
    logging.getLogger("app.there")
    relevel(lambda _: Levels({"": 30, "app": 10, "app.there": 10, "x.y": 10}))
    assert (2, 0) == count_new(["x.y", "x"])
    configured("app.there", "x", "x.z", "v")
    assert (4, 1) == count_new(["x.z", "x.y", "u"])
    configured("v", incremental=True)
    assert (4, 0) == count_new(["v"])


def test_what_the_application_makes_does_not_count() -> None:
    """Also beneath what was made for a request."""
    relevel(lambda _: Levels({"a": 10}))
    logging.getLogger("a.b.c.d")
    logging.getLogger("e")
    assert (1, 0) == count_new(["a.b", "e"])


def test_what_has_failed_makes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A change that is put back takes its loggers with it."""

    def fail() -> None:
        monkeypatch.undo()
        raise ZeroDivisionError

    monkeypatch.setattr("sealwire.logtree.swapping.clear_level_caches", fail)
    with pytest.raises(ApplyError):
        configured("a.b", "c")
    assert (0, 3) == count_new(["a.b", "c"])
