"""How the trail of a running service is doing."""

from __future__ import annotations

from typing import NamedTuple


class TrailState(NamedTuple):
    """How a service's trail is doing.

    Attributes:
        folder: where it lies.
        records: how many records it has.
        checkpoint_ms: when the last checkpoint was signed, milliseconds since the epoch; 0 before.
        waiting: how many records could not be written yet.
        trouble: why changes are refused; ``""`` while all is well.
        spilled: whether records go to the second folder.
        locked: whether changes are refused until the service starts again.
        unshipped: how many records, at most, a sink that is required has not taken yet.
    """

    folder: str
    records: int = 0
    checkpoint_ms: int = 0
    waiting: int = 0
    trouble: str = ""
    spilled: bool = False
    locked: bool = False
    unshipped: int = 0
