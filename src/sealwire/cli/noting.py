"""Noting what is asked of a service and what becomes of it, for `lastanswer`.

Whoever awaits an answer does so in the block of `keeping`, and hands the answer to what that gives.
What fails before is noted where the command ends, so that nobody takes an older request for it.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from sealwire.cli.anatomy import look_at
from sealwire.cli.endings import CommandError, Exit, ending_of
from sealwire.cli.lastanswer import (
    INTERRUPTED,
    MAX_LOGGERS,
    MAX_NAME_CHARS,
    MAX_PATH_CHARS,
    MAX_REASON_CHARS,
    MAX_TEXT_CHARS,
    NO_ANSWER,
    NO_CONNECTION,
    NOT_SENT,
    SENT,
    UNSIGNED,
    LastAnswer,
    keep_last,
    short,
)
from sealwire.cli.parameters import STDIN
from sealwire.cli.repeating import arguments_typed, option_typed
from sealwire.cli.reports import time_in
from sealwire.cli.unanswered import forget
from sealwire.clock import wall_clock_ms
from sealwire.errors import (
    ConfigurationError,
    NoAnswerError,
    SealwireError,
    TransportError,
    UntrustedAnswerError,
)
from sealwire.requests import Verb
from sealwire.requests.reading import MAX_LENGTH_S
from sealwire.results import read_report
from sealwire.settings import find_operator_settings
from sealwire.told import REFUSED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sealwire.stages import Answer

_ENDS: Final = {
    Exit.LOCAL_FAILURE: NO_CONNECTION,
    Exit.NO_ANSWER: NO_ANSWER,
    Exit.INTERRUPTED: INTERRUPTED,
}


_ASKS: Final = {
    SENT,
    *(each.value for each in (Verb.APPLY, Verb.LEASE, Verb.REVERT, Verb.CONFIRM, Verb.STATUS)),
}
"""Commands that ask a service for something."""

_LENGTHS: Final = {Verb.LEASE.value: "for_s", Verb.APPLY.value: "confirm_within_s"}
"""Under which name a request holds how long it lasts, and a command's parameters do too."""

_NOTED: Final = "sealwire.noted"
"""Where the context of a command says that its request was kept already."""


def asked_with(document: bytes, audience: str, address: str, again: Path | str = "") -> LastAnswer:
    """Describe a request by its document, before it is sent.

    Args:
        document: a configuration, or the document of a request; whatever it is, nothing is raised.
        audience: for which service.
        address: where it is sent.
        again: the file that holds the sealed message.
    """
    verb, length_s = SENT, 0
    named: tuple[str, ...] = ()
    with contextlib.suppress(ValueError, RecursionError):
        read = json.loads(document)
        if isinstance(read, dict):
            verb = str(read.get("verb", SENT))
            inside = read.get("config", read)
            held = inside.get("levels") or inside.get("loggers") if isinstance(inside, dict) else ()
            named = tuple(held) if isinstance(held, dict) else ()
            length_s = _length_s(read)
    return LastAnswer(
        short(verb, MAX_REASON_CHARS),
        short(audience, MAX_NAME_CHARS),
        short(address, MAX_NAME_CHARS),
        tuple(short(name or "root", MAX_NAME_CHARS) for name in named[:MAX_LOGGERS]),
        again=short(str(again), MAX_PATH_CHARS),
        length_s=length_s,
    )


def asked_by(sealed: bytes, audience: str, address: str, again: Path | str) -> LastAnswer:
    """Describe a request by its sealed message, or where that is encrypted by what was typed.

    Args:
        sealed: the message.
        audience: for which service, if the message does not show it.
        address: where it is sent.
        again: the file that holds the message.
    """
    seen = look_at(sealed)
    if seen.claims is not None:
        return asked_with(seen.document, seen.claims.aud, address, again)
    typed = click.get_current_context(silent=True)
    if typed is None:
        return asked_with(b"", audience, address, again)
    verb = Verb.PLAN.value if typed.params.get("dry_run") else str(typed.info_name)
    levels = dict(typed.params.get("levels") or ())
    lengths = {name: typed.params.get(name) or 0 for name in _LENGTHS.values()}
    document = json.dumps({"verb": verb, "levels": levels, **lengths}).encode()
    return asked_with(document, audience, address, again)


@contextlib.contextmanager
def keeping(settings: Path, asked: LastAnswer) -> Iterator[Callable[[Answer], Answer]]:
    """Keep what becomes of a request that is sent inside the block.

    Yields:
        A function that keeps an answer, and gives it back. What is raised instead of an answer is
        kept by itself.
    """

    def keep(answer: Answer) -> Answer:
        keep_last(
            settings,
            replace(
                asked,
                outcome=answer.outcome.name.lower(),
                repeated=answer.repeated,
                reason=short(answer.reason, MAX_REASON_CHARS),
                detail=short(answer.detail, MAX_TEXT_CHARS),
                offset_ms=_offset_ms(answer),
            ),
        )
        return answer

    if (context := click.get_current_context(silent=True)) is not None:
        context.meta[_NOTED] = True
    try:
        yield keep
    except CommandError as ending:
        if outcome := _outcome_of(ending):
            # What follows from it is said by whoever shows it.
            detail = short(ending.error.partition("; ")[0])
            keep_last(settings, replace(asked, outcome=outcome, detail=detail))
        raise
    except TransportError as error:
        outcome = NO_ANSWER if isinstance(error, NoAnswerError) else NO_CONNECTION
        outcome = UNSIGNED if _is_unsigned_refusal(error) else outcome
        keep_last(settings, replace(asked, outcome=outcome, detail=short(str(error))))
        raise
    except KeyboardInterrupt:
        keep_last(settings, replace(asked, outcome=INTERRUPTED, detail="interrupted"))
        raise


def _outcome_of(ending: CommandError) -> str:
    """Say what a command that ends so has come to; ``""`` where that is kept elsewhere."""
    return UNSIGNED if _is_unsigned_refusal(ending.__cause__) else _ENDS.get(ending.status, "")


def _is_unsigned_refusal(error: BaseException | None) -> bool:
    return isinstance(error, UntrustedAnswerError) and error.claimed == REFUSED


@contextlib.contextmanager
def keeping_sealed(
    config: str | None, sealed: bytes, address: str, file: str
) -> Iterator[Callable[[Answer], Answer]]:
    """Do as `keeping` for a message that was sealed before, by what shows of it.

    Whoever carries a message needs no settings; without them nothing is kept.
    """
    settings = None
    with contextlib.suppress(ConfigurationError):
        settings = find_operator_settings(config, os.environ).path
    if settings is None or not os.path.lexists(settings):
        yield lambda answer: answer
        return
    again = "" if file == STDIN else Path(file).absolute()
    with keeping(settings, asked_by(sealed, "", address, again)) as keep:
        yield keep
    # The answer is there, so the message waits for none.
    if isinstance(again, Path):
        forget(settings, again)


def note_failure(error: CommandError | SealwireError) -> None:
    """Keep that the command that runs ends on this side, unless its request was kept already."""
    arguments = arguments_typed()
    ending = error if isinstance(error, CommandError) else ending_of(error)
    noted = click.get_current_context().meta.get(_NOTED)
    if noted or ending.status is not Exit.LOCAL_FAILURE or arguments[0] not in _ASKS:
        return
    with contextlib.suppress(ConfigurationError):
        settings = find_operator_settings(option_typed("--config") or None, os.environ).path
        if os.path.lexists(settings):
            last = LastAnswer(
                arguments[0],
                short(option_typed("--to"), MAX_NAME_CHARS),
                "",
                outcome=NOT_SENT,
                detail=short(ending.error),
                hint=short(ending.hint),
            )
            keep_last(settings, last)


def _length_s(request: dict[str, object]) -> int:
    """Give for how long a lease or a trial is asked for; 0 where it ends by nothing."""
    length_s = request.get(_LENGTHS.get(str(request.get("verb")), ""))
    return length_s if type(length_s) is int and 0 < length_s <= MAX_LENGTH_S else 0


def _offset_ms(answer: Answer) -> int | None:
    """Say how far the service's clock is ahead, if the answer tells its time."""
    now_ms = time_in(read_report(answer.report), "now_ms")
    return None if now_ms is None else now_ms - wall_clock_ms()
