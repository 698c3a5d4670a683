"""Applying a plan to the real logging tree."""

from __future__ import annotations

import json
import logging
import logging.handlers
import os
import sys
from typing import TYPE_CHECKING

import pytest

from sealwire.documents import LoggingPlan, read_plan
from sealwire.errors import ApplyError
from sealwire.logtree import apply
from sealwire.logtree.reading import is_foreign
from sealwire.stages import Applied

if TYPE_CHECKING:
    from pathlib import Path

    from _pytest.capture import CaptureFixture

CONSOLE = {"class": "logging.StreamHandler", "stream": "ext://sys.stdout"}


class Refusing(logging.Handler):
    """A handler whose constructor fails with a secret in its words."""

    def __init__(self, password: str = "") -> None:
        """Fail."""
        raise RuntimeError(f"cannot log in with {password}")


class FromNothing(logging.Handler):
    """A handler whose constructor fails in a way the library takes for its own."""

    def __init__(self, password: str = "") -> None:
        """Fail."""
        raise ValueError(f"Unable to configure {password}") from OSError(13, "of no interest")


def plan(**sections: object) -> LoggingPlan:
    """Read a plan."""
    return read_plan(json.dumps({"version": 1, **sections}).encode())


def failure(**sections: object) -> str:
    """Give the words with which a plan cannot be applied."""
    with pytest.raises(ApplyError) as caught:
        apply(plan(**sections))
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return str(caught.value)


def test_a_plan_is_applied(tmp_path: Path, capsys: CaptureFixture[str]) -> None:
    """Records go where the plan says, in the form it says, and the answer counts them up."""
    path = tmp_path / "x.log"
    wanted = plan(
        formatters={"short": {"format": "{levelname}|{message}", "style": "{"}},
        filters={"db": {"name": "payments.db"}},
        handlers={
            "console": {**CONSOLE, "formatter": "short", "level": "WARNING"},
            "file": {
                "class": "logging.handlers.RotatingFileHandler",
                "filename": str(path),
                "maxBytes": 65536,
                "filters": ["db"],
            },
            "late": {
                "class": "logging.handlers.MemoryHandler",
                "capacity": 10,
                "flushLevel": "CRITICAL",
                "target": "console",
            },
        },
        loggers={"payments.db": {"level": "DEBUG", "handlers": ["late"]}, "quiet": {}},
        root={"level": "INFO", "handlers": ["console", "file"]},
    )
    assert Applied(wanted.digest(), loggers=3, handlers=3) == apply(wanted)
    logging.getLogger("payments.db").debug("one")
    logging.getLogger("payments").info("two")
    logging.getLogger("payments").error("three")
    logging.getLogger("payments.db").critical("four")
    assert "one\nfour\n" == path.read_text()
    # What a memory handler kept goes to its target whatever the target's level.
    expected = ["ERROR|three", "DEBUG|one", "CRITICAL|four", "CRITICAL|four"]
    assert expected == capsys.readouterr().out.split()


def test_the_same_plan_can_be_applied_again(tmp_path: Path) -> None:
    """The second time is as good as the first, with the file that is there by now."""
    wanted = plan(
        handlers={"file": {"class": "logging.FileHandler", "filename": str(tmp_path / "x")}},
        root={"level": 10, "handlers": ["file"]},
    )
    for number in range(3):
        apply(wanted)
        logging.root.info(number)
    assert "0\n1\n2\n" == (tmp_path / "x").read_text()
    assert 1 == len([each for each in logging.root.handlers if not is_foreign(each)])


def test_loggers_that_exist_go_on_unless_asked_otherwise() -> None:
    """A plan that does not name a logger leaves it alone; one that disables does not."""
    existing = logging.getLogger("existing")
    existing.setLevel(5)
    apply(plan(loggers={"other": {"level": 10}}))
    assert not existing.disabled
    assert 5 == existing.level
    apply(plan(disable_existing_loggers=True))
    assert existing.disabled


def test_our_own_loggers_are_never_disabled() -> None:
    """Refusals are logged there, and the library disables every logger that a plan leaves out."""
    names = ["sealwire", "sealwire.changes", "sealwires", "seal"]
    loggers = [logging.getLogger(name) for name in names]
    logging.getLogger("sealwire.placeholder.child")
    apply(plan(disable_existing_loggers=True))
    assert [False, False, True, True] == [logger.disabled for logger in loggers]


def test_an_incremental_plan_changes_levels(capsys: CaptureFixture[str]) -> None:
    """Handlers keep their place; level 0 is a level too."""
    apply(plan(handlers={"h": {**CONSOLE, "level": 50}}, root={"handlers": ["h"], "level": 50}))
    handler = logging.root.handlers[0]
    applied = apply(
        plan(
            incremental=True,
            handlers={"h": {"level": 0}},
            loggers={"a": {"level": 10, "propagate": False}},
            root={"level": "DEBUG"},
        )
    )
    assert (2, 1) == (applied.loggers, applied.handlers)
    assert handler is logging.root.handlers[0]
    assert (0, 10, 10) == (handler.level, logging.root.level, logging.getLogger("a").level)
    assert not logging.getLogger("a").propagate


def test_an_incremental_plan_needs_its_handlers() -> None:
    """A handler that the process does not have is found before any level is changed."""
    apply(plan(handlers={"h": CONSOLE}, root={"handlers": ["h"], "level": 50}))
    expected = "handlers.i: this process has no handler of that name"
    assert expected == failure(
        incremental=True, handlers={"h": {"level": 10}, "i": {}}, root={"level": 10}
    )
    assert (0, 50) == (logging.root.handlers[0].level, logging.root.level)


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        (
            {"handlers": {"h": {"class": "os.system"}}},
            "handlers.h.class: 'os.system' is not a subclass of logging.Handler",
        ),
        (
            {"handlers": {"h": {"class": "logging.Formatter"}}},
            "handlers.h.class: 'logging.Formatter' is not a subclass of logging.Handler",
        ),
        (
            {"handlers": {"h": {"class": "logging.NoSuchHandler"}}},
            "handlers.h.class: 'logging.NoSuchHandler' is not to be had: ValueError",
        ),
        (
            {"handlers": {"h": {"class": "no_such_module.Handler"}}},
            "handlers.h.class: 'no_such_module.Handler' is not to be had: ValueError",
        ),
        (
            {"formatters": {"f": {"class": "subprocess.Popen", "format": "x"}}},
            "formatters.f.class: 'subprocess.Popen' is not a subclass of logging.Formatter",
        ),
        (
            {"handlers": {"h": {**CONSOLE, "stream": "ext://sys.nosuch"}}},
            "handlers.h.stream: 'sys.nosuch' is not to be had: ValueError",
        ),
        (
            {"handlers": {"h": {"class": "logging.FileHandler", "filename": "x.log"}}},
            "handlers.h.filename: the file 'x.log' has no absolute path in its normal form",
        ),
    ],
)
def test_what_is_unfit_is_found_beforehand(sections: dict[str, object], expected: str) -> None:
    """The plan that was in force stays, and the text names the part."""
    apply(plan(handlers={"h": CONSOLE}, root={"handlers": ["h"], "level": 10}))
    before = logging.root.handlers[:]
    assert expected == failure(**sections)
    assert before == logging.root.handlers
    assert ["h"] == list(vars(logging)["_handlers"])


def test_what_the_library_cannot_build_is_named_without_its_words() -> None:
    """The text says which part and what kind of error, and repeats nothing of an argument."""
    secret = "hunter2"
    for handler, kind in ((Refusing, "RuntimeError"), (FromNothing, "PermissionError")):
        sys.modules["a_module_of_the_test"] = sys.modules[__name__]
        try:
            name = f"a_module_of_the_test.{handler.__name__}"
            text = failure(handlers={"h": {"class": name, "password": secret}})
        finally:
            del sys.modules["a_module_of_the_test"]
        assert text.startswith(f"unable to configure handler 'h': {kind}")
        assert secret not in text


def test_our_own_loggers_stay_enabled_after_a_failure() -> None:
    """The failure itself has to be logged."""
    own = logging.getLogger("sealwire")
    own.disabled = True
    failure(handlers={"h": {"class": "logging.FileHandler"}}, disable_existing_loggers=True)
    assert not own.disabled


@pytest.mark.parametrize("kind", [LookupError, UnicodeError])
def test_a_failure_of_another_kind_has_a_text(
    monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    """An error that is not the library's own is told by its kind alone, whatever it says."""

    def fail(config: object) -> None:
        raise kind("Unable to configure hunter2")

    monkeypatch.setattr("logging.config.DictConfigurator", fail)
    assert f"unable to configure logging: {kind.__name__}" == failure()


def test_defaults_need_a_python_that_applies_them(capsys: CaptureFixture[str]) -> None:
    """Python 3.11 leaves them out without a word, so the plan is refused there."""
    sections: dict[str, object] = {
        "formatters": {"f": {"format": "%(user)s %(message)s", "defaults": {"user": "nobody"}}},
        "handlers": {"h": {**CONSOLE, "formatter": "f"}},
        "root": {"level": 10, "handlers": ["h"]},
    }
    if sys.version_info < (3, 12):
        assert "formatters.f.defaults: needs Python 3.12 or later" == failure(**sections)
    else:
        apply(plan(**sections))
        logging.root.info("x")
        assert "nobody x\n" == capsys.readouterr().out


def test_a_fifo_does_not_block(tmp_path: Path) -> None:
    """Opening one to write waits for a reader, and logging's lock would be held meanwhile."""
    path = tmp_path / "x.log"
    os.mkfifo(path)
    for class_name in ("FileHandler", "handlers.RotatingFileHandler"):
        text = failure(handlers={"h": {"class": f"logging.{class_name}", "filename": str(path)}})
        assert f"handlers.h.filename: the file {str(path)!r} is not a regular file" == text
