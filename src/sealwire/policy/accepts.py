"""What one argument of a handler may be.

Rules this module keeps:

1. Types are exact: ``True`` is no number, and ``1`` is no flag, although Python thinks them equal.
2. What is refused is named by its kind or, where the allowed values are a closed set, quoted; text
   of other arguments may be a secret and is not.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from sealwire.documents.plan import Argument, External, Scalar
from sealwire.errors import shorten


class Accepts(Protocol):
    """A set of values for an argument."""

    def refusal(self, value: Argument) -> str:
        """Say why ``value`` is not in the set, or ``""`` if it is."""


class Text:
    """Any text. For arguments that nothing but a name is made of, or that another rule judges."""

    __slots__ = ()

    def refusal(self, value: Argument) -> str:
        """Refuse what is not text."""
        return "" if isinstance(value, str) else "is not text"


class Texts:
    """A list of texts."""

    __slots__ = ()

    def refusal(self, value: Argument) -> str:
        """Refuse everything else."""
        if isinstance(value, tuple) and value and all(isinstance(part, str) for part in value):
            return ""
        return "is no list of texts"


class Flag:
    """True or false."""

    __slots__ = ()

    def refusal(self, value: Argument) -> str:
        """Refuse everything else."""
        return "" if isinstance(value, bool) else "is neither true nor false"


class Whole(NamedTuple):
    """A whole number from ``low`` to ``high``, or 0 where ``or_zero`` is set."""

    low: int
    high: int
    or_zero: bool = False

    def refusal(self, value: Argument) -> str:
        """Refuse everything else, with the limits."""
        if isinstance(value, bool) or not isinstance(value, int):
            return "is not a number"
        if self.low <= value <= self.high or (self.or_zero and value == 0):
            return ""
        zero = "neither 0 nor " if self.or_zero else "not "
        return f"is {value}, {zero}between {self.low} and {self.high}"


class OneOf(NamedTuple):
    """One of a few values."""

    choices: tuple[Scalar, ...]

    def refusal(self, value: Argument) -> str:
        """Refuse everything else, and name the choices."""
        for choice in self.choices:
            if type(choice) is type(value) and choice == value:
                return ""
        choices = ", ".join(str(choice) for choice in self.choices)
        return f"is {shorten(value)}; what is allowed: {choices}"


class Object:
    """An ``ext://`` object; which one is another rule's question."""

    __slots__ = ()

    def refusal(self, value: Argument) -> str:
        """Refuse what is not an external."""
        return "" if isinstance(value, External) else "is not an ext:// object"


class Address:
    """A path, or a list of host and port; which one is another rule's question."""

    __slots__ = ()

    def refusal(self, value: Argument) -> str:
        """Refuse everything else."""
        if isinstance(value, str):
            return ""
        # bool is compared by its exact type: a port of true would be port 1.
        if isinstance(value, tuple) and [type(part) for part in value] == [str, int]:
            return ""
        return "is neither a path nor a list of host and port"


class Either(NamedTuple):
    """What any of ``options`` accepts."""

    options: tuple[Accepts, ...]

    def refusal(self, value: Argument) -> str:
        """Refuse what all options refuse, with the last one's words."""
        refusal = "is not accepted"
        for option in self.options:
            refusal = option.refusal(value)
            if not refusal:
                break
        return refusal
