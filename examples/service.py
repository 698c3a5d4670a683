"""A service that lets one person change its logging.

    python examples/service.py unix:/tmp/orders/log.sock alice.pub

It logs an order ten times a second, until its standard input ends (Ctrl-D).
"""

from __future__ import annotations

import logging
import select
import sys

import sealwire
from sealwire.keyfiles import load_verify_key


def main(address: str, public_key_file: str) -> None:
    """Work, and listen for changes meanwhile."""
    logging.basicConfig(level=logging.INFO, stream=sys.stdout)
    listener = sealwire.listen(
        address,
        audience="orders@test",
        chain=[
            sealwire.Ed25519Verifier([load_verify_key(public_key_file)]),
            sealwire.Freshness(),
            sealwire.Once(),
        ],
    )
    with listener:
        while not select.select([sys.stdin], [], [], 0.1)[0]:
            logging.getLogger("orders").info("an order")
            logging.getLogger("orders.db").debug("what it took to read it")


if __name__ == "__main__":
    main(*sys.argv[1:])
