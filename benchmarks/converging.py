"""P7: from sealing a lease to the answer that every process of a service has it.

What is compared:

1. One service of 32 processes, and one of a single process, asked in turns. The answer comes when
   each process has made the change and said so. On a machine that does other work some may not get
   to that in the 2 s that a service waits: such answers are counted apart, and are no time.
2. Processes that are born under a lease: whether they have it when `listen` returns.

Time is that of the wall, because processes wait for each other. With two CPUs for 32 processes it
is mostly that of making one change 32 times.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.answering import quantiles
from benchmarks.figures import Figure, Gate, at_least, at_most, report
from sealwire import MemorySealerState, Sealer, SigningKey, listen, wall_clock_ms
from sealwire.client import Client
from sealwire.journal import init
from sealwire.receipts import Outcome
from sealwire.recommended import local, local_layers
from sealwire.workers import STALE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

PROCESSES: Final = 32
P99_MS: Final = 250
AUDIENCE: Final = "benchmark@test"
LOGGER: Final = "benchmark.db"
ALICE: Final = SigningKey(bytes(range(32)), owner="alice")
HOST: Final = SigningKey(bytes(range(32, 64)), owner="host-1")


def run(*, short: bool) -> list[Figure]:
    """Measure; give the lines of the table."""
    times, late = (20, 4) if short else (200, 20)
    many: list[float] = []
    one: list[float] = []
    with (
        tempfile.TemporaryDirectory(prefix="p7-") as name,
        service(Path(name), "many", PROCESSES) as all_of_them,
        service(Path(name), "one", 1) as alone,
    ):
        for _ in range(times):
            many += lease(all_of_them, PROCESSES)
            one += lease(alone, 1)
        lease(all_of_them, PROCESSES, stays=True)
        right = sum(is_right_at_once(Path(name, "many")) for _ in range(late))
    assert len(many) > times / 2, "most answers do not name every process as changed"
    p50, p99 = quantiles(many)
    one_p50, one_p99 = quantiles(one)
    whole = f"{len(many)} of {times}"
    return [
        at_most("P7", f"{PROCESSES} processes changed, p99", p99, P99_MS, "ms", Gate.ABSOLUTE),
        report("P7", "  p50, and the longest", f"{p50:.1f}, {max(many):.1f} ms"),
        report("P7", "  of one process, p50 and p99", f"{one_p50:.1f}, {one_p99:.1f} ms"),
        at_most("P7", "  a process more, in answers of one", p50 / one_p50 / PROCESSES, 1, "x"),
        report("P7", f"  answers that name all {PROCESSES} as changed", whole),
        at_least("P7", "late processes with the lease at once", right / late, 1, "x", Gate.RATIO),
    ]


@contextlib.contextmanager
def service(folder: Path, name: str, count: int) -> Iterator[Client]:
    """Run a service of as many processes; give who may change it."""
    (folder / name).mkdir()
    init(folder / name / "state", AUDIENCE, min_version=0, now_ms=wall_clock_ms())
    running = [start(folder / name) for _ in range(count)]
    try:
        for _, pipe in running:
            pipe.recv()
        sealer = Sealer(
            AUDIENCE,
            local_layers(ALICE),
            issuer="alice",
            state=MemorySealerState(),
            clock=wall_clock_ms,
        )
        yield Client(f"unix:{folder / name}/sock", sealer, receipt_key=HOST.verify_key)
    finally:
        for process, pipe in running:
            pipe.close()
            process.join()


def start(folder: Path) -> tuple[Any, Connection]:
    """Start a process of a service, from one that never listens."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["sealwire", "sealwire.client"])
    here, there = context.Pipe()
    process = context.Process(target=serve, args=(folder, there))
    process.start()
    there.close()
    return process, here


def serve(folder: Path, pipe: Connection) -> None:
    """Be a process: listen, say whether there is a lease already, and wait to be ended."""
    logging.getLogger().addHandler(logging.NullHandler())
    logging.getLogger().setLevel(logging.WARNING)
    with listen(
        f"unix:{folder}/sock",
        chain=local(AUDIENCE, [ALICE.verify_key]),
        receipt_key=HOST,
        state=folder / "state",
        workers=True,
    ):
        pipe.send(logging.getLogger(LOGGER).isEnabledFor(logging.DEBUG))
        with contextlib.suppress(EOFError):
            pipe.recv()


def lease(client: Client, count: int, *, stays: bool = False) -> list[float]:
    """Lease, and revert that; give how long the lease took to be everywhere, ms, if it was."""
    began_s = time.perf_counter()
    result = client.lease({LOGGER: "DEBUG"}, for_s=600)
    took_ms = (time.perf_counter() - began_s) * 1000
    if not stays:
        client.revert(result.request_id)
    assert result.receipt is not None
    rows = result.receipt.instances
    assert len(rows) == count
    failed = [each for each in rows if each.outcome is not Outcome.APPLIED]
    assert all(each.detail == STALE for each in failed), failed
    return [] if failed else [took_ms]


def is_right_at_once(folder: Path) -> bool:
    """Start one process more; say whether it had the lease when it began to serve."""
    process, pipe = start(folder)
    try:
        return bool(pipe.recv())
    finally:
        pipe.close()
        process.join()
