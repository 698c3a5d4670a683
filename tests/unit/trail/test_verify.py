"""Verifying: every way a trail can be wrong, and which record is named."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sealwire.keys import SigningKey
from sealwire.trail.checkpoint import Checkpoint, CheckpointError, parse_note
from sealwire.trail.events import Begun, Stopped
from sealwire.trail.findings import Outcome
from sealwire.trail.layout import leaves_of, segments_of, split_notes
from sealwire.trail.merkle import leaf_hash, root_of
from sealwire.trail.records import Record, parse_record
from sealwire.trail.segments import TrailWriter
from sealwire.trail.verify import verify_trail

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sealwire.trail.checkpoint import Note
    from sealwire.trail.layout import Segment

HOST = SigningKey(bytes(range(32)), owner="host")
OTHER = SigningKey(bytes(32), owner="host")
KEYS = (HOST.verify_key,)
NOW_MS = 1_800_000_000_000


class Made:
    """A trail of 30 records in segments of some; checkpoints at 10, 20 and, unless told, 30."""

    def __init__(self, folder: Path, *, last: bool = True) -> None:
        self.folder = folder
        self.notes: list[Note] = []
        with TrailWriter.create(folder, "payments@prod", NOW_MS, max_segment_bytes=1500) as trail:
            for number in range(1, 30):
                trail.append(Stopped("host/worker-1", f"number {number}"), NOW_MS + number)
                if trail.size in {10, 20, 30 if last else 0}:
                    self.notes.append(trail.checkpoint(HOST))

    def segment(self, index: int) -> Segment:
        """Give the segment with a record."""
        return [each for each in segments_of(self.folder) if each.first <= index][-1]

    def change(self, index: int, make: Callable[[bytes], bytes]) -> None:
        """Put something else where a record stands."""
        segment = self.segment(index)
        lines = segment.records.read_bytes().splitlines(keepends=True)
        lines[index - segment.first] = make(lines[index - segment.first])
        segment.records.write_bytes(b"".join(lines))

    def keep_hashes(self) -> None:
        """Make the kept hashes fit, as somebody would who knows of them."""
        for segment in segments_of(self.folder):
            lines = segment.records.read_bytes().splitlines()
            segment.hashes.write_bytes(b"".join(map(leaf_hash, lines)))


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """Give a trail whose every record is signed."""
    return Made(tmp_path / "trail")


def swapped_word(line: bytes) -> bytes:
    """Edit a record so that it is still one."""
    return line.replace(b"number", b"Number")


def test_a_good_trail(made: Made) -> None:
    """All of it, shown by the key and by what was held elsewhere."""
    found = verify_trail(made.folder, KEYS, made.notes[1:2])
    assert (Outcome.GOOD, 30, 30, 20) == (
        found.outcome,
        found.records,
        found.signed,
        found.anchored,
    )
    assert root_of(map(leaf_hash, leaves_of(made.folder))) == found.root
    assert made.notes[0].checkpoint.origin == found.origin
    assert (None, None, "", 0) == (
        found.first_bad,
        found.before,
        found.problem,
        found.torn_bytes,
    )


def test_without_keys_and_without_hashes(made: Made) -> None:
    """Unsigned checkpoints say that the folder agrees with itself; kept hashes are not needed."""
    for segment in segments_of(made.folder):
        segment.hashes.unlink()
    assert Outcome.GOOD is verify_trail(made.folder).outcome


def test_an_edited_record_is_named(made: Made) -> None:
    """For certain, because the kept hashes have the signed root and it has not."""
    for index in range(1, 30):
        made.change(index, swapped_word)
        found = verify_trail(made.folder, KEYS)
        assert (Outcome.TAMPERED, index, index + 1) == (
            found.outcome,
            found.first_bad,
            found.before,
        )
        assert (index, b"") == (found.records, found.root)
        made.change(index, lambda line: line.replace(b"Number", b"number"))
    assert Outcome.GOOD is verify_trail(made.folder, KEYS).outcome


def test_who_knows_of_the_hashes_is_found_out_too(made: Made) -> None:
    """Then it is known between which two checkpoints the record lies."""
    for index in (3, 14, 29):
        made.change(index, swapped_word)
        made.keep_hashes()
        found = verify_trail(made.folder, KEYS)
        begin = index - index % 10
        assert (Outcome.TAMPERED, begin, begin + 10) == (
            found.outcome,
            found.first_bad,
            found.before,
        )
        made.change(index, lambda line: line.replace(b"Number", b"number"))


def test_hashes_that_are_wrong_themselves_prove_nothing(made: Made) -> None:
    """An edited record and another hash: the first of both is named, and not as certain."""
    made.change(17, swapped_word)
    segment = made.segment(12)
    hashes = bytearray(segment.hashes.read_bytes())
    hashes[(12 - segment.first) * 32] ^= 1
    segment.hashes.write_bytes(hashes)
    found = verify_trail(made.folder, KEYS)
    assert (12, 20) == (found.first_bad, found.before)


def test_hashes_alone_do_no_harm_where_a_checkpoint_speaks(made: Made) -> None:
    """They can be made again from the records."""
    made.segment(12).hashes.write_bytes(bytes(32))
    assert Outcome.GOOD is verify_trail(made.folder, KEYS).outcome


@pytest.mark.parametrize(
    ("harm", "index"),
    [("deleted", 13), ("doubled", 14), ("exchanged", 13), ("half", 13), ("joined", 13)],
)
def test_a_record_out_of_its_place_is_named(made: Made, harm: str, index: int) -> None:
    """Deleted, written twice, exchanged with the next, cut in two, joined with the next."""
    segment = made.segment(13)
    at = 13 - segment.first
    lines = segment.records.read_bytes().splitlines(keepends=True)
    assert at + 1 < len(lines)
    if harm == "deleted":
        del lines[at]
    elif harm == "doubled":
        lines.insert(at, lines[at])
    elif harm == "exchanged":
        lines[at], lines[at + 1] = lines[at + 1], lines[at]
    elif harm == "half":
        lines[at] = lines[at][:20] + b"\n" + lines[at][20:]
    else:
        lines[at] = lines[at][:-1]
    segment.records.write_bytes(b"".join(lines))
    found = verify_trail(made.folder, KEYS)
    assert (Outcome.TAMPERED, index) == (found.outcome, found.first_bad)
    assert found.problem
    if harm != "joined":
        # Its number alone tells, where nobody kept a hash.
        for each in segments_of(made.folder):
            each.hashes.unlink()
        found = verify_trail(made.folder, KEYS)
        assert (Outcome.TAMPERED, index, index + 1) == (
            found.outcome,
            found.first_bad,
            found.before,
        )


def test_an_edit_in_front_of_a_deletion_is_the_first(made: Made) -> None:
    """Even though the deletion is met first."""
    made.change(11, swapped_word)
    made.change(13, lambda _: b"")
    assert 11 == verify_trail(made.folder, KEYS).first_bad


def test_a_missing_segment(made: Made) -> None:
    """The first record that is not there is named."""
    second = segments_of(made.folder)[1]
    second.records.unlink()
    found = verify_trail(made.folder, KEYS)
    assert (Outcome.TAMPERED, second.first) == (found.outcome, found.first_bad)


def test_a_segment_that_was_cut_short(made: Made) -> None:
    """Half a record is what a crash leaves at the end, and nowhere else."""
    first, second, *_ = segments_of(made.folder)
    first.records.write_bytes(first.records.read_bytes()[:-5])
    found = verify_trail(made.folder, KEYS)
    assert (Outcome.TAMPERED, second.first - 1) == (found.outcome, found.first_bad)
    first.records.write_bytes(first.records.read_bytes()[:-500] + b"\n" * 3 + b"{")
    assert Outcome.TAMPERED is verify_trail(made.folder, KEYS).outcome


def test_a_half_record_that_another_segment_follows(made: Made) -> None:
    """A next segment that pretends to begin in the middle does not help."""
    first, second, *_ = segments_of(made.folder)
    first.records.write_bytes(first.records.read_bytes()[:-5])
    second.records.rename(replace(second, first=second.first - 1).records)
    found = verify_trail(made.folder, KEYS)
    assert (second.first - 1, f"record {second.first - 1} was cut short") == (
        found.first_bad,
        found.problem,
    )


def test_a_cut_tail_is_shown_by_a_checkpoint(made: Made) -> None:
    """By the trail's own while that is there, and by an anchor in any case."""
    last = segments_of(made.folder)[-1]
    made.change(29, lambda _: b"")
    found = verify_trail(made.folder, KEYS)
    assert (Outcome.TRUNCATED, 29, 30) == (found.outcome, found.first_bad, found.before)
    assert "there are 29 records, and a checkpoint counts 30" == found.problem
    notes = [note for note in made.notes if note.checkpoint.size < 30]
    last.checkpoints.write_bytes(b"".join(note.encode() + b"\n" for note in notes))
    assert Outcome.GOOD is verify_trail(made.folder, KEYS).outcome
    found = verify_trail(made.folder, KEYS, made.notes)
    assert (Outcome.TRUNCATED, 29) == (found.outcome, found.first_bad)
    assert "there are 29 records, and an anchor counts 30" == found.problem


def test_nothing_left_but_an_anchor(made: Made, tmp_path: Path) -> None:
    """An empty folder is no trail; with an anchor, it is one of which nothing is left."""
    empty = tmp_path / "empty"
    empty.mkdir()
    assert Outcome.UNREADABLE is verify_trail(empty, KEYS).outcome
    found = verify_trail(empty, KEYS, made.notes)
    assert (Outcome.TRUNCATED, 0, "") == (found.outcome, found.first_bad, found.origin)


def test_what_cannot_be_read(tmp_path: Path, made: Made) -> None:
    """No folder, and things in the place of files."""
    assert Outcome.UNREADABLE is verify_trail(tmp_path / "nowhere").outcome
    first = segments_of(made.folder)[0]
    for path in (first.hashes, first.checkpoints, first.records):
        away = path.with_name("away")
        path.rename(away)
        path.mkdir()
        if path == first.hashes:
            made.change(3, swapped_word)
        found = verify_trail(made.folder, KEYS)
        assert Outcome.UNREADABLE is found.outcome
        assert str(path) in found.problem
        path.rmdir()
        os.mkfifo(path)
        assert Outcome.UNREADABLE is verify_trail(made.folder, KEYS).outcome
        path.unlink()
        away.rename(path)


def test_a_trail_that_nobody_signed(made: Made) -> None:
    """Taking all checkpoints away and changing everything does not make a good trail."""
    for segment in segments_of(made.folder):
        segment.checkpoints.unlink()
    made.change(7, swapped_word)
    made.keep_hashes()
    assert Outcome.GOOD is verify_trail(made.folder).outcome
    found = verify_trail(made.folder, KEYS)
    assert (Outcome.TAMPERED, None) == (found.outcome, found.first_bad)
    assert found.problem.startswith("nothing is signed")


def test_a_forked_trail_is_shown_by_an_anchor(tmp_path: Path) -> None:
    """Whoever has the host's key can write another past, and not what was held elsewhere."""
    one, other = Made(tmp_path / "one"), tmp_path / "other"
    leaves = list(leaves_of(one.folder))
    other.mkdir(0o700)
    (other / "salt").write_bytes((one.folder / "salt").read_bytes())
    (other / "00000000000000000000.jsonl").write_bytes(b"".join(x + b"\n" for x in leaves[:15]))
    with TrailWriter(other) as trail:
        for number in range(15, 30):
            trail.append(Stopped("host/worker-1", f"another {number}"), NOW_MS)
            trail.checkpoint(HOST)
    assert Outcome.GOOD is verify_trail(other, KEYS).outcome
    found = verify_trail(other, KEYS, one.notes)
    assert (Outcome.TAMPERED, 10, 20) == (found.outcome, found.first_bad, found.before)
    assert "the root over 20 records is not the one of the anchor" == found.problem


def test_two_checkpoints_of_one_size_that_differ(made: Made) -> None:
    """The host signed two pasts, and one of them is not this one."""
    first = segments_of(made.folder)[0]
    lie = replace(made.notes[0].checkpoint, root=bytes(32)).sign(HOST)
    first.checkpoints.write_bytes(first.checkpoints.read_bytes() + lie.encode() + b"\n")
    found = verify_trail(made.folder, KEYS)
    assert (Outcome.TAMPERED, 0, 10) == (found.outcome, found.first_bad, found.before)


@pytest.mark.parametrize("harm", ["another key", "changed", "no checkpoint", "half", "not ours"])
def test_a_checkpoint_that_is_wrong_itself(made: Made, harm: str) -> None:
    """The records may be good, and the answer is not."""
    first, *_, last = segments_of(made.folder)
    segment, signed = (first if harm == "half" else last), made.notes[2]
    if harm == "another key":
        content = signed.checkpoint.sign(OTHER).encode() + b"\n"
    elif harm == "changed":
        content = signed.encode().replace(b"\n30\n", b"\n31\n") + b"\n"
    elif harm == "no checkpoint":
        content = b"some\n\nthing\n\n"
    elif harm == "half":
        content = made.notes[0].encode()[:60]
    else:
        other = f"sealwire/billing@prod/{'0' * 16}"
        content = replace(signed.checkpoint, origin=other).sign(HOST).encode() + b"\n"
    segment.checkpoints.write_bytes(content)
    found = verify_trail(made.folder, KEYS)
    assert (Outcome.TAMPERED, None, 30) == (found.outcome, found.first_bad, found.records)
    assert "checkpoint" in found.problem


def test_half_a_checkpoint_at_the_end_is_what_a_crash_leaves(made: Made) -> None:
    """It says nothing, and neither is it a finding."""
    last = segments_of(made.folder)[-1]
    last.checkpoints.write_bytes(last.checkpoints.read_bytes() + made.notes[2].encode()[:60])
    assert Outcome.GOOD is verify_trail(made.folder, KEYS).outcome


def test_an_anchor_that_is_none(made: Made) -> None:
    """What is not signed by the keys is no evidence for anything, and is told as that."""
    anchor = made.notes[0].checkpoint.sign(OTHER)
    with pytest.raises(CheckpointError):
        verify_trail(made.folder, KEYS, [anchor])
    assert Outcome.GOOD is verify_trail(made.folder, (), [anchor]).outcome


def test_behind_the_last_checkpoint(tmp_path: Path) -> None:
    """Nothing signed speaks for these: they are read, and compared with the kept hashes."""
    made = Made(tmp_path / "trail", last=False)
    found = verify_trail(made.folder, KEYS)
    assert (Outcome.GOOD, 30, 20) == (found.outcome, found.records, found.signed)
    made.change(25, swapped_word)
    found = verify_trail(made.folder, KEYS)
    assert (Outcome.TAMPERED, 25, 26) == (found.outcome, found.first_bad, found.before)
    made.keep_hashes()
    assert Outcome.GOOD is verify_trail(made.folder, KEYS).outcome
    made.change(25, lambda line: line.replace(b'"kind":"stopped"', b'"kind":"unknown"'))
    made.keep_hashes()
    found = verify_trail(made.folder, KEYS)
    assert (Outcome.TAMPERED, 25) == (found.outcome, found.first_bad)
    assert "record 25 cannot be read" in found.problem


def test_a_trail_begins_once(tmp_path: Path) -> None:
    """With the record that says whose it is, and that stands nowhere else."""
    made = Made(tmp_path / "trail", last=False)
    for path in (each.checkpoints for each in segments_of(made.folder)):
        path.unlink()
    begun = parse_record(next(leaves_of(made.folder))).event
    assert isinstance(begun, Begun)
    second = Record(5, NOW_MS, "", begun).encode() + b"\n"
    fifth = list(leaves_of(made.folder))[5] + b"\n"
    made.change(5, lambda _: second)
    made.keep_hashes()
    assert 5 == verify_trail(made.folder).first_bad
    made.change(5, lambda _: fifth)
    made.change(0, lambda _: Record(0, NOW_MS, "", Stopped("", "")).encode() + b"\n")
    made.keep_hashes()
    assert 0 == verify_trail(made.folder).first_bad


def test_checkpoints_one_behind_the_other(made: Made) -> None:
    """A file of several, one alone, and a copy of a whole file of checkpoints are all anchors."""
    content = b"".join(note.encode() + b"\n" for note in made.notes)
    assert (tuple(made.notes), b"") == split_notes(content)
    assert ((made.notes[0],), b"") == split_notes(made.notes[0].encode())
    assert ((), b"") == split_notes(b"")
    whole, half = split_notes(content[:-30])
    assert (tuple(made.notes[:2]), True) == (whole, bool(half))
    assert isinstance(parse_note(made.notes[0].encode()).checkpoint, Checkpoint)
