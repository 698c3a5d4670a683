"""A service as anybody could have it: it works, it logs, and it lets alice change its logging.

Started by the demo as a program: ``python service.py ADDRESS FOLDER``, where the folder holds its
keys, its state and its trail. It works until its standard input ends, which happens whenever the
demo does, however that ends.
"""

from __future__ import annotations

import itertools
import logging
import select
import sys
import time
from pathlib import Path

import sealwire
from sealwire.keyfiles import load_aead_key, load_mac_key, load_signing_key, load_verify_key
from sealwire.policy import Floors, LoggerFloor, Policy, default_rules
from sealwire.recommended import local, network

AUDIENCE = "payments@prod"
PAUSE_S = 0.1
AUDITED = 10
UNREACHABLE = "127.0.0.1"
CONNECTING = "connecting to the archive"
CONNECTS_S = 1.0


def main(address: str, named: str) -> None:
    """Serve until standard input ends."""
    folder = Path(named).resolve()
    logging.basicConfig(
        level=logging.INFO, stream=sys.stdout, format="%(levelname)s %(name)s: %(message)s"
    )
    audit = logging.StreamHandler(sys.stdout)
    audit.name = "audit"
    audit.setFormatter(logging.Formatter("AUDIT %(message)s"))
    logging.getLogger("payments.audit").addHandler(audit)
    logging.getLogger("payments.audit").setLevel(logging.INFO)
    logging.getLogger("payments.audit").propagate = False
    floors = Floors((LoggerFloor("payments.audit", logging.INFO, ("audit",)),))
    rules = default_rules(
        [str(folder)],
        factories=["__main__.archive"],
        destinations=[(UNREACHABLE, 1)],
    )
    policy = Policy(rules, floors)
    trusted = [load_verify_key(folder / "alice.pub")]
    gate = [load_mac_key(folder / "alice.mac")]
    encryption = [load_aead_key(folder / "alice.aead")]
    receipt_key = load_signing_key(folder / "receipt.key")
    trail = sealwire.Trail(folder / "trail", load_signing_key(folder / "trail.signing"))
    on_socket = sealwire.listen(
        address,
        chain=local(AUDIENCE, trusted),
        policy=policy,
        state=folder / "state",
        receipt_key=receipt_key,
        trail=trail,
    )
    on_port = sealwire.listen(
        "tcp:127.0.0.1:0",
        chain=network(AUDIENCE, gate=gate, encryption=encryption, trusted=trusted),
        policy=policy,
        receipt_key=receipt_key,
        challenge=False,
    )
    with on_socket, on_port:
        logging.getLogger("payments").info("listening on %s as well", on_port.address)
        work()


def archive() -> logging.Handler:
    """Make a handler that a configuration may name, and that takes its time to connect."""
    sys.stdout.write(f"{CONNECTING}\n")
    sys.stdout.flush()
    time.sleep(CONNECTS_S)
    return logging.NullHandler()


def work() -> None:
    """Take one order after the other, and log what a payment service logs."""
    payments, database = logging.getLogger("payments"), logging.getLogger("payments.db")
    audit = logging.getLogger("payments.audit")
    for order in itertools.count(1):
        database.debug("select price from orders where id = %d: 1 row", order)
        if order % AUDITED == 0:
            audit.info("order %d: who paid, and when", order)
        payments.info("order %d paid", order)
        if select.select([sys.stdin], [], [], PAUSE_S)[0]:
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
