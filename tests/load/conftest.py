"""What tests under load share: services in processes of their own, and the table at the end.

Rules these tests keep:

1. They assert counts: bytes, descriptors, threads, messages applied. What they measure in
   milliseconds is shown in the table at the end and decides nothing.
2. The standard library's listener stands beside ours, in its own process; its figures are shown,
   and nothing is asserted about it.
3. Everything is bounded in number and in time, on this machine's own sockets.
4. They read ``/proc``, and so need Linux.

``SEALWIRE_LOAD_SECONDS`` says how long a flood lasts: 60 if it is not set; 3 is the short form.
With fewer than 60, a configuration is changed as much less often than a thousand times.
"""

from __future__ import annotations

import os
import socket
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.operators import Operator
    from benchmarks.processes import Running

_TABLE = pytest.StashKey[dict[tuple[str, str], dict[str, str]]]()
_PATIENCE_S = 15.0
_LET_ACCEPT_S = 0.002
_STARTED_S = 0.01


def pytest_configure(config: pytest.Config) -> None:
    """Begin an empty table."""
    config.stash[_TABLE] = {}


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Show the table."""
    from benchmarks.figures import columns

    lines = sorted(config.stash[_TABLE].items())
    if lines:
        rows = [(*line, said.get("ours", ""), said.get("standard", "")) for line, said in lines]
        terminalreporter.section("figures under load")
        terminalreporter.write(columns([("goal", "what", "sealwire", "stdlib"), *rows]))


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Give what adds to a line of the table: ``note(goal, what, ours=…, standard=…)``."""

    def add(goal: str, what: str, **said: str) -> None:
        request.config.stash[_TABLE].setdefault((goal, what), {}).update(said)

    return add


@pytest.fixture(scope="session")
def flood_s() -> float:
    """Give the length of a flood, seconds."""
    return float(os.environ.get("SEALWIRE_LOAD_SECONDS", "60"))


@pytest.fixture(scope="session")
def operator() -> Operator:
    """Give the operator whose messages are applied."""
    from benchmarks.operators import Operator

    return Operator()


@pytest.fixture(scope="session")
def service_cpu() -> Iterator[int | None]:
    """Give the CPU that the service has for itself; everything else keeps off it."""
    from benchmarks.processes import beside, own_cpu

    assert Path("/proc/self/stat").exists(), "tests under load read /proc, and so need Linux"
    cpu = own_cpu()
    with beside(cpu):
        yield cpu


@pytest.fixture
def serve(operator: Operator, service_cpu: int | None) -> Iterator[Callable[..., Running]]:
    """Give what starts a sealwire service; keyword arguments are those of ``service.py``."""
    from benchmarks.processes import Running

    started: list[Running] = []
    # Not pytest's own folders: a socket's path may have about a hundred characters.
    with tempfile.TemporaryDirectory(prefix="load-") as folder:

        def start(**more: Any) -> Running:  # noqa: ANN401 - whatever JSON can say
            wanted = {
                "kind": "sealwire",
                "address": f"unix:{folder}/{len(started)}",
                **operator.described(network=True),
                **more,
            }
            started.append(Running(wanted, cpu=service_cpu))
            # What is sealed in the millisecond of a start may be from before it, and is not taken.
            time.sleep(_STARTED_S)
            return started[-1]

        try:
            yield start
        finally:
            for service in started:
                service.end()


@pytest.fixture
def ours(serve: Callable[..., Running]) -> Running:
    """Give a sealwire service with every default."""
    return serve()


@pytest.fixture
def standard(operator: Operator, service_cpu: int | None) -> Iterator[Running]:
    """Give the standard library's listener, with a ``verify`` written by hand."""
    from benchmarks.processes import Running

    wanted = {"kind": "standard", **operator.described(network=False)}
    with Running(wanted, cpu=service_cpu) as service:
        yield service


@pytest.fixture
def connect() -> Iterator[Callable[[str], socket.socket]]:
    """Give what connects to an address such as ``unix:/path``; what is left open is closed."""
    from benchmarks.processes import endpoint

    made: list[socket.socket] = []

    def to(address: str) -> socket.socket:
        family, where = endpoint(address)
        connection = socket.socket(family, socket.SOCK_STREAM)
        made.append(connection)
        # With a timeout, a Unix socket does not wait for room in the backlog, and fails at once.
        connection.connect(where)
        connection.settimeout(_PATIENCE_S)
        if family == socket.AF_INET:
            # The library's backlog is five; a connect beyond it is tried again after a second.
            time.sleep(_LET_ACCEPT_S)
        return connection

    yield to
    for connection in made:
        connection.close()


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], float]:
    """Give what waits for a condition, and gives the seconds that took; it fails after fifteen."""

    def wait(condition: Callable[[], bool]) -> float:
        began_s = time.monotonic()
        while not condition():
            assert time.monotonic() - began_s < _PATIENCE_S, "waited in vain"
            time.sleep(0.002)
        return time.monotonic() - began_s

    return wait
