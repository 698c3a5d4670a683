"""What stands in a plan beside names and levels: arguments, attributes, and what is to be called.

Rules this module keeps:

1. Values are tuples and scalars, as everything in a plan, so they are hashable and cannot change.
2. Pairs are sorted by name. Each value has one way to be written, which `json_of` gives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from sealwire.documents.strict_json import JsonValue

EXTERNAL_PREFIX = "ext://"
FACTORY_KEY = "()"
ATTRIBUTES_KEY = "."


@dataclass(frozen=True, slots=True)
class External:
    """An object of the running process, by its dotted name: ``External("sys.stdout")``."""

    name: str

    def __str__(self) -> str:
        """Give the form that ``dictConfig`` resolves."""
        return EXTERNAL_PREFIX + self.name


Scalar: TypeAlias = "str | int | bool | None"
Argument: TypeAlias = "Scalar | External | tuple[Scalar, ...]"
Arguments: TypeAlias = "tuple[tuple[str, Argument], ...]"
Attributes: TypeAlias = "tuple[tuple[str, Scalar], ...]"


class Factory(NamedTuple):
    """What is called for a queue or a listener.

    Attributes:
        name: its dotted name.
        arguments: keyword arguments, sorted by name; no external is among them.
    """

    name: str
    arguments: Arguments = ()

    def to_json(self) -> dict[str, JsonValue]:
        """Give the form that ``dictConfig`` calls."""
        return {FACTORY_KEY: self.name, **json_of(self.arguments)}


class QueuePlan(NamedTuple):
    """What stands behind a queue handler; ``dictConfig`` knows it from Python 3.12 on.

    Attributes:
        handlers: names of the handlers of the plan that write what comes out of the queue.
        queue: what makes the queue; ``None`` for ``queue.Queue``, without a limit.
        listener: the dotted name of the listener's class, or what gives one; ``None`` for
            ``logging.handlers.QueueListener``.
        respect_handler_level: whether the listener looks at the levels of ``handlers``.
    """

    handlers: tuple[str, ...]
    queue: Factory | None = None
    listener: str | Factory | None = None
    respect_handler_level: bool = False

    def to_json(self) -> dict[str, JsonValue]:
        """Give the keys of the handler that say this; what is the default is left out."""
        entries: dict[str, JsonValue] = {"handlers": list(self.handlers)}
        if self.queue is not None:
            entries["queue"] = self.queue.to_json()
        if isinstance(self.listener, str):
            entries["listener"] = self.listener
        elif self.listener is not None:
            entries["listener"] = self.listener.to_json()
        if self.respect_handler_level:
            entries["respect_handler_level"] = True
        return entries


def json_of(arguments: Arguments) -> dict[str, JsonValue]:
    """Give arguments as the entries of an object."""
    return {name: _json_of(value) for name, value in arguments}


def _json_of(value: Argument) -> JsonValue:
    if isinstance(value, External):
        return str(value)
    if isinstance(value, tuple):
        return list(value)
    return value
