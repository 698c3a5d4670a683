"""What every worker of the servers in these tests does: it logs, and one file holds what all wrote.

The records have the number of the process. `start` begins a thread that logs twenty times a second:
at WARNING, so that a test sees the process, and at DEBUG on the logger that leases are about.
"""

from __future__ import annotations

import logging
import os
import threading
import time

LOGGER = "shop.db"


def set_up() -> None:
    """Set up logging as an application does: every process in the same way."""
    handler = logging.FileHandler(os.environ["TICKING_LOG"])
    handler.setFormatter(logging.Formatter("%(process)d %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)


def start(*_: object, **__: object) -> None:
    """Log from now on, in a thread of this process."""
    threading.Thread(target=_tick, daemon=True).start()


def _tick() -> None:
    logger = logging.getLogger(LOGGER)
    while True:
        logger.warning("here")
        logger.debug("a detail")
        time.sleep(0.05)
