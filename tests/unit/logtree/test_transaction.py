"""A configuration is applied in full or not at all."""

from __future__ import annotations

import json
import logging
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pytest

from sealwire.documents import LoggingPlan, read_plan
from sealwire.errors import ApplyError
from sealwire.logtree import apply
from sealwire.logtree.building import build
from sealwire.logtree.internals import named_handlers
from sealwire.logtree.swapping import swap

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE_S = 20.0
MODULE = "a_module_of_the_transactions"


class Failing(logging.Handler):
    """A handler that cannot be made."""

    def __init__(self, how: str) -> None:
        """Fail."""
        raise {"error": RuntimeError, "exit": SystemExit, "key": KeyboardInterrupt}[how]


class Talking(logging.FileHandler):
    """A handler whose ``emit`` uses logging, and whose ``close`` fails."""

    failing: ClassVar = True

    def emit(self, record: logging.LogRecord) -> None:
        """Take logging's lock, while holding this handler's."""
        logging.getLogger(f"talking.{record.lineno}")
        super().emit(record)

    def close(self) -> None:
        """Close, and then fail."""
        super().close()
        if self.failing:
            raise RuntimeError


@pytest.fixture(autouse=True)
def module() -> Iterator[None]:
    """Make the classes of this file ones that a plan can name."""
    sys.modules[MODULE] = sys.modules[__name__]
    yield
    del sys.modules[MODULE]


def plan(**sections: object) -> LoggingPlan:
    """Read a plan."""
    return read_plan(json.dumps({"version": 1, **sections}).encode())


def to_file(path: Path, class_name: str = "logging.FileHandler") -> LoggingPlan:
    """Give a plan that writes one logger to a file."""
    return plan(
        filters={"f": {"name": "tx"}},
        handlers={"file": {"class": class_name, "filename": str(path)}},
        loggers={"tx": {"level": 10, "handlers": ["file"], "filters": ["f"], "propagate": False}},
    )


def descriptors() -> int:
    """Count the open descriptors, where the system tells them."""
    return len(list(Path("/proc/self/fd").iterdir())) if sys.platform == "linux" else 0


def snapshot() -> object:
    """Give all that a failure has to leave as it was, down to the objects."""
    manager = logging.root.manager
    names = dict(manager.loggerDict)
    loggers = [each for each in names.values() if isinstance(each, logging.Logger)]
    return (
        names,
        [
            (e.level, e.propagate, e.disabled, list(e.handlers), list(e.filters), e.parent)
            for e in [logging.root, *loggers]
        ],
        {
            n: (h, h.level, h.formatter, getattr(h, "stream", 0))
            for n, h in named_handlers().items()
        },
        manager.disable,
        descriptors(),
    )


@pytest.mark.parametrize("how", ["error", "exit", "key"])
def test_a_constructor_that_fails_changes_nothing(tmp_path: Path, how: str) -> None:
    """The old handlers stay open, and the file of a handler that was built is gone again."""
    apply(to_file(tmp_path / "old"))
    before = snapshot()
    broken = plan(
        handlers={
            "a": {"class": "logging.FileHandler", "filename": str(tmp_path / "new")},
            "b": {"class": f"{MODULE}.Failing", "how": how},
        },
        loggers={"tx.child": {"level": 40, "handlers": ["a", "b"]}},
        disable_existing_loggers=True,
    )
    with pytest.raises((ApplyError, SystemExit, KeyboardInterrupt)):
        apply(broken)
    assert before == snapshot()
    assert not (tmp_path / "new").exists()
    logging.getLogger("tx").info("still")
    assert "still\n" == (tmp_path / "old").read_text()


@pytest.mark.parametrize("incremental", [False, True])
def test_a_failure_under_the_lock_is_undone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, incremental: bool
) -> None:
    """Whatever was changed by then is put back, loggers that were made included."""
    apply(to_file(tmp_path / "old"))
    before = snapshot()
    sections: dict[str, object] = {"loggers": {"tx": {"level": 40}, "tx.new.one": {"level": 10}}}
    calls: list[None] = []

    def fail_once() -> None:
        calls.append(None)
        if len(calls) == 1:
            raise RuntimeError

    monkeypatch.setattr("sealwire.logtree.swapping.clear_level_caches", fail_once)
    with pytest.raises(ApplyError, match="unable to configure logging: RuntimeError"):
        apply(plan(incremental=incremental, **sections))
    assert before == snapshot()
    assert "tx.new.one" not in logging.root.manager.loggerDict


def test_nothing_is_lost_or_piles_up_under_load(tmp_path: Path) -> None:
    """Writers see the old handlers or the new ones; descriptors and filters stay as many."""
    path, stop, counts = tmp_path / "x", threading.Event(), [0] * 4
    apply(to_file(path, f"{MODULE}.Talking"))
    open_before = descriptors()

    def write(number: int) -> None:
        logger = logging.getLogger("tx")
        while not stop.is_set():
            logger.info("%d:%d", number, counts[number])
            counts[number] += 1

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(50):
        apply(to_file(path, f"{MODULE}.Talking"))
    stop.set()
    for thread in threads:
        thread.join()
    # What is closed when the test is over has nobody to expect its failure.
    Talking.failing = False
    lines = path.read_text().splitlines()
    assert sum(counts) > 0
    assert sorted(lines) == sorted(f"{n}:{i}" for n in range(4) for i in range(counts[n]))
    assert 1 == len(logging.getLogger("tx").filters)
    assert open_before == descriptors()


def test_a_busy_handler_that_would_go_prevents_the_change(tmp_path: Path) -> None:
    """It could not be closed afterwards; one that stays may be as busy as it likes."""
    apply(to_file(tmp_path / "old"))
    (busy,) = logging.getLogger("tx").handlers
    taken, over = threading.Event(), threading.Event()

    def hold() -> None:
        busy.acquire()
        taken.set()
        over.wait(PATIENCE_S)
        busy.release()

    holder = threading.Thread(target=hold)
    holder.start()
    assert taken.wait(PATIENCE_S)
    before = snapshot()
    wanted = to_file(tmp_path / "new")
    built = build(wanted)
    try:
        with pytest.raises(ApplyError, match=r"the handler FileHandler has been busy for 0\.01 s"):
            swap(wanted, built, 0.01)
        built.discard()
        assert before == snapshot()
        apply(plan(loggers={"other": {"level": 10}}))
    finally:
        over.set()
        holder.join(PATIENCE_S)
    apply(wanted)
    assert busy not in logging.getLogger("tx").handlers
    assert None is getattr(busy, "stream", "")


def test_a_handler_that_goes_leaves_no_descriptor_behind(tmp_path: Path) -> None:
    """Also where a writer had taken the old list, and writes only after the change."""
    apply(to_file(tmp_path / "old"))
    (old,) = logging.getLogger("tx").handlers
    apply(to_file(tmp_path / "new"))
    before = descriptors()
    old.handle(logging.makeLogRecord({"msg": "late"}))
    assert "late\n" == (tmp_path / "old").read_text()
    assert before == descriptors()


def test_a_memory_handler_that_goes_hands_on_what_comes_late(tmp_path: Path) -> None:
    """Its target is closed by then, and is written to all the same."""
    apply(
        plan(
            handlers={
                "file": {"class": "logging.FileHandler", "filename": str(tmp_path / "old")},
                "memory": {
                    "class": "logging.handlers.MemoryHandler",
                    "capacity": 9,
                    "target": "file",
                },
            },
            loggers={"tx": {"level": 10, "handlers": ["memory"], "propagate": False}},
        )
    )
    (old,) = logging.getLogger("tx").handlers
    logging.getLogger("tx").info("early")
    apply(to_file(tmp_path / "new"))
    before = descriptors()
    old.handle(logging.makeLogRecord({"msg": "late"}))
    assert "early\nlate\n" == (tmp_path / "old").read_text()
    assert before == descriptors()


def test_a_tool_of_somebody_else_stays(tmp_path: Path) -> None:
    """A handler that no configuration made, of a class outside logging, is not taken away."""

    class Tool(logging.Handler):
        pass

    tool, plain = Tool(), logging.StreamHandler()
    logger = logging.getLogger("tx")
    logger.handlers = [tool, plain]
    apply(to_file(tmp_path / "x"))
    assert tool in logger.handlers
    assert plain not in logger.handlers
    for handler in logger.handlers:
        handler.close()
