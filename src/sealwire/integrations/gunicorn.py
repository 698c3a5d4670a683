"""Every worker of gunicorn listens: one line in ``gunicorn.conf.py``.

    from sealwire.integrations.gunicorn import post_worker_init

The settings are those that ``$SEALWIRE_SETTINGS`` names, with ``workers = true``. With a path, or
with a hook of one's own, it is

    from sealwire.integrations.gunicorn import listening
    post_worker_init = listening("/etc/sealwire/payments@prod/service.toml", after=my_hook)

gunicorn calls this hook in each worker, when rights are given up and the application is loaded,
with and without ``--preload``. The master runs no thread of ours. A worker that ends gives its
place back at exit; the place of one that is killed is free at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealwire.integrations.starting import leave_to_workers, listen_here

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealwire.keyfiles import StrPath

# Read where gunicorn reads its configuration, which is in the master, and before an application is.
leave_to_workers()


def post_worker_init(worker: object) -> None:  # noqa: ARG001 - gunicorn looks at the number
    """Listen in a worker, with the settings that ``$SEALWIRE_SETTINGS`` names.

    Raises:
        SealwireError: as of `sealwire.listen_from`; gunicorn ends the worker.
    """
    listen_here()


def listening(
    path: StrPath | None = None,
    *,
    after: Callable[[object], object] | None = None,
    required: bool = True,
) -> Callable[[object], None]:
    """Give a ``post_worker_init`` hook.

    Args:
        path: the service's settings; by default what ``$SEALWIRE_SETTINGS`` names.
        after: a hook of one's own that is called before: what it sets up is the application's.
        required: whether a worker that cannot listen ends, as one that cannot load its application;
            otherwise it logs an error on ``sealwire`` and serves.
    """

    def post_worker_init(worker: object) -> None:
        if after is not None:
            after(worker)
        listen_here(path, required=required)

    return post_worker_init
