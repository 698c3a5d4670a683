"""A handler whose definition did not change keeps its object and its open file."""

from __future__ import annotations

import json
import logging
import logging.handlers
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Final

import pytest

from sealwire.documents import LoggingPlan, read_plan
from sealwire.errors import ApplyError
from sealwire.logtree import apply
from sealwire.logtree.building import build
from sealwire.logtree.internals import named_handlers
from sealwire.logtree.keeping import kept_by
from sealwire.logtree.reading import is_foreign
from sealwire.logtree.swapping import swap

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MODULE = "a_module_of_the_kept_handlers"
NO_MORE: Final[Mapping[str, object]] = MappingProxyType({})
FILE = "logging.FileHandler"
ROTATING = "logging.handlers.RotatingFileHandler"
TIMED = "logging.handlers.TimedRotatingFileHandler"
MEMORY = "logging.handlers.MemoryHandler"


class Counted(logging.Handler):
    """A handler of the host, which counts how many are made."""

    made: ClassVar[int] = 0

    def __init__(self, size: int = 0) -> None:
        """Be made."""
        super().__init__()
        type(self).made += 1

    def emit(self, record: logging.LogRecord) -> None:
        """Do nothing."""


@pytest.fixture(autouse=True)
def module() -> Iterator[None]:
    """Make the classes of this file ones that a plan can name."""
    sys.modules[MODULE] = sys.modules[__name__]
    Counted.made = 0
    yield
    del sys.modules[MODULE]


def plan(
    handler: dict[str, Any], more: Mapping[str, object] = NO_MORE, **sections: object
) -> LoggingPlan:
    """Give a plan with one handler at the root, and what else it needs."""
    document = {
        "version": 1,
        "formatters": {"f": {"format": "%(message)s"}, "g": {"format": "{message}", "style": "{"}},
        "filters": {"only": {"name": "a"}, "other": {"name": "b"}},
        "handlers": {"x": handler, **more},
        "root": {"handlers": ["x"]},
        **sections,
    }
    return read_plan(json.dumps(document).encode())


def the_handler() -> logging.Handler:
    """Give the handler x."""
    return named_handlers()["x"]


def at_root() -> list[logging.Handler]:
    """Give the root's handlers, but for those of pytest."""
    return [each for each in logging.root.handlers if not is_foreign(each)]


@pytest.mark.parametrize(
    "definition",
    [
        {"class": "logging.NullHandler"},
        {"class": "logging.StreamHandler"},
        {"class": "logging.StreamHandler", "stream": "ext://sys.stdout"},
        {"class": FILE, "filename": "{}"},
        {"class": FILE, "filename": "{}", "mode": "w"},
        {"class": FILE, "filename": "{}", "mode": "x"},
        {"class": FILE, "filename": "{}", "delay": True, "encoding": "utf-8", "errors": "replace"},
        {"class": ROTATING, "filename": "{}"},
        {"class": ROTATING, "filename": "{}", "maxBytes": 100, "backupCount": 2},
        {"class": TIMED, "filename": "{}"},
        {"class": TIMED, "filename": "{}", "when": "midnight", "utc": True, "backupCount": 7},
        {"class": TIMED, "filename": "{}", "when": "W0", "interval": 2},
        {"class": f"{MODULE}.Counted", "size": 3},
        {"class": "logging.StreamHandler", ".": {"terminator": "|"}},
        {"class": "logging.handlers.SysLogHandler", "address": ["127.0.0.1", 1]},
    ],
)
def test_the_same_definition_keeps_the_object(tmp_path: Path, definition: dict[str, Any]) -> None:
    """And its stream; level, formatter and filters are the plan's."""
    path = str(tmp_path / "x")
    wanted = {key: path if value == "{}" else value for key, value in definition.items()}
    apply(plan(wanted))
    live, stream = the_handler(), getattr(the_handler(), "stream", None)
    live.handle(logging.makeLogRecord({"msg": "one", "name": "a"}))
    apply(plan({**wanted, "level": "ERROR", "formatter": "g", "filters": ["only"]}))
    assert live is the_handler()
    assert live in logging.root.handlers
    if stream is not None:
        assert stream is getattr(live, "stream", None)
    assert logging.ERROR == live.level
    formatter, (found,) = live.formatter, live.filters
    assert formatter is not None
    assert "{message}" == formatter._fmt
    assert isinstance(found, logging.Filter)
    assert "a" == found.name
    apply(plan({**wanted, "level": "ERROR", "formatter": "g", "filters": ["only"]}))
    assert formatter is live.formatter
    assert found is live.filters[0]
    apply(plan(wanted))
    assert logging.NOTSET == live.level
    assert live.formatter is None
    assert [] == live.filters


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"class": "logging.StreamHandler"}, {"stream": "ext://sys.stdout"}),
        ({"class": FILE, "filename": "{}"}, {"filename": "{}2"}),
        ({"class": FILE, "filename": "{}"}, {"encoding": "utf-8"}),
        ({"class": FILE, "filename": "{}"}, {"errors": "replace"}),
        ({"class": ROTATING, "filename": "{}"}, {"class": FILE}),
        ({"class": ROTATING, "filename": "{}", "maxBytes": 100}, {"maxBytes": 101}),
        ({"class": ROTATING, "filename": "{}", "maxBytes": 100}, {"backupCount": 1}),
        ({"class": TIMED, "filename": "{}"}, {"when": "D"}),
        ({"class": TIMED, "filename": "{}"}, {"interval": 2}),
        ({"class": "logging.StreamHandler"}, {".": {"terminator": "|"}}),
        ({"class": "logging.StreamHandler", ".": {"terminator": "|"}}, {".": {}}),
        ({"class": FILE, "filename": "{}", ".": {"terminator": "|"}}, {".": {"terminator": "#"}}),
        ({"class": f"{MODULE}.Counted", "size": 3}, {"size": 4}),
    ],
)
def test_another_definition_builds_another(
    tmp_path: Path, before: dict[str, Any], after: dict[str, Any]
) -> None:
    """Whatever differs; what was there is let go."""
    path = str(tmp_path / "x")

    def at(definition: dict[str, Any]) -> dict[str, Any]:
        return {
            key: value.replace("{}", path) if isinstance(value, str) else value
            for key, value in definition.items()
        }

    apply(plan(at(before)))
    live = the_handler()
    apply(plan(at({**before, **after})))
    assert live is not the_handler()
    assert [the_handler()] == at_root()
    assert None is live.name


def test_a_handler_of_the_application_is_compared_as_it_is(tmp_path: Path) -> None:
    """Nobody told how it was made, and nobody has to."""
    made = logging.FileHandler(tmp_path / "x", encoding="utf-8")
    made.name = "x"
    logging.root.addHandler(made)
    wanted = {"class": FILE, "filename": str(tmp_path / "x")}
    apply(plan({**wanted, "encoding": "utf-8"}))
    assert made is the_handler()
    apply(plan(wanted))
    assert made is not the_handler()


def test_a_stream_that_was_exchanged_is_noticed() -> None:
    """The definition speaks of the stream that is called stderr now."""
    apply(plan({"class": "logging.StreamHandler"}))
    live = the_handler()
    assert isinstance(live, logging.StreamHandler)
    live.setStream(sys.stdout)
    apply(plan({"class": "logging.StreamHandler"}))
    assert live is not the_handler()


def test_a_file_that_was_moved_is_opened_anew(tmp_path: Path) -> None:
    """Whoever rotates from outside waits for that."""
    wanted = plan({"class": FILE, "filename": str(tmp_path / "x"), "formatter": "f"})
    apply(wanted)
    (tmp_path / "x").rename(tmp_path / "x.1")
    apply(wanted)
    logging.root.error("new")
    assert "new\n" == (tmp_path / "x").read_text()
    assert "" == (tmp_path / "x.1").read_text()


def test_a_handler_stays_only_if_what_it_writes_to_stays(tmp_path: Path) -> None:
    """A memory handler goes with its target, and stays with it."""

    def wanted(name: str) -> LoggingPlan:
        return plan(
            {"class": MEMORY, "capacity": 10, "target": "file"},
            more={"file": {"class": FILE, "filename": str(tmp_path / name)}},
        )

    apply(wanted("one"))
    memory, file = the_handler(), named_handlers()["file"]
    assert isinstance(memory, logging.handlers.MemoryHandler)
    apply(wanted("one"))
    assert (memory, file) == (the_handler(), named_handlers()["file"])
    assert file is memory.target
    apply(wanted("two"))
    assert memory is not the_handler()
    assert file is not named_handlers()["file"]


def test_a_handler_that_stays_is_not_asked_for_its_file(tmp_path: Path) -> None:
    """It has it open; what has become of the folder's rights is no affair of this change."""
    wanted = plan({"class": FILE, "filename": str(tmp_path / "x"), "mode": "w"})
    apply(wanted)
    logging.root.error("something")
    # Mode w is refused for a file that has something in it, unless nothing is opened.
    apply(wanted)
    logging.root.error("more")
    assert "something\nmore\n" == (tmp_path / "x").read_text()


def test_a_handler_that_is_taken_away_meanwhile_prevents_the_change() -> None:
    """Between building and the swap, which hold no lock together."""
    wanted = plan({"class": "logging.NullHandler"})
    apply(wanted)
    built = build(wanted, kept_by(wanted))
    live = the_handler()
    live.name = "elsewhere"
    with pytest.raises(ApplyError, match=r"handlers\.x: the application has exchanged it"):
        swap(wanted, built)
    assert [live] == at_root()


def test_what_is_discarded_does_not_close_what_stays(tmp_path: Path) -> None:
    """A build that fails leaves the kept handlers open."""
    good = {"class": FILE, "filename": str(tmp_path / "x")}
    apply(plan(good))
    live = the_handler()
    assert isinstance(live, logging.FileHandler)
    more = {"y": {"class": FILE, "filename": str(tmp_path / "y"), "encoding": "no-such"}}
    with pytest.raises(ApplyError):
        apply(plan(good, more=more))
    assert live is the_handler()
    assert live.stream is not None
    assert not live.stream.closed
    assert not (tmp_path / "y").exists()


def test_a_new_handler_takes_the_place_of_the_old_one_everywhere(tmp_path: Path) -> None:
    """A logger that the plan does not name had the old one, and has the one of that name now."""
    apply(plan({"class": "logging.NullHandler"}, loggers={"a": {"handlers": ["x"]}}))
    old = the_handler()
    assert [old] == logging.getLogger("a").handlers
    apply(plan({"class": FILE, "filename": str(tmp_path / "x")}))
    assert [the_handler()] == logging.getLogger("a").handlers
    assert old is not the_handler()
    apply(
        read_plan(
            b'{"version": 1, "handlers": {"x": {"class": "logging.NullHandler"}},'
            b' "loggers": {"b": {"handlers": ["x"]}}}'
        )
    )
    assert [the_handler()] == logging.getLogger("a").handlers == at_root()
