"""What commands share that ask a service for something else than a configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sealwire.cli.delivering import keeping_client, result_of
from sealwire.cli.sealing import operator_settings
from sealwire.cli.send import result_as_json, service_in_words, told
from sealwire.cli.terminal import say, say_json
from sealwire.cli.typed import which_service

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sealwire.cli.endings import Exit
    from sealwire.client import Client
    from sealwire.results import Result


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
        self.audience = self._client.sealer.audience
        self.service = service_in_words(self.audience, self.address)
        """Who is asked, in words: an answer does not say whose it is."""
        self.options = which_service()
        """What has to be behind the next command, so that it asks the same service."""

    def ask(self, request: Callable[[Client], Result]) -> Result:
        """Ask, such as ``lambda client: client.status()``, and give what came of it.

        Raises:
            CommandError: there is no answer, with the step that is next then.
        """
        return result_of(lambda: request(self._client))

    def say_as_json(self, result: Result, **more: bool) -> None:
        """Print an answer with its report, and with ``more``, as one JSON object."""
        said = result_as_json(result, self.address, self.audience)
        said |= {"request_id": result.request_id}
        say_json({**said, **more, "report": dict(result.report)})

    def told(self, result: Result, *, quiet: bool, done: str, configuration: bool = False) -> Exit:
        """Say what became of the request; see `sealwire.cli.send.told`.

        Args:
            result: what the service says.
            quiet: say nothing of what is on standard output already.
            done: what to call it where it was done.
            configuration: whether one was sent.

        Raises:
            CommandError: it was refused, or it failed.
        """
        sent = "the configuration" if configuration else "the request"
        return told(result, self.service, quiet=quiet, done=done, sent=sent)

    def say(
        self,
        result: Result,
        say_it: Callable[[dict[str, Any]], None] | None,
        unsaid: Callable[[], None] | None = None,
        *,
        as_json: bool,
        done: str,
        configuration: bool = False,
        more: Mapping[str, bool] | None = None,
    ) -> Exit:
        """Say what came of the request, as JSON or in words, and give the exit status.

        Args:
            result: what the service says.
            say_it: prints a report; ``None`` where there is none.
            unsaid: prints what is known without one, where requests are encrypted.
            as_json: print one object instead.
            done: what to call it where it was done.
            configuration: whether one was sent.
            more: what stands in the object besides the answer.

        Raises:
            CommandError: it was refused, or it failed.
        """
        if as_json:
            self.say_as_json(result, **(more or {}))
        ending = self.told(result, quiet=as_json, done=done, configuration=configuration)
        if say_it is not None and not as_json:
            show(result, say_it, unsaid)
        return ending


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
        say(("the answer says no more, because requests to this service are encrypted", ""))
        if unsaid is not None:
            unsaid()
        return
    try:
        say_it(report)
    except (AttributeError, KeyError, TypeError, ValueError, IndexError, OverflowError):
        say(("what the answer reports cannot be read", "yellow"))
