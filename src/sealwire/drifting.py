"""Drift: what is not as the base and the leases say, because somebody else has changed it.

Rules this module keeps:

1. Looked at are the loggers that were there when the base was recorded, and their handlers. What an
   application makes later is its own affair, and not a change of what was.
2. A level that a lease holds is compared with what the lease put there.
3. Nothing is put right: whoever changed it may have meant it. It is told, at first sight and when
   it is over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealwire.documents.changes import changes
from sealwire.documents.tree import ROOT, Tree
from sealwire.leases import Drift

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sealwire.leases import Overlay

MAX_DRIFT: Final = 100
"""Places that are kept and told. More is no drift but another set-up."""


def without_leases(live: Tree, overlay: Overlay) -> Tree:
    """Give the base beneath leases; a level that is not what a lease put there stays as it is."""
    known, handlers = live.by_name(), live.by_key()
    return live.leveled(
        {
            name: held.found
            for name, held in overlay.loggers.items()
            if name in known and known[name].level == held.put
        },
        {
            key: held.found
            for key, held in overlay.handlers.items()
            if key in handlers and handlers[key].level == held.put
        },
    )


def meant(base: Tree, overlay: Overlay) -> Tree:
    """Give what a tree should be: the base with what leases put over it."""
    return base.leveled(
        {name: held.put for name, held in overlay.loggers.items()},
        {key: held.put for key, held in overlay.handlers.items()},
    )


def find_drift(expected: Tree, live: Tree, overlay: Overlay) -> tuple[Drift, ...]:
    """Give every place of ``live`` that is neither of the base nor of a lease.

    Args:
        expected: the base, without leases.
        live: the tree as it is.
        overlay: the leases, and what they hold.
    """
    known, handlers = live.by_name(), live.by_key()
    found: list[Drift] = []
    beneath: dict[str, int] = {}
    for name, held in overlay.loggers.items():
        level = known[name].level if name in known else 0
        if level != held.put:
            found.append(_drift(f"{_logger(name)}.level", held.put, level))
        beneath[name] = held.found
    through: dict[str, int] = {}
    for key, held in overlay.handlers.items():
        if key in handlers and handlers[key].level != held.put:
            found.append(_drift(f"handlers.{key}.level", held.put, handlers[key].level))
        through[key] = held.found
    base = _only(live.leveled(beneath, through), (logger.name for logger in expected.loggers))
    found += [Drift(*each) for each in changes(expected, base)]
    return tuple(found[:MAX_DRIFT])


def _only(tree: Tree, names: Iterable[str]) -> Tree:
    known = tree.by_name()
    return tree._replace(loggers=tuple(known[name] for name in names if name in known))


def _logger(name: str) -> str:
    return "root" if name == ROOT else f"loggers.{name}"


def _drift(where: str, expected: int, found: int) -> Drift:
    return Drift(where, str(expected), str(found))
