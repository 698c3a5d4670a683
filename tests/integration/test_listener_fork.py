"""A listener and ``os.fork()``: who answers, who does not, and what nobody inherits."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.integration.conftest import PATIENCE_S
from tests.integration.conftest import ask_with as ask

from sealwire import Answer, ConfigurationError, NoAnswerError, Outcome, TransportError, deliver
from sealwire.transports.addresses import parse_address

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from tests.integration.conftest import Child, Gate, SlowApply

    from sealwire.events import Decision
    from sealwire.listener import Listener

    Fork = Callable[[Callable[[], object]], Child]


def in_a_thread(step: Callable[[], object]) -> threading.Thread:
    """Run ``step`` beside the test."""
    thread = threading.Thread(target=step)
    thread.start()
    return thread


def open_descriptors() -> set[int]:
    """Give the numbers of this process's descriptors."""
    found = {int(each.name) for each in Path("/dev/fd").iterdir()}
    return {each for each in found if _is_open(each)}


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def test_a_child_is_no_listener(serve: Callable[..., Listener], child: Fork, anywhere: str) -> None:
    """It says so, and nothing that it does with the object hangs or harms the parent."""
    listener = serve(anywhere)

    def program() -> None:
        assert not listener.is_alive()
        assert repr(listener).endswith(" stopped>")
        assert 0 == listener.stats().applied
        listener.join(PATIENCE_S)
        listener.stop()
        listener.stop()

    child(program).check()
    assert listener.is_alive()
    assert Answer(Outcome.REFUSED) == ask(listener, b"junk")


def test_a_child_inherits_no_descriptor(
    serve: Callable[..., Listener],
    connect: Callable[[Listener], socket.socket],
    until: Callable[[Callable[[], object]], None],
    child: Fork,
    anywhere: str,
) -> None:
    """No socket, lock, connection or selector: what a child holds would outlive its parent."""
    before = open_descriptors()
    listener = serve(anywhere)
    clients = {connect(listener).fileno() for _ in range(3)}
    server = listener._server
    assert server is not None
    until(lambda: server.connections == 3)
    assert len(open_descriptors() - before) > len(clients)

    def program() -> None:
        # The child's own pipe is not of our making.
        left = open_descriptors() - before - clients
        assert len(left) <= 1, left

    child(program).check()


def test_the_parent_answers_while_its_child_lives(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    child: Fork,
    gate: Callable[[], Gate],
    anywhere: str,
) -> None:
    """Every message, and never the child: its logging stays as it was."""
    over = gate()
    listener = serve(anywhere)

    def program() -> None:
        over.wait()
        assert (0, 0) == (listener.stats().applied, listener.stats().refused)

    children = [child(program) for _ in range(4)]
    for number in range(1, 41):
        assert Answer(Outcome.APPLIED) == ask(listener, seal())
        assert number == listener.stats().applied
    for _ in children:
        over.open()
    for each in children:
        each.check()


def test_a_connection_from_before_the_fork_is_the_parents(
    serve: Callable[..., Listener],
    connect: Callable[[Listener], socket.socket],
    read_all: Callable[[socket.socket], bytes],
    until: Callable[[Callable[[], object]], None],
    child: Fork,
    gate: Callable[[], Gate],
    anywhere: str,
) -> None:
    """It is answered, and ends although the child still lives."""
    over = gate()
    listener = serve(anywhere)
    connection = connect(listener)
    connection.sendall(b"\x00\x00\x00")
    server = listener._server
    assert server is not None
    until(lambda: server.buffered_bytes == 3)
    living = child(over.wait)
    connection.sendall(b"\x04junk")
    assert read_all(connection) == bytes.fromhex("00000003a10102")
    over.open()
    living.check()


def test_a_child_of_a_dead_parent_never_answers(
    serve: Callable[..., Listener],
    child: Fork,
    gate: Callable[[], Gate],
    seal: Callable[..., bytes],
    path: Path,
) -> None:
    """After ``kill -9`` of the parent a peer is refused, and a new listener takes over."""
    ready, over = gate(), gate()

    def orphan() -> None:
        ready.open()
        over.wait()

    def parent() -> None:
        serve()
        child(orphan)
        time.sleep(PATIENCE_S)

    killed = child(parent)
    ready.wait()
    assert Answer(Outcome.REFUSED) == deliver(f"unix:{path}", b"junk")
    killed.kill()
    try:
        with pytest.raises(TransportError) as caught:
            deliver(f"unix:{path}", seal(), timeout_s=PATIENCE_S)
        assert not isinstance(caught.value, NoAnswerError)
        assert Answer(Outcome.APPLIED) == ask(serve(), seal())
    finally:
        over.open()


def test_a_child_leaves_socket_and_lock_alone(run_program: Callable[..., str], path: Path) -> None:
    """It ends as any program does, by `sys.exit` and with its exit functions, and so does a block.

    The parent listens on, and a second parent is still refused.
    """
    source = """\
import os, sys
from sealwire import Chain, ConfigurationError, Ed25519Verifier, Freshness, Once, SigningKey
from sealwire import deliver, listen

key = SigningKey(bytes(range(32)), owner="alice").verify_key
chain = Chain("payments@prod", [Ed25519Verifier([key]), Freshness(), Once()])
address = "unix:" + sys.argv[1]
listener = listen(address, chain=chain)
for _ in range(3):
    with listener:
        pid = os.fork()
        if pid == 0:
            sys.exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        print(deliver(address, b"junk").outcome.name, listener.is_alive())
        try:
            listen(address, chain=chain)
        except ConfigurationError:
            print("taken")
    listener.start()
"""
    assert "REFUSED True\ntaken\n" * 3 == run_program(source, path)
    assert not path.exists()


def test_a_child_may_have_a_listener_of_its_own(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    child: Fork,
    gate: Callable[[], Gate],
    folder: Path,
) -> None:
    """At another address; the parent's is taken as long as the parent lives."""
    ready, over = gate(), gate()
    listener = serve()

    def program() -> None:
        with pytest.raises(ConfigurationError, match="is taken by a running listener"):
            listener.start()
        with pytest.raises(ConfigurationError, match="is taken by a running listener"):
            serve()
        own = serve(f"unix:{folder}/child.sock")
        ready.open()
        over.wait()
        assert 1 == own.stats().applied
        own.stop()

    living = child(program)
    ready.wait()
    sealed = seal()
    assert Answer(Outcome.APPLIED) == deliver(f"unix:{folder}/child.sock", sealed)
    assert Answer(Outcome.APPLIED) == ask(listener, sealed)
    over.open()
    living.check()
    assert Answer(Outcome.APPLIED) == ask(listener, seal())


def test_a_child_may_take_over_when_its_parent_has_stopped(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    child: Fork,
    gate: Callable[[], Gate],
) -> None:
    """With the object it has inherited; there is no thread until it starts it."""
    stopped, ready, over = gate(), gate(), gate()
    listener = serve()

    def program() -> None:
        stopped.wait()
        assert 1 == threading.active_count()
        with listener:
            ready.open()
            over.wait()
            assert 1 == listener.stats().applied

    living = child(program)
    listener.stop()
    stopped.open()
    ready.wait()
    assert Answer(Outcome.APPLIED) == ask(listener, seal())
    over.open()
    living.check()


def test_a_fork_waits_for_a_change_that_is_under_way(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    slow_apply: SlowApply,
    child: Fork,
) -> None:
    """The child does not begin its life in the middle of one."""
    finished: list[bool] = []
    listener = serve(on_event=lambda _: finished.append(True))
    sealed = seal()
    sender = in_a_thread(lambda: ask(listener, sealed))
    assert slow_apply.begun.wait(PATIENCE_S)
    threading.Timer(0.1, slow_apply.go.set).start()

    def program() -> None:
        assert [True] == finished

    child(program).check()
    sender.join(PATIENCE_S)


def test_a_fork_does_not_wait_without_end(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    slow_apply: SlowApply,
    child: Fork,
    folder: Path,
) -> None:
    """A change that hangs does not hang the host's fork, and the child's gate is its own."""
    listener = serve()
    sealed, answers = seal(), list[Answer]()
    sender = in_a_thread(lambda: answers.append(ask(listener, sealed)))
    assert slow_apply.begun.wait(PATIENCE_S)

    def program() -> None:
        slow_apply.go.set()
        listener._wanted = parse_address(f"unix:{folder}/child.sock")
        with listener:
            assert Answer(Outcome.REFUSED) == ask(listener, b"junk")

    child(program).check()
    assert [] == answers
    slow_apply.go.set()
    sender.join(PATIENCE_S)
    assert [Answer(Outcome.APPLIED)] == answers


def test_the_callback_may_fork(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    child: Fork,
    anywhere: str,
) -> None:
    """In the listener's thread, inside the gate: neither side deadlocks, one of them answers."""
    children: list[Child] = []
    listeners: list[Listener] = []

    def program() -> None:
        assert not listeners[0].is_alive()
        listeners[0].stop()

    def on_event(decision: Decision) -> None:
        children.append(child(program))

    listeners.append(serve(anywhere, on_event=on_event))
    for _ in range(3):
        assert Answer(Outcome.APPLIED) == ask(listeners[0], seal())
    assert 3 == len(children)
    for each in children:
        each.check()


def test_a_fork_while_messages_come(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    child: Fork,
    anywhere: str,
) -> None:
    """Forty forks beside two senders: nobody deadlocks, and every message is answered."""
    listener, over = serve(anywhere), threading.Event()
    answers: list[Answer] = []
    sealed = seal()

    def send() -> None:
        while not over.is_set():
            answers.append(ask(listener, sealed))

    senders = [in_a_thread(send) for _ in range(2)]
    try:
        children = [child(listener.stop) for _ in range(40)]
        for each in children:
            each.check()
    finally:
        over.set()
        for sender in senders:
            sender.join(PATIENCE_S)
    assert {Outcome.APPLIED} == {answer.outcome for answer in answers}
    assert 1 == len([answer for answer in answers if not answer.repeated])
    assert len(answers) == listener.stats().applied + listener.stats().repeated


def test_grandchildren_are_no_listeners_either(
    serve: Callable[..., Listener], child: Fork, anywhere: str
) -> None:
    """A child that forks again hands on what it has, which is nothing."""
    listener = serve(anywhere)

    def grandchild() -> None:
        assert not listener.is_alive()
        listener.stop()

    child(lambda: child(grandchild).check()).check()
    assert Answer(Outcome.REFUSED) == ask(listener, b"junk")


def test_several_listeners_are_all_left_behind(
    serve: Callable[..., Listener], child: Fork, folder: Path
) -> None:
    """A process may have more than one; one of them has been stopped."""
    listeners = [serve(f"unix:{folder}/{number}") for number in range(3)]
    listeners[1].stop()

    def program() -> None:
        assert [False] * 3 == [each.is_alive() for each in listeners]
        for each in listeners:
            each.stop()

    child(program).check()
    assert [True, False, True] == [each.is_alive() for each in listeners]
    for each in (listeners[0], listeners[2]):
        assert Answer(Outcome.REFUSED) == ask(each, b"junk")


def test_workers_of_multiprocessing(
    serve: Callable[..., Listener], seal: Callable[..., bytes], anywhere: str
) -> None:
    """The parent answers while they live, and they end by themselves."""
    context = multiprocessing.get_context("fork")
    listener, up, over = serve(anywhere), context.Event(), context.Event()

    def work() -> None:
        up.set()
        over.wait(PATIENCE_S)
        assert not listener.is_alive()

    workers = [context.Process(target=work) for _ in range(2)]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "This process ", DeprecationWarning)
        for worker in workers:
            worker.start()
    assert up.wait(PATIENCE_S)
    for _ in range(10):
        assert Answer(Outcome.APPLIED) == ask(listener, seal())
    over.set()
    for worker in workers:
        worker.join(PATIENCE_S)
    assert [0, 0] == [worker.exitcode for worker in workers]
    assert 10 == listener.stats().applied
