"""Levels are set all or none, whatever a class of the host makes of them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NoReturn

import pytest

from sealwire.documents.tree import NO_LEVELS, Levels, Tree
from sealwire.errors import ApplyError
from sealwire.logtree import read, relevel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NAME, OTHER = "sealwire-tests.levels", "sealwire-tests.stubborn"


class OwnSetLevel(logging.Logger):
    """A logger that takes no level by the usual way."""

    def setLevel(self, level: int | str) -> NoReturn:  # noqa: N802 - the library's name
        """End the thread."""
        raise SystemExit(3)


class Stubborn(logging.Handler):
    """A handler whose level cannot be set."""

    @property
    def level(self) -> int:
        """Give a level."""
        return 0

    @level.setter
    def level(self, value: int) -> None:
        """Take the first one, from the constructor, and no other."""
        if value:
            raise ZeroDivisionError


def set_levels(loggers: Mapping[str, int], handlers: Mapping[str, int] = NO_LEVELS) -> Tree:
    """Set levels whatever the tree is."""
    return relevel(lambda _: Levels(loggers, handlers))


@pytest.fixture
def stubborn() -> Iterator[str]:
    """Give the key of a handler whose level cannot be set."""
    handler = Stubborn()
    handler.set_name(OTHER)
    logging.getLogger(NAME).addHandler(handler)
    yield OTHER
    logging.getLogger(NAME).removeHandler(handler)
    logging.getLogger(NAME).setLevel(logging.NOTSET)


def test_levels_are_set_and_loggers_made() -> None:
    """A logger that nobody has made yet is made."""
    name = f"{NAME}.new"
    set_levels({name: logging.DEBUG})
    assert logging.getLogger(name).isEnabledFor(logging.DEBUG)
    set_levels({name: logging.ERROR})
    assert not logging.getLogger(name).isEnabledFor(logging.DEBUG)
    assert set_levels({name: 0}).logger(name).level == 0


def test_levels_of_handlers_are_set_by_their_key() -> None:
    """And what is told is the tree as it is then."""
    handler = logging.NullHandler()
    handler.set_name("sealwire-tests.leveled")
    logging.getLogger(NAME).addHandler(handler)
    after = set_levels({NAME: 10, f"{NAME}.new": 5}, {"sealwire-tests.leveled": 30})
    assert (10, 5) == (after.logger(NAME).level, after.logger(f"{NAME}.new").level)
    assert 30 == after.by_key()["sealwire-tests.leveled"].level
    assert after == read()


def test_a_set_level_of_the_hosts_is_not_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """It could refuse to go back."""
    logger = OwnSetLevel("own")
    monkeypatch.setitem(logging.root.manager.loggerDict, "own", logger)
    set_levels({"own": logging.DEBUG})
    assert logging.DEBUG == logger.level
    set_levels({"own": 0})
    assert logger.level == 0


def test_all_levels_or_none(stubborn: str) -> None:
    """What was set is put back when one cannot be, and the caches know."""
    assert not logging.getLogger(NAME).isEnabledFor(5)
    with pytest.raises(ZeroDivisionError):
        set_levels({NAME: 5}, {stubborn: logging.DEBUG})
    assert logging.NOTSET == logging.getLogger(NAME).level
    assert not logging.getLogger(NAME).isEnabledFor(5)


def test_a_handler_that_is_not_there_changes_nothing() -> None:
    """It is named before anything is set."""
    with pytest.raises(ApplyError, match="no handler nobody"):
        set_levels({NAME: 5}, {"nobody": logging.DEBUG})
    assert logging.NOTSET == logging.getLogger(NAME).level
