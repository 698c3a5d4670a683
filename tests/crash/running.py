"""Services that are started, asked and killed, as a test does it.

Rules this module keeps:

1. What is killed is waited for until the kernel has taken back all that it had, locks included.
2. Everything ends with the nursery, also if the test dies: services end when nobody talks to them.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

PATIENCE_S = 30.0
PROGRAM = Path(__file__).with_name("nursery.py")
HAMMER = Path(__file__).with_name("hammer.py")
HAMMER_S = 3_600.0

LISTEN = "running = sealwire.listen_from({!r}); told = None"
LEVEL = "told = logging.getLogger({!r}).getEffectiveLevel()"


class Service:
    """A process of a service.

    Attributes:
        pid: its number.
    """

    def __init__(self, pid: int, talk: socket.socket, settings: Path) -> None:
        """Take over a process that has been started."""
        self.pid, self._talk, self._settings = pid, talk, settings
        self._talk.settimeout(PATIENCE_S)
        self._process = os.pidfd_open(pid)

    def listen(self) -> bool:
        """Let it listen; give whether it does, and has not died or been refused."""
        return self.tell(LISTEN.format(str(self._settings))) and self.heard() is not None

    def tell(self, program: str) -> bool:
        """Let it run something, without waiting; give whether it was there to hear."""
        try:
            self._talk.sendall(json.dumps(program).encode() + b"\n")
        except OSError:
            return False
        return True

    def heard(self) -> list[Any] | None:
        """Give what it answers, ``None`` where it has died."""
        answer = b""
        while not answer.endswith(b"\n"):
            try:
                part = self._talk.recv(65_536)
            except ConnectionResetError:
                part = b""
            if not part:
                return None
            answer += part
        return [json.loads(answer)]

    def do(self, program: str) -> Any:  # noqa: ANN401 - whatever JSON can say
        """Let it run something, and give what that leaves in ``told``."""
        assert self.tell(program)
        answer = self.heard()
        assert answer is not None, f"the service {self.pid} has died"
        return answer[0]

    def level(self, name: str) -> int:
        """Give the level that a logger has there."""
        return int(self.do(LEVEL.format(name)))

    @property
    def threads(self) -> set[int]:
        """The numbers of its threads."""
        return {int(each.name) for each in Path(f"/proc/{self.pid}/task").iterdir()}

    def kill(self) -> None:
        """End it as the kernel would; nothing of it is there any more then."""
        if self._process != -1:
            self.shoot()
            assert self.is_dead(PATIENCE_S)

    def shoot(self) -> None:
        """Send it what ends it, whatever it is doing."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._process, signal.SIGKILL)

    def is_dead(self, patience_s: float) -> bool:
        """Wait for its end; give whether it has come."""
        if self._process == -1:
            return True
        if not select.select([self._process], [], [], patience_s)[0]:
            return False
        os.close(self._process)
        self._process = -1
        self._talk.close()
        return True


class Nursery:
    """Starts services."""

    def __init__(self, log: Path, environment: Mapping[str, str] | None = None) -> None:
        """Begin.

        Args:
            log: where the services write what they log.
            environment: what their environment has besides ours.
        """
        self.log = log
        self._asked, theirs = socket.socketpair()
        self._asked.settimeout(PATIENCE_S)
        number = theirs.fileno()
        self._process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(number)],
            pass_fds=[number],
            env={**os.environ, **(environment or {})},
        )
        theirs.close()
        self._services: list[Service] = []

    def __enter__(self) -> Self:
        """Use it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End it, and all services."""
        for service in self._services:
            service.kill()
        self._asked.close()
        self._process.wait(PATIENCE_S)

    def prepare(self, settings: Path, first: str = "") -> Service:
        """Start a service that does not listen yet.

        Args:
            settings: its settings file.
            first: a program that it runs before anything else.
        """
        wanted = {"settings": str(settings), "log": str(self.log), "first": first}
        self._asked.sendall(json.dumps(wanted).encode())
        pid, (talk,), _, _ = socket.recv_fds(self._asked, 100, 1)
        self._services = [each for each in self._services if not each.is_dead(0)]
        self._services.append(Service(int(pid), socket.socket(fileno=talk), settings))
        return self._services[-1]

    def start(self, settings: Path, first: str = "") -> Service:
        """Start a service that listens; fail if it does not."""
        service = self.prepare(settings, first)
        assert service.listen(), f"it does not listen, see {self.log.read_text()[-3000:]}"
        return service


def hammered(folder: Path, processes: int, tries: int, phases: int) -> dict[str, Any]:
    """Run ``hammer.py`` in a folder; give what it says."""
    numbers = map(str, (processes, tries, phases))
    command = [sys.executable, str(HAMMER), str(folder), *numbers]
    # In a group of its own, so that nothing of it is left if it has to be ended.
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        told, _ = process.communicate(timeout=HAMMER_S)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    said: dict[str, Any] = json.loads(told)
    return said
