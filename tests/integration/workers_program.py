"""A service of several processes: each listens at the same address, and writes what it logs.

    python workers_program.py FOLDER NUMBER

FOLDER holds the trusted key, the policy, the receipt key and the state. The process appends one
line a record to FOLDER/NUMBER.log, logs on `sealwire-workers.db` at DEBUG twenty times a second,
and ends when its standard input does. ``FOLDER/NUMBER.fails`` makes it refuse configurations, and
``FOLDER/NUMBER.hangs`` hang in the middle of the next one, which ``FOLDER/NUMBER.hung`` then says.
"""

from __future__ import annotations

import logging
import logging.handlers
import select
import sys
import time
from pathlib import Path
from typing import Any

from sealwire.keyfiles import load_signing_key, load_verify_key
from sealwire.listener import listen
from sealwire.policy import Policy, Quorum, default_rules
from sealwire.recommended import local

AUDIENCE = "payments@prod"


def hang_if_asked(folder: Path, number: str) -> None:
    """Have the next lease hang while it is made, once a file says so."""
    from sealwire import engine

    changer = engine.engine_of_process().changer
    begin_lease = changer.begin_lease

    def hangs(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever it is called with
        if (folder / f"{number}.hangs").exists():
            (folder / f"{number}.hung").touch()
            time.sleep(600)
        return begin_lease(*arguments, **named)

    changer.begin_lease = hangs  # type: ignore[method-assign]


def main(folder: Path, number: str) -> None:
    """Listen, and log until the other end is gone."""
    handler = logging.FileHandler(folder / f"{number}.log")
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    hang_if_asked(folder, number)
    if (folder / f"{number}.fails").exists():
        # A handler of the application that cannot be taken away makes every configuration fail.
        from sealwire import engine

        changer = engine.engine_of_process().changer

        def fails(*_: object, **__: object) -> None:
            from sealwire.errors import ApplyError

            raise ApplyError("this process cannot do it")

        changer.begin_lease = fails  # type: ignore[method-assign,assignment]
        changer.apply = fails  # type: ignore[method-assign,assignment]
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
