"""What a receipt shows of a trail: that it goes on, that it was cut, that it forked and grew."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from sealwire.receipts import Mode, Outcome, Receipt, Shown, TrailPoint, Unproved
from sealwire.results import TrailCheck
from sealwire.trail.merkle import consistency_proof, leaf_hash, root_of
from sealwire.trailcheck import Held, Judged, judge

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

AT_MS = 1_800_000_000_000
HONEST = [leaf_hash(b"%d" % number) for number in range(40)]
FORKED = [*HONEST[:6], *(leaf_hash(b"other %d" % number) for number in range(40))]


def point(size: int, leaves: Sequence[bytes] = HONEST) -> TrailPoint:
    """Give where a trail stands."""
    return TrailPoint(size, root_of(leaves[:size]).hex())


def held(*sizes: int) -> tuple[Held, ...]:
    """Give points of the honest trail, each a second later than the one before."""
    return tuple(Held(point(size), AT_MS + 1_000 * at) for at, size in enumerate(sizes))


def receipt(
    size: int,
    shown: Iterable[int | Shown] = (),
    leaves: Sequence[bytes] = HONEST,
    at_ms: int = AT_MS + 60_000,
) -> Receipt:
    """Give a receipt of a trail, with proofs from these sizes."""
    said = tuple(
        each
        if isinstance(each, Shown)
        else Shown(each, tuple(one.hex() for one in consistency_proof(each, leaves[:size])))
        for each in shown
    )
    return Receipt(Outcome.APPLIED, Mode.DURABLE, at_ms, trail=point(size, leaves), shown=said)


def points(*sizes: int) -> tuple[TrailPoint, ...]:
    """Give what a request shows."""
    return tuple(map(point, sizes))


def test_the_first_point_is_held() -> None:
    """There is nothing to compare it with."""
    came = receipt(7)
    expected = Judged(TrailCheck.FIRST, (Held(point(7), came.at_ms),))
    assert expected == judge((), (), came)


@pytest.mark.parametrize("sizes", [(7,), (1,), (3, 7), (8, 19), (1, 7, 8, 20)], ids=str)
def test_what_goes_on_from_every_point_takes_their_place(sizes: tuple[int, ...]) -> None:
    """By a proof from each of them."""
    came = receipt(21, sizes)
    expected = Judged(TrailCheck.PROVED, (Held(point(21), came.at_ms),))
    assert expected == judge(held(*sizes), points(*sizes), came)


def test_the_same_point_needs_no_proof() -> None:
    """Whether it was shown or not."""
    came = receipt(7)
    assert TrailCheck.PROVED is judge(held(7), (), came).check
    assert TrailCheck.PROVED is judge(held(7), points(7), receipt(7, [7])).check
    # So nothing has to be written either; and the time is that of the first, also of a late one.
    assert held(7) == judge(held(7), (), came).held
    early = judge(held(7), (), receipt(7, (), at_ms=AT_MS - 5))
    assert (Held(point(7), AT_MS - 5),) == early.held


def test_what_was_not_asked_stays_to_be_asked() -> None:
    """A plain configuration shows nothing; the next request shows both, and closes the gap."""
    came = receipt(9)
    later = judge(held(7), (), came)
    assert Judged(TrailCheck.LATER, (*held(7), Held(point(9), came.at_ms))) == later
    closing = judge(later.held, points(7, 9), receipt(12, [7, 9]))
    assert (TrailCheck.PROVED, points(12)) == (closing.check, (closing.held[0].point,))


def test_a_fork_that_grew_past_the_point_is_found() -> None:
    """Whatever it says: a proof of its own, another's, none that is one, or that it is another."""
    for said in (
        *(Shown(9, tuple(each.hex() for each in consistency_proof(9, FORKED[:20]))),),
        *(Shown(9, tuple(each.hex() for each in consistency_proof(9, HONEST[:20]))),),
        Shown(9),
        Shown(9, ("ab" * 32,) * 64),
        Shown(9, problem=Unproved.ANOTHER),
        Shown(9, problem=Unproved.LONGER),
    ):
        found = judge(held(9), points(9), receipt(20, [said], FORKED))
        assert (TrailCheck.TAMPERED, held(9)) == (found.check, found.held)
        assert "does not go on from the one of 9" in found.words


def test_a_fork_from_behind_the_point_is_none() -> None:
    """What it shares with the trail it goes on from."""
    assert TrailCheck.PROVED is judge(held(5), points(5), receipt(20, [5], FORKED)).check


def test_a_fork_in_a_gap_is_found_with_the_next_request() -> None:
    """The receipt that showed it is held beside the other, and no trail goes on from both."""
    gap = judge(held(9), (), receipt(20, (), FORKED))
    assert TrailCheck.LATER is gap.check
    shown = [each.point for each in gap.held]
    for leaves in (HONEST, FORKED):
        found = judge(gap.held, shown, receipt(30, [9, 20], leaves))
        assert (TrailCheck.TAMPERED, gap.held) == (found.check, found.held)


def test_another_trail_of_the_same_length() -> None:
    """Shown or not."""
    for shown in ((), points(9)):
        found = judge(held(9), shown, receipt(9, (), FORKED))
        assert (TrailCheck.TAMPERED, held(9)) == (found.check, found.held)
        assert "the trail of 9 entries is another one than before" == found.words


def test_a_cut_tail() -> None:
    """The request showed the longer one, or the receipt is younger than that one's."""
    cut = "the trail has 1 entry and had 9: cut"
    old = receipt(1, (), at_ms=AT_MS - 60_000)
    for shown, came in (((), receipt(1)), (points(9), receipt(1)), (points(9), old)):
        assert Judged(TrailCheck.TRUNCATED, held(9), cut) == judge(held(9), shown, came)


@pytest.mark.parametrize("at_ms", [AT_MS, AT_MS - 1])
def test_a_receipt_that_comes_late_is_no_cut_tail(at_ms: int) -> None:
    """It is from before the longer one; the next request asks about both."""
    late = judge(held(9), (), receipt(5, (), at_ms=at_ms))
    assert (TrailCheck.LATER, list(points(5, 9))) == (
        late.check,
        [each.point for each in late.held],
    )
    assert TrailCheck.PROVED is judge(late.held, points(5, 9), receipt(12, [5, 9])).check


@pytest.mark.parametrize("said", [(), (Shown(9, problem=Unproved.UNREADABLE),)])
def test_what_is_not_proved_is_told(said: tuple[Shown, ...]) -> None:
    """And held on to, so that it can be proved later."""
    found = judge(held(9), points(9), receipt(20, said))
    assert TrailCheck.UNPROVED is found.check
    assert "does not show that its trail of 20 entries goes on from the one of 9" in found.words
    assert list(points(9, 20)) == [each.point for each in found.held]
    assert not found.check.is_alarm


def test_a_refusal_that_read_no_point_is_no_alarm() -> None:
    """A request of a suspended key is not opened; the next one that is asks about both points."""
    refused = dataclasses.replace(receipt(20), outcome=Outcome.REFUSED)
    found = judge(held(9), points(9), refused)
    assert (TrailCheck.LATER, "") == (found.check, found.words)
    assert list(points(9, 20)) == [each.point for each in found.held]
    assert TrailCheck.PROVED is judge(found.held, points(9, 20), receipt(21, [9, 20])).check
    # One that did read them, and could not prove it, says so; and a cut tail is one in any case.
    unread = dataclasses.replace(refused, shown=(Shown(9, problem=Unproved.UNREADABLE),))
    assert TrailCheck.UNPROVED is judge(held(9), points(9), unread).check
    cut = dataclasses.replace(receipt(1), outcome=Outcome.REFUSED)
    assert TrailCheck.TRUNCATED is judge(held(9), points(9), cut).check


def test_a_host_that_says_nothing_of_its_trail() -> None:
    """It is told where there was one, and nothing is forgotten."""
    silent = Receipt(Outcome.APPLIED, Mode.DURABLE, AT_MS)
    assert Judged(TrailCheck.NONE, ()) == judge((), (), silent)
    found = judge(held(3, 9), points(3, 9), silent)
    assert (TrailCheck.UNPROVED, held(3, 9)) == (found.check, found.held)
    assert "says nothing of the host's trail, which had 9 entries" in found.words


def test_no_more_is_held_than_can_be_shown() -> None:
    """The shortest and the longest ones."""
    found = judge(held(3, 4, 5, 9), (), receipt(20))
    assert list(points(3, 5, 9, 20)) == [each.point for each in found.held]
