"""The nonce window against a naive one that keeps everything for ever and counts by looking."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sealwire import replay
from sealwire.errors import Reason, VerificationError
from sealwire.replay import NonceWindow

START_MS = 1_800_000_000_000


@dataclass
class Naive:
    """Every message that was ever taken."""

    a_key: int
    in_all: int
    taken: list[tuple[bytes, bytes, int]] = field(default_factory=list)

    def judge(self, key: bytes, nonce: bytes, exp_s: int, now_ms: int) -> Reason | None:
        """Say why this message may not be taken now, in the words of the rules."""
        live = [entry for entry in self.taken if now_ms <= entry[2] * 1000]
        if exp_s * 1000 < now_ms:
            return Reason.EXPIRED
        if exp_s * 1000 > now_ms + 300_000:
            return Reason.LIFETIME_TOO_LONG
        if any((key, nonce) == entry[:2] for entry in live):
            return Reason.REPLAYED
        if self.a_key <= sum(key == entry[0] for entry in live) or self.in_all <= len(live):
            return Reason.REPLAY_WINDOW_FULL
        return None


# How much time passes, which key and nonce, how far ahead it expires, and whether it is taken.
STEPS = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 1, 400, 999, 1000, 1001, 5000, 60_000, 400_000]),
        st.integers(0, 2),
        st.integers(0, 5),
        st.integers(-1, 302) | st.sampled_from([0, 1, 2, 3]),
        st.booleans() | st.just(value=True),
    ),
    max_size=60,
)
LIMITS = st.tuples(st.integers(1, 4), st.integers(1, 6))


@given(STEPS, LIMITS)
@example([(0, 0, n, 1, True) for n in range(3)] + [(1001, 0, n, 5, True) for n in range(3)], (2, 6))
@example([(0, k, n, 2, True) for k in range(3) for n in range(3)], (4, 3))
@settings(max_examples=400)
def test_it_judges_as_the_naive_one(
    steps: list[tuple[int, int, int, int, bool]], limits: tuple[int, int]
) -> None:
    """The same messages are taken, and the others refused for the same reasons."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replay, "MAX_ENTRIES_A_KEY", limits[0])
        patch.setattr(replay, "MAX_ENTRIES", limits[1])
        run(NonceWindow(), Naive(*limits), steps)


def run(window: NonceWindow, naive: Naive, steps: list[tuple[int, int, int, int, bool]]) -> None:
    """Ask both at every step."""
    now_ms = START_MS
    for passed_ms, key_number, nonce_number, ahead_s, take in steps:
        now_ms += passed_ms
        key, nonce = bytes((key_number,)) * 32, bytes((nonce_number,)) * 16
        exp_s = now_ms // 1000 + ahead_s
        expected = naive.judge(key, nonce, exp_s, now_ms)
        step = window.take if take else window.look
        try:
            step(key, nonce, exp_s, now_ms)
        except VerificationError as error:
            actual: Reason | None = error.reason
        else:
            actual = None
            if take:
                naive.taken.append((key, nonce, exp_s))
        if expected is not actual:
            raise AssertionError((passed_ms, key_number, nonce_number, expected, actual))
        live = sum(now_ms <= entry[2] * 1000 for entry in naive.taken)
        assert live <= len(window) <= len(naive.taken)


@given(STEPS)
def test_it_judges_so_with_the_usual_limits(
    steps: list[tuple[int, int, int, int, bool]],
) -> None:
    """Where nothing is full."""
    run(NonceWindow(), Naive(1_024, 65_536), steps)
