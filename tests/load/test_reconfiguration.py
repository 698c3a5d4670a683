"""S13: a thousand changes of configuration under eight writers lose nothing and leave nothing."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from benchmarks.processes import Running

from sealwire import Outcome, deliver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.operators import Operator

PROGRAM: Final = Path(__file__).with_name("writing_service.py")
CHANGES: Final = 1_000
LONG_S: Final = 60.0
LEAST_CHANGES: Final = 40
MOVES: Final = 5
ROTATE_BYTES: Final = 64 * 1024
BACKUPS: Final = 1_000
"""More than there are rollovers: one that is deleted would be lost on purpose."""

ROUTES: Final = {
    "app.kept": r"kept\.log",
    "app.same": r"same\.log",
    "app.moving": r"moving-\d\.log",
    "app.rotating": r"rotating\.log(\.\d+)?",
    "app.memory": r"memory\.log",
}
"""Each logger, and the files of its records."""


def configuration(folder: Path, number: int) -> dict[str, Any]:
    """Give the configuration of this number; number 0 comes again at the end.

    Of every three, two define all handlers but one anew, and one leaves all of them as they were.
    """
    variant = number - number % 3 // 2
    formatter = f"f{variant % 2}"

    def to_file(name: str, kind: str = "FileHandler", **more: object) -> dict[str, Any]:
        return {
            "class": f"logging.{kind}",
            "filename": str(folder / name),
            "formatter": formatter,
            "filters": ["app"],
            **more,
        }

    rotating = {"maxBytes": ROTATE_BYTES, "backupCount": BACKUPS - variant % 2}
    handlers = {
        "kept": to_file("kept.log", formatter="f0", level=1),
        "same": to_file("same.log", level=1 + variant % 2),
        "moving": to_file(f"moving-{variant % MOVES}.log"),
        "rotating": to_file("rotating.log", "handlers.RotatingFileHandler", **rotating),
        "memory": {
            "class": "logging.handlers.MemoryHandler",
            "capacity": 20 + variant % 7,
            "target": "behind",
        },
        "behind": to_file("memory.log"),
    }
    loggers: dict[str, Any] = {
        name: {
            "level": "INFO",
            "handlers": [name.rpartition(".")[2]],
            "filters": ["app"],
            "propagate": False,
        }
        for name in ROUTES
    }
    loggers["other"] = {"level": 10 + number % 30}
    return {
        "version": 1,
        "filters": {"app": {"name": "app"}},
        # The same text both times; that they are two makes the handlers others.
        "formatters": {
            "f0": {"format": "%(message)s"},
            "f1": {"format": "%(message)s", "datefmt": "%H"},
        },
        "handlers": handlers,
        "loggers": loggers,
    }


@pytest.fixture
def changes(flood_s: float) -> int:
    """Give the number of changes: a thousand, and fewer in the short form."""
    return max(LEAST_CHANGES, round(CHANGES * min(flood_s / LONG_S, 1)))


@pytest.fixture
def writing(
    operator: Operator, service_cpu: int | None, tmp_path: Path
) -> Iterator[Callable[[], Running]]:
    """Give what starts the service."""
    started: list[Running] = []
    folder = tmp_path.resolve()

    def start() -> Running:
        wanted = {
            "kind": "writing",
            "address": "tcp:127.0.0.1:0",
            "folder": str(folder),
            "loggers": list(ROUTES),
            **operator.described(network=False),
        }
        started.append(Running(wanted, cpu=service_cpu, program=PROGRAM))
        time.sleep(0.01)
        return started[-1]

    yield start
    for service in started:
        service.end()


def numbers(folder: Path, pattern: str) -> Counter[str]:
    """Count each record in the files of one logger."""
    files = [each for each in folder.iterdir() if re.fullmatch(pattern, each.name)]
    assert files
    return Counter(line for each in files for line in each.read_text("ascii").splitlines())


def test_nothing_is_lost_doubled_or_left(
    writing: Callable[[], Running],
    operator: Operator,
    changes: int,
    tmp_path: Path,
    note: Callable[..., None],
) -> None:
    """Each record is in its file once; descriptors, threads, filters, handlers are as many."""
    folder = tmp_path.resolve()
    service, sealer = writing(), operator.local_sealer()

    def change(number: int) -> None:
        document = json.dumps(configuration(folder, number)).encode()
        answer = deliver(service.address, sealer.seal(document))
        assert answer.outcome is Outcome.APPLIED, (number, answer)

    change(0)
    service.ask("begin")
    before = service.figures()
    for number in range(1, changes):
        change(number)
    change(0)
    after = service.figures()
    ended = service.ask("stop")
    assert ended["ended"]
    written = {f"{w}:{n}" for w, count in enumerate(ended["counts"]) for n in range(count)}
    found = {name: numbers(folder, pattern) for name, pattern in ROUTES.items()}
    lost = {name: len(written - seen.keys()) for name, seen in found.items()}
    doubled = {name: seen.total() - len(seen) for name, seen in found.items()}
    note("S13", f"{changes} changes: records in {len(ROUTES)} files", ours=f"{len(written)} each")
    note("S13", f"{changes} changes: records lost", ours=str(sum(lost.values())))
    note("S13", f"{changes} changes: records doubled", ours=str(sum(doubled.values())))
    for what in ("descriptors", "threads", "filters of loggers", "handlers alive"):
        note("S13", f"{changes} changes: {what}", ours=f"{before[what]} → {after[what]}")
    assert all(ended["counts"])
    assert dict.fromkeys(ROUTES, 0) == lost
    assert dict.fromkeys(ROUTES, 0) == doubled
    assert all(seen.keys() == written for seen in found.values())
    assert before == after
