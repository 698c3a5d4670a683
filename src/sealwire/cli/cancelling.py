"""Taking back what was done in a part of a service alone.

Rules this module keeps:

1. A process that has not answered is no reason: it follows when it comes by again. One that failed
   is, and so is a host that did not do it, or may not have.
2. Whether all of it was taken back is told, and where not, by which command it can be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sealwire.cli.delivering import result_of
from sealwire.cli.endings import CommandError, Exit
from sealwire.cli.rows import instances_of
from sealwire.cli.typed import typed, which_service
from sealwire.receipts import Outcome
from sealwire.stages import Outcome as Decided
from sealwire.workers import STALE

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealwire.client import Client
    from sealwire.results import Result

KEEP: Final = "--keep-partial"


class Cancelled(NamedTuple):
    """What came of taking back.

    Attributes:
        all_of_it: whether everything is as it was before.
        error: how the command ends.
    """

    all_of_it: bool
    error: CommandError


def needs_cancelling(result: Result) -> bool:
    """Whether a request was done, and failed in some process (rule 1)."""
    return result.outcome is Decided.APPLIED and not result.repeated and bool(_failed(result))


def cancelled(cancel: Callable[[Client, str], Result], client: Client, result: Result) -> Cancelled:
    """Take back what was done in some processes of the only host.

    Args:
        cancel: takes back what a request of this id has done.
        client: asks the host.
        result: what was done.
    """
    failed = ", ".join(_failed(result))
    ending: Result | CommandError
    try:
        ending = result_of(lambda: cancel(client, result.request_id))
    except CommandError as failure:
        ending = failure
    if problem := problem_of(ending):
        error = CommandError(
            Exit.PARTLY,
            f"it failed in {failed}, and stands in the others; it could not be taken back: "
            f"{problem}",
            f"take it back: sealwire revert {result.request_id}{which_service()}",
        )
        return Cancelled(all_of_it=False, error=error)
    error = CommandError(
        Exit.REFUSED,
        f"it failed in {failed}, so it was taken back in the others",
        f"mend what failed; or let it stand where it can: {typed(KEEP)}",
    )
    return Cancelled(all_of_it=True, error=error)


def problem_of(ending: Result | CommandError) -> str:
    """Say why something could not be taken back; ``""`` where it was."""
    if isinstance(ending, CommandError):
        return ending.error
    if ending.outcome is Decided.APPLIED:
        return ""
    return ending.detail or ending.reason or "the service gives no reason"


def _failed(result: Result) -> list[str]:
    rows = instances_of(result)
    return [each.name for each in rows if each.outcome is Outcome.FAILED and each.detail != STALE]
