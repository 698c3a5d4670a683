"""The rules a host gets when it says no more than which directories are for logs.

Rules this module keeps:

1. What is not listed is refused: classes, arguments, objects, files, destinations, fields.
2. A host widens a list by giving another one here. It cannot leave a rule out by mistake, and its
   own rules come in addition: ``(*default_rules(), OurRule())``.

Not guaranteed: that a message leaves the logging loud enough. It may raise levels, detach handlers
and disable loggers; what no message may silence is a matter of floors, which these rules are not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from sealwire.errors import ConfigurationError
from sealwire.policy.arguments import (
    HANDLER_ARGUMENTS,
    NETWORK_ARGUMENTS,
    QUEUE_ARGUMENTS,
    HandlerArguments,
    Parameter,
)
from sealwire.policy.classes import FormatterClasses, HandlerClasses
from sealwire.policy.counts import MAX_HANDLERS, MAX_LOGGERS, Counts
from sealwire.policy.dates import DateFormats
from sealwire.policy.destinations import Destination, Destinations
from sealwire.policy.externals import Externals
from sealwire.policy.factories import (
    AttributeNames,
    Factories,
    check_attribute,
    check_factory,
)
from sealwire.policy.formats import FormatStrings
from sealwire.policy.paths import FilePaths
from sealwire.policy.rule import Rule

STANDARD_EXTERNALS = ("sys.stdout", "sys.stderr")

STANDARD_DESTINATIONS: tuple[Destination, ...] = ("/dev/log",)


def default_rules(
    directories: Iterable[str] = (),
    *,
    handler_classes: Iterable[str] = tuple(HANDLER_ARGUMENTS),
    formatter_classes: Iterable[str] = (),
    factories: Iterable[str] = (),
    attributes: Iterable[str] = (),
    arguments: Mapping[str, Mapping[str, Parameter]] = MappingProxyType({}),
    externals: Iterable[str] = STANDARD_EXTERNALS,
    destinations: Iterable[Destination] = STANDARD_DESTINATIONS,
    extra_fields: Iterable[str] = (),
    max_handlers: int = MAX_HANDLERS,
    max_loggers: int = MAX_LOGGERS,
) -> tuple[Rule, ...]:
    """Make the rules for a service.

    Args:
        directories: where handlers may write files; absolute and already resolved. None by
            default, and then no handler writes a file.
        handler_classes: dotted names of the handlers a request may use; by default those of
            `HANDLER_ARGUMENTS`. Those of ``NETWORK_ARGUMENTS``, and ``QueueHandler``, can be named
            as well.
        formatter_classes: dotted names of formatters, besides ``logging.Formatter``.
        factories: dotted names of what may be called for a handler, a filter, a formatter, a queue
            or a listener (``"()"``), with whatever arguments a request gives it.
        attributes: which attributes may be set (``"."``), each with its class or factory in front:
            ``logging.StreamHandler.terminator``.
        arguments: by class, the arguments of further handlers, or other ones for a known class.
        externals: dotted names of the objects that ``ext://`` may name.
        destinations: where handlers may send records: paths of sockets, or pairs of host and
            port. What a handler takes by default, such as ``("localhost", 514)`` for
            ``SysLogHandler``, has to be named as well.
        extra_fields: attributes that the application adds to its records, for format strings.
        max_handlers: the most handlers of one request.
        max_loggers: the most loggers of one request.

    Returns:
        The rules, the ones that stop code from running first.

    Raises:
        ConfigurationError: a directory is not absolute and normal, a factory is of the standard
            library, an attribute has no class, or one string stands where several are due.
    """
    return (
        HandlerClasses(_names(handler_classes, "handler_classes")),
        FormatterClasses(_names(formatter_classes, "formatter_classes")),
        Factories(frozenset(map(check_factory, _names(factories, "factories")))),
        AttributeNames(frozenset(map(check_attribute, _names(attributes, "attributes")))),
        Externals(_names(externals, "externals")),
        HandlerArguments(
            MappingProxyType(
                {**HANDLER_ARGUMENTS, **NETWORK_ARGUMENTS, **QUEUE_ARGUMENTS, **arguments}
            )
        ),
        FilePaths(tuple(sorted(_names(directories, "directories")))),
        Destinations(_destinations(destinations)),
        FormatStrings(_names(extra_fields, "extra_fields")),
        DateFormats(),
        Counts(max_handlers, max_loggers),
    )


def _names(names: Iterable[str], parameter: str) -> frozenset[str]:
    # One string is an iterable of its characters, and "/" would be one of the directories.
    if isinstance(names, str):
        raise ConfigurationError(f"{parameter} is one string; give a list of strings")
    return frozenset(names)


def _destinations(destinations: Iterable[Destination]) -> frozenset[Destination]:
    if isinstance(destinations, str):
        raise ConfigurationError("destinations is one string; give a list")
    return frozenset(destinations)
