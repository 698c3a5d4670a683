"""Writing a trail: what is on the disk, what a crash leaves, and what is not gone on with."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

import pytest

from sealwire.errors import StateError
from sealwire.keys import SigningKey
from sealwire.trail.events import Begun, Stopped
from sealwire.trail.findings import Outcome
from sealwire.trail.layout import leaves_of, segments_of, split_notes
from sealwire.trail.merkle import ProofError, consistency_proof, leaf_hash, root_of
from sealwire.trail.records import RecordError, parse_record, salt_check
from sealwire.trail.segments import TrailWriter
from sealwire.trail.verify import verify_trail

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sealwire.trail.events import Event

HOST = SigningKey(bytes(range(32)), owner="host")
NOW_MS = 1_800_000_000_000
EVENT = Stopped("host/worker-1", "asked")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give where the trail is to lie."""
    return tmp_path / "trail"


def written(folder: Path, count: int, *, sign: bool = True) -> None:
    """Make a trail with this many records, in segments of a few."""
    with TrailWriter.create(folder, "payments@prod", NOW_MS, max_segment_bytes=400) as trail:
        for number in range(1, count):
            trail.append(EVENT, NOW_MS + number)
        if sign:
            trail.checkpoint(HOST)


def test_what_is_appended_is_there(folder: Path, trail_events: tuple[Event, ...]) -> None:
    """One record a line, in their order, and the root is the one over them."""
    with TrailWriter.create(folder, "payments@prod", NOW_MS, "b007") as trail:
        records = [trail.append(each, NOW_MS + at) for at, each in enumerate(trail_events)]
        assert 1 + len(trail_events) == trail.size
        leaves = list(leaves_of(folder))
        assert [each.encode() for each in records] == leaves[1:]
        assert root_of(map(leaf_hash, leaves)) == trail.head.root
        begun = parse_record(leaves[0]).event
        assert isinstance(begun, Begun)
        assert ("payments@prod", salt_check(trail.salt)) == (begun.audience, begun.salt_check)
        assert f"sealwire/payments@prod/{begun.trail}" == trail.origin


def test_nobody_else_can_look(folder: Path) -> None:
    """The folder is 0700 and every file 0600."""
    written(folder, 20)
    assert 0o700 == stat.S_IMODE(folder.stat().st_mode)
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir()}
    assert len(modes) > 6
    assert {0o600} == set(modes.values())


@pytest.mark.parametrize("hashes", ["kept", "lost", "longer"])
def test_opening_goes_on_where_it_ended(folder: Path, hashes: str) -> None:
    """Over segments, with the hashes that were kept and without."""
    written(folder, 20)
    for segment in segments_of(folder):
        if hashes == "lost":
            segment.hashes.unlink()
        elif hashes == "longer":
            segment.hashes.write_bytes(segment.hashes.read_bytes() + bytes(32))
    with TrailWriter(folder) as trail:
        assert (20, 0) == (trail.size, trail.torn_bytes)
        assert 20 == trail.append(EVENT, NOW_MS).seq
        trail.checkpoint(HOST)
    found = verify_trail(folder, [HOST.verify_key])
    assert (Outcome.GOOD, 21, 21) == (found.outcome, found.records, found.signed)


def test_records_keep_their_place_when_a_segment_is_full(folder: Path) -> None:
    """A segment is named by its first record, and none is larger than the limit."""
    written(folder, 20)
    segments = segments_of(folder)
    assert len(segments) > 3
    firsts = [parse_record(each.records.read_bytes().split(b"\n")[0]).seq for each in segments]
    assert [each.first for each in segments] == firsts
    assert all(each.records.stat().st_size <= 400 for each in segments[1:])


@pytest.mark.parametrize("torn", [b"{", b'{"at":"2027-01-15', b"\x00" * 4096])
def test_half_a_record_is_cut_off(folder: Path, torn: bytes) -> None:
    """It was never acknowledged; everything in front of it is as it was."""
    written(folder, 5)
    last = segments_of(folder)[-1]
    good = last.records.read_bytes()
    last.records.write_bytes(good + torn)
    last.checkpoints.write_bytes(last.checkpoints.read_bytes() + b"sealwire/payme")
    assert len(torn) == verify_trail(folder, [HOST.verify_key]).torn_bytes
    with TrailWriter(folder) as trail:
        assert (5, len(torn)) == (trail.size, trail.torn_bytes)
        assert good == last.records.read_bytes()
        trail.append(EVENT, NOW_MS)
        trail.checkpoint(HOST)
    assert Outcome.GOOD is verify_trail(folder, [HOST.verify_key]).outcome


def test_every_place_a_crash_can_cut(folder: Path) -> None:
    """Cut the last segment at each byte: whole records stay, and it can be gone on with."""
    written(folder, 4, sign=False)
    last = segments_of(folder)[-1]
    whole = last.records.read_bytes()
    for length in range(len(whole) + 1):
        last.records.write_bytes(whole[:length])
        with TrailWriter(folder) as trail:
            assert last.first + whole[:length].count(b"\n") == trail.size
            assert whole[: whole[:length].rfind(b"\n") + 1] == last.records.read_bytes()


def test_every_place_a_checkpoint_can_be_cut(folder: Path) -> None:
    """The whole ones stay, half a one goes, and the next is one that can be read."""
    written(folder, 4)
    with TrailWriter(folder) as trail:
        trail.checkpoint(HOST)
    last = segments_of(folder)[-1]
    whole = last.checkpoints.read_bytes()
    ends = [len(whole) // 2 + few for few in range(-4, 4)]
    for length in sorted(
        {*range(0, len(whole), 23), *ends, *range(len(whole) - 4, len(whole) + 1)}
    ):
        last.checkpoints.write_bytes(whole[:length])
        with TrailWriter(folder) as trail:
            trail.checkpoint(HOST)
        notes, half = split_notes(last.checkpoints.read_bytes())
        # A checkpoint is whole when only the empty line behind it is missing.
        kept = (length + 1) // (len(whole) // 2)
        assert (kept + 1, b"") == (len(notes), half)
        assert Outcome.GOOD is verify_trail(folder, [HOST.verify_key]).outcome


def test_what_is_refused_is_left_as_it_is(folder: Path) -> None:
    """Nothing is cut off a trail that is not gone on with: it is evidence."""
    written(folder, 5)
    last = segments_of(folder)[-1]
    edit(last.records, lambda all_: all_.replace(b"asked", b"askew") + b"{")
    before = {each.name: each.read_bytes() for each in folder.iterdir()}
    with pytest.raises(StateError, match="is not as its checkpoint"):
        TrailWriter(folder)
    assert before == {each.name: each.read_bytes() for each in folder.iterdir()}


def test_a_segment_that_was_only_begun(folder: Path) -> None:
    """A crash may come between a new segment and its first record."""
    written(folder, 5)
    (folder / f"{5:020}.jsonl").touch()
    assert Outcome.GOOD is verify_trail(folder, [HOST.verify_key]).outcome
    with TrailWriter(folder) as trail:
        assert 5 == trail.append(EVENT, NOW_MS).seq
    assert Outcome.GOOD is verify_trail(folder, [HOST.verify_key]).outcome


def test_only_one_writes(folder: Path) -> None:
    """The other is told how to find the one."""
    with (
        TrailWriter.create(folder, "payments@prod", NOW_MS),
        pytest.raises(StateError, match="writes this trail; find it with: fuser "),
    ):
        TrailWriter(folder)
    TrailWriter(folder).close()


def move_away(folder: Path) -> Path:
    """Let there be nothing where the trail was."""
    folder.rename(folder.with_name("away"))
    return folder


def edit(path: Path, change: Callable[[bytes], bytes]) -> None:
    """Write a file anew."""
    path.write_bytes(change(path.read_bytes()))


def last_of(folder: Path) -> Path:
    """Give the file with the last records."""
    return segments_of(folder)[-1].records


def without_beginning(folder: Path) -> None:
    """Change the first record, and take away what would tell."""
    for each in segments_of(folder):
        each.checkpoints.unlink()
    edit(segments_of(folder)[0].records, lambda all_: all_.replace(b'"begun"', b'"ended"'))


def without_records(folder: Path) -> None:
    """Leave the file of the first record, and nothing in it."""
    for each in folder.iterdir():
        each.unlink()
    (folder / f"{0:020}.jsonl").touch()


HARM: dict[str, Callable[[Path], object]] = {
    "no folder": move_away,
    "a file": lambda folder: move_away(folder).touch(),
    "empty": lambda folder: move_away(folder).mkdir(0o700),
    "open to others": lambda folder: folder.chmod(0o750),
    "no salt": lambda folder: (folder / "salt").unlink(),
    "another salt": lambda folder: (folder / "salt").write_bytes(bytes(32)),
    "a changed record": lambda folder: edit(
        last_of(folder), lambda all_: all_.replace(b"asked", b"askew")
    ),
    "a cut tail": lambda folder: edit(
        last_of(folder), lambda all_: all_[: all_.rfind(b"\n", 0, -1) + 1]
    ),
    "a missing segment": lambda folder: segments_of(folder)[1].records.unlink(),
    "a repeated record": lambda folder: edit(last_of(folder), lambda all_: all_ * 2),
    "no beginning": without_beginning,
    "no record": without_records,
    "no checkpoint": lambda folder: segments_of(folder)[-1].checkpoints.write_bytes(
        b"nothing\n\nof the kind\n\n"
    ),
}


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        ("no folder", "No such file or directory"),
        ("a file", "is no folder"),
        ("empty", "there is no trail in"),
        ("open to others", "chmod 700"),
        ("no salt", "cannot be opened"),
        ("another salt", "has a salt that is not its own"),
        ("a changed record", "is not as its checkpoint of 12 records says"),
        ("a cut tail", "has 11 records, and its checkpoint counts 12"),
        ("a missing segment", "has no record 2"),
        ("a repeated record", "has something else as record"),
        ("no beginning", "does not begin as a trail does"),
        ("no record", "does not begin as a trail does"),
        ("no checkpoint", "has a checkpoint that is none"),
    ],
)
def test_what_is_not_gone_on_with(folder: Path, harm: str, told: str) -> None:
    """Each is told, with the next step where there is one."""
    written(folder, 12)
    HARM[harm](folder)
    with pytest.raises(StateError, match=told):
        TrailWriter(folder)


def test_no_trail_is_made_where_something_is(folder: Path) -> None:
    """Nor where nothing can be."""
    folder.mkdir(0o700)
    (folder / "mine").touch()
    with pytest.raises(StateError, match="is not empty; name a new folder"):
        TrailWriter.create(folder, "payments@prod", NOW_MS)
    with pytest.raises(StateError, match="no trail can be made in"):
        TrailWriter.create(folder / "mine" / "trail", "payments@prod", NOW_MS)


def test_a_record_beyond_its_limits_harms_nothing(folder: Path) -> None:
    """It is not written, and the next one is."""
    with TrailWriter.create(folder, "payments@prod", NOW_MS) as trail:
        with pytest.raises(RecordError):
            trail.append(Stopped("x" * 600, ""), NOW_MS)
        assert 1 == trail.append(EVENT, NOW_MS).seq


@pytest.mark.parametrize("call", ["write", "fdatasync", "a part of it"])
def test_after_a_failure_nothing_more_is_written(
    folder: Path, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failed write or sync is not tried again; a new writer reads what is there."""
    trail = TrailWriter.create(folder, "payments@prod", NOW_MS)
    trail.append(EVENT, NOW_MS)
    trail.sync()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        if call == "a part of it":
            own = os.write
            patch.setattr(os, "write", lambda descriptor, data: own(descriptor, data[:9]))
        else:
            patch.setattr(os, call if call == "write" or hasattr(os, call) else "fsync", full)
        with pytest.raises(StateError, match="cannot be written: "):
            trail.append(EVENT, NOW_MS) if call != "fdatasync" else trail.sync()
    for again in (lambda: trail.append(EVENT, NOW_MS), trail.sync, lambda: trail.checkpoint(HOST)):
        with pytest.raises(StateError, match="is not written: "):
            again()
    trail.close()
    with TrailWriter(folder) as opened:
        assert opened.size in {2, 3}
        assert opened.torn_bytes == (9 if call == "a part of it" else 0)
        opened.append(EVENT, NOW_MS)


def test_a_closed_trail_is_closed(folder: Path) -> None:
    """Closing twice is fine; writing is not."""
    trail = TrailWriter.create(folder, "payments@prod", NOW_MS)
    trail.close()
    trail.close()
    with pytest.raises(StateError, match="is not written: it is closed"):
        trail.append(EVENT, NOW_MS)


def test_a_proof_from_any_size_to_any_later_one(folder: Path) -> None:
    """From the kept hashes, over the borders of segments; of what was opened again as well."""
    written(folder, 300)
    with TrailWriter(folder, max_segment_bytes=400) as trail:
        for number in range(20):
            trail.append(EVENT, NOW_MS + number)
        trail.sync()
        leaves = list(map(leaf_hash, leaves_of(folder)))
        assert 320 == trail.size == len(leaves)
        for size in (1, 2, 255, 256, 257, 300, 320):
            for first in {1, 2, 7, 128, 255, 256, 299, size} & set(range(1, size + 1)):
                assert consistency_proof(first, leaves[:size]) == trail.prove(first, size)
        for first, size in ((0, 320), (2, 1)):
            with pytest.raises(ProofError):
                trail.prove(first, size)


def test_a_proof_needs_its_hashes(folder: Path) -> None:
    """Where they are gone, or not all there, that is said, and no other proof is made up."""
    written(folder, 30)
    with TrailWriter(folder, max_segment_bytes=400) as trail:
        second = segments_of(folder)[1]
        content = second.hashes.read_bytes()
        second.hashes.write_bytes(content[:-1])
        with pytest.raises(StateError, match="has not the hash of each record"):
            trail.prove(1, 30)
        second.hashes.unlink()
        with pytest.raises(StateError, match="cannot be read"):
            trail.prove(1, 30)
        segments_of(folder)[0].records.unlink()
        second.hashes.write_bytes(content)
        with pytest.raises(StateError, match="the hashes of the records from 1 on are not in"):
            trail.prove(1, 30)
