"""The folder of a trail in the hands of others: who begins as well, and who tidies up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sealwire.errors import StateError
from sealwire.keys import SigningKey
from sealwire.recording.keeper import Keeper
from sealwire.trail.events import Stopped
from sealwire.trail.findings import Outcome as Finding
from sealwire.trail.segments import MAX_SEGMENT_BYTES, TrailWriter
from sealwire.trail.verify import verify_trail

if TYPE_CHECKING:
    from pathlib import Path

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
