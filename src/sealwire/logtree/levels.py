"""Setting levels, and nothing else: what a lease does.

Rules this module keeps:

1. All levels or none: what was set is put back when one cannot be. Who goes back goes on instead,
   past an object that does not let itself be set; what stays is seen as drift.
2. Under logging's own lock, so that no other change of configuration comes in between. A record is
   judged by the old level or by the new one.
3. ``setLevel`` is not called: a class of the host's may have made it its own, and then going back
   could fail where going there did not.
4. No filter, no handler and no formatter is touched; there is nothing on the way of a record that
   was not there before.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Container, Iterable

from sealwire.documents.tree import ROOT, Levels, Tree
from sealwire.errors import ApplyError
from sealwire.logtree.internals import clear_level_caches, put_by_force
from sealwire.logtree.locks import whole_logging
from sealwire.logtree.making import make
from sealwire.logtree.reading import read_objects


def put_levels(levels: Levels, *, by_force: bool = False) -> None:
    """Set levels as a part of a change: the lock, the caches and the way back are the caller's.

    Args:
        levels: what to set.
        by_force: go on where one cannot be set.

    Raises:
        ApplyError: there is no such handler.
    """
    known = read_objects()[1] if levels.handlers else {}
    _check_there(levels.handlers, known)
    for name, level in levels.loggers.items():
        _put(_logger(name), level, by_force=by_force)
    for key, level in levels.handlers.items():
        _put(known[key], level, by_force=by_force)


def _put(thing: logging.Logger | logging.Handler, level: int, *, by_force: bool) -> None:
    if by_force:
        put_by_force(thing, level=level)
    else:
        thing.level = level


def relevel(find: Callable[[Tree], Levels], *, by_force: bool = False) -> Tree:
    """Set the levels that ``find`` gives for the tree as it is, with no change in between.

    Args:
        find: is given the tree. What it raises comes out, and nothing has been changed.
        by_force: do without logging's lock when it does not come free, and go on where a level
            cannot be set. Setting a level is one step; what may come in between is a change of
            somebody who holds the lock for seconds.

    Returns:
        The tree afterwards.

    Raises:
        ApplyError: there is no such handler, or logging's lock does not come free; nothing has been
            changed.
    """
    with whole_logging(by_force=by_force):
        live, known = read_objects()
        loggers, handlers = find(live)
        _check_there(handlers, known)
        undo: list[tuple[logging.Logger | logging.Handler, int]] = []
        try:
            for name, level in loggers.items():
                logger = _logger(name)
                undo.append((logger, logger.level))
                _put(logger, level, by_force=by_force)
            for key, level in handlers.items():
                undo.append((known[key], known[key].level))
                _put(known[key], level, by_force=by_force)
        except BaseException:
            for thing, level in reversed(undo):
                # What cannot be set at all was not set before either.
                put_by_force(thing, level=level)
            raise
        finally:
            clear_level_caches()
        return read_objects()[0]


def _check_there(handlers: Iterable[str], known: Container[str]) -> None:
    for key in handlers:
        if key not in known:
            raise ApplyError(f"handlers: this process has no handler {key}")


def _logger(name: str) -> logging.Logger:
    """Give a logger; one that is there without the lock that the library's function takes."""
    known = logging.root if name == ROOT else logging.root.manager.loggerDict.get(name)
    return known if isinstance(known, logging.Logger) else make(name)
