"""``sealwire send``: seal if need be, deliver, and say what became of it.

Rules this module keeps:

1. Applied, applied before, refused, failed, no connection, and sent but not answered are told
   apart, in words and by exit status, because the next step differs.
2. Whether the answer is the service's own word is said with it: verified, unverified, unsigned.
   Where the service's receipt key is known, what it has not signed counts as no answer.
"""

from __future__ import annotations

import click

from sealwire.cli import unanswered
from sealwire.cli.anatomy import looks_sealed
from sealwire.cli.asking import whom_to_ask
from sealwire.cli.carried import Carried
from sealwire.cli.endings import CommandError, Exit
from sealwire.cli.noting import keeping_sealed
from sealwire.cli.options import addresses_option, expect_option, json_option, timeout_option
from sealwire.cli.parameters import read_input
from sealwire.cli.passphrases import passphrase_options
from sealwire.cli.places import check_expected, places_of
from sealwire.cli.questions import Question
from sealwire.cli.sealing import (
    check_document,
    config_option,
    content_type_of,
    lifetime_option,
    operator_settings,
    to_option,
    unchecked_option,
)
from sealwire.cli.telling import result_as_json, service_in_words, told
from sealwire.cli.terminal import say_json
from sealwire.cli.typed import UNFINISHED
from sealwire.cli.unfinished import Finishing, left_s, parse_unfinished
from sealwire.framing import MAX_FRAME_BYTES
from sealwire.unfinished import check_whose, looks_unfinished


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
3 nothing was sent, 4 sent but not answered: it may have been applied, 5 applied in some processes
or hosts alone, 6 the host's trail was cut.
""",
)
@click.argument("file", required=False)
@click.option(
    "--again",
    is_flag=True,
    help="Send the last message that no answer came to once more, the very same bytes.",
)
@to_option
@addresses_option
@expect_option
@timeout_option
@lifetime_option
@unchecked_option
@config_option
@passphrase_options
@json_option
def send(
    file: str | None,
    to: str | None,
    address: tuple[str, ...],
    expect: int | None,
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
    places = None
    if looks_unfinished(content):
        unfinished = parse_unfinished(file, content)
        settings = operator_settings(config)
        # First, because whoever only signs knows no service, and is not to be told to add one.
        check_whose(unfinished, settings.issuer)
        to, lifetime_s = to or unfinished.claims.aud, left_s(unfinished)
        finishing = Finishing(unfinished, file)
        question = Question(
            lambda client: client.send(finishing.by(client.sealer)),
            "applied",
            UNFINISHED,
            begins=True,
        )
    elif looks_sealed(content):
        carried = Carried(config, content, to, address)
        places = places_of(carried.addresses, expect=expect)
        check_expected(places, expect)
        if not places.several:
            return _carry(carried, config, places.addresses[0], timeout_s, file, as_json=as_json)
        settings, to = carried.settings_for_several(), carried.audience or to
        question = Question(lambda client: client.send(content), "applied", "the sealed message")
    else:
        settings = operator_settings(config)
        check_document(file, content, unchecked=unchecked)
        kind = content_type_of(content)
        question = Question(
            lambda client: client.ask(content, kind), "applied", "the configuration", begins=True
        )
    asked = whom_to_ask(
        settings, to, address, timeout_s, expect=expect, lifetime_s=lifetime_s, places=places
    )
    return asked.ask(question, as_json=as_json)


def _carry(
    carried: Carried, config: str | None, address: str, timeout_s: int, file: str, *, as_json: bool
) -> Exit:
    """Send a sealed message to one host, for which neither settings nor keys are needed."""
    with keeping_sealed(config, carried.sealed, address, file) as keep:
        result = carried.send(address, timeout_s, file)
        keep(result.answer)
    if as_json:
        say_json(result_as_json(result, address, carried.audience))
    service = service_in_words(carried.audience, address)
    return told(result, service, quiet=as_json, sent="the sealed message")


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
