"""Addresses in words: ``unix:/run/payments.sock``, ``tcp:127.0.0.1:9030``, ``tcp:[::1]:9030``.

Whoever asks may name hosts as well, ``tcp:payments.example:9030``; whoever listens may not, because
who answers for a name is not the service's to say.
"""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass, replace
from typing import Final, Self, TypeAlias

from sealwire.errors import ConfigurationError, shorten

MAX_PATH_BYTES: Final = 103
"""``sun_path`` has 108 bytes on Linux and 104 on macOS and the BSDs, one of them the final zero."""

MAX_PORT: Final = 65_535

BACKLOG: Final = 256
"""Connections that may wait to be accepted.

They are accepted in their order, so in a flood an honest peer waits as long as it takes to refuse
those in front of it: 256 at 18,000 a second are 14 ms. With the system's usual 4,096 it waited
200 ms. Whoever finds the queue full is told so, or not heard, and tries again (`client`).
"""

MAX_ADDRESSES: Final = 64
"""Of one service; more than that hardly anybody wants to wait for, or to read about."""

MAX_NAME_CHARS: Final = 253
"""A name in DNS has 255 bytes, two of them around what is written (RFC 1035, section 2.3.4)."""

_NAME: Final = re.compile(
    r"tcp:(?P<name>(?:[a-zA-Z0-9_](?:[a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?\.)*"
    r"[a-zA-Z](?:[a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?\.?):(?P<port>[0-9]{1,5})"
)
"""The last label begins with a letter, so that no IP address that is written wrongly is a name."""

_LOOPBACK: Final = "localhost"
_TCP: Final = re.compile(r"(?:\[(?P<v6>[0-9a-fA-F:.]+)\]|(?P<v4>[a-z0-9.]+)):(?P<port>[0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class UnixAddress:
    """A Unix socket in the file system."""

    path: str

    def __str__(self) -> str:
        """Give the address as it is written."""
        return f"unix:{self.path}"


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """An IP address and a port; port 0 stands for any free one until it is bound."""

    host: str
    port: int

    def __str__(self) -> str:
        """Give the address as it is written."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"tcp:{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return ipaddress.ip_address(self.host).is_loopback

    def with_port(self, port: int) -> Self:
        """Give the same host with another port."""
        return replace(self, port=port)


@dataclass(frozen=True, slots=True)
class NamedAddress:
    """A host's name and a port, which stand for as many addresses as the name has."""

    name: str
    port: int

    def __str__(self) -> str:
        """Give it as it is written."""
        return f"tcp:{self.name}:{self.port}"


Address: TypeAlias = UnixAddress | TcpAddress


def parse_address(text: str) -> Address:
    """Read an address.

    Raises:
        ConfigurationError: not an address; the text says how one is written.
    """
    scheme, _, rest = text.partition(":")
    if scheme == "unix":
        return _unix(text, rest)
    if scheme == "tcp":
        return _tcp(text, rest)
    raise ConfigurationError(
        f"{shorten(text)} is not an address; write unix:/path/to/socket or tcp:127.0.0.1:9030"
    )


def parse_target(text: str) -> Address | NamedAddress:
    """Read an address of somebody who asks, which may hold a name in place of an IP address.

    Raises:
        ConfigurationError: neither an address nor a name and a port.
    """
    found = _NAME.fullmatch(text)
    name = "" if found is None else found["name"].lower()
    if found is None or len(name) > MAX_NAME_CHARS:
        return _literal(text)
    if name.removesuffix(".") == _LOOPBACK:
        return parse_address(f"tcp:{_LOOPBACK}:{found['port']}")
    if not 1 <= int(found["port"]) <= MAX_PORT:
        raise ConfigurationError(f"{shorten(text)}: a port is a number from 1 to {MAX_PORT}")
    return NamedAddress(name, int(found["port"]))


def _literal(text: str) -> Address:
    """Read what is no name; of TCP it has to be an IP address then."""
    try:
        return parse_address(text)
    except ConfigurationError:
        if not text.startswith("tcp:"):
            raise
        raise ConfigurationError(
            f"{shorten(text)} has neither an IP address nor a host's name, and a port; write "
            "tcp:127.0.0.1:9030, tcp:[::1]:9030 or tcp:payments.internal:9030"
        ) from None


def _unix(text: str, path: str) -> UnixAddress:
    if not path.startswith("/"):
        raise ConfigurationError(
            f"{shorten(text)} has no absolute path; write unix:/path/to/socket"
        )
    if "\0" in path or path.endswith("/"):
        raise ConfigurationError(f"{shorten(text)} does not name a socket")
    if (length := len(os.fsencode(path))) > MAX_PATH_BYTES:
        raise ConfigurationError(
            f"{shorten(text)}: a socket's path may have {MAX_PATH_BYTES} bytes, this has {length}; "
            "choose a shorter directory, such as one under /run"
        )
    return UnixAddress(path)


def _tcp(text: str, rest: str) -> TcpAddress:
    found = _TCP.fullmatch(rest)
    if found is None or int(found["port"]) > MAX_PORT:
        raise ConfigurationError(
            f"{shorten(text)} has no host and port; write tcp:127.0.0.1:9030 or tcp:[::1]:9030"
        )
    host = found["v6"] or found["v4"]
    try:
        # Names are not looked up, because who answers for a name is not ours to say.
        literal = ipaddress.ip_address("127.0.0.1" if host == _LOOPBACK else host)
    except ValueError:
        raise ConfigurationError(
            f"{shorten(text)}: {shorten(host)} is no IP address; names are not looked up here"
        ) from None
    return TcpAddress(str(literal), int(found["port"]))
