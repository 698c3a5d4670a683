"""Lengths of time in words."""

from __future__ import annotations

import pytest

from sealwire.durations import in_words

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


@pytest.mark.parametrize(
    ("length_ms", "words"),
    [
        (0, "0 ms"),
        (999, "999 ms"),
        (1_000, "1 s"),
        (1_009, "1.009 s"),
        (10_500, "10.5 s"),
        (60_001, "60.001 s"),
        (119_999, "119.999 s"),
        (2 * MINUTE_MS, "2 min"),
        (3_599_285, "59 min"),
        (HOUR_MS, "1 h"),
        (HOUR_MS + 5 * MINUTE_MS + 59_999, "1 h 5 min"),
        (DAY_MS, "1 d"),
        (3 * DAY_MS + 4 * HOUR_MS + 5 * MINUTE_MS, "3 d 4 h"),
        (3 * DAY_MS + 5 * MINUTE_MS, "3 d"),
        (2**64 - 1, "213503982334 d 14 h"),
    ],
)
def test_a_length_in_words(length_ms: int, words: str) -> None:
    """Exact where a limit may be near, and two units at most beyond that."""
    assert words == in_words(length_ms)
