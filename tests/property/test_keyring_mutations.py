"""Ten thousand damaged keyrings, and keyrings in any order: refused, or one that has one text."""

from __future__ import annotations

import contextlib
import json
import random
from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.keyring.rings import (
    BOB,
    DAY,
    HOST,
    NOW,
    ROOT,
    changed,
    entry,
    first,
    following,
    in_state,
    mac,
    ring,
    signing,
    usual,
)

from sealwire.documents.strict_json import canonical_json
from sealwire.errors import RefusedError
from sealwire.keyring import (
    LiveKeyring,
    Role,
    SignedKeyring,
    State,
    peek_keyring,
    read_history,
    read_keyring,
    read_list,
    sign_keyring,
    succeed,
    write_keyring,
    write_list,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Mutate = Callable[[random.Random, Sequence[bytes]], bytes]

COUNT = 10_000
NOW_MS = NOW * 1000
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2**53, 2**63 - 1, "", "root", "active", "a" * 129),
    *([], {}, [[]], {"id": "x"}, "00" * 32, "A" * 43),
)


def keyrings() -> list[bytes]:
    """Give texts of keyrings that differ in what stands in them."""
    full = [
        *(key for key in usual() if key.owner.id != "bob"),
        entry(BOB, Role.LEASE, State.SUSPENDED, until=NOW + DAY, not_after=NOW + DAY),
        entry(mac("bob"), Role.GATE, State.COMPROMISED),
        entry(HOST, Role.RECEIPT),
        entry(signing("other"), Role.ROOT),
    ]
    small = [entry(ROOT, Role.ROOT)]
    return [write_keyring(each) for each in (ring(), ring(full, threshold=2), ring(small))]


def accepted(document: bytes) -> bool:
    """Say whether a document is a keyring; one that is has this text alone."""
    try:
        keyring = read_keyring(document)
    except RefusedError:
        return False
    assert document == write_keyring(keyring)
    return True


def test_damaged_documents(mutate: Mutate) -> None:
    """Bytes that are flipped, cut, copied and put together anew."""
    chance, seeds = random.Random("keyring bytes"), keyrings()
    good = sum(accepted(mutate(chance, seeds)) for _ in range(COUNT))
    assert good < COUNT // 2


def changed_somewhere(chance: random.Random, value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Give JSON in which one value, one member or one entry is another, or not there."""
    if chance.random() < 0.15 or not isinstance(value, (dict, list)) or not value:
        return chance.choice(VALUES)
    if isinstance(value, list):
        at, copy = chance.randrange(len(value)), list(value)
        what = chance.random()
        if what < 0.15:
            del copy[at]
        elif what < 0.3:
            copy.insert(at, copy[chance.randrange(len(copy))])
        elif what < 0.4:
            chance.shuffle(copy)
        else:
            copy[at] = changed_somewhere(chance, copy[at])
        return copy
    name, members = chance.choice(list(value)), dict(value)
    what = chance.random()
    if what < 0.2:
        del members[name]
    elif what < 0.3:
        members["x" + name] = members[name]
    else:
        members[name] = changed_somewhere(chance, members[name])
    return members


def test_documents_that_say_something_else() -> None:
    """Canonical JSON in which a value is another: what is refused is, and what is not is whole."""
    chance, seeds = random.Random("keyring values"), [json.loads(each) for each in keyrings()]
    good = 0
    for _ in range(COUNT):
        value = changed_somewhere(chance, chance.choice(seeds))
        try:
            document = canonical_json(value)
        except (TypeError, ValueError):
            continue
        good += accepted(document)
    # Some change nothing that contradicts: a date, a name, a key that is left out.
    assert 0 < good < COUNT // 2


@pytest.fixture(scope="module")
def signed() -> list[SignedKeyring]:
    """Give keyrings that follow each other."""
    listed = [first()]
    for number in range(4):
        key = entry(signing("alice", 2 + number), Role.CONFIG, primary=False)
        listed.append(following(listed[-1], key))
    return listed


def test_damaged_signed_keyrings(mutate: Mutate, signed: list[SignedKeyring]) -> None:
    """None is followed but the one that was signed, and none makes a reader fail."""
    chance, seeds = random.Random("signed keyrings"), [each.sealed for each in signed[:3]]
    for _ in range(COUNT):
        damaged = mutate(chance, seeds)
        with contextlib.suppress(RefusedError):
            peek_keyring(damaged)
        try:
            succeed(signed[0], damaged)
        except RefusedError:
            continue
        assert damaged == signed[1].sealed


def test_damaged_lists_and_histories(mutate: Mutate, signed: list[SignedKeyring]) -> None:
    """What is read is written again alike; what follows is what its roots have signed."""
    chance, live = random.Random("lists of keyrings"), LiveKeyring("payments@prod", signed[0])
    line = [each.sealed for each in signed]
    seeds = [write_list(line[1:3]), write_list(line[1:]), write_list(line[:2]), b"".join(line)]
    for _ in range(COUNT):
        damaged = mutate(chance, seeds)
        with contextlib.suppress(RefusedError):
            assert b"".join(read_history(damaged)) == damaged
        try:
            assert write_list(read_list(damaged)) == damaged
            followed = live.follow(damaged)
        except RefusedError:
            continue
        at = len(followed)
        assert [each.sealed for each in followed] == line[1 : at + 1]


def test_any_line_of_keyrings_is_followed_in_its_order_alone(signed: list[SignedKeyring]) -> None:
    """A naive oracle: behind what is known comes the next one, each once, and nothing else."""
    chance = random.Random("orders")
    for _ in range(1_000):
        at = chance.randrange(4)
        live = LiveKeyring("payments@prod", signed[0])
        live.replace(signed[1 : at + 1])
        length, begin = chance.randrange(1, 5), chance.randrange(5)
        tried = [(begin + step) % 5 for step in range(length)]
        if chance.random() < 0.5:
            chance.shuffle(tried)
        ascending = tried == list(range(tried[0], tried[0] + len(tried)))
        good = ascending and tried[0] <= at + 1 and tried[-1] >= at
        data = write_list([signed[each].sealed for each in tried])
        try:
            followed = live.follow(data)
        except RefusedError:
            assert not good, (at, tried)
            continue
        assert good, (at, tried)
        assert [each for each in tried if each > at] == [
            each.keyring.version - 1 for each in followed
        ]


def test_whoever_signs_alone_only_ever_takes_away() -> None:
    """Any change of any key by one of two roots: none of them opens more than before."""
    other = signing("other")
    before = ring([*usual(), entry(other, Role.ROOT)], threshold=2)
    current, chance = first(before, ROOT, other), random.Random("alone")
    taken = 0
    for _ in range(2_000):
        key = chance.choice([each for each in before.keys if each.role is not Role.ROOT])
        try:
            after = changed(before, _any_change(chance, key, before))
            found = succeed(current, sign_keyring(after, (chance.choice((ROOT, other)),)))
        except (RefusedError, ValueError):
            continue
        taken += 1
        for now in (NOW - DAY, NOW, NOW + DAY, NOW + 4 * DAY):
            for each in before.keys:
                new = found.keyring.named(each.thumbprint)
                assert new is not None
                assert not (
                    new.state_at(now) is State.ACTIVE and each.state_at(now) is not State.ACTIVE
                )
        assert all(each.state_at(NOW + 4 * DAY) is State.ACTIVE for each in found.keyring.keys)
    assert 0 < taken < 1_000


def _any_change(chance: random.Random, key: Any, before: Any) -> Any:  # noqa: ANN401 - a key
    """Give a key that is changed somehow, often into one that is suspended rightly."""
    changes: dict[str, Any] = {}
    if chance.random() < 0.7:
        until = NOW + chance.choice((60, DAY, 3 * DAY, 3 * DAY + 1, 30 * DAY))
        key = in_state(before, _Named(key.thumbprint), State.SUSPENDED)  # type: ignore[arg-type]
        changes["until"] = until
    for name, values in {
        "since": (NOW, NOW - 1, NOW + 1),
        "state": tuple(State),
        "primary": (True, False),
        "not_after": (NOW + 9 * DAY, 0),
        "not_before": (1, 0),
    }.items():
        if chance.random() < 0.15:
            changes[name] = chance.choice(values)
    return key.__class__(**{each: getattr(key, each) for each in key.__slots__} | changes)


class _Named:
    """What has a thumbprint."""

    def __init__(self, thumbprint: bytes) -> None:
        """Have it."""
        self.thumbprint = thumbprint
