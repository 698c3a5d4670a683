"""A machine that loses its power: whatever part of what was not synced is on the disk then.

`PowerDisk` is a file system in memory that knows for each block of each file, for each file's
length and for each name whether it has been brought to the disk. It can stop at any call, and then
give every disk that a loss of power there may leave: with any of the blocks that were not synced,
with the old or the new length, and with the names up to any point.

A sync that fails leaves its blocks as they are and calls them clean, as file systems do: a second
sync says that all is well, and brings nothing to the disk.
"""

from __future__ import annotations

import errno
import itertools
import os
import random
import stat
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from sealwire.errors import StateError
from sealwire.journal import Journal, Now, Remembered, Settled, StateDirectory, init, writing
from sealwire.journal.disk import Disk
from sealwire.journal.file import JournalFile
from sealwire.journal.records import Intent
from sealwire.journal.remembered import fold
from sealwire.stages import Outcome, Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.integration.journal.conftest import State

BLOCK = 64
"""Real ones are larger; with these a record lies on several."""

MOST_WAYS = 48
"""How many disks are tried for one stop; all there are, where there are fewer."""


class PowerLoss(BaseException):
    """Nothing is run any more."""


@dataclass
class File:
    """A file, as programs see it and as it is on the disk."""

    content: bytearray = field(default_factory=bytearray)
    on_disk: bytes = b""
    dirty: set[int] = field(default_factory=set)
    length_dirty: bool = False

    def touch(self, start: int, end: int) -> None:
        """Note which blocks have been changed."""
        self.dirty |= set(range(start // BLOCK, (end + BLOCK - 1) // BLOCK))

    def synced(self, blocks: set[int], *, length: bool) -> bytes:
        """Give what is on the disk when these blocks are brought to it."""
        size = len(self.content) if length else len(self.on_disk)
        result = bytearray(self.on_disk[:size].ljust(size, b"\0"))
        for block in blocks:
            part = slice(block * BLOCK, min((block + 1) * BLOCK, size))
            result[part] = self.content[part].ljust(max(0, part.stop - part.start), b"\0")
        return bytes(result[:size])


class PowerDisk(Disk):
    """One directory and its parent, in memory.

    Attributes:
        stop_at: the number of the call in front of which the power is lost.
        dead: nothing is done behind it either, as when a process is killed; otherwise what stands
            in ``finally`` is done, as when it is interrupted.
        fail: the numbers of the calls that fail with EIO.
    """

    def __init__(self, files: dict[str, bytes] | None = None) -> None:
        self.calls = 0
        self.stop_at = 0
        self.dead = True
        self.fail: set[int] = set()
        self.made = files is not None
        self.names = {
            name: File(bytearray(content), content) for name, content in (files or {}).items()
        }
        self.names_on_disk = dict(self.names)
        self.renamed: list[dict[str, File]] = []
        self._open: dict[int, File | None] = {}
        self._next = itertools.count(100)

    # ---- what a loss of power leaves --------------------------------------------------------

    def ways(self, chance: random.Random) -> Iterator[PowerDisk]:
        """Give every disk there may be then, or some of them where there are very many."""
        every = list(itertools.islice(self._every(), 4096))
        for files in every if len(every) <= MOST_WAYS else chance.sample(every, MOST_WAYS):
            yield PowerDisk(files)

    def _every(self) -> Iterator[dict[str, bytes]]:
        for names in (self.names_on_disk, *self.renamed):
            choices = [[(name, way) for way in _ways_of(file)] for name, file in names.items()]
            for chosen in itertools.product(*choices):
                yield dict(chosen)

    # ---- calls ------------------------------------------------------------------------------

    def _called(self) -> None:
        self.calls += 1
        if self.calls == self.stop_at or (self.dead and 0 < self.stop_at <= self.calls):
            raise PowerLoss
        if self.calls in self.fail:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    def _opened(self, file: File | None) -> int:
        descriptor = next(self._next)
        self._open[descriptor] = file
        return descriptor

    def _file(self, descriptor: int) -> File:
        file = self._open[descriptor]
        assert file is not None
        return file

    def make_directory(self, path: str) -> None:
        """Make the one there is."""
        if self.made:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        self._called()
        self.made = True

    def open_directory(self, path: str) -> int:
        """Open it, or its parent."""
        return self._opened(None)

    def list(self, directory: int) -> list[str]:
        """Give the names."""
        return list(self.names)

    def open(self, name: str, flags: int, directory: int) -> int:
        """Open or make a file."""
        self._called()
        if flags & os.O_CREAT:
            if name in self.names:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
            self._change_names({**self.names, name: File()})
        if name not in self.names:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return self._opened(self.names[name])

    def close(self, descriptor: int) -> None:
        """Close."""
        del self._open[descriptor]

    def status(self, descriptor: int) -> os.stat_result:
        """Give a status."""
        file = self._open[descriptor]
        if file is None:
            return _status(stat.S_IFDIR | 0o700, 1, 1, 0)
        links = sum(each is file for each in self.names.values())
        return _status(stat.S_IFREG | 0o600, id(file), links, len(file.content))

    def status_of(self, name: str, directory: int) -> os.stat_result:
        """Give the status of a name."""
        if name not in self.names:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        file = self.names[name]
        return _status(stat.S_IFREG | 0o600, id(file), 1, len(file.content))

    def read(self, descriptor: int, offset: int, length: int) -> bytes:
        """Read."""
        return bytes(self._file(descriptor).content[offset : offset + length])

    def write(self, descriptor: int, data: bytes) -> int:
        """Append."""
        file = self._file(descriptor)
        self._called()
        start = len(file.content)
        file.content += data
        file.touch(start, len(file.content))
        file.length_dirty = True
        return len(data)

    def overwrite(self, descriptor: int, data: bytes) -> None:
        """Write over the first bytes."""
        file = self._file(descriptor)
        self._called()
        file.content[: len(data)] = data
        file.touch(0, len(data))

    def cut(self, descriptor: int, length: int) -> None:
        """Make shorter."""
        file = self._file(descriptor)
        self._called()
        del file.content[length:]
        file.dirty = {block for block in file.dirty if block * BLOCK < length}
        file.touch(length - 1, length)
        file.length_dirty = True

    def sync_data(self, descriptor: int) -> None:
        """Bring a file's blocks and its length to the disk."""
        self.sync(descriptor)

    def sync(self, descriptor: int) -> None:
        """Bring everything to the disk; where that fails, call it clean all the same."""
        file = self._open[descriptor]
        try:
            self._called()
        except OSError:
            if file is not None:
                file.dirty, file.length_dirty = set(), False
            raise
        if file is None:
            self.names_on_disk, self.renamed = dict(self.names), []
        else:
            file.on_disk = file.synced(file.dirty, length=file.length_dirty)
            file.dirty, file.length_dirty = set(), False

    def rename(self, old: str, new: str, directory: int) -> None:
        """Give another name."""
        self._called()
        names = {**self.names, new: self.names[old]}
        del names[old]
        self._change_names(names)

    def remove(self, name: str, directory: int) -> None:
        """Take a name away."""
        if name not in self.names:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        self._called()
        self._change_names({of: file for of, file in self.names.items() if of != name})

    def _change_names(self, names: dict[str, File]) -> None:
        self.names = names
        self.renamed.append(dict(names))

    def allocate(self, descriptor: int, length: int) -> None:
        """Take room."""
        file = self._file(descriptor)
        self._called()
        file.content += bytes(length)
        file.on_disk = bytes(file.content)

    def try_lock(self, descriptor: int, *, alone: bool) -> bool:
        """Take the lock; nobody else is here."""
        return True

    def is_first(self, descriptor: int, place: int | None) -> bool:
        """Say that nobody waits."""
        return True

    def unlock(self, descriptor: int) -> None:
        """Free the lock."""

    def about_mounts(self, descriptor: int) -> tuple[str, str]:
        """Say nothing."""
        return "", ""

    def uid(self) -> int:
        """Give the owner of everything here."""
        return 7


def _status(mode: int, number: int, links: int, size: int) -> os.stat_result:
    return os.stat_result((mode, number, 1, links, 7, 7, size, 0, 0, 0))


def _ways_of(file: File) -> list[bytes]:
    """Give what may be on the disk of a file."""
    dirty = sorted(file.dirty)
    ways = {
        file.synced(set(chosen), length=length)
        for count in range(len(dirty) + 1)
        for chosen in itertools.islice(itertools.combinations(dirty, count), 64)
        for length in ([False, True] if file.length_dirty else [True])
    }
    return sorted(ways)


class Running:
    """A service on such a disk, which notes what it has begun and what it was told is safe.

    Attributes:
        after: everything that its journal may come to, oldest first, since the last that is safe.
    """

    def __init__(self, state: State, disk: PowerDisk, compact_bytes: int) -> None:
        self.state, self.disk, self.compact_bytes = state, disk, compact_bytes
        self.directory = StateDirectory.open("/state", state.audience, disk=disk)
        self.journal = Journal.open(self.directory, compact_bytes=compact_bytes)
        self.after: list[Remembered] = [self.journal.remembered]

    def begin(self, after: Remembered) -> None:
        """Note what the journal comes to, if the next step is done."""
        self.after.append(after)

    def safe(self) -> None:
        """Note that what was written is safe; what waits may be written at any time."""
        self.after = [self.journal.remembered]
        waits = replace(self.journal._waiting.records)
        while (record := waits.next(self.after[-1])) is not None:
            self.begin(fold(self.after[-1], record))
            waits.forget(record)

    def accept(self, version: int) -> None:
        """Accept and apply a configuration, whatever is open before."""
        kept, base = self.state.kept(version), self.state.base(version)
        with self.journal.exclusive() as held:
            intent = held.remembered.open_intent
            if intent is not None:
                failed = Settled(intent.digest, intent.stream, Outcome.FAILED)
                self.begin(fold(held.remembered, failed))
                held.settle(Outcome.FAILED)
            self.safe()
            begun = fold(held.remembered, Intent(kept))
            self.begin(begun)
            held.intend(kept)
            self.safe()
            self.begin(fold(begun, Settled(kept.digest, kept.stream, Outcome.APPLIED, base)))
            held.settle(Outcome.APPLIED, base)
            self.safe()

    def go_back(self) -> None:
        """Have what is in force end."""
        with self.journal.exclusive() as held:
            ended = Now(self.state.base())
            self.begin(fold(held.remembered, ended))
            held.note(ended)
            self.safe()


def new_disk(state: State) -> PowerDisk:
    """Give a disk with a state directory on it."""
    disk = PowerDisk()
    init("/state", state.audience, min_version=1, now_ms=1, disk=disk)
    return disk


def check(state: State, running: Running, disk: PowerDisk) -> Running:
    """Start again on what a loss of power has left; give the service that runs then."""
    again = Running(state, disk, running.compact_bytes)
    with again.journal.exclusive() as held:
        found = held.remembered
    assert found in running.after, f"{found} is none of {running.after}"
    again.safe()
    return again


def test_power_lost_at_each_call(state: State, compact_bytes: int) -> None:
    """Of three changes and one that ended: whatever the disk has kept, what was safe is there."""
    chance = random.Random(7)
    tried = 0
    for stop_at in range(1, 500):
        disk = new_disk(state)
        disk.stop_at = disk.calls + stop_at
        running: Running | None = None
        try:
            running = Running(state, disk, compact_bytes)
            for version in (2, 3):
                running.accept(version)
            running.go_back()
            running.accept(4)
        except PowerLoss:
            if running is None:
                continue
        else:
            break
        for left in disk.ways(chance):
            tried += 1
            again = check(state, running, left)
            again.accept(10)
            assert 10 == again.journal.remembered.floors[Stream.BASE].version
    assert 20 < stop_at < 499
    assert tried > 250


@pytest.mark.parametrize("seed", range(200))
def test_power_lost_again_and_again(
    state: State, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """With calls that fail in between, and services that go on after them."""
    chance = random.Random(seed)
    disk = new_disk(state)
    version = 1
    running = Running(state, disk, chance.choice([0, 900, 1_000_000]))
    monkeypatch.setattr(writing, "_LONGER", chance.choice([0, 4]))
    for _ in range(25):
        disk.stop_at = disk.calls + chance.randrange(1, 40)
        disk.dead = chance.randrange(4) > 0
        disk.fail = {disk.calls + chance.randrange(1, 40) for _ in range(chance.randrange(3))}
        try:
            for _ in range(chance.randrange(1, 5)):
                version += 1
                try:
                    running.accept(version) if chance.randrange(4) else running.go_back()
                except StateError:
                    continue
        except PowerLoss:
            pass
        disk.stop_at, disk.fail = 0, set()
        # Or only the process has ended, and what it wrote is still on its way to the disk.
        if chance.randrange(2):
            disk = chance.choice(list(disk.ways(chance)))
        running = check(state, running, disk)


def test_a_sync_that_is_tried_again_loses_what_was_safe(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were that done, these tests would show it."""

    def append(self: JournalFile, *given: Any) -> None:  # noqa: ANN401 - as the method takes them
        real = self._disk.sync_data

        def twice(descriptor: int) -> None:
            try:
                real(descriptor)
            except OSError:
                real(descriptor)

        monkeypatch.setattr(self._disk, "sync_data", twice)
        original(self, *given)
        monkeypatch.setattr(self._disk, "sync_data", real)

    original: Callable[..., None] = JournalFile.append
    monkeypatch.setattr(JournalFile, "append", append)

    def all_of_them() -> None:
        for seed in range(60):
            test_power_lost_again_and_again(state, monkeypatch, seed)

    with pytest.raises((AssertionError, StateError)):
        all_of_them()


@pytest.mark.parametrize("stop_at", range(1, 60))
def test_power_lost_while_a_state_is_made(state: State, stop_at: int) -> None:
    """What is left is a state that holds nothing, or none, and then it says so."""
    disk = PowerDisk()
    disk.stop_at = stop_at
    try:
        init("/state", state.audience, min_version=1, now_ms=1, disk=disk)
    except PowerLoss:
        pass
    else:
        assert stop_at > 15
        return
    for left in disk.ways(random.Random(1)):
        if "sealwire-state" in left.names:
            journal = Journal.open(StateDirectory.open("/state", state.audience, disk=left))
            assert {} == journal.remembered.floors
        else:
            with pytest.raises(StateError, match="the state is lost, not new"):
                StateDirectory.open("/state", state.audience, disk=left)
