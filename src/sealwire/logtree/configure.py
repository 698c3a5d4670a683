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

Not guaranteed yet: a deadline for a constructor that waits, though it holds no lock of logging, and
that a handler whose definition did not change keeps its object.
"""

from __future__ import annotations

import logging
import os
import sys

from sealwire.documents import External, HandlerPlan, LoggingPlan
from sealwire.documents.reading import place
from sealwire.errors import ApplyError, shorten
from sealwire.logtree.building import Built, build
from sealwire.logtree.closing import close_all
from sealwire.logtree.factories import check_factories
from sealwire.logtree.files import check_file
from sealwire.logtree.locks import whole_logging
from sealwire.logtree.newfiles import FILE_ARGUMENT, check_begun
from sealwire.logtree.swapping import OWN_LOGGER, swap
from sealwire.stages import Applied


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
    check(plan)
    _configure(plan)
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
    check(plan)
    if plan.incremental:
        return
    try:
        built = build(plan)
    except Exception as error:  # noqa: BLE001  a class of the host's own may raise anything
        raise ApplyError(_failure(error)) from None
    built.discard()


def check(plan: LoggingPlan) -> None:
    """Find out what can be found out beforehand; change nothing but what imports change.

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
    check_factories(plan, _resolve)
    for handler in plan.handlers:
        where = place("handlers", handler.name)
        if plan.incremental:
            if handler.name not in vars(logging)["_handlers"]:
                raise ApplyError(f"{where}: this process has no handler of that name")
        else:
            if handler.factory is None:
                _check_class(handler.class_name or "", logging.Handler, f"{where}.class")
            _check_arguments(handler, where)


def _check_class(name: str, base: type, where: str) -> None:
    found = _resolve(name, where)
    if not (isinstance(found, type) and issubclass(found, base)):
        raise ApplyError(f"{where}: {shorten(name)} is not a subclass of logging.{base.__name__}")


def _check_arguments(handler: HandlerPlan, where: str) -> None:
    for key, value in handler.arguments:
        if isinstance(value, External):
            _resolve(value.name, f"{where}.{key}")
        elif key == FILE_ARGUMENT:
            check_file(str(value), f"{where}.{key}")
    check_begun(handler, where)


def _resolve(name: str, where: str) -> object:
    """Look up a dotted name as the library will, with its imports."""
    from logging.config import BaseConfigurator

    try:
        return BaseConfigurator({}).resolve(name)
    except Exception as error:  # noqa: BLE001  importing a module runs it, and it may raise anything
        raise ApplyError(f"{where}: {shorten(name)} is not to be had: {_kind(error)}") from None


def _configure(plan: LoggingPlan) -> None:
    built = Built({}, {}, [])
    try:
        with whole_logging():
            # Asked beforehand: every constructor of a handler takes this lock, without a limit.
            pass
        if not plan.incremental:
            built = build(plan)
        gone = swap(plan, built)
    except ApplyError:
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
    close_all(gone)


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
        own = name == OWN_LOGGER or name.startswith(f"{OWN_LOGGER}.")
        if own and isinstance(logger, logging.Logger):
            logger.disabled = False
