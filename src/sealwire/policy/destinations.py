"""Where records may be sent.

Rules this module keeps:

1. Records leave the process for a destination that the host names, and for no other: a path of a
   socket, or a host and a port, compared as they are written. Nothing is looked up here.
2. A destination that is not given is one too: ``SysLogHandler`` then takes UDP port 514 of
   ``localhost``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from sealwire.documents.plan import Argument
from sealwire.documents.reading import place
from sealwire.errors import shorten
from sealwire.policy.rule import Violation
from sealwire.requests import Planned

SYSLOG_HANDLER = "logging.handlers.SysLogHandler"

Destination: TypeAlias = "str | tuple[str, int]"
"""The path of a socket, or a host and a port."""

# What SysLogHandler takes when it is given no address.
_IMPLIED: Destination = ("localhost", 514)


class Destinations(NamedTuple):
    """A ``SysLogHandler`` sends to one of ``allowed``."""

    allowed: frozenset[Destination]

    @property
    def name(self) -> str:
        """Give ``destination``."""
        return "destination"

    def judge(self, request: Planned) -> Iterator[Violation]:
        """Object to every other destination."""
        for handler in request.plan.handlers:
            if handler.class_name != SYSLOG_HANDLER:
                continue
            address: Argument = dict(handler.arguments).get("address", _IMPLIED)
            if address not in self.allowed:
                allowed = ", ".join(sorted(_written(each) for each in self.allowed))
                yield Violation(
                    place("handlers", handler.name, "address"),
                    f"records may not go to {_written(address)}; allowed: {allowed or 'nowhere'}",
                )


def _written(address: Argument) -> str:
    return shorten(list(address) if isinstance(address, tuple) else address)
