"""What a trail is to be, and what does not go together; sinks by their names."""

from __future__ import annotations

from pathlib import Path

import pytest

from sealwire.errors import ConfigurationError
from sealwire.keys import SigningKey
from sealwire.recording import OnFailure, Trail
from sealwire.recording.options import MAX_SINKS

KEY = SigningKey(bytes(32), owner="host")
HERE = Path("/there/trail")


def test_a_trail_with_everything() -> None:
    """Its sinks are made of their names."""
    names = ("stdout", "syslog:unix:/dev/log", "syslog:tcp:[::1]:601", "syslog:udp:host:514")
    trail = Trail(HERE, KEY, OnFailure.SPILL, Path("/other"), names)
    assert list(names) == [each.name for each in trail.sinks()]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"on_audit_failure": OnFailure.SPILL}, "second folder"),
        ({"spill": Path("/other")}, "second folder"),
        ({"on_audit_failure": OnFailure.SPILL, "spill": HERE}, "name another"),
        ({"required_sinks": ("stdout", "stdout")}, "each of them once"),
        ({"required_sinks": tuple(f"syslog:udp:h:{n + 1}" for n in range(MAX_SINKS + 1))}, "most"),
        ({"required_sinks": ("syslog:tcp:host",)}, "no sink"),
        ({"required_sinks": ("syslog:udp:host:0",)}, "no sink"),
        ({"heartbeat_s": 0}, "under a second"),
        ({"segment_bytes": 1}, "under 65536"),
    ],
)
def test_what_does_not_go_together(more: dict[str, object], said: str) -> None:
    """Each is refused when it is made, and nothing is opened."""
    with pytest.raises(ConfigurationError, match=said):
        Trail(HERE, KEY, **more)  # type: ignore[arg-type] # by name
