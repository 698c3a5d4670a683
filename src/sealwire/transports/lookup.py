"""Looking up the addresses that a host's name stands for, for whoever asks.

Who answers for a name is the network's word. It decides where a sealed message goes, which whoever
sits in between decides as well, and not whose the answer is: that shows in the receipt's signature.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Final

from sealwire.errors import TransportError
from sealwire.transports.addresses import NamedAddress, TcpAddress, parse_target

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_ADDRESSES: Final = 64
"""Of one service; more than that hardly anybody wants to wait for, or to read about."""


def look_up(addresses: Iterable[str]) -> tuple[str, ...]:
    """Give the addresses that ``addresses`` stand for, each once and in their order.

    A name that has addresses of IPv4 and of IPv6 stands for those of the family that the system
    prefers (RFC 6724), because a host that has both would be asked twice.

    Args:
        addresses: as they are written; names among them are looked up, which may take as long as
            the system's resolver waits.

    Raises:
        ConfigurationError: one is no address.
        TransportError: a name has no address, or there are more than `MAX_ADDRESSES`; nothing was
            sent.
    """
    found: dict[str, None] = {}
    for text in addresses:
        target = parse_target(text)
        several = _of_name(target) if isinstance(target, NamedAddress) else (target,)
        found.update(dict.fromkeys(map(str, several)))
    if len(found) > MAX_ADDRESSES:
        raise TransportError(
            f"{', '.join(addresses)}: {len(found)} addresses, and {MAX_ADDRESSES} can be asked at "
            "once; nothing was sent"
        )
    return tuple(found)


def _of_name(target: NamedAddress) -> list[TcpAddress]:
    try:
        found = socket.getaddrinfo(target.name, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise TransportError(f"{target}: no address: {why}; nothing was sent") from None
    preferred = found[0][0]
    # What is behind a % is the interface, which stands in no address of ours.
    hosts = [str(where[0]) for family, _, _, _, where in found if family == preferred]
    return [TcpAddress(host, target.port) for host in hosts if "%" not in host]
