"""A listener whose process forks, spawns and kills, again and again, while changes are made.

    python tests/forks/soak.py FOLDER ROUNDS SEED

In each round there is one child, of a kind that is drawn:

- ``quiet``: forked from the process that listens; it listens nowhere, and is told nothing.
- ``worker``: the same, and it begins to listen as another process of the service.
- ``early``: forked from a process that has never listened (forkserver), and begins to.
- ``spawned``: a new Python, likewise.

Somebody leases and reverts without a pause, so that forks come at any moment of a change; in every
fourth round another thread holds the gate for a while, in every twentieth for longer than a fork
waits. Half of the children are killed at a moment that is drawn, the others end by themselves.

It prints one line of JSON: how many rounds of each kind there were, how many requests were
answered, and whatever was not as it has to be. Nothing is waited for for over `PATIENCE_S`: what
takes longer counts as a deadlock.
"""

from __future__ import annotations

import contextlib
import json
import logging
import multiprocessing
import os
import random
import select
import signal
import sys
import threading
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sealwire import (
    MemorySealerState,
    Reason,
    RequestRefusedError,
    Sealer,
    SealwireError,
    SigningKey,
    listen,
    wall_clock_ms,
)
from sealwire.client import Client
from sealwire.journal import init
from sealwire.listener import running
from sealwire.memory import memory_of
from sealwire.recommended import local, local_layers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection

    from sealwire.listener import Listener
    from sealwire.results import Result

AUDIENCE: Final = "forks@test"
LOGGER: Final = "sealwire-forks.db"
ALICE: Final = SigningKey(bytes(range(32)), owner="alice")
HOST: Final = SigningKey(bytes(range(32, 64)), owner="host-1")
PATIENCE_S: Final = 30.0
"""Far longer than anything takes on a busy machine; what has not come by then will not."""

KINDS: Final = ("quiet",) * 8 + ("worker",) * 8 + ("early",) * 3 + ("spawned",)


def begin(folder: Path) -> Listener:
    """Be a process of the service."""
    return listen(
        f"unix:{folder}/sock",
        chain=local(AUDIENCE, [ALICE.verify_key]),
        receipt_key=HOST,
        state=folder / "state",
        workers=True,
    )


def be_worker(folder: Path, told: Connection) -> None:
    """Listen, say so, and wait to be ended; the program of a child that begins to."""
    logging.getLogger().addHandler(logging.NullHandler())
    with begin(folder):
        told.send("ok")
        with contextlib.suppress(EOFError):
            told.recv()


class Soak:
    """The process that listens, and what it has found."""

    def __init__(self, folder: Path, seed: int) -> None:
        """Begin to listen."""
        self.folder, self.chance = folder, random.Random(seed)
        init(folder / "state", AUDIENCE, min_version=0, now_ms=wall_clock_ms())
        self.listener = begin(folder)
        sealer = Sealer(
            AUDIENCE,
            local_layers(ALICE),
            issuer="alice",
            state=MemorySealerState(),
            clock=wall_clock_ms,
        )
        self.client = Client(
            f"unix:{folder}/sock", sealer, receipt_key=HOST.verify_key, timeout_s=PATIENCE_S
        )
        self.kinds: Counter[str] = Counter()
        self.answered = self.refused = 0
        self.deadlocks: list[str] = []
        self.wrong: list[str] = []
        self._done = threading.Event()
        self._ended: Callable[[], bool] = lambda: True

    # ---- who asks ------------------------------------------------------------------------------

    def ask(self) -> None:
        """Lease and revert without a pause, until told to end."""
        while not self._done.is_set():
            try:
                leased = self.client.lease({LOGGER: "DEBUG"}, for_s=60)
                self.client.revert(leased.request_id)
            except RequestRefusedError as refused:
                if refused.result.answer.reason != Reason.STATE_UNAVAILABLE.value:
                    self.wrong.append(f"a request: {refused}")
                # One that begins holds the journal while it reads, and may get no time to: whoever
                # waits for that is refused after 2 s, and asks again. One that kept it would show
                # in how many are answered.
                self.refused += 1
            except SealwireError as error:
                self.wrong.append(f"a request: {type(error).__name__}: {error}")
            else:
                self._look_at(leased)

    def _look_at(self, leased: Result) -> None:
        """See that it was this process that answered, and that nobody is there twice."""
        self.answered += 2
        assert leased.receipt is not None
        names = [each.name for each in leased.receipt.instances]
        if len(names) != len(set(names)) or not names[0].endswith("/worker-0"):
            self.wrong.append(f"somebody else answered: {names}")

    @contextlib.contextmanager
    def gate_held(self, for_s: float) -> Iterator[None]:
        """Have another thread hold the gate when the block begins."""
        held = threading.Event()

        def hold() -> None:
            with memory_of(AUDIENCE).hold_still():
                held.set()
                time.sleep(for_s)

        thread = threading.Thread(target=hold)
        thread.start()
        held.wait(PATIENCE_S)
        yield
        thread.join(PATIENCE_S)

    # ---- one round -----------------------------------------------------------------------------

    def round(self, number: int) -> None:
        """Make a child, and end it."""
        kind = self.chance.choice(KINDS)
        self.kinds[kind] += 1
        hold_s = 1.2 if number % 20 == 0 else 0.05 if number % 4 == 0 else 0.0
        with self.gate_held(hold_s) if hold_s else contextlib.nullcontext():
            pid, told, close = self._start(kind)
        kill_s = self.chance.uniform(0, 0.05) if self.chance.random() < 0.5 else None
        said = self._said_by(told, kill_s, pid)
        if said is None and kill_s is None:
            self.deadlocks.append(f"round {number}: {kind}")
        elif said not in {None, "", "ok"}:
            self.wrong.append(f"round {number}: {kind}: {said}")
        if said is None or kill_s is not None:
            os.kill(pid, signal.SIGKILL)
        close()
        if not self._is_gone(pid):
            self.deadlocks.append(f"round {number}: {kind} does not end")
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)

    def _start(self, kind: str) -> tuple[int, int, Callable[[], None]]:
        """Make a child; give its number, where it says that it is well, and what lets it end."""
        if kind in {"early", "spawned"}:
            context: Any = multiprocessing.get_context("forkserver" if kind == "early" else "spawn")
            here, there = context.Pipe()
            child = context.Process(target=be_worker, args=(self.folder, there))
            child.start()
            there.close()
            assert child.pid is not None
            # Whoever waits for it is this module, which knows nothing of `multiprocessing`'s way.
            self._ended = lambda: child.join(PATIENCE_S) or not child.is_alive()
            return child.pid, here.fileno(), here.close
        reads, writes = os.pipe()
        waits, lets_go = os.pipe()
        pid = os.fork()
        if not pid:
            os.close(reads)
            os.close(lets_go)
            self._be_child(kind, writes, waits)
        os.close(writes)
        os.close(waits)
        self._ended = lambda: _reaped(pid)

        def close() -> None:
            os.close(reads)
            os.close(lets_go)

        return pid, reads, close

    def _be_child(self, kind: str, writes: int, waits: int) -> None:
        """Be a forked child: look around, perhaps listen, and wait to be ended."""
        said = ""
        try:
            said = "ok" if not (self.listener.is_alive() or running()) else "it is a listener"
            held = []
            for link in Path("/proc/self/fd").iterdir():
                # The one that this very look has open is gone by then.
                with contextlib.suppress(FileNotFoundError):
                    held.append(str(link.readlink()))
            if inside := [each for each in held if each.startswith(f"{self.folder}/")]:
                said = f"it has inherited {inside}"
            logging.getLogger(LOGGER).warning("a record, under locks that may have been held")
            if kind == "worker":
                begin(self.folder)
            os.write(writes, said.encode())
            select.select([waits], [], [], PATIENCE_S)
            for each in running():
                each.stop()
        except BaseException as error:  # noqa: BLE001 - told to the parent, which counts it
            os.write(writes, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(0)

    def _said_by(self, told: int, kill_s: float | None, pid: int) -> str | None:
        """Give what a child said: ``None`` if it says nothing, ``""`` if it was ended before."""
        ready, _, _ = select.select([told], [], [], PATIENCE_S if kill_s is None else kill_s)
        if not ready:
            return None if kill_s is None else ""
        said = os.read(told, 4096)
        # `multiprocessing` sends an object, in whose bytes the text stands.
        return "ok" if b"ok" in said else said.decode(errors="replace")

    def _is_gone(self, pid: int) -> bool:
        return bool(self._ended())

    # ---- all of them ---------------------------------------------------------------------------

    def run(self, rounds: int) -> dict[str, object]:
        """Do as many rounds; give what was found."""
        asking = threading.Thread(target=self.ask)
        asking.start()
        for number in range(1, rounds + 1):
            self.round(number)
        self._done.set()
        asking.join(2 * PATIENCE_S)
        if asking.is_alive():
            self.deadlocks.append("whoever asks is not answered")
        took = self.listener.stats().applied
        # A lease whose revert was refused is answered, and not counted here.
        if not self.answered <= took <= self.answered + self.refused:
            self.wrong.append(f"{self.answered} requests were answered, {took} by this process")
        self.listener.stop()
        if self.listener.is_alive():
            self.deadlocks.append("the listener does not stop")
        return {
            "rounds": rounds,
            "kinds": dict(self.kinds),
            "answered": self.answered,
            "refused": self.refused,
            "deadlocks": self.deadlocks,
            "wrong": self.wrong,
        }


def _reaped(pid: int) -> bool:
    ends_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends_s:
        if os.waitpid(pid, os.WNOHANG)[0]:
            return True
        time.sleep(0.002)
    return False


if __name__ == "__main__":
    # Forking beside threads is what this is about; Python 3.12 and later warn of it.
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    logging.getLogger().addHandler(logging.NullHandler())
    soak = Soak(Path(sys.argv[1]), int(sys.argv[3]))
    print(json.dumps(soak.run(int(sys.argv[2]))), flush=True)
    os._exit(0)
