"""A service that keeps what it takes: with a state directory, a receipt key and a trail.

Started by the demo as a program, never imported: ``python keeping.py ADDRESS FOLDER``. While the
folder has a file ``kill-me`` it is killed, as by ``kill -9``, when it has taken a change and has
not made it yet. Otherwise it works until its standard input ends.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import sys
from pathlib import Path

import sealwire
from sealwire import engine
from sealwire.keyfiles import load_signing_key, load_verify_key
from sealwire.recommended import local

AUDIENCE = "ledger@prod"
PAUSE_S = 0.1


def main(address: str, folder: str) -> None:
    """Serve until standard input ends."""
    logging.basicConfig(
        level=logging.INFO, stream=sys.stdout, format="%(levelname)s %(name)s: %(message)s"
    )
    place = Path(folder)
    if (place / "kill-me").exists():
        vars(engine)["Engine"].perform = killed
    host = load_signing_key(place / "host.key")
    listener = sealwire.listen(
        address,
        chain=local(AUDIENCE, [load_verify_key(place / "alice.pub")]),
        state=place / "state",
        receipt_key=host,
        trail=sealwire.Trail(place / "trail", host),
    )
    with listener:
        work()


def killed(*_: object) -> engine.Done:
    """End at once."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def work() -> None:
    """Write a DEBUG and an INFO record for each entry."""
    ledger = logging.getLogger("ledger")
    while not select.select([sys.stdin], [], [], PAUSE_S)[0]:
        ledger.debug("an entry in full")
        ledger.info("an entry")


if __name__ == "__main__":
    main(*sys.argv[1:])
