"""32 processes hammer one state with copies of the same messages: each is applied exactly once.

``SEALWIRE_CRASH_TRIES`` says how often in all: a million times if it is not set; 20,000 is the
short form.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

TRIES = int(os.environ.get("SEALWIRE_CRASH_TRIES", "1000000"))
PROCESSES, PHASES = 32, 16


def test_each_message_is_applied_exactly_once(folder: Path) -> None:
    """Whatever its copies look like, whoever has them, and whatever came after it."""
    from tests.crash.running import hammered

    said = hammered(folder, PROCESSES, TRIES, PHASES)
    assert [] == said["wrong"]
    assert [1] * PHASES == said["applied"]
    assert PHASES == said["intents"]
    assert said["tries"] >= TRIES
    print(f"{said['tries']} tries, {said['waited_in_vain']} waited in vain for the journal")
    # Where that is usual nothing is shown.
    assert said["waited_in_vain"] < said["tries"] // 100
