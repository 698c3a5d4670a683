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
from sealwire.policy import HANDLER_ARGUMENTS, default_rules, judge
from sealwire.requests import read_request
from sealwire.stages import Opened

if TYPE_CHECKING:
    from tests.conftest import Operator

    from sealwire.policy import Rule

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
    """An attack, the document it comes in, and what refuses it.

    ``lenient`` is what refuses it where the host has named `NAMED`, its attribute ``tag`` and queue
    handlers, if that is something else.
    """

    name: str
    document: bytes
    expected: Reason | str
    lenient: Reason | str = ""


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


def made(name: str, factory: str, /, **entries: object) -> Gadget:
    """Give a gadget that is one handler made by a factory."""
    return sections(name, "factory", handlers={"h": {"()": factory, **entries}})


def queue_of(
    name: str, expected: Reason | str = "handler-class", lenient: str = "factory", /, **said: object
) -> Gadget:
    """Give a gadget that is a queue in front of the console."""
    given = {"class": QUEUE, "handlers": ["i"], **said}
    found = sections(name, expected, handlers={"h": given, "i": {"class": STREAM}})
    return found if expected is INVALID else found._replace(lenient=lenient)


def attributes(name: str, expected: Reason | str = "attribute", /, **entries: object) -> Gadget:
    """Give a gadget that is a console with attributes."""
    return handler(name, expected, STREAM, **{".": entries})


def given(name: str, lenient: Reason | str, /, **entries: object) -> Gadget:
    """Give a gadget that is made by what a host may have named, with what it may not be given."""
    found = sections(name, "factory", handlers={"h": {"()": NAMED, **entries}})
    return (
        found._replace(expected=INVALID) if lenient is INVALID else found._replace(lenient=lenient)
    )


def formatted(name: str, lenient: Reason | str, /, **entries: object) -> Gadget:
    """Give the same as a formatter."""
    found = sections(name, "factory", formatters={"f": {"()": NAMED, **entries}})
    return (
        found._replace(expected=INVALID) if lenient is INVALID else found._replace(lenient=lenient)
    )


LOG = f"{DIRECTORY}/x.log"
NAMED = "app.logs.make"
NOTHING = "nothing"
POINTER = "cfg://handlers.h.x"
POINTERS = json.dumps(
    {
        "version": 1,
        "handlers": {
            "h": {
                "class": STREAM,
                "long": [0] * 10_000,
                **{f"a{number}": "cfg://handlers.h.long" for number in range(3_000)},
            }
        },
    }
).encode()

GADGETS = [
    # ---- code, by a factory -----------------------------------------------------------------
    handler("a handler made by os.system", INVALID, NULL, **{"()": "os.system", "command": "id"}),
    made("a handler made by Popen", "subprocess.Popen"),
    sections("a formatter made by runpy", "factory", formatters={"f": {"()": "runpy.run_path"}}),
    sections("a filter made by shutil", "factory", filters={"f": {"()": "shutil.rmtree"}}),
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
    handler("a queue without handlers", INVALID, QUEUE),
    made("a handler made by exec", "builtins.exec", source="import os"),
    made("a handler made by eval", "builtins.eval", source="1"),
    made("a handler made by an import", "importlib.import_module", name="antigravity"),
    made("a handler made by INI", "logging.config.fileConfig", fname="/tmp/x"),
    made("a handler made by a configuration", "logging.config.dictConfig", config="x"),
    made("a handler made by a listener", "logging.config.listen", port=0),
    made("a handler made by a library", "ctypes.CDLL", name="/tmp/x.so"),
    made("a handler made by a pickle", "pickle.loads", data="x"),
    made("a handler made by its class", FILE, filename="/etc/passwd", mode="w"),
    made("a handler made by a socket", "logging.handlers.SocketHandler", host="a", port=1),
    made("a handler made by a roundabout name", "logging.handlers.os.system", command="id"),
    made("a factory beneath another", f"{NAMED}.os.system", command="id"),
    made("a factory of the same module", "app.logs.os.system", command="id"),
    made("a factory one letter off", f"{NAMED}s"),
    made("a factory in capitals", NAMED.upper()),
    made("a factory of the application", "__main__.main"),
    made("a factory of sealwire", "sealwire.listen", address="tcp:0.0.0.0:1"),
    queue_of("a queue handler", "handler-class", NOTHING),
    sections(
        "a queue for a class that has none",
        "handler-argument",
        handlers={"h": {"class": STREAM, "handlers": ["i"]}, "i": {"class": STREAM}},
    ),
    queue_of("a queue that aborts", queue="os.abort"),
    queue_of("a queue made by os.system", queue={"()": "os.system", "command": "id"}),
    queue_of("a queue that turns records around", queue="queue.LifoQueue"),
    queue_of("a queue in another process", queue={"()": "multiprocessing.Queue"}),
    queue_of("a queue of a billion", queue={"()": "queue.Queue", "maxsize": 10**9}),
    queue_of("a listener that aborts", listener="os.abort"),
    queue_of("a listener that is a factory", listener={"()": "os.system", "command": "id"}),
    queue_of("a listener of the application", listener="app.logs.Listener"),
    queue_of("an object in a queue", INVALID, queue={"()": NAMED, "x": "ext://os.environ"}),
    queue_of("attributes of a queue", INVALID, queue={"()": NAMED, ".": {"x": 1}}),
    queue_of("a queue that is an object", INVALID, queue="ext://os.environ"),
    queue_of("a queue without a factory", INVALID, queue={"maxsize": 1}),
    queue_of("a queue in a circle", INVALID, handlers=["h"]),
    queue_of("a queue for nothing", INVALID, handlers=[]),
    queue_of("a queue for what is not there", INVALID, handlers=["j"]),
    # ---- code and limits, by attributes -----------------------------------------------------
    attributes("lines without an end", terminator=""),
    attributes("a screen cleared by an attribute", terminator="\x1b[2J"),
    attributes("an attribute nobody named", anything=1),
    attributes("an attribute of another class", tag=1),
    attributes("a class made another", INVALID, __class__="os"),
    attributes("a private attribute", INVALID, _name="root"),
    attributes("a method made a number", INVALID, emit=1),
    attributes("a level set unseen", INVALID, level=50),
    attributes("a filter set unseen", INVALID, filters="x"),
    attributes("a file set unseen", INVALID, baseFilename="/etc/passwd"),
    attributes("a stream set unseen", INVALID, stream="x"),
    attributes("a lock that is none", INVALID, lock=None),
    attributes("an attribute of an attribute", INVALID, **{"stream.name": "x"}),
    attributes("an attribute that is an object", INVALID, terminator="ext://os.sep"),
    attributes("an attribute that is a pointer", INVALID, terminator="cfg://handlers"),
    attributes("an attribute that is a list", INVALID, terminator=["x"]),
    # ---- what a factory is not given, also where it is named ----------------------------------
    given("an object for a factory", "external", x="ext://os.environ"),
    given("a file for a factory", "file-path", filename="/etc/passwd"),
    given("an attribute of a factory", "attribute", **{".": {"other": 1}}),
    given("a long attribute of a factory", "attribute", **{".": {"tag": "x" * 65}}),
    given("objects in a list for a factory", INVALID, x=["ext://os.environ"]),
    given("a factory within a factory", INVALID, x={"()": "os.system"}),
    formatted("secrets by a factory's format", "format-string", fmt="{args[0].__init__}"),
    formatted("secrets in a known style", "format-string", fmt="{args}", style="{"),
    formatted("a gigabyte by a factory", "format-string", format="%(message)999999999s"),
    formatted("a gigabyte by a factory's date", "date-format", datefmt="%1000000000Y"),
    formatted("a factory's format that is an object", INVALID, fmt="ext://os.environ"),
    # ---- what points elsewhere ----------------------------------------------------------------
    handler("a pointer to a class", "handler-argument", STREAM, stream="cfg://handlers.h.class"),
    handler("a pointer to itself", INVALID, STREAM, stream="cfg://handlers.h.stream"),
    handler("a circle of pointers", INVALID, "a.B", x="cfg://handlers.h.y", y="cfg://handlers.h.x"),
    handler("a pointer into an object", INVALID, STREAM, stream="cfg://handlers.h.__class__"),
    handler("a pointer to a call", INVALID, STREAM, stream="cfg://handlers.h.pop('class')"),
    handler("a pointer to what is built", INVALID, STREAM, stream="cfg://handlers.h"),
    handler("a pointer to the document", INVALID, STREAM, stream="cfg://handlers"),
    handler("a pointer beyond the end", INVALID, STREAM, x=[1], stream="cfg://handlers.h.x[9]"),
    handler("a pointer in a list", INVALID, STREAM, stream=["cfg://handlers.h.class"]),
    handler("a pointer to an object", "external", STREAM, x="ext://os.sep", stream=POINTER),
    sections(
        "a pointer to a path",
        "file-path",
        handlers={
            "h": {"class": FILE, "filename": "cfg://handlers.i.address"},
            "i": {"class": SYSLOG, "address": "/etc/passwd"},
        },
    ),
    handler("a class by a pointer", "handler-class", POINTER, x="os.system"),
    sections(
        "a factory by a pointer",
        "factory",
        filters={"f": {"()": "cfg://filters.g.x"}, "g": {"()": NAMED, "x": "os.system"}},
    ),
    Gadget("a gigabyte of pointers", POINTERS, INVALID),
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


STRICT = default_rules([DIRECTORY])
LENIENT = default_rules(
    [DIRECTORY],
    handler_classes=[*HANDLER_ARGUMENTS, QUEUE],
    factories=[NAMED],
    attributes=[f"{NAMED}.tag"],
)


def opened(operator: Operator, document: bytes) -> Opened:
    """Give a document as the chain would."""
    return Opened(document, operator.claims(), "application/json", document, evidence=())


def refuse(operator: Operator, document: bytes, rules: tuple[Rule, ...] = STRICT) -> Reason | str:
    """Give the reason, or the name of the rule, for which a host with one directory refuses."""
    try:
        judge(rules, read_request(opened(operator, document)))
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


@pytest.mark.parametrize("gadget", GADGETS, ids=[gadget.name for gadget in GADGETS])
def test_a_host_that_names_a_factory_refuses_them_too(alice: Operator, gadget: Gadget) -> None:
    """One factory is one more name, and says nothing of any other."""
    if gadget.lenient == NOTHING:
        judge(LENIENT, read_request(opened(alice, gadget.document)))
        return
    assert (gadget.lenient or gadget.expected) == refuse(alice, gadget.document, LENIENT)


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
    judge(STRICT, read_request(opened(alice, json.dumps(innocent).encode())))


def test_what_the_factories_are_made_of_is_allowed(alice: Operator) -> None:
    """A host that has named them takes the factory, its attribute and the queue."""
    innocent = {
        "version": 1,
        "formatters": {
            "f": {"()": NAMED, "fmt": "{message}", "style": "{", "x": "ext://sys.stderr"}
        },
        "filters": {"f": {"()": NAMED, "more": ["a", 1]}},
        "handlers": {
            "made": {"()": NAMED, "filename": LOG, "level": "cfg://root.level", ".": {"tag": "x"}},
            "queue": {
                "class": QUEUE,
                "handlers": ["made"],
                "queue": {"()": "queue.Queue", "maxsize": 1000},
                "listener": "logging.handlers.QueueListener",
                "respect_handler_level": True,
            },
            "memory": {"class": MEMORY, "capacity": 10, "target": "cfg://handlers.made"},
        },
        "root": {"level": "DEBUG", "handlers": ["queue"]},
    }
    document = json.dumps(innocent).encode()
    judge(LENIENT, read_request(opened(alice, document)))
    assert refuse(alice, document) == "handler-class"
