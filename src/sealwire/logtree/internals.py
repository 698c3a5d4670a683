"""The names of ``logging`` that are not part of its documented interface, and that we rest on.

Rules this module keeps:

1. Every such name stands here, so that a Python that changes one is noticed when a listener starts
   and not when the first configuration is half applied.
2. What is checked is what is used: that a name is there, and of which kind it is.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from typing import Any, Final
from weakref import WeakValueDictionary

from sealwire.errors import ConfigurationError

TESTED: Final = "3.11 to 3.13"
"""The Pythons whose ``logging`` the tests run against."""

OWN_MODULES: Final = ("logging", "logging.handlers")
"""Where the library's own handlers are defined."""


def _is_lock(value: object) -> bool:
    return callable(getattr(value, "acquire", None)) and callable(getattr(value, "release", None))


def _is_mapping(value: object) -> bool:
    return isinstance(value, WeakValueDictionary)


def _is_list(value: object) -> bool:
    return isinstance(value, list)


_STYLES: Final = {"PercentStyle": "%", "StrFormatStyle": "{", "StringTemplateStyle": "$"}
_NAMES: Final[dict[str, Callable[[object], bool]]] = {
    "_lock": _is_lock,
    "_handlers": _is_mapping,
    "_handlerList": _is_list,
}


def check_private_names() -> None:
    """Check that this Python's ``logging`` is as we know it.

    Raises:
        ConfigurationError: a name is missing, or is something else.
    """
    found = vars(logging)
    for name, fits in _NAMES.items():
        if name not in found or not fits(found[name]):
            _refuse(f"logging.{name}")
    if not isinstance(getattr(logging.root, "_cache", None), dict):
        _refuse("logging.root._cache")
    if not hasattr(logging.Handler(), "_name"):
        _refuse("logging.Handler._name")
    if not isinstance(getattr(logging.root.manager, "loggerDict", None), dict):
        _refuse("logging.root.manager.loggerDict")
    if format_of(logging.Formatter("{message}", style="{")) != ("{message}", "{", False):
        _refuse("logging.Formatter._style")


def logging_lock() -> Any:  # noqa: ANN401 - its type is private to threading
    """Give logging's own lock."""
    return vars(logging)["_lock"]


def named_handlers() -> WeakValueDictionary[str, logging.Handler]:
    """Give the library's own mapping of handlers by name."""
    names: WeakValueDictionary[str, logging.Handler] = vars(logging)["_handlers"]
    return names


def all_named_handlers() -> list[logging.Handler]:
    """Give the handlers that have a name, copied in one step, without a lock.

    Going through the mapping itself fails where another thread gives a name meanwhile.
    """
    found = [reference() for reference in named_handlers().valuerefs()]
    return [handler for handler in found if handler is not None]


def live_handlers() -> list[logging.Handler]:
    """Give every handler there is, whether a logger has it or not."""
    return [each for ref in list(vars(logging)["_handlerList"]) if (each := ref()) is not None]


def thread_of(listener: object) -> threading.Thread | None:
    """Give the thread of a queue listener while it runs."""
    found = getattr(listener, "_thread", None)
    return found if isinstance(found, threading.Thread) and found.is_alive() else None


def unname(handler: logging.Handler) -> None:
    """Take a handler's name without touching one of the same name that has come after it."""
    names = named_handlers()
    # Not `Handler.name`, which a class may have made its own.
    name = vars(handler).get("_name")
    if name is not None and names.get(name) is handler:
        del names[name]
    vars(handler)["_name"] = None


def format_of(formatter: logging.Formatter) -> tuple[str | None, str, bool]:
    """Give a formatter's format, its style as ``%``, ``{`` or ``$``, and whether it has defaults.

    Of a class that keeps them elsewhere the format is ``None`` and the style ``""``.
    """
    text, style = getattr(formatter, "_fmt", None), getattr(formatter, "_style", None)
    mark = _STYLES.get(type(style).__name__, "")
    return text if isinstance(text, str) else None, mark, bool(getattr(style, "_defaults", None))


def give_name(handler: logging.Handler, name: str) -> None:
    """Give a handler a name without its own ``set_name``, which a class may have made its own."""
    named_handlers()[name] = handler
    vars(handler)["_name"] = name


def put_by_force(thing: object, **values: object) -> list[str]:
    """Give attributes their values, past a class of the host's that does not let them be set.

    Going back is not to stop half-way at one of many things, so nothing is raised.

    Returns:
        The names of those that have another value afterwards.
    """
    for name, value in values.items():
        # What refuses may have been refusing all the time, and then there is nothing to do.
        if _has(thing, name, value):
            continue
        with contextlib.suppress(BaseException):
            setattr(thing, name, value)
        if not _has(thing, name, value):
            with contextlib.suppress(BaseException):
                object.__setattr__(thing, name, value)
    return [name for name, value in values.items() if not _has(thing, name, value)]


def _has(thing: object, name: str, value: object) -> bool:
    try:
        found = getattr(thing, name)
        return found is value or (isinstance(value, int) and bool(found == value))
    except BaseException:  # noqa: BLE001 - a class of the host's may raise anything
        return False


def clear_level_caches() -> None:
    """Make every logger ask for its level anew."""
    known = logging.root.manager.loggerDict.copy().values()
    for logger in (logging.root, *known):
        # A class of the host's may have none; the library's own method would fail at it.
        cache = getattr(logger, "_cache", None)
        if isinstance(cache, dict):
            cache.clear()


def _refuse(name: str) -> None:
    raise ConfigurationError(
        f"{name} is not what it is in Python {TESTED}, so logging cannot be changed safely here; "
        "use one of those, or a later sealwire"
    )
