"""A listener on real sockets: what it answers, to whom, and what peers can do to it."""

from __future__ import annotations

import logging
import os
import resource
import socket
import threading
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.integration.conftest import PATIENCE_S
from tests.integration.conftest import ask_with as ask

from sealwire import Answer, Outcome, Reason, TransportError, memory
from sealwire.answers import CONSTANT_REFUSAL, decode_answer
from sealwire.bases import Bases
from sealwire.framing import MAX_FRAME_BYTES, encode_frame
from sealwire.receiver import Deadlines
from sealwire.transports.server import Caps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Operator, Way
    from tests.integration.conftest import Child

    from sealwire.documents import LoggingPlan
    from sealwire.events import Decision
    from sealwire.listener import Listener
    from sealwire.policy import Violation
    from sealwire.requests import Planned

REFUSAL = encode_frame(CONSTANT_REFUSAL)
SHORT = Deadlines(length_ms=150, frame_ms=300)
GADGET = {"version": 1, "handlers": {"h": {"class": "os.system", "command": "true"}}}


def reasons(listener: Listener) -> list[str]:
    """Give why messages were refused, oldest first."""
    return [refusal.reason for refusal in listener.stats().refusals]


def at_once(count: int, step: Callable[[], Answer]) -> list[Answer]:
    """Give what ``step`` gives in so many threads, which begin together."""
    together = threading.Barrier(count)
    answers: list[Answer] = []

    def run() -> None:
        together.wait(PATIENCE_S)
        answers.append(step())

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    return answers


# ---- messages -----------------------------------------------------------------------------------


def test_a_sealed_message_changes_logging(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    application: logging.Logger,
    anywhere: str,
) -> None:
    """The level is in force when the answer has come."""
    listener = serve(anywhere)
    assert logging.NOTSET == application.level
    assert Answer(Outcome.APPLIED) == ask(listener, seal())
    assert logging.DEBUG == application.level
    assert 1 == listener.stats().applied


def test_the_same_bytes_again_change_nothing(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    application: logging.Logger,
    anywhere: str,
) -> None:
    """A copy is answered with what came of the message, and whatever was set since then stays."""
    listener, sealed = serve(anywhere), seal()
    ask(listener, sealed)
    application.setLevel(logging.ERROR)
    for _ in range(5):
        assert Answer(Outcome.APPLIED, repeated=True) == ask(listener, sealed)
    assert logging.ERROR == application.level
    assert (1, 5) == (listener.stats().applied, listener.stats().repeated)


def test_four_copies_at_once_are_applied_once(
    serve: Callable[..., Listener], seal: Callable[..., bytes], anywhere: str
) -> None:
    """One of them is the first; the others hear what came of it."""
    listener = serve(anywhere)
    expected = [Answer(Outcome.APPLIED), *[Answer(Outcome.APPLIED, repeated=True)] * 3]
    for number in range(1, 11):
        answers = at_once(4, partial(ask, listener, seal()))
        assert expected == sorted(answers, key=lambda answer: answer.repeated)
        assert (number, 3 * number) == (listener.stats().applied, listener.stats().repeated)


def test_bytes_may_come_one_by_one(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    connect: Callable[[Listener], socket.socket],
    read_all: Callable[[socket.socket], bytes],
    anywhere: str,
) -> None:
    """The standard library drops a length that comes in two pieces; here any cut will do."""
    listener = serve(anywhere)
    connection = connect(listener)
    for byte in encode_frame(seal()):
        connection.send(bytes([byte]))
    assert Answer(Outcome.APPLIED) == decode_answer(read_all(connection)[4:])


def test_a_peer_that_has_sent_everything_may_close_its_half(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    connect: Callable[[Listener], socket.socket],
    read_all: Callable[[socket.socket], bytes],
    anywhere: str,
) -> None:
    """The end of input after a frame is not the end of interest in its answer."""
    connection = connect(serve(anywhere))
    connection.sendall(encode_frame(seal()))
    connection.shutdown(socket.SHUT_WR)
    assert Answer(Outcome.APPLIED) == decode_answer(read_all(connection)[4:])


def test_one_message_a_connection(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    connect: Callable[[Listener], socket.socket],
    read_all: Callable[[socket.socket], bytes],
    anywhere: str,
) -> None:
    """What follows the first frame is not read; there is one answer, and then the end."""
    listener = serve(anywhere)
    connection = connect(listener)
    connection.sendall(encode_frame(seal()) + encode_frame(seal()))
    received = read_all(connection)
    assert Answer(Outcome.APPLIED) == decode_answer(received[4:])
    assert (1, 0) == (listener.stats().applied, listener.stats().refused)


def test_a_peer_that_does_not_wait_for_the_answer(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    connect: Callable[[Listener], socket.socket],
    until: Callable[[Callable[[], object]], None],
    anywhere: str,
) -> None:
    """Its message counts all the same, and the next peer is served."""
    listener = serve(anywhere)
    connection = connect(listener)
    connection.sendall(encode_frame(seal()))
    connection.close()
    until(lambda: listener.stats().applied == 1)
    assert Answer(Outcome.APPLIED) == ask(listener, seal())


def test_the_largest_message(
    serve: Callable[..., Listener], seal: Callable[..., bytes], anywhere: str
) -> None:
    """A document that fills a socket's buffer several times over gets through, or its refusal."""
    listener = serve(anywhere)
    document = b'{"version": 1, "incremental": true}' + b" " * (MAX_FRAME_BYTES - 1_000)
    sealed = seal(document)
    assert "document-malformed" == ask(listener, sealed).reason
    assert Answer(Outcome.APPLIED) == ask(listener, seal())


# ---- strangers ----------------------------------------------------------------------------------


def test_strangers_get_the_same_bytes_for_every_cause(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    connect: Callable[[Listener], socket.socket],
    read_all: Callable[[socket.socket], bytes],
    anywhere: str,
    local: Way,
    mallory: Operator,
) -> None:
    """Junk, lengths, hang-ups, delays, unknown keys, forgeries: one constant and the end."""
    listener = serve(anywhere, deadlines=SHORT)
    good = encode_frame(seal())
    elsewhere = local.operator.wrap(local.operator.body(), local.layers, audience="orders@prod")
    approaches = {
        "frame-too-large": [b"\xff\xff\xff\xff", bytes(4), b"\xff\xff\xff\xff" + bytes(100_000)],
        "envelope-malformed": [encode_frame(b"GET / HTTP/1.1\r\n\r\n"), encode_frame(good[4:-1])],
        "signature-invalid": [good[:-1] + bytes([good[-1] ^ 1]), encode_frame(elsewhere)],
        "key-unknown": [encode_frame(mallory.wrap(mallory.body(), [mallory.signer()]))],
        "frame-timeout": [b"", b"\x00\x00", good[:-1]],
    }
    for reason, sent in approaches.items():
        for each in sent:
            connection = connect(listener)
            connection.sendall(each)
            assert read_all(connection) == REFUSAL
            assert reason == reasons(listener)[-1]
    for each in (b"", good[:3], good[:-1]):
        connection = connect(listener)
        connection.sendall(each)
        connection.shutdown(socket.SHUT_WR)
        assert read_all(connection) == REFUSAL
        assert "frame-truncated" == reasons(listener)[-1]
    assert 0 == listener.stats().applied


def test_a_length_over_the_cap_is_refused_unread(
    serve: Callable[..., Listener],
    connect: Callable[[Listener], socket.socket],
    read_all: Callable[[socket.socket], bytes],
    anywhere: str,
) -> None:
    """The refusal comes after four bytes, while the peer still believes it may send."""
    listener = serve(anywhere)
    connection = connect(listener)
    connection.sendall((MAX_FRAME_BYTES + 1).to_bytes(4, "big"))
    assert read_all(connection) == REFUSAL
    with pytest.raises(ConnectionError):
        # More than any buffer between the two holds.
        connection.sendall(bytes(100_000_000))
    assert ["frame-too-large"] == reasons(listener)


def test_a_trickle_does_not_extend_the_deadline(
    serve: Callable[..., Listener],
    connect: Callable[[Listener], socket.socket],
    read_all: Callable[[socket.socket], bytes],
    until: Callable[[Callable[[], object]], None],
    anywhere: str,
) -> None:
    """A byte now and then keeps no connection open."""
    listener = serve(anywhere, deadlines=SHORT)
    connection = connect(listener)
    connection.sendall((60_000).to_bytes(4, "big"))

    def trickled() -> bool:
        try:
            connection.send(b"x")
        except OSError:
            return True
        return bool(listener.stats().refused)

    until(trickled)
    assert ["frame-timeout"] == reasons(listener)
    assert read_all(connection) == REFUSAL


@pytest.mark.parametrize("cut", [0, 1, 4, 50])
def test_a_hang_up_frees_the_connection(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    connect: Callable[[Listener], socket.socket],
    until: Callable[[Callable[[], object]], None],
    anywhere: str,
    cut: int,
) -> None:
    """At once, not at a deadline, and nothing is held for it."""
    listener = serve(anywhere, deadlines=Deadlines(length_ms=600_000, frame_ms=600_000))
    connection = connect(listener)
    connection.sendall(encode_frame(seal())[:cut])
    server = listener._server
    assert server is not None
    until(lambda: server.connections == 1 and server.buffered_bytes == cut)
    connection.close()
    until(lambda: server.connections == 0)
    assert 0 == server.buffered_bytes
    assert ["frame-truncated"] == reasons(listener)


def test_at_the_cap_the_oldest_goes(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    connect: Callable[[Listener], socket.socket],
    read_all: Callable[[socket.socket], bytes],
    until: Callable[[Callable[[], object]], None],
    anywhere: str,
) -> None:
    """Silent peers make room for each other, and for one with a message."""
    listener = serve(anywhere, caps=Caps(connections=4))
    server = listener._server
    assert server is not None
    silent = []
    for _ in range(4):
        silent.append(connect(listener))
        until(lambda: server.connections == len(silent))
    assert Answer(Outcome.APPLIED) == ask(listener, seal())
    assert read_all(silent[0]) == REFUSAL
    until(lambda: server.connections == 3)
    silent += [connect(listener) for _ in range(3)]
    assert read_all(silent[1]) == REFUSAL
    assert read_all(silent[2]) == REFUSAL
    assert {"crowded-out"} == set(reasons(listener))
    assert Answer(Outcome.APPLIED) == ask(listener, seal())


def test_at_the_cap_of_bytes_the_oldest_goes(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    connect: Callable[[Listener], socket.socket],
    read_all: Callable[[socket.socket], bytes],
    until: Callable[[Callable[[], object]], None],
    anywhere: str,
) -> None:
    """What all peers together have sent of unfinished frames is bounded."""
    listener = serve(anywhere, caps=Caps(buffered_bytes=50_000))
    server = listener._server
    assert server is not None
    greedy = []
    for _ in range(2):
        greedy.append(connect(listener))
        greedy[-1].sendall((100_000).to_bytes(4, "big") + bytes(20_000))
        until(lambda: server.buffered_bytes == 20_004 * len(greedy))
    assert Answer(Outcome.APPLIED) == ask(listener, seal())
    greedy.append(connect(listener))
    greedy[-1].sendall((100_000).to_bytes(4, "big") + bytes(20_000))
    assert read_all(greedy[0]) == REFUSAL
    until(lambda: server.buffered_bytes == 2 * 20_004)
    assert ["crowded-out"] == reasons(listener)
    assert Answer(Outcome.APPLIED) == ask(listener, seal())


def test_a_flood_of_strangers_keeps_nobody_out(
    serve: Callable[..., Listener], seal: Callable[..., bytes], path: Path
) -> None:
    """Two hundred connects that never say a word, and a message among them."""
    listener = serve(caps=Caps(connections=32))
    silent = []
    try:
        for _ in range(200):
            peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            peer.settimeout(PATIENCE_S)
            silent.append(peer)
            peer.connect(str(path))
            # A connect that finds the queue full fails at once; let the listener catch up.
            time.sleep(0.001)
        assert Answer(Outcome.APPLIED) == ask(listener, seal())
    finally:
        for peer in silent:
            peer.close()


# ---- those who hold a key -----------------------------------------------------------------------


def test_reasons_are_told_after_authentication(
    serve: Callable[..., Listener], seal: Callable[..., bytes], anywhere: str
) -> None:
    """With the detail where the chain does not encrypt."""
    before = seal()
    listener = serve(anywhere)
    answer = ask(listener, before)
    assert (Outcome.REFUSED, "version-before-start") == (answer.outcome, answer.reason)
    assert "keeps no memory of what came before" in answer.detail
    answer = ask(listener, seal(GADGET))
    assert "policy" == answer.reason
    assert answer.detail.startswith("handler-class: handlers.h.class: the class 'os.system'")
    older, newer = seal(), seal()
    assert Answer(Outcome.APPLIED) == ask(listener, newer)
    assert "version-superseded" == ask(listener, older).reason
    assert "document-malformed" == ask(listener, seal(b"[]")).reason
    assert "document-invalid" == ask(listener, seal({"version": 3})).reason
    assert "content-type-unknown" == ask(listener, seal(content_type="text/plain")).reason
    assert "lifetime-too-long" == ask(listener, seal(lifetime_s=8 * 86_400)).reason


def test_no_detail_is_told_where_the_chain_encrypts(
    serve: Callable[..., Listener],
    seal_for_network: Callable[..., bytes],
    network: Way,
    anywhere: str,
) -> None:
    """The answer travels in the clear; the log of the service has the whole."""
    listener = serve(anywhere, chain=network.chain)
    answer = ask(listener, seal_for_network(GADGET))
    assert Answer(Outcome.REFUSED, "policy") == answer
    (refusal,) = listener.stats().refusals
    assert refusal.detail.startswith("handler-class: handlers.h.class: the class 'os.system'")
    assert Answer(Outcome.APPLIED) == ask(listener, seal_for_network())


def test_a_message_is_refused_after_a_restart(
    serve: Callable[..., Listener], seal: Callable[..., bytes], anywhere: str
) -> None:
    """A new process knows nothing of the old one's messages, and takes only what is newer."""
    sealed = seal()
    first = serve(anywhere)
    assert "version-before-start" == ask(first, sealed).reason
    sealed = seal()
    assert Answer(Outcome.APPLIED) == ask(first, sealed)
    first.stop()
    again = serve(anywhere)
    assert Answer(Outcome.APPLIED, repeated=True) == ask(again, sealed)
    again.stop()
    memory._of_audience.clear()
    second = serve(anywhere)
    assert "version-before-start" == ask(second, sealed).reason
    assert Answer(Outcome.APPLIED) == ask(second, seal())


def test_what_cannot_be_applied_has_failed(
    serve: Callable[..., Listener], seal: Callable[..., bytes], anywhere: str
) -> None:
    """It passed every check, and this process has no handler of that name."""
    listener = serve(anywhere)
    answer = ask(
        listener, seal({"version": 1, "incremental": True, "handlers": {"nobody": {"level": 10}}})
    )
    assert Outcome.FAILED is answer.outcome
    assert "handlers.nobody: this process has no handler of that name" == answer.detail
    assert 1 == listener.stats().failed


def test_a_rule_that_raises_refuses_the_request(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    anywhere: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The listener goes on, and the host finds its own bug in our log."""

    class Broken:
        """A third party's rule."""

        name = "broken"

        def judge(self, request: Planned) -> Iterator[Violation]:
            """Raise."""
            raise ZeroDivisionError("a third party's bug")

    listener = serve(anywhere, rules=[Broken()])
    for _ in range(2):
        assert "internal" == ask(listener, seal()).reason
    assert listener.is_alive()
    assert ["ZeroDivisionError"] * 2 == [
        type(each.exc_info[1]).__name__ for each in caplog.records if each.exc_info
    ]


# ---- the callback, and the log ------------------------------------------------------------------


def test_the_callback_is_told_every_decision(
    serve: Callable[..., Listener], seal: Callable[..., bytes], anywhere: str
) -> None:
    """In the listener's thread, before the answer goes out."""
    seen: list[tuple[str, Decision]] = []

    def on_event(decision: Decision) -> None:
        seen.append((threading.current_thread().name, decision))

    listener = serve(anywhere, on_event=on_event)
    sealed = seal()
    ask(listener, sealed)
    ask(listener, sealed)
    ask(listener, b"junk")
    assert [
        ("sealwire-listener", Outcome.APPLIED, None),
        ("sealwire-listener", Outcome.APPLIED, None),
        ("sealwire-listener", Outcome.REFUSED, Reason.ENVELOPE_MALFORMED),
    ] == [(name, each.answer.outcome, each.reason) for name, each in seen]


def test_a_callback_that_raises_harms_nobody(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    anywhere: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Messages are applied and answered as if it had not."""

    def on_event(decision: Decision) -> None:
        raise LookupError("the host's own bug")

    listener = serve(anywhere, on_event=on_event)
    for _ in range(3):
        assert Answer(Outcome.APPLIED) == ask(listener, seal())
        assert Answer(Outcome.REFUSED) == ask(listener, b"junk")
    assert listener.is_alive()
    errors = [each for each in caplog.messages if each == "on_event raised"]
    assert 6 == len(errors)


def test_a_silenced_logger_speaks_again(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An ordinary ``dictConfig`` of the host has disabled it; changes are logged all the same."""
    listener = serve()
    logger = logging.getLogger("sealwire")
    caplog.set_level(logging.INFO, "sealwire")
    logger.disabled = True
    ask(listener, seal())

    def said() -> list[str]:
        return [
            each.levelname
            for each in caplog.records
            # This test itself has changed the logging, which is told as well.
            if each.name == "sealwire" and not each.getMessage().startswith("drift")
        ]

    assert ["INFO"] == said()
    logger.disabled = True
    ask(listener, b"junk")
    assert ["INFO", "WARNING"] == said()


def test_a_change_that_silences_everybody_is_logged(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    child: Callable[[Callable[[], object]], Child],
) -> None:
    """A message may disable every logger it does not name; ours is not one of them."""

    def program() -> None:
        noted: list[str] = []

        class Noting(logging.Handler):
            """Notes what it is told."""

            def emit(self, record: logging.LogRecord) -> None:
                """Note it."""
                noted.append(record.getMessage())

        logger = logging.getLogger("sealwire")
        logger.setLevel(logging.INFO)
        logger.addHandler(Noting())
        host = logging.getLogger("host.of.the.test")
        listener = serve()
        message = seal({"version": 1, "disable_existing_loggers": True})
        assert Answer(Outcome.APPLIED) == ask(listener, message)
        assert host.disabled
        assert not logger.disabled
        assert noted
        assert noted[0].startswith("configuration of ")
        assert noted[1].startswith("applied request ")
        listener.stop()

    child(program).check()


def test_strangers_cannot_flood_the_log(
    serve: Callable[..., Listener], caplog: pytest.LogCaptureFixture, anywhere: str
) -> None:
    """Ten lines a minute, however many come; all of them are counted."""
    listener = serve(anywhere)
    for _ in range(50):
        ask(listener, b"junk")
    assert 50 == listener.stats().refused
    assert 10 == len([each for each in caplog.messages if each.startswith("refused")])


# ---- what it costs ------------------------------------------------------------------------------


def test_an_idle_listener_looks_once_a_minute(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    connect: Callable[[Listener], socket.socket],
    until: Callable[[Callable[[], object]], None],
    anywhere: str,
) -> None:
    """At the logging tree; only an open connection, or an owed line, makes it look sooner."""
    listener = serve(anywhere)
    server = listener._server
    assert server is not None
    ask(listener, seal())
    ask(listener, b"junk")
    until(lambda: server.connections == 0)
    idle_s = server._timeout_s()
    assert idle_s is not None
    assert idle_s > 2
    connection = connect(listener)
    until(lambda: server.connections == 1)
    waits_s = server._timeout_s()
    assert waits_s is not None
    assert 0 < waits_s <= 2
    connection.close()
    until(lambda: server.connections == 0)
    idle_s = server._timeout_s()
    assert idle_s is not None
    assert idle_s > 2


@pytest.mark.parametrize("ends", ["open", "half-closed", "closed"])
def test_nothing_makes_it_spin(
    serve: Callable[..., Listener],
    connect: Callable[[Listener], socket.socket],
    anywhere: str,
    ends: str,
) -> None:
    """Four bytes and a hang-up hold a core of the standard library's for ever."""
    listener = serve(anywhere)
    for sent in (b"", b"\x00", b"\x00\x00\x00\x09", b"\x00\x00\x00\x09abc"):
        connection = connect(listener)
        connection.sendall(sent)
        if ends == "half-closed":
            connection.shutdown(socket.SHUT_WR)
        elif ends == "closed":
            connection.close()
    before_s, began_s = time.process_time(), time.monotonic()
    time.sleep(0.3)
    used_s = time.process_time() - before_s
    assert used_s < (time.monotonic() - began_s) / 3


def test_no_descriptor_and_no_thread_is_left(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    connect: Callable[[Listener], socket.socket],
    read_all: Callable[[socket.socket], bytes],
    descriptors: Callable[[], int],
    anywhere: str,
) -> None:
    """Whatever peers did, and with some of them still there."""
    good = encode_frame(seal())
    before, threads = descriptors(), threading.active_count()
    listener = serve(anywhere, deadlines=SHORT, caps=Caps(connections=8))
    for number in range(60):
        with connect(listener) as connection:
            if number % 4 == 0:
                connection.sendall(encode_frame(seal()))
                read_all(connection)
            elif number % 4 == 1:
                connection.sendall(good[:20])
            elif number % 4 == 2:
                connection.sendall(b"\xff\xff\xff\xff")
                read_all(connection)
    staying = [connect(listener) for _ in range(5)]
    assert threads + 1 == threading.active_count()
    listener.stop()
    for connection in staying:
        assert read_all(connection) in {b"", REFUSAL}
        connection.close()
    assert before == descriptors()
    assert threads == threading.active_count()


def test_the_host_opens_files_while_peers_take_every_descriptor(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    child: Callable[[Callable[[], object]], Child],
) -> None:
    """Where they run out, the listener gives some back and pauses; it does not spin either."""

    def program() -> None:
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        listener = serve()
        peers = child(lambda: _hold_connections(listener))
        # How many this process has already depends on what ran in it before.
        highest = max(int(each.name) for each in Path("/dev/fd").iterdir())
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 40, hard))
        server = listener._server
        assert server is not None
        ends_s = time.monotonic() + PATIENCE_S
        while server.connections < 20:
            assert time.monotonic() < ends_s
            time.sleep(0.01)
        began_s, used_s, opened, failed = time.monotonic(), time.process_time(), 0, 0
        for _ in range(100):
            try:
                os.close(os.open(os.devnull, os.O_RDONLY))
                opened += 1
            except OSError:
                failed += 1
            time.sleep(0.01)
        assert opened > 3 * failed, (opened, failed)
        assert time.process_time() - used_s < (time.monotonic() - began_s) / 2
        peers.kill()
        while server.connections:
            assert time.monotonic() < ends_s
            time.sleep(0.01)
        sealed = seal()
        while True:
            assert time.monotonic() < ends_s
            # The queue may still be full of those who were killed.
            with suppress(TransportError):
                assert Outcome.APPLIED is ask(listener, sealed).outcome
                return

    child(program).check()


def _hold_connections(listener: Listener) -> None:
    """Hold as many connections as the listener lets in, and never say a word."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    held: list[socket.socket] = []
    path = str(listener.address).removeprefix("unix:")
    while True:
        peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        peer.settimeout(0)
        try:
            peer.connect(path)
            held.append(peer)
        except OSError:
            peer.close()
            time.sleep(0.02)
        if len(held) > 300:
            # Holding is the matter here, not how fast they come: a flood costs what it costs.
            time.sleep(0.02)
        del held[:-300]


def test_plans_are_what_was_sealed(
    serve: Callable[..., Listener],
    seal: Callable[..., bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two hundred messages in a row, each applied once and in the order they were sent."""
    levels: list[int | None] = []
    real = Bases.apply

    def noting(of: Bases, plan: LoggingPlan, *more: Any) -> object:  # noqa: ANN401
        levels.append(plan.loggers[0].level)
        return real(of, plan, *more)

    monkeypatch.setattr(Bases, "apply", noting)
    listener = serve()
    for level in range(1, 201):
        document = {
            "version": 1,
            "incremental": True,
            "loggers": {"sealwire-tests.application": {"level": level}},
        }
        assert Answer(Outcome.APPLIED) == ask(listener, seal(document))
    assert list(range(1, 201)) == levels
    assert 200 == listener.stats().applied
