"""An objection: one reason why a request is refused, and the line of the policy that gives it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from sealwire.errors import PolicyError

Sources: TypeAlias = Mapping[str, str]
"""Where each key of a part of the policy stands, such as ``policy.toml:12``; ``""`` is the part."""


class Objection(NamedTuple):
    """One reason; see `PolicyError` for what each attribute means."""

    rule: str
    where: str
    detail: str
    source: str = ""

    def in_words(self) -> str:
        """Give it as people read it: the place, what is the matter, and the line of the policy."""
        return f"{self.where}: {self.detail}{f' ({self.source})' if self.source else ''}"

    def error(self) -> PolicyError:
        """Give it as the error that refuses."""
        return PolicyError(*self)


def source_of(sources: Sources, key: str) -> str:
    """Say where ``key`` stands, or else the part it belongs to."""
    return sources.get(key) or sources.get("", "")
