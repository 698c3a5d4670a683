"""A trail that somebody changes by chance, in every way there is: found each time, and named.

Who changes it does so in one of two ways. *Plainly*: records are edited, exchanged, deleted,
inserted or cut off, and nothing else. *Knowingly*: numbers, segments and kept hashes are made to
fit as well, checkpoints that would tell of a cut are taken away, and a fork is signed anew with the
host's own key. A plain change is named to the record; of a knowing one it is known between which
two roots it lies.

`make trail-mutations` runs ten thousand of them, ``make test`` five hundred.
"""

from __future__ import annotations

import os
import random
import re
from collections import Counter
from itertools import pairwise, zip_longest
from typing import TYPE_CHECKING

from sealwire.keys import SigningKey
from sealwire.trail.checkpoint import Checkpoint
from sealwire.trail.findings import Outcome
from sealwire.trail.layout import Segment, leaves_of, segments_of
from sealwire.trail.merkle import leaf_hash, root_of
from sealwire.trail.segments import TrailWriter
from sealwire.trail.verify import verify_trail

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sealwire.trail.checkpoint import Note
    from sealwire.trail.events import Event

COUNT = int(os.environ.get("SEALWIRE_TRAIL_MUTATIONS", "500"))
HOST = SigningKey(bytes(range(32)), owner="host")
NOW_MS = 1_800_000_000_000
RECORDS = 120
EVERY = 8
"""How many records lie between two checkpoints."""

Leaves = list[bytes]


def edit(chance: random.Random, leaves: Leaves) -> None:
    """Change some bytes of one record."""
    at = chance.randrange(len(leaves))
    changed = bytearray(leaves[at])
    place = chance.randrange(len(changed))
    kind = chance.randrange(3)
    if kind == 0:
        changed[place] ^= 1 << chance.randrange(8)
    elif kind == 1:
        changed[place : place + chance.randrange(4)] = chance.randbytes(chance.randrange(1, 4))
    else:
        changed = changed.replace(b"payments", b"payrolls").replace(b"asked", b"acted")
    leaves[at] = bytes(changed)


def swap(chance: random.Random, leaves: Leaves) -> None:
    """Exchange two records."""
    one, other = chance.sample(range(len(leaves)), 2)
    leaves[one], leaves[other] = leaves[other], leaves[one]


def delete(chance: random.Random, leaves: Leaves) -> None:
    """Take records away that others follow."""
    at = chance.randrange(len(leaves) - 1)
    del leaves[at : min(at + chance.choice((1, 1, 2, 9)), len(leaves) - 1)]


def insert(chance: random.Random, leaves: Leaves) -> None:
    """Put another record in, with the number of its place or with its own."""
    at = chance.randrange(len(leaves))
    line = chance.choice(leaves)
    leaves.insert(at, numbered_as(line, at) if chance.randrange(2) else line)


def cut(chance: random.Random, leaves: Leaves) -> None:
    """Cut the tail off."""
    del leaves[chance.randrange(len(leaves)) :]


def fork(chance: random.Random, leaves: Leaves) -> None:
    """Go on from somewhere with another story, as long as the true one or longer or shorter."""
    at = chance.randrange(1, len(leaves))
    story = [each.replace(b"alice", b"mallory") + b" " for each in leaves[at:]]
    leaves[at:] = story[: chance.randrange(1, len(story) + 1)] * chance.choice((1, 1, 2))
    leaves[at:] = [numbered_as(each, at + place) for place, each in enumerate(leaves[at:])]


def numbered_as(line: bytes, seq: int) -> bytes:
    """Give a record another number."""
    return re.sub(rb',"seq":[0-9]+', b',"seq":%d' % seq, line, count=1)


CHANGES = (edit, swap, delete, insert, cut, fork)


class Trail:
    """A trail that is written anew for each change, and the files it has when nobody changes it."""

    def __init__(self, folder: Path, events: tuple[Event, ...]) -> None:
        self.folder = folder
        self.anchors: list[Note] = []
        with TrailWriter.create(folder, "payments@prod", NOW_MS, max_segment_bytes=20_000) as trail:
            for number in range(1, RECORDS):
                trail.append(events[number % len(events)], NOW_MS + number)
                if trail.size % EVERY == 0:
                    self.anchors.append(trail.checkpoint(HOST))
        self.leaves = list(leaves_of(folder))
        self.firsts = [each.first for each in segments_of(folder)]
        self.files = {each: each.read_bytes() for each in folder.iterdir()}
        self.there = self.files.copy()
        self.origin = self.anchors[0].checkpoint.origin

    def write(self, files: dict[Path, bytes]) -> None:
        """Let these files be there and no others; what is as it was is not written again."""
        for path in self.there.keys() - files.keys():
            path.unlink()
        for path, content in files.items():
            if self.there.get(path) != content:
                path.write_bytes(content)
        self.there = files

    def write_plainly(self, leaves: Leaves) -> None:
        """Change the lines, and leave every record in the file it was in."""
        files = self.files.copy()
        ends = [self.leaves[first - 1] for first in self.firsts[1:]]
        at = 0
        for (segment, begin, end), last in zip_longest(self.stretches(len(self.leaves)), ends):
            # A segment ends with the record it ended with, if that is still there.
            if last is None:
                stop = len(leaves)
            elif last in leaves[at:]:
                stop = leaves.index(last, at) + 1
            else:
                stop = min(at + end - begin, len(leaves))
            files[segment.records] = lines(leaves[at:stop])
            at = stop
        self.write(files)

    def write_knowingly(self, leaves: Leaves, *, sign: bool) -> None:
        """Make numbers and hashes fit, and the checkpoints too where these are signed anew."""
        leaves[:] = [numbered_as(each, seq) for seq, each in enumerate(leaves)]
        notes = [each for each in self.anchors if each.checkpoint.size <= len(leaves)]
        if sign:
            sizes = [*(note.checkpoint.size for note in notes), len(leaves)]
            hashes = list(map(leaf_hash, leaves))
            notes = [Checkpoint(self.origin, n, root_of(hashes[:n])).sign(HOST) for n in sizes]
        files = {}
        for segment, begin, end in self.stretches(len(leaves)):
            files[segment.records] = lines(leaves[begin:end])
            files[segment.hashes] = b"".join(map(leaf_hash, leaves[begin:end]))
            told = [each for each in notes if begin < each.checkpoint.size <= end]
            files[segment.checkpoints] = b"".join(each.encode() + b"\n" for each in told)
        self.write(files)

    def stretches(self, size: int) -> list[tuple[Segment, int, int]]:
        """Give the segments of a trail of this size, each with where it begins and ends."""
        begun = [first for first in self.firsts if first < size or first == 0]
        return [
            (Segment(self.folder, begin), begin, end) for begin, end in pairwise([*begun, size])
        ]

    def found_lines(self) -> Leaves:
        """Give the lines that are there now, whichever way they were written."""
        files = [self.there[each.records] for each in segments_of(self.folder)]
        return b"".join(files).split(b"\n")[:-1]


def lines(leaves: Leaves) -> bytes:
    """Give records as they stand in a file."""
    return b"".join(each + b"\n" for each in leaves)


def first_difference(one: Leaves, other: Leaves) -> int | None:
    """Give the first place where two lists differ."""
    pairs = enumerate(zip_longest(one, other))
    return next((at for at, (mine, theirs) in pairs if mine != theirs), None)


def test_every_change_is_found_and_named(tmp_path: Path, trail_events: tuple[Event, ...]) -> None:
    """None passes; the record that is named is the first that is not as it was."""
    trail = Trail(tmp_path / "trail", trail_events)
    assert Outcome.GOOD is verify_trail(trail.folder, [HOST.verify_key], trail.anchors).outcome
    chance = random.Random("trail")
    ran: Counter[str] = Counter()
    while sum(ran.values()) < COUNT:
        change: Callable[[random.Random, Leaves], None] = chance.choice(CHANGES)
        leaves = trail.leaves.copy()
        change(chance, leaves)
        knowing = change is fork or chance.randrange(3) == 0
        if knowing:
            trail.write_knowingly(leaves, sign=change is fork or chance.randrange(3) == 0)
        else:
            trail.write_plainly(leaves)
        wrong = first_difference(trail.leaves, trail.found_lines())
        if wrong is None:
            continue  # exchanged with its like, or replaced by itself
        found = verify_trail(trail.folder, [HOST.verify_key], trail.anchors)
        said = f"{change.__name__} at {wrong}, {'knowing' if knowing else 'plain'}: {found}"
        assert found.outcome in {Outcome.TAMPERED, Outcome.TRUNCATED}, said
        assert found.first_bad is not None, said
        assert found.before is not None, said
        if knowing:
            assert found.first_bad <= wrong < found.before <= found.first_bad + EVERY, said
        else:
            assert wrong == found.first_bad, said
        ran[f"{change.__name__}, {'knowing' if knowing else 'plain'}"] += 1
    assert len(CHANGES) * 2 - 1 == len(ran)
    print(f"\n  {COUNT} changes found and named: {dict(sorted(ran.items()))}")
