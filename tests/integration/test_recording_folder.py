"""The folder of a trail in the hands of others: who begins as well, and who tidies up."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from tests.conftest import Operator, local_way

from sealwire.errors import StateError
from sealwire.keys import SigningKey
from sealwire.listener import make_door
from sealwire.recording import Trail, recorder
from sealwire.recording.keeper import Keeper
from sealwire.recording.notes import Note
from sealwire.trail.events import Stopped
from sealwire.trail.findings import Outcome as Finding
from sealwire.trail.layout import leaves_of
from sealwire.trail.segments import MAX_SEGMENT_BYTES, TrailWriter
from sealwire.trail.verify import verify_trail

HOST = SigningKey(bytes(range(32)), owner="host")
NOW_MS = 1_800_000_000_000
STOPPED = Stopped("one", "for a test")


def keeper(folder: Path) -> Keeper:
    """Give what keeps the trail in ``folder``."""
    return Keeper(folder / "trail", "payments@test", "", HOST, MAX_SEGMENT_BYTES)


def test_who_finds_another_one_beginning_takes_nothing_away(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two workers start at once with one empty folder: the second gives up, the first goes on."""
    first, second = keeper(folder), keeper(folder)
    creates = TrailWriter.create

    def beaten(*given: object, **more: object) -> TrailWriter:
        monkeypatch.undo()
        assert first.open(NOW_MS)
        return creates(*given, **more)  # type: ignore[arg-type] # as they came

    monkeypatch.setattr(TrailWriter, "create", beaten)
    with pytest.raises(StateError):
        second.open(NOW_MS)
    first.append(STOPPED, NOW_MS)
    first.checkpoint()
    first.close()
    assert Finding.GOOD is verify_trail(folder / "trail", [HOST.verify_key]).outcome


@pytest.mark.parametrize("how", ["removed", "renamed", "cut", "copied"])
def test_a_trail_that_somebody_else_moves_is_missed(folder: Path, how: str) -> None:
    """What is written then goes nowhere, so it is no record."""
    one = keeper(folder)
    one.open(NOW_MS)
    one.append(STOPPED, NOW_MS)
    one.checkpoint()
    (records,) = (folder / "trail").glob("0*.jsonl")
    content = records.read_bytes()
    if how == "cut":
        records.write_bytes(content[: content.index(b"\n") + 1])
    elif how == "renamed":
        records.rename(folder / "elsewhere")
    else:
        records.unlink()
        if how == "copied":
            records.write_bytes(content)
    one.append(STOPPED, NOW_MS)
    with pytest.raises(StateError):
        one.sync()


def test_a_trail_that_is_gone_is_not_begun_anew_by_itself(folder: Path) -> None:
    """Whoever has emptied its folder is not helped to have it forgotten."""
    one = keeper(folder)
    one.open(NOW_MS)
    one.checkpoint()
    for each in (folder / "trail").iterdir():
        each.unlink()
    one.append(STOPPED, NOW_MS)
    with pytest.raises(StateError):
        one.sync()
    with pytest.raises(StateError, match="is gone"):
        one.open(NOW_MS)


def test_an_application_that_goes_elsewhere_takes_no_trail_with_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that was named relative to where it was is the same one when it is opened again."""
    monkeypatch.chdir(folder)
    one = Keeper(Path("trail"), "payments@test", "", HOST, MAX_SEGMENT_BYTES)
    one.open(NOW_MS)
    monkeypatch.chdir("/")
    one.append(STOPPED, NOW_MS)
    one.checkpoint()
    one.close()
    assert not one.open(NOW_MS)


def test_a_disk_that_hangs_does_not_cost_the_host_its_memory(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What goes back is noted without an end to it; what there is no room for is counted."""
    goes_on, syncs = threading.Event(), os.fdatasync
    goes_on.set()

    def hangs(descriptor: int) -> None:
        goes_on.wait()
        syncs(descriptor)

    monkeypatch.setattr(os, "fdatasync", hangs)
    one = recorder.Recorder(Trail(folder / "trail", HOST), "payments@test")
    door = make_door(local_way(Operator.called("alice")).chain)
    one.begin(door, "one", "", "durable")
    goes_on.clear()
    note = Note(lambda _: (STOPPED,), NOW_MS, ("ab" * 32, bytes(200_000)))
    for _ in range(3 * recorder.MAX_HELD):
        one._put(note)
    assert len(one._notes) <= recorder.MAX_HELD
    held = [each.sealed for each in one._notes if each.sealed is not None]
    assert sum(len(sealed) for _, sealed in held) <= recorder.MAX_HELD_BYTES
    goes_on.set()
    one.end("one")
    lost = [b'"lost":' in leaf for leaf in leaves_of(folder / "trail")]
    assert any(lost)


@pytest.mark.parametrize("name", ["records", "hashes", "checkpoints", "lock", "sealed"])
def test_nothing_is_written_by_a_number_that_is_somebody_elses(folder: Path, name: str) -> None:
    """An application has closed what is open here, and opened a file of its own instead."""
    one = keeper(folder)
    one.open(NOW_MS)
    one.append(STOPPED, NOW_MS)
    one.checkpoint()
    number = one._sealed if name == "sealed" else getattr(one.writer, f"_{name}")
    theirs = os.open(folder / "theirs", os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(theirs, number)
    with pytest.raises(StateError, match="closed our file"):
        write_everything(one)
    assert os.path.samestat(os.fstat(theirs), os.fstat(number))
    assert 0 == os.fstat(theirs).st_size
    os.close(number)
    os.close(theirs)
    # Opened anew, it goes on with all of it.
    one.open(NOW_MS)
    write_everything(one)
    one.close()
    assert Finding.GOOD is verify_trail(folder / "trail", [HOST.verify_key]).outcome


def write_everything(one: Keeper) -> None:
    """Write by each of the descriptors that are open."""
    one.keep_sealed("ab" * 32, b"sealed")
    one.append(STOPPED, NOW_MS)
    one.checkpoint()
