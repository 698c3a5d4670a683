"""gunicorn: one line in its configuration, and one lease changes every worker."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.integration.servers.fleet import HERE
from tests.integration.workers_fleet import outcomes

if TYPE_CHECKING:
    from tests.integration.servers.fleet import Fleet

COUNT = 3


def start(fleet: Fleet, *options: str, **environment: str) -> None:
    """Start gunicorn."""
    conf = "--config", str(HERE / "gunicorn_conf.py")
    bound = "--bind", f"unix:{fleet.folder}/http", "--graceful-timeout", "5"
    command = "-m", "gunicorn", *conf, *bound, "-w", str(COUNT), *options, "shop:application"
    fleet.start(*command, **environment)


def serve(fleet: Fleet, *options: str) -> set[int]:
    """Start gunicorn, and give the numbers of its workers."""
    start(fleet, *options)
    return fleet.workers(COUNT)


@pytest.mark.parametrize("preload", [(), ("--preload",)], ids=["", "preload"])
@pytest.mark.parametrize("kind", ["sync", "gthread", "gevent"])
def test_one_lease_changes_every_worker(fleet: Fleet, kind: str, preload: tuple[str, ...]) -> None:
    """And those that replace others under it; when it is over none of them writes more."""
    began = serve(fleet, "--worker-class", kind, *preload)
    result, at = fleet.lease()
    assert ["applied"] * COUNT == outcomes(result)
    fleet.await_debug(began, at)
    # One dies, and the others are exchanged.
    killed = min(began)
    os.kill(killed, signal.SIGKILL)
    second = fleet.workers(COUNT, but={killed})
    fleet.await_debug(second, at)
    os.kill(fleet.pid, signal.SIGHUP)
    third = fleet.workers(COUNT, but=second)
    fleet.await_debug(third, at)
    assert not third & began
    fleet.client.revert()
    fleet.await_quiet(third)
    # A short one ends by itself.
    result, at = fleet.lease(for_s=2)
    assert ["applied"] * COUNT == outcomes(result)
    fleet.await_debug(third, at)
    fleet.await_quiet(third)


@pytest.mark.parametrize("kind", ["sync", "gthread"])
def test_workers_that_have_served_enough_are_replaced_by_ones_that_listen(
    fleet: Fleet, kind: str
) -> None:
    """With max_requests, under a lease: the new ones write what the old ones did."""
    began = serve(fleet, "--worker-class", kind, "--max-requests", "5")
    _, at = fleet.lease()
    for _ in range(600):
        fleet.ask()
        if not began & fleet.writing():
            break
        time.sleep(0.01)
    later = fleet.workers(COUNT, but=began)
    fleet.await_debug(later, at)
    assert ["applied"] * COUNT == outcomes(fleet.lease()[0])


def test_the_workers_of_a_second_master_join_those_of_the_first(fleet: Fleet) -> None:
    """USR2: all of them listen at one address, and the old ones may go."""
    pid_file = fleet.folder / "pid"
    began = serve(fleet, "--pid", str(pid_file))
    _, at = fleet.lease()
    os.kill(fleet.pid, signal.SIGUSR2)
    both = fleet.workers(2 * COUNT)
    assert began < both
    fleet.await_debug(both, at)
    first = fleet.follow(int((fleet.folder / "pid.2").read_text(encoding="utf-8")))
    os.kill(first, signal.SIGTERM)
    new = fleet.workers(COUNT, but=began)
    result, at = fleet.lease()
    assert ["applied"] * COUNT == outcomes(result)
    fleet.await_debug(new, at)


@pytest.mark.parametrize("preload", [(), ("--preload",)], ids=["", "preload"])
def test_the_master_does_not_listen(fleet: Fleet, preload: tuple[str, ...]) -> None:
    """It runs no thread of ours, and holds no file of the service."""
    killed = min(serve(fleet, *preload))
    os.kill(killed, signal.SIGKILL)
    fleet.workers(COUNT, but={killed})
    threads = (fleet.folder / "master-threads").read_text(encoding="utf-8").splitlines()
    assert "MainThread" in threads
    assert not [each for each in threads if "sealwire" in each]
    held = [each.readlink() for each in Path(f"/proc/{fleet.pid}/fd").iterdir()]
    assert not [each for each in held if fleet.folder / "state" in each.parents]


@pytest.mark.parametrize("preload", [(), ("--preload",)], ids=["", "preload"])
def test_a_configuration_is_that_of_later_workers_too(
    fleet: Fleet, preload: tuple[str, ...]
) -> None:
    """The application has set itself up alike in each, so that none of them puts it aside."""
    began = serve(fleet, *preload)
    at = fleet.log.stat().st_size
    result = fleet.client.apply({"version": 1, "loggers": {"shop.db": {"level": "DEBUG"}}})
    assert ["applied"] * COUNT == outcomes(result)
    fleet.await_debug(began, at)
    os.kill(min(began), signal.SIGKILL)
    later = fleet.workers(COUNT, but={min(began)})
    fleet.await_debug(later, at)
    rows = fleet.client.status().report["workers"]
    assert [""] * COUNT == [row["trouble"] for row in rows]
    assert 1 == len({row["base"] for row in rows} - {""})


def test_a_master_that_listens_itself_is_one_process_more(fleet: Fleet) -> None:
    """An application that listens while it is preloaded: its workers are none until they begin."""
    start(fleet, "--preload", SHOP_LISTENS="yes")
    workers = fleet.workers(COUNT, beside=1)
    assert fleet.pid not in workers
    result, at = fleet.lease()
    assert ["applied"] * (COUNT + 1) == outcomes(result)
    fleet.await_debug(workers, at)
    names = {each.name for each in result.receipt.instances} if result.receipt else set()
    assert COUNT + 1 == len(names)
