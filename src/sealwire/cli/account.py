"""The last request in words: what became of it, why, and what is next.

Rules this module keeps:

1. What the service said is quoted. It may be unsigned, so it chooses no command: the next step
   comes from our own texts, by a reason that we know.
2. Where the service gave no reason, we look at what can be seen from here, and say what is left.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Final, NamedTuple

from sealwire.cli.causes import (
    LOG_LINE,
    Cause,
    causes_of_a_silent_refusal,
    causes_of_no_answer,
    causes_of_no_connection,
)
from sealwire.cli.findings import (
    Finding,
    look_at_clock,
    look_at_keys,
    problem_of,
)
from sealwire.cli.hints import FAILED_HINT, hint_for
from sealwire.cli.lastanswer import (
    INTERRUPTED,
    NO_ANSWER,
    NO_CONNECTION,
    NOT_SENT,
    SENT,
    LastAnswer,
)
from sealwire.cli.listening import look_at_address, look_at_listener
from sealwire.cli.reasons import explain
from sealwire.cli.typed import THRESHOLD
from sealwire.cli.wording import time_in_words
from sealwire.clock import wall_clock_ms
from sealwire.errors import ConfigurationError, Reason
from sealwire.requests import Verb

if TYPE_CHECKING:
    from sealwire.settings import OperatorSettings, Target

REASONS: Final = {reason.value: reason for reason in Reason}
"""Every reason by its name."""

_MEND: Final = "mend the configuration"
_TRY_OFFLINE: Final = (
    "try it offline: sealwire policy check POLICY CONFIG",
    "what it allows, in words: sealwire policy explain POLICY",
)
_VERBS: Final = {verb.value for verb in Verb}
_MEMBER: Final = re.compile(
    r"(?:verb|why|only|levels|for_s|through|replaces|confirm_within_s|id)(?=[.: ])"
)
"""With what the place begins, where a part of a request beside the configuration is meant."""

_POLICY_DETAIL: Final = re.compile(
    r"(?P<rule>[a-z-]+): (?:(?P<where>[^ ]+): )?(?P<value>.*?)(?: \((?P<line>[^()]+:\d+)\))?",
    re.DOTALL,
)


class Told(NamedTuple):
    """All that is known about the last request.

    Attributes:
        last: what was kept of it.
        paragraph: it in words.
        next: the next step; ``""`` where there is nothing to do.
        seen: what was looked at because the service gave no reason.
        causes: what is left then.
    """

    last: LastAnswer
    paragraph: str
    next: str
    seen: list[Finding]
    causes: list[Cause]


def tell(settings: OperatorSettings, last: LastAnswer, options: str = "") -> Told:
    """Say what became of a request.

    Args:
        settings: the operator's.
        last: the request.
        options: what has to be behind a command so that it uses the same settings.
    """
    if len(settings.targets) > 1 and last.audience:
        options = f" --to {shlex.quote(last.audience)}{options}"
    known = REASONS.get(last.reason)
    if last.outcome == NOT_SENT:
        return _unsent(last, options)
    if last.outcome == "applied":
        rest = (
            f"it {_done(last)}. Where lines still do not come, a level of a handler, "
            "propagate or a filter holds them back"
        )
        return Told(last, _paragraph(last, rest), f"sealwire status{options}", [], [])
    if last.outcome == "failed":
        rest = f"it was accepted, and logging could not be changed{_quoted(last)}"
        return Told(last, _paragraph(last, rest), _for(last, FAILED_HINT), [], [])
    if last.outcome == "refused" and last.reason:
        rest = f"it was refused by the check {last.reason}{_quoted(last)}"
        more = _meaning(last, known)
        step = _with_others(last) or _for(last, hint_for(last.reason))
        return Told(last, _paragraph(last, rest, more), step, [], [])
    return _look(settings, last)


def _unsent(last: LastAnswer, options: str) -> Told:
    """Say what kept a command from sending anything."""
    what = last.command or f"sealwire {last.verb}"
    text = (
        f"The last command, of {time_in_words(last.at_ms)}, was: {what}; nothing was sent: "
        f"{last.detail}."
    )
    step = last.hint or f"look whether everything is as it should be: sealwire doctor{options}"
    return Told(last, text, step, [], [])


def _done(last: LastAnswer) -> str:
    """Say how something was done, and whether it has ended by itself since."""
    if last.repeated:
        return "had been done before, so nothing was done, as the service says"
    text = "was done, as the service says"
    if (until_ms := last.until_ms) is None:
        return text
    until, over = time_in_words(until_ms), until_ms <= wall_clock_ms()
    if last.verb == Verb.LEASE.value:
        return f"{text}, for a time that {'was over' if over else 'ends'} at {until}"
    if over:
        return f"{text}, on trial until {until}, and has gone back then unless it was confirmed"
    return f"{text}, on trial until {until}, when it goes back unless it is confirmed before"


def _look(settings: OperatorSettings, last: LastAnswer) -> Told:
    """Say what can be seen from here, and what is left."""
    target = next((each for each in settings.targets if each.audience == last.audience), None)
    seen = [*_keys(settings, target), *_address(last)]
    if last.outcome == NO_CONNECTION:
        rest = f"nothing was sent: {last.detail}"
        causes = list(causes_of_no_connection(last.address, last.command))
    elif last.outcome in {NO_ANSWER, INTERRUPTED}:
        rest = f"it was sent, no answer came, and it may have been done: {last.detail}"
        causes = list(causes_of_no_answer(last))
    else:
        rest = "it was refused, and the service gives no reason"
        more = (
            "A service says why to nobody whose key it has not checked, so that a stranger learns "
            "nothing."
        )
        causes = list(causes_of_a_silent_refusal(settings, target, last.address))
        return Told(last, _paragraph(last, rest, more), LOG_LINE, seen, causes)
    # The first cause is the one that is met most often.
    problem = next((each.next for each in seen if each.next), causes[0].check)
    step = causes[0].check if last.outcome != NO_CONNECTION else problem
    return Told(last, _paragraph(last, rest), step, seen, causes)


def _keys(settings: OperatorSettings, target: Target | None) -> list[Finding]:
    return look_at_keys(settings, () if target is None else (target,))


def _address(last: LastAnswer) -> list[Finding]:
    # Whoever takes no message may still take a connection.
    look = look_at_listener if last.outcome == NO_CONNECTION else look_at_address
    try:
        return [look(last.address), look_at_clock(last.address, last.offset_ms)]
    except ConfigurationError as error:
        return [problem_of("address", error)]


# ---- in words ------------------------------------------------------------------------------------


def _paragraph(last: LastAnswer, rest: str, more: str = "") -> str:
    whom = f" for {last.audience}" if last.audience else ""
    what = "message" if last.verb == SENT else last.verb
    named = f" of {', '.join(last.loggers)}" if last.loggers else ""
    when = time_in_words(last.at_ms)
    article = "an" if what.startswith(tuple("aeiou")) else "a"
    text = (
        f"The last request, of {when}, was {article} {what}{named}{whom} at {last.address}; {rest}."
    )
    return f"{text} {more}".strip()


def _meaning(last: LastAnswer, reason: Reason | None) -> str:
    """Say what the reason means, and what causes it as a rule where the detail leaves that open."""
    if reason is None:
        return "This version does not know that reason."
    text = explain(reason)
    if _is_about_the_request(last):
        return "A part of the request, beside the configuration, is not as it has to be."
    if parts_of(last)["rule"]:
        return f"{text.what.partition('. ')[0].rstrip('.')}."
    return f"{text.what} Usual cause: {text.cause}"


def _is_about_the_request(last: LastAnswer) -> bool:
    """Whether a document was refused for another part than a configuration."""
    is_invalid = last.reason == Reason.DOCUMENT_INVALID.value
    return is_invalid and last.verb in _VERBS and bool(_MEMBER.match(last.detail))


def _quoted(last: LastAnswer) -> str:
    """Give what the service said beside the reason, as its words."""
    if not last.detail:
        return ", and the service says no more (the detail is in its log)"
    parts = parts_of(last)
    if parts["rule"]:
        place = f" at {parts['where']}" if parts["where"] else ""
        line = f", by the line {parts['line']} on the host" if parts["line"] else ""
        return f", rule {parts['rule']}{place}: {parts['value']}{line}"
    return f": {last.detail}"


def parts_of(last: LastAnswer) -> dict[str, str]:
    """Take the detail of a refusal by policy apart: rule, place, value against limit, line."""
    found = _POLICY_DETAIL.fullmatch(last.detail) if last.reason == Reason.POLICY.value else None
    if found is None:
        return {"rule": "", "where": "", "value": last.detail, "line": ""}
    return {name: found[name] or "" for name in ("rule", "where", "value", "line")}


def _with_others(last: LastAnswer) -> str:
    """Give the next step where more people have to sign, or ``""``."""
    if not last.detail.startswith(THRESHOLD):
        return ""
    first = "sealwire seal CONFIG --partial -o FILE"
    if last.command and not last.command.startswith("sealwire send "):
        first = f"{last.command} --partial FILE"
    return f"let others sign it as well: sealwire cosign FILE; FILE is what is made by: {first}"


def _for(last: LastAnswer, hint: str) -> str:
    """Give a hint in terms of the command that was typed."""
    if last.verb == SENT:
        return hint
    if _is_about_the_request(last):
        hint = hint.replace(_MEND, "mend the request")
    if last.verb in {Verb.APPLY.value, Verb.PLAN.value}:
        return hint.replace("sealwire send CONFIG", "sealwire apply FILE")
    hint = hint.replace(*_TRY_OFFLINE)
    command = f"sealwire {last.verb}" if last.verb in _VERBS else "the same command"
    return hint.replace(_MEND, "mend the request").replace("sealwire send CONFIG", command)
