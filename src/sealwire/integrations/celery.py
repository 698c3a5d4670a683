"""Every process of a celery worker listens: one line where the app is made.

    listen_in_workers()

With the pool ``prefork`` the processes of the pool listen, those that replace others after
``max-tasks-per-child`` included, and the process that they are forked from does not. With any other
pool (``solo``, ``threads``, ``gevent``) the worker is one process, and listens when it is ready. A
program that only sends tasks never listens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from celery.concurrency.prefork import TaskPool
from celery.signals import (
    worker_process_init,
    worker_process_shutdown,
    worker_ready,
    worker_shutdown,
)

from sealwire.integrations.starting import leave_to_workers, listen_here, stop_here

if TYPE_CHECKING:
    from sealwire.keyfiles import StrPath

_UID: Final = "sealwire"
"""By which the signals know our receivers, so that none is there twice."""


def listen_in_workers(path: StrPath | None = None, *, required: bool = True) -> None:
    """Have every process of a worker listen that runs tasks.

    Args:
        path: the service's settings, with ``workers = true``; by default what
            ``$SEALWIRE_SETTINGS`` names.
        required: whether a process that cannot listen ends; otherwise it logs an error on
            ``sealwire`` and runs tasks.
    """
    leave_to_workers()

    def begin(**_: object) -> None:
        listen_here(path, required=required)

    def begin_alone(sender: object = None, **_: object) -> None:
        if not isinstance(getattr(sender, "pool", None), TaskPool):
            begin()

    def end(**_: object) -> None:
        stop_here()

    # Not weak: nothing else holds these functions.
    worker_process_init.connect(begin, weak=False, dispatch_uid=_UID)
    worker_ready.connect(begin_alone, weak=False, dispatch_uid=_UID)
    worker_process_shutdown.connect(end, weak=False, dispatch_uid=_UID)
    worker_shutdown.connect(end, weak=False, dispatch_uid=_UID)
