"""Points that a client shows to a service: what is said to each, and how often it is recorded."""

from __future__ import annotations

from functools import partial

from sealwire.errors import StateError
from sealwire.receipts import Shown, TrailPoint, Unproved
from sealwire.recording.anchors import MAX_CLIENTS, MINUTE_MS, Mismatches, Question
from sealwire.trail.checkpoint import Checkpoint
from sealwire.trail.merkle import consistency_proof, leaf_hash, root_of

LEAVES = [leaf_hash(b"%d" % number) for number in range(20)]
HEAD = Checkpoint("sealwire/payments@prod/0011223344556677", 20, root_of(LEAVES))


def point(size: int) -> TrailPoint:
    """Give where the trail stood."""
    return TrailPoint(size, root_of(LEAVES[:size]).hex())


def prove(first: int, size: int) -> tuple[bytes, ...]:
    """Give a proof, as a writer does."""
    return consistency_proof(first, LEAVES[:size])


def unreadable(first: int, size: int) -> tuple[bytes, ...]:
    """Be a disk that cannot be read."""
    raise StateError(f"no hashes from {first} to {size}")


def test_each_point_is_proved_or_is_none_of_the_trail() -> None:
    """The proof is checked before it is sent."""
    asked = (point(3), TrailPoint(5, "ab" * 32), point(20), TrailPoint(21, "ab" * 32))
    question = Question(asked)
    assert question.is_open
    assert not question.wait(0)
    question.answer(HEAD, prove)
    assert question.wait(0)
    assert not question.is_open
    assert TrailPoint(20, HEAD.root.hex()) == question.point
    assert (
        Shown(3, tuple(each.hex() for each in prove(3, 20))),
        Shown(5, problem=Unproved.ANOTHER),
        Shown(20),
        Shown(21, problem=Unproved.LONGER),
    ) == question.shown


def test_what_cannot_be_read_is_said() -> None:
    """By the disk, where no trail is written, and where nobody answers."""
    expected = (Shown(3, problem=Unproved.UNREADABLE),)
    for answer in (
        lambda question: question.answer(HEAD, unreadable),
        lambda question: question.answer(None, prove),
        Question.give_up,
    ):
        question = Question((point(3),))
        answer(question)
        assert question.wait(0)
        assert expected == question.shown


def test_a_client_fills_no_disk() -> None:
    """One record a minute, which says how many it stands for."""
    take = partial(Mismatches().take, "a" * 64)
    assert [1, 0, 0] == [take(each) for each in (0, 1, MINUTE_MS - 1)]
    assert 3 == take(MINUTE_MS)
    assert 0 == take(MINUTE_MS + 1)


def test_clients_are_told_apart_up_to_a_number() -> None:
    """Those beyond it are one, so that nobody costs memory without end."""
    mismatches = Mismatches()
    assert all(1 == mismatches.take(str(each), 0) for each in range(MAX_CLIENTS))
    assert 1 == mismatches.take("one more", 0)
    assert 0 == mismatches.take("yet another", 0)
    assert 3 == mismatches.take("yet another", MINUTE_MS) + mismatches.take("0", MINUTE_MS)
