"""Signed keyrings: who has to sign what follows, and how lists of them are taken apart."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.unit.keyring.rings import (
    ALICE,
    AUDIENCE,
    BOB,
    NAME,
    NOW,
    ROOT,
    changed,
    entry,
    first,
    following,
    in_state,
    ring,
    signing,
    usual,
)

from sealwire import cbor, cosesign
from sealwire.errors import ConfigurationError, MalformedError, Reason, RefusedError, Stage
from sealwire.keyring import (
    MAX_AHEAD_S,
    MAX_LIST,
    Keyring,
    Role,
    State,
    add_signature,
    check_issued,
    claims_of,
    looks_like_list,
    peek_keyring,
    read_history,
    read_list,
    sign_keyring,
    succeed,
    succeed_all,
    verify_first,
    write_keyring,
    write_list,
)
from sealwire.keyring.signed import bound
from sealwire.stages import Stream, digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sealwire.keys import SigningKey

A, B, C, D = (signing(name) for name in "abcd")
SECOND_OF_A = signing("a", 2)


def refusal(step: Callable[[], object]) -> tuple[Reason, Stage, str]:
    """Say why something is refused."""
    with pytest.raises(RefusedError) as refused:
        step()
    return refused.value.reason, refused.value.stage, refused.value.detail


def with_roots(*roots: SigningKey, threshold: int = 1) -> Keyring:
    """Give a keyring whose root keys are these."""
    others = [key for key in usual() if key.role is not Role.ROOT]
    owners: set[str] = set()
    keys = []
    for root in roots:
        keys.append(entry(root, Role.ROOT, primary=root.owner not in owners))
        owners.add(root.owner)
    return ring([*others, *keys], threshold=threshold)


def replaced(before: Keyring, *roots: SigningKey, threshold: int = 1) -> Keyring:
    """Give the next version, whose active root keys are these alone."""
    kept = [
        in_state(before, key, State.DEACTIVATED)
        for key in (A, B, C, D, ROOT, SECOND_OF_A)
        if before.named(key.thumbprint) and key not in roots
    ]
    new = [entry(root, Role.ROOT) for root in roots if not before.named(root.thumbprint)]
    mine = {key.thumbprint: key for key in before.keys}
    mine.update({key.thumbprint: key for key in (*kept, *new)})
    return before.succeeded(mine.values(), now=NOW, root_threshold=threshold)


def suspended(before: Keyring) -> Keyring:
    """Give the next version, in which bob is suspended."""
    return changed(before, in_state(before, BOB, State.SUSPENDED))


def suspended_and_more(before: Keyring) -> Keyring:
    """Give the next version, in which bob is suspended, and eve may configure."""
    keys = (*suspended(before).keys, entry(signing("eve"), Role.CONFIG))
    return before.succeeded(keys, now=NOW)


# ---- the first ---------------------------------------------------------------------------------


def test_the_first_is_signed_by_its_own_roots() -> None:
    """And says who they are."""
    found = first()
    assert (NAME, 1) == (found.keyring.name, found.keyring.version)
    assert ["root"] == [shown.owner for shown in found.evidence]
    assert digest_of(write_keyring(found.keyring)) == found.digest
    assert found.keyring == peek_keyring(found.sealed)


@pytest.mark.parametrize(
    ("keyring", "signers", "expected"),
    [
        (replace(ring(), version=2), (ROOT,), Reason.KEYRING_OUT_OF_ORDER),
        (ring(), (A,), Reason.KEY_UNKNOWN),
        (ring(), (ALICE,), Reason.KEY_UNKNOWN),
        (ring(), (ROOT, A), Reason.KEY_UNKNOWN),
        (with_roots(A, B, C, threshold=2), (A,), Reason.SIGNATURES_MISSING),
        (with_roots(A, SECOND_OF_A, B, threshold=2), (A, SECOND_OF_A), Reason.SIGNATURES_MISSING),
    ],
    ids=range(6),
)
def test_what_is_no_first(
    keyring: Keyring, signers: Sequence[SigningKey], expected: Reason
) -> None:
    """Another version, a stranger's, a config key's, one unknown too many, and too few owners."""
    assert expected is refusal(lambda: verify_first(sign_keyring(keyring, signers)))[0]


# ---- what follows ------------------------------------------------------------------------------

TWO_OF_THREE = with_roots(A, B, C, threshold=2)
FOLLOWS: list[tuple[str, Keyring, Keyring, tuple[SigningKey, ...], Reason | None]] = [
    ("one of one", ring(), changed(ring()), (ROOT,), None),
    ("two of three", TWO_OF_THREE, changed(TWO_OF_THREE), (A, B), None),
    ("three of three", TWO_OF_THREE, changed(TWO_OF_THREE), (C, A, B), None),
    ("one of three", TWO_OF_THREE, changed(TWO_OF_THREE), (A,), Reason.SIGNATURES_MISSING),
    (
        "two keys of one owner",
        with_roots(A, SECOND_OF_A, B, threshold=2),
        changed(with_roots(A, SECOND_OF_A, B, threshold=2)),
        (A, SECOND_OF_A),
        Reason.SIGNATURES_MISSING,
    ),
    (
        "two keys of one owner, and another's",
        with_roots(A, SECOND_OF_A, B, threshold=2),
        changed(with_roots(A, SECOND_OF_A, B, threshold=2)),
        (A, SECOND_OF_A, B),
        None,
    ),
    ("one unknown too many", ring(), changed(ring()), (ROOT, D), Reason.KEY_UNKNOWN),
    ("a config key too many", ring(), changed(ring()), (ROOT, ALICE), Reason.KEY_UNKNOWN),
    ("replaced by one, both sign", ring(), replaced(ring(), D), (ROOT, D), None),
    ("replaced, only the new one", ring(), replaced(ring(), D), (D,), Reason.KEY_UNKNOWN),
    ("replaced, the new one first", ring(), replaced(ring(), D), (D, ROOT), Reason.KEY_UNKNOWN),
    ("replaced, only the old one", ring(), replaced(ring(), D), (ROOT,), Reason.SIGNATURES_MISSING),
    (
        "replaced by two of three",
        ring(),
        replaced(ring(), A, B, C, threshold=2),
        (ROOT, B, C),
        None,
    ),
    (
        "replaced by two of three, one of them",
        ring(),
        replaced(ring(), A, B, C, threshold=2),
        (ROOT, B),
        Reason.SIGNATURES_MISSING,
    ),
    (
        "a root key goes, under its own last signature",
        TWO_OF_THREE,
        replaced(TWO_OF_THREE, A, B, threshold=1),
        (C, A),
        None,
    ),
    (
        "a root key goes, under too few of those that stay",
        TWO_OF_THREE,
        replaced(TWO_OF_THREE, A, B, threshold=2),
        (C, A),
        Reason.SIGNATURES_MISSING,
    ),
    (
        "the threshold raised",
        TWO_OF_THREE,
        replaced(TWO_OF_THREE, A, B, C, threshold=3),
        (A, B),
        Reason.SIGNATURES_MISSING,
    ),
    (
        "the threshold raised, by all",
        TWO_OF_THREE,
        replaced(TWO_OF_THREE, A, B, C, threshold=3),
        (A, B, C),
        None,
    ),
    (
        "the threshold lowered, by as many as it takes afterwards",
        TWO_OF_THREE,
        replaced(TWO_OF_THREE, A, B, C, threshold=1),
        (A,),
        Reason.SIGNATURES_MISSING,
    ),
    (
        "the threshold lowered",
        TWO_OF_THREE,
        replaced(TWO_OF_THREE, A, B, C, threshold=1),
        (A, B),
        None,
    ),
    ("suspends, by one of three", TWO_OF_THREE, suspended(TWO_OF_THREE), (B,), None),
    (
        "suspends and adds, by one of three",
        TWO_OF_THREE,
        suspended_and_more(TWO_OF_THREE),
        (B,),
        Reason.SIGNATURES_MISSING,
    ),
    (
        "nothing, by one of three",
        TWO_OF_THREE,
        changed(TWO_OF_THREE),
        (B,),
        Reason.SIGNATURES_MISSING,
    ),
    ("the same version", ring(), ring(), (ROOT,), Reason.KEYRING_OUT_OF_ORDER),
    ("a version too far", ring(), replace(ring(), version=3), (ROOT,), Reason.KEYRING_OUT_OF_ORDER),
]


@pytest.mark.parametrize(
    ("before", "after", "signers", "expected"),
    [case[1:] for case in FOLLOWS],
    ids=[case[0] for case in FOLLOWS],
)
def test_who_has_to_sign(
    before: Keyring, after: Keyring, signers: tuple[SigningKey, ...], expected: Reason | None
) -> None:
    """Enough of the roots in force, the first of them first, and enough of the new ones."""
    enough = [key for key in (A, B, C, ROOT) if before.named(key.thumbprint)]
    current, sealed = first(before, *enough), sign_keyring(after, signers)
    if expected is None:
        assert after == succeed(current, sealed).keyring
    else:
        assert expected is refusal(lambda: succeed(current, sealed))[0]


def test_a_wrong_signature_refuses_the_whole() -> None:
    """Also if the others were enough, and also the first."""
    current = first(TWO_OF_THREE, A, B)
    sealed = sign_keyring(changed(TWO_OF_THREE), (A, B, C))
    assert 3 == len(succeed(current, sealed).evidence)
    for number in range(1, 4):
        damaged = bytearray(sealed)
        damaged[-1 - 82 * (number - 1)] ^= 1
        found = refusal(lambda data=bytes(damaged): succeed(current, data))  # type: ignore[misc]
        assert found[0] is Reason.SIGNATURE_INVALID


def test_nothing_is_read_before_a_root_has_signed_it() -> None:
    """A stranger's document meets no parser; a root's is refused for what it says."""
    current = first()
    for signer, expected in ((D, Reason.KEY_UNKNOWN), (ROOT, Reason.DOCUMENT_MALFORMED)):
        framed = cbor.encode_bytes(b"no keyring")
        tbs = cosesign.to_be_signed(signer.id, bound(NAME), framed)
        sealed = cosesign.join(framed, [cosesign.Signature(signer.id, signer.sign(tbs))])
        assert expected is refusal(lambda data=sealed: succeed(current, data))[0]  # type: ignore[misc]


def test_another_keyrings_signature_is_none() -> None:
    """The name is bound into it."""
    other = replace(changed(ring()), name="other")
    found = refusal(lambda: succeed(first(), sign_keyring(other, (ROOT,))))
    assert found[0] is Reason.SIGNATURE_INVALID


def test_it_is_told_why_to_whom_a_root_has_signed() -> None:
    """And to nobody else: whatever is refused before is refused without a reason."""
    sealed = sign_keyring(replace(ring(), version=9), (ROOT,))
    assert refusal(lambda: succeed(first(), sealed))[1].authenticated
    assert not refusal(lambda: succeed(first(), sign_keyring(ring(), (D,))))[1].authenticated


def test_every_bit_and_every_length_counts() -> None:
    """One that is flipped, or a piece of it, is refused."""
    current = first(ring([entry(ROOT, Role.ROOT)]))
    sealed = sign_keyring(changed(current.keyring), (ROOT,))
    succeed(current, sealed)
    for position in range(len(sealed)):
        damaged = bytearray(sealed)
        damaged[position] ^= 1 << position % 8
        for data in (bytes(damaged), sealed[:position]):
            refusal(lambda data=data: succeed(current, data))  # type: ignore[misc]
    refusal(lambda: succeed(current, sealed + b"\0"))


# ---- the clock ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ahead_ms", "good"),
    [(-1, True), (0, True), (MAX_AHEAD_S * 1000, True), (MAX_AHEAD_S * 1000 + 1, False)],
)
def test_how_far_ahead_one_may_be_issued(ahead_ms: int, good: bool) -> None:
    """As far as clocks differ; a suspension cannot be put off."""
    keyring = ring(issued=NOW)
    if good:
        check_issued(keyring, NOW * 1000 - ahead_ms)
    else:
        found = refusal(lambda: check_issued(keyring, NOW * 1000 - ahead_ms))
        assert found[0] is Reason.KEYRING_OUT_OF_ORDER
        assert "ahead of this clock" in found[2]


# ---- adding signatures -------------------------------------------------------------------------


def test_signatures_are_added() -> None:
    """One after the other, wherever their owners are."""
    alone = sign_keyring(changed(TWO_OF_THREE), (A,))
    assert add_signature(alone, B) == sign_keyring(changed(TWO_OF_THREE), (A, B))
    with pytest.raises(ConfigurationError, match="has signed this keyring already"):
        add_signature(alone, A)


def test_a_ninth_signature_is_not_added() -> None:
    """There can be eight."""
    sealed = sign_keyring(ring(), [signing(f"root-{number}") for number in range(8)])
    assert "can have no more" in refusal(lambda: add_signature(sealed, D))[2]


# ---- lists -------------------------------------------------------------------------------------


def line(count: int) -> list[bytes]:
    """Give signed keyrings that follow each other, the first one's successor first."""
    current, listed = first(), []
    for number in range(count):
        key = entry(signing("alice", 2 + number), Role.CONFIG, primary=False)
        current = following(current, key)
        listed.append(current.sealed)
    return listed


def test_a_list_is_followed() -> None:
    """To its end, and what it says about itself is the last one's."""
    listed = line(3)
    followed = succeed_all(first(), listed)
    assert [2, 3, 4] == [each.keyring.version for each in followed]
    data = write_list(listed)
    assert looks_like_list(data)
    assert tuple(listed) == read_list(data)
    claims = claims_of(followed[-1].keyring, data, AUDIENCE)
    assert (NAME, AUDIENCE, 4, Stream.KEYRING) == (
        claims.iss,
        claims.aud,
        claims.version,
        claims.stream,
    )
    assert (NOW, digest_of(data)[:16]) == (claims.iat, claims.cti)


def test_a_version_that_is_left_out_is_missed() -> None:
    """Also at the front."""
    listed = line(3)
    for holed in (listed[1:], [listed[0], listed[2]], [*listed[:2], listed[1]]):
        found = refusal(lambda holed=holed: succeed_all(first(), holed))  # type: ignore[misc]
        assert found[0] is Reason.KEYRING_OUT_OF_ORDER


@pytest.mark.parametrize("count", [1, MAX_LIST])
def test_lists_of_both_lengths(count: int) -> None:
    """From one to sixteen."""
    one = line(1)[0]
    assert (one,) * count == read_list(write_list([one] * count))


@pytest.mark.parametrize("count", [0, MAX_LIST + 1, 24])
def test_lists_of_no_length(count: int) -> None:
    """None is nothing to follow, and seventeen are too many."""
    data = write_list([line(1)[0]] * count)
    assert not looks_like_list(data)
    with pytest.raises(MalformedError, match="refused"):
        read_list(data)


def test_a_list_has_the_length_that_it_says() -> None:
    """No more, no less, and nothing trails."""
    one = line(1)[0]
    data = write_list([one, one])
    for wrong in (
        b"\x81" + data[1:],
        b"\x83" + data[1:],
        data + b"\0",
        data[:-1],
        b"\x9f" + data[1:],
    ):
        with pytest.raises(MalformedError):
            read_list(wrong)


def test_what_is_no_list() -> None:
    """No request begins like one."""
    for data in (b"", b"\x81", line(1)[0], b"\x81\xd2\x84", b"\x83\xa7\x01"):
        assert not looks_like_list(data)


def test_a_history_is_one_after_the_other() -> None:
    """And nothing in between."""
    listed = line(2)
    assert () == read_history(b"")
    assert tuple(listed) == read_history(b"".join(listed))
    for wrong in (b"garbage", listed[0] + b"\n" + listed[1], listed[0][:-1], b"\0"):
        with pytest.raises(MalformedError):
            read_history(wrong)
