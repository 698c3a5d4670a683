"""Crashes, in a form that needs no tools: a service killed at random, and a state hammered.

``make crash`` does the same far longer, and kills at each system call.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.crash.running import Nursery

KILLS, PROCESSES, TRIES, PHASES = 12, 6, 1_200, 8


@pytest.fixture
def nursery(folder: Path) -> Iterator[Nursery]:
    """Give what starts services; they end with the test."""
    from tests.crash.running import Nursery

    with Nursery(folder / "log") as made:
        yield made


def test_a_service_that_is_killed_keeps_what_it_answered(folder: Path, nursery: Nursery) -> None:
    """And does nothing twice, wherever it was killed."""
    from tests.crash.following import make_parts
    from tests.crash.stream import killed

    follower = killed(nursery, make_parts(folder), KILLS, seed=7)
    assert KILLS == follower.kills


def test_each_message_is_applied_exactly_once(folder: Path) -> None:
    """By several processes of a service that have copies of all kinds."""
    from tests.crash.running import hammered

    said = hammered(folder, PROCESSES, TRIES, PHASES)
    assert ([], [1] * PHASES, PHASES) == (said["wrong"], said["applied"], said["intents"])
