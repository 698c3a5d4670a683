"""uvicorn with several workers: one line in the application, and one lease changes all of them."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from tests.integration.workers_fleet import outcomes

if TYPE_CHECKING:
    from tests.integration.servers.fleet import Fleet

COUNT = 3


def serve(fleet: Fleet, *options: str) -> None:
    """Start uvicorn."""
    bound = "--uds", f"{fleet.folder}/http", "--timeout-worker-healthcheck", "60"
    fleet.start("-m", "uvicorn", *bound, *options, "asgi_shop:application")


def test_one_lease_changes_every_worker(fleet: Fleet) -> None:
    """And those that replace others under it; when it is over none of them writes more."""
    serve(fleet, "--workers", str(COUNT))
    began = fleet.workers(COUNT)
    result, at = fleet.lease()
    assert ["applied"] * COUNT == outcomes(result)
    fleet.await_debug(began, at)
    killed = min(began)
    os.kill(killed, signal.SIGKILL)
    second = fleet.workers(COUNT, but={killed})
    fleet.await_debug(second, at)
    os.kill(fleet.pid, signal.SIGHUP)
    third = fleet.workers(COUNT, but=second)
    fleet.await_debug(third, at)
    fleet.client.revert()
    fleet.await_quiet(third)
    result, at = fleet.lease(for_s=2)
    assert ["applied"] * COUNT == outcomes(result)
    fleet.await_debug(third, at)
    fleet.await_quiet(third)


def test_a_worker_that_cannot_listen_does_not_start(fleet: Fleet) -> None:
    """And says why, in uvicorn's own words for an application that fails."""
    fleet.settings.write_text("workers = true\n", encoding="utf-8")
    serve(fleet)
    assert fleet.server is not None
    assert 3 == fleet.server.wait(60)
    assert "audience" in (fleet.folder / "output").read_text(encoding="utf-8")
