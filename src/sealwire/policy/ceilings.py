"""Ceilings: how loud a logger may become, whoever asks.

Rules this module keeps:

1. What is judged is the level in force in the tree as it would be: a logger that inherits is as
   loud as the one above it, and so will be one that is not made yet.
2. A logger that the application itself has made louder stays as it is; no change makes it louder
   still.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sealwire.documents.reading import place
from sealwire.documents.tree import ROOT
from sealwire.errors import shorten
from sealwire.policy.loggers import ROOT_PATTERN, Loggers, written
from sealwire.policy.objection import Objection, Sources, source_of
from sealwire.policy.seen import Seen


@dataclass(frozen=True, slots=True)
class Ceiling:
    """Loggers of ``pattern`` never have a level in force below ``level``.

    Attributes:
        pattern: which loggers; see `Loggers`.
        level: the lowest level.
        sources: where it is written.
    """

    pattern: str
    level: int
    sources: Sources = field(default_factory=dict)

    def judge(self, was: Seen, now: Seen) -> Iterator[Objection]:
        """Object to loggers that would be louder than this, and than they were."""
        loggers = Loggers((self.pattern,))
        # A wildcard read as a name is a logger that nobody has made, and stands for all of those.
        one = ROOT if self.pattern == ROOT_PATTERN else self.pattern
        names = {one, *now.loggers, *was.loggers}
        for name in sorted(each for each in names if loggers.covers(each)):
            level = now.level(name)
            if level < min(self.level, was.level(name)):
                where = place("loggers", written(name), "level")
                detail = (
                    f"the level in force would be {level}; {self.level} is the lowest for "
                    f"{shorten(self.pattern)}"
                )
                yield Objection("ceiling", where, detail, source_of(self.sources, ""))
