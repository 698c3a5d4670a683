"""What a verified receipt shows of its host's trail, against the points that are held; pure.

Rules this module keeps:

1. A point is held until a later one is shown to go on from it: by a consistency proof (RFC 9162)
   that verifies, or by being the same. So a fork that has grown past a point is found by the first
   request that shows it.
2. A receipt that comes late has an older point, which is no cut tail: the request that it answers
   did not show the longer one, and it is not younger than that one's receipt. It is held as well,
   and the next request asks about both.
3. On an alarm nothing that is held changes: it comes again until somebody says that it is settled.
4. A refusal that says nothing to any point is of a request that was not opened, such as one by a
   suspended key: its points were not read, and the next request that is opened asks about them.
5. At most `MAX_POINTS` are held: where there are more, the shortest and the longest ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sealwire.receipts import Outcome, TrailPoint, Unproved
from sealwire.results import TrailCheck
from sealwire.stages import MAX_POINTS
from sealwire.trail.merkle import ProofError, verify_consistency

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sealwire.receipts import Receipt, Shown


class Held(NamedTuple):
    """A point that a verified receipt has shown.

    Attributes:
        point: size and root.
        at_ms: the receipt's own time; of several the first one's.
    """

    point: TrailPoint
    at_ms: int


class Judged(NamedTuple):
    """What came of looking at one receipt.

    Attributes:
        check: what it shows.
        held: what is to be held from now on.
        words: what is wrong, if anything is.
    """

    check: TrailCheck
    held: tuple[Held, ...]
    words: str = ""


class _Wrong(Exception):  # noqa: N818 - it ends a look, and nobody else sees it
    def __init__(self, check: TrailCheck, words: str) -> None:
        self.check, self.words = check, words


def judge(held: tuple[Held, ...], shown: Iterable[TrailPoint], receipt: Receipt) -> Judged:
    """Look at a verified receipt.

    Args:
        held: the points that are held of this trail.
        shown: those that the request showed.
        receipt: what came.
    """
    if receipt.trail is None:
        if not held:
            return Judged(TrailCheck.NONE, held)
        size = held[-1].point.size
        words = f"the receipt says nothing of the host's trail, which had {_entries(size)}"
        return Judged(TrailCheck.UNPROVED, held, words)
    said = {each.size: each for each in receipt.shown}
    asked = set(shown)
    try:
        left = [
            each
            for each in held
            if not _goes_on(each, said.get(each.point.size), receipt, asked=each.point in asked)
        ]
    except _Wrong as wrong:
        return Judged(wrong.check, held, wrong.words)
    # Since when it is known: whatever is shorter and came later than that is cut.
    times = [each.at_ms for each in held if each.point == receipt.trail]
    now = _bounded([*left, Held(receipt.trail, min([receipt.at_ms, *times]))])
    if not held:
        return Judged(TrailCheck.FIRST, now)
    if not left:
        return Judged(TrailCheck.PROVED, now)
    unproved = [each.point.size for each in left if each.point in asked]
    unread = receipt.outcome is Outcome.REFUSED and not receipt.shown
    if unread or not unproved:
        return Judged(TrailCheck.LATER, now)
    words = (
        f"the host does not show that its trail of {_entries(receipt.trail.size)} goes on from the "
        f"one of {unproved[0]} that it has shown before"
    )
    return Judged(TrailCheck.UNPROVED, now, words)


def _goes_on(held: Held, said: Shown | None, receipt: Receipt, *, asked: bool) -> bool:
    """Whether the receipt's trail is shown to go on from a point.

    Raises:
        _Wrong: it is shown not to.
    """
    point, now = held.point, receipt.trail
    assert now is not None  # noqa: S101 - for the type checker; `judge` has looked
    if point == now:
        return True
    if point.size == now.size:
        raise _Wrong(
            TrailCheck.TAMPERED, f"the trail of {_entries(now.size)} is another one than before"
        )
    if point.size > now.size:
        # Asked with the longer one, or later than it: not a receipt that was on its way for long.
        if asked or receipt.at_ms > held.at_ms:
            raise _Wrong(
                TrailCheck.TRUNCATED,
                f"the trail has {_entries(now.size)} and had {point.size}: cut",
            )
        return False
    if not asked or said is None or said.problem is Unproved.UNREADABLE:
        return False
    if said.problem is not None:
        raise _Wrong(TrailCheck.TAMPERED, _forked(point, now))
    try:
        roots = bytes.fromhex(point.root), bytes.fromhex(now.root)
        proof = [bytes.fromhex(each) for each in said.proof]
        verify_consistency(point.size, now.size, *roots, proof)
    except ProofError:
        raise _Wrong(TrailCheck.TAMPERED, _forked(point, now)) from None
    return True


def _bounded(held: list[Held]) -> tuple[Held, ...]:
    """Give what is held in the order of sizes, and no more than can be shown (rule 5)."""
    ordered = sorted(held, key=lambda each: each.point.size)
    if len(ordered) > MAX_POINTS:
        ordered[1 : len(ordered) - MAX_POINTS + 1] = []
    return tuple(ordered)


def _forked(point: TrailPoint, now: TrailPoint) -> str:
    return (
        f"the trail of {_entries(now.size)} does not go on from the one of {point.size} that the "
        "host has shown before: records were changed, or it is another one"
    )


def _entries(count: int) -> str:
    return f"{count} entry" if count == 1 else f"{count} entries"
