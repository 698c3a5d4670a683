"""What stands on the standard library's logging goes on as it was: structlog, pytest's caplog."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from sealwire import Answer, Outcome, engine
from sealwire.requests import Verb
from sealwire.stages import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sealwire.listener import Listener

NAME = "sealwire-tests.shop"


@pytest.fixture(autouse=True)
def _new_engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Begin as a process in which nothing runs, and leave no level behind."""
    monkeypatch.setattr(engine, "_of_process", [])
    yield
    logging.getLogger(NAME).setLevel(logging.NOTSET)


@pytest.fixture
def lease(
    ask: Callable[..., Answer], serve: Callable[..., Listener]
) -> Callable[[], Callable[[], Answer]]:
    """Give what leases DEBUG for one logger, which gives what reverts that."""

    def lease() -> Callable[[], Answer]:
        listener = serve()
        answer = ask(listener, Verb.LEASE, Stream.LEASE, levels={NAME: "DEBUG"})
        assert Outcome.APPLIED is answer.outcome
        return lambda: ask(listener, Verb.REVERT, Stream.LEASE)

    return lease


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Any]:
    """Give a logger of structlog on the standard library, which writes JSON into a file."""
    handler = logging.FileHandler(tmp_path / "log")
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(processor=structlog.processors.JSONRenderer())
    )
    logger = logging.getLogger(NAME)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.add_log_level,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    yield structlog.get_logger(NAME).bind(order=7)
    structlog.reset_defaults()
    logger.removeHandler(handler)
    handler.close()


def test_a_lease_is_one_for_structlog_as_well(
    shop: Any,  # noqa: ANN401 - whatever structlog makes
    lease: Callable[[], Callable[[], Answer]],
    tmp_path: Path,
) -> None:
    """Its logger is bound and cached, and its records keep their form; nothing of it is set up."""
    shop.debug("before")
    revert = lease()
    shop.debug("during")
    revert()
    shop.debug("after")
    shop.info("after all")
    written = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    expected = [
        {"order": 7, "event": "during", "level": "debug"},
        {"order": 7, "event": "after all", "level": "info"},
    ]
    assert expected == [{key: each[key] for key in expected[0]} for each in written]


def test_caplog_sees_what_it_saw(
    caplog: pytest.LogCaptureFixture, lease: Callable[[], Callable[[], Answer]]
) -> None:
    """Its handlers stay where they are, and a lease shows in it as in any other handler."""
    logger, handlers = logging.getLogger(NAME), list(logging.getLogger().handlers)
    logger.setLevel(logging.INFO)
    assert caplog.handler in handlers
    logger.debug("before")
    revert = lease()
    logger.debug("during")
    revert()
    logger.debug("after")
    logger.info("after all")
    assert handlers == logging.getLogger().handlers
    mine = [each.getMessage() for each in caplog.records if each.name == NAME]
    assert ["during", "after all"] == mine


def test_caplog_outlives_a_configuration(
    caplog: pytest.LogCaptureFixture, ask: Callable[..., Answer], serve: Callable[..., Listener]
) -> None:
    """One that names the logger, and one that replaces the handlers that stand in it."""
    logger = logging.getLogger(NAME)
    config = {
        "version": 1,
        "handlers": {"none": {"class": "logging.NullHandler"}},
        "loggers": {NAME: {"level": "DEBUG", "handlers": ["none"]}},
    }
    listener = serve()
    assert Outcome.APPLIED is ask(listener, Verb.APPLY, Stream.BASE, config=config).outcome
    logger.debug("during")
    assert Outcome.APPLIED is ask(listener, Verb.REVERT, Stream.BASE).outcome
    assert caplog.handler in logging.getLogger().handlers
    assert "during" in [each.getMessage() for each in caplog.records if each.name == NAME]
