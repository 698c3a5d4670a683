"""Which objects of the process a request may name.

Rules this module keeps:

1. An external is allowed by its exact dotted name: resolving one imports modules and reads
   attributes, which is enough to run code, and what it gives is then written to or called.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sealwire.documents.plan import External
from sealwire.documents.reading import did_you_mean, place
from sealwire.errors import shorten
from sealwire.policy.rule import Violation
from sealwire.requests import Planned


class Externals(NamedTuple):
    """Arguments that are ``ext://`` objects name one in ``allowed``, such as ``sys.stdout``."""

    allowed: frozenset[str]

    @property
    def name(self) -> str:
        """Give ``external``."""
        return "external"

    def judge(self, request: Planned) -> Iterator[Violation]:
        """Object to every other external."""
        plan = request.plan
        for section, parts in (
            ("formatters", plan.formatters),
            ("filters", plan.filters),
            ("handlers", plan.handlers),
        ):
            for part in parts:
                for key, value in part.arguments:
                    if isinstance(value, External) and value.name not in self.allowed:
                        hint = did_you_mean(value.name, sorted(self.allowed))
                        yield Violation(
                            place(section, part.name, key),
                            f"the object {shorten(str(value))} is not allowed here{hint}",
                        )
