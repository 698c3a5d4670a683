"""What tests with real sockets and processes share: an operator's sealer, listeners, children.

Rules these tests keep:

1. Sockets are in a folder with a short path, which is removed afterwards; ports are the system's
   choice.
2. Every wait has an end, and no test asks how long something took.
3. A listener that a test starts is stopped afterwards, and its thread has to be gone then.
4. In this process, documents change one logger's level and nothing else (`DOCUMENT`). What changes
   handlers is applied in a child process.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import socket
import sys
import tempfile
import threading
import time
import traceback
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from sealwire import (
    MemorySealerState,
    Sealer,
    deliver,
    engine,
    eventlog,
    listen,
    memory,
    wall_clock_ms,
)
from sealwire.bases import Bases
from sealwire.requests import CONTENT_TYPE_REQUEST, write_request
from sealwire.transports.addresses import TcpAddress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from typing import Any

    from tests.conftest import Operator, Way
    from tests.integration.workers_fleet import Fleet

    from sealwire.documents import Tree
    from sealwire.listener import Listener
    from sealwire.requests import Verb
    from sealwire.stages import Answer, Applied, Stream

    Process = Callable[[], AbstractContextManager[None]]

PATIENCE_S = 20.0
"""Far longer than anything takes on a busy machine; what has not come by then will not."""

APPLICATION = "sealwire-tests.application"
DOCUMENT = {"version": 1, "incremental": True, "loggers": {APPLICATION: {"level": "DEBUG"}}}


@pytest.fixture(autouse=True)
def _a_new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each test begin as a process does that has taken nothing yet, and logged nothing."""
    memory._of_audience.clear()
    monkeypatch.setattr(eventlog, "_bugs", eventlog.Budget())


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    """Give a service of four processes."""
    from tests.integration.workers_fleet import Fleet

    made = Fleet(tmp_path)
    try:
        made.start("a", "b", "c", "d")
        yield made
    finally:
        made.end()


@pytest.fixture
def new_process(own_tree: Callable[[], AbstractContextManager[None]]) -> Process:
    """Give what begins as a process does that has logged, and changed, nothing yet."""

    @contextlib.contextmanager
    def begin() -> Iterator[None]:
        engine._of_process.clear()
        memory._of_audience.clear()
        with own_tree():
            yield
        engine._of_process.clear()

    return begin


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder whose path is short enough for sockets, as pytest's own may not be."""
    with tempfile.TemporaryDirectory(prefix="sw-") as path:
        yield Path(path)


@pytest.fixture
def path(folder: Path) -> Path:
    """Give the path of a socket that is not there yet."""
    return folder / "log.sock"


@pytest.fixture
def application() -> Iterator[logging.Logger]:
    """Give the logger whose level messages change, as it is in a new process."""
    logger = logging.getLogger(APPLICATION)
    logger.setLevel(logging.NOTSET)
    yield logger
    logger.setLevel(logging.NOTSET)
    logging.getLogger("sealwire").disabled = False


@pytest.fixture
def seal(local: Way, application: logging.Logger) -> Callable[..., bytes]:
    """Give what seals a document now; `DOCUMENT` if nothing else is wanted."""
    return _sealing(local.operator, local)


def ask_with(listener: Listener, sealed: bytes) -> Answer:
    """Deliver a message to where the listener says it is."""
    return deliver(listener.address, sealed, timeout_s=PATIENCE_S)


@pytest.fixture
def ask(seal: Callable[..., bytes]) -> Callable[..., Answer]:
    """Give what asks a listener for something with a verb."""

    def ask(listener: Listener, verb: Verb, stream: Stream, **members: Any) -> Answer:  # noqa: ANN401 - as write_request takes them
        document = write_request(verb, **members)
        sealed = seal(document, content_type=CONTENT_TYPE_REQUEST, stream=stream)
        return deliver(listener.address, sealed)

    return ask


@pytest.fixture
def seal_for_network(network: Way, application: logging.Logger) -> Callable[..., bytes]:
    """Give what seals a document now, for the chain that encrypts."""
    return _sealing(network.operator, network)


def _sealing(operator: Operator, way: Way) -> Callable[..., bytes]:
    sealer = Sealer(
        operator.audience,
        way.layers,
        issuer=operator.name,
        state=MemorySealerState(),
        clock=wall_clock_ms,
    )

    def seal(
        document: dict[str, Any] | bytes = DOCUMENT,
        **more: Any,  # noqa: ANN401 - whatever Sealer.seal() takes
    ) -> bytes:
        # A message of the millisecond in which a listener starts is from before its start.
        time.sleep(0.003)
        raw = document if isinstance(document, bytes) else json.dumps(document).encode()
        return sealer.seal(raw, **more)

    return seal


@pytest.fixture
def serve(local: Way, path: Path) -> Iterator[Callable[..., Listener]]:
    """Give what starts a listener, on a Unix socket and for alice if nothing else is wanted."""
    started: list[Listener] = []

    def start(
        address: str | None = None,
        **more: Any,  # noqa: ANN401 - whatever listen() takes
    ) -> Listener:
        more.setdefault("chain", local.chain)
        listener = listen(address or f"unix:{path}", **more)
        started.append(listener)
        return listener

    yield start
    for listener in started:
        listener.stop(PATIENCE_S)
        listener.join(PATIENCE_S)
    assert [] == [each for each in threading.enumerate() if each.name == "sealwire-listener"]


@pytest.fixture(params=["unix", "tcp"])
def anywhere(request: pytest.FixtureRequest, path: Path) -> str:
    """Give an address of each kind that needs nothing set up."""
    return f"unix:{path}" if request.param == "unix" else "tcp:127.0.0.1:0"


@pytest.fixture
def connect() -> Iterator[Callable[[Listener], socket.socket]]:
    """Give what connects to a listener; the connections are closed afterwards."""
    connections: list[socket.socket] = []

    def to(listener: Listener) -> socket.socket:
        address = listener.address
        if isinstance(address, TcpAddress):
            connection = socket.create_connection((address.host, address.port))
        else:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.connect(address.path)
        connection.settimeout(PATIENCE_S)
        connections.append(connection)
        return connection

    yield to
    for connection in connections:
        connection.close()


@pytest.fixture
def read_all() -> Callable[[socket.socket], bytes]:
    """Give what reads until the peer ends."""

    def read(connection: socket.socket) -> bytes:
        received = b""
        while True:
            try:
                data = connection.recv(65_536)
            except ConnectionError:
                # Closing on what was not read resets the connection, after the answer.
                return received
            if not data:
                return received
            received += data

    return read


@pytest.fixture
def until() -> Callable[[Callable[[], object]], None]:
    """Give what waits for a condition, and fails if it does not come."""

    def wait(condition: Callable[[], object]) -> None:
        ends_s = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < ends_s, "waited in vain"
            time.sleep(0.002)

    return wait


class Child:
    """A forked process that runs one function and says how that ended."""

    def __init__(self, program: Callable[[], object]) -> None:
        self._heard, told = os.pipe()
        with warnings.catch_warnings():
            # From Python 3.12 on, a fork beside a running thread warns; it is what is tested here.
            warnings.filterwarnings("ignore", "This process ", DeprecationWarning)
            self.pid = os.fork()
        if self.pid == 0:
            os.close(self._heard)
            self._run(program, told)
        os.close(told)
        self.said = ""
        self._status: int | None = None

    @staticmethod
    def _run(program: Callable[[], object], told: int) -> NoReturn:
        code = 1
        try:
            # Ends a child that hangs.
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(round(PATIENCE_S))
            program()
            code = 0
        except BaseException:  # noqa: BLE001 - whatever it is, the parent is told
            os.write(told, traceback.format_exc().encode(errors="replace"))
        finally:
            os._exit(code)

    def wait(self) -> int:
        """Give its exit status once it has ended; a negative one is a signal."""
        if self._status is None:
            self._status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            # A child of the child may hold the pipe, so its end is not waited for.
            os.set_blocking(self._heard, False)
            with os.fdopen(self._heard, "rb") as told:
                self.said = (told.read() or b"").decode()
        return self._status

    def check(self) -> None:
        """Wait for its end, and fail unless everything went well in it."""
        status = self.wait()
        assert 0 == status, self.said or f"ended by signal {-status}"

    def kill(self) -> None:
        """End it as a crash would: nothing of it is run any more."""
        if self._status is None:
            os.kill(self.pid, signal.SIGKILL)
            self.wait()


@pytest.fixture
def child() -> Iterator[Callable[[Callable[[], object]], Child]]:
    """Give what forks a child that runs a function; it is ended afterwards."""
    children: list[Child] = []

    def fork(program: Callable[[], object]) -> Child:
        children.append(Child(program))
        return children[-1]

    yield fork
    for each in children:
        each.kill()


@pytest.fixture
def gate() -> Iterator[Callable[[], Gate]]:
    """Give what makes gates between processes."""
    gates: list[Gate] = []

    def make() -> Gate:
        gates.append(Gate())
        return gates[-1]

    yield make
    for each in gates:
        each.close()


class Gate:
    """Something that one process waits for and another one opens."""

    def __init__(self) -> None:
        self._out, self._into = os.pipe()

    def open(self) -> None:
        """Let one through."""
        os.write(self._into, b"x")

    def wait(self) -> None:
        """Wait until somebody opens it."""
        assert b"x" == os.read(self._out, 1)

    def close(self) -> None:
        """Close both ends."""
        os.close(self._out)
        os.close(self._into)


@pytest.fixture
def descriptors() -> Callable[[], int]:
    """Give what counts this process's open descriptors."""

    def count() -> int:
        # One of them is the one that lists them.
        return len(list(Path("/dev/fd").iterdir())) - 1

    return count


@pytest.fixture
def slow_apply(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowApply]:
    """Make applying wait until the test lets it go on."""
    slow = SlowApply(Bases.apply)

    def apply(of: Bases, *given: Any) -> tuple[Applied, Tree]:  # noqa: ANN401 - as the method takes them
        return slow(of, *given)

    monkeypatch.setattr(Bases, "apply", apply)
    yield slow
    slow.go.set()


class SlowApply:
    """Applies as ever, after a wait."""

    def __init__(self, apply: Callable[..., tuple[Applied, Tree]]) -> None:
        self._apply = apply
        self.begun = threading.Event()
        self.go = threading.Event()
        self.count = 0

    def __call__(self, *given: Any) -> tuple[Applied, Tree]:  # noqa: ANN401 - as `Bases.apply` takes them
        """Wait, and apply."""
        self.count += 1
        self.begun.set()
        assert self.go.wait(PATIENCE_S)
        return self._apply(*given)


@pytest.fixture
def run_program(folder: Path) -> Callable[..., str]:
    """Give what runs Python source to its end, and gives what it wrote; warnings are errors."""
    import subprocess

    def run(source: str, *arguments: object) -> str:
        program = folder / "program.py"
        program.write_text(source, encoding="utf-8")
        command = [sys.executable, "-W", "error", "-W", "ignore:This process:DeprecationWarning"]
        ended = subprocess.run(
            [*command, str(program), *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert (0, "") == (ended.returncode, ended.stderr)
        return ended.stdout

    return run
