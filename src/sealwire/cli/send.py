"""``sealwire send``: seal if need be, deliver, and say what became of it.

Rules this module keeps:

1. Applied, applied before, refused, failed, no connection, and sent but not answered are told
   apart, in words and by exit status, because the next step differs.
2. Whether the answer is the service's own word is said with it: verified, unverified, unsigned.
   Where the service's receipt key is known, what it has not signed counts as no answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from sealwire.cli import unanswered
from sealwire.cli.anatomy import looks_sealed
from sealwire.cli.delivering import Carried, keeping_client, result_of
from sealwire.cli.endings import CommandError, Exit
from sealwire.cli.hints import FAILED_HINT, hint_for
from sealwire.cli.lastanswer import MAX_REASON_CHARS, short
from sealwire.cli.noting import keeping_sealed
from sealwire.cli.options import address_option, json_option, timeout_option
from sealwire.cli.parameters import read_input
from sealwire.cli.passphrases import passphrase_options
from sealwire.cli.rows import instances_as_json, say_instances
from sealwire.cli.sealing import (
    check_document,
    config_option,
    content_type_of,
    lifetime_option,
    operator_settings,
    to_option,
    unchecked_option,
)
from sealwire.cli.terminal import printable, say, say_error, say_json, say_warning
from sealwire.cli.typed import UNFINISHED, about, mended, signed_by_more
from sealwire.cli.unfinished import finished, left_s, parse_unfinished
from sealwire.framing import MAX_FRAME_BYTES
from sealwire.results import Result, TrailCheck
from sealwire.stages import Outcome
from sealwire.told import Trust
from sealwire.unfinished import check_whose, looks_unfinished

if TYPE_CHECKING:
    from sealwire.cli.terminal import JsonOutput


TRAIL_HINT: Final = (
    "keep the folder receipts beside your settings as evidence, this receipt is in it; copy the "
    "trail from the host before anything is mended there, and look at the copy: sealwire trail "
    "verify COPY --key FILE. Was it begun anew on purpose? forget it: remove receipts/trails.json"
)

_ENDS: Final = {TrailCheck.TAMPERED: Exit.REFUSED, TrailCheck.TRUNCATED: Exit.TRUNCATED}


@click.command(
    short_help="Send a configuration or a sealed message.",
    epilog="""\b
Examples:
  sealwire send debug.json
  sealwire send debug.json --to payments@prod --lifetime 1m
  sealwire send debug.sealed --address unix:/run/payments/log.sock
  sealwire send debug.partial
  sealwire send --again

\b
Exit status: 0 applied (now or before), 1 refused or failed, or the host's trail was tampered with,
3 nothing was sent, 4 sent but not answered: it may have been applied, 6 the host's trail was cut.
""",
)
@click.argument("file", required=False)
@click.option(
    "--again",
    is_flag=True,
    help="Send the last message that no answer came to once more, the very same bytes.",
)
@to_option
@address_option
@timeout_option
@lifetime_option
@unchecked_option
@config_option
@passphrase_options
@json_option
def send(
    file: str | None,
    to: str | None,
    address: str | None,
    timeout_s: int,
    lifetime_s: int,
    config: str | None,
    *,
    again: bool,
    unchecked: bool,
    as_json: bool,
) -> Exit:
    """Send a configuration, or a sealed message, and say what became of it.

    FILE is JSON in the form of Python's dictConfig, or INI in that of its fileConfig, which is
    sealed first; or a message that sealwire seal made, which is sent as it is; or an unfinished one
    that others have signed as well (sealwire cosign), which whoever asked for it finishes so; or -
    for standard input.
    """
    file = _what_is_meant(file, config, again=again)
    content = read_input(file, MAX_FRAME_BYTES)
    if looks_unfinished(content):
        unfinished = parse_unfinished(file, content)
        settings = operator_settings(config)
        # First, because whoever only signs knows no service, and is not to be told to add one.
        check_whose(unfinished, settings.issuer)
        client = keeping_client(settings, to or unfinished.claims.aud, address, timeout_s)
        client.lifetime_s = left_s(unfinished)
        sealed = finished(unfinished, client.sealer, file)
        address, audience = client.address, client.sealer.audience
        result = result_of(lambda: client.send(sealed))
    elif looks_sealed(content):
        carried = Carried(config, content, to, address)
        address, audience = carried.address, carried.audience
        with keeping_sealed(config, content, address, file) as keep:
            result = carried.send(timeout_s, file)
            keep(result.answer)
    else:
        settings = operator_settings(config)
        check_document(file, content, unchecked=unchecked)
        client = keeping_client(settings, to, address, timeout_s, lifetime_s)
        address, audience = client.address, client.sealer.audience
        kind = content_type_of(content)
        result = result_of(lambda: client.ask(content, kind))
    if as_json:
        say_json(result_as_json(result, address, audience))
    sent = "the sealed message" if looks_sealed(content) else "the configuration"
    sent = UNFINISHED if looks_unfinished(content) else sent
    return told(result, service_in_words(audience, address), quiet=as_json, sent=sent)


def _what_is_meant(file: str | None, config: str | None, *, again: bool) -> str:
    """Give the file that is to be sent: the one that was named, or what waits for an answer."""
    if not again:
        if file is None:
            raise click.MissingParameter(param_hint="'FILE'", param_type="argument")
        return file
    if file is not None:
        raise click.UsageError("--again sends what waits for an answer; leave FILE out")
    last = unanswered.last_waiting(operator_settings(config).path)
    if last is None:
        raise CommandError(
            Exit.LOCAL_FAILURE,
            "no message waits for an answer, or it has expired",
            "see what became of the last request: sealwire why",
        )
    return str(last)


def service_in_words(audience: str, address: str) -> str:
    """Say which service was asked, and where; ``audience`` is ``""`` where it is not known."""
    return f"{audience or 'the service'} at {printable(address)}"


def result_as_json(result: Result, address: str, audience: str | None) -> dict[str, JsonOutput]:
    """Give what an answer says, but for its report, as ``--json`` prints it."""
    answer = result.answer
    return {
        "outcome": answer.outcome.name.lower(),
        "repeated": answer.repeated,
        "reason": answer.reason,
        "detail": answer.detail,
        "audience": audience,
        "address": address,
        "signed": result.verified,
        "trust": result.trust.value,
        "host": result.host,
        "trail": result.trail.value,
        "alarms": list(result.alarms),
        "instances": instances_as_json(result),
    }


def told(result: Result, service: str, *, quiet: bool, done: str = "applied", sent: str) -> Exit:
    """Say what became of the request.

    Args:
        result: what the service says.
        service: which one that is, in words.
        quiet: say nothing of what is on standard output already.
        done: what to call it where it was done.
        sent: what to call what was sent, for hints.

    Raises:
        CommandError: it was refused, or it failed.
    """
    answer = result.answer
    ending = _say_alarms(result)
    if answer.outcome is Outcome.APPLIED:
        if not quiet and answer.repeated:
            said = f", as {service} says; nothing was done now{_by_whom(result)}"
            say(("had been applied before", "bold green"), (said, ""))
        elif not quiet:
            said = _by_whom(result) or "; the answer is unsigned"
            say((done, "bold green"), (f", as {service} says{said}", ""))
            _say_reduced(result)
        partial = say_instances(result, quiet=quiet)
        return ending or partial
    if answer.outcome is Outcome.FAILED:
        say_instances(result, quiet=quiet)
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
        signed_by_more(answer.detail, sent) or about(hint_for(answer.reason), sent),
    )


def _say_alarms(result: Result) -> Exit:
    """Say what is wrong with the host's record; give the exit status if the request was done."""
    for alarm in result.alarms:
        if result.trail.is_alarm:
            what = f"the record of {printable(result.host)} is not what it was: {alarm}"
            say_error(what, TRAIL_HINT)
        else:
            say_warning(alarm)
    return _ENDS.get(result.trail, Exit.OK)


def _by_whom(result: Result) -> str:
    """Say what speaks for an answer; nothing where nothing does."""
    if result.trust is Trust.VERIFIED:
        return f"; receipt verified ({printable(result.host)})"
    if result.trust is Trust.UNVERIFIED:
        return (
            f"; its receipt is unverified: it says that it is signed by {printable(result.host)}, "
            f"with key {printable(result.key_id)}, which is not known here: sealwire trust"
        )
    return ""


def _say_reduced(result: Result) -> None:
    reduced = () if result.receipt is None else result.receipt.reduced
    for each in reduced:
        say(("less is recorded: ", "yellow"), (printable(each), ""))


def _joined(*parts: str) -> str:
    return ": ".join(part for part in parts if part)
