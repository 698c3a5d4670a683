"""The whole way, from connect to applied: ours, and the library's listener with a PyNaCl verify."""

from __future__ import annotations

import socket
import statistics
import time
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.operators import Operator, document
from benchmarks.processes import Running, endpoint
from sealwire.framing import encode_frame

if TYPE_CHECKING:
    from collections.abc import Callable

DOCUMENT_BYTES = 4096
PAUSE_S = 0.002


class Sockets(NamedTuple):
    """Medians over all messages, ms of wall time."""

    network_ms: float
    local_ms: float
    library_ms: float

    def lines(self) -> list[str]:
        """Say so."""
        return [
            (
                f"connect to applied, on TCP, {DOCUMENT_BYTES} bytes: sealwire network "
                f"{self.network_ms:.2f} ms, sealwire local {self.local_ms:.2f} ms, "
                f"the library with a PyNaCl verify {self.library_ms:.2f} ms "
                f"({self.network_ms / self.library_ms:.2f} x and "
                f"{self.local_ms / self.library_ms:.2f} x)"
            )
        ]

    def figures(self) -> dict[str, float]:
        """Give the figures by name."""
        return {name: round(value, 3) for name, value in self._asdict().items()}


def through_sockets(messages: int) -> Sockets:
    """Send ``messages`` to each of three services in turns."""
    operator = Operator()
    text = document(DOCUMENT_BYTES)
    network, local = operator.network_sealer(), operator.local_sealer()
    kinds: dict[str, tuple[dict[str, object], Callable[[], bytes]]] = {
        "network": (
            {"kind": "sealwire", "address": "tcp:127.0.0.1:0", **operator.described(network=True)},
            lambda: network.seal(text),
        ),
        "local": (
            {"kind": "sealwire", "address": "tcp:127.0.0.1:0", **operator.described(network=False)},
            lambda: local.seal(text),
        ),
        "library": (
            {"kind": "standard", **operator.described(network=False)},
            lambda: operator.signing.sign(text) + text,
        ),
    }
    services = {name: Running(wanted) for name, (wanted, _) in kinds.items()}
    took_ms: dict[str, list[float]] = {name: [] for name in kinds}
    try:
        time.sleep(0.05)
        for _ in range(messages):
            for name, (_, seal) in kinds.items():
                frame = encode_frame(seal())
                time.sleep(PAUSE_S)
                began_s = time.perf_counter()
                family, where = endpoint(services[name].address)
                with socket.socket(family, socket.SOCK_STREAM) as connection:
                    connection.connect(where)
                    connection.sendall(frame)
                    while connection.recv(4096):
                        pass
                took_ms[name].append((time.perf_counter() - began_s) * 1000)
        assert services["network"].figures()["applied"] == messages
        assert services["local"].figures()["applied"] == messages
        assert services["library"].figures()["verified"] == messages
    finally:
        for service in services.values():
            service.end()
    return Sockets(*(statistics.median(took_ms[name]) for name in ("network", "local", "library")))
