"""Where records may be sent.

Rules this module keeps:

1. Records leave the process for a destination that the host names, and for no other: a path of a
   socket, or a host and a port, compared as they are written. Nothing is looked up here.
2. A destination that is not given is one too: ``SysLogHandler`` then takes UDP port 514 of
   ``localhost``, and ports have their defaults.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from sealwire.documents.plan import Argument
from sealwire.documents.reading import place
from sealwire.errors import shorten
from sealwire.policy.rule import Violation
from sealwire.requests import Planned

SYSLOG_HANDLER = "logging.handlers.SysLogHandler"

Destination: TypeAlias = "str | tuple[str, int]"
"""The path of a socket, or a host and a port."""

# What is taken where nothing is given.
_IMPLIED: Destination = ("localhost", 514)
_SMTP_PORT, _HTTP_PORT, _HTTPS_PORT = 25, 80, 443
_MAX_PORT_DIGITS = 5


class Destinations(NamedTuple):
    """A handler that sends records sends them to one of ``allowed``."""

    allowed: frozenset[Destination]

    @property
    def name(self) -> str:
        """Give ``destination``."""
        return "destination"

    def judge(self, request: Planned) -> Iterator[Violation]:
        """Object to every other destination."""
        for handler in request.plan.handlers:
            sends = _SENDERS.get(handler.class_name or "")
            if sends is None:
                continue
            key, address_of = sends
            address = address_of(dict(handler.arguments))
            if address not in self.allowed:
                allowed = ", ".join(sorted(_written(each) for each in self.allowed))
                yield Violation(
                    place("handlers", handler.name, key),
                    f"records may not go to {_written(address)}; allowed: {allowed or 'nowhere'}",
                )


def _syslog(arguments: dict[str, Argument]) -> Argument:
    return arguments.get("address", _IMPLIED)


def _host_and_port(arguments: dict[str, Argument]) -> Argument:
    host, port = arguments.get("host"), arguments.get("port")
    return (host, port) if isinstance(host, str) and isinstance(port, int) else None


def _web(arguments: dict[str, Argument]) -> Argument:
    host = arguments.get("host")
    if not isinstance(host, str):
        return None
    name, _, port = host.rpartition(":")
    if name and port.isascii() and port.isdigit() and len(port) <= _MAX_PORT_DIGITS:
        return name, int(port)
    return host, _HTTPS_PORT if arguments.get("secure") is True else _HTTP_PORT


def _mail(arguments: dict[str, Argument]) -> Argument:
    host = arguments.get("mailhost")
    return (host, _SMTP_PORT) if isinstance(host, str) else host


# By class: the argument that says where to, and what it says.
_SENDERS: Mapping[str, tuple[str, Callable[[dict[str, Argument]], Argument]]] = MappingProxyType(
    {
        SYSLOG_HANDLER: ("address", _syslog),
        "logging.handlers.SocketHandler": ("host", _host_and_port),
        "logging.handlers.DatagramHandler": ("host", _host_and_port),
        "logging.handlers.HTTPHandler": ("host", _web),
        "logging.handlers.SMTPHandler": ("mailhost", _mail),
    }
)


def _written(address: Argument) -> str:
    return shorten(list(address) if isinstance(address, tuple) else address)
