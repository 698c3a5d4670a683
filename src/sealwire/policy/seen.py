"""A tree, indexed: what policy asks about thousands of loggers while logging's lock is held.

Rules this module keeps:

1. The answers are those of `Tree`: the level in force, and the handlers on a record's way. Each is
   worked out once, so that judging a tree is linear in its loggers.
2. What is beneath a logger is a matter of names, whatever parents code has given to loggers: so a
   policy says the same of every process. What a record meets is a matter of the parents.
"""

from __future__ import annotations

from collections.abc import Iterable

from sealwire.documents.lookup import Lookup
from sealwire.documents.tree import Tree
from sealwire.policy.loggers import is_beneath


class Seen(Lookup):
    """One tree, with what was worked out about it.

    Attributes:
        attached: keys of the handlers that a logger has.
    """

    __slots__ = ("_ways", "attached")

    def __init__(self, tree: Tree) -> None:
        """Index ``tree``."""
        super().__init__(tree)
        self.attached = frozenset(key for logger in tree.loggers for key in logger.handlers)
        self._ways: dict[str, frozenset[str]] = {}

    def way(self, name: str) -> frozenset[str]:
        """Give the keys of all handlers that a record of ``name`` meets."""
        passed = []
        for each in self.lineage(name):
            if each in self._ways:
                break
            passed.append(each)
        for each in reversed(passed):
            logger, above = self.logger(each), self.above(each)
            keys = frozenset(logger.handlers)
            if logger.propagate and above is not None:
                keys |= self._ways[above]
            self._ways[each] = keys
        return self._ways[name]


def made_in(trees: Iterable[Seen], top: str) -> list[str]:
    """Give ``top`` and every logger beneath it that one of ``trees`` has, sorted."""
    return sorted(
        {top, *(name for tree in trees for name in tree.loggers if is_beneath(name, top))}
    )
