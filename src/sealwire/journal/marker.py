"""The marker of a state directory: one line of canonical JSON. Pure."""

from __future__ import annotations

import json
from typing import Final, NamedTuple

FORMAT: Final = "sealwire-state-1"

ID_BYTES: Final = 16
"""A state's id."""

MAX_MARKER_BYTES: Final = 4096


class Marker(NamedTuple):
    """What a marker says.

    Attributes:
        audience: the service.
        state_id: the state's id, 16 random bytes.
        created_ms: when it was made, milliseconds since the epoch.
    """

    audience: str
    state_id: bytes
    created_ms: int

    def encode(self) -> bytes:
        """Give the marker's one spelling."""
        members = {
            "audience": self.audience,
            "created": self.created_ms,
            "format": FORMAT,
            "id": self.state_id.hex(),
        }
        return json.dumps(members, separators=(",", ":"), sort_keys=True).encode() + b"\n"


def parse_marker(content: bytes) -> Marker | None:
    """Read a marker in its one spelling; give ``None`` for anything else."""
    if len(content) > MAX_MARKER_BYTES:
        return None
    try:
        members = json.loads(content)
        audience, created_ms = members["audience"], members["created"]
        state_id = bytes.fromhex(members["id"])
    except (ValueError, TypeError, LookupError, RecursionError):
        return None
    if not isinstance(audience, str) or type(created_ms) is not int or len(state_id) != ID_BYTES:
        return None
    marker = Marker(audience, state_id, created_ms)
    return marker if marker.encode() == content else None
