"""What a command asks of a service, and how an answer's report is printed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from sealwire.cli.telling import result_as_json
from sealwire.cli.terminal import say

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sealwire.cli.terminal import JsonOutput
    from sealwire.client import Client
    from sealwire.results import Result


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, of one host or of several, and how its answers are told.

    Attributes:
        request: asks one host, such as ``lambda client: client.status()``.
        done: what to call it where it was done.
        sent: what to call what is sent, for hints.
        say_it: prints a report, and with it commands that have options behind them which name the
            service; ``None`` where there is nothing to print.
        unsaid: prints what is known of an answer without one, where requests are encrypted.
        more: what stands in the JSON object besides an answer.
        cancel: takes back what a request of this id has done; ``None`` where it stays.
        changes: whether something is changed, so that it may have been done where no answer is.
        begins: whether something begins by it that its id ends.
        only: whether it is for some instances alone.
        spared: reasons of a refusal that say that there was nothing to do.
    """

    request: Callable[[Client], Result]
    done: str
    sent: str = "the request"
    say_it: Callable[[dict[str, Any], str], None] | None = None
    unsaid: Callable[[Result, str], None] | None = None
    more: Callable[[Result], Mapping[str, bool]] | None = None
    cancel: Callable[[Client, str], Result] | None = None
    changes: bool = True
    begins: bool = False
    only: bool = False
    spared: frozenset[str] = frozenset()

    def show(self, result: Result, options: str) -> None:
        """Print what an answer reports.

        Args:
            result: the answer.
            options: what a next command has to have behind it, so that it asks the same hosts.
        """
        say_it, unsaid = self.say_it, self.unsaid
        if say_it is None:
            return
        without = None if unsaid is None else partial(unsaid, result, options)
        show(result, lambda report: say_it(report, options), without)

    def as_json(self, result: Result, address: str, audience: str) -> dict[str, JsonOutput]:
        """Give an answer with its report as ``--json`` prints it."""
        more = {} if self.more is None else self.more(result)
        said = result_as_json(result, address, audience) | {"request_id": result.request_id}
        return {**said, **more, "report": dict(result.report)}


def show(
    result: Result,
    say_it: Callable[[dict[str, Any]], None],
    unsaid: Callable[[], None] | None = None,
) -> None:
    """Print what an answer reports.

    The answer may be unsigned, so whoever sits on the address may have written the report: one that
    is not as it should be is told, and ends nothing.

    Args:
        result: what the service says.
        say_it: prints a report.
        unsaid: prints what is known without one, where requests are encrypted.
    """
    answer, report = result.answer, dict(result.report)
    if answer.report and not report:
        say(("what the answer reports cannot be read", "yellow"))
        return
    if not report:
        if not result.repeated:
            # A copy of what was done before is answered without a report anyway.
            say(("the answer says no more, because requests to this service are encrypted", ""))
        if unsaid is not None:
            unsaid()
        return
    try:
        say_it(report)
    except (AttributeError, KeyError, TypeError, ValueError, IndexError, OverflowError):
        say(("what the answer reports cannot be read", "yellow"))
