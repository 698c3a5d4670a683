"""Verifying a trail offline: against its checkpoints, and against anchors held elsewhere.

Steps, of which the first that fails is the answer:

1. Checkpoints are read. With keys given, each has to be signed by one of them.
2. Records are read in order. Each has to say its own number (`records.numbered`), and wherever a
   checkpoint or an anchor was made, the root over all records so far has to be the one it names.
3. What lies behind the last checkpoint is read as records, since nothing signed speaks for it, and
   compared with the kept hashes.
4. A checkpoint or an anchor of more records than there are shows that the tail was cut off.
5. With keys given, something signed has to speak for the trail: whoever writes one signs the first
   checkpoint when it begins, so one without any has lost them.

Which record is the first bad one: where the kept hashes (`layout`) lead to the signed root, they
are as they were when it was signed, and the first record that has another hash, or is missing, is
the one, for certain. Where they do not, all that is known is that it lies behind the last root that
was right.

Not guaranteed: a checkpoint by the host's own key speaks against everybody who has not that key.
Whoever has it can write another trail with other checkpoints, and an anchor alone shows that. What
was written since the last checkpoint or anchor can be cut off or changed by whoever may write the
folder; and with the later checkpoints, a trail can be cut back to an earlier one, which an anchor
alone shows as well.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from sealwire.errors import StateError
from sealwire.trail.checkpoint import CheckpointError, Note, origin_of
from sealwire.trail.events import Begun
from sealwire.trail.findings import Finding, Outcome
from sealwire.trail.layout import hashes_of, lines_of, notes_of, segments_of, split_notes
from sealwire.trail.merkle import HASH_BYTES, CompactRange, leaf_hash
from sealwire.trail.records import RecordError, numbered, parse_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from sealwire.keys import VerifyKey
    from sealwire.trail.checkpoint import Checkpoint


_NEWLINE: Final = ord("\n")


class _BadError(Exception):
    """A record is bad: from which on, below which, and why."""

    def __init__(self, first: int, before: int, problem: str) -> None:
        super().__init__(problem)
        self.first, self.before, self.problem = first, before, problem


def verify_trail(
    folder: Path, keys: Sequence[VerifyKey] = (), anchors: Iterable[Note] = ()
) -> Finding:
    """Verify the trail in ``folder``.

    Args:
        folder: where it lies.
        keys: the keys that sign its checkpoints: the host's, and those it had before.
        anchors: checkpoints that were held elsewhere. With keys, they have to be signed as well;
            without, they speak for the place they were held in.

    Raises:
        CheckpointError: an anchor is not signed by one of the keys, so it is no evidence.
    """
    held = [each.verify(*keys) if keys else each.checkpoint for each in anchors]
    try:
        return _Verification(folder, keys, held).run()
    except StateError as error:
        return Finding(Outcome.UNREADABLE, problem=str(error))


class _Track:
    """Roots of one kind that the trail has to have at certain sizes, and how far it had them."""

    def __init__(self, checkpoints: Iterable[Checkpoint], what: str) -> None:
        self.what = what
        self.roots: dict[int, set[bytes]] = {}
        for each in checkpoints:
            self.roots.setdefault(each.size, set()).add(each.root)
        self.most = max(self.roots, default=0)
        self.shown = 0
        self.begin = CompactRange()


class _Verification:
    """One run over a trail."""

    def __init__(
        self, folder: Path, keys: Sequence[VerifyKey], anchors: Sequence[Checkpoint]
    ) -> None:
        self.segments = segments_of(folder)
        if not self.segments and not anchors:
            raise StateError(f"{folder} holds no trail; name the folder of a trail")
        self.tree = CompactRange()
        self.hashes = bytearray()
        self.origin = ""
        self.torn_bytes = 0
        self.problem = ""
        self.keys = keys
        self.anchors = list(anchors)
        self.checkpoints = list(self._checkpoints())
        self.own = _Track(self.checkpoints, "checkpoint")
        self.held = _Track(self.anchors, "anchor")
        self.covered = max(self.own.most, self.held.most)

    def run(self) -> Finding:
        """Give what was found."""
        bad: _BadError | None = None
        try:
            self._read()
            self._check_tail()
        except _BadError as found:
            bad = found
        size = self.tree.size
        finding = Finding(
            Outcome.GOOD,
            records=size,
            root=self.tree.root(),
            origin=self.origin,
            signed=self.own.shown,
            anchored=self.held.shown,
            torn_bytes=self.torn_bytes,
        )
        if bad is not None:
            return replace(
                finding,
                outcome=Outcome.TAMPERED,
                records=min(size, bad.first),
                root=b"",
                first_bad=bad.first,
                before=bad.before,
                problem=bad.problem,
            )
        if problem := self.problem or self._why_another_trail():
            return replace(finding, outcome=Outcome.TAMPERED, problem=problem)
        if size < self.covered:
            short = self.held if size < self.held.most else self.own
            certain = self._kept_proves(short, short.most)
            return replace(
                finding,
                outcome=Outcome.TRUNCATED,
                first_bad=size if certain else short.shown,
                before=size + 1,
                problem=f"there are {size} records, and {_a(short.what)} counts {short.most}",
            )
        if self.keys and size and not finding.signed and not finding.anchored:
            problem = "nothing is signed: there is no checkpoint, and nothing was held elsewhere"
            return replace(finding, outcome=Outcome.TAMPERED, problem=problem)
        return finding

    def _checkpoints(self) -> Iterable[Checkpoint]:
        """Give the checkpoints that stand beside the records (step 1)."""
        for segment in self.segments:
            notes, rest = split_notes(notes_of(segment))
            if rest and segment is not self.segments[-1]:
                self.problem = f"{segment.checkpoints.name} ends within a checkpoint"
            for note in notes:
                try:
                    if not isinstance(note, Note):
                        raise note
                    yield note.verify(*self.keys) if self.keys else note.checkpoint
                except CheckpointError as error:
                    self.problem = f"{segment.checkpoints.name}: {error}"

    def _read(self) -> None:
        """Read all records (step 2)."""
        for segment in self.segments:
            if segment.first != self.tree.size:
                self._bad_record("is not in the segment that is named by its number")
            if self.torn_bytes:
                self._bad_record("was cut short")
            for line in lines_of(segment):
                if line[-1] != _NEWLINE:
                    self.torn_bytes = len(line)
                else:
                    self._take(line[:-1])

    def _take(self, leaf: bytes) -> None:
        tree, index = self.tree, self.tree.size
        if not numbered(leaf, index):
            self._bad_record("is not the record that was written as this one")
        if index == 0 or index >= self.covered:
            self._take_unsigned(index, leaf)
        digest = leaf_hash(leaf)
        tree.append(digest)
        self.hashes += digest
        if tree.size in self.own.roots:
            self._compare(self.own)
        if tree.size in self.held.roots:
            self._compare(self.held)

    def _take_unsigned(self, index: int, leaf: bytes) -> None:
        """Read the first record, and each that no checkpoint speaks for (step 3)."""
        try:
            event = parse_record(leaf).event
        except RecordError as error:
            self._bad_record(f"cannot be read: {error}")
        else:
            if isinstance(event, Begun) != (index == 0):
                self._bad_record("is not what stands at the beginning of a trail, and only there")
            if isinstance(event, Begun):
                self.origin = origin_of(event.audience, event.trail)

    def _compare(self, track: _Track) -> None:
        """Compare the root with what a checkpoint or an anchor says."""
        size = self.tree.size
        if track.roots[size] != {self.tree.root()}:
            first = self._first_changed(track.shown)
            problem = f"the root over {size} records is not the one of the {track.what}"
            if first is None:
                raise _BadError(track.shown, size, problem)
            certain = self._kept_proves(track, size)
            raise _BadError(first, first + 1 if certain else size, problem)
        track.shown, track.begin = size, self.tree.copy()

    def _kept_proves(self, track: _Track, size: int) -> bool:
        """Whether the kept hashes have themselves the root that the records should have."""
        kept = track.begin.copy()
        kept.extend(_cut(self._kept(track.shown, size)))
        return kept.size == size and track.roots[size] == {kept.root()}

    def _check_tail(self) -> None:
        """Compare what no checkpoint speaks for with the kept hashes (step 3)."""
        first = self._first_changed(max(self.own.shown, self.held.shown))
        if first is not None:
            raise _BadError(first, first + 1, f"record {first} has not the hash that was kept")

    def _bad_record(self, problem: str) -> None:
        """Raise, for the record that is next or one before it that was changed."""
        index = self.tree.size
        first = self._first_changed(max(self.own.shown, self.held.shown))
        if first is None:
            raise _BadError(index, index + 1, f"record {index} {problem}")
        raise _BadError(first, first + 1, f"record {first} has not the hash that was kept")

    def _first_changed(self, begin: int) -> int | None:
        """Give the first record from ``begin`` on that has not the hash that was kept of it."""
        read = bytes(self.hashes[begin * HASH_BYTES :])
        kept = self._kept(begin, self.tree.size)
        pairs = zip(_cut(read), _cut(kept), strict=False)
        return next((begin + at for at, (one, other) in enumerate(pairs) if one != other), None)

    def _kept(self, begin: int, end: int) -> bytes:
        """Give the kept hashes of the records from ``begin`` to ``end``, as far as they go."""
        kept = bytearray()
        following = [*(each.first for each in self.segments), end][1:]
        for segment, next_first in zip(self.segments, following, strict=True):
            if next_first > begin and segment.first < end:
                count = next_first - segment.first
                whole = hashes_of(segment, count)
                kept += whole[max(begin - segment.first, 0) * HASH_BYTES :]
                if len(whole) < count * HASH_BYTES:
                    break
        return bytes(kept[: (end - begin) * HASH_BYTES])

    def _why_another_trail(self) -> str:
        """Say whether a checkpoint or an anchor is one of another trail."""
        for each in (*self.checkpoints, *self.anchors):
            if self.origin and each.origin != self.origin:
                return f"a checkpoint is of {each.origin}, and the trail is {self.origin}"
        return ""


def _cut(hashes: bytes) -> list[bytes]:
    return [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]


def _a(what: str) -> str:
    return f"an {what}" if what == "anchor" else f"a {what}"
