"""The live tree as a value."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

from sealwire.documents.tree import FormatterState, HandlerState, LoggerState
from sealwire.logtree import read

if TYPE_CHECKING:
    from pathlib import Path


def test_the_tree_is_read(tmp_path: Path) -> None:
    """Each logger and handler is told, by name, by target, and with what stands between."""
    logger = logging.getLogger("reading.one")
    file = logging.FileHandler(tmp_path / "x", delay=True)
    file.name = "file"
    file.setFormatter(logging.Formatter("{message}", "%H", "{"))
    first, second = logging.StreamHandler(sys.stderr), logging.StreamHandler(sys.stderr)
    first.addFilter(logging.Filter("reading"))
    logger.handlers = [file, first, second]
    logger.setLevel(10)
    logger.propagate, logger.disabled = False, True
    try:
        tree = read()
    finally:
        logger.handlers, logger.propagate, logger.disabled = [], True, False
    keys = ("file", "StreamHandler(stderr)", "StreamHandler(stderr) #2")
    assert LoggerState("reading.one", 10, keys, (), False, True) == tree.logger("reading.one")
    assert "reading" not in tree.by_name()
    assert "" == tree.loggers[0].name
    handlers = tree.by_key()
    assert (
        HandlerState(
            "file",
            "logging.FileHandler",
            0,
            str(tmp_path / "x"),
            FormatterState("logging.Formatter", "{message}", "%H", "{"),
        )
        == handlers["file"]
    )
    assert ("Filter(reading)",) == handlers[keys[1]].filters
    assert not handlers[keys[1]].named
    assert not handlers[keys[1]].foreign


def test_a_handler_of_somebody_else_is_marked() -> None:
    """It is of a class outside logging, and has no name."""

    class Tool(logging.Handler):
        pass

    logger = logging.getLogger("reading.two")
    logger.handlers = [Tool()]
    try:
        tree = read()
    finally:
        logger.handlers = []
    (key,) = tree.logger("reading.two").handlers
    assert "Tool()" == key
    assert tree.by_key()[key].foreign
