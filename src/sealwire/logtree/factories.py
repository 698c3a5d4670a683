"""What a plan has called besides classes: factories of parts, of queues and of listeners.

Rules this module keeps:

1. A factory is a function or class outside the standard library, whatever name it was found by: a
   module of the host has names such as ``os`` in it too.
2. What a factory gives is what the plan says it is: a handler, a formatter, a filter. A handler is
   a new one, because one that is in use would be closed when a change fails.
3. A queue handler's listener runs from the moment that the handler is made, so that a thread which
   cannot be started prevents the change. Whoever closes the handler stops it: see `closing`.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any, Final

from sealwire.documents import External, Factory
from sealwire.documents.queue_schema import STANDARD_QUEUE
from sealwire.documents.reading import place
from sealwire.documents.values import FACTORY_KEY
from sealwire.errors import ApplyError, shorten
from sealwire.logtree.internals import live_handlers
from sealwire.logtree.listening import start_listener

if TYPE_CHECKING:
    from collections.abc import Callable
    from logging.config import DictConfigurator
    from typing import TypeAlias

    from sealwire.documents import HandlerPlan, LoggingPlan

    Resolve: TypeAlias = Callable[[str, str], object]

_QUEUES_SINCE: Final = (3, 12)


class UnfitPartError(TypeError):
    """A factory gave something that is no handler, formatter, filter or queue."""


class HandlerInUseError(ValueError):
    """A factory gave a handler that was there before."""


def check_factories(plan: LoggingPlan, resolve: Resolve) -> None:
    """Look up a plan's factories, and the objects among its arguments, before anything is built.

    Args:
        plan: what policy has allowed.
        resolve: looks up a dotted name, for a place in the plan.

    Raises:
        ApplyError: one is missing, a factory is unfit, or this Python has no queues.
    """
    for section, parts in (
        ("formatters", plan.formatters),
        ("filters", plan.filters),
        ("handlers", plan.handlers),
    ):
        for part in parts:
            where = place(section, part.name)
            if part.factory is not None:
                _check(part.factory, f"{where}.{FACTORY_KEY}", resolve)
            for key, value in part.arguments:
                if isinstance(value, External):
                    resolve(value.name, f"{where}.{key}")
    for handler in plan.handlers:
        if handler.queue is not None:
            where = place("handlers", handler.name)
            _check_queue(handler, where, resolve)
            for key, made in (("queue", handler.queue.queue), ("listener", handler.queue.listener)):
                if made is not None:
                    name = made.name if isinstance(made, Factory) else made
                    _check(name, f"{where}.{key}", resolve)


def make_part(configurator: DictConfigurator, section: str, entries: Any) -> Any:  # noqa: ANN401 - the library's methods are untyped
    """Make a formatter or a filter as the library does.

    Args:
        configurator: the library's.
        section: ``formatters`` or ``filters``.
        entries: what the library is to read.

    Raises:
        Exception: whatever the part's class or factory raises.
    """
    kind, make = _FITS[section], getattr(configurator, f"configure_{section[:-1]}")
    if FACTORY_KEY in entries:
        entries[FACTORY_KEY] = _checked(configurator, entries[FACTORY_KEY], kind)
    return make(entries)


def make_handler(configurator: DictConfigurator, plan: HandlerPlan, entries: Any) -> Any:  # noqa: ANN401 - as above
    """Make a handler as the library does, and start what stands behind it.

    Raises:
        Exception: whatever its class or factory raises, or the start of a thread.
    """
    if FACTORY_KEY in entries:
        entries[FACTORY_KEY] = _checked(configurator, entries[FACTORY_KEY], _is_new_handler())
    handler: Any = configurator.configure_handler(entries)
    if plan.queue is not None:
        if not _is_queue(handler.queue):
            handler.close()
            raise UnfitPartError
        start_listener(handler)
    return handler


def _check_queue(handler: HandlerPlan, where: str, resolve: Resolve) -> None:
    if sys.version_info < _QUEUES_SINCE:
        # The library would hand what is said here to the class, as text.
        raise ApplyError(f"{where}.handlers: a queue handler needs Python 3.12 or later")
    from logging.handlers import QueueHandler

    found = resolve(handler.class_name or "", f"{where}.class")
    if not (isinstance(found, type) and issubclass(found, QueueHandler)):
        name = shorten(handler.class_name)
        raise ApplyError(f"{where}.class: {name} is not a subclass of QueueHandler")


def _check(name: str, where: str, resolve: Resolve) -> None:
    if name == STANDARD_QUEUE:
        return
    found = resolve(name, where)
    if not callable(found):
        raise ApplyError(f"{where}: {shorten(name)} cannot be called")
    # What is called is asked, and not the name that leads to it.
    home = getattr(found, "__module__", None)
    module = home.partition(".")[0] if isinstance(home, str) else "builtins"
    if module in sys.stdlib_module_names:
        raise ApplyError(f"{where}: {shorten(name)} is of the standard library: {module}")


def _checked(
    configurator: DictConfigurator, name: str, fits: Callable[[object], bool]
) -> Callable[..., object]:
    """Give what the library calls in place of the factory: it looks at what the factory gave.

    Looked at before the library sets anything on it, which may be somebody else's.
    """
    factory: Any = configurator.resolve(name)

    def make(**arguments: object) -> object:
        made: object = factory(**arguments)
        if not fits(made):
            raise UnfitPartError
        return made

    return make


def _is_new_handler() -> Callable[[object], bool]:
    there = live_handlers()

    def fits(made: object) -> bool:
        if any(made is handler for handler in there):
            raise HandlerInUseError
        return isinstance(made, logging.Handler)

    return fits


def _is_formatter(made: object) -> bool:
    return isinstance(made, logging.Formatter) or callable(getattr(made, "format", None))


def _is_queue(made: object) -> bool:
    return all(callable(getattr(made, name, None)) for name in ("get", "put_nowait"))


def _is_filter(made: object) -> bool:
    return callable(made) or callable(getattr(made, "filter", None))


_FITS: Final = {"formatters": _is_formatter, "filters": _is_filter}
