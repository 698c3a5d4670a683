"""A listener's life: beginning, ending, beginning again, and the end of its process."""

from __future__ import annotations

import gc
import signal
import threading
import time
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from tests.integration.conftest import PATIENCE_S
from tests.integration.conftest import ask_with as ask

from sealwire import (
    AeadKey,
    AesGcmOpener,
    Answer,
    ConfigurationError,
    Ed25519Verifier,
    Freshness,
    Once,
    Outcome,
    Reason,
    TransportError,
    deliver,
    listen,
)
from sealwire.answers import decode_answer
from sealwire.framing import encode_frame

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Operator, Way
    from tests.integration.conftest import Child, Gate, SlowApply

    from sealwire.events import Decision
    from sealwire.listener import Listener


def in_a_thread(step: Callable[[], object]) -> threading.Thread:
    """Run ``step`` beside the test."""
    thread = threading.Thread(target=step)
    thread.start()
    return thread


def listener_threads() -> list[threading.Thread]:
    """Give the threads of ours that run."""
    return [each for each in threading.enumerate() if each.name == "sealwire-listener"]


# ---- beginning and ending -----------------------------------------------------------------------


def test_a_life(serve: Callable[..., Listener], seal: Callable[..., bytes], anywhere: str) -> None:
    """It runs when `listen` returns, and not any more when `stop` does."""
    listener = serve(anywhere)
    assert listener.is_alive()
    assert f"<Listener {listener.address} running>" == repr(listener)
    assert Answer(Outcome.APPLIED) == ask(listener, seal())
    where = listener.address
    listener.stop()
    assert not listener.is_alive()
    assert repr(listener).endswith(" stopped>")
    listener.join(PATIENCE_S)
    with pytest.raises(TransportError, match="no connection"):
        deliver(where, seal())
    assert 1 == listener.stats().applied


def test_the_thread_is_a_daemon_of_its_own_name(serve: Callable[..., Listener]) -> None:
    """There is one of it, and no process ever waits for it to end."""
    serve()
    (thread,) = listener_threads()
    assert thread.daemon


def test_stop_twice_and_start_twice(
    serve: Callable[..., Listener], seal: Callable[..., bytes], anywhere: str
) -> None:
    """The second time does nothing."""
    listener = serve(anywhere)
    where = listener.address
    assert listener.start() is listener
    assert where == listener.address
    assert Answer(Outcome.APPLIED) == ask(listener, seal())
    listener.stop()
    listener.stop()
    assert not listener.is_alive()


def test_start_after_stop(
    serve: Callable[..., Listener], seal: Callable[..., bytes], anywhere: str
) -> None:
    """It listens again, and remembers what it took before."""
    listener = serve(anywhere)
    sealed = seal()
    ask(listener, sealed)
    for _ in range(3):
        listener.stop()
        assert listener.start() is listener
        assert listener.is_alive()
        assert Answer(Outcome.APPLIED, repeated=True) == ask(listener, sealed)
    assert Answer(Outcome.APPLIED) == ask(listener, seal())
    assert (2, 3) == (listener.stats().applied, listener.stats().repeated)


def test_a_context_manager(
    serve: Callable[..., Listener], seal: Callable[..., bytes], path: Path
) -> None:
    """It serves while the block runs, however the block ends, and can be entered again."""
    listener = serve()
    listener.stop()
    for _ in range(2):
        with suppress(LookupError), listener as entered:
            assert entered is listener
            assert Answer(Outcome.APPLIED) == ask(listener, seal())
            raise LookupError
        assert not listener.is_alive()
        assert not path.exists()


def test_stop_leaves_nothing(serve: Callable[..., Listener], path: Path, folder: Path) -> None:
    """No socket, no lock, no folder entry at all."""
    listener = serve()
    assert {path.name, f"{path.name}.lock"} == {each.name for each in folder.iterdir()}
    listener.stop()
    assert [] == list(folder.iterdir())


def test_lives_leave_nothing(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    descriptors: Callable[[], int],
    anywhere: str,
) -> None:
    """Twenty lives of one listener and of others use no descriptor and no thread up."""
    before, threads = descriptors(), threading.active_count()
    for _ in range(10):
        listener = serve(anywhere)
        ask(listener, seal())
        listener.stop()
        listener.start()
        listener.stop()
    assert before == descriptors()
    assert threads == threading.active_count()


def test_a_second_listener_on_one_address_is_an_error(
    serve: Callable[..., Listener], seal: Callable[..., bytes], anywhere: str, path: Path
) -> None:
    """It is told at once, in the caller's thread, naming the address; the first one goes on."""
    listener = serve(anywhere)
    where = str(listener.address)
    with pytest.raises(ConfigurationError) as caught:
        serve(where)
    assert where in str(caught.value)
    assert Answer(Outcome.APPLIED) == ask(listener, seal())
    assert 1 == len(listener_threads())
    listener.stop()
    assert Answer(Outcome.APPLIED) == ask(serve(where), seal())


def test_a_second_process_on_one_address_is_an_error(
    serve: Callable[..., Listener],
    child: Callable[[Callable[[], object]], Child],
    seal: Callable[..., bytes],
    path: Path,
) -> None:
    """Whose process it is makes no difference."""

    def program() -> None:
        with pytest.raises(ConfigurationError, match=f"unix:{path} is taken by a running listener"):
            serve()

    listener = serve()
    child(program).check()
    assert Answer(Outcome.APPLIED) == ask(listener, seal())


def test_two_listeners_in_one_process(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    folder: Path,
) -> None:
    """Each has its own address and end; what was taken is remembered by the process."""
    first, second = serve(f"unix:{folder}/1"), serve(f"unix:{folder}/2")
    sealed = seal()
    assert Answer(Outcome.APPLIED) == ask(first, sealed)
    assert Answer(Outcome.APPLIED, repeated=True) == ask(second, sealed)
    first.stop()
    assert Answer(Outcome.APPLIED) == ask(second, seal())
    assert "version-superseded" == ask(second, sealed).reason
    assert (1, 1) == (first.stats().applied, second.stats().applied)


def test_nobody_has_to_keep_it(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    local: Way,
    path: Path,
) -> None:
    """A service may call `listen` and forget what it gave; it serves until the process ends."""
    forgotten = weakref.ref(listen(f"unix:{path}", chain=local.chain))
    gc.collect()
    found = forgotten()
    assert found is not None
    with found:
        assert Answer(Outcome.APPLIED) == deliver(f"unix:{path}", seal())


def test_no_signal_handler_is_installed(serve: Callable[..., Listener]) -> None:
    """Signals are the host's."""
    before = {each: signal.getsignal(each) for each in signal.valid_signals()}
    serve().stop()
    serve()
    assert before == {each: signal.getsignal(each) for each in signal.valid_signals()}


# ---- ending while something goes on -------------------------------------------------------------


def test_stop_lets_a_running_apply_finish(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    slow_apply: SlowApply,
    anywhere: str,
    until: Callable[[Callable[[], object]], None],
) -> None:
    """It is applied, and its sender hears so; others are not let in any more."""
    listener = serve(anywhere)
    where, sealed, answers = listener.address, seal(), list[Answer]()
    sender = in_a_thread(lambda: answers.append(deliver(where, sealed, timeout_s=PATIENCE_S)))
    assert slow_apply.begun.wait(PATIENCE_S)
    stopper = in_a_thread(lambda: listener.stop(PATIENCE_S))
    until(lambda: not listener.is_alive())
    slow_apply.go.set()
    stopper.join(PATIENCE_S)
    sender.join(PATIENCE_S)
    assert [Answer(Outcome.APPLIED)] == answers
    with pytest.raises(TransportError, match="no connection"):
        deliver(where, seal())


def test_stop_waits_no_longer_than_it_is_told(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    slow_apply: SlowApply,
    path: Path,
) -> None:
    """A handler that does not come back holds nobody up; the address is free again."""
    listener = serve()
    answers: list[Answer] = []
    sealed = seal()
    sender = in_a_thread(lambda: answers.append(ask(listener, sealed)))
    assert slow_apply.begun.wait(PATIENCE_S)
    listener.stop(0.05)
    assert not listener.is_alive()
    assert not path.exists()
    other = serve()
    slow_apply.go.set()
    sender.join(PATIENCE_S)
    assert [Answer(Outcome.APPLIED)] == answers
    assert Answer(Outcome.APPLIED) == ask(other, seal())


def test_open_connections_end_with_the_listener(
    serve: Callable[..., Listener],
    connect: Callable[[Listener], socket.socket],
    read_all: Callable[[socket.socket], bytes],
    until: Callable[[Callable[[], object]], None],
    anywhere: str,
) -> None:
    """Whoever is still sending sees the end of the connection, not a silence."""
    listener = serve(anywhere)
    server = listener._server
    assert server is not None
    waiting = [connect(listener) for _ in range(3)]
    waiting[0].sendall(b"\x00\x00\x00\x09abc")
    until(lambda: server.connections == 3)
    listener.stop()
    for connection in waiting:
        assert read_all(connection) == b""


def test_the_callback_may_stop_the_listener(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    until: Callable[[Callable[[], object]], None],
    anywhere: str,
    path: Path,
) -> None:
    """In the listener's own thread, which cannot wait for itself; the sender is answered."""
    listeners: list[Listener] = []

    def on_event(decision: Decision) -> None:
        listeners[0].stop()

    listeners.append(serve(anywhere, on_event=on_event))
    (listener,) = listeners
    assert Answer(Outcome.APPLIED) == ask(listener, seal())
    listener.join(PATIENCE_S)
    assert not listener.is_alive()
    assert not path.exists()
    listeners[0] = serve(f"unix:{path}.other")
    listener.start()
    assert Answer(Outcome.APPLIED) == ask(listener, seal())


def test_the_callback_may_start_the_listener_again(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    until: Callable[[Callable[[], object]], None],
) -> None:
    """A host that changes its mind in the callback has one listener afterwards, not two."""
    listeners: list[Listener] = []

    def on_event(decision: Decision) -> None:
        if decision.reason is None and not decision.answer.repeated:
            listeners[0].stop()
            listeners[0].start()

    listeners.append(serve(on_event=on_event))
    sealed = seal()
    assert Answer(Outcome.APPLIED) == ask(listeners[0], sealed)
    assert Answer(Outcome.APPLIED, repeated=True) == ask(listeners[0], sealed)
    until(lambda: len(listener_threads()) == 1)


def test_many_threads_may_stop_and_start(
    serve: Callable[..., Listener], seal: Callable[..., bytes], path: Path
) -> None:
    """They take turns; whoever is last decides."""
    listener = serve()

    def hammer() -> None:
        for _ in range(20):
            listener.start()
            listener.stop()

    threads = [in_a_thread(hammer) for _ in range(4)]
    for thread in threads:
        thread.join(PATIENCE_S)
    assert not listener.is_alive()
    assert not path.exists()
    listener.start()
    assert Answer(Outcome.APPLIED) == ask(listener, seal())


def test_a_loop_that_dies_says_so(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    anywhere: str,
    until: Callable[[Callable[[], object]], None],
) -> None:
    """The log has the bug, `is_alive` says no, peers are refused, and it can start again."""
    listener = serve(anywhere)
    server, where = listener._server, listener.address
    assert server is not None

    def broken() -> None:
        raise ZeroDivisionError("a bug of ours")

    monkeypatch.setattr(server, "_turn", broken)

    def ended() -> bool:
        # One more turn is under way, and may serve some of these.
        try:
            deliver(where, b"junk", timeout_s=PATIENCE_S)
        except TransportError:
            return True
        return False

    until(ended)
    until(lambda: not listener.is_alive())
    until(lambda: any("died; is_alive() is false now" in each for each in caplog.messages))
    with pytest.raises(TransportError, match="no connection"):
        deliver(where, b"junk", timeout_s=PATIENCE_S)
    listener.start()
    assert Answer(Outcome.APPLIED) == ask(listener, seal())


# ---- a wrong beginning --------------------------------------------------------------------------


def test_what_listen_does_not_take(local: Way, alice: Operator, path: Path) -> None:
    """Each mistake is a `ConfigurationError` with its remedy, and nothing is left of it."""
    where, parts = f"unix:{path}", (Ed25519Verifier([alice.signing.verify_key]), Freshness())
    threads = threading.active_count()
    hidden = AesGcmOpener([AeadKey(bytes(range(32)), owner="alice", audience="payments@prod")])
    with pytest.raises(ConfigurationError, match='verifiers need an audience: audience="'):
        listen(where, chain=parts)
    with pytest.raises(ConfigurationError, match="the chain is for payments@prod, not for x"):
        listen(where, chain=local.chain, audience="x")
    with pytest.raises(ConfigurationError, match="skew_s is negative"):
        listen(where, chain=local.chain, skew_s=-1)
    with pytest.raises(ConfigurationError, match="Once"):
        listen(where, chain=parts, audience="payments@prod")
    with pytest.raises(ConfigurationError):
        listen(where, chain=(hidden,), audience="payments@prod")
    with pytest.raises(ConfigurationError, match="is not an address"):
        listen("somewhere", chain=local.chain)
    assert not path.exists()
    assert threads == threading.active_count()


def test_parts_make_a_chain(
    serve: Callable[..., Listener], seal: Callable[..., bytes], alice: Operator
) -> None:
    """A chain may be given as its parts, with the audience beside them."""
    parts = [Ed25519Verifier([alice.signing.verify_key]), Freshness(), Once()]
    listener = serve(chain=parts, audience=alice.audience)
    assert Answer(Outcome.APPLIED) == ask(listener, seal())


def test_skew_is_allowed_to_sealers(
    serve: Callable[..., Listener], seal: Callable[..., bytes]
) -> None:
    """And then a message has to be that much newer than the start."""
    listener = serve(skew_s=60)
    assert "version-before-start" == ask(listener, seal()).reason
    assert [Reason.VERSION_BEFORE_START.value] == [
        each.reason for each in listener.stats().refusals
    ]


# ---- the end of the process ---------------------------------------------------------------------

PROGRAM = """\
import atexit, logging, sys, threading
from sealwire import Chain, Ed25519Verifier, Freshness, Once, SigningKey, deliver, listen

class Last(logging.NullHandler):
    def close(self):
        print("logging ends, alive:", listener.is_alive())
        super().close()

logging.getLogger().addHandler(Last())
key = SigningKey(bytes(range(32)), owner="alice").verify_key
chain = Chain("payments@prod", [Ed25519Verifier([key]), Freshness(), Once()])
listener = listen("unix:" + sys.argv[1], chain=chain)
print(deliver(listener.address, b"junk").outcome.name)
"""


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        ("", "REFUSED\nlogging ends, alive: False\n"),
        ("sys.exit()", "REFUSED\nlogging ends, alive: False\n"),
        ("listener.stop()", "REFUSED\nlogging ends, alive: False\n"),
        ("listener.stop(); listener.start()", "REFUSED\nlogging ends, alive: False\n"),
    ],
)
def test_a_process_that_ends_stops_listening_first(
    run_program: Callable[..., str], path: Path, folder: Path, end: str, expected: str
) -> None:
    """Before ``logging`` shuts down; silently, without being waited for, and nothing is left."""
    assert expected == run_program(PROGRAM + end, path)
    assert ["program.py"] == [each.name for each in folder.iterdir()]


def test_a_process_ends_although_peers_hold_on(run_program: Callable[..., str], path: Path) -> None:
    """One idle connection keeps a process with the standard library's listener from ending."""
    more = """
import socket
peers = [socket.socket(socket.AF_UNIX) for _ in range(3)]
for peer in peers:
    peer.connect(sys.argv[1])
peers[0].sendall(b"\\0\\0\\0\\x09abc")
import warnings
warnings.simplefilter("ignore")
"""
    expected = "REFUSED\nlogging ends, alive: False\n"
    assert expected == run_program(PROGRAM + more, path)
    assert not path.exists()


def test_what_a_killed_process_leaves_is_replaced(
    serve: Callable[..., Listener],
    child: Callable[[Callable[[], object]], Child],
    gate: Callable[[], Gate],
    seal: Callable[..., bytes],
    path: Path,
) -> None:
    """After ``kill -9`` the socket is still there, nobody answers, and the next start takes it."""
    ready = gate()

    def program() -> None:
        serve()
        ready.open()
        time.sleep(PATIENCE_S)

    service = child(program)
    ready.wait()
    assert Answer(Outcome.APPLIED) == deliver(f"unix:{path}", seal())
    service.kill()
    assert path.is_socket()
    with pytest.raises(TransportError, match="no connection"):
        deliver(f"unix:{path}", seal())
    assert Answer(Outcome.APPLIED) == ask(serve(), seal())


def test_a_killed_process_hangs_up(
    serve: Callable[..., Listener],
    child: Callable[[Callable[[], object]], Child],
    gate: Callable[[], Gate],
    seal: Callable[..., bytes],
    connect: Callable[[Listener], socket.socket],
    read_all: Callable[[socket.socket], bytes],
    slow_apply: SlowApply,
    path: Path,
) -> None:
    """A sender whose message was being applied sees the end, and knows that it knows nothing."""
    begun = gate()

    def program() -> None:
        serve()
        begun.open()
        slow_apply.begun.wait(PATIENCE_S)
        begun.open()
        time.sleep(PATIENCE_S)

    service = child(program)
    begun.wait()
    ends: list[str] = []
    sealed = seal()

    def send() -> None:
        try:
            ends.append(repr(deliver(f"unix:{path}", sealed, timeout_s=PATIENCE_S)))
        except TransportError as error:
            ends.append(type(error).__name__)

    sender = in_a_thread(send)
    begun.wait()
    service.kill()
    sender.join(PATIENCE_S)
    assert ["NoAnswerError"] == ends


def test_frames_of_two_lives_do_not_mix(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    connect: Callable[[Listener], socket.socket],
    read_all: Callable[[socket.socket], bytes],
) -> None:
    """A connection of the first life ends with it; the second has its own."""
    listener = serve()
    framed = encode_frame(seal())
    early = connect(listener)
    early.sendall(framed[:9])
    listener.stop()
    listener.start()
    assert read_all(early) == b""
    late = connect(listener)
    late.sendall(encode_frame(seal()))
    assert Answer(Outcome.APPLIED) == decode_answer(read_all(late)[4:])
