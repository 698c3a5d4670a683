"""For tests of programs that use sealwire: a clock, a pair in memory, and assertions.

Nothing here needs pytest, and everything works with it and with ``unittest`` alike.
"""

from sealwire.testing.assertions import assert_emits, assert_level, assert_unchanged
from sealwire.testing.clock import FakeClock
from sealwire.testing.pair import Pair, pair
from sealwire.testing.restoring import logging_restored

__all__ = [
    "FakeClock",
    "Pair",
    "assert_emits",
    "assert_level",
    "assert_unchanged",
    "logging_restored",
    "pair",
]
