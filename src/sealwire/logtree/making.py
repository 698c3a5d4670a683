"""Making the loggers that requests name, and counting them.

Rules this module keeps:

1. The library never lets go of a logger, nor of what it puts under the names above one that have no
   logger. So whoever has a key could fill the memory by naming others all the time; what was made
   for requests is counted, each name once, for the policy to end that.
2. What a change that failed had made is gone, and does not count.
3. Under logging's lock, or with the gate held, by whoever calls.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from sealwire.documents.tree import ROOT, lineage

if TYPE_CHECKING:
    from collections.abc import Iterable

_made: Final[set[str]] = set()


def make(name: str) -> logging.Logger:
    """Give a logger, made if it is not there."""
    if name == ROOT:
        return logging.root
    if name in logging.root.manager.loggerDict:
        # Then the library has put something under each name above it as well.
        return logging.getLogger(name)
    new = _missing((name,))
    logger = logging.getLogger(name)
    _made.update(new)
    return logger


def count_new(names: Iterable[str]) -> tuple[int, int]:
    """Give how many names were made for requests, and how many more ``names`` would make."""
    known = logging.root.manager.loggerDict
    _made.difference_update([name for name in _made if name not in known])
    return len(_made), len(_missing(names))


def _missing(names: Iterable[str]) -> set[str]:
    known = logging.root.manager.loggerDict
    above = {each for name in names for each in lineage(name)}
    return {each for each in above if each != ROOT and each not in known}
