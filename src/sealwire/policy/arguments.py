"""Which arguments the handler classes take, and what they may be.

Rules this module keeps:

1. An argument is allowed when its class, its name and its value are; a class without a list takes
   no argument at all, and is refused even without one if it is not listed.
2. What a class cannot do without has to be there: the library would find it missing only after it
   has closed every handler.
3. Values stay where the class works. An interval of 0 is an endless loop, a limit of one byte
   wipes a file with every second record, 10^9 backups are as many system calls under a lock.
4. A handler that a factory makes is not judged here: see `factories`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from sealwire.documents.plan import HandlerPlan
from sealwire.documents.queue_schema import QUEUE_HANDLER
from sealwire.documents.reading import MAX_LEVEL, did_you_mean, place
from sealwire.errors import shorten
from sealwire.policy.accepts import (
    Accepts,
    Address,
    Either,
    Flag,
    Object,
    OneOf,
    Text,
    Texts,
    Whole,
)
from sealwire.policy.rule import Violation
from sealwire.requests import Planned


class Parameter(NamedTuple):
    """One argument of a class: what it may be, and whether it has to be there."""

    accepts: Accepts
    required: bool = False


# Text codecs that write any record, or say at once that they cannot. A codec's name is imported
# as a module, and some codecs, such as "undefined", fail on every record.
ENCODINGS = ("utf-8", "utf8", "UTF-8", "ascii", "us-ascii", "latin-1", "iso-8859-1", "locale")
ERROR_HANDLERS = (
    "strict",
    "replace",
    "backslashreplace",
    "xmlcharrefreplace",
    "namereplace",
    "surrogateescape",
)
MODES = ("a",)  # "w" empties a file of any content, "x" fails where there is one

MIN_ROTATE_BYTES = 64 * 1024  # far over the longest usual record, so that a file holds thousands
MAX_ROTATE_BYTES = 2**40  # beyond that, a size limit limits nothing
MAX_BACKUPS = 1_000  # each is a system call in every rollover, under the handler's lock
MAX_INTERVAL = 1_000  # of minutes up to weeks
MAX_BUFFERED_RECORDS = 10_000  # some 10 MB of records

# Not seconds: with no limit on backups that is a new file with every second, for ever.
_INTERVALS = ("M", "H", "D", "MIDNIGHT", *(f"W{day}" for day in range(7)))

# The names that SysLogHandler knows; any other fails with every record.
_FACILITIES = (
    *("auth", "authpriv", "console", "cron", "daemon", "ftp", "kern", "lpr", "mail", "news"),
    *("ntp", "security", "solaris-cron", "syslog", "user", "uucp"),
    *(f"local{number}" for number in range(8)),
)
_MAX_FACILITY = 23

# socket.SOCK_STREAM and SOCK_DGRAM, which are these numbers on every system; the standard library
# takes them as ``ext://socket.SOCK_STREAM`` too, where a policy lists that.
_SOCKET_TYPES = (1, 2)

_FILE: Mapping[str, Parameter] = {
    "filename": Parameter(Text(), required=True),
    "encoding": Parameter(OneOf((*ENCODINGS, None))),
    "delay": Parameter(Flag()),
    "errors": Parameter(OneOf((*ERROR_HANDLERS, None))),
}
_MODE: Mapping[str, Parameter] = {"mode": Parameter(OneOf(MODES))}
_BACKUPS: Mapping[str, Parameter] = {"backupCount": Parameter(Whole(0, MAX_BACKUPS))}

HANDLER_ARGUMENTS: Mapping[str, Mapping[str, Parameter]] = MappingProxyType(
    {
        "logging.StreamHandler": {"stream": Parameter(Object())},
        "logging.NullHandler": {},
        "logging.FileHandler": {**_FILE, **_MODE},
        "logging.handlers.WatchedFileHandler": {**_FILE, **_MODE},
        "logging.handlers.RotatingFileHandler": {
            **_FILE,
            **_MODE,
            **_BACKUPS,
            "maxBytes": Parameter(Whole(MIN_ROTATE_BYTES, MAX_ROTATE_BYTES, or_zero=True)),
        },
        "logging.handlers.TimedRotatingFileHandler": {
            **_FILE,
            **_BACKUPS,
            "when": Parameter(OneOf((*_INTERVALS, *(each.lower() for each in _INTERVALS)))),
            "interval": Parameter(Whole(1, MAX_INTERVAL)),
            "utc": Parameter(Flag()),
        },
        "logging.handlers.MemoryHandler": {
            "capacity": Parameter(Whole(1, MAX_BUFFERED_RECORDS), required=True),
            "flushLevel": Parameter(Whole(0, MAX_LEVEL)),
            # Without a target the buffer is never emptied.
            "target": Parameter(Text(), required=True),
            "flushOnClose": Parameter(Flag()),
        },
        "logging.handlers.SysLogHandler": {
            "address": Parameter(Address()),
            "facility": Parameter(Either((Whole(0, _MAX_FACILITY), OneOf(_FACILITIES)))),
            "socktype": Parameter(Either((Object(), OneOf((*_SOCKET_TYPES, None))))),
        },
    }
)
"""The standard library's handlers that need no factory and reach no network that is not named."""

_MAX_PORT = 65_535
_HOST_AND_PORT: Mapping[str, Parameter] = {
    "host": Parameter(Text(), required=True),
    "port": Parameter(Whole(1, _MAX_PORT), required=True),
}

NETWORK_ARGUMENTS: Mapping[str, Mapping[str, Parameter]] = MappingProxyType(
    {
        "logging.handlers.SocketHandler": _HOST_AND_PORT,
        "logging.handlers.DatagramHandler": _HOST_AND_PORT,
        # No credentials for either: a configuration is kept and shown, and is no place for secrets.
        "logging.handlers.HTTPHandler": {
            "host": Parameter(Text(), required=True),
            "url": Parameter(Text(), required=True),
            "method": Parameter(OneOf(("GET", "POST"))),
            "secure": Parameter(Flag()),
        },
        "logging.handlers.SMTPHandler": {
            "mailhost": Parameter(Address(), required=True),
            "fromaddr": Parameter(Text(), required=True),
            "toaddrs": Parameter(Either((Text(), Texts())), required=True),
            "subject": Parameter(Text(), required=True),
        },
    }
)
"""Handlers that carry records to other machines: for hosts that name them, and where they go."""

QUEUE_ARGUMENTS: Mapping[str, Mapping[str, Parameter]] = MappingProxyType(
    {QUEUE_HANDLER: {"handlers": Parameter(Texts(), required=True)}}
)
"""A handler in front of a thread; what else stands behind it is judged by `Factories`."""


class HandlerArguments(NamedTuple):
    """Handlers get the arguments that ``parameters`` lists for their class."""

    parameters: Mapping[str, Mapping[str, Parameter]]

    @property
    def name(self) -> str:
        """Give ``handler-argument``."""
        return "handler-argument"

    def judge(self, request: Planned) -> Iterator[Violation]:
        """Object to unknown arguments, to values out of range, and to missing arguments."""
        for handler in request.plan.handlers:
            if handler.class_name is not None:
                yield from self._judge(handler, handler.class_name)

    def _judge(self, handler: HandlerPlan, class_name: str) -> Iterator[Violation]:
        where = place("handlers", handler.name)
        parameters = self.parameters.get(class_name)
        if parameters is None:
            yield Violation(where, f"no arguments are listed for the class {shorten(class_name)}")
            return
        # A queue is for the classes whose list has ``handlers``; the rest of it is no argument.
        behind = () if handler.queue is None else (("handlers", handler.queue.handlers),)
        for key, value in (*handler.arguments, *behind):
            parameter = parameters.get(key)
            if parameter is None:
                hint = did_you_mean(key, parameters)
                yield Violation(where, f"{shorten(key)} is not an argument to be given here{hint}")
            elif refusal := parameter.accepts.refusal(value):
                yield Violation(f"{where}.{place(key)}", refusal)
        given = {key for key, _ in (*handler.arguments, *behind)}
        for key, parameter in parameters.items():
            if parameter.required and key not in given:
                yield Violation(f"{where}.{key}", "is missing")
