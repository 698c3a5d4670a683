"""What a process is called: its listeners agree on it, and one that does not begin changes nothing.

Rules these tests keep:

1. The name is read where receipts, `--only` and the trail read it.
"""

from __future__ import annotations

import os
from socket import gethostname
from typing import TYPE_CHECKING, Any

import pytest

from sealwire import ConfigurationError, wall_clock_ms
from sealwire.engine import engine_of_process
from sealwire.journal import init as init_state

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sealwire.listener import Listener


def name() -> str:
    """Give what this process is called."""
    return engine_of_process().in_force.instance


@pytest.fixture
def worker(folder: Path, serve: Callable[..., Listener]) -> Listener:
    """Give a listener that is one of several processes of `web-1`."""
    init_state(folder / "state", "payments@prod", min_version=0, now_ms=wall_clock_ms())
    worker = serve(workers=True, state=folder / "state", instance="web-1")
    assert "web-1/worker-0" == name()
    return worker


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"instance": "not a name"}, id="no-name"),
        pytest.param({"challenge": True}, id="challenge"),
        pytest.param({"workers": True}, id="workers"),
        pytest.param({"state": "another's"}, id="state"),
        pytest.param({"address": "unix:/dev/null/sock"}, id="address"),
        pytest.param({"workers": True, "state": "state", "address": "unix:/dev/null/sock"},
                     id="address-of-workers"),
    ],
)  # fmt: skip
def test_who_is_refused_leaves_the_name_alone(
    folder: Path, serve: Callable[..., Listener], wrong: dict[str, Any]
) -> None:
    """Wherever it is that the refusal comes from."""
    init_state(folder / "state", "payments@prod", min_version=0, now_ms=wall_clock_ms())
    init_state(folder / "another's", "shop@prod", min_version=0, now_ms=wall_clock_ms())
    with serve(f"unix:{folder}/first", instance="before"):
        pass
    before, anybody = name(), engine_of_process().in_force.is_anybody
    assert f"before/{os.getpid()}" == before
    if "state" in wrong:
        wrong = {**wrong, "state": folder / wrong["state"]}
    with pytest.raises(ConfigurationError):
        serve(**{"instance": "bad", **wrong})
    assert (before, anybody) == (name(), engine_of_process().in_force.is_anybody)


def test_another_name_is_refused_while_a_listener_runs(
    worker: Listener, folder: Path, serve: Callable[..., Listener]
) -> None:
    """Receipts and `--only` would not find the worker any more; it says what there is."""
    told = r"is called web-1/worker-0, and all its listeners take one instance; give this one web-1"
    with pytest.raises(ConfigurationError, match=told):
        serve(f"unix:{folder}/other", instance="other")
    assert not (folder / "other").exists()
    assert "web-1/worker-0" == name()
    assert worker.is_alive()


@pytest.mark.parametrize("instance", [None, "web-1"])
def test_a_second_listener_takes_the_name_that_there_is(
    worker: Listener, folder: Path, serve: Callable[..., Listener], instance: str | None
) -> None:
    """Also where it is not one of several processes itself."""
    with serve(f"unix:{folder}/other", instance=instance):
        assert "web-1/worker-0" == name()
    assert "web-1/worker-0" == name()


def test_the_first_that_begins_again_has_its_own_name(
    folder: Path, serve: Callable[..., Listener]
) -> None:
    """What others were called in between, or that they were workers, is over with them."""
    init_state(folder / "state", "payments@prod", min_version=0, now_ms=wall_clock_ms())
    plain, named = serve(f"unix:{folder}/plain"), f"unix:{folder}/named"
    plain.stop()
    serve(named, instance="web-1", workers=True, state=folder / "state").stop()
    with plain:
        assert f"{gethostname()}/{os.getpid()}" == name()
