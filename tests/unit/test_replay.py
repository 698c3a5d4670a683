"""The nonce window: no live entry is forgotten, none outlives its message, and it is bounded."""

from __future__ import annotations

import tracemalloc

import pytest

from sealwire.errors import Reason, Stage, VerificationError
from sealwire.replay import MAX_AHEAD_S, MAX_ENTRIES, MAX_ENTRIES_A_KEY, NonceWindow

NOW_S = 1_800_000_000
NOW_MS = NOW_S * 1000
KEY, OTHER_KEY = b"k" * 32, b"o" * 32
NONCE, OTHER_NONCE = b"n" * 16, b"m" * 16


def refusal(
    window: NonceWindow, key: bytes, nonce: bytes, exp_s: int, now_ms: int
) -> VerificationError:
    """Give the refusal, which look and take have in common, and which remembers nothing."""
    before = len(window)
    with pytest.raises(VerificationError) as looked:
        window.look(key, nonce, exp_s, now_ms)
    with pytest.raises(VerificationError) as caught:
        window.take(key, nonce, exp_s, now_ms)
    assert vars(looked.value) == vars(caught.value)
    assert Stage.ADMISSION is caught.value.stage
    assert before == len(window)
    return caught.value


def test_the_limits() -> None:
    """The numbers of the protocol."""
    assert (300, 1_024, 65_536) == (MAX_AHEAD_S, MAX_ENTRIES_A_KEY, MAX_ENTRIES)


@pytest.mark.parametrize(
    ("exp_ms", "reason"),
    [
        (-1_000_000, Reason.EXPIRED),
        (-1000, Reason.EXPIRED),
        (0, None),
        (1000, None),
        (300_000, None),
        (301_000, Reason.LIFETIME_TOO_LONG),
        (10**9, Reason.LIFETIME_TOO_LONG),
    ],
)
def test_how_far_ahead_a_message_may_expire(exp_ms: int, reason: Reason | None) -> None:
    """From now to 300 s ahead, both included, on a whole second."""
    window, exp_s = NonceWindow(), NOW_S + exp_ms // 1000
    if reason is not None:
        assert reason is refusal(window, KEY, NONCE, exp_s, NOW_MS).reason
        return
    window.take(KEY, NONCE, exp_s, NOW_MS)
    assert 1 == len(window)


@pytest.mark.parametrize(
    ("now_ms", "reason"),
    [
        (NOW_MS - 300_001, Reason.LIFETIME_TOO_LONG),
        (NOW_MS - 300_000, None),
        (NOW_MS - 1, None),
        (NOW_MS, None),
        (NOW_MS + 1, Reason.EXPIRED),
    ],
)
def test_the_same_to_the_millisecond(now_ms: int, reason: Reason | None) -> None:
    """A message that expires at a whole second lives through that millisecond, and no longer."""
    window = NonceWindow()
    if reason is not None:
        assert reason is refusal(window, KEY, NONCE, NOW_S, now_ms).reason
        return
    window.take(KEY, NONCE, NOW_S, now_ms)


def test_what_is_refused_says_the_limit() -> None:
    """The detail names the value and the limit."""
    detail = refusal(NonceWindow(), KEY, NONCE, NOW_S + 3600, NOW_MS).detail
    assert "expires in 3600 s; the replay window remembers 300 s" == detail


@pytest.mark.parametrize("later_ms", [0, 1, 59_999, 60_000])
def test_a_message_is_taken_once_while_it_lives(later_ms: int) -> None:
    """The second copy is refused up to the last millisecond of its life."""
    window = NonceWindow()
    window.take(KEY, NONCE, NOW_S + 60, NOW_MS)
    refused = refusal(window, KEY, NONCE, NOW_S + 60, NOW_MS + later_ms)
    assert Reason.REPLAYED is refused.reason


def test_an_expired_message_is_no_replay() -> None:
    """After its end the copy is refused for that, and a new message may have the nonce."""
    window = NonceWindow()
    window.take(KEY, NONCE, NOW_S, NOW_MS)
    assert Reason.EXPIRED is refusal(window, KEY, NONCE, NOW_S, NOW_MS + 1).reason
    window.take(KEY, NONCE, NOW_S + 10, NOW_MS + 1)
    assert Reason.REPLAYED is refusal(window, KEY, NONCE, NOW_S + 10, NOW_MS + 1).reason
    assert 1 == len(window)


def test_a_replay_with_another_expiry_is_a_replay() -> None:
    """The nonce decides, not what else a message says."""
    window = NonceWindow()
    window.take(KEY, NONCE, NOW_S + 60, NOW_MS)
    for exp_s in (NOW_S, NOW_S + 59, NOW_S + 61, NOW_S + 300):
        assert Reason.REPLAYED is refusal(window, KEY, NONCE, exp_s, NOW_MS).reason


def test_keys_and_nonces_are_told_apart() -> None:
    """The same nonce of another key, and another nonce of the same key, are other messages."""
    window = NonceWindow()
    for key in (KEY, OTHER_KEY):
        for nonce in (NONCE, OTHER_NONCE):
            window.take(key, nonce, NOW_S + 60, NOW_MS)
    assert 4 == len(window)


def test_looking_changes_nothing() -> None:
    """Any number of looks leaves the message to be taken."""
    window = NonceWindow()
    for _ in range(3):
        window.look(KEY, NONCE, NOW_S + 60, NOW_MS)
    assert 0 == len(window)
    window.take(KEY, NONCE, NOW_S + 60, NOW_MS)


def test_between_look_and_take_the_second_copy_loses() -> None:
    """Two copies that were both looked at: one is taken."""
    window = NonceWindow()
    window.look(KEY, NONCE, NOW_S + 60, NOW_MS)
    window.look(KEY, NONCE, NOW_S + 60, NOW_MS)
    window.take(KEY, NONCE, NOW_S + 60, NOW_MS)
    with pytest.raises(VerificationError):
        window.take(KEY, NONCE, NOW_S + 60, NOW_MS)


def fill(window: NonceWindow, keys: int, exp_s: int, now_ms: int, each: int = 1_024) -> None:
    """Take ``each`` messages of every one of ``keys`` keys."""
    for key in range(keys):
        for nonce in range(each):
            window.take(key.to_bytes(32, "big"), nonce.to_bytes(16, "big"), exp_s, now_ms)


def test_one_key_cannot_fill_the_window() -> None:
    """The 1,025th live message of a key is refused; other keys do not notice."""
    window = NonceWindow()
    fill(window, 1, NOW_S + 60, NOW_MS)
    full = refusal(window, bytes(32), NONCE, NOW_S + 60, NOW_MS)
    assert Reason.REPLAY_WINDOW_FULL is full.reason
    assert "1024 live messages of one key" in full.detail
    window.take(OTHER_KEY, NONCE, NOW_S + 60, NOW_MS)


def test_a_full_key_has_room_when_messages_expire() -> None:
    """Nothing is evicted before its end, and everything after it; a sweep is not waited for."""
    window = NonceWindow()
    fill(window, 1, NOW_S + 60, NOW_MS)
    at_end_ms = NOW_MS + 60_000
    full = refusal(window, bytes(32), NONCE, NOW_S + 120, at_end_ms)
    assert Reason.REPLAY_WINDOW_FULL is full.reason
    window.take(bytes(32), NONCE, NOW_S + 120, at_end_ms + 1)
    assert 1 == len(window)


def test_one_place_in_a_full_key() -> None:
    """As many as have expired may be taken, and not one more."""
    window = NonceWindow()
    window.take(bytes(32), b"first" + bytes(11), NOW_S + 1, NOW_MS)
    fill(window, 1, NOW_S + 60, NOW_MS, each=1_023)
    for nonce, reason in ((NONCE, None), (OTHER_NONCE, Reason.REPLAY_WINDOW_FULL)):
        if reason is None:
            window.take(bytes(32), nonce, NOW_S + 60, NOW_MS + 1_001)
        else:
            refused = refusal(window, bytes(32), nonce, NOW_S + 60, NOW_MS + 1_001)
            assert reason is refused.reason


def test_expired_entries_are_dropped_within_a_second() -> None:
    """Taking sweeps, at most once a second; a key without entries costs nothing."""
    window = NonceWindow()
    fill(window, 3, NOW_S + 1, NOW_MS, each=10)
    window.take(KEY, NONCE, NOW_S + 100, NOW_MS)
    assert 31 == len(window)
    window.take(KEY, OTHER_NONCE, NOW_S + 100, NOW_MS + 2_000)
    assert 2 == len(window)


@pytest.fixture(scope="module")
def full_window() -> NonceWindow:
    """Give a window with as many live messages as it remembers; tests must not take from it."""
    window = NonceWindow()
    fill(window, 64, NOW_S + 60, NOW_MS)
    return window


def test_a_full_window_refuses(full_window: NonceWindow) -> None:
    """The 65,537th live message is refused, and no live one is evicted for it."""
    assert 65_536 == len(full_window)
    full = refusal(full_window, KEY, NONCE, NOW_S + 60, NOW_MS)
    assert Reason.REPLAY_WINDOW_FULL is full.reason
    assert "65536 live messages" in full.detail
    for key in (0, 31, 63):
        replayed = refusal(full_window, key.to_bytes(32, "big"), bytes(16), NOW_S + 60, NOW_MS)
        assert Reason.REPLAYED is replayed.reason
    at_end_ms = NOW_MS + 60_000
    full = refusal(full_window, KEY, NONCE, NOW_S + 120, at_end_ms)
    assert Reason.REPLAY_WINDOW_FULL is full.reason
    full_window.look(KEY, NONCE, NOW_S + 120, at_end_ms + 1)  # by then they have expired


def test_memory_a_live_nonce() -> None:
    """At most 130 bytes, measured with a full window in which every message is its own."""
    thumbprints = [key.to_bytes(32, "big") for key in range(64)]
    tracemalloc.start()
    try:
        window = NonceWindow()
        before, _ = tracemalloc.get_traced_memory()
        for nonce in range(1_024):
            for key, thumbprint in enumerate(thumbprints):
                # Numbers made here, because small or shared ones would cost nothing.
                exp_s = NOW_S + (nonce + key) % 300
                window.take(thumbprint, nonce.to_bytes(16, "big"), exp_s, NOW_MS)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 65_536 == len(window)
    assert (after - before) / 65_536 <= 130
