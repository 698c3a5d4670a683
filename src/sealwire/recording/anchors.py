"""Points of a trail that a client shows: whether each still belongs to it, and who showed another.

Rules this module keeps:

1. What is said to a point is said of the trail as it is on the disk, never of what may still be
   lost.
2. A proof is checked here before it is sent, so that a point that is none of this trail is known on
   both sides.
3. A point that does not fit is recorded: once a minute for each client, with a number. Whoever
   holds a key could fill a disk otherwise.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from sealwire.errors import StateError
from sealwire.receipts import Shown, TrailPoint, Unproved
from sealwire.trail.merkle import ProofError, verify_consistency

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealwire.trail.checkpoint import Checkpoint

MINUTE_MS: Final = 60_000
MAX_CLIENTS: Final = 64
"""Told apart by their keys; those beyond are counted together."""

_OTHERS: Final = ""


class Question:
    """Points that somebody waits to hear about."""

    __slots__ = ("_done", "point", "points", "shown")

    def __init__(self, points: tuple[TrailPoint, ...]) -> None:
        """Ask about ``points``; until it is answered the answer is that nothing can be read."""
        self.points = points
        self.point: TrailPoint | None = None
        self.shown = tuple(Shown(each.size, problem=Unproved.UNREADABLE) for each in points)
        self._done = threading.Event()

    def answer(
        self, head: Checkpoint | None, prove: Callable[[int, int], tuple[bytes, ...]]
    ) -> None:
        """Answer it.

        Args:
            head: the trail as it is on the disk; ``None`` where it is not written.
            prove: gives the proof from one size to another.
        """
        if head is not None:
            self.shown = tuple(_said_to(each, head, prove) for each in self.points)
            self.point = TrailPoint(head.size, head.root.hex())
        self._done.set()

    def give_up(self) -> None:
        """Leave it as it was asked: nothing can be read."""
        self._done.set()

    @property
    def is_open(self) -> bool:
        """Whether it waits for its answer."""
        return not self._done.is_set()

    def wait(self, timeout_s: float) -> bool:
        """Wait; give whether it was answered."""
        return self._done.wait(timeout_s)


def _said_to(
    point: TrailPoint, head: Checkpoint, prove: Callable[[int, int], tuple[bytes, ...]]
) -> Shown:
    if point.size > head.size:
        return Shown(point.size, problem=Unproved.LONGER)
    try:
        proof = prove(point.size, head.size)
        root = bytes.fromhex(point.root)
        verify_consistency(point.size, head.size, root, head.root, proof)
    except ProofError:
        return Shown(point.size, problem=Unproved.ANOTHER)
    except StateError:
        return Shown(point.size, problem=Unproved.UNREADABLE)
    return Shown(point.size, tuple(each.hex() for each in proof))


class Mismatches:
    """Counts points that do not fit (rule 3)."""

    def __init__(self) -> None:
        """Begin with none."""
        self._ends_ms: dict[str, int] = {}
        self._left_out: dict[str, int] = {}

    def take(self, whose: str, mono_ms: int) -> int:
        """Take one; give how many a record of it stands for, or 0 where none is due.

        Args:
            whose: the thumbprint of the key of whoever showed it.
            mono_ms: monotonic time.
        """
        if whose not in self._ends_ms and len(self._ends_ms) >= MAX_CLIENTS:
            whose = _OTHERS
        if mono_ms < self._ends_ms.get(whose, mono_ms):
            self._left_out[whose] = self._left_out.get(whose, 0) + 1
            return 0
        self._ends_ms[whose] = mono_ms + MINUTE_MS
        return 1 + self._left_out.pop(whose, 0)
