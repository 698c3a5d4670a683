"""A plan becomes the configuration of this process.

Rules this module keeps:

1. A plan is in force in full or not at all: everything is built aside, put in place under
   logging's lock, and what it replaces is closed afterwards, without the lock.
2. A handler's class is a subclass of ``logging.Handler``, a formatter's of ``logging.Formatter``.
   The library would call anything that has the name. See `factories` for what it is told to call.
3. sealwire's own loggers are never left disabled: the library disables every logger that a plan
   does not name, where the plan asks for that.
4. `ApplyError` is all that comes out. Its text names the part of the plan and the kind of failure;
   it has no cause attached, and quotes no argument, because either may hold a password.
5. A handler whose definition did not change keeps its object (`keeping`); its class and file were
   looked at when it was made.
6. A constructor that may wait has a deadline (`builder`), and holds no lock of logging meanwhile.

Not guaranteed: a deadline for an import, which runs whatever the host's own modules do.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING, TypeVar

from sealwire.documents import External, HandlerPlan, LoggingPlan
from sealwire.documents.reading import place
from sealwire.errors import ApplyError, SealwireError, shorten
from sealwire.logtree.builder import build_in_time
from sealwire.logtree.building import Built, nothing_built
from sealwire.logtree.closing import close_all, rest_all
from sealwire.logtree.factories import check_factories
from sealwire.logtree.files import check_file
from sealwire.logtree.internals import named_handlers
from sealwire.logtree.keeping import kept_by
from sealwire.logtree.locks import whole_logging
from sealwire.logtree.newfiles import FILE_ARGUMENT, check_begun
from sealwire.logtree.swapping import Around, Change, exchange, is_own, swap, undo
from sealwire.stages import Applied

if TYPE_CHECKING:
    from collections.abc import Callable, Container

T = TypeVar("T")


def apply(plan: LoggingPlan) -> Applied:
    """Make ``plan`` the configuration of this process.

    Not to be called by two threads at once: the caller applies one request after the other.

    Args:
        plan: what policy has allowed. Nothing is asked again here but what only this process
            can answer.

    Returns:
        What is now in force.

    Raises:
        ApplyError: a class, an object, a file or a handler is missing or unfit, or a constructor
            failed (its text then starts with "unable to"); the tree is as before.
    """
    close_all(_configure(plan, lambda built: swap(plan, built)))
    return _applied(plan)


def apply_as_base(plan: LoggingPlan, around: Around) -> tuple[Applied, Change]:
    """Make ``plan`` the base under what is laid over it, in a way that `go_back` can undo.

    What is no longer used rests: it gives up its file or socket, and is closed by `close_all` when
    nobody will go back to it.

    Raises:
        ApplyError: as `apply`.
        RefusedError: as ``around`` says; the tree is as before.
    """
    change = _configure(plan, lambda built: exchange(plan, built, around))
    rest_all(change.gone)
    return _applied(plan), change


def go_back(
    change: Change, around: Around, *, closing: bool = True
) -> tuple[Change, tuple[str, ...]]:
    """Undo a change; locks that do not come free are done without.

    Args:
        change: what is to be undone.
        around: what is laid over the base.
        closing: close what is no longer used. Not in a forked child, where what is buffered is the
            parent's to write.

    Returns:
        What is no longer used now, as a part of a change, and the places that are left as they are,
        because somebody else has changed them since, or they do not let themselves be set.
    """
    try:
        back, drift = undo(change, around)
    finally:
        _enable_own_loggers()
    if closing:
        close_all(back.gone)
    return back, tuple(drift)


def _applied(plan: LoggingPlan) -> Applied:
    return Applied(
        plan_digest=plan.digest(),
        loggers=len(plan.loggers) + (plan.root is not None),
        handlers=len(plan.handlers),
    )


def try_out(plan: LoggingPlan) -> None:
    """Build everything of ``plan`` once, aside, and throw it away.

    Raises:
        ApplyError: as `apply` would.
    """
    kept = kept_by(plan)
    check(plan, kept)
    if plan.incremental:
        return
    try:
        built = build_in_time(plan, kept)
    except SealwireError:
        raise
    except Exception as error:  # noqa: BLE001  a class of the host's own may raise anything
        raise ApplyError(_failure(error)) from None
    built.discard()


def check(plan: LoggingPlan, kept: Container[str] = ()) -> None:
    """Find out what can be found out beforehand; change nothing but what imports change.

    Args:
        plan: what is to be applied.
        kept: the handlers that stay as they are.

    Raises:
        ApplyError: a class, an object, a file or a handler is missing or unfit.
    """
    for formatter in plan.formatters:
        if formatter.class_name is not None:
            where = place("formatters", formatter.name, "class")
            _check_class(formatter.class_name, logging.Formatter, where)
        if formatter.defaults and sys.version_info < (3, 12):
            # The library would leave them out, and every record that needs one would be lost.
            where = place("formatters", formatter.name, "defaults")
            raise ApplyError(f"{where}: needs Python 3.12 or later")
    built = tuple(handler for handler in plan.handlers if handler.name not in kept)
    check_factories(plan._replace(handlers=built), _resolve)
    for handler in plan.handlers:
        where = place("handlers", handler.name)
        if handler.name in kept:
            continue
        if plan.incremental:
            if handler.name not in named_handlers():
                raise ApplyError(f"{where}: this process has no handler of that name")
        else:
            if handler.factory is None:
                _check_class(handler.class_name or "", logging.Handler, f"{where}.class")
            _check_file(handler, where)


def _check_class(name: str, base: type, where: str) -> None:
    found = _resolve(name, where)
    if not (isinstance(found, type) and issubclass(found, base)):
        raise ApplyError(f"{where}: {shorten(name)} is not a subclass of logging.{base.__name__}")


def _check_file(handler: HandlerPlan, where: str) -> None:
    for key, value in handler.arguments:
        # An object of the process has been looked up with the factories, and is no path.
        if key == FILE_ARGUMENT and not isinstance(value, External):
            check_file(str(value), f"{where}.{key}")
    check_begun(handler, where)


def _resolve(name: str, where: str) -> object:
    """Look up a dotted name as the library will, with its imports."""
    from logging.config import BaseConfigurator

    try:
        return BaseConfigurator({}).resolve(name)
    except Exception as error:  # noqa: BLE001  importing a module runs it, and it may raise anything
        raise ApplyError(f"{where}: {shorten(name)} is not to be had: {_kind(error)}") from None


def _configure(plan: LoggingPlan, put: Callable[[Built], T]) -> T:
    kept = kept_by(plan)
    check(plan, kept)
    built = nothing_built()
    try:
        with whole_logging():
            # Asked beforehand: every constructor of a handler takes this lock, without a limit.
            pass
        if not plan.incremental:
            built = build_in_time(plan, kept)
        return put(built)
    except SealwireError:
        built.discard()
        raise
    except Exception as error:  # noqa: BLE001  a class of the host's own may raise anything
        built.discard()
        raise ApplyError(_failure(error)) from None
    except BaseException:
        built.discard()
        raise
    finally:
        _enable_own_loggers()


def _failure(error: Exception) -> str:
    """Say which part failed, and how, without the words of whatever a constructor raised."""
    text = str(error)
    # The library's own text, which holds the name of a part of the plan and nothing else.
    part = "configure logging"
    if type(error) is ValueError and text.startswith("Unable to configure "):
        part = text.removeprefix("Unable to ")
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    return f"unable to {part}: {_kind(cause)}"


def _kind(error: BaseException) -> str:
    kind = type(error).__name__
    if isinstance(error, OSError) and error.errno is not None:
        return f"{kind}, {os.strerror(error.errno)}"
    return kind


def _enable_own_loggers() -> None:
    # A copy, because another thread may be making a logger at this moment.
    for name, logger in logging.root.manager.loggerDict.copy().items():
        if is_own(name) and isinstance(logger, logging.Logger):
            logger.disabled = False
