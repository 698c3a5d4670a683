"""What commands share that ask a service for something else than a configuration."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any, Final

import click

from sealwire.cli import parameters, unanswered
from sealwire.cli.noting import asked_by, keeping
from sealwire.cli.sealing import operator_settings, seal_request
from sealwire.cli.send import deliver_or_say
from sealwire.cli.terminal import say, say_json
from sealwire.requests import Verb, write_request
from sealwire.sealer import DEFAULT_LIFETIME_S
from sealwire.transports.client import DEFAULT_TIMEOUT_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealwire.stages import Answer, Stream

address_option: Final = click.option(
    "--address",
    type=parameters.address,
    metavar="ADDRESS",
    help="Where the service listens, such as unix:/run/payments/log.sock.",
)
timeout_option: Final = click.option(
    "--timeout",
    "timeout_s",
    type=parameters.duration,
    metavar="TIME",
    default=f"{DEFAULT_TIMEOUT_S:.0f}s",
    show_default=True,
    help="How long to wait, the answer included.",
)
why_option: Final = click.option(
    "--why", metavar="TEXT", default="", help="The reason, one line; it is signed and logged."
)
only_option: Final = click.option(
    "--only", metavar="PATTERN", default="", help="For the instances of such a name alone."
)
json_option: Final = click.option(
    "--json", "as_json", is_flag=True, help="Print the answer as one JSON object."
)


class Asked:
    """Where to ask, and in whose name."""

    def __init__(
        self, config: str | None, to: str | None, address: str | None, timeout_s: int
    ) -> None:
        """Load the operator's settings.

        Raises:
            ConfigurationError: there are none, they cannot be used, or the target is not known.
        """
        self.settings = operator_settings(config)
        self.target = self.settings.target(to)
        self.address = address or self.target.address
        self._timeout_s = timeout_s
        named = (("--to", to), ("--address", address), ("--config", config))
        self.options = "".join(f" {name} {shlex.quote(it)}" for name, it in named if it)
        """What has to be behind the next command, so that it asks the same service."""

    def ask(
        self,
        verb: Verb,
        stream: Stream,
        **members: Any,  # noqa: ANN401 - as write_request takes them
    ) -> Answer:
        """Seal a request, send it, and give the answer.

        Raises:
            CommandError: there is none, with the step that is next then.
        """
        document = write_request(verb, **members)
        lifetime_s = DEFAULT_LIFETIME_S
        sealed = seal_request(self.settings, self.target, document, stream, lifetime_s)
        kept = unanswered.kept(self.settings.path, self.target.audience, sealed, lifetime_s)
        with (
            kept as path,
            keeping(
                self.settings.path,
                asked_by(sealed, self.target.audience, self.address, path),
            ) as keep,
        ):
            return keep(deliver_or_say(self.address, sealed, self._timeout_s, again=str(path)))


def report_of(answer: Answer) -> dict[str, Any]:
    """Give what an answer reports; an answer without a report is an empty one."""
    found: dict[str, Any] = {}
    if answer.report:
        # Unsigned, like the rest of the answer: whatever it is, it is shown and not obeyed.
        try:
            read = json.loads(answer.report)
        except ValueError:
            return found
        if isinstance(read, dict):
            return read
    return found


def show(answer: Answer, say_it: Callable[[dict[str, Any]], None]) -> None:
    """Print what an answer reports.

    The answer is unsigned, so whoever sits on the address may have written the report: one that
    is not as it should be is told, and ends nothing.
    """
    report = report_of(answer)
    if not report:
        say(("the answer says no more, because requests to this service are encrypted", ""))
        return
    try:
        say_it(report)
    except (AttributeError, KeyError, TypeError, ValueError, IndexError):
        say(("what the answer reports cannot be read", "yellow"))


def say_answer_as_json(answer: Answer, address: str, **more: bool) -> None:
    """Print an answer with its report, and with ``more``, as one JSON object."""
    say_json(
        {
            "outcome": answer.outcome.name.lower(),
            "repeated": answer.repeated,
            "reason": answer.reason,
            "detail": answer.detail,
            "address": address,
            "signed": False,
            **more,
            "report": report_of(answer),
        }
    )
