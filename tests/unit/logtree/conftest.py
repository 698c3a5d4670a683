"""A logging tree for each test: empty before, and afterwards as pytest had it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def own_tree() -> Iterator[None]:
    """Put the process's handlers and loggers aside, and back again."""
    handlers, references = vars(logging)["_handlers"], vars(logging)["_handlerList"]
    root, loggers = logging.root, logging.root.manager.loggerDict
    kept = dict(handlers), list(references), dict(loggers), root.handlers, root.filters, root.level
    handlers.clear()
    references.clear()
    loggers.clear()
    root.handlers, root.filters = [], []
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
        root.setLevel(kept[5])
