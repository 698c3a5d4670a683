"""The examples for Flask and FastAPI: what every worker writes about requests, before and after."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.integration.workers_fleet import outcomes

if TYPE_CHECKING:
    from tests.integration.servers.fleet import Fleet

COUNT = 3
EXAMPLES = Path(__file__).parents[3] / "examples"
FLASK = (
    *("-m", "gunicorn", "--workers", str(COUNT), "--config", str(EXAMPLES / "gunicorn.conf.py")),
    *("--chdir", str(EXAMPLES), "--bind", "unix:{folder}/http", "flask_app:app"),
)
FASTAPI = (
    *("-m", "uvicorn", "--workers", str(COUNT), "--app-dir", str(EXAMPLES)),
    *("--timeout-worker-healthcheck", "60", "--uds", "{folder}/http", "fastapi_app:app"),
)


@pytest.mark.parametrize("command", [FLASK, FASTAPI], ids=["flask", "fastapi"])
def test_every_worker_writes_what_was_asked_for(fleet: Fleet, command: tuple[str, ...]) -> None:
    """While the lease runs, about each request; and then no more."""
    fleet.log = fleet.folder / "output"
    fleet.start(*(each.format(folder=fleet.folder) for each in command))
    with fleet.asked(at_once=6):
        workers = fleet.workers(COUNT)
        result, at = fleet.lease()
        assert ["applied"] * COUNT == outcomes(result)
        fleet.await_debug(workers, at)
        fleet.client.revert()
        fleet.await_quiet(workers)
