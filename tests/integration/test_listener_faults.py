"""What must not end a listener, hang its host, or leave something behind: faults on every side."""

from __future__ import annotations

import logging
import os
import resource
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.integration.conftest import PATIENCE_S
from tests.integration.conftest import ask_with as ask

from sealwire import (
    Answer,
    ConfigurationError,
    MemorySealerState,
    NoAnswerError,
    Outcome,
    Sealer,
    as_verify,
    deliver,
    wall_clock_ms,
)
from sealwire.answers import CONSTANT_REFUSAL
from sealwire.bases import Bases
from sealwire.framing import encode_frame
from sealwire.listener import Listener, make_door
from sealwire.receiver import Deadlines
from sealwire.recommended import local as local_chain
from sealwire.recommended import local_layers
from sealwire.transports.addresses import parse_address
from sealwire.transports.bound import Access
from sealwire.transports.server import Caps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Operator, Way
    from tests.integration.conftest import Child, Gate, SlowApply

    from sealwire.events import Decision

    Fork = Callable[[Callable[[], object]], Child]
    Until = Callable[[Callable[[], object]], None]

REFUSAL = encode_frame(CONSTANT_REFUSAL)


def in_a_thread(step: Callable[[], object]) -> threading.Thread:
    """Run ``step`` beside the test."""
    thread = threading.Thread(target=step)
    thread.start()
    return thread


def own_sockets_and_locks() -> list[str]:
    """Give the descriptors of this process that could be a listener's."""
    names = []
    for each in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            names.append(str(each.readlink()))
    return sorted(each for each in names if each.startswith("socket:") or each.endswith(".lock"))


# ---- the host's own code ------------------------------------------------------------------------


class Failing(logging.Handler):
    """A handler of the host's that raises instead of writing."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error
        self.asked = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Raise."""
        self.asked += 1
        raise self.error


@pytest.fixture(params=[OSError("no space left"), ZeroDivisionError(), SystemExit(3)], ids=repr)
def failing(request: pytest.FixtureRequest) -> Iterator[Failing]:
    """Attach a handler that raises to our logger."""
    handler, logger = Failing(request.param), logging.getLogger("sealwire")
    logger.addHandler(handler)
    before = logger.level
    logger.setLevel(logging.DEBUG)
    yield handler
    logger.setLevel(before)
    logger.removeHandler(handler)


def test_a_handler_that_raises_does_not_end_the_listener(
    serve: Callable[..., Listener], seal: Callable[..., bytes], failing: Failing, anywhere: str
) -> None:
    """A stranger's junk makes us log; what the host's handler does then is its own affair."""
    listener = serve(anywhere)
    for _ in range(3):
        assert Answer(Outcome.REFUSED) == ask(listener, b"junk")
        sealed = seal()
        assert Answer(Outcome.APPLIED) == ask(listener, sealed)
        assert Answer(Outcome.APPLIED, repeated=True) == ask(listener, sealed)
    # A line for each decision, and one on ``sealwire.changes`` for each change.
    assert failing.asked == 9 + 3
    assert listener.is_alive()


def test_a_handler_that_raises_does_not_end_it_at_a_deadline(
    serve: Callable[..., Listener],
    connect: Callable[[Listener], socket.socket],
    read_all: Callable[[socket.socket], bytes],
    failing: Failing,
    anywhere: str,
) -> None:
    """Nor when a peer is crowded out, or may not connect at all."""
    listener = serve(anywhere, deadlines=Deadlines(length_ms=100), caps=Caps(connections=1))
    silent, newcomer = connect(listener), connect(listener)
    assert read_all(silent) == REFUSAL
    assert read_all(newcomer) == REFUSAL
    assert failing.asked == 2
    assert listener.is_alive()


def test_a_handler_that_raises_when_a_peer_is_turned_away(
    serve: Callable[..., Listener], failing: Failing
) -> None:
    """It is told so all the same."""
    listener = serve(allow_uids=[])
    for _ in range(2):
        assert Answer(Outcome.REFUSED) == ask(listener, b"junk")
    assert failing.asked == 2
    assert listener.is_alive()


def test_a_callback_that_exits_does_not_end_the_listener(
    serve: Callable[..., Listener], seal: Callable[..., bytes], anywhere: str
) -> None:
    """In a thread, ``sys.exit()`` ends no process; it would end the listener without a word."""
    listener = serve(anywhere, on_event=lambda _: sys.exit(3))
    for _ in range(2):
        assert Answer(Outcome.APPLIED) == ask(listener, seal())
        assert Answer(Outcome.REFUSED) == ask(listener, b"junk")
    assert listener.is_alive()


def test_a_loop_that_exits_refuses_its_peers(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    monkeypatch: pytest.MonkeyPatch,
    until: Until,
    anywhere: str,
) -> None:
    """Whatever ended it, nobody waits at its address, and it can be started again."""
    listener = serve(anywhere)
    server, where = listener._server, listener.address
    assert server is not None
    monkeypatch.setattr(server, "_turn", sys.exit)

    def ended() -> bool:
        try:
            deliver(where, b"junk", timeout_s=1)
        except NoAnswerError:
            return False
        except OSError:
            return True
        return False

    until(ended)
    # The address is given up first; what is for a time ends after that.
    until(lambda: not listener.is_alive())
    assert Answer(Outcome.APPLIED) == ask(listener.start(), seal())


# ---- two at a time ------------------------------------------------------------------------------


def test_two_listeners_do_not_apply_at_the_same_time(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
    alice: Operator,
) -> None:
    """They have one logging tree, and ``dictConfig`` was not made for two at once."""
    real, inside, overlaps = Bases.apply, threading.Semaphore(1), list[bool]()

    def apply(of: Bases, *given: Any) -> object:  # noqa: ANN401 - as the method takes them
        alone = inside.acquire(blocking=False)
        overlaps.append(not alone)
        time.sleep(0.2)
        if alone:
            inside.release()
        return real(of, *given)

    monkeypatch.setattr(Bases, "apply", apply)
    other = type(alice).called("alice", "orders@prod")
    orders = local_chain("orders@prod", [other.signing.verify_key])
    listeners = [serve(f"unix:{folder}/1"), serve(f"unix:{folder}/2", chain=orders)]
    sealer = Sealer(
        "orders@prod",
        local_layers(other.signing),
        issuer="alice",
        state=MemorySealerState(),
        clock=wall_clock_ms,
    )
    answers: list[Answer] = []

    def send(listener: Listener, sealed: bytes) -> None:
        answers.append(ask(listener, sealed))

    payments = seal()
    messages = [payments, sealer.seal(b'{"version": 1, "incremental": true}')]
    senders = [
        threading.Thread(target=send, args=each) for each in zip(listeners, messages, strict=True)
    ]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(PATIENCE_S)
    assert [Answer(Outcome.APPLIED)] * 2 == answers
    assert [False, False] == overlaps


def test_nothing_is_begun_after_stop(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    connect: Callable[[Listener], socket.socket],
    slow_apply: SlowApply,
    until: Until,
    anywhere: str,
) -> None:
    """A message that is completed after `stop` has returned is not applied, whatever came before.

    The standard library applied one that was sent 50 ms after ``stopListening()``.
    """
    listener = serve(anywhere)
    service, server = listener._service, listener._server
    assert server is not None
    first, second = encode_frame(seal()), encode_frame(seal())
    early, late = connect(listener), connect(listener)
    early.sendall(first[:9])
    late.sendall(second[:9])
    until(lambda: server.buffered_bytes == 18)
    # Both become readable in one turn, the first one is slow, and the second is completed later.
    server._waker.send(b"\0")
    early.sendall(first[9:])
    late.sendall(second[9:19])
    assert slow_apply.begun.wait(PATIENCE_S)
    listener.stop(0.05)
    with suppress(OSError):
        late.sendall(second[19:])
    slow_apply.go.set()
    listener.join(PATIENCE_S)
    assert service.stats().applied + service.stats().failed <= 1
    assert 1 == slow_apply.count


def test_a_callback_that_stops_what_is_being_stopped(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    anywhere: str,
    until: Until,
) -> None:
    """The stopper waits for the listener's thread, which must not wait for the stopper."""
    inside, listeners = threading.Event(), list[Listener]()

    def on_event(decision: Decision) -> None:
        inside.set()
        until(lambda: not listeners[0].is_alive())
        listeners[0].stop(PATIENCE_S)

    listeners.append(serve(anywhere, on_event=on_event))
    where, sealed, answers = listeners[0].address, seal(), list[Answer]()
    sender = in_a_thread(lambda: answers.append(deliver(where, sealed, timeout_s=PATIENCE_S)))
    assert inside.wait(PATIENCE_S)
    stopper = in_a_thread(lambda: listeners[0].stop(PATIENCE_S))
    stopper.join(PATIENCE_S / 2)
    assert not stopper.is_alive()
    sender.join(PATIENCE_S)
    assert [Answer(Outcome.APPLIED)] == answers


def test_a_signal_handler_may_stop_what_is_being_stopped(
    serve: Callable[..., Listener], seal: Callable[..., bytes], slow_apply: SlowApply, child: Fork
) -> None:
    """SIGTERM comes while the process ends and waits for a running apply: it must not hang."""

    def program() -> None:
        listener = serve()
        sealed, stopped = seal(), list[bool]()
        sender = in_a_thread(lambda: ask(listener, sealed))
        assert slow_apply.begun.wait(PATIENCE_S)

        def on_signal(*_: object) -> None:
            listener.stop()
            stopped.append(True)
            slow_apply.go.set()

        signal.signal(signal.SIGUSR1, on_signal)
        timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGUSR1))
        timer.start()
        listener.stop(PATIENCE_S)
        assert [True] == stopped
        sender.join(PATIENCE_S)

    child(program).check()


# ---- descriptors --------------------------------------------------------------------------------


def test_a_start_without_descriptors_leaves_nothing(
    serve: Callable[..., Listener], seal: Callable[..., bytes], child: Fork, folder: Path
) -> None:
    """However many are left, it starts or says that it could not; then it can start again."""

    def program() -> None:
        before, outcomes = own_sockets_and_locks(), list[str]()
        listener: Listener | None = None
        for room in range(12):
            soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (128, hard))
            taken = []
            with suppress(OSError):
                while True:
                    taken.append(os.open(os.devnull, os.O_RDONLY))
            for each in taken[len(taken) - room :]:
                os.close(each)
            try:
                listener = serve(f"unix:{folder}/{room}.sock")
                outcomes.append("started")
            except (ConfigurationError, OSError) as error:
                assert "Too many open files" in str(error)  # noqa: PT017 - of twelve, some start
                outcomes.append("refused")
            for each in taken[: len(taken) - room]:
                os.close(each)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            if listener is not None:
                listener.stop()
            listener = None
            assert [] == list(folder.iterdir())
            assert before == own_sockets_and_locks()
        assert {"started", "refused"} == set(outcomes)
        assert Answer(Outcome.APPLIED) == ask(serve(), seal())

    child(program).check()


def test_a_start_without_a_thread_leaves_nothing(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    monkeypatch: pytest.MonkeyPatch,
    local: Way,
    path: Path,
    folder: Path,
) -> None:
    """The system may refuse a thread, and give one later."""
    before = own_sockets_and_locks()
    listener = Listener(parse_address(f"unix:{path}"), make_door(local.chain), Access())

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="can't start new thread"):
            listener.start()
    assert not listener.is_alive()
    assert [] == list(folder.iterdir())
    assert before == own_sockets_and_locks()
    with listener:
        assert Answer(Outcome.APPLIED) == ask(listener, seal())


def test_the_cap_of_bytes_is_kept_beside_idle_peers(
    serve: Callable[..., Listener], connect: Callable[[Listener], socket.socket], until: Until
) -> None:
    """Those who hold nothing are older, but ending one of them frees nothing."""
    cap = 65_536
    listener = serve(caps=Caps(connections=100, buffered_bytes=cap))
    server = listener._server
    assert server is not None
    peers = [connect(listener) for _ in range(30)]
    until(lambda: server.connections == 30)
    worst = 0
    for _ in range(30):
        peers.append(connect(listener))
        peers[-1].sendall((200_000).to_bytes(4, "big") + bytes(30_000))
        # Each is read, or crowded out, before the next comes.
        time.sleep(0.01)
        worst = max(worst, server.buffered_bytes)
    # What is read in one go is counted before anybody is asked to go.
    assert worst <= cap + 65_536


@pytest.mark.parametrize("wrong", [{"connections": 0}, {"buffered_bytes": 0}, {"connections": -1}])
def test_caps_that_let_nothing_in(wrong: dict[str, int]) -> None:
    """They are the host's mistake, told at once, and do not end the loop at the first connect."""
    with pytest.raises(ConfigurationError):
        Caps(**wrong)


# ---- forks --------------------------------------------------------------------------------------


def test_a_fork_beside_new_connections_inherits_none(
    serve: Callable[..., Listener], child: Fork, gate: Callable[[], Gate]
) -> None:
    """Not even one that is just being accepted: its peer would wait for the child's end."""
    listener = serve()
    before = own_sockets_and_locks()

    def hammer() -> None:
        while True:
            with suppress(OSError):
                deliver(listener.address, b"junk", timeout_s=1)

    hammering = [child(hammer) for _ in range(2)]
    inherited = []
    for _ in range(150):
        forked = child(lambda: own_sockets_and_locks() == [] or os._exit(9))
        inherited.append(forked.wait())
    for each in hammering:
        each.kill()
    assert before
    assert [0] * 150 == inherited


def test_a_fork_while_the_listener_stops(
    serve: Callable[..., Listener], seal: Callable[..., bytes], slow_apply: SlowApply, child: Fork
) -> None:
    """The child inherits nothing, and stopping there does not wait for the parent's stop."""
    listener = serve()
    sealed = seal()
    sender = in_a_thread(lambda: ask(listener, sealed))
    assert slow_apply.begun.wait(PATIENCE_S)
    stopper = in_a_thread(lambda: listener.stop(PATIENCE_S))
    while listener.is_alive():
        time.sleep(0.001)
    clients = 1  # the sender's own end

    def program() -> None:
        listener.stop()
        listener.join(PATIENCE_S)
        assert len(own_sockets_and_locks()) <= clients

    child(program).check()
    slow_apply.go.set()
    stopper.join(PATIENCE_S)
    sender.join(PATIENCE_S)


def test_a_fork_after_a_loop_has_died(
    serve: Callable[..., Listener],
    monkeypatch: pytest.MonkeyPatch,
    until: Until,
    child: Fork,
    folder: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """The dead one has nothing left to close, and the others are left behind as ever."""
    listeners = [serve(f"unix:{folder}/{number}") for number in range(4)]

    def broken() -> None:
        raise ZeroDivisionError("a bug of ours")

    for dead in listeners[:3]:
        monkeypatch.setattr(dead._server, "_turn", broken)
        while dead.is_alive():
            with suppress(OSError):
                deliver(dead.address, b"junk", timeout_s=1)

    def program() -> None:
        assert [] == own_sockets_and_locks()
        assert not listeners[3].is_alive()

    child(program).check()
    assert "" == capfd.readouterr().err


def test_a_child_that_returns_from_the_callback_is_silent(
    serve: Callable[..., Listener], anywhere: str, folder: Path
) -> None:
    """It leaves the loop that it has inherited the middle of, and logs no death of a listener."""
    log = folder / "log"
    handler = logging.FileHandler(log)
    logging.getLogger("sealwire").addHandler(handler)
    pids: list[int] = []

    def on_event(decision: Decision) -> None:
        import warnings

        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "This process ", DeprecationWarning)
            pids.append(os.fork())
        if pids[-1]:
            os.waitpid(pids[-1], 0)

    try:
        listener = serve(anywhere, on_event=on_event)
        assert Answer(Outcome.REFUSED) == ask(listener, b"junk")
        assert Answer(Outcome.REFUSED) == ask(listener, b"junk")
    finally:
        logging.getLogger("sealwire").removeHandler(handler)
        handler.close()
    assert 2 == len(pids)
    assert "died" not in log.read_text(encoding="utf-8")


def test_a_verify_callable_works_in_a_child(
    local: Way, seal: Callable[..., bytes], child: Fork
) -> None:
    """A thread of the parent was in the middle of a message, and does not exist in the child."""
    inside, over = threading.Event(), threading.Event()

    def on_event(decision: Decision) -> None:
        inside.set()
        over.wait(PATIENCE_S)

    verify = as_verify(local.chain, on_event=on_event)
    verifying = in_a_thread(lambda: verify(b"junk"))
    assert inside.wait(PATIENCE_S)

    def program() -> None:
        over.set()
        assert verify(b"junk") is None
        assert verify(seal({"version": 1})) is not None

    try:
        child(program).check()
    finally:
        over.set()
        verifying.join(PATIENCE_S)


def test_a_child_that_takes_over_does_not_take_old_messages(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    child: Fork,
    gate: Callable[[], Gate],
) -> None:
    """What its parent took after the fork, it cannot know; so it takes only what is newer."""
    stopped, ready, over = gate(), gate(), gate()
    listener = serve()

    def program() -> None:
        stopped.wait()
        with listener:
            ready.open()
            over.wait()

    living = child(program)
    sealed = seal()
    assert Answer(Outcome.APPLIED) == ask(listener, sealed)
    listener.stop()
    stopped.open()
    ready.wait()
    assert "version-before-start" == ask(listener, sealed).reason
    assert Answer(Outcome.APPLIED) == ask(listener, seal())
    over.open()
    living.check()


def test_a_listener_made_early_does_not_take_old_messages(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    child: Fork,
    gate: Callable[[], Gate],
    path: Path,
) -> None:
    """Until it has the address, another process takes messages there that it knows nothing of."""
    ready, over = gate(), gate()

    def first() -> None:
        with serve():
            ready.open()
            over.wait()

    serving = child(first)
    ready.wait()
    with pytest.raises(ConfigurationError, match="is taken by a running listener"):
        serve()
    sealed = seal()
    assert Answer(Outcome.APPLIED) == deliver(f"unix:{path}", sealed)
    over.open()
    serving.check()
    second = serve()
    assert "version-before-start" == ask(second, sealed).reason
    assert Answer(Outcome.APPLIED) == ask(second, seal())


# ---- paths --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_SEQPACKET])
def test_a_socket_of_another_type_is_left_alone(
    serve: Callable[..., Listener], path: Path, kind: socket.SocketKind
) -> None:
    """A program that takes datagrams is there, although it cannot be connected to as we do."""
    with socket.socket(socket.AF_UNIX, kind) as foreign:
        foreign.bind(str(path))
        if kind is socket.SOCK_SEQPACKET:
            foreign.listen()
        before = path.lstat().st_ino
        with pytest.raises(ConfigurationError, match="is served by another program"):
            serve()
        assert before == path.lstat().st_ino


def test_directories_on_the_way_are_nobody_elses(
    serve: Callable[..., Listener], folder: Path
) -> None:
    """Whoever can write to one of those we made could replace everything beneath it."""
    before = os.umask(0)
    try:
        serve(f"unix:{folder}/a/b/c/log.sock")
    finally:
        os.umask(before)
    modes = [each.stat().st_mode & 0o777 for each in (folder / "a", folder / "a/b")]
    assert [0, 0] == [mode & 0o022 for mode in modes]
    assert 0o700 == (folder / "a/b/c").stat().st_mode & 0o777


def test_a_directory_that_is_a_link_to_nothing(
    serve: Callable[..., Listener], folder: Path
) -> None:
    """It is an error of the set-up like others, and not a bare one of the system."""
    (folder / "link").symlink_to(folder / "nothing")
    with pytest.raises(ConfigurationError) as caught:
        serve(f"unix:{folder}/link/log.sock")
    assert str(folder / "link") in str(caught.value)


# ---- the client ---------------------------------------------------------------------------------


def test_a_full_queue_is_waited_for(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    slow_apply: SlowApply,
    path: Path,
) -> None:
    """On a Unix socket a connect fails at once then; there is still time, so it is tried again."""
    listener = serve()
    sealed = seal()
    first = in_a_thread(lambda: ask(listener, sealed))
    assert slow_apply.begun.wait(PATIENCE_S)
    waiting = []
    while True:
        waiting.append(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        waiting[-1].settimeout(0)
        try:
            waiting[-1].connect(str(path))
        except BlockingIOError:
            break
    threading.Timer(0.2, slow_apply.go.set).start()
    try:
        assert Answer(Outcome.APPLIED, repeated=True) == ask(listener, sealed)
    finally:
        slow_apply.go.set()
        for each in waiting:
            each.close()
        first.join(PATIENCE_S)
