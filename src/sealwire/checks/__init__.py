"""Checks on claims: they move no bytes and stand behind the layers."""

from sealwire.checks.freshness import Freshness
from sealwire.checks.once import Once
from sealwire.checks.replay_window import ReplayWindow
from sealwire.checks.version_floor import VersionFloor

__all__ = ["Freshness", "Once", "ReplayWindow", "VersionFloor"]
