"""The logging tree of this process as a value.

Rules this module keeps:

1. Reading changes nothing, and takes time that grows with the loggers and handlers there are.
2. A handler has one key in a tree: its name; without one its class and target, and from the second
   one of those on a number. It keeps its key from one reading to the next, also when others come or
   go: a lease or a floor that speaks of it by its key means this one.
3. What cannot be told of somebody else's class is left empty, and never asked by calling it. What
   a handler hands records on to is looked for among what it has as attributes.
4. Whatever the objects are, a tree comes out of it, and one that is odd hides no other (`asking`).
5. No lock is taken, since whoever holds logging's may be stuck. Loggers and named handlers are
   taken down in one step each.
"""

from __future__ import annotations

import logging
import logging.handlers
import os
import sys
import weakref
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final

from sealwire.documents.tree import (
    NOBODY,
    ROOT,
    UNTOLD,
    FormatterState,
    HandlerState,
    LoggerState,
    Tree,
    network_target,
)
from sealwire.logtree.asking import asked, called, is_text, level, members, text, truth, words
from sealwire.logtree.internals import OWN_MODULES, all_named_handlers, format_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_MOST_BEHIND: Final = 64  # A buffer of records is a list too, and is not gone through.


def read() -> Tree:
    """Give the tree as it is now; never raises."""
    return read_objects()[0]


def read_objects() -> tuple[Tree, dict[str, logging.Handler]]:
    """Give the tree, and the handlers behind its keys; never raises."""
    # By the name under which it is had, since a logger's own may have been changed.
    loggers = {ROOT: logging.root, **_loggers()}
    attached = {name: members(asked(logger, "handlers")) for name, logger in loggers.items()}
    keys = _Keys()
    first = [*chain.from_iterable(attached.values()), *_registered()]
    keys.add_known(first)
    for handler in first:
        keys.add(handler)
    behind = _add_what_is_behind(keys)
    names = {id(logger): text(name) for name, logger in loggers.items()}
    states = [
        LoggerState(
            text(name),
            level(asked(logger, "level")),
            tuple(keys.of[id(handler)] for handler in attached[name]),
            _filters(logger),
            truth(asked(logger, "propagate"), otherwise=True),
            truth(asked(logger, "disabled"), otherwise=False),
            _parent(name, logger, loggers, names),
        )
        for name, logger in loggers.items()
    ]
    tree = Tree(
        tuple(sorted(states, key=lambda state: state.name)),
        tuple(
            _handler(key, keys.handlers[key])._replace(behind=behind[key])
            for key in sorted(keys.handlers)
        ),
        level(asked(logging.root.manager, "disable")),
    )
    return tree, keys.handlers


def _loggers() -> dict[str, logging.Logger]:
    # A copy, because another thread may be making a logger at this moment.
    known = logging.root.manager.loggerDict.copy()
    return {name: logger for name, logger in known.items() if isinstance(logger, logging.Logger)}


def _registered() -> list[logging.Handler]:
    """Give the handlers that have a name, whether a logger has them or another handler."""
    return sorted(all_named_handlers(), key=_name_of)


def _add_what_is_behind(keys: _Keys) -> dict[str, tuple[str, ...]]:
    """Give the handlers behind each one, by key; those that have no key yet get theirs."""
    found: dict[str, tuple[str, ...]] = {}
    while len(found) < len(keys.handlers):
        for key in [key for key in keys.handlers if key not in found]:
            behind = list(_behind(keys.handlers[key]))
            for handler in behind:
                keys.add(handler)
            told = tuple(dict.fromkeys(keys.of[id(handler)] for handler in behind))
            found[key] = (*told, UNTOLD) if _has_untold(keys.handlers[key]) else told
    return found


def _behind(handler: logging.Handler) -> Iterator[logging.Handler]:
    """Give what a handler has of handlers: a target, those of its listener, a wrapped one."""
    known: dict[str, Any] = called(vars, handler, otherwise={})
    listener = called(known.get, "listener", otherwise=None)
    for value in (*members(known.values()), asked(listener, "handlers")):
        if type(value) in {list, tuple}:
            found = list(islice(value, _MOST_BEHIND))
        elif type(value) is dict:
            found = members(islice(value.values(), _MOST_BEHIND))
        else:
            found = [value]
        yield from (each for each in found if issubclass(type(each), logging.Handler))


def _has_untold(handler: logging.Handler) -> bool:
    """Whether a queue is read by a listener that its handler does not know."""
    if not issubclass(type(handler), logging.handlers.QueueHandler):
        return False
    return asked(handler, "listener") is None


def _parent(
    name: str,
    logger: logging.Logger,
    loggers: Mapping[str, logging.Logger],
    names: Mapping[int, str],
) -> str | None:
    """Give what is above a logger where it is not the nearest by name."""
    parent = asked(logger, "parent")
    # The nearest one may have been made after the copy was.
    if parent is _nearest(name, loggers) or parent is _nearest(
        name, logging.root.manager.loggerDict
    ):
        return None
    return names.get(id(parent), NOBODY)


def _nearest(name: str, loggers: Mapping[str, object]) -> logging.Logger | None:
    if name == ROOT:
        return None
    while name := name.rpartition(".")[0]:
        found = loggers.get(name)
        if isinstance(found, logging.Logger):
            return found
    return logging.root


class _Keys:
    """What each handler is called in a tree (rule 2).

    Attributes:
        of: keys by the handler's ``id``.
        handlers: by key.
    """

    def __init__(self) -> None:
        self.of: dict[int, str] = {}
        self.handlers: dict[str, logging.Handler] = {}
        self._numbers: dict[str, int] = {}

    def add_known(self, handlers: Iterable[logging.Handler]) -> None:
        """Give those without a name the keys that they had, before others take these."""
        for handler in handlers:
            key = _key_had(handler)
            if key and id(handler) not in self.of and key not in self.handlers:
                wanted = _wanted(handler)
                if key == wanted or key.startswith(f"{wanted} #"):
                    self._give(handler, key)

    def add(self, handler: logging.Handler) -> None:
        if id(handler) in self.of:
            return
        wanted = _wanted(handler)
        key, number = wanted, self._numbers.get(wanted, 1)
        while key in self.handlers:
            number += 1
            key = f"{wanted} #{number}"
        self._numbers[wanted] = number
        self._give(handler, key)
        if not _name_of(handler):
            _remember(handler, key)

    def _give(self, handler: logging.Handler, key: str) -> None:
        self.of[id(handler)] = key
        self.handlers[key] = handler


_had: dict[int, tuple[weakref.ref[logging.Handler], str]] = {}
"""The keys of handlers without a name, by the handler's ``id``, for as long as they live."""


def _key_had(handler: logging.Handler) -> str:
    reference, key = _had.get(id(handler), (None, ""))
    return key if reference is not None and reference() is handler else ""


def _remember(handler: logging.Handler, key: str) -> None:
    number = id(handler)

    def forget(_: object) -> None:
        _had.pop(number, None)

    # What cannot be referred to weakly is counted anew each time.
    if (reference := called(weakref.ref, handler, forget, otherwise=None)) is not None:
        _had[number] = reference, key


def _wanted(handler: logging.Handler) -> str:
    return _name_of(handler) or f"{_called(type(handler))}({target_of(handler)})"


def _name_of(handler: logging.Handler) -> str:
    """Give the name by which a configuration can speak of a handler, ``""`` without one."""
    return text(_given_name(handler))


def _given_name(handler: logging.Handler) -> object:
    return called(lambda each: each.get_name(), handler, otherwise=None)


def _handler(key: str, handler: logging.Handler) -> HandlerState:
    return HandlerState(
        key,
        class_name(type(handler)),
        level(asked(handler, "level")),
        target_of(handler),
        _formatter(asked(handler, "formatter")),
        _filters(handler),
        bool(_name_of(handler)),
        is_foreign(handler),
    )


def is_foreign(handler: logging.Handler) -> bool:
    """Tell whether code outside ``logging`` has put this handler where it is."""
    if _is_own(handler):
        return False
    name = _given_name(handler)
    # Whatever is a name was given by somebody; a number too, though no document can say it.
    return name is None or (is_text(name) and not text(name))


def _is_own(handler: logging.Handler) -> bool:
    return text(asked(type(handler), "__module__")) in OWN_MODULES


def class_name(kind: type) -> str:
    """Give the dotted name of a class."""
    return f"{text(asked(kind, '__module__'))}.{text(asked(kind, '__qualname__'))}"


def _called(kind: type) -> str:
    return text(asked(kind, "__name__"))


def target_of(handler: logging.Handler) -> str:
    """Say where one of the library's handlers, or any that writes a file as they do, writes.

    Of any other it is ``""``.
    """
    known: dict[str, Any] = called(vars, handler, otherwise={})
    if "baseFilename" in known and issubclass(type(handler), logging.FileHandler):
        path = words(known["baseFilename"])
        # A test runner keeps a handler of its own on it for want of a file.
        return path if path != os.devnull or _is_own(handler) else ""
    if not _is_own(handler):
        return ""
    if "address" in known:
        return _address(known["address"], known.get("socktype"))
    if issubclass(type(handler), logging.StreamHandler):
        return _stream(asked(handler, "stream"))
    return ""


def _address(address: object, kind: object) -> str:
    if type(address) is tuple:
        return network_target(level(kind), map(words, address))
    return words(address)


def _stream(stream: object) -> str:
    for name in ("stderr", "stdout"):
        if any(stream is asked(sys, each) for each in (name, f"__{name}__")):
            return name
    return text(asked(stream, "name")) or _called(type(stream))


def _formatter(formatter: Any) -> FormatterState | None:  # noqa: ANN401 - it may be anything
    if formatter is None:
        return None
    nothing: tuple[str | None, str, bool] = (None, "", False)
    found, style, _ = called(format_of, formatter, otherwise=nothing)
    datefmt = asked(formatter, "datefmt")
    return FormatterState(
        class_name(type(formatter)),
        text(found) if is_text(found) else None,
        text(datefmt) if is_text(datefmt) else None,
        style,
    )


def _filters(thing: object) -> tuple[str, ...]:
    found = members(asked(thing, "filters"))
    if not found:
        return ()
    return tuple(text(called(_filter, each, otherwise=class_name(type(each)))) for each in found)


def _filter(found: object) -> str:
    if type(found) is logging.Filter:
        return f"Filter({found.name})"
    # A function is named itself, anything else by its class.
    named = found if hasattr(found, "__qualname__") else type(found)
    module = getattr(named, "__module__", None) or "builtins"
    return f"{module}.{getattr(named, '__qualname__', '')}"
