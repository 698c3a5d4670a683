"""P4: applying a configuration, against ``dictConfig`` with the same one, in one process, in turns.

What is compared, in a process whose logging tree is this program's own:

1. `logtree.apply` with a plan that was read beforehand: what it looks at first, building, the swap,
   and closing what it replaces.
2. ``dictConfig`` with a dictionary of the same content, made beforehand, because it is taken apart.

Both write to the same files. Few loggers show what handlers cost, many what loggers cost. A
configuration that is applied again leaves its handlers as they are here, and makes them anew there;
so there is a line for two in turns, of which each makes every file's handler anew on both sides.
"""

from __future__ import annotations

import itertools
import json
import logging
import logging.config
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, Gate, at_most, report
from benchmarks.timing import interleaved
from sealwire.documents import LoggerPlan, LoggingPlan, read_plan
from sealwire.logtree import apply

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.timing import Samples

LIMIT = 1.5
FEW, MANY = 10, 8_000
MANY_S = 0.5

OURS = "apply"
THEIRS = "dictConfig"


def plan_of(folder: Path, loggers: int) -> LoggingPlan:
    """Give a plan with three handlers and so many loggers, more than a document may have."""
    form = {"formatter": "f", "level": "INFO"}
    written = json.dumps(
        {
            "version": 1,
            "formatters": {"f": {"format": "%(asctime)s %(name)s %(message)s"}},
            "filters": {"only": {"name": "measured"}},
            "handlers": {
                "console": {"class": "logging.StreamHandler", "stream": "ext://sys.stderr", **form},
                "file": {"class": "logging.FileHandler", "filename": str(folder / "a"), **form},
                "rotating": {
                    "class": "logging.handlers.RotatingFileHandler",
                    "filename": str(folder / "b"),
                    "maxBytes": 1_000_000,
                    "filters": ["only"],
                    **form,
                },
            },
            "root": {"level": "WARNING", "handlers": ["console", "rotating"]},
        }
    )
    names = sorted(f"measured.{number}" for number in range(loggers))
    plans = tuple(LoggerPlan(name, logging.INFO, ("file",)) for name in names)
    return read_plan(written.encode())._replace(loggers=plans)


def measure(loggers: int, *, rounds: int, calls: int) -> dict[str, Samples]:
    """Time both with so many loggers."""
    with tempfile.TemporaryDirectory() as name:
        plan = plan_of(Path(name).resolve(), loggers)
        copies = [plan.to_dict() for _ in range((rounds + 1) * calls)]
        steps: dict[str, Callable[[], object]] = {
            OURS: lambda: apply(plan),
            THEIRS: lambda: logging.config.dictConfig(copies.pop()),
        }
        try:
            return interleaved(steps, rounds=rounds, calls=calls)
        finally:
            logging.config.dictConfig({"version": 1, "root": {"handlers": []}})


def measure_exchanged(loggers: int, *, rounds: int, calls: int) -> dict[str, Samples]:
    """Time both with two configurations in turns, which write to different files."""
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        plans = [plan_of(Path(name).resolve(), loggers) for name in (first, second)]
        ours = itertools.cycle(plans)
        copies = [plans[number % 2].to_dict() for number in range((rounds + 1) * calls)]
        steps: dict[str, Callable[[], object]] = {
            OURS: lambda: apply(next(ours)),
            THEIRS: lambda: logging.config.dictConfig(copies.pop()),
        }
        try:
            return interleaved(steps, rounds=rounds, calls=calls)
        finally:
            logging.config.dictConfig({"version": 1, "root": {"handlers": []}})


def run(*, short: bool) -> list[Figure]:
    """Measure; give the lines of the table."""
    few = measure(FEW, rounds=20 if short else 200, calls=10)
    new = measure_exchanged(FEW, rounds=20 if short else 200, calls=10)
    many = measure(MANY, rounds=2 if short else 5, calls=1)
    ours_s = many[OURS].median_us / 1e6
    least, greatest = few[OURS].spread_over(few[THEIRS])
    return [
        at_most(
            "P4",
            f"apply / dictConfig, {FEW} loggers, 3 handlers",
            few[OURS].median_us / few[THEIRS].median_us,
            LIMIT,
        ),
        report("P4", "  over fifths of the run", f"{least:.2f} to {greatest:.2f} x"),
        report("P4", "  both", f"{few[OURS].median_us:.0f}, {few[THEIRS].median_us:.0f} us"),
        report(
            "P4",
            "  with every file's handler new",
            f"{new[OURS].median_us / new[THEIRS].median_us:.2f} x",
        ),
        at_most("P4", f"apply, {MANY:,} loggers", ours_s, MANY_S, "s", Gate.ABSOLUTE),
        report("P4", "  the same with dictConfig", f"{many[THEIRS].median_us / 1e6:.2f} s"),
    ]
