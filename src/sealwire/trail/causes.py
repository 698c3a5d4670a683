"""Why something that was in force is no longer; light, for whoever ends it."""

from __future__ import annotations

import enum


class Cause(enum.Enum):
    """Why something that was in force is no longer."""

    ASKED = "asked"
    EXPIRED = "expired"
    NOT_CONFIRMED = "not-confirmed"
    SUPERSEDED = "superseded"
    POLICY = "policy"
    KEY_COMPROMISED = "key-compromised"
    NOT_EVERYWHERE = "not-everywhere"
    DISK_FULL = "disk-full"
    STOPPED = "stopped"
    FORKED = "forked"
    LOCAL = "local"
    """Somebody on the host itself, without a key."""

    ELSEWHERE = "elsewhere"
    """Another process of the service has ended it."""
