"""P5, its first half: from accepting a message to its durable intent.

Measured on the wall clock, because most of it is the disk's time, on the file system of the
temporary folder (`TMPDIR` chooses another), which the table names:

1. One process: `Journal.exclusive` and `Held.intend`, with a message of 4 KiB. In turns with it, a
   bare append of as many bytes and an ``fdatasync``: what a disk asks for at the least.
2. Thirty-two processes that do so again and again at the same time, each waiting for its turn, with
   the journal being written anew meanwhile: the longest that one of them took.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, Gate, at_most, report
from sealwire.journal import Journal, Kept, StateDirectory, Stored, StoredBase, init
from sealwire.journal.disk import Disk
from sealwire.journal.mounts import mount_id_of, type_of
from sealwire.stages import Digest, Outcome, Stream

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing.queues import SimpleQueue
    from multiprocessing.synchronize import Barrier

AUDIENCE = "payments@prod"
NOW_MS = 1_800_000_000_000
MESSAGE_BYTES = 4096
CONTENDERS = 32
P99_MS = 5.0
WORST_MS = 500.0
COMPACT_BYTES = 64 * 1024


def run(*, short: bool) -> Sequence[Figure]:
    """Measure; give the figures."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state"
        init(path, AUDIENCE, min_version=0, now_ms=NOW_MS)
        bare, alone = _in_turns(path, 100 if short else 1000)
        kind = _kind_of(path)
        contended = _contended(path, 5 if short else 20)
    median, bare_median = statistics.median(alone), statistics.median(bare)
    ratio = median / bare_median
    return [
        report("P5", "the disk", kind),
        report("P5", "bare append of the same and fdatasync, p50, p99", _both(bare)),
        report("P5", "accept to durable intent, p50", f"{median:.2f} ms ({ratio:.2f} x bare)"),
        at_most("P5", "accept to durable intent, p99", _p99(alone), P99_MS, "ms", Gate.ABSOLUTE),
        report("P5", f"{CONTENDERS} processes contending, p50, p99", _both(contended)),
        at_most(
            "P5",
            f"{CONTENDERS} processes contending, worst",
            max(contended),
            WORST_MS,
            "ms",
            Gate.ABSOLUTE,
        ),
    ]


def _accept(journal: Journal) -> float:
    """Accept the next message and settle it; give how long its intent took, in ms."""
    began_ns = time.perf_counter_ns()
    with journal.exclusive(wait_s=60.0) as held:
        taken = held.remembered.floors.get(Stream.BASE)
        version = 1 if taken is None else taken.version + 1
        kept = Kept(
            f"{version:032x}",
            Stream.BASE,
            version,
            Digest(version.to_bytes(32, "big")),
            "alice",
            "apply",
            b"m" * MESSAGE_BYTES,
            2,
            NOW_MS,
        )
        held.intend(kept)
        took_ms = (time.perf_counter_ns() - began_ns) / 1e6
        held.settle(Outcome.APPLIED, Stored((StoredBase(kept.id, NOW_MS),)))
    return took_ms


def _in_turns(path: Path, count: int) -> tuple[list[float], list[float]]:
    directory = StateDirectory.open(path, AUDIENCE)
    journal = Journal.open(directory)
    bare: list[float] = []
    alone: list[float] = []
    plain = os.open(path.parent / "plain", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    _accept(journal)
    length = (path / "journal").stat().st_size
    _accept(journal)
    content = bytes((path / "journal").stat().st_size - length)
    for _ in range(count):
        began_ns = time.perf_counter_ns()
        os.write(plain, content)
        Disk().sync_data(plain)
        bare.append((time.perf_counter_ns() - began_ns) / 1e6)
        alone.append(_accept(journal))
    os.close(plain)
    journal.close()
    directory.close()
    return bare, alone


def _contended(path: Path, each: int) -> list[float]:
    context = multiprocessing.get_context("fork")
    barrier, told = context.Barrier(CONTENDERS), context.SimpleQueue()
    processes = [
        context.Process(target=_contend, args=(path, each, barrier, told), daemon=True)
        for _ in range(CONTENDERS)
    ]
    for process in processes:
        process.start()
    took = [one for _ in processes for one in told.get()]
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert len(took) == CONTENDERS * each
    return took


def _contend(path: Path, each: int, barrier: Barrier, told: SimpleQueue[list[float]]) -> None:
    directory = StateDirectory.open(path, AUDIENCE)
    journal = Journal.open(directory, compact_bytes=COMPACT_BYTES, wait_s=60.0)
    barrier.wait()
    told.put([_accept(journal) for _ in range(each)])


def _kind_of(path: Path) -> str:
    directory = StateDirectory.open(path, AUDIENCE)
    said, mounts = directory.disk.about_mounts(directory.descriptor)
    directory.close()
    return type_of(mounts, mount_id_of(said)) or "of an unknown kind"


def _p99(took: Sequence[float]) -> float:
    return sorted(took)[len(took) * 99 // 100]


def _both(took: Sequence[float]) -> str:
    return f"{statistics.median(took):.2f}, {_p99(took):.2f} ms"
