"""In which places a change records less than before: what an auditor asks about first.

Rules this module keeps:

1. Pure, over two trees: whoever asks has read them.
2. Less is: a level in force that rose, a handler that is gone, writes elsewhere or takes fewer
   records, a filter that was added, ``propagate`` that was turned off, a logger that was disabled.
3. A logger that merely inherits what rose above it is not named again.

Not guaranteed: that less is written wherever a place is named. A filter may let everything pass,
and two changes may make up for each other; it is for a person to look there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealwire.documents.lookup import Lookup
from sealwire.documents.tree import ROOT, HandlerState, LoggerState, Tree

if TYPE_CHECKING:
    from collections.abc import Iterator


def reduced(before: Tree, after: Tree) -> tuple[str, ...]:
    """Name the places in which ``after`` records less, such as ``loggers.payments.level``.

    Places are called as in `sealwire.documents.changes`; a handler that a logger has lost is
    ``loggers.payments.handlers.audit``.
    """
    return tuple(dict.fromkeys((*_of_loggers(before, after), *_of_handlers(before, after))))


def _of_loggers(before: Tree, after: Tree) -> Iterator[str]:
    old, new = before.by_name(), after.by_name()
    was, now = Lookup(before), Lookup(after)
    for name in sorted(old.keys() | new.keys()):
        where = f"loggers.{name}" if name != ROOT else "root"
        one, other = old.get(name, LoggerState(name)), new.get(name, LoggerState(name))
        if one.level != other.level and now.level(name) > was.level(name):
            yield f"{where}.level"
        for key in one.handlers:
            if key not in other.handlers:
                yield f"{where}.handlers.{key}"
        if set(other.filters) - set(one.filters):
            yield f"{where}.filters"
        if one.propagate and not other.propagate:
            yield f"{where}.propagate"
        if other.disabled and not one.disabled:
            yield f"{where}.disabled"
    if after.disable > before.disable:
        yield "logging.disable"


def _of_handlers(before: Tree, after: Tree) -> Iterator[str]:
    new = after.by_key()
    for handler in before.handlers:
        if (other := new.get(handler.key)) is not None:
            yield from _of_handler(handler, other)


def _of_handler(one: HandlerState, other: HandlerState) -> Iterator[str]:
    where = f"handlers.{one.key}"
    if (one.class_name, one.target) != (other.class_name, other.target):
        yield f"{where}.target"
    if other.level > one.level:
        yield f"{where}.level"
    if set(other.filters) - set(one.filters):
        yield f"{where}.filters"
