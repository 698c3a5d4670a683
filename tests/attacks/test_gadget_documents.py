"""Configurations that run code, write where they should not, or wear the process down.

Every one of them is signed by somebody who may send configurations: nothing but the reading of the
document and the default policy stands between it and the process. The table says which of the two
refuses it, and with which reason or by which rule.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import TYPE_CHECKING, NamedTuple

import pytest

from sealwire.errors import MalformedError, PolicyError, Reason
from sealwire.policy import default_rules, judge
from sealwire.requests import read_request
from sealwire.stages import Opened

if TYPE_CHECKING:
    from tests.conftest import Operator

INVALID = Reason.DOCUMENT_INVALID
MALFORMED = Reason.DOCUMENT_MALFORMED

DIRECTORY = "/var/log/app"
NULL = "logging.NullHandler"
STREAM = "logging.StreamHandler"
FILE = "logging.FileHandler"
ROTATING = "logging.handlers.RotatingFileHandler"
TIMED = "logging.handlers.TimedRotatingFileHandler"
MEMORY = "logging.handlers.MemoryHandler"
QUEUE = "logging.handlers.QueueHandler"
SYSLOG = "logging.handlers.SysLogHandler"


class Gadget(NamedTuple):
    """An attack, the document it comes in, and what refuses it."""

    name: str
    document: bytes
    expected: Reason | str


def sections(name: str, expected: Reason | str, **sections: object) -> Gadget:
    """Give a gadget of these sections of a configuration."""
    return Gadget(name, json.dumps({"version": 1, **sections}).encode(), expected)


def handler(name: str, expected: Reason | str, class_name: str, /, **entries: object) -> Gadget:
    """Give a gadget that is one handler."""
    return sections(name, expected, handlers={"h": {"class": class_name, **entries}})


def file(name: str, expected: Reason | str, path: object, /, **entries: object) -> Gadget:
    """Give a gadget that is one file handler."""
    return handler(name, expected, FILE, filename=path, **entries)


def formats(name: str, expected: Reason | str, text: str, style: str = "%") -> Gadget:
    """Give a gadget that is one format string."""
    formatter = {"format": text, "style": style}
    return sections(name, expected, formatters={"f": formatter})


LOG = f"{DIRECTORY}/x.log"

GADGETS = [
    # ---- code, by a factory -----------------------------------------------------------------
    handler("a handler made by os.system", INVALID, NULL, **{"()": "os.system", "command": "id"}),
    sections("a handler made by Popen", INVALID, handlers={"h": {"()": "subprocess.Popen"}}),
    sections("a formatter made by runpy", INVALID, formatters={"f": {"()": "runpy.run_path"}}),
    sections("a filter made by shutil", INVALID, filters={"f": {"()": "shutil.rmtree"}}),
    sections("a factory found through ext", INVALID, filters={"f": {"()": "ext://os.abort"}}),
    sections(
        "a factory in an argument", INVALID, handlers={"h": {"class": NULL, "x": {"()": "y"}}}
    ),
    sections("a section that is a factory", INVALID, handlers={"()": "os.system"}),
    sections("a document that is a factory", INVALID, **{"()": "os.system"}),
    sections("a logger that is a factory", INVALID, loggers={"a": {"()": "os.system"}}),
    handler("a queue that is called", INVALID, QUEUE, queue="os.abort"),
    handler("a queue with a factory", INVALID, QUEUE, queue={"()": "os.system", "command": "id"}),
    handler("a listener that is called", INVALID, QUEUE, listener="os.abort"),
    handler("a queue with handlers", INVALID, QUEUE, handlers=["h"]),
    handler("a queue handler", "handler-class", QUEUE),
    # ---- code, by a class -------------------------------------------------------------------
    handler("a class that is os.system", "handler-class", "os.system", command="id"),
    handler("a class that is Popen", "handler-class", "subprocess.Popen", args=["id"]),
    handler("a class that loads a library", "handler-class", "ctypes.CDLL", name="/tmp/x.so"),
    handler("a class that reads INI", "handler-class", "logging.config.fileConfig", fname="/tmp/x"),
    handler("a class by a roundabout name", "handler-class", "logging.handlers.os.system"),
    handler("a listed class, roundabout", "handler-class", "logging.handlers.logging.NullHandler"),
    handler("a module imported on the way", "handler-class", "antigravity.Handler"),
    handler("a class of the application", "handler-class", "__main__.Handler"),
    handler("a class with a line feed", INVALID, f"{NULL}\n"),
    handler("a class in letters that look alike", INVALID, "logging.Null\u041dandler"),
    sections("a class that is an object", INVALID, handlers={"h": {"class": "ext://os.system"}}),
    sections("a class that is a factory", INVALID, handlers={"h": {"class": {"()": "os.abort"}}}),
    sections(
        "a formatter's class with three arguments",
        "formatter-class",
        formatters={"f": {"class": "builtins.exec", "format": "%(message)s"}},
    ),
    sections(
        "a formatter's class that starts a program",
        "formatter-class",
        formatters={"f": {"class": "subprocess.Popen", "format": "id"}},
    ),
    # ---- code, by what dictConfig resolves --------------------------------------------------
    handler("an object that unpickles", "external", STREAM, stream="ext://pickle.load"),
    handler("an object of secrets", "external", STREAM, stream="ext://os.environ"),
    handler("an object beneath a listed one", "external", STREAM, stream="ext://sys.stdout.buffer"),
    handler("an object imported on the way", "external", STREAM, stream="ext://antigravity"),
    handler("an object that is called", INVALID, STREAM, stream="ext://os.system('id')"),
    handler("an object with a line feed", INVALID, STREAM, stream="ext://sys.stdout\n"),
    handler("an object in a list", INVALID, STREAM, stream=["ext://sys.stdout"]),
    handler("a path through the document", INVALID, STREAM, stream="cfg://handlers.h.class"),
    sections("a filter that exits", INVALID, root={"filters": ["ext://sys.exit"]}),
    sections("a handler that is an object", INVALID, root={"handlers": ["ext://sys.stdout"]}),
    handler("a formatter that is an object", INVALID, NULL, formatter="ext://sys.exit"),
    handler("a level that is an object", INVALID, NULL, level="ext://sys.maxsize"),
    sections("a name that is an object", INVALID, formatters={"ext://sys.exit": {}}),
    formats("a format that is an object", INVALID, "ext://os.environ"),
    sections("a date that is an object", INVALID, formatters={"f": {"datefmt": "ext://os.sep"}}),
    sections(
        "a default that is an object",
        INVALID,
        formatters={"f": {"defaults": {"x": "ext://os.environ"}}},
    ),
    handler("attributes set afterwards", INVALID, NULL, **{".": {"emit": "ext://os.abort"}}),
    handler("an argument with a line feed", INVALID, STREAM, **{"stream\n": "ext://sys.stdout"}),
    sections(
        "an argument in other letters",
        INVALID,
        handlers={"h": {"class": STREAM, "\u017ftream": "ext://sys.stdout"}},
    ),
    handler("the library's second try", "handler-argument", STREAM, strm="ext://sys.stdout"),
    handler("a stream that is text", "handler-argument", STREAM, stream="sys.stdout"),
    # ---- files ------------------------------------------------------------------------------
    file("a system file", "file-path", "/etc/passwd"),
    file("the process's own memory", "file-path", "/proc/self/mem"),
    file("a device", "file-path", "/dev/sda"),
    file("a way out of the directory", "file-path", f"{DIRECTORY}/../../../etc/cron.d/x"),
    file("a directory of a like name", "file-path", f"{DIRECTORY}2/x.log"),
    file("two slashes", "file-path", f"/{LOG}"),
    file("a relative path", "file-path", "x.log"),
    file("a home directory", "file-path", "~/.ssh/authorized_keys"),
    file("a line in a path", "file-path", f"{DIRECTORY}/x\n2026-01-01 all is well"),
    file("a path cut short", INVALID, f"{LOG}\0.log"),
    file("a descriptor", "handler-argument", 3),
    file("a file emptied", "handler-argument", LOG, mode="w"),
    file("a file read", "handler-argument", LOG, mode="r+"),
    file("a codec that fails always", "handler-argument", LOG, encoding="undefined"),
    file("a codec imported by name", "handler-argument", LOG, encoding="os.path"),
    file("records dropped in silence", "handler-argument", LOG, errors="ignore"),
    handler("a file rotated away", "handler-argument", ROTATING, filename=LOG, maxBytes=1),
    handler("a billion backups", "handler-argument", ROTATING, filename=LOG, backupCount=10**9),
    handler("a rollover without an end", "handler-argument", TIMED, filename=LOG, interval=0),
    handler("a rollover into the past", "handler-argument", TIMED, filename=LOG, interval=-1),
    handler("a class without its file", "handler-argument", FILE),
    sections(
        "one file for two",
        "file-path",
        handlers={name: {"class": ROTATING, "filename": LOG} for name in ("a", "b")},
    ),
    # ---- network ----------------------------------------------------------------------------
    handler("records by TCP", "handler-class", "logging.handlers.SocketHandler", host="a", port=1),
    handler(
        "records by UDP", "handler-class", "logging.handlers.DatagramHandler", host="a", port=1
    ),
    handler("records by HTTP", "handler-class", "logging.handlers.HTTPHandler", host="a", url="/"),
    handler("records by mail", "handler-class", "logging.handlers.SMTPHandler", mailhost="a"),
    handler("records to another host", "destination", SYSLOG, address=["198.51.100.7", 514]),
    handler("records to a daemon", "destination", SYSLOG, address="/var/run/docker.sock"),
    handler("records to nowhere in particular", "destination", SYSLOG),
    handler("a port that is a flag", "handler-argument", SYSLOG, address=["localhost", True]),
    handler(
        "a facility nobody knows", "handler-argument", SYSLOG, address="/dev/log", facility="x"
    ),
    # ---- format strings ---------------------------------------------------------------------
    formats("secrets through globals", "format-string", "{args[0].__init__.__globals__[KEY]}", "{"),
    formats("an attribute", "format-string", "{message.__class__.__mro__}", "{"),
    formats("an index", "format-string", "{args[0]}", "{"),
    formats("a position", "format-string", "{0}", "{"),
    formats("a field in a field", "format-string", "{message:{lineno}}", "{"),
    formats("a width of a gigabyte", "format-string", "%(message)300000000s"),
    formats("a width of a gigabyte, braces", "format-string", "{message:>300000000}", "{"),
    formats("a precision of a gigabyte", "format-string", "%(created).300000000f"),
    formats("a width in other digits", "format-string", "{message:\u0669\u0669\u0669\u0669}", "{"),
    formats("a width of a value", "format-string", "%(lineno)*d"),
    formats("many widths", "format-string", "%(message)999s" * 9),
    formats("the arguments of the call", "format-string", "%(args)s"),
    formats("the arguments of the call, dollars", "format-string", "${args}", "$"),
    formats("the whole record", INVALID, "%s %(message)s"),
    formats("a format that never formats", INVALID, "100% %(message)s"),
    formats("a format that loses records", "format-string", "%(message)d"),
    formats("a field that no record has", "format-string", "%(mesage)s"),
    formats("a field of many", "format-string", "%(message)s" * 90),
    formats("flags that take quadratic time", INVALID, "%(message)" + "0" * 100_000 + "s"),
    formats("a screen cleared", "format-string", "\x1b[2J%(message)s"),
    formats("text turned around", "format-string", "%(message)s\u202e"),
    sections("a year of a gigabyte", "date-format", formatters={"f": {"datefmt": "%1000000000Y"}}),
    sections("a date of many", "date-format", formatters={"f": {"datefmt": "%c" * 100}}),
    # ---- wearing the process down -----------------------------------------------------------
    sections(
        "a buffer without a bound",
        "handler-argument",
        handlers={"h": {"class": MEMORY, "capacity": 10**12, "target": "n"}, "n": {"class": NULL}},
    ),
    sections(
        "64 buffers",
        "count",
        handlers={
            "n": {"class": NULL},
            **{f"h{n}": {"class": MEMORY, "capacity": 10_000, "target": "n"} for n in range(63)},
        },
    ),
    handler("a file with every second", "handler-argument", TIMED, filename=LOG, when="S"),
    handler("a buffer never emptied", "handler-argument", MEMORY, capacity=10),
    handler("a buffer that feeds itself", INVALID, MEMORY, capacity=10, target="h"),
    sections(
        "buffers in a ring",
        INVALID,
        handlers={
            "a": {"class": MEMORY, "capacity": 1, "target": "b"},
            "b": {"class": MEMORY, "capacity": 1, "target": "a"},
        },
    ),
    sections("65 handlers", "count", handlers={f"h{n}": {"class": NULL} for n in range(65)}),
    sections("1,001 loggers", "count", loggers={f"l{n}": {} for n in range(1_001)}),
    sections("a logger of 10,000 parts", INVALID, loggers={".".join("a" * 10_000): {}}),
    sections("a logger of 100 parts", INVALID, loggers={".".join("a" * 100): {}}),
    sections("a level beyond all", INVALID, root={"level": 10**18}),
    # ---- JSON that two readers understand differently ---------------------------------------
    Gadget("100,000 lists", b'{"version":' + b"[" * 100_000, MALFORMED),
    Gadget("100,000 objects", b'{"a":' * 50_000, MALFORMED),
    Gadget("10,000 digits", b'{"version":' + b"1" * 10_000 + b"}", MALFORMED),
    Gadget("a number that is none", b'{"version": NaN}', MALFORMED),
    Gadget("a version with a fraction", b'{"version": 1.0}', MALFORMED),
    Gadget("a version with an exponent", b'{"version": 1e0}', MALFORMED),
    Gadget("a version that is a flag", b'{"version": true}', INVALID),
    Gadget("a key twice", b'{"version": 1, "root": {}, "root": {"level": 50}}', MALFORMED),
    Gadget(
        "a key twice, escaped",
        b'{"version": 1, "version\\u0020": 1, "v\\u0065rsion": 2}',
        MALFORMED,
    ),
    Gadget("half a character", b'{"version": 1, "loggers": {"\\ud800": {}}}', MALFORMED),
    Gadget("a slash of two bytes", b'{"version": 1, "loggers": {"\xc0\xaf": {}}}', MALFORMED),
    Gadget("a byte order mark", b'\xef\xbb\xbf{"version": 1}', MALFORMED),
    Gadget("another encoding", '{"version": 1}'.encode("utf-16"), MALFORMED),
    Gadget("something behind", b'{"version": 1}\n[loggers]\nkeys=root', MALFORMED),
    Gadget("an INI document", b"[loggers]\nkeys=root\n[handlers]\nkeys=\n", MALFORMED),
    Gadget("a quarter of a megabyte", b'{"version": 1}' + b" " * 2**18, MALFORMED),
    Gadget("no object", b"[]", MALFORMED),
    # ---- the same thing under two names -----------------------------------------------------
    sections("root twice", INVALID, loggers={"": {"level": 50}}, root={"level": 10}),
    sections("root by its name", INVALID, loggers={"root": {"level": 50}}, root={"level": 10}),
    sections("a class for what exists", INVALID, incremental=True, handlers={"h": {"class": NULL}}),
    sections("a key misspelt", INVALID, loggers={"a": {"propogate": False}}),
    sections("a flag that is text", INVALID, disable_existing_loggers="false"),
]


def refuse(operator: Operator, document: bytes) -> Reason | str:
    """Give the reason, or the name of the rule, for which a host with one directory refuses."""
    opened = Opened(document, operator.claims(), "application/json", document, evidence=())
    try:
        judge(default_rules([DIRECTORY]), read_request(opened))
    except MalformedError as error:
        return error.reason
    except PolicyError as error:
        return error.rule
    pytest.fail("was allowed")


def test_the_table_is_of_some_length() -> None:
    """There are as many gadgets as there ought to be, each with a name of its own."""
    assert 60 <= len(GADGETS) == len({gadget.name for gadget in GADGETS})


@pytest.mark.parametrize("gadget", GADGETS, ids=[gadget.name for gadget in GADGETS])
def test_every_gadget_is_refused(alice: Operator, gadget: Gadget) -> None:
    """Each by what the table says, and without a trace in the process."""
    modules = set(sys.modules)
    loggers = set(logging.root.manager.loggerDict)
    assert gadget.expected == refuse(alice, gadget.document)
    assert modules == set(sys.modules)
    assert loggers == set(logging.root.manager.loggerDict)


def test_what_the_gadgets_are_made_of_is_allowed(alice: Operator) -> None:
    """The same classes, paths and formats without the attack: what refuses is the attack."""
    innocent = {
        "version": 1,
        "formatters": {"f": {"format": "%(asctime)s %(message)20s", "datefmt": "%Y", "style": "%"}},
        "filters": {"f": {"name": "a"}},
        "handlers": {
            "null": {"class": NULL},
            "stream": {"class": STREAM, "stream": "ext://sys.stdout", "formatter": "f"},
            "file": {"class": FILE, "filename": LOG, "mode": "a", "encoding": "utf-8"},
            "rotating": {"class": ROTATING, "filename": f"{LOG}2", "maxBytes": 10**6},
            "timed": {"class": TIMED, "filename": f"{LOG}3", "interval": 1, "backupCount": 7},
            "memory": {"class": MEMORY, "capacity": 10, "target": "file"},
            "syslog": {"class": SYSLOG, "address": "/dev/log", "facility": "local0"},
        },
        "loggers": {"a": {"propagate": False, "handlers": ["file"], "filters": ["f"]}},
        "root": {"level": "DEBUG", "handlers": ["stream", "memory"]},
    }
    document = json.dumps(innocent).encode()
    opened = Opened(document, alice.claims(), "application/json", document, evidence=())
    judge(default_rules([DIRECTORY]), read_request(opened))
