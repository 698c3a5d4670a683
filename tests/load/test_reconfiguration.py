"""S13: a thousand changes of configuration under eight writers lose nothing and leave nothing."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest
from benchmarks.processes import Running

from sealwire import Outcome, deliver
from sealwire.framing import encode_frame

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    from benchmarks.operators import Operator

PROGRAM: Final = Path(__file__).with_name("writing_service.py")
CHANGES: Final = 1_000
LONG_S: Final = 60.0
LEAST_CHANGES: Final = 40
STARTED_S: Final = 0.01
LAST: Final = (0, 1, 2, 0)
"""The last configurations each time that something is counted, because a listener may keep what it
needs to go back to those before."""
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
    """Give the configuration of this number.

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
        "disable_existing_loggers": False,
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
) -> Iterator[Callable[[str], Running]]:
    """Give what starts the service with a listener of one kind: ``sealwire`` or ``standard``."""
    started: list[Running] = []

    def start(kind: str) -> Running:
        wanted = {
            "kind": kind,
            "folder": str(tmp_path.resolve()),
            "loggers": list(ROUTES),
            **operator.described(network=False),
        }
        started.append(Running(wanted, cpu=service_cpu, program=PROGRAM))
        # What is sealed in the millisecond of a start may be from before it, and is not taken.
        time.sleep(STARTED_S)
        return started[-1]

    yield start
    for service in started:
        service.end()


class Outcomes(NamedTuple):
    """What became of the records and of the process, by logger and by what is counted."""

    counts: list[int]
    lost: dict[str, int]
    doubled: dict[str, int]
    strange: dict[str, int]
    before: dict[str, int]
    after: dict[str, int]


def changed(
    service: Running, folder: Path, changes: int, send: Callable[[bytes], None]
) -> Outcomes:
    """Change the configuration that often while the writers write, and count."""

    def change(number: int) -> None:
        send(json.dumps(configuration(folder, number)).encode())

    for number in LAST:
        change(number)
    # Without the writers, each of which may be holding an old handler at any moment.
    before = service.figures()
    service.ask("begin")
    for number in (*range(changes - len(LAST)), *LAST):
        change(number)
    ended = service.ask("stop")
    assert ended["ended"], "the writers do not end"
    after = service.figures()
    written = {
        f"{writer}:{number}"
        for writer, count in enumerate(ended["counts"])
        for number in range(count)
    }
    found = {name: records(folder, pattern) for name, pattern in ROUTES.items()}
    return Outcomes(
        ended["counts"],
        {name: len(written - seen.keys()) for name, seen in found.items()},
        {name: seen.total() - len(seen) for name, seen in found.items()},
        {name: len(seen.keys() - written) for name, seen in found.items()},
        before,
        after,
    )


def records(folder: Path, pattern: str) -> Counter[str]:
    """Count each record in the files of one logger."""
    files = [each for each in folder.iterdir() if re.fullmatch(pattern, each.name)]
    assert files
    return Counter(line for each in files for line in each.read_text("ascii").splitlines())


def show(note: Callable[..., None], kind: str, changes: int, found: Outcomes) -> None:
    """Add to the table."""

    def line(what: str, figure: str) -> None:
        note("S13", f"{changes} changes, 8 writers: {what}", **{kind: figure})

    line(f"records to each of {len(ROUTES)} loggers", str(sum(found.counts)))
    line("records lost", str(sum(found.lost.values())))
    line("records doubled", str(sum(found.doubled.values())))
    for what in ("descriptors", "threads", "filters of loggers", "handlers alive"):
        line(what, f"{found.before[what]} → {found.after[what]}")


def test_nothing_is_lost_doubled_or_left(
    writing: Callable[[str], Running],
    operator: Operator,
    changes: int,
    tmp_path: Path,
    note: Callable[..., None],
) -> None:
    """Each record is in its file once; descriptors, threads, filters, handlers are as many."""
    service, sealer = writing("sealwire"), operator.local_sealer()

    def send(document: bytes) -> None:
        answer = deliver(service.address, sealer.seal(document))
        assert answer.outcome is Outcome.APPLIED, answer

    found = changed(service, tmp_path.resolve(), changes, send)
    show(note, "ours", changes, found)
    assert all(found.counts)
    assert dict.fromkeys(ROUTES, 0) == found.lost
    assert dict.fromkeys(ROUTES, 0) == found.doubled
    assert dict.fromkeys(ROUTES, 0) == found.strange
    assert found.before == found.after


def test_the_same_changes_through_the_librarys_listener(
    writing: Callable[[str], Running],
    connect: Callable[[str], socket.socket],
    changes: int,
    tmp_path: Path,
    note: Callable[..., None],
) -> None:
    """Its figures are shown, and nothing is asserted about them."""
    service = writing("standard")

    def send(document: bytes) -> None:
        with connect(service.address) as connection:
            connection.sendall(encode_frame(document))
            # It answers nothing, and ends the connection when the change is made.
            assert connection.recv(1) == b""

    show(note, "standard", changes, changed(service, tmp_path.resolve(), changes, send))
