"""A service whose threads write all the time while its configuration is changed from outside.

The first line on standard input is JSON and says what to run. When it serves, it prints where.
``figures`` on standard input is answered with a line of figures, ``begin`` starts the writers, and
``stop`` ends them and says how many records each has written; at the end of the input the process
ends.

Every writer gives each of its numbers to each of the loggers, once. So a file that one logger's
records go to holds every number of every writer once, whatever happened to its handler meanwhile.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import sys
import threading
import time
from logging.config import listen as standard_listen
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sealwire import VerifyKey, listen
from sealwire.logtree.internals import named_handlers
from sealwire.policy import default_rules
from sealwire.recommended import local

if TYPE_CHECKING:
    from collections.abc import Callable

WRITERS: Final = 8
BURST: Final = 5
PAUSE_S: Final = 0.002
END_S: Final = 30.0


class Writers:
    """Threads that write until they are told to stop."""

    def __init__(self, names: list[str]) -> None:
        """Begin with the loggers of these names."""
        self._loggers = [logging.getLogger(name) for name in names]
        self._over = threading.Event()
        self.counts = [0] * WRITERS
        self._threads = [
            threading.Thread(target=self._write, args=(number,)) for number in range(WRITERS)
        ]

    def begin(self) -> None:
        """Start them."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> bool:
        """End them; give whether they did."""
        self._over.set()
        ends_s = time.monotonic() + END_S
        for thread in self._threads:
            thread.join(max(0, ends_s - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _write(self, writer: int) -> None:
        # Without a pause eight threads leave the interpreter to nobody else.
        while not self._over.wait(PAUSE_S):
            for _ in range(BURST):
                for logger in self._loggers:
                    logger.info("%d:%d", writer, self.counts[writer])
                self.counts[writer] += 1


def figures() -> dict[str, Any]:
    """Count what a change could leave behind."""
    gc.collect()
    loggers = [logging.root, *logging.root.manager.loggerDict.values()]
    known = [each for each in loggers if isinstance(each, logging.Logger)]
    alive = [each for each in gc.get_objects() if isinstance(each, logging.Handler)]
    return {
        "descriptors": sum(1 for _ in Path("/proc/self/fd").iterdir()),
        "threads": sum(1 for _ in Path("/proc/self/task").iterdir()),
        "loggers": len(known),
        "filters of loggers": sum(len(each.filters) for each in known),
        "filters of handlers": sum(len(each.filters) for each in alive),
        "handlers of loggers": sum(len(each.handlers) for each in known),
        "handlers with a name": len(named_handlers()),
        "handlers alive": len(alive),
        "handlers to be closed at the end": len(vars(logging)["_handlerList"]),
    }


def serve(wanted: dict[str, Any]) -> tuple[str, Callable[[], bool]]:
    """Start a listener, ours or the library's; give its address, and what says it is idle."""
    if wanted["kind"] == "standard":
        # Nobody else is on this machine's own address, and what is compared is the change.
        thread: Any = standard_listen(0)  # noqa: S612 - what ours is compared with
        thread.daemon = True
        thread.start()
        if not thread.ready.wait(END_S):
            raise SystemExit("the standard library's listener does not start")
        return f"tcp:127.0.0.1:{thread.port}", lambda: True
    key = VerifyKey(bytes.fromhex(wanted["public"]), owner=wanted["owner"])
    listener = listen(
        "tcp:127.0.0.1:0",
        chain=local(wanted["audience"], [key]),
        rules=default_rules([wanted["folder"]]),
    )
    server = listener._server
    assert server is not None
    return str(listener.address), lambda: not server.connections


def main() -> None:
    """Serve until standard input ends."""
    wanted: dict[str, Any] = json.loads(sys.stdin.readline())
    if wanted["cpu"] is not None:
        os.sched_setaffinity(0, {wanted["cpu"]})
    writers = Writers(wanted["loggers"])
    address, is_idle = serve(wanted)
    print(address, flush=True)
    for line in sys.stdin:
        told: dict[str, Any] = {}
        if line.strip() == "begin":
            writers.begin()
        elif line.strip() == "stop":
            ended = writers.stop()
            # What a MemoryHandler still holds is written when it is flushed, as at any exit.
            for handler in list(named_handlers().values()):
                handler.flush()
            told = {"ended": ended, "counts": writers.counts}
        else:
            # Our own end of the last connection is closed a little after the answer.
            ends_s = time.monotonic() + END_S
            while not is_idle() and time.monotonic() < ends_s:
                time.sleep(PAUSE_S)
            told = figures()
        print(json.dumps(told), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
