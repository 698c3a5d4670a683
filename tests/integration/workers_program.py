"""A service of several processes: each listens at the same address, and writes what it logs.

    python workers_program.py FOLDER NUMBER

FOLDER holds the trusted key, the policy, the receipt key and the state. The process appends one
line a record to FOLDER/NUMBER.log, logs on `sealwire-workers.db` at DEBUG twenty times a second,
and ends when its standard input does. ``FOLDER/NUMBER.fails`` makes it refuse configurations.
"""

from __future__ import annotations

import logging
import logging.handlers
import select
import sys
from pathlib import Path

from sealwire.keyfiles import load_signing_key, load_verify_key
from sealwire.listener import listen
from sealwire.policy import Policy, Quorum, default_rules
from sealwire.recommended import local

AUDIENCE = "payments@prod"


def main(folder: Path, number: str) -> None:
    """Listen, and log until the other end is gone."""
    handler = logging.FileHandler(folder / f"{number}.log")
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    if (folder / f"{number}.fails").exists():
        # A handler of the application that cannot be taken away makes every configuration fail.
        from sealwire import engine

        changer = engine.engine_of_process().changer

        def fails(*_: object, **__: object) -> None:
            from sealwire.errors import ApplyError

            raise ApplyError("this process cannot do it")

        changer.begin_lease = fails  # type: ignore[method-assign,assignment]
    quorum = (folder / "quorum").read_text(encoding="utf-8").strip()
    listen(
        f"unix:{folder}/sock",
        chain=local(AUDIENCE, [load_verify_key(folder / "alice.pub")]),
        policy=Policy(default_rules(), quorum=Quorum(quorum)),
        receipt_key=load_signing_key(folder / "receipt.key"),
        state=folder / "state",
        workers=True,
    )
    logger = logging.getLogger("sealwire-workers.db")
    print("ready", flush=True)
    while not select.select([sys.stdin], [], [], 0.05)[0]:
        logger.debug("a record of %s", number)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
