"""One of several processes of a service, as a server for many requests starts them.

Started by the demo as a program: ``python worker.py FOLDER NUMBER``, where the folder holds what
all of them share: the first keyring, the receipt key and the state. It works until its standard
input ends.
"""

from __future__ import annotations

import logging
import select
import sys
from pathlib import Path

import sealwire
from sealwire.keyfiles import load_signing_key
from sealwire.keyring import keyring_chain
from sealwire.keyringfiles import KeyringFiles

AUDIENCE = "orders@prod"
PAUSE_S = 0.1


def main(named: str, number: str) -> None:
    """Serve until standard input ends."""
    folder = Path(named).resolve()
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stdout,
        format=f"%(levelname)s worker {number}: %(name)s: %(message)s",
    )
    files = KeyringFiles(
        AUDIENCE, pinned=folder / "first.keyring", kept=folder / "state" / "keyring"
    )
    with sealwire.listen(
        f"unix:{folder}/orders.sock",
        chain=keyring_chain(files.open()),
        keyring=files,
        receipt_key=load_signing_key(folder / "receipt.key"),
        state=folder / "state",
        workers=True,
    ):
        orders, database = logging.getLogger("orders"), logging.getLogger("orders.db")
        orders.info("ready")
        while not select.select([sys.stdin], [], [], PAUSE_S)[0]:
            database.debug("select: 1 row")


if __name__ == "__main__":
    main(*sys.argv[1:])
