"""Waiting for what a service does by itself, with an end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.crash.running import PATIENCE_S

if TYPE_CHECKING:
    from tests.crash.running import Service


def wait_for_level(service: Service, name: str, level: int) -> None:
    """Wait until a logger has a level."""
    ends = time.monotonic() + PATIENCE_S
    while level != service.level(name):
        assert time.monotonic() < ends, f"{name} is not {level}"
        time.sleep(0.02)
