"""What became of an operator's last request, kept beside the settings for ``sealwire why``.

Rules this module keeps:

1. One request is kept, of bounded size and with nothing secret: for which service, what it asked
   for, when, and what the answer said. The message itself is not in it.
2. What a service says is kept as the text that it is, cut to a length. It is unsigned.
3. The file is replaced in one step and its owner alone can read it. Where it cannot be written the
   request is none the worse for it, so nothing is said.
4. A read that was answered takes no change's place: whoever looks at the status after a refusal
   still wants to know about the refusal.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from sealwire.cli.anatomy import look_at
from sealwire.cli.endings import CommandError, Exit
from sealwire.cli.parameters import STDIN
from sealwire.cli.reports import now_ms_in, read_report
from sealwire.clock import wall_clock_ms
from sealwire.documents import JsonValue, canonical_json, read_json
from sealwire.errors import (
    ConfigurationError,
    MalformedError,
    NoAnswerError,
    SealwireError,
    TransportError,
)
from sealwire.keyfiles import read_checked, write_checked
from sealwire.requests import Verb
from sealwire.settings import find_operator_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sealwire.stages import Answer

FORMAT: Final = "sealwire-last-answer-1"
MAX_BYTES: Final = 64 * 1024
"""What is below has at most 32 names of 200 characters, and few other texts."""

MAX_LOGGERS: Final = 32
MAX_NAME_CHARS: Final = 200
MAX_REASON_CHARS: Final = 64
MAX_PATH_CHARS: Final = 4096
MAX_TEXT_CHARS: Final = 600
"""More than `answers.MAX_DETAIL_CHARS`, which an honest service keeps to."""

SENT: Final = "send"
"""What is asked for by a message without a verb: a configuration, or one that was sealed before."""

NO_CONNECTION, NO_ANSWER, INTERRUPTED = "no-connection", "no-answer", "interrupted"
_ENDS: Final = {
    Exit.LOCAL_FAILURE: NO_CONNECTION,
    Exit.NO_ANSWER: NO_ANSWER,
    Exit.INTERRUPTED: INTERRUPTED,
}
_READS: Final = {Verb.STATUS.value, Verb.PLAN.value}


@dataclass(frozen=True, slots=True)
class LastAnswer:
    """A request, and what became of it.

    Attributes:
        verb: what was asked for; `SENT` for a configuration without a verb.
        audience: the service; ``""`` where the message does not show it.
        address: where it was sent.
        loggers: which loggers it named, as far as there is room.
        again: the file with the message, for sending it again; ``""`` where there is none.
        at_ms: when it ended, milliseconds since the epoch.
        outcome: the answer's, or `NO_CONNECTION`, `NO_ANSWER` or `INTERRUPTED`.
        repeated: whether the answer was about an earlier copy.
        reason: the answer's; ``""`` where it gives none.
        detail: the answer's, or our own words where there is none.
        offset_ms: how far the service's clock was ahead of ours; ``None`` where it never said.
    """

    verb: str
    audience: str
    address: str
    loggers: tuple[str, ...] = ()
    again: str = ""
    at_ms: int = 0
    outcome: str = ""
    repeated: bool = False
    reason: str = ""
    detail: str = ""
    offset_ms: int | None = None

    @property
    def answered(self) -> bool:
        """Whether there was an answer."""
        return self.outcome not in _ENDS.values()


def path_of(settings: Path) -> Path:
    """Say where the last answer is kept, beside the operator's settings."""
    return settings.with_name(f"{settings.stem}-last.json")


def asked_with(document: bytes, audience: str, address: str, again: Path | str = "") -> LastAnswer:
    """Describe a request by its document, before it is sent.

    Args:
        document: a configuration, or the document of a request; whatever it is, nothing is raised.
        audience: for which service.
        address: where it is sent.
        again: the file that holds the sealed message.
    """
    verb = SENT
    named: tuple[str, ...] = ()
    with contextlib.suppress(ValueError, RecursionError):
        read = json.loads(document)
        if isinstance(read, dict):
            verb = str(read.get("verb", SENT))
            inside = read.get("config", read)
            held = inside.get("levels") or inside.get("loggers") if isinstance(inside, dict) else ()
            named = tuple(held) if isinstance(held, dict) else ()
    return LastAnswer(
        _short(verb, MAX_REASON_CHARS),
        _short(audience, MAX_NAME_CHARS),
        _short(address, MAX_NAME_CHARS),
        tuple(_short(name or "root", MAX_NAME_CHARS) for name in named[:MAX_LOGGERS]),
        _short(str(again), MAX_PATH_CHARS),
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
    document = json.dumps({"verb": verb, "levels": levels}).encode()
    return asked_with(document, audience, address, again)


@contextlib.contextmanager
def keeping(settings: Path, asked: LastAnswer) -> Iterator[Callable[[Answer], Answer]]:
    """Keep what becomes of a request that is sent inside the block.

    Yields:
        A function that keeps an answer, and gives it back. What is raised instead of an answer is
        kept by itself.
    """

    def keep(answer: Answer) -> Answer:
        _keep(
            settings,
            replace(
                asked,
                outcome=answer.outcome.name.lower(),
                repeated=answer.repeated,
                reason=_short(answer.reason, MAX_REASON_CHARS),
                detail=_short(answer.detail, MAX_TEXT_CHARS),
                offset_ms=_offset_ms(answer),
            ),
        )
        return answer

    try:
        yield keep
    except CommandError as ending:
        if outcome := _ENDS.get(ending.status):
            # What follows from it is said by whoever shows it.
            detail = _short(ending.error.partition("; ")[0])
            _keep(settings, replace(asked, outcome=outcome, detail=detail))
        raise
    except TransportError as error:
        outcome = NO_ANSWER if isinstance(error, NoAnswerError) else NO_CONNECTION
        _keep(settings, replace(asked, outcome=outcome, detail=_short(str(error))))
        raise
    except KeyboardInterrupt:
        _keep(settings, replace(asked, outcome=INTERRUPTED, detail="interrupted"))
        raise


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
    if settings is None or not settings.exists():
        yield lambda answer: answer
        return
    again = "" if file == STDIN else Path(file).absolute()
    with keeping(settings, asked_by(sealed, "", address, again)) as keep:
        yield keep


def load_last(settings: Path) -> LastAnswer | None:
    """Give what became of the last request; ``None`` if there was none.

    Raises:
        ConfigurationError: the file cannot be read, others can write it, or it is not ours.
    """
    path = path_of(settings)
    if not os.path.lexists(path):
        return None
    content = read_checked(
        path, max_bytes=MAX_BYTES, error=ConfigurationError, missing="send a request"
    ).content
    with contextlib.suppress(MalformedError):
        last = _last_of(read_json(content))
        if last is not None:
            return last
    raise ConfigurationError(
        f"{path} is not what sealwire keeps there; remove it: rm {shlex.quote(str(path))}"
    )


def _keep(settings: Path, last: LastAnswer) -> None:
    last = replace(last, at_ms=wall_clock_ms())
    # Rule 3: what was asked for has ended already, well or not.
    with contextlib.suppress(SealwireError):
        before = None
        with contextlib.suppress(ConfigurationError):
            before = load_last(settings)
        if before is not None:
            last = _after(before, last)
        write_checked(
            path_of(settings), _written(last), mode=0o600, force=True, error=ConfigurationError
        )


def _after(before: LastAnswer, last: LastAnswer) -> LastAnswer:
    """Give what is to be kept: see rule 4; what is known of a service's clock stays known."""
    offset_ms = last.offset_ms
    if offset_ms is None and before.audience == last.audience:
        offset_ms = before.offset_ms
    if last.verb in _READS and last.outcome == "applied":
        if before.audience != last.audience:
            return before
        return replace(before, offset_ms=offset_ms)
    return replace(last, offset_ms=offset_ms)


def _offset_ms(answer: Answer) -> int | None:
    """Say how far the service's clock is ahead, if the answer tells its time."""
    now_ms = now_ms_in(read_report(answer.report))
    return None if now_ms is None else now_ms - wall_clock_ms()


def _short(text: str, limit: int = MAX_TEXT_CHARS) -> str:
    text = text.encode(errors="backslashreplace").decode()
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _written(last: LastAnswer) -> bytes:
    members: dict[str, JsonValue] = {"format": FORMAT}
    for field in fields(last):
        value = getattr(last, field.name)
        members[field.name] = list(value) if isinstance(value, tuple) else value
    return canonical_json(members) + b"\n"


def _last_of(document: dict[str, JsonValue]) -> LastAnswer | None:
    """Take a document as what was kept, or give ``None``."""
    names = {field.name for field in fields(LastAnswer)}
    if document.pop("format", None) != FORMAT or document.keys() != names:
        return None
    loggers = document.pop("loggers")
    numbers = [document.pop("at_ms"), document.pop("offset_ms"), document.pop("repeated")]
    if not isinstance(loggers, list) or not all(isinstance(each, str) for each in loggers):
        return None
    if not all(isinstance(each, str) for each in document.values()):
        return None
    at_ms, offset_ms, repeated = numbers
    if type(at_ms) is not int or type(repeated) is not bool:
        return None
    if type(offset_ms) not in {int, type(None)}:
        return None
    texts = {name: str(value) for name, value in document.items()}
    return LastAnswer(
        **texts,
        loggers=tuple(map(str, loggers)),
        at_ms=at_ms,
        repeated=repeated,
        offset_ms=offset_ms if isinstance(offset_ms, int) else None,
    )
