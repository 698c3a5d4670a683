"""A listening TCP socket.

Rules this module keeps:

1. Loopback, unless the caller says otherwise in words; then the chain has to hide and to show who
   wrote (`sealwire.listener` checks that).
2. The port is bound when the listener is made. Any local user may have taken it before us, which is
   an error here, and may take it when we are gone: an answer on TCP proves nothing about who gave
   it.
3. Who is at the other end is its address. TCP knows no user, so ``allow_uids`` has no meaning here.
"""

from __future__ import annotations

import socket
import sys

from sealwire.errors import ConfigurationError
from sealwire.transports.addresses import BACKLOG, TcpAddress
from sealwire.transports.caller import Caller


class TcpListener:
    """A bound, listening socket."""

    def __init__(self, address: TcpAddress) -> None:
        """Bind and listen.

        Args:
            address: where; port 0 takes a free one.

        Raises:
            ConfigurationError: the port is taken, or the address is not ours.
        """
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        try:
            self._set_options(family)
            self.socket.bind((address.host, address.port))
            self.socket.settimeout(0)
            self.socket.listen(BACKLOG)
        except OSError as error:
            self.socket.close()
            raise ConfigurationError(f"{address}: {error.strerror}") from None
        self.address = address.with_port(self.socket.getsockname()[1])

    def _set_options(self, family: int) -> None:
        if sys.platform == "win32":
            # There, SO_REUSEADDR would let another program take a port that is in use.
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            # A port whose last connections are in TIME_WAIT may be bound again after a restart.
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)

    def caller(self, connection: socket.socket) -> Caller:
        """Give the peer's address; everybody who can reach the port may connect."""
        host, port = connection.getpeername()[:2]
        return Caller(f"{host} port {port}", may_connect=True)

    def close(self) -> None:
        """Stop listening."""
        self.socket.close()

    def abandon(self) -> None:
        """Close the inherited descriptor in a forked child."""
        self.socket.close()
