"""``sealwire send``: seal if need be, deliver, and say what became of it.

Rules this module keeps:

1. Applied, applied before, refused, failed, no connection, and sent but not answered are told
   apart, in words and by exit status, because the next step differs.
2. A message that was sealed here is on the disk before it is sent, until its answer is there.
3. The answer is unsigned, and is shown as what the service says.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from sealwire.cli import unanswered
from sealwire.cli.anatomy import look_at, looks_sealed
from sealwire.cli.endings import CommandError, Exit
from sealwire.cli.hints import FAILED_HINT, hint_for
from sealwire.cli.lastanswer import MAX_REASON_CHARS, short
from sealwire.cli.noting import asked_by, keeping, keeping_sealed
from sealwire.cli.options import address_option, json_option, timeout_option
from sealwire.cli.parameters import STDIN, read_input
from sealwire.cli.sealing import (
    check_document,
    config_option,
    content_type_of,
    lifetime_option,
    operator_settings,
    target_of,
    to_option,
    unchecked_option,
)
from sealwire.cli.terminal import printable, say, say_json, waiting
from sealwire.cli.typed import about, mended
from sealwire.client import Client
from sealwire.errors import NoAnswerError, TransportError
from sealwire.framing import MAX_FRAME_BYTES
from sealwire.results import RequestError
from sealwire.sealer import DEFAULT_LIFETIME_S
from sealwire.stages import Outcome
from sealwire.transports.addresses import UnixAddress, parse_address
from sealwire.transports.client import deliver

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealwire.cli.terminal import JsonOutput
    from sealwire.results import Result
    from sealwire.settings import OperatorSettings
    from sealwire.stages import Answer

_ELSEWHERE: Final = (
    "is the service running, and is this the address in its settings? start it, or name another "
    "with --address"
)
_NOT_FOR_US: Final = (
    "the socket is for the service's user: send as that user, or let its settings name a group "
    "(socket.group)"
)


@click.command(
    short_help="Send a configuration or a sealed message.",
    epilog="""\b
Examples:
  sealwire send debug.json
  sealwire send debug.json --to payments@prod --lifetime 1m
  sealwire send debug.sealed --address unix:/run/payments/log.sock

\b
Exit status: 0 applied (now or before), 1 refused or failed, 3 nothing was sent,
4 sent but not answered: it may have been applied.
""",
)
@click.argument("file")
@to_option
@address_option
@timeout_option
@lifetime_option
@unchecked_option
@config_option
@json_option
def send(
    file: str,
    to: str | None,
    address: str | None,
    timeout_s: int,
    lifetime_s: int,
    config: str | None,
    *,
    unchecked: bool,
    as_json: bool,
) -> Exit:
    """Send a configuration, or a sealed message, and say what became of it.

    FILE is JSON in the form of Python's dictConfig, or INI in that of its fileConfig, which is
    sealed first; or a message that sealwire seal made, which is sent as it is; or - for standard
    input.
    """
    content = read_input(file, MAX_FRAME_BYTES)
    if looks_sealed(content):
        claims = look_at(content).claims
        audience = "" if claims is None else claims.aud
        if address is None:
            target = target_of(operator_settings(config), to)
            address, audience = target.address, audience or target.audience
        with keeping_sealed(config, content, address, file) as keep:
            answer = keep(deliver_or_say(address, content, timeout_s, again=file))
    else:
        settings = operator_settings(config)
        check_document(file, content, unchecked=unchecked)
        client = keeping_client(settings, to, address, timeout_s, lifetime_s)
        address = client.address
        kind = content_type_of(content)
        sealed = client.sealer.seal(content, content_type=kind, lifetime_s=lifetime_s)
        audience = client.sealer.audience
        answer = result_of(lambda: client.send(sealed)).answer
    if as_json:
        say_json(answer_as_json(answer, address, audience))
    sent = "the sealed message" if looks_sealed(content) else "the configuration"
    return told(answer, service_in_words(audience, address), quiet=as_json, sent=sent)


def keeping_client(
    settings: OperatorSettings,
    to: str | None,
    address: str | None,
    timeout_s: float,
    lifetime_s: int = DEFAULT_LIFETIME_S,
) -> Client:
    """Make a client whose messages are kept until their answer is there (rule 2).

    Raises:
        ConfigurationError: the target is not known, or a key cannot be used.
    """
    audience = target_of(settings, to).audience

    def deliver_kept(address: str, sealed: bytes, /, *, timeout_s: float) -> Answer:
        kept = unanswered.kept(settings.path, audience, sealed, lifetime_s)
        with (
            kept as path,
            keeping(settings.path, asked_by(sealed, audience, address, path)) as keep,
        ):
            return keep(deliver_or_say(address, sealed, timeout_s, again=str(path)))

    return Client.from_settings(
        settings,
        to,
        address=address,
        lifetime_s=lifetime_s,
        timeout_s=timeout_s,
        deliver=deliver_kept,
    )


def result_of(ask: Callable[[], Result]) -> Result:
    """Give what came of a request, whatever that is: what was not done is told as well."""
    try:
        return ask()
    except RequestError as error:
        return error.result


def service_in_words(audience: str, address: str) -> str:
    """Say which service was asked, and where; ``audience`` is ``""`` where it is not known."""
    return f"{audience or 'the service'} at {printable(address)}"


def answer_as_json(answer: Answer, address: str, audience: str) -> dict[str, JsonOutput]:
    """Give what an answer says, but for its report, as ``--json`` prints it."""
    return {
        "outcome": answer.outcome.name.lower(),
        "repeated": answer.repeated,
        "reason": answer.reason,
        "detail": answer.detail,
        "audience": audience,
        "address": address,
        "signed": False,
    }


def deliver_or_say(address: str, sealed: bytes, timeout_s: float, again: str) -> Answer:
    """Send ``sealed``, which stands in the file ``again``; give the answer.

    Raises:
        CommandError: there is none, with the step that is next then.
    """
    command = f"sealwire send {shlex.quote(again)} --address {shlex.quote(address)}"
    if again == STDIN:
        command = f"{command} (with the same bytes)"
    try:
        with waiting(f"waiting for {address}"):
            return deliver(address, sealed, timeout_s=timeout_s)
    except NoAnswerError as error:
        raise CommandError(
            Exit.NO_ANSWER,
            f"{error}; it may have been applied",
            f"send the same sealed message again, which is safe and tells: {command}",
        ) from None
    except KeyboardInterrupt:
        raise CommandError(
            Exit.INTERRUPTED,
            f"{address}: interrupted; it may have been applied",
            f"send the same sealed message again, which is safe and tells: {command}",
        ) from None
    except TransportError as error:
        raise CommandError(Exit.LOCAL_FAILURE, str(error), _way_to(address)) from None


def _way_to(address: str) -> str:
    """Say the next step where nothing could be connected to."""
    target = parse_address(address)
    if not isinstance(target, UnixAddress):
        return _ELSEWHERE
    path = Path(target.path)
    try:
        there = path.exists()
    except PermissionError:
        return _NOT_FOR_US
    if not there:
        return _ELSEWHERE
    if not os.access(path, os.W_OK):
        return _NOT_FOR_US
    return "nothing answers at this socket; start the service again"


def told(answer: Answer, service: str, *, quiet: bool, done: str = "applied", sent: str) -> Exit:
    """Say what became of the request.

    Args:
        answer: what the service says.
        service: which one that is, in words.
        quiet: say nothing of what is on standard output already.
        done: what to call it where it was done.
        sent: what to call what was sent, for hints.

    Raises:
        CommandError: it was refused, or it failed.
    """
    if answer.outcome is Outcome.APPLIED:
        if not quiet and answer.repeated:
            said = f", as {service} says; nothing was done now"
            say(("had been applied before", "bold green"), (said, ""))
        elif not quiet:
            say((done, "bold green"), (f", as {service} says; the answer is unsigned", ""))
        return Exit.OK
    if answer.outcome is Outcome.FAILED:
        what = f"failed, as {service} says"
        if answer.repeated:
            what = f"had failed before, as {service} says, and nothing was done now"
        raise CommandError(
            Exit.REFUSED,
            _joined(what, short(answer.detail)),
            mended(answer.detail) or about(FAILED_HINT, sent),
        )
    told = short(answer.reason, MAX_REASON_CHARS) or "the service gives no reason"
    raise CommandError(
        Exit.REFUSED,
        _joined(f"refused by {service}", told, short(answer.detail)),
        about(hint_for(answer.reason), sent),
    )


def _joined(*parts: str) -> str:
    return ": ".join(part for part in parts if part)
