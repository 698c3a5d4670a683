"""``sealwire doctor``: a line for everything that has to be right, with what mends it.

Rules this module keeps:

1. Nothing is changed: a service is asked for its status, and for nothing else. That is not kept as
   the last request, because `sealwire why` is about what somebody wanted.
2. What a service answers may be unsigned. Its report is shown as far as it can be read.
3. The first problem decides the exit status; what is near is looked at before what is far.
"""

from __future__ import annotations

import os
import platform
from typing import TYPE_CHECKING, Final, NamedTuple

import click

import sealwire
from sealwire.cli.beside import look_at_state, look_at_unanswered
from sealwire.cli.causes import LOG_LINE, causes_of_a_silent_refusal
from sealwire.cli.delivering import result_of
from sealwire.cli.endings import CommandError, Exit
from sealwire.cli.findings import (
    Finding,
    Mark,
    look_at_clock,
    look_at_keys,
    problem_of,
    say_findings,
)
from sealwire.cli.hints import hint_for
from sealwire.cli.listening import look_at_address, unreachable
from sealwire.cli.options import timeout_option
from sealwire.cli.passphrases import passphrase_options, with_passphrase
from sealwire.cli.places import places_of
from sealwire.cli.reports import drift_in_words, leases_in_words, text_in, time_in
from sealwire.cli.sealing import config_option, to_option
from sealwire.cli.servicecheck import look_at_service
from sealwire.cli.terminal import flush, say_json, waiting
from sealwire.cli.wording import counted, time_in_words
from sealwire.client import Client
from sealwire.clock import wall_clock_ms
from sealwire.errors import NoAnswerError, SealwireError, TransportError, UntrustedAnswerError
from sealwire.results import read_report
from sealwire.settings import find_operator_settings, load_operator_settings, notes_of
from sealwire.stages import Outcome
from sealwire.told import REFUSED, Trust
from sealwire.transports.addresses import parse_address

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sealwire.cli.terminal import JsonOutput
    from sealwire.settings import OperatorSettings, Target
    from sealwire.stages import Answer

_LIFETIME_S: Final = 60


class Checked(NamedTuple):
    """A finding, of which service it is, and the exit status it leads to if it is a problem."""

    finding: Finding
    service: str = ""
    status: Exit = Exit.LOCAL_FAILURE


@click.command(
    short_help="Look whether everything is as it should be.",
    epilog="""\b
Examples:
  sealwire doctor
  sealwire doctor --to payments@prod --json
  sealwire doctor --service /etc/sealwire/payments@prod/service.toml

\b
Exit status: 0 no problem; otherwise that of the first problem: 1 refused, 3 something on this side
or no connection, 4 no answer.
""",
)
@to_option
@timeout_option
@config_option
@passphrase_options
@click.option(
    "--service",
    metavar="FILE",
    help="On the host: look at the part of the service with these settings instead.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def doctor(
    to: str | None, timeout_s: int, config: str | None, service: str | None, *, as_json: bool
) -> Exit:
    """Look at settings, keys, address, clock and the service's answer; say what is wrong.

    Every known service is asked for its status; nothing is changed. With --service, and as the
    service's user, it looks at what the service would listen with; rules that a program adds in
    Python are not seen.
    """
    if service is not None:
        if to is not None or config is not None:
            raise click.UsageError("--service is for the host; leave --to and --config out")
        checked = [Checked(each) for each in look_at_service(service, os.environ)]
    else:
        checked = list(_operator_side(config, to, timeout_s))
    problems = [each for each in checked if each.finding.mark is Mark.PROBLEM]
    if as_json:
        say_json({"ok": not problems, "checks": [_as_json(each) for each in checked]})
    else:
        several = len({each.service for each in checked if each.service}) > 1
        say_findings([_named(each) if several else each.finding for each in checked])
    if problems:
        flush()  # what was found comes first, also where both outputs are one
        first = problems[0]
        raise CommandError(
            first.status,
            f"{counted(len(problems), 'problem')}, the first of them: {first.finding.name}",
            first.finding.next or "see the lines above",
        )
    return Exit.OK


def _as_json(checked: Checked) -> dict[str, JsonOutput]:
    return {"service": checked.service or None, **checked.finding.as_json()}


def _named(checked: Checked) -> Finding:
    if not checked.service:
        return checked.finding
    return checked.finding._replace(name=f"{checked.service}: {checked.finding.name}")


# ---- the operator's side -------------------------------------------------------------------------


def _operator_side(config: str | None, to: str | None, timeout_s: int) -> Iterator[Checked]:
    try:
        place = find_operator_settings(config, os.environ)
        settings = with_passphrase(load_operator_settings(place.path))
        targets = settings.targets if to is None and settings.targets else (settings.target(to),)
    except SealwireError as error:
        yield Checked(problem_of("settings", error))
        return
    known = counted(len(settings.targets), "service")
    text = f"{place.path} (because of {place.why}): {settings.issuer}, {known}"
    text = ", ".join((text, *notes_of(place.path)))
    yield Checked(Finding(Mark.OK, "settings", text))
    keys = look_at_keys(settings, targets)
    yield from map(Checked, keys)
    yield from map(Checked, look_at_unanswered(settings))
    can_ask = all(each.mark is not Mark.PROBLEM for each in keys)
    for target in targets:
        yield from (Checked(each, target.audience) for each in look_at_state(settings, target))
        try:
            places = places_of(target.addresses, expect=None)
        except CommandError as error:
            found = Finding(Mark.PROBLEM, "address", error.error, error.hint)
            yield Checked(found, target.audience)
            continue
        for address in places.addresses:
            here = target.at(address)
            label = f"{target.audience} at {address}" if places.several else target.audience
            yield from _host(settings, here, timeout_s, label, can_ask=can_ask)


def _host(
    settings: OperatorSettings, target: Target, timeout_s: int, label: str, *, can_ask: bool
) -> Iterator[Checked]:
    """Look at one host of a service, and ask it if that can be done."""
    found, answered = look_at_address(target.address), list[Checked]()
    if can_ask and found.mark is not Mark.PROBLEM:
        try:
            answered = list(_answer(settings, target, timeout_s))
        except TransportError as error:
            found = unreachable(parse_address(target.address), found, error)
    yield Checked(found, label)
    yield from (each._replace(service=label) for each in answered)


def _answer(settings: OperatorSettings, target: Target, timeout_s: int) -> Iterator[Checked]:
    """Ask for the status, and say what came.

    Raises:
        TransportError: nobody could be asked.
    """
    name, whose = "answer", target.audience
    try:
        client = Client.from_settings(
            settings,
            target.audience,
            address=target.address,
            lifetime_s=_LIFETIME_S,
            timeout_s=timeout_s,
        )
        sent_ms = wall_clock_ms()
        with waiting(f"waiting for {target.address}"):
            result = result_of(client.status)
        middle_ms = (sent_ms + wall_clock_ms()) // 2
    except UntrustedAnswerError as error:
        if error.claimed == REFUSED:
            yield Checked(Finding(Mark.PROBLEM, name, str(error), LOG_LINE), whose, Exit.NO_ANSWER)
            for cause in causes_of_a_silent_refusal(settings, target, target.address):
                yield Checked(Finding(Mark.WARNING, "perhaps", cause.cause, cause.check), whose)
            return
        step = (
            "look at the service, on its host; if that has a new receipt key: sealwire trust "
            f"{whose} --key FILE"
        )
        yield Checked(Finding(Mark.PROBLEM, name, str(error), step), whose, Exit.NO_ANSWER)
        return
    except NoAnswerError as error:
        text, step = str(error), "the service may be busy; look whether it runs, and in its log"
        yield Checked(Finding(Mark.PROBLEM, name, text, step), whose, Exit.NO_ANSWER)
        return
    except TransportError:
        raise
    except SealwireError as error:
        yield Checked(problem_of(name, error), whose)
        return
    for each in _of_answer(result.answer, settings, target, middle_ms):
        yield Checked(each, whose, Exit.REFUSED)
    if result.trust is Trust.UNVERIFIED:
        text = f"unverified: it says that it is signed by {result.host}, with key {result.key_id}"
        step = f"trust the host's key: sealwire trust {whose} --key FILE"
        yield Checked(Finding(Mark.WARNING, "receipt", text, step), whose)


def _of_answer(
    answer: Answer, settings: OperatorSettings, target: Target, middle_ms: int
) -> Iterable[Finding]:
    if answer.outcome is not Outcome.APPLIED:
        said = answer.detail and f": {answer.detail}"
        if answer.reason:
            text = f"{answer.outcome.name.lower()}: {answer.reason}{said}"
            return [Finding(Mark.PROBLEM, "answer", text, hint_for(answer.reason))]
        text = f"{answer.outcome.name.lower()}, and no reason is given{said}"
        causes = causes_of_a_silent_refusal(settings, target, target.address)
        return [
            Finding(Mark.PROBLEM, "answer", text, LOG_LINE),
            *(Finding(Mark.WARNING, "perhaps", each.cause, each.check) for each in causes),
        ]
    report = read_report(answer.report)
    if not report:
        text = "the service answers, and says no more because requests to it are encrypted"
        return [Finding(Mark.OK, "answer", text), look_at_clock(target.address, None)]
    found = [_versions(report)]
    now_ms = time_in(report, "now_ms")
    offset_ms = None if now_ms is None else now_ms - middle_ms
    found.append(look_at_clock(target.address, offset_ms))
    found.append(Finding(Mark.OK, "leases", leases_in_words(report)))
    step = f"look at what is in force: sealwire status --to {target.audience}"
    if (until_ms := time_in(report, "confirm_by_ms")) is not None:
        trial = f"a configuration that goes back at {time_in_words(until_ms)} unless confirmed"
        found.append(Finding(Mark.WARNING, "trial", trial, step))
    if drift := drift_in_words(report):
        found.append(Finding(Mark.WARNING, "drift", drift, step))
    return found


def _versions(report: Mapping[str, object]) -> Finding:
    """Say who answers: the instance, its mode, and the versions where it tells them."""
    there, python = text_in(report, "version"), text_in(report, "python")
    parts = [
        f"instance {text_in(report, 'instance') or 'without a name'}",
        *([f"mode {text_in(report, 'mode')}"] if text_in(report, "mode") else []),
        *([f"sealwire {there}"] if there else []),
        *([f"Python {python}"] if python else []),
    ]
    text = ", ".join(parts)
    here = sealwire.__version__
    if there and there != here:
        return Finding(
            Mark.WARNING,
            "answer",
            f"{text}; here it is sealwire {here} on Python {platform.python_version()}",
            'install one version on both sides: pip install "sealwire[cli]"',
        )
    return Finding(Mark.OK, "answer", text)
