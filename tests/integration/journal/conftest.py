"""What tests of the journal share: a state directory, messages, and disks that fail."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from sealwire.errors import StateError
from sealwire.journal import (
    Held,
    Journal,
    Kept,
    Settled,
    StateDirectory,
    Stored,
    StoredBase,
    StoredLease,
    init,
    writing,
)
from sealwire.journal.disk import Disk
from sealwire.stages import Digest, Outcome, Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

AUDIENCE = "payments@prod"
NOW_MS = 1_800_000_000_000

CALLS = (
    *("make_directory", "open_directory", "list", "open", "close", "status", "status_of", "read"),
    *("write", "overwrite", "cut", "sync_data", "sync", "rename", "remove", "allocate", "try_lock"),
    *("take_place", "is_first", "leave_place"),
)


@pytest.fixture(autouse=True)
def _without_waiting_for_the_disk(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sync nothing: no program sees a difference, and on a busy disk it takes minutes.

    `test_journal_power` has a disk of its own that knows what was synced; real processes do it.
    """
    if "processes" not in request.path.name:
        for name in ("sync", "sync_data"):
            monkeypatch.setattr(Disk, name, lambda *_: None)


def kept(version: int, stream: Stream = Stream.BASE) -> Kept:
    """Give the message with a version."""
    digest = Digest(version.to_bytes(32, "big"))
    verb = "apply" if stream is Stream.BASE else "lease"
    return Kept(f"{version:032x}", stream, version, digest, "alice", verb, b"m" * 50, 1, NOW_MS)


def base(*versions: int) -> Stored:
    """Give these bases as what is in force."""
    return Stored(tuple(StoredBase(f"{version:032x}", NOW_MS) for version in versions))


def leases(*versions: int) -> Stored:
    """Give these leases as what is in force."""
    return Stored(
        (), tuple(StoredLease(f"{version:032x}", "boot", 1, 2, 3) for version in versions)
    )


class CountingDisk(Disk):
    """The system, with something done in front of each call.

    Attributes:
        calls: the calls made so far.
        before: is told each call's number, from 1 on, and its name.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.before: Callable[[int, str], None] = lambda *_: None
        self.half = False

    def really_write(self, descriptor: int, data: bytes) -> int:
        """Write; or half of it, and end this process."""
        if self.half:
            os.write(descriptor, data[: len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        return os.write(descriptor, data)


def _counted(name: str) -> Callable[..., Any]:
    def call(self: CountingDisk, *arguments: Any, **more: Any) -> Any:  # noqa: ANN401 - as each takes them
        self.calls.append(name)
        self.before(len(self.calls), name)
        if name == "write":
            return self.really_write(*arguments)
        return getattr(Disk, name)(self, *arguments, **more)

    return call


for each in CALLS:
    setattr(CountingDisk, each, _counted(each))


class State:
    """A state directory, and what a test does with it."""

    kept, base, leases = staticmethod(kept), staticmethod(base), staticmethod(leases)
    audience, now_ms, calls = AUDIENCE, NOW_MS, CALLS
    disk = CountingDisk

    def __init__(self, path: Path) -> None:
        self.path = path / "state"
        self.opened: list[tuple[Journal, StateDirectory]] = []
        init(self.path, AUDIENCE, min_version=1, now_ms=NOW_MS)

    @staticmethod
    def ending(disk: CountingDisk, number: int, *, half: bool) -> Callable[[int, str], None]:
        """Give what ends this process in front of a call; ``half`` of a write is done before."""

        def end(count: int, name: str) -> None:
            if count == number:
                if half and name == "write":
                    disk.half = True
                    return
                os.kill(os.getpid(), signal.SIGKILL)

        return end

    def open(self, disk: Disk | None = None, **more: Any) -> Journal:  # noqa: ANN401 - as Journal.open takes them
        """Open the journal, as a process of its own would."""
        directory = StateDirectory.open(self.path, AUDIENCE, disk=disk)
        journal = Journal.open(directory, **more)
        self.opened.append((journal, directory))
        return journal

    def accept(self, journal: Journal, version: int) -> None:
        """Accept a configuration and apply it."""
        with journal.exclusive() as held:
            self.settle(held, version)

    def settle(self, held: Held, version: int) -> None:
        """The same, with the journal in hand."""
        held.intend(kept(version))
        held.settle(Outcome.APPLIED, base(version))

    def try_to_accept(self, journal: Journal, version: int) -> int:
        """Accept as a service does; give how far that got: 0 refused, 1 undone, 2 applied."""
        got = 0
        with suppress(StateError), journal.exclusive() as held:
            held.intend(kept(version))
            got = 1
            try:
                held.settle(Outcome.APPLIED, base(version))
            except StateError:
                intent = kept(version)
                held.note(Settled(intent.digest, intent.stream, Outcome.FAILED))
            else:
                got = 2
        return got


@pytest.fixture
def state(folder: Path) -> Iterator[State]:
    """Give a state directory."""
    fixture = State(folder)
    yield fixture
    for journal, directory in fixture.opened:
        journal.close()
        directory.close()


@pytest.fixture(params=["grown", "short"])
def compact_bytes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Give a length from which on a journal is written anew: after every change, or never."""
    if request.param == "short":
        return 10**9
    monkeypatch.setattr(writing, "_LONGER", 0)
    return 0


@pytest.fixture
def failing() -> Callable[..., CountingDisk]:
    """Give what makes a disk whose calls fail from one number on, as often as is said."""

    def make(
        number: int, code: int, times: int = 1, names: tuple[str, ...] = CALLS
    ) -> CountingDisk:
        disk = CountingDisk()

        def fail(count: int, name: str) -> None:
            if name in names and number <= count < number + times:
                raise OSError(code, os.strerror(code))

        disk.before = fail
        return disk

    return make
