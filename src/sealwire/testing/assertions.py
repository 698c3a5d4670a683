"""Assertions about ``logging``, whose failures say what is in the way.

They raise `AssertionError`, so that ``unittest`` and pytest take them for failures, and make no
logger that was not there.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sealwire.documents.changes import changes
from sealwire.documents.lookup import Lookup
from sealwire.testing.runners import read_without_runners

if TYPE_CHECKING:
    from collections.abc import Iterator


def assert_level(logger: str | logging.Logger, level: int | str) -> None:
    """Check which level is in force for a logger, its own or an inherited one.

    Args:
        logger: it, or its name; ``""`` and ``"root"`` are the root.
        level: a number, or a name such as ``"DEBUG"``.

    Raises:
        AssertionError: another one is; the text says where it is set.
        ValueError: ``level`` is the name of none.
    """
    __tracebackhide__ = True
    name, wanted = _name_of(logger), _number_of(level)
    tree = read_without_runners()
    found = tree.effective_level(name)
    if found != wanted:
        set_on = Lookup(tree).governor(name)
        where = "" if set_on == name else f", set on {_shown(set_on)}"
        raise AssertionError(
            f"{_shown(name)} is at {_level_in_words(found)}{where}, not at "
            f"{_level_in_words(wanted)}"
        )


def assert_emits(logger: str | logging.Logger, level: int | str) -> None:
    """Check that a record of this level comes out of some handler.

    It is a prediction from levels, ``propagate`` and ``disabled``, as a lease's report makes one. A
    handler with a filter does not count, because what it lets through is known of a record alone;
    nor do the handlers with which pytest and ``unittest`` catch what a test logs.

    Args:
        logger: it, or its name; ``""`` and ``"root"`` are the root.
        level: a number, or a name such as ``"DEBUG"``.

    Raises:
        AssertionError: it comes out nowhere; the text says what is in the way.
        ValueError: ``level`` is the name of none.
    """
    __tracebackhide__ = True
    name, wanted = _name_of(logger), _number_of(level)
    tree = read_without_runners()
    emission = tree.emission(name, wanted)
    if emission.emitting:
        return
    reasons = [emission.stopped] if emission.stopped else []
    reasons += [f"{each.handler}: {each.by}" for each in emission.hidden]
    raise AssertionError(
        f"{_shown(name)} at {_level_in_words(wanted)} comes out nowhere: {'; '.join(reasons)}"
    )


@contextmanager
def assert_unchanged() -> Iterator[None]:
    """Check that ``logging`` is the same when the block ends: loggers, handlers, formatters.

    The handlers of pytest and ``unittest`` are not looked at.
    An exception that ends the block goes on as it is, and nothing is compared.

    Raises:
        AssertionError: something differs; the text says what, place by place.
    """
    before = read_without_runners()
    yield
    __tracebackhide__ = True
    found = changes(before, read_without_runners())
    if found:
        lines = (f"\n  {each.where}: {each.before} → {each.after}" for each in found)
        raise AssertionError(f"logging has changed:{''.join(lines)}")


def _name_of(logger: str | logging.Logger) -> str:
    if isinstance(logger, logging.Logger):
        return "" if logger is logging.root else logger.name
    return "" if logger == "root" else logger


def _number_of(level: int | str) -> int:
    if isinstance(level, int):
        return level
    known = logging.getLevelNamesMapping()
    if level not in known:
        raise ValueError(f"{level!r} is the name of no level; there are: {', '.join(known)}")
    return known[level]


def _level_in_words(level: int) -> str:
    return str(logging.getLevelName(level))


def _shown(name: str) -> str:
    return name or "root"
