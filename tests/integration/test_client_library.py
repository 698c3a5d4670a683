"""The client and real services: settings from files, a socket, and a process of its own."""

from __future__ import annotations

import json
import logging
import pickle
import socket
import struct
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from sealwire import (
    Answer,
    Client,
    ConfigurationError,
    MemorySealerState,
    NoAnswerError,
    Outcome,
    RequestFailedError,
    RequestRefusedError,
    Sealer,
    TransportError,
    engine,
    wall_clock_ms,
)
from sealwire.answers import encode_answer
from sealwire.cli.app import run
from sealwire.settings import load_operator_settings
from sealwire.testing import FakeClock, assert_level, logging_restored
from sealwire.transports.client import exchange

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import Way
    from tests.integration.conftest import Child

    from sealwire.listener import Listener

PATIENCE_S = 20.0
AUDIENCE = "payments@test"
NAME = "payments.db"
DEBUG = {"version": 1, "incremental": True, "loggers": {NAME: {"level": "DEBUG"}}}

PROGRAM = """
import logging, sys, sealwire
logging.basicConfig(level=logging.INFO, stream=sys.stderr)
listener = sealwire.listen_from(sys.argv[1])
print("listening", flush=True)
for line in sys.stdin:
    print(logging.getLogger("payments.db").getEffectiveLevel(), flush=True)
"""


class Service:
    """A process that listens, and says at which level its logger is."""

    def __init__(self, settings: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert "listening\n" == self._line()

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    @property
    def level(self) -> int:
        """The level of the logger, in that process."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return int(self._line())

    def end(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()


@pytest.fixture(params=["local", "network"])
def parts(request: pytest.FixtureRequest, folder: Path) -> Path:
    """Give a folder with a service's part and an operator's, of each chain in turn."""
    made = folder / "made"
    arguments = ["init", AUDIENCE, "--both", "--owner", "alice", "--dir", str(made)]
    assert not run([*arguments, "--chain", request.param])
    return made


@pytest.fixture
def service(parts: Path) -> Iterator[Service]:
    """Give a service that runs."""
    running = Service(parts / "service.toml")
    yield running
    running.end()


@pytest.fixture
def client(parts: Path) -> Client:
    """Give the operator's client."""
    return Client.from_settings(parts / "operator" / "operator.toml")


def answers_say_why(client: Client) -> bool:
    """Whether the chain does not encrypt, so that answers may quote the request."""
    return bool(client.status().report)


def test_everything_that_can_be_asked(service: Service, client: Client) -> None:
    """Each change is there in the other process when the call returns."""
    plan = client.plan(DEBUG)
    assert logging.INFO == service.level
    lease = client.lease({NAME: "DEBUG"}, for_s=600, why="INC-4711")
    assert logging.DEBUG == service.level
    client.revert(lease.request_id)
    assert logging.INFO == service.level
    applied = client.apply(json.dumps(DEBUG), why="CHG-1200")
    assert logging.DEBUG == service.level
    if answers_say_why(client):
        (change,) = plan.report["changes"]
        assert f"loggers.{NAME}.level" == change["where"]
        base = client.status().report["base"]
        assert ("alice", applied.request_id) == (base["issuer"], base["id"])
        client.apply(DEBUG, replaces=base["digest"])


def test_what_was_not_done_raises(service: Service, client: Client) -> None:
    """With the reason in both chains, and with the place where the answer may say it."""
    with pytest.raises(RequestRefusedError) as refused:
        client.lease({NAME: "DEBUG"}, for_s=30 * 24 * 3600)
    assert "policy" == refused.value.reason
    with pytest.raises(RequestFailedError) as failed:
        client.lease({NAME: "DEBUG"}, through=["nowhere"])
    if answers_say_why(client):
        assert "no handler nowhere" in str(failed.value)
    assert logging.INFO == service.level


def test_settings_are_found_as_the_command_line_finds_them(
    service: Service, parts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the environment; by what was read; an address of one's own counts more."""
    path = parts / "operator" / "operator.toml"
    monkeypatch.setenv("SEALWIRE_CONFIG", str(path))
    Client.from_settings().status()
    Client.from_settings(to=AUDIENCE).status()
    settings = load_operator_settings(path)
    Client.from_settings(settings).status()
    elsewhere = Client.from_settings(settings, address=f"unix:{parts}/nobody.sock")
    with pytest.raises(TransportError, match=r"nobody\.sock"):
        elsewhere.status()
    with pytest.raises(ConfigurationError, match=r"is none of: payments@test"):
        Client.from_settings(to="orders@test")
    monkeypatch.setenv("SEALWIRE_CONFIG", str(parts / "missing.toml"))
    with pytest.raises(ConfigurationError, match=r"missing\.toml"):
        Client.from_settings()


def test_threads_share_a_client(service: Service, client: Client) -> None:
    """No message is overtaken by one that was sealed later."""
    leases: list[str] = []
    threads = [
        threading.Thread(
            target=lambda: leases.append(client.lease({NAME: "DEBUG"}, for_s=600).request_id)
        )
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert 8 == len(set(leases))
    assert logging.DEBUG == service.level
    client.revert()
    assert logging.INFO == service.level


def test_two_clients_never_use_one_version(service: Service, client: Client, parts: Path) -> None:
    """What was used is in the state beside the settings, which both know."""
    other = Client.from_settings(parts / "operator" / "operator.toml")
    for each in (client, other, client, other):
        each.lease({NAME: "DEBUG"})
    state = json.loads((parts / "operator" / "operator-state.json").read_text())
    assert {"lease"} == set(state["last"][AUDIENCE])
    assert logging.DEBUG == service.level


def test_what_nobody_answered_is_sent_again(service: Service, client: Client, parts: Path) -> None:
    """The answer was lost on its way: the same bytes tell that it had been done."""
    way = parts / "way.sock"
    with socket.socket(socket.AF_UNIX) as lossy:
        lossy.bind(str(way))
        lossy.listen()
        lossy.settimeout(PATIENCE_S)

        def pass_on_and_hang_up() -> None:
            connection, _ = lossy.accept()
            with connection, connection.makefile("rb") as file:
                (length,) = struct.unpack(">L", file.read(4))
                exchange(client.address, file.read(length))

        thread = threading.Thread(target=pass_on_and_hang_up)
        thread.start()
        path = parts / "operator" / "operator.toml"
        with pytest.raises(NoAnswerError) as raised:
            Client.from_settings(path, address=f"unix:{way}").lease({NAME: "DEBUG"})
        thread.join(PATIENCE_S)
    error = pickle.loads(pickle.dumps(raised.value))
    result = client.send(error.sealed, request_id=error.request_id)
    assert result.repeated
    assert logging.DEBUG == service.level
    client.revert(result.request_id)
    assert logging.INFO == service.level


def test_no_connection_is_no_answer_either(client: Client) -> None:
    """And of another class, because nothing was sent."""
    with pytest.raises(TransportError) as raised:
        client.status()
    assert not isinstance(raised.value, NoAnswerError)


def test_a_client_of_parts(
    serve: Callable[..., Listener], local: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a file, as in a program that keeps its keys elsewhere."""
    monkeypatch.setattr(engine, "_of_process", [])
    with logging_restored():
        listener = serve()
        sealer = Sealer(
            local.operator.audience,
            local.layers,
            issuer=local.operator.name,
            state=MemorySealerState(),
            clock=wall_clock_ms,
        )
        client = Client(str(listener.address), sealer)
        # A message of the millisecond in which a listener starts is from before its start.
        time.sleep(0.003)
        lease = client.lease({NAME: "DEBUG"})
        assert_level(NAME, "DEBUG")
        assert [lease.request_id] == client.revert().report["ended"]


def test_a_fake_clock_under_a_real_listener(
    serve: Callable[..., Listener],
    local: Way,
    until: Callable[[Callable[[], object]], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A lease of an hour is over in a moment, in the listener's own thread."""
    monkeypatch.setattr(engine, "_of_process", [])
    logger = logging.getLogger(NAME)
    with logging_restored(), FakeClock().in_place() as clock:
        listener = serve(audience=None)
        sealer = Sealer(
            local.operator.audience,
            local.layers,
            issuer=local.operator.name,
            state=MemorySealerState(),
            clock=clock.wall_clock_ms,
        )
        client = Client(str(listener.address), sealer)
        client.lease({NAME: "DEBUG"}, for_s=3600)
        clock.advance(3590)
        assert logging.DEBUG == logger.level
        clock.advance(10)
        until(lambda: logger.level != logging.DEBUG)
        listener.stop()


def test_a_child_asks_beside_a_request_of_its_parent(
    child: Callable[[Callable[[], object]], Child], local: Way
) -> None:
    """What the parent waits for nobody in the child will ever get."""
    asked, answered = threading.Event(), threading.Event()

    def wait_once(address: str, sealed: bytes, /, *, timeout_s: float) -> bytes:
        if not asked.is_set():
            asked.set()
            assert answered.wait(PATIENCE_S)
        return encode_answer(Answer(Outcome.APPLIED))

    sealer = Sealer(
        local.operator.audience,
        local.layers,
        issuer=local.operator.name,
        state=MemorySealerState(),
        clock=wall_clock_ms,
    )
    client = Client("unix:/nowhere", sealer, deliver=wait_once)
    thread = threading.Thread(target=client.status)
    thread.start()
    try:
        assert asked.wait(PATIENCE_S)
        child(client.status).check()
    finally:
        answered.set()
        thread.join()
    # The parent has kept its order.
    assert Outcome.APPLIED is client.status().outcome


def test_a_program_that_asks(
    service: Service, parts: Path, run_program: Callable[..., str]
) -> None:
    """A few lines, as somebody would write them."""
    source = """
import sys
from sealwire.client import Client
client = Client.from_settings(sys.argv[1])
print(client.lease({"payments.db": "DEBUG"}, for_s=60, why="INC-4711").outcome.name)
"""
    assert "APPLIED\n" == run_program(source, parts / "operator" / "operator.toml")
    assert logging.DEBUG == service.level
