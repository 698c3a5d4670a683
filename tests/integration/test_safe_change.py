"""Changes through a real listener in a real process, with handlers that log, wait or fail."""

from __future__ import annotations

import gc
import logging
import os
import socket
import sys
import threading
import warnings
from contextlib import suppress
from logging.handlers import SysLogHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import pytest

from sealwire import Outcome, deliver
from sealwire.logtree import read
from sealwire.logtree.internals import logging_lock
from sealwire.policy import HANDLER_ARGUMENTS, Parameter, default_rules
from sealwire.policy.accepts import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.integration.conftest import Child

    from sealwire.listener import Listener
    from sealwire.stages import Answer

    Change = Callable[..., Answer]

PATIENCE_S: Final = 20.0
MODULE: Final = "a_module_of_the_safe_changes"
NAME: Final = "sealwire-tests.safe"
FILE: Final = "logging.FileHandler"
ROUNDS: Final = 50
WRITERS: Final = 4
POSITIONS: Final = range(4)
FULL_S: Final = 0.2
"""Far longer than it takes to connect to this machine where there is room."""
ROOM: Final = 16
ERRORS: Final = {"runtime": RuntimeError, "os": OSError, "exit": SystemExit}
entered = threading.Event()


class Talking(logging.FileHandler):
    """A handler whose ``emit`` uses logging, which takes logging's lock."""

    def emit(self, record: logging.LogRecord) -> None:
        """Make a logger, and write."""
        logging.getLogger(f"{NAME}.talking.{record.msg % 100}")
        super().emit(record)


class WaitingForReader(logging.Handler):
    """A handler whose constructor waits until somebody reads a FIFO."""

    def __init__(self, where: str) -> None:
        """Wait."""
        super().__init__()
        entered.set()
        with Path(where).open("w", encoding="ascii"):
            pass


class WaitingForPeer(SysLogHandler):
    """The library's own handler, whose constructor waits for a peer that does not accept."""

    def __init__(self, **more: Any) -> None:  # noqa: ANN401 - the library's arguments
        """Wait."""
        entered.set()
        super().__init__(**more)


class FailingToBegin(logging.Handler):
    """A handler that cannot be made."""

    def __init__(self, where: str) -> None:
        """Fail, in the way that the argument names."""
        raise ERRORS[where]


class FailingToEnd(logging.FileHandler):
    """A handler whose ``close`` closes its file, and fails."""

    def close(self) -> None:
        """Fail."""
        super().close()
        raise OSError("no space left")


class FailingAtOnce(logging.FileHandler):
    """A handler whose ``close`` fails before it has closed anything."""

    def close(self) -> NoReturn:
        """Fail."""
        raise OSError("no space left")


OWN: Final = (
    Talking,
    WaitingForReader,
    WaitingForPeer,
    FailingToBegin,
    FailingToEnd,
    FailingAtOnce,
)


@pytest.fixture(autouse=True)
def _module() -> Iterator[None]:
    sys.modules[MODULE] = sys.modules[__name__]
    yield
    del sys.modules[MODULE]


@pytest.fixture
def change(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    until: Callable[[Callable[[], object]], None],
    folder: Path,
) -> Callable[..., tuple[Listener, Change]]:
    """Give what starts a listener that may use the handlers of this file, and what asks it."""
    names = [f"{MODULE}.{each.__name__}" for each in OWN]
    arguments = {**HANDLER_ARGUMENTS[FILE], "filename": Parameter(Text())}
    arguments["where"] = Parameter(Text())
    arguments |= HANDLER_ARGUMENTS["logging.handlers.SysLogHandler"]

    def start(*destinations: tuple[str, int]) -> tuple[Listener, Change]:
        listener = serve(
            rules=default_rules(
                [str(folder.resolve())],
                handler_classes=[*HANDLER_ARGUMENTS, *names],
                arguments=dict.fromkeys(names, arguments),
                destinations=destinations,
            )
        )

        def ask(handlers: dict[str, Any], level: str = "INFO") -> Answer:
            logger = {"level": level, "handlers": [*handlers], "propagate": False}
            document = {"version": 1, "handlers": handlers, "loggers": {NAME: logger}}
            answer = deliver(listener.address, seal(document), timeout_s=PATIENCE_S)
            # The listener's own end of the connection is closed a little later.
            until(lambda: listener._server is not None and not listener._server.connections)
            return answer

        return listener, ask

    return start


def test_fifty_changes_of_a_handler_that_logs(
    change: Callable[..., tuple[Listener, Change]],
    child: Callable[[Callable[[], object]], Child],
    folder: Path,
) -> None:
    """The library's own order of locks stops process and listener at one of the first."""

    def program() -> None:
        listener, ask = change()
        over, counts = threading.Event(), [0] * WRITERS
        handler = {"class": f"{MODULE}.Talking", "filename": f"{folder.resolve()}/log"}

        def write(writer: int) -> None:
            while not over.is_set():
                number = counts[writer] * WRITERS + writer
                logging.getLogger(NAME).info(number)
                counts[writer] += 1

        assert Outcome.APPLIED == ask({"talking": handler}).outcome
        threads = [threading.Thread(target=write, args=(each,)) for each in range(WRITERS)]
        for thread in threads:
            thread.start()
        finished = [ask({"talking": {**handler, "level": each % 9}}) for each in range(ROUNDS)]
        over.set()
        for thread in threads:
            thread.join(PATIENCE_S)
            assert not thread.is_alive()
        assert [Outcome.APPLIED] * ROUNDS == [each.outcome for each in finished]
        listener.stop()
        written = (folder / "log").read_text(encoding="ascii").split()
        assert sorted(map(int, written)) == sorted(
            number * WRITERS + writer
            for writer in range(WRITERS)
            for number in range(counts[writer])
        )

    child(program).check()


class Obstacle:
    """A handler that waits while it is made, and what ends its waiting."""

    def __init__(self, kind: str, folder: Path) -> None:
        """Make a FIFO that nobody reads, or a port whose queue is full and nobody accepts from."""
        self.destinations: list[tuple[str, int]] = []
        self.handler: dict[str, Any]
        if kind == "fifo":
            self._fifo = folder.resolve() / "fifo"
            os.mkfifo(self._fifo)
            self.release = self._read
            self.handler = {"class": f"{MODULE}.WaitingForReader", "where": str(self._fifo)}
        else:
            self._server = socket.create_server(("127.0.0.1", 0), backlog=0)
            host, port = self._server.getsockname()
            self._fill(host, port)
            self.release = self._make_room
            self.destinations.append((host, port))
            self.handler = {
                "class": f"{MODULE}.WaitingForPeer",
                "address": [host, port],
                "socktype": socket.SOCK_STREAM.value,
            }

    def _fill(self, host: str, port: int) -> None:
        self._filling: list[socket.socket] = []
        with suppress(TimeoutError):
            while True:
                self._filling.append(socket.socket())
                self._filling[-1].settimeout(FULL_S)
                self._filling[-1].connect((host, port))

    def _read(self) -> None:
        with self._fifo.open("rb"):
            pass

    def _make_room(self) -> None:
        self._server.listen(ROOM)


@pytest.mark.parametrize("kind", ["fifo", "tcp"])
def test_a_constructor_that_waits_holds_nobody_up(
    change: Callable[..., tuple[Listener, Change]],
    child: Callable[[Callable[[], object]], Child],
    folder: Path,
    kind: str,
) -> None:
    """Meanwhile logging's lock is free, loggers are made, and what is written is written."""

    def program() -> None:
        obstacle = Obstacle(kind, folder)
        listener, ask = change(*obstacle.destinations)
        plain = {"class": FILE, "filename": f"{folder.resolve()}/log"}
        assert Outcome.APPLIED == ask({"plain": plain}).outcome
        answers: list[Answer] = []
        asking = threading.Thread(
            target=lambda: answers.append(ask({"waiting": obstacle.handler, "plain": plain}))
        )
        asking.start()
        assert entered.wait(PATIENCE_S)
        for number in range(ROUNDS):
            assert logging_lock().acquire(timeout=PATIENCE_S)
            logging_lock().release()
            logging.getLogger(f"{NAME}.made.{number}").info(number)
        # All of that happened while the constructor was waiting, and not after it.
        assert asking.is_alive()
        obstacle.release()
        asking.join(PATIENCE_S)
        assert [Outcome.APPLIED] == [each.outcome for each in answers]
        listener.stop()
        expected = [str(number) for number in range(ROUNDS)]
        assert expected == (folder / "log").read_text(encoding="ascii").split()

    child(program).check()


def test_a_file_that_is_a_fifo_is_not_opened(
    change: Callable[..., tuple[Listener, Change]],
    child: Callable[[Callable[[], object]], Child],
    folder: Path,
) -> None:
    """The library's handler would wait for a reader; the change fails at once, and is none."""

    def program() -> None:
        os.mkfifo(folder.resolve() / "fifo")
        listener, ask = change()
        before = read()
        answer = ask({"waiting": {"class": FILE, "filename": f"{folder.resolve()}/fifo"}})
        assert Outcome.FAILED == answer.outcome
        assert before == read()
        listener.stop()

    child(program).check()


def numbered(folder: Path, position: int, other: str, **more: object) -> dict[str, Any]:
    """Give handlers of files, of which the one at ``position`` is of the class ``other``."""
    handlers: dict[str, Any] = {
        f"h{each}": {"class": FILE, "filename": f"{folder.resolve()}/{each}"} for each in POSITIONS
    }
    handlers[f"h{position}"] |= {"class": f"{MODULE}.{other}", **more}
    return handlers


def objects() -> list[object]:
    """Give the objects of the tree that could be others afterwards."""
    logger = logging.getLogger(NAME)
    return [*logger.handlers, *(getattr(each, "stream", None) for each in logger.handlers)]


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("error", ERRORS)
def test_a_constructor_that_fails_changes_nothing(
    change: Callable[..., tuple[Listener, Change]],
    child: Callable[[Callable[[], object]], Child],
    descriptors: Callable[[], int],
    folder: Path,
    error: str,
    position: int,
) -> None:
    """Whichever it is and whatever it raises; the listener goes on, and the next change is made."""

    def program() -> None:
        listener, ask = change()
        plain = {"class": FILE, "filename": f"{folder.resolve()}/before"}
        assert Outcome.APPLIED == ask({"plain": plain}).outcome
        before = read(), objects(), descriptors(), sorted(folder.iterdir())
        broken = numbered(folder, position, "FailingToBegin", where=error)
        del broken[f"h{position}"]["filename"]
        assert Outcome.FAILED == ask(broken, "ERROR").outcome
        assert before == (read(), objects(), descriptors(), sorted(folder.iterdir()))
        logging.getLogger(NAME).info("still")
        assert "still\n" == (folder / "before").read_text(encoding="ascii")
        del broken[f"h{position}"]
        assert Outcome.APPLIED == ask(broken, "ERROR").outcome
        listener.stop()

    child(program).check()


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("kind", ["FailingToEnd", "FailingAtOnce"])
def test_a_close_that_fails_does_not_undo_the_change(
    change: Callable[..., tuple[Listener, Change]],
    child: Callable[[Callable[[], object]], Child],
    descriptors: Callable[[], int],
    folder: Path,
    kind: str,
    position: int,
) -> None:
    """Whichever it is: the others are closed too, and no descriptor stays behind."""

    def program() -> None:
        # A file that its handler does not close is closed, with a warning, when it is forgotten.
        warnings.simplefilter("ignore", ResourceWarning)
        listener, ask = change()
        plain = {"plain": {"class": FILE, "filename": f"{folder.resolve()}/after"}}
        assert Outcome.APPLIED == ask(plain).outcome
        tree, opened = read(), descriptors()
        assert Outcome.APPLIED == ask(numbered(folder, position, kind)).outcome
        logging.getLogger(NAME).info("between")
        old = [*logging.getLogger(NAME).handlers]
        assert len(POSITIONS) == len(old)
        assert Outcome.APPLIED == ask(plain).outcome
        still = [each for each in old if getattr(each, "stream", None) is not None]
        assert [each for each in still if type(each) is not FailingAtOnce] == []
        old.clear()
        still.clear()
        gc.collect()
        assert (tree, opened) == (read(), descriptors())
        for each in POSITIONS:
            assert "between\n" == (folder / str(each)).read_text(encoding="ascii")
        # What fails to close would fail once more when the process ends.
        listener.stop()

    child(program).check()
