"""A logging tree for each example: empty before, and afterwards as pytest had it."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager


@pytest.fixture(scope="session")
def own_tree() -> Callable[[], AbstractContextManager[None]]:
    """Give what puts the process's loggers and handlers aside, and back again."""
    return _own_tree


@contextlib.contextmanager
def _own_tree() -> Iterator[None]:
    handlers, references = vars(logging)["_handlers"], vars(logging)["_handlerList"]
    root, loggers = logging.root, logging.root.manager.loggerDict
    kept = dict(handlers), list(references), dict(loggers), root.handlers, root.filters, root.level
    for container in (handlers, references, loggers):
        container.clear()
    root.handlers, root.filters = [], []
    root.setLevel(logging.WARNING)
    try:
        yield
    finally:
        # Held until all are closed: some are kept by the ones in front of them alone.
        alive = [reference() for reference in references]
        logging.shutdown(references)
        del alive
        for container in (handlers, references, loggers):
            container.clear()
        handlers.update(kept[0])
        references.extend(kept[1])
        loggers.update(kept[2])
        root.handlers, root.filters = kept[3:5]
        root.propagate, root.disabled = True, False
        root.setLevel(kept[5])
