"""Refusals of one kind are two records a minute, however many there are."""

from __future__ import annotations

from sealwire.errors import Reason
from sealwire.events import Decision
from sealwire.recording.floods import MAX_KINDS, MINUTE_MS, OTHERS, Floods
from sealwire.stages import Answer, Claims, Evidence, Opened, Outcome, Stream

JUNK = Decision(Answer(Outcome.REFUSED), Reason.ENVELOPE_MALFORMED)


def of(owner: str) -> Decision:
    """Give a refusal of what somebody has sealed."""
    claims = Claims(owner, "payments@prod", 2, 1, bytes(16), 1, Stream.BASE)
    shown = (Evidence("Ed25519Verifier", -8, owner.encode().ljust(32), owner),)
    message = Opened(b"", claims, "", b"", shown)
    return Decision(Answer(Outcome.REFUSED), Reason.POLICY, opened=message)


def test_the_first_at_once_and_the_others_as_one() -> None:
    """First, last and count of the others, when their minute is over."""
    floods = Floods()
    first = floods.take(JUNK, "uid 1, pid 1", 1_000, 0)
    assert first is not None
    assert ("uid 1", 1_000, 1_000, 1) == (first.peer, first.first, first.last, first.count)
    assert not floods.owes
    for number in range(1, 40):
        assert None is floods.take(JUNK, f"uid 1, pid {number}", 1_000 + number, number)
    assert floods.owes
    assert () == floods.due(MINUTE_MS - 1)
    (others,) = floods.due(MINUTE_MS)
    assert (1_001, 1_039, 39) == (others.first, others.last, others.count)
    assert not floods.owes
    assert None is not floods.take(JUNK, "uid 1", 70_000, MINUTE_MS)


def test_a_minute_without_others_gives_nothing() -> None:
    """The one that was recorded is not recorded again."""
    floods = Floods()
    floods.take(JUNK, "uid 1", 1_000, 0)
    assert () == floods.due(MINUTE_MS)


def test_kinds_are_told_apart() -> None:
    """By peer, by reason and by the key that something was sealed with."""
    floods = Floods()
    kinds = [
        (JUNK, "uid 1"),
        (JUNK, "uid 2"),
        (Decision(JUNK.answer, Reason.FRAME_TIMEOUT), "uid 1"),
        (of("alice"), "uid 1"),
        (of("bob"), "uid 1"),
    ]
    for decision, peer in kinds:
        assert None is not floods.take(decision, peer, 1, 0)
    for decision, peer in kinds:
        assert None is floods.take(decision, peer, 2, 0)
    assert len(kinds) == len(floods.due(0, everything=True))


def test_there_are_only_so_many_kinds() -> None:
    """What is beyond is one kind of its own: nobody fills a disk by being many."""
    floods = Floods()
    for number in range(MAX_KINDS):
        assert None is not floods.take(JUNK, f"peer {number}", 1, 0)
    beyond = floods.take(JUNK, "one more", 2, 0)
    assert beyond is not None
    assert OTHERS == beyond.peer
    assert None is floods.take(JUNK, "and another", 3, 0)
    assert None is floods.take(JUNK, "peer 7", 3, 0)
