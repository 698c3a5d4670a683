"""The order of the arguments of the library's handlers, which ``args=`` relies on.

Rules this module keeps:

1. A value without a name means what its class takes at its place. A class that is not listed gets
   its arguments by name, in ``kwargs=``; nothing is imported to look at its signature.
2. What the section has options of its own for is no argument: ``level``, ``formatter`` and the
   target of a memory handler.
3. An argument is given once.
4. This language has no factories, no attributes and no queues: the library hands over the text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from sealwire.documents.handler_schema import MEMORY_HANDLER, OWN_KEYS
from sealwire.documents.queue_schema import QUEUE_KEYS
from sealwire.documents.reading import place, refuse
from sealwire.documents.strict_json import JsonValue
from sealwire.documents.values import ATTRIBUTES_KEY, FACTORY_KEY
from sealwire.errors import shorten

_REFUSED = (FACTORY_KEY, ATTRIBUTES_KEY, *QUEUE_KEYS)
_FILE = ("filename", "mode", "encoding", "delay", "errors")

HANDLER_PARAMETERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "logging.NullHandler": ("level",),
        "logging.StreamHandler": ("stream",),
        "logging.FileHandler": _FILE,
        "logging.handlers.WatchedFileHandler": _FILE,
        "logging.handlers.RotatingFileHandler": (
            *("filename", "mode", "maxBytes", "backupCount", "encoding", "delay", "errors"),
        ),
        "logging.handlers.TimedRotatingFileHandler": (
            *("filename", "when", "interval", "backupCount", "encoding", "delay", "utc", "atTime"),
            "errors",
        ),
        MEMORY_HANDLER: ("capacity", "flushLevel", "target", "flushOnClose"),
        "logging.handlers.SysLogHandler": ("address", "facility", "socktype"),
        "logging.handlers.SocketHandler": ("host", "port"),
        "logging.handlers.DatagramHandler": ("host", "port"),
        "logging.handlers.HTTPHandler": (
            *("host", "url", "method", "secure", "credentials", "context"),
        ),
        "logging.handlers.SMTPHandler": (
            *("mailhost", "fromaddr", "toaddrs", "subject", "credentials", "secure", "timeout"),
        ),
        "logging.handlers.NTEventLogHandler": ("appname", "dllname", "logtype"),
    }
)
"""By class, the names of its arguments in their order, the same in every Python from 3.11 on."""


def bind(
    class_name: str, values: Sequence[JsonValue], pairs: Mapping[str, JsonValue], section: str
) -> dict[str, JsonValue]:
    """Give all arguments by name.

    Args:
        class_name: the dotted name of the handler's class.
        values: what ``args=`` holds.
        pairs: what ``kwargs=`` holds.
        section: the section's name, for refusals.

    Raises:
        MalformedError: with ``DOCUMENT_INVALID``.
    """
    parameters = HANDLER_PARAMETERS.get(class_name, ())
    if values and not parameters:
        refuse(
            place(section, "args"),
            f"the order of the arguments of {shorten(class_name)} is not known here; give them by"
            " name, in kwargs=",
        )
    if len(values) > len(parameters):
        refuse(
            place(section, "args"),
            f"{len(values)} values, and {class_name} takes {len(parameters)}",
        )
    arguments = dict(zip(parameters, values, strict=False))
    for name, value in pairs.items():
        if name in arguments:
            refuse(place(section, "kwargs"), f"{shorten(name)} stands in args= already")
        arguments[name] = value
    for name in _REFUSED:
        if name in arguments:
            refuse(place(section, "kwargs"), f"{name!r} is no argument here; JSON has it")
    for name in OWN_KEYS:
        if name in arguments:
            refuse(section, f"{name} is no argument here; {_instead(name)}")
    # None is what stands there for the arguments behind it to keep their place.
    if class_name == MEMORY_HANDLER and arguments.pop("target", None) is not None:
        refuse(section, "the target is no argument here; name a handler in target=")
    return arguments


def _instead(name: str) -> str:
    return "this language has no filters" if name == "filters" else f"write {name}= in the section"
