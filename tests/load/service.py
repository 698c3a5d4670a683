"""A service to lean on, in a process of its own: sealwire's, or the standard library's listener.

The first line on standard input is JSON and says what to run. When it serves, it prints where.
After that every line on standard input is answered with a line of figures, and at its end the
process ends, so that a test that dies leaves nothing behind.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from logging.config import listen as standard_listen
from typing import TYPE_CHECKING, Any

import nacl.exceptions
import nacl.signing

from sealwire import AeadKey, MacKey, VerifyKey, as_verify, compat, listen
from sealwire.receiver import Deadlines
from sealwire.recommended import local, network
from sealwire.transports.server import Caps

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealwire import Chain

Figures = dict[str, Any]

STANDARD_WAIT_S = 10
SIGNATURE_BYTES = 64


def make_chain(wanted: Figures) -> Chain:
    """Make the chain for networks if there are secret keys, else the one for a Unix socket."""
    audience, owner = wanted["audience"], wanted["owner"]
    trusted = [VerifyKey(bytes.fromhex(wanted["public"]), owner=owner)]
    if "mac" not in wanted:
        return local(audience, trusted)
    return network(
        audience,
        gate=[MacKey(bytes.fromhex(wanted["mac"]), owner=owner, audience=audience)],
        encryption=[AeadKey(bytes.fromhex(wanted["aead"]), owner=owner, audience=audience)],
        trusted=trusted,
    )


def serve_sealwire(wanted: Figures) -> tuple[str, Callable[[], Figures]]:
    """Start our listener; give its address, and what tells its figures."""
    listener = listen(
        wanted["address"],
        chain=make_chain(wanted),
        caps=Caps(**wanted.get("caps", {})),
        deadlines=Deadlines(**wanted.get("deadlines", {})),
        state=wanted.get("state"),
    )

    def figures() -> Figures:
        stats, server = listener.stats(), listener._server
        assert server is not None
        return {
            "alive": listener.is_alive(),
            "applied": stats.applied,
            "repeated": stats.repeated,
            "refused": stats.refused,
            "failed": stats.failed,
            "reasons": [refusal.reason for refusal in stats.refusals],
            "connections": server.connections,
            "buffered_bytes": server.buffered_bytes,
        }

    return str(listener.address), figures


def serve_compat(wanted: Figures) -> tuple[str, Callable[[], Figures]]:
    """Start our pair in the library's shape; what it is given asks the chain."""
    thread = compat.listen(0, as_verify(make_chain(wanted)))
    thread.start()

    def figures() -> Figures:
        stats = thread.stats()
        return {
            "alive": thread.is_alive(),
            "applied": stats.applied,
            "refused": stats.refused,
            "reasons": [refusal.reason for refusal in stats.refusals],
        }

    return f"tcp:127.0.0.1:{thread.port}", figures


def serve_standard(wanted: Figures) -> tuple[str, Callable[[], Figures]]:
    """Start the library's listener with the ``verify`` that one would write by hand."""
    key = nacl.signing.VerifyKey(bytes.fromhex(wanted["public"]))
    counts = {"verified": 0, "refused": 0}

    def verify(received: bytes) -> bytes | None:
        try:
            document = key.verify(received[SIGNATURE_BYTES:], received[:SIGNATURE_BYTES])
        except (nacl.exceptions.BadSignatureError, ValueError):
            counts["refused"] += 1
            return None
        counts["verified"] += 1
        return document

    thread: Any = standard_listen(0, verify)  # noqa: S612 - what ours is compared with
    thread.daemon = True
    thread.start()
    if not thread.ready.wait(STANDARD_WAIT_S):
        raise SystemExit("the standard library's listener does not start")
    return f"tcp:127.0.0.1:{thread.port}", lambda: dict(counts)


def main() -> None:
    """Serve until standard input ends."""
    wanted: Figures = json.loads(sys.stdin.readline())
    if wanted.get("cpu") is not None:
        os.sched_setaffinity(0, {wanted["cpu"]})
    # A service that logs nowhere: what its handlers cost is not the listener's.
    logging.getLogger().addHandler(logging.NullHandler())
    serve = {
        "sealwire": serve_sealwire,
        "compat": serve_compat,
        "standard": serve_standard,
    }
    address, figures = serve[wanted["kind"]](wanted)
    print(address, flush=True)
    for _ in sys.stdin:
        print(json.dumps(figures()), flush=True)
    # The standard library's handler threads may be spinning, or waiting for ever.
    os._exit(0)


if __name__ == "__main__":
    main()
