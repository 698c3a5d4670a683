"""What a trail of a service is to be: where, signed by whom, and what if it cannot be written."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, TypeVar

from sealwire.errors import ConfigurationError
from sealwire.keys import SigningKey
from sealwire.recording.sinks import Sink, parse_sink
from sealwire.trail.segments import MAX_SEGMENT_BYTES

HEARTBEAT_S: Final = 15 * 60
"""How often a signed checkpoint goes to the sinks where nothing else is said."""

MIN_SEGMENT_BYTES: Final = 64 * 1024
"""Smaller ones would be a file for every few changes."""

MAX_SINKS: Final = 8


class OnFailure(enum.Enum):
    """What becomes of changes while the trail cannot be written; going back works in any case."""

    REFUSE = "refuse"
    """Refuse them until it can be written again."""

    LOCK = "lock"
    """Refuse them until the service starts again."""

    SPILL = "spill"
    """Write a trail in a second folder meanwhile."""


Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class Options(Generic[Key]):
    """Where a service records what happens, whatever its key is given as.

    `Trail` says what each is; `key` may also be where one lies.

    Raises:
        ConfigurationError: these do not go together.
    """

    folder: Path
    key: Key
    on_audit_failure: OnFailure = OnFailure.REFUSE
    spill: Path | None = None
    required_sinks: tuple[str, ...] = ()
    heartbeat_s: int = HEARTBEAT_S
    segment_bytes: int = MAX_SEGMENT_BYTES

    def __post_init__(self) -> None:
        """Check what can be checked without opening anything."""
        if (self.spill is not None) != (self.on_audit_failure is OnFailure.SPILL):
            raise ConfigurationError(
                'spill names the second folder of on_audit_failure = "spill"; write both, or '
                "neither"
            )
        if self.spill == self.folder:
            raise ConfigurationError(
                "spill is the folder of the trail; name another, best on another disk"
            )
        sinks = self.required_sinks
        if len(sinks) > MAX_SINKS or len(set(sinks)) != len(sinks):
            raise ConfigurationError(f"required_sinks are at most {MAX_SINKS}, each of them once")
        for each in sinks:
            parse_sink(each)
        if self.heartbeat_s < 1:
            raise ConfigurationError("heartbeat is under a second; write 15m")
        if self.segment_bytes < MIN_SEGMENT_BYTES:
            raise ConfigurationError(f"segment_bytes is under {MIN_SEGMENT_BYTES}; leave it out")


class Trail(Options[SigningKey]):
    """Where a service records what happens, for `listen`.

    Attributes:
        folder: where the trail lies; one is begun there if nothing is.
        key: signs its checkpoints.
        on_audit_failure: what becomes of changes while it cannot be written.
        spill: the second folder, for ``SPILL``.
        required_sinks: where every record is handed to as well before a change is made: ``stdout``,
            ``syslog:unix:/dev/log``, ``syslog:tcp:HOST:PORT``, ``syslog:udp:HOST:PORT``.
        heartbeat_s: how often a signed checkpoint is written and handed on, seconds.
        segment_bytes: when a new file is begun.

    Raises:
        ConfigurationError: these do not go together.
    """

    __slots__ = ()

    def sinks(self) -> tuple[Sink, ...]:
        """Give the sinks, none of which is connected yet."""
        return tuple(parse_sink(each) for each in self.required_sinks)
