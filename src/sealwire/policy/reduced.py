"""In which ways less is recorded after a change than before: what receipts and trail mark.

Rules this module keeps:

1. It is told of what hides records: a level that is raised, a handler that is gone or writes
   elsewhere, a filter that is new, ``propagate`` that is off, a logger that is disabled, and
   ``logging.disable``.
2. Each is told where it was done: what the loggers beneath inherit of it is not told again. A
   handler in whose place another takes at least the same records to the same place is not gone.
3. What is not told of: how a record is written. A formatter that leaves something out hides no
   record.

PCI DSS 10.2.1.6 and MITRE ATT&CK T1562.001 name what is looked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealwire.policy.seen import Seen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealwire.documents.tree import HandlerState, Tree


def logging_reduced(before: Tree, after: Tree) -> tuple[str, ...]:
    """Say in which ways ``after`` records less than ``before``, in words; ``()`` if in none."""
    was, now = Seen(before), Seen(after)
    # A handler that no record reaches writes nothing.
    writing = before.reached(was.attached)
    found = [*_by_handlers(was, now, writing), *_by_loggers(was, now)]
    if now.disable > was.disable:
        found.append(f"logging.disable {was.disable} → {now.disable}")
    return tuple(found)


def _by_loggers(was: Seen, now: Seen) -> Iterator[str]:
    for name in sorted(was.loggers.keys() | now.loggers.keys()):
        old, new = was.logger(name), now.logger(name)
        # What is the same here can only be less because of a logger above, which tells it (rule 2).
        if old == new:
            continue
        where = name or "root"
        level, raised = was.level(name), now.level(name)
        if raised > level:
            yield f"{where}: level {level} → {raised}"
        here = [now.handlers[key] for key in now.way(name)]
        for key in sorted(was.way(name) - now.way(name)):
            if not any(_replaces(each, was.handlers[key]) for each in here):
                yield f"{where}: handler {key} is gone"
        for each in new.filters:
            if each not in old.filters:
                yield f"{where}: filter {each} is new"
        if new.disabled and not old.disabled:
            yield f"{where}: disabled"


def _by_handlers(was: Seen, now: Seen, writing: frozenset[str]) -> Iterator[str]:
    for key in sorted(was.handlers.keys() & now.handlers.keys() & writing):
        yield from _by_handler(key, was.handlers[key], now.handlers[key])


def _by_handler(key: str, old: HandlerState, new: HandlerState) -> Iterator[str]:
    where = f"handler {key}"
    if new.level > old.level:
        yield f"{where}: level {old.level} → {new.level}"
    if (old.class_name, old.target) != (new.class_name, new.target):
        yield f"{where}: {_writes(old)} → {_writes(new)}"
    for each in new.filters:
        if each not in old.filters:
            yield f"{where}: filter {each} is new"
    for each in old.behind:
        if each not in new.behind:
            yield f"{where}: hands nothing on to {each or 'others'}"


def _replaces(new: HandlerState, old: HandlerState) -> bool:
    """Whether a handler of another name takes whatever the old one took, to the same place."""
    # Where a handler writes cannot always be told, and then nothing is known of the new one.
    same_place = old.target and (old.class_name, old.target) == (new.class_name, new.target)
    return bool(same_place) and not list(_by_handler(old.key, old, new))


def _writes(handler: HandlerState) -> str:
    return f"{handler.class_name} to {handler.target or 'nothing'}"
