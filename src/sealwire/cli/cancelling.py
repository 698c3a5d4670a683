"""Taking back what was done in a part of a service alone.

Rules this module keeps:

1. A process that has not answered is no reason: it follows when it comes by again. One that failed
   is, and so is a host that did not do it, or may not have.
2. Whether all of it was taken back is told, and where not, by which command it can be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sealwire.cli.endings import CommandError, Exit
from sealwire.cli.rows import instances_of
from sealwire.cli.typed import typed, which_service
from sealwire.receipts import Outcome
from sealwire.results import Result
from sealwire.stages import Outcome as Decided
from sealwire.workers import STALE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sealwire.receipts import Instance

KEEP: Final = "--keep-partial"


class TakenBack(NamedTuple):
    """What came of taking back.

    Attributes:
        ids: of which request at which address.
        problems: the addresses where it stands still, and why.
    """

    ids: Mapping[str, str]
    problems: Mapping[str, str]

    @classmethod
    def of(
        cls, done: Mapping[str, Result], endings: Mapping[str, Result | CommandError]
    ) -> TakenBack:
        """Give it by what was done, and what came of asking for the way back, at each address."""
        problems = {
            address: _problem_of(ending, done[address]) for address, ending in endings.items()
        }
        ids = {address: result.request_id for address, result in done.items()}
        return cls(ids, {address: why for address, why in problems.items() if why})

    @property
    def all_of_it(self) -> bool:
        """Whether everything is as it was before."""
        return not self.problems

    def standing(self, what: str) -> CommandError:
        """Make the ending where something stands still; ``what`` says why it was to be taken back.

        The commands name one host each: an id need not be the others'.
        """
        where = "; ".join(f"at {address}: {why}" for address, why in self.problems.items())
        backs = "; ".join(
            f"sealwire revert {self.ids[address]}{which_service((address,))}"
            for address in self.problems
        )
        return CommandError(
            Exit.PARTLY, f"{what}, and it could not be taken back {where}", f"take it back: {backs}"
        )


def failed_in(result: Result) -> list[str]:
    """Name the processes in which a request failed that was done in others (rule 1)."""
    if result.outcome is not Decided.APPLIED or result.repeated:
        return []
    return [each.name for each in _failed_rows(result)]


def keep_hint() -> str:
    """Say what is next where something was taken back, because it failed elsewhere."""
    return f"mend what failed; or let it stand where it can: {typed(KEEP)}"


def _problem_of(ending: Result | CommandError, done: Result) -> str:
    """Say why something could not be taken back; ``""`` where it was.

    Args:
        ending: what came of asking for it.
        done: the answer that said that it was done.
    """
    if isinstance(ending, CommandError):
        return ending.error
    if ending.outcome is not Decided.APPLIED:
        return ending.detail or ending.reason or "the service gives no reason"
    if ending.answered_by != done.answered_by:
        # Another host's word that it has nothing of it any more is nothing.
        was, now = (_name(each) for each in (done, ending))
        return f"{now} answers, and not {was}, which had done it and perhaps ended since"
    failed = [each.name for each in _failed_rows(ending)]
    return f"not in {', '.join(failed)}" if failed else ""


def _name(result: Result) -> str:
    return "nobody known" if result.answered_by is None else result.answered_by[1]


def _failed_rows(result: Result) -> list[Instance]:
    rows = instances_of(result)
    return [each for each in rows if each.outcome is Outcome.FAILED and each.detail != STALE]
