"""Disks that are full, or may only be read: real ones, which root has to mount."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from tests.crash.following import AUDIENCE, BASE, LEASED, Follower
from tests.crash.waiting import wait_for_level
from tests.crash.world import INFO, Ask, Kind

from sealwire import RequestRefusedError, wall_clock_ms
from sealwire.journal import init
from sealwire.stages import Stream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.crash.running import Nursery

SIZE = "256k"
"""Less than two thirds of it are taken by the state and what is kept in reserve."""


PAGE = 16
"""More requests than fit into one."""


def mount(*arguments: str) -> None:
    """Mount something."""
    subprocess.run(["mount", *arguments], check=True)


@pytest.fixture(autouse=True)
def root() -> None:
    """Fail at once for anybody else."""
    assert 0 == os.geteuid(), "these tests have to be run by root"


@pytest.fixture
def disk(settings: Path) -> Iterator[Path]:
    """Give the state directory of the service, on a small file system of its own."""
    state = settings.parent / "state"
    shutil.rmtree(state)
    state.mkdir(mode=0o700)
    mount("-t", "tmpfs", "-o", f"size={SIZE},mode=700", "tmpfs", str(state))
    try:
        init(state, AUDIENCE, min_version=0, now_ms=wall_clock_ms())
        yield state
    finally:
        subprocess.run(["umount", "--lazy", str(state)], check=True)


@pytest.fixture
def on_disk(nursery: Nursery, settings: Path, disk: Path) -> Iterator[Follower]:
    """Give who follows a service with that state."""
    follower = Follower(nursery, settings, random.Random(1))
    yield follower
    follower.service.kill()


def fill(disk: Path) -> Path:
    """Fill a disk; give the file that does."""
    path = disk / "filler"
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            # Its last write may be a short one, so that not a byte is left.
            file.write(b"x" * 512)
    assert not os.statvfs(disk).f_bavail
    return path


def fill_page(follower: Follower) -> None:
    """Take what room the last page of a file has of its own."""
    for _ in range(PAGE):
        result = follower.send(ask := Ask(Kind.LEASE, level=11, for_s=1))
        follower.follow(ask, result, time.time())
        wait_for_level(follower.service, LEASED, INFO)


def refused(follower: Follower) -> None:
    """See to it that a change is refused for the state's sake, and changes nothing."""
    with pytest.raises(RequestRefusedError) as caught:
        fill_page(follower)
    assert "state-unavailable" == caught.value.reason
    report = follower.client.status().report
    assert "" != report["trouble"]
    assert [] == report["leases"]


def resumes(follower: Follower) -> None:
    """See to it that changes are taken, in this process and after it."""
    assert follower.ask(follower.new(Kind.APPLY)) is None
    follower.check()
    follower.service.kill()
    follower.recover(None)


def test_a_full_disk(on_disk: Follower, disk: Path) -> None:
    """Changes are refused, leases end and are written, going back works; then it resumes."""
    follower = on_disk
    for kind in (Kind.APPLY, Kind.APPLY, Kind.TRIAL):
        assert follower.ask(follower.new(kind)) is None
    filler = fill(disk)
    refused(follower)
    follower.world = follower.world.without_leases()
    # What is on trial is taken back, in the room that is kept for that.
    follower.client.revert(of=Stream.BASE)
    follower.world = follower.world.after_start()
    assert follower.world.bases[-1].level == follower.service.level(BASE)
    filler.unlink()
    resumes(follower)


def test_what_ends_on_a_full_disk_has_ended_after_a_crash(on_disk: Follower, disk: Path) -> None:
    """It was written, in the room that is kept for that."""
    follower = on_disk
    assert follower.ask(Ask(Kind.LEASE, level=10, for_s=600)) is None
    filler = fill(disk)
    assert 10 == follower.service.level(LEASED)
    assert follower.ask(Ask(Kind.UNLEASE)) is None
    follower.service.kill()
    filler.unlink()
    follower.recover(None)
    assert INFO == follower.service.level(LEASED)


def test_a_start_on_a_disk_that_may_only_be_read(on_disk: Follower, disk: Path) -> None:
    """Nothing is taken, the application's set-up is in force; then what stood is, unasked."""
    follower = on_disk
    assert follower.ask(follower.new(Kind.APPLY)) is None
    stands = follower.world.bases[-1]
    follower.service.kill()
    mount("-o", "remount,ro", str(disk))
    follower.start()
    assert INFO == follower.service.level(BASE)
    refused(follower)
    mount("-o", "remount,rw", str(disk))
    wait_for_level(follower.service, BASE, stands.level)
    resumes(follower)


def test_a_disk_that_is_gone(on_disk: Follower, disk: Path) -> None:
    """A start without it takes nothing; when it is there again, what stood is in force."""
    follower = on_disk
    assert follower.ask(follower.new(Kind.APPLY)) is None
    stands = follower.world.bases[-1]
    follower.service.kill()
    elsewhere = disk.with_name("elsewhere")
    elsewhere.mkdir()
    mount("--move", str(disk), str(elsewhere))
    try:
        follower.start()
        refused(follower)
    finally:
        mount("--move", str(elsewhere), str(disk))
    wait_for_level(follower.service, BASE, stands.level)
    resumes(follower)
