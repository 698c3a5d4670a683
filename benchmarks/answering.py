"""P5: from sealing a change to its answer, with a state on the disk beside one in memory.

What is compared:

1. Two services in processes of their own, on Unix sockets, one of which writes everything to the
   disk before it does and answers it. They are asked in turns; time is that of the wall, because
   a disk is waited for. The folder for temporary files is where the state lies.
2. Processes of one service that share a state, all asking at the same time: how long the one waits
   that waits longest, which is for all the others, who each make the change of every other too.
   Of two messages the one that is older when it comes is refused, having waited as long.
"""

from __future__ import annotations

import json
import logging
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.figures import Figure, Gate, at_most, report
from benchmarks.operators import AUDIENCE, Operator, document
from benchmarks.processes import Running
from sealwire import Outcome, Policy, deliver, wall_clock_ms
from sealwire.answers import decode_answer
from sealwire.durable import DurableState
from sealwire.engine import engine_of_process
from sealwire.framing import encode_frame
from sealwire.journal import init
from sealwire.listener import make_door
from sealwire.memory import memory_of
from sealwire.policy import default_rules
from sealwire.service import Service, Session

if TYPE_CHECKING:
    from collections.abc import Sequence

P50_MS, P99_MS, WORST_MS = 15, 50, 500
DOCUMENT_BYTES: Final = 1024
PROCESSES: Final = 32
_STARTED_S: Final = 0.01
_MANY: Final = 10**9
"""Other measurements in this process may have made loggers before."""


def run(*, short: bool) -> list[Figure]:
    """Measure; give the lines of the table."""
    with tempfile.TemporaryDirectory(prefix="p5-") as name:
        folder, operator = Path(name), Operator()
        durable, ephemeral = in_turns(folder, operator, 50 if short else 500)
        waited, applied = together(folder, operator, 4 if short else 20)
    p50, p99 = quantiles(durable)
    bare_p50, bare_p99 = quantiles(ephemeral)
    _, most = quantiles(waited)
    return [
        at_most("P5", "seal to answer, durable, p50", p50, P50_MS, "ms", Gate.ABSOLUTE),
        at_most("P5", "seal to answer, durable, p99", p99, P99_MS, "ms", Gate.ABSOLUTE),
        report("P5", "  in memory alone, p50 and p99", f"{bare_p50:.2f}, {bare_p99:.2f} ms"),
        report(
            "P5",
            "  durable / in memory, p50 and p99",
            f"{p50 / bare_p50:.2f}, {p99 / bare_p99:.2f} x",
        ),
        at_most(
            "P5",
            f"{PROCESSES} processes at once, the longest",
            max(waited),
            WORST_MS,
            "ms",
            Gate.ABSOLUTE,
        ),
        report(
            "P5",
            "  p50 and p99",
            f"{statistics.median(waited):.1f}, {most:.1f} ms; {applied} of {len(waited)} applied",
        ),
    ]


def quantiles(samples: Sequence[float]) -> tuple[float, float]:
    """Give the median and the 99th percentile."""
    ordered = sorted(samples)
    return statistics.median(ordered), ordered[len(ordered) * 99 // 100]


# ---- one service beside another ---------------------------------------------------------------


def in_turns(folder: Path, operator: Operator, rounds: int) -> tuple[list[float], list[float]]:
    """Ask both services in turns; give what each of them took, milliseconds."""
    state = folder / "state"
    init(state, AUDIENCE, min_version=0, now_ms=wall_clock_ms())
    wanted = {"kind": "sealwire", **operator.described(network=False)}
    durable: list[float] = []
    ephemeral: list[float] = []
    with (
        Running({**wanted, "address": f"unix:{folder}/d", "state": str(state)}) as on_disk,
        Running({**wanted, "address": f"unix:{folder}/e"}) as in_memory,
    ):
        time.sleep(_STARTED_S)
        turns = [(on_disk, durable), (in_memory, ephemeral)]
        sealer, sent = operator.local_sealer(), document(DOCUMENT_BYTES)
        for turn in range(rounds + 1):
            for service, took in turns[:: 1 if turn % 2 else -1]:
                began_s = time.perf_counter()
                answer = deliver(service.address, sealer.seal(sent))
                took.append((time.perf_counter() - began_s) * 1000)
                assert answer.outcome is Outcome.APPLIED
    # A first change loads what changes need.
    return durable[1:], ephemeral[1:]


# ---- many processes of one service --------------------------------------------------------------


def together(folder: Path, operator: Operator, rounds: int) -> tuple[list[float], int]:
    """Let many processes ask at the same time; give what each request took, and how many did.

    Of changes sealed in one millisecond one is taken, and each of the others is answered that it
    was overtaken, behind the same lock.
    """
    state = folder / "shared"
    init(state, AUDIENCE, min_version=0, now_ms=wall_clock_ms())
    go, tell = os.pipe()
    ready, say_ready = os.pipe()
    children = [_forked(state, operator, rounds, go, say_ready) for _ in range(PROCESSES)]
    for _ in children:
        assert os.read(ready, 1)
    os.write(tell, b"g" * PROCESSES)
    waited: list[float] = []
    applied = 0
    for pid, said in children:
        with os.fdopen(said) as told:
            found = json.loads(told.read())
        os.waitpid(pid, 0)
        waited += found["waited"]
        applied += found["applied"]
    for each in (go, tell, ready, say_ready):
        os.close(each)
    return waited, applied


def _forked(state: Path, operator: Operator, rounds: int, go: int, ready: int) -> tuple[int, int]:
    said, say = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.write(say, json.dumps(_ask(state, operator, rounds, go, ready)).encode())
        finally:
            os._exit(0)
    os.close(say)
    return pid, said


def _ask(state: Path, operator: Operator, rounds: int, go: int, ready: int) -> dict[str, Any]:
    logging.getLogger().addHandler(logging.NullHandler())
    door = make_door(operator.local_chain(), policy=Policy(default_rules(), max_new_loggers=_MANY))
    engine, memory = engine_of_process(), memory_of(AUDIENCE)
    durable = DurableState(state, door, engine)
    service = Service(door, memory=memory, engine=engine, durable=durable)
    service.begin()
    sealer, sent = operator.local_sealer(), document(DOCUMENT_BYTES)
    waited, applied = [], 0
    for turn in range(rounds + 1):
        if turn == 1:
            os.write(ready, b"r")
            assert os.read(go, 1)
        began_s = time.perf_counter()
        output = Session(service, "measured").receive(encode_frame(sealer.seal(sent)))
        waited.append((time.perf_counter() - began_s) * 1000)
        # The first one loads what changes need, and is not counted.
        applied += turn > 0 and decode_answer(output.reply[4:]).outcome is Outcome.APPLIED
    return {"waited": waited[1:], "applied": applied}
