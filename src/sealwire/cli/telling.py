"""What a service answered, in words and as JSON, and the exit status that it leads to.

Rules this module keeps:

1. Applied, applied before, refused and failed are told apart, in words and by exit status, because
   the next step differs.
2. Whether the answer is the service's own word is said with it: verified, unverified, unsigned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealwire.cli.endings import CommandError, Exit
from sealwire.cli.hints import FAILED_HINT, hint_for
from sealwire.cli.lastanswer import MAX_REASON_CHARS, short
from sealwire.cli.rows import instances_as_json, say_instances
from sealwire.cli.terminal import printable, say, say_error, say_warning
from sealwire.cli.typed import about, mended, signed_by_more
from sealwire.results import Result, TrailCheck
from sealwire.stages import Outcome
from sealwire.told import Trust

if TYPE_CHECKING:
    from sealwire.cli.terminal import JsonOutput

TRAIL_HINT: Final = (
    "keep the folder receipts beside your settings as evidence, this receipt is in it; copy the "
    "trail from the host before anything is mended there, and look at the copy: sealwire trail "
    "verify COPY --key FILE. Was it begun anew on purpose? forget it: remove receipts/trails.json"
)

_ENDS: Final = {TrailCheck.TAMPERED: Exit.REFUSED, TrailCheck.TRUNCATED: Exit.TRUNCATED}


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


def told(
    result: Result,
    service: str,
    *,
    quiet: bool,
    done: str = "applied",
    sent: str,
    brief: bool = False,
) -> Exit:
    """Say what became of the request.

    Args:
        result: what the service says.
        service: which one that is, in words.
        quiet: say nothing of what is on standard output already.
        done: what to call it where it was done.
        sent: what to call what was sent, for hints.
        brief: of its processes name those alone that have not done it.

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
        partial = say_instances(result, quiet=quiet, brief=brief)
        return ending or partial
    if answer.outcome is Outcome.FAILED:
        say_instances(result, quiet=quiet, brief=brief)
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
