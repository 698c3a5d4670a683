"""A hundred thousand and more mutated documents: a refusal is all that ever comes out.

Most are changed as bytes, and mostly end in the JSON reader. The others are changed as values, and
get through to the schema and to the rules of the policy.
"""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

from sealwire.errors import MalformedError, PolicyError, Reason
from sealwire.policy import HANDLER_ARGUMENTS, default_rules, judge
from sealwire.requests import Apply, read_request
from sealwire.stages import Opened

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.conftest import Operator

    from sealwire.policy import Rule

BYTE_CHANGES = 100_000
VALUE_CHANGES = 50_000

SEEDS: list[dict[str, object]] = [
    {"version": 1},
    {
        "version": 1,
        "formatters": {"f": {"format": "%(asctime)s %(message)-10s", "datefmt": "%H:%M"}},
        "filters": {"g": {"name": "payments"}},
        "handlers": {
            "console": {
                "class": "logging.StreamHandler",
                "level": "DEBUG",
                "formatter": "f",
                "filters": ["g"],
                "stream": "ext://sys.stdout",
            }
        },
        "loggers": {"payments.db": {"level": 10, "propagate": False, "handlers": ["console"]}},
        "root": {"level": "WARNING", "handlers": ["console"]},
    },
    {
        "version": 1,
        "disable_existing_loggers": True,
        "formatters": {
            "a": {
                "class": "logging.Formatter",
                "format": "{message:>10} {levelname!r}",
                "style": "{",
                "validate": True,
            },
            "b": {
                "format": "${message} $user",
                "style": "$",
                "defaults": {"user": "\u00e4\ud83d\ude00"},
            },
        },
        "handlers": {
            "file": {
                "class": "logging.handlers.RotatingFileHandler",
                "filename": "/var/log/app/x.log",
                "maxBytes": 10**6,
                "backupCount": 3,
                "delay": True,
            },
            "late": {
                "class": "logging.handlers.MemoryHandler",
                "capacity": 100,
                "flushLevel": "ERROR",
                "target": "file",
            },
            "syslog": {
                "class": "logging.handlers.SysLogHandler",
                "address": "/dev/log",
                "facility": "user",
            },
        },
    },
    {
        "version": 1,
        "formatters": {"f": {"()": "app.make", "fmt": "{message}", "style": "{", "datefmt": "%H"}},
        "filters": {"g": {"()": "app.make", "names": ["a"], ".": {"tag": "x"}}},
        "handlers": {
            "console": {"class": "logging.StreamHandler", "level": 10, ".": {"terminator": "\n"}},
            "made": {
                "()": "app.make",
                "level": "cfg://handlers.console.level",
                "filename": "/var/log/app/y.log",
                "stream": "ext://sys.stdout",
            },
            "queue": {
                "class": "logging.handlers.QueueHandler",
                "handlers": ["console", "made"],
                "queue": {"()": "queue.Queue", "maxsize": 100},
                "listener": "app.make",
                "respect_handler_level": True,
            },
            "late": {
                "class": "logging.handlers.MemoryHandler",
                "capacity": 100,
                "target": "cfg://handlers.made",
            },
        },
        "root": {"level": "cfg://handlers.made.level", "handlers": ["queue"]},
    },
    {
        "version": 1,
        "handlers": {"console": {"class": "logging.StreamHandler", ".": {"terminator": ""}}},
    },
    {
        "version": 1,
        "incremental": True,
        "handlers": {"console": {"level": 0}},
        "loggers": {"": {"level": "INFO"}, "a": {"propagate": True}},
    },
]

TELLING: Sequence[object] = (
    *(None, True, False, 0, 1, -1, 50, 10**6, 10**18, -(2**63), 2**64, 1.5, float("inf")),
    *("", "a", "root", "()", ".", "class", "DEBUG", "debug", "1", "\0", "\n", "\ud800", "\u202e"),
    *(
        "ext://sys.stdout",
        "ext://os.system",
        "ext://os.sep",
        "ext://a.b",
        "ext://",
        "cfg://handlers.console",
        "ext://a\n",
    ),
    *("cfg://root.level", "cfg://handlers.made", "cfg://handlers[queue].handlers[0]", "cfg://"),
    *("app.make", "app.other", "queue.Queue", "tag", "queue", "listener", "handlers", "fmt"),
    *("logging.StreamHandler", "logging.handlers.MemoryHandler", "os.system", "a..b"),
    *(
        "%",
        "{",
        "$",
        "%s",
        "%(a",
        "%(message)d",
        "%(args)s",
        "{a[0]}",
        "{message:{a}}",
        "$x",
        "%1000000000Y",
    ),
    *("/var/log/app/y", "/etc/passwd", "/var/log/app/../x", "a." * 300, "x" * 70_000, "0" * 5_000),
    *([], {}, [[]], ["console", "console"], {"()": "os.abort"}, {".": {}}, ["a", 1, None]),
)


def changed(chance: random.Random, value: object) -> object:
    """Give ``value`` with about one of its parts replaced, added or taken out."""
    if not isinstance(value, (dict, list)) or not value or chance.random() < 0.05:
        return chance.choice(TELLING)
    if isinstance(value, list):
        items = list(value)
        at = chance.randrange(len(items))
        items[at] = changed(chance, items[at])
        return items
    entries = dict(value)
    key = chance.choice(list(entries))
    kind = chance.randrange(8)
    if kind == 0:
        del entries[key]
    elif kind == 1:
        entries[str(chance.choice(TELLING))] = entries.pop(key)
    elif kind == 2:
        entries[chance.choice(list(entries))] = entries[key]
    elif kind == 3:
        entries[str(chance.choice(TELLING))] = chance.choice(TELLING)
    else:
        entries[key] = changed(chance, entries[key])
    return entries


STRICT = default_rules(["/var/log/app"])
# A host that has named what the seeds are made of.
LENIENT = default_rules(
    ["/var/log/app"],
    handler_classes=[*HANDLER_ARGUMENTS, "logging.handlers.QueueHandler"],
    factories=["app.make"],
    attributes=["app.make.tag", "logging.StreamHandler.terminator"],
)


def what_happens(operator: Operator, document: bytes, rules: tuple[Rule, ...] = STRICT) -> str:
    """Read and judge a document; any exception that is no refusal comes out."""
    opened = Opened(document, operator.claims(), "application/json", document, evidence=())
    try:
        request = read_request(opened)
        assert isinstance(request, Apply)
        again = request.plan.canonical()
        judge(rules, request)
    except MalformedError as error:
        return error.reason.value
    except PolicyError as error:
        return error.rule
    same = read_request(opened._replace(document=again))
    assert isinstance(same, Apply)
    assert request.plan == same.plan
    assert request.plan.digest() == same.plan.digest()
    return "allowed"


def test_changed_bytes_are_refused_or_read(
    alice: Operator, mutate: Callable[[random.Random, Sequence[bytes]], bytes]
) -> None:
    """Changes to the bytes: nothing but a refusal comes out, and some documents still read."""
    chance = random.Random(20261123)
    seeds = [
        json.dumps(seed, ensure_ascii=bool(number)).encode() for number, seed in enumerate(SEEDS)
    ]
    seen: dict[str, int] = {}
    for _ in range(BYTE_CHANGES):
        outcome = what_happens(alice, mutate(chance, seeds))
        seen[outcome] = seen.get(outcome, 0) + 1
    assert BYTE_CHANGES == sum(seen.values())
    malformed, invalid = Reason.DOCUMENT_MALFORMED.value, Reason.DOCUMENT_INVALID.value
    assert {malformed, invalid, "allowed", "handler-class"} <= set(seen)


def test_changed_values_are_refused_or_read(alice: Operator) -> None:
    """Changes to the values: every rule of the default policy gets to refuse some of them."""
    chance = random.Random(20261124)
    seen: dict[str, int] = {}
    for _ in range(VALUE_CHANGES):
        value: object = chance.choice(SEEDS)
        for _ in range(chance.choice((1, 1, 2, 3))):
            value = changed(chance, value)
        rules = chance.choice((STRICT, LENIENT))
        outcome = what_happens(alice, json.dumps(value).encode(), rules)
        seen[outcome] = seen.get(outcome, 0) + 1
    assert VALUE_CHANGES == sum(seen.values())
    # No single change makes a thousand loggers, so the rule that counts is left out.
    assert {rule.name for rule in STRICT} - {"count"} <= set(seen)
    assert {Reason.DOCUMENT_MALFORMED.value, Reason.DOCUMENT_INVALID.value, "allowed"} <= set(seen)


def test_the_seeds_are_read_and_allowed(alice: Operator) -> None:
    """By the host that has named what they are made of; otherwise nothing of them were tried."""
    for seed in SEEDS:
        assert "allowed" == what_happens(alice, json.dumps(seed).encode(), LENIENT)
