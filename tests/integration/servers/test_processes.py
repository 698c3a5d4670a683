"""Processes of `multiprocessing` and of executors: one lease changes all of them."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
from tests.integration.servers.fleet import HERE
from tests.integration.workers_fleet import outcomes

if TYPE_CHECKING:
    from tests.integration.servers.fleet import Fleet

COUNT = 3


@pytest.mark.parametrize("how", ["fork", "spawn", "forkserver"])
@pytest.mark.parametrize("kind", ["processes", "pool", "executor"])
def test_one_lease_changes_every_process(fleet: Fleet, kind: str, how: str) -> None:
    """And those that replace others under it; when it is over none of them writes more."""
    fleet.start(str(HERE / "pool_program.py"), kind, how, str(COUNT))
    began = fleet.workers(COUNT)
    assert fleet.pid not in began
    result, at = fleet.lease()
    assert ["applied"] * COUNT == outcomes(result)
    fleet.await_debug(began, at)
    killed = min(began)
    os.kill(killed, signal.SIGKILL)
    second = fleet.workers(COUNT, but={killed})
    fleet.await_debug(second, at)
    fleet.client.revert()
    fleet.await_quiet(second)
    result, at = fleet.lease(for_s=2)
    assert ["applied"] * COUNT == outcomes(result)
    fleet.await_debug(second, at)
    fleet.await_quiet(second)
