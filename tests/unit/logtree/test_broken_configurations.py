"""After a configuration that fails, whatever at, the tree is as it was, object by object."""

from __future__ import annotations

import json
import logging
import logging.handlers
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import pytest

from sealwire.documents import read_plan
from sealwire.errors import SealwireError
from sealwire.logtree import apply, read, try_out
from sealwire.logtree.internals import named_handlers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Sections = dict[str, Any]

MODULE = "a_module_of_the_broken_configurations"
ERRORS: Final = {
    "runtime": RuntimeError,
    "value": ValueError,
    "os": OSError,
    "exit": SystemExit,
    "interrupt": KeyboardInterrupt,
}
GOOD_HANDLERS: Final = 3


class FailingHandler(logging.Handler):
    """A handler that cannot be made."""

    def __init__(self, how: str) -> None:
        """Fail."""
        raise ERRORS[how]


class FailingLater(logging.Handler):
    """A handler of which one step after its making fails."""

    def __init__(self, step: str) -> None:
        """Be made, as far as that."""
        super().__init__()
        setattr(self, step, self._fail)

    def _fail(self, *_: object) -> NoReturn:
        raise RuntimeError


class FailingName(logging.Handler):
    """A handler that lets no name be given to it, which is done under the lock."""

    def set_name(self, name: str | None) -> None:
        """Fail."""
        raise RuntimeError

    name = property(logging.Handler.get_name, set_name)


class FailingFormatter(logging.Formatter):
    """A formatter that cannot be made."""

    def __init__(self, *_: object, **__: object) -> None:
        """Fail."""
        raise RuntimeError


class Tool(logging.Handler):
    """A handler that somebody else has put into the tree."""

    def emit(self, record: logging.LogRecord) -> None:
        """Do nothing."""


@pytest.fixture(autouse=True)
def _module() -> Iterator[None]:
    sys.modules[MODULE] = sys.modules[__name__]
    yield
    del sys.modules[MODULE]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a tree with one of everything, and files around it."""
    (tmp_path / "full").write_text("kept\n", encoding="utf-8")
    (tmp_path / "link").symlink_to("full")
    (tmp_path / "folder").mkdir()
    sections = {
        "formatters": {"f": {"format": "%(message)s"}},
        "filters": {"only": {"name": "app"}},
        "handlers": {
            "h0": {"class": "logging.FileHandler", "filename": "@/old", "formatter": "f"},
            "late": {"class": "logging.handlers.MemoryHandler", "capacity": 9, "target": "h0"},
            "err": {"class": "logging.StreamHandler", "level": "ERROR", "filters": ["only"]},
        },
        "loggers": {
            "app": {"level": "INFO", "handlers": ["h0"], "filters": ["only"]},
            "app.far.away": {"level": "DEBUG", "handlers": ["late"], "propagate": False},
        },
        "root": {"level": "WARNING", "handlers": ["err"]},
    }
    apply(read_plan(text(sections, tmp_path)))
    logging.getLogger("app").addHandler(Tool())
    logging.getLogger("app.other").addHandler(logging.StreamHandler(sys.stderr))
    logging.getLogger("silent").disabled = True
    logging.getLogger("app").info("before")
    return tmp_path


def text(sections: Sections, folder: Path) -> bytes:
    """Write a configuration, with the folder where it says ``@``."""
    return json.dumps({"version": 1, **sections}).replace("@", str(folder)).encode()


def among_good_ones(position: int, broken: Sections, **more: Any) -> Sections:  # noqa: ANN401 - any sections
    """Give a configuration whose handler at ``position`` is ``broken`` and all others are fit."""
    names = [f"h{number}" for number in range(GOOD_HANDLERS + 1)]
    handlers: Sections = {
        name: {"class": "logging.FileHandler", "filename": f"@/new-{name}"} for name in names
    }
    handlers[f"h{position}"] = broken
    return {
        "handlers": handlers,
        "loggers": {
            "app": {"level": "ERROR", "handlers": names, "propagate": False},
            "made.by.it": {"level": "DEBUG"},
        },
        "root": {"level": "CRITICAL", "handlers": names[:1]},
        "disable_existing_loggers": True,
        **more,
    }


def broken_configurations() -> Iterator[tuple[str, Sections]]:
    """Give each, with words for it."""
    for position in range(GOOD_HANDLERS + 1):
        for how in ERRORS:
            raising = {"class": f"{MODULE}.FailingHandler", "how": how}
            yield f"constructor {position}: {how}", among_good_ones(position, raising)
        for step in ("setLevel", "setFormatter", "addFilter"):
            handler: Sections = {
                "class": f"{MODULE}.FailingLater",
                "step": step,
                "level": "INFO",
                "formatter": "f",
                "filters": ["only"],
            }
            parts = {"formatters": {"f": {"format": "%(message)s"}}, "filters": {"only": {}}}
            yield f"{step} {position}", among_good_ones(position, handler, **parts)
        yield f"name {position}", among_good_ones(position, {"class": f"{MODULE}.FailingName"})
    for words, handler in UNFIT.items():
        yield words, among_good_ones(2, handler)
    for position in range(3):
        formatters = {f"f{number}": {"format": "%(message)s"} for number in range(3)}
        formatters[f"f{position}"]["class"] = f"{MODULE}.FailingFormatter"
        yield f"formatter {position}", among_good_ones(0, GOOD, formatters=formatters)
    for words, sections in MISFIT.items():
        yield words, among_good_ones(0, GOOD, **sections)
    yield (
        "incremental: no such handler",
        {
            "incremental": True,
            "handlers": {"err": {"level": 10}, "no": {"level": 10}},
            "loggers": {"app": {"level": 50}},
        },
    )


FILE: Final = "logging.FileHandler"
GOOD: Final[Sections] = {"class": "logging.NullHandler"}
UNFIT: Final[dict[str, Sections]] = {
    "no such class": {"class": "logging.NoSuchHandler"},
    "no such module": {"class": "no_such_module.Handler"},
    "no handler": {"class": "logging.Formatter"},
    "no class": {"class": "logging.getLogger"},
    "no such object": {"class": "logging.StreamHandler", "stream": "ext://sys.nosuch"},
    "no such module of an object": {"class": "logging.StreamHandler", "stream": "ext://nosuch.x"},
    "no such argument": {"class": "logging.NullHandler", "nosuch": 1},
    "no argument": {"class": FILE},
    "a stream that is none": {"class": FILE, "filename": "@/new", "mode": "r"},
    "no such mode": {"class": FILE, "filename": "@/new", "mode": "q"},
    "no such encoding": {"class": FILE, "filename": "@/new", "encoding": "no-such"},
    "no such folder": {"class": FILE, "filename": "@/none/new"},
    "a folder": {"class": FILE, "filename": "@/folder"},
    "a link": {"class": FILE, "filename": "@/link"},
    "a relative path": {"class": FILE, "filename": "new"},
    "a file that would be emptied": {"class": FILE, "filename": "@/full", "mode": "w"},
    "the live file, emptied": {"class": FILE, "filename": "@/old", "mode": "w"},
    "a file that is there": {"class": FILE, "filename": "@/full", "mode": "x"},
    "a size that is none": {
        "class": "logging.handlers.RotatingFileHandler",
        "filename": "@/new",
        "maxBytes": "many",
    },
    "a time that is none": {
        "class": "logging.handlers.TimedRotatingFileHandler",
        "filename": "@/new",
        "when": "never",
    },
    "no target": {"class": "logging.handlers.MemoryHandler", "capacity": 1, "target": "no"},
    "no such formatter": {"class": "logging.NullHandler", "formatter": "no"},
    "no such filter": {"class": "logging.NullHandler", "filters": ["no"]},
    "no such level": {"class": "logging.NullHandler", "level": "LOUD"},
}
MISFIT: Final[dict[str, Sections]] = {
    "a logger without its handler": {"loggers": {"app": {"handlers": ["no"]}}},
    "a logger without its filter": {"loggers": {"app": {"filters": ["no"]}}},
    "a logger without its level": {"loggers": {"app": {"level": "LOUD"}}},
    "a root without its handler": {"root": {"handlers": ["no"]}},
    "a format that is none": {"formatters": {"f": {"format": "%(message", "style": "%"}}},
    "no such style": {"formatters": {"f": {"format": "x", "style": "&"}}},
    "no such formatter class": {"formatters": {"f": {"class": "logging.No"}}},
    "no formatter": {"formatters": {"f": {"class": "logging.Handler"}}},
}
BROKEN: Final = dict(broken_configurations())


def objects() -> object:
    """Give every object of the tree; two of them are equal when they are the same object."""
    found = [logging.root, *logging.root.manager.loggerDict.values()]
    loggers = [each for each in found if isinstance(each, logging.Logger)]
    handlers = {handler for logger in loggers for handler in logger.handlers}
    handlers |= set(named_handlers().values())
    return (
        dict(logging.root.manager.loggerDict),
        [(each, *each.handlers, *each.filters, each.parent) for each in loggers],
        dict(named_handlers()),
        {
            each: (
                each.name,
                each.formatter,
                tuple(each.filters),
                each.lock,
                getattr(each, "stream", None),
                getattr(each, "target", None),
                "emit" in vars(each),
            )
            for each in handlers
        },
        logging.root.manager.disable,
    )


def test_there_are_enough_of_them() -> None:
    """A list that came out short would show nothing."""
    assert 40 <= len(BROKEN)


# The library leaves it to the collector to close the file of a handler that fails thereafter.
LEFT_OPEN = pytest.mark.filterwarnings("ignore:Exception ignored in")
# A trial gives no names.
TRIED: Final = [words for words in BROKEN if not words.startswith("name ")]


def cases() -> Iterator[object]:
    """Give each with each step."""
    for step, chosen in ((apply, list(BROKEN)), (try_out, TRIED)):
        for words in chosen:
            marks = [LEFT_OPEN] if words == "a time that is none" else []
            yield pytest.param(words, step, marks=marks, id=f"{step.__name__}: {words}")


@pytest.mark.parametrize(("words", "step"), list(cases()))
def test_nothing_is_changed(folder: Path, words: str, step: Callable[[Any], object]) -> None:
    """Not a level, not a name, not a file; and what is written goes where it went."""
    before, tree, files = objects(), read(), sorted(folder.iterdir())
    with pytest.raises((SealwireError, SystemExit, KeyboardInterrupt)):
        step(read_plan(text(BROKEN[words], folder)))
    assert tree == read()
    assert before == objects()
    assert files == sorted(folder.iterdir())
    assert "kept\n" == (folder / "full").read_text(encoding="utf-8")
    logging.getLogger("app").info("still")
    assert "before\nstill\n" == (folder / "old").read_text(encoding="utf-8")


@pytest.mark.parametrize("position", range(GOOD_HANDLERS + 1))
def test_the_same_without_the_defect_is_applied(folder: Path, position: int) -> None:
    """So it is the defect that each of them fails at."""
    apply(read_plan(text(among_good_ones(position, GOOD), folder)))
    names = [f"h{number}" for number in range(GOOD_HANDLERS + 1)]
    assert (*names, "Tool()") == read().logger("app").handlers
