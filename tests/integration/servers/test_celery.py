"""celery: one line where the app is made, and one lease changes every process that runs tasks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.integration.servers.fleet import HERE
from tests.integration.workers_fleet import outcomes

if TYPE_CHECKING:
    from tests.integration.servers.fleet import Fleet

COUNT = 3
_SENDS = "import celery_shop\nfor _ in range({}): celery_shop.work.delay()\n"


def work(fleet: Fleet, *options: str) -> None:
    """Start a worker."""
    quiet = "--without-gossip", "--without-mingle", "--without-heartbeat"
    fleet.start("-m", "celery", "-A", "celery_shop", "worker", *quiet, *options)


def send(fleet: Fleet, count: int) -> None:
    """Send tasks, from a process that listens nowhere."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")]),
        "TICKING_LOG": str(fleet.log),
        "SEALWIRE_SETTINGS": str(fleet.settings),
    }
    subprocess.run([sys.executable, "-c", _SENDS.format(count)], env=environment, check=True)


def test_one_lease_changes_every_process_of_the_pool(fleet: Fleet) -> None:
    """And those that replace others under it; when it is over none of them writes more."""
    work(fleet, "--pool", "prefork", "--concurrency", str(COUNT), "--max-tasks-per-child", "5")
    began = fleet.workers(COUNT)
    assert fleet.pid not in began
    result, at = fleet.lease()
    assert ["applied"] * COUNT == outcomes(result)
    fleet.await_debug(began, at)
    # One dies, and each of the others comes to the end of its tasks.
    killed = min(began)
    os.kill(killed, signal.SIGKILL)
    second = fleet.workers(COUNT, but={killed})
    fleet.await_debug(second, at)
    send(fleet, 12 * COUNT)
    fleet.await_records(b"a task is done", 12 * COUNT, at)
    third = fleet.workers(COUNT, but=second)
    fleet.await_debug(third, at)
    fleet.client.revert()
    fleet.await_quiet(third)
    result, at = fleet.lease(for_s=2)
    assert ["applied"] * COUNT == outcomes(result)
    fleet.await_debug(third, at)
    fleet.await_quiet(third)


@pytest.mark.parametrize("pool", ["solo", "threads"])
def test_a_worker_of_one_process_listens_itself(fleet: Fleet, pool: str) -> None:
    """When it is ready."""
    work(fleet, "--pool", pool)
    assert {fleet.pid} == fleet.workers(1)
    result, at = fleet.lease(for_s=2)
    assert ["applied"] == outcomes(result)
    fleet.await_debug({fleet.pid}, at)
    fleet.await_quiet({fleet.pid})
