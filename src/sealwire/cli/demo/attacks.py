"""What the demo does to the standard library as well, so that both can be seen side by side."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sealwire.cli.demo.processes import Running, appears, cpu_time_s, run_with_input
from sealwire.cli.demo.scene import LIBRARY, NotAsExpectedError
from sealwire.errors import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sealwire.cli.demo.scene import Scene

_DICT_CONFIG: Final = (
    "import json, logging.config, sys; logging.config.dictConfig(json.load(sys.stdin))"
)
_FOUR_BYTES: Final = struct.pack(">L", 64)
_MEASURED_S: Final = 2.0
_IDLE: Final = 0.1
"""A tenth of a processor: our service needs a hundredth for its work, and who loops takes a whole
one, or half of one on a busy machine."""


def run_by_library(folder: Path) -> Iterator[tuple[str, bytes, Path, Reason]]:
    """Give the gadgets, each after the standard library has run it: what, document, folder, reason.

    A gadget is a configuration that runs something by being read. These make a folder.
    """
    by_factory = folder / "made-by-a-factory"
    by_class = folder / "made-by-a-class"
    gadgets = (
        (
            'a handler with a factory: "()" names any function, here os.mkdir',
            {"()": "os.mkdir", "path": str(by_factory)},
            by_factory,
            Reason.POLICY,
        ),
        (
            'a handler whose "class" is no handler, but subprocess.Popen',
            {"class": "subprocess.Popen", "args": ["mkdir", str(by_class)]},
            by_class,
            Reason.POLICY,
        ),
    )
    for what, handler, made, reason in gadgets:
        document = json.dumps({"version": 1, "handlers": {"gadget": handler}}).encode()
        run_with_input(_DICT_CONFIG, document)
        if not appears(made):
            raise NotAsExpectedError(f"dictConfig did not make the folder {made.name}")
        yield what, document, made, reason


@dataclass(frozen=True, slots=True)
class Spin:
    """Processor time that two processes used while nobody talked to them, seconds."""

    elapsed_s: float
    ours_s: float
    theirs_s: float

    @property
    def we_are_idle(self) -> bool:
        """Whether our process has next to nothing to do."""
        return self.ours_s < _IDLE * self.elapsed_s

    @property
    def library_loops(self) -> bool:
        """Whether the library's process is busy."""
        return self.theirs_s >= _IDLE * self.elapsed_s


def library_against_sealwire(scene: Scene) -> Spin:
    """Send four bytes and close, to both; measure what both use afterwards, at the same time."""
    if not hasattr(socket, "AF_UNIX"):
        raise NotAsExpectedError("this system has no Unix sockets")
    with Running(LIBRARY, str(scene.folder)) as library:
        told = library.wait_for(lambda line: line.startswith("port "))
        if told is None:
            raise NotAsExpectedError(f"logging.config.listen() did not start: {library.lines}")
        with socket.create_connection(("127.0.0.1", int(told.removeprefix("port ")))) as theirs:
            theirs.sendall(_FOUR_BYTES)
        with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as ours:
            ours.connect(scene.address.removeprefix("unix:"))
            ours.sendall(_FOUR_BYTES)
        # The library's thread has to have read the four bytes before looping can be seen.
        scene.line("frame-truncated")
        started_s = time.monotonic()
        ours_s, theirs_s = cpu_time_s(scene.service.pid), cpu_time_s(library.pid)
        time.sleep(_MEASURED_S)
        elapsed_s = time.monotonic() - started_s
        return Spin(
            elapsed_s,
            cpu_time_s(scene.service.pid) - ours_s,
            cpu_time_s(library.pid) - theirs_s,
        )
