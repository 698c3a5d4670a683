"""A service of several processes: each listens at the same address, and writes what it logs.

    python workers_program.py FOLDER NUMBER

FOLDER holds the keys, the policy, the state and the trail. The process appends one line a record to
FOLDER/NUMBER.log, logs on `sealwire-workers.db` at DEBUG and then at WARNING twenty times a second,
and ends when its standard input does. ``FOLDER/NUMBER.fails`` makes every lease and configuration
fail there, and ``FOLDER/NUMBER.hangs`` hang at the place of the next change that stands in it
(`hang_if_asked`), which ``FOLDER/NUMBER.hung`` then says. ``FOLDER/NUMBER.forks`` makes it fork a
child that does nothing, whose number ``FOLDER/NUMBER.child`` says. ``FOLDER/instance`` says what
their names begin with.
"""

from __future__ import annotations

import logging
import logging.handlers
import os
import select
import sys
import time
import warnings
from pathlib import Path
from typing import Any

from sealwire.keyfiles import load_signing_key, load_verify_key
from sealwire.listener import listen
from sealwire.policy import Policy, Quorum, default_rules
from sealwire.recommended import local
from sealwire.recording import Trail

AUDIENCE = "payments@prod"


def hang_if_asked(folder: Path, number: str) -> None:
    """Have this process hang in a change, once a file says where.

    ``intent`` and ``outcome`` are in the middle of writing these to the journal, ``apply`` is
    before the change itself, ``settle`` behind it, and ``spread`` before others are told.
    """
    from sealwire import durable, engine, workers
    from sealwire.journal import disk

    def asked() -> str:
        file = folder / f"{number}.hangs"
        return file.read_text(encoding="utf-8") if file.exists() else ""

    def hang() -> None:
        (folder / f"{number}.hung").touch()
        time.sleep(600)

    def hang_before(owner: object, name: str, place: str) -> None:
        went_on = getattr(owner, name)

        def hangs(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever it is called with
            if asked() == place:
                hang()
            return went_on(*arguments, **named)

        setattr(owner, name, hangs)

    hang_before(engine.engine_of_process().changer, "begin_lease", "apply")
    hang_before(durable.DurableState, "settle", "settle")
    hang_before(workers.Workers, "spread", "spread")
    writes, write = iter(("intent", "outcome")), disk.Disk.write

    def write_half(self: disk.Disk, descriptor: int, data: bytes) -> int:
        place = asked()
        if place in {"intent", "outcome"} and next(writes) == place:
            write(self, descriptor, data[: len(data) // 2])
            hang()
        return write(self, descriptor, data)

    disk.Disk.write = write_half  # type: ignore[method-assign]


def fork_if_asked(folder: Path, number: str) -> None:
    """Fork a child that does nothing, once a file says so."""
    file = folder / f"{number}.forks"
    if not file.exists():
        return
    file.unlink()
    if child := os.fork():
        (folder / f"{number}.new").write_text(str(child), encoding="utf-8")
        (folder / f"{number}.new").rename(folder / f"{number}.child")
        return
    time.sleep(600)
    os._exit(0)


def main(folder: Path, number: str) -> None:
    """Listen, and log until the other end is gone."""
    # Forking beside threads is what is asked for; Python 3.12 and later warn of it.
    warnings.filterwarnings("ignore", "This process ", DeprecationWarning)
    handler = logging.FileHandler(folder / f"{number}.log")
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("sealwire").setLevel(logging.INFO)
    hang_if_asked(folder, number)
    if (folder / f"{number}.fails").exists():
        # What makes changes raises, as where something of this process alone is in their way.
        from sealwire import engine

        changer = engine.engine_of_process().changer

        def fails(*_: object, **__: object) -> None:
            from sealwire.errors import ApplyError

            raise ApplyError("this process cannot do it")

        changer.begin_lease = fails  # type: ignore[method-assign,assignment]
        changer.apply = fails  # type: ignore[method-assign,assignment]
    named = folder / "instance"
    quorum = (folder / "quorum").read_text(encoding="utf-8").strip()
    listen(
        f"unix:{folder}/sock",
        chain=local(AUDIENCE, [load_verify_key(folder / "alice.pub")]),
        policy=Policy(default_rules(), quorum=Quorum(quorum)),
        receipt_key=load_signing_key(folder / "receipt.key"),
        state=folder / "state",
        trail=Trail(folder / "trail", load_signing_key(folder / "trail.key")),
        workers=True,
        instance=named.read_text(encoding="utf-8") if named.exists() else None,
    )
    logger = logging.getLogger("sealwire-workers.db")
    print("ready", flush=True)
    while not select.select([sys.stdin], [], [], 0.05)[0]:
        logger.debug("a record of %s", number)
        logger.warning("a tick of %s", number)
        fork_if_asked(folder, number)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
