"""The ``verify`` callable of the standard library's own ``logging.config.listen``."""

from __future__ import annotations

import builtins
import configparser
import io
import json
import logging
import logging.config
import logging.handlers
import queue
import random
import socket
import struct
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from sealwire import (
    ConfigurationError,
    Ed25519Verifier,
    Freshness,
    Outcome,
    as_verify,
    default_rules,
)
from sealwire.framing import MAX_FRAME_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.conftest import Operator, Way
    from tests.integration.conftest import Child

    from sealwire.events import Decision

    Verify = Callable[[Any], bytes | None]
    Fork = Callable[[Callable[[], object]], Child]

PATIENCE_S = 20.0
APPLICATION = "sealwire-tests.application"
CHANGE = {"version": 1, "loggers": {APPLICATION: {"level": "DEBUG"}}}


def at_once(count: int, step: Callable[[], object]) -> None:
    """Run ``step`` in so many threads, which begin together, to their end."""
    together = threading.Barrier(count)

    def run() -> None:
        together.wait(PATIENCE_S)
        step()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)


def note_result(given: list[bytes | None], verify: Verify, sealed: bytes) -> None:
    """Note what ``verify`` gives."""
    given.append(verify(sealed))


@pytest.fixture
def verify(local: Way) -> Verify:
    """Give a callable for alice's messages."""
    return as_verify(local.chain)


# ---- what it gives ------------------------------------------------------------------------------


def test_a_message_becomes_one_line_of_json(verify: Verify, seal: Callable[..., bytes]) -> None:
    """An object, canonical, and explicit about what the library would take silence for."""
    given = verify(seal(CHANGE))
    assert given is not None
    assert b"\n" not in given
    document = json.loads(given)
    assert {
        "version": 1,
        "incremental": False,
        "disable_existing_loggers": False,
        "formatters": {},
        "filters": {},
        "handlers": {},
        "loggers": {APPLICATION: {"level": 10, "handlers": [], "filters": []}},
    } == document
    ordered = json.dumps(document, sort_keys=True, separators=(",", ":"))
    assert ordered.encode() == given


def test_a_copy_gives_nothing(verify: Verify, seal: Callable[..., bytes]) -> None:
    """The library would apply it again."""
    sealed = seal(CHANGE)
    assert verify(sealed) is not None
    assert [None] * 5 == [verify(sealed) for _ in range(5)]
    assert verify(seal(CHANGE)) is not None


def test_what_is_refused_gives_nothing(
    verify: Verify, seal: Callable[..., bytes], local: Way, mallory: Operator
) -> None:
    """Unsigned, forged, stale, forbidden or no configuration at all."""
    older = seal(CHANGE)
    assert verify(seal(CHANGE)) is not None
    sealed = seal(CHANGE)
    for refused in (
        older,
        b"",
        b"junk",
        json.dumps(CHANGE).encode(),
        sealed[:-1],
        sealed + b"\0",
        struct.pack(">L", len(sealed)) + sealed,
        mallory.wrap(mallory.body(), [mallory.signer()]),
        local.seal(),
        seal({"version": 1, "handlers": {"h": {"class": "os.system", "command": "true"}}}),
        seal({"version": 1, "formatters": {"f": {"()": "os.getcwd"}}}),
        seal(b"[loggers]\nkeys=root\n"),
        seal(b"no JSON"),
        seal(CHANGE, content_type="text/plain"),
        bytes(MAX_FRAME_BYTES + 1),
    ):
        assert verify(refused) is None
    assert verify(sealed) is not None


@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        "text",
        0,
        -1,
        True,
        3.5,
        [],
        {},
        object(),
        bytearray(b"x"),
        memoryview(b"x"),
        bytes,
    ],
    ids=lambda given: type(given).__name__ + str(given)[:5],
)
def test_what_is_no_bytes_gives_nothing(verify: Verify, given: object) -> None:
    """It never raises, because a thread of the library would die of it."""
    assert verify(given) is None


def test_mutations_give_nothing(
    verify: Verify,
    seal: Callable[..., bytes],
    mutate: Callable[[random.Random, Sequence[bytes]], bytes],
) -> None:
    """Two thousand of them: no exception, and no configuration."""
    chance, seeds = random.Random(7), [seal(CHANGE), seal(b"{}"), b"junk"]
    passed = []
    for _ in range(2_000):
        changed = mutate(chance, seeds)
        if changed not in seeds and verify(changed) is not None:
            passed.append(changed)
    assert [] == passed
    assert verify(seal(CHANGE)) is not None


def test_what_a_rule_raises_gives_nothing(
    local: Way, seal: Callable[..., bytes], caplog: pytest.LogCaptureFixture
) -> None:
    """The host's own code may fail, in a rule or in the callback; the library hears nothing."""

    class Broken:
        """A third party's rule."""

        name = "broken"

        def judge(self, request: object) -> Any:  # noqa: ANN401 - gives nothing
            """Raise."""
            raise ZeroDivisionError("a third party's bug")

    assert as_verify(local.chain, rules=[Broken()])(seal(CHANGE)) is None

    def raising(decision: Decision) -> None:
        raise LookupError("the host's own bug")

    assert as_verify(local.chain, on_event=raising)(seal(CHANGE)) is not None
    assert "on_event raised" in caplog.messages


def test_what_cannot_be_applied_gives_nothing(
    local: Way, seal: Callable[..., bytes], folder: Path
) -> None:
    """What can be found out beforehand is: the library closes everything before it fails."""
    verify = as_verify(local.chain, rules=default_rules([f"{folder}/missing"]))
    assert verify(seal(writing(folder / "missing"))) is None
    (folder / "missing").mkdir()
    assert verify(seal(writing(folder / "missing"))) is not None


def test_a_queue_gives_nothing(local: Way, seal: Callable[..., bytes]) -> None:
    """The library would leave its listener to the application, and the records in the queue."""
    handlers: dict[str, dict[str, object]] = {
        "queue": {"class": "logging.handlers.QueueHandler", "handlers": ["console"]},
        "console": {"class": "logging.StreamHandler"},
    }
    rules = default_rules(handler_classes=[str(each["class"]) for each in handlers.values()])
    seen: list[Decision] = []
    verify = as_verify(local.chain, rules=rules, on_event=seen.append)
    assert verify(seal({"version": 1, "handlers": handlers})) is None
    assert "handlers.queue: a queue would have no listener; use sealwire.listen" in [
        each.detail for each in seen
    ]
    del handlers["queue"]
    assert verify(seal({"version": 1, "handlers": handlers})) is not None


def test_the_callback_is_told(local: Way, seal: Callable[..., bytes]) -> None:
    """An applied one means: handed to the library."""
    seen: list[Decision] = []
    verify = as_verify(local.chain, on_event=seen.append)
    sealed = seal(CHANGE)
    for each in (sealed, sealed, b"junk"):
        verify(each)
    assert [
        (Outcome.APPLIED, False),
        (Outcome.APPLIED, True),
        (Outcome.REFUSED, False),
    ] == [(each.answer.outcome, each.answer.repeated) for each in seen]


def test_what_was_sealed_before_gives_nothing(local: Way, seal: Callable[..., bytes]) -> None:
    """A new memory takes only what is newer than itself."""
    sealed = seal(CHANGE)
    assert as_verify(local.chain)(sealed) is None


def test_a_chain_has_to_show_enough(alice: Operator) -> None:
    """As for a listener."""
    parts = (Ed25519Verifier([alice.signing.verify_key]), Freshness())
    with pytest.raises(ConfigurationError, match="Once"):
        as_verify(parts, audience=alice.audience)
    with pytest.raises(ConfigurationError, match="audience"):
        as_verify(parts)


def test_many_threads_get_a_message_once(local: Way, seal: Callable[..., bytes]) -> None:
    """The library verifies in a thread a connection; one of eight copies is handed over."""
    for _ in range(50):
        verify, sealed = as_verify(local.chain), seal(CHANGE)
        given: list[bytes | None] = []
        at_once(8, partial(note_result, given, verify, sealed))
        assert 8 == len(given)
        assert 1 == len([each for each in given if each is not None])


def test_threads_do_not_get_each_others_messages(local: Way, seal: Callable[..., bytes]) -> None:
    """What a call gives is what its own message asked for, junk beside it or not."""
    verify, wrong = as_verify(local.chain), list[int]()
    sealed = {level: seal({"version": 1, "root": {"level": level}}) for level in range(1, 61)}
    todo = queue.SimpleQueue[int]()
    for level in sealed:
        todo.put(level)

    def run() -> None:
        while True:
            try:
                level = todo.get_nowait()
            except queue.Empty:
                return
            given = verify(sealed[level])
            if given is not None and json.loads(given)["root"]["level"] != level:
                wrong.append(level)
            if verify(b"junk") is not None:
                wrong.append(-level)

    at_once(6, run)
    assert [] == wrong


NAMES = [
    "plain",
    "[loggers]",
    "a=b",
    "\n[formatters]\nkeys=x",
    "\r[handlers]",
    "\u2028[handlers]\u2028",
    "\x85[handlers]",
    "\x1c[handlers]",
    "%(x)s",
    "ä",
    "]",
]


def test_what_is_given_is_no_ini(
    verify: Verify, seal: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library's second try at a configuration that failed stops before its ``eval``."""
    evaluated: list[object] = []
    monkeypatch.setattr(logging.config, "eval", evaluated.append, raising=False)
    given = []
    for name in NAMES:
        for document in (
            {"version": 1, "loggers": {name: {"level": 10}}},
            {"version": 1, "formatters": {name: {"format": "%(message)s"}}},
            {"version": 1, "formatters": {"f": {"format": f"{name} %(message)s"}}},
            {"version": 1, "formatters": {"f": {"datefmt": name}}},
        ):
            configuration = verify(seal(document))
            if configuration is not None:
                given.append(configuration)
    assert len(given) >= 10
    for each in given:
        with pytest.raises((configparser.MissingSectionHeaderError, RuntimeError)) as caught:
            logging.config.fileConfig(io.StringIO(each.decode()))
        assert "no section headers" in str(caught.value) or "invalid" in str(caught.value)
    assert [] == evaluated


# ---- the real listener --------------------------------------------------------------------------


def writing(directory: Path) -> dict[str, Any]:
    """Give a configuration that writes a file."""
    file = {"class": "logging.FileHandler", "filename": f"{directory}/x.log"}
    return {"version": 1, "handlers": {"h": file}, "root": {"handlers": ["h"]}}


class Library:
    """The standard library's listener, running in this process, and what it writes.

    ``between`` is called once, after the first message has been verified and before it is applied.
    """

    def __init__(self, verify: Verify, between: Callable[[], object] = lambda: None) -> None:
        self.errors = sys.stderr = io.StringIO()
        self.given: list[bytes | None] = []

        def noting(received: bytes) -> bytes | None:
            self.given.append(verify(received))
            if self.given[-1] is not None and len(self.given) == 1:
                between()
            return self.given[-1]

        thread: Any = logging.config.listen(0, noting)  # noqa: S612 - it is what is tested
        thread.daemon = True
        thread.start()
        assert thread.ready.wait(PATIENCE_S)
        self._ready, self._port = thread.ready, thread.port

    def send(self, payload: bytes) -> None:
        """Send one frame, and wait until the library has done with it."""
        self._ready.clear()
        with socket.create_connection(("127.0.0.1", self._port)) as connection:
            connection.sendall(struct.pack(">L", len(payload)) + payload)
            # The library sets this after every request, whatever became of it.
            assert self._ready.wait(PATIENCE_S)


def test_the_library_applies_what_was_sealed(
    local: Way, seal: Callable[..., bytes], child: Fork
) -> None:
    """And nothing else: not unsigned, not forged, not twice."""

    def program() -> None:
        library = Library(as_verify(local.chain))
        application, sealed = logging.getLogger(APPLICATION), seal(CHANGE)
        library.send(json.dumps(CHANGE).encode())
        library.send(b"junk")
        library.send(sealed[:-1] + bytes([sealed[-1] ^ 1]))
        assert logging.NOTSET == application.level
        library.send(sealed)
        assert logging.DEBUG == application.level
        application.setLevel(logging.ERROR)
        library.send(sealed)
        assert logging.ERROR == application.level
        library.send(seal(CHANGE))
        assert logging.DEBUG == application.level
        assert [False] * 3 + [True, False, True] == [each is not None for each in library.given]
        assert not application.disabled
        assert "" == library.errors.getvalue()

    child(program).check()


def test_four_copies_at_once_reach_the_library_once(
    local: Way,
    seal: Callable[..., bytes],
    child: Fork,
    until: Callable[[Callable[[], object]], None],
) -> None:
    """Its threads verify at the same time."""

    def program() -> None:
        applied: list[dict[str, Any]] = []
        real = logging.config.dictConfig

        def noting(configuration: dict[str, Any]) -> None:
            applied.append(configuration)
            real(configuration)

        vars(logging.config)["dictConfig"] = noting
        library = Library(as_verify(local.chain))
        for number in range(1, 6):
            at_once(4, partial(library.send, seal(CHANGE)))
            # Any one of four requests wakes all that wait, so there may be some under way.
            until(
                partial(lambda count: len(library.given) == 4 * count <= 4 * len(applied), number)
            )
            assert number == len([each for each in library.given if each is not None])
        assert 5 == len(applied)

    child(program).check()


def test_a_configuration_that_fails_is_never_evaluated(
    local: Way, seal: Callable[..., bytes], child: Fork, folder: Path
) -> None:
    """Its directory is gone when the library applies it; it tries it as INI then, and stops."""
    logs = folder / "logs"
    logs.mkdir()
    rules = default_rules([str(logs)])

    def program() -> None:
        evaluated: list[object] = []
        vars(logging.config)["eval"] = evaluated.append
        vars(builtins)["eval"] = evaluated.append
        library = Library(as_verify(local.chain, rules=rules), logs.rmdir)
        library.send(seal(writing(logs)))
        assert library.given[0] is not None
        assert [] == evaluated
        said = library.errors.getvalue()
        assert "MissingSectionHeaderError" in said or "RuntimeError" in said
        assert not logs.exists()
        library.send(seal(CHANGE))
        assert logging.DEBUG == logging.getLogger(APPLICATION).level

    child(program).check()


def test_the_library_tries_ini_at_all(child: Fork) -> None:
    """Without a ``verify`` like ours, what is no JSON is evaluated: the trap above can spring."""

    def program() -> None:
        evaluated: list[object] = []

        def trap(source: str, *_: object) -> tuple[()]:
            evaluated.append(source)
            return ()

        vars(logging.config)["eval"] = trap
        library = Library(lambda received: received)
        library.send(
            b"[loggers]\nkeys=root\n[handlers]\nkeys=h\n[formatters]\nkeys=\n"
            b"[logger_root]\nhandlers=h\n[handler_h]\nclass=NullHandler\nargs=harm()\n"
        )
        assert "harm()" in evaluated

    child(program).check()
