"""Requests that are harmless one by one, and what they come to in an order that somebody chose.

Each of these did something here once. They go through a running listener, as an attacker's would;
others are about a host whose own handlers, locks and classes are in the way meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import io
import json
import logging
import logging.handlers
import queue
import socket
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from sealwire import (
    MemorySealerState,
    Outcome,
    Sealer,
    deliver,
    engine,
    listen,
    memory,
    wall_clock_ms,
)
from sealwire.chain import Chain
from sealwire.checks import Freshness, Once
from sealwire.layers import Ed25519Signer, Ed25519Verifier
from sealwire.logtree import levels, locks
from sealwire.requests import CONTENT_TYPE_REQUEST, Verb, write_request
from sealwire.settings.policy_file import parse_policy
from sealwire.stages import Stream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Operator

    from sealwire.listener import Listener
    from sealwire.stages import Answer

PATIENCE_S = 20.0
AUDIENCE = "orders@test"
ISSUERS = ("oncall", "quiet", "config")
STREAMS = {
    Verb.APPLY: Stream.BASE,
    Verb.LEASE: Stream.LEASE,
    Verb.REVERT: Stream.LEASE,
    Verb.STATUS: Stream.READ,
}

POLICY = """\
[floors.loggers."payments.audit"]
level = "INFO"
handlers = ["audit"]

[ceilings]
"payments.cards" = "INFO"

[roles.oncall]
issuers = ["oncall"]
verbs = ["lease", "revert", "status"]

[roles.quiet]
issuers = ["quiet"]
verbs = ["lease", "revert"]
loggers = ["payments", "payments.audit"]
direction = "both"

[roles.config]
issuers = ["config"]
"""


@pytest.fixture(autouse=True)
def _own_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Begin as a process in which nothing runs, with a tree of its own but for our loggers."""
    monkeypatch.setattr(engine, "_of_process", [])
    memory._of_audience.clear()
    names, references = vars(logging)["_handlers"], vars(logging)["_handlerList"]
    root, loggers = logging.root, logging.root.manager.loggerDict
    kept = dict(names), list(references), dict(loggers), root.handlers, root.filters, root.level
    for name in [name for name in loggers if name.partition(".")[0] != "sealwire"]:
        del loggers[name]
    names.clear()
    references.clear()
    root.handlers, root.filters = [], []
    root.setLevel(logging.WARNING)
    yield
    for reference in references:
        # Some of them raise whatever they can.
        with contextlib.suppress(BaseException):
            if (handler := reference()) is not None:
                handler.close()
    for container in (names, references, loggers):
        container.clear()
    names.update(kept[0])
    references.extend(kept[1])
    loggers.update(kept[2])
    root.handlers, root.filters = kept[3:5]
    root.setLevel(kept[5])


class Service:
    """A listener, and people with keys."""

    def __init__(self, folder: Path, maker: type[Operator]) -> None:
        self.folder = folder
        self._people = {name: maker.called(name, AUDIENCE) for name in ISSUERS}
        self._sealers = {
            name: Sealer(
                AUDIENCE,
                (Ed25519Signer(each.signing),),
                issuer=name,
                state=MemorySealerState(),
                clock=wall_clock_ms,
            )
            for name, each in self._people.items()
        }
        self.listener: Listener

    def start(self, policy: str = "") -> None:
        """Listen, under this policy."""
        keys = [each.signing.verify_key for each in self._people.values()]
        self.listener = listen(
            f"unix:{self.folder}/log.sock",
            chain=Chain(AUDIENCE, [Ed25519Verifier(keys), Freshness(), Once()]),
            policy=parse_policy(self.folder / "policy.toml", policy).make_policy(),
        )

    def ask(self, who: str, verb: Verb, **members: Any) -> Answer:  # noqa: ANN401 - what the verb has
        """Ask for something."""
        time.sleep(0.003)  # a version is a millisecond, and each message has one of its own
        sealed = self._sealers[who].seal(
            write_request(verb, **members),
            content_type=CONTENT_TYPE_REQUEST,
            stream=STREAMS[verb],
        )
        return deliver(self.listener.address, sealed, timeout_s=PATIENCE_S)

    def lease(self, who: str, levels: dict[str, str], **more: Any) -> Answer:  # noqa: ANN401 - the same
        """Ask for a lease."""
        return self.ask(who, Verb.LEASE, levels=levels, for_s=600, **more)

    def apply(self, **config: Any) -> Answer:  # noqa: ANN401 - the sections of a configuration
        """Ask for a configuration."""
        return self.ask("config", Verb.APPLY, config={"version": 1, **config})

    def end(self, who: str, begun: Answer) -> None:
        """End one lease."""
        done(self.ask(who, Verb.REVERT, id=json.loads(begun.report)["id"]))


@pytest.fixture
def service(alice: Operator) -> Iterator[Service]:
    """Give a service that is not started yet, in a folder with a short path."""
    with tempfile.TemporaryDirectory(prefix="sw-") as path:
        made = Service(Path(path), type(alice))
        yield made
        made.listener.stop(PATIENCE_S)
        made.listener.join(PATIENCE_S)


@pytest.fixture
def payments(service: Service) -> Service:
    """Give a service that takes payments: an audit logger, and cards whose numbers are secret."""
    audit = logging.StreamHandler(io.StringIO())
    audit.name = "audit"
    logging.getLogger("payments").addHandler(audit)
    logging.getLogger("payments").setLevel(logging.INFO)
    for name in ("payments.audit", "payments.cards", "urllib3"):
        logging.getLogger(name)
    service.start(POLICY)
    return service


def done(answer: Answer) -> Answer:
    """Check that something was done."""
    assert Outcome.APPLIED is answer.outcome, answer
    return answer


def refused(answer: Answer, rule: str) -> None:
    """Check that something was refused by a rule."""
    assert Outcome.REFUSED is answer.outcome, answer
    assert answer.detail.startswith(rule), answer


def effective(name: str) -> int:
    """Give the level in force for a logger."""
    return logging.getLogger(name).getEffectiveLevel()


def until(condition: Any) -> None:  # noqa: ANN401 - whatever can be called
    """Wait for something."""
    ends_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < ends_s, "waited in vain"
        time.sleep(0.005)


def settled(name: str, level: int) -> dict[str, Any]:
    """Give an incremental configuration of one logger."""
    return {"incremental": True, "loggers": {name: {"level": logging.getLevelName(level)}}}


# ---- leases, one as the shield of another -------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "shield", "lease", "rule"),
    [
        ("oncall", {"urllib3": "INFO"}, {"root": "DEBUG"}, "lease-secrets"),
        ("quiet", {"payments.audit": "INFO"}, {"payments": "CRITICAL"}, "floor-level"),
        ("oncall", {"payments.cards": "INFO"}, {"payments": "DEBUG"}, "ceiling"),
    ],
)
def test_a_lease_is_no_shield_for_another(
    payments: Service, who: str, shield: dict[str, str], lease: dict[str, str], rule: str
) -> None:
    """It would end first, and leave the other one over what it held back."""
    refused(payments.lease(who, lease), rule)
    begun = done(payments.lease(who, shield))
    refused(payments.lease(who, lease), rule)
    payments.end(who, begun)
    assert (logging.WARNING, logging.INFO) == (effective("urllib3"), effective("payments.audit"))
    assert logging.INFO == effective("payments.cards")


@pytest.mark.parametrize(
    ("who", "level", "name"),
    [("quiet", "CRITICAL", "payments.audit"), ("oncall", "DEBUG", "payments.cards")],
)
def test_a_configuration_does_not_open_the_way_for_a_lease(
    payments: Service, who: str, level: str, name: str
) -> None:
    """With it, the lease would reach a logger that had a level of its own when it began."""
    logging.getLogger(name).setLevel(logging.INFO)
    done(payments.lease(who, {"payments": level}))
    payments.apply(**settled(name, logging.NOTSET))
    assert logging.INFO == effective(name)


def test_a_lease_that_changed_nothing_does_not_keep_a_louder_base_down(payments: Service) -> None:
    """It was as loud as the base when it began, and would be quieter than the new one."""
    logging.getLogger("payments.audit").setLevel(logging.WARNING)
    done(payments.lease("oncall", {"payments.audit": "WARNING"}))
    done(payments.apply(**settled("payments.audit", logging.INFO)))
    assert logging.INFO == effective("payments.audit")


def test_going_back_does_not_uncover_a_protected_logger_to_a_lease(payments: Service) -> None:
    """The configuration that held the lease off goes, and so does the lease."""
    done(payments.apply(**settled("payments.audit", logging.INFO)))
    done(payments.lease("quiet", {"payments": "CRITICAL"}))
    assert logging.INFO == effective("payments.audit")
    sealed = payments._sealers["config"].seal(
        write_request(Verb.REVERT), content_type=CONTENT_TYPE_REQUEST, stream=Stream.BASE
    )
    done(deliver(payments.listener.address, sealed, timeout_s=PATIENCE_S))
    assert logging.INFO == effective("payments.audit")
    assert [] == json.loads(payments.ask("oncall", Verb.STATUS).report)["leases"]


def test_a_lease_through_a_handler_does_not_inherit_another_ones_level(service: Service) -> None:
    """Its role may lower the handler to one level alone."""
    console = logging.StreamHandler(io.StringIO())
    console.name = "console"
    console.setLevel(logging.WARNING)
    logging.root.addHandler(console)
    service.start(
        """\
        [roles.senior]
        issuers = ["config"]
        through = ["console"]
        [roles.oncall]
        issuers = ["oncall"]
        levels = ["INFO"]
        through = ["console"]
        """
    )
    deep = done(service.lease("config", {"a": "DEBUG"}, through=["console"]))
    done(service.lease("oncall", {"b": "INFO"}, through=["console"]))
    assert logging.DEBUG == console.level
    service.end("config", deep)
    assert logging.INFO == console.level


def test_a_protected_handler_is_not_doubled_and_then_taken_away(service: Service) -> None:
    """A second one of its name takes its place everywhere, and stays protected by its name."""
    file = service.folder / "audit.log"
    service.start(
        f"""\
        [allow]
        directories = ["{service.folder}"]
        [floors.loggers."payments.audit"]
        level = "INFO"
        handlers = ["audit"]
        [floors.handlers.audit]
        class = "logging.FileHandler"
        target = "{file}"
        """
    )
    audit = logging.FileHandler(file)
    audit.name = "audit"
    logger = logging.getLogger("payments.audit")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(audit)
    taken: dict[str, Any] = {"loggers": {"payments.audit": {"level": "INFO"}}}
    refused(service.apply(**taken), "floor-reach")
    twin = {"audit": {"class": "logging.FileHandler", "filename": str(file)}}
    done(service.apply(handlers=twin, root={"handlers": ["audit"]}))
    refused(service.apply(**taken), "floor-reach")
    logger.info("still here")
    assert "still here" in file.read_text().splitlines()


# ---- a host whose own things are in the way -----------------------------------------------------


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for logging's lock as long as usual."""
    monkeypatch.setattr(levels, "whole_logging", functools.partial(locks.whole_logging, 0.1))


@pytest.mark.usefixtures("impatient")
def test_a_lease_ends_with_the_listener_though_logging_is_locked(service: Service) -> None:
    """By a ``dictConfig`` of the application that takes long; nobody would end it later."""
    service.start()
    done(service.lease("config", {"pay": "DEBUG"}))
    stopping = threading.Thread(target=service.listener.stop)
    with vars(logging)["_lock"]:
        stopping.start()
        until(lambda: logging.root.manager.loggerDict["pay"].level == logging.NOTSET)  # type: ignore[union-attr]
    stopping.join(PATIENCE_S)
    assert not stopping.is_alive()


@pytest.mark.usefixtures("impatient")
def test_a_lease_outlives_a_change_after_which_logging_is_locked(service: Service) -> None:
    """Lease and configuration are put in place in one step, with no way to be stopped between."""

    class Locking(logging.StreamHandler[io.StringIO]):
        def close(self) -> None:
            held = threading.Event()

            def hold() -> None:
                with vars(logging)["_lock"]:
                    held.set()
                    time.sleep(1.0)

            threading.Thread(target=hold).start()
            assert held.wait(PATIENCE_S)

        flush = close

    handler = Locking(io.StringIO())
    handler.name = "old"
    service.start()
    done(service.lease("config", {"pay": "DEBUG"}))
    logging.root.addHandler(handler)
    done(service.apply(root={"level": "ERROR", "handlers": []}))
    status = json.loads(service.ask("config", Verb.STATUS).report)
    assert [{"pay": logging.DEBUG}] == [each["levels"] for each in status["leases"]]
    assert "config" == status["base"]["issuer"]
    assert (logging.DEBUG, logging.ERROR) == (effective("pay"), logging.root.level)


@pytest.mark.parametrize("kind", [SystemExit, asyncio.CancelledError])
def test_a_close_that_raises_stops_nothing_half_way(
    service: Service, kind: type[BaseException]
) -> None:
    """The change stands and is answered so, and the other handlers are closed."""

    class Raising(logging.StreamHandler[io.StringIO]):
        def close(self) -> NoReturn:
            raise kind

        def flush(self) -> NoReturn:
            raise kind

    raising, file = Raising(io.StringIO()), logging.FileHandler(service.folder / "z.log")
    raising.name, file.name = "a", "z"
    logging.root.addHandler(raising)
    logging.root.addHandler(file)
    service.start()
    done(service.apply(root={"level": "ERROR", "handlers": []}))
    assert (logging.ERROR, None) == (logging.root.level, file.stream)
    assert raising not in logging.root.handlers
    status = json.loads(service.ask("config", Verb.STATUS).report)
    assert "config" == status["base"]["issuer"]


def test_a_strangers_junk_does_not_end_a_listener_through_a_handler(service: Service) -> None:
    """A refusal is logged, and a handler of the host's raises what is no ``Exception``."""

    class Cancelling(logging.Handler):
        def emit(self, record: logging.LogRecord) -> NoReturn:
            raise asyncio.CancelledError

    logging.root.addHandler(Cancelling())
    service.start()
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.settimeout(PATIENCE_S)
        stranger.connect(f"{service.folder}/log.sock")
        stranger.sendall(b"\xff" * 4)
        assert stranger.recv(100)
    done(service.lease("config", {"pay": "DEBUG"}))
    assert service.listener.is_alive()


@pytest.mark.parametrize("buffered", [False, True])
def test_a_handler_behind_a_queue_is_left_alone(service: Service, buffered: bool) -> None:
    """No logger leads to it, and it writes all the same: an unrelated change does not close it."""
    written = service.folder / "audit.log"
    file: logging.Handler = logging.FileHandler(written)
    audit = logging.handlers.MemoryHandler(1000, target=file) if buffered else file
    audit.name = "audit"
    records: queue.Queue[logging.LogRecord] = queue.Queue()
    behind = logging.handlers.QueueListener(records, audit)
    logging.root.addHandler(logging.handlers.QueueHandler(records))
    service.start()
    behind.start()
    done(service.apply(loggers={"other": {"level": "INFO"}}))
    logging.getLogger("x").error("after")
    behind.stop()
    audit.flush()
    assert "after" in written.read_text().splitlines()
    assert ("audit", False) == (audit.name, bool(vars(audit).get("_closed")))


def test_a_lease_is_known_though_a_logger_has_no_cache(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library's own way of emptying all caches would fail there, with the level set."""

    class Bare(logging.Logger):
        def __init__(self, name: str) -> None:
            super().__init__(name)
            del vars(self)["_cache"]

        def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - the library's name
            return level >= self.getEffectiveLevel()

    logging.root.manager.loggerDict["bare"] = Bare("bare")
    service.start()
    begun = done(service.lease("config", {"pay": "DEBUG"}))
    assert logging.DEBUG == logging.getLogger("pay").level
    service.end("config", begun)
    assert logging.NOTSET == logging.getLogger("pay").level
