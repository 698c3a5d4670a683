"""What a listener binds: the one shape of a listening Unix or TCP socket."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from sealwire.errors import ConfigurationError
from sealwire.transports.addresses import Address, TcpAddress, UnixAddress
from sealwire.transports.tcp import TcpListener

if TYPE_CHECKING:
    import socket as sockets

    from sealwire.transports.caller import Caller

_NO_UNIX: Final = "{}: this system has no Unix sockets; listen on tcp:127.0.0.1:9030"


class Bound(Protocol):
    """A bound, listening socket."""

    @property
    def socket(self) -> sockets.socket:
        """The listening socket, non-blocking."""
        ...

    @property
    def address(self) -> Address:
        """Where it listens, with the port it got."""
        ...

    def caller(self, connection: sockets.socket) -> Caller:
        """Say who is at the other end, and whether it may connect."""
        ...

    def close(self) -> None:
        """Stop listening and leave nothing behind; once is enough."""
        ...

    def abandon(self) -> None:
        """Close what a forked child inherited, and touch nothing else."""
        ...


@dataclass(frozen=True, slots=True)
class Access:
    """Who may connect.

    Attributes:
        allow_uids: users, on a Unix socket; ``None`` for this user and root, or with ``group`` for
            whoever the socket's mode lets in.
        group: whose members may connect to a Unix socket too.
        beyond_loopback: whether a TCP address may be one that other machines reach.
    """

    allow_uids: frozenset[int] | None = None
    group: str | int | None = None
    beyond_loopback: bool = False


def check_access(address: Address, access: Access) -> None:
    """Check that ``access`` means something at ``address``.

    Raises:
        ConfigurationError: it does not, or other machines would reach a listener unasked.
    """
    if not isinstance(address, TcpAddress):
        return
    if access.allow_uids is not None or access.group is not None:
        raise ConfigurationError(
            f"{address}: TCP knows no users; allow_uids and group go with unix: addresses"
        )
    if not address.is_loopback and not access.beyond_loopback:
        raise ConfigurationError(
            f"{address} can be reached from other machines; if that is meant, say "
            "beyond_loopback=True (in settings, under [socket]: beyond_loopback = true) and use a "
            "chain that encrypts and signs"
        )


def bind(address: Address, access: Access) -> Bound:
    """Bind and listen.

    Raises:
        ConfigurationError: the address is taken, too open, or not ours; the text says what to do.
    """
    check_access(address, access)
    if isinstance(address, TcpAddress):
        return TcpListener(address)
    return _bind_unix(address, access)


if sys.platform == "win32":

    def check_callers(address: UnixAddress, _: Access) -> None:
        """Refuse the address, as `bind` does."""
        raise ConfigurationError(_NO_UNIX.format(address))

    def _bind_unix(address: UnixAddress, _: Access) -> Bound:
        raise ConfigurationError(_NO_UNIX.format(address))

else:

    def check_callers(_: UnixAddress, access: Access) -> None:
        """Check who is to be let in at a Unix socket, as `bind` does, without binding.

        Raises:
            ConfigurationError: there is no such group, or the mode would let none of them in.
        """
        from sealwire.transports.unix import check_callers

        check_callers(access.group, access.allow_uids)

    def _bind_unix(address: UnixAddress, access: Access) -> Bound:
        try:
            from sealwire.transports.unix import UnixListener
        except ImportError:
            raise ConfigurationError(_NO_UNIX.format(address)) from None
        return UnixListener(address, access.group, access.allow_uids)
