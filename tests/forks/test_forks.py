"""A process that listens forks and spawns, again and again: nothing locks up.

``make forks`` does a thousand rounds; ``make test`` a few.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PROGRAM = Path(__file__).with_name("soak.py")
ROUNDS = int(os.environ.get("SEALWIRE_FORK_ROUNDS", "60"))


def test_no_round_locks_up_and_no_child_answers(
    record_property: Callable[[str, object], None],
) -> None:
    """Whatever moment of a change the fork came in, and whenever the child was killed."""
    with tempfile.TemporaryDirectory(prefix="sw-") as folder:
        done = subprocess.run(
            [sys.executable, str(PROGRAM), folder, str(ROUNDS), "1"],
            capture_output=True,
            text=True,
            timeout=60 + 10 * ROUNDS,
            check=False,
        )
    assert 0 == done.returncode, done.stderr
    found = json.loads(done.stdout)
    asked = f"{found['answered']} requests answered, {found['refused']} refused for a lock"
    record_property("forks", f"{found['kinds']}, {asked}")
    assert ([], []) == (found["deadlocks"], found["wrong"])
    assert ROUNDS == sum(found["kinds"].values())
    assert {"quiet", "worker", "early", "spawned"} == set(found["kinds"])
    assert found["answered"] >= ROUNDS
