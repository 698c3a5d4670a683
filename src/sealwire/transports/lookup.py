"""Looking up the addresses that a host's name stands for, for whoever asks.

Who answers for a name is the network's word. It decides where a sealed message goes, which whoever
sits in between decides as well, and not whose the answer is: that shows in the receipt's signature.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from sealwire.errors import ConfigurationError, TransportError
from sealwire.transports.addresses import MAX_ADDRESSES, NamedAddress, TcpAddress, parse_target

if TYPE_CHECKING:
    from collections.abc import Sequence


def look_up(addresses: Sequence[str]) -> tuple[str, ...]:
    """Give the addresses that ``addresses`` stand for, each once and in their order.

    A name that has addresses of IPv4 and of IPv6 stands for those of the family that the system
    prefers (RFC 6724), because a host that has both would be asked twice.

    Args:
        addresses: as they are written; names among them are looked up, which may take as long as
            the system's resolver waits.

    Raises:
        ConfigurationError: one is no address, or they are more than `MAX_ADDRESSES`.
        TransportError: a name has no address; nothing was sent.
    """
    found: dict[str, None] = {}
    for text in addresses:
        target = parse_target(text)
        several = _of_name(target) if isinstance(target, NamedAddress) else (target,)
        found.update(dict.fromkeys(map(str, several)))
    if len(found) > MAX_ADDRESSES:
        names = [each for each in addresses if each not in found]
        of = f" of {', '.join(names)}" if names else ""
        raise ConfigurationError(
            f"{len(found)} addresses{of}, and {MAX_ADDRESSES} can be asked at once; name some of "
            "them with --address"
        )
    return tuple(found)


def _of_name(target: NamedAddress) -> list[TcpAddress]:
    try:
        found = socket.getaddrinfo(target.name, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise _nobody(target, getattr(error, "strerror", None) or str(error)) from None
    # What is behind a % is the interface, which stands in no address of ours.
    usable = [(each[0], str(each[4][0])) for each in found if "%" not in str(each[4][0])]
    if not usable:
        raise _nobody(target, "none that can be reached without naming an interface")
    preferred = usable[0][0]
    return [TcpAddress(host, target.port) for family, host in usable if family == preferred]


def _nobody(target: NamedAddress, why: str) -> TransportError:
    return TransportError(f"{target}: no address: {why}; nothing was sent")
