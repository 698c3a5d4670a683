"""What the tests of servers share: a fleet in a folder whose path is short."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.servers.fleet import Fleet


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    """Give a service that no server has started yet."""
    from tests.integration.servers.fleet import Fleet

    with tempfile.TemporaryDirectory(prefix="sw-") as path, Fleet(Path(path)) as made:
        yield made
