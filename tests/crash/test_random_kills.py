"""A service that is killed at any instant keeps what it answered, and does nothing twice.

``SEALWIRE_CRASH_KILLS`` says how often: 1,000 times if it is not set; 30 is the short form.
``SEALWIRE_CRASH_SEED`` begins the same stream of requests again; when it is cut is chance.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.crash.running import Nursery

KILLS = int(os.environ.get("SEALWIRE_CRASH_KILLS", "1000"))
SEED = int(os.environ.get("SEALWIRE_CRASH_SEED", "1"))
AT_ONCE = 100
"""Of one service, which begins anew then."""


@pytest.mark.parametrize("done", range(0, KILLS, AT_ONCE))
def test_killed_at_any_instant(nursery: Nursery, settings: Path, done: int) -> None:
    """Whatever it was doing, it is started again and keeps the rules of `following`."""
    from tests.crash.stream import killed

    kills = min(AT_ONCE, KILLS - done)
    follower = killed(nursery, settings, kills, SEED + done)
    print(f"{kills} kills, {follower.middles} in a request, {follower.repeats} of these taken")
    # A stream that is never cut in the middle of something would show nothing.
    assert follower.middles > kills // 10
    assert follower.repeats > kills // 20
