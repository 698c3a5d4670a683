"""What a service's trail is to be, as ``[trail]`` of its settings says it."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Final

from sealwire.keyfiles import load_signing_key
from sealwire.recording import OnFailure, Trail
from sealwire.recording.options import HEARTBEAT_S, Options
from sealwire.recording.sinks import parse_sink
from sealwire.settings.tables import Table, duration_s, list_of, text_of, whole
from sealwire.trail.segments import MAX_SEGMENT_BYTES

KEYS: Final = (
    *("folder", "key", "on_audit_failure", "spill"),
    *("required_sinks", "heartbeat", "segment_bytes"),
)


class TrailSettings(Options[Path]):
    """Where a service records what happens, and in which file its trail's key lies."""

    __slots__ = ()

    def make(self, *, allow_example_keys: bool = False, trust_group: bool = False) -> Trail:
        """Load the key; give what the trail is to be.

        Raises:
            KeyFileError: the key file is missing, malformed, too open or an example.
        """
        key = load_signing_key(
            self.key, allow_example_keys=allow_example_keys, trust_group=trust_group
        )
        others = {each.name: getattr(self, each.name) for each in fields(self)}
        return Trail(**{**others, "key": key})


def read_trail(top: Table) -> TrailSettings | None:
    """Read the table ``[trail]`` of a service's settings; ``None`` where there is none."""
    if "trail" not in top.values:
        return None
    table = top.table("trail").limited_to(*KEYS)
    return table.make(
        TrailSettings,
        folder=table.need("folder", top.path),
        key=table.need("key", top.key_path),
        on_audit_failure=table.take("on_audit_failure", _on_failure, default=OnFailure.REFUSE),
        spill=table.take("spill", top.path, default=None),
        required_sinks=table.take("required_sinks", list_of(_sink), default=()),
        heartbeat_s=table.take("heartbeat", duration_s, default=HEARTBEAT_S),
        segment_bytes=table.take("segment_bytes", whole, default=MAX_SEGMENT_BYTES),
    )


def _on_failure(value: object) -> OnFailure:
    try:
        return OnFailure(value)
    except ValueError:
        raise ValueError('is none of "refuse", "lock" and "spill"') from None


def _sink(value: object) -> str:
    parse_sink(text := text_of(value))
    return text
