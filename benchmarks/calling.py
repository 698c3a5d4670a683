"""P4: a logging call, with a listener running in the process and without one, in turns.

What is compared, in one process: calls of ``Logger.info`` that a handler takes, while a listener
waits on a Unix socket, and while none runs. A lease puts no code on the way of a record, so a third
line says what a call costs while one runs.
"""

from __future__ import annotations

import logging
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import sealwire
from benchmarks.figures import Figure, at_most, report
from sealwire.client import Client
from sealwire.keyfiles import new_signing_key
from sealwire.recommended import local, local_layers
from sealwire.sealer import MemorySealerState, Sealer

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT: Final = 1.02
AUDIENCE: Final = "measured@here"
CALLS: Final = 20_000


def run(*, short: bool) -> list[Figure]:
    """Measure; give the lines of the table."""
    logger = logging.getLogger("benchmarks.calling")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(logging.NullHandler())
    without: list[float] = []
    beside: list[float] = []
    leased: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        listen, client = _parts(Path(folder).resolve())
        for _ in range(8 if short else 60):
            without.append(_block_us(logger))
            with listen():
                beside.append(_block_us(logger))
                client.lease({logger.name: "DEBUG"}, for_s=60)
                leased.append(_block_us(logger))
    logger.handlers.clear()
    alone_us = statistics.median(without)
    return [
        at_most(
            "P4",
            "a logging call beside a listener / without",
            statistics.median(beside) / alone_us,
            LIMIT,
        ),
        report("P4", "  while a lease runs", f"{statistics.median(leased) / alone_us:.2f} x"),
        report("P4", "  without", f"{alone_us:.2f} us"),
    ]


def _block_us(logger: logging.Logger) -> float:
    info, began_s = logger.info, time.thread_time()
    for _ in range(CALLS):
        info("one")
    return (time.thread_time() - began_s) / CALLS * 1e6


def _parts(folder: Path) -> tuple[Callable[[], sealwire.Listener], Client]:
    signing = new_signing_key("measurer")
    address = f"unix:{folder / 's'}"
    sealer = Sealer(
        AUDIENCE,
        local_layers(signing),
        issuer="measurer",
        state=MemorySealerState(),
        clock=lambda: time.time_ns() // 1_000_000,
    )

    def listen() -> sealwire.Listener:
        return sealwire.listen(address, chain=local(AUDIENCE, [signing.verify_key]))

    return listen, Client(address, sealer)
