"""Which classes a request may name.

Rules this module keeps:

1. A class is allowed by its exact dotted name. There are many names for one object, such as
   ``logging.handlers.os.system``, and a name that is not on the list is not looked up.
2. Naming a class is running it: ``dictConfig`` imports the module and calls whatever it finds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sealwire.documents.reading import did_you_mean, place
from sealwire.errors import shorten
from sealwire.policy.rule import Violation
from sealwire.requests import Planned


class HandlerClasses(NamedTuple):
    """Handlers are of the classes in ``allowed``, by dotted name."""

    allowed: frozenset[str]

    @property
    def name(self) -> str:
        """Give ``handler-class``."""
        return "handler-class"

    def judge(self, request: Planned) -> Iterator[Violation]:
        """Object to every handler of another class."""
        for handler in request.plan.handlers:
            # An incremental plan builds nothing, and its handlers have no class.
            if handler.class_name is not None and handler.class_name not in self.allowed:
                yield _violation("handlers", handler.name, handler.class_name, self.allowed)


class FormatterClasses(NamedTuple):
    """Formatters are ``logging.Formatter``, or of the classes in ``allowed``, by dotted name."""

    allowed: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """Give ``formatter-class``."""
        return "formatter-class"

    def judge(self, request: Planned) -> Iterator[Violation]:
        """Object to every formatter of another class."""
        for formatter in request.plan.formatters:
            if formatter.class_name is not None and formatter.class_name not in self.allowed:
                yield _violation("formatters", formatter.name, formatter.class_name, self.allowed)


def _violation(section: str, name: str, class_name: str, allowed: frozenset[str]) -> Violation:
    hint = did_you_mean(class_name, sorted(allowed))
    return Violation(
        place(section, name, "class"), f"the class {shorten(class_name)} is not allowed here{hint}"
    )
