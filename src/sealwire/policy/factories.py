"""What a request may have called, and which attributes it may set.

Rules this module keeps:

1. A factory is allowed by its exact dotted name, at every place where one can stand: a handler, a
   filter, a formatter, a queue, a listener. No patterns: ``app.*`` would be every name that a
   module of ``app`` has imported, ``os.system`` among them.
2. Nothing of the standard library is a factory, also if somebody lists it: what is safe there is a
   class with listed arguments, and the rest runs whatever it is given. The one exception is
   ``queue.Queue``, which is what a queue is where nothing is said.
3. An attribute is allowed for one class or factory, by name. Its value is short and prints, because
   it may stand in every line of a log.

Not guaranteed: anything about what a factory is given. Whoever lists one trusts it with whatever
arguments a request has for it, but for those that other rules know by name: externals, a
``filename``, formats and formats of dates.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from sealwire.documents import Factory, LoggingPlan
from sealwire.documents.plan import Attributes
from sealwire.documents.queue_schema import STANDARD_QUEUE
from sealwire.documents.reading import did_you_mean, is_dotted_name, place
from sealwire.documents.values import FACTORY_KEY
from sealwire.errors import ConfigurationError, shorten
from sealwire.policy.accepts import Whole
from sealwire.policy.rule import Violation
from sealwire.requests import Planned

MAX_QUEUED_RECORDS = 100_000
"""What a limited queue may hold: some 100 MB of records. Less is a choice, more is a mistake."""

MAX_ATTRIBUTE_CHARS = 64

_QUEUE_ARGUMENTS: Mapping[str, Whole] = MappingProxyType(
    {"maxsize": Whole(1, MAX_QUEUED_RECORDS, or_zero=True)}
)
_NEVER = sys.stdlib_module_names | {"sealwire"}


def check_factory(name: str) -> str:
    """Give the dotted name of a factory back if it can be allowed.

    Raises:
        ConfigurationError: it is no dotted name of a module and what is in it, or it is of the
            standard library or ours.
    """
    if not is_dotted_name(name) or "." not in name:
        raise ConfigurationError(
            f"{shorten(name)} is no factory; write the whole dotted name of one, such as "
            "app.logs.make_handler, without patterns"
        )
    if name.partition(".")[0] in _NEVER:
        raise ConfigurationError(
            f"{shorten(name)} cannot be a factory: whatever a message gives it would be run with "
            "it; name a handler's class in handler_classes, or a function of your own here"
        )
    return name


def check_attribute(name: str) -> str:
    """Give the name of an attribute, with its class or factory in front, back if it is one.

    Raises:
        ConfigurationError: it is none, and would allow nothing.
    """
    owner, _, attribute = name.rpartition(".")
    if not is_dotted_name(name) or "." not in owner or attribute.startswith("_"):
        raise ConfigurationError(
            f"{shorten(name)} is no attribute of a class; write both, such as "
            "logging.StreamHandler.terminator, without patterns"
        )
    return name


class Factories(NamedTuple):
    """What is called is in ``allowed``, by dotted name."""

    allowed: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """Give ``factory``."""
        return "factory"

    def judge(self, request: Planned) -> Iterator[Violation]:
        """Object to everything else that would be called."""
        for where, name in _called(request.plan):
            if name not in self.allowed:
                hint = did_you_mean(name, sorted(self.allowed))
                yield Violation(where, f"the factory {shorten(name)} is not allowed here{hint}")
        for handler in request.plan.handlers:
            queue = None if handler.queue is None else handler.queue.queue
            if queue is not None and queue.name == STANDARD_QUEUE:
                yield from _queue_arguments(place("handlers", handler.name, "queue"), queue)


class AttributeNames(NamedTuple):
    """What is set on what was made is in ``allowed``, as ``CLASS.ATTRIBUTE``."""

    allowed: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """Give ``attribute``."""
        return "attribute"

    def judge(self, request: Planned) -> Iterator[Violation]:
        """Object to every other attribute, and to a value that is long or does not print."""
        for section, name, owner, attributes in _set(request.plan):
            for attribute, value in attributes:
                where = place(section, name, attribute)
                full = f"{owner}.{attribute}"
                if full not in self.allowed:
                    hint = did_you_mean(full, sorted(self.allowed))
                    yield Violation(where, f"{shorten(full)} may not be set here{hint}")
                elif isinstance(value, str):
                    if len(value) > MAX_ATTRIBUTE_CHARS:
                        detail = f"{len(value)} characters, over the limit of {MAX_ATTRIBUTE_CHARS}"
                        yield Violation(where, detail)
                    elif not value.translate(_BLANKS).isprintable():
                        yield Violation(where, "holds characters that do not print")


_BLANKS = str.maketrans("", "", "\t\n\r")


def _called(plan: LoggingPlan) -> Iterator[tuple[str, str]]:
    """Give each place where something would be called that is no listed class, and its name."""
    sections: Iterable[tuple[str, Iterable[tuple[str, str | None]]]] = (
        ("formatters", ((each.name, each.factory) for each in plan.formatters)),
        ("filters", ((each.name, each.factory) for each in plan.filters)),
        ("handlers", ((each.name, each.factory) for each in plan.handlers)),
    )
    for section, parts in sections:
        for name, factory in parts:
            if factory is not None:
                yield f"{place(section, name)}.{FACTORY_KEY}", factory
    for handler in plan.handlers:
        if handler.queue is None:
            continue
        where = place("handlers", handler.name)
        queue, listener = handler.queue.queue, handler.queue.listener
        if queue is not None and queue.name != STANDARD_QUEUE:
            yield f"{where}.queue", queue.name
        if listener is not None:
            yield f"{where}.listener", listener if isinstance(listener, str) else listener.name


def _queue_arguments(where: str, queue: Factory) -> Iterator[Violation]:
    for key, value in queue.arguments:
        accepts = _QUEUE_ARGUMENTS.get(key)
        if accepts is None:
            hint = did_you_mean(key, _QUEUE_ARGUMENTS)
            yield Violation(where, f"{shorten(key)} is not an argument to be given here{hint}")
        elif refusal := accepts.refusal(value):
            yield Violation(f"{where}.{key}", refusal)


def _set(plan: LoggingPlan) -> Iterator[tuple[str, str, str, Attributes]]:
    """Give what is set: the section, the part's name, what makes it, and the attributes."""
    for formatter in plan.formatters:
        yield "formatters", formatter.name, formatter.factory or "", formatter.attributes
    for each in plan.filters:
        yield "filters", each.name, each.factory or "", each.attributes
    for handler in plan.handlers:
        owner = handler.factory or handler.class_name or ""
        yield "handlers", handler.name, owner, handler.attributes
