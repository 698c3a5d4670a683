"""P8: writing a trail, verifying one, and the size of a proof.

Measured in this process, in CPU time of its thread, the best of a few rounds:

1. `TrailWriter.append` of a lease with one logger before and after: written as canonical JSON with
   every limit checked, hashed into the tree, and handed to the system. Nothing is brought to the
   disk; what that costs is another line, and the disk's affair.
2. `verify_trail` over all of these under one signed checkpoint: numbers, hashes, root, signature.
3. The proof that a record stands among a million: hashes of 32 bytes, without their spelling.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, Gate, at_least, at_most, report
from sealwire.keys import SigningKey
from sealwire.trail.events import LeaseBegun
from sealwire.trail.findings import Outcome
from sealwire.trail.merkle import inclusion_proof, leaf_hash
from sealwire.trail.seen import Changes, LoggerChange, LoggerSeen, Who
from sealwire.trail.segments import TrailWriter
from sealwire.trail.verify import verify_trail

if TYPE_CHECKING:
    from collections.abc import Sequence

APPEND_LIMIT = 50_000
VERIFY_LIMIT = 100_000
PROOF_LIMIT = 640
PROOF_SIZE = 10**6

NOW_MS = 1_800_000_000_000
_HOST = SigningKey(bytes(range(32)), owner="host")
_BEFORE = LoggerSeen("INFO", propagate=True, disabled=False, handlers=("console",), filters=())
_AFTER = LoggerSeen("DEBUG", propagate=True, disabled=False, handlers=("console",), filters=())
LEASE = LeaseBegun(
    request="0b" * 16,
    who=Who("alice", "a1" * 32, "ed25519"),
    why="INC-4711",
    until=NOW_MS + 900_000,
    changes=Changes((LoggerChange("payments.db", _BEFORE, _AFTER),), (), 0),
    logging_reduced=(),
)


def run(*, short: bool) -> Sequence[Figure]:
    """Measure; give the figures."""
    count, rounds = (5_000, 3) if short else (50_000, 5)
    appended: list[float] = []
    verified: list[float] = []
    bytes_each = 0.0
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            trail = Path(folder) / "trail"
            with TrailWriter.create(trail, "payments@prod", NOW_MS) as writer:
                began_ns = time.thread_time_ns()
                for number in range(count):
                    writer.append(LEASE, NOW_MS + number)
                appended.append(_rate(count, began_ns))
                writer.checkpoint(_HOST)
            began_ns = time.thread_time_ns()
            found = verify_trail(trail, [_HOST.verify_key])
            verified.append(_rate(count, began_ns))
            assert (Outcome.GOOD, count + 1) == (found.outcome, found.signed)
            bytes_each = sum(each.stat().st_size for each in trail.glob("*.jsonl")) / count
    proof = inclusion_proof(0, [leaf_hash(b"")] * PROOF_SIZE)
    proof_bytes = sum(map(len, proof))
    return [
        report("P8", "a record", f"{bytes_each:.0f} B"),
        at_least("P8", "append, without fsync", max(appended), APPEND_LIMIT, "records/s"),
        at_least("P8", "verify", max(verified), VERIFY_LIMIT, "records/s"),
        at_most("P8", "inclusion proof at 10^6", proof_bytes, PROOF_LIMIT, "B", Gate.RATIO),
        report("P8", "append and fsync, one at a time, wall clock", f"{_synced_ms():.2f} ms"),
    ]


def _rate(count: int, began_ns: int) -> float:
    return count / ((time.thread_time_ns() - began_ns) / 1e9)


def _synced_ms() -> float:
    """Give the median time of a record that is on the disk before the next one is begun."""
    took: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        trail = Path(folder) / "trail"
        with TrailWriter.create(trail, "payments@prod", NOW_MS) as writer:
            for number in range(100):
                began_ns = time.perf_counter_ns()
                writer.append(LEASE, NOW_MS + number)
                writer.sync()
                took.append((time.perf_counter_ns() - began_ns) / 1e6)
    return statistics.median(took)
