"""What the tests of crashes share: a folder with both parts, and services that can be killed.

Rules these tests keep:

1. Services are processes of their own, with settings as ``sealwire init`` writes them. What they
   are asked for comes over their socket, and what is in force is asked of the process itself.
2. Every wait has an end, and no test asks how long something took.
3. What a test needs and does not find makes it fail.
"""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.crash.following import Follower
    from tests.crash.running import Nursery


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="sw-") as path:
        yield Path(path)


@pytest.fixture
def settings(folder: Path) -> Path:
    """Give the settings of a service whose operator's part lies beside them."""
    from tests.crash.following import make_parts

    return make_parts(folder)


@pytest.fixture
def nursery(folder: Path) -> Iterator[Nursery]:
    """Give what starts services; they end with the test."""
    from tests.crash.running import Nursery

    with Nursery(folder / "log") as made:
        yield made


@pytest.fixture
def follower(nursery: Nursery, settings: Path) -> Follower:
    """Give who follows a service that has been started."""
    from tests.crash.following import Follower

    return Follower(nursery, settings, random.Random(1))
