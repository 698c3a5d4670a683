"""A plan as a value, a dictionary, canonical bytes and a digest."""

from __future__ import annotations

import hashlib
import json

from sealwire.documents import (
    External,
    FilterPlan,
    FormatterPlan,
    HandlerPlan,
    LoggerPlan,
    LoggingPlan,
)

FULL = LoggingPlan(
    formatters=(
        FormatterPlan("plain"),
        FormatterPlan(
            "rich",
            format="{message}",
            datefmt="%H",
            style="{",
            validate=False,
            class_name="a.B",
            defaults=(("x", None), ("y", 1)),
        ),
    ),
    filters=(FilterPlan("all"), FilterPlan("ours", "payments")),
    handlers=(
        HandlerPlan(
            "console",
            class_name="logging.StreamHandler",
            level=10,
            formatter="rich",
            filters=("ours", "all"),
            arguments=(("a", (1, "b")), ("stream", External("sys.stdout"))),
        ),
        HandlerPlan("nothing", class_name="logging.NullHandler", level=0),
    ),
    loggers=(LoggerPlan("a"), LoggerPlan("b", 15, ("console", "nothing"), ("ours",), False)),
    root=LoggerPlan("", 30, ("nothing",)),
    disable_existing_loggers=True,
)


def test_a_plan_becomes_a_dictionary() -> None:
    """Every attribute has its place, and what says nothing is left out."""
    assert FULL.to_dict() == {
        "version": 1,
        "incremental": False,
        "disable_existing_loggers": True,
        "formatters": {
            "plain": {},
            "rich": {
                "class": "a.B",
                "format": "{message}",
                "datefmt": "%H",
                "style": "{",
                "validate": False,
                "defaults": {"x": None, "y": 1},
            },
        },
        "filters": {"all": {"name": ""}, "ours": {"name": "payments"}},
        "handlers": {
            "console": {
                "class": "logging.StreamHandler",
                "level": 10,
                "formatter": "rich",
                "filters": ["ours", "all"],
                "a": [1, "b"],
                "stream": "ext://sys.stdout",
            },
            "nothing": {"class": "logging.NullHandler", "level": "NOTSET"},
        },
        "loggers": {
            "a": {"handlers": [], "filters": []},
            "b": {
                "level": 15,
                "handlers": ["console", "nothing"],
                "filters": ["ours"],
                "propagate": False,
            },
        },
        "root": {"level": 30, "handlers": ["nothing"], "filters": []},
    }


def test_an_incremental_plan_becomes_a_dictionary() -> None:
    """Levels and propagate alone; disabling is refused in words, because silence means yes."""
    plan = LoggingPlan(
        handlers=(HandlerPlan("console", level=0), HandlerPlan("file")),
        loggers=(LoggerPlan("a", 10, propagate=True),),
        incremental=True,
    )
    assert plan.to_dict() == {
        "version": 1,
        "incremental": True,
        "disable_existing_loggers": False,
        "handlers": {"console": {"level": "NOTSET"}, "file": {}},
        "loggers": {"a": {"level": 10, "propagate": True}},
    }


def test_each_dictionary_is_new() -> None:
    """``dictConfig`` takes its argument apart, and a plan cannot be changed by that."""
    digest = FULL.digest()
    taken = FULL.to_dict()
    taken["handlers"] = None
    assert digest == FULL.digest()


def test_the_canonical_form_is_one_line_of_the_same() -> None:
    """The canonical form is one line of JSON, and its SHA-256 is the digest."""
    canonical = FULL.canonical()
    assert b"\n" not in canonical
    assert FULL.to_dict() == json.loads(canonical)
    assert hashlib.sha256(canonical).digest() == FULL.digest()


def test_different_plans_have_different_digests() -> None:
    """Python thinks 1 and True equal; the digest does not."""
    plans = [
        LoggingPlan(),
        LoggingPlan(incremental=True),
        LoggingPlan(disable_existing_loggers=True),
        LoggingPlan(root=LoggerPlan("")),
        LoggingPlan(handlers=(HandlerPlan("a", "a.B", arguments=(("x", 1),)),)),
        LoggingPlan(handlers=(HandlerPlan("a", "a.B", arguments=(("x", True),)),)),
    ]
    assert len(plans) == len({plan.digest() for plan in plans})


def test_a_plan_is_hashable() -> None:
    """A plan can be a key, so that a receiver can tell what it has judged."""
    assert 1 == len({FULL, FULL._replace()})


def test_an_external_is_written_as_dictconfig_resolves_it() -> None:
    """The text form is that of the library."""
    assert "ext://sys.stdout" == str(External("sys.stdout"))
