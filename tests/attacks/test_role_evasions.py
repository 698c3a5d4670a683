"""Ways in which a role with some loggers changed what is written for those of others.

Each is made of what the host allows, names no logger but the role's own, and leaves a tree in which
the handlers of others look as they did. Judged are real handlers, with records that show the harm.
"""

from __future__ import annotations

import logging
import logging.handlers
import queue
from typing import TYPE_CHECKING, Any

import pytest

from sealwire.logtree import read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.attacks.conftest import Court

FOLDER = "/var/log/app"
FILE, ROTATING = "logging.FileHandler", "logging.handlers.RotatingFileHandler"
MEMORY = "logging.handlers.MemoryHandler"
OTHERS, OWN = "attacks.orders", "security"


@pytest.fixture(autouse=True)
def _own_handlers() -> Iterator[None]:
    """Leave no handler and no name behind."""
    loggers = [logging.getLogger(name) for name in (OTHERS, OWN)]
    yield
    for logger in loggers:
        for handler in logger.handlers[:]:
            logger.removeHandler(handler)
            handler.close()


def named(name: str, handler: logging.Handler) -> logging.Handler:
    """Give a handler this name."""
    handler.name = name
    return handler


def file(name: str) -> logging.Handler:
    """Give a handler that has not opened its file yet."""
    return logging.FileHandler(f"{FOLDER}/{name}", delay=True)


def refused(court: Court, document: dict[str, Any]) -> list[str]:
    """Give what speaks against a configuration of somebody who has ``security`` alone."""
    return court.refusals(court.apply(document, "quentin"), read())


def defined(name: str, **entries: object) -> dict[str, Any]:
    """Give a configuration that defines a handler."""
    return {
        "formatters": {"x": {"format": "%(levelname)s"}},
        "filters": {"none": {"name": "no.such"}},
        "handlers": {"null": {"class": "logging.NullHandler"}, name: entries},
    }


BUFFER: dict[str, Any] = {"class": MEMORY, "capacity": 10_000, "target": "null"}
REDEFINED: dict[str, dict[str, Any]] = {
    "a file that rotates at once": {
        "class": ROTATING,
        "filename": f"{FOLDER}/app.log",
        "maxBytes": 65_536,
        "backupCount": 0,
    },
    "a filter that lets nothing pass": {
        "class": FILE,
        "filename": f"{FOLDER}/app.log",
        "filters": ["none"],
    },
    "a format that says nothing": {
        "class": FILE,
        "filename": f"{FOLDER}/app.log",
        "formatter": "x",
    },
    "a buffer before nothing": BUFFER,
    "what it was": {"class": FILE, "filename": f"{FOLDER}/app.log"},
}


@pytest.mark.parametrize("entries", REDEFINED.values(), ids=REDEFINED)
@pytest.mark.parametrize("behind", [False, True])
def test_a_handler_of_others_is_not_defined_anew(
    court: Court, entries: dict[str, Any], *, behind: bool
) -> None:
    """Neither one that another logger has, nor one that such a handler writes through."""
    theirs = named("app", file("app.log"))
    target = logging.handlers.MemoryHandler(1, target=theirs) if behind else theirs
    logging.getLogger(OTHERS).addHandler(target)
    assert "role-loggers" in refused(court, defined("app", **entries))


def test_a_buffer_of_others_is_not_defined_anew(court: Court) -> None:
    """It shows neither its capacity nor where it hands records on."""
    theirs = logging.handlers.MemoryHandler(1, target=file("app.log"))
    logging.getLogger(OTHERS).addHandler(named("buffer", theirs))
    assert "role-loggers" in refused(court, defined("buffer", **BUFFER))


def test_a_handler_behind_a_queue_that_somebody_reads_is_not_defined_anew(court: Court) -> None:
    """Before Python 3.12 a queue handler never knows its listener."""
    logging.getLogger(OTHERS).addHandler(logging.handlers.QueueHandler(queue.Queue()))
    theirs = named("app", file("app.log"))
    assert "role-loggers" in refused(court, defined("app", **REDEFINED["what it was"]))
    logging.getLogger(OWN).addHandler(theirs)
    assert "role-loggers" in refused(court, defined("app", **REDEFINED["what it was"]))


def test_a_handler_behind_another_is_not_leveled(court: Court) -> None:
    """An incremental configuration needs no definition."""
    theirs = named("app", file("app.log"))
    logging.getLogger(OTHERS).addHandler(logging.handlers.MemoryHandler(1, target=theirs))
    louder = {"incremental": True, "handlers": {"app": {"level": "CRITICAL"}}}
    assert "role-loggers" in refused(court, louder)


@pytest.mark.parametrize("path", ["app.log", "app.log.1"])
@pytest.mark.parametrize("behind", [False, True])
def test_a_file_of_others_is_not_rotated_away(court: Court, path: str, *, behind: bool) -> None:
    """By a handler of another name."""
    theirs = file("app.log")
    target = logging.handlers.MemoryHandler(1, target=theirs) if behind else theirs
    logging.getLogger(OTHERS).addHandler(target)
    mine = {"class": ROTATING, "filename": f"{FOLDER}/{path}", "maxBytes": 65_536}
    document = {**defined("mine", **mine), "loggers": {OWN: {"handlers": ["mine"]}}}
    assert "role-loggers" in refused(court, document)


def test_what_is_the_roles_own_can_be_defined_again(court: Court) -> None:
    """What the role has made it may change."""
    theirs = named("mine", file("mine.log"))
    buffer = named("buffer", logging.handlers.MemoryHandler(1, target=theirs))
    logging.getLogger(OWN).addHandler(buffer)
    document = defined("mine", **{"class": FILE, "filename": f"{FOLDER}/mine.log"})
    document["handlers"]["buffer"] = {**BUFFER, "target": "mine"}
    document["loggers"] = {OWN: {"handlers": ["buffer"]}}
    assert [] == [each for each in refused(court, document) if each == "role-loggers"]
