"""An app of celery, with a broker in a folder, whose processes log while they run."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

import celery
import ticking
from celery.signals import setup_logging, worker_process_init, worker_ready

from sealwire.integrations.celery import listen_in_workers

_BROKER = Path(os.environ["TICKING_LOG"]).with_name("broker")
_BROKER.mkdir(exist_ok=True)

app = celery.Celery("celery_shop", broker="filesystem://")
app.conf.broker_transport_options = {
    "data_folder_in": str(_BROKER),
    "data_folder_out": str(_BROKER),
    "control_folder": str(_BROKER / "control"),
    "polling_interval": 0.1,
}
listen_in_workers()


def _set_up(**_: object) -> None:
    ticking.set_up()


def _begin(**_: object) -> None:
    ticking.start()


def _begin_alone(sender: object, **_: object) -> None:
    if "prefork" not in type(getattr(sender, "pool", None)).__module__:
        ticking.start()


setup_logging.connect(_set_up)
worker_process_init.connect(_begin)
worker_ready.connect(_begin_alone)


def _work() -> int:
    """Take a while; give the process that did."""
    time.sleep(0.05)
    logging.getLogger(ticking.LOGGER).warning("a task is done")
    return os.getpid()


work = app.task(_work)
