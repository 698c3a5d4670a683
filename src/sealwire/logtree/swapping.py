"""The change itself: under logging's lock, in full or not at all.

Rules this module keeps:

1. Each logger's list of handlers is replaced once, so a writer sees the old list or the new one.
2. On any failure everything is as before: the same objects, the same dictionary, the same names.
3. Nothing is closed here. What is no longer used is given back, to be closed without the lock. A
   handler that is busy for too long could not be closed then, so it prevents the change.
4. The cost is linear in the loggers there are: levels are set directly and the cache of every
   logger is emptied once, where the library empties all of them for each.
5. Handlers of a class outside ``logging`` that no configuration has named stay where they are:
   the tools of third parties (pytest, Sentry) put them there.
6. A handler of a plan takes the place of the one that has its name, wherever that is attached.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple, Protocol

from sealwire.documents.tree import ROOT, Levels, Tree
from sealwire.errors import ApplyError
from sealwire.logtree.arrangement import (
    Arrangement,
    HandlerPart,
    LoggerPart,
    Wanted,
    part_of,
    reachable,
)
from sealwire.logtree.closing import expect_late_records, wake_all
from sealwire.logtree.internals import clear_level_caches, named_handlers, unname
from sealwire.logtree.levels import put_levels
from sealwire.logtree.locks import WAIT_S, whole_logging
from sealwire.logtree.reading import is_foreign, read
from sealwire.logtree.wayback import joined, way_back

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping

    from sealwire.documents import LoggerPlan, LoggingPlan
    from sealwire.logtree.building import Built

OWN_LOGGER = "sealwire"


class Around(Protocol):
    """What is to be done about leases and floors while logging's lock is held."""

    def before(self, live: Tree) -> Levels:
        """Give the levels that have to be set before a change, so that the base is as it is."""

    def after(self, base: Tree) -> Levels:
        """Give the levels that have to be set over the new base.

        Raises:
            RefusedError: the base may not be so; everything is put back.
        """


class Change(NamedTuple):
    """A change that was made, and what is needed to undo it.

    Attributes:
        before: what was before, without leases.
        left: what it left, without leases.
        gone: the handlers that are no longer used.
        base: the tree it left, without leases.
    """

    before: Arrangement
    left: Arrangement
    gone: list[logging.Handler]
    base: Tree

    def then(self, later: Change) -> Change:
        """Give this and a later change as one; the later one is not to be used any more."""
        # What this did to a handler that has left since is undone as well.
        for earlier in (later.before, self.left):
            later.left.remember(earlier, self.before)
        before = joined(self.before, self.left, later.before)
        # Those made in between cannot come back; they would be kept, more with every change.
        had = {id(handler) for handler, _ in before.handlers}
        gone = [each for each in (*self.gone, *later.gone) if id(each) in had]
        return Change(before, later.left, gone, later.base)


def swap(plan: LoggingPlan, built: Built, wait_s: float = WAIT_S) -> list[logging.Handler]:
    """Make ``plan`` the configuration of this process.

    Returns:
        The handlers that are no longer used.

    Raises:
        ApplyError: logging's lock, or one of a handler that would go, does not come free within
            ``wait_s`` seconds; nothing is changed.
    """
    todo = _Todo(lambda: _wanted(plan, built))
    with whole_logging(wait_s, todo.leaving):
        whole = Arrangement()
        try:
            built.check_kept()
            todo.wanted.put()
            clear_level_caches()
        except BaseException as failure:
            _restore(whole, failure)
            raise
        return todo.let_go()


def exchange(plan: LoggingPlan, built: Built, around: Around, wait_s: float = WAIT_S) -> Change:
    """Make ``plan`` the base, under the leases that are running, in a way that can be undone.

    Raises:
        ApplyError: as `swap`.
        RefusedError: as ``around`` says; nothing is changed.
    """

    def put() -> None:
        built.check_kept()
        # Found out anew, without leases: what is not in the plan stays as it is then.
        _wanted(plan, built).put()

    return _put_around(_Todo(lambda: _wanted(plan, built)), put, around, wait_s)


def undo(change: Change, around: Around, wait_s: float = WAIT_S) -> tuple[Change, list[str]]:
    """Put back what was before a change, under the leases that are running.

    Args:
        change: what is to be undone.
        around: what is laid over the base; it is not to refuse.
        wait_s: how long to wait for locks, seconds.

    Returns:
        What has been done, as a change, and the places that are left as they are: somebody else has
        changed them meanwhile, or they do not let themselves be set.
    """
    found: list[str] = []

    def wanted() -> Wanted:
        way, found[:] = way_back(change.before, change.left)
        return way

    def put() -> None:
        wake_all(reachable(handler for handler, _ in change.before.handlers))
        refused = wanted().put_by_force()
        found.extend(refused)

    return _put_around(_Todo(wanted), put, around, wait_s, by_force=True), found


def _put_around(
    todo: _Todo, put: Callable[[], None], around: Around, wait_s: float, *, by_force: bool = False
) -> Change:
    with whole_logging(wait_s, todo.leaving, by_force=by_force):
        whole = Arrangement()
        try:
            put_levels(around.before(read()), by_force=by_force)
            before = Arrangement().detach()
            put()
            # Nobody is to lay a lease over what goes, or to judge by it.
            todo.unname()
            base, left = read(), Arrangement().detach()
            put_levels(around.after(base), by_force=by_force)
            clear_level_caches()
        except BaseException as failure:
            _restore(whole, failure)
            raise
        return Change(before, left, todo.let_go(), base)


_SOME = 5


def _restore(whole: Arrangement, failure: BaseException) -> None:
    """Put everything back.

    Raises:
        ApplyError: something does not let itself be put back, and so stays; the rest is as before.
    """
    if refused := whole.restore():
        some = ", ".join(refused[:_SOME])
        more = f" and {len(refused) - _SOME} more" if len(refused) > _SOME else ""
        raise ApplyError(
            f"unable to configure logging: {type(failure).__name__}; not as before, since they do "
            f"not let themselves be set: {some}{more}"
        ) from failure


class _Todo:
    """What is to be different, and which handlers go when it is."""

    def __init__(self, find: Callable[[], Wanted]) -> None:
        self._find = find
        self._going: list[logging.Handler] = []
        self.wanted: Wanted

    def leaving(self) -> list[logging.Handler]:
        """Find out, with logging's lock held."""
        self.wanted = self._find()
        self._going = self.wanted.leaving()
        return self._going

    def unname(self) -> None:
        """Take away the names of those that go."""
        for handler in self._going:
            unname(handler)

    def let_go(self) -> list[logging.Handler]:
        """Take leave of those that go, and give them."""
        self.unname()
        expect_late_records(self._going)
        return self._going


def _wanted(plan: LoggingPlan, built: Built) -> Wanted:
    if plan.incremental:
        return _adjusted(plan)
    known = dict(logging.root.manager.loggerDict)
    loggers: dict[str, LoggerPart] = {}
    for each in _plans(plan):
        part = _leveled(each)
        # What a third party put there stays.
        kept = [handler for handler in part.handlers if is_foreign(handler)]
        loggers[each.name] = part._replace(
            disabled=part.disabled and not each.name,
            handlers=[built.handlers[name] for name in each.handlers] + kept,
            filters=[built.filters[name] for name in each.filters],
        )
    names = dict(named_handlers())
    replaced = {
        id(names[name]): handler
        for name, handler in built.handlers.items()
        if name in names and names[name] is not handler
    }
    named = {each.name for each in plan.loggers}
    for name, logger in known.items():
        if name in named or not isinstance(logger, logging.Logger):
            continue
        part = part_of(logger)
        if _is_beneath(name, named):
            foreign = [handler for handler in part.handlers if is_foreign(handler)]
            loggers[name] = part._replace(level=logging.NOTSET, handlers=foreign, propagate=True)
            continue
        disabled = plan.disable_existing_loggers and not is_own(name)
        if disabled != part.disabled or _has(part.handlers, replaced):
            loggers[name] = part._replace(
                disabled=disabled, handlers=_exchanged(part.handlers, replaced)
            )
    if plan.root is None and _has(logging.root.handlers, replaced):
        part = part_of(logging.root)
        loggers[ROOT] = part._replace(handlers=_exchanged(part.handlers, replaced))
    new = built.handlers
    return Wanted(loggers, {**names, **new}, built.parts, new.values())


def _adjusted(plan: LoggingPlan) -> Wanted:
    names = named_handlers()
    handlers = [
        (handler, HandlerPart(each.level, handler.formatter, handler.filters))
        for each in plan.handlers
        if each.level is not None
        for handler in (names[each.name],)
    ]
    loggers = {each.name: _leveled(each) for each in _plans(plan)}
    return Wanted(loggers, dict(names), handlers, names.values())


def _leveled(plan: LoggerPlan) -> LoggerPart:
    known = logging.root.manager.loggerDict.get(plan.name) if plan.name else logging.root
    part = part_of(known) if isinstance(known, logging.Logger) else LoggerPart()
    return part._replace(
        level=part.level if plan.level is None else plan.level,
        propagate=part.propagate if plan.propagate is None or not plan.name else plan.propagate,
    )


def _plans(plan: LoggingPlan) -> Iterator[LoggerPlan]:
    yield from plan.loggers
    if plan.root is not None:
        yield plan.root


def _has(handlers: Iterable[logging.Handler], wanted: Container[int]) -> bool:
    return any(id(handler) in wanted for handler in handlers)


def _exchanged(
    handlers: list[logging.Handler], replaced: Mapping[int, logging.Handler]
) -> list[logging.Handler]:
    return [replaced.get(id(handler), handler) for handler in handlers]


def _is_beneath(name: str, named: Container[str]) -> bool:
    while "." in name:
        name = name.rpartition(".")[0]
        if name in named:
            return True
    return False


def is_own(name: str) -> bool:
    """Whether a logger is one of ours."""
    return name == OWN_LOGGER or name.startswith(f"{OWN_LOGGER}.")
