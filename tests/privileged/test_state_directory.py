"""The state directory with real users and a real disk: whose it is, and what is full."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from sealwire.errors import ConfigurationError, StateError
from sealwire.journal import (
    NOTHING,
    Journal,
    Kept,
    Now,
    StateDirectory,
    Stored,
    StoredLease,
    init,
)
from sealwire.stages import Digest, Outcome, Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.integration.conftest import Child

AUDIENCE = "payments@prod"
SERVICE = 60_103
LEASES = tuple(range(1, 9))


def kept(version: int) -> Kept:
    """Give the message with a version."""
    digest = Digest(version.to_bytes(32, "big"))
    of = f"{version:032x}"
    return Kept(of, Stream.LEASE, version, digest, "alice", "lease", b"m" * 3000, 1, 1)


def running(count: int) -> Stored:
    """Give the first leases as what is in force."""
    leases = (StoredLease(kept(version).id, "boot", 1, 2, 3) for version in LEASES[:count])
    return Stored((), tuple(leases))


@pytest.fixture
def small(folder: Path) -> Iterator[Path]:
    """Give a file system of its own, which is soon full."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


def fill(folder: Path) -> None:
    """Leave no byte free."""
    with (folder / "fill").open("ab", buffering=0) as file:

        def write_on(size: int) -> None:
            while True:
                file.write(bytes(size))

        for size in (65_536, 4096, 1):
            with pytest.raises(OSError, match="No space left"):
                write_on(size)


def test_a_disk_that_is_full(small: Path) -> None:
    """Nothing begins; every lease's end is written; afterwards all goes on by itself."""
    path = small / "state"
    init(path, AUDIENCE, min_version=1, now_ms=1)
    directory = StateDirectory.open(path, AUDIENCE)
    journal = Journal.open(directory)
    for version in LEASES:
        with journal.exclusive() as held:
            held.intend(kept(version))
            held.settle(Outcome.APPLIED, running(version))
    fill(small)
    for version in range(9, 30):
        with journal.exclusive() as held, pytest.raises(StateError, match="No space left"):
            held.intend(kept(version))
    for left in reversed(LEASES):
        assert journal.note(Now(running(left - 1)))
        fill(small)
    assert journal.peek().in_force == NOTHING
    assert LEASES[-1] == journal.remembered.floors[Stream.LEASE].version
    (small / "fill").unlink()
    with journal.exclusive() as held:
        held.intend(kept(30))
        held.settle(Outcome.APPLIED)
    assert journal.healthy
    assert 64 * 1024 == (path / "reserve").stat().st_size
    journal.close()
    directory.close()


def test_a_state_of_somebody_else(
    folder: Path, child: Callable[[Callable[[], object]], Child], become: Callable[..., None]
) -> None:
    """Neither root takes a service's state for its own, nor a service root's."""
    path = folder / "state"
    folder.chmod(0o755)
    init(path, AUDIENCE, min_version=1, now_ms=1)

    def open_it() -> None:
        become(SERVICE)
        with pytest.raises(ConfigurationError, match=f"belongs to uid 0, .*chown -R {SERVICE} "):
            StateDirectory.open(path, AUDIENCE)
        # Where the folder above is closed too, nobody can say whose it is.
        with pytest.raises(ConfigurationError, match="cannot be opened: Permission denied"):
            StateDirectory.open(closed / "state", AUDIENCE)

    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    init(closed / "state", AUDIENCE, min_version=1, now_ms=1)
    child(open_it).check()
    subprocess.run(["chown", str(SERVICE), path], check=True)
    with pytest.raises(ConfigurationError, match=f"belongs to uid {SERVICE}.*chown -R 0 "):
        StateDirectory.open(path, AUDIENCE)

    def open_half() -> None:
        become(SERVICE)
        with pytest.raises(StateError, match="sealwire-state cannot be read: Permission denied"):
            StateDirectory.open(path, AUDIENCE)

    child(open_half).check()
    subprocess.run(["chown", "-R", str(SERVICE), path], check=True)

    def open_whole() -> None:
        become(SERVICE)
        directory = StateDirectory.open(path, AUDIENCE)
        with Journal.open(directory).exclusive() as held:
            held.intend(kept(1))

    child(open_whole).check()
