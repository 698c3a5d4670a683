"""Every process of ``multiprocessing`` and of `concurrent.futures.ProcessPoolExecutor` listens.

    ProcessPoolExecutor(initializer=listen_in_process, initargs=("service.toml",))
    multiprocessing.Pool(initializer=listen_in_process, initargs=("service.toml",))

and in a `multiprocessing.Process` the first line of its target is `listen_in_process()`. It works
with fork, spawn and forkserver alike, and stops when the process ends.
"""

from __future__ import annotations

from multiprocessing import util
from typing import TYPE_CHECKING

from sealwire.integrations.starting import listen_here, stop_here

if TYPE_CHECKING:
    from sealwire.keyfiles import StrPath

_EARLY = 100
"""Before the queues and pools of `multiprocessing`, whose priorities are up to 15."""


def listen_in_process(path: StrPath | None = None, *, required: bool = True) -> None:
    """Listen in this process, until it ends.

    Args:
        path: the service's settings, with ``workers = true``; by default what
            ``$SEALWIRE_SETTINGS`` names.
        required: whether a process that cannot listen is not to go on; otherwise it logs an error
            on ``sealwire``.

    Raises:
        SealwireError: as of `sealwire.listen_from`; a pool of processes breaks with it.
    """
    listen_here(path, required=required)
    # These processes end without what `atexit` knows.
    util.Finalize(None, stop_here, exitpriority=_EARLY)
