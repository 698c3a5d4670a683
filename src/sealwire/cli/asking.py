"""What commands share that ask a service for something else than a configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sealwire.cli.sealing import operator_settings
from sealwire.cli.send import answer_as_json, answer_to, keeping_client
from sealwire.cli.terminal import say, say_json
from sealwire.cli.typed import which_service
from sealwire.results import read_report

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealwire.client import Client
    from sealwire.results import Result
    from sealwire.stages import Answer


class Asked:
    """Where to ask, and in whose name."""

    def __init__(
        self, config: str | None, to: str | None, address: str | None, timeout_s: int
    ) -> None:
        """Load the operator's settings and keys.

        Raises:
            ConfigurationError: there are none, they cannot be used, or the target is not known.
        """
        self._client = keeping_client(operator_settings(config), to, address, timeout_s)
        self.address = self._client.address
        self.options = which_service()
        """What has to be behind the next command, so that it asks the same service."""

    def ask(self, request: Callable[[Client], Result]) -> Answer:
        """Ask, such as ``lambda client: client.status()``, and give the answer.

        Raises:
            CommandError: there is none, with the step that is next then.
        """
        return answer_to(lambda: request(self._client))


def report_of(answer: Answer) -> dict[str, Any]:
    """Give what an answer reports; an answer without a report is an empty one."""
    return read_report(answer.report)


def show(answer: Answer, say_it: Callable[[dict[str, Any]], None]) -> None:
    """Print what an answer reports.

    The answer is unsigned, so whoever sits on the address may have written the report: one that
    is not as it should be is told, and ends nothing.
    """
    report = report_of(answer)
    if answer.report and not report:
        say(("what the answer reports cannot be read", "yellow"))
        return
    if not report:
        say(("the answer says no more, because requests to this service are encrypted", ""))
        return
    try:
        say_it(report)
    except (AttributeError, KeyError, TypeError, ValueError, IndexError, OverflowError):
        say(("what the answer reports cannot be read", "yellow"))


def say_answer_as_json(answer: Answer, address: str, **more: bool) -> None:
    """Print an answer with its report, and with ``more``, as one JSON object."""
    say_json({**answer_as_json(answer, address), **more, "report": report_of(answer)})
