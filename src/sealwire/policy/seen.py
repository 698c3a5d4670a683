"""A tree, indexed: what policy asks about thousands of loggers while logging's lock is held.

Rules this module keeps:

1. The answers are those of `Tree`: the level in force, and the handlers on a record's way. Each is
   worked out once, so that judging a tree is linear in its loggers.
2. A logger that nobody has made inherits everything, as the next ``getLogger`` will make it.
"""

from __future__ import annotations

from collections.abc import Iterable

from sealwire.documents.tree import ROOT, HandlerState, LoggerState, Tree, lineage
from sealwire.policy.loggers import is_beneath


class Seen:
    """One tree, with what was worked out about it.

    Attributes:
        loggers: by name.
        handlers: by key.
        attached: keys of the handlers that a logger has.
        disable: as in the tree.
    """

    __slots__ = ("_governors", "_ways", "attached", "disable", "handlers", "loggers")

    def __init__(self, tree: Tree) -> None:
        """Index ``tree``."""
        self.loggers = tree.by_name()
        self.handlers: dict[str, HandlerState] = tree.by_key()
        self.attached = frozenset(key for logger in tree.loggers for key in logger.handlers)
        self.disable = tree.disable
        self._governors: dict[str, str] = {}
        self._ways: dict[str, frozenset[str]] = {}

    def logger(self, name: str) -> LoggerState:
        """Give the logger of this name, made or not."""
        return self.loggers.get(name) or LoggerState(name)

    def level(self, name: str) -> int:
        """Give the level in force for a logger."""
        return self.logger(self.governor(name)).level

    def governor(self, name: str) -> str:
        """Give the logger whose level is in force for ``name``: itself or the nearest above."""
        passed = []
        found = ROOT
        for each in lineage(name):
            if each in self._governors:
                found = self._governors[each]
                break
            passed.append(each)
            if self.logger(each).level:
                found = each
                break
        for each in passed:
            self._governors[each] = found
        return found

    def way(self, name: str) -> frozenset[str]:
        """Give the keys of all handlers that a record of ``name`` meets."""
        passed = []
        for each in lineage(name):
            if each in self._ways:
                break
            passed.append(each)
        for each in reversed(passed):
            logger = self.logger(each)
            keys = frozenset(logger.handlers)
            if logger.propagate and each != ROOT:
                keys |= self._ways[each.rpartition(".")[0]]
            self._ways[each] = keys
        return self._ways[name]


def made_in(trees: Iterable[Seen], top: str) -> list[str]:
    """Give ``top`` and every logger beneath it that one of ``trees`` has, sorted."""
    return sorted(
        {top, *(name for tree in trees for name in tree.loggers if is_beneath(name, top))}
    )
