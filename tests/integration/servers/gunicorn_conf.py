"""The configuration of gunicorn in these tests: our hook, after one of the user's own."""

import threading
from pathlib import Path

import ticking

from sealwire.integrations.gunicorn import listening

post_worker_init = listening(after=ticking.start)


def child_exit(server: object, worker: object) -> None:
    """Write down which threads the master runs."""
    names = sorted(each.name for each in threading.enumerate())
    Path("master-threads").write_text("\n".join(names), encoding="utf-8")
