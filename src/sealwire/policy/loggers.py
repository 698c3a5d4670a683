"""Which loggers a line of a policy speaks of.

Rules this module keeps:

1. ``payments.db`` is this logger alone; ``payments.*`` is every logger beneath ``payments``, at any
   depth, and not ``payments`` itself; ``*`` is every logger but the root; ``root`` is the root.
2. A pattern grants what it says and no more: who is to have a logger and what is beneath it gets
   both patterns.
"""

from __future__ import annotations

from typing import NamedTuple

from sealwire.documents.tree import ROOT
from sealwire.errors import ConfigurationError, shorten

ROOT_PATTERN = "root"
ANY = "*"
_BENEATH = ".*"


def is_beneath(name: str, top: str) -> bool:
    """Whether the logger ``name`` is ``top`` or beneath it; everything is beneath the root."""
    return top in (ROOT, name) or name.startswith(f"{top}.")


def written(name: str) -> str:
    """Give a logger's name as people write it."""
    return name or ROOT_PATTERN


class Loggers(NamedTuple):
    """A set of loggers, by patterns."""

    patterns: tuple[str, ...] = (ANY, ROOT_PATTERN)

    def covers(self, name: str) -> bool:
        """Whether the logger ``name`` is one of them; ``""`` is the root."""
        return any(_covers(pattern, name) for pattern in self.patterns)

    @property
    def is_all(self) -> bool:
        """Whether it is every logger there can be."""
        return {ANY, ROOT_PATTERN} <= set(self.patterns)

    def names(self, name: str, beneath: str) -> bool:
        """Whether ``name`` is covered by a pattern that itself names ``beneath`` or deeper.

        So ``botocore`` and ``botocore.*`` name what is beneath ``botocore``, and ``*`` does not.
        """
        return any(
            _covers(pattern, name) and is_beneath(pattern.removesuffix(_BENEATH), beneath)
            for pattern in self.patterns
        )

    def __str__(self) -> str:
        """Give the patterns as people write them."""
        return ", ".join(self.patterns)


ALL_LOGGERS = Loggers()
"""Every logger there can be."""


def check_name(name: str) -> str:
    """Give the name of one logger back if it is one, and no pattern.

    Raises:
        ConfigurationError: it is none; a floor for it would silently protect nothing.
    """
    if "*" in name or "" in name.split("."):
        raise ConfigurationError(
            f"{shorten(name)} is not the name of one logger; write its name, which stands for what "
            "is beneath it as well"
        )
    return name


def check_pattern(pattern: str) -> str:
    """Give ``pattern`` back if it is one.

    Raises:
        ConfigurationError: it is none, and would silently cover nothing.
    """
    bare = pattern.removesuffix(_BENEATH)
    if pattern != ANY and (not bare or "*" in bare or "" in bare.split(".")):
        raise ConfigurationError(
            f"{shorten(pattern)} names no loggers; write a logger's name, NAME.* for what is "
            "beneath it, * for all but the root, or root"
        )
    return pattern


def _covers(pattern: str, name: str) -> bool:
    if pattern == ANY:
        return name != ROOT
    if pattern == ROOT_PATTERN:
        return name == ROOT
    if pattern.endswith(_BENEATH):
        return name.startswith(pattern.removesuffix("*"))
    return pattern == name
