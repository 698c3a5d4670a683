"""Handlers that a role with some loggers may define: those that nobody else writes through.

Rules this module keeps:

1. A tree shows neither a handler's arguments nor its attributes: a buffer of 10,000 records, or two
   files of 64 KiB that rotate, would look like what was there. So a name that is taken is judged by
   who has it, and not by what becomes of it.
2. Whoever has a handler has what it hands records on to as well.
3. What cannot be told is somebody else's: a handler that no logger is known to have, and, where a
   queue of another logger is read by nobody knows whom, every handler that was there.
4. A file has one owner: a second handler on it, or on what rotation makes of its name, could rename
   and delete what others have written.
"""

from __future__ import annotations

from collections.abc import Iterator

from sealwire.documents.plan import LoggingPlan
from sealwire.documents.tree import UNTOLD, HandlerState, Tree
from sealwire.errors import shorten
from sealwire.policy.destinations import SYSLOG_HANDLER
from sealwire.policy.handler_floors import share_file
from sealwire.policy.loggers import Loggers


def handlers_of_others(
    plan: LoggingPlan, loggers: Loggers, before: Tree, after: Tree
) -> Iterator[tuple[str, str]]:
    """Give each handler of a plan that is not its role's to define or to level, and why.

    Args:
        plan: what is asked for.
        loggers: those of the role.
        before: the tree as it is.
        after: the tree as it would be.
    """
    theirs = before.reached(
        key for each in before.loggers if not loggers.covers(each.name) for key in each.handlers
    )
    known = before.reached(key for each in before.loggers for key in each.handlers)
    own, now = known - theirs, after.by_key()
    strange = [each for each in before.handlers if each.key not in own]
    for handler in plan.handlers:
        taken = [each.key for each in before.handlers if _is_of_name(each.key, handler.name)]
        if problem := next(filter(None, (_why_not(key, theirs, own) for key in taken)), ""):
            hint = "" if plan.incremental else "; define one of another name"
            yield handler.name, f"{problem}{hint}"
        elif handler.name in now and not plan.incremental:
            for other in strange:
                if _meets(now[handler.name], other):
                    detail = f"would write to the file of {shorten(other.key)}, which others have"
                    yield handler.name, detail
                    break


def _why_not(key: str, theirs: frozenset[str], own: frozenset[str]) -> str:
    """Say why a handler is not the role's alone; ``""`` if it is."""
    if key in theirs:
        return "is a handler of other loggers too"
    if key not in own:
        return "was there, and no logger is known to have it"
    if UNTOLD in theirs:
        return "was there, and may be behind the queue of another logger, which does not show it"
    return ""


def _is_of_name(key: str, name: str) -> bool:
    # Two handlers may have been given one name, and then a key does not say which has it now.
    return key == name or key.startswith(f"{name} #")


def _meets(made: HandlerState, other: HandlerState) -> bool:
    # Many may send to one socket of syslog.
    return made.class_name != SYSLOG_HANDLER and share_file(made.target, other.target)
