"""Django: one setting, and one lease changes every worker, whatever server it runs in."""

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
_SERVED = ("-m", "gunicorn", "-w", str(COUNT), "django_shop.wsgi:application")


def check(fleet: Fleet) -> None:
    """Lease, kill one, and see what each of them writes."""
    began = fleet.workers(COUNT)
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
    fleet.await_debug(second, at)
    fleet.await_quiet(second)


def test_a_setting_alone_makes_every_worker_listen(fleet: Fleet) -> None:
    """Of gunicorn, which knows nothing of it, as each worker loads the application."""
    fleet.start(*_SERVED, "--bind", f"unix:{fleet.folder}/http", TICKING_AT_ONCE="yes")
    check(fleet)


@pytest.mark.parametrize("preload", [(), ("--preload",)], ids=["", "preload"])
def test_the_setting_leaves_it_to_the_hook_of_a_server(
    fleet: Fleet, preload: tuple[str, ...]
) -> None:
    """So that the master does not listen that loads the application."""
    conf = "--config", str(HERE / "gunicorn_conf.py"), *preload
    fleet.start(*_SERVED, *conf, "--bind", f"unix:{fleet.folder}/http")
    check(fleet)
    threads = (fleet.folder / "master-threads").read_text(encoding="utf-8")
    assert "MainThread" in threads
    assert "sealwire" not in threads


def test_a_command_does_not_listen_without_settings(fleet: Fleet) -> None:
    """As `manage.py` is run by hand."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")]),
        "TICKING_LOG": str(fleet.log),
        "DJANGO_SETTINGS_MODULE": "django_shop.settings",
    }
    command = "import threading; print(*[each.name for each in threading.enumerate()])"
    told = subprocess.run(
        [sys.executable, "-m", "django", "shell", "-c", command],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    assert "MainThread" == told.stdout.splitlines()[-1]
